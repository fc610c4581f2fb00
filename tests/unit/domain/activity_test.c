/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/activity.h"

#include "base/clock.h"
#include "domain/calendar.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW at("2026-06-15 12:00:00")

static struct line line_of(int32_t line_no, int64_t amount)
{
	return (struct line){.line_no = line_no,
			     .type = LINE_GOODS,
			     .currency = "CNY",
			     .amount = amount,
			     .category = STR("shoes")};
}

static struct activity order_of(const struct line *lines, size_t n)
{
	return (struct activity){
		.kind = ACTIVITY_ORDER,
		.source = STR("shop.cn"),
		.source_event_id = STR("e-1"),
		.occurred_at = NOW,
		.order_source = STR("shop.cn"),
		.order_id = STR("o-1"),
		.order = {.platform = PLATFORM_SHOPPING, .lines = lines, .n_lines = n}};
}

static struct activity reversal_of(const struct reversal_line *lines, size_t n)
{
	return (struct activity){.kind = ACTIVITY_REVERSAL,
				 .source = STR("shop.cn"),
				 .source_event_id = STR("r-1"),
				 .occurred_at = NOW,
				 .order_source = STR("shop.cn"),
				 .order_id = STR("o-1"),
				 .reversal = {lines, n}};
}

static void expect(const struct activity *activity, enum mb_code code, const char *field)
{
	struct mb_err err = {0};

	assert_int_equal(activity_check(activity, &default_policy, NOW, &err), code);
	assert_string_equal(err.field, field);
}

static void takes_what_is_well_formed(void **state)
{
	struct line lines[] = {line_of(1, 0), line_of(7, AMOUNT_MAX)};
	struct reversal_line back = {1, "CNY", 1};
	struct activity activity = order_of(lines, 2);

	(void)state;
	lines[0].coupon = lines[0].points = 0;
	expect(&activity, MB_OK, "");
	activity.order.completed_at = at("2027-01-01"); /* may lie ahead */
	expect(&activity, MB_OK, "");
	activity = reversal_of(&back, 1);
	expect(&activity, MB_OK, "");
	activity.kind = ACTIVITY_CANCELLATION;
	expect(&activity, MB_OK, "");
	activity.kind = ACTIVITY_COMPLETION;
	activity.completion.completed_at = NOW;
	expect(&activity, MB_OK, "");
}

static void refuses_forms_of_the_envelope(void **state)
{
	static char longest[ID_BYTES_MAX + 1];
	struct line line = line_of(1, 100);
	struct activity activity = order_of(&line, 1);

	(void)state;
	memset(longest, 'a', sizeof(longest));
	activity.source = activity.order_source = STR("Shop");
	expect(&activity, MB_FIELD_INVALID, "source");
	activity.source = activity.order_source = (struct str){longest, SOURCE_BYTES_MAX + 1};
	expect(&activity, MB_FIELD_INVALID, "source");
	activity.source = activity.order_source = (struct str){longest, SOURCE_BYTES_MAX};
	expect(&activity, MB_OK, "");
	activity.source_event_id = (struct str){longest, ID_BYTES_MAX};
	expect(&activity, MB_OK, "");
	activity.source_event_id = (struct str){longest, ID_BYTES_MAX + 1};
	expect(&activity, MB_FIELD_INVALID, "source_event_id");
	activity.source_event_id = STR("");
	expect(&activity, MB_FIELD_INVALID, "source_event_id");
	activity.source_event_id = STR("\xff");
	expect(&activity, MB_FIELD_INVALID, "source_event_id");
	activity = order_of(&line, 1);
	activity.order_id = STR("");
	expect(&activity, MB_FIELD_INVALID, "order.order_id");
	activity = order_of(&line, 1);
	activity.order_source = STR("other");
	expect(&activity, MB_FIELD_INVALID, "order.order_source");
	activity.kind = ACTIVITY_CANCELLATION;
	expect(&activity, MB_OK, "");
	activity.order_source = STR("");
	expect(&activity, MB_FIELD_INVALID, "cancellation.order.order_source");
	activity.kind = ACTIVITY_FINDING; /* the service's own */
	expect(&activity, MB_FIELD_INVALID, "kind");
	activity.kind = (enum activity_kind)9;
	expect(&activity, MB_FIELD_INVALID, "kind");
}

