/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/calendar.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define ZONE	    480
#define MONTH(y, m) ((y)*12 + (m)-1)

static int64_t utc(const char *text)
{
	int64_t t;
	struct mb_err err;

	assert_int_equal(clock_parse(text, &t, &err), MB_OK);
	return t;
}

static void case_26_first_instant_of_a_month_is_the_new_month(void **state)
{
	(void)state;
	assert_int_equal(calendar_month(utc("2026-02-28T16:00:00Z"), ZONE), MONTH(2026, 3));
	assert_int_equal(calendar_month_start(MONTH(2026, 3), ZONE), utc("2026-02-28T16:00:00Z"));
}

static void case_27_last_instant_of_a_month_is_the_old_one(void **state)
{
	(void)state;
	assert_int_equal(calendar_month(utc("2026-02-28T15:59:59.999Z"), ZONE), MONTH(2026, 2));
	assert_int_equal(calendar_month(utc("2026-02-28T15:59:59.999999Z"), ZONE), MONTH(2026, 2));
	assert_int_equal(calendar_month(utc("2025-12-31T23:00:00Z"), ZONE), MONTH(2026, 1));
}

static void agrees_with_libc_over_all_days(void **state)
{
	(void)state;
	for (int64_t day = -719162; day <= 2932896; day += 7) {
		int64_t t = day * US_PER_DAY + US_PER_HOUR;
		time_t seconds = (time_t)(t / US_PER_SECOND - (t % US_PER_SECOND < 0));
		struct tm tm;

		gmtime_r(&seconds, &tm);
		assert_int_equal(calendar_day(t, 0), day);
		assert_int_equal(calendar_month(t, 0), MONTH(tm.tm_year + 1900, tm.tm_mon + 1));
		assert_int_equal(calendar_month_day(calendar_month(t, 0), 1, 0) +
					 (tm.tm_mday - 1) * US_PER_DAY,
				 day * US_PER_DAY);
	}
}

static void days_begin_at_midnight_of_the_zone(void **state)
{
	int32_t day = calendar_day(utc("2026-05-05T15:59:59.999999Z"), ZONE);

	(void)state;
	assert_int_equal(calendar_day(utc("2026-05-05T16:00:00Z"), ZONE), day + 1);
	assert_int_equal(calendar_day_start(day + 1, ZONE), utc("2026-05-05T16:00:00Z"));
	assert_int_equal(calendar_day(utc("2026-05-05T04:00:00Z"), -300), day - 1);
}

static void adding_months_keeps_the_clock_time(void **state)
{
	static const struct {
		const char *from;
		int32_t months;
		const char *to;
	} rows[] = {
		{"2026-01-31T10:20:30.5+08:00", 1, "2026-03-01T10:20:30.5+08:00"},
		{"2024-01-31T10:00:00+08:00", 1, "2024-03-01T10:00:00+08:00"},
		{"2026-01-31T00:00:00+08:00", 2, "2026-03-31T00:00:00+08:00"},
		{"2026-01-31T00:00:00+08:00", 3, "2026-05-01T00:00:00+08:00"},
		{"2024-02-29T23:59:59.999999+08:00", 12, "2025-03-01T23:59:59.999999+08:00"},
		{"2024-02-29T12:00:00+08:00", 48, "2028-02-29T12:00:00+08:00"},
		{"2026-12-15T07:00:00+08:00", 14, "2028-02-15T07:00:00+08:00"},
		{"2026-03-31T07:00:00+08:00", -1, "2026-03-01T07:00:00+08:00"},
		{"2026-03-15T07:00:00+08:00", -14, "2025-01-15T07:00:00+08:00"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(calendar_add_months(utc(rows[i].from), rows[i].months, ZONE),
				 utc(rows[i].to));
	}
}

static void settlements_fall_on_the_eighth(void **state)
{
	int64_t on = utc("2026-03-08T00:00:00+08:00");

	(void)state;
	assert_int_equal(calendar_next_settlement(on - 1, 8, ZONE), on);
	assert_int_equal(calendar_next_settlement(on, 8, ZONE), utc("2026-04-08T00:00:00+08:00"));
	assert_int_equal(calendar_last_settlement(on, 8, ZONE), on);
	assert_int_equal(calendar_last_settlement(on - 1, 8, ZONE),
			 utc("2026-02-08T00:00:00+08:00"));
	assert_int_equal(calendar_next_settlement(utc("2026-12-31T20:00:00Z"), 8, ZONE),
			 utc("2027-01-08T00:00:00+08:00"));
}

static void saturates_at_its_ends(void **state)
{
	(void)state;
	assert_int_equal(calendar_add(CALENDAR_MAX - 5, 5), CALENDAR_MAX);
	assert_int_equal(calendar_add(CALENDAR_MAX - 5, 4), CALENDAR_MAX - 1);
	assert_int_equal(calendar_add(0, INT64_MAX), CALENDAR_MAX);
	assert_int_equal(calendar_add(INT64_MIN, 0), CALENDAR_MIN);
	assert_int_equal(calendar_add_months(CALENDAR_MAX, 15, ZONE), CALENDAR_MAX);
	assert_int_equal(calendar_month(CALENDAR_MIN, 0), MONTH(1, 1));
	assert_int_equal(calendar_month(CALENDAR_MAX, 0), MONTH(9999, 12));
	assert_int_equal(calendar_month(CALENDAR_MAX, ZONE), MONTH(10000, 1));
	assert_int_equal(calendar_month(calendar_month_start(MONTH(10001, 7), ZONE), ZONE),
			 MONTH(10001, 7));
	assert_true(calendar_month(INT64_MAX, 0) > MONTH(10000, 1));
	assert_true(calendar_month(INT64_MIN, 0) < MONTH(1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_26_first_instant_of_a_month_is_the_new_month),
		cmocka_unit_test(case_27_last_instant_of_a_month_is_the_old_one),
		cmocka_unit_test(agrees_with_libc_over_all_days),
		cmocka_unit_test(days_begin_at_midnight_of_the_zone),
		cmocka_unit_test(adding_months_keeps_the_clock_time),
		cmocka_unit_test(settlements_fall_on_the_eighth),
		cmocka_unit_test(saturates_at_its_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
