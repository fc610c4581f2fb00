/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members, roles and deadlines as callers see them, over gRPC.
 * usage: members_test memory|sqlite
 */
#include "requests.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- members ---- */

static void a_member_is_enrolled_read_and_looked_up(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__EnrollMemberResponse *made = enroll(bed, "support", UUID("01"), "ada");
	Memberd__V1__LookupMemberRequest lookup = MEMBERD__V1__LOOKUP_MEMBER_REQUEST__INIT;
	Memberd__V1__Identity identity = identity_of("ada");
	Memberd__V1__LookupMemberResponse *found;
	Memberd__V1__GetMemberResponse *got;

	assert_non_null(made);
	assert_int_equal(made->info->revision, 1);
	assert_int_equal(made->info->policy_version, 1);
	assert_null(made->info->valid_until);
	assert_null(made->member->profile);
	assert_int_equal(made->member->standing->tier, MEMBERD__V1__TIER__TIER_BRONZE);
	assert_int_equal(made->member->standing->level, MEMBERD__V1__LEVEL__LEVEL_STANDARD);
	lookup.identity = &identity;
	found = CALL(bed, "checkout", "MemberService/LookupMember", lookup_member, &lookup);
	assert_non_null(found);
	assert_string_equal(found->member_id, made->member->member_id);
	assert_int_equal(found->state, MEMBERD__V1__MEMBER_STATE__MEMBER_STATE_ACTIVE);
	got = get(bed, "support", by_identity(&identity), FULL);
	assert_non_null(got);
	assert_string_equal(got->member->profile->display_name, "Ada");
	assert_int_equal(got->member->n_identities, 1);
	assert_string_equal(got->member->identities[0]->external_id, "ada");
	assert_int_equal(got->info->revision, 1);
}

static void the_same_request_id_is_the_same_request(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__EnrollMemberResponse *first = enroll(bed, "support", UUID("aa"), "ada");
	Memberd__V1__EnrollMemberResponse *again = enroll(bed, "support", UUID("AA"), "ada");

	assert_non_null(first);
	assert_non_null(again);
	assert_string_equal(first->member->member_id, again->member->member_id);
	assert_failed(bed, enroll(bed, "support", UUID("aa"), "bob"), MB_REQUEST_ID_REUSED,
		      "request_id");
	assert_failed(bed, enroll(bed, "support", UUID("ab"), "ada"), MB_IDENTITY_TAKEN,
		      "identity");
	assert_failed(bed, enroll(bed, "support", "ab", "eve"), MB_FIELD_INVALID, "request_id");
	/* Ids are those of the principal. */
	assert_non_null(enroll(bed, "producer", UUID("aa"), "bob"));
}

static void identities_come_and_go(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__LinkIdentityRequest link = MEMBERD__V1__LINK_IDENTITY_REQUEST__INIT;
	Memberd__V1__UnlinkIdentityRequest unlink = MEMBERD__V1__UNLINK_IDENTITY_REQUEST__INIT;
	Memberd__V1__MemberRef ref = by_id(ada);
	Memberd__V1__Identity identity = identity_of("second");
	Memberd__V1__LinkIdentityResponse *linked;
	Memberd__V1__UnlinkIdentityResponse *unlinked;

	link.member = unlink.member = &ref;
	link.identity = unlink.identity = &identity;
	link.request_id = text(UUID("02"));
	linked = CALL(bed, "support", "MemberService/LinkIdentity", link_identity, &link);
	assert_non_null(linked);
	assert_int_equal(linked->info->revision, 2);
	unlink.request_id = text(UUID("03"));
	unlinked = CALL(bed, "support", "MemberService/UnlinkIdentity", unlink_identity, &unlink);
	assert_non_null(unlinked);
	assert_int_equal(unlinked->info->revision, 3);
	unlink.request_id = text(UUID("04"));
	assert_failed(
		bed, CALL(bed, "support", "MemberService/UnlinkIdentity", unlink_identity, &unlink),
		MB_IDENTITY_NOT_FOUND, "identity");
	identity.external_id = text("ada");
	assert_failed(
		bed, CALL(bed, "support", "MemberService/UnlinkIdentity", unlink_identity, &unlink),
		MB_LAST_IDENTITY, "identity");
}

static void case_79_an_unknown_member_is_not_found(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__Identity identity = identity_of("nobody");

	assert_failed(bed, get(bed, "support", by_id("4711"), BASIC), MB_MEMBER_NOT_FOUND, "");
	assert_failed(bed, get(bed, "support", by_identity(&identity), BASIC), MB_MEMBER_NOT_FOUND,
		      "");
	assert_failed(bed, get_score(bed, "4711"), MB_MEMBER_NOT_FOUND, "");
	assert_failed(bed, get(bed, "support", by_id("x"), BASIC), MB_FIELD_INVALID,
		      "member.member_id");
	assert_failed(bed, get(bed, "support", by_id("4711"), (Memberd__V1__MemberView)3),
		      MB_FIELD_INVALID, "view");
}

