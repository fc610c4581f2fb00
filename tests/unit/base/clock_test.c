/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void times_are_read_and_written(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"2026-11-21T08:00:00+08:00", "2026-11-21T00:00:00Z"},
		{"2026-11-20T23:59:59.9999999Z", "2026-11-20T23:59:59.999999Z"},
		{"2024-02-29T12:00:00.5Z", "2024-02-29T12:00:00.5Z"},
		{"1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.25Z"},
		{"2000-01-01T00:00:00-01:30", "2000-01-01T01:30:00Z"},
	};
	char text[32];
	int64_t t;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(clock_parse(rows[i].in, &t, NULL), MB_OK);
		clock_format(t, text, sizeof(text));
		assert_string_equal(text, rows[i].out);
	}
	assert_int_equal(clock_parse("2001-09-09T01:46:40Z", &t, NULL), MB_OK);
	assert_true(t == INT64_C(1000000000) * US_PER_SECOND);
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-11-21",
		"2026-13-01T00:00:00Z",
		"2025-02-29T00:00:00Z",
		"2026-11-21T24:00:00Z",
		"2026-11-21T08:00:00",
		"2026-11-21T08:00:00.Z",
		"2026-11-21T08:00:00Zx",
		"2026-11-21T08:00:00+8:00",
		"2026-1-21T08:00:00Z",
	};
	int64_t t = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(clock_parse(bad[i], &t, NULL), MB_FIELD_INVALID);
	}
	assert_int_equal(t, 7);
}

#ifdef MEMBERD_TEST_HOOKS
static void the_clock_of_tests_can_be_set(void **state)
{
	struct clock clock;

	(void)state;
	assert_int_equal(clock_init_spec(&clock, "fixed:2026-11-21T00:00:00Z", NULL), MB_OK);
	clock_set(&clock, clock_now(&clock) + 5);
	assert_true(clock_now(&clock) % US_PER_DAY == 5);
	assert_int_equal(clock_init_spec(&clock, "offset:-86400", NULL), MB_OK);
	assert_int_equal(clock_init_spec(&clock, "noon", NULL), MB_FIELD_INVALID);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_and_written),
		cmocka_unit_test(what_is_no_time_is_refused),
#ifdef MEMBERD_TEST_HOOKS
		cmocka_unit_test(the_clock_of_tests_can_be_set),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
