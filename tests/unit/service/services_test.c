/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services as callers see them: over gRPC, with roles.
 * usage: services_test memory|sqlite
 */
#include "service_bed.h"

#include "base/clock.h"
#include "client/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define UUID(n) "0f8fad5b-d9cb-469f-a165-0000000000" n

static const char *backend;

static int set_up(void **state)
{
	struct service_bed *bed = malloc(sizeof(*bed));

	service_bed_start(bed, backend);
	*state = bed;
	return 0;
}

static int tear_down(void **state)
{
	service_bed_stop(*state);
	free(*state);
	return 0;
}

static char *text(const char *literal)
{
	return (char *)literal;
}

static void assert_failed(const struct service_bed *bed, const void *response, enum mb_code code,
			  const char *field)
{
	assert_null(response);
	if (bed->err.code != code || strcmp(bed->err.field, field) != 0) {
		fail_msg("wanted %s at '%s', got %s at '%s': %s", mb_code_reason(code), field,
			 mb_code_reason(bed->err.code), bed->err.field, bed->err.text);
	}
}

/* ---- requests ---- */

static Memberd__V1__EnrollMemberResponse *enroll(struct service_bed *bed, const char *role,
						 const char *request_id, const char *external_id)
{
	Memberd__V1__EnrollMemberRequest request = MEMBERD__V1__ENROLL_MEMBER_REQUEST__INIT;
	Memberd__V1__Identity identity = MEMBERD__V1__IDENTITY__INIT;
	Memberd__V1__Profile profile = MEMBERD__V1__PROFILE__INIT;

	identity.issuer = text("taobao");
	identity.external_id = text(external_id);
	profile.display_name = text("Ada");
	request.request_id = text(request_id);
	request.identity = &identity;
	request.profile = &profile;
	return CALL(bed, role, "MemberService/EnrollMember", enroll_member, &request);
}

static char *enrolled(struct service_bed *bed, const char *request_id, const char *external_id)
{
	Memberd__V1__EnrollMemberResponse *response =
		enroll(bed, "support", request_id, external_id);

	assert_non_null(response);
	return response->member->member_id;
}

static Memberd__V1__MemberRef by_id(const char *member_id)
{
	Memberd__V1__MemberRef ref = MEMBERD__V1__MEMBER_REF__INIT;

	ref.ref_case = MEMBERD__V1__MEMBER_REF__REF_MEMBER_ID;
	ref.member_id = text(member_id);
	return ref;
}

static Memberd__V1__Identity identity_of(const char *external_id)
{
	Memberd__V1__Identity identity = MEMBERD__V1__IDENTITY__INIT;

	identity.issuer = text("taobao");
	identity.external_id = text(external_id);
	return identity;
}

static Memberd__V1__MemberRef by_identity(Memberd__V1__Identity *identity)
{
	Memberd__V1__MemberRef ref = MEMBERD__V1__MEMBER_REF__INIT;

	ref.ref_case = MEMBERD__V1__MEMBER_REF__REF_IDENTITY;
	ref.identity = identity;
	return ref;
}

static Memberd__V1__GetMemberResponse *get(struct service_bed *bed, const char *role,
					   Memberd__V1__MemberRef ref, Memberd__V1__MemberView view)
{
	Memberd__V1__GetMemberRequest request = MEMBERD__V1__GET_MEMBER_REQUEST__INIT;

	request.member = &ref;
	request.view = view;
	return CALL(bed, role, "MemberService/GetMember", get_member, &request);
}

#define BASIC MEMBERD__V1__MEMBER_VIEW__MEMBER_VIEW_BASIC
#define FULL  MEMBERD__V1__MEMBER_VIEW__MEMBER_VIEW_FULL

/* An order of one line, complete when it was paid. */
struct paid_order {
	Memberd__V1__Activity activity;
	Memberd__V1__MemberRef member;
	Google__Protobuf__Timestamp at;
	Memberd__V1__Order order;
	Memberd__V1__OrderLine line, *lines[1];
};

