/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activities that name other members, caps after a batch, and the list of what became of each.
 * usage: activities_test memory|sqlite
 */
#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "own_bed.h"

#define ALL_KINDS UINT32_MAX

/* ---- what is told ---- */

static struct record_item item_of(struct repo_bed *bed, int64_t member_id, enum activity_kind kind,
				  const char *id)
{
	return (struct record_item){
		.ref = {.member_id = member_id},
		.activity = {.kind = kind,
			     .source = STR("feed"),
			     .source_event_id = str_from(arena_strdup(bed->arena, id)),
			     .occurred_at = BED_NOW}};
}

static struct record_item vote_of(struct repo_bed *bed, int64_t member_id, const char *id)
{
	struct record_item item = item_of(bed, member_id, ACTIVITY_VOTE, id);

	item.activity.vote.content = item.activity.source_event_id;
	return item;
}

static struct record_item visit_of(struct repo_bed *bed, int64_t member_id, const char *id)
{
	struct record_item item = item_of(bed, member_id, ACTIVITY_VISIT, id);

	item.activity.visit.platform = PLATFORM_FOOD;
	item.activity.visit.store = item.activity.source_event_id;
	return item;
}

/* ---- the list ---- */

static const struct member *list(struct repo_bed *bed, int64_t member_id, uint32_t kinds,
				 size_t first, size_t most)
{
	struct member_query query = {.ref = {.member_id = member_id}};
	struct repository_read req = {.queries = &query,
				      .n = 1,
				      .parts = MEMBER_STANDING | MEMBER_ACTIVITIES,
				      .kinds = kinds,
				      .activities_first = first,
				      .activities_most = most};

	assert_int_equal(repo_read(bed, &req), MB_OK);
	assert_int_equal(query.code, MB_OK);
	return query.member;
}

static void who_is_named_by_an_identity_is_the_same(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct record_item by_id = vote_of(bed, ada, "v"), by_identity = by_id;
	const struct member *member;

	by_id.named.member_id = bob;
	by_identity.named.identity = (struct identity){STR("test"), STR("bob")};
	repo_record_one(bed, &by_id);
	repo_record_one(bed, &by_identity);
	assert_true(!by_id.replayed && by_identity.replayed);
	assert_int_equal(by_identity.entry_id, by_id.entry_id);
	member = list(bed, ada, ALL_KINDS, 0, 9);
	assert_int_equal(member->n_activities, 1);
	assert_int_equal(member->activities[0].entry.activity.vote.by, bob);
	assert_int_equal(member->activities[0].counted.counted, 1000000);
}

static void who_is_not_known_leaves_no_trace(void **state)
{
	static const struct {
		enum activity_kind kind;
		const char *field;
	} cases[] = {{ACTIVITY_VOTE, "vote.by"},
		     {ACTIVITY_ANSWER, "answer.asker"},
		     {ACTIVITY_OPENING, "opening.by"}};
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record_item items[2] = {item_of(bed, ada, cases[i].kind, "x"),
					       visit_of(bed, ada, cases[i].field)};
		struct repository_record req = {.items = items, .n = 2};

		items[0].named.member_id = 4711;
		assert_int_equal(repo_record(bed, &req), MB_OK);
		assert_int_equal(items[0].code, MB_MEMBER_NOT_FOUND);
		assert_string_equal(items[0].err.field, cases[i].field);
		assert_int_equal(items[1].code, MB_OK);
		assert_int_equal(list(bed, ada, ALL_KINDS, 0, 99)->n_activities, i + 1);
	}
}

/* 0.2 points a visit, at most 1 a day. */
static void caps_are_those_after_the_whole_batch(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item items[6];
	struct repository_record req = {.items = items, .n = 5};

	for (int i = 0; i < 6; i++) {
		char id[8];

		snprintf(id, sizeof(id), "v%d", i);
		items[i] = visit_of(bed, ada, id);
	}
	req.n = 4;
	assert_int_equal(repo_record(bed, &req), MB_OK);
	assert_int_equal(items[3].caps, 0);
	req.items = items + 4;
	req.n = 2;
	assert_int_equal(repo_record(bed, &req), MB_OK);
	assert_int_equal(items[4].caps, CAP_DAY);
	assert_int_equal(items[5].caps, CAP_DAY);
	req.items = items;
	req.n = 1;
	items[0].code = MB_OK;
	assert_int_equal(repo_record(bed, &req), MB_OK); /* a replay tells the caps of now */
	assert_true(items[0].replayed && items[0].caps == CAP_DAY);
}

