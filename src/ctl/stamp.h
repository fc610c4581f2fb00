/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stamp: times as a log writes them, by a strict pattern, and from a zone's clock to UTC.
 *
 * Patterns: %Y four digits; %m %d %H %M %S two; %-m %-d %-H one or two; %f a fraction of one to nine
 * digits; %% a percent sign; "unix" alone: seconds since 1970 in UTC; any other byte is itself.
 *
 * A zone is the C library's (tzdata): while one is open the process's TZ is set to it, so open it
 * before there are threads and close it when done.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define STAMP_PATTERN_MAX 64
#define ZONE_NAME_MAX	  64

struct stamp_format {
	char pattern[STAMP_PATTERN_MAX];
	bool unix_seconds;
};

/* MB_FIELD_INVALID with what is wrong; a pattern needs year, month and day. */
enum mb_code stamp_format_init(struct stamp_format *format, struct str pattern, struct mb_err *err);

struct zone {
	char name[ZONE_NAME_MAX];
	char *before; /* TZ as it was, NULL when it was unset */
	/* the last answer: lines of one invoice share their time */
	int64_t cached_local, cached_utc;
	bool cached;
};

/* Whether the tz database has the zone. */
bool zone_exists(struct str name);
/* "Europe/London", "UTC". MB_FIELD_INVALID when the tz database has no such zone. */
enum mb_code zone_open(struct zone *zone, struct str name, struct mb_err *err);
void zone_close(struct zone *zone);

/* Seconds of a clock in the zone to seconds in UTC. A time that the clock shows twice is the first of
 * the two; one that it skips is moved on by what was skipped. */
int64_t zone_to_utc(struct zone *zone, int64_t local);

/* Text to microseconds UTC. False when the text does not have the form or the day does not exist. */
bool stamp_parse(const struct stamp_format *format, struct zone *zone, struct str text,
		 int64_t *out);
