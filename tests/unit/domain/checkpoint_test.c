/* SPDX-License-Identifier: Apache-2.0 */
/* A fold from a checkpoint is the fold of everything. */
#include "drawing.h"

#include "domain/calendar.h"
#include "domain/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 256

struct part {
	struct entry entries[ENTRIES_MAX];
	size_t n;
};

static struct fold_input input_of(const struct part *part, const struct policy_list *policies,
				  int64_t t)
{
	return (struct fold_input){.entries = part->entries,
				   .n_entries = part->n,
				   .policies = policies,
				   .member_id = SELF,
				   .t = t,
				   .want_schedule = true,
				   .want_caps = true};
}

static struct fold fold_of(const struct part *part, const struct checkpoint *base, int64_t t)
{
	struct fold_input in = input_of(part, &default_policies, t);
	struct fold fold;

	in.base = base;
	assert_int_equal(fold_ledger(&in, l.arena, &fold, NULL), MB_OK);
	return fold;
}

static bool is_open(const struct checkpoint *checkpoint, int64_t id)
{
	for (size_t i = 0; i < checkpoint->n_open; i++) {
		if (checkpoint->open[i] == id) {
			return true;
		}
	}
	return false;
}

static void expect_same_history(const struct fold *all, const struct fold *tail, int64_t from)
{
	size_t first = 0;

	while (first < all->n_history && all->history[first].effective_at < from) {
		first++;
	}
	assert_int_equal(all->n_history - first, tail->n_history);
	for (size_t i = 0; i < tail->n_history; i++) {
		assert_true(same_transition(&all->history[first + i], &tail->history[i]));
	}
}

static void expect_same(const struct fold *all, const struct fold *tail, int64_t from)
{
	assert_true(same_standing(&all->standing, &tail->standing));
	expect_same_history(all, tail, from);
	assert_int_equal(all->n_schedule, tail->n_schedule);
	for (size_t i = 0; i < all->n_schedule; i++) {
		assert_int_equal(all->schedule[i].at, tail->schedule[i].at);
		assert_int_equal(all->schedule[i].causes, tail->schedule[i].causes);
		assert_true(same_standing(&all->schedule[i].after, &tail->schedule[i].after));
	}
	assert_int_equal(all->next_change, tail->next_change);
	assert_int_equal(all->next_date, tail->next_date);
	assert_int_equal(all->next_told, tail->next_told);
	assert_int_equal(all->next_entry, tail->next_entry);
	assert_int_equal(all->n_pending, tail->n_pending);
	for (size_t i = 0; i < all->n_pending; i++) {
		assert_int_equal(all->pending[i].entry->entry_id, tail->pending[i].entry->entry_id);
		assert_int_equal(all->pending[i].would_add, tail->pending[i].would_add);
		assert_int_equal(all->pending[i].posts_at, tail->pending[i].posts_at);
	}
}

static void expect_same_caps(const struct fold *all, const struct fold *tail, struct drawing *d)
{
	for (int kind = ACTIVITY_ORDER; kind <= ACTIVITY_VISIT; kind++) {
		int64_t when = at("2025-06-01") + below(d, 800) * US_PER_DAY;

		assert_int_equal(fold_caps_at(all, (enum activity_kind)kind, when),
				 fold_caps_at(tail, (enum activity_kind)kind, when));
	}
}

/* What was known a while after the instant, and what came then without reaching what is closed. */
static void divide(const struct checkpoint *checkpoint, int64_t known_at, struct part *all,
		   struct part *tail)
{
	all->n = tail->n = 0;
	for (size_t i = 0; i < l.n; i++) {
		const struct entry *entry = &l.entries[i];
		bool is_new = entry->known_at > known_at;

		if (is_new && checkpoint_reaches(checkpoint, &entry->activity)) {
			continue;
		}
		all->entries[all->n++] = *entry;
		if (is_new || is_open(checkpoint, entry->entry_id)) {
			tail->entries[tail->n++] = *entry;
		}
	}
}

static struct part known, all, tail;

