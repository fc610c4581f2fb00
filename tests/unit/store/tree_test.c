/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef MEMBERD_TEST_HOOKS
#include "base/fault.h"
#endif

#define KEYS 500

static uint32_t seed = 1;

static uint32_t draw(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static struct str key_of(unsigned number, char out[16])
{
	return (struct str){out, (size_t)snprintf(out, 16, "k%03u", number)};
}

/* What a tree must hold: values[i] of key i, -1 for none. */
struct model {
	int values[KEYS];
};

static bool put(struct tree **root, unsigned number, int value)
{
	struct str bytes = {(const char *)&value, sizeof(value)};
	char key[16];

	return tree_put(root, key_of(number, key), bytes, draw());
}

struct walk {
	const struct model *model;
	unsigned next;
	bool right;
};

static bool compare_next(struct str key, struct str value, void *data)
{
	struct walk *walk = data;
	char text[16];
	int found;

	while (walk->next < KEYS && walk->model->values[walk->next] < 0) {
		walk->next++;
	}
	memcpy(&found, value.ptr, sizeof(found));
	walk->right = walk->right && walk->next < KEYS && str_eq(key, key_of(walk->next, text)) &&
		      found == walk->model->values[walk->next];
	walk->next++;
	return true;
}

static void assert_holds(const struct tree *root, const struct model *model)
{
	struct walk walk = {.model = model, .right = true};
	struct str value;
	char key[16];

	tree_scan(root, STR("k"), STR("k"), compare_next, &walk);
	assert_true(walk.right);
	for (unsigned i = 0; i < KEYS; i++) {
		assert_int_equal(tree_get(root, key_of(i, key), &value), model->values[i] >= 0);
	}
}

static void change(struct tree **root, struct model *model)
{
	unsigned number = draw() % KEYS;
	char key[16];

	if (model->values[number] >= 0 && draw() % 3 == 0) {
		assert_true(tree_remove(root, key_of(number, key)));
		model->values[number] = -1;
	} else {
		model->values[number] = (int)(draw() % 1000);
		assert_true(put(root, number, model->values[number]));
	}
}

static void older_trees_stay_as_they_were(void **state)
{
	struct tree *roots[20] = {NULL};
	struct model models[20];

	(void)state;
	memset(models, 0xff, sizeof(models));
	for (int i = 1; i < 20; i++) {
		models[i] = models[i - 1];
		roots[i] = tree_ref(roots[i - 1]);
		for (int n = 0; n < 100; n++) {
			change(&roots[i], &models[i]);
		}
	}
	for (int i = 0; i < 20; i++) {
		assert_holds(roots[i], &models[i]);
	}
	for (int i = 0; i < 20; i += 2) {
		tree_unref(roots[i]);
	}
	for (int i = 1; i < 20; i += 2) {
		assert_holds(roots[i], &models[i]);
		tree_unref(roots[i]);
	}
}

static bool count(struct str key, struct str value, void *data)
{
	(void)key;
	(void)value;
	++*(int *)data;
	return true;
}

static int count_from(const struct tree *root, struct str prefix, struct str from)
{
	int n = 0;

	tree_scan(root, prefix, from, count, &n);
	return n;
}

static void a_scan_keeps_to_its_prefix(void **state)
{
	static const struct str keys[] = {{"a", 1},  {"b", 1},	    {"ba", 2},
					  {"bb", 2}, {"bb\xff", 3}, {"c", 1}};
	struct tree *root = NULL;
	struct str last;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_true(tree_put(&root, keys[i], STR(""), draw()));
	}
	assert_int_equal(count_from(root, STR("b"), STR("b")), 4);
	assert_int_equal(count_from(root, STR("b"), STR("bb")), 2);
	assert_int_equal(count_from(root, STR("d"), STR("d")), 0);
	assert_true(tree_last(root, STR("b"), &last));
	assert_true(str_eq(last, STR("bb\xff")));
	assert_true(tree_last(root, STR("bb"), &last));
	assert_true(str_eq(last, STR("bb\xff")));
	assert_true(tree_last(root, STR("c"), &last));
	assert_false(tree_last(root, STR("bc"), &last));
	assert_false(tree_last(root, STR("A"), &last));
	assert_false(tree_last(NULL, STR("A"), &last));
	tree_unref(root);
}

#ifdef MEMBERD_TEST_HOOKS
static void memory_that_runs_out_changes_nothing(void **state)
{
	struct tree *root = NULL;
	struct model model;
	unsigned long n;
	char key[16];

	(void)state;
	memset(&model, 0xff, sizeof(model));
	for (int i = 0; i < 300; i++) {
		change(&root, &model);
	}
	for (n = 1; fault_arm(NULL, n), !put(&root, 250, 7); n++) {
		assert_holds(root, &model);
	}
	assert_true(n > 3);
	model.values[250] = 7;
	for (n = 1; fault_arm(NULL, n), !tree_remove(&root, key_of(250, key)); n++) {
		assert_holds(root, &model);
	}
	assert_true(n > 3);
	model.values[250] = -1;
	fault_disarm();
	assert_holds(root, &model);
	tree_unref(root);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(older_trees_stay_as_they_were),
		cmocka_unit_test(a_scan_keeps_to_its_prefix),
#ifdef MEMBERD_TEST_HOOKS
		cmocka_unit_test(memory_that_runs_out_changes_nothing),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
