/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of mapping files: from the YAML tree to struct mapping, refusing what it does not know. */
#include "ctl/mapping.h"

#include "base/arena.h"
#include "ctl/doc.h"
#include "ctl/sha256.h"
#include "ctl/skips.h"
#include "ctl/words.h"
#include "memberd/v1/common.pb-c.h"
#include "memberd/v1/scoring_service.pb-c.h"

#include <stdio.h>
#include <string.h>

struct reader {
	struct mapping *mapping;
	struct arena *arena;
	struct mb_err *err;
};

#define FAIL(reader, at, ...) doc_fail((reader)->err, (reader)->mapping->name, at, __VA_ARGS__)

/* at must be a map of these keys (a NULL ends them) and no others. */
static enum mb_code check_keys(struct reader *reader, const struct doc_node *at, const char *what,
			       const char *const *keys)
{
	char list[128] = "";

	if (at->kind != DOC_MAP) {
		return FAIL(reader, at, "%s must be a map", what);
	}
	for (size_t i = 0; i < at->n; i++) {
		size_t k = 0;

		while (keys[k] != NULL && !str_eq(at->keys[i].text, str_from(keys[k]))) {
			k++;
		}
		if (keys[k] != NULL) {
			continue;
		}
		for (k = 0; keys[k] != NULL; k++) {
			size_t used = strlen(list);

			snprintf(list + used, sizeof(list) - used, "%s%s", k > 0 ? ", " : "",
				 keys[k]);
		}
		return FAIL(reader, &at->keys[i], "unknown key '%.32s' in %s; there are: %s",
			    at->keys[i].text.ptr, what, list);
	}
	return MB_OK;
}

static enum mb_code need(struct reader *reader, const struct doc_node *map, const char *what,
			 const char *key, enum doc_kind kind, const struct doc_node **out)
{
	static const char *const kinds[] = {"a text", "a list", "a map"};
	const struct doc_node *node = doc_get(map, key);

	if (node == NULL) {
		return FAIL(reader, map, "%s needs '%s'", what, key);
	}
	if (node->kind != kind) {
		return FAIL(reader, node, "'%s' must be %s", key, kinds[kind]);
	}
	*out = node;
	return MB_OK;
}

static enum mb_code need_text(struct reader *reader, const struct doc_node *map, const char *what,
			      const char *key, struct str *out)
{
	const struct doc_node *node;
	enum mb_code code = need(reader, map, what, key, DOC_TEXT, &node);

	if (code == MB_OK) {
		*out = node->text;
	}
	return code;
}

static enum mb_code need_slug(struct reader *reader, const struct doc_node *map, const char *what,
			      const char *key, struct str *out)
{
	enum mb_code code = need_text(reader, map, what, key, out);

	if (code == MB_OK && !str_is_slug(*out, 64)) {
		return FAIL(reader, doc_get(map, key), "'%s' must be 1 to 64 of a-z 0-9 . _ -",
			    key);
	}
	return code;
}

static enum mb_code read_number(struct reader *reader, const struct doc_node *at, int64_t min,
				int64_t max, int64_t *out)
{
	int64_t value;

	if (at->kind != DOC_TEXT || !str_to_i64(at->text, &value) || value < min || value > max) {
		return FAIL(reader, at, "must be a number from %lld to %lld", (long long)min,
			    (long long)max);
	}
	*out = value;
	return MB_OK;
}

/* One word of a few; *out is its place in the list. */
static enum mb_code need_word(struct reader *reader, const struct doc_node *map, const char *what,
			      const char *key, const char *const *words, size_t *out)
{
	struct str text;
	enum mb_code code = need_text(reader, map, what, key, &text);

	if (code != MB_OK) {
		return code;
	}
	for (size_t i = 0; words[i] != NULL; i++) {
		if (str_eq(text, str_from(words[i]))) {
			*out = i;
			return MB_OK;
		}
	}
	return FAIL(reader, doc_get(map, key), "'%s' is %s or %s", key, words[0], words[1]);
}

/* The number of a column in the mapping's own list. */
static enum mb_code use_column(struct reader *reader, const struct doc_node *at, size_t *out)
{
	struct mapping *mapping = reader->mapping;

	if (at->kind != DOC_TEXT || at->text.len == 0) {
		return FAIL(reader, at, "the name of a column is needed here");
	}
	for (size_t i = 0; i < mapping->n_columns; i++) {
		if (str_eq(mapping->columns[i].name, at->text)) {
			*out = i;
			return MB_OK;
		}
	}
	if (mapping->n_columns == MAPPING_COLUMNS_MAX) {
		return FAIL(reader, at, "more than %d columns", MAPPING_COLUMNS_MAX);
	}
	mapping->columns[mapping->n_columns] =
		(struct mapping_column){at->text, at->line, at->column};
	*out = mapping->n_columns++;
	return MB_OK;
}

