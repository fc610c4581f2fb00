/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold: what a member's ledger means at an instant. One pure function of (set of entries, policy
 * versions, t): score with its parts, tier with its history, what is pending, and everything that
 * will happen without new activity.
 *
 * Memory:   all results are in the arena given; inputs are borrowed as long as they are used.
 * Order:    entries may come in any order; only their content, revision and known_at matter.
 * Failure:  MB_ARENA_FULL (also for a ledger of more than 900,000 entries) or MB_OVERLOADED when
 *           the arena runs out; nothing else.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "domain/activity.h"
#include "domain/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parts of the explanation; their signed sum is score * 10^6 exactly. */
#define SCORE_PARTS(X)                                               \
	X(SPEND, 1, "spend")                                         \
	X(FREQUENCY, 2, "frequency")                                 \
	X(BREADTH, 3, "breadth")                                     \
	X(FRACTION_DROPPED, 4, "fraction dropped") /* <= 0 */        \
	X(REVIEWS, 5, "reviews") /* each kind: after its own caps */ \
	X(SHARES, 6, "shares")                                       \
	X(POSTS, 7, "posts")                                         \
	X(ANSWERS, 8, "answers")                                     \
	X(VOTES, 9, "votes")                                         \
	X(VISITS, 10, "visits")                                      \
	X(COMMON_CAPS, 11, "common caps") /* <= 0 */                 \
	X(CREDIBILITY, 12, "credibility")                            \
	X(GUARD, 13, "guard") /* <= 0 */                             \
	X(PENALTY, 14, "penalty") /* <= 0 */                         \
	X(ZERO_FLOOR, 15, "zero floor") /* >= 0 */

enum score_part {
#define X(name, number, text) PART_##name = (number),
	SCORE_PARTS(X)
#undef X
		PART_END
};

const char *score_part_name(enum score_part part);

struct score {
	int64_t points; /* whole points, >= 0 */
	int64_t micro; /* before the floor at the border */
	int64_t parts[PART_END]; /* micro-points */
	int64_t counted_spend; /* minor units after limits: what the curve saw */
	int64_t spend; /* minor units after reversals, before limits (APASS looks at it) */
	int32_t days; /* that count for frequency */
	int32_t platforms, categories; /* that count for breadth, before "at most" */
	int64_t interaction; /* micro-points under all caps, before credibility and guard */
	int32_t first_month, last_month; /* the window, as year * 12 + month - 1 in the zone */
};

/* A member's place in the programme at one instant; everything that decisions need. */
struct standing {
	int64_t at;
	int32_t policy_version;
	struct score score; /* live */
	enum tier tier; /* the natural one */
	enum tier shown; /* what benefits look at: the natural one, or an operator's */
	int64_t shown_until; /* the end of the override that shows; 0: the natural one shows */
	bool suspended; /* activities are recorded, benefits are refused */
	int32_t credibility; /* basis points, within the policy's bounds */
	enum level level;
	bool at_risk; /* below keep at the last settlement that judged */
	bool below_keep; /* forecast: the live score is below the tier's keep */
	int64_t protected_until; /* the settlement at which protection ends; 0: none runs */
	int64_t settled_at; /* the last settlement since the first activity; 0: none yet */
	struct score settled; /* its score; zero when settled_at is 0 */
};

/* Numbers are stored in what was told and never change. At one instant they come in the order
 * FRAUD, UPGRADE, SETTLED, AT_RISK | RECOVERED | STEP_DOWN, LEVEL, BELOW_KEEP | ABOVE_KEEP,
 * OVERRIDE, STATE. */
enum transition_kind {
	TRANSITION_UPGRADE = 1,
	TRANSITION_AT_RISK,
	TRANSITION_RECOVERED,
	TRANSITION_STEP_DOWN,
	TRANSITION_FRAUD, /* a finding changed tier, AT_RISK or protection */
	TRANSITION_SETTLED, /* a settlement of other points than the one before, and the first */
	TRANSITION_LEVEL,
	TRANSITION_BELOW_KEEP, /* the forecast begins … */
	TRANSITION_ABOVE_KEEP, /* … and ends */
	TRANSITION_OVERRIDE, /* another override shows, or none any more */
	TRANSITION_STATE
};

