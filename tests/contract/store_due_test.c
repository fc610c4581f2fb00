/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every backend keeps for those who walk the store: members in their order, who is due, the ends
 * of the outbox, chains of decisions, checkpoints: store_due_test memory|sqlite.
 */
#include "rows.h"

#include "domain/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "one_bed.h"

/* ---- members in their order ---- */

#define MEMBERS 100

static enum mb_code put_many(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	(void)job;
	for (int64_t id = 1; id <= MEMBERS; id++) {
		struct member_row row = {.member_id = id, .revision = id, .profile = STR("p")};

		OK(store_put_member(view, &row, err));
	}
	OK(store_put_member(view, &(struct member_row){.member_id = INT64_MAX}, err));
	return MB_OK;
}

static enum mb_code walk_members(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct member_row *rows, last = {0};
	int64_t sum = 0;
	size_t n, pages = 0, seen = 0;

	(void)job;
	do {
		OK(store_list_members(view, last.member_id, 7, arena, &rows, &n, err));
		for (size_t i = 0; i < n; i++) {
			CHECK(last.member_id == 0 ||
			      vb_of(rows[i].member_id) > vb_of(last.member_id) ||
			      (vb_of(rows[i].member_id) == vb_of(last.member_id) &&
			       rows[i].member_id > last.member_id));
			last = rows[i];
			seen++;
			if (last.member_id != INT64_MAX) {
				CHECK(last.revision == last.member_id);
				CHECK(str_eq(last.profile, STR("p")));
				sum += last.member_id;
			}
		}
		pages++;
	} while (n > 0);
	CHECK(seen == MEMBERS + 1 && sum == MEMBERS * (MEMBERS + 1) / 2 && pages == 16);
	OK(store_list_members(view, 0, 0, arena, &rows, &n, err));
	CHECK(n == 0);
	/* after one whom nobody knows, too */
	OK(store_list_members(view, MEMBERS + 1, SIZE_MAX, arena, &rows, &n, err));
	for (size_t i = 0; i < n; i++) {
		CHECK(vb_of(rows[i].member_id) >= vb_of(MEMBERS + 1));
	}
	OK(store_list_members(view, INT64_MAX, SIZE_MAX, arena, &rows, &n, err));
	for (size_t i = 0; i < n; i++) {
		CHECK(vb_of(rows[i].member_id) > vb_of(INT64_MAX));
	}
	return MB_OK;
}

static void members_are_walked_in_pages(void **state)
{
	(void)state;
	run_ok(STORE_WRITE, put_many, NULL);
	run_ok(STORE_READ, walk_members, NULL);
}

/* ---- who is due ---- */

/* Three ids of one bucket. */
static void find_same_bucket(int64_t out[3])
{
	int n = 1;

	out[0] = 1;
	for (int64_t id = 2; n < 3; id++) {
		if (vb_of(id) == vb_of(1)) {
			out[n++] = id;
		}
	}
}

static enum mb_code put_due(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	const int64_t *ids = bed_data(job);

	for (int i = 0; i < 3; i++) {
		struct member_row row = {.member_id = ids[i], .due_at = 5};

		OK(store_put_member(view, &row, err));
		row.due_at = 100 - i * 10;
		OK(store_put_member(view, &row, err));
	}
	/* another bucket's, and one who is not due */
	OK(store_put_member(view, &(struct member_row){.member_id = 2, .due_at = 1}, err));
	OK(store_put_member(view, &(struct member_row){.member_id = 3}, err));
	return MB_OK;
}

static enum mb_code see_due(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	const int64_t *ids = bed_data(job);
	struct member_row member;
	struct due_row *rows;
	int32_t vb = vb_of(ids[0]);
	bool found;
	size_t n;

	OK(store_list_due(view, vb, 100, SIZE_MAX, arena, &rows, &n, err));
	CHECK(n == 3 && rows[0].member_id == ids[2] && rows[0].due_at == 80);
	CHECK(rows[1].member_id == ids[1] && rows[1].due_at == 90);
	CHECK(rows[2].member_id == ids[0] && rows[2].due_at == 100);
	OK(store_list_due(view, vb, 99, SIZE_MAX, arena, &rows, &n, err));
	CHECK(n == 2);
	OK(store_list_due(view, vb, INT64_MAX, 1, arena, &rows, &n, err));
	CHECK(n == 1 && rows[0].member_id == ids[2]);
	OK(store_list_due(view, vb, 79, 10, arena, &rows, &n, err));
	CHECK(n == 0);
	OK(store_list_due(view, vb_of(2), 100, 10, arena, &rows, &n, err));
	CHECK(n == 1 && rows[0].member_id == 2);
	OK(store_list_due(view, vb_of(3), INT64_MAX, 10, arena, &rows, &n, err));
	CHECK(n == 0);
	OK(store_get_member(view, ids[1], arena, &member, &found, err));
	CHECK(found && member.due_at == 90);
	return MB_OK;
}

