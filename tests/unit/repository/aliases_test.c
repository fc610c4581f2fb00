/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members named by an identity, answered from the process's memory: who has it now, whatever was
 * linked, unlinked and written since: unit_repository_aliases memory|sqlite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "asks.h"

#include <uv.h>

#define SIZE ((size_t)8 << 20)

/* So much that aliases do not meet by chance. */
static int set_up_roomy(void **state)
{
	struct repo_bed *bed;
	struct mb_err err;

	make_bed(state);
	bed = *state;
	bed->options.cache_bytes = SIZE;
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	return 0;
}

static void init_named(struct repo_bed *bed, const char *external_id, struct ask *ask)
{
	ask_init(bed, ask, 0, 0);
	ask->query.ref.identity = (struct identity){STR("test"), str_from(external_id)};
}

/* Through the store; and turns the loop until it has nothing to do, so that the cache is filled. */
static enum mb_code read_by_store(struct repo_bed *bed, const char *external_id, int64_t *member_id)
{
	struct ask asked;

	init_named(bed, external_id, &asked);
	repository_read(bed->repository, &asked.req);
	repo_bed_wait(bed, &asked.called);
	for (int i = 0; i < 20; i++) {
		uv_sleep(1);
		uv_run(&bed->store.loop, UV_RUN_NOWAIT);
	}
	if (asked.query.code == MB_OK) {
		*member_id = asked.query.member->member_id;
	}
	return asked.query.code;
}

/* 0: not from memory. */
static int64_t peek(struct repo_bed *bed, const char *external_id, int64_t only_member,
		    int64_t min_revision, enum mb_code *code)
{
	struct ask asked;

	init_named(bed, external_id, &asked);
	asked.req.call.only_member = only_member;
	asked.query.min_revision = min_revision;
	if (!repository_peek(bed->repository, &asked.req)) {
		*code = MB_OK;
		return 0;
	}
	*code = asked.query.code;
	return asked.query.member == NULL ? -1 : asked.query.member->member_id;
}

static int64_t peek_any(struct repo_bed *bed, const char *external_id)
{
	enum mb_code code;

	return peek(bed, external_id, 0, 0, &code);
}

static void change(struct repo_bed *bed, enum member_write_kind kind, int64_t member_id,
		   const char *external_id)
{
	struct repository_write req = repo_write_of(bed, kind, member_id, external_id);

	assert_int_equal(repo_write(bed, &req), MB_OK);
}

static void the_second_look_is_answered_from_memory(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), found;

	assert_true(peek_any(bed, "ada") == 0);
	assert_int_equal(read_by_store(bed, "ada", &found), MB_OK);
	assert_true(found == ada);
	assert_true(peek_any(bed, "ada") == ada);
	assert_true(peek_any(bed, "bob") == 0);
	assert_int_equal(read_by_store(bed, "bob", &found), MB_MEMBER_NOT_FOUND);
	assert_true(peek_any(bed, "bob") == 0);
}

static void an_identity_that_moved_is_never_the_old_members(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob"), found;

	change(bed, WRITE_LINK, ada, "card");
	assert_int_equal(read_by_store(bed, "card", &found), MB_OK);
	assert_int_equal(read_by_store(bed, "bob", &found), MB_OK);
	assert_true(peek_any(bed, "card") == ada);
	change(bed, WRITE_UNLINK, ada, "card");
	assert_true(peek_any(bed, "card") == 0);
	assert_int_equal(read_by_store(bed, "card", &found), MB_MEMBER_NOT_FOUND);
	change(bed, WRITE_LINK, bob, "card");
	assert_true(peek_any(bed, "card") == 0);
	assert_int_equal(read_by_store(bed, "card", &found), MB_OK);
	assert_true(found == bob);
	assert_true(peek_any(bed, "card") == bob);
	assert_true(peek_any(bed, "ada") == 0);
}

static void a_write_asks_the_store_once_more(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), found;
	struct record_item item = repo_order(bed, ada, "o-1", BED_NOW, 10000);

	assert_int_equal(read_by_store(bed, "ada", &found), MB_OK);
	assert_true(peek_any(bed, "ada") == ada);
	repo_record_one(bed, &item);
	assert_true(peek_any(bed, "ada") == 0);
	assert_int_equal(read_by_store(bed, "ada", &found), MB_OK);
	assert_true(peek_any(bed, "ada") == ada);
}

/* A write tells the cache, so all that was missing is the alias. */
static void who_is_in_the_cache_is_not_loaded_for_it(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), found, loads;
	struct record_item item = repo_order(bed, ada, "o-1", BED_NOW, 10000);

	assert_int_equal(read_by_store(bed, "ada", &found), MB_OK);
	loads = atomic_load(&repository_figures(bed->repository)->loads);
	assert_int_equal(loads, 1);
	repo_record_one(bed, &item);
	assert_int_equal(read_by_store(bed, "ada", &found), MB_OK);
	assert_true(peek_any(bed, "ada") == ada);
	assert_int_equal(atomic_load(&repository_figures(bed->repository)->loads), loads);
}

static void who_may_ask_about_himself_only_learns_nothing(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), found;
	enum mb_code code;

	assert_int_equal(read_by_store(bed, "ada", &found), MB_OK);
	assert_true(peek(bed, "ada", ada, 0, &code) == ada);
	assert_true(peek(bed, "ada", ada + 1, 0, &code) == -1);
	assert_int_equal(code, MB_PERMISSION_MISSING);
	assert_true(peek(bed, "ada", 0, 1, &code) == ada);
	assert_true(peek(bed, "ada", 0, 2, &code) == 0); /* the store says that there is none */
}

static void nothing_is_kept_without_a_cache(void **state)
{
	struct repo_bed *bed = *state;
	int64_t found;

	repo_enroll(bed, "ada");
	assert_int_equal(read_by_store(bed, "ada", &found), MB_OK);
	assert_int_equal(read_by_store(bed, "ada", &found), MB_OK);
	assert_true(peek_any(bed, "ada") == 0);
}

static enum mb_code open_and_ask(struct repo_bed *bed, struct mb_err *err)
{
	enum mb_code code;
	struct ask asked;

	bed->options.cache_bytes = SIZE;
	code = repo_bed_open(bed, err);
	if (code != MB_OK) {
		return code;
	}
	init_named(bed, "nobody", &asked);
	repository_read(bed->repository, &asked.req);
	repo_bed_wait(bed, &asked.called);
	*err = asked.req.call.code != MB_OK ? asked.req.call.err : asked.query.err;
	return err->code == MB_MEMBER_NOT_FOUND ? MB_OK : err->code;
}

static void survives_failures(void **state)
{
	(void)state;
	assert_true(torture_beds(open_and_ask) > 5);
}

int main(int argc, char **argv)
{
#define CACHED(name) cmocka_unit_test_setup_teardown(name, set_up_roomy, tear_down)
	const struct CMUnitTest tests[] = {
		CACHED(the_second_look_is_answered_from_memory),
		CACHED(an_identity_that_moved_is_never_the_old_members),
		CACHED(a_write_asks_the_store_once_more),
		CACHED(who_is_in_the_cache_is_not_loaded_for_it),
		CACHED(who_may_ask_about_himself_only_learns_nothing),
		cmocka_unit_test_setup_teardown(nothing_is_kept_without_a_cache, set_up, tear_down),
		cmocka_unit_test(survives_failures),
	};

	return run_group(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
