/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's cache under tellers, loads, readers and somebody who forgets all, at once.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache_bed.h"

/*
 * A world beside the cache. Members 1..TOLD have commits, one teller each; the others only loads, but
 * now and then all that was loaded is declared void. What readers hold the cache to: what was told, or
 * declared, before a look-up began is not undercut; no record is torn, or of another member.
 */
#define TOLD	  48
#define LOADED	  4000
#define FORGOT	  TOLD + 1
#define RUN_MS	  300
#define EVICTIONS 20
#define TELLERS	  2
#define FILLERS	  2
#define READERS	  3
#define SEED_ODD  UINT64_C(6364136223846793005)

struct world {
	_Atomic bool stop;
	_Atomic int64_t committed[TOLD + 1], told[TOLD + 1];
	_Atomic int64_t era, era_told;
	_Atomic int64_t hits, absent, broken;
};

static struct world world;

struct worker {
	pthread_t thread;
	int number;
	uint64_t seed;
};

static int64_t draw(struct worker *worker, int64_t n)
{
	worker->seed = worker->seed * SEED_ODD + 1442695040888963407u;
	return (int64_t)(worker->seed >> 33) % n;
}

static void *run_teller(void *data)
{
	struct worker *worker = data;

	while (!atomic_load(&world.stop)) {
		int64_t id = 1 + draw(worker, TOLD / TELLERS) * TELLERS + worker->number;
		int64_t revision = atomic_load(&world.committed[id]) + 1;

		atomic_store(&world.committed[id], revision);
		tell(id, draw(worker, 4) == 0 ? 0 : revision);
		atomic_store(&world.told[id], revision);
	}
	return NULL;
}

static void *run_filler(void *data)
{
	struct worker *worker = data;

	while (!atomic_load(&world.stop)) {
		bool told = draw(worker, 2) == 0;
		int64_t id = told ? 1 + draw(worker, TOLD) : FORGOT + draw(worker, LOADED);
		uint64_t mark = cache_mark(cache, id);
		int64_t revision = 1 + (told ? atomic_load(&world.committed[id]) - 1
					     : atomic_load(&world.era));
		struct hot_bytes bytes = record(id, revision);

		if (draw(worker, 64) == 0) {
			usleep(1);
		}
		if (revision == 0) {
			cache_fill_absent(cache, id, mark);
		} else {
			cache_fill(cache, id, mark, &bytes);
		}
	}
	return NULL;
}

static void *run_reader(void *data)
{
	struct worker *worker = data;
	struct hot_record found;
	struct hot_bytes bytes;

	while (!atomic_load(&world.stop)) {
		bool told = draw(worker, 2) == 0;
		int64_t id = told ? 1 + draw(worker, TOLD) : FORGOT + draw(worker, LOADED);
		int64_t least =
			told ? atomic_load(&world.told[id]) : 1 + atomic_load(&world.era_told);
		enum cache_answer answer;
		bool good = true;

		if (draw(worker, 2) == 0) {
			cache_expect(cache, &id, 1);
		}
		answer = cache_get(cache, id, &bytes);
		if (answer == CACHE_HIT) {
			good = hot_decode(bytes.bytes, bytes.len, id, &found) &&
			       found.revision >= least;
			atomic_fetch_add(&world.hits, 1);
		} else if (answer == CACHE_ABSENT) {
			good = told && least == 0;
			atomic_fetch_add(&world.absent, 1);
		}
		atomic_fetch_add(&world.broken, !good);
	}
	return NULL;
}

/* Comes when slots have changed hands since it came last, however slow the machine. The figures are
 * read beside it all, too. */
static void *run_forgetter(void *data)
{
	int64_t evictions = 0;

	(void)data;
	while (!atomic_load(&world.stop)) {
		struct cache_figures now = figures();

		if (now.evictions >= evictions + EVICTIONS) {
			int64_t era = atomic_load(&world.era) + 1;

			atomic_store(&world.era, era);
			cache_forget_all(cache);
			atomic_store(&world.era_told, era);
			evictions = now.evictions;
		}
		atomic_fetch_add(&world.broken, now.entries > now.capacity || now.entries < 0);
		usleep(1000);
	}
	return NULL;
}

/* Until enough has happened, and a while at least. */
static void wait_for_work(void)
{
	usleep(RUN_MS * 1000);
	for (int i = 0; i < 3000; i++) {
		if (atomic_load(&world.hits) > 1000 && atomic_load(&world.era) >= 3) {
			return;
		}
		usleep(10000);
	}
}

static void test_many_threads(void **state)
{
	static void *(*const jobs[])(void *) = {run_teller, run_teller, run_filler, run_filler,
						run_reader, run_reader, run_reader, run_forgetter};
	enum { N = sizeof(jobs) / sizeof(jobs[0]) };
	struct worker workers[N];

	(void)state;
	tear_down(NULL);
	cache = bed_make(MIB / 4 + MIB / 16, 60000);
	assert_in_range(figures().capacity, 100,
			1000); /* so that slots change hands all the time */
	memset(&world, 0, sizeof(world));
	for (int i = 0; i < N; i++) {
		workers[i] = (struct worker){.number = i % TELLERS, .seed = (uint64_t)i * 77 + 1};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, jobs[i], &workers[i]), 0);
	}
	wait_for_work();
	atomic_store(&world.stop, true);
	for (int i = 0; i < N; i++) {
		pthread_join(workers[i].thread, NULL);
	}
	assert_int_equal(world.broken, 0);
	assert_true(world.hits > 1000);
	assert_true(world.era >= 3);
	assert_int_equal(figures().hits, world.hits);
	assert_int_equal(figures().absent_hits, world.absent);
}

/* A record that changes all the time is whole whenever it is found. */
static void *rewrite_one(void *data)
{
	(void)data;
	for (int64_t revision = 2; !atomic_load(&world.stop); revision++) {
		struct hot_bytes bytes = {.len = (uint8_t)(30 + revision % 160)};

		memset(bytes.bytes, (int)(revision & 0x7f), sizeof(bytes.bytes));
		cache_tell(cache, 1, &nothing);
		cache_fill(cache, 1, cache_mark(cache, 1), &bytes);
		memset(bytes.bytes, (int)(revision & 0x7f) + 1, sizeof(bytes.bytes));
		cache_tell(cache, 1, &bytes);
	}
	return NULL;
}

static void test_no_record_is_torn(void **state)
{
	int64_t hits = 0;
	pthread_t thread;

	(void)state;
	memset(&world, 0, sizeof(world));
	assert_int_equal(pthread_create(&thread, NULL, rewrite_one, NULL), 0);
	for (int i = 0; i < 200000 || (hits < 100 && i < 20000000); i++) {
		struct hot_bytes bytes;

		if (i >= 200000 && i % 1000 == 0) {
			usleep(100); /* the other thread waits for a core */
		}
		if (cache_get(cache, 1, &bytes) == CACHE_HIT) {
			hits++;
			for (int at = 1; at < bytes.len; at++) {
				if (bytes.bytes[at] != bytes.bytes[0]) {
					fail_msg("torn at %d", at);
				}
			}
		}
	}
	atomic_store(&world.stop, true);
	pthread_join(thread, NULL);
	assert_true(hits >= 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_threads),
		TEST(no_record_is_torn),
	};

	return cmocka_run_group_tests_name("cache_threads", tests, NULL, NULL);
}
