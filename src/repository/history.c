/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history: what was told about a member, and what has to be told now.
 *
 * The rows are a log: nothing in it is ever changed. Each is of a track (tier, settlements, level …)
 * and tells of its track only. Read from its beginning, a track says at every point what was believed
 * then: a row adds a transition, a RETRACTED row takes back every transition of its track told before
 * it that took effect at its instant or later. A late entry that changes the past therefore appends
 * one RETRACTED row for each track that it changes and after them, marked as restated, the
 * transitions that hold now, all tracks together in the order of the fold. Each row is told by the
 * outbox, too.
 */
#include "repository/inner.h"

#include "domain/checkpoint.h"

/* Stored beside the numbers of enum transition_kind. */
#define HISTORY_RETRACTED 100 /* + track; alone, from schema 1: the tier's */

/* 0: the row is no retraction. */
static enum track retracted_track(const struct history_row *row)
{
	if (row->kind < HISTORY_RETRACTED) {
		return 0;
	}
	return row->kind == HISTORY_RETRACTED ? TRACK_TIER
					      : (enum track)(row->kind - HISTORY_RETRACTED);
}

static enum track track_of(const struct history_row *row)
{
	enum track track = retracted_track(row);

	if (track == 0) {
		track = transition_track((enum transition_kind)row->kind);
	}
	return track < TRACK_END ? track : 0;
}

struct member_transition told_transition(const struct history_row *row)
{
	bool retracted = retracted_track(row) != 0;

	return (struct member_transition){
		.transition = {.effective_at = row->effective_at,
			       .kind = retracted ? 0 : (enum transition_kind)row->kind,
			       .from = row->from_tier,
			       .to = row->to_tier,
			       .points = row->points,
			       .policy_version = row->policy_version},
		.track = track_of(row),
		.known_at = row->known_at,
		.restated = row->restated,
		.retracted = retracted};
}

/* ---- what is told on request ---- */

/* Of all rows in turn it keeps `most` from number `first` on. */
struct page_of_rows {
	struct member_transition *rows;
	uint32_t kinds; /* bits; 0: those of the tier's track */
	size_t first, most, seen, n;
	bool goes_on;
};

bool transition_wanted(uint32_t kinds, const struct member_transition *row)
{
	if (kinds == 0) {
		return row->track == TRACK_TIER;
	}
	for (int kind = TRANSITION_UPGRADE; row->retracted && kind <= TRANSITION_STATE; kind++) {
		if ((kinds & UINT32_C(1) << kind) != 0 &&
		    transition_track((enum transition_kind)kind) == row->track) {
			return true;
		}
	}
	return !row->retracted && (kinds & UINT32_C(1) << row->transition.kind) != 0;
}

static void put_row(struct page_of_rows *page, const struct member_transition *row)
{
	if (!transition_wanted(page->kinds, row) || page->seen++ < page->first) {
		return;
	}
	if (page->n < page->most) {
		page->rows[page->n++] = *row;
	} else {
		page->goes_on = true;
	}
}

static enum mb_code put_told(struct store_view *view, const struct member *member,
			     struct page_of_rows *page, struct arena *scratch, struct mb_err *err)
{
	struct history_row *rows = NULL;
	size_t n = 0;
	enum mb_code code = store_list_history(view, member->member_id, scratch, &rows, &n, err);

	for (size_t i = 0; code == MB_OK && i < n; i++) {
		if (rows[i].known_at <= member->axes.known_at &&
		    rows[i].effective_at <= member->axes.as_of) {
			const struct member_transition row = told_transition(&rows[i]);

			put_row(page, &row);
		}
	}
	return code;
}

static void put_folded(const struct fold *fold, struct page_of_rows *page)
{
	for (size_t i = 0; i < fold->n_history; i++) {
		const struct member_transition row = {
			.transition = fold->history[i],
			.track = transition_track(fold->history[i].kind)};

		put_row(page, &row);
	}
}

/* Beside the first page: overrides of the fold, the newest MEMBER_OVERRIDES_MAX. */
static enum mb_code put_overrides(const struct fold *fold, struct arena *arena, struct member *out,
				  struct mb_err *err)
{
	struct page_of_rows page = {.kinds = UINT32_C(1) << TRANSITION_OVERRIDE};

	put_folded(fold, &page);
	page = (struct page_of_rows){
		.rows = arena_array(arena, MEMBER_OVERRIDES_MAX, sizeof(*page.rows)),
		.kinds = page.kinds,
		.first = page.seen > MEMBER_OVERRIDES_MAX ? page.seen - MEMBER_OVERRIDES_MAX : 0,
		.most = MEMBER_OVERRIDES_MAX};
	if (page.rows == NULL) {
		return arena_fail(arena, err);
	}
	put_folded(fold, &page);
	out->overrides = page.rows;
	out->n_overrides = page.n;
	return MB_OK;
}

enum mb_code describe_history(struct store_view *view, const struct fold *fold,
			      const struct repository_read *req, struct arena *scratch,
			      struct member *out, struct mb_err *err)
{
	struct page_of_rows page = {
		.rows = arena_array(req->call.arena, req->history_most, sizeof(*page.rows)),
		.kinds = req->history_kinds,
		.first = req->history_first,
		.most = req->history_most};
	enum mb_code code = MB_OK;

	if (page.rows == NULL) {
		return arena_fail(req->call.arena, err);
	}
	if ((req->parts & MEMBER_TOLD) != 0) {
		code = put_told(view, out, &page, scratch, err);
	} else {
		put_folded(fold, &page);
	}
	out->history = page.rows;
	out->n_history = page.n;
	out->history_goes_on = page.goes_on;
	if (code == MB_OK && req->history_first == 0) {
		code = put_overrides(fold, req->call.arena, out, err);
	}
	return code;
}

