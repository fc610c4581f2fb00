/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window: what the posted orders of some months are worth together, kept up to date while orders
 * post, shrink and leave, so that the score at any instant is a few sums. Private to the domain.
 *
 * Months only move forward. Every sum is exact: an order is worth at most AMOUNT_MAX, and a ledger
 * of more than WINDOW_ORDERS_MAX orders is refused, so none can pass INT64_MAX.
 */
#pragma once

#include "domain/orders.h"

#define WINDOW_ORDERS_MAX ((size_t)(INT64_MAX / AMOUNT_MAX))

struct window {
	const struct policy *policy;
	const struct order_book *book;
	int32_t first, last; /* months */
	size_t low, high; /* book->records[low .. high) are of these months */
	/* of the posted ones among them */
	int64_t left[PLATFORM_END]; /* before limits */
	int64_t other[PLATFORM_END], rail; /* after the limit for one order */
	int64_t *days; /* spend of each day, before limits */
	int32_t *categories; /* lines of each category of which something is left */
	int32_t n_days, n_categories; /* days that count, categories with such lines */
};

/* False when the arena refused. Holds nothing until window_reset(). */
bool window_init(struct window *window, const struct order_book *book, struct arena *arena);
/* Counts everything anew under a policy; the records must have been priced under it. */
void window_reset(struct window *window, const struct policy *policy, int32_t first, int32_t last);
/* Moves on; true when an order of which something counts (posted or not) left. */
bool window_move(struct window *window, int32_t first, int32_t last);

bool window_has(const struct window *window, const struct order_record *record);
/* Adds (sign 1) or takes away (-1) what the record is worth now. */
void window_add_worth(struct window *window, const struct order_record *record, int sign);
void window_add_line(struct window *window, const struct order_line *line, int sign);
/* Both, with all lines that are worth something. */
void window_add(struct window *window, const struct order_record *record, int sign);

/* Prices a record under a policy: values of lines, sums and worth. */
void order_record_price(struct order_record *record, const struct policy *policy);
/* Sets what is left of line i, and its value; the worth is stale until order_record_sum(). */
void order_record_set(struct order_record *record, size_t i, int64_t left,
		      const struct policy *policy);
void order_record_sum(struct order_record *record, const struct policy *policy);

struct score window_score(const struct window *window);
