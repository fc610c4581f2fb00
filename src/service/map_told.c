/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_told: activities back into the messages in which they were told.
 */
#include "service/map.h"

static Memberd__V1__OrderLine *to_line(struct arena *arena, const struct line *line)
{
	Memberd__V1__OrderLine *message = arena_alloc(arena, sizeof(*message));

	if (message == NULL) {
		return NULL;
	}
	memberd__v1__order_line__init(message);
	message->line_no = line->line_no;
	message->type = (Memberd__V1__LineType)line->type;
	message->currency = to_text(arena, str_from(line->currency));
	message->amount = line->amount;
	message->coupon = line->coupon;
	message->points = line->points;
	message->sub_kind = to_text(arena, line->sub_kind);
	message->category = to_text(arena, line->category);
	message->store = to_text(arena, line->store);
	message->brand = to_text(arena, line->brand);
	return message;
}

static Memberd__V1__Order *to_order(struct arena *arena, const struct activity *activity)
{
	const struct order *order = &activity->order;
	Memberd__V1__Order *message = arena_alloc(arena, sizeof(*message));

	if (message == NULL) {
		return NULL;
	}
	memberd__v1__order__init(message);
	message->platform = (Memberd__V1__Platform)order->platform;
	message->order_id = to_text(arena, activity->order_id);
	message->completed_at = to_time(arena, order->completed_at);
	message->lines = arena_array(arena, order->n_lines, sizeof(*message->lines));
	for (size_t i = 0; message->lines != NULL && i < order->n_lines; i++) {
		message->lines[message->n_lines++] = to_line(arena, &order->lines[i]);
	}
	return message;
}

static Memberd__V1__OrderRef *to_order_ref(struct arena *arena, const struct activity *activity)
{
	Memberd__V1__OrderRef *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__order_ref__init(message);
		message->order_source = to_text(arena, activity->order_source);
		message->order_id = to_text(arena, activity->order_id);
	}
	return message;
}

static Memberd__V1__Completion *to_completion(struct arena *arena, const struct activity *activity)
{
	Memberd__V1__Completion *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__completion__init(message);
		message->order = to_order_ref(arena, activity);
		message->completed_at = to_time(arena, activity->completion.completed_at);
	}
	return message;
}

static Memberd__V1__Cancellation *to_cancellation(struct arena *arena,
						  const struct activity *activity)
{
	Memberd__V1__Cancellation *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__cancellation__init(message);
		message->order = to_order_ref(arena, activity);
	}
	return message;
}

static Memberd__V1__ReversalLine *to_reversal_line(struct arena *arena,
						   const struct reversal_line *line)
{
	Memberd__V1__ReversalLine *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__reversal_line__init(message);
		message->line_no = line->line_no;
		message->currency = to_text(arena, str_from(line->currency));
		message->amount = line->amount;
	}
	return message;
}

static Memberd__V1__Reversal *to_reversal(struct arena *arena, const struct activity *activity)
{
	const struct reversal *reversal = &activity->reversal;
	Memberd__V1__Reversal *message = arena_alloc(arena, sizeof(*message));

	if (message == NULL) {
		return NULL;
	}
	memberd__v1__reversal__init(message);
	message->order = to_order_ref(arena, activity);
	message->lines = arena_array(arena, reversal->n_lines, sizeof(*message->lines));
	for (size_t i = 0; message->lines != NULL && i < reversal->n_lines; i++) {
		message->lines[message->n_lines++] = to_reversal_line(arena, &reversal->lines[i]);
	}
	return message;
}

static Memberd__V1__Review *to_review(struct arena *arena, const struct activity *activity)
{
	Memberd__V1__Review *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__review__init(message);
		message->order = to_order_ref(arena, activity);
		message->line_no = activity->review.line_no;
		message->pictures = activity->review.pictures;
	}
	return message;
}

static Memberd__V1__Share *to_share(struct arena *arena, const struct activity *activity)
{
	Memberd__V1__Share *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__share__init(message);
		message->content = to_text(arena, activity->share.content);
		message->channel = to_text(arena, activity->share.channel);
	}
	return message;
}

