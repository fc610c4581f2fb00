/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/fold.h"

#include "base/clock.h"
#include "domain/calendar.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ledger l;

static int begin(void **state)
{
	(void)state;
	ledger_init(&l, &default_policies);
	return 0;
}

static int end(void **state)
{
	(void)state;
	ledger_fini(&l);
	return 0;
}

static struct standing standing(int64_t t)
{
	return ledger_fold(&l, t).standing;
}

/* A rides order posts at completed_at and is worth nothing but its spend; food is free of limits
 * for one order, shopping is limited to CNY 50,000. */
static void shop(const char *id, int64_t when, int64_t amount)
{
	ledger_put(&l, order_for(&l, id, PLATFORM_SHOPPING, when, when, amount));
}

static void food(const char *id, int64_t when, int64_t amount)
{
	ledger_put(&l, order_for(&l, id, PLATFORM_FOOD, when, when, amount));
}

static const char *name(const char *prefix, int n)
{
	return arena_printf(l.arena, "%s-%d", prefix, n);
}

/* ---- score ---- */

static void nothing_is_bronze(void **state)
{
	struct fold fold = ledger_fold(&l, at("2026-06-15"));

	(void)state;
	assert_int_equal(fold.standing.tier, TIER_BRONZE);
	assert_int_equal(fold.standing.level, LEVEL_STANDARD);
	assert_int_equal(fold.standing.score.points, 0);
	assert_int_equal(fold.standing.settled_at, 0);
	assert_int_equal(fold.standing.at, at("2026-06-15"));
	assert_int_equal(fold.standing.score.last_month, 2026 * 12 + 5);
	assert_int_equal(fold.standing.score.first_month, 2025 * 12 + 6);
	assert_int_equal(fold.n_schedule, 0);
	assert_int_equal(fold.n_history, 0);
	assert_int_equal(fold.next_change, 0);
	assert_int_equal(fold.next_date, at("2026-07-01"));
}

static void case_16_a_fen_under_platinum(void **state)
{
	struct line line = goods(1, 4058333);
	int64_t paid = at("2026-03-10 12:00:00"), posted = at("2026-03-17 12:00:00");
	struct standing s;

	(void)state;
	line.category = STR("shoes");
	ledger_put(&l, order_with(&l, "o", PLATFORM_SHOPPING, paid, paid, &line, 1));
	s = standing(posted);
	assert_int_equal(s.score.micro, 999999960);
	assert_int_equal(s.score.points, 999);
	assert_int_equal(s.tier, TIER_GOLD);
	assert_int_equal(s.level, LEVEL_STANDARD);
	assert_int_equal(s.score.parts[PART_FRACTION_DROPPED], -999960);
	ledger_fini(&l);
	ledger_init(&l, &default_policies);
	line.amount++;
	ledger_put(&l, order_with(&l, "o", PLATFORM_SHOPPING, paid, paid, &line, 1));
	s = standing(posted);
	assert_int_equal(s.score.points, 1000);
	assert_int_equal(s.tier, TIER_PLATINUM);
	assert_int_equal(standing(posted - 1).tier, TIER_BRONZE);
}

static void case_17_exactly_1000(void **state)
{
	struct standing s;

	(void)state;
	shop("o", at("2026-03-10"), YUAN(40750));
	s = standing(at("2026-03-17"));
	assert_int_equal(s.score.micro, 1000 * MICRO);
	assert_int_equal(s.tier, TIER_PLATINUM);
	assert_int_equal(s.level, LEVEL_SUPER);
}

/* 350,000 on shopping, all six platforms, 20 categories, `days` days; all post at one instant. */
static int64_t fill_to_the_top(int days)
{
	int64_t first = at("2025-09-01 10:00:00"), done = at("2026-04-01 10:00:00");

	for (int i = 0; i < days; i++) {
		int64_t paid = first + i * US_PER_DAY;
		enum platform platform =
			i < 7 ? PLATFORM_SHOPPING : (enum platform)(1 + i % (PLATFORM_END - 1));
		int64_t delay = default_policy.posting.delay[platform];
		struct line line = goods(1, i < 7 ? YUAN(50000) : YUAN(10));

		line.category = str_from(name("category", i % 25));
		ledger_put(&l,
			   order_with(&l, name("o", i), platform, paid, done - delay, &line, 1));
	}
	return done;
}

static void case_18_exactly_2500(void **state)
{
	int64_t done = fill_to_the_top(200);
	struct standing s = standing(done);

	(void)state;
	assert_int_equal(s.score.micro, 2500 * MICRO);
	assert_int_equal(s.score.days, 200);
	assert_int_equal(s.score.platforms, 6);
	assert_int_equal(s.score.categories, 25);
	assert_int_equal(s.score.parts[PART_SPEND], 2200 * MICRO);
	assert_int_equal(s.score.parts[PART_BREADTH], 100 * MICRO);
	assert_int_equal(s.tier, TIER_BLACK_DIAMOND);
	assert_int_equal(s.level, LEVEL_APASS);
	ledger_fini(&l);
	ledger_init(&l, &default_policies);
	s = standing(fill_to_the_top(205)); /* there is no more */
	assert_int_equal(s.score.micro, 2500 * MICRO);
	assert_int_equal(s.score.days, 205);
	ledger_fini(&l);
	ledger_init(&l, &default_policies);
	s = standing(fill_to_the_top(199));
	assert_int_equal(s.score.points, 2499);
	assert_int_equal(s.tier, TIER_DIAMOND);
	assert_int_equal(s.level, LEVEL_SUPER);
}

static void case_35_bronze_to_black_diamond_is_one_row(void **state)
{
	int64_t done = fill_to_the_top(200);
	struct fold fold = ledger_fold(&l, done);

	(void)state;
	assert_int_equal(fold.n_history, 1);
	assert_int_equal(fold.history[0].kind, TRANSITION_UPGRADE);
	assert_int_equal(fold.history[0].from, TIER_BRONZE);
	assert_int_equal(fold.history[0].to, TIER_BLACK_DIAMOND);
	assert_int_equal(fold.history[0].effective_at, done);
	assert_int_equal(fold.history[0].points, 2500);
	assert_int_equal(fold.history[0].policy_version, 1);
	assert_int_equal(fold.standing.protected_until, at("2026-07-08"));
}

static void case_46_many_orders_of_a_day_are_one_day(void **state)
{
	struct standing s;

	(void)state;
	for (int i = 0; i < 100; i++) {
		food(name("o", i), at("2026-03-10 08:00:00") + i * US_PER_MINUTE, 10);
	}
	s = standing(at("2026-03-11"));
	assert_int_equal(s.score.days, 1);
	assert_int_equal(s.score.counted_spend, 1000);
	food("next", at("2026-03-11 00:00:00"), 999); /* a fen short of a day */
	assert_int_equal(standing(at("2026-03-12")).score.days, 1);
}