static void know(int64_t known_at)
{
	known.n = 0;
	for (size_t i = 0; i < l.n; i++) {
		if (l.entries[i].known_at <= known_at) {
			known.entries[known.n++] = l.entries[i];
		}
	}
}

static struct checkpoint kept(const struct checkpoint *checkpoint)
{
	struct checkpoint again;
	struct str bytes;

	assert_int_equal(checkpoint_encode(checkpoint, l.arena, &bytes, NULL), MB_OK);
	assert_true(checkpoint_decode(bytes, l.arena, &again));
	return again;
}

/* Entries that were folded with, and entries that need not be read. */
static void run_world(uint64_t seed, size_t *came, size_t *spared)
{
	struct drawing d = {.seed = seed};
	int64_t instant = at("2025-09-01") + below(&d, 300) * US_PER_DAY, known_at;
	struct checkpoint checkpoint;
	struct fold_input in;

	draw_ledger(&d);
	known_at = instant + US_PER_DAY + below(&d, 20) * US_PER_DAY;
	know(known_at);
	in = input_of(&known, &default_policies, known_at);
	assert_true(checkpoint_make(&in, instant, l.arena, &checkpoint));
	assert_true(checkpoint_holds(&checkpoint, &default_policies));
	checkpoint = kept(&checkpoint);
	divide(&checkpoint, known_at, &all, &tail);
	*came += all.n - known.n;
	*spared += all.n - tail.n;
	for (int i = 0; i < 6; i++) {
		int64_t t = i == 0 ? instant : instant + below(&d, 500) * US_PER_DAY + below(&d, 3);
		struct fold a = fold_of(&all, NULL, t), b = fold_of(&tail, &checkpoint, t);

		expect_same(&a, &b, instant);
		expect_same_caps(&a, &b, &d);
	}
}

/* Longer runs: DOMAIN_WORLDS=10000; one world again: DOMAIN_SEED=n DOMAIN_WORLDS=1. */
static void fold_from_a_checkpoint_is_the_fold(void **state)
{
	const char *seed_text = getenv("DOMAIN_SEED"), *worlds_text = getenv("DOMAIN_WORLDS");
	uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;
	uint64_t worlds = worlds_text != NULL ? strtoull(worlds_text, NULL, 10) : 150;
	size_t came = 0, spared = 0;

	(void)state;
	for (uint64_t i = 0; i < worlds; i++) {
		printf("# world %llu\n", (unsigned long long)(seed + i));
		end(NULL);
		begin(NULL);
		run_world(seed + i, &came, &spared);
	}
	printf("# %zu entries came after, %zu were not read\n", came, spared);
	assert_true(worlds < 100 || (came > 500 && spared > 1000));
}

static struct checkpoint checkpoint_at(int64_t instant)
{
	struct checkpoint checkpoint;
	struct fold_input in;

	know(INT64_MAX);
	in = input_of(&known, &default_policies, instant);
	assert_true(checkpoint_make(&in, instant, l.arena, &checkpoint));
	return checkpoint;
}