static void a_revision_of_elsewhere_is_refused(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__GetMemberRequest request = MEMBERD__V1__GET_MEMBER_REQUEST__INIT;
	Memberd__V1__MemberRef ref = by_id(enrolled(bed, UUID("01"), "ada"));

	request.member = &ref;
	request.min_revision = 1;
	assert_non_null(CALL(bed, "support", "MemberService/GetMember", get_member, &request));
	request.min_revision = 2;
	assert_failed(bed, CALL(bed, "support", "MemberService/GetMember", get_member, &request),
		      MB_REVISION_UNKNOWN, "min_revision");
	request.min_revision = -1;
	assert_failed(bed, CALL(bed, "support", "MemberService/GetMember", get_member, &request),
		      MB_FIELD_INVALID, "min_revision");
}

/* ---- deadlines ---- */

/* Keeps the writer of the store until it is let go. */
struct plug {
	struct store_job job;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool running, let_go, ended;
};

static enum mb_code hold_writer(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct plug *plug = job->data;

	(void)view;
	(void)err;
	pthread_mutex_lock(&plug->lock);
	plug->running = true;
	pthread_cond_broadcast(&plug->changed);
	while (!plug->let_go) {
		pthread_cond_wait(&plug->changed, &plug->lock);
	}
	pthread_mutex_unlock(&plug->lock);
	return MB_OK;
}

static void plug_ended(struct store_job *job)
{
	struct plug *plug = job->data;

	pthread_mutex_lock(&plug->lock);
	plug->ended = true;
	pthread_cond_broadcast(&plug->changed);
	pthread_mutex_unlock(&plug->lock);
}

static void wait_for(struct plug *plug, const bool *flag)
{
	pthread_mutex_lock(&plug->lock);
	while (!*flag) {
		pthread_cond_wait(&plug->changed, &plug->lock);
	}
	pthread_mutex_unlock(&plug->lock);
}

static void a_write_that_waited_too_long_is_not_done(void **state)
{
	struct service_bed *bed = *state;
	struct plug plug = {.lock = PTHREAD_MUTEX_INITIALIZER,
			    .changed = PTHREAD_COND_INITIALIZER,
			    .job = {.kind = STORE_WRITE, .run = hold_writer, .cb = plug_ended}};
	Memberd__V1__Identity identity = identity_of("ada");

	plug.job.data = &plug;
	store_submit(bed->repo.store.store, &plug.job);
	wait_for(&plug, &plug.running);
	bed->deadline_ms = 200;
	assert_failed(bed, enroll(bed, "support", UUID("01"), "ada"), MB_CALL_TIMED_OUT, "");
	/* The server has heard of it, too, when it has no call in work any more. */
	for (int i = 0; i < 1000 && rpc_server_pending(bed->server) > 0; i++) {
		usleep(5000);
	}
	assert_int_equal(rpc_server_pending(bed->server), 0);
	pthread_mutex_lock(&plug.lock);
	plug.let_go = true;
	pthread_cond_broadcast(&plug.changed);
	pthread_mutex_unlock(&plug.lock);
	wait_for(&plug, &plug.ended);
	bed->deadline_ms = 0;
	assert_failed(bed, get(bed, "support", by_identity(&identity), BASIC), MB_MEMBER_NOT_FOUND,
		      "");
	assert_non_null(enroll(bed, "support", UUID("01"), "ada"));
}

/* ---- permissions ---- */

static void roles_may_what_the_table_says(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	struct paid_order order;

	make_order(&order, ada, "o1", 100);
	assert_failed(bed, enroll(bed, "checkout", UUID("02"), "bob"), MB_PERMISSION_MISSING, "");
	assert_failed(bed, record(bed, "support", &order, 1), MB_PERMISSION_MISSING, "");
	assert_failed(bed, get(bed, "producer", by_id(ada), BASIC), MB_PERMISSION_MISSING, "");
	assert_non_null(get(bed, "checkout", by_id(ada), BASIC));
	assert_failed(bed, get(bed, "checkout", by_id(ada), FULL), MB_PERMISSION_MISSING, "");
	/* Permission comes before existence, and form before permission. */
	assert_failed(bed, get(bed, "checkout", by_id("4711"), FULL), MB_PERMISSION_MISSING, "");
	assert_failed(bed, get(bed, "checkout", by_id("0"), FULL), MB_FIELD_INVALID,
		      "member.member_id");
	assert_non_null(get(bed, "admin", by_id(ada), FULL));
	assert_failed(bed, get(bed, "", by_id(ada), BASIC), MB_TOKEN_UNKNOWN, "");
	assert_failed(bed, get(bed, "stranger", by_id(ada), BASIC), MB_TOKEN_UNKNOWN, "");
}

