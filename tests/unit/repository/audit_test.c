/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit trail: chains, their hashes, pages of them.
 * usage: audit_test memory|sqlite
 */
#include "repo_bed.h"
#include "repository/audit.h"
#include "repository/inner.h"

#include "base/fault.h"
#include "domain/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *backend;
static struct repo_bed bed;
static struct mb_err err;

static int set_up(void **state)
{
	(void)state;
	repo_bed_init(&bed, backend);
	assert_int_equal(repo_bed_open(&bed, &err), MB_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fault_disarm();
	repo_bed_fini(&bed);
	return 0;
}

/* ---- one job that writes notes ---- */

struct noting {
	struct repository_call call;
	const struct audit_note *notes;
	size_t n;
};

static enum mb_code run_noting(struct store_job *job, struct store_view *view,
			       struct mb_err *failed)
{
	struct noting *noting = (struct noting *)CALL_OF_JOB(job);
	enum mb_code code = MB_OK;

	for (size_t i = 0; code == MB_OK && i < noting->n; i++) {
		code = audit_append(view, &noting->notes[i], failed);
	}
	return code;
}

static enum mb_code note(const struct audit_note *notes, size_t n)
{
	struct noting noting = {.notes = notes, .n = n};
	bool called;

	repo_bed_call(&bed, &noting.call, &called);
	repository_submit(bed.repository, &noting.call, STORE_WRITE, run_noting);
	repo_bed_wait(&bed, &called);
	return noting.call.code;
}

static enum mb_code list(struct repository_audit *req)
{
	bool called;

	req->call = (struct repository_call){0};
	repo_bed_call(&bed, &req->call, &called);
	repository_audit(bed.repository, req);
	repo_bed_wait(&bed, &called);
	return req->call.code;
}

static struct str hex_of(struct str bytes)
{
	char *out = arena_alloc(bed.arena, 2 * bytes.len + 1);

	for (size_t i = 0; i < bytes.len; i++) {
		snprintf(out + 2 * i, 3, "%02x", (unsigned char)bytes.ptr[i]);
	}
	return str_from(out);
}

#define ZEROS  "0000000000000000000000000000000000000000000000000000000000000000"
#define HASH_1 "b90dc7a2e50a003ae812bed90d58ab92b7e625c07e43081333c68fb8fa1eab85"
#define HASH_2 "f95c8cb18180977f942898368528bdf2f80d5a9e13e741fe7a63b07b897f0c23"

/* ---- tests ---- */

static void a_store_begins_with_who_took_its_first_policy(void **state)
{
	struct repository_audit all = {.most = 10};

	(void)state;
	assert_int_equal(list(&all), MB_OK);
	assert_int_equal(all.n, 1);
	assert_false(all.goes_on);
	assert_int_equal(all.rows[0].vb, vb_of(0));
	assert_int_equal(all.rows[0].seq, 1);
	assert_int_equal(all.rows[0].member_id, 0);
	assert_true(str_eq(all.rows[0].actor, STR("memberd:default-policy")));
	assert_true(str_eq(all.rows[0].action, STR("policy.publish")));
	assert_true(str_eq(hex_of(all.rows[0].prev), STR(ZEROS)));
}

/* The one of docs/audit.md, and what anybody computes from the fields. */
static void a_hash_is_what_the_docs_say(void **state)
{
	const struct audit_note notes[] = {
		{4711, STR("support:anna"), STR("score.credibility"), STR("-1000 bp: bot")},
		{4711, STR("support:anna"), STR("score.credibility"), {NULL, 0}},
	};
	struct repository_audit of = {.vb = vb_of(4711) - 1, .seq = INT64_MAX - 1, .most = 10};

	(void)state;
	repo_bed_set_time(&bed, "2026-11-22T00:00:00Z");
	assert_int_equal(note(notes, 2), MB_OK);
	assert_int_equal(list(&of), MB_OK);
	assert_true(of.n >= 2);
	assert_int_equal(of.rows[0].known_at, repo_time("2026-11-22T00:00:00Z"));
	assert_true(str_eq(hex_of(of.rows[0].prev), STR(ZEROS)));
	assert_string_equal(hex_of(of.rows[0].hash).ptr, HASH_1);
	assert_true(str_eq(of.rows[1].prev, of.rows[0].hash));
	assert_int_equal(of.rows[1].seq, 2);
	assert_string_equal(hex_of(of.rows[1].hash).ptr, HASH_2);
}

static void a_record_is_there_with_what_it_tells_or_not_at_all(void **state)
{
	const struct audit_note one = {4711, STR("a"), STR("b.c"), STR("d")};
	struct repository_audit all = {.most = 10};

	(void)state;
	fault_arm("store.commit", 1);
	assert_int_not_equal(note(&one, 1), MB_OK);
	assert_true(fault_struck());
	fault_disarm();
	assert_int_equal(list(&all), MB_OK);
	assert_int_equal(all.n, 1);
}

static void without_memory_for_its_hash_nothing_is_written(void **state)
{
	const struct audit_note two[] = {{4711, STR("a"), STR("b.c"), STR("d")},
					 {4712, STR("a"), STR("b.c"), STR("d")}};
	struct repository_audit all = {.most = 10};

	(void)state;
	fault_arm("audit.hash", 2);
	assert_int_equal(note(two, 2), MB_OVERLOADED);
	fault_disarm();
	assert_int_equal(list(&all), MB_OK);
	assert_int_equal(all.n, 1);
}

static void pages_go_through_all_buckets_and_miss_nothing(void **state)
{
	struct audit_note notes[150];
	struct repository_audit page = {.most = 7};
	int64_t seen = 0;

	(void)state;
	for (int64_t i = 0; i < 150; i++) {
		notes[i] = (struct audit_note){1 + i % 40, STR("a"), STR("b.c"), STR("d")};
	}
	assert_int_equal(note(notes, 150), MB_OK);
	do {
		assert_int_equal(list(&page), MB_OK);
		for (size_t i = 0; i < page.n; i++) {
			const struct audit_row *row = &page.rows[i];

			assert_true(row->vb > page.vb ||
				    (row->vb == page.vb && row->seq == page.seq + 1));
			page.vb = row->vb;
			page.seq = row->seq;
			seen++;
		}
	} while (page.goes_on);
	assert_int_equal(seen, 151);
}

static void of_one_member_without_the_others_of_his_bucket(void **state)
{
	int64_t ada = repo_enroll(&bed, "ada"), other = ada + 1;
	struct audit_note notes[1000];
	struct repository_audit page = {.one_member = true, .ref = {.member_id = ada}, .most = 3};
	size_t seen = 0;

	(void)state;
	while (vb_of(other) != vb_of(ada)) {
		other++;
	}
	for (size_t i = 0; i < 1000; i++) {
		notes[i] = (struct audit_note){i % 300 == 0 ? ada : other, STR("a"), STR("b.c"),
					       STR("d")};
	}
	assert_int_equal(note(notes, 1000), MB_OK);
	do {
		assert_int_equal(list(&page), MB_OK);
		for (size_t i = 0; i < page.n; i++) {
			assert_int_equal(page.rows[i].member_id, ada);
			page.seq = page.rows[i].seq;
			seen++;
		}
	} while (page.goes_on);
	assert_int_equal(seen, 4); /* 0, 300, 600, 900 */
	page = (struct repository_audit){.one_member = true, .ref = {.member_id = 1}, .most = 3};
	assert_int_equal(list(&page), MB_MEMBER_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_store_begins_with_who_took_its_first_policy),
		TEST(a_hash_is_what_the_docs_say),
		TEST(a_record_is_there_with_what_it_tells_or_not_at_all),
		TEST(without_memory_for_its_hash_nothing_is_written),
		TEST(pages_go_through_all_buckets_and_miss_nothing),
		TEST(of_one_member_without_the_others_of_his_bucket),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
