/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "ctl/amount.h"
#include "ctl/progress.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/words.h"
#include "memberd/v1/common.pb-c.h"
#include "memberd/v1/scoring_service.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void aligns_what_eyes_see(void **state)
{
	static const char *const headers[] = {"name", ">n", "last", NULL};
	struct table table;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(table_width("Lin \xe6\xa2\x85"), 6); /* an ideograph takes two places */
	assert_int_equal(table_width("e\xcc\x81t\xc3\xa9"), 3);
	table_start(&table, headers);
	table_cell(&table, "\xe6\xa2\x85");
	table_cell(&table, "%d", 7);
	table_cell(&table, "%s", "");
	table_cell(&table, "a\x1b[31mb\n");
	table_cell(&table, "%s", "");
	table_cell(&table, "z");
	table_print(&table, out);
	table_fini(&table);
	fclose(out);
	assert_string_equal(text, "name      n  last\n\xe6\xa2\x85        7\na?[31mb?     z\n");
	free(text);
}

static void tells_times_in_a_zone(void **state)
{
	Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	static const char *const bad[] = {"",	     "z",      "+8",	 "+08",
					  "+0800",   "08:00",  "+08:60", "+18:01",
					  "+08:00Z", "*08:00", "+0a:00", "+08:0"};
	static const struct {
		int64_t seconds;
		int minutes;
	} starts[] = {
		{1793462400, 480}, /* 2026-10-31T16:00:00Z */
		{1793491200, 0}, /* 2026-11-01 in UTC */
		{1793503800, -210}, /* 03:30 on the 1st */
		{1793440800, 840}, /* 10:00 on the 31st */
	};
	char out[SHOW_BYTES];
	int minutes = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(show_parse_zone(bad[i], &minutes));
	}
	assert_int_equal(minutes, 7);
	time.seconds = 1795924800; /* 2026-11-29T00:00:00Z */
	time.nanos = 250000000;
	assert_string_equal(show_time(&time, out), "2026-11-29T04:00:00.25Z");
	assert_true(show_parse_zone("+08:00", &minutes));
	show_in_zone(minutes);
	assert_string_equal(show_time(&time, out), "2026-11-29T12:00:00.25+08:00");
	assert_true(show_parse_zone("-03:30", &minutes));
	show_in_zone(minutes);
	assert_string_equal(show_time(&time, out), "2026-11-29T00:30:00.25-03:30");
	assert_string_equal(show_time(NULL, out), "-");
	assert_true(show_parse_zone("Z", &minutes));
	show_in_zone(minutes);
	assert_string_equal(show_time(&time, out), "2026-11-29T04:00:00.25Z");
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		time.seconds = starts[i].seconds;
		assert_int_equal(show_zone_of_month(&time), starts[i].minutes);
	}
}

static void writes_and_reads_money(void **state)
{
	char out[AMOUNT_BYTES];
	int64_t minor = 9;

	(void)state;
	assert_string_equal(amount_format(-5, "CNY", out), "-0.05");
	assert_string_equal(amount_format(123456, "CNY", out), "1234.56");
	assert_string_equal(amount_format(123456, "JPY", out), "123456");
	assert_string_equal(amount_format(123456, "KWD", out), "123.456");
	assert_string_equal(amount_format(INT64_MIN, "GBP", out), "-92233720368547758.08");
	assert_true(amount_parse(STR("100"), "CNY", &minor));
	assert_int_equal(minor, 10000);
	assert_true(amount_parse(STR("0.05"), "CNY", &minor));
	assert_int_equal(minor, 5);
	assert_false(amount_parse(STR("0.005"), "CNY", &minor));
	assert_false(amount_parse(STR("-1"), "CNY", &minor));
	assert_false(amount_parse(STR("1.0"), "JPY", &minor));
	assert_int_equal(minor, 5);
	assert_string_equal(amount_points(999999960, out), "999.99996");
	assert_string_equal(amount_points(-500000, out), "-0.5");
	assert_string_equal(amount_points(2500000000, out), "2500");
	assert_string_equal(amount_points(0, out), "0");
}

