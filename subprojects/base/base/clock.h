/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock: the only place of the project that asks what time it is.
 *
 * Times are int64 microseconds since 1970-01-01T00:00:00Z. A clock is handed to whoever needs one;
 * domain code never sees it, there time is an argument.
 *
 * Threads:  clock_now() and clock_monotonic_ns() may be called from any thread.
 */
#pragma once

#include "base/err.h"

#include <stdatomic.h>
#include <stdint.h>

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR   (60 * US_PER_MINUTE)
#define US_PER_DAY    (24 * US_PER_HOUR)

enum clock_mode { CLOCK_SYSTEM, CLOCK_FIXED, CLOCK_OFFSET };

/* Caller's memory. The mode is set once, before other threads see the clock; value may be moved at
 * any time by clock_set(). */
struct clock {
	enum clock_mode mode;
	_Atomic int64_t value; /* FIXED: the time; OFFSET: microseconds added to the system's */
};

void clock_init_system(struct clock *clock);
int64_t clock_now(const struct clock *clock);

#ifdef MEMBERD_TEST_HOOKS
/* "system", "fixed:RFC3339" or "offset:SECONDS". MB_FIELD_INVALID for anything else. */
enum mb_code clock_init_spec(struct clock *clock, const char *spec, struct mb_err *err);
/* Moves a fixed or offset clock; for the unit tests and the daemon's clock socket. */
void clock_set(struct clock *clock, int64_t value);
#endif

/* For measuring and for deadlines; unrelated to the calendar. Never goes back. */
int64_t clock_monotonic_ns(void);

/* RFC 3339 in UTC with as many decimals as needed, e.g. 2026-11-21T08:00:00Z; size >= 32. */
void clock_format(int64_t time_us, char *out, int size);
/* RFC 3339 with an offset or Z, up to 9 decimals (finer than a microsecond is floored). */
enum mb_code clock_parse(const char *text, int64_t *out, struct mb_err *err);
