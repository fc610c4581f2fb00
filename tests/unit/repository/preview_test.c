/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Previews and what is missing to a tier: read jobs that keep nothing, and every way they can fail.
 * usage: preview_test memory|sqlite
 */
#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "own_bed.h"

static enum mb_code preview(struct repo_bed *bed, struct repository_preview *req)
{
	bool called;

	repo_bed_call(bed, &req->record.call, &called);
	repository_preview(bed->repository, req);
	repo_bed_wait(bed, &called);
	return req->record.call.code;
}

static struct repository_preview preview_of(int64_t member_id, struct record_item *items, size_t n)
{
	return (struct repository_preview){.ref = {.member_id = member_id},
					   .record = {.items = items, .n = n}};
}

static const struct member *look(struct repo_bed *bed, int64_t member_id, unsigned parts)
{
	const struct member *member;
	struct mb_err err;

	assert_int_equal(repo_get(bed, member_id, MEMBER_STANDING | parts, &member, &err), MB_OK);
	return member;
}

static void what_is_previewed_is_judged_and_not_kept(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item stored = repo_order(bed, ada, "o1", BED_NOW - US_PER_DAY, 1000000);
	struct record_item items[] = {
		repo_order(bed, ada, "o1", BED_NOW - US_PER_DAY, 1000000),
		repo_order(bed, 0, "o2", BED_NOW - US_PER_DAY, 1000000),
		repo_order(bed, 0, "o2", BED_NOW - US_PER_DAY, 1000000),
		repo_order(bed, 0, "o2", BED_NOW - US_PER_DAY, 7),
	};
	struct repository_preview req = preview_of(ada, items, 4);

	repo_record_one(bed, &stored);
	items[1].ref = items[2].ref = items[3].ref = (struct member_ref){0};
	assert_int_equal(preview(bed, &req), MB_OK);
	assert_true(items[0].replayed);
	assert_true(items[0].entry_id == stored.entry_id && items[0].revision == stored.revision);
	assert_int_equal(items[1].code, MB_OK);
	assert_false(items[1].replayed);
	assert_true(items[1].entry_id < 0 && items[1].revision == 0);
	assert_true(items[2].replayed && items[2].entry_id == items[1].entry_id);
	assert_int_equal(items[3].code, MB_ACTIVITY_CONFLICT);
	assert_int_equal(req.member->standing.score.spend, 2000000);
	assert_int_equal(req.member->revision, 2);
	assert_int_equal(look(bed, ada, 0)->standing.score.spend, 1000000);
	assert_int_equal(look(bed, ada, 0)->revision, 2);
}

static void an_item_of_somebody_else_is_refused(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct record_item item = repo_order(bed, bob, "o1", BED_NOW, 100);
	struct repository_preview req = preview_of(ada, &item, 1);

	assert_int_equal(preview(bed, &req), MB_OK);
	assert_int_equal(item.code, MB_FIELD_INVALID);
	assert_string_equal(item.err.field, "member");
	assert_int_equal(req.member->member_id, ada);
	req = preview_of(4711, &item, 1);
	assert_int_equal(preview(bed, &req), MB_MEMBER_NOT_FOUND);
	req = preview_of(ada, &item, 1);
	req.min_revision = 2;
	assert_int_equal(preview(bed, &req), MB_REVISION_UNKNOWN);
}

static void what_is_missing_is_told_with_the_standing(void **state)
{
	struct repo_bed *bed = *state;
	const struct member *member = look(bed, repo_enroll(bed, "ada"), MEMBER_PROGRESS);

	assert_int_equal(member->progress->next.tier, TIER_SILVER);
	assert_int_equal(member->progress->next.missing, 400);
	assert_int_equal(member->valid_until, member->progress->valid_until);
}

static void a_ledger_too_large_to_look_ahead_is_said(void **state)
{
	struct repo_bed *bed = *state;
	const struct member *member;
	struct mb_err err;
	int64_t ada;

	repo_bed_close(bed);
	bed->options.ledger_max = (size_t)16 << 10;
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	ada = repo_enroll(bed, "ada");
	assert_int_equal(repo_get(bed, ada, MEMBER_STANDING, &member, &err), MB_OK);
	assert_int_equal(repo_get(bed, ada, MEMBER_STANDING | MEMBER_PROGRESS, &member, &err),
			 MB_ARENA_FULL);
}

/* ---- failures ---- */

static enum mb_code ask_anew(struct repo_bed *bed, struct mb_err *err)
{
	struct record_item item = repo_order(bed, 0, "o1", BED_NOW, 1000000);
	struct repository_write enroll = repo_write_of(bed, WRITE_ENROLL, 0, "ada");
	struct repository_preview req = preview_of(0, &item, 1);

	if (repo_bed_open(bed, err) != MB_OK) {
		return err->code;
	}
	if (repo_write(bed, &enroll) != MB_OK) {
		*err = enroll.call.err;
		return err->code;
	}
	item.ref.identity = req.ref.identity = (struct identity){STR("test"), STR("ada")};
	if (preview(bed, &req) != MB_OK) {
		*err = req.record.call.err;
		return err->code;
	}
	*err = item.err;
	return item.code;
}

static void every_failure_on_the_way_is_told(void **state)
{
	(void)state;
	assert_true(torture_beds(ask_anew) > 15);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_previewed_is_judged_and_not_kept),
		TEST(an_item_of_somebody_else_is_refused),
		TEST(what_is_missing_is_told_with_the_standing),
		TEST(a_ledger_too_large_to_look_ahead_is_said),
		cmocka_unit_test(every_failure_on_the_way_is_told),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
