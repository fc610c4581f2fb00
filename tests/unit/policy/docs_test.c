/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/policy.md against the code: its reference has a row for every key, with the form and the range
 * that the reader keeps to, and its worked examples are computed anew.
 */
#include "domain/basket.h"
#include "policy/fields.h"
#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CELLS_MAX 6

static const char *page_path; /* argv[1] */
static struct arena *arena;
static const struct policy *policy;
static const char *page;

static int set_up(void **state)
{
	struct mb_err err = {0};
	struct str text;

	(void)state;
	arena = arena_create(NULL, 0);
	policy = default_parsed(arena);
	if (policy_read_file(page_path, arena, &text, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
	page = arena_strndup(arena, text.ptr, text.len);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

/* ---- the reference ---- */

static const char *form_of(enum value_type type)
{
	static const char *const FORMS[] = {
		[VALUE_INT] = "number",	      [VALUE_AMOUNT] = "amount",
		[VALUE_POINTS] = "points",    [VALUE_SLOPE] = "points a unit",
		[VALUE_SHARE] = "percentage", [VALUE_SPAN] = "duration",
		[VALUE_RATE] = "rate",	      [VALUE_SWITCH] = "true or false",
		[VALUE_TIER] = "tier",	      [VALUE_INSTANT] = "time",
		[VALUE_ZONE] = "offset",      [VALUE_CODE] = "currency",
		[VALUE_SLUG] = "id",	      [VALUE_NAME] = "text",
		[VALUE_KIND] = "kind",	      [VALUE_CHANNEL] = "channel",
		[VALUE_LIST] = "below",
	};

	return FORMS[type];
}

/* Types whose greatest value is the same everywhere and told once, above the tables. */
static bool has_common_limit(enum value_type type)
{
	return type == VALUE_AMOUNT || type == VALUE_POINTS || type == VALUE_SPAN ||
	       type == VALUE_SLOPE;
}

static bool has_range(enum value_type type)
{
	return type <= VALUE_ZONE && type != VALUE_SWITCH && type != VALUE_TIER;
}

/* "number, 1 to 28", "points, 0", "amount, above 0, may be left out" */
static void describe(const struct field *field, char *out, size_t size)
{
	char low[VALUE_TEXT_SIZE], high[VALUE_TEXT_SIZE], range[2 * VALUE_TEXT_SIZE] = "";

	value_format(field->type, field->min, 2, low);
	value_format(field->type, field->max, 2, high);
	if (field->min == field->max && has_range(field->type)) {
		snprintf(range, sizeof(range), ", %s", low);
	} else if (has_common_limit(field->type)) {
		snprintf(range, sizeof(range), "%s", field->min > 0 ? ", above 0" : "");
	} else if (has_range(field->type)) {
		snprintf(range, sizeof(range), ", %s to %s", low, high);
	}
	snprintf(out, size, "%s%s%s", form_of(field->type), range,
		 field->absent == FIELD_REQUIRED ? "" : ", may be left out");
}

/* The path with its nth segment as a *; false when it has fewer, or it is the key itself. */
static bool with_star(const char *path, int nth, char *out, size_t size)
{
	const char *from = path, *to;

	while (nth-- > 0 && from != NULL) {
		from = strchr(from, '.');
		from = from == NULL ? NULL : from + 1;
	}
	to = from == NULL ? NULL : strchr(from, '.');
	if (to == NULL) {
		return false;
	}
	snprintf(out, size, "%.*s*%s", (int)(from - path), path, to);
	return true;
}

static bool page_has(const char *prefix, const char *path, const char *form)
{
	char row[256];

	snprintf(row, sizeof(row), "\n| `%s%s` | %s |", prefix, path, form);
	return strstr(page, row) != NULL;
}

static int check_schema(const struct schema *schema, const char *prefix)
{
	int missing = 0;

	for (size_t i = 0; i < schema->n; i++) {
		const struct field *field = &schema->fields[i];
		char form[128], starred[96];
		bool found;

		describe(field, form, sizeof(form));
		found = page_has(prefix, field->path, form);
		for (int nth = 1; !found && nth <= 2; nth++) {
			found = with_star(field->path, nth, starred, sizeof(starred)) &&
				page_has(prefix, starred, form);
		}
		if (!found) {
			print_error("| `%s%s` | %s |\n", prefix, field->path, form);
			missing++;
		}
	}
	return missing;
}

static void the_reference_has_every_key(void **state)
{
	int missing = check_schema(&POLICY_SCHEMA, "");

	(void)state;
	missing += check_schema(&RATE_SCHEMA, "rates.*.");
	missing += check_schema(&PIECE_SCHEMA, "spend.curve[].");
	for (enum benefit_kind kind = BENEFIT_FLAG; kind <= BENEFIT_PERCENT; kind++) {
		missing += check_schema(&BENEFIT_SCHEMAS[kind], "benefits[].");
	}
	assert_int_equal(missing, 0);
}

/* ---- worked examples: tables under a comment "<!-- example: NAME -->" ---- */

struct table {
	const char *at; /* the next row */
};

static struct table open_table(const char *name)
{
	char mark[64];
	struct table table;

	snprintf(mark, sizeof(mark), "<!-- example: %s -->\n", name);
	table.at = strstr(page, mark);
	if (table.at == NULL) {
		fail_msg("no %s", mark);
	}
	/* past the mark, the heads and the rule below them */
	for (int line = 0; line < 3; line++) {
		table.at = strchr(table.at, '\n') + 1;
	}
	return table;
}

/* The cells of the next row, without blanks around; 0 at the end. */
static int next_row(struct table *table, struct str cells[CELLS_MAX])
{
	int n = 0;

	if (*table->at != '|') {
		return 0;
	}
	for (const char *p = table->at + 1; *p != '\n'; p++) {
		const char *end = strchr(p, '|');

		assert_true(end != NULL && n < CELLS_MAX);
		cells[n] = (struct str){p, (size_t)(end - p)};
		for (; cells[n].len > 0 && cells[n].ptr[0] == ' '; cells[n].len--) {
			cells[n].ptr++;
		}
		for (; cells[n].len > 0 && cells[n].ptr[cells[n].len - 1] == ' ';) {
			cells[n].len--;
		}
		n++;
		p = end;
	}
	table->at = strchr(table->at, '\n') + 1;
	return n;
}

static int64_t value_of(enum value_type type, struct str cell)
{
	int64_t value = -1;

	if (!value_parse(type, cell, 2, &value)) {
		fail_msg("'%.*s' is no value", STR_ARG(cell));
	}
	return value;
}

static int64_t money(struct str cell)
{
	return value_of(VALUE_AMOUNT, cell);
}

static void example_curve(void **state)
{
	struct table table = open_table("curve");
	struct str cells[CELLS_MAX];
	int rows = 0;

	(void)state;
	for (; next_row(&table, cells) == 2; rows++) {
		int64_t spend = money(cells[0]), from = 0, points = 0;

		for (int32_t i = 0; i < policy->n_bends && from < spend; i++) {
			const struct policy_bend *bend = &policy->bends[i];
			int64_t upto = spend < bend->upto ? spend : bend->upto;

			points += (upto - from) * bend->micro_per_minor;
			from = upto;
		}
		assert_int_equal(points, value_of(VALUE_POINTS, cells[1]));
	}
	assert_int_equal(rows, 6);
}

static struct priced_basket price(const struct basket_line *lines, size_t n, bool vip)
{
	const struct basket basket = {lines, n, NULL, 0};
	const struct holder holder = {.tier = TIER_BLACK_DIAMOND, .vip = vip};
	struct priced_basket out;
	struct mb_err err;

	assert_int_equal(basket_price(&basket, &holder, policy, arena, &out, &err), MB_OK);
	return out;
}

static void example_percent(void **state)
{
	struct table table = open_table("percent");
	struct str cells[CELLS_MAX];
	int rows = 0;

	(void)state;
	for (; next_row(&table, cells) == 5; rows++) {
		const struct basket_line lines[] = {
			{1, money(cells[0]), money(cells[0]), STR(""), STR(""), CHANNEL_VALUE},
			{2, money(cells[1]), money(cells[1]), STR("supermarket"), STR(""),
			 CHANNEL_STANDARD},
		};
		struct priced_basket out = price(lines, 2, true);

		assert_int_equal(out.choices[0].would_take, money(cells[2]));
		assert_int_equal(out.choices[1].would_take, money(cells[3]));
		assert_int_equal(out.total, money(cells[4]));
	}
	assert_int_equal(rows, 3);
}

static void example_spread(void **state)
{
	struct table table = open_table("spread");
	struct str cells[CELLS_MAX];
	struct basket_line lines[3];
	int64_t off[3];
	struct priced_basket out;
	size_t rows = 0;

	(void)state;
	for (; rows < 3 && next_row(&table, cells) == 3; rows++) {
		lines[rows] = (struct basket_line){(int32_t)value_of(VALUE_INT, cells[0]),
						   money(cells[1]),
						   money(cells[1]),
						   STR(""),
						   STR(""),
						   CHANNEL_VALUE};
		off[rows] = money(cells[2]);
	}
	assert_int_equal(rows, 3);
	out = price(lines, 3, false);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(out.lines[i].percent_off, off[i]);
	}
}

/* The page shows what is told about a file with these two mistakes. */
static void example_mistakes(void **state)
{
	struct policy_problems problems;
	const struct policy *none;
	struct mb_err err;
	struct str text = default_with(arena, "gold: {attain: 600", "gold: {attain: 350");
	char told[512];

	(void)state;
	text = text_with(arena, text, "    percent: 20%\n", "    percent: 120%\n");
	assert_int_equal(policy_check(text, arena, &none, &problems, &err), MB_FIELD_INVALID);
	assert_int_equal(problems.n, 3);
	for (size_t i = 0; i < problems.n; i++) {
		policy_problem_format(&problems.items[i], "policy.yaml", told, sizeof(told));
		if (strstr(page, told) == NULL) {
			fail_msg("the page has no\n%s", told);
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_has_every_key),
		cmocka_unit_test(example_curve),
		cmocka_unit_test(example_percent),
		cmocka_unit_test(example_spread),
		cmocka_unit_test(example_mistakes),
	};

	if (argc != 2) {
		return 1;
	}
	page_path = argv[1];
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
