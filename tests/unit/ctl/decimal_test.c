/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct decimal parse(const char *text)
{
	struct decimal value = {0};

	assert_true(decimal_parse(str_from(text), &value));
	return value;
}

static void parses_exactly(void **state)
{
	struct decimal value = parse("-11062.06");

	(void)state;
	assert_int_equal(value.units, -1106206);
	assert_int_equal(value.places, 2);
	value = parse("999999999999999999");
	assert_int_equal(value.units, INT64_C(999999999999999999));
	value = parse("0.123456789");
	assert_int_equal(value.places, 9);
}

static void refuses_what_is_no_number(void **state)
{
	static const char *const bad[] = {"",
					  "-",
					  ".",
					  ".5",
					  "5.",
					  "1.2.3",
					  "+1",
					  " 1",
					  "1 ",
					  "1e3",
					  "0x1",
					  "1,5",
					  "--1",
					  "NaN",
					  "1.-2",
					  "1.0000000001",
					  "1000000000000000000"};
	struct decimal value = {7, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(decimal_parse(str_from(bad[i]), &value));
	}
	assert_int_equal(value.units, 7);
}

static void compares(void **state)
{
	static const char *const rising[] = {"-2",     "-1.5",	      "-1.2", "-0.5",
					     "-0.001", "0",	      "0.1",  "0.11",
					     "1",      "1.000000001", "2.5",  "999999999999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof(rising) / sizeof(*rising); i++) {
		for (size_t j = 0; j < sizeof(rising) / sizeof(*rising); j++) {
			int order = decimal_cmp(parse(rising[i]), parse(rising[j]));

			assert_int_equal(order, (i > j) - (i < j));
		}
	}
	assert_int_equal(decimal_cmp(parse("1.50"), parse("1.5")), 0);
}

static int64_t times(const char *price, int64_t quantity, int places)
{
	int64_t out = -1;

	assert_true(decimal_times(parse(price), quantity, places, &out));
	return out;
}

static void multiplies_half_up(void **state)
{
	int64_t out = 5;

	(void)state;
	assert_int_equal(times("2.55", 6, 2), 1530);
	assert_int_equal(times("0.001", 4, 2), 0);
	assert_int_equal(times("0.001", 5, 2), 1);
	assert_int_equal(times("0.335", 3, 2), 101);
	assert_int_equal(times("1.2345", 7, 2), 864);
	assert_int_equal(times("3", 2, 2), 600);
	assert_int_equal(times("2.5", 1, 0), 3);
	/* towards +infinity, also below zero */
	assert_int_equal(times("-0.005", 1, 2), 0);
	assert_int_equal(times("-0.006", 1, 2), -1);
	assert_int_equal(times("77183.60", 0, 2), 0);
	assert_false(decimal_times(parse("999999999999999999"), 10, 2, &out));
	assert_false(decimal_times(parse("99999999999999999"), 1, 6, &out));
	assert_int_equal(out, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_exactly),
		cmocka_unit_test(refuses_what_is_no_number),
		cmocka_unit_test(compares),
		cmocka_unit_test(multiplies_half_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
