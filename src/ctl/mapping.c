/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/mapping.h"

#include <string.h>

/* A name, as far as a message has room for it. */
#define SHORT(name) (int)((name).len < 64 ? (name).len : 64), (name).ptr

static enum mb_code refuse_column(const struct mapping *mapping, size_t i, const struct str *names,
				  size_t found, struct mb_err *err)
{
	const struct mapping_column *column = &mapping->columns[i];

	if (found > 1) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "%s:%d:%d: the file has more than one column '%.*s'", mapping->name,
			       column->line, column->column, SHORT(column->name));
	}
	/* the first tells at once when the delimiter is another one */
	return mb_fail(err, MB_FIELD_INVALID,
		       "%s:%d:%d: the file has no column '%.*s'; its first one is '%.*s'",
		       mapping->name, column->line, column->column, SHORT(column->name),
		       SHORT(names[0]));
}

enum mb_code mapping_bind(const struct mapping *mapping, const struct str *names, size_t n,
			  size_t *positions, struct mb_err *err)
{
	for (size_t i = 0; i < mapping->n_columns; i++) {
		size_t found = 0;

		for (size_t j = 0; j < n; j++) {
			if (str_eq(names[j], mapping->columns[i].name)) {
				positions[i] = j;
				found++;
			}
		}
		if (found != 1) {
			return refuse_column(mapping, i, names, found, err);
		}
	}
	return MB_OK;
}

static bool has_prefix(struct str text, struct str prefix)
{
	return text.len >= prefix.len && memcmp(text.ptr, prefix.ptr, prefix.len) == 0;
}

static bool begins_with_digits(struct str text, int64_t n)
{
	if (text.len < (size_t)n) {
		return false;
	}
	for (size_t i = 0; i < (size_t)n; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9') {
			return false;
		}
	}
	return true;
}

static bool test_holds(const struct mapping_test *test, struct str cell)
{
	struct decimal value;
	int order;

	switch (test->kind) {
	case MAPPING_TEST_IS:
	case MAPPING_TEST_IN:
		for (size_t i = 0; i < test->n_texts; i++) {
			if (str_eq(cell, test->texts[i])) {
				return true;
			}
		}
		return false;
	case MAPPING_TEST_PREFIX:
		return has_prefix(cell, test->texts[0]);
	case MAPPING_TEST_DIGITS:
		return begins_with_digits(cell, test->digits);
	default:
		if (!decimal_parse(cell, &value)) {
			return false;
		}
		order = decimal_cmp(value, test->bound);
		return test->kind == MAPPING_TEST_BELOW ? order < 0 : order > 0;
	}
}

bool mapping_holds(const struct mapping_when *when, const struct str *cells)
{
	for (size_t i = 0; i < when->n; i++) {
		if (!test_holds(&when->tests[i], cells[when->tests[i].column])) {
			return false;
		}
	}
	return true;
}

const struct mapping_row_rule *mapping_rule(const struct mapping *mapping, const struct str *cells)
{
	for (size_t i = 0; i < mapping->n_rules; i++) {
		if (mapping_holds(&mapping->rules[i].when, cells)) {
			return &mapping->rules[i];
		}
	}
	return NULL;
}

static const struct mapping_value_rule *find_rule(const struct mapping_value *value,
						  const struct str *cells)
{
	for (size_t i = 0; i < value->n; i++) {
		if (mapping_holds(&value->rules[i].when, cells)) {
			return &value->rules[i];
		}
	}
	return NULL;
}

struct str mapping_text(const struct mapping_value *value, const struct str *cells)
{
	const struct mapping_value_rule *rule = find_rule(value, cells);
	struct str cell;

	if (rule == NULL || rule->column == COLUMN_NONE) {
		return rule == NULL ? (struct str){NULL, 0} : rule->text;
	}
	cell = cells[rule->column];
	if (cell.len > (size_t)rule->first) {
		cell.len = (size_t)rule->first;
		/* not through the middle of a character */
		while (cell.len > 0 && ((unsigned char)cell.ptr[cell.len] & 0xc0) == 0x80) {
			cell.len--;
		}
	}
	return cell;
}

int mapping_number(const struct mapping_value *value, const struct str *cells)
{
	const struct mapping_value_rule *rule = find_rule(value, cells);

	return rule == NULL ? 0 : rule->number;
}
