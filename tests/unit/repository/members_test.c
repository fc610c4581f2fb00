/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members: enrolling, linking, reading, once per request_id.
 * usage: members_test memory|sqlite
 */
#include "base/fault.h"
#include "domain/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "own_bed.h"

static enum mb_code look_up(struct repo_bed *bed, const char *external_id, int64_t only_member,
			    int64_t *member_id)
{
	struct member_query query = {.ref.identity = {STR("test"), str_from(external_id)}};
	struct repository_read req = {
		.call.only_member = only_member, .queries = &query, .n = 1, .parts = 0};

	assert_int_equal(repo_read(bed, &req), MB_OK);
	*member_id = query.code == MB_OK ? query.member->member_id : 0;
	return query.code;
}

static void an_enrolled_member_is_found_and_bronze(void **state)
{
	struct repo_bed *bed = *state;
	int64_t member_id = repo_enroll(bed, "ada"), found;
	const struct member *member;
	struct mb_err err;

	assert_int_equal(look_up(bed, "ada", 0, &found), MB_OK);
	assert_int_equal(found, member_id);
	assert_int_equal(repo_get(bed, member_id, MEMBER_STANDING, &member, &err), MB_OK);
	assert_int_equal(member->revision, 1);
	assert_int_equal(member->created_at, BED_NOW + 2); /* after opening read and wrote */
	assert_int_equal(member->state, MEMBER_ACTIVE);
	assert_int_equal(member->standing.tier, TIER_BRONZE);
	assert_int_equal(member->standing.score.points, 0);
	assert_int_equal(member->policy->version, 1);
	assert_int_equal(member->valid_until, 0);
}

static void case_79_an_unknown_member_is_not_found(void **state)
{
	struct repo_bed *bed = *state;
	const struct member *member = NULL;
	struct mb_err err;
	int64_t found;

	assert_int_equal(look_up(bed, "nobody", 0, &found), MB_MEMBER_NOT_FOUND);
	assert_int_equal(repo_get(bed, 4711, MEMBER_STANDING, &member, &err), MB_MEMBER_NOT_FOUND);
	assert_null(member);
}

static void personal_data_comes_back_and_is_not_in_the_store(void **state)
{
	struct repo_bed *bed = *state;
	struct repository_write req = repo_write_of(bed, WRITE_ENROLL, 0, "ada@example");
	const struct member *member;
	struct mb_err err;
	int64_t member_id;

	req.profile = (struct profile){.display_name = STR("Ada Lovelace"),
				       .region = STR("CN"),
				       .language = STR("zh-Hans"),
				       .birthday_month = 2,
				       .birthday_day = 29,
				       .verified = true};
	assert_int_equal(repo_write(bed, &req), MB_OK);
	assert_int_equal(look_up(bed, "ada@example", 0, &member_id), MB_OK);
	assert_int_equal(repo_get(bed, member_id, MEMBER_STANDING, &member, &err), MB_OK);
	assert_int_equal(member->profile.display_name.len, 0);
	assert_int_equal(member->n_identities, 0);
	assert_int_equal(repo_get(bed, member_id, MEMBER_STANDING | MEMBER_PERSONAL, &member, &err),
			 MB_OK);
	assert_true(str_eq(member->profile.display_name, STR("Ada Lovelace")));
	assert_true(str_eq(member->profile.region, STR("CN")));
	assert_true(str_eq(member->profile.language, STR("zh-Hans")));
	assert_int_equal(member->profile.birthday_month, 2);
	assert_int_equal(member->profile.birthday_day, 29);
	assert_true(member->profile.verified);
	assert_int_equal(member->n_identities, 1);
	assert_true(str_eq(member->identities[0].issuer, STR("test")));
	assert_true(str_eq(member->identities[0].external_id, STR("ada@example")));
}

static void the_same_request_gets_the_same_answer(void **state)
{
	struct repo_bed *bed = *state;
	struct repository_write first = repo_write_of(bed, WRITE_ENROLL, 0, "ada");
	struct repository_write again = first, other = first, elsewhere = first;

	assert_int_equal(repo_write(bed, &first), MB_OK);
	assert_false(first.replayed);
	assert_int_equal(repo_write(bed, &again), MB_OK);
	assert_true(again.replayed);
	assert_true(str_eq(first.answered, again.answered));
	other.profile.region = STR("CN");
	assert_int_equal(repo_write(bed, &other), MB_REQUEST_ID_REUSED);
	assert_string_equal(other.call.err.field, "request_id");
	/* Ids are those of the principal: another one's are his own. */
	elsewhere.call.principal = STR("support");
	assert_int_equal(repo_write(bed, &elsewhere), MB_IDENTITY_TAKEN);
}

