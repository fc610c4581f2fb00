/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline steps from instant to instant at which anything can change: orders' events, policy
 * versions, first instants of months, settlements. At one instant, in this order: the policy takes
 * force, the windows move, postings and reversals act together, then upgrade, then settlement.
 *
 * Up to t the steps make history; from there on the same steps make the schedule.
 *
 * Kinds to come are further events of a timeline and further terms of window_score(): what ends by
 * itself (a penalty, a credibility change) is an event at its end. docs/ledger.md.
 */
#include "domain/fold.h"

#include "domain/calendar.h"
#include "domain/money.h"
#include "domain/orders.h"
#include "domain/tier.h"
#include "domain/window.h"

#include <string.h>

/* A growing array in an arena. */
struct rows {
	struct arena *arena;
	void *items;
	size_t n, room;
	bool failed;
};

struct timeline {
	const struct policy_list *policies;
	const struct policy *policy; /* in force at now */
	int32_t zone;
	struct order_book book;
	size_t next_event;
	int64_t now; /* everything up to it has acted */
	int64_t next_month, next_settlement; /* after now */
	struct window live, settling; /* of the next settlement: the whole months before this one */
	struct score score; /* live, at now */
	struct score settled;
	int64_t settled_at;
	struct tier_state state;
	struct rows *history; /* NULL: nothing is recorded any more */
};

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
	switch (kind) {
	case TRANSITION_UPGRADE:
	case TRANSITION_AT_RISK:
	case TRANSITION_RECOVERED:
	case TRANSITION_STEP_DOWN:
	case TRANSITION_FRAUD:
		return TRACK_TIER;
	case TRANSITION_SETTLED:
		return TRACK_SETTLEMENT;
	case TRANSITION_LEVEL:
		return TRACK_LEVEL;
	case TRANSITION_BELOW_KEEP:
	case TRANSITION_ABOVE_KEEP:
		return TRACK_KEEP;
	case TRANSITION_OVERRIDE:
		return TRACK_OVERRIDE;
	case TRANSITION_STATE:
		return TRACK_STATE;
	}
	return (enum track)0;
}

unsigned fold_caps_at(const struct fold *fold, enum activity_kind kind, int64_t occurred_at)
{
	(void)fold, (void)kind, (void)occurred_at; /* no interaction is in the ledger */
	return 0;
}

static void *add_row(struct rows *rows, size_t size)
{
	if (rows->n == rows->room) {
		size_t room = rows->room == 0 ? 8 : rows->room * 2;
		void *items = arena_array(rows->arena, room, size);

		if (items == NULL) {
			rows->failed = true;
			return NULL;
		}
		if (rows->n > 0) {
			memcpy(items, rows->items, rows->n * size);
		}
		rows->items = items;
		rows->room = room;
	}
	return (char *)rows->items + rows->n++ * size;
}

static void record(struct timeline *line, struct transition transition)
{
	struct transition *row;

	if (line->history != NULL) {
		row = add_row(line->history, sizeof(*row));
		if (row != NULL) {
			*row = transition;
		}
	}
}

/* ---- windows and prices ---- */

static int32_t first_month(const struct timeline *line, int32_t last)
{
	return last - line->policy->protection.window_months + 1;
}

/* True when something left the live window. */
static bool move_windows(struct timeline *line, int64_t at)
{
	int32_t month = calendar_month(at, line->zone);
	bool left = window_move(&line->live, first_month(line, month), month);

	window_move(&line->settling, first_month(line, month - 1), month - 1);
	line->next_month = calendar_month_start(month + 1, line->zone);
	return left;
}

static void take_policy(struct timeline *line, int64_t at)
{
	int32_t month = calendar_month(at, line->zone);

	line->policy = policy_at(line->policies, at);
	for (size_t i = 0; i < line->book.n_records; i++) {
		order_record_price(&line->book.records[i], line->policy);
	}
	window_reset(&line->live, line->policy, first_month(line, month), month);
	window_reset(&line->settling, line->policy, first_month(line, month - 1), month - 1);
	line->next_month = calendar_month_start(month + 1, line->zone);
}

/* Sets what is left of a line, in the record and in the windows that it is posted in. */
static void set_line(struct timeline *line, struct order_record *record, size_t i, int64_t left)
{
	struct window *const windows[] = {&line->live, &line->settling};

	for (size_t w = 0; w < 2; w++) {
		if (record->posted && window_has(windows[w], record)) {
			window_add_line(windows[w], &record->lines[i], -1);
		}
	}
	order_record_set(record, i, left, line->policy);
	for (size_t w = 0; w < 2; w++) {
		if (record->posted && window_has(windows[w], record)) {
			window_add_line(windows[w], &record->lines[i], 1);
		}
	}
}

static void add_worth(struct timeline *line, const struct order_record *record, int sign)
{
	if (record->posted && window_has(&line->live, record)) {
		window_add_worth(&line->live, record, sign);
	}
	if (record->posted && window_has(&line->settling, record)) {
		window_add_worth(&line->settling, record, sign);
	}
}

/* ---- events ---- */

