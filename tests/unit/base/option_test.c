/* SPDX-License-Identifier: Apache-2.0 */
#include "base/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TEA_OPTIONS(X)                                                          \
	X(brewing, GROUP, 0, 0, 0, 0, "", "Brewing")                            \
	X(leaf, STR, "oolong", 1, 8, 0, "NAME", "which leaf")                   \
	X(arena_budget_mb, INT, 256, 16, 65536, OPTION_RELOAD, "N", "memory")   \
	X(format, CHOICE, "auto", 0, 0, 0, "auto|text|json", "form of the log") \
	X(milk, BOOL, false, 0, 0, 0, "", "pour milk")                          \
	X(others, GROUP, 0, 0, 0, 0, "", "Others")                              \
	X(word, STR, "", 0, 0, OPTION_SECRET, "WORD", "the password")           \
	X(help, BOOL, false, 0, 0, OPTION_ACTION, "", "this text")

struct tea_options {
#define X(...) OPTION_FIELD(__VA_ARGS__)
	TEA_OPTIONS(X)
#undef X
};

static const struct option_row rows[] = {
#define X(...) OPTION_ROW(struct tea_options, __VA_ARGS__)
	TEA_OPTIONS(X)
#undef X
};

static const char *const foreign[] = {"PORT*", "CUP", NULL};
static struct tea_options tea;
static struct option_set set;
static struct mb_err err;

static int init(void **state)
{
	(void)state;
	memset(&err, 0, sizeof(err));
	return (int)option_init(&set, rows, sizeof(rows) / sizeof(rows[0]), "TEA", &tea, NULL);
}

static int fini(void **state)
{
	(void)state;
	option_fini(&set);
	return 0;
}

/* argv of the words given, NULL-ended. */
static enum mb_code read_flags(const char *a, const char *b)
{
	char *argv[] = {(char *)"tea", (char *)a, (char *)b, NULL};

	return option_read_flags(&set, b == NULL ? 2 : 3, argv, &err);
}

static enum mb_code read_environment(const char *pair)
{
	char *environment[] = {(char *)"HOME=/", (char *)pair, NULL};

	return option_read_environment(&set, environment, foreign, &err);
}

static enum mb_code read_pair(const char *key, const char *value)
{
	return option_read_pair(&set, str_from(key), str_from(value), &err);
}

static void defaults_come_from_the_table(void **state)
{
	(void)state;
	assert_string_equal(tea.leaf, "oolong");
	assert_true(tea.arena_budget_mb == 256);
	assert_int_equal(tea.format, 0);
	assert_false(tea.milk);
	assert_int_equal(option_origin(&set, "leaf"), OPTION_DEFAULT);
}

static void flag_beats_environment_beats_file(void **state)
{
	(void)state;
	assert_int_equal(read_flags("--leaf=assam", "--milk"), MB_OK);
	assert_int_equal(read_environment("TEA_LEAF=keemun"), MB_OK);
	assert_int_equal(read_environment("TEA_FORMAT=text"), MB_OK);
	assert_int_equal(read_pair("leaf", "sencha"), MB_OK);
	assert_int_equal(read_pair("format", "json"), MB_OK);
	assert_int_equal(read_pair("arena-budget-mb", "17"), MB_OK);
	assert_string_equal(tea.leaf, "assam");
	assert_int_equal(tea.format, 1);
	assert_true(tea.arena_budget_mb == 17);
	assert_true(tea.milk);
	assert_int_equal(option_origin(&set, "format"), OPTION_ENVIRONMENT);
	assert_int_equal(option_origin(&set, "arena_budget_mb"), OPTION_FILE);
}

static void an_overridden_value_is_checked_all_the_same(void **state)
{
	(void)state;
	assert_int_equal(read_flags("--arena-budget-mb", "20"), MB_OK);
	assert_int_equal(read_pair("arena-budget-mb", "15"), MB_FIELD_INVALID);
	assert_string_equal(err.text, "arena-budget-mb: '15' is no whole number of 16 to 65536");
	assert_true(tea.arena_budget_mb == 20);
}

