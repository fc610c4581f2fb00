/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/yaml.h"

#include <libfyaml.h>

#include <stdio.h>

struct builder {
	struct arena *arena;
	struct policy_problems *problems;
	struct yaml_node *root, *open; /* open: the innermost collection not yet ended */
	struct yaml_node *keyed; /* a child of `open` whose key came and whose value has not */
	int depth, documents;
	int line, column; /* of the last event that had a place */
	bool failed; /* the arena refused, or the tree makes no sense from here on */
};

/* "benefits[3].levels" of a node; empty for the root. */
static void path_of(const struct yaml_node *node, char *out, size_t size)
{
	const struct yaml_node *chain[YAML_DEPTH_MAX + 2];
	size_t n = 0, len = 0;

	for (; node != NULL && node->parent != NULL && n < YAML_DEPTH_MAX + 2;
	     node = node->parent) {
		chain[n++] = node;
	}
	out[0] = '\0';
	while (n-- > 0 && len < size) {
		const struct yaml_node *at = chain[n];

		len += (size_t)(at->parent->kind == YAML_LIST
					? snprintf(out + len, size - len, "[%d]", at->index)
					: snprintf(out + len, size - len, "%s%.*s",
						   len == 0 ? "" : ".", STR_ARG(at->key)));
	}
}

static void complain_of(struct builder *b, const struct yaml_node *node, const char *text)
{
	char path[96];

	path_of(node, path, sizeof(path));
	problem_add(b->problems, b->line, b->column, path, "%s", text);
}

/* A problem of the innermost node. */
static void complain(struct builder *b, const char *text)
{
	complain_of(b, b->keyed != NULL ? b->keyed : b->open, text);
}

static struct yaml_node *add_node(struct builder *b)
{
	struct yaml_node *node = arena_alloc(b->arena, sizeof(*node));

	if (node == NULL) {
		b->failed = true;
		return NULL;
	}
	node->line = b->line;
	node->column = b->column;
	node->parent = b->open;
	if (b->open == NULL) {
		b->root = node;
		return node;
	}
	if (b->open->last == NULL) {
		b->open->first = node;
	} else {
		b->open->last->next = node;
	}
	b->open->last = node;
	node->index = b->open->n++;
	if (b->open->n > YAML_CHILDREN_MAX) {
		complain(b, "too many entries; at most 256 in one map or list");
		b->failed = true;
	}
	return node;
}

/* Escapes in double quotes can spell what check_bytes() keeps out. */
static bool is_clean(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
			return false;
		}
	}
	return str_is_utf8(text);
}

static bool copy_text(struct builder *b, const struct yaml_node *of, struct fy_token *token,
		      struct str *out)
{
	size_t len = 0;
	const char *text = token == NULL ? NULL : fy_token_get_text(token, &len);
	char *copy = arena_strndup(b->arena, text == NULL ? "" : text, text == NULL ? 0 : len);

	if (copy == NULL) {
		b->failed = true;
		return false;
	}
	*out = (struct str){copy, text == NULL ? 0 : len};
	if (!is_clean(*out)) {
		complain_of(b, of, "control characters are not allowed, escaped ones neither");
		b->failed = true;
		return false;
	}
	return true;
}

static void check_key(struct builder *b, struct yaml_node *node)
{
	for (struct yaml_node *other = b->open->first; other != node; other = other->next) {
		if (str_eq(other->key, node->key)) {
			char text[64];

			snprintf(text, sizeof(text), "the key is there twice, first on line %d",
				 other->key_line);
			complain(b, text);
			return;
		}
	}
	if (str_eq(node->key, STR("<<"))) {
		complain(b, "merge keys are not allowed; write the values out");
	}
}

static void take_key(struct builder *b, struct fy_event *event)
{
	struct yaml_node *node = add_node(b);

	if (node == NULL || !copy_text(b, b->open, event->scalar.value, &node->key)) {
		return;
	}
	node->key_line = b->line;
	node->key_column = b->column;
	b->keyed = node;
	check_key(b, node);
}

