/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions: entries of the service's own, once per request_id, in both ledgers or in none.
 * usage: decide_test memory|sqlite
 */
#include "base/fault.h"
#include "repository/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "own_bed.h"

/* "entry/state/revision", of both sides of a link */
static enum mb_code answer(const struct repository_decision *req, const struct decided *decided,
			   struct str *out, struct mb_err *err)
{
	char *text = arena_printf(
		req->call.arena, "%s %d %lld %lld", decided[0].entry_id != 0 ? "new" : "so",
		(int)decided[0].state, (long long)decided[0].member->revision,
		decided[1].member != NULL ? (long long)decided[1].member->revision : 0);

	if (text == NULL) {
		return arena_fail(req->call.arena, err);
	}
	*out = str_from(text);
	return MB_OK;
}

static struct repository_decision decision_of(struct repo_bed *bed, enum activity_kind kind,
					      int64_t member_id)
{
	return (struct repository_decision){
		.request_id = str_from(arena_printf(bed->arena, "00000000-0000-4000-9000-%012d",
						    ++bed->next_request)),
		.method = STR("test"),
		.ref = {.member_id = member_id},
		.activity = {.kind = kind, .reason = STR("case 81")},
		.answer = answer};
}

static enum mb_code decide(struct repo_bed *bed, struct repository_decision *req)
{
	bool called;

	repo_bed_call(bed, &req->call, &called);
	repository_decide(bed->repository, req);
	repo_bed_wait(bed, &called);
	return req->call.code;
}

static const struct member *member_of(struct repo_bed *bed, int64_t member_id)
{
	const struct member *member = NULL;
	struct mb_err err;

	assert_int_equal(repo_get(bed, member_id, MEMBER_STANDING, &member, &err), MB_OK);
	return member;
}

static void assert_answered(const struct repository_decision *req, const char *text)
{
	char got[64];

	snprintf(got, sizeof(got), "%.*s", STR_ARG(req->answered));
	assert_string_equal(got, text);
}

static void a_suspension_shows_in_the_row_and_in_the_fold(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct repository_decision suspend = decision_of(bed, ACTIVITY_SUSPENSION, ada);
	struct repository_decision again = decision_of(bed, ACTIVITY_SUSPENSION, ada);
	struct repository_decision resume = decision_of(bed, ACTIVITY_SUSPENSION, ada);

	suspend.activity.suspension.suspended = again.activity.suspension.suspended = true;
	assert_int_equal(decide(bed, &suspend), MB_OK);
	assert_answered(&suspend, "new 7 2 0");
	assert_int_equal(member_of(bed, ada)->state, MEMBER_SUSPENDED);
	assert_true(member_of(bed, ada)->standing.suspended);
	assert_int_equal(decide(bed, &again), MB_OK);
	assert_answered(&again, "so 0 2 0");
	assert_int_equal(decide(bed, &resume), MB_OK);
	assert_int_equal(member_of(bed, ada)->state, MEMBER_ACTIVE);
	assert_false(member_of(bed, ada)->standing.suspended);
}

static void a_link_is_in_both_ledgers(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct repository_decision link = decision_of(bed, ACTIVITY_LINK, ada), again = link;
	struct repository_decision back = decision_of(bed, ACTIVITY_LINK, bob);
	struct repository_decision self = decision_of(bed, ACTIVITY_LINK, ada);
	struct repository_decision unknown = decision_of(bed, ACTIVITY_LINK, ada);

	link.activity.link.linked = back.activity.link.linked = true;
	link.other.member_id = bob;
	back.other.member_id = ada;
	self.other.identity = (struct identity){STR("test"), STR("ada")};
	unknown.other.member_id = 4711;
	assert_int_equal(decide(bed, &self), MB_FIELD_INVALID);
	assert_string_equal(self.call.err.field, "other");
	assert_int_equal(decide(bed, &unknown), MB_MEMBER_NOT_FOUND);
	assert_int_equal(decide(bed, &link), MB_OK);
	assert_answered(&link, "new 7 2 2");
	assert_int_equal(decide(bed, &back), MB_OK); /* from the other side it is the same */
	assert_answered(&back, "so 0 2 2");
	again.activity.link.linked = false;
	again.other.member_id = bob;
	assert_int_equal(decide(bed, &again), MB_REQUEST_ID_REUSED);
	assert_int_equal(member_of(bed, bob)->revision, 2);
}

