/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of mapping files: from the YAML tree to struct mapping, refusing what it does not know. */
#include "ctl/mapping_read_impl.h"

#include "base/arena.h"
#include "ctl/sha256.h"
#include "ctl/skips.h"
#include "ctl/words.h"
#include "memberd/v1/common.pb-c.h"

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

static enum mb_code read_row_rule(struct mapping_reader *reader, const struct doc_node *at,
				  struct mapping_row_rule *rule)
{
	static const char *const keys[] = {"when", "skip", "as", NULL};
	static const char *const kinds[] = {"order", "cancellation", NULL};
	const struct doc_node *skip, *as;
	size_t kind;
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
		code = mapping_need_word(reader, at, "a rule", "as", kinds, &kind);
		if (code == MB_OK) {
			rule->as = kind == 0 ? MAPPING_ORDER : MAPPING_CANCELLATION;
			reader->mapping->has_orders |= kind == 0;
			reader->mapping->has_cancellations |= kind == 1;
		}
	}
	return code == MB_OK ? mapping_read_when(reader, at, &rule->when) : code;
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
		code = mapping_need_text(reader, currency, "currency", "code", &out->currency);
	}
	if (code == MB_OK) {
		code = mapping_need(reader, currency, "currency", "decimals", DOC_TEXT, &decimals);
	}
	if (code == MB_OK) {
		code = mapping_read_number(reader, decimals, 0, MAPPING_DECIMALS, &value);
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

static enum mb_code read_order(struct mapping_reader *reader, const struct doc_node *at)
{
	static const char *const keys[] = {"platform",	 "id",	     "item",	  "quantity",
					   "unit_price", "currency", "completed", "line_order",
					   "type",	 "category", NULL};
	static const char *const completions[] = {"at-order", "never", NULL};
	struct mapping_order *order = &reader->mapping->order;
	struct str platform;
	size_t completed = 0;
	enum mb_code code = mapping_check_keys(reader, at, "order", keys);

	if (code != MB_OK ||
	    (code = mapping_need_text(reader, at, "order", "platform", &platform)) ||
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
	order->platform = words_to_enum(&memberd__v1__platform__descriptor, platform);
	if (order->platform == 0) {
		return FAIL(reader, doc_get(at, "platform"),
			    "a platform is shopping, grocery, food, travel, tickets or rides");
	}
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

/* The sections of the kinds that `rows` makes, and no others. */
static enum mb_code read_sections(struct mapping_reader *reader, const struct doc_node *root)
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
	static const char *const keys[] = {"format", "source", "csv",	"member",	"time",
					   "shift",  "rows",   "order", "cancellation", NULL};
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
