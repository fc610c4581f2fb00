/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key of a database, and the policy versions it keeps.
 * usage: open_test memory|sqlite
 */
#include "base/fault.h"
#include "policy/policy_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "own_bed.h"

/* ---- keys ---- */

static void an_empty_store_gets_a_key_file(void **state)
{
	struct repo_bed *bed = *state;
	struct mb_err err;

	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	assert_true(bed->key_made);
	assert_int_equal(access(bed->key_file, R_OK), 0);
	repo_bed_close(bed);
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	assert_false(bed->key_made);
}

static void a_database_without_its_key_file_is_refused(void **state)
{
	struct repo_bed *bed = *state;
	struct mb_err err;

	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	repo_bed_close(bed);
	unlink(bed->key_file);
	assert_int_equal(repo_bed_open(bed, &err), MB_FIELD_INVALID);
	assert_non_null(strstr(err.text, "is missing"));
	assert_int_not_equal(access(bed->key_file, F_OK), 0);
	bed->options.key_file = NULL;
	assert_int_equal(repo_bed_open(bed, &err), MB_FIELD_INVALID);
}

static void a_database_with_another_key_is_refused(void **state)
{
	struct repo_bed *bed = *state;
	struct mb_err err;
	FILE *file;

	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	repo_bed_close(bed);
	file = fopen(bed->key_file, "w");
	assert_non_null(file);
	fprintf(file, "%064d\n", 0);
	fclose(file);
	assert_int_equal(repo_bed_open(bed, &err), MB_FIELD_INVALID);
	assert_non_null(strstr(err.text, "not the one"));
}

static void a_key_file_that_is_there_already_is_used(void **state)
{
	struct repo_bed *bed = *state;
	struct mb_err err;

	/* As after a crash between making the file and marking the store. */
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	repo_bed_close(bed);
	unlink(bed->store.path);
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	assert_false(bed->key_made);
}

/* ---- policies ---- */

/* The default with another version and effective_from. */
static struct str make_policy(struct repo_bed *bed, int version, const char *effective_from)
{
	struct strbuf text = {0};
	const struct policy *policy;
	struct policy changed;
	struct mb_err err;
	struct str copy;

	assert_int_equal(policy_parse(policy_default_text(), "default", bed->arena, &policy, &err),
			 MB_OK);
	changed = *policy;
	changed.version = version;
	changed.effective_from = repo_time(effective_from);
	policy_print(&changed, &text);
	copy = (struct str){arena_dup(bed->arena, text.ptr, text.len), text.len};
	strbuf_fini(&text);
	return copy;
}

static enum mb_code publish(struct repo_bed *bed, struct str text, bool *published,
			    struct mb_err *err)
{
	struct repository_publish req = {.policy = text, .policy_file = "next.yaml"};
	bool called;

	repo_bed_call(bed, &req.call, &called);
	repository_publish(bed->repository, &req);
	repo_bed_wait(bed, &called);
	*published = req.published;
	*err = req.call.err;
	return req.call.code;
}

static void an_empty_store_takes_the_default(void **state)
{
	struct repo_bed *bed = *state;
	struct mb_err err;

	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	assert_int_equal(repository_policies(bed->repository)->n, 1);
	assert_non_null(repository_policy(bed->repository, 1));
	assert_null(repository_policy(bed->repository, 2));
	/* opening read at BED_NOW: what it wrote is later */
	assert_int_equal(repository_now(bed->repository), BED_NOW + 1);
}

static void a_given_file_is_the_first_version(void **state)
{
	struct repo_bed *bed = *state;
	struct mb_err err;

	bed->options.policy = make_policy(bed, 1, "2026-01-01T00:00:00Z");
	bed->options.policy_file = "mine.yaml";
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	assert_int_equal(repository_policies(bed->repository)->n, 1);
	assert_int_equal(repository_policy(bed->repository, 1)->effective_from,
			 repo_time("2026-01-01T00:00:00Z"));
}

static void a_first_version_of_the_future_is_refused(void **state)
{
	struct repo_bed *bed = *state;
	struct mb_err err;

	bed->options.policy = make_policy(bed, 1, "2030-01-01T00:00:00Z");
	bed->options.policy_file = "mine.yaml";
	assert_int_equal(repo_bed_open(bed, &err), MB_FIELD_INVALID);
	assert_string_equal(err.field, "effective_from");
}

static void the_next_version_is_published_once(void **state)
{
	struct repo_bed *bed = *state;
	struct str text = make_policy(bed, 2, "2027-01-01T00:00:00Z");
	struct mb_err err;
	bool published;

	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	assert_int_equal(publish(bed, text, &published, &err), MB_OK);
	assert_true(published);
	assert_int_equal(repository_policies(bed->repository)->n, 2);
	assert_int_equal(policy_next_change(repository_policies(bed->repository), BED_NOW),
			 repo_time("2027-01-01T00:00:00Z"));
	assert_int_equal(publish(bed, text, &published, &err), MB_OK);
	assert_false(published);
	assert_int_equal(repository_policies(bed->repository)->n, 2);
}

