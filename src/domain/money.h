/* SPDX-License-Identifier: Apache-2.0 */
/*
 * money: whole minor units, never floating point. Arithmetic of values >= 0 that stops at INT64_MAX
 * instead of wrapping, and conversion at a policy's rate. Pure.
 */
#pragma once

#include "domain/policy.h"

#include <stdint.h>

static inline int64_t sat_add(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static inline int64_t sat_mul(int64_t a, int64_t b)
{
	return b != 0 && a > INT64_MAX / b ? INT64_MAX : a * b;
}

static inline int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* amount (>= 0) of `rate`'s currency in minor units of the policy's base currency, half up;
 * INT64_MAX when it does not fit. */
int64_t money_convert(int64_t amount, const struct policy_rate *rate, const struct policy *policy);