static void make_order(struct paid_order *o, const char *member_id, const char *id, int64_t fen)
{
	memset(o, 0, sizeof(*o));
	memberd__v1__activity__init(&o->activity);
	memberd__v1__order__init(&o->order);
	memberd__v1__order_line__init(&o->line);
	google__protobuf__timestamp__init(&o->at);
	o->member = by_id(member_id);
	o->at.seconds = BED_NOW / US_PER_SECOND;
	o->line.line_no = 1;
	o->line.type = MEMBERD__V1__LINE_TYPE__LINE_TYPE_GOODS;
	o->line.currency = text("CNY");
	o->line.amount = fen;
	o->line.category = text("books");
	o->lines[0] = &o->line;
	o->order.platform = MEMBERD__V1__PLATFORM__PLATFORM_FOOD;
	o->order.order_id = text(id);
	o->order.completed_at = &o->at;
	o->order.lines = o->lines;
	o->order.n_lines = 1;
	o->activity.source = text("shop");
	o->activity.source_event_id = text(id);
	o->activity.member = &o->member;
	o->activity.occurred_at = &o->at;
	o->activity.kind_case = MEMBERD__V1__ACTIVITY__KIND_ORDER;
	o->activity.order = &o->order;
}

static Memberd__V1__RecordActivitiesResponse *record(struct service_bed *bed, const char *role,
						     struct paid_order *orders, size_t n)
{
	Memberd__V1__RecordActivitiesRequest request = MEMBERD__V1__RECORD_ACTIVITIES_REQUEST__INIT;
	Memberd__V1__Activity *activities[8];

	assert_true(n <= 8);
	for (size_t i = 0; i < n; i++) {
		activities[i] = &orders[i].activity;
	}
	request.activities = activities;
	request.n_activities = n;
	return CALL(bed, role, "ScoringService/RecordActivities", record_activities, &request);
}

static Memberd__V1__RecordActivitiesResponse__Result *record_one(struct service_bed *bed,
								 struct paid_order *order)
{
	Memberd__V1__RecordActivitiesResponse *response = record(bed, "producer", order, 1);

	assert_non_null(response);
	assert_int_equal(response->n_results, 1);
	return response->results[0];
}

static enum mb_code item_error(const Google__Rpc__Status *status, struct mb_err *err)
{
	return client_read_status(status, err);
}

static Memberd__V1__GetScoreResponse *get_score(struct service_bed *bed, const char *member_id)
{
	Memberd__V1__GetScoreRequest request = MEMBERD__V1__GET_SCORE_REQUEST__INIT;
	Memberd__V1__MemberRef ref = by_id(member_id);

	request.member = &ref;
	return CALL(bed, "support", "ScoringService/GetScore", get_score, &request);
}

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

/* ---- activities ---- */

static void case_01_the_same_activity_twice_is_one(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__RecordActivitiesResponse__Result *first, *again;
	struct paid_order order;

	make_order(&order, enrolled(bed, UUID("01"), "ada"), "o1", 1000000);
	first = record_one(bed, &order);
	assert_int_equal(first->status->code, 0);
	assert_int_equal(first->state, MEMBERD__V1__ENTRY_STATE__ENTRY_STATE_POSTED);
	assert_int_equal(first->revision, 2);
	assert_int_equal(first->info->revision, 2);
	assert_false(first->replayed);
	assert_int_equal(first->tier, MEMBERD__V1__TIER__TIER_SILVER);
	again = record_one(bed, &order);
	assert_true(again->replayed);
	assert_string_equal(again->entry_id, first->entry_id);
	assert_int_equal(again->revision, 2);
	assert_int_equal(again->score, first->score);
}

static void case_02_same_key_other_amount_conflicts(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__RecordActivitiesResponse__Result *other;
	struct paid_order order;
	struct mb_err err;

	make_order(&order, enrolled(bed, UUID("01"), "ada"), "o1", 1000000);
	record_one(bed, &order);
	order.line.amount = 1000001;
	other = record_one(bed, &order);
	assert_int_equal(item_error(other->status, &err), MB_ACTIVITY_CONFLICT);
	assert_int_equal(other->status->code, 6);
	assert_string_equal(other->entry_id, "");
}

