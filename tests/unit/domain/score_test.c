/* SPDX-License-Identifier: Apache-2.0 */
/* What a ledger is worth at an instant. */
#include "story.h"

#include <string.h>

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

static void names_parts_and_states(void **state)
{
	(void)state;
	assert_string_equal(score_part_name(PART_FRACTION_DROPPED), "fraction dropped");
	assert_null(score_part_name(PART_END));
	assert_string_equal(entry_state_name(ENTRY_PARTLY_REVERSED), "partly_reversed");
	assert_null(entry_state_name((enum entry_state)0));
	assert_null(entry_state_name((enum entry_state)10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_bronze),
		TEST(case_16_a_fen_under_platinum),
		TEST(case_17_exactly_1000),
		TEST(case_18_exactly_2500),
		TEST(case_46_many_orders_of_a_day_are_one_day),
		TEST(case_47_paid_by_coupon_gives_nothing),
		TEST(only_goods_and_services_count),
		TEST(limits_come_after_reversals),
		TEST(converts_what_is_left_of_each_line),
		TEST(case_26_first_instant_counts_in_the_new_month),
		TEST(case_27_last_instant_counts_in_the_old_month),
		TEST(sums_of_the_greatest_orders_hold),
		TEST(names_parts_and_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
