/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history: what was told about a member's tier, and what has to be told now.
 *
 * The rows are a log: nothing in it is ever changed. Read from its beginning, it says at every point
 * what was believed then: a row adds a transition, a RETRACTED row takes back every transition told
 * before it that took effect at its instant or later. A late entry that changes the past therefore
 * appends one RETRACTED row and after it, marked as restated, the transitions that hold now.
 */
#include "repository/inner.h"

#define HISTORY_RETRACTED 100 /* beside enum transition_kind, whose numbers are stored, too */

/* ---- what is told on request ---- */

/* Of all rows in turn it keeps `most` from number `first` on. */
struct page_of_rows {
	struct member_transition *rows;
	size_t first, most, seen;
	struct member *out;
};

static void put_row(struct page_of_rows *page, struct member_transition row)
{
	if (page->seen++ < page->first) {
		return;
	}
	if (page->out->n_history < page->most) {
		page->rows[page->out->n_history++] = row;
	} else {
		page->out->history_goes_on = true;
	}
}

static struct member_transition told_row(const struct history_row *row)
{
	bool retracted = row->kind == HISTORY_RETRACTED;

	return (struct member_transition){
		.transition = {.effective_at = row->effective_at,
			       .kind = retracted ? 0 : (enum transition_kind)row->kind,
			       .from = (enum tier)row->from_tier,
			       .to = (enum tier)row->to_tier,
			       .points = row->points,
			       .policy_version = row->policy_version},
		.known_at = row->known_at,
		.restated = row->restated,
		.retracted = retracted};
}

static enum mb_code describe_told(struct store_view *view, struct page_of_rows *page,
				  struct arena *scratch, struct mb_err *err)
{
	const struct axes *axes = &page->out->axes;
	struct history_row *rows = NULL;
	size_t n = 0;
	enum mb_code code = store_list_history(view, page->out->member_id, scratch, &rows, &n, err);

	for (size_t i = 0; code == MB_OK && i < n; i++) {
		if (rows[i].known_at <= axes->known_at && rows[i].effective_at <= axes->as_of) {
			put_row(page, told_row(&rows[i]));
		}
	}
	return code;
}

enum mb_code describe_history(struct store_view *view, const struct fold *fold,
			      const struct repository_read *req, struct arena *scratch,
			      struct member *out, struct mb_err *err)
{
	struct page_of_rows page = {
		.rows = arena_array(req->call.arena, req->history_most, sizeof(*page.rows)),
		.first = req->history_first,
		.most = req->history_most,
		.out = out};

	if (page.rows == NULL) {
		return arena_fail(req->call.arena, err);
	}
	out->history = page.rows;
	if ((req->parts & MEMBER_TOLD) != 0) {
		return describe_told(view, &page, scratch, err);
	}
	for (size_t i = 0; i < fold->n_history; i++) {
		put_row(&page, (struct member_transition){.transition = fold->history[i]});
	}
	return MB_OK;
}

/* ---- what has to be told ---- */

struct told {
	const struct history_row **rows; /* that hold, by effective_at */
	size_t n;
};

static enum mb_code read_told(struct store_view *view, int64_t member_id, struct arena *arena,
			      struct told *out, struct mb_err *err)
{
	struct history_row *rows = NULL;
	size_t n = 0;
	enum mb_code code = store_list_history(view, member_id, arena, &rows, &n, err);

	if (code != MB_OK) {
		return code;
	}
	*out = (struct told){arena_array(arena, n, sizeof(const struct history_row *)), 0};
	if (out->rows == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; i < n; i++) {
		if (rows[i].kind != HISTORY_RETRACTED) {
			out->rows[out->n++] = &rows[i];
			continue;
		}
		while (out->n > 0 && out->rows[out->n - 1]->effective_at >= rows[i].effective_at) {
			out->n--;
		}
	}
	return MB_OK;
}

static bool same(const struct history_row *row, const struct transition *transition)
{
	return row->effective_at == transition->effective_at &&
	       row->kind == (int32_t)transition->kind &&
	       row->from_tier == (int32_t)transition->from &&
	       row->to_tier == (int32_t)transition->to && row->points == transition->points &&
	       row->policy_version == transition->policy_version;
}

/* Where fold and log part; moved back to the first transition of its instant, because retracting
 * takes back whole instants. */
static size_t find_parting(const struct told *told, const struct fold *fold)
{
	size_t i = 0;

	while (i < told->n && i < fold->n_history && same(told->rows[i], &fold->history[i])) {
		i++;
	}
	if (i < told->n) {
		while (i > 0 && told->rows[i - 1]->effective_at == told->rows[i]->effective_at) {
			i--;
		}
	}
	return i;
}

static enum mb_code retract(struct store_view *view, int64_t member_id, const struct told *told,
			    size_t from, int64_t now, struct mb_err *err)
{
	const struct history_row *first = told->rows[from];
	const struct history_row row = {.member_id = member_id,
					.kind = HISTORY_RETRACTED,
					.restated = true,
					.from_tier = first->from_tier,
					.to_tier = first->from_tier,
					.policy_version = first->policy_version,
					.effective_at = first->effective_at,
					.known_at = now};

	int64_t seq;

	return store_add_history(view, &row, &seq, err);
}

enum mb_code tell_history(struct store_view *view, int64_t member_id, const struct fold *fold,
			  int64_t now, struct arena *arena, struct mb_err *err)
{
	struct told told;
	enum mb_code code = read_told(view, member_id, arena, &told, err);
	size_t from;
	bool restated;

	if (code != MB_OK) {
		return code;
	}
	from = find_parting(&told, fold);
	restated = from < told.n;
	if (restated) {
		code = retract(view, member_id, &told, from, now, err);
	}
	for (size_t i = from; code == MB_OK && i < fold->n_history; i++) {
		const struct transition *transition = &fold->history[i];
		const struct history_row row = {.member_id = member_id,
						.kind = (int32_t)transition->kind,
						.restated = restated,
						.from_tier = (int32_t)transition->from,
						.to_tier = (int32_t)transition->to,
						.points = transition->points,
						.policy_version = transition->policy_version,
						.effective_at = transition->effective_at,
						.known_at = now};

		int64_t seq;

		code = store_add_history(view, &row, &seq, err);
	}
	return code;
}