static void case_47_paid_by_coupon_gives_nothing(void **state)
{
	struct line line = goods(1, YUAN(500));
	struct standing s;

	(void)state;
	line.category = STR("shoes");
	line.coupon = YUAN(300);
	line.points = YUAN(200);
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-10"), at("2026-03-10"), &line,
				  1));
	s = standing(at("2026-03-11"));
	assert_int_equal(s.score.micro, 0);
	assert_int_equal(s.score.days, 0);
	assert_int_equal(s.score.platforms, 0);
	assert_int_equal(s.score.categories, 0);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-11")), ENTRY_POSTED);
}

static void only_goods_and_services_count(void **state)
{
	struct line lines[LINE_TYPE_END - 1];

	(void)state;
	for (int i = 0; i < LINE_TYPE_END - 1; i++) {
		lines[i] = goods(i + 1, YUAN(1) << i);
		lines[i].type = (enum line_type)(i + 1);
		lines[i].category = str_from(name("c", i));
	}
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-10"), at("2026-03-10"), lines,
				  LINE_TYPE_END - 1));
	assert_int_equal(standing(at("2026-03-11")).score.spend, YUAN(1 + 2));
	assert_int_equal(standing(at("2026-03-11")).score.categories, 2);
}

static void limits_come_after_reversals(void **state)
{
	struct line lines[] = {goods(1, YUAN(70000)), goods(2, YUAN(10000))};
	const struct reversal_line back = {1, "CNY", YUAN(25000)};
	int64_t day = at("2026-03-10");
	struct score score;

	(void)state;
	lines[1].sub_kind = STR("rail");
	ledger_put(&l, order_with(&l, "shop", PLATFORM_SHOPPING, day, day, lines, 2));
	ledger_put(&l, order_with(&l, "trip", PLATFORM_TRAVEL, day, day, lines, 2));
	food("a", day, YUAN(29000));
	food("b", day, YUAN(2000));
	ledger_put(&l, order_for(&l, "t", PLATFORM_TICKETS, day, day, YUAN(4000)));
	ledger_put(&l, order_for(&l, "r", PLATFORM_RIDES, day, day, YUAN(7000)));
	score = standing(at("2026-04-01")).score;
	/* shopping 50,000 of 80,000; travel 60,000 of 70,000 + 6,000; food 30,000 … */
	assert_int_equal(score.counted_spend, YUAN(50000 + 60000 + 30000 + 3000 + 6000));
	assert_int_equal(score.spend, YUAN(80000 + 80000 + 31000 + 4000 + 7000));
	ledger_put(&l, reversal_with(&l, "x1", "trip", at("2026-04-01"), &back, 1));
	ledger_put(&l, reversal_with(&l, "x2", "shop", at("2026-04-01"), &back, 1));
	score = standing(at("2026-04-01")).score;
	assert_int_equal(score.counted_spend, YUAN(50000 + (45000 + 6000) + 30000 + 3000 + 6000));
}

static void converts_what_is_left_of_each_line(void **state)
{
	struct line lines[] = {goods(1, 3), goods(2, 3)};
	const struct reversal_line back = {1, "GBP", 1};
	struct policy odd = default_policy;
	const struct policy_rate rate = {"GBP", 2, 5000}; /* CNY 0.50 */
	const struct policy *const versions[] = {&odd};
	const struct policy_list list = {versions, 1};

	(void)state;
	odd.rates = &rate;
	odd.n_rates = 1;
	l.policies = &list;
	memcpy(lines[0].currency, "GBP", 4);
	memcpy(lines[1].currency, "GBP", 4);
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-10"), at("2026-03-10"), lines,
				  2));
	assert_int_equal(standing(at("2026-03-11")).score.spend, 2 + 2); /* 1.5 up, each */
	ledger_put(&l, reversal_with(&l, "x", "o", at("2026-03-12"), &back, 1));
	assert_int_equal(standing(at("2026-03-12")).score.spend, 1 + 2); /* 2 left: 1.0 */
}

static void case_26_first_instant_counts_in_the_new_month(void **state)
{
	struct standing s;

	(void)state;
	food("new", at("2026-03-01 00:00:00"), YUAN(100));
	s = standing(at("2027-02-28 23:59:59"));
	assert_int_equal(s.score.counted_spend, YUAN(100));
	assert_int_equal(standing(at("2027-03-01")).score.counted_spend, 0);
}

static void case_27_last_instant_counts_in_the_old_month(void **state)
{
	int64_t last = at("2026-02-28 23:59:59") + 999 * 1000; /* 15:59:59.999 of UTC */

	(void)state;
	food("old", last, YUAN(100));
	assert_int_equal(standing(at("2027-02-01") - 1).score.counted_spend, YUAN(100));
	assert_int_equal(standing(at("2027-02-01")).score.counted_spend, 0);
	assert_int_equal(standing(at("2026-03-01")).score.days, 1);
}

/* ---- reversals ---- */

static void case_09_partial_refund_of_one_line_takes_only_that_line(void **state)
{
	struct line lines[] = {goods(1, YUAN(100)), goods(2, YUAN(100))};
	const struct reversal_line back = {2, "CNY", YUAN(40)};
	struct standing s;

	(void)state;
	lines[0].category = STR("shoes");
	lines[1].category = STR("books");
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-10"), at("2026-03-10"), lines,
				  2));
	ledger_put(&l, reversal_with(&l, "x", "o", at("2026-03-12"), &back, 1));
	s = standing(at("2026-03-12"));
	assert_int_equal(s.score.spend, YUAN(160));
	assert_int_equal(s.score.categories, 2);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-12")), ENTRY_PARTLY_REVERSED);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-12") - 1), ENTRY_POSTED);
	assert_int_equal(standing(at("2026-03-12") - 1).score.spend, YUAN(200));
}

static void case_10_many_partials_to_zero_are_exactly_zero(void **state)
{
	struct line line = goods(1, 3333);

	(void)state;
	memcpy(line.currency, "USD", 4);
	line.category = STR("shoes");
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-10"), at("2026-03-10"), &line,
				  1));
	for (int i = 0; i < 33; i++) {
		const struct reversal_line back = {1, "USD", 101};

		ledger_put(&l, reversal_with(&l, name("x", i), "o",
					     at("2026-03-11") + i * US_PER_HOUR, &back, 1));
	}
	assert_int_equal(standing(at("2026-03-20")).score.micro, 0);
	assert_int_equal(standing(at("2026-03-20")).score.spend, 0);
	assert_int_equal(standing(at("2026-03-20")).score.categories, 0);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-20")), ENTRY_REVERSED);
}

static void case_11_refund_in_a_later_month_takes_from_the_first(void **state)
{
	(void)state;
	food("march", at("2026-03-10"), YUAN(100));
	food("april", at("2026-04-10"), YUAN(100));
	ledger_put(&l, reversal_for(&l, "x", "march", at("2026-04-20"), YUAN(60)));
	/* when March has left, April is whole */
	assert_int_equal(standing(at("2027-02-15")).score.spend, YUAN(140));
	assert_int_equal(standing(at("2027-03-15")).score.spend, YUAN(100));
	assert_int_equal(standing(at("2027-04-15")).score.spend, 0);
}

