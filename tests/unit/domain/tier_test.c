/* SPDX-License-Identifier: Apache-2.0 */
/* How tiers rise and fall, under one policy version and several. */
#include "story.h"

#include <string.h>

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

static void protection_that_would_be_over_is_none(void **state)
{
	struct policy none = default_policy;
	const struct policy *versions[] = {&none};
	const struct policy_list policies = {versions, 1};

	(void)state;
	none.protection.months = 0;
	ledger_fini(&l);
	ledger_init(&l, &policies);
	food("o", at("2026-01-07"), YUAN(10000)); /* Silver */
	food("p", at("2026-01-08 00:00:00"), YUAN(10000)); /* Gold */
	assert_int_equal(standing(at("2026-01-07")).protected_until, at("2026-01-08"));
	assert_int_equal(standing(at("2026-01-08")).tier, TIER_GOLD);
	assert_int_equal(standing(at("2026-01-08")).protected_until, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_35_bronze_to_black_diamond_is_one_row),
		TEST(case_14_refund_below_keep),
		TEST(case_36_black_diamond_below_keep_twice_is_diamond),
		TEST(case_37_between_keep_and_attain_is_kept),
		TEST(exactly_keep_is_kept),
		TEST(protection_ends_at_the_third_month_after),
		TEST(protection_that_would_be_over_is_none),
		TEST(every_upgrade_protects_anew),
		TEST(live_score_that_attains_is_never_marked_or_lowered),
		TEST(upgrade_clears_the_mark_before_the_settlement),
		TEST(settlement_covers_what_is_effective_at_its_instant),
		TEST(thresholds_change_in_mid_month),
		TEST(version_in_force_computes_the_whole_window),
		TEST(what_was_fixed_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
