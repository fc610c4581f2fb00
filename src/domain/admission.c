/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admission: may this completion, cancellation or reversal of an order be accepted?
 *
 * A reversal is judged whole: one line too much and nothing of it counts. Everything that was
 * accepted weighs, whatever its instant: what is taken back later than a reversal that comes late
 * must still be there then.
 */
#include "domain/money.h"
#include "domain/orders.h"

#include <string.h>

bool admission_init(struct admission *admission, const struct activity *order, struct arena *arena)
{
	admission->order = order;
	admission->closed_at = TIME_NEVER;
	admission->taken = arena_array(arena, order->order.n_lines, sizeof(admission->taken[0]));
	return admission->taken != NULL;
}

/* The index of a line of the order, n_lines when there is none. */
static size_t find_line(const struct order *order, int32_t line_no)
{
	size_t low = 0, high = order->n_lines;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (order->lines[middle].line_no < line_no) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < order->n_lines && order->lines[low].line_no == line_no ? low : order->n_lines;
}

static enum mb_code judge_line(const struct admission *admission, const struct reversal_line *back,
			       struct mb_err *err)
{
	const struct order *order = &admission->order->order;
	size_t i = find_line(order, back->line_no);
	int64_t left;

	if (i == order->n_lines) {
		return mb_fail_field(err, MB_REFUND_LINE_MISMATCH, "line_no",
				     "the order has no line %d", back->line_no);
	}
	if (strcmp(order->lines[i].currency, back->currency) != 0) {
		return mb_fail_field(err, MB_REFUND_LINE_MISMATCH, "currency", "line %d is in %s",
				     back->line_no, order->lines[i].currency);
	}
	left = line_net(&order->lines[i]) - admission->taken[i];
	if (back->amount > left) {
		return mb_fail_field(err, MB_REFUND_OVER_REMAINDER, "amount",
				     "of line %d only %lld is left to take back", back->line_no,
				     (long long)max_i64(left, 0));
	}
	return MB_OK;
}

static enum mb_code judge_reversal(const struct admission *admission,
				   const struct reversal *reversal, struct mb_err *err)
{
	enum mb_code code = MB_OK;

	for (size_t i = 0; i < reversal->n_lines && code == MB_OK; i++) {
		code = judge_line(admission, &reversal->lines[i], err);
		if (code != MB_OK) {
			mb_err_prefix_field(err, "reversal.lines[%zu]", i);
		}
	}
	return code;
}

void admission_take(struct admission *admission, const struct activity *activity)
{
	const struct order *order = &admission->order->order;
	int64_t at = max_i64(activity->occurred_at, admission->order->occurred_at);

	if (activity->kind == ACTIVITY_CANCELLATION) {
		admission->closed_at = min_i64(admission->closed_at, at);
	}
	if (activity->kind != ACTIVITY_REVERSAL) {
		return;
	}
	for (size_t i = 0; i < activity->reversal.n_lines; i++) {
		const struct reversal_line *back = &activity->reversal.lines[i];
		size_t line = find_line(order, back->line_no);

		if (line < order->n_lines) {
			admission->taken[line] = sat_add(admission->taken[line], back->amount);
		}
	}
}

enum mb_code admission_try(struct admission *admission, const struct activity *activity,
			   struct mb_err *err)
{
	int64_t at = max_i64(activity->occurred_at, admission->order->occurred_at);
	enum mb_code code = MB_OK;

	if (activity->kind != ACTIVITY_COMPLETION && at >= admission->closed_at) {
		return mb_fail(err, MB_ORDER_CLOSED, "the order was cancelled at or before this");
	}
	if (activity->kind == ACTIVITY_REVERSAL) {
		code = judge_reversal(admission, &activity->reversal, err);
	}
	if (code == MB_OK) {
		admission_take(admission, activity);
	}
	return code;
}