/* ---- what has to be told ---- */

/* The rows of one track that hold, by effective_at. */
struct told {
	const struct history_row **rows;
	size_t n;
	size_t holding; /* so many of them the fold says, too */
	size_t passed; /* transitions of the fold that were looked at */
	bool restated; /* others are taken back */
};

static enum mb_code read_told(struct store_view *view, int64_t member_id, struct arena *arena,
			      struct told tracks[TRACK_END], struct mb_err *err)
{
	struct history_row *rows = NULL;
	size_t n = 0;
	enum mb_code code = store_list_history(view, member_id, arena, &rows, &n, err);

	/* what a newer memberd told of a track that we do not know is left alone in number 0 */
	for (int track = 0; code == MB_OK && track < TRACK_END; track++) {
		tracks[track] =
			(struct told){.rows = arena_array(arena, n, sizeof(*tracks[track].rows))};
		if (tracks[track].rows == NULL) {
			code = arena_fail(arena, err);
		}
	}
	for (size_t i = 0; code == MB_OK && i < n; i++) {
		struct told *told = &tracks[track_of(&rows[i])];

		if (retracted_track(&rows[i]) == 0) {
			told->rows[told->n++] = &rows[i];
			continue;
		}
		while (told->n > 0 &&
		       told->rows[told->n - 1]->effective_at >= rows[i].effective_at) {
			told->n--;
		}
	}
	return code;
}

static bool same(const struct history_row *row, const struct transition *transition)
{
	return row->effective_at == transition->effective_at &&
	       row->kind == (int32_t)transition->kind && row->from_tier == transition->from &&
	       row->to_tier == transition->to && row->points == transition->points &&
	       row->policy_version == transition->policy_version;
}

/* Where fold and log part; moved back to the first transition of its instant, because retracting
 * takes back whole instants. */
static void find_parting(struct told tracks[TRACK_END], const struct fold *fold)
{
	for (size_t i = 0; i < fold->n_history; i++) {
		struct told *told = &tracks[transition_track(fold->history[i].kind)];

		if (told->holding == told->passed && told->holding < told->n &&
		    same(told->rows[told->holding], &fold->history[i])) {
			told->holding++;
		}
		told->passed++;
	}
	for (int track = TRACK_TIER; track < TRACK_END; track++) {
		struct told *told = &tracks[track];

		told->restated = told->holding < told->n;
		while (told->restated && told->holding > 0 &&
		       told->rows[told->holding - 1]->effective_at ==
			       told->rows[told->holding]->effective_at) {
			told->holding--;
		}
		told->passed = 0;
	}
}

static enum mb_code tell_row(struct store_view *view, int64_t revision,
			     const struct history_row *row, struct mb_err *err)
{
	struct outbox_row out = {.member_id = row->member_id,
				 .revision = revision,
				 .kind = OUTBOX_TOLD,
				 .effective_at = row->effective_at};
	enum mb_code code = store_add_history(view, row, &out.history_seq, err);

	return code == MB_OK ? store_add_outbox(view, &out, err) : code;
}

static enum mb_code retract(struct store_view *view, const struct member_row *member,
			    enum track track, const struct history_row *first, struct mb_err *err)
{
	const struct history_row row = {.member_id = member->member_id,
					.kind = HISTORY_RETRACTED + (int32_t)track,
					.restated = true,
					.from_tier = first->from_tier,
					.to_tier = first->from_tier,
					.policy_version = first->policy_version,
					.effective_at = first->effective_at};

	return tell_row(view, member->revision, &row, err);
}

static enum mb_code tell_transition(struct store_view *view, const struct member_row *member,
				    const struct transition *transition, bool restated,
				    struct mb_err *err)
{
	const struct history_row row = {.member_id = member->member_id,
					.kind = (int32_t)transition->kind,
					.restated = restated,
					.from_tier = transition->from,
					.to_tier = transition->to,
					.points = transition->points,
					.policy_version = transition->policy_version,
					.effective_at = transition->effective_at};

	return tell_row(view, member->revision, &row, err);
}

/* What was told of before a checkpoint stands: the fold begins there. */
static void leave_before(struct told tracks[TRACK_END], int64_t at)
{
	for (int track = 0; track < TRACK_END; track++) {
		struct told *told = &tracks[track];
		size_t n = 0;

		while (n < told->n && told->rows[n]->effective_at < at) {
			n++;
		}
		told->rows += n;
		told->n -= n;
	}
}

enum mb_code tell_history(struct store_view *view, const struct ledger *ledger,
			  const struct fold *fold, struct mb_err *err)
{
	const struct member_row *member = &ledger->row;
	struct told tracks[TRACK_END];
	enum mb_code code = read_told(view, member->member_id, ledger->arena, tracks, err);

	if (code != MB_OK) {
		return code;
	}
	if (ledger->base != NULL) {
		leave_before(tracks, ledger->base->at);
	}
	find_parting(tracks, fold);
	for (int track = TRACK_TIER; code == MB_OK && track < TRACK_END; track++) {
		const struct told *told = &tracks[track];

		if (told->restated) {
			code = retract(view, member, (enum track)track, told->rows[told->holding],
				       err);
		}
	}
	for (size_t i = 0; code == MB_OK && i < fold->n_history; i++) {
		struct told *told = &tracks[transition_track(fold->history[i].kind)];

		if (told->passed++ >= told->holding) {
			code = tell_transition(view, member, &fold->history[i], told->restated,
					       err);
		}
	}
	return code;
}
