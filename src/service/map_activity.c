/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activities. The domain wants lines by rising line number; callers may send them in any sequence,
 * and read of their own sequence in an error.
 */
#include "service/map.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line's place in the request beside its number. A number that stands there twice stays twice, in
 * the sequence of sending: activity_check() refuses the second. */
struct place {
	int32_t line_no;
	size_t sent;
};

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (a->line_no != b->line_no) {
		return a->line_no < b->line_no ? -1 : 1;
	}
	return a->sent < b->sent ? -1 : 1;
}

static enum mb_code from_currency(const char *text, char out[4], struct mb_err *err)
{
	for (size_t i = 0; i < 3; i++) {
		if (text[i] < 'A' || text[i] > 'Z') {
			return mb_fail_field(err, MB_FIELD_INVALID, "currency",
					     "'%.8s' is no ISO 4217 code", text);
		}
	}
	if (text[3] != '\0') {
		return mb_fail_field(err, MB_FIELD_INVALID, "currency",
				     "'%.8s' is no ISO 4217 code", text);
	}
	memcpy(out, text, 4);
	return MB_OK;
}

/* Checks how many lines were sent, and makes room for where each of them stood. */
static enum mb_code make_places(size_t n, struct arena *arena, struct place **out,
				struct mb_err *err)
{
	if (n < 1 || n > ORDER_LINES_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, "lines",
				     "must be 1 to %d lines, not %zu", ORDER_LINES_MAX, n);
	}
	*out = arena_array(arena, n, sizeof(**out));
	return *out == NULL ? arena_fail(arena, err) : MB_OK;
}

static enum mb_code from_line(const Memberd__V1__OrderLine *message, struct line *out,
			      struct mb_err *err)
{
	out->line_no = message->line_no;
	out->type = (enum line_type)message->type;
	out->amount = message->amount;
	out->coupon = message->coupon;
	out->points = message->points;
	out->sub_kind = str_from(message->sub_kind);
	out->category = str_from(message->category);
	out->store = str_from(message->store);
	out->brand = str_from(message->brand);
	return from_currency(message->currency, out->currency, err);
}

static enum mb_code from_order_lines(const Memberd__V1__Order *message, struct place *places,
				     struct arena *arena, struct order *out, struct mb_err *err)
{
	struct line *lines = arena_array(arena, message->n_lines, sizeof(*lines));
	enum mb_code code = MB_OK;

	if (lines == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; i < message->n_lines; i++) {
		places[i] = (struct place){message->lines[i]->line_no, i};
	}
	qsort(places, message->n_lines, sizeof(*places), compare_places);
	for (size_t i = 0; code == MB_OK && i < message->n_lines; i++) {
		code = from_line(message->lines[places[i].sent], &lines[i], err);
		if (code != MB_OK) {
			mb_err_prefix_field(err, "lines[%zu]", places[i].sent);
		}
	}
	out->lines = lines;
	out->n_lines = message->n_lines;
	return code;
}

/* 0 stands for "not told" in the domain, so the one instant with this number cannot be told. */
static enum mb_code from_completed_at(const Google__Protobuf__Timestamp *message, int64_t *out,
				      struct mb_err *err)
{
	enum mb_code code = from_time(message, out, err);

	if (code == MB_OK && *out == 0) {
		code = mb_fail(err, MB_FIELD_INVALID, "must not be 1970-01-01T00:00:00Z");
	}
	if (code != MB_OK) {
		mb_err_prefix_field(err, "completed_at");
	}
	return code;
}

static enum mb_code from_order(const Memberd__V1__Order *message, struct place **places,
			       struct arena *arena, struct activity *out, struct mb_err *err)
{
	enum mb_code code = make_places(message->n_lines, arena, places, err);

	out->order_source = out->source;
	out->order_id = str_from(message->order_id);
	out->order.platform = (enum platform)message->platform;
	if (code == MB_OK && message->completed_at != NULL) {
		code = from_completed_at(message->completed_at, &out->order.completed_at, err);
	}
	return code == MB_OK ? from_order_lines(message, *places, arena, &out->order, err) : code;
}

static enum mb_code from_order_ref(const Memberd__V1__OrderRef *message, struct activity *out,
				   struct mb_err *err)
{
	if (message == NULL) {
		return mb_fail_field(err, MB_FIELD_INVALID, "order", "is missing");
	}
	out->order_source = str_from(message->order_source);
	out->order_id = str_from(message->order_id);
	if (out->order_source.len == 0) {
		out->order_source = out->source;
	}
	return MB_OK;
}

