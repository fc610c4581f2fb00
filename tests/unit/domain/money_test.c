/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/money.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int64_t convert(int64_t amount, int32_t exponent, int64_t rate_e4)
{
	const struct policy_rate rate = {.exponent = exponent, .rate_e4 = rate_e4};

	return money_convert(amount, &rate, &default_policy);
}

static void converts_half_up(void **state)
{
	(void)state;
	assert_int_equal(convert(1500000, 2, 70000), 10500000);
	assert_int_equal(convert(1, 2, 5000), 1); /* 0.5 fen */
	assert_int_equal(convert(1, 2, 4999), 0);
	assert_int_equal(convert(3, 2, 5000), 2); /* 1.5 */
	assert_int_equal(convert(0, 2, 5000), 0);
	assert_int_equal(convert(100, 0, 485), 485); /* 100 JPY at 0.0485 = 4.85 CNY */
	assert_int_equal(convert(12345, 3, 232100), 28653); /* 12.345 KWD at 23.21 = 286.527 */
	assert_int_equal(convert(50, 4, 10000), 1); /* half of a fen */
	assert_int_equal(convert(49, 4, 10000), 0);
}

static void never_wraps(void **state)
{
	(void)state;
	assert_int_equal(convert(INT64_MAX, 2, 10000), INT64_MAX);
	assert_int_equal(convert(INT64_MAX, 4, 1), INT64_C(9223372036855));
	assert_int_equal(convert(INT64_MAX, 0, INT64_MAX), INT64_MAX);
	assert_int_equal(convert(INT64_MAX, 4, INT64_MAX), INT64_MAX);
	assert_int_equal(convert(99999999, 4, INT64_MAX), INT64_MAX);
	assert_int_equal(convert(1, 2, INT64_MAX), INT64_C(922337203685478));
	assert_int_equal(sat_add(INT64_MAX - 1, 2), INT64_MAX);
	assert_int_equal(sat_add(INT64_MAX - 1, 1), INT64_MAX);
	assert_int_equal(sat_mul(INT64_MAX / 2 + 1, 2), INT64_MAX);
	assert_int_equal(sat_mul(3, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(converts_half_up),
		cmocka_unit_test(never_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
