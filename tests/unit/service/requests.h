/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests: what the tests of the services ask over and over. Everything is borrowed from the bed's
 * arena or from literals; a call's answer is NULL when it failed, and then bed->err tells.
 */
#pragma once

#include "service_bed.h"

#define UUID(n) "0f8fad5b-d9cb-469f-a165-0000000000" n

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

/* A bed for each test, over the store that main() chose. */
extern const char *backend;
int set_up(void **state);
int tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

char *text(const char *literal);
void assert_failed(const struct service_bed *bed, const void *response, enum mb_code code,
		   const char *field);
Memberd__V1__EnrollMemberResponse *enroll(struct service_bed *bed, const char *role,
					  const char *request_id, const char *external_id);
char *enrolled(struct service_bed *bed, const char *request_id, const char *external_id);
Memberd__V1__MemberRef by_id(const char *member_id);
Memberd__V1__Identity identity_of(const char *external_id);
Memberd__V1__MemberRef by_identity(Memberd__V1__Identity *identity);
Memberd__V1__GetMemberResponse *get(struct service_bed *bed, const char *role,
				    Memberd__V1__MemberRef ref, Memberd__V1__MemberView view);
void make_order(struct paid_order *o, const char *member_id, const char *id, int64_t fen);
Memberd__V1__RecordActivitiesResponse *record(struct service_bed *bed, const char *role,
					      struct paid_order *orders, size_t n);
Memberd__V1__RecordActivitiesResponse__Result *record_one(struct service_bed *bed,
							  struct paid_order *order);
enum mb_code item_error(const Google__Rpc__Status *status, struct mb_err *err);
Memberd__V1__GetScoreResponse *get_score(struct service_bed *bed, const char *member_id);
