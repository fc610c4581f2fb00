/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/tier.h"

#include "domain/calendar.h"

bool tier_attains(int64_t points, enum tier tier, const struct policy *policy)
{
	return tier == TIER_BRONZE || points * MICRO >= policy->tiers[tier].attain;
}

bool tier_keeps(int64_t points, enum tier tier, const struct policy *policy)
{
	return tier == TIER_BRONZE || points * MICRO >= policy->tiers[tier].keep;
}

enum level level_of(int64_t points, const struct policy *policy)
{
	int level = LEVEL_END - 1;

	while (level > LEVEL_STANDARD && points * MICRO < policy->levels[level]) {
		level--;
	}
	return (enum level)level;
}

static enum tier highest_attained(int64_t points, enum tier most, const struct policy *policy)
{
	while (!tier_attains(points, most, policy)) {
		most--;
	}
	return most;
}

bool tier_fall(struct tier_state *state, int64_t live, int64_t at, const struct policy *policy,
	       struct transition *out)
{
	const struct tier_state before = *state;

	*state = (struct tier_state){.tier = highest_attained(live, state->tier, policy)};
	*out = (struct transition){.effective_at = at,
				   .kind = TRANSITION_FRAUD,
				   .from = (int32_t)before.tier,
				   .to = (int32_t)state->tier,
				   .points = live,
				   .policy_version = policy->version};
	return before.tier != state->tier || before.at_risk || before.protected_until > at;
}

bool tier_upgrade(struct tier_state *state, int64_t live, int64_t at, const struct policy *policy,
		  struct transition *out)
{
	enum tier tier = highest_attained(live, TIER_END - 1, policy);

	if (tier <= state->tier) {
		return false;
	}
	*out = (struct transition){.effective_at = at,
				   .kind = TRANSITION_UPGRADE,
				   .from = (int32_t)state->tier,
				   .to = (int32_t)tier,
				   .points = live,
				   .policy_version = policy->version};
	state->tier = tier;
	state->at_risk = false;
	state->protected_until = calendar_month_day(
		calendar_month(at, policy->zone_minutes) + policy->protection.months,
		policy->protection.settlement_day, policy->zone_minutes);
	if (state->protected_until <= at) { /* of no months, this month's settlement is over */
		state->protected_until = 0;
	}
	return true;
}

/* What a settlement outside protection says; 0 when it changes nothing. */
static enum transition_kind verdict(const struct tier_state *state, int64_t live, int64_t settled,
				    const struct policy *policy)
{
	const enum transition_kind nothing = (enum transition_kind)0;

	if (tier_keeps(settled, state->tier, policy)) {
		return state->at_risk ? TRANSITION_RECOVERED : nothing;
	}
	if (tier_attains(live, state->tier, policy)) {
		return nothing;
	}
	return state->at_risk ? TRANSITION_STEP_DOWN : TRANSITION_AT_RISK;
}

bool tier_settle(struct tier_state *state, int64_t live, int64_t settled, int64_t at,
		 const struct policy *policy, struct transition *out)
{
	enum transition_kind kind;
	enum tier from = state->tier;

	if (at < state->protected_until) {
		return false;
	}
	state->protected_until = 0;
	kind = verdict(state, live, settled, policy);
	if (kind == 0) {
		return false;
	}
	state->at_risk = kind == TRANSITION_AT_RISK;
	state->tier = kind == TRANSITION_STEP_DOWN ? (enum tier)(from - 1) : from;
	*out = (struct transition){.effective_at = at,
				   .kind = kind,
				   .from = (int32_t)from,
				   .to = (int32_t)state->tier,
				   .points = settled,
				   .policy_version = policy->version};
	return true;
}