static enum mb_code from_reversal_lines(const Memberd__V1__Reversal *message, struct place *places,
					struct arena *arena, struct reversal *out,
					struct mb_err *err)
{
	struct reversal_line *lines = arena_array(arena, message->n_lines, sizeof(*lines));
	enum mb_code code = MB_OK;

	if (lines == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; i < message->n_lines; i++) {
		places[i] = (struct place){message->lines[i]->line_no, i};
	}
	qsort(places, message->n_lines, sizeof(*places), compare_places);
	for (size_t i = 0; code == MB_OK && i < message->n_lines; i++) {
		const Memberd__V1__ReversalLine *line = message->lines[places[i].sent];

		lines[i].line_no = line->line_no;
		lines[i].amount = line->amount;
		code = from_currency(line->currency, lines[i].currency, err);
		if (code != MB_OK) {
			mb_err_prefix_field(err, "lines[%zu]", places[i].sent);
		}
	}
	out->lines = lines;
	out->n_lines = message->n_lines;
	return code;
}

static enum mb_code from_reversal(const Memberd__V1__Reversal *message, struct place **places,
				  struct arena *arena, struct activity *out, struct mb_err *err)
{
	enum mb_code code = from_order_ref(message->order, out, err);

	if (code == MB_OK) {
		code = make_places(message->n_lines, arena, places, err);
	}
	return code == MB_OK ? from_reversal_lines(message, *places, arena, &out->reversal, err)
			     : code;
}

static enum mb_code from_completion(const Memberd__V1__Completion *message, struct activity *out,
				    struct mb_err *err)
{
	enum mb_code code = from_order_ref(message->order, out, err);

	if (code == MB_OK) {
		code = from_completed_at(message->completed_at, &out->completion.completed_at, err);
	}
	return code;
}

static enum mb_code from_review(const Memberd__V1__Review *message, struct activity *out,
				struct mb_err *err)
{
	out->review.line_no = message->line_no;
	out->review.pictures = message->pictures;
	return from_order_ref(message->order, out, err);
}

/* The activity that is named in the field of this name. */
static enum mb_code from_key(const Memberd__V1__ActivityKey *message, const char *field,
			     struct activity *out, struct mb_err *err)
{
	if (message == NULL) {
		return mb_fail_field(err, MB_FIELD_INVALID, field, "is missing");
	}
	out->about_source = str_from(message->source);
	out->about_event_id = str_from(message->source_event_id);
	if (out->about_source.len == 0) {
		out->about_source = out->source;
	}
	return MB_OK;
}

/* The member who is named in the field of this name. */
static enum mb_code from_named(const Memberd__V1__MemberRef *message, const char *field,
			       struct member_ref *out, struct mb_err *err)
{
	enum mb_code code = from_member_ref(message, out, err);

	if (code != MB_OK) {
		mb_err_prefix_field(err, "%s", field);
	}
	return code;
}

static enum mb_code from_opening(const Memberd__V1__Opening *message, struct activity *out,
				 struct member_ref *named, struct mb_err *err)
{
	enum mb_code code = from_key(message->share, "share", out, err);

	out->opening.verified = message->verified;
	return code == MB_OK ? from_named(message->by, "by", named, err) : code;
}

/* The kinds that interactions are, and the undo. */
static enum mb_code from_interaction(const Memberd__V1__Activity *message, struct activity *out,
				     struct member_ref *named, struct mb_err *err)
{
	switch (message->kind_case) {
	case MEMBERD__V1__ACTIVITY__KIND_REVIEW:
		return from_review(message->review, out, err);
	case MEMBERD__V1__ACTIVITY__KIND_SHARE:
		out->share.content = str_from(message->share->content);
		out->share.channel = str_from(message->share->channel);
		return MB_OK;
	case MEMBERD__V1__ACTIVITY__KIND_OPENING:
		return from_opening(message->opening, out, named, err);
	case MEMBERD__V1__ACTIVITY__KIND_POST:
		out->post.content = str_from(message->post->content);
		return MB_OK;
	case MEMBERD__V1__ACTIVITY__KIND_ANSWER:
		out->answer.question = str_from(message->answer->question);
		return from_named(message->answer->asker, "asker", named, err);
	case MEMBERD__V1__ACTIVITY__KIND_VOTE:
		out->vote.content = str_from(message->vote->content);
		return from_named(message->vote->by, "by", named, err);
	case MEMBERD__V1__ACTIVITY__KIND_VISIT:
		out->visit.platform = (enum platform)message->visit->platform;
		out->visit.store = str_from(message->visit->store);
		return MB_OK;
	default: /* from_kind() lets no other through */
		return from_key(message->undo->activity, "activity", out, err);
	}
}