static enum mb_code need_column(struct reader *reader, const struct doc_node *map, const char *what,
				const char *key, size_t *out)
{
	const struct doc_node *node;
	enum mb_code code = need(reader, map, what, key, DOC_TEXT, &node);

	return code == MB_OK ? use_column(reader, node, out) : code;
}

static enum mb_code read_columns(struct reader *reader, const struct doc_node *map,
				 const char *what, const char *key, struct mapping_columns *out)
{
	const struct doc_node *list;
	enum mb_code code = need(reader, map, what, key, DOC_LIST, &list);
	size_t *at;

	if (code != MB_OK) {
		return code;
	}
	if (list->n == 0) {
		return FAIL(reader, list, "'%s' names at least one column", key);
	}
	at = arena_array(reader->arena, list->n, sizeof(*at));
	if (at == NULL) {
		return arena_fail(reader->arena, reader->err);
	}
	for (size_t i = 0; i < list->n && code == MB_OK; i++) {
		code = use_column(reader, &list->items[i], &at[i]);
	}
	*out = (struct mapping_columns){at, list->n};
	return code;
}

static enum mb_code read_texts(struct reader *reader, const struct doc_node *list,
			       const struct str **out, size_t *out_n)
{
	struct str *texts;

	if (list->kind != DOC_LIST || list->n == 0) {
		return FAIL(reader, list, "a list of texts is needed here");
	}
	texts = arena_array(reader->arena, list->n, sizeof(*texts));
	if (texts == NULL) {
		return arena_fail(reader->arena, reader->err);
	}
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i].kind != DOC_TEXT) {
			return FAIL(reader, &list->items[i], "must be a text");
		}
		texts[i] = list->items[i].text;
	}
	*out = texts;
	*out_n = list->n;
	return MB_OK;
}

static enum mb_code read_operand(struct reader *reader, const struct doc_node *at,
				 struct mapping_test *test)
{
	switch (test->kind) {
	case MAPPING_TEST_IN:
		return read_texts(reader, at, &test->texts, &test->n_texts);
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
		return read_number(reader, at, 1, 64, &test->digits);
	default:
		if (at->kind != DOC_TEXT || !decimal_parse(at->text, &test->bound)) {
			return FAIL(reader, at, "a decimal number is needed here");
		}
		return MB_OK;
	}
}

