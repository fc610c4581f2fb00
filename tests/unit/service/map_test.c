/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The border: what an activity may say, and which field is blamed when it says something else.
 */
#include "service/map.h"

#include "base/clock.h"
#include "policy/policy_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1795219200000000) /* 2026-11-21T00:00:00Z */

/* A good activity of two lines, which each case spoils in one place. */
struct sample {
	Memberd__V1__Activity activity;
	Memberd__V1__MemberRef member;
	Google__Protobuf__Timestamp occurred_at, completed_at;
	Memberd__V1__Order order;
	Memberd__V1__OrderLine line[2];
	Memberd__V1__OrderLine *lines[2];
	Memberd__V1__OrderRef ref;
	Memberd__V1__Completion completion;
	Memberd__V1__Cancellation cancellation;
	Memberd__V1__Reversal reversal;
	Memberd__V1__ReversalLine back[2];
	Memberd__V1__ReversalLine *backs[2];
};

struct fixture {
	struct arena *arena;
	const struct policy *policy;
	struct mb_err err;
	struct sample sample;
};

static void make_order(struct sample *s)
{
	memberd__v1__order__init(&s->order);
	s->order.platform = MEMBERD__V1__PLATFORM__PLATFORM_SHOPPING;
	s->order.order_id = (char *)"o1";
	s->order.completed_at = &s->completed_at;
	for (int i = 0; i < 2; i++) {
		memberd__v1__order_line__init(&s->line[i]);
		/* In falling sequence: what is blamed must be the place where it was sent. */
		s->line[i].line_no = 2 - i;
		s->line[i].type = MEMBERD__V1__LINE_TYPE__LINE_TYPE_GOODS;
		s->line[i].currency = (char *)"CNY";
		s->line[i].amount = 100 + i;
		s->lines[i] = &s->line[i];
	}
	s->order.lines = s->lines;
	s->order.n_lines = 2;
	s->activity.kind_case = MEMBERD__V1__ACTIVITY__KIND_ORDER;
	s->activity.order = &s->order;
}

static void make_reversal(struct sample *s)
{
	memberd__v1__reversal__init(&s->reversal);
	for (int i = 0; i < 2; i++) {
		memberd__v1__reversal_line__init(&s->back[i]);
		s->back[i].line_no = 2 - i;
		s->back[i].currency = (char *)"CNY";
		s->back[i].amount = 10;
		s->backs[i] = &s->back[i];
	}
	s->reversal.order = &s->ref;
	s->reversal.lines = s->backs;
	s->reversal.n_lines = 2;
	s->activity.kind_case = MEMBERD__V1__ACTIVITY__KIND_REVERSAL;
	s->activity.reversal = &s->reversal;
}

static void make_completion(struct sample *s)
{
	memberd__v1__completion__init(&s->completion);
	s->completion.order = &s->ref;
	s->completion.completed_at = &s->completed_at;
	s->activity.kind_case = MEMBERD__V1__ACTIVITY__KIND_COMPLETION;
	s->activity.completion = &s->completion;
}

static void make_cancellation(struct sample *s)
{
	memberd__v1__cancellation__init(&s->cancellation);
	s->cancellation.order = &s->ref;
	s->activity.kind_case = MEMBERD__V1__ACTIVITY__KIND_CANCELLATION;
	s->activity.cancellation = &s->cancellation;
}

static void make_sample(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	memberd__v1__activity__init(&s->activity);
	google__protobuf__timestamp__init(&s->occurred_at);
	google__protobuf__timestamp__init(&s->completed_at);
	memberd__v1__order_ref__init(&s->ref);
	s->ref.order_id = (char *)"o1";
	s->occurred_at.seconds = s->completed_at.seconds = NOW / US_PER_SECOND;
	s->activity.source = (char *)"shop";
	s->activity.source_event_id = (char *)"e1";
	s->activity.occurred_at = &s->occurred_at;
	make_order(s);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->arena = arena_create(NULL, 0);
	assert_int_equal(
		policy_parse(policy_default_text(), "default", f->arena, &f->policy, &f->err),
		MB_OK);
	make_sample(&f->sample);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_destroy(f->arena);
	free(f);
	return 0;
}

/* ---- activities ---- */

static char long_text[200];

