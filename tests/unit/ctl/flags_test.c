/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/flags.h"

#include "ctl/near.h"

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

static void names_what_may_have_been_meant(void **state)
{
	struct flags flags;
	struct mb_err err;

	(void)state;
	assert_int_equal(parse(&flags, "--stric", NULL, NULL, &err), MB_FIELD_INVALID);
	assert_string_equal(err.text, "unknown option --stric; did you mean --strict?");
	assert_int_equal(parse(&flags, "--shift_week=3", NULL, NULL, &err), MB_FIELD_INVALID);
	assert_string_equal(err.text, "unknown option --shift_week; did you mean --shift-weeks?");
	/* known, but not of this command */
	assert_int_equal(parse(&flags, "--server", "x", NULL, &err), MB_FIELD_INVALID);
	assert_string_equal(err.text, "unknown option --server");
	assert_int_equal(parse(&flags, "--", NULL, NULL, &err), MB_OK);
	assert_int_equal(parse(&flags, "--=", NULL, NULL, &err), MB_FIELD_INVALID);
	assert_string_equal(err.text, "unknown option --");
}

static const char *nearest(const char *text)
{
	static const char *const names[] = {"score", "get", "lookup", "history", "help", "health"};
	struct near near = {.text = text};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		near_try(&near, names[i]);
	}
	return near.name == NULL ? "" : near.name;
}

static void near_is_two_steps_and_less_than_half(void **state)
{
	(void)state;
	assert_string_equal(nearest("socre"), "score"); /* swapped */
	assert_string_equal(nearest("scor"), "score"); /* left out */
	assert_string_equal(nearest("sscoree"), "score"); /* added, twice */
	assert_string_equal(nearest("zzore"), "score");
	assert_string_equal(nearest("zzzre"), "");
	assert_string_equal(nearest("hist"), "history"); /* begins with it */
	assert_string_equal(nearest("he"), "help"); /* the first of equals */
	assert_string_equal(nearest("heal"), "health"); /* nearer than help */
	assert_string_equal(nearest("gt"), "get");
	assert_string_equal(nearest("xx"), "");
	assert_string_equal(nearest("g"), "");
	assert_string_equal(nearest(""), "");
	assert_string_equal(nearest("scorescorescorescorescorescorescore"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_form),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(names_what_may_have_been_meant),
		cmocka_unit_test(near_is_two_steps_and_less_than_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
