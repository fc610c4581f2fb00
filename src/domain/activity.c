/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/activity.h"

#include "base/clock.h"
#include "domain/calendar.h"
#include "domain/money.h"

#include <string.h>

const char *activity_kind_name(enum activity_kind kind)
{
	switch (kind) {
#define X(name, number, text) \
	case ACTIVITY_##name: \
		return (text);
		ACTIVITY_KINDS(X)
#undef X
	}
	return NULL;
}

bool activity_kind_told(enum activity_kind kind)
{
	return activity_kind_name(kind) != NULL && kind <= ACTIVITY_UNDO;
}

bool activity_names_order(enum activity_kind kind)
{
	return kind == ACTIVITY_COMPLETION || kind == ACTIVITY_CANCELLATION ||
	       kind == ACTIVITY_REVERSAL || kind == ACTIVITY_REVIEW;
}

bool activity_names_activity(enum activity_kind kind)
{
	return kind == ACTIVITY_OPENING || kind == ACTIVITY_UNDO || kind == ACTIVITY_FINDING ||
	       kind == ACTIVITY_VOID;
}

int64_t line_net(const struct line *line)
{
	return line->amount - line->coupon - line->points;
}

int activity_cmp(const struct activity *a, const struct activity *b)
{
	int order;

	if (a->occurred_at != b->occurred_at) {
		return a->occurred_at < b->occurred_at ? -1 : 1;
	}
	order = str_cmp(a->source, b->source);
	return order != 0 ? order : str_cmp(a->source_event_id, b->source_event_id);
}

static enum mb_code check_id(struct str id, const char *field, struct mb_err *err)
{
	if (id.len < 1 || id.len > ID_BYTES_MAX || !str_is_utf8(id)) {
		return mb_fail_field(err, MB_FIELD_INVALID, field,
				     "must be 1 to %d bytes of UTF-8, not %zu", ID_BYTES_MAX,
				     id.len);
	}
	return MB_OK;
}

static enum mb_code check_source(struct str source, const char *field, struct mb_err *err)
{
	if (!str_is_slug(source, SOURCE_BYTES_MAX)) {
		return mb_fail_field(err, MB_FIELD_INVALID, field,
				     "must be 1 to %d of a-z 0-9 . _ -", SOURCE_BYTES_MAX);
	}
	return MB_OK;
}

static enum mb_code check_time(int64_t t, const char *field, struct mb_err *err)
{
	if (t < CALENDAR_MIN || t > CALENDAR_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, field,
				     "must lie in the years 1 to 9999");
	}
	return MB_OK;
}

static enum mb_code check_label(struct str label, const char *field, struct mb_err *err)
{
	if (label.len > LABEL_BYTES_MAX || !str_is_utf8(label)) {
		return mb_fail_field(err, MB_FIELD_INVALID, field,
				     "must be at most %d bytes of UTF-8, not %zu", LABEL_BYTES_MAX,
				     label.len);
	}
	return MB_OK;
}

static enum mb_code check_currency(const char *currency, const struct policy *policy,
				   struct policy_rate *rate, struct mb_err *err)
{
	if (memchr(currency, '\0', sizeof(rate->currency)) == NULL ||
	    !policy_rate(policy, currency, rate)) {
		return mb_fail_field(err, MB_CURRENCY_UNKNOWN, "currency",
				     "policy version %d has no rate for '%.3s'", policy->version,
				     currency);
	}
	return MB_OK;
}

/* Adds the amount, converted, to *sum; neither may pass the limit. */
static enum mb_code check_limit(int64_t amount, const struct policy_rate *rate,
				const struct policy *policy, int64_t *sum, struct mb_err *err)
{
	int64_t converted = money_convert(amount, rate, policy);

	if (converted > AMOUNT_MAX) {
		return mb_fail_field(err, MB_AMOUNT_OVER_LIMIT, "amount",
				     "is over 10^13 minor units of %s", policy->currency);
	}
	*sum = sat_add(*sum, converted);
	if (*sum > AMOUNT_MAX) {
		return mb_fail_field(err, MB_AMOUNT_OVER_LIMIT, "amount",
				     "the lines up to here sum up to over 10^13 minor units of %s",
				     policy->currency);
	}
	return MB_OK;
}

static enum mb_code check_line_no(int32_t line_no, int32_t before, struct mb_err *err)
{
	if (line_no < 1) {
		return mb_fail_field(err, MB_FIELD_INVALID, "line_no", "must be 1 or more, not %d",
				     line_no);
	}
	if (line_no <= before) {
		return mb_fail_field(err, MB_FIELD_INVALID, "line_no",
				     "line %d must come once, lines by rising line_no", line_no);
	}
	return MB_OK;
}

