/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/diff.h"

#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;
static struct mb_err err;

static int set_up(void **state)
{
	(void)state;
	arena = arena_create(NULL, 0);
	return arena == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

/* What changes when `old` of the default becomes `new`, a line for each value. */
static void changes(const char *old, const char *new, const char *expected)
{
	const struct policy *before = default_parsed(arena);
	const struct policy *after = parsed(arena, default_with(arena, old, new));
	struct policy_change *list;
	struct strbuf text = {0};
	size_t n;

	assert_int_equal(policy_diff(before, after, arena, &list, &n, &err), MB_OK);
	for (size_t i = 0; i < n; i++) {
		const struct str none = STR("-");
		const struct str a = list[i].before.ptr == NULL ? none : list[i].before;
		const struct str b = list[i].after.ptr == NULL ? none : list[i].after;

		strbuf_printf(&text, "%.*s: %.*s > %.*s\n", STR_ARG(list[i].path), STR_ARG(a),
			      STR_ARG(b));
	}
	strbuf_puts(&text, "");
	assert_string_equal(text.ptr, expected);
	strbuf_fini(&text);
}

static void values_by_their_path(void **state)
{
	(void)state;
	changes("gold: {attain: 600", "gold: {attain: 550", "tiers.gold.attain: 600 > 550\n");
	changes("rates:\n", "rates:\n  EUR: {exponent: 2, rate: 8}\n",
		"rates.EUR.exponent: - > 2\nrates.EUR.rate: - > 8.00\n");
	changes("upto: 350000.00", "upto: 340000.00",
		"spend.curve[3].upto: 350000.00 > 340000.00\n");
}

/* How it is written does not count. */
static void the_same_in_other_words_is_no_change(void **state)
{
	(void)state;
	changes("gold: {attain: 600,", "gold: {attain: 600.0,", "");
	changes("zone: \"+08:00\"", "zone: '+08:00'  # the zone", "");
}

static void benefits_by_their_id(void **state)
{
	(void)state;
	changes("silver: 1, gold: 1, platinum: 2, diamond: 3", "gold: 1, platinum: 3, diamond: 3",
		"benefits.ride-coupons.tiers.silver: 1 > -\n"
		"benefits.ride-coupons.tiers.platinum: 2 > 3\n");
	/* a flag's tiers are read as one */
	changes("tiers: [gold, platinum, diamond, black_diamond]",
		"tiers: [platinum, diamond, black_diamond]",
		"benefits.priority-service.tiers: [gold, platinum, diamond, black_diamond] > "
		"[platinum, diamond, black_diamond]\n");
	/* one that moves down is not all of those below it */
	changes("  - number: 8\n    id: ride-coupons\n    name: \"Ride coupons\"\n    kind: quota\n"
		"    tiers: {silver: 1, gold: 1, platinum: 2, diamond: 3, black_diamond: 4}\n",
		"",
		"benefits.ride-coupons.number: 8 > -\n"
		"benefits.ride-coupons.id: ride-coupons > -\n"
		"benefits.ride-coupons.name: Ride coupons > -\n"
		"benefits.ride-coupons.kind: quota > -\n"
		"benefits.ride-coupons.tiers.silver: 1 > -\n"
		"benefits.ride-coupons.tiers.gold: 1 > -\n"
		"benefits.ride-coupons.tiers.platinum: 2 > -\n"
		"benefits.ride-coupons.tiers.diamond: 3 > -\n"
		"benefits.ride-coupons.tiers.black_diamond: 4 > -\n");
}

static void short_memory_is_an_error_and_no_more(void **state)
{
	const struct policy *policy = default_parsed(arena);
	size_t caps = 0;
	bool done = false;

	(void)state;
	for (size_t cap = 1024; !done; cap *= 2, caps++) {
		struct arena *small = arena_create(NULL, cap);
		struct policy_change *list;
		size_t n;
		enum mb_code code = policy_diff(policy, policy, small, &list, &n, &err);

		done = code == MB_OK;
		assert_true(done || code == MB_ARENA_FULL);
		arena_destroy(small);
	}
	assert_true(caps > 3);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(values_by_their_path),
		CASE(the_same_in_other_words_is_no_change),
		CASE(benefits_by_their_id),
		CASE(short_memory_is_an_error_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
