/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis kept complete: nothing of it is believed that may be older than a commit.
 * usage: mirror_test memory|sqlite
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mirror_bed.h"

/* ---- from the position on ---- */

static void an_empty_redis_begins_an_epoch(void **state)
{
	struct mirror_bed *bed = *state;
	struct redis_position first, next;
	int64_t ada;

	open_live(bed);
	assert_true(find_position(bed, &first));
	assert_true(first.epoch != 0);
	ada = enroll_there(bed);
	give_order(bed, ada, "o-1");
	await_there(bed, ada, 2);
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 2);
	assert_int_equal(figures_of(bed).hits, 1);
	/* the position follows */
	WAIT_FOR(bed, find_position(bed, &next) && next.seq >= first.seq + 2);
	assert_true(next.epoch == first.epoch);
}

static void what_was_written_meanwhile_is_replayed(void **state)
{
	struct mirror_bed *bed = *state;
	struct redis_position before, after;
	int64_t ada = open_with_ada(bed), bob;

	close_repository(&bed->repo);
	open_repository(bed, false);
	give_order(bed, ada, "o-1");
	bob = repo_enroll(&bed->repo, "bob");
	close_repository(&bed->repo);
	assert_true(find_position(bed, &before));
	assert_int_equal(revision_there(bed, ada), 1);
	open_live(bed);
	assert_int_equal(revision_there(bed, ada), 2);
	assert_int_equal(revision_there(bed, bob), 1);
	WAIT_FOR(bed, find_position(bed, &after) && after.seq > before.seq);
	assert_true(after.epoch == before.epoch);
}

#define PAGES_MEMBERS 20
#define PAGES_ORDERS  400

static void record_many(struct mirror_bed *bed, const int64_t *ids, int batch)
{
	struct record_item *items = calloc(PAGES_ORDERS, sizeof(*items));
	struct repository_record req = {.items = items, .n = PAGES_ORDERS};
	char id[24];

	for (int i = 0; i < PAGES_ORDERS; i++) {
		snprintf(id, sizeof(id), "o-%d-%d", batch, i);
		items[i] = repo_order(&bed->repo, ids[i % PAGES_MEMBERS], id, BED_NOW, 100);
	}
	assert_int_equal(repo_record(&bed->repo, &req), MB_OK);
	free(items);
}

/* Of an outbox longer than a round reads. */
static void a_replay_goes_on_page_by_page(void **state)
{
	struct mirror_bed *bed = *state;
	int64_t ids[PAGES_MEMBERS];
	char name[8];

	open_live(bed);
	for (int i = 0; i < PAGES_MEMBERS; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		ids[i] = repo_enroll(&bed->repo, name);
	}
	close_repository(&bed->repo);
	open_repository(bed, false);
	for (int batch = 0; batch < 3; batch++) {
		record_many(bed, ids, batch);
	}
	close_repository(&bed->repo);
	open_live(bed);
	for (int i = 0; i < PAGES_MEMBERS; i++) {
		assert_int_equal(revision_there(bed, ids[i]), 1 + 3 * PAGES_ORDERS / PAGES_MEMBERS);
	}
}

static enum mb_code prune_all(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	size_t deleted;

	(void)job;
	return store_prune(view, 0, INT64_MAX, 1000, &deleted, err);
}

static void a_position_that_the_outbox_has_forgotten_is_of_no_use(void **state)
{
	struct mirror_bed *bed = *state;
	struct redis_position before, after;
	int64_t ada = open_with_ada(bed);

	close_repository(&bed->repo);
	assert_true(find_position(bed, &before));
	open_repository(bed, false);
	give_order(bed, ada, "o-1");
	close_repository(&bed->repo);
	assert_int_equal(store_bed_run(&bed->repo.store, STORE_WRITE, prune_all, NULL, NULL),
			 MB_OK);
	open_live(bed);
	assert_true(find_position(bed, &after));
	assert_true(after.epoch != before.epoch);
	assert_true(after.seq > before.seq);
	assert_int_equal(revision_there(bed, ada),
			 0); /* what is there is of an epoch that is over */
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 2);
	await_there(bed, ada, 2);
}

