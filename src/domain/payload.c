/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/payload.h"

#include "domain/payload_impl.h"

#include <assert.h>
#include <string.h>

/* With ptr NULL it only counts. */
struct writer {
	char *ptr;
	size_t len;
};

static void put_bytes(struct writer *w, const void *bytes, size_t len)
{
	if (w->ptr != NULL && len > 0) {
		memcpy(w->ptr + w->len, bytes, len);
	}
	w->len += len;
}

static void put_varint(struct writer *w, uint64_t value)
{
	unsigned char bytes[10];
	size_t n = 0;

	for (; value >= 0x80; value >>= 7) {
		bytes[n++] = (unsigned char)(value | 0x80);
	}
	bytes[n++] = (unsigned char)value;
	put_bytes(w, bytes, n);
}

static void put_int(struct writer *w, unsigned number, int64_t value)
{
	if (value != 0) {
		put_varint(w, number * 2);
		put_varint(w, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
	}
}

static void put_text(struct writer *w, unsigned number, struct str text)
{
	if (text.len > 0) {
		put_varint(w, number * 2 + 1);
		put_varint(w, text.len);
		put_bytes(w, text.ptr, text.len);
	}
}

static void put_line_fields(struct writer *w, const struct line *line)
{
	put_int(w, L_LINE_NO, line->line_no);
	put_int(w, L_TYPE, (int64_t)line->type);
	put_text(w, L_CURRENCY, str_from(line->currency));
	put_int(w, L_AMOUNT, line->amount);
	put_int(w, L_COUPON, line->coupon);
	put_int(w, L_POINTS, line->points);
	put_text(w, L_SUB_KIND, line->sub_kind);
	put_text(w, L_CATEGORY, line->category);
	put_text(w, L_STORE, line->store);
	put_text(w, L_BRAND, line->brand);
}

static void put_line(struct writer *w, const struct line *line)
{
	struct writer count = {NULL, 0};

	put_line_fields(&count, line);
	put_varint(w, F_LINE * 2 + 1);
	put_varint(w, count.len);
	put_line_fields(w, line);
}

static void put_reversal_line(struct writer *w, const struct reversal_line *reversed)
{
	struct line line = {.line_no = reversed->line_no, .amount = reversed->amount};

	memcpy(line.currency, reversed->currency, sizeof(line.currency));
	put_line(w, &line);
}

/* Of the platforms' kinds from review on. */
static void put_interaction_fields(struct writer *w, const struct activity *activity)
{
	switch (activity->kind) {
	case ACTIVITY_REVIEW:
		put_int(w, F_LINE_NO, activity->review.line_no);
		put_int(w, F_PICTURES, activity->review.pictures);
		break;
	case ACTIVITY_SHARE:
		put_text(w, F_CONTENT, activity->share.content);
		put_text(w, F_CHANNEL, activity->share.channel);
		break;
	case ACTIVITY_OPENING:
		put_int(w, F_BY, activity->opening.by);
		put_int(w, F_VERIFIED, activity->opening.verified);
		break;
	case ACTIVITY_POST:
		put_text(w, F_CONTENT, activity->post.content);
		break;
	case ACTIVITY_ANSWER:
		put_text(w, F_QUESTION, activity->answer.question);
		put_int(w, F_ASKER, activity->answer.asker);
		break;
	case ACTIVITY_VOTE:
		put_text(w, F_CONTENT, activity->vote.content);
		put_int(w, F_BY, activity->vote.by);
		break;
	case ACTIVITY_VISIT:
		put_text(w, F_STORE, activity->visit.store);
		break;
	default: /* undo, finding and void say all in what they name */
		break;
	}
}

/* Of the service's own kinds. */
static void put_decision_fields(struct writer *w, const struct activity *activity)
{
	switch (activity->kind) {
	case ACTIVITY_CREDIBILITY:
		put_int(w, F_DELTA_BP, activity->credibility.delta_bp);
		put_int(w, F_UNTIL, activity->credibility.until);
		break;
	case ACTIVITY_LINK:
		put_int(w, F_OTHER, activity->link.other);
		put_int(w, F_LINKED, activity->link.linked);
		break;
	case ACTIVITY_OVERRIDE:
		put_int(w, F_UNTIL, activity->override.until);
		put_int(w, F_TIER, (int64_t)activity->override.tier);
		break;
	case ACTIVITY_SUSPENSION:
		put_int(w, F_SUSPENDED, activity->suspension.suspended);
		break;
	default:
		put_interaction_fields(w, activity);
	}
}

static void put_order_fields(struct writer *w, const struct activity *activity)
{
	switch (activity->kind) {
	case ACTIVITY_ORDER:
		put_int(w, F_PLATFORM, (int64_t)activity->order.platform);
		put_int(w, F_COMPLETED_AT, activity->order.completed_at);
		for (size_t i = 0; i < activity->order.n_lines; i++) {
			put_line(w, &activity->order.lines[i]);
		}
		break;
	case ACTIVITY_COMPLETION:
		put_int(w, F_COMPLETED_AT, activity->completion.completed_at);
		break;
	case ACTIVITY_REVERSAL:
		for (size_t i = 0; i < activity->reversal.n_lines; i++) {
			put_reversal_line(w, &activity->reversal.lines[i]);
		}
		break;
	case ACTIVITY_VISIT:
		put_int(w, F_PLATFORM, (int64_t)activity->visit.platform);
		break;
	default:
		break;
	}
}

/* By rising number. */
static void put_activity(struct writer *w, const struct activity *activity)
{
	char version = PAYLOAD_VERSION;

	put_bytes(w, &version, 1);
	put_varint(w, (uint64_t)activity->kind);
	put_int(w, F_OCCURRED_AT, activity->occurred_at);
	put_text(w, F_SOURCE, activity->source);
	put_text(w, F_SOURCE_EVENT_ID, activity->source_event_id);
	put_text(w, F_ORDER_SOURCE, activity->order_source);
	put_text(w, F_ORDER_ID, activity->order_id);
	put_order_fields(w, activity);
	put_text(w, F_ABOUT_SOURCE, activity->about_source);
	put_text(w, F_ABOUT_EVENT_ID, activity->about_event_id);
	put_decision_fields(w, activity);
	put_text(w, F_REASON, activity->reason);
}

enum mb_code payload_encode(const struct activity *activity, struct arena *arena, struct str *out,
			    struct mb_err *err)
{
	const char *fault = payload_find_fault(activity);
	struct writer w = {NULL, 0};
	size_t len;

	if (fault != NULL) {
		return mb_fail(err, MB_INTERNAL, "an activity that cannot be stored: %s", fault);
	}
	put_activity(&w, activity);
	len = w.len;
	w = (struct writer){arena_alloc(arena, len), 0};
	if (w.ptr == NULL) {
		return arena_fail(arena, err);
	}
	put_activity(&w, activity);
	assert(w.len == len);
	*out = (struct str){w.ptr, len};
	return MB_OK;
}
