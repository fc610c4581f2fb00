/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transitions. The wire's kinds have RETRACTED among them, where the domain goes on counting; tracks
 * have the same numbers on both sides.
 */
#include "service/map.h"

#include <stdio.h>

#define KIND(name) MEMBERD__V1__TIER_TRANSITION_KIND__TIER_TRANSITION_KIND_##name

static const Memberd__V1__TierTransitionKind kinds[] = {
	[TRANSITION_UPGRADE] = KIND(UPGRADE),	    [TRANSITION_AT_RISK] = KIND(AT_RISK),
	[TRANSITION_RECOVERED] = KIND(RECOVERED),   [TRANSITION_STEP_DOWN] = KIND(STEP_DOWN),
	[TRANSITION_FRAUD] = KIND(FRAUD),	    [TRANSITION_SETTLED] = KIND(SETTLED),
	[TRANSITION_LEVEL] = KIND(LEVEL),	    [TRANSITION_BELOW_KEEP] = KIND(BELOW_KEEP),
	[TRANSITION_ABOVE_KEEP] = KIND(ABOVE_KEEP), [TRANSITION_OVERRIDE] = KIND(OVERRIDE),
	[TRANSITION_STATE] = KIND(STATE),
};

enum mb_code from_transition_kinds(const Memberd__V1__TierTransitionKind *asked, size_t n,
				   uint32_t *out, struct mb_err *err)
{
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		size_t kind = TRANSITION_UPGRADE;

		while (kind <= TRANSITION_STATE && kinds[kind] != asked[i]) {
			kind++;
		}
		if (kind > TRANSITION_STATE) {
			char field[32];

			snprintf(field, sizeof(field), "kinds[%zu]", i);
			return mb_fail_field(err, MB_FIELD_INVALID, field,
					     "must be a kind; RETRACTED comes by itself");
		}
		*out |= UINT32_C(1) << kind;
	}
	return MB_OK;
}

/* What from and to mean is the track's. */
static void put_ends(const struct member_transition *row, Memberd__V1__TierTransition *out)
{
	switch (row->track) {
	case TRACK_LEVEL:
		out->from_level = (Memberd__V1__Level)row->transition.from;
		out->to_level = (Memberd__V1__Level)row->transition.to;
		break;
	case TRACK_STATE:
		out->from_state = (Memberd__V1__MemberState)row->transition.from;
		out->to_state = (Memberd__V1__MemberState)row->transition.to;
		break;
	default:
		out->from_tier = (Memberd__V1__Tier)row->transition.from;
		out->to_tier = (Memberd__V1__Tier)row->transition.to;
		break;
	}
}

Memberd__V1__TierTransition *to_transition(struct arena *arena, const struct member_transition *row)
{
	Memberd__V1__TierTransition *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__tier_transition__init(message);
		message->effective_at = to_time(arena, row->transition.effective_at);
		message->kind = row->retracted ? KIND(RETRACTED) : kinds[row->transition.kind];
		message->track = (Memberd__V1__TransitionTrack)row->track;
		put_ends(row, message);
		message->score = row->transition.points;
		message->policy_version = row->transition.policy_version;
		message->known_at = to_time(arena, row->known_at);
		message->restated = row->restated;
	}
	return message;
}