/* What a transition is about; a correction takes back the rows of its own track only. */
enum track {
	TRACK_TIER = 1, /* UPGRADE, AT_RISK, RECOVERED, STEP_DOWN, FRAUD */
	TRACK_SETTLEMENT,
	TRACK_LEVEL,
	TRACK_KEEP,
	TRACK_OVERRIDE,
	TRACK_STATE,
	TRACK_END
};

/* 0 for a number that is no kind. */
enum track transition_track(enum transition_kind kind);

/* Numbers of member_state in transitions of TRACK_STATE. */
#define STATE_ACTIVE	1
#define STATE_SUSPENDED 2

/* A row of what happened to a member. One instant holds at most one row of each track but the
 * tier's: there FRAUD, an upgrade and a settlement's verdict may fall together. */
struct transition {
	int64_t effective_at;
	enum transition_kind kind;
	int32_t from, to; /* tiers; levels for LEVEL, shown tiers for OVERRIDE, states for STATE;
			   * equal for AT_RISK, RECOVERED, SETTLED, BELOW_KEEP and ABOVE_KEEP */
	int64_t points; /* the score that decided: settled for SETTLED, AT_RISK, RECOVERED and
			 * STEP_DOWN, else live */
	int32_t policy_version;
};

/* Why something changes at an instant of the schedule; bits, several may fall together. */
enum change_cause {
	CHANGE_POSTING = 1, /* an order posts, or one that was told before its time is paid */
	CHANGE_REVERSAL = 2, /* a reversal or cancellation of a later instant takes effect */
	CHANGE_MONTH = 4, /* an order, posted or pending, leaves the live window */
	CHANGE_SETTLEMENT =
		8, /* marks, clears, lowers, ends protection, or settles another score */
	CHANGE_POLICY = 16, /* another policy version takes force */
	CHANGE_INTERACTION = 32, /* a post stands; or what was told ahead takes place */
	CHANGE_CREDIBILITY = 64, /* a change of it begins or ends */
	CHANGE_PENALTY = 128, /* one begins or ends */
	CHANGE_OVERRIDE = 256, /* an override or a suspension begins or ends */
};

/* One entry of the schedule: at `at` something of the standing or of what is pending changes with
 * no new activity. That dates of the windows and of the last settlement move on with the calendar
 * is no change: next_date tells when. */
struct change {
	int64_t at;
	unsigned causes;
	struct standing after;
};

enum entry_state {
	ENTRY_PENDING = 1,
	ENTRY_POSTED,
	ENTRY_PARTLY_REVERSED,
	ENTRY_REVERSED,
	ENTRY_VOIDED,
	ENTRY_PARKED,
	ENTRY_APPLIED,
	ENTRY_REFUSED,
	ENTRY_EXPIRED,
};

const char *entry_state_name(enum entry_state state);

/* An order that has not posted at t, and the score it would add if it posted at t. */
struct pending_order {
	const struct entry *entry;
	int64_t posts_at; /* 0: not known, or never */
	int64_t would_add; /* micro-points, before the floor at the border */
};

/* What an entry adds to the score, at t, in micro-points but for `spend`: the growth that it brings
 * in canonical order, before credibility and guard. For an interaction that counts
 * points = counted + cut_day + cut_month + cut_window + cut_common; of several equals the one that
 * counts has it all. All zero for what does not count in the live window. */
struct counted {
	int64_t points; /* what it would bring alone; an order: as counted */
	int64_t counted;
	int64_t spend; /* an order: counted spend, minor units */
	int64_t cut_day, cut_month, cut_window; /* what its kind's caps took */
	int64_t cut_common; /* what the common caps took; below 0 when they left more than before */
	/* Whether it counts or not: the instant from which it has its effect; of a share the first opening
	 * that counts at t. 0: not known yet, or never. */
	int64_t effective_at;
};