static void a_position_ahead_of_the_store_is_of_no_use(void **state)
{
	struct mirror_bed *bed = *state;
	struct redis_position before, after;
	int64_t ada = open_with_ada(bed);

	close_repository(&bed->repo);
	assert_true(find_position(bed, &before));
	set_position(bed, (struct redis_position){before.epoch, before.seq + 1000, before.told_at});
	open_live(bed);
	assert_true(find_position(bed, &after));
	assert_true(after.epoch != before.epoch);
	assert_true(after.seq < before.seq + 1000);
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 1);
	assert_int_equal(figures_of(bed).hits, 0);
}

/* As after a backup was restored under the same id, and written to before Redis was there. */
static void a_position_of_another_past_is_of_no_use(void **state)
{
	struct mirror_bed *bed = *state;
	struct redis_position before, after;
	int64_t ada = open_with_ada(bed);

	WAIT_FOR(bed, find_position(bed, &before) && before.seq > 0);
	close_repository(&bed->repo);
	assert_true(find_position(bed, &before));
	assert_true(before.seq > 0 && before.told_at > 0);
	set_position(bed, (struct redis_position){before.epoch, before.seq, before.told_at + 1});
	open_live(bed);
	assert_true(find_position(bed, &after));
	assert_true(after.epoch != before.epoch);
	assert_int_equal(after.seq, before.seq);
	assert_int_equal(after.told_at, before.told_at);
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 1);
	assert_int_equal(figures_of(bed).hits, 0);
}

/* ---- what goes wrong while it is live ---- */

static void after_a_failed_write_nothing_is_believed_until_it_was_replayed(void **state)
{
	struct mirror_bed *bed = *state;
	int64_t ada = open_with_ada(bed);

	redis_bed_do(&bed->redis, "CONFIG SET maxmemory 1");
	give_order(bed, ada, "o-1");
	WAIT_FOR(bed, is_in(bed, WAITING));
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 2);
	redis_bed_do(&bed->redis, "CONFIG SET maxmemory 0");
	WAIT_FOR(bed, is_believed(bed));
	assert_int_equal(revision_there(bed, ada), 2);
}

static void a_commit_without_memory_for_redis_is_replayed(void **state)
{
	struct mirror_bed *bed = *state;
	int64_t ada = open_with_ada(bed);

	fault_arm("repository.mirror.set", 1);
	give_order(bed, ada, "o-1");
	fault_disarm();
	assert_false(is_believed(bed));
	WAIT_FOR(bed, is_believed(bed));
	assert_int_equal(revision_there(bed, ada), 2);
}

/* It may have been committed: what Redis has may be older. */
static void after_a_write_whose_fate_is_unknown_nothing_is_believed(void **state)
{
	struct mirror_bed *bed = *state;
	struct record_item item;
	struct repository_record req = {.items = &item, .n = 1};

	open_live(bed);
	item = repo_order(&bed->repo, enroll_there(bed), "o-1", BED_NOW, 100000);
	fault_arm("store.commit", 1);
	assert_int_equal(repo_record(&bed->repo, &req), MB_STORE_UNAVAILABLE);
	fault_disarm();
	assert_false(is_believed(bed));
	WAIT_FOR(bed, is_believed(bed));
}

static void flushed_while_live_it_begins_anew(void **state)
{
	struct mirror_bed *bed = *state;
	struct redis_position position;
	int64_t ada = open_with_ada(bed);

	redis_bed_do(&bed->redis, "FLUSHALL");
	WAIT_FOR(bed, find_position(bed, &position) && is_believed(bed));
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 1);
	await_there(bed, ada, 1);
	give_order(bed, ada, "o-1");
	await_there(bed, ada, 2);
}

static void an_old_value_put_back_is_not_believed(void **state)
{
	struct mirror_bed *bed = *state;
	struct dumped old;
	int64_t ada = open_with_older(bed, &old);

	restore_member(bed, ada, &old);
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 2);
	await_there(bed, ada, 2);
}