/* The node that an event of a value fills: the one whose key came, or a new one. */
static struct yaml_node *value_node(struct builder *b)
{
	struct yaml_node *node = b->keyed;

	if (node == NULL) {
		return add_node(b);
	}
	b->keyed = NULL;
	node->line = b->line;
	node->column = b->column;
	return node;
}

static bool awaits_key(const struct builder *b)
{
	return b->open != NULL && b->open->kind == YAML_MAP && b->keyed == NULL;
}

static void take_scalar(struct builder *b, struct fy_event *event)
{
	enum fy_scalar_style style = event->scalar.value == NULL
					     ? FYSS_PLAIN
					     : fy_token_scalar_style(event->scalar.value);
	struct yaml_node *node;

	if (style == FYSS_LITERAL || style == FYSS_FOLDED) {
		complain(b, "block texts (| and >) are not allowed; write it on one line");
		b->failed = true;
		return;
	}
	if (awaits_key(b)) {
		take_key(b, event);
		return;
	}
	node = value_node(b);
	if (node != NULL && copy_text(b, node, event->scalar.value, &node->text)) {
		node->kind = YAML_SCALAR;
		node->quoted = style != FYSS_PLAIN;
	}
}

static void open_collection(struct builder *b, enum yaml_kind kind)
{
	struct yaml_node *node;

	if (awaits_key(b)) {
		complain(b, "a key must be a plain word");
		b->failed = true;
		return;
	}
	if (++b->depth > YAML_DEPTH_MAX) {
		complain(b, "nested too deep; at most 8 levels");
		b->failed = true;
		return;
	}
	node = value_node(b);
	if (node != NULL) {
		node->kind = kind;
		b->open = node;
	}
}

static void close_collection(struct builder *b)
{
	b->depth--;
	b->open = b->open->parent;
}

static void refuse_decorations(struct builder *b, const struct fy_token *anchor,
			       const struct fy_token *tag)
{
	if (anchor != NULL) {
		complain(b, "anchors (&) are not allowed; write the values out");
	}
	if (tag != NULL) {
		complain(b, "tags (!) are not allowed; every key has one type");
	}
}

static void start_document(struct builder *b, struct fy_event *event)
{
	if (++b->documents > 1) {
		complain(b, "a second document; a file holds one");
		b->failed = true;
	} else if (event->document_start.document_state != NULL &&
		   (fy_document_state_version_explicit(event->document_start.document_state) ||
		    fy_document_state_tags_explicit(event->document_start.document_state))) {
		complain(b, "directives (%) are not allowed");
	}
}

static bool is_behind_sign(struct fy_event *event)
{
	enum fy_scalar_style style;

	if (event->type != FYET_SCALAR || event->scalar.value == NULL) {
		return event->type == FYET_ALIAS;
	}
	style = fy_token_scalar_style(event->scalar.value);
	return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static void take_event(struct builder *b, struct fy_event *event)
{
	const struct fy_mark *mark = fy_event_start_mark(event);

	if (mark != NULL) {
		/* libfyaml marks what follows a quote or a star */
		b->line = mark->line + 1;
		b->column = mark->column + (is_behind_sign(event) ? 0 : 1);
	}
	switch (event->type) {
	case FYET_DOCUMENT_START:
		start_document(b, event);
		break;
	case FYET_MAPPING_START:
		refuse_decorations(b, event->mapping_start.anchor, event->mapping_start.tag);
		open_collection(b, YAML_MAP);
		break;
	case FYET_SEQUENCE_START:
		refuse_decorations(b, event->sequence_start.anchor, event->sequence_start.tag);
		open_collection(b, YAML_LIST);
		break;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		close_collection(b);
		break;
	case FYET_SCALAR:
		refuse_decorations(b, event->scalar.anchor, event->scalar.tag);
		take_scalar(b, event);
		break;
	case FYET_ALIAS:
		complain(b, "aliases (*) are not allowed; write the values out");
		b->failed = true;
		break;
	default:
		break;
	}
}

/* libfyaml reads past bytes that are no text, so they are looked for first. */
static bool check_bytes(struct str text, struct policy_problems *problems)
{
	int line = 1, column = 1;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		size_t left = text.len - i, len = 1;

		if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
			problem_add(problems, line, column, "", "a control character (0x%02x)", c);
			return false;
		}
		if (c >= 0x80) {
			for (len = 2; len <= 4; len++) {
				if (len <= left && str_is_utf8((struct str){text.ptr + i, len})) {
					break;
				}
			}
		}
		if (len > 4) {
			problem_add(problems, line, column, "", "not UTF-8 (byte 0x%02x)", c);
			return false;
		}
		i += len - 1;
		column = c == '\n' ? 1 : column + 1;
		line += c == '\n';
	}
	return true;
}

