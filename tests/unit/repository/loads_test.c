/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members who are not in the process's cache: one load for all who ask, whoever gives up.
 * usage: loads_test memory|sqlite
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "asks.h"

#define MANY 5

/* With the readers held; so many ask for him. */
static void ask_held(struct repo_bed *bed, struct bed_gate gates[READERS], struct ask *asks, int n,
		     int64_t member_id, int64_t min_revision)
{
	close_gates(bed, gates);
	for (int i = 0; i < n; i++) {
		ask_begin(bed, &asks[i], member_id, min_revision);
	}
}

static void end_all(struct repo_bed *bed, struct ask *asks, int n, enum mb_code code)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(ask_end(bed, &asks[i]), code);
	}
}

static void many_ask_and_one_load_answers(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct bed_gate gates[READERS];
	struct ask asks[MANY];

	close_gates(bed, gates);
	for (int i = 0; i < MANY; i++) {
		ask_begin(bed, &asks[i], ada, i % 2);
	}
	open_gates(bed, gates);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(ask_end(bed, &asks[i]), MB_OK);
		assert_int_equal(asks[i].query.member->member_id, ada);
		assert_int_equal(asks[i].query.member->revision, 1);
	}
	assert_int_equal(loads_of(bed), 1);
	assert_int_equal(joins_of(bed), MANY - 1);
	assert_true(is_cached(bed, ada));
}

static void the_first_gives_up_and_the_others_are_answered(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct bed_gate gates[READERS];
	struct ask asks[MANY];

	ask_held(bed, gates, asks, MANY, ada, 0);
	repository_cancel(bed->repository, &asks[0].req.call);
	repository_cancel(bed->repository, &asks[0].req.call);
	assert_false(asks[0].called); /* not from inside */
	assert_int_equal(ask_end(bed, &asks[0]), MB_CALL_CANCELLED);
	open_gates(bed, gates);
	end_all(bed, asks + 1, MANY - 1, MB_OK);
	assert_int_equal(loads_of(bed), 1);
}

static void all_give_up_and_the_cache_is_filled_for_those_to_come(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct bed_gate gates[READERS];
	struct ask asks[MANY];

	ask_held(bed, gates, asks, MANY, ada, 0);
	for (int i = 0; i < MANY; i++) {
		repository_cancel(bed->repository, &asks[i].req.call);
	}
	end_all(bed, asks, MANY, MB_CALL_CANCELLED);
	open_gates(bed, gates);
	while (!is_cached(bed, ada)) {
		uv_run(&bed->store.loop, UV_RUN_ONCE);
	}
	assert_int_equal(loads_of(bed), 1);
}

static void who_gave_up_before_he_asked_loads_nothing(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct ask ask;

	ask_init(bed, &ask, ada, 0);
	repository_cancel(bed->repository, &ask.req.call);
	repository_cancel(bed->repository, &ask.req.call);
	repository_read(bed->repository, &ask.req);
	assert_false(ask.called);
	assert_int_equal(ask_end(bed, &ask), MB_CALL_CANCELLED);
}

/* Else somebody could read what was there before his own write. */
static void nobody_joins_a_load_that_a_write_has_overtaken(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item item = repo_order(bed, ada, "o-1", BED_NOW, 1000000);
	struct bed_gate gates[READERS];
	struct cache_figures figures;
	struct ask before, after;

	ask_held(bed, gates, &before, 1, ada, 0);
	repo_record_one(bed, &item);
	ask_begin(bed, &after, ada, 0);
	assert_int_equal(loads_of(bed), 2);
	assert_int_equal(joins_of(bed), 0);
	open_gates(bed, gates);
	assert_int_equal(ask_end(bed, &before), MB_OK);
	assert_int_equal(ask_end(bed, &after), MB_OK);
	assert_int_equal(after.query.member->revision, 2);
	repository_cache_figures(bed->repository, &figures);
	assert_int_equal(figures.fills_dropped, 1);
	assert_int_equal(figures.fills, 1);
}

