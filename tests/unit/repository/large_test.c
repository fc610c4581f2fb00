/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long ledgers, full batches, and how long an answer holds.
 * usage: large_test memory|sqlite
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "own_bed.h"

static struct record_item items[BATCH_ITEMS_MAX];
static char ids[BATCH_ITEMS_MAX][16];

static struct repo_bed *open_with(struct repo_bed *bed, size_t ledger_max)
{
	struct mb_err err;

	bed->options.ledger_max = ledger_max;
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	return bed;
}

/* items[i], its key and order id being `letter` and a number. */
static struct record_item *make_item(struct repo_bed *bed, size_t i, int64_t member_id, char letter,
				     int number)
{
	snprintf(ids[i], sizeof(ids[i]), "%c%d", letter, number);
	items[i] = repo_order(bed, member_id, ids[i], BED_NOW - number, 100);
	return &items[i];
}

static enum mb_code send_items(struct repo_bed *bed, size_t n)
{
	struct repository_record req = {.items = items, .n = n};

	return repo_record(bed, &req);
}

static void fill_ledger(struct repo_bed *bed, int64_t member_id, int n)
{
	for (int i = 0; i < n; i++) {
		make_item(bed, (size_t)i, member_id, 'o', i);
	}
	assert_int_equal(send_items(bed, (size_t)n), MB_OK);
}

/* A batch needs the memory of its largest member, not that of all of them. */
static void many_members_of_a_batch_need_the_memory_of_one(void **state)
{
	struct repo_bed *bed = *state;
	struct arena_budget budget;
	int64_t members[40];

	arena_budget_init(&budget, (size_t)1 << 20);
	bed->options.budget = &budget;
	open_with(bed, 0);
	for (int i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "m%d", i);
		members[i] = repo_enroll(bed, name);
		fill_ledger(bed, members[i], 50);
	}
	for (size_t i = 0; i < 80; i++) {
		make_item(bed, i, members[i % 40], 'p', (int)(i / 40));
	}
	assert_int_equal(send_items(bed, 80), MB_OK);
	for (size_t i = 0; i < 80; i++) {
		assert_int_equal(items[i].code, MB_OK);
		assert_int_equal(items[i].revision, 52 + i / 40);
		assert_int_equal(items[i].member->member_id, members[i % 40]);
		assert_int_equal(items[i].member->revision, 53);
	}
	repo_bed_close(bed);
	assert_int_equal(atomic_load(&budget.used), 0);
	bed->options.budget = NULL;
}

/* What is parked is judged against the ledger, but needs no copy of it for each item. */
static void many_parked_ones_of_a_long_ledger_are_taken_in(void **state)
{
	struct repo_bed *bed = open_with(*state, (size_t)2 << 20);
	int64_t ada = repo_enroll(bed, "ada");

	for (int round = 0; round < 2; round++) {
		fill_ledger(bed, ada, 500);
		for (int i = 0; i < BATCH_ITEMS_MAX; i++) {
			struct activity *activity =
				&make_item(bed, (size_t)i, ada, 'c', round * 1000 + i)->activity;

			activity->kind = ACTIVITY_CANCELLATION;
			activity->order_id = STR("unknown");
		}
		assert_int_equal(send_items(bed, BATCH_ITEMS_MAX), MB_OK);
		assert_int_equal(items[BATCH_ITEMS_MAX - 1].code, MB_OK);
		assert_int_equal(items[BATCH_ITEMS_MAX - 1].state, ENTRY_PARKED);
	}
	for (int i = 0; i < 10; i++) {
		make_item(bed, (size_t)i, ada, 'd', i)->activity.kind = ACTIVITY_CANCELLATION;
	}
	make_item(bed, 10, ada, 'e', 1);
	assert_int_equal(send_items(bed, 11), MB_OK);
	assert_int_equal(items[0].code, MB_PARKED_FULL);
	assert_int_equal(items[9].code, MB_PARKED_FULL);
	assert_int_equal(items[10].code, MB_OK);
}

