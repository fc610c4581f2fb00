/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_ledger.h"

#include <stdlib.h>

#define SPAN_S	   (418 * INT64_C(86400)) /* a little less than 14 months */
#define DAY_S	   INT64_C(86400)
#define PLATFORMS  6
#define CATEGORIES 40
#define ROUND	   20

static void *made(void *message)
{
	if (message == NULL) {
		abort();
	}
	return message;
}

static Google__Protobuf__Timestamp *time_of(struct arena *arena, int64_t seconds)
{
	Google__Protobuf__Timestamp *time = made(arena_alloc(arena, sizeof(*time)));

	google__protobuf__timestamp__init(time);
	time->seconds = seconds;
	return time;
}

static Memberd__V1__Activity *begin(struct arena *arena, Memberd__V1__MemberRef *member, size_t i,
				    int64_t at)
{
	Memberd__V1__Activity *activity = made(arena_alloc(arena, sizeof(*activity)));

	memberd__v1__activity__init(activity);
	activity->source = (char *)"bench";
	activity->source_event_id = made(arena_printf(arena, "e-%09zu", i));
	activity->member = member;
	activity->occurred_at = time_of(arena, at);
	return activity;
}

static Memberd__V1__OrderRef *order_ref(struct arena *arena, size_t i)
{
	Memberd__V1__OrderRef *ref = made(arena_alloc(arena, sizeof(*ref)));

	memberd__v1__order_ref__init(ref);
	ref->order_id = made(arena_printf(arena, "o-%09zu", i));
	return ref;
}

static Memberd__V1__OrderLine *line_of(struct arena *arena, size_t i, int32_t line_no)
{
	Memberd__V1__OrderLine *line = made(arena_alloc(arena, sizeof(*line)));

	memberd__v1__order_line__init(line);
	line->line_no = line_no;
	line->type = MEMBERD__V1__LINE_TYPE__LINE_TYPE_GOODS;
	line->currency = (char *)"CNY";
	line->amount = 20 + (int64_t)(i * 7919 % 700);
	line->category = made(arena_printf(arena, "category-%zu", i % CATEGORIES));
	return line;
}

static Memberd__V1__Activity *order(struct arena *arena, Memberd__V1__MemberRef *member, size_t i,
				    int64_t at, int platform)
{
	Memberd__V1__Activity *activity = begin(arena, member, i, at);
	Memberd__V1__Order *body = made(arena_alloc(arena, sizeof(*body)));

	memberd__v1__order__init(body);
	body->platform = (Memberd__V1__Platform)platform;
	body->order_id = order_ref(arena, i)->order_id;
	body->completed_at = time_of(arena, at + DAY_S);
	body->n_lines = 1 + i % 3;
	body->lines = made(arena_array(arena, body->n_lines, sizeof(*body->lines)));
	for (size_t line = 0; line < body->n_lines; line++) {
		body->lines[line] = line_of(arena, i + line, (int32_t)line + 1);
	}
	activity->kind_case = MEMBERD__V1__ACTIVITY__KIND_ORDER;
	activity->order = body;
	return activity;
}

static Memberd__V1__Activity *reversal(struct arena *arena, Memberd__V1__MemberRef *member,
				       size_t i, size_t of, int64_t at)
{
	Memberd__V1__Activity *activity = begin(arena, member, i, at);
	Memberd__V1__Reversal *body = made(arena_alloc(arena, sizeof(*body)));
	Memberd__V1__ReversalLine *line = made(arena_alloc(arena, sizeof(*line)));

	memberd__v1__reversal__init(body);
	memberd__v1__reversal_line__init(line);
	line->line_no = 1;
	line->currency = (char *)"CNY";
	line->amount = 10;
	body->order = order_ref(arena, of);
	body->n_lines = 1;
	body->lines = made(arena_array(arena, 1, sizeof(*body->lines)));
	body->lines[0] = line;
	activity->kind_case = MEMBERD__V1__ACTIVITY__KIND_REVERSAL;
	activity->reversal = body;
	return activity;
}

/* A message of this name, ready to be filled. */
#define MAKE(arena, variable, type, init)                        \
	type *variable = made(arena_alloc(arena, sizeof(type))); \
	init(variable)

static Memberd__V1__Activity *review(struct arena *arena, Memberd__V1__Activity *activity,
				     size_t of)
{
	MAKE(arena, body, Memberd__V1__Review, memberd__v1__review__init);

	body->order = order_ref(arena, of);
	body->line_no = 1;
	body->pictures = of % 2 == 0;
	activity->kind_case = MEMBERD__V1__ACTIVITY__KIND_REVIEW;
	activity->review = body;
	return activity;
}

