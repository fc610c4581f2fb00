/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show: pieces of answers as texts of tables.
 */
#pragma once

#include "google/protobuf/timestamp.pb-c.h"
#include "memberd/v1/benefit_service.pb-c.h"
#include "memberd/v1/common.pb-c.h"
#include "memberd/v1/member_service.pb-c.h"

#include <stdbool.h>
#include <stdio.h>

#define SHOW_BYTES 96

/* The offset of the clock by which show_time() tells times, for the rest of the program's run: one
 * setting, as TZ is one of the C library. 0: UTC. */
void show_in_zone(int offset_minutes);
/* "+08:00", "-03:30" or "Z"; at most 18 hours, as RFC 3339 readers take them. */
bool show_parse_zone(const char *text, int *out_minutes);
/* The offset of the clock by which this instant is the midnight that begins a month. */
int show_zone_of_month(const Google__Protobuf__Timestamp *start);
/* RFC 3339, or "-" when absent. */
const char *show_time(const Google__Protobuf__Timestamp *time, char out[SHOW_BYTES]);
const char *show_tier(Memberd__V1__Tier tier, char out[SHOW_BYTES]);
/* "tier too low", "needs APASS" */
const char *show_reason(Memberd__V1__BenefitReason reason, char out[SHOW_BYTES]);
const char *show_level(Memberd__V1__Level level, char out[SHOW_BYTES]);
/* What a transition leads from and to: tiers, levels or states, by what it is about. */
void show_ends(const Memberd__V1__TierTransition *row, char from[SHOW_BYTES], char to[SHOW_BYTES]);
/* "CNY 88.00", or "-" when absent. */
const char *show_money(const Memberd__V1__Money *money, char out[SHOW_BYTES]);
/* What is granted: "4 a month", "gold", "20% off, at most CNY 50.00", "yes". */
const char *show_grant(const Memberd__V1__Entitlement *entitlement, char out[SHOW_BYTES]);
/* What would unlock it: "black diamond (2345 points more) or 88VIP". */
const char *show_unlock(const Memberd__V1__Unlock *unlock, char out[SHOW_BYTES]);
/* The last line of an answer about a member. */
void show_info(const char *member_id, const Memberd__V1__AnswerInfo *info, FILE *out);