static void report_syntax(struct fy_diag *diag, struct policy_problems *problems)
{
	void *at = NULL;
	const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &at);

	if (error == NULL) {
		problem_add(problems, 1, 1, "", "not well-formed YAML");
		return;
	}
	problem_add(problems, error->line, error->column, "", "not well-formed YAML: %.120s",
		    error->msg);
}

/* What libfyaml says besides what it collects would go to stderr, where only the log may write. */
static void swallow(struct fy_diag *diag, void *user, const char *text, size_t len)
{
	(void)diag;
	(void)user;
	(void)text;
	(void)len;
}

static void run_parser(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
	struct fy_event *event;

	while (!b->failed && (event = fy_parser_parse(parser)) != NULL) {
		take_event(b, event);
		fy_parser_event_free(parser, event);
	}
	if (!b->failed && fy_parser_get_stream_error(parser)) {
		report_syntax(diag, b->problems);
	} else if (!b->failed && b->root == NULL) {
		problem_add(b->problems, 1, 1, "", "the file is empty");
	}
}

enum mb_code yaml_parse(struct str text, struct arena *arena, const struct yaml_node **out,
			struct policy_problems *problems, struct mb_err *err)
{
	struct builder b = {.arena = arena, .problems = problems, .line = 1, .column = 1};
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 |
					    FYPCF_JSON_NONE};
	struct fy_parser *parser = NULL;
	enum mb_code code = MB_FIELD_INVALID;

	if (!check_bytes(text, problems)) {
		return mb_fail(err, MB_FIELD_INVALID, "not a text");
	}
	if (text.len == 0) {
		problem_add(problems, 1, 1, "", "the file is empty");
		return mb_fail(err, MB_FIELD_INVALID, "empty");
	}
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.output_fn = swallow;
	cfg.diag = fy_diag_create(&diag_cfg);
	if (cfg.diag != NULL) {
		fy_diag_set_collect_errors(cfg.diag, true);
		parser = fy_parser_create(&cfg);
	}
	if (parser == NULL || fy_parser_set_string(parser, text.ptr, text.len) != 0) {
		code = mb_fail(err, MB_OVERLOADED, "no memory to read YAML");
		goto out;
	}
	run_parser(&b, parser, cfg.diag);
	if (arena_overflowed(arena)) {
		code = arena_fail(arena, err);
	} else if (problems->n > 0) {
		code = mb_fail(err, MB_FIELD_INVALID, "not a file as it should be");
	} else {
		*out = b.root;
		code = MB_OK;
	}
out:
	fy_parser_destroy(parser);
	fy_diag_destroy(cfg.diag);
	return code;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, struct str key)
{
	if (map->kind != YAML_MAP) {
		return NULL;
	}
	for (const struct yaml_node *node = map->first; node != NULL; node = node->next) {
		if (str_eq(node->key, key)) {
			return node;
		}
	}
	return NULL;
}
