/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/doc.h"

#include "base/arena.h"

#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct walk {
	const char *name;
	struct arena *arena;
	struct mb_err *err;
};

enum mb_code doc_fail(struct mb_err *err, const char *name, const struct doc_node *at,
		      const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return mb_fail(err, MB_FIELD_INVALID, "%s:%d:%d: %s", name, at->line, at->column, text);
}

const struct doc_node *doc_get(const struct doc_node *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++) {
		if (str_eq(map->keys[i].text, str_from(key))) {
			return &map->items[i];
		}
	}
	return NULL;
}

static void take_place(struct fy_token *token, struct doc_node *out)
{
	const struct fy_mark *mark = token == NULL ? NULL : fy_token_start_mark(token);

	if (mark != NULL) {
		out->line = mark->line + 1;
		out->column = mark->column + 1;
	}
}

static enum mb_code convert(struct walk *walk, struct fy_node *node, int depth,
			    struct doc_node *out);

static enum mb_code convert_text(struct walk *walk, struct fy_node *node, struct doc_node *out)
{
	size_t len = 0;
	const char *text = fy_node_get_scalar(node, &len);

	out->kind = DOC_TEXT;
	take_place(fy_node_get_scalar_token(node), out);
	out->text.ptr = arena_strndup(walk->arena, text == NULL ? "" : text, len);
	out->text.len = len;
	return out->text.ptr == NULL ? arena_fail(walk->arena, walk->err) : MB_OK;
}

/* An item of a list that is a map has no key of its own: it stands where its first key does. */
static void place_item(struct doc_node *item)
{
	if (item->kind == DOC_MAP && item->n > 0) {
		item->line = item->keys[0].line;
		item->column = item->keys[0].column;
	}
}

static enum mb_code convert_list(struct walk *walk, struct fy_node *node, int depth,
				 struct doc_node *out)
{
	size_t n = (size_t)fy_node_sequence_item_count(node);
	struct fy_node *item;
	void *at = NULL;

	out->kind = DOC_LIST;
	out->items = arena_array(walk->arena, n, sizeof(*out->items));
	if (out->items == NULL) {
		return arena_fail(walk->arena, walk->err);
	}
	while ((item = fy_node_sequence_iterate(node, &at)) != NULL) {
		enum mb_code code;

		out->items[out->n].line = out->line;
		out->items[out->n].column = out->column;
		code = convert(walk, item, depth + 1, &out->items[out->n]);
		if (code != MB_OK) {
			return code;
		}
		place_item(&out->items[out->n++]);
	}
	return MB_OK;
}

static enum mb_code convert_pair(struct walk *walk, struct fy_node_pair *pair, int depth,
				 const struct doc_node *map, struct doc_node *key,
				 struct doc_node *value)
{
	enum mb_code code;

	key->line = map->line;
	key->column = map->column;
	code = convert(walk, fy_node_pair_key(pair), depth + 1, key);
	if (code == MB_OK && key->kind != DOC_TEXT) {
		code = doc_fail(walk->err, walk->name, key, "a key must be a text");
	}
	if (code != MB_OK) {
		return code;
	}
	value->line = key->line;
	value->column = key->column;
	return convert(walk, fy_node_pair_value(pair), depth + 1, value);
}

static enum mb_code convert_map(struct walk *walk, struct fy_node *node, int depth,
				struct doc_node *out)
{
	size_t n = (size_t)fy_node_mapping_item_count(node);
	struct fy_node_pair *pair;
	void *at = NULL;

	out->kind = DOC_MAP;
	out->keys = arena_array(walk->arena, n, sizeof(*out->keys));
	out->items = arena_array(walk->arena, n, sizeof(*out->items));
	if (out->keys == NULL || out->items == NULL) {
		return arena_fail(walk->arena, walk->err);
	}
	while ((pair = fy_node_mapping_iterate(node, &at)) != NULL) {
		enum mb_code code = convert_pair(walk, pair, depth, out, &out->keys[out->n],
						 &out->items[out->n]);

		if (code != MB_OK) {
			return code;
		}
		out->n++;
	}
	return MB_OK;
}

static enum mb_code convert(struct walk *walk, struct fy_node *node, int depth,
			    struct doc_node *out)
{
	if (node == NULL) {
		return doc_fail(walk->err, walk->name, out, "a value is missing");
	}
	if (fy_node_is_alias(node) || fy_node_get_anchor(node) != NULL ||
	    fy_node_get_tag_token(node) != NULL) {
		take_place(fy_node_get_scalar_token(node), out);
		return doc_fail(walk->err, walk->name, out,
				"anchors, aliases and tags are not used here");
	}
	if (depth > DOC_DEPTH_MAX) {
		return doc_fail(walk->err, walk->name, out, "nested more than %d deep",
				DOC_DEPTH_MAX);
	}
	switch (fy_node_get_type(node)) {
	case FYNT_SCALAR:
		return convert_text(walk, node, out);
	case FYNT_SEQUENCE:
		return convert_list(walk, node, depth, out);
	default:
		return convert_map(walk, node, depth, out);
	}
}

/* The parser's first error, with its place. */
static enum mb_code parser_error(struct walk *walk, struct fy_diag *diag)
{
	void *at = NULL;
	struct fy_diag_error *error = fy_diag_errors_iterate(diag, &at);
	struct doc_node place = {.line = 1, .column = 1};

	if (error == NULL) {
		return doc_fail(walk->err, walk->name, &place, "not a YAML document");
	}
	place.line = error->line > 0 ? error->line : 1;
	place.column = error->column > 0 ? error->column : 1;
	return doc_fail(walk->err, walk->name, &place, "%s", error->msg);
}

static enum mb_code convert_documents(struct walk *walk, struct fy_parser *parser,
				      struct fy_diag *diag, struct doc_node *out)
{
	struct fy_document *document = fy_parse_load_document(parser), *second;
	enum mb_code code;

	if (document == NULL) {
		return parser_error(walk, diag);
	}
	code = convert(walk, fy_document_root(document), 0, out);
	fy_parse_document_destroy(parser, document);
	if (code != MB_OK) {
		return code;
	}
	second = fy_parse_load_document(parser);
	if (second != NULL) {
		fy_parse_document_destroy(parser, second);
		return doc_fail(walk->err, walk->name, out, "more than one document");
	}
	return fy_diag_got_error(diag) ? parser_error(walk, diag) : MB_OK;
}

enum mb_code doc_parse(const char *name, struct str text, struct arena *arena,
		       struct doc_node **out, struct mb_err *err)
{
	struct walk walk = {name, arena, err};
	struct doc_node *root = arena_alloc(arena, sizeof(*root));
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG};
	struct fy_diag *diag;
	struct fy_parser *parser = NULL;
	enum mb_code code;

	if (root == NULL) {
		return arena_fail(arena, err);
	}
	root->line = root->column = 1;
	if (text.len > DOC_BYTES_MAX || !str_is_utf8(text) ||
	    (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)) {
		return doc_fail(err, name, root, "must be UTF-8 without NUL, at most %d bytes",
				DOC_BYTES_MAX);
	}
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag = fy_diag_create(&diag_cfg);
	if (diag != NULL) {
		fy_diag_set_collect_errors(diag, true);
		cfg.diag = diag;
		parser = fy_parser_create(&cfg);
	}
	if (parser == NULL || fy_parser_set_string(parser, text.ptr, text.len) != 0) {
		code = mb_fail(err, MB_INTERNAL, "out of memory");
	} else {
		code = convert_documents(&walk, parser, diag, root);
	}
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	if (code == MB_OK) {
		*out = root;
	}
	return code;
}
