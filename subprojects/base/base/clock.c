/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t system_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000;
}

void clock_init_system(struct clock *clock)
{
	clock->mode = CLOCK_SYSTEM;
	atomic_init(&clock->value, 0);
}

int64_t clock_now(const struct clock *clock)
{
	switch (clock->mode) {
	case CLOCK_FIXED:
		return atomic_load(&clock->value);
	case CLOCK_OFFSET:
		return system_now() + atomic_load(&clock->value);
	case CLOCK_SYSTEM:
		break;
	}
	return system_now();
}

int64_t clock_monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Days since 1970-01-01 of a proleptic Gregorian date, and back: by eras of 400 years that begin in
 * March, so that the leap day is a year's last. */
static int64_t days_from_date(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2 ? 1 : 0);
}

void clock_format(int64_t time_us, char *out, int size)
{
	int64_t days = time_us / US_PER_DAY, rest = time_us % US_PER_DAY, year;
	int month, day, len;

	if (rest < 0) {
		rest += US_PER_DAY;
		days--;
	}
	date_from_days(days, &year, &month, &day);
	len = snprintf(out, (size_t)size, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)year, month,
		       day, (int)(rest / US_PER_HOUR), (int)(rest / US_PER_MINUTE % 60),
		       (int)(rest / US_PER_SECOND % 60));
	if (rest % US_PER_SECOND != 0 && len < size) {
		len += snprintf(out + len, (size_t)(size - len), ".%06d",
				(int)(rest % US_PER_SECOND));
		while (out[len - 1] == '0') {
			out[--len] = '\0';
		}
	}
	if (len < size) {
		snprintf(out + len, (size_t)(size - len), "Z");
	}
}

/* Exactly `count` digits; false otherwise. */
static bool take_digits(const char **p, int count, int *out)
{
	int value = 0;

	for (int i = 0; i < count; i++, (*p)++) {
		if (**p < '0' || **p > '9') {
			return false;
		}
		value = value * 10 + (**p - '0');
	}
	*out = value;
	return true;
}

static bool take_char(const char **p, const char *allowed)
{
	if (**p == '\0' || strchr(allowed, **p) == NULL) {
		return false;
	}
	(*p)++;
	return true;
}

static bool take_fraction(const char **p, int *micros)
{
	int digits = 0, scale = 100000;

	*micros = 0;
	if (**p != '.') {
		return true;
	}
	for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, digits++, scale /= 10) {
		*micros += (**p - '0') * scale; /* scale 0 floors what is finer */
	}
	return digits >= 1 && digits <= 9;
}

static bool take_offset(const char **p, int *minutes)
{
	int sign = **p == '-' ? -1 : 1, hour, minute;

	*minutes = 0;
	if (take_char(p, "Zz")) {
		return true;
	}
	if (!take_char(p, "+-") || !take_digits(p, 2, &hour) || !take_char(p, ":") ||
	    !take_digits(p, 2, &minute) || hour > 23 || minute > 59) {
		return false;
	}
	*minutes = sign * (hour * 60 + minute);
	return true;
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

enum mb_code clock_parse(const char *text, int64_t *out, struct mb_err *err)
{
	int year, month, day, hour, minute, second, micros, offset;
	const char *p = text;

	if (!take_digits(&p, 4, &year) || !take_char(&p, "-") || !take_digits(&p, 2, &month) ||
	    !take_char(&p, "-") || !take_digits(&p, 2, &day) || !take_char(&p, "Tt ") ||
	    !take_digits(&p, 2, &hour) || !take_char(&p, ":") || !take_digits(&p, 2, &minute) ||
	    !take_char(&p, ":") || !take_digits(&p, 2, &second) || !take_fraction(&p, &micros) ||
	    !take_offset(&p, &offset) || *p != '\0') {
		return mb_fail(err, MB_FIELD_INVALID,
			       "'%.40s' is no time: write it like 2026-11-21T08:00:00+08:00", text);
	}
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month) ||
	    hour > 23 || minute > 59 || second > 59) {
		return mb_fail(err, MB_FIELD_INVALID, "'%.40s' is no time that exists", text);
	}
	*out = days_from_date(year, month, day) * US_PER_DAY + hour * US_PER_HOUR +
	       (int64_t)(minute - offset) * US_PER_MINUTE + second * US_PER_SECOND + micros;
	return MB_OK;
}

#ifdef MEMBERD_TEST_HOOKS

enum mb_code clock_init_spec(struct clock *clock, const char *spec, struct mb_err *err)
{
	int64_t value;
	enum mb_code code;

	clock_init_system(clock);
	if (strcmp(spec, "system") == 0) {
		return MB_OK;
	}
	if (strncmp(spec, "fixed:", 6) == 0) {
		code = clock_parse(spec + 6, &value, err);
		if (code == MB_OK) {
			clock->mode = CLOCK_FIXED;
			atomic_store(&clock->value, value);
		}
		return code;
	}
	if (strncmp(spec, "offset:", 7) == 0 && str_to_i64(str_from(spec + 7), &value) &&
	    value > -INT64_C(100000000000) && value < INT64_C(100000000000)) {
		clock->mode = CLOCK_OFFSET;
		atomic_store(&clock->value, value * US_PER_SECOND);
		return MB_OK;
	}
	return mb_fail(err, MB_FIELD_INVALID,
		       "'%.60s' is no clock: system, fixed:TIME or offset:SECONDS", spec);
}

void clock_set(struct clock *clock, int64_t value)
{
	atomic_store(&clock->value, value);
}

#endif
