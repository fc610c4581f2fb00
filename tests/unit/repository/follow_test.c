/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two who write to one store: what is cached is never older than it may be.
 * usage: follow_test memory|sqlite
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "asks.h"

#define STALENESS_MS 200
#define TURN_NS	     INT64_C(20000000000)

struct pair {
	struct repo_bed own; /* follows */
	struct repo_bed other; /* borrows store and loop of own; its bed is never laid */
	char dir[64];
	uv_timer_t clock;
};

static void on_clock(uv_timer_t *timer)
{
	(void)timer;
}

static int lay(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	struct mb_err err;

	repo_bed_init(&pair->own, backend);
	snprintf(pair->dir, sizeof(pair->dir), "/tmp/memberd-pair-XXXXXX");
	assert_non_null(mkdtemp(pair->dir));
	snprintf(pair->own.key_file, sizeof(pair->own.key_file), "%s/key", pair->dir);
	pair->own.options.key_file = pair->own.key_file;
	pair->own.options.cache_bytes = (size_t)1 << 20;
	pair->own.options.shared = true;
	pair->own.options.max_staleness_ms = STALENESS_MS;
	uv_timer_init(&pair->own.store.loop, &pair->clock);
	uv_timer_start(&pair->clock, on_clock, 1, 1);
	assert_int_equal(repo_bed_open(&pair->own, &err), MB_OK);
	*state = pair;
	return 0;
}

static void forget(void *data)
{
	*(struct repository **)data = NULL;
}

static void close_other(struct pair *pair)
{
	repository_close(pair->other.repository, forget, &pair->other.repository);
	while (pair->other.repository != NULL) {
		uv_run(&pair->own.store.loop, UV_RUN_ONCE);
	}
}

static int lift(void **state)
{
	struct pair *pair = *state;

	fault_disarm();
	uv_close((uv_handle_t *)&pair->clock, NULL);
	repo_bed_fini(&pair->own);
	rmdir(pair->dir);
	free(pair);
	return 0;
}

