/* SPDX-License-Identifier: Apache-2.0 */
#include "service/map.h"

#define BENEFIT_ID_BYTES 64

struct holder to_holder(const struct member *member)
{
	/* 88VIP is not sold and APASS not judged yet, so nobody has them. */
	return (struct holder){.tier = member->standing.shown,
			       .suspended = member->standing.suspended};
}

enum mb_code from_benefit_id(const char *text, struct str *out, struct mb_err *err)
{
	*out = str_from(text);
	if (!str_is_slug(*out, BENEFIT_ID_BYTES)) {
		return mb_fail_field(err, MB_FIELD_INVALID, "benefit_id",
				     "must be 1 to %d of a-z 0-9 . _ -", BENEFIT_ID_BYTES);
	}
	return MB_OK;
}

static Memberd__V1__Unlock *to_unlock(struct arena *arena, const struct entitlement *entitlement,
				      const struct member *member)
{
	Memberd__V1__Unlock *message = arena_alloc(arena, sizeof(*message));
	int64_t missing = entitlement->unlock_points - member->standing.score.points;

	if (message != NULL) {
		memberd__v1__unlock__init(message);
		message->tier = (Memberd__V1__Tier)entitlement->unlock_tier;
		if (entitlement->unlock_tier != 0) {
			message->score = entitlement->unlock_points;
			message->score_missing = missing > 0 ? missing : 0;
		}
		message->vip = entitlement->unlock_vip;
		message->apass = entitlement->unlock_apass;
		message->reinstatement = entitlement->unlock_reinstatement;
	}
	return message;
}

static char *to_level(struct arena *arena, const struct policy_benefit *benefit, int32_t value)
{
	if (benefit->kind != BENEFIT_LEVEL || value < 1 || value > benefit->n_levels) {
		return (char *)protobuf_c_empty_string;
	}
	return to_text(arena, benefit->levels[value - 1]);
}

static Memberd__V1__Money *to_cap(struct arena *arena, const struct policy_benefit *benefit,
				  const struct policy *policy)
{
	if (benefit->kind != BENEFIT_PERCENT || benefit->percent_cap == INT64_MAX) {
		return NULL;
	}
	return to_money(arena, benefit->percent_cap, policy->currency);
}

Memberd__V1__Entitlement *to_entitlement(struct arena *arena, const struct entitlement *entitlement,
					 const struct member *member)
{
	Memberd__V1__Entitlement *message = arena_alloc(arena, sizeof(*message));
	const struct policy_benefit *benefit = entitlement->benefit;

	if (message == NULL) {
		return NULL;
	}
	memberd__v1__entitlement__init(message);
	message->benefit_id = to_text(arena, benefit->id);
	message->name = to_text(arena, benefit->name);
	message->allowed = entitlement->held;
	message->reason = (Memberd__V1__BenefitReason)entitlement->reason;
	message->kind = (Memberd__V1__BenefitKind)benefit->kind;
	if (benefit->kind == BENEFIT_QUOTA) {
		message->granted = entitlement->value;
	}
	message->level = to_level(arena, benefit, entitlement->value);
	if (benefit->kind == BENEFIT_PERCENT) {
		message->percent_bp = benefit->percent_bp;
		message->percent_cap = to_cap(arena, benefit, member->policy);
	}
	if (!entitlement->held) {
		message->unlock = to_unlock(arena, entitlement, member);
	}
	return message;
}

static Memberd__V1__Benefit__TierGrant *to_grant(struct arena *arena,
						 const struct policy_benefit *benefit, int tier)
{
	Memberd__V1__Benefit__TierGrant *message = arena_alloc(arena, sizeof(*message));
	int32_t value = benefit->by_tier[tier];

	if (message != NULL) {
		memberd__v1__benefit__tier_grant__init(message);
		message->tier = (Memberd__V1__Tier)tier;
		message->granted = benefit->kind == BENEFIT_QUOTA ? value : 1;
		message->level = to_level(arena, benefit, value);
	}
	return message;
}

Memberd__V1__Benefit *to_benefit(struct arena *arena, const struct policy_benefit *benefit,
				 const struct policy *policy)
{
	Memberd__V1__Benefit *message = arena_alloc(arena, sizeof(*message));

	if (message == NULL) {
		return NULL;
	}
	memberd__v1__benefit__init(message);
	message->benefit_id = to_text(arena, benefit->id);
	message->number = benefit->number;
	message->name = to_text(arena, benefit->name);
	message->kind = (Memberd__V1__BenefitKind)benefit->kind;
	message->tiers = arena_array(arena, TIER_END - 1, sizeof(*message->tiers));
	for (int tier = 1; message->tiers != NULL && tier < TIER_END; tier++) {
		if (benefit->by_tier[tier] > 0) {
			message->tiers[message->n_tiers++] = to_grant(arena, benefit, tier);
		}
	}
	message->vip = benefit->by_vip > 0;
	message->apass = benefit->by_apass > 0;
	message->percent_bp = benefit->kind == BENEFIT_PERCENT ? benefit->percent_bp : 0;
	message->percent_cap = to_cap(arena, benefit, policy);
	return message;
}