static void who_is_bound_to_one_member_decides_about_nobody_else(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct repository_decision link = decision_of(bed, ACTIVITY_LINK, ada);

	link.activity.link.linked = true;
	link.other.member_id = bob;
	link.call.only_member = ada;
	assert_int_equal(decide(bed, &link), MB_PERMISSION_MISSING);
	assert_int_equal(member_of(bed, ada)->revision, 1);
}

/* An order is reversed by what is left of it, once. */
static void an_order_is_reversed_whole(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item order = repo_order(bed, ada, "o1", BED_NOW - 1, 100000);
	struct repository_decision reverse = decision_of(bed, ACTIVITY_UNDO, ada);
	struct repository_decision again = decision_of(bed, ACTIVITY_UNDO, ada);
	struct repository_decision nothing = decision_of(bed, ACTIVITY_VOID, ada);

	repo_record_one(bed, &order);
	reverse.activity.about_source = order.activity.source;
	reverse.activity.about_event_id = order.activity.source_event_id;
	again.activity.about_source = order.activity.source;
	again.activity.about_event_id = order.activity.source_event_id;
	nothing.activity.about_source = order.activity.source;
	nothing.activity.about_event_id = STR("another");
	assert_int_equal(decide(bed, &nothing), MB_ACTIVITY_NOT_FOUND);
	assert_int_equal(decide(bed, &reverse), MB_OK);
	assert_answered(&reverse, "new 7 3 0");
	assert_int_equal(member_of(bed, ada)->standing.score.spend, 0);
	assert_int_equal(decide(bed, &again), MB_REFUND_OVER_REMAINDER);
}

/* ---- everything that can fail ---- */

static enum mb_code link_and_look(struct repo_bed *bed, struct mb_err *err)
{
	struct repository_write ada = repo_write_of(bed, WRITE_ENROLL, 0, "ada");
	struct repository_write bob = repo_write_of(bed, WRITE_ENROLL, 0, "bob");
	struct repository_decision link = decision_of(bed, ACTIVITY_LINK, 0);
	struct member_query queries[] = {{.ref.identity = {STR("test"), STR("ada")}},
					 {.ref.identity = {STR("test"), STR("bob")}}};
	struct repository_read read = {.queries = queries, .n = 2, .parts = MEMBER_STANDING};
	enum mb_code code;

	if (repo_bed_open(bed, err) != MB_OK) {
		return err->code;
	}
	if (repo_write(bed, &ada) != MB_OK || repo_write(bed, &bob) != MB_OK) {
		*err = ada.call.code != MB_OK ? ada.call.err : bob.call.err;
		return err->code;
	}
	link.activity.link.linked = true;
	link.ref = queries[0].ref;
	link.other = queries[1].ref;
	code = decide(bed, &link);
	if (repo_read(bed, &read) != MB_OK) {
		*err = read.call.err;
		return err->code;
	}
	for (size_t i = 0; i < 2; i++) {
		if (queries[i].code != MB_OK) {
			*err = queries[i].err;
			return err->code;
		}
		/* both or none, whatever was told */
		assert_int_equal(queries[i].member->revision, code == MB_OK ? 2 : 1);
	}
	*err = link.call.err;
	return code;
}

static void every_failure_on_the_way_is_told(void **state)
{
	(void)state;
	assert_true(torture_beds(link_and_look) > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_suspension_shows_in_the_row_and_in_the_fold),
		TEST(a_link_is_in_both_ledgers),
		TEST(who_is_bound_to_one_member_decides_about_nobody_else),
		TEST(an_order_is_reversed_whole),
		cmocka_unit_test(every_failure_on_the_way_is_told),
	};

	return run_group(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
