/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config_file.h"

#include "base/arena.h"
#include "policy/policy_file.h"
#include "policy/yaml.h"

#define ARENA_CAP ((size_t)8 << 20)

static enum mb_code fail_at(const char *path, const struct yaml_node *node, const char *text,
			    struct mb_err *err)
{
	return mb_fail(err, MB_FIELD_INVALID, "%s:%d:%d: %s", path, node->line, node->column, text);
}

static enum mb_code read_map(const char *path, const struct yaml_node *map, struct option_set *set,
			     struct mb_err *err)
{
	struct mb_err why;

	if (map->kind != YAML_MAP) {
		return fail_at(path, map, "must be a map of options, like 'log-level: info'", err);
	}
	for (const struct yaml_node *node = map->first; node != NULL; node = node->next) {
		if (node->kind != YAML_SCALAR) {
			return fail_at(path, node, "an option has one value", err);
		}
		if (option_read_pair(set, node->key, node->text, &why) != MB_OK) {
			return fail_at(path, node, why.text, err);
		}
	}
	return MB_OK;
}

enum mb_code config_file_read(const char *path, struct option_set *set, struct mb_err *err)
{
	struct arena *arena = arena_create(NULL, ARENA_CAP);
	struct policy_problems problems = {.n = 0};
	const struct yaml_node *root;
	struct str text;
	char problem[sizeof(err->text)];
	enum mb_code code;

	if (arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "out of memory");
	}
	code = policy_read_file(path, arena, &text, err);
	if (code == MB_OK) {
		code = yaml_parse(text, arena, &root, &problems, err);
		if (problems.n > 0) {
			policy_problem_format(&problems.items[0], path, problem, sizeof(problem));
			code = mb_fail(err, MB_FIELD_INVALID, "%s", problem);
		}
	}
	if (code == MB_OK) {
		code = read_map(path, root, set, err);
	}
	arena_destroy(arena);
	return code;
}