static enum mb_code check_amounts(const struct line *line, struct mb_err *err)
{
	const struct {
		const char *field;
		int64_t value;
	} amounts[] = {
		{"amount", line->amount}, {"coupon", line->coupon}, {"points", line->points}};

	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		if (amounts[i].value < 0) {
			return mb_fail_field(err, MB_FIELD_INVALID, amounts[i].field,
					     "must not be negative");
		}
	}
	if (line->coupon > line->amount || line->points > line->amount - line->coupon) {
		return mb_fail_field(err, MB_FIELD_INVALID, "amount",
				     "must be at least coupon and points together");
	}
	return MB_OK;
}

static enum mb_code check_labels(const struct line *line, struct mb_err *err)
{
	enum mb_code code = check_label(line->sub_kind, "sub_kind", err);

	if (code == MB_OK) {
		code = check_label(line->category, "category", err);
	}
	if (code == MB_OK) {
		code = check_label(line->store, "store", err);
	}
	return code == MB_OK ? check_label(line->brand, "brand", err) : code;
}

static enum mb_code check_line(const struct line *line, int32_t before, const struct policy *policy,
			       int64_t *sum, struct mb_err *err)
{
	struct policy_rate rate;
	enum mb_code code = check_line_no(line->line_no, before, err);

	if (code == MB_OK && (line->type < LINE_GOODS || line->type >= LINE_TYPE_END)) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "type", "is none of the types of line");
	}
	if (code == MB_OK) {
		code = check_currency(line->currency, policy, &rate, err);
	}
	if (code == MB_OK) {
		code = check_amounts(line, err);
	}
	if (code == MB_OK) {
		code = check_limit(line->amount, &rate, policy, sum, err);
	}
	return code == MB_OK ? check_labels(line, err) : code;
}

static enum mb_code check_count(size_t n, struct mb_err *err)
{
	if (n < 1 || n > ORDER_LINES_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, "lines",
				     "must be 1 to %d lines, not %zu", ORDER_LINES_MAX, n);
	}
	return MB_OK;
}

static enum mb_code check_order(const struct activity *activity, const struct policy *policy,
				struct mb_err *err)
{
	const struct order *order = &activity->order;
	enum mb_code code = check_count(order->n_lines, err);
	int32_t before = 0;
	int64_t sum = 0;

	if (platform_name(order->platform) == NULL) {
		return mb_fail_field(err, MB_FIELD_INVALID, "platform", "is none of the platforms");
	}
	if (code == MB_OK && order->completed_at != 0) {
		code = check_time(order->completed_at, "completed_at", err);
	}
	if (code == MB_OK && !str_eq(activity->order_source, activity->source)) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "order_source",
				     "an order is its own source's");
	}
	for (size_t i = 0; i < order->n_lines && code == MB_OK; i++) {
		code = check_line(&order->lines[i], before, policy, &sum, err);
		before = order->lines[i].line_no;
		if (code != MB_OK) {
			mb_err_prefix_field(err, "lines[%zu]", i);
		}
	}
	return code;
}

static enum mb_code check_reversal_line(const struct reversal_line *line, int32_t before,
					const struct policy *policy, int64_t *sum,
					struct mb_err *err)
{
	struct policy_rate rate;
	enum mb_code code = check_line_no(line->line_no, before, err);

	if (code == MB_OK) {
		code = check_currency(line->currency, policy, &rate, err);
	}
	if (code == MB_OK && line->amount <= 0) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "amount", "must be more than 0");
	}
	return code == MB_OK ? check_limit(line->amount, &rate, policy, sum, err) : code;
}

static enum mb_code check_reversal(const struct reversal *reversal, const struct policy *policy,
				   struct mb_err *err)
{
	enum mb_code code = check_count(reversal->n_lines, err);
	int32_t before = 0;
	int64_t sum = 0;

	for (size_t i = 0; i < reversal->n_lines && code == MB_OK; i++) {
		code = check_reversal_line(&reversal->lines[i], before, policy, &sum, err);
		before = reversal->lines[i].line_no;
		if (code != MB_OK) {
			mb_err_prefix_field(err, "lines[%zu]", i);
		}
	}
	return code;
}

/* A label that must be there. */
static enum mb_code check_name(struct str name, const char *field, struct mb_err *err)
{
	if (name.len == 0) {
		return mb_fail_field(err, MB_FIELD_INVALID, field, "must not be empty");
	}
	return check_label(name, field, err);
}

static enum mb_code check_share(const struct activity *activity, struct mb_err *err)
{
	enum mb_code code = check_id(activity->share.content, "content", err);

