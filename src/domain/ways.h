/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ways: trials of a ledger with supposed activities, and the least of them that reach a goal. Private
 * to the domain.
 */
#pragma once

#include "domain/progress.h"

#include <stdbool.h>

struct supposed;

/* A line of a posted order that no review names. */
struct unreviewed {
	struct str order_source, order_id;
	int32_t line_no;
};

struct trials {
	const struct progress_input *in;
	int64_t now, today_ends; /* the last instant of today in the zone */
	const struct policy *policy; /* in force now */
	struct entry *entries; /* the ledger's, and behind them those supposed */
	size_t n_ledger;
	struct supposed *supposed;
	int64_t *acts_at; /* of those supposed: from when on each counts; never falls */
	struct unreviewed *lines; /* the latest orders' first */
	size_t n_lines;
	int64_t reviewed; /* micro-points of this month's reviews, under its day and month caps */
};

/* A tier to be attained (points 0), or points to be settled at an instant. */
struct goal {
	enum tier tier;
	int64_t points;
	int64_t settled_at;
};

/* What a fold at t says. */
struct outcome {
	struct standing standing;
	int64_t attained_at; /* the first upgrade to the goal's tier or above after now; 0: none */
	enum transition_kind verdict; /* of a settlement at t; 0: it changes nothing */
	enum tier judged; /* the tier that it judged */
};

/* MB_ARENA_FULL or MB_OVERLOADED. */
enum mb_code trials_init(struct trials *trials, const struct progress_input *in,
			 struct arena *arena, struct mb_err *err);
/* From a fold of the ledger at now, with counts: what can be reviewed, and what was. MB_ARENA_FULL or
 * MB_OVERLOADED. */
enum mb_code trials_learn(struct trials *trials, const struct fold *fold, struct arena *arena,
			  struct mb_err *err);
/* Folds the ledger with the first n of what is supposed at t (not before now). */
enum mb_code trials_fold(const struct trials *trials, size_t n, int64_t t, const struct goal *goal,
			 struct outcome *out, struct mb_err *err);
/* The ways that reach the goal, none of which is needed to reach it by itself: not when it comes
 * without (comes_at, 0: never) before they lead there. */
enum mb_code trials_find(struct trials *trials, const struct goal *goal, int64_t comes_at,
			 struct way ways[WAYS_MAX], size_t *n_ways, struct mb_err *err);