static Memberd__V1__Activity *share(struct arena *arena, Memberd__V1__Activity *activity)
{
	MAKE(arena, body, Memberd__V1__Share, memberd__v1__share__init);

	body->content = activity->source_event_id;
	body->channel = (char *)"chat";
	activity->kind_case = MEMBERD__V1__ACTIVITY__KIND_SHARE;
	activity->share = body;
	return activity;
}

static Memberd__V1__Activity *opening(struct arena *arena, Memberd__V1__Activity *activity,
				      size_t of, Memberd__V1__MemberRef *by)
{
	MAKE(arena, body, Memberd__V1__Opening, memberd__v1__opening__init);
	MAKE(arena, key, Memberd__V1__ActivityKey, memberd__v1__activity_key__init);

	key->source_event_id = made(arena_printf(arena, "e-%09zu", of));
	body->share = key;
	body->by = by;
	body->verified = true;
	activity->kind_case = MEMBERD__V1__ACTIVITY__KIND_OPENING;
	activity->opening = body;
	return activity;
}

static Memberd__V1__Activity *post(struct arena *arena, Memberd__V1__Activity *activity)
{
	MAKE(arena, body, Memberd__V1__Post, memberd__v1__post__init);

	body->content = activity->source_event_id;
	activity->kind_case = MEMBERD__V1__ACTIVITY__KIND_POST;
	activity->post = body;
	return activity;
}

static Memberd__V1__Activity *answer(struct arena *arena, Memberd__V1__Activity *activity,
				     Memberd__V1__MemberRef *asker)
{
	MAKE(arena, body, Memberd__V1__Answer, memberd__v1__answer__init);

	body->question = activity->source_event_id;
	body->asker = asker;
	activity->kind_case = MEMBERD__V1__ACTIVITY__KIND_ANSWER;
	activity->answer = body;
	return activity;
}

static Memberd__V1__Activity *vote(struct arena *arena, Memberd__V1__Activity *activity,
				   Memberd__V1__MemberRef *by)
{
	MAKE(arena, body, Memberd__V1__Vote, memberd__v1__vote__init);

	body->content = activity->source_event_id;
	body->by = by;
	activity->kind_case = MEMBERD__V1__ACTIVITY__KIND_VOTE;
	activity->vote = body;
	return activity;
}

static Memberd__V1__Activity *visit(struct arena *arena, Memberd__V1__Activity *activity, size_t i)
{
	MAKE(arena, body, Memberd__V1__Visit, memberd__v1__visit__init);

	body->platform = (Memberd__V1__Platform)(1 + i % PLATFORMS);
	body->store = made(arena_printf(arena, "store-%zu", i % 50));
	activity->kind_case = MEMBERD__V1__ACTIVITY__KIND_VISIT;
	activity->visit = body;
	return activity;
}

/* Of each ROUND: 0 to 9 orders, 10 a reversal, then what counts by itself. */
Memberd__V1__Activity *bench_activity(struct arena *arena, Memberd__V1__MemberRef *member,
				      Memberd__V1__MemberRef *other, size_t i, size_t n,
				      int64_t now)
{
	int64_t at = now - SPAN_S + (int64_t)((uint64_t)SPAN_S * i / n);
	size_t place = i % ROUND;

	if (place < 10) {
		return order(arena, member, i, at, 1 + (int)(i % PLATFORMS));
	}
	switch (place) {
	case 10:
		return reversal(arena, member, i, i - 10, at);
	case 11:
	case 12:
		/* of an order of some rounds before, which was delivered meanwhile */
		return i < 5 * ROUND
			       ? visit(arena, begin(arena, member, i, at), i)
			       : review(arena, begin(arena, member, i, at), i - 10 - 4 * ROUND);
	case 13:
	case 14:
		return share(arena, begin(arena, member, i, at));
	case 15:
		return opening(arena, begin(arena, member, i, at), i - 2, other);
	case 16:
		return post(arena, begin(arena, member, i, at));
	case 17:
		return answer(arena, begin(arena, member, i, at), other);
	case 18:
		return vote(arena, begin(arena, member, i, at), other);
	default:
		return visit(arena, begin(arena, member, i, at), i);
	}
}

Memberd__V1__Activity *bench_order(struct arena *arena, Memberd__V1__MemberRef *member, size_t i,
				   int64_t now)
{
	return order(arena, member, i, now - 2 * DAY_S, MEMBERD__V1__PLATFORM__PLATFORM_FOOD);
}