static void what_is_closed_is_known(void **state)
{
	int64_t t = at("2026-04-02"), late = t - 1;
	struct checkpoint c;

	(void)state;
	food("o", at("2026-03-01"), 100);
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-02"), 10));
	put(vote_by("v", "post", 7, at("2026-03-03")));
	put(post_of("p", at("2026-03-31 12:00:00")));
	food("q", at("2026-04-01"), 100);
	ledger_put(&l, order_for(&l, "pending", PLATFORM_TRAVEL, at("2026-03-01"), 0, 100));
	c = checkpoint_at(at("2026-04-01"));
	/* the order of the day, the post that does not stand yet, the order that has not posted */
	assert_int_equal(c.n_open, 3);
	assert_true(is_open(&c, 4) && is_open(&c, 5) && is_open(&c, 6));
	assert_true(checkpoint_may_know(&c, l.entries[0].activity.source, STR("o")));
	assert_false(checkpoint_may_know(&c, l.entries[0].activity.source, STR("q")));
	assert_true(
		checkpoint_reaches(&c, &(struct activity){.kind = ACTIVITY_VISIT,
							  .occurred_at = at("2026-04-01") - 1}));
	assert_false(checkpoint_reaches(&c, &(struct activity){.kind = ACTIVITY_VISIT,
							       .source = STR("app"),
							       .source_event_id = STR("new"),
							       .occurred_at = late}));
	{
		struct activity reached[] = {
			reversal_for(&l, "y", "o", t, 1),
			review_of("r", "o", 1, false, t),
			naming(ACTIVITY_UNDO, "u", "v", t),
			vote_by("w", "post", 7, t),
			order_for(&l, "o", PLATFORM_FOOD, t, t, 1),
			naming(ACTIVITY_VOID, "x", "p", t),
			completion_for("k", "pending", t, at("2026-04-01") - 1),
		};
		struct activity unreached[] = {
			reversal_for(&l, "y", "q", t, 1),
			naming(ACTIVITY_UNDO, "u", "p", t),
			completion_for("k", "pending", t, t),
			vote_by("w", "post", 8, t),
			order_for(&l, "new", PLATFORM_FOOD, t, t, 1),
		};

		for (size_t i = 0; i < sizeof(reached) / sizeof(reached[0]); i++) {
			assert_true(checkpoint_reaches(&c, &reached[i]));
		}
		for (size_t i = 0; i < sizeof(unreached) / sizeof(unreached[0]); i++) {
			assert_false(checkpoint_reaches(&c, &unreached[i]));
		}
	}
}

static void another_version_ends_it(void **state)
{
	struct policy next = default_policy;
	const struct policy *const versions[] = {&default_policy, &next};
	const struct policy_list both = {versions, 2};
	struct checkpoint c;

	(void)state;
	food("o", at("2026-03-01"), 100);
	c = checkpoint_at(at("2026-04-01"));
	next.version = 2;
	next.effective_from = at("2026-05-01");
	assert_true(checkpoint_holds(&c, &default_policies));
	assert_false(checkpoint_holds(&c, &both));
	next.effective_from = at("2026-03-15");
	assert_false(checkpoint_holds(&c, &both));
	c.policy_version = 2;
	assert_true(checkpoint_holds(&c, &both));
}

static void damaged_bytes_are_no_checkpoint(void **state)
{
	struct drawing d = {.seed = 3};
	struct checkpoint c, out;
	struct str bytes;
	char *copy;

	(void)state;
	draw_ledger(&d);
	c = checkpoint_at(at("2026-01-01"));
	assert_int_equal(checkpoint_encode(&c, l.arena, &bytes, NULL), MB_OK);
	copy = arena_dup(l.arena, bytes.ptr, bytes.len);
	for (size_t i = 0; i < bytes.len; i++) {
		copy[i] ^= 0x10;
		assert_false(checkpoint_decode((struct str){copy, bytes.len}, l.arena, &out));
		copy[i] ^= 0x10;
		assert_false(checkpoint_decode((struct str){copy, i}, l.arena, &out));
	}
	assert_true(checkpoint_decode((struct str){copy, bytes.len}, l.arena, &out));
	assert_int_equal(out.n_open, c.n_open);
	assert_int_equal(out.revision, c.revision);
}

static void each_refused_allocation_is_an_error(void **state)
{
	struct drawing d = {.seed = 7};
	struct checkpoint checkpoint;
	struct str bytes;
	bool made = false;
	int refused = 0;

	(void)state;
	draw_ledger(&d);
	know(INT64_MAX);
	for (size_t cap = 64; !made; cap += 512) {
		struct arena *arena = arena_create(NULL, cap);
		struct fold_input in = input_of(&known, &default_policies, at("2026-06-01"));

		made = checkpoint_make(&in, at("2026-05-01"), arena, &checkpoint) &&
		       checkpoint_encode(&checkpoint, arena, &bytes, NULL) == MB_OK &&
		       checkpoint_decode(bytes, arena, &checkpoint);
		refused += !made;
		arena_destroy(arena);
	}
	assert_true(refused > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fold_from_a_checkpoint_is_the_fold),
		TEST(what_is_closed_is_known),
		TEST(another_version_ends_it),
		TEST(damaged_bytes_are_no_checkpoint),
		TEST(each_refused_allocation_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
