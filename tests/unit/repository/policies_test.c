/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that are published by request, tried, and read again. */
#include "policy/policy_file.h"
#include "repo_bed.h"

#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

/* The default with another version and effective_from. */
static struct str make_policy(int version, const char *effective_from)
{
	struct strbuf text = {0};
	const struct policy *policy;
	struct policy changed;
	struct str copy;

	assert_int_equal(policy_parse(policy_default_text(), "default", bed.arena, &policy, &err),
			 MB_OK);
	changed = *policy;
	changed.version = version;
	changed.effective_from = repo_time(effective_from);
	policy_print(&changed, &text);
	copy = (struct str){arena_dup(bed.arena, text.ptr, text.len), text.len};
	strbuf_fini(&text);
	return copy;
}

static enum mb_code answer_number(const struct repository_publish *req,
				  const struct policy_version *version, struct str *out,
				  struct mb_err *failed)
{
	char *text = arena_printf(req->call.arena, "version %d", version->policy->version);

	(void)failed;
	*out = str_from(text);
	return MB_OK;
}

static struct repository_publish request_of(struct str text, const char *request_id)
{
	return (struct repository_publish){.call = {.principal = STR("manager:anna")},
					   .policy = text,
					   .policy_file = "policy",
					   .reason = STR("summer"),
					   .request_id = str_from(request_id),
					   .method = STR("publish"),
					   .answer = answer_number};
}

static enum mb_code publish(struct repository_publish *req)
{
	bool called;

	repo_bed_call(&bed, &req->call, &called);
	repository_publish(bed.repository, req);
	repo_bed_wait(&bed, &called);
	err = req->call.err;
	return req->call.code;
}

static enum mb_code publish_text(struct str text, const char *request_id)
{
	struct repository_publish req = request_of(text, request_id);

	return publish(&req);
}

static void a_request_is_answered_once_and_again_the_same(void **state)
{
	struct str text = make_policy(2, "2027-01-01T00:00:00Z");
	struct repository_publish req = request_of(text, "r1");
	struct policy_version version;

	(void)state;
	assert_int_equal(publish(&req), MB_OK);
	assert_true(req.published);
	assert_true(str_eq(req.answered, STR("version 2")));
	assert_true(repository_policy_version(bed.repository, 2, &version));
	assert_true(version.known_at > BED_NOW);
	assert_int_equal(version.policy->effective_from, repo_time("2027-01-01T00:00:00Z"));
	assert_false(repository_policy_version(bed.repository, 3, &version));
	req = request_of(text, "r1");
	assert_int_equal(publish(&req), MB_OK);
	assert_false(req.published);
	assert_true(str_eq(req.answered, STR("version 2")));
	assert_int_equal(repository_policies(bed.repository)->n, 2);
	req = request_of(text, "r1");
	req.reason = STR("winter");
	assert_int_equal(publish(&req), MB_REQUEST_ID_REUSED);
	req = request_of(make_policy(3, "2027-02-01T00:00:00Z"), "r1");
	assert_int_equal(publish(&req), MB_REQUEST_ID_REUSED);
	assert_int_equal(repository_policies(bed.repository)->n, 2);
}

static void what_is_wrong_is_told_by_its_own_codes(void **state)
{
	(void)state;
	assert_int_equal(publish_text(STR("format: ["), "r1"), MB_POLICY_INVALID);
	assert_int_equal(publish_text(policy_default_text(), "r2"), MB_POLICY_NOT_NEXT);
	assert_string_equal(err.field, "text.version");
	assert_int_equal(publish_text(make_policy(3, "2027-01-01T00:00:00Z"), "r3"),
			 MB_POLICY_NOT_NEXT);
	assert_int_equal(publish_text(make_policy(2, "2026-01-01T00:00:00Z"), "r4"),
			 MB_POLICY_NOT_NEXT);
	assert_string_equal(err.field, "text.effective_from");
	assert_int_equal(repository_policies(bed.repository)->n, 1);
	/* what failed keeps nothing, not even its request_id */
	assert_int_equal(publish_text(make_policy(2, "2027-01-01T00:00:00Z"), "r4"), MB_OK);
	assert_int_equal(publish_text(make_policy(3, "2027-01-01T00:00:00Z"), "r5"),
			 MB_POLICY_NOT_NEXT);
	/* between those that are known */
	assert_int_equal(publish_text(make_policy(3, "2026-12-31T00:00:00Z"), "r6"), MB_OK);
	assert_int_equal(
		policy_at(repository_policies(bed.repository), repo_time("2026-12-31T12:00:00Z"))
			->version,
		3);
	assert_int_equal(
		policy_at(repository_policies(bed.repository), repo_time("2027-01-01T00:00:00Z"))
			->version,
		2);
}

