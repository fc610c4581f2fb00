/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reversal is judged whole: one line too much and nothing of it counts. Everything that was
 * accepted weighs, whatever its instant: what is taken back later than a reversal that comes late
 * must still be there then. What was undone weighs until it was; what is judged weighs whole,
 * whatever undo waits for it.
 */
#include "domain/admission.h"

#include "domain/money.h"

#include <string.h>

bool admission_init(struct admission *admission, const struct activity *order, struct arena *arena)
{
	*admission = (struct admission){.order = order, .arena = arena};
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

/* How many steps begin at or before t. */
static size_t steps_begun(const struct taken_line *line, int64_t t)
{
	size_t low = 0, high = line->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (line->steps[middle].at <= t) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* The most that is taken at any instant from this one on. */
static int64_t most_taken(const struct taken_line *line, int64_t from)
{
	size_t i = steps_begun(line, from);
	int64_t most = i > 0 ? line->steps[i - 1].sum : 0;

	for (; i < line->n; i++) {
		most = max_i64(most, line->steps[i].sum);
	}
	return most;
}

static bool grow(struct arena *arena, void **items, size_t n, size_t *room, size_t size)
{
	void *grown;

	if (n < *room) {
		return true;
	}
	grown = arena_array(arena, *room == 0 ? 4 : *room * 2, size);
	if (grown == NULL) {
		return false;
	}
	if (n > 0) {
		memcpy(grown, *items, n * size);
	}
	*items = grown;
	*room = *room == 0 ? 4 : *room * 2;
	return true;
}

/* A step that begins at t; its index, SIZE_MAX when the arena refused. */
static size_t step_at(struct arena *arena, struct taken_line *line, int64_t t)
{
	size_t i = steps_begun(line, t);
	void *steps = line->steps;
	int64_t sum = i > 0 ? line->steps[i - 1].sum : 0;

	if (i > 0 && line->steps[i - 1].at == t) {
		return i - 1;
	}
	if (!grow(arena, &steps, line->n, &line->room, sizeof(*line->steps))) {
		return SIZE_MAX;
	}
	line->steps = steps;
	memmove(&line->steps[i + 1], &line->steps[i], (line->n - i) * sizeof(*line->steps));
	line->steps[i] = (struct taken){t, sum};
	line->n++;
	return i;
}

static bool take(struct arena *arena, struct taken_line *line, int64_t amount, int64_t from,
		 int64_t until)
{
	size_t first, end;

	if (from >= until) {
		return true;
	}
	first = step_at(arena, line, from);
	end = until == INT64_MAX ? line->n : step_at(arena, line, until);
	if (first == SIZE_MAX || end == SIZE_MAX) {
		return false;
	}
	for (size_t i = first; i < end; i++) {
		line->steps[i].sum = sat_add(line->steps[i].sum, amount);
	}
	return true;
}

static enum mb_code judge_line(const struct admission *admission, const struct reversal_line *back,
			       int64_t from, struct mb_err *err)
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
	left = line_net(&order->lines[i]) - most_taken(&admission->taken[i], from);
	if (back->amount > left) {
		return mb_fail_field(err, MB_REFUND_OVER_REMAINDER, "amount",
				     "of line %d only %lld is left to take back", back->line_no,
				     (long long)max_i64(left, 0));
	}
	return MB_OK;
}

static bool is_closed(const struct admission *admission, int64_t t)
{
	for (size_t i = 0; i < admission->n_closures; i++) {
		if (t >= admission->closures[i].from && t < admission->closures[i].until) {
			return true;
		}
	}
	return false;
}

enum mb_code admission_try(const struct admission *admission, const struct activity *activity,
			   int64_t from, struct mb_err *err)
{
	const struct reversal *reversal = &activity->reversal;
	enum mb_code code = MB_OK;

	if (activity->kind != ACTIVITY_COMPLETION && is_closed(admission, from)) {
		return mb_fail(err, MB_ORDER_CLOSED, "the order was cancelled at or before this");
	}
	for (size_t i = 0;
	     activity->kind == ACTIVITY_REVERSAL && i < reversal->n_lines && code == MB_OK; i++) {
		code = judge_line(admission, &reversal->lines[i], from, err);
		if (code != MB_OK) {
			mb_err_prefix_field(err, "reversal.lines[%zu]", i);
		}
	}
	return code;
}

void admission_take(struct admission *admission, const struct activity *activity, int64_t from,
		    int64_t until)
{
	const struct reversal *reversal = &activity->reversal;
	void *closures = admission->closures;

	if (activity->kind == ACTIVITY_CANCELLATION) {
		if (!grow(admission->arena, &closures, admission->n_closures,
			  &admission->room_for_closures, sizeof(*admission->closures))) {
			admission->failed = true;
			return;
		}
		admission->closures = closures;
		admission->closures[admission->n_closures++] = (struct closure){from, until};
	}
	for (size_t i = 0; activity->kind == ACTIVITY_REVERSAL && i < reversal->n_lines; i++) {
		const struct reversal_line *back = &reversal->lines[i];
		size_t line = find_line(&admission->order->order, back->line_no);

		if (line < admission->order->order.n_lines &&
		    !take(admission->arena, &admission->taken[line], back->amount, from, until)) {
			admission->failed = true;
		}
	}
}
