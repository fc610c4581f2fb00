/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's cache of hot records on one thread: what marks, tells, absences and forgetting mean,
 * its size, who goes when it is full.
 */
#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache_bed.h"
#include "torture.h"

/* ---- one thread ---- */

static void test_a_fill_is_found(void **state)
{
	(void)state;
	assert_int_equal(look(7), 0);
	assert_true(fill(7, 3));
	assert_int_equal(look(7), 3);
	assert_int_equal(look(8), 0);
	assert_int_equal(figures().hits, 1);
	assert_int_equal(figures().misses, 2);
	assert_int_equal(figures().fills, 1);
	assert_int_equal(figures().entries, 1);
}

static void test_who_is_expected_is_found_as_before(void **state)
{
	static const int64_t ids[] = {7, 8, 7, 9, 0, -1, INT64_MAX};
	const size_t n = sizeof(ids) / sizeof(ids[0]);
	struct cache *none = bed_make(0, 1000);
	struct cache_figures before, after;

	(void)state;
	assert_true(fill(7, 3));
	assert_true(fill(8, 4));
	before = figures();
	cache_expect(cache, ids, 0);
	cache_expect(cache, ids, n);
	cache_expect(none, ids, n);
	after = figures();
	assert_memory_equal(&before, &after, sizeof(before)); /* nobody was looked up */
	assert_int_equal(look(7), 3);
	assert_int_equal(look(8), 4);
	assert_int_equal(look(9), 0);
	cache_destroy(none);
}

static void test_the_newer_of_two_fills_stays(void **state)
{
	struct hot_bytes bytes = record(7, 5);

	(void)state;
	assert_true(fill(7, 5));
	assert_false(fill(7, 4));
	assert_int_equal(look(7), 5);
	assert_true(cache_fill(cache, 7, cache_mark(cache, 7), &bytes));
	assert_true(fill(7, 6));
	assert_int_equal(look(7), 6);
	assert_int_equal(figures().fills, 3);
	assert_int_equal(figures().fills_dropped, 1);
	assert_int_equal(figures().entries, 1);
}

static void test_every_length_comes_out_as_it_went_in(void **state)
{
	(void)state;
	for (int len = 1; len <= HOT_BYTES_MAX; len++) {
		struct hot_bytes in = {.len = (uint8_t)len}, out;

		memset(in.bytes, 0xff, sizeof(in.bytes));
		for (int i = 0; i < len; i++) {
			in.bytes[i] = (uint8_t)(i * 7 + len);
		}
		assert_true(cache_fill(cache, len, cache_mark(cache, len), &in));
		assert_int_equal(cache_get(cache, len, &out), CACHE_HIT);
		assert_int_equal(out.len, len);
		assert_memory_equal(out.bytes, in.bytes, len);
	}
	assert_false(cache_fill(cache, 999, cache_mark(cache, 999), &nothing));
	assert_int_equal(look(999), 0);
}

static void test_a_tell_replaces_what_is_there(void **state)
{
	(void)state;
	assert_true(fill(7, 3));
	tell(7, 4);
	assert_int_equal(look(7), 4);
	tell(7, 4);
	assert_int_equal(look(7), 4);
	tell(7, 3); /* what came by another way was newer */
	assert_int_equal(look(7), 4);
	tell(7, 0);
	assert_int_equal(look(7), 0);
	assert_int_equal(figures().entries, 0);
	assert_int_equal(figures().tells, 4);
}

static void test_a_tell_puts_none_where_none_lies(void **state)
{
	(void)state;
	tell(7, 4);
	assert_int_equal(look(7), 0);
	assert_int_equal(figures().entries, 0);
}

static void test_a_load_that_began_before_a_tell_is_dropped(void **state)
{
	struct hot_bytes old = record(7, 3);
	uint64_t mark = cache_mark(cache, 7);

	(void)state;
	assert_true(cache_holds(cache, 7, mark));
	tell(7, 4); /* nothing lies there, and still it was told */
	assert_false(cache_holds(cache, 7, mark));
	assert_false(cache_fill(cache, 7, mark, &old));
	assert_false(cache_fill_absent(cache, 7, mark));
	assert_int_equal(look(7), 0);
	assert_int_equal(figures().fills_dropped, 2);
	assert_true(fill(7, 4));
	assert_int_equal(look(7), 4);
}

static void test_a_load_that_began_before_a_removal_is_dropped(void **state)
{
	struct hot_bytes old = record(7, 3);
	uint64_t mark = cache_mark(cache, 7);

	(void)state;
	tell(7, 0);
	assert_false(cache_fill(cache, 7, mark, &old));
	assert_int_equal(look(7), 0);
}

