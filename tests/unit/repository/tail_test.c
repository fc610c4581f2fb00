/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following what becomes known: looks, waits, places that are kept no longer: tail_test memory|sqlite.
 */
#include "repo_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *backend;
static struct repo_bed bed;

static int set_up(void **state)
{
	struct mb_err err;

	(void)state;
	repo_bed_init(&bed, backend);
	bed.options.prune_every_ms = 1;
	bed.options.idle_ms = 5;
	return repo_bed_open(&bed, &err) == MB_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	repo_bed_fini(&bed);
	return 0;
}

#define MOST 4

static struct member_event events[MOST];

static struct repository_watch watch(int64_t after)
{
	struct repository_watch req = {
		.after = after, .kinds = UINT32_MAX, .events = events, .most = MOST};
	bool called;

	repo_bed_call(&bed, &req.call, &called);
	repository_watch(bed.repository, &req);
	repo_bed_wait(&bed, &called);
	return req;
}

static int64_t tell(const char *name)
{
	int64_t member_id = repo_enroll(&bed, name);
	struct record_item item = repo_order(&bed, member_id, name, BED_NOW, 1000000);

	repo_record_one(&bed, &item);
	return member_id;
}

static void a_look_goes_on_where_the_last_one_ended(void **state)
{
	int64_t ada, eve, at;
	struct repository_watch req = watch(-1);

	(void)state;
	assert_int_equal(req.call.code, MB_OK);
	assert_int_equal(req.n, 0);
	at = req.upto;
	ada = tell("ada");
	eve = tell("eve");
	req = watch(at);
	assert_int_equal(req.n, 2);
	assert_false(req.goes_on);
	assert_int_equal(events[0].member_id, ada);
	assert_int_equal(events[0].transition.transition.kind, TRANSITION_UPGRADE);
	assert_int_equal(events[1].member_id, eve);
	for (int i = 0; i < 4; i++) {
		char name[8];

		snprintf(name, sizeof(name), "m%d", i);
		tell(name);
	}
	req = watch(at);
	assert_int_equal(req.n, MOST);
	assert_true(req.goes_on);
	req = watch(req.upto);
	assert_int_equal(req.n, 2);
	req = watch(req.upto);
	assert_int_equal(req.n, 0);
}

static void what_is_pruned_is_told(void **state)
{
	int64_t at = watch(-1).upto;
	struct repository_watch req;

	(void)state;
	tell("ada");
	clock_set(&bed.store.clock, BED_NOW + 8 * US_PER_DAY);
	do {
		uv_run(&bed.store.loop, UV_RUN_ONCE);
		req = watch(at);
	} while (req.call.code == MB_OK);
	assert_int_equal(req.call.code, MB_CURSOR_TOO_OLD);
	assert_non_null(strstr(req.call.err.text, "ListMembers"));
	req = watch(-1);
	assert_int_equal(watch(req.upto).call.code, MB_OK);
	assert_int_equal(watch(req.upto + 1).call.code, MB_CURSOR_TOO_OLD);
}

struct waiter {
	struct repository_wait wait;
	int called, idle;
};

static void count_call(struct repository_wait *wait, bool idle)
{
	struct waiter *waiter = (struct waiter *)wait;

	waiter->called++;
	waiter->idle += idle;
}

static void who_waits_is_woken_once(void **state)
{
	struct waiter waiter = {.wait.cb = count_call};
	uint64_t commits = repository_commits(bed.repository);

	(void)state;
	repo_enroll(&bed, "ada");
	assert_false(repository_wait(bed.repository, &waiter.wait, commits));
	assert_false(repository_unwait(bed.repository, &waiter.wait));
	commits = repository_commits(bed.repository);
	assert_true(repository_wait(bed.repository, &waiter.wait, commits));
	assert_true(repository_unwait(bed.repository, &waiter.wait));
	while (!repository_wait(bed.repository, &waiter.wait, commits)) {
		commits = repository_commits(bed.repository);
	}
	while (waiter.called == 0) {
		uv_run(&bed.store.loop, UV_RUN_ONCE);
	}
	repo_enroll(&bed, "eve");
	assert_int_equal(waiter.called, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_look_goes_on_where_the_last_one_ended),
		TEST(what_is_pruned_is_told),
		TEST(who_waits_is_woken_once),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
