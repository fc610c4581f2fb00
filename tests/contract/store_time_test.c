/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instants of every backend of the store: known_at of writes, now of reads:
 * store_time_test memory|sqlite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "one_bed.h"

static int64_t write_at(int64_t now)
{
	int64_t member_id = 7;
	struct bed_job job;

	clock_set(&bed.clock, now);
	bed_job_init(&job, STORE_WRITE, add_one, &member_id);
	store_submit(bed.store, &job.job);
	store_bed_wait(&bed, &job);
	assert_int_equal(job.job.code, MB_OK);
	return job.job.known_at;
}

static enum mb_code tell_now(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	(void)err;
	*(int64_t *)bed_data(job) = store_view_now(view);
	return MB_OK;
}

static int64_t now_of(enum store_job_kind kind)
{
	int64_t now;

	assert_int_equal(store_bed_run(&bed, kind, tell_now, &now, NULL), MB_OK);
	return now;
}

static void known_at_rises_whatever_the_clock_does(void **state)
{
	(void)state;
	assert_true(write_at(BED_NOW) == BED_NOW);
	assert_true(write_at(BED_NOW) == BED_NOW + 1);
	assert_true(write_at(BED_NOW - US_PER_DAY) == BED_NOW + 2);
	/* a clock that stepped back hides nothing */
	assert_true(now_of(STORE_READ) == BED_NOW + 2);
	assert_true(now_of(STORE_WRITE) > BED_NOW + 2);
	assert_true(write_at(BED_NOW + 10) == BED_NOW + 10);
	clock_set(&bed.clock, BED_NOW + 50);
	assert_true(now_of(STORE_READ) == BED_NOW + 50);
}

static void two_writes_never_share_an_instant_even_without_change(void **state)
{
	int64_t first = now_of(STORE_WRITE);

	(void)state;
	assert_true(now_of(STORE_WRITE) > first);
	assert_true(write_at(BED_NOW) > first + 1);
}

/* What was read at now must be all that has a known_at up to now, for ever. */
static void a_read_beside_a_write_is_before_it(void **state)
{
	int64_t member_id = 7, now;
	struct bed_job write;
	struct bed_gate gate;

	(void)state;
	bed_gate_close(&bed, &gate, STORE_WRITE);
	bed_job_init(&write, STORE_WRITE, add_one, &member_id);
	store_submit(bed.store, &write.job);
	clock_set(&bed.clock, BED_NOW + 1000);
	now = now_of(STORE_READ);
	assert_int_equal(outbox_len(), 0);
	bed_gate_open(&bed, &gate);
	assert_true(gate.job.job.known_at > now);
	store_bed_wait(&bed, &write);
	assert_true(write.job.known_at > now);
	assert_true(now_of(STORE_READ) >= write.job.known_at);
}

static void a_write_is_after_what_readers_were_given(void **state)
{
	int64_t now;

	(void)state;
	clock_set(&bed.clock, BED_NOW + 1000);
	now = now_of(STORE_READ);
	assert_true(now == BED_NOW + 1000);
	/* the clock steps back */
	assert_true(write_at(BED_NOW) > now);
}

static void a_read_of_an_instant_waits_for_the_write_before_it(void **state)
{
	struct bed_job read;
	struct bed_gate gate;
	int64_t now = 0;

	(void)state;
	bed_gate_close(&bed, &gate, STORE_WRITE);
	clock_set(&bed.clock, BED_NOW + 1000);
	bed_job_init(&read, STORE_READ, tell_now, &now);
	read.job.at_least = BED_NOW + 500;
	store_submit(bed.store, &read.job);
	/* others do not */
	assert_true(now_of(STORE_READ) < BED_NOW + 500);
	uv_run(&bed.loop, UV_RUN_NOWAIT);
	assert_int_equal(read.called, 0);
	bed_gate_open(&bed, &gate);
	store_bed_wait(&bed, &read);
	assert_int_equal(read.job.code, MB_OK);
	assert_true(now == BED_NOW + 1000);
}

static void what_a_wrong_clock_gave_to_readers_is_not_stored(void **state)
{
	(void)state;
	clock_set(&bed.clock, BED_NOW + US_PER_DAY);
	assert_true(now_of(STORE_READ) == BED_NOW + US_PER_DAY);
	assert_true(write_at(BED_NOW) == BED_NOW);
}

static void a_read_of_an_instant_ahead_moves_nothing(void **state)
{
	struct bed_job read;
	int64_t now = 0;

	(void)state;
	bed_job_init(&read, STORE_READ, tell_now, &now);
	read.job.at_least = BED_NOW + US_PER_DAY;
	store_submit(bed.store, &read.job);
	store_bed_wait(&bed, &read);
	assert_true(now == BED_NOW);
	assert_true(write_at(BED_NOW + 10) == BED_NOW + 10);
}

/* Many readers beside many writes and a clock that steps to and fro. */
#define LOOKS 400

struct look {
	struct bed_job job;
	int64_t now;
	size_t seen;
};

static enum mb_code take_look(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct look *look = bed_data(job);
	struct bed_job inner = {.data = &look->seen};

	look->now = store_view_now(view);
	return count_outbox(&inner.job, view, err);
}

static enum mb_code look_back(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	const struct look *looks = bed_data(job);
	struct arena *arena = arena_create(NULL, 0);
	struct outbox_row *rows;
	size_t n = 0;
	enum mb_code code = store_list_outbox(view, 0, SIZE_MAX, arena, &rows, &n, err);

	for (int i = 0; i < LOOKS && code == MB_OK; i++) {
		size_t known = 0;

		while (known < n && rows[known].known_at <= looks[i].now) {
			known++;
		}
		if (known != looks[i].seen) {
			code = mb_fail(err, MB_INTERNAL, "look %d saw %zu, and now there are %zu",
				       i, looks[i].seen, known);
		}
	}
	arena_destroy(arena);
	return code;
}

static void what_was_read_can_be_read_again(void **state)
{
	static struct look looks[LOOKS];
	static struct bed_job writes[LOOKS];
	int64_t member_id = 7;
	struct mb_err err;

	(void)state;
	for (int i = 0; i < LOOKS; i++) {
		bed_job_init(&writes[i], STORE_WRITE, add_one, &member_id);
		store_submit(bed.store, &writes[i].job);
		looks[i] = (struct look){.now = 0};
		bed_job_init(&looks[i].job, STORE_READ, take_look, &looks[i]);
		store_submit(bed.store, &looks[i].job.job);
		clock_set(&bed.clock, BED_NOW + i * 3 % 7 * 10 + i);
		if (i % 8 == 7) {
			store_bed_wait(&bed, &looks[i].job);
		}
	}
	for (int i = 0; i < LOOKS; i++) {
		store_bed_wait(&bed, &writes[i]);
		store_bed_wait(&bed, &looks[i].job);
		assert_int_equal(looks[i].job.job.code, MB_OK);
	}
	if (store_bed_run(&bed, STORE_READ, look_back, looks, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(known_at_rises_whatever_the_clock_does),
		TEST(two_writes_never_share_an_instant_even_without_change),
		TEST(a_read_beside_a_write_is_before_it),
		TEST(a_write_is_after_what_readers_were_given),
		TEST(a_read_of_an_instant_waits_for_the_write_before_it),
		TEST(what_a_wrong_clock_gave_to_readers_is_not_stored),
		TEST(a_read_of_an_instant_ahead_moves_nothing),
		TEST(what_was_read_can_be_read_again),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
