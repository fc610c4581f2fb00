/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_ledger.h"

#include <stdlib.h>

#define SPAN_S	   (418 * INT64_C(86400)) /* a little less than 14 months */
#define DAY_S	   INT64_C(86400)
#define PLATFORMS  6
#define CATEGORIES 40

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

Memberd__V1__Activity *bench_activity(struct arena *arena, Memberd__V1__MemberRef *member,
				      char *other_member, size_t i, size_t n, int64_t now)
{
	int64_t at = now - SPAN_S + (int64_t)((uint64_t)SPAN_S * i / n);

	(void)other_member;
	/* of ten, the first is an order and the last takes a part of it back */
	if (i % 10 == 9) {
		return reversal(arena, member, i, i - 9, at);
	}
	return order(arena, member, i, at, 1 + (int)(i % PLATFORMS));
}

Memberd__V1__Activity *bench_order(struct arena *arena, Memberd__V1__MemberRef *member, size_t i,
				   int64_t now)
{
	return order(arena, member, i, now - 2 * DAY_S, MEMBERD__V1__PLATFORM__PLATFORM_FOOD);
}
