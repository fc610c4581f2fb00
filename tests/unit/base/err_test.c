/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_code_has_its_row(void **state)
{
	(void)state;
	assert_string_equal(mb_code_reason(MB_REVISION_UNKNOWN), "REVISION_UNKNOWN");
	assert_int_equal(mb_code_grpc(MB_REVISION_UNKNOWN), 9);
	assert_true(mb_code_retryable(MB_OVERLOADED));
	assert_false(mb_code_retryable(MB_FIELD_INVALID));
}

static void a_failure_is_one_statement(void **state)
{
	struct mb_err err;

	(void)state;
	assert_int_equal(mb_fail_field(&err, MB_FIELD_INVALID, "lines[2].amount", "is %d", -1),
			 MB_FIELD_INVALID);
	assert_string_equal(err.text, "is -1");
	mb_err_prefix_field(&err, "activities[%d].order", 7);
	assert_string_equal(err.field, "activities[7].order.lines[2].amount");
	assert_int_equal(mb_fail(NULL, MB_INTERNAL, "nobody listens"), MB_INTERNAL);
}

/* Whoever detects it, nobody has to remember. */
static void what_passes_soon_is_told_with_a_time_to_wait(void **state)
{
	struct mb_err err;

	(void)state;
	for (int code = MB_OK + 1; code < MB_CODES; code++) {
		mb_fail(&err, (enum mb_code)code, "x");
		assert_int_equal(err.retry_after_ms > 0,
				 code == MB_OVERLOADED || code == MB_DRAINING);
	}
}

static void long_texts_are_cut_not_overrun(void **state)
{
	struct mb_err err;
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	mb_fail_field(&err, MB_FIELD_INVALID, text, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	mb_err_prefix_field(&err, "%s", text);
	assert_int_equal(strlen(err.field), sizeof(err.field) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_code_has_its_row),
		cmocka_unit_test(a_failure_is_one_statement),
		cmocka_unit_test(what_passes_soon_is_told_with_a_time_to_wait),
		cmocka_unit_test(long_texts_are_cut_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
