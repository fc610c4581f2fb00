/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wire.h"

#include "base/arena.h"
#include "base/clock.h"
#include "ctl/mapping.h"
#include "ctl/plan.h"

#include <string.h>

/* Texts of the pool and of the mapping's arena end in NUL; protobuf-c's fields are not const. */
static char *borrow(struct str text)
{
	return (char *)(uintptr_t)(text.ptr == NULL ? "" : text.ptr);
}

static Google__Protobuf__Timestamp *make_time(int64_t at, struct arena *arena)
{
	Google__Protobuf__Timestamp *time = arena_alloc(arena, sizeof(*time));
	int64_t seconds = at / US_PER_SECOND - (at % US_PER_SECOND < 0);

	if (time != NULL) {
		google__protobuf__timestamp__init(time);
		time->seconds = seconds;
		time->nanos = (int32_t)(at - seconds * US_PER_SECOND) * 1000;
	}
	return time;
}

static Memberd__V1__MemberRef *make_member(struct str issuer, struct str id, struct arena *arena)
{
	Memberd__V1__MemberRef *ref = arena_alloc(arena, sizeof(*ref));
	Memberd__V1__Identity *identity = arena_alloc(arena, sizeof(*identity));

	if (ref == NULL || identity == NULL) {
		return NULL;
	}
	memberd__v1__identity__init(identity);
	identity->issuer = borrow(issuer);
	identity->external_id = borrow(id);
	memberd__v1__member_ref__init(ref);
	ref->ref_case = MEMBERD__V1__MEMBER_REF__REF_IDENTITY;
	ref->identity = identity;
	return ref;
}

static Memberd__V1__OrderLine *make_line(struct str currency, const struct plan_line *line,
					 struct arena *arena)
{
	Memberd__V1__OrderLine *out = arena_alloc(arena, sizeof(*out));

	if (out != NULL) {
		memberd__v1__order_line__init(out);
		out->line_no = line->line_no;
		out->type = (Memberd__V1__LineType)line->type;
		out->currency = borrow(currency);
		out->amount = line->amount;
		out->category = borrow(line->category);
	}
	return out;
}

static char *make_order_id(const struct plan_activity *activity, struct arena *arena)
{
	char id[PLAN_KEY_BYTES];

	plan_order_id(activity, id);
	return arena_strdup(arena, id);
}

static Memberd__V1__Order *make_order(const struct mapping *mapping, const struct plan *plan,
				      const struct plan_activity *activity, int64_t shift_us,
				      struct arena *arena)
{
	bool implied = activity->kind == PLAN_PURCHASE;
	struct str currency = implied ? mapping->review.currency : mapping->order.currency;
	Memberd__V1__Order *order = arena_alloc(arena, sizeof(*order));

	if (order == NULL) {
		return NULL;
	}
	memberd__v1__order__init(order);
	order->platform = (Memberd__V1__Platform)(implied ? mapping->review.platform
							  : mapping->order.platform);
	order->order_id = make_order_id(activity, arena);
	order->n_lines = activity->n_lines;
	order->lines = arena_array(arena, activity->n_lines, sizeof(*order->lines));
	if (order->order_id == NULL || order->lines == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < activity->n_lines; i++) {
		order->lines[i] =
			make_line(currency, &plan->lines[activity->first_line + i], arena);
		if (order->lines[i] == NULL) {
			return NULL;
		}
	}
	if (implied || mapping->order.completed_at_order) {
		order->completed_at = make_time(activity->at + shift_us, arena);
		return order->completed_at != NULL ? order : NULL;
	}
	return order;
}

static Memberd__V1__ReversalLine *
make_reversal_line(const struct mapping *mapping, const struct plan_line *line, struct arena *arena)
{
	Memberd__V1__ReversalLine *out = arena_alloc(arena, sizeof(*out));

	if (out != NULL) {
		memberd__v1__reversal_line__init(out);
		out->line_no = line->line_no;
		out->currency = borrow(mapping->order.currency);
		out->amount = line->amount;
	}
	return out;
}