static void a_member_may_ask_about_himself_only(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada"), *bob = enrolled(bed, UUID("02"), "bob");
	Memberd__V1__Identity names[] = {identity_of("ada"), identity_of("bob"),
					 identity_of("nobody")};
	Memberd__V1__MemberRef refs[] = {by_id(ada),
					 by_id(bob),
					 by_id("4711"),
					 by_identity(&names[0]),
					 by_identity(&names[1]),
					 by_identity(&names[2])};
	Memberd__V1__MemberRef *members[6];
	Memberd__V1__BatchGetMembersRequest batch = MEMBERD__V1__BATCH_GET_MEMBERS_REQUEST__INIT;
	Memberd__V1__BatchGetMembersResponse *answers;
	char role[48];

	snprintf(role, sizeof(role), "member:%s", ada);
	for (size_t i = 0; i < 6; i++) {
		members[i] = &refs[i];
		if (i % 3 == 0) {
			assert_non_null(get(bed, role, refs[i], FULL));
		} else {
			assert_failed(bed, get(bed, role, refs[i], FULL), MB_PERMISSION_MISSING,
				      "");
		}
	}
	batch.members = members;
	batch.n_members = 6;
	answers = CALL(bed, role, "MemberService/BatchGetMembers", batch_get_members, &batch);
	assert_non_null(answers);
	for (size_t i = 0; i < 6; i++) {
		struct mb_err err;

		assert_int_equal(item_error(answers->results[i]->status, &err),
				 i % 3 == 0 ? MB_OK : MB_PERMISSION_MISSING);
		assert_true((answers->results[i]->member != NULL) == (i % 3 == 0));
	}
}

/* ---- batches ---- */

static void a_batch_of_members_has_a_status_each(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__MemberRef refs[] = {by_id(ada), by_id("4711"), by_id("x")};
	Memberd__V1__MemberRef *members[] = {&refs[0], &refs[1], &refs[2]};
	Memberd__V1__BatchGetMembersRequest batch = MEMBERD__V1__BATCH_GET_MEMBERS_REQUEST__INIT;
	Memberd__V1__BatchGetMembersResponse *answers;
	struct mb_err err;

	assert_failed(
		bed,
		CALL(bed, "support", "MemberService/BatchGetMembers", batch_get_members, &batch),
		MB_FIELD_INVALID, "members");
	batch.members = members;
	batch.n_members = 3;
	answers = CALL(bed, "support", "MemberService/BatchGetMembers", batch_get_members, &batch);
	assert_non_null(answers);
	assert_int_equal(answers->n_results, 3);
	assert_int_equal(item_error(answers->results[0]->status, &err), MB_OK);
	assert_string_equal(answers->results[0]->member->member_id, ada);
	assert_int_equal(answers->results[0]->info->revision, 1);
	assert_int_equal(item_error(answers->results[1]->status, &err), MB_MEMBER_NOT_FOUND);
	assert_null(answers->results[1]->info);
	assert_int_equal(item_error(answers->results[2]->status, &err), MB_FIELD_INVALID);
	assert_string_equal(err.field, "members[2].member_id");
}

static void five_hundred_are_a_batch_and_one_more_is_not(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__MemberRef ref = by_id(ada);
	Memberd__V1__BatchCheckBenefitsRequest__Check check =
		MEMBERD__V1__BATCH_CHECK_BENEFITS_REQUEST__CHECK__INIT;
	Memberd__V1__BatchCheckBenefitsRequest__Check *checks[501];
	Memberd__V1__BatchCheckBenefitsRequest batch =
		MEMBERD__V1__BATCH_CHECK_BENEFITS_REQUEST__INIT;
	Memberd__V1__BatchCheckBenefitsResponse *answers;

	check.member = &ref;
	check.benefit_id = text("shopping-coupons");
	for (size_t i = 0; i < 501; i++) {
		checks[i] = &check;
	}
	batch.checks = checks;
	batch.n_checks = 501;
	assert_failed(bed,
		      CALL(bed, "checkout", "BenefitService/BatchCheckBenefits",
			   batch_check_benefits, &batch),
		      MB_FIELD_INVALID, "checks");
	batch.n_checks = 500;
	answers = CALL(bed, "checkout", "BenefitService/BatchCheckBenefits", batch_check_benefits,
		       &batch);
	assert_non_null(answers);
	assert_int_equal(answers->n_results, 500);
	assert_string_equal(answers->results[499]->member_id, ada);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_member_is_enrolled_read_and_looked_up),
		TEST(the_same_request_id_is_the_same_request),
		TEST(identities_come_and_go),
		TEST(case_79_an_unknown_member_is_not_found),
		TEST(a_revision_of_elsewhere_is_refused),
		TEST(a_write_that_waited_too_long_is_not_done),
		TEST(roles_may_what_the_table_says),
		TEST(a_member_may_ask_about_himself_only),
		TEST(a_batch_of_members_has_a_status_each),
		TEST(five_hundred_are_a_batch_and_one_more_is_not),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