static void case_12_refund_outside_the_window_changes_nothing(void **state)
{
	struct standing before, after;

	(void)state;
	food("old", at("2025-01-10"), YUAN(100));
	food("young", at("2026-01-10"), YUAN(100));
	before = standing(at("2026-02-10"));
	ledger_put(&l, reversal_for(&l, "x", "old", at("2026-02-09"), YUAN(50)));
	after = standing(at("2026-02-10"));
	assert_true(same_standing(&before, &after));
	assert_int_equal(ledger_state(&l, "old", at("2026-02-10")), ENTRY_PARTLY_REVERSED);
}

static void case_13_refund_across_a_bend_equals_a_fresh_computation(void **state)
{
	struct score bent, fresh;

	(void)state;
	food("a", at("2026-03-10"), YUAN(1500));
	food("b", at("2026-03-10"), YUAN(1500)); /* the bend is at 2,000 */
	assert_int_equal(standing(at("2026-03-11")).score.parts[PART_SPEND], 230 * MICRO);
	ledger_put(&l, reversal_for(&l, "x", "b", at("2026-03-11"), YUAN(1234)));
	bent = standing(at("2026-03-11")).score;
	ledger_fini(&l);
	ledger_init(&l, &default_policies);
	food("a", at("2026-03-10"), YUAN(1500));
	food("b", at("2026-03-10"), YUAN(266));
	fresh = standing(at("2026-03-11")).score;
	assert_true(same_score(&bent, &fresh));
	assert_int_equal(fresh.parts[PART_SPEND], 176600000);
}

static void case_14_refund_below_keep(void **state)
{
	struct fold fold;

	(void)state;
	/* Gold: 20,000 gives 740 and a day and a platform */
	ledger_put(&l, order_for(&l, "o", PLATFORM_FOOD, at("2026-01-10"), at("2026-01-10"),
				 YUAN(20000)));
	assert_int_equal(standing(at("2026-01-10")).tier, TIER_GOLD);
	assert_int_equal(standing(at("2026-01-10")).protected_until, at("2026-04-08"));
	assert_false(standing(at("2026-02-20") - 1).below_keep);
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-02-20"), YUAN(10000)));
	fold = ledger_fold(&l, at("2026-02-20"));
	assert_int_equal(fold.standing.tier, TIER_GOLD); /* 440 + 11, keep is 540 */
	assert_true(fold.standing.below_keep); /* at once, in protection too */
	assert_false(fold.standing.at_risk);
	fold = ledger_fold(&l, at("2026-04-08") - 1);
	assert_int_equal(fold.standing.tier, TIER_GOLD);
	assert_false(fold.standing.at_risk);
	assert_int_equal(fold.n_history, 1);
	fold = ledger_fold(&l, at("2026-04-08")); /* the settlement at its end judges */
	assert_true(fold.standing.at_risk);
	assert_int_equal(fold.standing.tier, TIER_GOLD);
	assert_int_equal(fold.standing.protected_until, 0);
	assert_int_equal(fold.history[1].kind, TRANSITION_AT_RISK);
	assert_int_equal(fold.history[1].points, 451);
	fold = ledger_fold(&l, at("2026-05-08"));
	assert_int_equal(fold.standing.tier, TIER_SILVER);
	assert_false(fold.standing.at_risk);
	assert_int_equal(fold.standing.protected_until, 0);
	assert_int_equal(fold.n_history, 3);
	assert_int_equal(fold.history[2].kind, TRANSITION_STEP_DOWN);
	assert_int_equal(fold.history[2].from, TIER_GOLD);
	assert_int_equal(fold.history[2].to, TIER_SILVER);
	assert_false(fold.standing.below_keep); /* Silver keeps at 360 */
}

static void reversal_before_posting_shrinks_what_posts(void **state)
{
	int64_t paid = at("2026-03-10"), posted = at("2026-03-17");
	struct fold fold;

	(void)state;
	shop("o", paid, YUAN(100));
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-12"), YUAN(30)));
	fold = ledger_fold(&l, at("2026-03-11"));
	assert_int_equal(fold.n_pending, 1);
	assert_int_equal(fold.pending[0].would_add, 10 * MICRO + 11 * MICRO);
	assert_int_equal(fold.pending[0].posts_at, posted);
	fold = ledger_fold(&l, at("2026-03-12"));
	assert_int_equal(fold.pending[0].would_add, 7 * MICRO + 11 * MICRO);
	assert_int_equal(fold.standing.score.micro, 0);
	assert_int_equal(fold.states[0], ENTRY_PENDING);
	fold = ledger_fold(&l, posted);
	assert_int_equal(fold.n_pending, 0);
	assert_int_equal(fold.standing.score.micro, 18 * MICRO);
	assert_int_equal(fold.states[0], ENTRY_PARTLY_REVERSED);
}

static void whole_reversal_before_posting_is_reversed_at_it(void **state)
{
	(void)state;
	shop("o", at("2026-03-10"), YUAN(100));
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-12"), YUAN(100)));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-16")), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-17") - 1), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-17")), ENTRY_REVERSED);
	assert_int_equal(ledger_state(&l, "x", at("2026-03-17")), ENTRY_APPLIED);
	assert_int_equal(standing(at("2026-03-18")).score.micro, 0);
}

static void reversal_never_acts_before_its_order(void **state)
{
	(void)state;
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-09"), YUAN(40)));
	food("o", at("2026-03-10"), YUAN(100));
	assert_int_equal(standing(at("2026-03-10")).score.spend, YUAN(60));
	assert_int_equal(standing(at("2026-03-10") - 1).score.spend, 0);
}

/* ---- completion and cancellation ---- */

static void case_48_paid_but_not_flown_is_pending(void **state)
{
	int64_t paid = at("2026-03-10"), flown = at("2026-09-01 18:00:00");
	struct fold fold;

	(void)state;
	ledger_put(&l, order_for(&l, "o", PLATFORM_TRAVEL, paid, 0, YUAN(2000)));
	fold = ledger_fold(&l, at("2026-05-01"));
	assert_int_equal(fold.states[0], ENTRY_PENDING);
	assert_int_equal(fold.standing.score.micro, 0);
	assert_int_equal(fold.standing.settled_at, 0);
	assert_int_equal(fold.n_pending, 1);
	assert_int_equal(fold.pending[0].posts_at, 0);
	assert_int_equal(fold.pending[0].would_add, 211 * MICRO);
	assert_int_equal(fold.next_change, at("2027-03-01")); /* it would add nothing then */
	ledger_put(&l, completion_for("c", "o", at("2026-05-02"), flown));
	fold = ledger_fold(&l, at("2026-05-02"));
	assert_int_equal(fold.pending[0].posts_at, flown + 2 * US_PER_DAY);
	assert_int_equal(fold.next_change, flown + 2 * US_PER_DAY);
	assert_int_equal(fold.schedule[0].causes, CHANGE_POSTING);
	assert_int_equal(fold.schedule[0].after.score.points, 211);
	assert_int_equal(ledger_state(&l, "c", at("2026-05-02")), ENTRY_APPLIED);
	assert_int_equal(ledger_state(&l, "o", flown + 2 * US_PER_DAY), ENTRY_POSTED);
}

