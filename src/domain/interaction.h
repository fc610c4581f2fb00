/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interaction: the largest total of points that breaks no cap. Private to the domain.
 *
 * With a(k,m), the points of kind k in month m after its day and month caps, that is the flow from
 * months (cap on all kinds together) over a(k,m) to kinds (cap of the window) to one sink; so it
 * equals the smallest cut:
 *
 *     min(window, min over every set K of kinds of [Σ k∈K window(k) + Σ m min(month, Σ k∉K a(k,m))])
 *
 * Only a kind whose sum passes its window cap can make a cut smaller by being in K, and while no
 * month passes the common cap the kinds stand alone.
 */
#pragma once

#include "domain/policy.h"

#include <stddef.h>
#include <stdint.h>

#define INTERACTION_MONTHS 12 /* most months of a window */

struct interaction_months {
	int64_t points[INTERACTION_MONTHS][INTERACTION_END]; /* a(k,m) */
	size_t n;
};

struct interaction_sum {
	int64_t kinds[INTERACTION_END]; /* min(window(k), Σ m a(k,m)) */
	int64_t before; /* under all caps but that of all kinds in the window */
	int64_t total;
};

struct interaction_sum interaction_sum(const struct interaction_months *months,
				       const struct policy_interaction *rule);
