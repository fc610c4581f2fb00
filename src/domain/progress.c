/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/progress.h"

#include "domain/calendar.h"
#include "domain/money.h"
#include "domain/ways.h"

/* The least score in whole points that is not below a threshold in micro-points. */
static int64_t points_for(int64_t micro)
{
	return micro / MICRO + (micro % MICRO != 0);
}

/* ---- without new activity ---- */

static int64_t first_with(const struct fold *fold, enum tier tier)
{
	for (size_t i = 0; i < fold->n_schedule; i++) {
		if (fold->schedule[i].after.tier >= tier) {
			return fold->schedule[i].at;
		}
	}
	return 0;
}

static void list_lapses(const struct fold *fold, const struct policy_list *policies,
			struct progress *out)
{
	int64_t points = fold->standing.score.points;
	int32_t zone = policies->versions[0]->zone_minutes;

	for (size_t i = 0; i < fold->n_schedule && out->n_lapses < LAPSES_MAX; i++) {
		const struct change *change = &fold->schedule[i];
		int64_t after = change->after.score.points;

		if ((change->causes & CHANGE_MONTH) != 0) {
			const struct policy *policy = policy_at(policies, change->at);

			out->lapses[out->n_lapses++] =
				(struct lapse){.at = change->at,
					       .month = calendar_month(change->at, zone) -
							policy->protection.window_months,
					       .before = points,
					       .after = after};
		}
		points = after;
	}
}

static int64_t find_valid_until(const struct trials *trials, const struct fold *fold)
{
	int64_t until = min_i64(trials->today_ends + 1, fold->next_date);

	until = min_i64(until, policy_next_change(trials->in->ledger->policies, trials->now));
	return fold->next_change == 0 ? until : min_i64(until, fold->next_change);
}

/* The answer's own fold: the standing, and what the schedule says. */
static enum mb_code look_ahead(struct trials *trials, struct arena *kept, struct progress *out,
			       struct mb_err *err)
{
	struct fold_input in = *trials->in->ledger;
	struct arena *arena = arena_create(trials->in->budget, trials->in->fold_max);
	struct fold fold;
	enum mb_code code;

	if (arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory is left to look ahead now");
	}
	in.want_schedule = true;
	in.schedule_most = 0;
	in.want_counts = true;
	code = fold_ledger(&in, arena, &fold, err);
	if (code == MB_OK) {
		out->standing = fold.standing;
		out->valid_until = find_valid_until(trials, &fold);
		list_lapses(&fold, in.policies, out);
		if (fold.standing.tier + 1 < TIER_END) {
			out->next.tier = (enum tier)(fold.standing.tier + 1);
			out->next.comes_at = first_with(&fold, out->next.tier);
		}
		code = trials_learn(trials, &fold, kept, err);
	}
	arena_destroy(arena);
	return code;
}

/* ---- the next tier ---- */

static enum mb_code find_next(struct trials *trials, struct progress *out, struct mb_err *err)
{
	struct next_tier *next = &out->next;
	const struct goal goal = {.tier = next->tier};

	if (next->tier == 0) {
		return MB_OK;
	}
	next->points = points_for(trials->policy->tiers[next->tier].attain);
	next->missing = max_i64(0, next->points - out->standing.score.points);
	return trials_find(trials, &goal, next->comes_at, next->ways, &next->n_ways, err);
}

/* ---- the present one ---- */

static int64_t settlement_after(const struct trials *trials, int64_t t)
{
	return calendar_next_settlement(t, trials->policy->protection.settlement_day,
					trials->policy->zone_minutes);
}

/* The settlement that judges next. Each upgrade on the way there protects anew and puts it off, and
 * there are only so many tiers. */
static enum mb_code find_judgement(const struct trials *trials, const struct standing *standing,
				   int64_t *at, struct outcome *outcome, struct mb_err *err)
{
	enum mb_code code;

	*at = max_i64(settlement_after(trials, trials->now), standing->protected_until);
	code = trials_fold(trials, 0, *at, NULL, outcome, err);
	while (code == MB_OK && outcome->standing.protected_until > *at) {
		*at = outcome->standing.protected_until;
		code = trials_fold(trials, 0, *at, NULL, outcome, err);
	}
	return code;
}

static enum mb_code find_keep(struct trials *trials, struct progress *out, struct mb_err *err)
{
	struct keep_tier *keep = &out->keep;
	const struct policy *policy;
	struct outcome outcome;
	struct goal goal = {0};
	enum mb_code code = find_judgement(trials, &out->standing, &keep->judged_at, &outcome, err);

	if (code != MB_OK || outcome.judged == TIER_BRONZE) {
		*keep = (struct keep_tier){0};
		return code;
	}
	policy = policy_at(trials->in->ledger->policies, keep->judged_at);
	keep->tier = outcome.judged;
	keep->points = points_for(policy->tiers[keep->tier].keep);
	keep->settled = outcome.standing.settled.points;
	keep->verdict = outcome.verdict;
	if (keep->settled >= keep->points) {
		return MB_OK;
	}
	goal.points = keep->points;
	goal.settled_at = keep->judged_at;
	return trials_find(trials, &goal, 0, keep->ways, &keep->n_ways, err);
}

enum mb_code progress_find(const struct progress_input *in, struct arena *arena,
			   struct progress *out, struct mb_err *err)
{
	struct progress progress = {0};
	struct trials trials;
	enum mb_code code = trials_init(&trials, in, arena, err);

	if (code == MB_OK) {
		code = look_ahead(&trials, arena, &progress, err);
	}
	if (code == MB_OK) {
		code = find_next(&trials, &progress, err);
	}
	if (code == MB_OK) {
		code = find_keep(&trials, &progress, err);
	}
	if (code == MB_OK) {
		*out = progress;
	}
	return code;
}