static enum mb_code move_due(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	const int64_t *ids = bed_data(job);
	struct due_row *rows;
	size_t n;

	OK(store_put_member(view, &(struct member_row){.member_id = ids[0]}, err));
	OK(store_put_member(view, &(struct member_row){.member_id = ids[1], .due_at = 70}, err));
	OK(store_list_due(view, vb_of(ids[0]), INT64_MAX, 10, arena, &rows, &n, err));
	CHECK(n == 2 && rows[0].member_id == ids[1] && rows[1].member_id == ids[2]);
	return MB_OK;
}

static void who_is_due_is_found_by_bucket_and_time(void **state)
{
	int64_t ids[3];

	(void)state;
	find_same_bucket(ids);
	run_ok(STORE_WRITE, put_due, ids);
	run_ok(STORE_READ, see_due, ids);
	run_ok(STORE_WRITE, move_due, ids);
}

/* ---- the ends of the outbox ---- */

struct bounds {
	int64_t first, last;
};

static enum mb_code ask_bounds(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct bounds *bounds = bed_data(job);

	return store_bound_outbox(view, &bounds->first, &bounds->last, err);
}

static void expect_bounds(int64_t first, int64_t last)
{
	struct bounds bounds = {-1, -1};

	run_ok(STORE_READ, ask_bounds, &bounds);
	assert_true(bounds.first == first);
	assert_true(bounds.last == last);
}

static enum mb_code add_outbox(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	(void)job;
	return store_add_outbox(view, &(struct outbox_row){.member_id = 7}, err);
}

static enum mb_code prune_outbox(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	size_t deleted, most = *(const size_t *)bed_data(job);

	OK(store_prune(view, 0, INT64_MAX, most, &deleted, err));
	CHECK(deleted == most);
	return MB_OK;
}

static void the_outbox_tells_its_ends(void **state)
{
	size_t two = 2, one = 1;

	(void)state;
	expect_bounds(1, 0);
	for (int i = 0; i < 3; i++) {
		run_ok(STORE_WRITE, add_outbox, NULL);
	}
	expect_bounds(1, 3);
	run_ok(STORE_WRITE, prune_outbox, &two);
	expect_bounds(3, 3);
	run_ok(STORE_WRITE, prune_outbox, &one);
	expect_bounds(4, 3);
	if (strcmp(backend, "memory") != 0) {
		struct mb_err err;

		store_bed_close(&bed);
		assert_int_equal(store_bed_open(&bed, &err), MB_OK);
		expect_bounds(4, 3);
	}
	run_ok(STORE_WRITE, add_outbox, NULL);
	expect_bounds(4, 4);
}

static enum mb_code add_outbox_and_fail(struct store_job *job, struct store_view *view,
					struct mb_err *err)
{
	OK(add_outbox(job, view, err));
	return mb_fail(err, MB_FIELD_INVALID, "it is taken back");
}

static int64_t last_number_of(store_run_fn *run, enum mb_code expected)
{
	struct bed_job job;

	bed_job_init(&job, STORE_WRITE, run, NULL);
	store_submit(bed.store, &job.job);
	store_bed_wait(&bed, &job);
	assert_int_equal(job.job.code, expected);
	return job.job.outbox_seq;
}

static enum mb_code add_two(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	OK(add_outbox(job, view, err));
	OK(store_add_history(view, &(struct history_row){.member_id = 7}, &(int64_t){0}, err));
	OK(add_outbox(job, view, err));
	return store_put_member(view, &(struct member_row){.member_id = 7}, err);
}

static void a_write_tells_its_last_outbox_number(void **state)
{
	(void)state;
	assert_true(last_number_of(add_outbox, MB_OK) == 1);
	assert_true(last_number_of(add_two, MB_OK) == 3);
	assert_true(last_number_of(put_many, MB_OK) == 0);
	assert_true(last_number_of(add_outbox_and_fail, MB_FIELD_INVALID) == 0);
}

/* ---- decisions ---- */

