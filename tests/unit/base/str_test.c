/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void numbers_are_whole_or_nothing(void **state)
{
	int64_t v = 7;

	(void)state;
	assert_true(str_to_i64(STR("-9223372036854775808"), &v));
	assert_true(v == INT64_MIN);
	assert_true(str_to_i64(STR("9223372036854775807"), &v));
	assert_true(v == INT64_MAX);
	v = 7;
	assert_false(str_to_i64(STR("9223372036854775808"), &v));
	assert_false(str_to_i64(STR("-9223372036854775809"), &v));
	assert_false(str_to_i64(STR("+1"), &v));
	assert_false(str_to_i64(STR(" 1"), &v));
	assert_false(str_to_i64(STR("1x"), &v));
	assert_false(str_to_i64(STR("-"), &v));
	assert_false(str_to_i64(STR(""), &v));
	assert_int_equal(v, 7);
}

static void ids_are_as_on_the_wire(void **state)
{
	int64_t v = 7;

	(void)state;
	assert_true(str_to_id(STR("1"), &v));
	assert_false(str_to_id(STR("0"), &v));
	assert_false(str_to_id(STR("01"), &v));
	assert_false(str_to_id(STR("-1"), &v));
	assert_false(str_to_id(STR("9223372036854775808"), &v));
	assert_int_equal(v, 1);
}

static void slugs_are_lower_case_and_bounded(void **state)
{
	(void)state;
	assert_true(str_is_slug(STR("shop-1.a_b"), 64));
	assert_false(str_is_slug(STR("Shop"), 64));
	assert_false(str_is_slug(STR(""), 64));
	assert_false(str_is_slug(STR("abc"), 2));
	assert_false(str_is_slug(STR("a b"), 64));
}

static void utf8_is_rfc_3629(void **state)
{
	static const struct str bad[] = {
		{"\x80", 1},
		{"\xc0\x80", 2},
		{"\xc1\xbf", 2},
		{"\xe0\x80\x80", 3},
		{"\xed\xa0\x80", 3},
		{"\xf4\x90\x80\x80", 4},
		{"\xf8\x88\x80\x80\x80", 5},
		{"\xe4\xbd", 2},
		{"a\xff", 2},
		{"\xc3(", 2},
	};

	(void)state;
	assert_true(str_is_utf8(STR("a\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80")));
	assert_true(str_is_utf8((struct str){NULL, 0}));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(str_is_utf8(bad[i]));
	}
}

static void order_is_by_bytes(void **state)
{
	(void)state;
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_int_equal(str_cmp(STR("a"), STR("a")), 0);
	assert_true(str_eq((struct str){NULL, 0}, STR("")));
}

static void a_buffer_grows(void **state)
{
	struct strbuf buf = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		strbuf_printf(&buf, "%d,", i);
	}
	assert_false(buf.failed);
	assert_int_equal(buf.len, 3890);
	strbuf_reset(&buf);
	strbuf_putc(&buf, 'x');
	assert_string_equal(buf.ptr, "x");
	strbuf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_whole_or_nothing),
		cmocka_unit_test(ids_are_as_on_the_wire),
		cmocka_unit_test(slugs_are_lower_case_and_bounded),
		cmocka_unit_test(utf8_is_rfc_3629),
		cmocka_unit_test(order_is_by_bytes),
		cmocka_unit_test(a_buffer_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