/* The revisions of before are not remembered, but somebody else's write is heard of. */
static void an_old_value_put_back_after_a_restart_is_heard_of(void **state)
{
	struct mirror_bed *bed = *state;
	struct dumped old;
	int64_t ada = open_with_older(bed, &old);

	close_repository(&bed->repo);
	open_live(bed);
	restore_member(bed, ada, &old);
	WAIT_FOR(bed, figures_of(bed).invalidations > 0);
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 2);
	await_there(bed, ada, 2);
}

/* Redis lies, and nobody remembers: who asks for a revision is loaded for from the store all the same. */
static void min_revision_holds_whatever_redis_says(void **state)
{
	struct mirror_bed *bed = *state;
	struct ask first, second;
	struct dumped old;
	int64_t ada = open_with_older(bed, &old), began;

	close_repository(&bed->repo);
	restore_member(bed, ada, &old);
	open_live(bed);
	began = clock_monotonic_ns();
	ask_begin(&bed->repo, &first, ada, 2);
	ask_begin(&bed->repo, &second, ada, 2);
	assert_int_equal(ask_end(&bed->repo, &first), MB_OK);
	assert_int_equal(ask_end(&bed->repo, &second), MB_OK);
	assert_int_equal(first.query.member->revision, 2);
	assert_int_equal(second.query.member->revision, 2);
	assert_true(clock_monotonic_ns() - began < INT64_C(4000000000));
}

/* ---- while it is replayed ---- */

/* With the readers held: a round hangs. */
static void open_held(struct mirror_bed *bed, struct bed_gate gates[READERS])
{
	open_repository(bed, true);
	close_gates(&bed->repo, gates);
	WAIT_FOR(bed, is_in(bed, REPLAYING));
}

static void nothing_is_believed_before_it_is_live(void **state)
{
	struct mirror_bed *bed = *state;
	struct bed_gate gates[READERS];
	struct redis_figures figures;
	struct ask ask;
	int64_t ada = open_with_ada(bed);

	close_repository(&bed->repo);
	open_held(bed, gates);
	assert_false(is_believed(bed));
	ask_begin(&bed->repo, &ask, ada, 0);
	for (int i = 0; i < 20; i++) {
		uv_run(&bed->repo.store.loop, UV_RUN_ONCE);
	}
	assert_false(ask.called);
	figures = figures_of(bed);
	assert_int_equal(figures.hits + figures.misses, 0);
	open_gates(&bed->repo, gates);
	assert_int_equal(ask_end(&bed->repo, &ask), MB_OK);
	WAIT_FOR(bed, is_believed(bed));
}

static void commits_while_it_is_replayed_are_not_lost(void **state)
{
	struct mirror_bed *bed = *state;
	struct bed_gate gates[READERS];
	int64_t ada = open_with_ada(bed);

	close_repository(&bed->repo);
	open_held(bed, gates);
	give_order(bed, ada, "o-1");
	assert_true(is_in(bed, REPLAYING));
	open_gates(&bed->repo, gates);
	WAIT_FOR(bed, is_believed(bed));
	await_there(bed, ada, 2);
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 2);
}

struct writer {
	struct mirror_bed *bed;
	struct repository_record req;
	struct record_item item;
	struct arena *arena; /* of the call: the store's thread fills it while another one begins */
	int64_t member_id;
	int written;
	bool stop, idle;
};

static void write_next(struct writer *writer);

static void on_written(struct repository_call *call)
{
	struct writer *writer = call->data;

	assert_int_equal(call->code, MB_OK);
	arena_destroy(writer->arena);
	writer->written++;
	writer->idle = writer->stop;
	if (!writer->stop) {
		write_next(writer);
	}
}