static struct audit_row audit_of(int64_t member_id, int64_t seq)
{
	return (struct audit_row){.vb = 77,
				  .seq = seq,
				  .member_id = member_id,
				  .known_at = 1,
				  .actor = STR("support:anna"),
				  .action = STR("override"),
				  .detail = STR("\xe7\x90\x86\xe7\x94\xb1"),
				  .prev = HASH("p"),
				  .hash = HASH("h")};
}

static enum mb_code add_audit(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct audit_row row;

	(void)job;
	for (int64_t seq = 1; seq <= 3; seq++) {
		row = audit_of(7, seq);
		OK(store_add_audit(view, &row, err));
	}
	CHECK(store_add_audit(view, &row, err) == MB_INTERNAL);
	row = audit_of(0, 1); /* of the programme */
	row.detail = STR("");
	OK(store_add_audit(view, &row, err));
	row = audit_of(INT64_MAX, 1);
	OK(store_add_audit(view, &row, err));
	return MB_OK;
}

static enum mb_code see_audit(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct audit_row row = {.seq = -1}, *rows;
	bool found = true;
	size_t n;

	(void)job;
	OK(store_last_audit(view, vb_of(8), arena, &row, &found, err));
	CHECK(!found && row.seq == -1);
	OK(store_last_audit(view, vb_of(7), arena, &row, &found, err));
	CHECK(found && row.vb == vb_of(7) && row.seq == 3 && row.member_id == 7);
	CHECK(row.known_at == BED_NOW && str_eq(row.actor, STR("support:anna")));
	CHECK(str_eq(row.action, STR("override")));
	CHECK(str_eq(row.detail, STR("\xe7\x90\x86\xe7\x94\xb1")));
	CHECK(str_eq(row.prev, HASH("p")) && str_eq(row.hash, HASH("h")));
	OK(store_last_audit(view, vb_of(0), arena, &row, &found, err));
	CHECK(found && row.member_id == 0 && row.seq == 1 && row.detail.len == 0);
	OK(store_list_audit(view, 0, 0, SIZE_MAX, arena, &rows, &n, err));
	CHECK(n == 5);
	for (size_t i = 1; i < n; i++) {
		CHECK(rows[i].vb > rows[i - 1].vb ||
		      (rows[i].vb == rows[i - 1].vb && rows[i].seq == rows[i - 1].seq + 1));
	}
	OK(store_list_audit(view, vb_of(7), 1, 1, arena, &rows, &n, err));
	CHECK(n == 1 && rows[0].member_id == 7 && rows[0].seq == 2);
	OK(store_list_audit(view, VB_COUNT, 0, 10, arena, &rows, &n, err));
	CHECK(n == 0);
	return MB_OK;
}

static void decisions_are_chains_of_a_bucket(void **state)
{
	(void)state;
	run_ok(STORE_WRITE, add_audit, NULL);
	run_ok(STORE_READ, see_audit, NULL);
}

/* ---- checkpoints ---- */

static enum mb_code use_checkpoints(struct store_job *job, struct store_view *view,
				    struct mb_err *err)
{
	struct checkpoint_row row = {.member_id = 7, .revision = 3, .bytes = BYTES("a\0b")}, seen;
	bool found = true;

	(void)job;
	OK(store_get_checkpoint(view, 7, arena, &seen, &found, err));
	CHECK(!found);
	OK(store_delete_checkpoint(view, 7, err));
	OK(store_put_checkpoint(view, &row, err));
	row.revision = 4;
	OK(store_put_checkpoint(view, &row, err));
	row.member_id = 8;
	row.bytes = (struct str){NULL, 0};
	OK(store_put_checkpoint(view, &row, err));
	OK(store_get_checkpoint(view, 7, arena, &seen, &found, err));
	CHECK(found && seen.member_id == 7 && seen.revision == 4);
	CHECK(str_eq(seen.bytes, BYTES("a\0b")));
	OK(store_delete_checkpoint(view, 7, err));
	OK(store_get_checkpoint(view, 7, arena, &seen, &found, err));
	CHECK(!found);
	OK(store_get_checkpoint(view, 8, arena, &seen, &found, err));
	CHECK(found && seen.bytes.len == 0);
	return MB_OK;
}

static void a_checkpoint_is_kept_until_it_is_not(void **state)
{
	(void)state;
	run_ok(STORE_WRITE, use_checkpoints, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(members_are_walked_in_pages),
		TEST(who_is_due_is_found_by_bucket_and_time),
		TEST(the_outbox_tells_its_ends),
		TEST(a_write_tells_its_last_outbox_number),
		TEST(decisions_are_chains_of_a_bucket),
		TEST(a_checkpoint_is_kept_until_it_is_not),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
