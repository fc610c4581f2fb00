/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/mapping_read_impl.h"

#include "base/arena.h"
#include "ctl/words.h"
#include "memberd/v1/scoring_service.pb-c.h"

static enum mb_code read_operand(struct mapping_reader *reader, const struct doc_node *at,
				 struct mapping_test *test)
{
	switch (test->kind) {
	case MAPPING_TEST_IN:
		return mapping_read_texts(reader, at, &test->texts, &test->n_texts);
	case MAPPING_TEST_IS:
	case MAPPING_TEST_PREFIX:
		if (at->kind != DOC_TEXT ||
		    (test->kind == MAPPING_TEST_PREFIX && at->text.len == 0)) {
			return FAIL(reader, at, "a text is needed here");
		}
		test->texts = &at->text;
		test->n_texts = 1;
		return MB_OK;
	case MAPPING_TEST_DIGITS:
		return mapping_read_number(reader, at, 1, 64, &test->digits);
	default:
		if (at->kind != DOC_TEXT || !decimal_parse(at->text, &test->bound)) {
			return FAIL(reader, at, "a decimal number is needed here");
		}
		return MB_OK;
	}
}

static enum mb_code read_test(struct mapping_reader *reader, const struct doc_node *column,
			      const struct doc_node *at, struct mapping_test *test)
{
	static const char *const names[] = {
#define X(name, text) text,
		MAPPING_TESTS(X)
#undef X
	};
	enum mb_code code = mapping_use_column(reader, column, &test->column);

	if (code != MB_OK) {
		return code;
	}
	if (at->kind != DOC_MAP || at->n != 1) {
		return FAIL(reader, at,
			    "a column's test has one key of is, in, prefix, digits, below, above");
	}
	for (int i = 0; i < MAPPING_TEST_END; i++) {
		if (str_eq(at->keys[0].text, str_from(names[i]))) {
			test->kind = (enum mapping_test_kind)i;
			return read_operand(reader, &at->items[0], test);
		}
	}
	return FAIL(reader, &at->keys[0],
		    "unknown test '%.32s'; there are is, in, prefix, digits, below, above",
		    at->keys[0].text.ptr);
}

enum mb_code mapping_read_when(struct mapping_reader *reader, const struct doc_node *map,
			       const char *key, struct mapping_when *out)
{
	const struct doc_node *when = doc_get(map, key);
	struct mapping_test *tests;
	enum mb_code code = MB_OK;

	if (when == NULL) {
		return MB_OK;
	}
	if (when->kind != DOC_MAP || when->n == 0) {
		return FAIL(reader, when, "'%s' is a map of columns and their tests", key);
	}
	tests = arena_array(reader->arena, when->n, sizeof(*tests));
	if (tests == NULL) {
		return arena_fail(reader->arena, reader->err);
	}
	for (size_t i = 0; i < when->n && code == MB_OK; i++) {
		code = read_test(reader, &when->keys[i], &when->items[i], &tests[i]);
	}
	*out = (struct mapping_when){tests, when->n};
	return code;
}

enum mb_code mapping_check_rules(struct mapping_reader *reader, const struct doc_node *list,
				 const char *what, bool closed)
{
	if (list->n == 0 || list->n > MAPPING_RULES_MAX) {
		return FAIL(reader, list, "%s has 1 to %d rules", what, MAPPING_RULES_MAX);
	}
	for (size_t i = 0; i < list->n; i++) {
		const struct doc_node *rule = &list->items[i];
		bool last = i + 1 == list->n;

		if (rule->kind != DOC_MAP) {
			return FAIL(reader, rule, "a rule of %s is a map", what);
		}
		if (!last && doc_get(rule, "when") == NULL) {
			return FAIL(reader, rule, "without 'when' the rules after it never act");
		}
		if (last && closed && doc_get(rule, "when") != NULL) {
			return FAIL(reader, rule, "the last rule of %s has no 'when'", what);
		}
	}
	return MB_OK;
}

/* What a rule gives: a text, a type's name, or {first: N, of: COLUMN}. */
static enum mb_code read_given(struct mapping_reader *reader, const struct doc_node *at, bool types,
			       struct mapping_value_rule *rule)
{
	static const char *const keys[] = {"first", "of", NULL};
	enum mb_code code;

	rule->column = COLUMN_NONE;
	if (at->kind == DOC_TEXT && types) {
		rule->number = words_to_enum(&memberd__v1__line_type__descriptor, at->text);
		return rule->number != 0
			       ? MB_OK
			       : FAIL(reader, at,
				      "a type is goods, service, shipping, tax, insurance, "
				      "gift_card or fee");
	}
	if (at->kind == DOC_TEXT) {
		rule->text = at->text;
		return at->text.len <= 64 ? MB_OK : FAIL(reader, at, "at most 64 bytes");
	}
	if (types) {
		return FAIL(reader, at, "a type's name is needed here");
	}
	code = mapping_check_keys(reader, at, "a part of a column", keys);
	if (code == MB_OK) {
		const struct doc_node *first;

		code = mapping_need(reader, at, "a part of a column", "first", DOC_TEXT, &first);
		if (code == MB_OK) {
			code = mapping_read_number(reader, first, 1, 64, &rule->first);
		}
	}
	return code == MB_OK
		       ? mapping_need_column(reader, at, "a part of a column", "of", &rule->column)
		       : code;
}

enum mb_code mapping_read_value(struct mapping_reader *reader, const struct doc_node *map,
				const char *key, bool types, struct mapping_value *out)
{
	static const char *const keys[] = {"when", "is", NULL};
	const struct doc_node *list;
	struct mapping_value_rule *rules;
	enum mb_code code = mapping_need(reader, map, "order", key, DOC_LIST, &list);

	if (code == MB_OK) {
		code = mapping_check_rules(reader, list, key, true);
	}
	if (code != MB_OK) {
		return code;
	}
	rules = arena_array(reader->arena, list->n, sizeof(*rules));
	if (rules == NULL) {
		return arena_fail(reader->arena, reader->err);
	}
	for (size_t i = 0; i < list->n && code == MB_OK; i++) {
		const struct doc_node *at = &list->items[i], *is;

		code = mapping_check_keys(reader, at, key, keys);
		is = code == MB_OK ? doc_get(at, "is") : NULL;
		if (code == MB_OK && is == NULL) {
			code = FAIL(reader, at, "a rule of %s needs 'is'", key);
		}
		if (code == MB_OK) {
			code = read_given(reader, is, types, &rules[i]);
		}
		if (code == MB_OK) {
			code = mapping_read_when(reader, at, "when", &rules[i].when);
		}
	}
	*out = (struct mapping_value){rules, list->n};
	return code;
}
