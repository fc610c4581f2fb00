/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/timeline.h"

#include "domain/acts.h"
#include "domain/calendar.h"
#include "domain/money.h"

#include <string.h>

static void record(struct timeline *line, struct transition transition)
{
	struct transition *row;

	line->told = true;
	if (line->history != NULL) {
		row = rows_add(line->history, sizeof(*row));
		if (row != NULL) {
			*row = transition;
		}
	}
}

static void record_live(struct timeline *line, enum transition_kind kind, int64_t at, int from,
			int to)
{
	record(line, (struct transition){.effective_at = at,
					 .kind = kind,
					 .from = from,
					 .to = to,
					 .points = line->score.points,
					 .policy_version = line->policy->version});
}

/* ---- windows and policies ---- */

static int32_t first_month(const struct timeline *line, int32_t last)
{
	return last - line->policy->protection.window_months + 1;
}

/* True when something left the live window. */
static bool move_window(struct timeline *line, int64_t at)
{
	int32_t month = calendar_month(at, line->zone);
	bool left = window_move(&line->live, first_month(line, month), month);

	line->next_month = calendar_month_start(month + 1, line->zone);
	return left;
}

static void take_policy(struct timeline *line, int64_t at)
{
	int32_t month = calendar_month(at, line->zone), base = 0;

	if (line->policy != NULL) {
		base = line->policy->credibility.base;
	}
	line->policy = policy_at(line->policies, at);
	line->credibility += line->policy->credibility.base - base;
	window_reset(&line->live, line->policy, first_month(line, month), month);
	line->next_month = calendar_month_start(month + 1, line->zone);
}

static void weigh(struct timeline *line)
{
	const struct policy_credibility *rule = &line->policy->credibility;

	line->trust.credibility =
		(int32_t)max_i64(rule->lowest, min_i64(line->credibility, rule->highest));
	line->trust.penalty = line->penalty;
	line->score = window_score(&line->live, &line->trust);
}

/* ---- settlements ---- */

/* The same but for the window's dates. */
static bool same_score(const struct score *a, const struct score *b)
{
	return a->points == b->points && a->micro == b->micro &&
	       memcmp(a->parts, b->parts, sizeof(a->parts)) == 0 &&
	       a->counted_spend == b->counted_spend && a->spend == b->spend && a->days == b->days &&
	       a->platforms == b->platforms && a->categories == b->categories &&
	       a->interaction == b->interaction;
}

static int64_t next_settlement(const struct timeline *line, int64_t after)
{
	return calendar_next_settlement(after, line->policy->protection.settlement_day, line->zone);
}

static unsigned settle(struct timeline *line, int64_t at)
{
	int32_t last = calendar_month(at, line->zone) - 1;
	struct score settled =
		window_score_of(&line->live, first_month(line, last), last, &line->trust);
	bool first = line->settled_at == 0;
	bool changed = first || !same_score(&settled, &line->settled);
	bool other_points = first || settled.points != line->settled.points, judged;
	const struct tier_state before = line->state;
	struct transition verdict;

	line->settled = settled;
	line->settled_at = at;
	judged = tier_settle(&line->state, line->score.points, settled.points, at, line->policy,
			     &verdict);
	if (other_points) {
		record(line, (struct transition){.effective_at = at,
						 .kind = TRANSITION_SETTLED,
						 .from = (int32_t)line->state.tier,
						 .to = (int32_t)line->state.tier,
						 .points = settled.points,
						 .policy_version = line->policy->version});
	}
	if (judged) {
		record(line, verdict);
	}
	return changed || judged || before.protected_until != line->state.protected_until
		       ? CHANGE_SETTLEMENT
		       : 0;
}

/* ---- what shows ---- */

/* Of the overrides that run the one made last; NO_INDEX when it shows the natural tier. */
static uint32_t find_override(const struct book *book, int64_t at)
{
	for (size_t i = book->n_overrides; i-- > 0;) {
		const struct entry *entry = &book->entries[book->overrides[i]];
		int64_t until = entry->activity.override.until;

		if (entry->known_at <= at && (until == 0 || at < until)) {
			return entry->activity.override.tier == 0 ? NO_INDEX : book->overrides[i];
		}
	}
	return NO_INDEX;
}

static enum tier shown_tier(const struct timeline *line)
{
	return line->override == NO_INDEX
		       ? line->state.tier
		       : line->book.entries[line->override].activity.override.tier;
}

/* Levels, forecasts and masks follow what the instant has come to. */
static void mask(struct timeline *line, int64_t at, const struct act *act)
{
	enum level level = level_of(line->score.points, line->policy);
	bool below_keep = !tier_keeps(line->score.points, line->state.tier, line->policy);
	uint32_t override = line->override;
	enum tier shown = act->shown_before;

	if (level != line->level) {
		record_live(line, TRANSITION_LEVEL, at, (int)line->level, (int)level);
		line->level = level;
	}
	if (below_keep != line->below_keep) {
		record_live(line, below_keep ? TRANSITION_BELOW_KEEP : TRANSITION_ABOVE_KEEP, at,
			    (int)line->state.tier, (int)line->state.tier);
		line->below_keep = below_keep;
	}
	line->override = act->overrides ? find_override(&line->book, at) : override;
	if (line->override != override) {
		record_live(line, TRANSITION_OVERRIDE, at, (int)shown, (int)shown_tier(line));
	}
	if (act->suspended != line->suspended) {
		record_live(line, TRANSITION_STATE, at,
			    line->suspended ? STATE_SUSPENDED : STATE_ACTIVE,
			    act->suspended ? STATE_SUSPENDED : STATE_ACTIVE);
		line->suspended = act->suspended;
	}
}

