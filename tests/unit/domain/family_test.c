/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With what an activity is judged: with as many entries as can matter, however many name the same.
 */
#include "deeds.h"

/* Room for the keys of MANY entries and for a small family, not for one of all of them. */
#define MANY	    4000
#define LITTLE_ROOM (768 * 1024)
#define BOB	    (SELF + 1)

static enum entry_state judged_in_little_room(struct activity activity, size_t woken)
{
	struct arena *arena = arena_create(NULL, LITTLE_ROOM);
	struct verdict verdict = {0};
	enum mb_code code = ledger_judge(&l, &activity, at("2026-03-12"), arena, &verdict, NULL);

	arena_destroy(arena);
	assert_int_equal(code, MB_OK);
	assert_int_equal(verdict.n_woken, woken);
	return verdict.state;
}

/* Unjudged: it is about the one that comes after. */
static void add(struct activity activity)
{
	ledger_append(&l, &activity, at("2026-03-11"));
}

static void a_chain_of_undos_is_no_family(void **state)
{
	int64_t when = at("2026-03-11");

	(void)state;
	for (int i = 0; i < MANY; i++) {
		add(naming(ACTIVITY_UNDO, name("u", i), name("u", i + 1), when));
	}
	assert_int_equal(judged_in_little_room(
				 naming(ACTIVITY_UNDO, name("u", MANY), name("u", -1), when), 1),
			 ENTRY_PARKED);
}

static void openings_of_one_share_are_no_family(void **state)
{
	int64_t when = at("2026-03-11");

	(void)state;
	add(share_of("s", "c", when));
	for (int i = 0; i < MANY; i++) {
		add(opening_of(name("o", i), "s", BOB, when));
	}
	assert_int_equal(judged_in_little_room(opening_of("x", "s", BOB, when), 0), ENTRY_APPLIED);
	assert_int_equal(judged_in_little_room(naming(ACTIVITY_UNDO, "x", "s", when), 0),
			 ENTRY_APPLIED);
}

static void reviews_of_one_order_are_no_family(void **state)
{
	int64_t when = at("2026-03-11");

	(void)state;
	food("o", when, 100);
	for (int i = 0; i < MANY; i++) {
		add(review_of(name("r", i), "o", 1, false, when));
	}
	assert_int_equal(judged_in_little_room(review_of("x", "o", 1, false, when), 0),
			 ENTRY_POSTED);
	assert_int_equal(judged_in_little_room(reversal_for(&l, "x", "o", when, 40), 0),
			 ENTRY_APPLIED);
}

/* What waits for the new one is told with what was said of it meanwhile. */
static void what_waits_is_told_with_its_own_undo(void **state)
{
	struct verdict verdict;
	int64_t when = at("2026-03-11");

	(void)state;
	put(naming(ACTIVITY_FINDING, "f", "o", when));
	put(naming(ACTIVITY_UNDO, "u", "f", when));
	assert_int_equal(ledger_send(&l, opening_of("o", "s", BOB, when), when, &verdict), MB_OK);
	assert_int_equal(verdict.state, ENTRY_PARKED);
	assert_int_equal(verdict.n_woken, 1);
	assert_int_equal(verdict.woken[0].state, ENTRY_REVERSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_chain_of_undos_is_no_family),
		TEST(openings_of_one_share_are_no_family),
		TEST(reviews_of_one_order_are_no_family),
		TEST(what_waits_is_told_with_its_own_undo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
