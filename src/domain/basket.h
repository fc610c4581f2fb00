/* SPDX-License-Identifier: Apache-2.0 */
/*
 * basket: what a basket costs a member: member prices, then the one percentage benefit that takes
 * most off, then at most one platform coupon, then one brand coupon. Pure; stores nothing.
 *
 * Money in minor units of the policy's base currency. Formula: docs/programme.md, "A basket's price".
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "domain/benefit.h"
#include "domain/policy.h"

enum basket_channel { CHANNEL_STANDARD = 1, CHANNEL_VALUE = 2 };

struct basket_line {
	int32_t line_no; /* >= 1, unique */
	int64_t public_price; /* total of the line, 0..AMOUNT_MAX */
	int64_t member_price; /* total of the line; equal to public_price when there is none */
	struct str category, brand;
	enum basket_channel channel;
};

struct basket_coupon {
	int64_t amount; /* > 0 */
	int64_t threshold; /* >= 0; tested on the lines it fits, after the percentage */
	struct str brand; /* empty: the platform's */
};

struct basket {
	const struct basket_line *lines;
	size_t n_lines;
	const struct basket_coupon *coupons; /* at most one of the platform, one of a brand */
	size_t n_coupons;
};

struct priced_line {
	int32_t line_no;
	bool member_price_capped; /* it was above the public one, which was used */
	int64_t price; /* what the reductions started from */
	int64_t percent_off, platform_coupon_off, brand_coupon_off; /* >= 0 */
	int64_t total; /* >= 0 */
};

struct percent_choice {
	const struct policy_benefit *benefit;
	struct entitlement entitlement; /* whether and why (not) */
	bool fits; /* at least one line fits it */
	int64_t would_take; /* after rounding and cap, held or not */
};

struct priced_basket {
	const struct priced_line *lines; /* in the order given */
	size_t n_lines;
	const struct policy_benefit *percent; /* the one applied, or NULL */
	const struct percent_choice
		*choices; /* every percentage benefit of the policy, by number */
	size_t n_choices;
	bool coupon_applied[2]; /* of coupons[i] as given */
	int64_t public_total, total;
	int64_t percent_off, platform_coupon_off, brand_coupon_off;
};

/* MB_FIELD_INVALID, MB_AMOUNT_OVER_LIMIT (sum of public prices included), MB_ARENA_FULL. */
enum mb_code basket_price(const struct basket *basket, const struct holder *holder,
			  const struct policy *policy, struct arena *arena,
			  struct priced_basket *out, struct mb_err *err);