/* Caps at which a sum stands; bits. */
enum cap {
	CAP_DAY = 1, /* of the kind */
	CAP_MONTH = 2,
	CAP_WINDOW = 4,
	CAP_COMMON_MONTH = 8,
	CAP_COMMON_WINDOW = 16
};

struct checkpoint; /* domain/checkpoint.h */

struct fold_input {
	const struct entry *entries;
	size_t n_entries;
	const struct policy_list *policies;
	int64_t member_id; /* whose ledger it is: own votes, openings and questions count nothing */
	int64_t t; /* as of; entries with an effective instant after t are in the schedule only */
	bool want_schedule; /* else schedule is empty, and next_change is still right */
	size_t schedule_most; /* at most so many entries of it; 0: all */
	bool want_counts; /* fold.counts */
	bool want_caps; /* fold.caps, for fold_caps_at() */
	/* NULL, or where to begin: then the entries are only those that are open in it and those that
	 * came after it, t is at or after its instant, and history begins there. Not with counts. */
	const struct checkpoint *base;
};

struct fold_caps; /* private */

struct fold {
	struct standing standing; /* at t */
	const struct transition *history; /* up to t, oldest first */
	size_t n_history;
	const struct change *schedule; /* after t, soonest first, until nothing changes any more */
	size_t n_schedule;
	bool schedule_truncated; /* there is more than schedule_most */
	int64_t next_change; /* valid_until: first of the schedule; 0: never */
	int64_t next_date; /* the first month or settlement after t; for answers that show dates of
			    * a window or of the last settlement */
	int64_t next_entry; /* the first instant after t at which an entry occurs or one that is
			     * parked expires, which need not stand in the schedule; 0: never */
	int64_t next_told; /* the first instant after t of a transition of any kind; 0: never */
	const struct pending_order *pending; /* canonical order; paid at or before t */
	size_t n_pending;
	const enum entry_state *states; /* of entries[i] at t */
	const struct counted *counts; /* of entries[i] at t; NULL unless asked for */
	const struct fold_caps *caps; /* NULL unless asked for */
};

/* The caps (bits of enum cap) at which the live window's sums stand for an activity of this kind
 * and time; 0 for kinds that are no interaction and times outside the window. */
unsigned fold_caps_at(const struct fold *fold, enum activity_kind kind, int64_t occurred_at);

enum mb_code fold_ledger(const struct fold_input *in, struct arena *arena, struct fold *out,
			 struct mb_err *err);

/* How the ledger receives a new activity. */
struct woken {
	size_t entry; /* index into the entries given to ledger_receive() */
	enum entry_state state; /* APPLIED, REFUSED, or EXPIRED: the order came too late for it */
};

struct verdict {
	enum entry_state state; /* of the new entry at `now` */
	const struct woken *woken; /* parked entries that this one wakes, in canonical order */
	size_t n_woken;
};

/*
 * Judges an activity that passed activity_check() and whose key is new against the ledger as it
 * stands (the contract's order: window, then content); ledger->t is the instant of receipt
 * (known_at). On failure nothing is to be stored: MB_OUT_OF_WINDOW, MB_ORDER_EXISTS,
 * MB_ORDER_CLOSED, MB_REFUND_OVER_REMAINDER, MB_REFUND_LINE_MISMATCH, MB_PARKED_FULL,
 * MB_UNDO_NOT_ALLOWED, MB_NAMED_KIND_MISMATCH, MB_FINDING_EXISTS, MB_FINDING_NOT_ALLOWED,
 * MB_VOID_NOT_ALLOWED, MB_ACTIVITY_NOT_FOUND (of a void). The caller then gives the new entry a
 * revision above all others and appends it.
 */
enum mb_code ledger_receive(const struct fold_input *ledger, const struct activity *activity,
			    struct arena *arena, struct verdict *out, struct mb_err *err);
