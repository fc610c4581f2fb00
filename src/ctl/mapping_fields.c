/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/mapping_read_impl.h"

#include "base/arena.h"
#include "ctl/words.h"
#include "memberd/v1/common.pb-c.h"

#include <stdio.h>
#include <string.h>

enum mb_code mapping_check_keys(struct mapping_reader *reader, const struct doc_node *at,
				const char *what, const char *const *keys)
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

enum mb_code mapping_need(struct mapping_reader *reader, const struct doc_node *map,
			  const char *what, const char *key, enum doc_kind kind,
			  const struct doc_node **out)
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

enum mb_code mapping_need_text(struct mapping_reader *reader, const struct doc_node *map,
			       const char *what, const char *key, struct str *out)
{
	const struct doc_node *node;
	enum mb_code code = mapping_need(reader, map, what, key, DOC_TEXT, &node);

	if (code == MB_OK) {
		*out = node->text;
	}
	return code;
}

enum mb_code mapping_need_slug(struct mapping_reader *reader, const struct doc_node *map,
			       const char *what, const char *key, struct str *out)
{
	enum mb_code code = mapping_need_text(reader, map, what, key, out);

	if (code == MB_OK && !str_is_slug(*out, 64)) {
		return FAIL(reader, doc_get(map, key), "'%s' must be 1 to 64 of a-z 0-9 . _ -",
			    key);
	}
	return code;
}

enum mb_code mapping_read_number(struct mapping_reader *reader, const struct doc_node *at,
				 int64_t min, int64_t max, int64_t *out)
{
	int64_t value;

	if (at->kind != DOC_TEXT || !str_to_i64(at->text, &value) || value < min || value > max) {
		return FAIL(reader, at, "must be a number from %lld to %lld", (long long)min,
			    (long long)max);
	}
	*out = value;
	return MB_OK;
}

enum mb_code mapping_need_word(struct mapping_reader *reader, const struct doc_node *map,
			       const char *what, const char *key, const char *const *words,
			       size_t *out)
{
	struct str text;
	enum mb_code code = mapping_need_text(reader, map, what, key, &text);

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

enum mb_code mapping_need_platform(struct mapping_reader *reader, const struct doc_node *map,
				   const char *what, int *out)
{
	struct str text;
	enum mb_code code = mapping_need_text(reader, map, what, "platform", &text);

	if (code != MB_OK) {
		return code;
	}
	*out = words_to_enum(&memberd__v1__platform__descriptor, text);
	return *out != 0 ? MB_OK
			 : FAIL(reader, doc_get(map, "platform"),
				"a platform is shopping, grocery, food, travel, tickets or rides");
}

enum mb_code mapping_need_currency(struct mapping_reader *reader, const struct doc_node *map,
				   const char *what, const char *key, struct str *out)
{
	enum mb_code code = mapping_need_text(reader, map, what, key, out);
	bool good = code == MB_OK && out->len == 3;

	for (size_t i = 0; good && i < out->len; i++) {
		good = out->ptr[i] >= 'A' && out->ptr[i] <= 'Z';
	}
	return code != MB_OK || good
		       ? code
		       : FAIL(reader, doc_get(map, key), "a code of ISO 4217 such as GBP");
}

enum mb_code mapping_use_column(struct mapping_reader *reader, const struct doc_node *at,
				size_t *out)
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

enum mb_code mapping_need_column(struct mapping_reader *reader, const struct doc_node *map,
				 const char *what, const char *key, size_t *out)
{
	const struct doc_node *node;
	enum mb_code code = mapping_need(reader, map, what, key, DOC_TEXT, &node);

	return code == MB_OK ? mapping_use_column(reader, node, out) : code;
}

enum mb_code mapping_read_column(struct mapping_reader *reader, const struct doc_node *map,
				 const char *key, size_t *out)
{
	const struct doc_node *node = doc_get(map, key);

	*out = COLUMN_NONE;
	return node == NULL ? MB_OK : mapping_use_column(reader, node, out);
}

enum mb_code mapping_read_columns(struct mapping_reader *reader, const struct doc_node *map,
				  const char *what, const char *key, struct mapping_columns *out)
{
	const struct doc_node *list;
	enum mb_code code = mapping_need(reader, map, what, key, DOC_LIST, &list);
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
		code = mapping_use_column(reader, &list->items[i], &at[i]);
	}
	*out = (struct mapping_columns){at, list->n};
	return code;
}

enum mb_code mapping_read_texts(struct mapping_reader *reader, const struct doc_node *list,
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
