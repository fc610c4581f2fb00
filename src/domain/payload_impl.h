/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload_impl: what the encoder, the decoder and the check of payloads share.
 */
#pragma once

#include "domain/activity.h"

/* Numbers of fields: given once, never reused. 37 and up are free for what comes. */
enum {
	F_OCCURRED_AT = 1,
	F_SOURCE = 2,
	F_SOURCE_EVENT_ID = 3,
	F_ORDER_SOURCE = 4,
	F_ORDER_ID = 5,
	F_PLATFORM = 16,
	F_COMPLETED_AT = 17,
	F_LINE = 18,
	F_ABOUT_SOURCE = 19,
	F_ABOUT_EVENT_ID = 20,
	F_LINE_NO = 21,
	F_PICTURES = 22,
	F_CONTENT = 23,
	F_CHANNEL = 24,
	F_BY = 25,
	F_VERIFIED = 26,
	F_QUESTION = 27,
	F_ASKER = 28,
	F_STORE = 29,
	F_DELTA_BP = 30,
	F_UNTIL = 31,
	F_OTHER = 32,
	F_LINKED = 33,
	F_TIER = 34,
	F_SUSPENDED = 35,
	F_REASON = 36,
};

/* Inside a line. */
enum {
	L_LINE_NO = 1,
	L_TYPE = 2,
	L_CURRENCY = 3,
	L_AMOUNT = 4,
	L_COUPON = 5,
	L_POINTS = 6,
	L_SUB_KIND = 7,
	L_CATEGORY = 8,
	L_STORE = 9,
	L_BRAND = 10,
};

/* The story of why the activity may not be stored, NULL when it may. Limits that a policy or a
 * release may move are not looked at: what was stored under the old ones must stay readable. */
const char *payload_find_fault(const struct activity *activity);