static void a_request_id_is_forgotten_after_30_days(void **state)
{
	struct repo_bed *bed = *state;
	struct repository_write req, early, late;
	struct mb_err err;

	repo_bed_close(bed);
	bed->options.prune_every_ms = 5;
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	req = repo_write_of(bed, WRITE_ENROLL, 0, "ada");
	early = late = req;
	early.identity.external_id = STR("bob");
	late.identity.external_id = STR("eve");
	assert_int_equal(repo_write(bed, &req), MB_OK);
	clock_set(&bed->store.clock, BED_NOW + 29 * US_PER_DAY);
	for (int i = 0; i < 4; i++) {
		uv_run(&bed->store.loop, UV_RUN_ONCE); /* rounds of the timer and their answers */
	}
	assert_int_equal(repo_write(bed, &early), MB_REQUEST_ID_REUSED);
	clock_set(&bed->store.clock, BED_NOW + 31 * US_PER_DAY);
	for (int i = 0; i < 400; i++) {
		uv_run(&bed->store.loop, UV_RUN_ONCE);
		if (repo_write(bed, &late) == MB_OK) {
			assert_false(late.replayed);
			return;
		}
		assert_int_equal(late.call.code, MB_REQUEST_ID_REUSED);
	}
	fail_msg("the request is still known");
}

static void a_refused_request_may_be_sent_again(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct repository_write req = repo_write_of(bed, WRITE_UNLINK, ada, "second");
	struct repository_write again = req;
	struct repository_write link = repo_write_of(bed, WRITE_LINK, ada, "second");

	assert_int_equal(repo_write(bed, &req), MB_IDENTITY_NOT_FOUND);
	assert_int_equal(repo_write(bed, &link), MB_OK);
	assert_int_equal(repo_write(bed, &again), MB_OK);
	assert_false(again.replayed);
}

static void identities_are_linked_and_unlinked(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob"), found;
	struct repository_write link = repo_write_of(bed, WRITE_LINK, ada, "second");
	struct repository_write known = repo_write_of(bed, WRITE_LINK, ada, "second");
	struct repository_write taken = repo_write_of(bed, WRITE_LINK, bob, "second");
	struct repository_write unlink = repo_write_of(bed, WRITE_UNLINK, ada, "ada");
	struct repository_write last = repo_write_of(bed, WRITE_UNLINK, ada, "second");
	struct repository_write others = repo_write_of(bed, WRITE_UNLINK, bob, "second");
	struct repository_write anew = repo_write_of(bed, WRITE_LINK, bob, "ada");
	const struct member *member;
	struct mb_err err;

	assert_int_equal(repo_write(bed, &link), MB_OK);
	assert_int_equal(repo_write(bed, &known), MB_OK);
	assert_true(str_eq(link.answered, known.answered)); /* no revision for no change */
	assert_int_equal(repo_write(bed, &taken), MB_IDENTITY_TAKEN);
	assert_int_equal(repo_write(bed, &unlink), MB_OK);
	assert_int_equal(look_up(bed, "ada", 0, &found), MB_MEMBER_NOT_FOUND);
	assert_int_equal(look_up(bed, "second", 0, &found), MB_OK);
	assert_int_equal(found, ada);
	assert_int_equal(repo_write(bed, &last), MB_LAST_IDENTITY);
	assert_int_equal(repo_write(bed, &others), MB_IDENTITY_NOT_FOUND);
	assert_int_equal(repo_write(bed, &anew), MB_OK);
	assert_int_equal(look_up(bed, "ada", 0, &found), MB_OK);
	assert_int_equal(found, bob);
	assert_int_equal(repo_get(bed, ada, MEMBER_STANDING, &member, &err), MB_OK);
	assert_int_equal(member->revision, 3);
}

static void who_is_bound_to_one_member_learns_nothing_of_others(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob"), found;
	struct member_query queries[] = {
		{.ref.member_id = ada},
		{.ref.member_id = bob},
		{.ref.member_id = 4711},
		{.ref.identity = {STR("test"), STR("ada")}},
		{.ref.identity = {STR("test"), STR("bob")}},
		{.ref.identity = {STR("test"), STR("nobody")}},
	};
	struct repository_read req = {.call.only_member = ada, .queries = queries, .n = 6};

	assert_int_equal(repo_read(bed, &req), MB_OK);
	assert_int_equal(queries[0].code, MB_OK);
	assert_int_equal(queries[1].code, MB_PERMISSION_MISSING);
	assert_int_equal(queries[2].code, MB_PERMISSION_MISSING);
	assert_int_equal(queries[3].code, MB_OK);
	assert_int_equal(queries[4].code, MB_PERMISSION_MISSING);
	assert_int_equal(queries[5].code, MB_PERMISSION_MISSING);
	assert_string_equal(queries[4].err.text, queries[5].err.text);
	assert_int_equal(look_up(bed, "nobody", -1, &found), MB_PERMISSION_MISSING);
}

