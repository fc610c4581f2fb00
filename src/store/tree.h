/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: an ordered map of bytes to bytes that never changes: putting and removing give a new tree,
 * which shares with the old one all but the path to the key. So a snapshot is a reference, and going
 * back is keeping the old one. It is a treap: balanced by weights that the caller draws.
 *
 * Memory:   nodes and blobs are counted; a root belongs to whoever got it, NULL is the empty tree.
 * Threads:  different threads may use, ref and unref trees that share nodes.
 * Failure:  false when memory is short; *root is then as before.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree;

struct tree *tree_ref(struct tree *root);
void tree_unref(struct tree *root);

/* False when the key is not there; value lives as long as the tree. */
bool tree_get(const struct tree *root, struct str key, struct str *value);
/* Inserts or replaces; copies both. */
bool tree_put(struct tree **root, struct str key, struct str value, uint32_t weight);
/* Removes a key that is there. */
bool tree_remove(struct tree **root, struct str key);

/* Says whether to go on. */
typedef bool tree_visit_fn(struct str key, struct str value, void *data);
/* In order, the keys >= from that begin with prefix; from itself begins with it. */
void tree_scan(const struct tree *root, struct str prefix, struct str from, tree_visit_fn *visit,
	       void *data);
/* The last key that begins with prefix. */
bool tree_last(const struct tree *root, struct str prefix, struct str *key);