static void case_49_cancelled_before_posting_is_voided(void **state)
{
	struct fold fold;

	(void)state;
	shop("o", at("2026-03-10"), YUAN(20000));
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-17") - 1));
	fold = ledger_fold(&l, at("2026-03-17") - 2);
	assert_int_equal(fold.states[0], ENTRY_PENDING);
	assert_int_equal(fold.pending[0].posts_at, 0);
	fold = ledger_fold(&l, at("2026-04-17"));
	assert_int_equal(fold.states[0], ENTRY_VOIDED);
	assert_int_equal(fold.states[1], ENTRY_APPLIED);
	assert_int_equal(fold.standing.score.micro, 0);
	assert_int_equal(fold.n_history, 0);
	assert_int_equal(fold.n_pending, 0);
	assert_int_equal(fold.n_schedule, 0);
}

static void cancellation_at_the_posting_is_a_reversal(void **state)
{
	struct fold fold;

	(void)state;
	shop("o", at("2026-03-10"), YUAN(20000));
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-17")));
	fold = ledger_fold(&l, at("2026-03-17"));
	assert_int_equal(fold.states[0], ENTRY_REVERSED);
	assert_int_equal(fold.standing.score.micro, 0);
	assert_int_equal(fold.n_history, 0); /* postings and cancellations act together */
}

static void cancellation_after_the_posting_leaves_nothing(void **state)
{
	(void)state;
	shop("o", at("2026-03-10"), YUAN(20000));
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-18")));
	assert_int_equal(standing(at("2026-03-18") - 1).score.points, 751);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-18") - 1), ENTRY_POSTED);
	assert_int_equal(standing(at("2026-03-18")).score.micro, 0);
	assert_int_equal(standing(at("2026-03-18")).tier, TIER_GOLD); /* attained meanwhile */
	assert_int_equal(ledger_state(&l, "o", at("2026-03-18")), ENTRY_REVERSED);
}

static void completions_act_on_what_was_reached(void **state)
{
	int64_t paid = at("2026-03-10");

	(void)state;
	shop("o", paid, YUAN(100)); /* posts on the 17th */
	ledger_put(&l, completion_for("late", "o", at("2026-03-17"), at("2026-03-20")));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-17")), ENTRY_POSTED);
	ledger_put(&l, completion_for("first", "o", at("2026-03-16"), at("2026-03-15")));
	/* now posts on the 22nd; the later one lies before that and moves it again */
	assert_int_equal(ledger_state(&l, "o", at("2026-03-22")), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-27") - 1), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-27")), ENTRY_POSTED);
	/* never before the order's own time */
	ledger_put(&l, completion_for("again", "o", at("2026-03-26"), at("2026-01-01")));
	assert_int_equal(ledger_state(&l, "o", paid + 7 * US_PER_DAY), ENTRY_POSTED);
}

static void completion_after_the_cancellation_says_nothing(void **state)
{
	(void)state;
	ledger_put(&l, order_for(&l, "o", PLATFORM_FOOD, at("2026-03-10"), 0, YUAN(100)));
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-12")));
	ledger_put(&l, completion_for("k", "o", at("2026-03-13"), at("2026-03-11")));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-11")), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-14")), ENTRY_VOIDED);
	assert_int_equal(ledger_state(&l, "k", at("2026-03-14")), ENTRY_APPLIED);
}

static void late_completion_is_folded_in_where_it_belongs(void **state)
{
	struct fold fold;

	(void)state;
	ledger_put(&l, order_for(&l, "o", PLATFORM_FOOD, at("2026-03-30"), 0, YUAN(20000)));
	fold = ledger_fold(&l, at("2026-05-20"));
	assert_int_equal(fold.standing.tier, TIER_BRONZE);
	assert_int_equal(ledger_send(&l,
				     completion_for("k", "o", at("2026-03-31"), at("2026-03-31")),
				     at("2026-05-20"), NULL),
			 MB_OK);
	fold = ledger_fold(&l, at("2026-05-20"));
	assert_int_equal(fold.n_history, 1);
	assert_int_equal(fold.history[0].effective_at, at("2026-03-31"));
	assert_int_equal(fold.standing.settled_at, at("2026-05-08"));
	assert_int_equal(fold.standing.settled.points, 751);
	assert_int_equal(fold.standing.protected_until, at("2026-06-08"));
	assert_int_equal(standing(at("2026-04-08")).settled.points, 751);
}

static void policy_completes_after_payment(void **state)
{
	struct policy automatic = default_policy;
	const struct policy *const versions[] = {&automatic};
	const struct policy_list list = {versions, 1};

	(void)state;
	automatic.posting.auto_complete[PLATFORM_SHOPPING] = 10 * US_PER_DAY;
	l.policies = &list;
	ledger_put(&l, order_for(&l, "o", PLATFORM_SHOPPING, at("2026-03-01"), 0, YUAN(100)));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-18") - 1), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-18")), ENTRY_POSTED);
	/* told in time it is the buyer who says when */
	ledger_put(&l, completion_for("k", "o", at("2026-03-17"), at("2026-03-04")));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-11")), ENTRY_POSTED);
}

/* ---- tiers ---- */

static void case_36_black_diamond_below_keep_twice_is_diamond(void **state)
{
	int64_t done = fill_to_the_top(200);
	struct fold fold;

	(void)state;
	/* the seven big orders of September 2025 leave: 200 days, 100 of breadth, little spend */
	assert_int_equal(standing(done).tier, TIER_BLACK_DIAMOND);
	fold = ledger_fold(&l, at("2026-09-08") - 1);
	assert_int_equal(fold.standing.tier, TIER_BLACK_DIAMOND);
	assert_true(fold.standing.below_keep);
	/* the settlement of September still covers September 2025 */
	fold = ledger_fold(&l, at("2026-09-08"));
	assert_false(fold.standing.at_risk);
	fold = ledger_fold(&l, at("2026-10-08"));
	assert_true(fold.standing.at_risk);
	assert_int_equal(fold.standing.tier, TIER_BLACK_DIAMOND);
	fold = ledger_fold(&l, at("2026-11-08"));
	assert_int_equal(fold.standing.tier, TIER_DIAMOND);
	assert_false(fold.standing.at_risk);
	assert_int_equal(fold.n_history, 3);
	/* and the next judges afresh */
	assert_true(standing(at("2026-12-08")).at_risk);
	assert_int_equal(standing(at("2027-01-08")).tier, TIER_PLATINUM);
}