static void a_batch_answers_each_and_loads_once(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct member_query queries[] = {
		{.ref.member_id = ada, .min_revision = 1},
		{.ref.identity = {STR("test"), STR("ada")}},
		{.ref.member_id = 4711},
		{.ref.member_id = ada, .min_revision = 2},
		{.code = MB_FIELD_INVALID},
	};
	struct repository_read req = {.queries = queries, .n = 5, .parts = MEMBER_STANDING};

	assert_int_equal(repo_read(bed, &req), MB_OK);
	assert_int_equal(queries[0].code, MB_OK);
	assert_int_equal(queries[1].code, MB_OK);
	assert_ptr_equal(queries[0].member, queries[1].member);
	assert_int_equal(queries[2].code, MB_MEMBER_NOT_FOUND);
	assert_int_equal(queries[3].code, MB_REVISION_UNKNOWN);
	assert_string_equal(queries[3].err.field, "min_revision");
	assert_int_equal(queries[4].code, MB_FIELD_INVALID);
	assert_null(queries[4].member);
}

static void a_cancelled_call_ends_and_changes_nothing(void **state)
{
	struct repo_bed *bed = *state;
	struct repository_write req = repo_write_of(bed, WRITE_ENROLL, 0, "ada");
	int64_t found;
	bool called;

	repo_bed_call(bed, &req.call, &called);
	repository_cancel(bed->repository, &req.call);
	repository_write(bed->repository, &req);
	repo_bed_wait(bed, &called);
	repository_cancel(bed->repository, &req.call);
	assert_int_equal(req.call.code, MB_CALL_CANCELLED);
	assert_int_equal(look_up(bed, "ada", 0, &found), MB_MEMBER_NOT_FOUND);
}

static void a_profile_changes_where_it_is_said(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct repository_write name = repo_write_of(bed, WRITE_UPDATE, ada, "");
	struct repository_write same = repo_write_of(bed, WRITE_UPDATE, ada, "");
	struct repository_write stale = repo_write_of(bed, WRITE_UPDATE, ada, "");
	const struct member *before, *after;
	struct mb_err err;

	assert_int_equal(repo_get(bed, ada, MEMBER_PERSONAL, &before, &err), MB_OK);
	name.profile = (struct profile){.display_name = STR("Ada"), .region = STR("GB")};
	name.profile_fields = PROFILE_NAME;
	name.etag = before->etag;
	assert_int_equal(repo_write(bed, &name), MB_OK);
	assert_int_equal(repo_get(bed, ada, MEMBER_PERSONAL, &after, &err), MB_OK);
	assert_true(str_eq(after->profile.display_name, STR("Ada")));
	assert_int_equal(after->profile.region.len, 0);
	assert_int_equal(after->revision, before->revision + 1);
	assert_int_equal(after->n_identities, 1); /* the member's key is as it was */
	same.profile = name.profile;
	same.profile_fields = PROFILE_NAME;
	assert_int_equal(repo_write(bed, &same), MB_OK);
	assert_true(str_eq(same.answered, name.answered));
	stale.profile_fields = PROFILE_ALL;
	stale.etag = before->etag;
	assert_int_equal(repo_write(bed, &stale), MB_ETAG_MISMATCH);
	assert_string_equal(stale.call.err.field, "etag");
}

static enum mb_code enroll_and_read(struct repo_bed *bed, struct mb_err *err)
{
	struct repository_write req = repo_write_of(bed, WRITE_ENROLL, 0, "ada");
	struct repository_write link = repo_write_of(bed, WRITE_LINK, 0, "second");
	struct repository_write update = repo_write_of(bed, WRITE_UPDATE, 0, "");
	struct member_query query = {.ref.identity = {STR("test"), STR("second")}};
	struct repository_read read = {
		.queries = &query, .n = 1, .parts = MEMBER_STANDING | MEMBER_PERSONAL};

	if (repo_bed_open(bed, err) != MB_OK) {
		return err->code;
	}
	if (repo_write(bed, &req) != MB_OK) {
		*err = req.call.err;
		return err->code;
	}
	link.ref.identity = (struct identity){STR("test"), STR("ada")};
	if (repo_write(bed, &link) != MB_OK) {
		*err = link.call.err;
		return err->code;
	}
	update.ref = link.ref;
	update.profile.region = STR("CN");
	update.profile_fields = PROFILE_ALL;
	if (repo_write(bed, &update) != MB_OK) {
		*err = update.call.err;
		return err->code;
	}
	if (repo_read(bed, &read) != MB_OK) {
		*err = read.call.err;
		return err->code;
	}
	*err = query.err;
	return query.code;
}

static void every_failure_on_the_way_is_told(void **state)
{
	(void)state;
	assert_true(torture_beds(enroll_and_read) > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(an_enrolled_member_is_found_and_bronze),
		TEST(case_79_an_unknown_member_is_not_found),
		TEST(personal_data_comes_back_and_is_not_in_the_store),
		TEST(the_same_request_gets_the_same_answer),
		TEST(a_request_id_is_forgotten_after_30_days),
		TEST(a_refused_request_may_be_sent_again),
		TEST(identities_are_linked_and_unlinked),
		TEST(a_profile_changes_where_it_is_said),
		TEST(who_is_bound_to_one_member_learns_nothing_of_others),
		TEST(a_batch_answers_each_and_loads_once),
		TEST(a_cancelled_call_ends_and_changes_nothing),
		cmocka_unit_test(every_failure_on_the_way_is_told),
	};

	return run_group(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
