/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of mapping files: from the YAML tree to struct mapping, refusing what it does not know. */
#include "ctl/mapping_read_impl.h"

#include "base/arena.h"
#include "ctl/sha256.h"
#include "ctl/skips.h"

#include <string.h>

static enum mb_code read_skip(struct mapping_reader *reader, const struct doc_node *skip,
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

static const char *const KINDS[MAPPING_AS_END] = {
#define X(name, text) [MAPPING_##name] = text,
	MAPPING_KINDS(X)
#undef X
};

static enum mb_code read_kind(struct mapping_reader *reader, const struct doc_node *as,
			      struct mapping_row_rule *rule)
{
	for (int i = MAPPING_SKIP + 1; as->kind == DOC_TEXT && i < MAPPING_AS_END; i++) {
		if (str_eq(as->text, str_from(KINDS[i]))) {
			rule->as = (enum mapping_as)i;
			reader->mapping->makes[i] = true;
			return MB_OK;
		}
	}
	return FAIL(reader, as, "'as' is order, cancellation, review or visit");
}

static enum mb_code read_row_rule(struct mapping_reader *reader, const struct doc_node *at,
				  struct mapping_row_rule *rule)
{
	static const char *const keys[] = {"when", "skip", "as", NULL};
	const struct doc_node *skip, *as;
	enum mb_code code = mapping_check_keys(reader, at, "a rule of rows", keys);

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
		code = read_kind(reader, as, rule);
	}
	return code == MB_OK ? mapping_read_when(reader, at, "when", &rule->when) : code;
}

static enum mb_code read_rows(struct mapping_reader *reader, const struct doc_node *root)
{
	const struct doc_node *list;
	struct mapping_row_rule *rules;
	enum mb_code code = mapping_need(reader, root, "the mapping", "rows", DOC_LIST, &list);