static void case_37_between_keep_and_attain_is_kept(void **state)
{
	struct fold fold;

	(void)state;
	food("o", at("2026-01-10"), YUAN(16300)); /* 629 + 11 */
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-02-01"), YUAN(3000)));
	fold = ledger_fold(&l, at("2026-07-01"));
	assert_int_equal(fold.standing.score.points, 550); /* Gold attains 600, keeps 540 */
	assert_int_equal(fold.standing.tier, TIER_GOLD);
	assert_false(fold.standing.at_risk);
	assert_false(fold.standing.below_keep);
	assert_int_equal(fold.n_history, 1);
}

static void exactly_keep_is_kept(void **state)
{
	(void)state;
	food("o", at("2026-01-10"), YUAN(16300));
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-02-01"), YUAN(16300) - 1296667));
	assert_int_equal(standing(at("2026-07-01")).score.micro, 540000100);
	assert_false(standing(at("2026-07-01")).at_risk);
	ledger_put(&l, reversal_for(&l, "y", "o", at("2026-02-01"), 1));
	assert_int_equal(standing(at("2026-07-01")).score.micro, 539999800);
	assert_int_equal(standing(at("2026-07-01")).tier, TIER_SILVER);
}

static void protection_ends_at_the_third_month_after(void **state)
{
	static const struct {
		const char *upgrade, *until;
	} rows[] = {
		{"2026-01-01 00:00:00", "2026-04-08"}, {"2026-01-07 23:59:59", "2026-04-08"},
		{"2026-01-08 00:00:00", "2026-04-08"}, {"2026-01-31 23:59:59", "2026-04-08"},
		{"2026-10-31 10:00:00", "2027-01-08"}, {"2026-12-08 00:00:00", "2027-03-08"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ledger_fini(&l);
		ledger_init(&l, &default_policies);
		food("o", at(rows[i].upgrade), YUAN(20000));
		assert_int_equal(standing(at(rows[i].upgrade)).protected_until, at(rows[i].until));
		assert_int_equal(standing(at(rows[i].until) - 1).protected_until,
				 at(rows[i].until));
		assert_int_equal(standing(at(rows[i].until)).protected_until, 0);
	}
}

static void every_upgrade_protects_anew(void **state)
{
	(void)state;
	food("a", at("2026-01-10"), YUAN(10000)); /* 440 + 11: Silver */
	food("b", at("2026-03-10"), YUAN(6000)); /* 620 + 12: Gold */
	assert_int_equal(standing(at("2026-03-09")).protected_until, at("2026-04-08"));
	assert_int_equal(standing(at("2026-03-10")).protected_until, at("2026-06-08"));
	ledger_put(&l, cancellation_for("c", "b", at("2026-03-20")));
	assert_false(standing(at("2026-06-08") - 1).at_risk);
	assert_true(standing(at("2026-06-08")).at_risk);
}

static void live_score_that_attains_is_never_marked_or_lowered(void **state)
{
	struct fold fold;

	(void)state;
	food("a", at("2026-01-10"), YUAN(16300));
	ledger_put(&l, cancellation_for("c", "a", at("2026-02-01")));
	/* the settlement of 8 April ends protection: March's whole months hold nothing, but the
	 * first of April brings Gold back to the live score */
	food("b", at("2026-04-03"), YUAN(16300));
	fold = ledger_fold(&l, at("2026-04-08"));
	assert_int_equal(fold.standing.settled.points, 0);
	assert_false(fold.standing.at_risk);
	assert_int_equal(fold.standing.tier, TIER_GOLD);
	/* without it: marked on 8 April; then the live score attains on 3 May: left as it is */
	ledger_fini(&l);
	ledger_init(&l, &default_policies);
	food("a", at("2026-01-10"), YUAN(16300));
	ledger_put(&l, cancellation_for("c", "a", at("2026-02-01")));
	food("b", at("2026-05-03"), YUAN(16300));
	assert_true(standing(at("2026-05-03")).at_risk);
	fold = ledger_fold(&l, at("2026-05-08"));
	assert_true(fold.standing.at_risk);
	assert_int_equal(fold.standing.tier, TIER_GOLD);
	/* and the settlement that covers May clears it */
	fold = ledger_fold(&l, at("2026-06-08"));
	assert_false(fold.standing.at_risk);
	assert_int_equal(fold.history[fold.n_history - 1].kind, TRANSITION_RECOVERED);
	assert_int_equal(fold.history[fold.n_history - 1].to, TIER_GOLD);
	assert_int_equal(fold.history[fold.n_history - 1].points, 640);
}

static void upgrade_clears_the_mark_before_the_settlement(void **state)
{
	struct fold fold;

	(void)state;
	food("a", at("2026-01-10"), YUAN(10000)); /* Silver */
	ledger_put(&l, cancellation_for("c", "a", at("2026-02-01")));
	assert_true(standing(at("2026-04-08")).at_risk);
	food("b", at("2026-05-08"), YUAN(16300)); /* posts at the instant of the settlement */
	fold = ledger_fold(&l, at("2026-05-08"));
	assert_int_equal(fold.standing.tier, TIER_GOLD);
	assert_false(fold.standing.at_risk);
	assert_int_equal(fold.n_history, 3);
	assert_int_equal(fold.history[2].kind, TRANSITION_UPGRADE);
	assert_int_equal(fold.standing.settled_at, at("2026-05-08"));
	assert_int_equal(fold.standing.settled.points, 0);
	assert_int_equal(fold.standing.protected_until, at("2026-08-08"));
}

static void settlement_covers_what_is_effective_at_its_instant(void **state)
{
	(void)state;
	/* paid in February, posts at the very instant of the settlement of 8 March */
	ledger_put(&l, order_for(&l, "o", PLATFORM_SHOPPING, at("2026-02-20"), at("2026-03-01"),
				 YUAN(1000)));
	assert_int_equal(standing(at("2026-03-08")).settled_at, at("2026-03-08"));
	assert_int_equal(standing(at("2026-03-08")).settled.points, 111);
	assert_int_equal(standing(at("2026-03-08")).settled.last_month, 2026 * 12 + 1);
	assert_int_equal(standing(at("2026-03-08")).settled.first_month, 2025 * 12 + 2);
	assert_int_equal(standing(at("2026-03-08") - 1).settled_at, 0);
}

/* ---- schedule ---- */

static void case_29_settlement_twice_is_one(void **state)
{
	int64_t done = fill_to_the_top(200);
	struct fold once, twice;

	(void)state;
	once = ledger_fold(&l, at("2026-10-08"));
	twice = ledger_fold(&l, at("2026-10-08"));
	assert_true(same_fold(&once, &twice));
	assert_int_equal(once.n_history, 2);
	(void)done;
}

static void case_30_settlement_three_months_late_is_the_same(void **state)
{
	struct fold on_time, late;

	(void)state;
	fill_to_the_top(200);
	late = ledger_fold(&l, at("2027-02-20"));
	for (int month = 4; month < 14; month++) {
		int64_t settlement = calendar_month_day(2026 * 12 + month - 1, 8, 480);

		/* what was told on time is the beginning of what is told late */
		on_time = ledger_fold(&l, settlement);
		assert_true(on_time.n_history <= late.n_history);
		for (size_t i = 0; i < on_time.n_history; i++) {
			assert_true(same_transition(&on_time.history[i], &late.history[i]));
		}
		assert_int_equal(on_time.standing.settled_at, settlement);
	}
	assert_true(late.n_history > 3);
}

static void case_34_window_rolls_as_predicted(void **state)
{
	struct fold now, then;
	int64_t last = 0;

	(void)state;
	food("a", at("2026-01-10"), YUAN(9000));
	food("b", at("2026-02-10"), YUAN(9000));
	shop("c", at("2026-03-29"), YUAN(9000));
	now = ledger_fold(&l, at("2026-03-30"));
	for (size_t i = 0; i < now.n_schedule; i++) {
		const struct change *change = &now.schedule[i];

		assert_true(change->at > last && change->causes != 0);
		last = change->at;
		then = ledger_fold(&l, change->at);
		assert_true(same_standing(&then.standing, &change->after));
		assert_int_equal(then.next_change,
				 i + 1 < now.n_schedule ? now.schedule[i + 1].at : 0);
		assert_int_equal(then.n_schedule, now.n_schedule - i - 1);
	}
	/* posting; settlements of April and May with other scores; the ends of protection (June,
	 * July); January, February, March leave and are settled: marks, falls … to Bronze */
	then = ledger_fold(&l, at("2030-01-01"));
	assert_int_equal(then.standing.tier, TIER_BRONZE);
	assert_int_equal(then.n_schedule, 0);
	assert_int_equal(then.next_change, 0);
	assert_int_equal(then.standing.settled_at, at("2029-12-08"));
	assert_int_equal(then.standing.settled.last_month, 2029 * 12 + 10);
}

static void dates_move_on_when_all_is_quiet(void **state)
{
	struct standing s;

	(void)state;
	food("o", at("2026-01-10"), YUAN(100));
	s = standing(at("2031-05-07"));
	assert_int_equal(s.score.last_month, 2031 * 12 + 4);
	assert_int_equal(s.settled_at, at("2031-04-08"));
	assert_int_equal(s.settled.last_month, 2031 * 12 + 2);
	s = standing(at("2031-05-27")); /* after the settlement of the same month */
	assert_int_equal(s.score.last_month, 2031 * 12 + 4);
	assert_int_equal(s.score.first_month, 2030 * 12 + 5);
	assert_int_equal(s.settled_at, at("2031-05-08"));
	assert_int_equal(s.settled.last_month, 2031 * 12 + 3);
}

static void schedule_holds_each_change_once(void **state)
{
	static const struct {
		const char *at;
		unsigned causes;
		enum tier tier;
	} rows[] = {
		{"2026-02-08", CHANGE_SETTLEMENT, TIER_GOLD}, /* the first settled score */
		{"2026-04-08", CHANGE_SETTLEMENT, TIER_GOLD}, /* protection ends */
		{"2027-01-01", CHANGE_MONTH, TIER_GOLD}, /* January leaves */
		{"2027-02-08", CHANGE_SETTLEMENT, TIER_GOLD}, /* at risk */
		{"2027-03-08", CHANGE_SETTLEMENT, TIER_SILVER},
		{"2027-04-08", CHANGE_SETTLEMENT, TIER_SILVER}, /* at risk */
		{"2027-05-08", CHANGE_SETTLEMENT, TIER_BRONZE},
	};
	struct fold fold;

	(void)state;
	food("o", at("2026-01-10"), YUAN(20000));
	fold = ledger_fold(&l, at("2026-01-10"));
	assert_int_equal(fold.n_schedule, sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < fold.n_schedule; i++) {
		assert_int_equal(fold.schedule[i].at, at(rows[i].at));
		assert_int_equal(fold.schedule[i].causes, rows[i].causes);
		assert_int_equal(fold.schedule[i].after.tier, rows[i].tier);
	}
	assert_int_equal(fold.next_change, at("2026-02-08"));
	assert_int_equal(fold.next_date, at("2026-02-01"));
}

static void years_of_quiet_end(void **state)
{
	struct fold fold;

	(void)state;
	food("o", at("2026-01-10"), YUAN(100));
	food("p", at("2029-05-10"), YUAN(100));
	fold = ledger_fold(&l, at("2029-05-10"));
	assert_int_equal(fold.standing.settled_at, at("2029-05-08"));
	assert_int_equal(fold.n_schedule, 3);
	assert_int_equal(fold.schedule[0].at, at("2029-06-08"));
	assert_int_equal(fold.schedule[0].after.settled.points, 21);
	assert_int_equal(fold.schedule[1].at, at("2030-05-01"));
	assert_int_equal(fold.schedule[2].at, at("2030-06-08"));
	assert_int_equal(fold.schedule[2].after.settled.points, 0);
}

static void what_is_paid_later_is_pending_then(void **state)
{
	struct fold fold;

	(void)state;
	/* told four minutes ahead */
	assert_int_equal(ledger_send(&l,
				     order_for(&l, "o", PLATFORM_TRAVEL, at("2026-03-10 10:04:00"),
					       0, YUAN(100)),
				     at("2026-03-10 10:00:00"), NULL),
			 MB_OK);
	fold = ledger_fold(&l, at("2026-03-10 10:00:00"));
	assert_int_equal(fold.n_pending, 0);
	assert_int_equal(fold.states[0], ENTRY_PENDING);
	assert_int_equal(fold.next_change, at("2026-03-10 10:04:00"));
	assert_int_equal(fold.n_schedule, 2);
	assert_int_equal(fold.schedule[1].at, at("2027-03-01")); /* it would add nothing then */
	fold = ledger_fold(&l, at("2026-03-10 10:04:00"));
	assert_int_equal(fold.n_pending, 1);
	assert_int_equal(fold.n_schedule, 1);
}

static void what_has_no_effect_is_not_foretold(void **state)
{
	struct fold fold;

	(void)state;
	food("o", at("2026-03-10"), YUAN(100));
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-12"), YUAN(10)));
	assert_int_equal(ledger_send(&l, cancellation_for("c", "o", at("2026-03-11")),
				     at("2026-03-12"), NULL),
			 MB_OK);
	fold = ledger_fold(&l, at("2026-03-10"));
	assert_int_equal(fold.n_schedule, 2);
	assert_int_equal(fold.schedule[0].at, at("2026-03-11"));
	assert_int_equal(fold.schedule[0].causes, CHANGE_REVERSAL);
	assert_int_equal(fold.schedule[1].at, at("2026-04-08")); /* the first settlement */
	assert_int_equal(ledger_state(&l, "x", at("2026-03-12")), ENTRY_APPLIED);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-12")), ENTRY_REVERSED);
}

static void schedule_can_be_cut_short(void **state)
{
	struct fold_input in = {.policies = &default_policies, .t = at("2026-01-10")};
	struct fold fold;

	(void)state;
	food("o", at("2026-01-10"), YUAN(20000));
	in.entries = l.entries;
	in.n_entries = l.n;
	assert_int_equal(fold_ledger(&in, l.arena, &fold, NULL), MB_OK);
	assert_int_equal(fold.n_schedule, 0);
	assert_false(fold.schedule_truncated);
	assert_int_equal(fold.next_change, at("2026-02-08"));
	in.want_schedule = true;
	in.schedule_most = 3;
	assert_int_equal(fold_ledger(&in, l.arena, &fold, NULL), MB_OK);
	assert_int_equal(fold.n_schedule, 3);
	assert_true(fold.schedule_truncated);
	in.schedule_most = 7;
	assert_int_equal(fold_ledger(&in, l.arena, &fold, NULL), MB_OK);
	assert_int_equal(fold.n_schedule, 7);
	assert_false(fold.schedule_truncated);
}

static void far_future_is_reached_at_once(void **state)
{
	struct fold fold;

	(void)state;
	ledger_put(&l, order_for(&l, "o", PLATFORM_SHOPPING, at("2026-01-10"), CALENDAR_MAX,
				 YUAN(20000)));
	ledger_put(&l, order_for(&l, "p", PLATFORM_FOOD, at("2026-01-10"), at("8000-01-01"),
				 YUAN(20000)));
	fold = ledger_fold(&l, at("2026-01-11"));
	assert_int_equal(fold.n_pending, 2);
	assert_int_equal(fold.n_schedule, 4);
	assert_int_equal(fold.schedule[0].causes, CHANGE_MONTH); /* they would add nothing */
	assert_int_equal(fold.schedule[0].at, at("2027-01-01"));
	assert_int_equal(fold.schedule[1].at, at("8000-01-01"));
	assert_int_equal(fold.schedule[2].causes, CHANGE_SETTLEMENT);
	assert_int_equal(fold.schedule[2].at, at("8000-01-08"));
	assert_int_equal(fold.schedule[3].at, CALENDAR_MAX);
	assert_int_equal(fold.schedule[3].after.settled_at, at("9999-12-08"));
}

/* ---- policy versions ---- */

static void thresholds_change_in_mid_month(void **state)
{
	struct policy lower = default_policy, higher = default_policy;
	const struct policy *const versions[] = {&default_policy, &lower, &higher};
	const struct policy_list list = {versions, 3};
	struct fold fold;

	(void)state;
	lower.version = 2;
	lower.effective_from = at("2026-01-20 12:00:00");
	lower.tiers[TIER_GOLD].attain = 550 * MICRO;
	higher.version = 3;
	higher.effective_from = at("2026-05-20");
	higher.tiers[TIER_GOLD].attain = 700 * MICRO;
	higher.tiers[TIER_GOLD].keep = 630 * MICRO;
	l.policies = &list;
	food("o", at("2026-01-10"), YUAN(13500)); /* 545 + 11: Silver */
	fold = ledger_fold(&l, at("2026-01-15"));
	assert_int_equal(fold.standing.tier, TIER_SILVER);
	assert_int_equal(fold.next_change, lower.effective_from);
	assert_int_equal(fold.schedule[0].causes, CHANGE_POLICY);
	assert_int_equal(fold.schedule[0].after.tier, TIER_GOLD);
	fold = ledger_fold(&l, lower.effective_from); /* up at once */
	assert_int_equal(fold.standing.tier, TIER_GOLD);
	assert_int_equal(fold.standing.policy_version, 2);
	assert_int_equal(fold.history[1].policy_version, 2);
	assert_int_equal(fold.history[1].effective_at, lower.effective_from);
	fold = ledger_fold(&l, higher.effective_from); /* down not before a settlement */
	assert_int_equal(fold.standing.tier, TIER_GOLD);
	assert_true(fold.standing.below_keep);
	assert_false(fold.standing.at_risk);
	assert_true(standing(at("2026-06-08")).at_risk);
	assert_int_equal(standing(at("2026-07-08")).tier, TIER_SILVER);
}

static void version_in_force_computes_the_whole_window(void **state)
{
	struct policy second = default_policy;
	const struct policy *const versions[] = {&default_policy, &second};
	const struct policy_list list = {versions, 2};
	const struct policy_rate dollar = {"USD", 2, 80000};
	struct line line = goods(1, 10000);

	(void)state;
	second.version = 2;
	second.effective_from = at("2026-05-01");
	second.rates = &dollar;
	second.n_rates = 1;
	second.posting.delay[PLATFORM_FOOD] = 40 * US_PER_DAY;
	second.protection.months = 6;
	second.protection.window_months = 3;
	second.limits.window[PLATFORM_FOOD] = YUAN(750);
	l.policies = &list;
	memcpy(line.currency, "USD", 4);
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-10"), at("2026-03-10"), &line,
				  1));
	assert_int_equal(standing(at("2026-05-01") - 1).score.spend, YUAN(700));
	assert_int_equal(standing(at("2026-05-01")).score.spend, YUAN(800));
	assert_int_equal(standing(at("2026-05-01")).score.counted_spend, YUAN(750));
	assert_int_equal(standing(at("2026-06-01")).score.spend, 0); /* three months */
	assert_int_equal(standing(at("2026-06-08")).settled.spend, YUAN(800));
	assert_int_equal(standing(at("2026-07-08")).settled.spend, 0);
}

