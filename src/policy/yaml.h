/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml: the part of YAML that a file of this house may use, as a tree with positions: one document
 * of maps with plain keys, lists and scalars. Anchors, aliases, tags, merge keys, directives, block
 * scalars, several documents, keys twice in one map, bad UTF-8, control characters and deep nesting
 * are problems. Wraps libfyaml; nothing else of the floor sees it.
 *
 * Memory:   the tree lives in the arena and refers to nothing else.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "policy/problem.h"

#define YAML_DEPTH_MAX	  8
#define YAML_CHILDREN_MAX 256

enum yaml_kind { YAML_SCALAR, YAML_MAP, YAML_LIST };

struct yaml_node {
	enum yaml_kind kind;
	int line, column; /* from 1 */
	struct str key; /* inside a map; else empty */
	int key_line, key_column;
	struct str text; /* of a scalar; empty also when there is none */
	bool quoted;
	struct yaml_node *first, *next; /* children; siblings */
	struct yaml_node *last, *parent; /* the parser's */
	int n, index; /* children; place among the siblings, from 0 */
};

/* MB_FIELD_INVALID with at least one problem; MB_ARENA_FULL, MB_OVERLOADED. */
enum mb_code yaml_parse(struct str text, struct arena *arena, const struct yaml_node **out,
			struct policy_problems *problems, struct mb_err *err);

/* NULL when the map has no such key. */
const struct yaml_node *yaml_get(const struct yaml_node *map, struct str key);