	return code == MB_OK ? check_name(activity->share.channel, "channel", err) : code;
}

static enum mb_code check_visit(const struct activity *activity, struct mb_err *err)
{
	if (platform_name(activity->visit.platform) == NULL) {
		return mb_fail_field(err, MB_FIELD_INVALID, "platform", "is none of the platforms");
	}
	return check_name(activity->visit.store, "store", err);
}

/* "memberd" and what begins with "memberd." */
static bool is_reserved(struct str source)
{
	struct str own = SOURCE_OWN;

	return source.len >= own.len && memcmp(source.ptr, own.ptr, own.len) == 0 &&
	       (source.len == own.len || source.ptr[own.len] == '.');
}

static enum mb_code check_about(const struct activity *activity, struct mb_err *err)
{
	enum mb_code code = check_source(activity->about_source, "source", err);

	if (code == MB_OK && activity->kind == ACTIVITY_UNDO &&
	    is_reserved(activity->about_source)) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "source",
				     "decisions are taken back with ReverseActivity");
	}
	if (code == MB_OK) {
		code = check_id(activity->about_event_id, "source_event_id", err);
	}
	if (code != MB_OK) {
		mb_err_prefix_field(err, "%s",
				    activity->kind == ACTIVITY_OPENING ? "share" : "activity");
	}
	return code;
}

/* What the kind itself holds; err->field is relative to the kind's message. */
static enum mb_code check_kind(const struct activity *activity, const struct policy *policy,
			       struct mb_err *err)
{
	switch (activity->kind) {
	case ACTIVITY_ORDER:
		return check_order(activity, policy, err);
	case ACTIVITY_REVERSAL:
		return check_reversal(&activity->reversal, policy, err);
	case ACTIVITY_COMPLETION:
		if (activity->completion.completed_at == 0) {
			return mb_fail_field(err, MB_FIELD_INVALID, "completed_at", "is missing");
		}
		return check_time(activity->completion.completed_at, "completed_at", err);
	case ACTIVITY_REVIEW:
		return check_line_no(activity->review.line_no, 0, err);
	case ACTIVITY_SHARE:
		return check_share(activity, err);
	case ACTIVITY_POST:
		return check_id(activity->post.content, "content", err);
	case ACTIVITY_ANSWER:
		return check_id(activity->answer.question, "question", err);
	case ACTIVITY_VOTE:
		return check_id(activity->vote.content, "content", err);
	case ACTIVITY_VISIT:
		return check_visit(activity, err);
	case ACTIVITY_OPENING:
	case ACTIVITY_UNDO:
		return check_about(activity, err);
	default:
		break;
	}
	return MB_OK;
}

static enum mb_code check_order_ref(const struct activity *activity, struct mb_err *err)
{
	bool is_order = activity->kind == ACTIVITY_ORDER;
	enum mb_code code;

	if (!is_order && !activity_names_order(activity->kind)) {
		return MB_OK;
	}
	code = check_source(activity->order_source,
			    is_order ? "order_source" : "order.order_source", err);

	if (code == MB_OK) {
		code = check_id(activity->order_id, is_order ? "order_id" : "order.order_id", err);
	}
	return code;
}

static enum mb_code check_envelope(const struct activity *activity, int64_t now, struct mb_err *err)
{
	enum mb_code code = check_source(activity->source, "source", err);

	if (code == MB_OK && is_reserved(activity->source)) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "source",
				     "'memberd' is the service's own");
	}
	if (code == MB_OK) {
		code = check_id(activity->source_event_id, "source_event_id", err);
	}
	if (code == MB_OK && activity->occurred_at > calendar_add(now, FUTURE_TOLERANCE)) {
		code = mb_fail_field(err, MB_IN_FUTURE, "occurred_at",
				     "lies more than 5 minutes ahead");
	}
	return code == MB_OK ? check_time(activity->occurred_at, "occurred_at", err) : code;
}

enum mb_code activity_check(const struct activity *activity, const struct policy *policy,
			    int64_t now, struct mb_err *err)
{
	enum mb_code code = check_envelope(activity, now, err);

	if (code != MB_OK) {
		return code;
	}
	if (!activity_kind_told(activity->kind)) {
		return mb_fail_field(err, MB_FIELD_INVALID, "kind", "is none that is taken in");
	}
	code = check_order_ref(activity, err);
	if (code == MB_OK) {
		code = check_kind(activity, policy, err);
	}
	if (code != MB_OK) {
		mb_err_prefix_field(err, "%s", activity_kind_name(activity->kind));
	}
	return code;
}
