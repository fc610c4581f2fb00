/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_listed: what became of an activity, and what a person decided.
 */
#include "service/map.h"

static Memberd__V1__Decision__Credibility *to_credibility(struct arena *arena,
							  const struct activity *activity)
{
	Memberd__V1__Decision__Credibility *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__decision__credibility__init(message);
		message->delta_bp = activity->credibility.delta_bp;
		message->until = to_time(arena, activity->credibility.until);
	}
	return message;
}

static Memberd__V1__Decision__Link *to_link(struct arena *arena, const struct activity *activity,
					    bool own)
{
	Memberd__V1__Decision__Link *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__decision__link__init(message);
		message->linked = activity->link.linked;
		if (!own) {
			message->other_member_id = to_id(arena, activity->link.other);
		}
	}
	return message;
}

static Memberd__V1__Decision__Override *to_override(struct arena *arena,
						    const struct activity *activity)
{
	Memberd__V1__Decision__Override *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__decision__override__init(message);
		message->tier = (Memberd__V1__Tier)activity->override.tier;
		message->until = to_time(arena, activity->override.until);
	}
	return message;
}

static Memberd__V1__Decision__Suspension *to_suspension(struct arena *arena,
							const struct activity *activity)
{
	Memberd__V1__Decision__Suspension *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__decision__suspension__init(message);
		message->suspended = activity->suspension.suspended;
	}
	return message;
}

static void put_decision(struct arena *arena, const struct activity *activity, bool own,
			 Memberd__V1__Decision *out)
{
	switch (activity->kind) {
	case ACTIVITY_FINDING:
		out->kind_case = MEMBERD__V1__DECISION__KIND_FINDING;
		out->finding = to_activity_key(arena, activity);
		break;
	case ACTIVITY_VOID:
		out->kind_case = MEMBERD__V1__DECISION__KIND_VOIDING;
		out->voiding = to_activity_key(arena, activity);
		break;
	case ACTIVITY_CREDIBILITY:
		out->kind_case = MEMBERD__V1__DECISION__KIND_CREDIBILITY;
		out->credibility = to_credibility(arena, activity);
		break;
	case ACTIVITY_LINK:
		out->kind_case = MEMBERD__V1__DECISION__KIND_LINK;
		out->link = to_link(arena, activity, own);
		break;
	case ACTIVITY_OVERRIDE:
		out->kind_case = MEMBERD__V1__DECISION__KIND_OVERRIDE;
		out->override = to_override(arena, activity);
		break;
	case ACTIVITY_SUSPENSION:
		out->kind_case = MEMBERD__V1__DECISION__KIND_SUSPENSION;
		out->suspension = to_suspension(arena, activity);
		break;
	default: /* a reversal or undo by an operator: the activity says all but why */
		break;
	}
}

static Memberd__V1__Decision *to_decision(struct arena *arena, const struct activity *activity,
					  bool own)
{
	Memberd__V1__Decision *message;

	if (!str_eq(activity->source, SOURCE_OWN)) {
		return NULL;
	}
	message = arena_alloc(arena, sizeof(*message));
	if (message != NULL) {
		memberd__v1__decision__init(message);
		if (!own) {
			message->reason = to_text(arena, activity->reason);
		}
		put_decision(arena, activity, own, message);
	}
	return message;
}

static void put_cuts(struct arena *arena, const struct counted *counted,
		     Memberd__V1__ListedActivity *out)
{
	const struct {
		Memberd__V1__Cap cap;
		int64_t micro;
	} cuts[] = {
		{MEMBERD__V1__CAP__CAP_DAY, counted->cut_day},
		{MEMBERD__V1__CAP__CAP_MONTH, counted->cut_month},
		{MEMBERD__V1__CAP__CAP_WINDOW, counted->cut_window},
		{MEMBERD__V1__CAP__CAP_COMMON_WINDOW, counted->cut_common},
	};
	size_t n = sizeof(cuts) / sizeof(cuts[0]);

	out->cuts = arena_array(arena, n, sizeof(*out->cuts));
	for (size_t i = 0; out->cuts != NULL && i < n; i++) {
		Memberd__V1__ListedActivity__Cut *cut =
			cuts[i].micro == 0 ? NULL : arena_alloc(arena, sizeof(*cut));

		if (cut != NULL) {
			memberd__v1__listed_activity__cut__init(cut);
			cut->cap = cuts[i].cap;
			cut->micro_points = cuts[i].micro;
			out->cuts[out->n_cuts++] = cut;
		}
	}
}

Memberd__V1__ListedActivity *to_listed_activity(struct arena *arena,
						const struct member_activity *listed,
						const struct policy *policy, bool own)
{
	const struct entry *entry = &listed->entry;
	Memberd__V1__ListedActivity *message = arena_alloc(arena, sizeof(*message));

	if (message == NULL) {
		return NULL;
	}
	memberd__v1__listed_activity__init(message);
	message->entry_id = to_id(arena, entry->entry_id);
	message->kind = (Memberd__V1__ActivityKind)entry->activity.kind;
	message->activity = to_activity(arena, &entry->activity, own);
	message->decision = to_decision(arena, &entry->activity, own);
	message->state = (Memberd__V1__EntryState)listed->state;
	message->revision = entry->revision;
	message->known_at = to_time(arena, entry->known_at);
	message->counted = listed->counted.counted;
	message->effective_at = to_time(arena, listed->counted.effective_at);
	if (entry->activity.kind == ACTIVITY_ORDER) {
		message->counted_spend = to_money(arena, listed->counted.spend, policy->currency);
	}
	put_cuts(arena, &listed->counted, message);
	return message;
}