static void write_next(struct writer *writer)
{
	char id[40];
	bool called;

	snprintf(id, sizeof(id), "w-%lld-%d", (long long)writer->member_id, writer->written);
	writer->arena = arena_create(NULL, 0);
	writer->item = repo_order_in(writer->arena, writer->member_id, id, BED_NOW, 100);
	writer->req = (struct repository_record){.items = &writer->item, .n = 1};
	repo_bed_call(&writer->bed->repo, &writer->req.call, &called);
	writer->req.call.arena = writer->arena;
	writer->req.call.cb = on_written;
	writer->req.call.data = writer;
	repository_record(writer->bed->repo.repository, &writer->req);
}

#define WRITERS 3

/* Else a busy service would never have its Redis back. */
static void it_becomes_live_while_others_write_without_a_pause(void **state)
{
	struct mirror_bed *bed = *state;
	struct writer writers[WRITERS];
	char name[8];

	open_live(bed);
	for (int i = 0; i < WRITERS; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		writers[i] =
			(struct writer){.bed = bed, .member_id = repo_enroll(&bed->repo, name)};
		write_next(&writers[i]);
	}
	redis_bed_kill_client(&bed->redis, "memberd:data");
	WAIT_FOR(bed, !is_believed(bed));
	WAIT_FOR(bed, is_believed(bed));
	for (int i = 0; i < WRITERS; i++) {
		writers[i].stop = true;
		WAIT_FOR(bed, writers[i].idle);
		await_there(bed, writers[i].member_id, 1 + writers[i].written);
	}
	assert_true(is_believed(bed));
}

static void redis_dies_while_it_is_replayed(void **state)
{
	struct mirror_bed *bed = *state;
	struct bed_gate gates[READERS];
	int64_t ada = open_with_ada(bed);

	close_repository(&bed->repo);
	open_held(bed, gates);
	redis_bed_stop(&bed->redis);
	WAIT_FOR(bed, is_in(bed, DOWN));
	give_order(bed, ada, "o-1");
	open_gates(&bed->repo, gates);
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 2);
	redis_bed_start(&bed->redis, NULL);
	WAIT_FOR(bed, is_believed(bed));
	assert_int_equal(load_brief(&bed->repo, ada)->revision, 2);
}

/* The round of before ends when another one is wanted already. */
static void a_new_connection_while_a_round_hangs_begins_another(void **state)
{
	struct mirror_bed *bed = *state;
	struct bed_gate gates[READERS];
	int64_t ada = open_with_ada(bed), reconnects;

	close_repository(&bed->repo);
	open_held(bed, gates);
	for (int i = 0; i < 2; i++) {
		reconnects = figures_of(bed).reconnects;
		redis_bed_kill_client(&bed->redis, "memberd:data");
		WAIT_FOR(bed, figures_of(bed).reconnects > reconnects && is_in(bed, REPLAYING));
	}
	give_order(bed, ada, "o-1");
	open_gates(&bed->repo, gates);
	WAIT_FOR(bed, is_believed(bed));
	await_there(bed, ada, 2);
}

/* ---- closing ---- */

static void close_in(struct mirror_bed *bed, const char *text)
{
	WAIT_FOR(bed, is_in(bed, text));
	close_repository(&bed->repo);
}

static void it_can_be_closed_while_it_lives(void **state)
{
	struct mirror_bed *bed = *state;
	struct ask ask;
	int64_t ada;

	open_repository(bed, true);
	close_repository(&bed->repo); /* not connected yet */
	open_live(bed);
	ada = enroll_there(bed);
	ask_begin(&bed->repo, &ask, ada, 0);
	close_in(bed, LIVE);
	assert_true(ask.called);
	open_live(bed);
	redis_bed_do(&bed->redis, "CONFIG SET maxmemory 1");
	give_order(bed, ada, "o-1");
	close_in(bed, WAITING);
}

static void it_can_be_closed_while_it_asks(void **state)
{
	struct mirror_bed *bed = *state;

	open_live(bed);
	/* it hears of it, asks, and is not answered */
	redis_bed_do(&bed->redis, "MULTI");
	redis_bed_do(&bed->redis, "FLUSHALL");
	redis_bed_do(&bed->redis, "CLIENT PAUSE 700 ALL");
	redis_bed_do(&bed->redis, "EXEC");
	close_in(bed, ASKING);
}

