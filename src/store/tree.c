/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tree.h"

#include "base/fault.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Key and value of one entry, shared by all copies of its node. */
struct pair {
	_Atomic unsigned refs;
	size_t key_len, value_len;
	char bytes[];
};

struct tree {
	_Atomic unsigned refs;
	uint32_t weight; /* never below that of its children */
	struct tree *left, *right;
	struct pair *pair;
};

/* A count that is above zero cannot fall to it meanwhile: whoever copies a reference holds one. */
static void take_ref(_Atomic unsigned *refs)
{
	atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

static bool drop_ref(_Atomic unsigned *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

struct tree *tree_ref(struct tree *root)
{
	if (root != NULL) {
		take_ref(&root->refs);
	}
	return root;
}

void tree_unref(struct tree *root)
{
	if (root == NULL || !drop_ref(&root->refs)) {
		return;
	}
	tree_unref(root->left);
	tree_unref(root->right);
	if (drop_ref(&root->pair->refs)) {
		free(root->pair);
	}
	free(root);
}

static struct str key_of(const struct tree *t)
{
	return (struct str){t->pair->bytes, t->pair->key_len};
}

static struct str value_of(const struct tree *t)
{
	return (struct str){t->pair->bytes + t->pair->key_len, t->pair->value_len};
}

/* A node of `like`'s pair and weight over these children, which it takes; NULL frees them. */
static struct tree *node_over(const struct tree *like, struct tree *left, struct tree *right)
{
	struct tree *node = FAULT("store.memory.node") ? NULL : malloc(sizeof(*node));

	if (node == NULL) {
		tree_unref(left);
		tree_unref(right);
		return NULL;
	}
	atomic_init(&node->refs, 1);
	node->weight = like->weight;
	node->left = left;
	node->right = right;
	node->pair = like->pair;
	take_ref(&node->pair->refs);
	return node;
}

static struct tree *create_leaf(struct str key, struct str value, uint32_t weight)
{
	struct pair *pair =
		FAULT("store.memory.pair") ? NULL : malloc(sizeof(*pair) + key.len + value.len);
	struct tree *node;

	if (pair == NULL) {
		return NULL;
	}
	node = malloc(sizeof(*node));
	if (node == NULL) {
		free(pair);
		return NULL;
	}
	atomic_init(&pair->refs, 1);
	pair->key_len = key.len;
	pair->value_len = value.len;
	memcpy(pair->bytes, key.ptr, key.len);
	if (value.len > 0) {
		memcpy(pair->bytes + key.len, value.ptr, value.len);
	}
	atomic_init(&node->refs, 1);
	node->weight = weight;
	node->left = node->right = NULL;
	node->pair = pair;
	return node;
}

bool tree_get(const struct tree *root, struct str key, struct str *value)
{
	while (root != NULL) {
		int order = str_cmp(key, key_of(root));

		if (order == 0) {
			*value = value_of(root);
			return true;
		}
		root = order < 0 ? root->left : root->right;
	}
	return false;
}

/* A node that this insertion made is nobody else's yet and may be turned. */
static struct tree *turn_right(struct tree *t)
{
	struct tree *left = t->left;

	t->left = left->right;
	left->right = t;
	return left;
}

static struct tree *turn_left(struct tree *t)
{
	struct tree *right = t->right;

	t->right = right->left;
	right->left = t;
	return right;
}

/* The tree with the leaf in it, which it takes; NULL when memory is short. */
static struct tree *with(const struct tree *t, struct tree *leaf)
{
	struct tree *child, *copy;
	int order;

	if (t == NULL) {
		return leaf;
	}
	order = str_cmp(key_of(leaf), key_of(t));
	if (order == 0) {
		leaf->weight = t->weight;
		leaf->left = tree_ref(t->left);
		leaf->right = tree_ref(t->right);
		return leaf;
	}
	child = with(order < 0 ? t->left : t->right, leaf);
	if (child == NULL) {
		return NULL;
	}
	if (order < 0) {
		copy = node_over(t, child, tree_ref(t->right));
		return copy != NULL && child->weight > copy->weight ? turn_right(copy) : copy;
	}
	copy = node_over(t, tree_ref(t->left), child);
	return copy != NULL && child->weight > copy->weight ? turn_left(copy) : copy;
}

bool tree_put(struct tree **root, struct str key, struct str value, uint32_t weight)
{
	struct tree *leaf = create_leaf(key, value, weight);
	struct tree *next = leaf == NULL ? NULL : with(*root, leaf);

	if (next == NULL) {
		return false;
	}
	tree_unref(*root);
	*root = next;
	return true;
}

/* All of a, then all of b; false when memory is short. */
static bool join(struct tree *a, struct tree *b, struct tree **out)
{
	struct tree *child;

	if (a == NULL || b == NULL) {
		*out = tree_ref(a == NULL ? b : a);
		return true;
	}
	if (a->weight >= b->weight) {
		if (!join(a->right, b, &child)) {
			return false;
		}
		*out = node_over(a, tree_ref(a->left), child);
	} else {
		if (!join(a, b->left, &child)) {
			return false;
		}
		*out = node_over(b, child, tree_ref(b->right));
	}
	return *out != NULL;
}

static bool without(const struct tree *t, struct str key, struct tree **out)
{
	struct tree *child;
	int order;

	assert(t != NULL);
	order = str_cmp(key, key_of(t));
	if (order == 0) {
		return join(t->left, t->right, out);
	}
	if (!without(order < 0 ? t->left : t->right, key, &child)) {
		return false;
	}
	*out = order < 0 ? node_over(t, child, tree_ref(t->right))
			 : node_over(t, tree_ref(t->left), child);
	return *out != NULL;
}

bool tree_remove(struct tree **root, struct str key)
{
	struct tree *next;

	if (!without(*root, key, &next)) {
		return false;
	}
	tree_unref(*root);
	*root = next;
	return true;
}

static bool begins_with(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq((struct str){s.ptr, prefix.len}, prefix);
}

static bool scan(const struct tree *t, struct str prefix, struct str from, tree_visit_fn *visit,
		 void *data)
{
	if (t == NULL) {
		return true;
	}
	if (str_cmp(key_of(t), from) >= 0) {
		if (!scan(t->left, prefix, from, visit, data) || !begins_with(key_of(t), prefix) ||
		    !visit(key_of(t), value_of(t), data)) {
			return false;
		}
	}
	return scan(t->right, prefix, from, visit, data);
}

void tree_scan(const struct tree *root, struct str prefix, struct str from, tree_visit_fn *visit,
	       void *data)
{
	scan(root, prefix, from, visit, data);
}

bool tree_last(const struct tree *root, struct str prefix, struct str *key)
{
	const struct tree *best = NULL;

	while (root != NULL) {
		struct str start = key_of(root);

		start.len = start.len < prefix.len ? start.len : prefix.len;
		if (str_cmp(start, prefix) <= 0) {
			best = root;
			root = root->right;
		} else {
			root = root->left;
		}
	}
	if (best == NULL || !begins_with(key_of(best), prefix)) {
		return false;
	}
	*key = key_of(best);
	return true;
}