/* As another process that has the store open, too. */
static void open_other(struct pair *pair)
{
	struct mb_err err;
	bool made;

	pair->other.options = pair->own.options;
	pair->other.options.shared = false;
	if (repository_open(&pair->other.options, &pair->other.repository, &made, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
}

struct other_write {
	struct arena *arena; /* the store's thread fills it meanwhile */
	struct record_item item;
	struct repository_record req;
	bool called;
};

static void other_begins(struct pair *pair, struct other_write *write, int64_t member_id,
			 const char *id)
{
	write->item = repo_order(&pair->own, member_id, id, BED_NOW, 100000);
	write->req = (struct repository_record){.items = &write->item, .n = 1};
	repo_bed_call(&pair->own, &write->req.call, &write->called);
	write->arena = arena_create(NULL, 0);
	write->req.call.arena = write->arena;
	repository_record(pair->other.repository, &write->req);
}

static void other_ends(struct pair *pair, struct other_write *write)
{
	repo_bed_wait(&pair->own, &write->called);
	assert_int_equal(write->req.call.code, MB_OK);
	assert_int_equal(write->item.code, MB_OK);
	arena_destroy(write->arena);
}

/* The other one's write, answered. */
static void other_writes(struct pair *pair, int64_t member_id, const char *id)
{
	struct other_write write;

	other_begins(pair, &write, member_id, id);
	other_ends(pair, &write);
}

static void turn_for(struct pair *pair, int64_t ms)
{
	int64_t end = clock_monotonic_ns() + ms * 1000000;

	while (clock_monotonic_ns() < end) {
		uv_run(&pair->own.store.loop, UV_RUN_ONCE);
	}
}

/* As a caller has it: the cache, else a load. */
static int64_t revision_read(struct pair *pair, int64_t member_id)
{
	const struct member *member;
	enum mb_code code;

	member = peek_at(&pair->own, member_id, 0, &code);
	return member != NULL ? member->revision : load_brief(&pair->own, member_id)->revision;
}

static int64_t cache_ada(struct pair *pair)
{
	int64_t ada = repo_enroll(&pair->own, "ada"), end = clock_monotonic_ns() + TURN_NS;

	load_brief(&pair->own, ada);
	while (!is_cached(&pair->own, ada)) {
		assert_true(clock_monotonic_ns() < end);
		load_brief(&pair->own, ada); /* the first look made the cache forget */
		uv_run(&pair->own.store.loop, UV_RUN_ONCE);
	}
	return ada;
}

static void what_is_cached_is_answered_until_somebody_else_writes(void **state)
{
	struct pair *pair = *state;
	int64_t ada = cache_ada(pair), loads = loads_of(&pair->own);
	int hits = 0;

	for (int i = 0; i < 50; i++) {
		hits += is_cached(&pair->own, ada);
		uv_run(&pair->own.store.loop, UV_RUN_ONCE);
	}
	assert_true(hits > 0);
	assert_int_equal(loads_of(&pair->own), loads);
}

static void no_answer_is_older_than_it_may_be(void **state)
{
	struct pair *pair = *state;
	int64_t ada = cache_ada(pair);
	char id[16];

	open_other(pair);
	for (int i = 0; i < 5; i++) {
		int64_t written;

		load_brief(&pair->own, ada);
		snprintf(id, sizeof(id), "o-%d", i);
		other_writes(pair, ada, id);
		written = clock_monotonic_ns();
		while (revision_read(pair, ada) < i + 2) {
			assert_true(clock_monotonic_ns() - written <
				    STALENESS_MS * INT64_C(1000000));
			uv_run(&pair->own.store.loop, UV_RUN_ONCE);
		}
		turn_for(pair, 20);
		assert_int_equal(revision_read(pair, ada), i + 2);
	}
	close_other(pair);
}

/* Whatever the loop does meanwhile: also one that stands still. */
static void a_loop_that_stood_still_answers_nothing_old(void **state)
{
	struct pair *pair = *state;
	int64_t ada = cache_ada(pair);

	open_other(pair);
	load_brief(&pair->own, ada);
	other_writes(pair, ada, "o-1");
	usleep((STALENESS_MS + 50) * 1000);
	assert_false(is_cached(&pair->own, ada));
	assert_int_equal(revision_read(pair, ada), 2);
	close_other(pair);
}

static void own_writes_are_read_at_once(void **state)
{
	struct pair *pair = *state;
	int64_t ada = cache_ada(pair);
	struct record_item item = repo_order(&pair->own, ada, "o-1", BED_NOW, 100000);

	repo_record_one(&pair->own, &item);
	assert_int_equal(revision_read(pair, ada), 2);
}

static void a_store_that_hangs_ends_cached_answers(void **state)
{
	struct pair *pair = *state;
	int64_t ada = cache_ada(pair), end;
	struct bed_gate gates[READERS];

	close_gates(&pair->own, gates);
	turn_for(pair, STALENESS_MS + 20);
	assert_false(is_cached(&pair->own, ada));
	open_gates(&pair->own, gates);
	end = clock_monotonic_ns() + TURN_NS;
	while (!is_cached(&pair->own, ada)) {
		assert_true(clock_monotonic_ns() < end);
		uv_run(&pair->own.store.loop, UV_RUN_ONCE);
	}
}

/* A load that hangs may have read long ago: who comes then does not join it. */
static void a_load_that_hangs_is_not_joined(void **state)
{
	struct pair *pair = *state;
	int64_t ada = cache_ada(pair), loads;
	struct bed_gate gates[READERS];
	struct ask before, after;

	close_gates(&pair->own, gates);
	loads = loads_of(&pair->own);
	ask_begin(&pair->own, &before, ada, 0);
	turn_for(pair, STALENESS_MS + 20);
	ask_begin(&pair->own, &after, ada, 0);
	assert_int_equal(loads_of(&pair->own), loads + 2);
	open_gates(&pair->own, gates);
	assert_int_equal(ask_end(&pair->own, &before), MB_OK);
	assert_int_equal(ask_end(&pair->own, &after), MB_OK);
}

static enum mb_code prune_all(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	size_t deleted;

	(void)job;
	return store_prune(view, 0, INT64_MAX, 1000, &deleted, err);
}

/* Rows that nobody saw may have been anybody's. */
static void rows_that_were_pruned_unseen_make_all_be_forgotten(void **state)
{
	struct pair *pair = *state;
	int64_t ada = cache_ada(pair);
	struct bed_gate gates[READERS];

	open_other(pair);
	turn_for(pair, STALENESS_MS);
	load_brief(&pair->own, ada);
	close_gates(&pair->own, gates);
	other_writes(pair, ada, "o-1");
	assert_int_equal(store_bed_run(&pair->own.store, STORE_WRITE, prune_all, NULL, NULL),
			 MB_OK);
	open_gates(&pair->own, gates);
	turn_for(pair, STALENESS_MS);
	assert_int_equal(revision_read(pair, ada), 2);
	close_other(pair);
}

#define STORE_US 50000 /* in which the store's threads are done */

/* What was written between a load and the first look nobody tells of. */
static void what_was_loaded_before_the_first_look_is_forgotten(void **state)
{
	struct pair *pair = *state;
	int64_t ada = cache_ada(pair);
	struct other_write write;
	struct mb_err err;
	struct ask ask;

	close_repository(&pair->own);
	open_other(pair);
	assert_int_equal(repo_bed_open(&pair->own, &err), MB_OK);
	/* the loop stands still meanwhile, and the look with it */
	ask_begin(&pair->own, &ask, ada, 0);
	usleep(STORE_US);
	other_begins(pair, &write, ada, "o-1");
	usleep(STORE_US);
	assert_int_equal(ask_end(&pair->own, &ask), MB_OK);
	other_ends(pair, &write);
	turn_for(pair, STALENESS_MS);
	assert_int_equal(revision_read(pair, ada), 2);
	close_other(pair);
}

#define PAIRED(test) cmocka_unit_test_setup_teardown(test, lay, lift)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		PAIRED(what_is_cached_is_answered_until_somebody_else_writes),
		PAIRED(no_answer_is_older_than_it_may_be),
		PAIRED(a_loop_that_stood_still_answers_nothing_old),
		PAIRED(own_writes_are_read_at_once),
		PAIRED(a_store_that_hangs_ends_cached_answers),
		PAIRED(a_load_that_hangs_is_not_joined),
		PAIRED(rows_that_were_pruned_unseen_make_all_be_forgotten),
		PAIRED(what_was_loaded_before_the_first_look_is_forgotten),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