/* Who wants a revision that a load of before his coming may not have seen is loaded for once more, all
 * of them together. */
static void those_who_want_more_share_another_load(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct bed_gate gates[READERS];
	struct ask asks[MANY];

	ask_held(bed, gates, asks, MANY, ada, 2);
	open_gates(bed, gates);
	end_all(bed, asks, MANY, MB_REVISION_UNKNOWN);
	assert_true(loads_of(bed) <= 2);
}

/* More loads than jobs take at once wait in a queue; who joins one there is as well served as by a load
 * of his own. */
static void a_load_that_waits_is_as_good_as_a_new_one(void **state)
{
	struct repo_bed *bed = *state;
	struct bed_gate gates[READERS];
	struct ask first[8], again;
	int64_t ids[8];
	char name[8];

	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		ids[i] = repo_enroll(bed, name);
	}
	close_gates(bed, gates);
	for (int i = 0; i < 8; i++) {
		ask_begin(bed, &first[i], ids[i], 0);
	}
	ask_begin(bed, &again, ids[7], 2);
	open_gates(bed, gates);
	end_all(bed, first, 8, MB_OK);
	assert_int_equal(ask_end(bed, &again), MB_REVISION_UNKNOWN);
	assert_int_equal(loads_of(bed), 8);
	assert_int_equal(joins_of(bed), 1);
}

static int set_up_impatient(void **state)
{
	struct mb_err err;
	struct repo_bed *bed;

	make_bed(state);
	bed = *state;
	bed->options.cache_bytes = (size_t)1 << 20;
	bed->options.load_most_ms = 40;
	bed->options.loads_most = 2;
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	return 0;
}

static void nobody_waits_for_ever(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct bed_gate gates[READERS];
	struct ask late[2], next;

	ask_held(bed, gates, late, 2, ada, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask_end(bed, &late[i]), MB_OVERLOADED);
		assert_true(late[i].query.err.retry_after_ms > 0);
	}
	ask_begin(bed, &next, ada, 0);
	assert_int_equal(loads_of(bed), 2); /* what took too long is not joined */
	open_gates(bed, gates);
	assert_int_equal(ask_end(bed, &next), MB_OK);
}

static void more_loads_than_there_may_be_are_refused(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	int64_t eve = repo_enroll(bed, "eve");
	struct bed_gate gates[READERS];
	struct ask asks[2], third, joining;

	close_gates(bed, gates);
	ask_begin(bed, &asks[0], ada, 0);
	ask_begin(bed, &asks[1], bob, 0);
	ask_begin(bed, &third, eve, 0);
	ask_begin(bed, &joining, bob, 0);
	assert_int_equal(ask_end(bed, &third), MB_OVERLOADED);
	assert_true(third.query.err.retry_after_ms > 0);
	open_gates(bed, gates);
	end_all(bed, asks, 2, MB_OK);
	assert_int_equal(ask_end(bed, &joining), MB_OK);
	assert_int_equal(load_brief(bed, eve)->revision, 1);
}

static void a_batch_names_members_twice_and_unknown_ones(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct member_query queries[] = {
		{.ref = {.member_id = ada}},
		{.ref = {.member_id = 4711}},
		{.ref = {.member_id = bob}, .min_revision = 2},
		{.ref = {.member_id = ada}, .min_revision = 1},
		{.ref = {.member_id = bob}, .code = MB_FIELD_INVALID},
		{.ref = {.member_id = bob}},
	};
	struct repository_read req = {.queries = queries, .n = 6, .parts = MEMBER_BRIEF};

	assert_int_equal(repo_read(bed, &req), MB_OK);
	assert_int_equal(queries[0].member->member_id, ada);
	assert_int_equal(queries[1].code, MB_MEMBER_NOT_FOUND);
	assert_null(queries[1].member);
	assert_int_equal(queries[2].code, MB_REVISION_UNKNOWN);
	assert_null(queries[2].member);
	assert_int_equal(queries[3].member->member_id, ada);
	assert_int_equal(queries[4].code, MB_FIELD_INVALID);
	assert_int_equal(queries[5].member->member_id, bob);
	assert_int_equal(loads_of(bed), 3);
}