/* Members share counters, which may drop a fill; most do not. */
static void test_a_tell_leaves_the_marks_of_most_others(void **state)
{
	uint64_t marks[1000];
	int held = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		marks[i] = cache_mark(cache, i + 1);
		assert_true(marks[i] != 0);
	}
	for (int i = 0; i < 16; i++) {
		tell(5000 + i, 1);
	}
	for (int i = 0; i < 1000; i++) {
		held += cache_holds(cache, i + 1, marks[i]);
	}
	assert_true(held > 900);
}

static void test_an_unknown_id_is_absent_until_it_is_told(void **state)
{
	(void)state;
	assert_true(cache_fill_absent(cache, 7, cache_mark(cache, 7)));
	assert_int_equal(look(7), -1);
	assert_int_equal(look(8), 0);
	assert_int_equal(figures().absent_hits, 1);
	assert_int_equal(figures().entries, 0);
	tell(7, 1);
	assert_int_equal(look(7), 0);
}

static void test_an_absence_ends_with_a_fill(void **state)
{
	(void)state;
	assert_true(cache_fill_absent(cache, 7, cache_mark(cache, 7)));
	assert_true(fill(7, 1));
	for (int64_t id = 1000; id <= 1000 + 2 * figures().capacity; id++) {
		assert_true(fill(id, 1));
	}
	assert_int_equal(look(7), 0); /* pushed out, but known */
}

static void test_a_record_is_stronger_than_an_absence(void **state)
{
	(void)state;
	assert_true(fill(7, 1));
	assert_false(cache_fill_absent(cache, 7, cache_mark(cache, 7)));
	assert_int_equal(look(7), 1);
}

static void test_an_absence_ends_by_time(void **state)
{
	struct cache *usual = cache;
	int64_t answer = -1;

	(void)state;
	cache = bed_make(0, 20);
	assert_true(cache_fill_absent(cache, 7, cache_mark(cache, 7)));
	for (int i = 0; i < 1000 && answer == -1; i++) {
		usleep(2000);
		answer = look(7);
	}
	assert_int_equal(answer, 0);
	cache_destroy(cache);
	cache = bed_make(0, 0);
	assert_false(cache_fill_absent(cache, 7, cache_mark(cache, 7)));
	cache_destroy(cache);
	cache = bed_make(0, UINT64_MAX);
	assert_true(cache_fill_absent(cache, 7, cache_mark(cache, 7)));
	assert_int_equal(look(7), -1);
	cache_destroy(cache);
	cache = usual;
}

static void test_absences_are_bounded(void **state)
{
	struct cache_figures before = figures();
	int kept = 0;

	(void)state;
	for (int64_t id = 1; id <= 100000; id++) {
		assert_true(cache_fill_absent(cache, id, cache_mark(cache, id)));
	}
	for (int64_t id = 1; id <= 100000; id++) {
		kept += look(id) == -1;
	}
	assert_in_range(kept, 1000, 10000);
	assert_int_equal(figures().bytes, before.bytes);
}

static void test_forgetting_all_voids_records_absences_and_marks(void **state)
{
	struct hot_bytes old = record(3, 3);
	uint64_t mark = cache_mark(cache, 3);

	(void)state;
	assert_true(fill(1, 3));
	assert_true(fill(2, 3));
	assert_true(cache_fill_absent(cache, 4, cache_mark(cache, 4)));
	cache_forget_all(cache);
	assert_int_equal(look(1), 0);
	assert_int_equal(look(4), 0);
	assert_int_equal(figures().entries, 0);
	assert_false(cache_holds(cache, 3, mark));
	assert_false(cache_fill(cache, 3, mark, &old));
	assert_int_equal(look(3), 0);
	assert_true(fill(1, 1)); /* what it held is no reason to refuse an older one */
	assert_int_equal(look(1), 1);
	assert_int_equal(look(2), 0);
	assert_int_equal(figures().entries, 1);
	tell(2, 9);
	assert_int_equal(look(2), 0);
}

static void test_a_full_cache_can_be_forgotten_and_filled_again(void **state)
{
	int64_t capacity = figures().capacity;

	(void)state;
	for (int round = 1; round <= 3; round++) {
		int64_t found = 0;

		for (int64_t id = 1; id <= capacity; id++) {
			assert_true(fill(id, round));
		}
		for (int64_t id = 1; id <= capacity; id++) {
			int64_t revision = look(id);

			assert_true(revision == round || revision == 0);
			found += revision == round;
		}
		assert_int_equal(found, figures().entries);
		/* shards fill unevenly, by chance; ids that all met in a few would be far off */
		assert_true(found * 100 > capacity * 85);
		cache_forget_all(cache);
		assert_int_equal(look(1), 0);
	}
}

/* ---- size ---- */

