/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/stamp.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* A zone, a pattern and a text; the time in UTC, NULL when the text is refused. */
static void check(const char *zone_name, const char *pattern, const char *text, const char *wanted)
{
	struct stamp_format format;
	struct zone zone;
	char got[40];
	int64_t at = 0;

	assert_int_equal(zone_open(&zone, str_from(zone_name), NULL), MB_OK);
	assert_int_equal(stamp_format_init(&format, str_from(pattern), NULL), MB_OK);
	assert_int_equal(stamp_parse(&format, &zone, str_from(text), &at), wanted != NULL);
	zone_close(&zone);
	if (wanted != NULL) {
		clock_format(at, got, sizeof(got));
		assert_string_equal(got, wanted);
	}
}

static void reads_patterns(void **state)
{
	(void)state;
	check("UTC", "%Y-%m-%d %H:%M:%S", "2011-12-09 12:50:00", "2011-12-09T12:50:00Z");
	check("UTC", "%-d/%-m/%Y %-H:%M", "9/12/2011 8:05", "2011-12-09T08:05:00Z");
	check("UTC", "%Y%m%dT%H%M%S.%f", "20111209T125000.25", "2011-12-09T12:50:00.25Z");
	check("UTC", "%Y%%%m%%%d", "2011%12%09", "2011-12-09T00:00:00Z");
	check("Asia/Shanghai", "unix", "1511544070", "2017-11-24T17:21:10Z");
	check("Asia/Shanghai", "unix", "-1", "1969-12-31T23:59:59Z");
}

static void refuses_texts_of_another_form(void **state)
{
	static const char *const bad[] = {"",
					  "2011-12-09",
					  "2011-12-09 12:50:0",
					  "2011-12-09 12:50:000",
					  "2011-12-09 12:50:00 ",
					  " 2011-12-09 12:50:00",
					  "2011-02-29 12:50:00",
					  "2011-13-01 12:50:00",
					  "2011-00-01 12:50:00",
					  "2011-01-00 12:50:00",
					  "2011-01-32 12:50:00",
					  "2011-01-01 24:00:00",
					  "2011-01-01 12:60:00",
					  "2011-01-01 12:00:60",
					  "0000-01-01 12:00:00",
					  "+011-01-01 12:00:00",
					  "2011-1-01 12:00:00",
					  "2011-01-01T12:00:00"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		check("UTC", "%Y-%m-%d %H:%M:%S", bad[i], NULL);
	}
	check("UTC", "unix", "1.5", NULL);
	check("UTC", "unix", "9223372036854775807", NULL);
}

static void knows_the_clocks_of_summer(void **state)
{
	const char *pattern = "%Y-%m-%d %H:%M";

	(void)state;
	check("Europe/London", pattern, "2011-03-27 00:59", "2011-03-27T00:59:00Z");
	check("Europe/London", pattern, "2011-03-27 01:30", "2011-03-27T01:30:00Z");
	check("Europe/London", pattern, "2011-03-27 02:00", "2011-03-27T01:00:00Z");
	check("Europe/London", pattern, "2011-10-30 01:30", "2011-10-30T00:30:00Z");
	check("Europe/London", pattern, "2011-10-30 02:00", "2011-10-30T02:00:00Z");
	check("America/New_York", pattern, "2011-03-13 02:30", "2011-03-13T07:30:00Z");
	check("America/New_York", pattern, "2011-11-06 01:30", "2011-11-06T05:30:00Z");
	check("Australia/Lord_Howe", pattern, "2011-04-03 01:45", "2011-04-02T14:45:00Z");
	check("Pacific/Apia", pattern, "2011-12-31 00:00", "2011-12-30T10:00:00Z");
}

static void answers_alike_whatever_was_asked_before(void **state)
{
	struct zone zone;

	(void)state;
	assert_int_equal(zone_open(&zone, STR("Europe/London"), NULL), MB_OK);
	for (int i = 0; i < 2; i++) {
		/* 2011-10-30 01:30 on the wall, asked from winter and from summer */
		zone_to_utc(&zone, i == 0 ? 1323000000 : 1310000000);
		assert_int_equal(zone_to_utc(&zone, 1319938200), 1319934600);
	}
	zone_close(&zone);
}

static void refuses_zones_that_are_not_there(void **state)
{
	static const char *const bad[] = {
		"",	"Europe/Londen", "Europe", "/etc/localtime", "../zoneinfo/UTC",
		"UTC ", "GMT0BST"};
	struct zone zone;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(zone_open(&zone, str_from(bad[i]), NULL), MB_FIELD_INVALID);
	}
}

static void leaves_tz_as_it_was(void **state)
{
	struct zone zone;

	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	assert_int_equal(zone_open(&zone, STR("Europe/London"), NULL), MB_OK);
	zone_close(&zone);
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	unsetenv("TZ");
	assert_int_equal(zone_open(&zone, STR("Europe/London"), NULL), MB_OK);
	zone_close(&zone);
	assert_null(getenv("TZ"));
}

static void refuses_patterns(void **state)
{
	static const char *const bad[] = {"",		"%Y-%m",       "%Y-%m-%d %p",
					  "%Y-%m-%d %", "%Y-%m-%d %-", "%Y-%m-%d %-Y",
					  "UNIX",	"unix "};
	struct stamp_format format;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(stamp_format_init(&format, str_from(bad[i]), NULL),
				 MB_FIELD_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_patterns),
		cmocka_unit_test(refuses_texts_of_another_form),
		cmocka_unit_test(knows_the_clocks_of_summer),
		cmocka_unit_test(answers_alike_whatever_was_asked_before),
		cmocka_unit_test(refuses_zones_that_are_not_there),
		cmocka_unit_test(leaves_tz_as_it_was),
		cmocka_unit_test(refuses_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