/* ---- steps ---- */

/* Whether months and settlements have nothing left to move. What is paid later brings an event. */
static bool is_quiet(const struct timeline *line)
{
	const struct window *live = &line->live;
	const struct book *book = &line->book;

	if (live->low < live->high ||
	    (live->low > 0 && book->cells[live->low - 1].month >= live->first - 1)) {
		return false;
	}
	return !line->begun ||
	       (line->settled_at != 0 && same_score(&line->settled, &line->score) &&
		!line->state.at_risk && line->state.protected_until == 0 && !line->below_keep);
}

int64_t timeline_next(const struct timeline *line)
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

void timeline_catch_up(struct timeline *line, int64_t at)
{
	int64_t last;

	if (at < line->next_settlement && at < line->next_month) {
		line->now = max_i64(line->now, at);
		return;
	}
	if (at >= line->next_settlement) {
		last = calendar_last_settlement(at, line->policy->protection.settlement_day,
						line->zone);
		if (line->begun) {
			move_window(line, last);
			settle(line, last);
		}
		line->next_settlement = next_settlement(line, at);
	}
	move_window(line, at);
	line->score = window_score(&line->live, &line->trust);
	line->now = max_i64(line->now, at);
}

static void judge_tier(struct timeline *line, int64_t at, bool fall)
{
	struct transition told;

	if (fall && tier_fall(&line->state, line->score.points, at, line->policy, &told)) {
		record(line, told);
	}
	if (tier_upgrade(&line->state, line->score.points, at, line->policy, &told)) {
		record(line, told);
	}
}

unsigned timeline_step(struct timeline *line, int64_t at)
{
	bool new_policy = policy_next_change(line->policies, line->now) == at;
	struct act act = {.at = at,
			  .causes = new_policy ? CHANGE_POLICY : 0,
			  .shown_before = shown_tier(line),
			  .suspended = line->suspended};

	timeline_catch_up(line, at - 1);
	if (at >= line->next_month && move_window(line, at)) {
		act.causes |= CHANGE_MONTH;
	}
	if (new_policy) {
		take_policy(line, at);
	}
	timeline_act(line, &act);
	weigh(line);
	judge_tier(line, at, act.fall);
	if (at == line->next_settlement) {
		act.causes |= line->begun ? settle(line, at) : 0;
		line->next_settlement = next_settlement(line, at);
	}
	mask(line, at, &act);
	line->now = at;
	return act.causes;
}

/* Acts all before `at` without judging. */
static void sum_until(struct timeline *line, int64_t at)
{
	struct act act = {0};

	take_policy(line, at - 1);
	while (line->next_event < line->book.n_events &&
	       line->book.events[line->next_event].at < at) {
		act.at = line->book.events[line->next_event].at;
		timeline_act(line, &act);
	}
	line->now = at - 1;
}

/* What the entries given did before the checkpoint is in its tier state already. */
static void resume(struct timeline *line, const struct checkpoint *base)
{
	sum_until(line, base->at);
	line->begun = base->begun;
	line->credibility += base->credibility;
	line->penalty += base->penalty;
	line->settled = base->settled;
	line->settled_at = base->settled_at;
	line->state = (struct tier_state){.tier = base->tier,
					  .at_risk = base->at_risk,
					  .protected_until = base->protected_until};
	line->override = find_override(&line->book, line->now);
	line->suspended = base->suspended;
}

static void start(struct timeline *line, int64_t t)
{
	int64_t first = t;

	if (line->book.n_events > 0) {
		first = min_i64(first, line->book.events[0].at);
	}
	take_policy(line, first);
	line->now = first - 1;
}

static bool prepare(struct timeline *line, const struct fold_input *in, struct rows *history,
		    struct arena *arena)
{
	*line = (struct timeline){.policies = in->policies,
				  .zone = in->policies->versions[0]->zone_minutes,
				  .state = {.tier = TIER_BRONZE},
				  .override = NO_INDEX,
				  .history = history};
	return book_build(in, arena, &line->book) && window_init(&line->live, &line->book, arena);
}

bool timeline_begin_at(struct timeline *line, const struct fold_input *in, int64_t at,
		       struct arena *arena)
{
	if (!prepare(line, in, NULL, arena)) {
		return false;
	}
	sum_until(line, at);
	return true;
}

bool timeline_begin(struct timeline *line, const struct fold_input *in, struct rows *history,
		    struct arena *arena)
{
	if (!prepare(line, in, history, arena)) {
		return false;
	}
	if (in->base != NULL) {
		resume(line, in->base);
	} else {
		start(line, in->t);
	}
	line->next_settlement = next_settlement(line, line->now);
	weigh(line);
	line->level = level_of(line->score.points, line->policy);
	line->below_keep = !tier_keeps(line->score.points, line->state.tier, line->policy);
	return true;
}

struct standing timeline_standing(const struct timeline *line)
{
	const struct entry *override =
		line->override == NO_INDEX ? NULL : &line->book.entries[line->override];

	return (struct standing){
		.at = line->now,
		.policy_version = line->policy->version,
		.score = line->score,
		.tier = line->state.tier,
		.shown = shown_tier(line),
		.shown_until = override == NULL ? 0 : override->activity.override.until,
		.suspended = line->suspended,
		.credibility = line->trust.credibility,
		.level = line->level,
		.at_risk = line->state.at_risk,
		.below_keep = line->below_keep,
		.protected_until = line->state.protected_until,
		.settled_at = line->settled_at,
		.settled = line->settled,
	};
}