/* Both may be of one transaction; the number belongs to one of them all the same. */
static void of_two_at_once_one_wins(void **state)
{
	struct str first = make_policy(2, "2027-01-01T00:00:00Z");
	struct str second = make_policy(2, "2027-02-01T00:00:00Z");
	struct repository_publish a = request_of(first, "r1"), b = request_of(second, "r2");
	bool a_called, b_called;

	(void)state;
	repo_bed_call(&bed, &a.call, &a_called);
	repo_bed_call(&bed, &b.call, &b_called);
	repository_publish(bed.repository, &a);
	repository_publish(bed.repository, &b);
	repo_bed_wait(&bed, &a_called);
	repo_bed_wait(&bed, &b_called);
	assert_int_equal(a.call.code, MB_OK);
	assert_int_equal(b.call.code, MB_POLICY_NOT_NEXT);
	assert_int_equal(repository_policy(bed.repository, 2)->effective_from,
			 repo_time("2027-01-01T00:00:00Z"));
}

static void what_is_not_durable_is_not_published(void **state)
{
	struct str text = make_policy(2, "2027-01-01T00:00:00Z");

	(void)state;
	fault_arm("store.commit", 1);
	assert_int_not_equal(publish_text(text, "r1"), MB_OK);
	assert_true(fault_struck());
	assert_int_equal(repository_policies(bed.repository)->n, 1);
}

/* ---- trying ---- */

static enum mb_code try_text(struct str text, struct repository_try_policy *req)
{
	bool called;

	*req = (struct repository_try_policy){.policy = text};
	repo_bed_call(&bed, &req->call, &called);
	repository_try_policy(bed.repository, req);
	repo_bed_wait(&bed, &called);
	return req->call.code;
}

static void trying_tells_what_publishing_would(void **state)
{
	struct repository_try_policy req;

	(void)state;
	assert_int_equal(try_text(make_policy(2, "2027-01-01T00:00:00Z"), &req), MB_OK);
	assert_int_equal(req.problems.n, 0);
	assert_int_equal(req.version, 2);
	assert_int_equal(req.effective_from, repo_time("2027-01-01T00:00:00Z"));
	assert_int_equal(req.next_code, MB_OK);
	assert_int_equal(try_text(make_policy(3, "2027-01-01T00:00:00Z"), &req), MB_OK);
	assert_int_equal(req.problems.n, 0);
	assert_int_equal(req.next_code, MB_POLICY_NOT_NEXT);
	assert_string_equal(req.next.field, "version");
	assert_int_equal(try_text(STR("format: 1\nversion: x\n"), &req), MB_OK);
	assert_true(req.problems.n > 1);
	assert_int_equal(req.problems.items[0].line, 1);
	assert_int_equal(repository_policies(bed.repository)->n, 1);
}

static void a_text_is_read_again_to_the_byte(void **state)
{
	struct str text = make_policy(2, "2027-01-01T00:00:00Z");
	struct repository_policy_text req = {.version = 2};
	bool called;

	(void)state;
	assert_int_equal(publish_text(text, "r1"), MB_OK);
	repo_bed_call(&bed, &req.call, &called);
	repository_policy_text(bed.repository, &req);
	repo_bed_wait(&bed, &called);
	assert_int_equal(req.call.code, MB_OK);
	assert_true(str_eq(req.text, text));
	req = (struct repository_policy_text){.version = 3};
	repo_bed_call(&bed, &req.call, &called);
	repository_policy_text(bed.repository, &req);
	repo_bed_wait(&bed, &called);
	assert_int_equal(req.call.code, MB_POLICY_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered_once_and_again_the_same),
		TEST(what_is_wrong_is_told_by_its_own_codes),
		TEST(of_two_at_once_one_wins),
		TEST(what_is_not_durable_is_not_published),
		TEST(trying_tells_what_publishing_would),
		TEST(a_text_is_read_again_to_the_byte),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