static void test_it_never_takes_more_than_it_may(void **state)
{
	(void)state;
	tear_down(NULL);
	for (size_t bytes = 1; bytes < 300 * MIB; bytes = bytes * 5 / 3 + 12345) {
		struct cache_figures now;

		cache = bed_make(bytes, 100);
		now = figures();
		for (int64_t id = 1; id <= (now.capacity < 20000 ? 2 * now.capacity : 100); id++) {
			fill(id, 1);
		}
		now = figures();
		if (now.capacity > 0) {
			assert_true((size_t)now.bytes <= bytes);
		}
		if (bytes > MIB) {
			assert_true((size_t)now.capacity * 256 > (bytes - MIB / 4) * 95 / 100);
		}
		assert_true(now.entries <= now.capacity);
		tear_down(NULL);
	}
}

static void test_without_memory_marks_and_absences_work(void **state)
{
	static const size_t sizes[] = {0, 1, 4096};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t mark;

		tear_down(NULL);
		cache = bed_make(sizes[i], 60000);
		assert_int_equal(figures().capacity, 0);
		mark = cache_mark(cache, 7);
		assert_false(fill(7, 1));
		assert_int_equal(look(7), 0);
		assert_true(cache_fill_absent(cache, 8, cache_mark(cache, 8)));
		assert_int_equal(look(8), -1);
		tell(8, 1);
		assert_int_equal(look(8), 0);
		assert_true(cache_holds(cache, 7, mark));
		tell(7, 2);
		assert_false(cache_holds(cache, 7, mark));
		mark = cache_mark(cache, 7);
		cache_forget_all(cache);
		assert_false(cache_holds(cache, 7, mark));
	}
}

static void test_without_memory_a_fill_still_ends_an_absence(void **state)
{
	(void)state;
	tear_down(NULL);
	cache = bed_make(0, 60000);
	assert_true(cache_fill_absent(cache, 7, cache_mark(cache, 7)));
	assert_false(fill(7, 1));
	assert_int_equal(look(7), 0);
	assert_int_equal(figures().fills_dropped, 0); /* it did not come too late */
}

/* Ids alike in their low bits or their high ones, or one after the other, spread like any. */
static void test_ids_of_any_pattern_spread_alike(void **state)
{
	(void)state;
	for (int shift = 0; shift < 48; shift += 7) {
		int64_t capacity = figures().capacity, found = 0;

		for (int64_t id = 1; id <= capacity; id++) {
			assert_true(fill(id << shift, 1));
		}
		for (int64_t id = 1; id <= capacity; id++) {
			found += look(id << shift) == 1;
		}
		/* shards fill unevenly, by chance; ids that all met in a few would be far off */
		assert_true(found * 100 > capacity * 85);
		cache_forget_all(cache);
	}
}

static void test_an_absurd_size_is_an_error(void **state)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 47};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct cache *made = NULL;
		struct mb_err err = {0};

		assert_int_equal(cache_create(&(struct cache_options){sizes[i], 1}, &made, &err),
				 MB_FIELD_INVALID);
		assert_null(made);
		assert_true(err.text[0] != '\0');
	}
	cache_destroy(NULL);
}

static enum mb_code create_and_use(void *data, struct mb_err *err)
{
	struct hot_bytes bytes = record(7, 1), out;
	struct cache *made = NULL;
	enum mb_code code = cache_create(&(struct cache_options){MIB, 100}, &made, err);

	(void)data;
	if (code == MB_OK) {
		assert_true(cache_fill(made, 7, cache_mark(made, 7), &bytes));
		assert_int_equal(cache_get(made, 7, &out), CACHE_HIT);
	}
	cache_destroy(made);
	return code;
}

static void test_memory_that_is_short(void **state)
{
	(void)state;
	assert_int_equal(TORTURE(create_and_use, NULL), 4);
}

/* ---- who goes ---- */

/* Members looked up again and again outlive ten times as many who are loaded once. */
static void test_one_hit_wonders_do_not_push_out_the_hot(void **state)
{
	int64_t capacity = figures().capacity, hot = capacity / 2, kept = 0;

	(void)state;
	for (int64_t id = 1; id <= hot; id++) {
		assert_true(fill(id, 1));
		assert_int_equal(look(id), 1);
	}
	for (int64_t id = 1; id <= 10 * capacity; id++) {
		assert_true(fill(1000000 + id, 1));
		look(1 + id % hot);
	}
	for (int64_t id = 1; id <= hot; id++) {
		kept += look(id) == 1;
	}
	assert_true(kept * 100 > hot * 95);
	assert_true(figures().entries > capacity * 98 / 100);
	assert_true(figures().evictions >= 9 * capacity);
}

