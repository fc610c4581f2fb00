/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress: what is missing to the next tier and how it can be had; what keeps the present one; what
 * lapses when. Pure.
 *
 * Nothing here knows the rules of the score. Every way is found by folding the ledger with supposed
 * activities behind it, so that it suffices, and by folding it with one less, so that less does not.
 * The number of folds is bounded (some dozens); each has an arena of its own, which ends with it.
 */
#pragma once

#include "domain/fold.h"

enum way_kind {
	WAY_SPEND = 1, /* orders of shopping, all paid and completed by the end of today */
	WAY_DAYS, /* an order of shopping of the policy's day minimum a day, from tomorrow on */
	WAY_REVIEWS, /* with pictures, of lines of posted orders that have none, from tomorrow on as
		      * fast as the caps of day and month let */
	WAY_END
};

/* The least of its kind that suffices; orders are of goods without a category, in the base currency. What is done
 * on a day counts as done by its end. */
struct way {
	enum way_kind kind;
	int64_t amount; /* minor units: SPEND all together, DAYS each day, REVIEWS 0 */
	int32_t count; /* SPEND: orders that the limit for one makes of it; else days, reviews */
	int64_t by; /* the instant at which it has led there */
};

#define WAYS_MAX (WAY_END - 1)

struct next_tier {
	enum tier tier; /* 0: the present one is the highest */
	int64_t points; /* that attain it, by the policy of now */
	int64_t missing; /* of them; >= 0 */
	int64_t comes_at; /* when it is attained without new activity; 0: never */
	struct way
		ways[WAYS_MAX]; /* that lead there before comes_at; what cannot reach is absent */
	size_t n_ways;
};

/* What the next settlement that judges will say if nothing new happens. */
struct keep_tier {
	enum tier
		tier; /* that it judges: the present one, or one that is attained before; 0: Bronze,
			 * which nothing takes away */
	int64_t points; /* that keep it, by the policy of then */
	int64_t judged_at;
	int64_t settled; /* the settled score of then */
	enum transition_kind verdict; /* AT_RISK, RECOVERED, STEP_DOWN; 0: all stays as it is */
	struct way ways[WAYS_MAX]; /* that close the gap; none when there is no gap */
	size_t n_ways;
};

#define LAPSES_MAX 12

/* A month that leaves the live window. */
struct lapse {
	int64_t at;
	int32_t month; /* that leaves, as year * 12 + month - 1 in the zone */
	int64_t before, after; /* the live score until then and from then on, whole points */
};

struct progress {
	struct standing standing;
	struct next_tier next;
	struct keep_tier keep;
	struct lapse lapses[LAPSES_MAX]; /* soonest first */
	size_t n_lapses;
	int64_t valid_until; /* at the latest the end of the day: the ways begin today */
};

struct progress_input {
	const struct fold_input *ledger; /* t is now; what it asks for is left aside */
	struct arena_budget *budget; /* of the folds' arenas; may be NULL */
	size_t fold_max; /* bytes that one fold may take; 0: no limit */
};

/* As fold_ledger(); `arena` takes some bytes for each entry. */
enum mb_code progress_find(const struct progress_input *in, struct arena *arena,
			   struct progress *out, struct mb_err *err);