static void wrong_values_say_what_would_do(void **state)
{
	static const struct {
		const char *flag, *value, *text;
	} bad[] = {
		{"--arena-budget-mb", "1e3",
		 "--arena-budget-mb: '1e3' is no whole number of 16 to 65536"},
		{"--arena-budget-mb", "65537",
		 "--arena-budget-mb: '65537' is no whole number of 16 to 65536"},
		{"--format", "xml", "--format: 'xml' is none of auto|text|json"},
		{"--format", "auto|text", "--format: 'auto|text' is none of auto|text|json"},
		{"--milk=yes", NULL, "--milk: 'yes' is none of false|true"},
		{"--leaf", "", "--leaf: must not be empty"},
		{"--leaf", "gunpowder", "--leaf: is longer than 8 bytes"},
		{"--leaf", NULL, "--leaf needs a value"},
		/* what option_print() writes is to be read back: neither would be */
		{"--leaf", "a\tb", "--leaf: has a control character in it"},
		{"--leaf", "\x7f", "--leaf: has a control character in it"},
		{"--leaf", "\xff", "--leaf: is not UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_flags(bad[i].flag, bad[i].value), MB_FIELD_INVALID);
		assert_string_equal(err.text, bad[i].text);
	}
	assert_int_equal(read_environment("TEA_MILK=1"), MB_FIELD_INVALID);
	assert_string_equal(err.text, "TEA_MILK: '1' is none of false|true");
	assert_string_equal(tea.leaf, "oolong");
}

static void unknown_ones_are_refused_with_the_nearest(void **state)
{
	(void)state;
	assert_int_equal(read_flags("--leef=x", NULL), MB_FIELD_INVALID);
	assert_string_equal(err.text, "--leef is no option; did you mean --leaf?");
	assert_int_equal(read_flags("--arena-budget", "17"), MB_FIELD_INVALID); /* no beginnings */
	assert_string_equal(err.text,
			    "--arena-budget is no option; did you mean --arena-budget-mb?");
	assert_int_equal(read_flags("--zzz", NULL), MB_FIELD_INVALID);
	assert_string_equal(err.text, "--zzz is no option");
	assert_int_equal(read_flags("-leaf", "x"), MB_FIELD_INVALID);
	assert_string_equal(err.text, "'-leaf' is no option: options begin with --");
	assert_int_equal(read_flags("pot", NULL), MB_FIELD_INVALID);
	assert_string_equal(err.text, "'pot' is no option: options begin with --");
	assert_int_equal(read_environment("TEA_FORMATS=json"), MB_FIELD_INVALID);
	assert_string_equal(err.text, "TEA_FORMATS is no option; did you mean TEA_FORMAT?");
	assert_int_equal(read_pair("mlk", "true"), MB_FIELD_INVALID);
	assert_string_equal(err.text, "mlk is no option; did you mean milk?");
	assert_int_equal(read_pair("brewing", "x"), MB_FIELD_INVALID);
}

static void actions_are_flags_only(void **state)
{
	(void)state;
	assert_int_equal(read_environment("TEA_HELP=true"), MB_FIELD_INVALID);
	assert_int_equal(read_pair("help", "true"), MB_FIELD_INVALID);
	assert_int_equal(read_flags("-h", NULL), MB_OK);
	assert_true(tea.help);
}

static void what_belongs_to_others_is_passed_over(void **state)
{
	(void)state;
	assert_int_equal(read_environment("TEA_PORT=tcp://10.0.0.1:7443"), MB_OK);
	assert_int_equal(read_environment("TEA_PORT_7443_TCP=x"), MB_OK);
	assert_int_equal(read_environment("TEA_CUP=blue"), MB_OK);
	assert_int_equal(read_environment("TEAPOT=1"), MB_OK);
	assert_int_equal(read_environment("TEA_CUPS=2"), MB_FIELD_INVALID);
	assert_int_equal(read_environment("TEA_=2"), MB_FIELD_INVALID);
}

static void help_and_print_are_expanded(void **state)
{
	struct strbuf out = {0};

	(void)state;
	option_help(&set, &out);
	assert_non_null(strstr(out.ptr, "\nBrewing:\n  --leaf NAME                 which leaf "
					"[oolong]\n"));
	assert_non_null(strstr(out.ptr, "  --milk                      pour milk\n"));
	assert_null(strstr(out.ptr, " \n"));
	strbuf_reset(&out);
	assert_int_equal(read_flags("--word=hunter2", "--leaf=a\"b"), MB_OK);
	option_print(&set, &out);
	assert_string_equal(out.ptr, "leaf: \"a\\\"b\"  # flag\narena-budget-mb: 256  # default\n"
				     "format: auto  # default\nmilk: false  # default\n"
				     "# word: (secret)  # flag\n");
	strbuf_fini(&out);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, init, fini)
	const struct CMUnitTest tests[] = {
		CASE(defaults_come_from_the_table),
		CASE(flag_beats_environment_beats_file),
		CASE(an_overridden_value_is_checked_all_the_same),
		CASE(wrong_values_say_what_would_do),
		CASE(unknown_ones_are_refused_with_the_nearest),
		CASE(actions_are_flags_only),
		CASE(what_belongs_to_others_is_passed_over),
		CASE(help_and_print_are_expanded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