static Memberd__V1__Reversal *make_reversal(const struct mapping *mapping, const struct plan *plan,
					    const struct plan_activity *activity,
					    struct arena *arena)
{
	Memberd__V1__Reversal *reversal = arena_alloc(arena, sizeof(*reversal));
	Memberd__V1__OrderRef *order = arena_alloc(arena, sizeof(*order));

	if (reversal == NULL || order == NULL) {
		return NULL;
	}
	memberd__v1__order_ref__init(order);
	order->order_id = borrow(activity->order_id);
	memberd__v1__reversal__init(reversal);
	reversal->order = order;
	reversal->n_lines = activity->n_lines;
	reversal->lines = arena_array(arena, activity->n_lines, sizeof(*reversal->lines));
	if (reversal->lines == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < activity->n_lines; i++) {
		reversal->lines[i] =
			make_reversal_line(mapping, &plan->lines[activity->first_line + i], arena);
		if (reversal->lines[i] == NULL) {
			return NULL;
		}
	}
	return reversal;
}

static Memberd__V1__Review *make_review(const struct mapping *mapping,
					const struct plan_activity *activity, struct arena *arena)
{
	Memberd__V1__Review *review = arena_alloc(arena, sizeof(*review));
	Memberd__V1__OrderRef *order = arena_alloc(arena, sizeof(*order));

	if (review == NULL || order == NULL) {
		return NULL;
	}
	memberd__v1__order_ref__init(order);
	order->order_source = borrow(mapping->review.order_source);
	order->order_id = make_order_id(activity, arena);
	memberd__v1__review__init(review);
	review->order = order;
	review->line_no = activity->line_no;
	review->pictures = activity->pictures;
	return order->order_id != NULL ? review : NULL;
}

static Memberd__V1__Visit *make_visit(const struct mapping *mapping,
				      const struct plan_activity *activity, struct arena *arena)
{
	Memberd__V1__Visit *visit = arena_alloc(arena, sizeof(*visit));

	if (visit != NULL) {
		memberd__v1__visit__init(visit);
		visit->platform = (Memberd__V1__Platform)mapping->visit.platform;
		visit->store = borrow(activity->order_id);
	}
	return visit;
}

static bool set_kind(Memberd__V1__Activity *out, const struct mapping *mapping,
		     const struct plan *plan, const struct plan_activity *activity,
		     int64_t shift_us, struct arena *arena)
{
	switch (activity->kind) {
	case PLAN_REVERSAL:
		out->kind_case = MEMBERD__V1__ACTIVITY__KIND_REVERSAL;
		out->reversal = make_reversal(mapping, plan, activity, arena);
		return out->reversal != NULL;
	case PLAN_REVIEW:
		out->kind_case = MEMBERD__V1__ACTIVITY__KIND_REVIEW;
		out->review = make_review(mapping, activity, arena);
		return out->review != NULL;
	case PLAN_VISIT:
		out->kind_case = MEMBERD__V1__ACTIVITY__KIND_VISIT;
		out->visit = make_visit(mapping, activity, arena);
		return out->visit != NULL;
	default:
		out->kind_case = MEMBERD__V1__ACTIVITY__KIND_ORDER;
		out->order = make_order(mapping, plan, activity, shift_us, arena);
		return out->order != NULL;
	}
}

Memberd__V1__Activity *wire_activity(const struct mapping *mapping, const struct plan *plan,
				     size_t i, int64_t shift_us, struct arena *arena)
{
	const struct plan_activity *activity = &plan->activities[i];
	Memberd__V1__Activity *out = arena_alloc(arena, sizeof(*out));
	char key[PLAN_KEY_BYTES];

	if (out == NULL) {
		return NULL;
	}
	memberd__v1__activity__init(out);
	plan_key(activity, key);
	out->source = borrow(mapping->source);
	out->source_event_id = arena_strdup(arena, key);
	out->member = make_member(mapping->issuer, activity->member, arena);
	out->occurred_at = make_time(activity->at + shift_us, arena);
	if (out->source_event_id == NULL || out->member == NULL || out->occurred_at == NULL) {
		return NULL;
	}
	return set_kind(out, mapping, plan, activity, shift_us, arena) ? out : NULL;
}