static void what_was_fixed_stays(void **state)
{
	struct policy second = default_policy;
	const struct policy *const versions[] = {&default_policy, &second};
	const struct policy_list list = {versions, 2};

	(void)state;
	second.version = 2;
	second.effective_from = at("2026-03-12");
	second.posting.delay[PLATFORM_SHOPPING] = 20 * US_PER_DAY;
	second.protection.months = 1;
	l.policies = &list;
	/* posts under version 2, but with the delay of the version at payment */
	shop("o", at("2026-03-10"), YUAN(10000));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-17")), ENTRY_POSTED);
	/* the upgrade is under version 2 */
	assert_int_equal(standing(at("2026-03-17")).protected_until, at("2026-04-08"));
	food("p", at("2026-03-11"), YUAN(20000)); /* this one under version 1 */
	assert_int_equal(standing(at("2026-03-11")).protected_until, at("2026-06-08"));
	assert_int_equal(standing(at("2026-04-20")).protected_until, at("2026-06-08"));
	shop("q", at("2026-03-12"), YUAN(100));
	assert_int_equal(ledger_state(&l, "q", at("2026-04-01") - 1), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "q", at("2026-04-01")), ENTRY_POSTED);
}

/* ---- bounds ---- */

static void sums_of_the_greatest_orders_hold(void **state)
{
	struct policy dear = default_policy;
	const struct policy *const versions[] = {&default_policy, &dear};
	const struct policy_list list = {versions, 2};
	const struct policy_rate rates[] = {{"USD", 2, INT64_MAX}};
	struct policy_bend bend = {INT64_MAX, INT64_MAX};
	struct standing s;

	(void)state;
	dear.version = 2;
	dear.effective_from = at("2026-05-01");
	dear.rates = rates;
	dear.n_rates = 1;
	dear.bends = &bend;
	dear.n_bends = 1;
	for (int p = 1; p < PLATFORM_END; p++) {
		dear.limits.order[p] = dear.limits.window[p] = INT64_MAX;
	}
	l.policies = &list;
	for (int i = 0; i < 2000; i++) {
		struct line line = goods(1, AMOUNT_MAX / 7);
		int64_t when = at("2026-03-10") + i * US_PER_MINUTE;

		memcpy(line.currency, "USD", 4);
		if (i % 2 == 0) {
			line = goods(1, AMOUNT_MAX);
		}
		ledger_put(&l, order_with(&l, name("o", i), PLATFORM_FOOD, when, when, &line, 1));
	}
	s = standing(at("2026-04-15"));
	assert_int_equal(s.score.spend, 1000 * AMOUNT_MAX + 1000 * (AMOUNT_MAX / 7 * 7));
	assert_int_equal(s.score.counted_spend, YUAN(30000));
	s = standing(at("2026-05-15")); /* every order is worth AMOUNT_MAX at most */
	assert_int_equal(s.score.spend, 2000 * AMOUNT_MAX);
	assert_int_equal(s.score.micro,
			 s.score.points * MICRO - s.score.parts[PART_FRACTION_DROPPED]);
	assert_true(s.score.points > 0);
	assert_int_equal(s.tier, TIER_BLACK_DIAMOND);
}