/* A ledger that grew until a write was refused is still read, with all that an answer may hold. */
static void what_a_write_accepted_can_be_read(void **state)
{
	struct repo_bed *bed = open_with(*state, (size_t)256 << 10);
	int64_t ada = repo_enroll(bed, "ada");
	const struct member *member;
	struct mb_err err;
	int accepted = 0;

	for (;;) {
		make_item(bed, 0, ada, 'o', accepted)->activity.order.completed_at =
			BED_NOW + accepted * US_PER_DAY;
		if (send_items(bed, 1) != MB_OK || items[0].code != MB_OK) {
			break;
		}
		accepted++;
		assert_true(accepted < 2000);
		assert_int_equal(
			repo_get(bed, ada, MEMBER_STANDING | MEMBER_SCHEDULE, &member, &err),
			MB_OK);
	}
	assert_true(accepted > MEMBER_SCHEDULE_MAX);
	assert_int_equal(member->revision, 1 + accepted);
	assert_int_equal(member->n_schedule, MEMBER_SCHEDULE_MAX);
	assert_true(member->schedule_truncated);
}

/* An answer with the schedule shows dates of windows and settlements, which move on with the calendar. */
static void an_answer_with_dates_holds_until_the_next_of_them(void **state)
{
	struct repo_bed *bed = open_with(*state, 0);
	int64_t ada = repo_enroll(bed, "ada");
	const struct member *member;
	struct mb_err err;
	unsigned parts = MEMBER_STANDING | MEMBER_SCHEDULE;

	/* nothing is known to change, but the window moves */
	assert_int_equal(repo_get(bed, ada, MEMBER_STANDING, &member, &err), MB_OK);
	assert_int_equal(member->valid_until, 0);
	assert_int_equal(repo_get(bed, ada, parts, &member, &err), MB_OK);
	assert_int_equal(member->valid_until, repo_time("2026-12-01T00:00:00+08:00"));
	make_item(bed, 0, ada, 'o', 1);
	assert_int_equal(send_items(bed, 1), MB_OK);
	assert_int_equal(items[0].member->valid_until, repo_time("2026-12-08T00:00:00+08:00"));
	assert_int_equal(repo_get(bed, ada, parts, &member, &err), MB_OK);
	assert_int_equal(member->valid_until, repo_time("2026-12-01T00:00:00+08:00"));
	assert_int_equal(member->schedule[0].at, repo_time("2026-12-08T00:00:00+08:00"));
	/* a month later it is the settlement's date that moves */
	repo_bed_set_time(bed, "2027-01-02T00:00:00+08:00");
	assert_int_equal(repo_get(bed, ada, parts, &member, &err), MB_OK);
	assert_int_equal(member->valid_until, repo_time("2027-01-08T00:00:00+08:00"));
	assert_true(member->schedule[0].at > member->valid_until);
}

/* 8,000 entries of one millisecond have 21 random bits to be told apart by: some 15 meet, and are drawn
 * again. */
static void ids_that_are_taken_are_drawn_again(void **state)
{
	struct repo_bed *bed = open_with(*state, 0);
	int64_t ada = repo_enroll(bed, "ada");

	for (int round = 0; round < 16; round++) {
		for (int i = 0; i < BATCH_ITEMS_MAX; i++) {
			make_item(bed, (size_t)i, ada, 'o', round * BATCH_ITEMS_MAX + i);
		}
		assert_int_equal(send_items(bed, BATCH_ITEMS_MAX), MB_OK);
		for (int i = 0; i < BATCH_ITEMS_MAX; i++) {
			assert_int_equal(items[i].code, MB_OK);
			assert_int_equal(items[i].entry_id >> 21, items[0].entry_id >> 21);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bed, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(many_members_of_a_batch_need_the_memory_of_one),
		TEST(many_parked_ones_of_a_long_ledger_are_taken_in),
		TEST(ids_that_are_taken_are_drawn_again),
		TEST(what_a_write_accepted_can_be_read),
		TEST(an_answer_with_dates_holds_until_the_next_of_them),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return _cmocka_run_group_tests(backend, tests, sizeof(tests) / sizeof(tests[0]), NULL,
				       NULL);
}
