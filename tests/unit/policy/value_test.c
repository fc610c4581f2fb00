/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/value.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct written {
	enum value_type type;
	int exponent;
	const char *text;
	int64_t value;
};

static const struct written EXACT[] = {
	{VALUE_INT, 2, "0", 0},
	{VALUE_INT, 2, "-12", -12},
	{VALUE_AMOUNT, 2, "0.01", 1},
	{VALUE_AMOUNT, 2, "-0.01", -1},
	{VALUE_AMOUNT, 2, "100000000000.00", INT64_C(10000000000000)},
	{VALUE_AMOUNT, 0, "2000", 2000},
	{VALUE_AMOUNT, 4, "1.0001", 10001},
	{VALUE_POINTS, 2, "0.000001", 1},
	{VALUE_POINTS, 2, "1000000", INT64_C(1000000000000)},
	{VALUE_POINTS, 2, "0.2", 200000},
	{VALUE_SLOPE, 2, "0.1", 1000},
	{VALUE_SLOPE, 2, "0.0001", 1},
	{VALUE_SLOPE, 0, "0.000001", 1},
	{VALUE_SHARE, 2, "0.01%", 1},
	{VALUE_SHARE, 2, "120%", 12000},
	{VALUE_SPAN, 2, "0d", 0},
	{VALUE_SPAN, 2, "2d", 48 * US_PER_HOUR},
	{VALUE_SPAN, 2, "49h", 49 * US_PER_HOUR},
	{VALUE_SPAN, 2, "61min", 61 * US_PER_MINUTE},
	{VALUE_SPAN, 2, "61s", 61 * US_PER_SECOND},
	{VALUE_RATE, 2, "7.00", 70000},
	{VALUE_RATE, 2, "0.0001", 1},
	{VALUE_SWITCH, 2, "true", 1},
	{VALUE_SWITCH, 2, "false", 0},
	{VALUE_TIER, 2, "black_diamond", 6},
	{VALUE_INSTANT, 2, "1970-01-01T00:00:00Z", 0},
	{VALUE_INSTANT, 2, "2026-11-21T08:00:00.000001Z", INT64_C(1795248000000001)},
	{VALUE_ZONE, 2, "+08:00", 480},
	{VALUE_ZONE, 2, "-03:30", -210},
};

static void both_ways_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(EXACT) / sizeof(EXACT[0]); i++) {
		const struct written *row = &EXACT[i];
		char text[VALUE_TEXT_SIZE];
		int64_t value = 77;

		assert_true(value_parse(row->type, str_from(row->text), row->exponent, &value));
		assert_true(value == row->value);
		value_format(row->type, row->value, row->exponent, text);
		assert_string_equal(text, row->text);
	}
}

/* Written otherwise, and still the same value. */
static void other_spellings(void **state)
{
	static const struct written SAME[] = {
		{VALUE_AMOUNT, 2, "2000", 200000},
		{VALUE_AMOUNT, 2, "2000.5", 200050},
		{VALUE_POINTS, 2, "400.000000", 400000000},
		{VALUE_SHARE, 2, "12.50%", 1250},
		{VALUE_SPAN, 2, "48h", 2 * US_PER_DAY},
		{VALUE_RATE, 2, "7", 70000},
		{VALUE_INSTANT, 2, "1970-01-01T08:00:00+08:00", 0},
		{VALUE_ZONE, 2, "-00:00", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(SAME) / sizeof(SAME[0]); i++) {
		int64_t value = 77;

		assert_true(value_parse(SAME[i].type, str_from(SAME[i].text), SAME[i].exponent,
					&value));
		assert_true(value == SAME[i].value);
	}
}

static void what_is_no_value_leaves_the_place_alone(void **state)
{
	static const struct written NONE[] = {
		{VALUE_INT, 2, "", 0},
		{VALUE_INT, 2, "-", 0},
		{VALUE_INT, 2, "+1", 0},
		{VALUE_INT, 2, "0x10", 0},
		{VALUE_INT, 2, "00", 0},
		{VALUE_INT, 2, "1_000", 0},
		{VALUE_INT, 2, "12345678901234567890", 0},
		{VALUE_AMOUNT, 2, ".", 0},
		{VALUE_AMOUNT, 2, "1.234", 0},
		{VALUE_AMOUNT, 2, "1.2.3", 0},
		{VALUE_AMOUNT, 2, "1.-1", 0},
		{VALUE_AMOUNT, 2, "1e2", 0},
		{VALUE_AMOUNT, 2, "NaN", 0},
		{VALUE_AMOUNT, 0, "1.0", 0},
		{VALUE_SHARE, 2, "%", 0},
		{VALUE_SHARE, 2, "5 %", 0},
		{VALUE_SPAN, 2, "d", 0},
		{VALUE_SPAN, 2, "5", 0},
		{VALUE_SPAN, 2, "5m", 0},
		{VALUE_SPAN, 2, "1.5h", 0},
		{VALUE_SPAN, 2, "1d12h", 0},
		{VALUE_SPAN, 2, "999999999999d", 0},
		{VALUE_SWITCH, 2, "True", 0},
		{VALUE_TIER, 2, "Gold", 0},
		{VALUE_TIER, 2, "", 0},
		{VALUE_INSTANT, 2, "now", 0},
		{VALUE_INSTANT, 2, "2026-01-01", 0},
		{VALUE_ZONE, 2, "08:00", 0},
		{VALUE_ZONE, 2, "+8:00", 0},
		{VALUE_ZONE, 2, "+08:0x", 0},
		{VALUE_NAME, 2, "name", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++) {
		int64_t value = 77;

		if (value_parse(NONE[i].type, str_from(NONE[i].text), NONE[i].exponent, &value)) {
			fail_msg("'%s' was taken", NONE[i].text);
		}
		assert_true(value == 77);
	}
}

/* Whatever is written can be read, over the whole range that a policy may hold. */
static void random_values_survive(void **state)
{
	static const enum value_type TYPES[] = {VALUE_INT,   VALUE_AMOUNT, VALUE_POINTS,
						VALUE_SLOPE, VALUE_SHARE,  VALUE_RATE};
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 30000; i++) {
		enum value_type type = TYPES[i % 6];
		int exponent = i / 6 % 5;
		char text[VALUE_TEXT_SIZE];
		int64_t value, again = -1;

		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		/* short ones as often as long ones */
		value = (int64_t)((seed >> 20) % UINT64_C(10000000000)) >> (seed % 30);
		value_format(type, value, exponent, text);
		if (!value_parse(type, str_from(text), exponent, &again) || again != value) {
			fail_msg("%lld was written %s", (long long)value, text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_are_exact),
		cmocka_unit_test(other_spellings),
		cmocka_unit_test(what_is_no_value_leaves_the_place_alone),
		cmocka_unit_test(random_values_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