static void each_refused_allocation_is_an_error(void **state)
{
	struct fold_input in = {.policies = &default_policies, .t = at("2026-03-12")};
	const struct fold none = {0};
	size_t cap, refused = 0;
	enum mb_code code = MB_ARENA_FULL;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct line line = goods(1, YUAN(100));

		line.category = str_from(name("c", i));
		ledger_put(&l, order_with(&l, name("o", i), PLATFORM_SHOPPING, at("2026-03-10"),
					  at("2026-03-10"), &line, 1));
		ledger_put(&l, reversal_for(&l, name("x", i), name("o", i), at("2026-03-11"), 1));
	}
	in.entries = l.entries;
	in.n_entries = l.n;
	in.want_schedule = true;
	for (cap = 16; code != MB_OK; cap += 16) {
		struct arena *arena = arena_create(NULL, cap);
		struct fold fold = none;
		struct mb_err err;

		code = fold_ledger(&in, arena, &fold, &err);
		if (code != MB_OK) {
			assert_int_equal(code, MB_ARENA_FULL);
			assert_int_equal(err.code, MB_ARENA_FULL);
			assert_memory_equal(&fold, &none, sizeof(fold));
			refused++;
		}
		arena_destroy(arena);
	}
	assert_true(refused > 100);
	in.n_entries = 1000000;
	assert_int_equal(fold_ledger(&in, l.arena, &(struct fold){0}, NULL), MB_ARENA_FULL);
}