static struct activity told(enum activity_kind kind)
{
	return (struct activity){.kind = kind,
				 .source = STR("feed"),
				 .source_event_id = STR("i-1"),
				 .occurred_at = NOW};
}

static void what_is_the_services_own_is_refused(void **state)
{
	struct line line = line_of(1, 100);
	struct activity activity = order_of(&line, 1);

	(void)state;
	activity.source = activity.order_source = STR("memberd");
	expect(&activity, MB_FIELD_INVALID, "source");
	activity.source = activity.order_source = STR("memberd.x");
	expect(&activity, MB_FIELD_INVALID, "source");
	activity.source = activity.order_source = STR("memberdx");
	expect(&activity, MB_OK, "");
	activity.source = activity.order_source = STR("member");
	expect(&activity, MB_OK, "");
	activity = told(ACTIVITY_UNDO);
	activity.about_source = STR("memberd");
	activity.about_event_id = STR("r3");
	expect(&activity, MB_FIELD_INVALID, "undo.activity.source");
	activity.about_source = STR("feed");
	expect(&activity, MB_OK, "");
	activity.about_event_id = STR("");
	expect(&activity, MB_FIELD_INVALID, "undo.activity.source_event_id");
}

static void refuses_forms_of_shares_and_openings(void **state)
{
	static char longest[ID_BYTES_MAX + 1];
	struct activity activity = told(ACTIVITY_SHARE);

	(void)state;
	memset(longest, 'a', sizeof(longest));
	expect(&activity, MB_FIELD_INVALID, "share.content");
	activity.share.content = (struct str){longest, ID_BYTES_MAX};
	expect(&activity, MB_FIELD_INVALID, "share.channel");
	activity.share.channel = (struct str){longest, LABEL_BYTES_MAX};
	expect(&activity, MB_OK, "");
	activity.share.channel.len++;
	expect(&activity, MB_FIELD_INVALID, "share.channel");
	activity.share.channel = STR("\xff");
	expect(&activity, MB_FIELD_INVALID, "share.channel");
	activity.share.content.len++;
	expect(&activity, MB_FIELD_INVALID, "share.content");
	activity = told(ACTIVITY_OPENING);
	expect(&activity, MB_FIELD_INVALID, "opening.share.source");
	activity.about_source = STR("feed");
	activity.about_event_id = (struct str){longest, ID_BYTES_MAX + 1};
	expect(&activity, MB_FIELD_INVALID, "opening.share.source_event_id");
	activity.about_event_id.len--;
	expect(&activity, MB_OK, "");
}

static void refuses_forms_of_the_other_interactions(void **state)
{
	struct activity activity = told(ACTIVITY_REVIEW);

	(void)state;
	activity.review.line_no = 1;
	expect(&activity, MB_FIELD_INVALID, "review.order.order_source");
	activity.order_source = STR("shop");
	expect(&activity, MB_FIELD_INVALID, "review.order.order_id");
	activity.order_id = STR("o-1");
	expect(&activity, MB_OK, "");
	activity.review.line_no = 0;
	expect(&activity, MB_FIELD_INVALID, "review.line_no");
	activity = told(ACTIVITY_POST);
	expect(&activity, MB_FIELD_INVALID, "post.content");
	activity.post.content = STR("p");
	expect(&activity, MB_OK, "");
	activity = told(ACTIVITY_ANSWER);
	expect(&activity, MB_FIELD_INVALID, "answer.question");
	activity.answer.question = STR("q");
	expect(&activity, MB_OK, "");
	activity = told(ACTIVITY_VOTE);
	expect(&activity, MB_FIELD_INVALID, "vote.content");
	activity.vote.content = STR("p");
	expect(&activity, MB_OK, "");
	activity = told(ACTIVITY_VISIT);
	activity.visit.store = STR("s");
	expect(&activity, MB_FIELD_INVALID, "visit.platform");
	activity.visit.platform = PLATFORM_FOOD;
	expect(&activity, MB_OK, "");
	activity.visit.store = STR("");
	expect(&activity, MB_FIELD_INVALID, "visit.store");
}

