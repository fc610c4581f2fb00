/* SPDX-License-Identifier: Apache-2.0 */
#include "service/tier_progress.h"

#include "domain/calendar.h"
#include "service/calls.h"
#include "service/map.h"

static Memberd__V1__Way *to_way(struct arena *arena, const struct way *way,
				const struct policy *policy)
{
	Memberd__V1__Way *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__way__init(message);
		message->kind = (Memberd__V1__WayKind)way->kind;
		message->amount =
			way->amount == 0 ? NULL : to_money(arena, way->amount, policy->currency);
		message->count = way->count;
		message->by = to_time(arena, way->by);
	}
	return message;
}

static Memberd__V1__Way **to_ways(struct arena *arena, const struct way *ways, size_t n,
				  const struct policy *policy, size_t *n_out)
{
	Memberd__V1__Way **messages = arena_array(arena, n, sizeof(*messages));

	for (size_t i = 0; messages != NULL && i < n; i++) {
		messages[(*n_out)++] = to_way(arena, &ways[i], policy);
	}
	return messages;
}

static Memberd__V1__NextTier *to_next(struct arena *arena, const struct next_tier *next,
				      const struct policy *policy)
{
	Memberd__V1__NextTier *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__next_tier__init(message);
		message->tier = (Memberd__V1__Tier)next->tier;
		message->attain = next->points;
		message->missing = next->missing;
		message->comes_at = to_time(arena, next->comes_at);
		message->ways = to_ways(arena, next->ways, next->n_ways, policy, &message->n_ways);
	}
	return message;
}

static Memberd__V1__TierVerdict to_verdict(enum transition_kind kind)
{
	switch ((int)kind) {
	case TRANSITION_AT_RISK:
		return MEMBERD__V1__TIER_VERDICT__TIER_VERDICT_AT_RISK;
	case TRANSITION_RECOVERED:
		return MEMBERD__V1__TIER_VERDICT__TIER_VERDICT_RECOVERED;
	case TRANSITION_STEP_DOWN:
		return MEMBERD__V1__TIER_VERDICT__TIER_VERDICT_STEP_DOWN;
	default:
		return MEMBERD__V1__TIER_VERDICT__TIER_VERDICT_STAYS;
	}
}

static Memberd__V1__KeepTier *to_keep(struct arena *arena, const struct keep_tier *keep,
				      const struct policy *policy)
{
	Memberd__V1__KeepTier *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__keep_tier__init(message);
		message->tier = (Memberd__V1__Tier)keep->tier;
		message->judged_at = to_time(arena, keep->judged_at);
		message->keep = keep->points;
		message->settled_score = keep->settled;
		message->margin = keep->settled - keep->points;
		message->verdict = to_verdict(keep->verdict);
		message->ways = to_ways(arena, keep->ways, keep->n_ways, policy, &message->n_ways);
	}
	return message;
}

static Memberd__V1__Lapse *to_lapse(struct arena *arena, const struct lapse *lapse,
				    const struct policy *policy)
{
	Memberd__V1__Lapse *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__lapse__init(message);
		message->at = to_time(arena, lapse->at);
		message->month =
			to_time(arena, calendar_month_start(lapse->month, policy->zone_minutes));
		message->score_before = lapse->before;
		message->score_after = lapse->after;
	}
	return message;
}

static enum mb_code answer_progress(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	const struct progress *progress = member->progress;
	Memberd__V1__GetTierProgressResponse response =
		MEMBERD__V1__GET_TIER_PROGRESS_RESPONSE__INIT;

	response.member_id = to_id(arena, member->member_id);
	response.tier = (Memberd__V1__Tier)progress->standing.tier;
	response.score = progress->standing.score.points;
	response.at_risk = progress->standing.at_risk;
	response.protected_until = to_time(arena, progress->standing.protected_until);
	if (progress->next.tier != 0) {
		response.next = to_next(arena, &progress->next, member->policy);
	}
	if (progress->keep.tier != 0) {
		response.keep = to_keep(arena, &progress->keep, member->policy);
	}
	response.lapses = arena_array(arena, progress->n_lapses, sizeof(*response.lapses));
	for (size_t i = 0; response.lapses != NULL && i < progress->n_lapses; i++) {
		response.lapses[response.n_lapses++] =
			to_lapse(arena, &progress->lapses[i], member->policy);
	}
	response.info = to_info(arena, member);
	return call_reply(reading->call, &response.base, err);
}

void get_tier_progress(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__GetTierProgressRequest *request = (const void *)message;
	const struct question question = {request->member, request->min_revision, NULL, NULL};

	reading_start(call, data, message, &question, MEMBER_STANDING | MEMBER_PROGRESS, NULL,
		      answer_progress);
}