static void the_list_goes_backwards_page_by_page(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item order = repo_order(bed, ada, "o", BED_NOW - 9, 1000);
	const struct member *member;

	for (int i = 0; i < 5; i++) {
		struct record_item visit;
		char id[8];

		snprintf(id, sizeof(id), "v%d", i);
		visit = visit_of(bed, ada, id);
		visit.activity.occurred_at += i == 2 ? -1 : 0; /* older than the others */
		repo_record_one(bed, &visit);
	}
	repo_record_one(bed, &order);
	member = list(bed, ada, ALL_KINDS, 0, 4);
	assert_int_equal(member->n_activities, 4);
	assert_true(member->activities_go_on);
	assert_true(str_eq(member->activities[0].entry.activity.source_event_id, STR("v4")));
	assert_true(str_eq(member->activities[3].entry.activity.source_event_id, STR("v0")));
	member = list(bed, ada, ALL_KINDS, 4, 4);
	assert_int_equal(member->n_activities, 2);
	assert_false(member->activities_go_on);
	assert_true(str_eq(member->activities[0].entry.activity.source_event_id, STR("v2")));
	assert_true(str_eq(member->activities[1].entry.activity.source_event_id, STR("o")));
	assert_int_equal(member->activities[1].entry.activity.order.lines[0].amount, 1000);
	assert_int_equal(member->activities[1].counted.spend, 1000);
	member = list(bed, ada, 1 << ACTIVITY_ORDER, 0, 4);
	assert_int_equal(member->n_activities, 1);
	assert_false(member->activities_go_on);
	assert_int_equal(list(bed, ada, ALL_KINDS, 99, 4)->n_activities, 0);
	assert_int_equal(list(bed, ada, 1 << ACTIVITY_LINK, 0, 4)->n_activities, 0);
}

static enum mb_code list_with(struct repo_bed *bed, int64_t member_id, struct arena *arena,
			      struct mb_err *err)
{
	struct member_query query = {.ref = {.member_id = member_id}};
	struct repository_read req = {.queries = &query,
				      .n = 1,
				      .parts = MEMBER_STANDING | MEMBER_ACTIVITIES,
				      .kinds = ALL_KINDS,
				      .activities_most = 9};
	bool called = false;

	repo_bed_call(bed, &req.call, &called);
	req.call.arena = arena;
	repository_read(bed->repository, &req);
	repo_bed_wait(bed, &called);
	*err = req.call.code != MB_OK ? req.call.err : query.err;
	return req.call.code != MB_OK ? req.call.code : query.code;
}

/* Whatever room there is, the answer is whole or an error. */
static void memory_that_runs_out_is_told(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item visit = visit_of(bed, ada, "v");
	enum mb_code code = MB_ARENA_FULL;
	struct mb_err err;
	size_t room = 0;

	repo_record_one(bed, &visit);
	for (; code != MB_OK && room < (size_t)64 << 10; room += 512) {
		struct arena *arena = arena_create(NULL, room + 64);

		assert_non_null(arena);
		code = list_with(bed, ada, arena, &err);
		assert_true(code == MB_OK || code == MB_ARENA_FULL);
		arena_destroy(arena);
	}
	assert_int_equal(code, MB_OK);
	assert_true(room > 1024);
}

struct torn {
	struct repo_bed *bed;
	int64_t member_id;
};

static enum mb_code list_anew(void *data, struct mb_err *err)
{
	struct torn *torn = data;
	struct arena *arena = arena_create(NULL, 0);
	enum mb_code code = list_with(torn->bed, torn->member_id, arena, err);

	arena_destroy(arena);
	return code;
}

static void every_failure_of_listing_is_told(void **state)
{
	struct repo_bed *bed = *state;
	struct torn torn = {bed, repo_enroll(bed, "ada")};
	struct record_item visit = visit_of(bed, torn.member_id, "v");

	repo_record_one(bed, &visit);
	assert_true(TORTURE(list_anew, &torn) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_named_by_an_identity_is_the_same),
		TEST(who_is_not_known_leaves_no_trace),
		TEST(caps_are_those_after_the_whole_batch),
		TEST(the_list_goes_backwards_page_by_page),
		TEST(memory_that_runs_out_is_told),
		TEST(every_failure_of_listing_is_told),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: %s memory|sqlite\n", argv[0]);
		return 2;
	}
	backend = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
