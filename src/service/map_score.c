/* SPDX-License-Identifier: Apache-2.0 */
#include "service/map.h"

#include "domain/calendar.h"

static Memberd__V1__ScorePart *to_part(struct arena *arena, enum score_part part, int64_t micro)
{
	Memberd__V1__ScorePart *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__score_part__init(message);
		message->kind = (Memberd__V1__ScorePartKind)part;
		message->micro_points = micro;
	}
	return message;
}

Memberd__V1__Score *to_score(struct arena *arena, const struct score *score,
			     const struct policy *policy)
{
	Memberd__V1__Score *message = arena_alloc(arena, sizeof(*message));

	if (message == NULL) {
		return NULL;
	}
	memberd__v1__score__init(message);
	message->score = score->points;
	message->parts = arena_array(arena, PART_END - 1, sizeof(*message->parts));
	if (message->parts != NULL) {
		/* the first are of every score; of the others those that are something */
		for (int part = 1; part < PART_END; part++) {
			if (part <= PART_FRACTION_DROPPED || score->parts[part] != 0) {
				message->parts[message->n_parts++] =
					to_part(arena, (enum score_part)part, score->parts[part]);
			}
		}
	}
	message->counted_spend = to_money(arena, score->counted_spend, policy->currency);
	message->spend = to_money(arena, score->spend, policy->currency);
	message->days = score->days;
	message->platforms = score->platforms;
	message->categories = score->categories;
	message->window_start =
		to_time(arena, calendar_month_start(score->first_month, policy->zone_minutes));
	message->window_end =
		to_time(arena, calendar_month_start(score->last_month + 1, policy->zone_minutes));
	return message;
}

static Memberd__V1__PendingOrder *to_pending(struct arena *arena,
					     const struct member_pending *pending)
{
	Memberd__V1__PendingOrder *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__pending_order__init(message);
		message->entry_id = to_id(arena, pending->entry_id);
		message->source = to_text(arena, pending->source);
		message->order_id = to_text(arena, pending->order_id);
		message->posts_at = to_time(arena, pending->posts_at);
		message->would_add = pending->would_add;
	}
	return message;
}

static void to_causes(struct arena *arena, unsigned causes, Memberd__V1__ScheduledChange *out)
{
	static const struct {
		unsigned bit;
		Memberd__V1__ChangeCause cause;
	} table[] = {
		{CHANGE_POSTING, MEMBERD__V1__CHANGE_CAUSE__CHANGE_CAUSE_POSTING},
		{CHANGE_REVERSAL, MEMBERD__V1__CHANGE_CAUSE__CHANGE_CAUSE_REVERSAL},
		{CHANGE_MONTH, MEMBERD__V1__CHANGE_CAUSE__CHANGE_CAUSE_MONTH},
		{CHANGE_SETTLEMENT, MEMBERD__V1__CHANGE_CAUSE__CHANGE_CAUSE_SETTLEMENT},
		{CHANGE_POLICY, MEMBERD__V1__CHANGE_CAUSE__CHANGE_CAUSE_POLICY},
		{CHANGE_INTERACTION, MEMBERD__V1__CHANGE_CAUSE__CHANGE_CAUSE_INTERACTION},
		{CHANGE_CREDIBILITY, MEMBERD__V1__CHANGE_CAUSE__CHANGE_CAUSE_CREDIBILITY},
		{CHANGE_PENALTY, MEMBERD__V1__CHANGE_CAUSE__CHANGE_CAUSE_PENALTY},
		{CHANGE_OVERRIDE, MEMBERD__V1__CHANGE_CAUSE__CHANGE_CAUSE_OVERRIDE},
	};
	size_t n = sizeof(table) / sizeof(table[0]);

	out->causes = arena_array(arena, n, sizeof(*out->causes));
	for (size_t i = 0; out->causes != NULL && i < n; i++) {
		if ((causes & table[i].bit) != 0) {
			out->causes[out->n_causes++] = table[i].cause;
		}
	}
}

static Memberd__V1__ScheduledChange *to_change(struct arena *arena, const struct change *change)
{
	Memberd__V1__ScheduledChange *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__scheduled_change__init(message);
		message->at = to_time(arena, change->at);
		to_causes(arena, change->causes, message);
		message->score = change->after.score.points;
		message->tier = (Memberd__V1__Tier)change->after.shown;
		message->level = (Memberd__V1__Level)change->after.level;
		message->at_risk = change->after.at_risk;
		message->settled_score = change->after.settled.points;
	}
	return message;
}

void to_outlook(struct arena *arena, const struct member *member,
		Memberd__V1__GetScoreResponse *out)
{
	out->pending = arena_array(arena, member->n_pending, sizeof(*out->pending));
	for (size_t i = 0; out->pending != NULL && i < member->n_pending; i++) {
		out->pending[out->n_pending++] = to_pending(arena, &member->pending[i]);
	}
	out->pending_truncated = member->pending_truncated;
	out->schedule = arena_array(arena, member->n_schedule, sizeof(*out->schedule));
	for (size_t i = 0; out->schedule != NULL && i < member->n_schedule; i++) {
		out->schedule[out->n_schedule++] = to_change(arena, &member->schedule[i]);
	}
	out->schedule_truncated = member->schedule_truncated;
}

void to_score_answer(struct arena *arena, const struct member *member,
		     Memberd__V1__GetScoreResponse *out)
{
	out->member_id = to_id(arena, member->member_id);
	out->score = to_score(arena, &member->standing.score, member->policy);
	out->tier = (Memberd__V1__Tier)member->standing.shown;
	out->level = (Memberd__V1__Level)member->standing.level;
	if (member->standing.settled_at != 0) {
		out->settled = to_score(arena, &member->standing.settled, member->policy);
		out->settled_at = to_time(arena, member->standing.settled_at);
	}
	to_outlook(arena, member, out);
	out->info = to_info(arena, member);
}
