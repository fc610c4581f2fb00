/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admission: may this completion, cancellation or reversal of an order be accepted? Private to the
 * domain.
 */
#pragma once

#include "base/arena.h"
#include "domain/activity.h"

#include <stdbool.h>

/* The sum that reversals in force have taken, from each of its instants on. */
struct taken {
	int64_t at, sum;
};

struct taken_line {
	struct taken *steps; /* by rising instant; before the first nothing is taken */
	size_t n, room;
};

struct closure {
	int64_t from, until;
};

/* What an order has already given back, to judge one more entry against it. */
struct admission {
	const struct activity *order;
	struct arena *arena;
	struct taken_line *taken; /* of order.lines[i], in the line's currency */
	struct closure *closures; /* when cancellations are in force */
	size_t n_closures, room_for_closures;
	bool failed; /* the arena refused: judge nothing by it */
};

/* False when the arena refused. */
bool admission_init(struct admission *admission, const struct activity *order, struct arena *arena);
/* Judges a completion, cancellation or reversal of the order that takes place at `from`. */
enum mb_code admission_try(const struct admission *admission, const struct activity *activity,
			   int64_t from, struct mb_err *err);
/* Takes in what was accepted, in force in [from, until). */
void admission_take(struct admission *admission, const struct activity *activity, int64_t from,
		    int64_t until);
