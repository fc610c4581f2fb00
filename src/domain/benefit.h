/* SPDX-License-Identifier: Apache-2.0 */
/*
 * benefit: what a member is entitled to at an instant, why, or what would unlock it. Pure functions
 * of (standing, policy).
 */
#pragma once

#include "domain/fold.h"
#include "domain/policy.h"

#include <stdbool.h>

/* What entitlements depend on beyond the standing. Terms of 88VIP and APASS are not sold or judged
 * by this version of the service, so both are false for everybody. */
struct holder {
	enum tier tier; /* the shown tier */
	bool vip, apass;
	bool suspended; /* nothing is his */
};

#define BENEFIT_REASONS(X) \
	X(HELD, 1)         \
	X(TIER_TOO_LOW, 2) \
	X(NEEDS_88VIP, 3)  \
	X(NEEDS_APASS, 4)  \
	X(NOT_NOW, 5)

enum benefit_reason {
#define X(name, number) BENEFIT_##name = (number),
	BENEFIT_REASONS(X)
#undef X
};

struct entitlement {
	const struct policy_benefit *benefit;
	bool held;
	enum benefit_reason reason;
	int32_t value; /* as in policy_benefit.by_*: uses a month (tier's, 88VIP's and APASS's
			* together), 1 + the highest level, 1; 0 not held */
	/* what unlocks it, when not held: the lowest tier that grants it (0: no tier does) … */
	enum tier unlock_tier;
	int64_t unlock_points; /* … its attain in whole points, 0 without unlock_tier */
	bool unlock_vip, unlock_apass; /* … or either of these would */
	bool unlock_reinstatement; /* he is suspended: only this would */
};

struct entitlement benefit_check(const struct policy_benefit *benefit, const struct holder *holder,
				 const struct policy *policy);
const char *benefit_reason_name(enum benefit_reason reason);

/* The upgrade offer of 88VIP, without holding a price. */
struct vip_offer {
	bool offered; /* false: the switch for the full price is off and the member does not reach the lower one */
	bool at_upgrade_price;
	int64_t price; /* minor units of the base currency, a year; 0 when not offered */
	enum tier unlock_tier; /* when not at the upgrade price: the tier that would bring it … */
	int64_t unlock_points; /* … and the live score in whole points that would */
	bool unlock_reinstatement; /* he is suspended: only this would bring any price */
};

/* points: the live score. */
struct vip_offer vip_offer(const struct holder *holder, int64_t points,
			   const struct policy *policy);
