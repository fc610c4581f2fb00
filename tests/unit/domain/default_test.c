/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture's policy is the embedded default file. */
#include "fixture.h"
#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct policy *file;
static struct arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = arena_create(NULL, 0);
	file = default_parsed(arena);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

#define SAME(field) assert_int_equal(file->field, default_policy.field)
/* Structs of int64_t only, without padding. */
#define SAME_ALL(field) \
	assert_memory_equal(&file->field, &default_policy.field, sizeof(file->field))

static void it_counts_alike(void **state)
{
	(void)state;
	SAME(version);
	SAME(effective_from);
	SAME(zone_minutes);
	SAME(exponent);
	SAME(n_rates);
	for (int32_t i = 0; i < file->n_rates; i++) {
		assert_string_equal(file->rates[i].currency, default_policy.rates[i].currency);
		SAME(rates[i].exponent);
		SAME(rates[i].rate_e4);
	}
	SAME(n_bends);
	for (int32_t i = 0; i < file->n_bends; i++) {
		SAME_ALL(bends[i]);
	}
	for (int p = 1; p < PLATFORM_END; p++) {
		SAME(posting.delay[p]);
		SAME(posting.auto_complete[p]);
		SAME(limits.order[p]);
		SAME(limits.window[p]);
	}
	SAME(limits.travel_rail);
	SAME_ALL(frequency);
	SAME_ALL(breadth);
	for (int kind = 1; kind < INTERACTION_END; kind++) {
		SAME_ALL(interaction.kind[kind]);
	}
	SAME(interaction.month);
	SAME(interaction.window);
	SAME(interaction.guard);
	SAME(interaction.post_delay);
}

static void it_ranks_alike(void **state)
{
	(void)state;
	for (int tier = 1; tier < TIER_END; tier++) {
		SAME_ALL(tiers[tier]);
	}
	for (int level = 1; level < LEVEL_END; level++) {
		SAME(levels[level]);
	}
	SAME(protection.settlement_day);
	SAME(protection.months);
	SAME(protection.window_months);
	SAME(credibility.fake_change);
	SAME(credibility.fake_span);
	SAME(credibility.fake_penalty);
	SAME(credibility.fake_penalty_months);
	SAME(credibility.base);
	SAME(credibility.lowest);
	SAME(credibility.highest);
}

static void it_gives_alike(void **state)
{
	(void)state;
	SAME(apass.score);
	SAME(apass.spend_over);
	SAME(apass.credibility);
	SAME(vip.price);
	SAME(vip.upgrade_price);
	SAME(vip.upgrade_tier);
	SAME(vip.upgrade_score);
	SAME(vip.sold_at_full_price);
	assert_true(file->n_benefits >= default_policy.n_benefits);
	for (int32_t i = 0; i < default_policy.n_benefits; i++) {
		SAME(benefits[i].number);
		SAME(benefits[i].kind);
		for (int tier = 1; tier < TIER_END; tier++) {
			SAME(benefits[i].by_tier[tier]);
		}
		SAME(benefits[i].percent_bp);
		SAME(benefits[i].n_levels);
	}
	SAME(benefits[1].percent_cap);
	SAME(benefits[1].value_channel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_counts_alike),
		cmocka_unit_test(it_ranks_alike),
		cmocka_unit_test(it_gives_alike),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