static void mark_closed(void *data)
{
	*(struct repository **)data = NULL;
}

static void it_can_be_closed_while_a_round_hangs(void **state)
{
	struct mirror_bed *bed = *state;
	struct bed_gate gates[READERS];
	int64_t ada = open_with_ada(bed);

	close_repository(&bed->repo);
	open_repository(bed, false);
	give_order(bed, ada, "o-1");
	close_repository(&bed->repo);
	open_held(bed, gates);
	repository_close(bed->repo.repository, mark_closed, &bed->repo.repository);
	for (int i = 0; i < 20; i++) {
		uv_run(&bed->repo.store.loop, UV_RUN_ONCE);
	}
	assert_non_null(bed->repo.repository);
	open_gates(&bed->repo, gates);
	WAIT_FOR(bed, bed->repo.repository == NULL);
	assert_int_equal(revision_there(bed, ada), 1); /* what it found is not written any more */
}

static void it_can_be_closed_while_there_is_no_redis(void **state)
{
	struct mirror_bed *bed = *state;

	open_live(bed);
	redis_bed_stop(&bed->redis);
	close_in(bed, DOWN);
	open_repository(bed, true);
	close_in(bed, DOWN);
}

/* ---- after a start ---- */

#define WARM_MEMBERS 50

static void a_new_process_is_warmed_from_redis(void **state)
{
	struct mirror_bed *bed = *state;
	int64_t ids[WARM_MEMBERS];
	char name[8];

	bed->repo.options.cache_bytes = (size_t)1 << 20;
	open_live(bed);
	for (int i = 0; i < WARM_MEMBERS; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		ids[i] = repo_enroll(&bed->repo, name);
	}
	await_there(bed, ids[WARM_MEMBERS - 1], 1);
	close_repository(&bed->repo);
	open_live(bed);
	WAIT_FOR(bed,
		 atomic_load(&repository_figures(bed->repo.repository)->warmed) >= WARM_MEMBERS);
	for (int i = 0; i < WARM_MEMBERS; i++) {
		assert_true(is_cached(&bed->repo, ids[i]));
	}
	assert_int_equal(loads_of(&bed->repo), 0);
}

#define WITH_REDIS(test) cmocka_unit_test_setup_teardown(test, lay, lift)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_REDIS(an_empty_redis_begins_an_epoch),
		WITH_REDIS(what_was_written_meanwhile_is_replayed),
		WITH_REDIS(a_replay_goes_on_page_by_page),
		WITH_REDIS(a_position_that_the_outbox_has_forgotten_is_of_no_use),
		WITH_REDIS(a_position_ahead_of_the_store_is_of_no_use),
		WITH_REDIS(a_position_of_another_past_is_of_no_use),
		WITH_REDIS(after_a_failed_write_nothing_is_believed_until_it_was_replayed),
		WITH_REDIS(a_commit_without_memory_for_redis_is_replayed),
		WITH_REDIS(after_a_write_whose_fate_is_unknown_nothing_is_believed),
		WITH_REDIS(flushed_while_live_it_begins_anew),
		WITH_REDIS(an_old_value_put_back_is_not_believed),
		WITH_REDIS(an_old_value_put_back_after_a_restart_is_heard_of),
		WITH_REDIS(min_revision_holds_whatever_redis_says),
		WITH_REDIS(nothing_is_believed_before_it_is_live),
		WITH_REDIS(commits_while_it_is_replayed_are_not_lost),
		WITH_REDIS(it_becomes_live_while_others_write_without_a_pause),
		WITH_REDIS(redis_dies_while_it_is_replayed),
		WITH_REDIS(a_new_connection_while_a_round_hangs_begins_another),
		WITH_REDIS(it_can_be_closed_while_it_lives),
		WITH_REDIS(it_can_be_closed_while_it_asks),
		WITH_REDIS(it_can_be_closed_while_a_round_hangs),
		WITH_REDIS(it_can_be_closed_while_there_is_no_redis),
		WITH_REDIS(a_new_process_is_warmed_from_redis),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
