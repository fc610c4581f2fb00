/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/reader.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define KEYS_SIZE 224 /* the keys of one map, listed */

void reader_complain(struct reader *reader, const struct yaml_node *node, const char *path,
		     const char *fmt, ...)
{
	char text[sizeof(reader->problems->items[0].text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	problem_add(reader->problems, node->line, node->column, path, "%s", text);
}

size_t reader_problems(const struct reader *reader)
{
	return reader->problems->n + reader->problems->unlisted;
}

/* "400", or "a map" for what is no scalar; for "…, not X". */
static const char *quote(const struct yaml_node *node, char *out, size_t size)
{
	struct str text;

	if (node->kind != YAML_SCALAR) {
		return node->kind == YAML_MAP ? "a map" : "a list";
	}
	if (node->text.len == 0) {
		return "empty";
	}
	text = problem_cut(node->text, size - sizeof("\"\""));
	snprintf(out, size, "%s%.*s%s", node->quoted ? "\"" : "", STR_ARG(text),
		 node->quoted ? "\"" : "");
	return out;
}

bool reader_value(struct reader *reader, enum value_type type, int64_t min, int64_t max,
		  const struct yaml_node *node, const char *path, int64_t *out)
{
	/* times and offsets hold colons, so people quote them; a quoted number is a mistake */
	bool may_quote = type == VALUE_INSTANT || type == VALUE_ZONE;
	char quoted[40], low[VALUE_TEXT_SIZE], high[VALUE_TEXT_SIZE], form[96];
	int64_t value;

	if (node->kind != YAML_SCALAR || (node->quoted && !may_quote) ||
	    !value_parse(type, node->text, reader->exponent, &value)) {
		value_describe(type, reader->exponent, form, sizeof(form));
		reader_complain(reader, node, path, "must be %s, not %s", form,
				quote(node, quoted, sizeof(quoted)));
		return false;
	}
	if (value < min || value > max) {
		value_format(type, min, reader->exponent, low);
		value_format(type, max, reader->exponent, high);
		reader_complain(reader, node, path, "must be %s%s%s, not %s", low,
				min == max ? "" : " to ", min == max ? "" : high,
				quote(node, quoted, sizeof(quoted)));
		return false;
	}
	*out = value;
	return true;
}

static bool copy_text(struct reader *reader, struct str text, struct str *out)
{
	char *copy = arena_strndup(reader->arena, text.len == 0 ? "" : text.ptr, text.len);

	if (copy == NULL) {
		return false; /* the arena remembers */
	}
	*out = (struct str){copy, text.len};
	return true;
}

/* Words of lower-case letters and digits, joined by single hyphens. */
static bool is_slug(struct str text)
{
	bool after_word = false;

	if (!str_is_slug(text, LABEL_MAX)) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '.' || c == '_' || (c == '-' && !after_word)) {
			return false;
		}
		after_word = c != '-';
	}
	return after_word;
}

bool reader_slug(struct reader *reader, const struct yaml_node *node, const char *path,
		 struct str *out)
{
	char quoted[40];

	if (node->kind != YAML_SCALAR || !is_slug(node->text)) {
		reader_complain(reader, node, path,
				"must be lower-case words joined by hyphens, like "
				"value-channel-discount, not %s",
				quote(node, quoted, sizeof(quoted)));
		return false;
	}
	return copy_text(reader, node->text, out);
}

/* No line or paragraph separators and nothing else that would not survive on one line. */
static bool is_one_line(struct str text)
{
	const unsigned char *p = (const unsigned char *)text.ptr;

	for (size_t i = 0; i < text.len; i++) {
		if (p[i] < 0x20 || p[i] == 0x7f || (p[i] == 0xc2 && p[i + 1] < 0xa0) ||
		    (p[i] == 0xe2 && p[i + 1] == 0x80 && (p[i + 2] & 0xfe) == 0xa8) ||
		    (p[i] == 0xef && ((p[i + 1] == 0xbb && p[i + 2] == 0xbf) ||
				      (p[i + 1] == 0xbf && p[i + 2] >= 0xbe)))) {
			return false;
		}
	}
	return true;
}