static void names_values(void **state)
{
	char out[WORDS_BYTES];

	(void)state;
	assert_int_equal(words_to_enum(&memberd__v1__line_type__descriptor, STR("gift_card")),
			 MEMBERD__V1__LINE_TYPE__LINE_TYPE_GIFT_CARD);
	assert_int_equal(words_to_enum(&memberd__v1__line_type__descriptor, STR("goodss")), 0);
	assert_int_equal(words_to_enum(&memberd__v1__line_type__descriptor, STR("good")), 0);
	assert_int_equal(words_to_enum(&memberd__v1__line_type__descriptor, STR("")), 0);
	assert_int_equal(words_to_enum(&memberd__v1__line_type__descriptor, STR("GOODS")), 0);
	assert_string_equal(words_from_enum(&memberd__v1__tier__descriptor,
					    MEMBERD__V1__TIER__TIER_BLACK_DIAMOND, ' ', out),
			    "black diamond");
	assert_string_equal(words_from_enum(&memberd__v1__tier__descriptor, 77, ' ', out), "?77");
}

static void lists_values(void **state)
{
	char out[WORDS_LIST_BYTES], small[12];

	(void)state;
	assert_string_equal(words_list(&memberd__v1__tier__descriptor, MEMBERD__V1__TIER__TIER_GOLD,
				       out, sizeof(out)),
			    "bronze, silver, platinum, diamond, black_diamond");
	assert_string_equal(words_list(&memberd__v1__tier__descriptor, 0, small, sizeof(small)),
			    "bronze, sil");
	words_list(&memberd__v1__activity_kind__descriptor, 0, out, sizeof(out));
	assert_non_null(strstr(out, "order, completion, "));
	assert_non_null(strstr(out, ", suspension")); /* the longest list fits */
}

/* The two ends of a transition are of what it is about. */
static void shows_both_ends(void **state)
{
	Memberd__V1__TierTransition row = MEMBERD__V1__TIER_TRANSITION__INIT;
	char from[SHOW_BYTES], to[SHOW_BYTES];

	(void)state;
	row.from_tier = MEMBERD__V1__TIER__TIER_GOLD;
	row.to_tier = MEMBERD__V1__TIER__TIER_BLACK_DIAMOND;
	row.from_level = MEMBERD__V1__LEVEL__LEVEL_STANDARD;
	row.to_level = MEMBERD__V1__LEVEL__LEVEL_SUPER;
	row.from_state = MEMBERD__V1__MEMBER_STATE__MEMBER_STATE_ACTIVE;
	row.to_state = MEMBERD__V1__MEMBER_STATE__MEMBER_STATE_SUSPENDED;
	row.track = MEMBERD__V1__TRANSITION_TRACK__TRANSITION_TRACK_OVERRIDE;
	show_ends(&row, from, to);
	assert_string_equal(from, "gold");
	assert_string_equal(to, "black diamond");
	row.track = MEMBERD__V1__TRANSITION_TRACK__TRANSITION_TRACK_LEVEL;
	show_ends(&row, from, to);
	assert_string_equal(from, "standard");
	assert_string_equal(to, "super");
	row.track = MEMBERD__V1__TRANSITION_TRACK__TRANSITION_TRACK_STATE;
	show_ends(&row, from, to);
	assert_string_equal(from, "active");
	assert_string_equal(to, "suspended");
}

static void tells_rate_and_time_left(void **state)
{
	struct progress progress = {.what = "activities", .total = 20000, .first = 2000};
	char line[120];

	(void)state;
	progress_line(&progress, 2100, 500000000, line, sizeof(line));
	assert_string_equal(line, "2100 of 20000 activities");
	progress_line(&progress, 8000, INT64_C(2000000000), line, sizeof(line));
	assert_string_equal(line, "8000 of 20000 activities, 3000/s, 4 s left");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligns_what_eyes_see),
		cmocka_unit_test(tells_times_in_a_zone),
		cmocka_unit_test(writes_and_reads_money),
		cmocka_unit_test(names_values),
		cmocka_unit_test(lists_values),
		cmocka_unit_test(shows_both_ends),
		cmocka_unit_test(tells_rate_and_time_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