static void case_03_the_same_id_of_two_sources_is_two(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__RecordActivitiesResponse *response;
	struct paid_order orders[2];

	make_order(&orders[0], ada, "o1", 1000000);
	make_order(&orders[1], ada, "o1", 1000000);
	orders[1].activity.source = text("grocery");
	response = record(bed, "producer", orders, 2);
	assert_non_null(response);
	assert_string_not_equal(response->results[0]->entry_id, response->results[1]->entry_id);
	assert_int_equal(response->results[1]->revision, 3);
	assert_int_equal(response->results[0]->info->revision, 3);
	assert_int_equal(response->results[0]->score, response->results[1]->score);
}

static void case_32_six_minutes_ahead_is_refused(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__RecordActivitiesResponse__Result *result;
	struct paid_order order;
	struct mb_err err;

	make_order(&order, enrolled(bed, UUID("01"), "ada"), "o1", 1000000);
	order.at.seconds += 360;
	result = record_one(bed, &order);
	assert_int_equal(item_error(result->status, &err), MB_IN_FUTURE);
	assert_int_equal(result->status->code, 3);
	assert_string_equal(err.field, "activities[0].occurred_at");
	order.at.seconds -= 120;
	assert_int_equal(record_one(bed, &order)->status->code, 0);
}

static void case_75_one_bad_item_does_not_disturb_the_others(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__RecordActivitiesResponse *response;
	struct paid_order orders[4];
	struct mb_err err;

	make_order(&orders[0], ada, "o1", 1000000);
	make_order(&orders[1], ada, "o2", 1000000);
	make_order(&orders[2], "4711", "o3", 1000000);
	make_order(&orders[3], ada, "o4", 1000000);
	orders[1].line.currency = text("ZZZ");
	response = record(bed, "producer", orders, 4);
	assert_non_null(response);
	assert_int_equal(response->n_results, 4);
	assert_int_equal(item_error(response->results[0]->status, &err), MB_OK);
	assert_int_equal(item_error(response->results[1]->status, &err), MB_CURRENCY_UNKNOWN);
	assert_string_equal(err.field, "activities[1].order.lines[0].currency");
	assert_int_equal(item_error(response->results[2]->status, &err), MB_MEMBER_NOT_FOUND);
	assert_int_equal(item_error(response->results[3]->status, &err), MB_OK);
	assert_int_equal(response->results[3]->revision, 3);
}

static void too_many_or_no_activities_are_refused(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__RecordActivitiesRequest request = MEMBERD__V1__RECORD_ACTIVITIES_REQUEST__INIT;
	Memberd__V1__Activity *activities[501];
	struct paid_order order;

	make_order(&order, "4711", "o1", 1);
	for (size_t i = 0; i < 501; i++) {
		activities[i] = &order.activity;
	}
	assert_failed(bed, record(bed, "producer", &order, 0), MB_FIELD_INVALID, "activities");
	request.activities = activities;
	request.n_activities = 501;
	assert_failed(bed,
		      CALL(bed, "producer", "ScoringService/RecordActivities", record_activities,
			   &request),
		      MB_FIELD_INVALID, "activities");
}

/* ---- scores ---- */

static int64_t sum_of(const Memberd__V1__Score *score)
{
	int64_t sum = 0;

	for (size_t i = 0; i < score->n_parts; i++) {
		sum += score->parts[i]->micro_points;
	}
	return sum;
}