bool reader_name(struct reader *reader, const struct yaml_node *node, const char *path, size_t most,
		 struct str *out)
{
	char quoted[40];

	if (node->kind != YAML_SCALAR || node->text.len == 0 || node->text.len > most ||
	    !is_one_line(node->text)) {
		reader_complain(reader, node, path, "must be one line of 1 to %zu bytes, not %s",
				most, quote(node, quoted, sizeof(quoted)));
		return false;
	}
	return copy_text(reader, node->text, out);
}

/* ---- maps by schema ---- */

static bool is_currency(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < 'A' || text.ptr[i] > 'Z') {
			return false;
		}
	}
	return text.len == 3;
}

static void read_currency(struct reader *reader, const struct yaml_node *node, const char *path,
			  char out[4])
{
	char quoted[40];

	if (node->kind != YAML_SCALAR || !is_currency(node->text)) {
		reader_complain(reader, node, path, "must be a code of ISO 4217, like CNY, not %s",
				quote(node, quoted, sizeof(quoted)));
		return;
	}
	memcpy(out, node->text.ptr, 4);
}

static void read_channel(struct reader *reader, const struct yaml_node *node, const char *path,
			 bool *out)
{
	char quoted[40];

	if (node->kind != YAML_SCALAR || !str_eq(node->text, STR("value"))) {
		reader_complain(reader, node, path,
				"must be value (leave the key out for every channel), not %s",
				quote(node, quoted, sizeof(quoted)));
		return;
	}
	*out = true;
}

static void read_field(struct reader *reader, const struct field *field,
		       const struct yaml_node *node, const char *path, void *base,
		       reader_list_fn *list)
{
	char *at = (char *)base + field->offset;
	int64_t value;

	switch (field->type) {
	case VALUE_LIST:
		assert(list != NULL);
		list(reader, field, node, path, base);
		break;
	case VALUE_CODE:
		read_currency(reader, node, path, at);
		break;
	case VALUE_SLUG:
		reader_slug(reader, node, path, (struct str *)(void *)at);
		break;
	case VALUE_NAME:
		reader_name(reader, node, path, BENEFIT_NAME_MAX, (struct str *)(void *)at);
		break;
	case VALUE_KIND: /* benefits.c took it: it decides the schema */
		break;
	case VALUE_CHANNEL:
		read_channel(reader, node, path, (bool *)(void *)at);
		break;
	default:
		if (reader_value(reader, field->type, field->min, field->max, node, path, &value)) {
			field_set(field, base, value);
		}
		break;
	}
}

/* The part of a row's path that names a key of the map at `prefix`; empty when it is elsewhere. */
static struct str key_below(const struct field *field, struct str prefix)
{
	const char *key, *dot;

	if (strncmp(field->path, prefix.ptr, prefix.len) != 0) {
		return (struct str){NULL, 0};
	}
	key = field->path + prefix.len;
	dot = strchr(key, '.');
	return (struct str){key, dot == NULL ? strlen(key) : (size_t)(dot - key)};
}

/* "attain, keep" */
static void list_keys(const struct schema *schema, struct str prefix, char *out, size_t size)
{
	struct str last = {NULL, 0};
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < schema->n && len < size; i++) {
		struct str key = key_below(&schema->fields[i], prefix);

		if (key.len > 0 && !str_eq(key, last)) {
			len += (size_t)snprintf(out + len, size - len, "%s%.*s",
						len == 0 ? "" : ", ", STR_ARG(key));
			last = key;
		}
	}
}

struct map_read {
	const struct schema *schema;
	void *base;
	reader_list_fn *list;
};