static void names_parts_and_states(void **state)
{
	(void)state;
	assert_string_equal(score_part_name(PART_FRACTION_DROPPED), "fraction dropped");
	assert_null(score_part_name(PART_END));
	assert_string_equal(entry_state_name(ENTRY_PARTLY_REVERSED), "partly_reversed");
	assert_null(entry_state_name((enum entry_state)0));
	assert_null(entry_state_name((enum entry_state)10));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_bronze),
		TEST(case_16_a_fen_under_platinum),
		TEST(case_17_exactly_1000),
		TEST(case_18_exactly_2500),
		TEST(case_35_bronze_to_black_diamond_is_one_row),
		TEST(case_46_many_orders_of_a_day_are_one_day),
		TEST(case_47_paid_by_coupon_gives_nothing),
		TEST(only_goods_and_services_count),
		TEST(limits_come_after_reversals),
		TEST(converts_what_is_left_of_each_line),
		TEST(case_26_first_instant_counts_in_the_new_month),
		TEST(case_27_last_instant_counts_in_the_old_month),
		TEST(case_09_partial_refund_of_one_line_takes_only_that_line),
		TEST(case_10_many_partials_to_zero_are_exactly_zero),
		TEST(case_11_refund_in_a_later_month_takes_from_the_first),
		TEST(case_12_refund_outside_the_window_changes_nothing),
		TEST(case_13_refund_across_a_bend_equals_a_fresh_computation),
		TEST(case_14_refund_below_keep),
		TEST(reversal_before_posting_shrinks_what_posts),
		TEST(whole_reversal_before_posting_is_reversed_at_it),
		TEST(reversal_never_acts_before_its_order),
		TEST(case_48_paid_but_not_flown_is_pending),
		TEST(case_49_cancelled_before_posting_is_voided),
		TEST(cancellation_at_the_posting_is_a_reversal),
		TEST(cancellation_after_the_posting_leaves_nothing),
		TEST(completions_act_on_what_was_reached),
		TEST(completion_after_the_cancellation_says_nothing),
		TEST(late_completion_is_folded_in_where_it_belongs),
		TEST(policy_completes_after_payment),
		TEST(case_36_black_diamond_below_keep_twice_is_diamond),
		TEST(case_37_between_keep_and_attain_is_kept),
		TEST(exactly_keep_is_kept),
		TEST(protection_ends_at_the_third_month_after),
		TEST(every_upgrade_protects_anew),
		TEST(live_score_that_attains_is_never_marked_or_lowered),
		TEST(upgrade_clears_the_mark_before_the_settlement),
		TEST(settlement_covers_what_is_effective_at_its_instant),
		TEST(case_29_settlement_twice_is_one),
		TEST(case_30_settlement_three_months_late_is_the_same),
		TEST(case_34_window_rolls_as_predicted),
		TEST(dates_move_on_when_all_is_quiet),
		TEST(schedule_holds_each_change_once),
		TEST(years_of_quiet_end),
		TEST(what_is_paid_later_is_pending_then),
		TEST(what_has_no_effect_is_not_foretold),
		TEST(schedule_can_be_cut_short),
		TEST(far_future_is_reached_at_once),
		TEST(thresholds_change_in_mid_month),
		TEST(version_in_force_computes_the_whole_window),
		TEST(what_was_fixed_stays),
		TEST(sums_of_the_greatest_orders_hold),
		TEST(each_refused_allocation_is_an_error),
		TEST(names_parts_and_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