static void no_time(struct sample *s)
{
	s->activity.occurred_at = NULL;
}
static void year_0(struct sample *s)
{
	s->occurred_at.seconds = INT64_C(-62135596801);
}
static void year_10000(struct sample *s)
{
	s->occurred_at.seconds = INT64_C(253402300800);
}
static void nanos_low(struct sample *s)
{
	s->occurred_at.nanos = -1;
}
static void nanos_high(struct sample *s)
{
	s->occurred_at.nanos = 1000000000;
}
static void six_minutes(struct sample *s)
{
	s->occurred_at.seconds += 360;
}
static void just_over_five_minutes(struct sample *s)
{
	s->occurred_at.seconds += 300;
	s->occurred_at.nanos = 1000;
}
static void no_source(struct sample *s)
{
	s->activity.source = (char *)"";
}
static void upper_source(struct sample *s)
{
	s->activity.source = (char *)"Shop";
}
static void no_event(struct sample *s)
{
	s->activity.source_event_id = (char *)"";
}
static void long_event(struct sample *s)
{
	s->activity.source_event_id = long_text;
}
static void no_kind(struct sample *s)
{
	s->activity.kind_case = MEMBERD__V1__ACTIVITY__KIND__NOT_SET;
}
static void no_platform(struct sample *s)
{
	s->order.platform = MEMBERD__V1__PLATFORM__PLATFORM_UNSPECIFIED;
}
static void platform_7(struct sample *s)
{
	s->order.platform = (Memberd__V1__Platform)7;
}
static void no_order_id(struct sample *s)
{
	s->order.order_id = (char *)"";
}
static void no_lines(struct sample *s)
{
	s->order.n_lines = 0;
}
static void completed_epoch(struct sample *s)
{
	s->completed_at.seconds = 0;
}
static void completed_nanos(struct sample *s)
{
	s->completed_at.nanos = -5;
}
static void line_0(struct sample *s)
{
	s->line[1].line_no = 0;
}
static void line_twice(struct sample *s)
{
	s->line[1].line_no = 2;
}
static void no_type(struct sample *s)
{
	s->line[1].type = MEMBERD__V1__LINE_TYPE__LINE_TYPE_UNSPECIFIED;
}
static void type_8(struct sample *s)
{
	s->line[0].type = (Memberd__V1__LineType)8;
}
static void no_currency(struct sample *s)
{
	s->line[0].currency = (char *)"";
}
static void long_currency(struct sample *s)
{
	s->line[0].currency = (char *)"CNYX";
}
static void lower_currency(struct sample *s)
{
	s->line[0].currency = (char *)"cny";
}
static void unknown_currency(struct sample *s)
{
	s->line[0].currency = (char *)"ZZZ";
}
static void negative_amount(struct sample *s)
{
	s->line[0].amount = -1;
}
static void negative_coupon(struct sample *s)
{
	s->line[1].coupon = -1;
}
static void coupon_over(struct sample *s)
{
	s->line[1].coupon = 102;
}
static void amount_over(struct sample *s)
{
	s->line[0].amount = AMOUNT_MAX + 1;
}
static void sum_over(struct sample *s)
{
	s->line[0].amount = s->line[1].amount = AMOUNT_MAX / 2 + 1;
}
static void long_category(struct sample *s)
{
	s->line[0].category = long_text;
}
static void reversal_no_order(struct sample *s)
{
	make_reversal(s);
	s->reversal.order = NULL;
}
static void reversal_no_lines(struct sample *s)
{
	make_reversal(s);
	s->reversal.n_lines = 0;
}
static void reversal_nothing(struct sample *s)
{
	make_reversal(s);
	s->back[0].amount = 0;
}
static void reversal_twice(struct sample *s)
{
	make_reversal(s);
	s->back[1].line_no = 2;
}
static void reversal_currency(struct sample *s)
{
	make_reversal(s);
	s->back[1].currency = (char *)"EURO";
}
static void completion_no_time(struct sample *s)
{
	make_completion(s);
	s->completion.completed_at = NULL;
}
static void completion_no_id(struct sample *s)
{
	make_completion(s);
	s->ref.order_id = (char *)"";
}
static void cancellation_source(struct sample *s)
{
	make_cancellation(s);
	s->ref.order_source = (char *)"not a slug";
}

static const struct {
	void (*spoil)(struct sample *s);
	enum mb_code code;
	const char *field;
} bad_activities[] = {
	{no_time, MB_FIELD_INVALID, "occurred_at"},
	{year_0, MB_FIELD_INVALID, "occurred_at.seconds"},
	{year_10000, MB_FIELD_INVALID, "occurred_at.seconds"},
	{nanos_low, MB_FIELD_INVALID, "occurred_at.nanos"},
	{nanos_high, MB_FIELD_INVALID, "occurred_at.nanos"},
	{six_minutes, MB_IN_FUTURE, "occurred_at"},
	{just_over_five_minutes, MB_IN_FUTURE, "occurred_at"},
	{no_source, MB_FIELD_INVALID, "source"},
	{upper_source, MB_FIELD_INVALID, "source"},
	{no_event, MB_FIELD_INVALID, "source_event_id"},
	{long_event, MB_FIELD_INVALID, "source_event_id"},
	{no_kind, MB_FIELD_INVALID, "kind"},
	{no_platform, MB_FIELD_INVALID, "order.platform"},
	{platform_7, MB_FIELD_INVALID, "order.platform"},
	{no_order_id, MB_FIELD_INVALID, "order.order_id"},
	{no_lines, MB_FIELD_INVALID, "order.lines"},
	{completed_epoch, MB_FIELD_INVALID, "order.completed_at"},
	{completed_nanos, MB_FIELD_INVALID, "order.completed_at.nanos"},
	{line_0, MB_FIELD_INVALID, "order.lines[1].line_no"},
	{line_twice, MB_FIELD_INVALID, "order.lines[1].line_no"},
	{no_type, MB_FIELD_INVALID, "order.lines[1].type"},
	{type_8, MB_FIELD_INVALID, "order.lines[0].type"},
	{no_currency, MB_FIELD_INVALID, "order.lines[0].currency"},
	{long_currency, MB_FIELD_INVALID, "order.lines[0].currency"},
	{lower_currency, MB_FIELD_INVALID, "order.lines[0].currency"},
	{unknown_currency, MB_CURRENCY_UNKNOWN, "order.lines[0].currency"},
	{negative_amount, MB_FIELD_INVALID, "order.lines[0].amount"},
	{negative_coupon, MB_FIELD_INVALID, "order.lines[1].coupon"},
	{coupon_over, MB_FIELD_INVALID, "order.lines[1].amount"},
	{amount_over, MB_AMOUNT_OVER_LIMIT, "order.lines[0].amount"},
	{sum_over, MB_AMOUNT_OVER_LIMIT, "order.lines[0].amount"},
	{long_category, MB_FIELD_INVALID, "order.lines[0].category"},
	{reversal_no_order, MB_FIELD_INVALID, "reversal.order"},
	{reversal_no_lines, MB_FIELD_INVALID, "reversal.lines"},
	{reversal_nothing, MB_FIELD_INVALID, "reversal.lines[0].amount"},
	{reversal_twice, MB_FIELD_INVALID, "reversal.lines[1].line_no"},
	{reversal_currency, MB_FIELD_INVALID, "reversal.lines[1].currency"},
	{completion_no_time, MB_FIELD_INVALID, "completion.completed_at"},
	{completion_no_id, MB_FIELD_INVALID, "completion.order.order_id"},
	{cancellation_source, MB_FIELD_INVALID, "cancellation.order.order_source"},
};

