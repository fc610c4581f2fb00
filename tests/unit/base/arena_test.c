/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void gives_zeroed_aligned_memory(void **state)
{
	struct arena *arena = arena_create(NULL, 0);

	(void)state;
	for (size_t size = 0; size < 300; size++) {
		char *p = arena_alloc(arena, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % sizeof(max_align_t) % 16, 0);
		for (size_t i = 0; i < size; i++) {
			assert_int_equal(p[i], 0);
			p[i] = 1;
		}
	}
	arena_destroy(arena);
}

static void stops_at_its_cap_and_says_so(void **state)
{
	struct arena *arena = arena_create(NULL, 1000);
	struct mb_err err;

	(void)state;
	assert_non_null(arena_alloc(arena, 900));
	assert_false(arena_overflowed(arena));
	assert_null(arena_alloc(arena, 200));
	assert_true(arena_overflowed(arena));
	assert_int_equal(arena_fail(arena, &err), MB_ARENA_FULL);
	assert_non_null(arena_alloc(arena, 16));
	assert_true(arena_overflowed(arena));
	arena_destroy(arena);
}

static void stops_at_the_budget_of_all(void **state)
{
	struct arena_budget budget;
	struct arena *a, *b;
	struct mb_err err;

	(void)state;
	arena_budget_init(&budget, 20000);
	a = arena_create(&budget, 0);
	b = arena_create(&budget, 0);
	assert_non_null(arena_alloc(a, 12000));
	assert_null(arena_alloc(b, 12000));
	assert_int_equal(arena_fail(b, &err), MB_OVERLOADED);
	assert_true(err.retry_after_ms > 0);
	arena_destroy(a);
	assert_non_null(arena_alloc(b, 12000));
	arena_destroy(b);
	assert_int_equal(budget.used, 0);
}

static void refuses_sizes_that_wrap(void **state)
{
	struct arena *arena = arena_create(NULL, 0);

	(void)state;
	assert_null(arena_array(arena, SIZE_MAX / 2, 4));
	assert_null(arena_alloc(arena, SIZE_MAX));
	assert_null(arena_strndup(arena, "x", SIZE_MAX));
	assert_string_equal(arena_printf(arena, "%d-%s", 4, "x"), "4-x");
	arena_destroy(arena);
}

static void rests_between_two_uses(void **state)
{
	struct arena_budget budget;
	struct arena *arena;
	char *first;

	(void)state;
	arena_budget_init(&budget, 40000);
	arena = arena_create(&budget, 100);
	assert_non_null(arena_alloc(arena, 50));
	assert_null(arena_alloc(arena, 60));
	arena_rest(arena);
	assert_int_equal(budget.used, 0);
	assert_true(arena_wake(arena, 30000));
	assert_false(arena_overflowed(arena));
	first = arena_alloc(arena, 4000);
	memset(first, 'x', 4000);
	assert_non_null(
		arena_alloc(arena, 20000)); /* of the new cap, in a chunk that is not kept */
	assert_true(budget.used > 24000);
	arena_rest(arena);
	assert_int_equal(budget.used, 0);
	budget.used = 40000; /* by others */
	assert_false(arena_wake(arena, 0));
	assert_int_equal(budget.used, 40000);
	budget.used = 0;
	assert_true(arena_wake(arena, 0));
	first = arena_alloc(arena, 4000);
	for (int i = 0; i < 4000; i++) {
		assert_int_equal(first[i], 0);
	}
	arena_destroy(arena);
	assert_int_equal(budget.used, 0);
	arena = arena_create(&budget, 0);
	arena_rest(arena);
	arena_destroy(arena);
	assert_int_equal(budget.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_zeroed_aligned_memory),
		cmocka_unit_test(stops_at_its_cap_and_says_so),
		cmocka_unit_test(stops_at_the_budget_of_all),
		cmocka_unit_test(refuses_sizes_that_wrap),
		cmocka_unit_test(rests_between_two_uses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