static void post(struct timeline *line, struct order_record *record)
{
	record->posted = true;
	if (window_has(&line->live, record)) {
		window_add(&line->live, record, 1);
	}
	if (window_has(&line->settling, record)) {
		window_add(&line->settling, record, 1);
	}
}

static void shrink(struct timeline *line, struct order_record *record,
		   const struct reversal *reversal)
{
	const struct order *order = &record->entry->activity.order;
	size_t i = 0;

	record->reversed = true;
	add_worth(line, record, -1);
	for (size_t r = 0; r < reversal->n_lines; r++) {
		const struct reversal_line *back = &reversal->lines[r];

		while (i < order->n_lines && order->lines[i].line_no < back->line_no) {
			i++;
		}
		if (i < order->n_lines && order->lines[i].line_no == back->line_no) {
			set_line(line, record, i, max_i64(record->lines[i].left - back->amount, 0));
		}
	}
	order_record_sum(record, line->policy);
	add_worth(line, record, 1);
}

static void close_order(struct timeline *line, struct order_record *record)
{
	record->closed = true;
	add_worth(line, record, -1);
	for (size_t i = 0; i < record->entry->activity.order.n_lines; i++) {
		set_line(line, record, i, 0);
	}
	order_record_sum(record, line->policy);
	add_worth(line, record, 1);
}

/* Everything that takes effect at one instant; the causes that it gives. */
static unsigned act(struct timeline *line, int64_t at)
{
	unsigned causes = 0;

	for (; line->next_event < line->book.n_events; line->next_event++) {
		const struct order_event *event = &line->book.events[line->next_event];

		if (event->at != at) {
			break;
		}
		switch (event->kind) {
		case ORDER_PAID:
			causes |= CHANGE_POSTING;
			break;
		case ORDER_POSTS:
			post(line, event->record);
			causes |= CHANGE_POSTING;
			break;
		case ORDER_SHRINKS:
			shrink(line, event->record, event->reversal);
			causes |= CHANGE_REVERSAL;
			break;
		case ORDER_CLOSES:
			close_order(line, event->record);
			causes |= CHANGE_REVERSAL;
			break;
		}
	}
	return causes;
}

/* ---- settlements ---- */

/* The same but for the window's dates. */
static bool same_score(const struct score *a, const struct score *b)
{
	return a->points == b->points && a->micro == b->micro &&
	       memcmp(a->parts, b->parts, sizeof(a->parts)) == 0 &&
	       a->counted_spend == b->counted_spend && a->spend == b->spend && a->days == b->days &&
	       a->platforms == b->platforms && a->categories == b->categories;
}

static unsigned settle(struct timeline *line, int64_t at)
{
	struct score settled = window_score(&line->settling);
	bool changed = line->settled_at == 0 || !same_score(&settled, &line->settled);
	int64_t protected_until = line->state.protected_until;
	struct transition told;

	line->settled = settled;
	line->settled_at = at;
	if (tier_settle(&line->state, line->score.points, settled.points, at, line->policy,
			&told)) {
		record(line, told);
		changed = true;
	}
	return changed || protected_until != line->state.protected_until ? CHANGE_SETTLEMENT : 0;
}

/* Whether months and settlements have nothing left to move. What is paid later brings an event. */
static bool is_quiet(const struct timeline *line)
{
	return line->live.low == line->live.high && line->settling.low == line->settling.high &&
	       line->settled.spend == 0 && !line->state.at_risk &&
	       line->state.protected_until == 0 && tier_keeps(0, line->state.tier, line->policy) &&
	       (line->settled_at != 0 || line->now < line->book.begin);
}

/* ---- steps ---- */

/* The next instant at which anything may change; TIME_NEVER at the end of all. */
static int64_t next_instant(const struct timeline *line)
{
	int64_t next = policy_next_change(line->policies, line->now);

	if (line->next_event < line->book.n_events) {
		next = min_i64(next, line->book.events[line->next_event].at);
	}
	if (!is_quiet(line)) {
		next = min_i64(next, min_i64(line->next_month, line->next_settlement));
	}
	return next;
}

static int64_t next_settlement(const struct timeline *line, int64_t after)
{
	return calendar_next_settlement(after, line->policy->protection.settlement_day, line->zone);
}

/* Brings the dates up to `at` where months and settlements in between change nothing else. */
static void catch_up(struct timeline *line, int64_t at)
{
	int64_t last;

	if (at < line->next_settlement && at < line->next_month) {
		line->now = max_i64(line->now, at);
		return;
	}
	if (at >= line->next_settlement) {
		last = calendar_last_settlement(at, line->policy->protection.settlement_day,
						line->zone);
		if (last >= line->book.begin) {
			move_windows(line, last);
			settle(line, last);
		}
		line->next_settlement = next_settlement(line, at);
	}
	move_windows(line, at);
	line->score = window_score(&line->live);
	line->now = max_i64(line->now, at);
}

