/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value: the scalars of a policy file. Each type has one written form for people and one int64 for
 * the service; both ways are exact, without floating point.
 *
 *     type      written        kept as
 *     INT       12             the number
 *     AMOUNT    2000.00        minor units of the base currency
 *     POINTS    0.2            micro-points
 *     SLOPE     0.012          micro-points a minor unit, from points a unit of the base currency
 *     SHARE     12.5%          basis points
 *     SPAN      7d 48h 15min   microseconds
 *     RATE      7.00           times 10^4
 *     SWITCH    true           0 or 1
 *     TIER      platinum       enum tier
 *     INSTANT   RFC 3339       microseconds UTC
 *     ZONE      +08:00         minutes
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define VALUE_TYPES(X) \
	X(INT)         \
	X(AMOUNT)      \
	X(POINTS)      \
	X(SLOPE)       \
	X(SHARE)       \
	X(SPAN)        \
	X(RATE)        \
	X(SWITCH)      \
	X(TIER)        \
	X(INSTANT)     \
	X(ZONE)

enum value_type {
#define X(name) VALUE_##name,
	VALUE_TYPES(X)
#undef X
	/* not scalars of this file; their readers are in reader.c and benefits.c */
	VALUE_CODE, /* char[4]: a currency */
	VALUE_SLUG, /* struct str */
	VALUE_NAME, /* struct str */
	VALUE_KIND, /* enum benefit_kind */
	VALUE_CHANNEL, /* bool */
	VALUE_LIST, /* has a reader of its own, found by its path */
};

#define VALUE_TEXT_SIZE 48

/* exponent: of the base currency. Out untouched if false. */
bool value_parse(enum value_type type, struct str text, int exponent, int64_t *out);
/* The written form of a value that value_parse() could have given. */
void value_format(enum value_type type, int64_t value, int exponent, char out[VALUE_TEXT_SIZE]);
/* What is allowed, for "must be …": "an amount with at most 2 decimals, like 2000.00". */
void value_describe(enum value_type type, int exponent, char *out, size_t size);