static void read_level(struct reader *reader, const struct map_read *map, struct str prefix,
		       const struct yaml_node *node, const char *path);

static void read_key(struct reader *reader, const struct map_read *map, struct str prefix,
		     const struct yaml_node *child, const char *path)
{
	char name[PATH_SIZE], keys[KEYS_SIZE];
	size_t before = reader_problems(reader), row;
	/* a dot would spell a path, and reach a second time what another key holds */
	bool is_word = child->key.len > 0 && memchr(child->key.ptr, '.', child->key.len) == NULL;

	snprintf(name, sizeof(name), "%.*s%.*s", STR_ARG(prefix), STR_ARG(child->key));
	row = is_word ? field_find(map->schema, str_from(name)) : map->schema->n;
	if (row < map->schema->n) {
		read_field(reader, &map->schema->fields[row], child, path, map->base, map->list);
		if (map->schema == &POLICY_SCHEMA && reader_problems(reader) == before) {
			reader->seen[row] = child;
		}
		return;
	}
	snprintf(name, sizeof(name), "%.*s%.*s.", STR_ARG(prefix), STR_ARG(child->key));
	for (size_t i = 0; is_word && i < map->schema->n; i++) {
		if (key_below(&map->schema->fields[i], str_from(name)).len > 0) {
			read_level(reader, map, str_from(name), child, path);
			return;
		}
	}
	list_keys(map->schema, prefix, keys, sizeof(keys));
	problem_add(reader->problems, child->key_line, child->key_column, path,
		    "unknown key; known here: %s", keys);
}

/* Whether a key may be left out: nothing at or below it is required. */
static bool is_optional(const struct schema *schema, struct str prefix, struct str key)
{
	for (size_t i = 0; i < schema->n; i++) {
		if (str_eq(key_below(&schema->fields[i], prefix), key) &&
		    schema->fields[i].absent == FIELD_REQUIRED) {
			return false;
		}
	}
	return true;
}

static void find_missing(struct reader *reader, const struct schema *schema, struct str prefix,
			 const struct yaml_node *node, const char *path)
{
	struct str last = {NULL, 0};
	char missing[PATH_SIZE];

	for (size_t i = 0; i < schema->n; i++) {
		struct str key = key_below(&schema->fields[i], prefix);

		if (key.len == 0 || str_eq(key, last)) {
			continue;
		}
		last = key;
		if (yaml_get(node, key) == NULL && !is_optional(schema, prefix, key)) {
			snprintf(missing, sizeof(missing), "%s%s%.*s", path,
				 path[0] == '\0' ? "" : ".", STR_ARG(key));
			reader_complain(reader, node, missing, "missing");
		}
	}
}

/* The map at `node`, whose keys are the schema's rows below `prefix`. */
static void read_level(struct reader *reader, const struct map_read *map, struct str prefix,
		       const struct yaml_node *node, const char *path)
{
	char below[PATH_SIZE], keys[KEYS_SIZE], quoted[40];

	if (node->kind != YAML_MAP) {
		list_keys(map->schema, prefix, keys, sizeof(keys));
		reader_complain(reader, node, path, "must be a map with the keys %s, not %s", keys,
				quote(node, quoted, sizeof(quoted)));
		return;
	}
	for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
		snprintf(below, sizeof(below), "%s%s%.*s", path, path[0] == '\0' ? "" : ".",
			 STR_ARG(child->key));
		read_key(reader, map, prefix, child, below);
	}
	find_missing(reader, map->schema, prefix, node, path);
}

size_t reader_map(struct reader *reader, const struct schema *schema, const struct yaml_node *node,
		  const char *path, void *base, reader_list_fn *list)
{
	const struct map_read map = {schema, base, list};
	size_t before = reader_problems(reader);

	for (size_t i = 0; i < schema->n; i++) {
		const struct field *field = &schema->fields[i];

		if (field->absent != FIELD_REQUIRED && field->absent != FIELD_NONE) {
			field_set(field, base, field->absent);
		}
	}
	read_level(reader, &map, STR(""), node, path);
	return reader_problems(reader) - before;
}