static void case_76_the_explanation_adds_up(void **state)
{
	static const int64_t amounts[] = {1, 999, 100000, 123456, 4058333, 34999999};
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");

	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		Memberd__V1__RecordActivitiesResponse__Result *result;
		Memberd__V1__GetScoreResponse *score;
		struct paid_order order;
		char id[16];

		snprintf(id, sizeof(id), "o%zu", i);
		make_order(&order, ada, id, amounts[i]);
		order.order.platform = (Memberd__V1__Platform)(1 + i);
		order.at.seconds -= 86400 * 10;
		result = record_one(bed, &order);
		score = get_score(bed, ada);
		assert_non_null(score);
		assert_int_equal(score->score->score, result->score);
		assert_int_equal(sum_of(score->score), score->score->score * 1000000);
		if (score->settled != NULL) {
			assert_int_equal(sum_of(score->settled), score->settled->score * 1000000);
		}
		assert_int_equal(score->info->revision, (int64_t)i + 2);
	}
}

static void what_is_pending_and_what_comes_is_told(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__GetScoreResponse *score;
	struct paid_order order;

	make_order(&order, ada, "o1", 1000000);
	order.order.platform = MEMBERD__V1__PLATFORM__PLATFORM_SHOPPING; /* posts after 7 days */
	assert_int_equal(record_one(bed, &order)->state,
			 MEMBERD__V1__ENTRY_STATE__ENTRY_STATE_PENDING);
	score = get_score(bed, ada);
	assert_non_null(score);
	assert_int_equal(score->score->score, 0);
	assert_int_equal(score->n_pending, 1);
	assert_string_equal(score->pending[0]->order_id, "o1");
	assert_int_equal(score->pending[0]->posts_at->seconds, BED_NOW / US_PER_SECOND + 7 * 86400);
	assert_true(score->pending[0]->would_add > 0);
	assert_true(score->n_schedule > 0);
	assert_int_equal(score->schedule[0]->at->seconds, BED_NOW / US_PER_SECOND + 7 * 86400);
	assert_int_equal(score->schedule[0]->tier, MEMBERD__V1__TIER__TIER_SILVER);
	assert_int_equal(score->info->valid_until->seconds, score->schedule[0]->at->seconds);
	assert_false(score->schedule_truncated);
}

/* ---- benefits ---- */

static Memberd__V1__CheckBenefitResponse *check(struct service_bed *bed, const char *member_id,
						const char *benefit_id)
{
	Memberd__V1__CheckBenefitRequest request = MEMBERD__V1__CHECK_BENEFIT_REQUEST__INIT;
	Memberd__V1__MemberRef ref = by_id(member_id);

	request.member = &ref;
	request.benefit_id = text(benefit_id);
	return CALL(bed, "checkout", "BenefitService/CheckBenefit", check_benefit, &request);
}

static void a_no_says_why_and_what_would_unlock(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__CheckBenefitResponse *answer = check(bed, ada, "value-channel-discount");

	assert_non_null(answer);
	assert_string_equal(answer->member_id, ada);
	assert_false(answer->entitlement->allowed);
	assert_int_equal(answer->entitlement->reason,
			 MEMBERD__V1__BENEFIT_REASON__BENEFIT_REASON_TIER_TOO_LOW);
	assert_int_equal(answer->entitlement->percent_bp, 2000);
	assert_int_equal(answer->entitlement->percent_cap->minor, 5000);
	assert_int_equal(answer->entitlement->unlock->tier, MEMBERD__V1__TIER__TIER_BLACK_DIAMOND);
	assert_int_equal(answer->entitlement->unlock->score, 2500);
	assert_int_equal(answer->entitlement->unlock->score_missing, 2500);
	assert_failed(bed, check(bed, ada, "free-lunch"), MB_BENEFIT_NOT_FOUND, "benefit_id");
	assert_failed(bed, check(bed, ada, ""), MB_FIELD_INVALID, "benefit_id");
	assert_failed(bed, check(bed, "4711", "free-lunch"), MB_MEMBER_NOT_FOUND, "");
}