static void case_32_six_minutes_ahead_is_refused(void **state)
{
	struct line line = line_of(1, 100);
	struct activity activity = order_of(&line, 1);

	(void)state;
	activity.occurred_at = NOW + 5 * US_PER_MINUTE;
	expect(&activity, MB_OK, "");
	activity.occurred_at++;
	expect(&activity, MB_IN_FUTURE, "occurred_at");
	activity.occurred_at = NOW + 6 * US_PER_MINUTE;
	expect(&activity, MB_IN_FUTURE, "occurred_at");
	activity.occurred_at = CALENDAR_MIN - 1;
	expect(&activity, MB_FIELD_INVALID, "occurred_at");
}

static void refuses_forms_of_lines(void **state)
{
	struct line lines[] = {line_of(3, 100), line_of(4, 100)};
	struct activity activity = order_of(lines, 2);

	(void)state;
	lines[1].line_no = 3;
	expect(&activity, MB_FIELD_INVALID, "order.lines[1].line_no");
	lines[0].line_no = 0;
	expect(&activity, MB_FIELD_INVALID, "order.lines[0].line_no");
	lines[0] = line_of(1, 100);
	lines[1] = line_of(2, 100);
	lines[1].type = (enum line_type)0;
	expect(&activity, MB_FIELD_INVALID, "order.lines[1].type");
	lines[1] = line_of(2, -1);
	expect(&activity, MB_FIELD_INVALID, "order.lines[1].amount");
	lines[1] = line_of(2, 100);
	lines[1].coupon = -1;
	expect(&activity, MB_FIELD_INVALID, "order.lines[1].coupon");
	lines[1].coupon = 60;
	lines[1].points = 40;
	expect(&activity, MB_OK, "");
	lines[1].points = 41;
	expect(&activity, MB_FIELD_INVALID, "order.lines[1].amount");
	lines[1].points = INT64_MAX;
	expect(&activity, MB_FIELD_INVALID, "order.lines[1].amount");
	lines[1] = line_of(2, 100);
	memcpy(lines[1].currency, "EUR", 4);
	expect(&activity, MB_CURRENCY_UNKNOWN, "order.lines[1].currency");
	memcpy(lines[1].currency, "CNYX", 4);
	expect(&activity, MB_CURRENCY_UNKNOWN, "order.lines[1].currency");
	lines[1] = line_of(2, 100);
	lines[1].brand = STR("\xc0\x80");
	expect(&activity, MB_FIELD_INVALID, "order.lines[1].brand");
	activity.order.n_lines = 0;
	expect(&activity, MB_FIELD_INVALID, "order.lines");
	activity.order.n_lines = ORDER_LINES_MAX + 1;
	expect(&activity, MB_FIELD_INVALID, "order.lines");
	activity.order.n_lines = 1;
	activity.order.platform = (enum platform)PLATFORM_END;
	expect(&activity, MB_FIELD_INVALID, "order.platform");
}

