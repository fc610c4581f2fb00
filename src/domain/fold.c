/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to t the steps of the timeline make history; from there on the same steps make the schedule.
 */
#include "domain/fold.h"

#include "domain/calendar.h"
#include "domain/counts.h"
#include "domain/money.h"
#include "domain/timeline.h"

#include <string.h>

const char *score_part_name(enum score_part part)
{
	switch (part) {
#define X(name, number, text) \
	case PART_##name:     \
		return (text);
		SCORE_PARTS(X)
#undef X
	case PART_END:
		break;
	}
	return NULL;
}

const char *entry_state_name(enum entry_state state)
{
	static const char *const names[] = {
		[ENTRY_PENDING] = "pending",
		[ENTRY_POSTED] = "posted",
		[ENTRY_PARTLY_REVERSED] = "partly_reversed",
		[ENTRY_REVERSED] = "reversed",
		[ENTRY_VOIDED] = "voided",
		[ENTRY_PARKED] = "parked",
		[ENTRY_APPLIED] = "applied",
		[ENTRY_REFUSED] = "refused",
		[ENTRY_EXPIRED] = "expired",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : NULL;
}

enum track transition_track(enum transition_kind kind)
{
	static const enum track tracks[] = {
		[TRANSITION_UPGRADE] = TRACK_TIER,    [TRANSITION_AT_RISK] = TRACK_TIER,
		[TRANSITION_RECOVERED] = TRACK_TIER,  [TRANSITION_STEP_DOWN] = TRACK_TIER,
		[TRANSITION_FRAUD] = TRACK_TIER,      [TRANSITION_SETTLED] = TRACK_SETTLEMENT,
		[TRANSITION_LEVEL] = TRACK_LEVEL,     [TRANSITION_BELOW_KEEP] = TRACK_KEEP,
		[TRANSITION_ABOVE_KEEP] = TRACK_KEEP, [TRANSITION_OVERRIDE] = TRACK_OVERRIDE,
		[TRANSITION_STATE] = TRACK_STATE,
	};

	return (size_t)kind < sizeof(tracks) / sizeof(tracks[0]) ? tracks[kind] : (enum track)0;
}

/* ---- what is pending ---- */

/* What the order would add to the live score if it posted now; the window is as before after it. */
static int64_t would_add(struct timeline *line, const struct order_record *record)
{
	int64_t with;

	if (!window_has(&line->live, record->day)) {
		return 0;
	}
	window_add(&line->live, record, 1);
	with = window_score(&line->live, &line->trust).micro;
	window_add(&line->live, record, -1);
	return with - line->score.micro;
}

static bool is_pending(const struct timeline *line, const struct order_record *record)
{
	return order_record_state(record) == ENTRY_PENDING &&
	       record->entry->activity.occurred_at <= line->now;
}

static bool list_pending(struct timeline *line, struct arena *arena, struct fold *out)
{
	struct pending_order *pending;
	size_t n = 0;

	for (size_t i = 0; i < line->book.n_records; i++) {
		n += is_pending(line, &line->book.records[i]);
	}
	pending = arena_array(arena, n, sizeof(*pending));
	if (pending == NULL) {
		return false;
	}
	out->pending = pending;
	out->n_pending = n;
	for (size_t i = 0; i < line->book.n_records; i++) {
		const struct order_record *record = &line->book.records[i];

		if (is_pending(line, record)) {
			*pending++ = (struct pending_order){
				.entry = record->entry,
				.posts_at = record->posts_at == TIME_NEVER ? 0 : record->posts_at,
				.would_add = would_add(line, record)};
		}
	}
	return true;
}

/* What an entry comes to by itself; all else are events, which stand in the schedule. */
static int64_t next_of_entry(const struct timeline *line, uint32_t i, enum entry_state state)
{
	const struct activity *activity = &line->book.entries[i].activity;

	if (activity->occurred_at > line->now) {
		return activity->occurred_at;
	}
	return state == ENTRY_PARKED ? parked_until(activity, line->zone) : TIME_NEVER;
}

static bool tell_states(struct timeline *line, struct arena *arena, struct fold *out)
{
	const struct book *book = &line->book;
	enum entry_state *states = arena_array(arena, book->n_entries, sizeof(*states));
	int64_t next = TIME_NEVER;

	if (states == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < book->n_entries; i++) {
		states[i] = book_state(book, i, line->now);
		next = min_i64(next, next_of_entry(line, i, states[i]));
	}
	out->states = states;
	out->next_entry = next == TIME_NEVER ? 0 : next;
	return true;
}

/* ---- what is ahead ---- */

struct outlook {
	struct rows schedule;
	size_t most;
	bool done; /* of the schedule all is known that was asked for */
};

static void foretell(const struct timeline *line, const struct fold_input *in, unsigned causes,
		     struct outlook *outlook, struct fold *out)
{
	struct change *change;

	if (causes == 0 || outlook->done) {
		return;
	}
	if (out->next_change == 0) {
		out->next_change = line->now;
	}
	if (!in->want_schedule || outlook->schedule.n == outlook->most) {
		out->schedule_truncated = in->want_schedule;
		outlook->done = true;
		return;
	}
	change = rows_add(&outlook->schedule, sizeof(*change));
	if (change == NULL) {
		outlook->done = true;
		return;
	}
	*change = (struct change){line->now, causes, timeline_standing(line)};
}

/* Steps on without recording history, until nothing changes any more or enough is known. */
static bool foresee(struct timeline *line, const struct fold_input *in, struct arena *arena,
		    struct fold *out)
{
	struct outlook outlook = {.schedule = {.arena = arena},
				  .most = in->schedule_most == 0 ? SIZE_MAX : in->schedule_most};
	int64_t at;

	line->history = NULL;
	line->told = false;
	while ((!outlook.done || out->next_told == 0) && (at = timeline_next(line)) != TIME_NEVER) {
		unsigned causes = timeline_step(line, at);

		if (line->told && out->next_told == 0) {
			out->next_told = at;
		}
		foretell(line, in, causes, &outlook, out);
	}
	out->schedule = outlook.schedule.items;
	out->n_schedule = outlook.schedule.n;
	return !outlook.schedule.failed;
}

/* ---- the whole ---- */

static bool fold_at(struct timeline *line, const struct fold_input *in, struct arena *arena,
		    struct fold *out)
{
	struct rows history = {.arena = arena};
	int64_t at;

	if (!timeline_begin(line, in, &history, arena)) {
		return false;
	}
	while ((at = timeline_next(line)) <= in->t && at != TIME_NEVER) {
		timeline_step(line, at);
	}
	timeline_catch_up(line, in->t);
	out->standing = timeline_standing(line);
	out->history = history.items;
	out->n_history = history.n;
	out->next_date = min_i64(line->next_month, line->next_settlement);
	return !history.failed && list_pending(line, arena, out) && tell_states(line, arena, out) &&
	       (!in->want_counts || counts_make(line, arena, out)) &&
	       (!in->want_caps || caps_make(line, arena, out)) && foresee(line, in, arena, out);
}

enum mb_code fold_ledger(const struct fold_input *in, struct arena *arena, struct fold *out,
			 struct mb_err *err)
{
	struct timeline line;
	struct fold fold = {0};

	if (in->n_entries > WINDOW_ENTRIES_MAX) {
		return mb_fail(err, MB_ARENA_FULL, "a ledger of %zu entries is too long",
			       in->n_entries);
	}
	if (!fold_at(&line, in, arena, &fold)) {
		return arena_fail(arena, err);
	}
	*out = fold;
	return MB_OK;
}
