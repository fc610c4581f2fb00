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
#define SCORE_PARTS(X)               \
	X(SPEND, 1, "spend")         \
	X(FREQUENCY, 2, "frequency") \
	X(BREADTH, 3, "breadth")     \
	X(FRACTION_DROPPED, 4, "fraction dropped") /* <= 0 */

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
	int32_t first_month, last_month; /* the window, as year * 12 + month - 1 in the zone */
};

/* A member's place in the programme at one instant; everything that decisions need. */
struct standing {
	int64_t at;
	int32_t policy_version;
	struct score score; /* live */
	enum tier tier; /* the natural one */
	enum level level;
	bool at_risk; /* below keep at the last settlement that judged */
	bool below_keep; /* forecast: the live score is below the tier's keep */
	int64_t protected_until; /* the settlement at which protection ends; 0: none runs */
	int64_t settled_at; /* the last settlement since the first activity; 0: none yet */
	struct score settled; /* its score; zero when settled_at is 0 */
};

enum transition_kind {
	TRANSITION_UPGRADE = 1,
	TRANSITION_AT_RISK,
	TRANSITION_RECOVERED,
	TRANSITION_STEP_DOWN
};

/* A row of the tier's history. One instant holds at most one upgrade and one settlement's verdict. */
struct transition {
	int64_t effective_at;
	enum transition_kind kind;
	enum tier from, to; /* equal for AT_RISK and RECOVERED */
	int64_t points; /* the score that decided: live (upgrade) or settled */
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

struct fold_input {
	const struct entry *entries;
	size_t n_entries;
	const struct policy_list *policies;
	int64_t t; /* as of; entries with an effective instant after t are in the schedule only */
	bool want_schedule; /* else schedule is empty, and next_change is still right */
	size_t schedule_most; /* at most so many entries of it; 0: all */
};

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
	const struct pending_order *pending; /* canonical order; paid at or before t */
	size_t n_pending;
	const enum entry_state *states; /* of entries[i] at t */
};

enum mb_code fold_ledger(const struct fold_input *in, struct arena *arena, struct fold *out,
			 struct mb_err *err);

/* How the ledger receives a new activity. */
struct woken {
	size_t entry; /* index into the entries given to ledger_judge() */
	enum entry_state state; /* APPLIED, REFUSED, or EXPIRED: the order came too late for it */
};

struct verdict {
	enum entry_state state; /* of the new entry at `now` */
	const struct woken *woken; /* parked entries that this one wakes, in canonical order */
	size_t n_woken;
};

/*
 * Judges an activity that passed activity_check() and whose key is new against the ledger as it
 * stands (the contract's order: window, then content). On failure nothing is to be stored:
 * MB_OUT_OF_WINDOW, MB_ORDER_EXISTS, MB_ORDER_CLOSED, MB_REFUND_OVER_REMAINDER,
 * MB_REFUND_LINE_MISMATCH, MB_PARKED_FULL.
 * `now` is the instant of receipt (known_at). The caller then gives the new entry a revision above
 * all others and appends it.
 */
enum mb_code ledger_judge(const struct entry *entries, size_t n_entries,
			  const struct policy_list *policies, const struct activity *activity,
			  int64_t now, struct arena *arena, struct verdict *out,
			  struct mb_err *err);