/* Where nobody is looked up the oldest go; shards are not filled alike, so a quarter is allowed for. */
static void test_the_last_ones_are_there(void **state)
{
	int64_t capacity = figures().capacity, last = 3 * capacity, kept = 0;

	(void)state;
	for (int64_t id = 1; id <= last; id++) {
		assert_true(fill(id, id));
	}
	for (int64_t id = 1; id <= last; id++) {
		int64_t revision = look(id);

		assert_true(revision == 0 || revision == id);
		kept += revision != 0 && id > last - capacity * 3 / 4;
		assert_true(revision == 0 || id > last - capacity * 5 / 4);
	}
	assert_true(kept * 100 >= capacity * 3 / 4 * 98);
}

/* Also where the index has no place for it: somebody leaves for its sake. */
static void test_what_was_taken_is_found(void **state)
{
	struct hot_bytes bytes = record(1, 1), out;
	int64_t capacity = figures().capacity, forced;

	(void)state;
	for (int64_t id = 1; id <= 300000; id++) {
		assert_true(cache_fill(cache, id, cache_mark(cache, id), &bytes));
		assert_int_equal(cache_get(cache, id, &out), CACHE_HIT);
	}
	/* a shard that is full stays so but for those who left that way last */
	forced = figures().evictions - (300000 - capacity);
	assert_in_range(forced, 0, 300);
	assert_int_equal(figures().entries, 300000 - figures().evictions);
}

static void test_what_was_removed_makes_room(void **state)
{
	int64_t capacity = figures().capacity;
	int64_t evictions;

	(void)state;
	for (int64_t id = 1; id <= capacity / 2; id++) {
		assert_true(fill(id, 1));
	}
	evictions = figures().evictions;
	for (int64_t id = 1; id <= 20 * capacity; id++) {
		tell(id, 0);
		assert_true(fill(id + capacity / 2, 1));
	}
	assert_int_equal(figures().entries, capacity / 2);
	assert_true(figures().evictions - evictions <= capacity / 100);
}

/* What it holds against a model that keeps everything: whatever is found is the newest. */
static void test_a_long_random_life(void **state)
{
	enum { MEMBERS = 9000 };
	static int64_t newest[MEMBERS], at_least[MEMBERS];
	uint64_t seed = 42, mark = 0;
	int64_t marked = 0, hits = 0;

	(void)state;
	memset(newest, 0, sizeof(newest));
	memset(at_least, 0, sizeof(at_least));
	for (int i = 0; i < 300000; i++) {
		int64_t id, revision;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		id = (int64_t)(seed >> 33) % MEMBERS;
		switch (seed >> 29 & 15) {
		case 0:
			tell(id + 1, ++newest[id]);
			at_least[id] = newest[id];
			break;
		case 1:
			tell(id + 1, 0);
			at_least[id] = newest[id];
			break;
		case 2:
			marked = id;
			mark = cache_mark(cache, id + 1);
			break;
		case 3:
			if (mark != 0 && newest[marked] > 0) {
				struct hot_bytes bytes = record(marked + 1, newest[marked]);

				cache_fill(cache, marked + 1, mark, &bytes);
			}
			break;
		case 4:
			if (seed >> 40 % 1000 == 0) {
				cache_forget_all(cache);
			}
			break;
		default:
			revision = look(id + 1);
			hits += revision > 0;
			assert_true(revision == 0 || revision >= at_least[id]);
			if (revision == 0 && newest[id] > 0) {
				fill(id + 1, newest[id]);
			}
			break;
		}
	}
	assert_true(hits > 10000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fill_is_found),
		TEST(who_is_expected_is_found_as_before),
		TEST(the_newer_of_two_fills_stays),
		TEST(every_length_comes_out_as_it_went_in),
		TEST(a_tell_replaces_what_is_there),
		TEST(a_tell_puts_none_where_none_lies),
		TEST(a_load_that_began_before_a_tell_is_dropped),
		TEST(a_load_that_began_before_a_removal_is_dropped),
		TEST(a_tell_leaves_the_marks_of_most_others),
		TEST(an_unknown_id_is_absent_until_it_is_told),
		TEST(an_absence_ends_with_a_fill),
		TEST(a_record_is_stronger_than_an_absence),
		TEST(an_absence_ends_by_time),
		TEST(absences_are_bounded),
		TEST(forgetting_all_voids_records_absences_and_marks),
		TEST(a_full_cache_can_be_forgotten_and_filled_again),
		TEST(it_never_takes_more_than_it_may),
		TEST(without_memory_marks_and_absences_work),
		TEST(without_memory_a_fill_still_ends_an_absence),
		TEST(ids_of_any_pattern_spread_alike),
		TEST(an_absurd_size_is_an_error),
		TEST(memory_that_is_short),
		TEST(one_hit_wonders_do_not_push_out_the_hot),
		TEST(the_last_ones_are_there),
		TEST(what_was_taken_is_found),
		TEST(what_was_removed_makes_room),
		TEST(a_long_random_life),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