static unsigned step(struct timeline *line, int64_t at)
{
	bool new_policy = policy_next_change(line->policies, line->now) == at;
	unsigned causes = new_policy ? CHANGE_POLICY : 0;
	struct transition told;

	catch_up(line, at - 1);
	if (at >= line->next_month && move_windows(line, at)) {
		causes |= CHANGE_MONTH;
	}
	if (new_policy) {
		take_policy(line, at);
	}
	causes |= act(line, at);
	line->score = window_score(&line->live);
	if (tier_upgrade(&line->state, line->score.points, at, line->policy, &told)) {
		record(line, told);
	}
	if (at == line->next_settlement) {
		causes |= at >= line->book.begin ? settle(line, at) : 0;
		line->next_settlement = next_settlement(line, at);
	}
	line->now = at;
	return causes;
}

static enum mb_code begin_timeline(const struct fold_input *in, struct arena *arena,
				   struct timeline *line, struct mb_err *err)
{
	enum mb_code code = order_book_build(in->entries, in->n_entries, in->policies, in->t, arena,
					     &line->book, err);
	int64_t start;

	if (code != MB_OK) {
		return code;
	}
	if (!window_init(&line->live, &line->book, arena) ||
	    !window_init(&line->settling, &line->book, arena)) {
		return arena_fail(arena, err);
	}
	line->policies = in->policies;
	line->zone = in->policies->versions[0]->zone_minutes;
	line->state.tier = TIER_BRONZE;
	start = min_i64(line->book.begin, in->t);
	take_policy(line, start);
	line->now = start - 1;
	line->next_settlement = next_settlement(line, line->now);
	line->score = window_score(&line->live);
	return MB_OK;
}

/* ---- results ---- */

static struct standing standing_of(const struct timeline *line)
{
	return (struct standing){
		.at = line->now,
		.policy_version = line->policy->version,
		.score = line->score,
		.tier = line->state.tier,
		.shown = line->state.tier,
		.credibility = line->policy->credibility.base,
		.level = level_of(line->score.points, line->policy),
		.at_risk = line->state.at_risk,
		.below_keep = !tier_keeps(line->score.points, line->state.tier, line->policy),
		.protected_until = line->state.protected_until,
		.settled_at = line->settled_at,
		.settled = line->settled,
	};
}

/* What the order would add to the live score if it posted now; the window is as before after it. */
static int64_t would_add(struct timeline *line, const struct order_record *record)
{
	int64_t with;

	if (!window_has(&line->live, record)) {
		return 0;
	}
	window_add(&line->live, record, 1);
	with = window_score(&line->live).micro;
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

static void tell_states(struct timeline *line, struct fold *out)
{
	for (size_t i = 0; i < line->book.n_records; i++) {
		const struct order_record *record = &line->book.records[i];

		line->book.states[record->index] = order_record_state(record);
	}
	out->states = line->book.states;
}

/* Steps on without recording history, until nothing changes any more or enough is known. */
static void foresee(struct timeline *line, const struct fold_input *in, struct rows *schedule,
		    struct fold *out)
{
	size_t most = in->schedule_most == 0 ? SIZE_MAX : in->schedule_most;
	int64_t at;

	line->history = NULL;
	while ((at = next_instant(line)) != TIME_NEVER) {
		unsigned causes = step(line, at);
		struct change *change;

		if (causes == 0) {
			continue;
		}
		if (out->next_change == 0) {
			out->next_change = at;
		}
		if (!in->want_schedule || schedule->n == most) {
			out->schedule_truncated = in->want_schedule;
			break;
		}
		change = add_row(schedule, sizeof(*change));
		if (change == NULL) {
			break;
		}
		*change = (struct change){at, causes, standing_of(line)};
	}
	out->schedule = schedule->items;
	out->n_schedule = schedule->n;
}

enum mb_code fold_ledger(const struct fold_input *in, struct arena *arena, struct fold *out,
			 struct mb_err *err)
{
	struct rows history = {.arena = arena}, schedule = {.arena = arena};
	struct timeline line = {.history = &history};
	struct fold fold = {0};
	enum mb_code code;
	int64_t at;

	if (in->n_entries > WINDOW_ORDERS_MAX) {
		return mb_fail(err, MB_ARENA_FULL, "a ledger of %zu entries is too long",
			       in->n_entries);
	}
	code = begin_timeline(in, arena, &line, err);
	if (code != MB_OK) {
		return code;
	}
	while ((at = next_instant(&line)) <= in->t && at != TIME_NEVER) {
		step(&line, at);
	}
	catch_up(&line, in->t);
	fold.standing = standing_of(&line);
	fold.history = history.items;
	fold.n_history = history.n;
	fold.next_date =
		min_i64(calendar_month_start(line.live.last + 1, line.zone), line.next_settlement);
	if (!list_pending(&line, arena, &fold)) {
		return arena_fail(arena, err);
	}
	tell_states(&line, &fold);
	foresee(&line, in, &schedule, &fold);
	fold.next_told = fold.next_change;
	if (in->want_counts) {
		fold.counts = arena_array(arena, in->n_entries, sizeof(*fold.counts));
	}
	if (history.failed || schedule.failed || (in->want_counts && fold.counts == NULL)) {
		return arena_fail(arena, err);
	}
	*out = fold;
	return MB_OK;
}
