/* SPDX-License-Identifier: Apache-2.0 */
#include "requests.h"

#include "base/clock.h"
#include "client/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char *backend = "memory";

int set_up(void **state)
{
	struct service_bed *bed = malloc(sizeof(*bed));

	service_bed_start(bed, backend);
	*state = bed;
	return 0;
}

int tear_down(void **state)
{
	service_bed_stop(*state);
	free(*state);
	return 0;
}

char *text(const char *literal)
{
	return (char *)literal;
}

void assert_failed(const struct service_bed *bed, const void *response, enum mb_code code,
		   const char *field)
{
	assert_null(response);
	if (bed->err.code != code || strcmp(bed->err.field, field) != 0) {
		fail_msg("wanted %s at '%s', got %s at '%s': %s", mb_code_reason(code), field,
			 mb_code_reason(bed->err.code), bed->err.field, bed->err.text);
	}
}

Memberd__V1__EnrollMemberResponse *enroll(struct service_bed *bed, const char *role,
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

char *enrolled(struct service_bed *bed, const char *request_id, const char *external_id)
{
	Memberd__V1__EnrollMemberResponse *response =
		enroll(bed, "support", request_id, external_id);

	assert_non_null(response);
	return response->member->member_id;
}

Memberd__V1__MemberRef by_id(const char *member_id)
{
	Memberd__V1__MemberRef ref = MEMBERD__V1__MEMBER_REF__INIT;

	ref.ref_case = MEMBERD__V1__MEMBER_REF__REF_MEMBER_ID;
	ref.member_id = text(member_id);
	return ref;
}

Memberd__V1__Identity identity_of(const char *external_id)
{
	Memberd__V1__Identity identity = MEMBERD__V1__IDENTITY__INIT;

	identity.issuer = text("taobao");
	identity.external_id = text(external_id);
	return identity;
}

Memberd__V1__MemberRef by_identity(Memberd__V1__Identity *identity)
{
	Memberd__V1__MemberRef ref = MEMBERD__V1__MEMBER_REF__INIT;

	ref.ref_case = MEMBERD__V1__MEMBER_REF__REF_IDENTITY;
	ref.identity = identity;
	return ref;
}

Memberd__V1__GetMemberResponse *get(struct service_bed *bed, const char *role,
				    Memberd__V1__MemberRef ref, Memberd__V1__MemberView view)
{
	Memberd__V1__GetMemberRequest request = MEMBERD__V1__GET_MEMBER_REQUEST__INIT;

	request.member = &ref;
	request.view = view;
	return CALL(bed, role, "MemberService/GetMember", get_member, &request);
}

void make_order(struct paid_order *o, const char *member_id, const char *id, int64_t fen)
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

Memberd__V1__RecordActivitiesResponse *record(struct service_bed *bed, const char *role,
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

Memberd__V1__RecordActivitiesResponse__Result *record_one(struct service_bed *bed,
							  struct paid_order *order)
{
	Memberd__V1__RecordActivitiesResponse *response = record(bed, "producer", order, 1);

	assert_non_null(response);
	assert_int_equal(response->n_results, 1);
	return response->results[0];
}

enum mb_code item_error(const Google__Rpc__Status *status, struct mb_err *err)
{
	return client_read_status(status, err);
}

Memberd__V1__GetScoreResponse *get_score(struct service_bed *bed, const char *member_id)
{
	Memberd__V1__GetScoreRequest request = MEMBERD__V1__GET_SCORE_REQUEST__INIT;
	Memberd__V1__MemberRef ref = by_id(member_id);

	request.member = &ref;
	return CALL(bed, "support", "ScoringService/GetScore", get_score, &request);
}