static enum mb_code from_kind(const Memberd__V1__Activity *message, struct place **places,
			      struct arena *arena, struct activity *out, struct member_ref *named,
			      struct mb_err *err)
{
	enum mb_code code;

	out->kind = (enum activity_kind)message->kind_case; /* the same numbers */
	switch (message->kind_case) {
	case MEMBERD__V1__ACTIVITY__KIND__NOT_SET:
		return mb_fail_field(err, MB_FIELD_INVALID, "kind",
				     "is missing: an order, a review, an undo, …");
	case MEMBERD__V1__ACTIVITY__KIND_ORDER:
		code = from_order(message->order, places, arena, out, err);
		break;
	case MEMBERD__V1__ACTIVITY__KIND_COMPLETION:
		code = from_completion(message->completion, out, err);
		break;
	case MEMBERD__V1__ACTIVITY__KIND_CANCELLATION:
		code = from_order_ref(message->cancellation->order, out, err);
		break;
	case MEMBERD__V1__ACTIVITY__KIND_REVERSAL:
		code = from_reversal(message->reversal, places, arena, out, err);
		break;
	default:
		code = from_interaction(message, out, named, err);
	}
	if (code != MB_OK) {
		mb_err_prefix_field(err, "%s", activity_kind_name(out->kind));
	}
	return code;
}

/* The index in a path that begins with head, and what follows it; SIZE_MAX for another path. */
static size_t index_after(const char *path, const char *head, const char **rest)
{
	char *end;
	unsigned long index;

	if (strncmp(path, head, strlen(head)) != 0) {
		return SIZE_MAX;
	}
	index = strtoul(path + strlen(head), &end, 10);
	*rest = end;
	return index;
}

static void put_index(const char *head, size_t index, const char *rest, struct mb_err *err)
{
	char path[sizeof(err->field)];

	snprintf(path, sizeof(path), "%s%zu%s", head, index, rest);
	memcpy(err->field, path, sizeof(path));
}

/* "order.lines[2].amount" counts the sorted lines; the caller wants his own count. */
static void name_sent_line(const struct activity *activity, const struct place *places,
			   struct mb_err *err)
{
	size_t n = activity->kind == ACTIVITY_ORDER ? activity->order.n_lines
						    : activity->reversal.n_lines;
	const char *rest = "";
	char head[32];
	size_t index;

	snprintf(head, sizeof(head), "%s.lines[", activity_kind_name(activity->kind));
	index = places == NULL ? SIZE_MAX : index_after(err->field, head, &rest);
	if (index < n) {
		put_index(head, places[index].sent, rest, err);
	}
}

void to_sent_line(const Memberd__V1__Activity *message, const struct activity *activity,
		  struct mb_err *err)
{
	static const char head[] = "reversal.lines[";
	const char *rest = "";
	size_t index = index_after(err->field, head, &rest), sent = 0;

	if (activity->kind != ACTIVITY_REVERSAL || index >= activity->reversal.n_lines) {
		return;
	}
	while (message->reversal->lines[sent]->line_no != activity->reversal.lines[index].line_no) {
		sent++;
	}
	put_index(head, sent, rest, err);
}

enum mb_code from_activity(const Memberd__V1__Activity *message, const struct policy *policy,
			   int64_t now, struct arena *arena, struct activity *out,
			   struct member_ref *out_named, struct mb_err *err)
{
	struct place *places = NULL;
	enum mb_code code = from_time(message->occurred_at, &out->occurred_at, err);

	if (code != MB_OK) {
		mb_err_prefix_field(err, "occurred_at");
		return code;
	}
	out->source = str_from(message->source);
	out->source_event_id = str_from(message->source_event_id);
	code = from_kind(message, &places, arena, out, out_named, err);
	if (code != MB_OK) {
		return code;
	}
	code = activity_check(out, policy, now, err);
	if (code != MB_OK) {
		name_sent_line(out, places, err);
	}
	return code;
}
