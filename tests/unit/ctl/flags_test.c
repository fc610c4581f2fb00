/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/flags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ALLOWED (FLAGS_ALL | FLAG_BIT(LINE) | FLAG_BIT(SHIFT_WEEKS) | FLAG_BIT(STRICT))

static enum mb_code parse(struct flags *flags, const char *a, const char *b, const char *c,
			  struct mb_err *err)
{
	const char *texts[] = {a, b, c};
	static char copies[3][64]; /* flags borrow them */
	char *argv[3];
	int argc = 0;

	for (; argc < 3 && texts[argc] != NULL; argc++) {
		argv[argc] = strcpy(copies[argc], texts[argc]);
	}
	*flags = (struct flags){0};
	return flags_parse(flags, ALLOWED, argc, argv, err);
}

static void reads_every_form(void **state)
{
	struct flags flags;
	int64_t weeks;

	(void)state;
	assert_int_equal(parse(&flags, "--shift-weeks", "-3", "x", NULL), MB_OK);
	assert_int_equal(flags_number(&flags, FLAG_SHIFT_WEEKS, -9, 9, 0, &weeks, NULL), MB_OK);
	assert_int_equal(weeks, -3);
	assert_int_equal(flags.n_arguments, 1);
	assert_int_equal(parse(&flags, "--line=1:2", "--line=2:=", "--strict", NULL), MB_OK);
	assert_int_equal(flags.n_lines, 2);
	assert_true(flags_has(&flags, FLAG_STRICT));
	assert_false(flags_has(&flags, FLAG_HELP));
	assert_int_equal(parse(&flags, "-", "--", "--strict", NULL), MB_OK);
	assert_int_equal(flags.n_arguments, 2);
	assert_int_equal(parse(&flags, "-h", NULL, NULL, NULL), MB_OK);
	assert_true(flags_has(&flags, FLAG_HELP));
}

static void refuses_the_rest(void **state)
{
	static const char *const bad[][3] = {{"--server", "x"},
					     {"--stric"},
					     {"--strict=1"},
					     {"--shift-weeks"},
					     {"--shift-weeks=1", "--shift-weeks=2"},
					     {"-x"},
					     {"--="},
					     {"--strict", "--strict"}};
	struct flags flags;
	struct mb_err err;
	int64_t weeks = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(parse(&flags, bad[i][0], bad[i][1], bad[i][2], &err),
				 MB_FIELD_INVALID);
	}
	assert_int_equal(parse(&flags, "--shift-weeks", "1x", NULL, NULL), MB_OK);
	assert_int_equal(flags_number(&flags, FLAG_SHIFT_WEEKS, -9, 9, 0, &weeks, &err),
			 MB_FIELD_INVALID);
	assert_int_equal(parse(&flags, "--shift-weeks", "10", NULL, NULL), MB_OK);
	assert_int_equal(flags_number(&flags, FLAG_SHIFT_WEEKS, -9, 9, 0, &weeks, &err),
			 MB_FIELD_INVALID);
	assert_int_equal(weeks, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_form),
		cmocka_unit_test(refuses_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
