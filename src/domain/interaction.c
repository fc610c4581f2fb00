/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/interaction.h"

#include "domain/money.h"

/* One cut: what the months leave of the kinds that are not in K. */
struct cut {
	const struct interaction_months *months;
	int64_t left[INTERACTION_MONTHS];
	int64_t windows; /* Σ k∈K window(k) */
};

static void move_kind(struct cut *cut, int kind, int sign, const struct policy_interaction *rule)
{
	cut->windows += sign * rule->kind[kind].window;
	for (size_t m = 0; m < cut->months->n; m++) {
		cut->left[m] -= sign * cut->months->points[m][kind];
	}
}

static int64_t value_of(const struct cut *cut, const struct policy_interaction *rule)
{
	int64_t value = cut->windows;

	for (size_t m = 0; m < cut->months->n; m++) {
		value += min_i64(cut->left[m], rule->month);
	}
	return value;
}

/* Walks the sets of the kinds given so that each step moves one kind in or out (Gray code). */
static int64_t smallest_cut(struct cut *cut, const int *kinds, int n_kinds,
			    const struct policy_interaction *rule)
{
	int64_t smallest = value_of(cut, rule);
	unsigned in = 0;

	for (unsigned step = 1; step < 1U << n_kinds; step++) {
		int moved = 0;

		while ((step >> moved & 1) == 0) {
			moved++;
		}
		in ^= 1U << moved;
		move_kind(cut, kinds[moved], (in >> moved & 1) != 0 ? 1 : -1, rule);
		smallest = min_i64(smallest, value_of(cut, rule));
	}
	return smallest;
}

struct interaction_sum interaction_sum(const struct interaction_months *months,
				       const struct policy_interaction *rule)
{
	struct interaction_sum sum = {0};
	struct cut cut = {.months = months};
	int kinds[INTERACTION_END], n_kinds = 0;
	bool over = false;

	for (int kind = 1; kind < INTERACTION_END; kind++) {
		int64_t points = 0;

		for (size_t m = 0; m < months->n; m++) {
			points += months->points[m][kind];
			cut.left[m] += months->points[m][kind];
		}
		if (points > rule->kind[kind].window) {
			kinds[n_kinds++] = kind;
		}
		sum.kinds[kind] = min_i64(points, rule->kind[kind].window);
		sum.before += sum.kinds[kind];
	}
	for (size_t m = 0; m < months->n; m++) {
		over = over || cut.left[m] > rule->month;
	}
	if (over) {
		sum.before = smallest_cut(&cut, kinds, n_kinds, rule);
	}
	sum.total = min_i64(sum.before, rule->window);
	return sum;
}
