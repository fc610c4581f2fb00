/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/benefit.h"

#include "domain/money.h"

#include <assert.h>
#include <stddef.h>

/* Whole points that reach a threshold. */
static int64_t points_to(int64_t micro)
{
	return micro / MICRO + (micro % MICRO > 0);
}

/* What a holder gets from all that he has: uses add up, of levels the highest counts. */
static int32_t granted(const struct policy_benefit *benefit, const struct holder *holder)
{
	const int32_t grants[] = {
		benefit->by_tier[holder->tier],
		holder->vip ? benefit->by_vip : 0,
		holder->apass ? benefit->by_apass : 0,
	};
	int32_t value = 0;

	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
		if (benefit->kind == BENEFIT_QUOTA) {
			value += grants[i];
		} else if (grants[i] > value) {
			value = grants[i];
		}
	}
	return value;
}

/* 0 when no tier grants it. */
static enum tier lowest_tier(const struct policy_benefit *benefit)
{
	for (enum tier tier = TIER_BRONZE; tier < TIER_END; tier++) {
		if (benefit->by_tier[tier] != 0) {
			return tier;
		}
	}
	return 0;
}

static enum benefit_reason why_not(const struct entitlement *entitlement)
{
	if (entitlement->unlock_tier != 0) {
		return BENEFIT_TIER_TOO_LOW;
	}
	if (entitlement->unlock_vip) {
		return BENEFIT_NEEDS_88VIP;
	}
	return entitlement->unlock_apass ? BENEFIT_NEEDS_APASS : BENEFIT_NOT_NOW;
}

struct entitlement benefit_check(const struct policy_benefit *benefit, const struct holder *holder,
				 const struct policy *policy)
{
	struct entitlement out = {.benefit = benefit, .reason = BENEFIT_HELD};

	assert(holder->tier >= TIER_BRONZE && holder->tier < TIER_END);
	if (holder->suspended) {
		out.reason = BENEFIT_NOT_NOW;
		out.unlock_reinstatement = true;
		return out;
	}
	out.value = granted(benefit, holder);
	out.held = out.value > 0;
	if (out.held) {
		return out;
	}
	out.unlock_tier = lowest_tier(benefit);
	if (out.unlock_tier != 0) {
		out.unlock_points = points_to(policy->tiers[out.unlock_tier].attain);
	}
	out.unlock_vip = benefit->by_vip != 0;
	out.unlock_apass = benefit->by_apass != 0;
	out.reason = why_not(&out);
	return out;
}

const char *benefit_reason_name(enum benefit_reason reason)
{
	switch (reason) {
#define X(name, number)      \
	case BENEFIT_##name: \
		return #name;
		BENEFIT_REASONS(X)
#undef X
	}
	return NULL;
}

struct vip_offer vip_offer(const struct holder *holder, int64_t points, const struct policy *policy)
{
	const struct policy_vip *vip = &policy->vip;
	struct vip_offer out = {.offered = true};

	if (holder->suspended) {
		return (struct vip_offer){.unlock_reinstatement = true};
	}
	if (holder->tier >= vip->upgrade_tier || points >= points_to(vip->upgrade_score)) {
		out.at_upgrade_price = true;
		out.price = vip->upgrade_price;
		return out;
	}
	out.offered = vip->sold_at_full_price;
	out.price = out.offered ? vip->price : 0;
	out.unlock_tier = vip->upgrade_tier;
	out.unlock_points = min_i64(points_to(policy->tiers[vip->upgrade_tier].attain),
				    points_to(vip->upgrade_score));
	return out;
}
