/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledgers that nobody judged, as only a broken store could hold them, under numbers at their limits:
 * everything is computed all the same, and every explanation adds up.
 */
#include "drawing.h"

#include "domain/calendar.h"

#include <stdlib.h>

#define WORLDS	   300
#define POINTS_MAX (1000000 * MICRO) /* of any number of a policy file */

static void expect_sum(const struct score *score)
{
	int64_t sum = 0;

	for (int part = 1; part < PART_END; part++) {
		sum += score->parts[part];
	}
	assert_int_equal(sum, score->points * MICRO);
	assert_true(score->points >= 0);
}

static void expect_sums(int64_t t)
{
	struct fold fold = ledger_fold_all(&l, t);

	expect_sum(&fold.standing.score);
	expect_sum(&fold.standing.settled);
	for (size_t i = 0; i < fold.n_schedule; i++) {
		assert_true(fold.schedule[i].at > (i == 0 ? t : fold.schedule[i - 1].at));
		expect_sum(&fold.schedule[i].after.score);
		expect_sum(&fold.schedule[i].after.settled);
	}
	assert_true(fold.next_entry == 0 || fold.next_entry > t);
}

static void make_extreme(struct policy *policy, const struct policy_bend *bend)
{
	*policy = default_policy;
	policy->version = 2;
	policy->effective_from = at("2026-01-20");
	policy->bends = bend;
	policy->n_bends = 1;
	policy->frequency = (struct policy_frequency){0, POINTS_MAX, POINTS_MAX};
	policy->breadth = (struct policy_breadth){POINTS_MAX, POINTS_MAX, 6, 1000};
	for (int kind = 1; kind < INTERACTION_END; kind++) {
		policy->interaction.kind[kind] = (struct policy_interaction_kind){
			POINTS_MAX, POINTS_MAX, POINTS_MAX, POINTS_MAX, POINTS_MAX};
	}
	policy->interaction.month = policy->interaction.window = POINTS_MAX;
	policy->credibility = (struct policy_credibility){.base = 100000,
							  .highest = 100000,
							  .fake_change = 1,
							  .fake_span = 3660 * US_PER_DAY,
							  .fake_penalty = POINTS_MAX,
							  .fake_penalty_months = 120};
	policy->protection.months = 0;
	policy->protection.window_months = 1;
	for (int p = 1; p < PLATFORM_END; p++) {
		policy->limits.order[p] = policy->limits.window[p] = INT64_MAX;
	}
}

/* Of any time, also of none that a calendar has in common use. */
static int64_t draw_time(struct drawing *d)
{
	switch (below(d, 30)) {
	case 0:
		return CALENDAR_MAX;
	case 1:
		return CALENDAR_MIN;
	default:
		return at("2025-06-01") + below(d, 500) * US_PER_DAY + below(d, 2);
	}
}

static void draw_unjudged(struct drawing *d)
{
	for (d->n = 1; d->n < 40; d->n++) {
		int64_t t = draw_time(d);
		const char *id = name("e", d->n);
		struct activity deed = draw_deed(d, id, t);

		if (below(d, 4) == 0) {
			deed = order_for(&l, id, (enum platform)(1 + below(d, 6)), t, draw_time(d),
					 AMOUNT_MAX);
		}
		ledger_append(&l, &deed, at("2025-06-01") + d->n * 12 * US_PER_DAY);
	}
}

static void case_76_explanations_of_extremes_add_up(void **state)
{
	const struct policy_bend bend = {AMOUNT_MAX, 1};
	struct policy extreme;
	const struct policy *const versions[] = {&default_policy, &extreme};
	const struct policy_list list = {versions, 2};

	(void)state;
	make_extreme(&extreme, &bend);
	for (uint64_t world = 1; world <= WORLDS; world++) {
		struct drawing d = {.seed = world};

		end(NULL);
		ledger_init(&l, &list);
		draw_unjudged(&d);
		for (int i = 0; i < 4; i++) {
			expect_sums(draw_time(&d));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_76_explanations_of_extremes_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