	if (code == MB_OK) {
		code = mapping_check_rules(reader, list, "rows", false);
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

static enum mb_code read_currency(struct mapping_reader *reader, const struct doc_node *order,
				  struct mapping_order *out)
{
	static const char *const keys[] = {"code", "decimals", NULL};
	const struct doc_node *currency, *decimals;
	int64_t value = 0;
	enum mb_code code = mapping_need(reader, order, "order", "currency", DOC_MAP, &currency);

	if (code == MB_OK) {
		code = mapping_check_keys(reader, currency, "currency", keys);
	}
	if (code == MB_OK) {
		code = mapping_need_currency(reader, currency, "currency", "code", &out->currency);
	}
	if (code == MB_OK) {
		code = mapping_need(reader, currency, "currency", "decimals", DOC_TEXT, &decimals);
	}
	if (code == MB_OK) {
		code = mapping_read_number(reader, decimals, 0, MAPPING_DECIMALS, &value);
	}
	out->decimals = (int)value;
	return code;
}

static enum mb_code read_order(struct mapping_reader *reader, const struct doc_node *at)
{
	static const char *const keys[] = {"platform",	 "id",	     "item",	  "quantity",
					   "unit_price", "currency", "completed", "line_order",
					   "type",	 "category", NULL};
	static const char *const completions[] = {"at-order", "never", NULL};
	struct mapping_order *order = &reader->mapping->order;
	size_t completed = 0;
	enum mb_code code = mapping_check_keys(reader, at, "order", keys);

	if (code != MB_OK ||
	    (code = mapping_need_platform(reader, at, "order", &order->platform)) ||
	    (code = mapping_need_column(reader, at, "order", "id", &order->id)) ||
	    (code = mapping_need_column(reader, at, "order", "item", &order->item)) ||
	    (code = mapping_need_column(reader, at, "order", "quantity", &order->quantity)) ||
	    (code = mapping_need_column(reader, at, "order", "unit_price", &order->unit_price)) ||
	    (code = read_currency(reader, at, order)) ||
	    (code = mapping_need_word(reader, at, "order", "completed", completions, &completed)) ||
	    (code = mapping_read_columns(reader, at, "order", "line_order", &order->line_order)) ||
	    (code = mapping_read_value(reader, at, "type", true, &order->type)) ||
	    (code = mapping_read_value(reader, at, "category", false, &order->category))) {
		return code;
	}
	order->completed_at_order = completed == 0;
	return MB_OK;
}

static enum mb_code read_cancellation(struct mapping_reader *reader, const struct doc_node *at)
{
	static const char *const keys[] = {"id",	 "item",  "quantity", "sign",
					   "line_order", "match", NULL};
	static const char *const signs[] = {"minus", "plus", NULL};
	struct mapping_cancellation *cancellation = &reader->mapping->cancellation;
	struct str match;
	size_t sign = 0;
	enum mb_code code = mapping_check_keys(reader, at, "cancellation", keys);

	if (code != MB_OK ||
	    (code = mapping_need_column(reader, at, "cancellation", "id", &cancellation->id)) ||
	    (code = mapping_need_column(reader, at, "cancellation", "item", &cancellation->item)) ||
	    (code = mapping_need_column(reader, at, "cancellation", "quantity",
					&cancellation->quantity)) ||
	    (code = mapping_need_word(reader, at, "cancellation", "sign", signs, &sign)) ||
	    (code = mapping_read_columns(reader, at, "cancellation", "line_order",
					 &cancellation->line_order)) ||
	    (code = mapping_need_text(reader, at, "cancellation", "match", &match))) {
		return code;
	}
	cancellation->minus = sign == 0;
	if (!str_eq(match, STR("newest-earlier-purchase"))) {
		return FAIL(reader, doc_get(at, "match"), "'match' is newest-earlier-purchase");
	}
	return MB_OK;
}

static enum mb_code read_section(struct mapping_reader *reader, const struct doc_node *at,
				 enum mapping_as as)
{
	switch (as) {
	case MAPPING_ORDER:
		return read_order(reader, at);
	case MAPPING_CANCELLATION:
		return read_cancellation(reader, at);
	case MAPPING_REVIEW:
		return mapping_read_review(reader, at);
	default:
		return mapping_read_visit(reader, at);
	}
}

/* The sections of the kinds that `rows` makes, and no others. */
static enum mb_code read_sections(struct mapping_reader *reader, const struct doc_node *root)
{
	const bool *makes = reader->mapping->makes;
	const struct doc_node *rows = doc_get(root, "rows");
	enum mb_code code = MB_OK;
	bool any = false;

	for (int i = MAPPING_SKIP + 1; i < MAPPING_AS_END && code == MB_OK; i++) {
		const struct doc_node *section = doc_get(root, KINDS[i]);

		any = any || makes[i];
		if (makes[i] && section == NULL) {
			return FAIL(reader, rows, "the mapping needs '%s'", KINDS[i]);
		}
		if (!makes[i] && section != NULL) {
			return FAIL(reader, section, "no rule of rows says 'as: %s'", KINDS[i]);
		}
		if (makes[i]) {
			code = read_section(reader, section, (enum mapping_as)i);
		}
	}
	if (code == MB_OK && !any) {
		return FAIL(reader, rows, "no rule makes an activity");
	}
	if (code == MB_OK && makes[MAPPING_CANCELLATION] && !makes[MAPPING_ORDER]) {
		return FAIL(reader, rows, "cancellations without orders match nothing");
	}
	return code;
}

static enum mb_code read_csv(struct mapping_reader *reader, const struct doc_node *root)
{
	static const char *const keys[] = {"header", "delimiter", "columns", NULL};
	static const char *const answers[] = {"no", "yes", NULL};
	struct mapping *mapping = reader->mapping;
	const struct doc_node *csv, *columns;
	struct str delimiter;
	size_t header = 0;
	enum mb_code code = mapping_need(reader, root, "the mapping", "csv", DOC_MAP, &csv);

	if (code != MB_OK || (code = mapping_check_keys(reader, csv, "csv", keys)) ||
	    (code = mapping_need_word(reader, csv, "csv", "header", answers, &header)) ||
	    (code = mapping_need_text(reader, csv, "csv", "delimiter", &delimiter))) {
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
			       : mapping_read_texts(reader, columns, &mapping->file_columns,
						    &mapping->n_file_columns);
}

static enum mb_code read_time(struct mapping_reader *reader, const struct doc_node *root)
{
	static const char *const keys[] = {"column", "format", "zone", NULL};
	static const char *const shifts[] = {"to-now", "none", NULL};
	struct mapping *mapping = reader->mapping;
	struct mb_err why = {0};
	const struct doc_node *time;
	struct str pattern;
	size_t shift = 0;
	enum mb_code code = mapping_need(reader, root, "the mapping", "time", DOC_MAP, &time);

	if (code != MB_OK || (code = mapping_check_keys(reader, time, "time", keys)) ||
	    (code = mapping_need_column(reader, time, "time", "column", &mapping->time)) ||
	    (code = mapping_need_text(reader, time, "time", "format", &pattern)) ||
	    (code = mapping_need_text(reader, time, "time", "zone", &mapping->zone)) ||
	    (code = mapping_need_word(reader, root, "the mapping", "shift", shifts, &shift))) {
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

static enum mb_code read_member(struct mapping_reader *reader, const struct doc_node *root)
{
	static const char *const keys[] = {"issuer", "id", NULL};
	const struct doc_node *member;
	enum mb_code code = mapping_need(reader, root, "the mapping", "member", DOC_MAP, &member);

	if (code != MB_OK || (code = mapping_check_keys(reader, member, "member", keys)) ||
	    (code = mapping_need_slug(reader, member, "member", "issuer",
				      &reader->mapping->issuer))) {
		return code;
	}
	return mapping_need_column(reader, member, "member", "id", &reader->mapping->member);
}

static enum mb_code read_root(struct mapping_reader *reader, const struct doc_node *root)
{
	static const char *const keys[] = {"format",
					   "source",
					   "csv",
					   "member",
					   "time",
					   "shift",
					   "rows",
#define X(name, text) text,
					   MAPPING_KINDS(X)
#undef X
						   NULL};
	const struct doc_node *format;
	int64_t number;
	enum mb_code code = mapping_check_keys(reader, root, "the mapping", keys);

	if (code != MB_OK ||
	    (code = mapping_need(reader, root, "the mapping", "format", DOC_TEXT, &format)) ||
	    (code = mapping_read_number(reader, format, 1, 1, &number)) ||
	    (code = mapping_need_slug(reader, root, "the mapping", "source",
				      &reader->mapping->source)) ||
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
	struct mapping_reader reader = {mapping, arena, err};
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
