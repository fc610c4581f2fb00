/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline: steps from instant to instant at which anything can change: events of the book, policy
 * versions, first instants of months, settlements. At one instant, in this order: the policy takes
 * force, the windows move, all events act together, then the fall of a finding, upgrade,
 * settlement; overrides and suspension mask the result. Private to the domain.
 *
 * It begins with the first effective instant of an activity: before it no settlement judges.
 */
#pragma once

#include "domain/book.h"
#include "domain/rows.h"
#include "domain/tier.h"
#include "domain/window.h"

struct timeline {
	const struct policy_list *policies;
	const struct policy *policy; /* in force at now */
	int32_t zone;
	struct book book;
	size_t next_event;
	bool begun; /* an activity has taken effect */
	int64_t now; /* everything up to it has acted */
	int64_t next_month, next_settlement; /* after now */
	struct window live;
	int64_t credibility; /* base and changes in force, before its bounds */
	int64_t penalty;
	struct trust trust; /* of them, under the policy in force */
	struct score score; /* live, at now */
	struct score settled;
	int64_t settled_at;
	struct tier_state state;
	enum level level;
	bool below_keep;
	uint32_t override; /* the entry that shows; NO_INDEX: none */
	bool suspended;
	struct rows *history; /* NULL: nothing is recorded any more */
	bool told; /* a transition has happened; for whoever waits for one */
};

/* Before the first event or in->t, or before the checkpoint given; history may be NULL. False when the arena refused. */
bool timeline_begin(struct timeline *line, const struct fold_input *in, struct rows *history,
		    struct arena *arena);
/* Only what the entries sum up to just before `at`, as if nobody had judged in between. */
bool timeline_begin_at(struct timeline *line, const struct fold_input *in, int64_t at,
		       struct arena *arena);
/* The next instant at which anything may change; TIME_NEVER at the end of all. */
int64_t timeline_next(const struct timeline *line);
/* Acts at that instant; the causes of what changed (enum change_cause). */
unsigned timeline_step(struct timeline *line, int64_t at);
/* Brings the dates up to `at` where nothing else changes in between. */
void timeline_catch_up(struct timeline *line, int64_t at);

struct standing timeline_standing(const struct timeline *line);
