/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan: the activities that a log comes to: orders first, then the reversals and reviews that name
 * them, then visits.
 *
 * Pure, and blind to the order of the file's lines: lines of an order are sorted by the mapping's
 * line_order before they are numbered, cancellations by (time, id, line_order) before each takes its
 * units from the newest strictly earlier purchases of the same member and item (of equal times the
 * higher order id, then the higher line number first), at the purchase's own price; the last unit of
 * a line takes the rest of its amount. What finds no purchase is unmatched and only counted.
 *
 * Reviews whose order is implied make one order for each member and item: a line of nothing, received
 * when the first of them was written. A review or visit without an id has a key of what it says, and
 * of its number among those that say exactly the same.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intake;

struct plan_line {
	int32_t line_no;
	int type; /* orders only, as category */
	int64_t amount;
	struct str category;
};

/* In the order in which they are sent. */
enum plan_kind {
	PLAN_ORDER,
	PLAN_PURCHASE, /* an order that reviews imply */
	PLAN_REVERSAL,
	PLAN_REVIEW,
	PLAN_VISIT,
	PLAN_KIND_END
};

struct plan_activity {
	enum plan_kind kind;
	struct str member;
	struct str order_id; /* purchases and reviews of them: of the item; visits: the store */
	struct str id; /* of a cancellation, or a review's or visit's own one; may be empty */
	int64_t at;
	size_t first_line, n_lines; /* in plan->lines */
	int32_t line_no; /* reviews */
	int32_t repeat; /* 1 and up, of reviews and visits without an id */
	bool implied, pictures; /* reviews */
};

struct plan {
	/* by kind; orders and reversals by (at, key, member), reviews and visits by (member, at, key) */
	struct plan_activity *activities;
	size_t n, cap;
	size_t n_of[PLAN_KIND_END];
	struct plan_line *lines;
	size_t n_lines, cap_lines;
	struct str *members; /* who has more than cancellations, by bytes */
	size_t n_members, cap_members;
	int64_t first_at, last_at; /* 0 without activities */
	/* what became of the lines */
	int64_t order_lines, review_lines, visit_lines;
	int64_t matched, partly_matched, unmatched; /* lines of cancellations */
	int64_t units_matched, units_unmatched;
	int64_t pieces, pieces_of_nothing; /* a cancellation's share of one purchase line */
	int64_t first_unmatched_line; /* of the file, 0 when none */
};

/* Sorts the intake in place, and counts the lines of orders over the limit into its skips. The plan
 * borrows the intake's texts. decimals: minor units of the currency are 10^-decimals. */
enum mb_code plan_build(struct plan *plan, struct intake *intake, int decimals, struct mb_err *err);
void plan_fini(struct plan *plan);

/* How many come before those that name others. */
size_t plan_first_naming(const struct plan *plan);
/* source_event_id of an activity: at most 257 bytes. Times in keys are the log's own, unshifted. */
#define PLAN_KEY_BYTES 260
void plan_key(const struct plan_activity *activity, char out[PLAN_KEY_BYTES]);
/* Id of an order or purchase, and of what a reversal or review names. */
void plan_order_id(const struct plan_activity *activity, char out[PLAN_KEY_BYTES]);
/* Weeks to add so that the last activity lies less than a week before now; negative for a log of the
 * future. */
int64_t plan_shift_weeks(const struct plan *plan, int64_t now);
