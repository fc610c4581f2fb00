/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_impl: what the halves of the planner share: orders and reversals (plan.c), reviews and visits
 * (plan_interactions.c).
 */
#pragma once

#include "ctl/plan.h"

/* The first difference decides; what is behind it is not looked at. */
#define THEN(order, next) ((order) != 0 ? (order) : (next))

static inline int plan_compare_i64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

void plan_sort(void *array, size_t n, size_t size, int (*compare)(const void *, const void *));
enum mb_code plan_add_line(struct plan *plan, struct plan_line line, struct mb_err *err);
enum mb_code plan_add_activity(struct plan *plan, struct plan_activity activity,
			       struct mb_err *err);
/* Members may come twice, and in any order, until all are there. */
enum mb_code plan_add_member(struct plan *plan, struct str member, struct mb_err *err);
/* Reviews with what they imply, and visits. Sorts the intake's interactions in place. */
enum mb_code plan_add_interactions(struct plan *plan, struct intake *intake, struct mb_err *err);