/* NULL for the member himself: he is told of no other one. */
static Memberd__V1__MemberRef *to_other(struct arena *arena, int64_t member_id, bool own)
{
	Memberd__V1__MemberRef *message = own ? NULL : arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__member_ref__init(message);
		message->ref_case = MEMBERD__V1__MEMBER_REF__REF_MEMBER_ID;
		message->member_id = to_id(arena, member_id);
	}
	return message;
}

Memberd__V1__ActivityKey *to_activity_key(struct arena *arena, const struct activity *activity)
{
	Memberd__V1__ActivityKey *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__activity_key__init(message);
		message->source = to_text(arena, activity->about_source);
		message->source_event_id = to_text(arena, activity->about_event_id);
	}
	return message;
}

static Memberd__V1__Opening *to_opening(struct arena *arena, const struct activity *activity,
					bool own)
{
	Memberd__V1__Opening *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__opening__init(message);
		message->share = to_activity_key(arena, activity);
		message->by = to_other(arena, activity->opening.by, own);
		message->verified = activity->opening.verified;
	}
	return message;
}

static Memberd__V1__Post *to_post(struct arena *arena, const struct activity *activity)
{
	Memberd__V1__Post *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__post__init(message);
		message->content = to_text(arena, activity->post.content);
	}
	return message;
}

static Memberd__V1__Answer *to_answer(struct arena *arena, const struct activity *activity,
				      bool own)
{
	Memberd__V1__Answer *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__answer__init(message);
		message->question = to_text(arena, activity->answer.question);
		message->asker = to_other(arena, activity->answer.asker, own);
	}
	return message;
}

static Memberd__V1__Vote *to_vote(struct arena *arena, const struct activity *activity, bool own)
{
	Memberd__V1__Vote *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__vote__init(message);
		message->content = to_text(arena, activity->vote.content);
		message->by = to_other(arena, activity->vote.by, own);
	}
	return message;
}

static Memberd__V1__Visit *to_visit(struct arena *arena, const struct activity *activity)
{
	Memberd__V1__Visit *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__visit__init(message);
		message->platform = (Memberd__V1__Platform)activity->visit.platform;
		message->store = to_text(arena, activity->visit.store);
	}
	return message;
}

static Memberd__V1__Undo *to_undo(struct arena *arena, const struct activity *activity)
{
	Memberd__V1__Undo *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__undo__init(message);
		message->activity = to_activity_key(arena, activity);
	}
	return message;
}

static void put_kind(struct arena *arena, const struct activity *activity, bool own,
		     Memberd__V1__Activity *out)
{
	switch (activity->kind) {
	case ACTIVITY_ORDER:
		out->order = to_order(arena, activity);
		break;
	case ACTIVITY_COMPLETION:
		out->completion = to_completion(arena, activity);
		break;
	case ACTIVITY_CANCELLATION:
		out->cancellation = to_cancellation(arena, activity);
		break;
	case ACTIVITY_REVERSAL:
		out->reversal = to_reversal(arena, activity);
		break;
	case ACTIVITY_REVIEW:
		out->review = to_review(arena, activity);
		break;
	case ACTIVITY_SHARE:
		out->share = to_share(arena, activity);
		break;
	case ACTIVITY_OPENING:
		out->opening = to_opening(arena, activity, own);
		break;
	case ACTIVITY_POST:
		out->post = to_post(arena, activity);
		break;
	case ACTIVITY_ANSWER:
		out->answer = to_answer(arena, activity, own);
		break;
	case ACTIVITY_VOTE:
		out->vote = to_vote(arena, activity, own);
		break;
	case ACTIVITY_VISIT:
		out->visit = to_visit(arena, activity);
		break;
	default: /* the only kind left that is told */
		out->undo = to_undo(arena, activity);
	}
	/* the same numbers */
	out->kind_case = (Memberd__V1__Activity__KindCase)activity->kind;
}

Memberd__V1__Activity *to_activity(struct arena *arena, const struct activity *activity, bool own)
{
	Memberd__V1__Activity *message = arena_alloc(arena, sizeof(*message));

	if (message == NULL) {
		return NULL;
	}
	memberd__v1__activity__init(message);
	message->source = to_text(arena, activity->source);
	message->source_event_id = to_text(arena, activity->source_event_id);
	message->occurred_at = to_time(arena, activity->occurred_at);
	if (activity_kind_told(activity->kind)) {
		put_kind(arena, activity, own, message);
	}
	return message;
}
