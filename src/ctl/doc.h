/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doc: a small YAML text as a plain tree in which every node knows where it stands.
 *
 * Strict: one document, no anchors, aliases or tags, no key twice, every key a text, at most
 * DOC_DEPTH_MAX deep. All scalars are texts; what they mean is the reader's business. Not the dialect
 * of policy/yaml.h, which collects problems by path and refuses the tab that a delimiter may be.
 *
 * Memory:   the tree lives in the caller's arena.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

#define DOC_BYTES_MAX 65536
#define DOC_DEPTH_MAX 12

struct arena;

enum doc_kind { DOC_TEXT, DOC_LIST, DOC_MAP };

struct doc_node {
	enum doc_kind kind;
	/* from 1; of a list or map: of its key, or of its own first key when it is an item */
	int line, column;
	struct str text; /* TEXT */
	struct doc_node *keys; /* MAP: n texts */
	struct doc_node *items; /* MAP: n values; LIST: n items */
	size_t n;
};

/* Errors are MB_FIELD_INVALID and read "name:line:column: text". */
enum mb_code doc_parse(const char *name, struct str text, struct arena *arena,
		       struct doc_node **out, struct mb_err *err);

/* The value of a key, or NULL. map must be a MAP. */
const struct doc_node *doc_get(const struct doc_node *map, const char *key);
/* "name:line:column: " before a text. */
enum mb_code doc_fail(struct mb_err *err, const char *name, const struct doc_node *at,
		      const char *fmt, ...) MB_PRINTF(4, 5);
