/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/policy.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void finds_the_version_in_force(void **state)
{
	struct policy second = default_policy, third = default_policy;
	const struct policy *const versions[] = {&default_policy, &second, &third};
	const struct policy_list list = {versions, 3};

	(void)state;
	second.effective_from = 1000;
	third.effective_from = 2000;
	assert_ptr_equal(policy_at(&list, -5), &default_policy);
	assert_ptr_equal(policy_at(&list, 999), &default_policy);
	assert_ptr_equal(policy_at(&list, 1000), &second);
	assert_ptr_equal(policy_at(&list, 1999), &second);
	assert_ptr_equal(policy_at(&list, INT64_MAX), &third);
	assert_int_equal(policy_next_change(&list, -5), 1000);
	assert_int_equal(policy_next_change(&list, 999), 1000);
	assert_int_equal(policy_next_change(&list, 1000), 2000);
	assert_int_equal(policy_next_change(&list, 2000), INT64_MAX);
	assert_int_equal(policy_next_change(&default_policies, -5), INT64_MAX);
}

static void newer_versions_overtake(void **state)
{
	struct policy second = default_policy, third = default_policy;
	const struct policy *const versions[] = {&default_policy, &third, &second};
	const struct policy_list list = {versions, 3};

	(void)state;
	third.version = 3; /* published after the second, but sooner in force */
	third.effective_from = 1000;
	second.version = 2;
	second.effective_from = 2000;
	assert_ptr_equal(policy_newest(&list), &third);
	assert_null(policy_newest(&(struct policy_list){NULL, 0}));
	assert_int_equal(policy_overtaken_at(&list, 1), 1000);
	assert_int_equal(policy_overtaken_at(&list, 2), 1000);
	assert_int_equal(policy_overtaken_at(&list, 3), INT64_MAX);
	/* what comes first is in force before its effective_from, too */
	assert_int_equal(policy_overtaken_at(&list, 0), INT64_MIN);
	assert_false(policy_overtakes(&list, 1, 999));
	assert_true(policy_overtakes(&list, 1, 1000));
	assert_true(policy_overtakes(&list, 2, 5000));
	assert_false(policy_overtakes(&list, 3, INT64_MAX));
	assert_true(policy_overtakes(&list, 0, INT64_MIN));
	assert_true(policy_knows(&list, 3));
	assert_false(policy_knows(&list, 4));
	assert_false(policy_knows(&default_policies, 2));
}

static void finds_rates_and_benefits(void **state)
{
	struct policy_rate rate;

	(void)state;
	assert_true(policy_rate(&default_policy, "USD", &rate));
	assert_int_equal(rate.rate_e4, 70000);
	assert_true(policy_rate(&default_policy, "CNY", &rate));
	assert_int_equal(rate.rate_e4, 10000);
	assert_int_equal(rate.exponent, 2);
	assert_string_equal(rate.currency, "CNY");
	assert_false(policy_rate(&default_policy, "EUR", &rate));
	assert_int_equal(policy_benefit(&default_policy, STR("value-channel-discount"))->number, 2);
	assert_null(policy_benefit(&default_policy, STR("value-channel")));
}

static void names_go_both_ways(void **state)
{
	(void)state;
	assert_string_equal(tier_name(TIER_BLACK_DIAMOND), "black_diamond");
	assert_null(tier_name(TIER_END));
	assert_null(tier_name((enum tier)0));
	assert_null(tier_name((enum tier) - 1));
	assert_string_equal(platform_name(PLATFORM_RIDES), "rides");
	assert_null(platform_name(PLATFORM_END));
	for (int i = 1; i < TIER_END; i++) {
		assert_int_equal(tier_from_name(str_from(tier_name((enum tier)i))), i);
	}
	assert_int_equal(tier_from_name(STR("Gold")), 0);
	assert_int_equal(tier_from_name(STR("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_version_in_force),
		cmocka_unit_test(newer_versions_overtake),
		cmocka_unit_test(finds_rates_and_benefits),
		cmocka_unit_test(names_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
