/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/payload_impl.h"

static bool is_currency(const char *code)
{
	for (int i = 0; i < 3; i++) {
		if (code[i] < 'A' || code[i] > 'Z') {
			return false;
		}
	}
	return code[3] == '\0';
}

static const char *find_line_fault(const struct line *line, int32_t line_no_before)
{
	if (line->line_no <= line_no_before) {
		return "line numbers do not rise from 1";
	}
	if (line->type <= 0 || line->type >= LINE_TYPE_END) {
		return "no such type of line";
	}
	if (!is_currency(line->currency)) {
		return "a currency is not three capital letters";
	}
	if (line->amount < 0 || line->coupon < 0 || line->points < 0 ||
	    line->coupon > line->amount || line->points > line->amount - line->coupon) {
		return "an amount does not add up";
	}
	if (!str_is_utf8(line->sub_kind) || !str_is_utf8(line->category) ||
	    !str_is_utf8(line->store) || !str_is_utf8(line->brand)) {
		return "a text is not UTF-8";
	}
	return NULL;
}

static const char *find_order_fault(const struct order *order)
{
	int32_t line_no = 0;

	if (order->platform <= 0 || order->platform >= PLATFORM_END) {
		return "no such platform";
	}
	for (size_t i = 0; i < order->n_lines; i++) {
		const char *fault = find_line_fault(&order->lines[i], line_no);

		if (fault != NULL) {
			return fault;
		}
		line_no = order->lines[i].line_no;
	}
	return NULL;
}

static const char *find_reversal_fault(const struct reversal *reversal)
{
	int32_t line_no = 0;

	for (size_t i = 0; i < reversal->n_lines; i++) {
		const struct reversal_line *line = &reversal->lines[i];

		if (line->line_no <= line_no) {
			return "line numbers do not rise from 1";
		}
		if (!is_currency(line->currency)) {
			return "a currency is not three capital letters";
		}
		if (line->amount <= 0) {
			return "a reversed amount is not above zero";
		}
		line_no = line->line_no;
	}
	return NULL;
}

static const char *find_id_fault(struct str id)
{
	if (id.len == 0) {
		return "an id is empty";
	}
	return str_is_utf8(id) ? NULL : "a text is not UTF-8";
}

static const char *find_key_fault(struct str source, struct str id)
{
	if (!str_is_slug(source, SIZE_MAX)) {
		return "a source is not made of [a-z0-9._-]";
	}
	return find_id_fault(id);
}

static const char *find_share_fault(const struct activity *activity)
{
	const char *fault = find_id_fault(activity->share.content);

	return fault == NULL ? find_id_fault(activity->share.channel) : fault;
}

static const char *find_visit_fault(const struct activity *activity)
{
	if (platform_name(activity->visit.platform) == NULL) {
		return "no such platform";
	}
	return find_id_fault(activity->visit.store);
}

static const char *find_override_fault(const struct activity *activity)
{
	if (activity->override.tier < 0 || activity->override.tier >= TIER_END) {
		return "no such tier";
	}
	if ((activity->override.tier == 0) != (activity->override.until == 0)) {
		return "an override has no end, or an end of overrides has one";
	}
	return NULL;
}

static const char *find_member_fault(int64_t member_id)
{
	return member_id > 0 ? NULL : "a member id is not above zero";
}

/* Of what the kind itself holds: the platforms' kinds but orders and what names orders. */
static const char *find_interaction_fault(const struct activity *activity)
{
	const char *fault = NULL;

	switch (activity->kind) {
	case ACTIVITY_SHARE:
		return find_share_fault(activity);
	case ACTIVITY_OPENING:
		return find_member_fault(activity->opening.by);
	case ACTIVITY_POST:
		return find_id_fault(activity->post.content);
	case ACTIVITY_ANSWER:
		fault = find_id_fault(activity->answer.question);
		return fault == NULL ? find_member_fault(activity->answer.asker) : fault;
	case ACTIVITY_VOTE:
		fault = find_id_fault(activity->vote.content);
		return fault == NULL ? find_member_fault(activity->vote.by) : fault;
	case ACTIVITY_VISIT:
		return find_visit_fault(activity);
	default:
		return NULL;
	}
}

static const char *find_kind_fault(const struct activity *activity)
{
	switch (activity->kind) {
	case ACTIVITY_ORDER:
		return find_order_fault(&activity->order);
	case ACTIVITY_REVERSAL:
		return find_reversal_fault(&activity->reversal);
	case ACTIVITY_REVIEW:
		return activity->review.line_no > 0 ? NULL : "line numbers do not rise from 1";
	case ACTIVITY_CREDIBILITY:
		return activity->credibility.delta_bp != 0 ? NULL : "a change changes nothing";
	case ACTIVITY_LINK:
		return find_member_fault(activity->link.other);
	case ACTIVITY_OVERRIDE:
		return find_override_fault(activity);
	default:
		return find_interaction_fault(activity);
	}
}

const char *payload_find_fault(const struct activity *activity)
{
	const char *fault = NULL;

	if (activity_kind_name(activity->kind) == NULL) {
		return "no such kind of activity";
	}
	fault = find_key_fault(activity->source, activity->source_event_id);
	if (fault == NULL &&
	    (activity->kind == ACTIVITY_ORDER || activity_names_order(activity->kind))) {
		fault = find_key_fault(activity->order_source, activity->order_id);
	}
	if (fault == NULL && activity_names_activity(activity->kind)) {
		fault = find_key_fault(activity->about_source, activity->about_event_id);
	}
	if (fault == NULL && !str_is_utf8(activity->reason)) {
		fault = "a text is not UTF-8";
	}
	return fault == NULL ? find_kind_fault(activity) : fault;
}