static void who_is_bound_to_one_member_loads_nobody_else(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct ask ask;

	ask_init(bed, &ask, bob, 0);
	ask.req.call.only_member = ada;
	repository_read(bed->repository, &ask.req);
	assert_int_equal(ask_end(bed, &ask), MB_PERMISSION_MISSING);
	ask_init(bed, &ask, 4711, 0);
	ask.req.call.only_member = ada;
	repository_read(bed->repository, &ask.req);
	assert_int_equal(ask_end(bed, &ask), MB_PERMISSION_MISSING);
	assert_int_equal(loads_of(bed), 0);
}

static void mark_closed(void *data)
{
	*(struct repository **)data = NULL;
}

static void closing_waits_for_the_loads_under_way(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct bed_gate gates[READERS];
	struct ask waits, left;

	close_gates(bed, gates);
	ask_begin(bed, &waits, ada, 0);
	ask_begin(bed, &left, bob, 0);
	repository_cancel(bed->repository, &left.req.call);
	repository_close(bed->repository, mark_closed, &bed->repository);
	assert_int_equal(ask_end(bed, &left), MB_CALL_CANCELLED);
	assert_non_null(bed->repository);
	open_gates(bed, gates);
	assert_int_equal(ask_end(bed, &waits), MB_OK);
	while (bed->repository != NULL) {
		uv_run(&bed->store.loop, UV_RUN_ONCE);
	}
}

/* ---- from many threads ---- */

#define THREADS 3
#define ROUNDS	200
#define MEMBERS 4

struct asker {
	struct repo_bed *bed;
	const int64_t *ids;
	unsigned seed;
	int answered, cancelled, odd;
	pthread_t thread;
};

struct one {
	struct ask ask;
	uv_sem_t ended;
};

static void end_one(struct repository_call *call)
{
	uv_sem_post(&((struct one *)call->data)->ended);
}

static unsigned draw(struct asker *asker, unsigned most)
{
	asker->seed = asker->seed * 1103515245u + 12345u;
	return (asker->seed >> 16) % most;
}

static void ask_one(struct asker *asker, struct arena *arena)
{
	struct one one;

	ask_init(asker->bed, &one.ask, asker->ids[draw(asker, MEMBERS)], draw(asker, 3));
	one.ask.req.call.arena = arena;
	one.ask.req.call.cb = end_one;
	one.ask.req.call.data = &one;
	uv_sem_init(&one.ended, 0);
	if (!repository_peek(asker->bed->repository, &one.ask.req)) {
		repository_read(asker->bed->repository, &one.ask.req);
		if (draw(asker, 4) == 0) {
			repository_cancel(asker->bed->repository, &one.ask.req.call);
		}
		uv_sem_wait(&one.ended);
	}
	uv_sem_destroy(&one.ended);
	if (one.ask.req.call.code == MB_CALL_CANCELLED) {
		asker->cancelled++;
	} else if (one.ask.query.code == MB_OK && one.ask.query.member->revision > 0) {
		asker->answered++;
	} else {
		asker->odd += one.ask.query.code != MB_REVISION_UNKNOWN;
	}
}

static void *run_asker(void *data)
{
	struct asker *asker = data;

	for (int i = 0; i < ROUNDS; i++) {
		struct arena *arena = arena_create(NULL, 0);

		ask_one(asker, arena);
		arena_destroy(arena);
	}
	return NULL;
}

static _Atomic int askers_left;

static void *run_and_count(void *data)
{
	run_asker(data);
	atomic_fetch_sub(&askers_left, 1);
	return NULL;
}