/* ---- rates and the curve ---- */

static void insert_rate(struct policy_rate *rates, int32_t *n, const struct policy_rate *rate)
{
	int32_t at = (*n)++;

	for (; at > 0 && strcmp(rates[at - 1].currency, rate->currency) > 0; at--) {
		rates[at] = rates[at - 1];
	}
	rates[at] = *rate;
}

static void read_rates(struct reader *reader, const struct field *field,
		       const struct yaml_node *node, const char *path)
{
	struct policy_rate *rates;

	if (node->kind != YAML_MAP || node->n > field->max) {
		reader_complain(reader, node, path,
				"must be a map of at most %d currencies, like {USD: {exponent: 2, "
				"rate: 7.00}}",
				(int)field->max);
		return;
	}
	rates = arena_array(reader->arena, (size_t)node->n, sizeof(*rates));
	for (const struct yaml_node *child = node->first; rates != NULL && child != NULL;
	     child = child->next) {
		struct policy_rate rate = {.currency = ""};
		char below[PATH_SIZE];

		snprintf(below, sizeof(below), "%s.%.*s", path, STR_ARG(child->key));
		if (!is_currency(child->key)) {
			problem_add(reader->problems, child->key_line, child->key_column, below,
				    "must be a code of ISO 4217, like USD");
			continue;
		}
		memcpy(rate.currency, child->key.ptr, sizeof(rate.currency));
		if (reader_map(reader, &RATE_SCHEMA, child, below, &rate, NULL) == 0) {
			insert_rate(rates, &reader->policy->n_rates, &rate);
		}
	}
	reader->policy->rates = rates;
}

static bool check_piece(struct reader *reader, const struct yaml_node *node, const char *path,
			const struct curve_piece *piece, int64_t reached)
{
	char want[VALUE_TEXT_SIZE], have[VALUE_TEXT_SIZE], below[PATH_SIZE + 8];

	value_format(VALUE_AMOUNT, reached, reader->exponent, want);
	value_format(VALUE_AMOUNT, piece->from, reader->exponent, have);
	if (piece->from != reached) {
		snprintf(below, sizeof(below), "%s.from", path);
		reader_complain(reader, yaml_get(node, STR("from")), below,
				"%s %s: the piece before ends at %s",
				piece->from > reached ? "leaves a gap up to" : "overlaps from",
				have, want);
		return false;
	}
	if (piece->upto <= piece->from) {
		snprintf(below, sizeof(below), "%s.upto", path);
		reader_complain(reader, yaml_get(node, STR("upto")), below,
				"must be above its from, %s", have);
		return false;
	}
	return true;
}

/* Adds to *points what a piece gives; false when that is too much. */
static bool add_points(const struct curve_piece *piece, int64_t *points)
{
	int64_t width = piece->upto - piece->from;

	if (piece->points_per_unit > 0 &&
	    width > (FIELD_POINTS_MAX - *points) / piece->points_per_unit) {
		return false;
	}
	*points += width * piece->points_per_unit;
	return true;
}

static void read_pieces(struct reader *reader, const struct yaml_node *node, const char *path,
			struct policy_bend *bends)
{
	int64_t reached = 0, points = 0;
	bool whole = true; /* behind a piece that is wrong only the form is judged */
	char below[PATH_SIZE];

	for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
		struct curve_piece piece;

		snprintf(below, sizeof(below), "%s[%d]", path, child->index);
		whole = reader_map(reader, &PIECE_SCHEMA, child, below, &piece, NULL) == 0 &&
			whole && check_piece(reader, child, below, &piece, reached);
		if (!whole) {
			continue;
		}
		if (!add_points(&piece, &points)) {
			reader_complain(reader, child, below,
					"the curve gives more than 1000000 points at its top");
			whole = false;
			continue;
		}
		reached = piece.upto;
		bends[reader->policy->n_bends++] =
			(struct policy_bend){piece.upto, piece.points_per_unit};
	}
}

