/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff: in which values two policies differ. Comments, the order of keys and how a value is written do
 * not count: both are printed in one form first, and compared value by value.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "domain/policy.h"

#include <stddef.h>

/* A value that is not in both alike. Paths are those of the file, with benefits by their id:
 * "spend.curve[2].upto", "benefits.ride-coupons.tiers.gold". */
struct policy_change {
	struct str path;
	struct str before, after; /* {NULL, 0}: it is not there */
};

/* All changes, those of `before` in its order, then what is new in `after`; everything in the arena. */
enum mb_code policy_diff(const struct policy *before, const struct policy *after,
			 struct arena *arena, struct policy_change **out, size_t *n,
			 struct mb_err *err);
