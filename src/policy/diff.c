/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/diff.h"

#include "policy/policy_file.h"
#include "policy/yaml.h"

/* A policy as a list of values, each with its path, in the order of the file. */
struct value_row {
	struct str path, text;
};

struct values {
	struct arena *arena;
	struct value_row *rows;
	size_t n, room;
};

static struct str joined(struct values *values, struct str path, const char *between,
			 struct str key)
{
	char *text = arena_printf(values->arena, "%.*s%s%.*s", STR_ARG(path),
				  path.len == 0 ? "" : between, STR_ARG(key));

	return text == NULL ? (struct str){0} : str_from(text);
}

/* By its id where it has one, so that a benefit that moves up is no change of all below it. */
static struct str path_of_item(struct values *values, struct str path, const struct yaml_node *item)
{
	const struct yaml_node *id = item->kind == YAML_MAP ? yaml_get(item, STR("id")) : NULL;
	char *text;

	if (id != NULL) {
		return joined(values, path, ".", id->text);
	}
	text = arena_printf(values->arena, "%.*s[%d]", STR_ARG(path), item->index);
	return text == NULL ? (struct str){0} : str_from(text);
}

/* "[silver, gold]": what a person reads as one value. */
static struct str flow_of(struct values *values, const struct yaml_node *list)
{
	struct str text = STR("[");

	for (const struct yaml_node *item = list->first; item != NULL; item = item->next) {
		text = joined(values, text, item == list->first ? "" : ", ", item->text);
	}
	return joined(values, text, "", STR("]"));
}

static void add_value(struct values *values, struct str path, struct str text)
{
	if (values->n < values->room) {
		values->rows[values->n++] = (struct value_row){path, text};
	}
}

static bool is_flow(const struct yaml_node *node)
{
	bool flow = node->kind == YAML_LIST;

	for (const struct yaml_node *item = node->first; flow && item != NULL; item = item->next) {
		flow = item->kind == YAML_SCALAR;
	}
	return flow;
}

/* Depth is bounded by the parser. */
static void list_values(struct values *values, const struct yaml_node *node, struct str path)
{
	if (node->kind == YAML_SCALAR) {
		add_value(values, path, node->text);
	} else if (is_flow(node)) {
		add_value(values, path, flow_of(values, node));
	}
	for (const struct yaml_node *child = node->first; !is_flow(node) && child != NULL;
	     child = child->next) {
		list_values(values, child,
			    node->kind == YAML_MAP ? joined(values, path, ".", child->key)
						   : path_of_item(values, path, child));
	}
}

static size_t count_nodes(const struct yaml_node *node)
{
	size_t n = 1;

	for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
		n += count_nodes(child);
	}
	return n;
}

static enum mb_code read_values(const struct policy *policy, struct arena *arena,
				struct values *out, struct mb_err *err)
{
	struct policy_problems problems = {.n = 0};
	struct strbuf text = {0};
	const struct yaml_node *root;
	enum mb_code code;

	policy_print(policy, &text);
	code = text.failed ? mb_fail(err, MB_OVERLOADED, "no memory to print a policy")
			   : yaml_parse(strbuf_str(&text), arena, &root, &problems, err);
	strbuf_fini(&text);
	if (code != MB_OK) {
		return code;
	}
	*out = (struct values){.arena = arena, .room = count_nodes(root)};
	out->rows = arena_array(arena, out->room, sizeof(*out->rows));
	if (out->rows != NULL) {
		list_values(out, root, (struct str){0});
	}
	return arena_overflowed(arena) ? arena_fail(arena, err) : MB_OK;
}

static const struct value_row *find_value(const struct values *values, struct str path)
{
	for (size_t i = 0; i < values->n; i++) {
		if (str_eq(values->rows[i].path, path)) {
			return &values->rows[i];
		}
	}
	return NULL;
}

/* An empty value is there, unlike one that is not. */
static struct str present(struct str text)
{
	return text.ptr != NULL ? text : STR("");
}

static size_t compare(const struct values *before, const struct values *after,
		      struct policy_change *out)
{
	size_t n = 0;

	for (size_t i = 0; i < before->n; i++) {
		const struct value_row *old = &before->rows[i];
		const struct value_row *new = find_value(after, old->path);

		if (new == NULL || !str_eq(old->text, new->text)) {
			out[n++] = (struct policy_change){old->path, present(old->text),
							  new == NULL ? (struct str){0}
								      : present(new->text)};
		}
	}
	for (size_t i = 0; i < after->n; i++) {
		if (find_value(before, after->rows[i].path) == NULL) {
			out[n++] = (struct policy_change){.path = after->rows[i].path,
							  .after = present(after->rows[i].text)};
		}
	}
	return n;
}

enum mb_code policy_diff(const struct policy *before, const struct policy *after,
			 struct arena *arena, struct policy_change **out, size_t *n,
			 struct mb_err *err)
{
	struct policy_change *changes;
	struct values a, b;
	enum mb_code code = read_values(before, arena, &a, err);

	if (code == MB_OK) {
		code = read_values(after, arena, &b, err);
	}
	if (code != MB_OK) {
		return code;
	}
	changes = arena_array(arena, a.n + b.n, sizeof(*changes));
	if (changes == NULL) {
		return arena_fail(arena, err);
	}
	*n = compare(&a, &b, changes);
	*out = changes;
	return MB_OK;
}