static enum mb_code read_test(struct reader *reader, const struct doc_node *column,
			      const struct doc_node *at, struct mapping_test *test)
{
	static const char *const names[] = {
#define X(name, text) text,
		MAPPING_TESTS(X)
#undef X
	};
	enum mb_code code = use_column(reader, column, &test->column);

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

/* `when` of a rule, if it has one. */
static enum mb_code read_when(struct reader *reader, const struct doc_node *rule,
			      struct mapping_when *out)
{
	const struct doc_node *when = doc_get(rule, "when");
	struct mapping_test *tests;
	enum mb_code code = MB_OK;

	if (when == NULL) {
		return MB_OK;
	}
	if (when->kind != DOC_MAP || when->n == 0) {
		return FAIL(reader, when, "'when' is a map of columns and their tests");
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

/* A list of rules: 1 to MAPPING_RULES_MAX, of which only the last may (and, with `closed`, must) go
 * without a `when`. */
static enum mb_code check_rules(struct reader *reader, const struct doc_node *list,
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

static enum mb_code read_skip(struct reader *reader, const struct doc_node *skip,
			      struct mapping_row_rule *rule)
{
	bool good = skip->kind == DOC_TEXT && skip->text.len > 0 && skip->text.len <= 32;

	for (size_t i = 0; good && i < skip->text.len; i++) {
		char c = skip->text.ptr[i];

		good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
	}
	if (!good) {
		return FAIL(reader, skip, "a reason is 1 to 32 of a-z 0-9 _");
	}
	if (skip_is_builtin(skip->text)) {
		return FAIL(reader, skip, "the reason '%s' is one of memberctl's own",
			    skip->text.ptr);
	}
	rule->as = MAPPING_SKIP;
	rule->reason = skip->text;
	return MB_OK;
}

static enum mb_code read_row_rule(struct reader *reader, const struct doc_node *at,
				  struct mapping_row_rule *rule)
{
	static const char *const keys[] = {"when", "skip", "as", NULL};
	static const char *const kinds[] = {"order", "cancellation", NULL};
	const struct doc_node *skip, *as;
	size_t kind;
	enum mb_code code = check_keys(reader, at, "a rule of rows", keys);

	if (code != MB_OK) {
		return code;
	}
	skip = doc_get(at, "skip");
	as = doc_get(at, "as");
	if ((skip == NULL) == (as == NULL)) {
		return FAIL(reader, at, "a rule of rows has 'skip' or 'as'");
	}
	if (skip != NULL) {
		code = read_skip(reader, skip, rule);
	} else {
		code = need_word(reader, at, "a rule", "as", kinds, &kind);
		if (code == MB_OK) {
			rule->as = kind == 0 ? MAPPING_ORDER : MAPPING_CANCELLATION;
			reader->mapping->has_orders |= kind == 0;
			reader->mapping->has_cancellations |= kind == 1;
		}
	}
	return code == MB_OK ? read_when(reader, at, &rule->when) : code;
}

static enum mb_code read_rows(struct reader *reader, const struct doc_node *root)
{
	const struct doc_node *list;
	struct mapping_row_rule *rules;
	enum mb_code code = need(reader, root, "the mapping", "rows", DOC_LIST, &list);

	if (code == MB_OK) {
		code = check_rules(reader, list, "rows", false);
	}
	if (code != MB_OK) {
		return code;
	}
	rules = arena_array(reader->arena, list->n, sizeof(*rules));
	if (rules == NULL) {
		return arena_fail(reader->arena, reader->err);
	}
	for (size_t i = 0; i < list->n && code == MB_OK; i++) {
		code = read_row_rule(reader, &list->items[i], &rules[i]);
	}
	reader->mapping->rules = rules;
	reader->mapping->n_rules = list->n;
	return code;
}

/* What a rule gives: a text, a type's name, or {first: N, of: COLUMN}. */
static enum mb_code read_given(struct reader *reader, const struct doc_node *at, bool types,
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
	code = check_keys(reader, at, "a part of a column", keys);
	if (code == MB_OK) {
		const struct doc_node *first;

		code = need(reader, at, "a part of a column", "first", DOC_TEXT, &first);
		if (code == MB_OK) {
			code = read_number(reader, first, 1, 64, &rule->first);
		}
	}
	return code == MB_OK ? need_column(reader, at, "a part of a column", "of", &rule->column)
			     : code;
}

static enum mb_code read_value(struct reader *reader, const struct doc_node *map, const char *key,
			       bool types, struct mapping_value *out)
{
	static const char *const keys[] = {"when", "is", NULL};
	const struct doc_node *list;
	struct mapping_value_rule *rules;
	enum mb_code code = need(reader, map, "order", key, DOC_LIST, &list);

	if (code == MB_OK) {
		code = check_rules(reader, list, key, true);
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

		code = check_keys(reader, at, key, keys);
		is = code == MB_OK ? doc_get(at, "is") : NULL;
		if (code == MB_OK && is == NULL) {
			code = FAIL(reader, at, "a rule of %s needs 'is'", key);
		}
		if (code == MB_OK) {
			code = read_given(reader, is, types, &rules[i]);
		}
		if (code == MB_OK) {
			code = read_when(reader, at, &rules[i].when);
		}
	}
	*out = (struct mapping_value){rules, list->n};
	return code;
}

static enum mb_code read_currency(struct reader *reader, const struct doc_node *order,
				  struct mapping_order *out)
{
	static const char *const keys[] = {"code", "decimals", NULL};
	const struct doc_node *currency, *decimals;
	int64_t value = 0;
	enum mb_code code = need(reader, order, "order", "currency", DOC_MAP, &currency);

	if (code == MB_OK) {
		code = check_keys(reader, currency, "currency", keys);
	}
	if (code == MB_OK) {
		code = need_text(reader, currency, "currency", "code", &out->currency);
	}
	if (code == MB_OK) {
		code = need(reader, currency, "currency", "decimals", DOC_TEXT, &decimals);
	}
	if (code == MB_OK) {
		code = read_number(reader, decimals, 0, MAPPING_DECIMALS, &value);
	}
	if (code != MB_OK) {
		return code;
	}
	out->decimals = (int)value;
	for (size_t i = 0; i < out->currency.len; i++) {
		if (out->currency.ptr[i] < 'A' || out->currency.ptr[i] > 'Z') {
			value = -1;
		}
	}
	if (out->currency.len != 3 || value < 0) {
		return FAIL(reader, doc_get(currency, "code"), "a code of ISO 4217 such as GBP");
	}
	return MB_OK;
}

static enum mb_code read_order(struct reader *reader, const struct doc_node *at)
{
	static const char *const keys[] = {"platform",	 "id",	     "item",	  "quantity",
					   "unit_price", "currency", "completed", "line_order",
					   "type",	 "category", NULL};
	static const char *const completions[] = {"at-order", "never", NULL};
	struct mapping_order *order = &reader->mapping->order;
	struct str platform;
	size_t completed = 0;
	enum mb_code code = check_keys(reader, at, "order", keys);

	if (code != MB_OK || (code = need_text(reader, at, "order", "platform", &platform)) ||
	    (code = need_column(reader, at, "order", "id", &order->id)) ||
	    (code = need_column(reader, at, "order", "item", &order->item)) ||
	    (code = need_column(reader, at, "order", "quantity", &order->quantity)) ||
	    (code = need_column(reader, at, "order", "unit_price", &order->unit_price)) ||
	    (code = read_currency(reader, at, order)) ||
	    (code = need_word(reader, at, "order", "completed", completions, &completed)) ||
	    (code = read_columns(reader, at, "order", "line_order", &order->line_order)) ||
	    (code = read_value(reader, at, "type", true, &order->type)) ||
	    (code = read_value(reader, at, "category", false, &order->category))) {
		return code;
	}
	order->completed_at_order = completed == 0;
	order->platform = words_to_enum(&memberd__v1__platform__descriptor, platform);
	if (order->platform == 0) {
		return FAIL(reader, doc_get(at, "platform"),
			    "a platform is shopping, grocery, food, travel, tickets or rides");
	}
	return MB_OK;
}

static enum mb_code read_cancellation(struct reader *reader, const struct doc_node *at)
{
	static const char *const keys[] = {"id",	 "item",  "quantity", "sign",
					   "line_order", "match", NULL};
	static const char *const signs[] = {"minus", "plus", NULL};
	struct mapping_cancellation *cancellation = &reader->mapping->cancellation;
	struct str match;
	size_t sign = 0;
	enum mb_code code = check_keys(reader, at, "cancellation", keys);

	if (code != MB_OK ||
	    (code = need_column(reader, at, "cancellation", "id", &cancellation->id)) ||
	    (code = need_column(reader, at, "cancellation", "item", &cancellation->item)) ||
	    (code = need_column(reader, at, "cancellation", "quantity", &cancellation->quantity)) ||
	    (code = need_word(reader, at, "cancellation", "sign", signs, &sign)) ||
	    (code = read_columns(reader, at, "cancellation", "line_order",
				 &cancellation->line_order)) ||
	    (code = need_text(reader, at, "cancellation", "match", &match))) {
		return code;
	}
	cancellation->minus = sign == 0;
	if (!str_eq(match, STR("newest-earlier-purchase"))) {
		return FAIL(reader, doc_get(at, "match"), "'match' is newest-earlier-purchase");
	}
	return MB_OK;
}

/* The sections of the kinds that `rows` makes, and no others. */
static enum mb_code read_sections(struct reader *reader, const struct doc_node *root)
{
	struct mapping *mapping = reader->mapping;
	const struct doc_node *order = doc_get(root, "order");
	const struct doc_node *cancellation = doc_get(root, "cancellation");
	enum mb_code code = MB_OK;

	if (!mapping->has_orders) {
		return FAIL(reader, doc_get(root, "rows"), "no rule makes an order");
	}
	if (order == NULL) {
		return FAIL(reader, root, "the mapping needs 'order'");
	}
	if (mapping->has_cancellations != (cancellation != NULL)) {
		return FAIL(reader, cancellation != NULL ? cancellation : doc_get(root, "rows"),
			    cancellation != NULL ? "no rule of rows makes a cancellation"
						 : "the mapping needs 'cancellation'");
	}
	code = read_order(reader, order);
	if (code == MB_OK && cancellation != NULL) {
		code = read_cancellation(reader, cancellation);
	}
	return code;
}

static enum mb_code read_csv(struct reader *reader, const struct doc_node *root)
{
	static const char *const keys[] = {"header", "delimiter", "columns", NULL};
	static const char *const answers[] = {"no", "yes", NULL};
	struct mapping *mapping = reader->mapping;
	const struct doc_node *csv, *columns;
	struct str delimiter;
	size_t header = 0;
	enum mb_code code = need(reader, root, "the mapping", "csv", DOC_MAP, &csv);

	if (code != MB_OK || (code = check_keys(reader, csv, "csv", keys)) ||
	    (code = need_word(reader, csv, "csv", "header", answers, &header)) ||
	    (code = need_text(reader, csv, "csv", "delimiter", &delimiter))) {
		return code;
	}
	if (delimiter.len != 1 || strchr("\"\r\n", delimiter.ptr[0]) != NULL) {
		return FAIL(reader, doc_get(csv, "delimiter"),
			    "a delimiter is one byte, no quote and no line end");
	}
	mapping->header = header == 1;
	mapping->delimiter = delimiter.ptr[0];
	columns = doc_get(csv, "columns");
	if (mapping->header != (columns == NULL)) {
		return FAIL(reader, columns != NULL ? columns : csv,
			    columns != NULL ? "'columns' goes with header: no"
					    : "without a header 'columns' names them in order");
	}
	return columns == NULL ? MB_OK
			       : read_texts(reader, columns, &mapping->file_columns,
					    &mapping->n_file_columns);
}

static enum mb_code read_time(struct reader *reader, const struct doc_node *root)
{
	static const char *const keys[] = {"column", "format", "zone", NULL};
	static const char *const shifts[] = {"to-now", "none", NULL};
	struct mapping *mapping = reader->mapping;
	struct mb_err why = {0};
	const struct doc_node *time;
	struct str pattern;
	size_t shift = 0;
	enum mb_code code = need(reader, root, "the mapping", "time", DOC_MAP, &time);

	if (code != MB_OK || (code = check_keys(reader, time, "time", keys)) ||
	    (code = need_column(reader, time, "time", "column", &mapping->time)) ||
	    (code = need_text(reader, time, "time", "format", &pattern)) ||
	    (code = need_text(reader, time, "time", "zone", &mapping->zone)) ||
	    (code = need_word(reader, root, "the mapping", "shift", shifts, &shift))) {
		return code;
	}
	mapping->shift_to_now = shift == 0;
	if (stamp_format_init(&mapping->format, pattern, &why) != MB_OK) {
		return FAIL(reader, doc_get(time, "format"), "%s", why.text);
	}
	if (!zone_exists(mapping->zone)) {
		return FAIL(reader, doc_get(time, "zone"),
			    "the tz database has no zone '%.40s' (is tzdata installed?)",
			    mapping->zone.ptr);
	}
	return MB_OK;
}

static enum mb_code read_member(struct reader *reader, const struct doc_node *root)
{
	static const char *const keys[] = {"issuer", "id", NULL};
	const struct doc_node *member;
	enum mb_code code = need(reader, root, "the mapping", "member", DOC_MAP, &member);

	if (code != MB_OK || (code = check_keys(reader, member, "member", keys)) ||
	    (code = need_slug(reader, member, "member", "issuer", &reader->mapping->issuer))) {
		return code;
	}
	return need_column(reader, member, "member", "id", &reader->mapping->member);
}

static enum mb_code read_root(struct reader *reader, const struct doc_node *root)
{
	static const char *const keys[] = {"format", "source", "csv",	"member",	"time",
					   "shift",  "rows",   "order", "cancellation", NULL};
	const struct doc_node *format;
	int64_t number;
	enum mb_code code = check_keys(reader, root, "the mapping", keys);

	if (code != MB_OK ||
	    (code = need(reader, root, "the mapping", "format", DOC_TEXT, &format)) ||
	    (code = read_number(reader, format, 1, 1, &number)) ||
	    (code = need_slug(reader, root, "the mapping", "source", &reader->mapping->source)) ||
	    (code = read_csv(reader, root)) || (code = read_member(reader, root)) ||
	    (code = read_time(reader, root)) || (code = read_rows(reader, root))) {
		return code;
	}
	return read_sections(reader, root);
}

enum mb_code mapping_parse(const char *name, struct str text, struct arena *arena,
			   struct mapping **out, struct mb_err *err)
{
	struct mapping *mapping = arena_alloc(arena, sizeof(*mapping));
	struct reader reader = {mapping, arena, err};
	struct doc_node *root;
	struct sha256 sha = {0};
	enum mb_code code;

	if (mapping == NULL || (mapping->name = arena_strdup(arena, name)) == NULL) {
		return arena_fail(arena, err);
	}
	sha256_start(&sha);
	sha256_update(&sha, text.ptr, text.len);
	if (!sha256_finish_hex(&sha, mapping->digest)) {
		return mb_fail(err, MB_INTERNAL, "libcrypto gives no digest");
	}
	code = doc_parse(name, text, arena, &root, err);
	if (code == MB_OK) {
		code = read_root(&reader, root);
	}
	if (code == MB_OK) {
		*out = mapping;
	}
	return code;
}
