/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pbjson.h"

#include "base/arena.h"
#include "memberd/v1/benefit_service.pb-c.h"
#include "memberd/v1/scoring_service.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char ACTIVITY[] =
	"{\"source\":\"shop\",\"sourceEventId\":\"p\\\"1\\\\\\u0007\xe6\xa2\x85\","
	"\"member\":{\"identity\":{\"issuer\":\"taobao\",\"externalId\":\"4711\"}},"
	"\"occurredAt\":\"2026-11-01T02:00:00.25Z\","
	"\"order\":{\"platform\":\"PLATFORM_SHOPPING\",\"orderId\":\"1\","
	"\"completedAt\":\"1969-12-31T23:59:59.5Z\","
	"\"lines\":[{\"lineNo\":1,\"type\":\"LINE_TYPE_GOODS\",\"currency\":\"CNY\","
	"\"amount\":\"9007199254740993\"},{\"lineNo\":2,\"category\":\"shoes\"}]}}";

static enum mb_code parse(const char *text, const ProtobufCMessageDescriptor *type,
			  struct arena *arena, ProtobufCMessage **out, struct mb_err *err)
{
	return pbjson_parse(str_from(text), type, arena, out, err);
}

static void reads_and_prints_the_same(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	struct strbuf text = {0};
	ProtobufCMessage *message;
	const Memberd__V1__Activity *activity;

	(void)state;
	assert_int_equal(parse(ACTIVITY, &memberd__v1__activity__descriptor, arena, &message, NULL),
			 MB_OK);
	activity = (const Memberd__V1__Activity *)message;
	assert_int_equal(activity->kind_case, MEMBERD__V1__ACTIVITY__KIND_ORDER);
	assert_int_equal(activity->order->lines[0]->amount, INT64_C(9007199254740993));
	assert_int_equal(activity->order->completed_at->seconds, -1);
	assert_int_equal(activity->order->completed_at->nanos, 500000000);
	assert_string_equal(activity->source_event_id, "p\"1\\\a\xe6\xa2\x85");
	pbjson_print(message, (struct pbjson_style){.leave_out_defaults = true}, &text);
	assert_string_equal(text.ptr, ACTIVITY);
	strbuf_fini(&text);
	arena_destroy(arena);
}

static void takes_both_names_and_both_numbers(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	const Memberd__V1__QuoteDiscountRequest *request;
	ProtobufCMessage *message;

	(void)state;
	assert_int_equal(
		parse("{\"min_revision\": 3, \"currency\": null, \"lines\": [{\"line_no\": "
		      "\"7\", \"publicPrice\": 5, \"channel\": 2}]}",
		      &memberd__v1__quote_discount_request__descriptor, arena, &message, NULL),
		MB_OK);
	request = (const Memberd__V1__QuoteDiscountRequest *)message;
	assert_int_equal(request->min_revision, 3);
	assert_string_equal(request->currency, "");
	assert_int_equal(request->lines[0]->line_no, 7);
	assert_int_equal(request->lines[0]->channel,
			 MEMBERD__V1__BASKET_CHANNEL__BASKET_CHANNEL_VALUE);
	arena_destroy(arena);
}

static void prints_defaults_for_scripts(void **state)
{
	Memberd__V1__Entitlement held = MEMBERD__V1__ENTITLEMENT__INIT;
	Memberd__V1__CheckBenefitResponse check = MEMBERD__V1__CHECK_BENEFIT_RESPONSE__INIT;
	struct strbuf text = {0};

	(void)state;
	check.entitlement = &held;
	pbjson_print(&check.base, (struct pbjson_style){.indent = 1}, &text);
	assert_string_equal(text.ptr, "{\n \"memberId\": \"\",\n \"entitlement\": {\n  "
				      "\"benefitId\": \"\",\n  \"allowed\": false,\n  \"reason\": "
				      "\"BENEFIT_REASON_UNSPECIFIED\",\n  \"kind\": "
				      "\"BENEFIT_KIND_UNSPECIFIED\",\n  \"granted\": 0,\n  "
				      "\"level\": \"\",\n  \"percentBp\": 0,\n  \"name\": \"\"\n "
				      "}\n}");
	strbuf_fini(&text);
}

static void refuses_and_says_where(void **state)
{
	static const struct {
		const char *text, *field;
	} bad[] = {
		{"", ""},
		{"{", ""},
		{"{\"source\": \"a\", \"source\": \"b\"}", ""},
		{"{\"source\": \"a\\u0000b\"}", ""},
		{"{\"source\": \"\xff\"}", ""},
		{"[]", ""},
		{"{\"sourc\": \"a\"}", "sourc"},
		{"{\"sourceEvent_id\": \"a\"}", "sourceEvent_id"},
		{"{\"source\": 5}", "source"},
		{"{\"occurredAt\": \"yesterday\"}", "occurredAt"},
		{"{\"order\": {\"lines\": [{}, {\"amount\": 1.5}]}}", "order.lines[1].amount"},
		{"{\"order\": {\"lines\": [{\"lineNo\": 2147483648}]}}", "order.lines[0].lineNo"},
		{"{\"order\": {\"lines\": [{\"type\": \"GOODS\"}]}}", "order.lines[0].type"},
		{"{\"order\": {\"lines\": {}}}", "order.lines"},
		{"{\"order\": {}, \"reversal\": {}}", "reversal"},
		{"{\"order\": {\"lines\": [{\"amount\": \"9223372036854775808\"}]}}",
		 "order.lines[0].amount"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct arena *arena = arena_create(NULL, 0);
		struct mb_err err = {0};
		ProtobufCMessage *message = NULL;

		assert_int_equal(parse(bad[i].text, &memberd__v1__activity__descriptor, arena,
				       &message, &err),
				 MB_FIELD_INVALID);
		assert_null(message);
		assert_string_equal(err.field, bad[i].field);
		arena_destroy(arena);
	}
}

static void ends_where_the_arena_does(void **state)
{
	(void)state;
	for (size_t cap = 1;; cap += 16) {
		struct arena *arena = arena_create(NULL, cap);
		ProtobufCMessage *message = NULL;
		enum mb_code code =
			parse(ACTIVITY, &memberd__v1__activity__descriptor, arena, &message, NULL);

		arena_destroy(arena);
		if (code == MB_OK) {
			return;
		}
		assert_int_equal(code, MB_ARENA_FULL);
		assert_null(message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_prints_the_same),
		cmocka_unit_test(takes_both_names_and_both_numbers),
		cmocka_unit_test(prints_defaults_for_scripts),
		cmocka_unit_test(refuses_and_says_where),
		cmocka_unit_test(ends_where_the_arena_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