static enum mb_code read_sample(struct fixture *f, struct activity *out)
{
	struct member_ref named;

	*out = (struct activity){0};
	f->err = (struct mb_err){0};
	return from_activity(&f->sample.activity, f->policy, NOW, f->arena, out, &named, &f->err);
}

static void what_is_wrong_is_named_where_it_was_sent(void **state)
{
	struct fixture *f = *state;
	struct activity activity;

	memset(long_text, 'x', sizeof(long_text) - 1);
	for (size_t i = 0; i < sizeof(bad_activities) / sizeof(bad_activities[0]); i++) {
		make_sample(&f->sample);
		bad_activities[i].spoil(&f->sample);
		if (read_sample(f, &activity) != bad_activities[i].code ||
		    strcmp(f->err.field, bad_activities[i].field) != 0) {
			fail_msg("case %zu wants %s at %s, got %s at %s: %s", i,
				 mb_code_reason(bad_activities[i].code), bad_activities[i].field,
				 mb_code_reason(f->err.code), f->err.field, f->err.text);
		}
	}
}

static void an_order_comes_with_its_lines_in_order(void **state)
{
	struct fixture *f = *state;
	struct activity activity;

	f->sample.occurred_at.nanos = 1999;
	assert_int_equal(read_sample(f, &activity), MB_OK);
	assert_int_equal(activity.kind, ACTIVITY_ORDER);
	assert_int_equal(activity.occurred_at, NOW + 1); /* floored */
	assert_int_equal(activity.order.completed_at, NOW);
	assert_true(str_eq(activity.order_source, STR("shop")));
	assert_int_equal(activity.order.n_lines, 2);
	assert_int_equal(activity.order.lines[0].line_no, 1);
	assert_int_equal(activity.order.lines[0].amount, 101);
	assert_int_equal(activity.order.lines[1].line_no, 2);
}

static void an_order_ref_without_source_means_its_own(void **state)
{
	struct fixture *f = *state;
	struct activity activity;

	make_cancellation(&f->sample);
	assert_int_equal(read_sample(f, &activity), MB_OK);
	assert_true(str_eq(activity.order_source, STR("shop")));
	f->sample.ref.order_source = (char *)"other";
	assert_int_equal(read_sample(f, &activity), MB_OK);
	assert_true(str_eq(activity.order_source, STR("other")));
}

static void case_32_five_minutes_ahead_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct activity activity;

	f->sample.occurred_at.seconds += 300;
	assert_int_equal(read_sample(f, &activity), MB_OK);
	f->sample.occurred_at.seconds += 60;
	assert_int_equal(read_sample(f, &activity), MB_IN_FUTURE);
}

static void a_time_before_1970_is_floored_downwards(void **state)
{
	struct fixture *f = *state;
	Google__Protobuf__Timestamp *again;
	int64_t t;

	f->sample.occurred_at.seconds = -1;
	f->sample.occurred_at.nanos = 999999999;
	assert_int_equal(from_time(&f->sample.occurred_at, &t, &f->err), MB_OK);
	assert_int_equal(t, -1);
	again = to_time(f->arena, t);
	assert_int_equal(again->seconds, -1);
	assert_int_equal(again->nanos, 999999000);
	assert_null(to_time(f->arena, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_wrong_is_named_where_it_was_sent),
		TEST(an_order_comes_with_its_lines_in_order),
		TEST(an_order_ref_without_source_means_its_own),
		TEST(case_32_five_minutes_ahead_and_no_more),
		TEST(a_time_before_1970_is_floored_downwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