static void benefits_are_held_or_locked_never_both(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__ListMemberBenefitsRequest request =
		MEMBERD__V1__LIST_MEMBER_BENEFITS_REQUEST__INIT;
	Memberd__V1__ListBenefitsRequest catalogue = MEMBERD__V1__LIST_BENEFITS_REQUEST__INIT;
	Memberd__V1__MemberRef ref = by_id(enrolled(bed, UUID("01"), "ada"));
	Memberd__V1__ListMemberBenefitsResponse *mine;
	Memberd__V1__ListBenefitsResponse *all;

	request.member = &ref;
	mine = CALL(bed, "portal", "BenefitService/ListMemberBenefits", list_member_benefits,
		    &request);
	all = CALL(bed, "portal", "BenefitService/ListBenefits", list_benefits, &catalogue);
	assert_non_null(mine);
	assert_non_null(all);
	assert_int_equal(mine->n_held + mine->n_locked, all->n_benefits);
	for (size_t i = 0; i < mine->n_held; i++) {
		assert_true(mine->held[i]->allowed);
		assert_null(mine->held[i]->unlock);
	}
	for (size_t i = 0; i < mine->n_locked; i++) {
		assert_false(mine->locked[i]->allowed);
		assert_non_null(mine->locked[i]->unlock);
	}
}

static void the_catalogue_comes_in_pages(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__ListBenefitsRequest request = MEMBERD__V1__LIST_BENEFITS_REQUEST__INIT;
	Memberd__V1__ListBenefitsResponse *whole, *page;
	size_t n = 0;

	request.page_size = 1000;
	whole = CALL(bed, "portal", "BenefitService/ListBenefits", list_benefits, &request);
	assert_non_null(whole);
	assert_string_equal(whole->next_page_token, "");
	request.page_size = 4;
	do {
		page = CALL(bed, "portal", "BenefitService/ListBenefits", list_benefits, &request);
		assert_non_null(page);
		for (size_t i = 0; i < page->n_benefits; i++, n++) {
			assert_string_equal(page->benefits[i]->benefit_id,
					    whole->benefits[n]->benefit_id);
		}
		request.page_token = page->next_page_token;
		request.page_size = 5;
	} while (page->next_page_token[0] != '\0');
	assert_int_equal(n, whole->n_benefits);
	request.page_size = -1;
	request.page_token = text("");
	assert_failed(bed,
		      CALL(bed, "portal", "BenefitService/ListBenefits", list_benefits, &request),
		      MB_FIELD_INVALID, "page_size");
	request.page_size = 0;
	request.page_token = text("0000000100000004deadbeefdeadbeefdeadbeefdeadbeef");
	assert_failed(bed,
		      CALL(bed, "portal", "BenefitService/ListBenefits", list_benefits, &request),
		      MB_FIELD_INVALID, "page_token");
}

static void hotels_and_the_offer_tell_what_is_missing(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__GetHotelStatusRequest hotel = MEMBERD__V1__GET_HOTEL_STATUS_REQUEST__INIT;
	Memberd__V1__GetUpgradeOfferRequest offer = MEMBERD__V1__GET_UPGRADE_OFFER_REQUEST__INIT;
	Memberd__V1__MemberRef ref = by_id(enrolled(bed, UUID("01"), "ada"));
	Memberd__V1__GetHotelStatusResponse *hotels;
	Memberd__V1__GetUpgradeOfferResponse *offered;

	hotel.member = offer.member = &ref;
	hotels = CALL(bed, "portal", "BenefitService/GetHotelStatus", get_hotel_status, &hotel);
	assert_non_null(hotels);
	assert_int_equal(hotels->n_statuses, 2);
	assert_string_equal(hotels->statuses[0]->partner, "marriott-bonvoy");
	assert_string_equal(hotels->statuses[0]->entitlement->level, "");
	assert_int_equal(hotels->statuses[0]->entitlement->unlock->tier,
			 MEMBERD__V1__TIER__TIER_DIAMOND);
	offered = CALL(bed, "checkout", "VipService/GetUpgradeOffer", get_upgrade_offer, &offer);
	assert_non_null(offered);
	assert_true(offered->offered);
	assert_false(offered->nominal_fee);
	assert_int_equal(offered->price->minor, 88800);
	assert_string_equal(offered->price->currency, "CNY");
	assert_int_equal(offered->months, 12);
	assert_int_equal(offered->unlock_tier, MEMBERD__V1__TIER__TIER_PLATINUM);
	assert_int_equal(offered->unlock_score, 1000);
	assert_int_equal(offered->unlock_score_missing, 1000);
}

