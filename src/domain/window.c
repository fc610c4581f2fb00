/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/window.h"

#include "domain/money.h"

#include <string.h>

/* No term of the score passes this, whatever the policy says, so that their sum is exact. */
#define TERM_MAX (INT64_MAX / 4)

/* A version from before a currency was known values it at 0. */
static int64_t value_of(const struct line *line, int64_t left, const struct policy *policy)
{
	struct policy_rate rate;

	if (strcmp(line->currency, policy->currency) == 0) {
		return min_i64(left, AMOUNT_MAX);
	}
	return policy_rate(policy, line->currency, &rate)
		       ? min_i64(money_convert(left, &rate, policy), AMOUNT_MAX)
		       : 0;
}

static int64_t *sum_of(struct order_record *record, const struct order_line *line)
{
	return line->rail ? &record->sum_rail : &record->sum_other;
}

void order_record_set(struct order_record *record, size_t i, int64_t left,
		      const struct policy *policy)
{
	struct order_line *line = &record->lines[i];

	record->n_left -= line->left > 0;
	record->n_left += left > 0;
	line->left = left;
	if (line->counts) {
		*sum_of(record, line) -= line->value;
		line->value = value_of(&record->entry->activity.order.lines[i], left, policy);
		*sum_of(record, line) += line->value;
	}
}

void order_record_sum(struct order_record *record, const struct policy *policy)
{
	int64_t limit = policy->limits.order[record->entry->activity.order.platform];
	int64_t other = min_i64(record->sum_other, AMOUNT_MAX);
	int64_t rail = min_i64(record->sum_rail, AMOUNT_MAX - other);

	record->worth.left = other + rail;
	record->worth.other = min_i64(other, limit);
	record->worth.rail = min_i64(rail, limit - record->worth.other);
}

void order_record_price(struct order_record *record, const struct policy *policy)
{
	for (size_t i = 0; i < record->entry->activity.order.n_lines; i++) {
		order_record_set(record, i, record->lines[i].left, policy);
	}
	order_record_sum(record, policy);
}

bool window_init(struct window *window, const struct order_book *book, struct arena *arena)
{
	*window = (struct window){.book = book};
	window->days = arena_array(arena, (size_t)book->n_days, sizeof(*window->days));
	window->categories =
		arena_array(arena, (size_t)book->categories.n, sizeof(*window->categories));
	return window->days != NULL && window->categories != NULL;
}

void window_add_line(struct window *window, const struct order_line *line, int sign)
{
	int32_t *count;

	if (line->category == INTERN_NONE || line->value == 0) {
		return;
	}
	count = &window->categories[line->category];
	window->n_categories -= *count > 0;
	*count += sign;
	window->n_categories += *count > 0;
}

static bool day_counts(const struct window *window, int32_t day)
{
	return window->days[day] >= max_i64(window->policy->frequency.day_minimum, 1);
}

void window_add_worth(struct window *window, const struct order_record *record, int sign)
{
	enum platform platform = record->entry->activity.order.platform;

	window->left[platform] += sign * record->worth.left;
	window->other[platform] += sign * record->worth.other;
	window->rail += sign * record->worth.rail;
	window->n_days -= day_counts(window, record->day);
	window->days[record->day] += sign * record->worth.left;
	window->n_days += day_counts(window, record->day);
}

void window_add(struct window *window, const struct order_record *record, int sign)
{
	window_add_worth(window, record, sign);
	for (size_t i = 0; i < record->entry->activity.order.n_lines; i++) {
		window_add_line(window, &record->lines[i], sign);
	}
}

bool window_has(const struct window *window, const struct order_record *record)
{
	return record->month >= window->first && record->month <= window->last;
}

bool window_move(struct window *window, int32_t first, int32_t last)
{
	const struct order_record *records = window->book->records;
	bool left = false;

	window->first = first;
	window->last = last;
	for (; window->low < window->high && records[window->low].month < first; window->low++) {
		left = left || records[window->low].worth.left > 0;
		if (records[window->low].posted) {
			window_add(window, &records[window->low], -1);
		}
	}
	for (; window->high < window->book->n_records && records[window->high].month <= last;
	     window->high++) {
		if (records[window->high].month < first) {
			window->low = window->high + 1;
		} else if (records[window->high].posted) {
			window_add(window, &records[window->high], 1);
		}
	}
	return left;
}

void window_reset(struct window *window, const struct policy *policy, int32_t first, int32_t last)
{
	struct window fresh = {.policy = policy,
			       .book = window->book,
			       .days = window->days,
			       .categories = window->categories};

	memset(fresh.days, 0, (size_t)fresh.book->n_days * sizeof(*fresh.days));
	memset(fresh.categories, 0, (size_t)fresh.book->categories.n * sizeof(*fresh.categories));
	*window = fresh;
	window_move(window, first, last);
}

static int64_t counted_spend(const struct window *window)
{
	const struct policy_limits *limits = &window->policy->limits;
	int64_t counted = 0;

	for (int p = 1; p < PLATFORM_END; p++) {
		int64_t spend = window->other[p];

		if (p == PLATFORM_TRAVEL) {
			spend += min_i64(window->rail, limits->travel_rail);
		}
		counted += min_i64(spend, limits->window[p]);
	}
	return counted;
}

static int64_t curve_at(int64_t spend, const struct policy *policy)
{
	int64_t from = 0, micro = 0;

	for (int32_t i = 0; i < policy->n_bends && spend > from; i++) {
		const struct policy_bend *bend = &policy->bends[i];

		micro = sat_add(micro,
				sat_mul(min_i64(spend, bend->upto) - from, bend->micro_per_minor));
		from = bend->upto;
	}
	return min_i64(micro, TERM_MAX);
}

static int64_t breadth(const struct score *score, const struct policy *policy)
{
	const struct policy_breadth *rule = &policy->breadth;
	int64_t platforms =
		sat_mul(min_i64(score->platforms, rule->platform_most), rule->platform_points);
	int64_t categories =
		sat_mul(min_i64(score->categories, rule->category_most), rule->category_points);

	return min_i64(sat_add(platforms, categories), TERM_MAX);
}

struct score window_score(const struct window *window)
{
	const struct policy *policy = window->policy;
	struct score score = {.counted_spend = counted_spend(window),
			      .days = window->n_days,
			      .categories = window->n_categories,
			      .first_month = window->first,
			      .last_month = window->last};

	for (int p = 1; p < PLATFORM_END; p++) {
		score.spend += window->left[p];
		score.platforms += window->left[p] > 0;
	}
	score.parts[PART_SPEND] = curve_at(score.counted_spend, policy);
	score.parts[PART_FREQUENCY] =
		min_i64(min_i64(sat_mul(score.days, policy->frequency.day_points),
				policy->frequency.maximum),
			TERM_MAX);
	score.parts[PART_BREADTH] = breadth(&score, policy);
	score.micro =
		score.parts[PART_SPEND] + score.parts[PART_FREQUENCY] + score.parts[PART_BREADTH];
	score.points = score.micro / MICRO;
	score.parts[PART_FRACTION_DROPPED] = -(score.micro % MICRO);
	return score;
}