static void threads_ask_give_up_and_are_answered(void **state)
{
	struct repo_bed *bed = *state;
	struct asker askers[THREADS];
	int64_t ids[MEMBERS];
	char name[16];

	for (int i = 0; i < MEMBERS; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		ids[i] = repo_enroll(bed, name);
	}
	atomic_store(&askers_left, THREADS);
	for (int i = 0; i < THREADS; i++) {
		askers[i] = (struct asker){.bed = bed, .ids = ids, .seed = (unsigned)i + 1};
		pthread_create(&askers[i].thread, NULL, run_and_count, &askers[i]);
	}
	for (int i = 0; atomic_load(&askers_left) > 0; i++) {
		struct record_item item;

		uv_run(&bed->store.loop, UV_RUN_NOWAIT);
		if (i % 8 == 0 && i < 4000) {
			snprintf(name, sizeof(name), "o-%d", i);
			item = repo_order(bed, ids[i / 8 % MEMBERS], name, BED_NOW, 100);
			repo_record_one(bed, &item);
		}
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(askers[i].thread, NULL);
		assert_int_equal(askers[i].odd, 0);
		assert_true(askers[i].answered > 0);
	}
}

/* ---- failures ---- */

#ifdef MEMBERD_TEST_HOOKS
static void a_load_without_memory_is_refused_and_the_next_one_is_not(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct ask ask;

	fault_arm("repository.load", 1);
	ask_begin(bed, &ask, ada, 0);
	assert_int_equal(ask_end(bed, &ask), MB_OVERLOADED);
	fault_disarm();
	assert_int_equal(load_brief(bed, ada)->revision, 1);
}
#endif

static enum mb_code enroll_and_load(struct repo_bed *bed, struct mb_err *err)
{
	struct repository_write enroll = repo_write_of(bed, WRITE_ENROLL, 0, "ada");
	const struct member *member = NULL;
	long long id = 0;
	enum mb_code code;

	bed->options.cache_bytes = (size_t)1 << 20;
	code = repo_bed_open(bed, err);
	if (code != MB_OK) {
		return code;
	}
	code = repo_write(bed, &enroll);
	*err = enroll.call.err;
	if (code == MB_OK && sscanf(enroll.answered.ptr, "%lld/", &id) == 1) {
		code = repo_get(bed, (int64_t)id, MEMBER_BRIEF, &member, err);
	}
	return code;
}

static void whatever_fails_is_said(void **state)
{
	(void)state;
	assert_true(torture_beds(enroll_and_load) > 10);
}

#define CACHED(test)	cmocka_unit_test_setup_teardown(test, set_up_cached, tear_down)
#define IMPATIENT(test) cmocka_unit_test_setup_teardown(test, set_up_impatient, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CACHED(many_ask_and_one_load_answers),
		CACHED(the_first_gives_up_and_the_others_are_answered),
		CACHED(all_give_up_and_the_cache_is_filled_for_those_to_come),
		CACHED(who_gave_up_before_he_asked_loads_nothing),
		CACHED(nobody_joins_a_load_that_a_write_has_overtaken),
		CACHED(those_who_want_more_share_another_load),
		CACHED(a_load_that_waits_is_as_good_as_a_new_one),
		IMPATIENT(nobody_waits_for_ever),
		IMPATIENT(more_loads_than_there_may_be_are_refused),
		CACHED(a_batch_names_members_twice_and_unknown_ones),
		CACHED(who_is_bound_to_one_member_loads_nobody_else),
		CACHED(closing_waits_for_the_loads_under_way),
		CACHED(threads_ask_give_up_and_are_answered),
#ifdef MEMBERD_TEST_HOOKS
		CACHED(a_load_without_memory_is_refused_and_the_next_one_is_not),
#endif
		cmocka_unit_test(whatever_fails_is_said),
	};

	return run_group(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