static void case_74_amounts_over_the_limits_are_refused(void **state)
{
	struct line lines[] = {line_of(1, AMOUNT_MAX), line_of(2, 0)};
	struct reversal_line back[] = {{1, "CNY", AMOUNT_MAX}, {2, "USD", 1}};
	struct activity activity = order_of(lines, 2);

	(void)state;
	lines[0].coupon = AMOUNT_MAX; /* the amount is tested before the coupon */
	expect(&activity, MB_OK, "");
	lines[0].amount++;
	expect(&activity, MB_AMOUNT_OVER_LIMIT, "order.lines[0].amount");
	lines[0].amount--;
	lines[1].amount = 1;
	expect(&activity, MB_AMOUNT_OVER_LIMIT, "order.lines[1].amount");
	lines[0] = line_of(1, AMOUNT_MAX / 7);
	lines[1] = line_of(2, 0);
	memcpy(lines[0].currency, "USD", 4);
	expect(&activity, MB_OK, "");
	lines[0].amount++;
	expect(&activity, MB_AMOUNT_OVER_LIMIT, "order.lines[0].amount");
	lines[0].amount = INT64_MAX;
	expect(&activity, MB_AMOUNT_OVER_LIMIT, "order.lines[0].amount");
	activity = reversal_of(back, 1);
	expect(&activity, MB_OK, "");
	back[0].amount++;
	expect(&activity, MB_AMOUNT_OVER_LIMIT, "reversal.lines[0].amount");
	back[0].amount--;
	activity.reversal.n_lines = 2;
	expect(&activity, MB_AMOUNT_OVER_LIMIT, "reversal.lines[1].amount");
}

static void refuses_forms_of_the_other_kinds(void **state)
{
	struct reversal_line back[] = {{2, "CNY", 1}, {2, "CNY", 1}};
	struct activity activity = reversal_of(back, 2);

	(void)state;
	expect(&activity, MB_FIELD_INVALID, "reversal.lines[1].line_no");
	back[1] = (struct reversal_line){3, "CNY", 0};
	expect(&activity, MB_FIELD_INVALID, "reversal.lines[1].amount");
	back[1] = (struct reversal_line){3, "ZZZ", 1};
	expect(&activity, MB_CURRENCY_UNKNOWN, "reversal.lines[1].currency");
	activity.reversal.n_lines = 0;
	expect(&activity, MB_FIELD_INVALID, "reversal.lines");
	activity.kind = ACTIVITY_COMPLETION;
	activity.completion.completed_at = 0;
	expect(&activity, MB_FIELD_INVALID, "completion.completed_at");
	activity.completion.completed_at = INT64_MAX;
	expect(&activity, MB_FIELD_INVALID, "completion.completed_at");
}

static void orders_by_time_then_source_then_id(void **state)
{
	struct line line = line_of(1, 1);
	struct activity a = order_of(&line, 1), b = a;

	(void)state;
	assert_int_equal(activity_cmp(&a, &b), 0);
	b.source_event_id = STR("e-10");
	assert_true(activity_cmp(&a, &b) < 0);
	b.source = STR("a");
	assert_true(activity_cmp(&a, &b) > 0);
	b.occurred_at++;
	assert_true(activity_cmp(&a, &b) < 0);
}

static void names_kinds_and_nets(void **state)
{
	(void)state;
	assert_string_equal(activity_kind_name(ACTIVITY_REVERSAL), "reversal");
	assert_string_equal(activity_kind_name(ACTIVITY_SUSPENSION), "suspension");
	assert_null(activity_kind_name((enum activity_kind)9));
	assert_null(activity_kind_name((enum activity_kind)28));
	assert_true(activity_kind_told(ACTIVITY_ORDER) && activity_kind_told(ACTIVITY_UNDO));
	assert_false(activity_kind_told(ACTIVITY_FINDING));
	assert_false(activity_kind_told((enum activity_kind)9));
	assert_int_equal(line_net(&(struct line){.amount = 10, .coupon = 3, .points = 2}), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_well_formed),
		cmocka_unit_test(refuses_forms_of_the_envelope),
		cmocka_unit_test(what_is_the_services_own_is_refused),
		cmocka_unit_test(refuses_forms_of_shares_and_openings),
		cmocka_unit_test(refuses_forms_of_the_other_interactions),
		cmocka_unit_test(case_32_six_minutes_ahead_is_refused),
		cmocka_unit_test(refuses_forms_of_lines),
		cmocka_unit_test(case_74_amounts_over_the_limits_are_refused),
		cmocka_unit_test(refuses_forms_of_the_other_kinds),
		cmocka_unit_test(orders_by_time_then_source_then_id),
		cmocka_unit_test(names_kinds_and_nets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
