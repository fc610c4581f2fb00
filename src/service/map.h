/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map: between messages and the domain's values.
 *
 * Inbound (from_*): checks form and range; on failure err->field is the path relative to the message
 * given, and *out is not to be used. Texts are borrowed from the message.
 * Outbound (to_*): messages in the arena; NULL when it is out of memory, which callers may notice
 * once at the end by arena_overflowed().
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "domain/activity.h"
#include "domain/basket.h"
#include "domain/benefit.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "memberd/v1/benefit_service.pb-c.h"
#include "memberd/v1/common.pb-c.h"
#include "memberd/v1/member_service.pb-c.h"
#include "memberd/v1/scoring_service.pb-c.h"
#include "repository/repository.h"

#include <stddef.h>
#include <stdint.h>

/* ---- map_common.c ---- */

enum mb_code from_member_id(const char *text, int64_t *out, struct mb_err *err);
enum mb_code from_identity(const Memberd__V1__Identity *message, struct identity *out,
			   struct mb_err *err);
enum mb_code from_member_ref(const Memberd__V1__MemberRef *message, struct member_ref *out,
			     struct mb_err *err);
/* The same in a field of the request: what is wrong names it. */
enum mb_code from_member_field(const Memberd__V1__MemberRef *message, const char *field,
			       struct member_ref *out, struct mb_err *err);
/* Why a person decided something. */
enum mb_code from_reason(const char *text, struct str *out, struct mb_err *err);
/* Floored to microseconds; NULL is refused as missing. */
enum mb_code from_time(const Google__Protobuf__Timestamp *message, int64_t *out,
		       struct mb_err *err);
/* A UUID in any case; *out in lower case, in the arena. */
enum mb_code from_request_id(const char *text, struct arena *arena, struct str *out,
			     struct mb_err *err);
/* 1 to BATCH_ITEMS_MAX. */
enum mb_code from_batch(size_t n, const char *field, struct mb_err *err);

/* Never NULL: the empty text when the arena is used up. An id that is none (0 or below) is empty, too. */
char *to_id(struct arena *arena, int64_t id);
char *to_text(struct arena *arena, struct str text);
/* NULL for none: 0. */
Google__Protobuf__Timestamp *to_time(struct arena *arena, int64_t t);
Memberd__V1__Money *to_money(struct arena *arena, int64_t minor, const char *currency);
Memberd__V1__AnswerInfo *to_info(struct arena *arena, const struct member *member);

/* ---- map_member.c ---- */

enum mb_code from_profile(const Memberd__V1__Profile *message, struct profile *out,
			  struct mb_err *err);
/* *fields: those of enum profile_field that the mask means; err->field is "update_mask" and below. */
enum mb_code from_profile_mask(const Google__Protobuf__FieldMask *mask,
			       const struct profile *profile, unsigned *fields, struct mb_err *err);
/* personal: with profile and identities, which must have been read. */
Memberd__V1__Member *to_member(struct arena *arena, const struct member *member, bool personal);

/* ---- map_activity.c ---- */

/* Checks form and content against the policy in force at `now`, the instant of receipt. *out_named is
 * the member whom the activity names beside its own (by, asker), empty for kinds that name none. */
enum mb_code from_activity(const Memberd__V1__Activity *message, const struct policy *policy,
			   int64_t now, struct arena *arena, struct activity *out,
			   struct member_ref *out_named, struct mb_err *err);
/* err->field of a reversal counts the lines as they stand in `activity`, sorted: from here on as the
 * message has them. */
void to_sent_line(const Memberd__V1__Activity *message, const struct activity *activity,
		  struct mb_err *err);

/* ---- map_score.c ---- */

Memberd__V1__Score *to_score(struct arena *arena, const struct score *score,
			     const struct policy *policy);
/* Pending orders and schedule of an answer. */
void to_outlook(struct arena *arena, const struct member *member,
		Memberd__V1__GetScoreResponse *out);
/* All of the answer about a member that was read with his schedule. */
void to_score_answer(struct arena *arena, const struct member *member,
		     Memberd__V1__GetScoreResponse *out);

/* ---- map_record.c ---- */

/* What became of item `index` of a batch, which was sent as `sent`; what was wrong with it names the
 * field of the request. */
Memberd__V1__RecordActivitiesResponse__Result *to_record_result(struct arena *arena,
								const Memberd__V1__Activity *sent,
								size_t index,
								struct record_item *item);

/* ---- map_told.c ---- */

/* As it was told, without its member. own: for the member himself, who is told of no other one. Of the
 * service's own kinds there is the envelope only. */
Memberd__V1__Activity *to_activity(struct arena *arena, const struct activity *activity, bool own);
/* The activity that it names. */
Memberd__V1__ActivityKey *to_activity_key(struct arena *arena, const struct activity *activity);

/* ---- map_listed.c ---- */

Memberd__V1__ListedActivity *to_listed_activity(struct arena *arena,
						const struct member_activity *listed,
						const struct policy *policy, bool own);

/* ---- map_benefit.c ---- */

struct holder to_holder(const struct member *member);
/* One to 64 of [a-z0-9._-]. */
enum mb_code from_benefit_id(const char *text, struct str *out, struct mb_err *err);
Memberd__V1__Entitlement *to_entitlement(struct arena *arena, const struct entitlement *entitlement,
					 const struct member *member);
Memberd__V1__Benefit *to_benefit(struct arena *arena, const struct policy_benefit *benefit,
				 const struct policy *policy);

/* ---- map_basket.c ---- */

enum mb_code from_basket(const Memberd__V1__QuoteDiscountRequest *message,
			 const struct policy *policy, struct arena *arena, struct basket *out,
			 struct mb_err *err);
void to_quote(struct arena *arena, const struct priced_basket *priced, const struct member *member,
	      size_t n_coupons, Memberd__V1__QuoteDiscountResponse *out);

/* ---- map_transition.c ---- */

/* Bits 1 << enum transition_kind of a filter; 0 for none. err->field begins with "kinds". */
enum mb_code from_transition_kinds(const Memberd__V1__TierTransitionKind *asked, size_t n,
				   uint32_t *out, struct mb_err *err);
Memberd__V1__TierTransition *to_transition(struct arena *arena,
					   const struct member_transition *row);
