/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/benefit.h"
#include "fixture.h"
#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena *arena;
static const struct policy *policy;

static int set_up(void **state)
{
	(void)state;
	arena = arena_create(NULL, 0);
	policy = default_parsed(arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

static struct entitlement check(const char *id, enum tier tier, bool vip, bool apass)
{
	const struct holder holder = {tier, vip, apass, false};
	const struct policy_benefit *benefit = policy_benefit(policy, str_from(id));

	assert_non_null(benefit);
	return benefit_check(benefit, &holder, policy);
}

static int count_held(enum tier tier, bool vip, bool apass)
{
	const struct holder holder = {tier, vip, apass, false};
	int held = 0;

	for (int32_t i = 0; i < policy->n_benefits; i++) {
		held += benefit_check(&policy->benefits[i], &holder, policy).held;
	}
	return held;
}

/* The score of exactly 2500 brings Black Diamond; what APASS adds stays closed. */
static void case_18_black_diamond_holds_no_apass_benefit(void **state)
{
	static const char *const APASS[] = {"account-manager", "apass-events", "daily-brand-deals",
					    "members-zone"};

	(void)state;
	for (size_t i = 0; i < sizeof(APASS) / sizeof(APASS[0]); i++) {
		struct entitlement e = check(APASS[i], TIER_BLACK_DIAMOND, false, false);

		assert_false(e.held);
		assert_int_equal(e.reason, BENEFIT_NEEDS_APASS);
		assert_int_equal(e.value, 0);
		assert_int_equal(e.unlock_tier, 0);
		assert_true(e.unlock_apass && !e.unlock_vip);
		assert_true(check(APASS[i], TIER_BRONZE, false, true).held);
	}
}

static void case_35_black_diamond_holds_all_of_the_tier_table(void **state)
{
	(void)state;
	for (int32_t i = 0; i < policy->n_benefits; i++) {
		const struct policy_benefit *benefit = &policy->benefits[i];
		const struct holder holder = {TIER_BLACK_DIAMOND, false, false, false};

		assert_int_equal(benefit_check(benefit, &holder, policy).held,
				 benefit->number <= 21);
	}
}

/* Rows of the table with a mark in each tier's column. */
static void each_tier_holds_what_its_column_says(void **state)
{
	static const int HELD[TIER_END] = {
		[TIER_BRONZE] = 3,    [TIER_SILVER] = 5,   [TIER_GOLD] = 12,
		[TIER_PLATINUM] = 14, [TIER_DIAMOND] = 18, [TIER_BLACK_DIAMOND] = 21};

	(void)state;
	for (enum tier tier = TIER_BRONZE; tier < TIER_END; tier++) {
		assert_int_equal(count_held(tier, false, false), HELD[tier]);
	}
	assert_int_equal(count_held(TIER_BLACK_DIAMOND, true, true), policy->n_benefits);
}

static void a_closed_benefit_says_what_opens_it(void **state)
{
	struct entitlement e = check("value-channel-discount", TIER_DIAMOND, true, true);

	(void)state;
	assert_int_equal(e.reason, BENEFIT_TIER_TOO_LOW);
	assert_int_equal(e.unlock_tier, TIER_BLACK_DIAMOND);
	assert_int_equal(e.unlock_points, 2500);
	assert_false(e.unlock_vip || e.unlock_apass);
	e = check("grocery-membership", TIER_GOLD, false, false);
	assert_int_equal(e.reason, BENEFIT_TIER_TOO_LOW);
	assert_true(e.unlock_vip);
	e = check("instant-refund", TIER_GOLD, false, false);
	assert_int_equal(e.unlock_tier, TIER_PLATINUM);
	assert_int_equal(e.unlock_points, 1000);
	assert_true(e.unlock_apass && !e.unlock_vip);
	e = check("music-membership", TIER_GOLD, false, false);
	assert_int_equal(e.reason, BENEFIT_NEEDS_88VIP);
	assert_int_equal(e.unlock_tier, 0);
	assert_int_equal(e.unlock_points, 0);
	e = check("hilton-status", TIER_BRONZE, false, false);
	assert_int_equal(e.unlock_tier, TIER_DIAMOND);
	assert_int_equal(e.unlock_points, 1500);
}

static void several_ways_to_hold_it(void **state)
{
	struct str text = default_with(arena, "vip: 5", "vip: 5\n    apass: 2");
	struct entitlement e;

	(void)state;
	assert_true(check("grocery-membership", TIER_BRONZE, true, false).held);
	assert_true(check("instant-refund", TIER_BRONZE, false, true).held);
	assert_int_equal(check("marriott-status", TIER_DIAMOND, false, false).value, 1);
	assert_int_equal(check("marriott-status", TIER_BLACK_DIAMOND, false, false).value, 2);
	assert_int_equal(check("shopping-coupons", TIER_BLACK_DIAMOND, true, true).value, 12);
	assert_int_equal(check("return-pickup", TIER_BLACK_DIAMOND, true, false).value, 5);
	/* uses add up … */
	policy = parsed(arena, text);
	e = check("return-pickup", TIER_BRONZE, true, true);
	assert_int_equal(e.value, 7);
	assert_int_equal(e.reason, BENEFIT_HELD);
	/* … of levels the highest counts */
	text = default_with(arena, "tiers: {gold: f1,", "vip: f3\n    tiers: {gold: f1,");
	policy = parsed(arena, text);
	assert_int_equal(check("travel-membership", TIER_GOLD, true, false).value, 3);
	assert_int_equal(check("travel-membership", TIER_BLACK_DIAMOND, true, false).value, 4);
	policy = default_parsed(arena);
}

static void case_17_exactly_1000_points_open_the_nominal_fee(void **state)
{
	const struct holder platinum = {TIER_PLATINUM, false, false, false};
	const struct holder gold = {TIER_GOLD, false, false, false};
	struct vip_offer offer = vip_offer(&platinum, 1000, policy);

	(void)state;
	assert_true(offer.offered && offer.at_upgrade_price);
	assert_int_equal(offer.price, 8800);
	assert_int_equal(offer.unlock_tier, 0);
	/* either of the two is enough */
	assert_true(vip_offer(&platinum, 0, policy).at_upgrade_price);
	assert_true(vip_offer(&gold, 1000, policy).at_upgrade_price);
	offer = vip_offer(&gold, 999, policy);
	assert_true(offer.offered && !offer.at_upgrade_price);
	assert_int_equal(offer.price, 88800);
	assert_int_equal(offer.unlock_tier, TIER_PLATINUM);
	assert_int_equal(offer.unlock_points, 1000);
}

static void the_full_price_has_a_switch(void **state)
{
	const struct policy *closed = parsed(arena, default_with(arena, "sold_at_full_price: true",
								 "sold_at_full_price: false"));
	const struct holder gold = {TIER_GOLD, false, false, false};
	struct vip_offer offer = vip_offer(&gold, 999, closed);

	(void)state;
	assert_false(offer.offered || offer.at_upgrade_price);
	assert_int_equal(offer.price, 0);
	assert_int_equal(offer.unlock_tier, TIER_PLATINUM);
	assert_true(vip_offer(&gold, 1000, closed).offered);
}

static void fractions_of_thresholds_need_the_next_point(void **state)
{
	const struct policy *odd = parsed(arena, default_with(arena, "nominal_from_score: 1000",
							      "nominal_from_score: 699.5"));
	const struct holder gold = {TIER_GOLD, false, false, false};

	(void)state;
	assert_int_equal(vip_offer(&gold, 10, odd).unlock_points, 700);
	assert_false(vip_offer(&gold, 699, odd).at_upgrade_price);
	assert_true(vip_offer(&gold, 700, odd).at_upgrade_price);
}

static void case_72_the_suspended_hold_nothing(void **state)
{
	const struct holder suspended = {TIER_BLACK_DIAMOND, true, true, true};
	const struct vip_offer offer = vip_offer(&suspended, 2500, policy);

	(void)state;
	for (int32_t i = 0; i < policy->n_benefits; i++) {
		struct entitlement e = benefit_check(&policy->benefits[i], &suspended, policy);

		assert_false(e.held);
		assert_int_equal(e.reason, BENEFIT_NOT_NOW);
		assert_int_equal(e.value, 0);
		assert_true(e.unlock_reinstatement);
		assert_false(e.unlock_tier != 0 || e.unlock_vip || e.unlock_apass);
	}
	assert_false(offer.offered || offer.at_upgrade_price);
	assert_true(offer.unlock_reinstatement);
}

static void reasons_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(benefit_reason_name(BENEFIT_HELD), "HELD");
	assert_string_equal(benefit_reason_name(BENEFIT_NEEDS_88VIP), "NEEDS_88VIP");
	assert_null(benefit_reason_name(0));
}

/* The domain's other tests stand on a policy written as C: with the same numbers as the file. */
static void the_fixture_has_the_numbers_of_the_file(void **state)
{
	struct policy twin = default_policy;

	(void)state;
	assert_true(default_policy.n_benefits >= 21);
	for (int32_t i = 0; i < 21; i++) {
		assert_int_equal(twin.benefits[i].number, policy->benefits[i].number);
		assert_int_equal(twin.benefits[i].kind, policy->benefits[i].kind);
		assert_memory_equal(twin.benefits[i].by_tier, policy->benefits[i].by_tier,
				    sizeof(twin.benefits[i].by_tier));
	}
	/* ids and names are for the file alone, and the fixture leaves out what no fold looks at */
	twin.benefits = policy->benefits;
	twin.n_benefits = policy->n_benefits;
	twin.basket = policy->basket;
	twin.quota = policy->quota;
	twin.partner_status = policy->partner_status;
	twin.audience = policy->audience;
	assert_true(policy_equal(&twin, policy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_18_black_diamond_holds_no_apass_benefit),
		cmocka_unit_test(case_35_black_diamond_holds_all_of_the_tier_table),
		cmocka_unit_test(each_tier_holds_what_its_column_says),
		cmocka_unit_test(a_closed_benefit_says_what_opens_it),
		cmocka_unit_test(several_ways_to_hold_it),
		cmocka_unit_test(case_17_exactly_1000_points_open_the_nominal_fee),
		cmocka_unit_test(the_full_price_has_a_switch),
		cmocka_unit_test(fractions_of_thresholds_need_the_next_point),
		cmocka_unit_test(case_72_the_suspended_hold_nothing),
		cmocka_unit_test(reasons_have_their_names),
		cmocka_unit_test(the_fixture_has_the_numbers_of_the_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