static void read_curve(struct reader *reader, const struct field *field,
		       const struct yaml_node *node, const char *path)
{
	struct policy_bend *bends;

	if (node->kind != YAML_LIST || node->n < field->min || node->n > field->max) {
		reader_complain(reader, node, path,
				"must be a list of 1 to %d pieces, like {from: 0, upto: 2000.00, "
				"points_per_unit: 0.1}",
				(int)field->max);
		return;
	}
	bends = arena_array(reader->arena, (size_t)node->n, sizeof(*bends));
	if (bends != NULL) {
		read_pieces(reader, node, path, bends);
		reader->policy->bends = bends;
	}
}

static void read_list(struct reader *reader, const struct field *field,
		      const struct yaml_node *node, const char *path, void *base)
{
	(void)base;
	if (strcmp(field->path, "rates") == 0) {
		read_rates(reader, field, node, path);
	} else if (strcmp(field->path, "spend.curve") == 0) {
		read_curve(reader, field, node, path);
	} else {
		benefits_read(reader, node, path);
	}
}

/* ---- between fields ---- */

static void check_order(struct reader *reader, const struct field_order *order)
{
	size_t low = field_find(&POLICY_SCHEMA, str_from(order->low));
	size_t high = field_find(&POLICY_SCHEMA, str_from(order->high));
	const struct field *fields = POLICY_SCHEMA.fields;
	char want[VALUE_TEXT_SIZE], have[VALUE_TEXT_SIZE];
	int64_t a, b;

	assert(low < POLICY_SCHEMA.n && high < POLICY_SCHEMA.n);
	if (reader->seen[low] == NULL || reader->seen[high] == NULL) {
		return;
	}
	a = field_get(&fields[low], reader->policy);
	b = field_get(&fields[high], reader->policy);
	if (a < b || (a == b && !order->strict)) {
		return;
	}
	value_format(fields[low].type, a, reader->exponent, want);
	value_format(fields[high].type, b, reader->exponent, have);
	reader_complain(reader, reader->seen[high], order->high, "must be %s %s (%s), not %s",
			order->strict ? "above" : "at least", order->low, want, have);
}

static void check_rates(struct reader *reader, const struct yaml_node *root)
{
	const struct yaml_node *rates = yaml_get(root, STR("rates"));
	const struct yaml_node *own =
		rates == NULL ? NULL : yaml_get(rates, str_from(reader->policy->currency));
	char path[PATH_SIZE];

	if (own != NULL) {
		snprintf(path, sizeof(path), "rates.%s", reader->policy->currency);
		problem_add(reader->problems, own->key_line, own->key_column, path,
			    "the base currency has no rate; it is 1");
	}
}

/* Amounts can be read only when the exponent is known, wherever it stands in the file. */
static int find_exponent(const struct yaml_node *root)
{
	const struct yaml_node *currency = yaml_get(root, STR("currency"));
	const struct yaml_node *node =
		currency == NULL ? NULL : yaml_get(currency, STR("exponent"));
	int64_t exponent;

	if (node == NULL || node->kind != YAML_SCALAR ||
	    !value_parse(VALUE_INT, node->text, 0, &exponent) || exponent < 0 || exponent > 4) {
		return 2;
	}
	return (int)exponent;
}

void reader_read(struct reader *reader, const struct yaml_node *root)
{
	reader->exponent = find_exponent(root);
	reader_map(reader, &POLICY_SCHEMA, root, "", reader->policy, read_list);
	if (root->kind != YAML_MAP) {
		return;
	}
	for (size_t i = 0; i < FIELD_ORDERS_N; i++) {
		check_order(reader, &FIELD_ORDERS[i]);
	}
	check_rates(reader, root);
}