/* All there is to get from orders: the curve's top 2,200, 200 days, 6 platforms, 20 categories. */
static void make_black_diamond(struct service_bed *bed, const char *member_id)
{
	struct paid_order orders[8];
	char ids[8][16], categories[8][16];
	int64_t score = 0;

	for (int day = 0; day < 200; day += 8) {
		Memberd__V1__RecordActivitiesResponse *response;

		for (int i = 0; i < 8; i++) {
			snprintf(ids[i], sizeof(ids[i]), "day-%d", day + i);
			snprintf(categories[i], sizeof(categories[i]), "c%d", (day + i) % 20);
			make_order(&orders[i], member_id, ids[i], 5000000);
			orders[i].order.platform =
				(Memberd__V1__Platform)(day + i < 6 ? 1 + day + i : 1);
			orders[i].line.category = categories[i];
			orders[i].at.seconds -= 86400 * (20 + day + i);
		}
		response = record(bed, "producer", orders, 8);
		assert_non_null(response);
		assert_int_equal(response->results[0]->status->code, 0);
		score = response->results[0]->score;
	}
	assert_int_equal(score, 2500);
}

static void the_twenty_percent_are_granted_and_refused(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__QuoteDiscountRequest request = MEMBERD__V1__QUOTE_DISCOUNT_REQUEST__INIT;
	Memberd__V1__BasketLine line = MEMBERD__V1__BASKET_LINE__INIT, *lines[] = {&line};
	Memberd__V1__MemberRef ref = by_id(ada);
	Memberd__V1__QuoteDiscountResponse *quote;

	line.line_no = 1;
	line.public_price = 10000;
	line.channel = MEMBERD__V1__BASKET_CHANNEL__BASKET_CHANNEL_VALUE;
	request.member = &ref;
	request.currency = text("CNY");
	request.lines = lines;
	request.n_lines = 1;
	quote = CALL(bed, "checkout", "BenefitService/QuoteDiscount", quote_discount, &request);
	assert_non_null(quote);
	assert_int_equal(quote->total, 10000);
	assert_int_equal(quote->percents[0]->entitlement->reason,
			 MEMBERD__V1__BENEFIT_REASON__BENEFIT_REASON_TIER_TOO_LOW);
	assert_true(quote->percents[0]->fits);
	assert_int_equal(quote->percents[0]->would_take, 2000);
	make_black_diamond(bed, ada);
	quote = CALL(bed, "checkout", "BenefitService/QuoteDiscount", quote_discount, &request);
	assert_non_null(quote);
	assert_int_equal(quote->total, 8000);
	assert_int_equal(quote->percent_off, 2000);
	assert_true(quote->percents[0]->applied);
	assert_int_equal(quote->lines[0]->percent_off, 2000);
	request.currency = text("USD");
	assert_failed(
		bed,
		CALL(bed, "checkout", "BenefitService/QuoteDiscount", quote_discount, &request),
		MB_FIELD_INVALID, "currency");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		TEST(case_01_the_same_activity_twice_is_one),
		TEST(case_02_same_key_other_amount_conflicts),
		TEST(case_03_the_same_id_of_two_sources_is_two),
		TEST(case_32_six_minutes_ahead_is_refused),
		TEST(case_75_one_bad_item_does_not_disturb_the_others),
		TEST(too_many_or_no_activities_are_refused),
		TEST(case_76_the_explanation_adds_up),
		TEST(what_is_pending_and_what_comes_is_told),
		TEST(a_no_says_why_and_what_would_unlock),
		TEST(benefits_are_held_or_locked_never_both),
		TEST(the_catalogue_comes_in_pages),
		TEST(hotels_and_the_offer_tell_what_is_missing),
		TEST(the_twenty_percent_are_granted_and_refused),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