static void an_answer_holds_until_the_next_policy_at_most(void **state)
{
	struct repo_bed *bed = *state;
	struct str text = make_policy(bed, 2, "2027-01-01T00:00:00Z");
	const struct member *member;
	struct mb_err err;
	int64_t ada;
	bool published;

	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	ada = repo_enroll(bed, "ada");
	assert_int_equal(repo_get(bed, ada, MEMBER_STANDING, &member, &err), MB_OK);
	assert_int_equal(member->valid_until, 0);
	assert_int_equal(publish(bed, text, &published, &err), MB_OK);
	assert_int_equal(repo_get(bed, ada, MEMBER_STANDING, &member, &err), MB_OK);
	assert_int_equal(member->policy->version, 1);
	assert_int_equal(member->valid_until, repo_time("2027-01-01T00:00:00Z"));
	repo_bed_set_time(bed, "2027-01-01T00:00:00Z");
	assert_int_equal(repo_get(bed, ada, MEMBER_STANDING, &member, &err), MB_OK);
	assert_int_equal(member->policy->version, 2);
	assert_int_equal(member->valid_until, 0);
}

static void what_is_not_the_next_version_is_refused(void **state)
{
	static const struct {
		int version;
		const char *effective_from;
	} cases[] = {
		{1, "2027-01-01T00:00:00Z"}, /* known, with another text */
		{3, "2027-01-01T00:00:00Z"}, /* not the next number */
		{2, "2026-01-01T00:00:00Z"}, /* in force before it is published */
	};
	struct repo_bed *bed = *state;
	struct mb_err err;
	bool published;

	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = make_policy(bed, cases[i].version, cases[i].effective_from);

		assert_int_equal(publish(bed, text, &published, &err), MB_FIELD_INVALID);
		assert_false(published);
		assert_int_equal(repository_policies(bed->repository)->n, 1);
	}
	assert_int_equal(publish(bed, STR("format: ["), &published, &err), MB_FIELD_INVALID);
	assert_non_null(strstr(err.text, "next.yaml"));
}

static void a_published_version_that_is_not_durable_is_not_in_force(void **state)
{
	struct repo_bed *bed = *state;
	struct str text = make_policy(bed, 2, "2027-01-01T00:00:00Z");
	struct mb_err err;
	bool published;

	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	fault_arm("store.commit", 1);
	assert_int_not_equal(publish(bed, text, &published, &err), MB_OK);
	assert_true(fault_struck());
	assert_false(published);
	assert_int_equal(repository_policies(bed->repository)->n, 1);
}

static void a_store_keeps_its_versions(void **state)
{
	struct repo_bed *bed = *state;
	struct str text = make_policy(bed, 2, "2027-01-01T00:00:00Z");
	struct mb_err err;
	bool published;

	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	assert_int_equal(publish(bed, text, &published, &err), MB_OK);
	repo_bed_close(bed);
	/* Another default, as of a later release, changes nothing. */
	bed->options.default_policy = make_policy(bed, 1, "2026-01-01T00:00:00Z");
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	assert_int_equal(repository_policies(bed->repository)->n, 2);
	assert_int_not_equal(repository_policy(bed->repository, 1)->effective_from,
			     repo_time("2026-01-01T00:00:00Z"));
	/* The same --policy file at every start is no news. */
	repo_bed_close(bed);
	bed->options.policy = text;
	bed->options.policy_file = "next.yaml";
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	assert_int_equal(repository_policies(bed->repository)->n, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bed, tear_down)

#define ON_DISK 5 /* of the tests, the last ones */

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_store_takes_the_default),
		TEST(a_given_file_is_the_first_version),
		TEST(a_first_version_of_the_future_is_refused),
		TEST(the_next_version_is_published_once),
		TEST(an_answer_holds_until_the_next_policy_at_most),
		TEST(what_is_not_the_next_version_is_refused),
		TEST(a_published_version_that_is_not_durable_is_not_in_force),
		TEST(an_empty_store_gets_a_key_file),
		TEST(a_database_without_its_key_file_is_refused),
		TEST(a_database_with_another_key_is_refused),
		TEST(a_key_file_that_is_there_already_is_used),
		TEST(a_store_keeps_its_versions),
	};

	size_t n = sizeof(tests) / sizeof(tests[0]);

	backend = argc > 1 ? argv[1] : "memory";
	/* A store in memory has nothing to come back to. */
	if (strcmp(backend, "sqlite") != 0) {
		n -= ON_DISK;
	}
	return _cmocka_run_group_tests(backend, tests, n, NULL, NULL);
}
