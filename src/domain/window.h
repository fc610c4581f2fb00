/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window: what the posted orders and the marks of some months are worth together. Each month is a
 * cell of the book that holds its own sums; the live window keeps their sum up to date while orders
 * post, shrink and leave, so that the score at any instant is a few sums. The window of a settlement
 * is summed up when it is asked for. Private to the domain.
 *
 * Months only move forward. Every sum is exact: an order is worth at most AMOUNT_MAX, a mark at most
 * twice the most points a policy may give, and a ledger of more than WINDOW_ENTRIES_MAX entries is
 * refused, so none can pass INT64_MAX.
 */
#pragma once

#include "domain/book.h"
#include "domain/interaction.h"

#define WINDOW_ENTRIES_MAX ((size_t)(INT64_MAX / AMOUNT_MAX))

struct window {
	const struct policy *policy;
	struct book *book;
	int32_t first, last; /* months */
	size_t low, high; /* book->cells[low .. high) are of these months */
	struct sums sums; /* of them */
	int32_t *categories; /* in how many of them each category has a line */
	int32_t n_categories;
	struct interaction_sum interaction; /* of them; unless stale */
	bool stale;
	int32_t *seen,
		n_seen; /* by category: the last settlement that counted it, and its number */
};

/* What else the score depends on. */
struct trust {
	int32_t credibility; /* basis points, within bounds */
	int64_t penalty; /* micro-points in force */
};

/* False when the arena refused. Holds nothing until window_reset(). */
bool window_init(struct window *window, struct book *book, struct arena *arena);
/* Prices and counts everything anew under a policy. */
void window_reset(struct window *window, const struct policy *policy, int32_t first, int32_t last);
/* Only empties the months. */
void window_clear(struct window *window, const struct policy *policy, int32_t first, int32_t last);
/* Moves on; true when something left that counts, or would count if it posted. */
bool window_move(struct window *window, int32_t first, int32_t last);

/* Adds (sign 1) or takes away (-1) what the record is worth now. */
void window_add_worth(struct window *window, const struct order_record *record, int sign);
void window_add_line(struct window *window, const struct order_record *record, size_t i, int sign);
/* Both, with all lines that are worth something. */
void window_add(struct window *window, const struct order_record *record, int sign);
void window_add_mark(struct window *window, const struct mark *mark, int sign);
bool window_has(const struct window *window, uint32_t day);

/* Sets what is left of line i, and its value; the worth is stale until order_record_sum(). */
void order_record_set(struct order_record *record, size_t i, int64_t left,
		      const struct policy *policy);
void order_record_sum(struct order_record *record, const struct policy *policy);

/* Points of a mark that counts. */
int64_t mark_points(const struct mark *mark, const struct policy *policy);
/* a(k,m) of a cell. */
int64_t cell_points(const struct cell *cell, int kind, const struct policy_interaction *rule);

const struct interaction_sum *window_interaction(struct window *window);
/* Spend, frequency and breadth together; fills the fields that belong to them. */
int64_t window_purchases(const struct window *window, struct score *out);
/* The score of the window as it stands. */
struct score window_score(struct window *window, const struct trust *trust);
/* The score of these months, which need not be the window's. */
struct score window_score_of(struct window *window, int32_t first, int32_t last,
			     const struct trust *trust);
