/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/stamp.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct civil {
	int year, month, day, hour, minute, second;
	int64_t micros;
};

enum mb_code stamp_format_init(struct stamp_format *format, struct str pattern, struct mb_err *err)
{
	bool year = false, month = false, day = false;

	if (pattern.len == 0 || pattern.len >= sizeof(format->pattern)) {
		return mb_fail(err, MB_FIELD_INVALID, "a time pattern has 1 to %d bytes",
			       STAMP_PATTERN_MAX - 1);
	}
	memset(format, 0, sizeof(*format));
	memcpy(format->pattern, pattern.ptr, pattern.len);
	format->unix_seconds = str_eq(pattern, STR("unix"));
	if (format->unix_seconds) {
		return MB_OK;
	}
	for (const char *p = format->pattern; *p != '\0'; p++) {
		bool bare = false;

		if (*p != '%') {
			continue;
		}
		p++;
		if (*p == '-') {
			bare = true;
			p++;
		}
		if (*p == '\0' || strchr(bare ? "mdH" : "YmdHMSf%", *p) == NULL) {
			return mb_fail(err, MB_FIELD_INVALID,
				       "unknown directive in the time pattern; there are %%Y %%m "
				       "%%d %%H %%M %%S %%f %%-m %%-d %%-H %%%%, or unix alone");
		}
		year |= *p == 'Y';
		month |= *p == 'm';
		day |= *p == 'd';
	}
	if (!year || !month || !day) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "a time pattern needs %%Y, %%m and %%d, or is unix");
	}
	return MB_OK;
}

/* Takes min..max digits from the front of text. */
static bool take_digits(struct str *text, int min, int max, int *out)
{
	int n = 0, value = 0;

	while (n < max && (size_t)n < text->len && text->ptr[n] >= '0' && text->ptr[n] <= '9') {
		value = value * 10 + (text->ptr[n] - '0');
		n++;
	}
	if (n < min) {
		return false;
	}
	text->ptr += n;
	text->len -= (size_t)n;
	*out = value;
	return true;
}

static bool take_fraction(struct str *text, int64_t *out)
{
	size_t before = text->len;
	int nanos = 0;

	if (!take_digits(text, 1, 9, &nanos)) {
		return false;
	}
	for (size_t n = before - text->len; n < 9; n++) {
		nanos *= 10;
	}
	*out = nanos / 1000;
	return true;
}

static bool take_field(char directive, int min, struct str *text, struct civil *civil)
{
	switch (directive) {
	case 'Y':
		return take_digits(text, 4, 4, &civil->year);
	case 'm':
		return take_digits(text, min, 2, &civil->month);
	case 'd':
		return take_digits(text, min, 2, &civil->day);
	case 'H':
		return take_digits(text, min, 2, &civil->hour);
	case 'M':
		return take_digits(text, min, 2, &civil->minute);
	case 'S':
		return take_digits(text, min, 2, &civil->second);
	default:
		return take_fraction(text, &civil->micros);
	}
}

static bool civil_parse(const char *pattern, struct str text, struct civil *civil)
{
	for (const char *p = pattern; *p != '\0'; p++) {
		int min = 2;

		if (*p == '%' && p[1] != '%') {
			p++;
			if (*p == '-') {
				min = 1;
				p++;
			}
			if (!take_field(*p, min, &text, civil)) {
				return false;
			}
			continue;
		}
		p += *p == '%';
		if (text.len == 0 || text.ptr[0] != *p) {
			return false;
		}
		text.ptr++;
		text.len--;
	}
	return text.len == 0;
}

/* Seconds since 1970 of a clock without a zone; false when there is no such day or time. */
static bool civil_seconds(const struct civil *civil, int64_t *out)
{
	struct tm tm = {.tm_year = civil->year - 1900,
			.tm_mon = civil->month - 1,
			.tm_mday = civil->day,
			.tm_hour = civil->hour,
			.tm_min = civil->minute,
			.tm_sec = civil->second};
	time_t seconds;

	if (civil->month < 1 || civil->month > 12 || civil->day < 1 || civil->hour > 23 ||
	    civil->minute > 59 || civil->second > 59) {
		return false;
	}
	seconds = timegm(&tm);
	/* timegm carries 31 February over into March */
	if (tm.tm_mday != civil->day || tm.tm_mon != civil->month - 1) {
		return false;
	}
	*out = seconds;
	return true;
}

bool zone_exists(struct str name)
{
	const char *dir = getenv("TZDIR");
	struct stat info;
	char path[512];

	if (name.len == 0 || name.len >= ZONE_NAME_MAX || name.ptr[0] == '/') {
		return false;
	}
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (c == '\0' ||
		    (!letter && !(c >= '0' && c <= '9') && strchr("_+-/", c) == NULL)) {
			return false;
		}
	}
	snprintf(path, sizeof(path), "%s/%.*s", dir != NULL ? dir : "/usr/share/zoneinfo",
		 STR_ARG(name));
	return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

enum mb_code zone_open(struct zone *zone, struct str name, struct mb_err *err)
{
	const char *before = getenv("TZ");
	char value[80];

	*zone = (struct zone){0};
	if (!zone_exists(name)) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "the tz database has no zone '%.*s' (is tzdata installed?)",
			       (int)(name.len < 40 ? name.len : 40), name.ptr);
	}
	snprintf(zone->name, sizeof(zone->name), "%.*s", STR_ARG(name));
	if (before != NULL) {
		zone->before = strdup(before);
	}
	snprintf(value, sizeof(value), ":%s", zone->name);
	if ((before != NULL && zone->before == NULL) || setenv("TZ", value, 1) != 0) {
		free(zone->before);
		zone->before = NULL;
		return mb_fail(err, MB_INTERNAL, "out of memory");
	}
	tzset();
	return MB_OK;
}

void zone_close(struct zone *zone)
{
	if (zone->before != NULL) {
		setenv("TZ", zone->before, 1);
	} else {
		unsetenv("TZ");
	}
	tzset();
	free(zone->before);
	*zone = (struct zone){0};
}

/* The zone's clock minus UTC at an instant, in seconds. */
static int64_t offset_at(int64_t utc)
{
	time_t t = (time_t)utc;
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? tm.tm_gmtoff : 0;
}

int64_t zone_to_utc(struct zone *zone, int64_t local)
{
	/* zones change by hours and weeks apart: a day to each side of the change tells both offsets.
	 * mktime() would guess among two readings by what it was asked before. */
	int64_t before, after, utc;

	if (zone->cached && zone->cached_local == local) {
		return zone->cached_utc;
	}
	before = offset_at(local - 86400);
	after = offset_at(local + 86400);
	utc = local - before;
	if (offset_at(utc) != before && offset_at(local - after) == after) {
		utc = local - after;
	}
	zone->cached = true;
	zone->cached_local = local;
	zone->cached_utc = utc;
	return utc;
}

bool stamp_parse(const struct stamp_format *format, struct zone *zone, struct str text,
		 int64_t *out)
{
	struct civil civil = {0};
	int64_t seconds;

	if (format->unix_seconds) {
		/* years 1 to 9999, as on the wire */
		if (!str_to_i64(text, &seconds) || seconds < INT64_C(-62135596800) ||
		    seconds > INT64_C(253402300799)) {
			return false;
		}
		*out = seconds * US_PER_SECOND;
		return true;
	}
	if (!civil_parse(format->pattern, text, &civil) || civil.year < 1 ||
	    !civil_seconds(&civil, &seconds)) {
		return false;
	}
	*out = zone_to_utc(zone, seconds) * US_PER_SECOND + civil.micros;
	return true;
}
