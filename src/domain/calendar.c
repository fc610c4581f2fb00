/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/calendar.h"

#include "base/clock.h"

/* Years are counted from March here, so that the leap day is the last of its year and the lengths
 * of the months before it follow one rule. Day 0 of this count is 0000-03-01. */
#define DAYS_TO_EPOCH 719468
#define DAYS_400Y     146097

static int64_t floor_div(int64_t a, int64_t b)
{
	int64_t q = a / b;

	return a % b < 0 ? q - 1 : q;
}

#define CENTURY (36525 * US_PER_DAY)

static int64_t clamp(int64_t t, int64_t low, int64_t high)
{
	if (t < low) {
		return low;
	}
	return t > high ? high : t;
}

static int64_t clamp_time(int64_t t)
{
	return clamp(t, CALENDAR_MIN, CALENDAR_MAX);
}

/* Days from 1970-01-01 to the first of a month. */
static int32_t month_first_day(int32_t month)
{
	int64_t shifted = (int64_t)month - 2; /* months since March of year 0 */
	int64_t year = floor_div(shifted, 12);
	int64_t from_march = shifted - year * 12;
	int64_t days = year * 365 + floor_div(year, 4) - floor_div(year, 100) +
		       floor_div(year, 400) + (153 * from_march + 2) / 5;

	return (int32_t)(days - DAYS_TO_EPOCH);
}

static int32_t month_of_day(int32_t day)
{
	int64_t days = (int64_t)day + DAYS_TO_EPOCH;
	/* A guess by the mean length of a month is off by at most one. */
	int32_t month = (int32_t)(floor_div(days * 4800, DAYS_400Y) + 2);

	while (month_first_day(month) > day) {
		month--;
	}
	while (month_first_day(month + 1) <= day) {
		month++;
	}
	return month;
}

int32_t calendar_day(int64_t t, int32_t zone_minutes)
{
	return (int32_t)floor_div(clamp(t, CALENDAR_MIN - CENTURY, CALENDAR_MAX + 5 * CENTURY) +
					  zone_minutes * US_PER_MINUTE,
				  US_PER_DAY);
}

int32_t calendar_month(int64_t t, int32_t zone_minutes)
{
	return month_of_day(calendar_day(t, zone_minutes));
}

int64_t calendar_day_start(int32_t day, int32_t zone_minutes)
{
	return day * US_PER_DAY - zone_minutes * US_PER_MINUTE;
}

int64_t calendar_month_start(int32_t month, int32_t zone_minutes)
{
	return calendar_day_start(month_first_day(month), zone_minutes);
}

int64_t calendar_month_day(int32_t month, int32_t day, int32_t zone_minutes)
{
	return calendar_day_start(month_first_day(month) + day - 1, zone_minutes);
}

int64_t calendar_add(int64_t t, int64_t span)
{
	int64_t from = clamp_time(t);

	return span >= CALENDAR_MAX - from ? CALENDAR_MAX : from + span;
}

int64_t calendar_add_months(int64_t t, int32_t months, int32_t zone_minutes)
{
	int64_t from = clamp_time(t);
	int32_t day = calendar_day(from, zone_minutes);
	int64_t time_of_day = from - calendar_day_start(day, zone_minutes);
	int32_t month = month_of_day(day);
	int32_t in_month = day - month_first_day(month);
	int32_t next = month_first_day(month + months + 1);
	int32_t target = month_first_day(month + months) + in_month;

	return clamp_time(calendar_day_start(target < next ? target : next, zone_minutes) +
			  time_of_day);
}

int64_t calendar_last_settlement(int64_t t, int32_t settlement_day, int32_t zone_minutes)
{
	int32_t month = calendar_month(t, zone_minutes);
	int64_t at = calendar_month_day(month, settlement_day, zone_minutes);

	return at <= t ? at : calendar_month_day(month - 1, settlement_day, zone_minutes);
}

int64_t calendar_next_settlement(int64_t t, int32_t settlement_day, int32_t zone_minutes)
{
	int32_t month = calendar_month(t, zone_minutes);
	int64_t at = calendar_month_day(month, settlement_day, zone_minutes);

	return at > t ? at : calendar_month_day(month + 1, settlement_day, zone_minutes);
}
