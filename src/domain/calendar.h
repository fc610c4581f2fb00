/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calendar: days and months of the programme's zone (a fixed offset), and adding months to times.
 * Months are numbered year * 12 + month - 1, days since 1970-01-01 in the zone. Pure.
 *
 * Times that come from outside lie between CALENDAR_MIN and CALENDAR_MAX, the years 1 to 9999, and
 * adding to a time saturates there. Everything else is exact for some centuries more, so that what
 * follows from the last instant of 9999 still has its months.
 */
#pragma once

#include <stdint.h>

#define CALENDAR_MIN INT64_C(-62135596800000000) /* 0001-01-01T00:00:00Z */
#define CALENDAR_MAX INT64_C(253402300799999999) /* the last microsecond of 9999 */

int32_t calendar_month(int64_t t, int32_t zone_minutes);
int32_t calendar_day(int64_t t, int32_t zone_minutes);
/* The first instant of a month, of a day of a month (1..28), of a day. */
int64_t calendar_month_start(int32_t month, int32_t zone_minutes);
int64_t calendar_month_day(int32_t month, int32_t day, int32_t zone_minutes);
int64_t calendar_day_start(int32_t day, int32_t zone_minutes);
/* t + span (>= 0), at most CALENDAR_MAX. */
int64_t calendar_add(int64_t t, int64_t span);
/* Keeps the clock time in the zone; a day that does not exist becomes the 1st of the next month. */
int64_t calendar_add_months(int64_t t, int32_t months, int32_t zone_minutes);
/* The first settlement instant (00:00 of settlement_day) strictly after t. */
int64_t calendar_next_settlement(int64_t t, int32_t settlement_day, int32_t zone_minutes);
/* The last one at or before t. */
int64_t calendar_last_settlement(int64_t t, int32_t settlement_day, int32_t zone_minutes);
