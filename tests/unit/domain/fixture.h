/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture: the default policy as C, and a builder for the ledger of one member.
 *
 * Texts given to the builder are literals or outlive it; its memory is an arena of its own.
 * Amounts are fen. Orders and what names them are of source "shop"; an order's event id is its id.
 */
#pragma once

#include "domain/activity.h"
#include "domain/fold.h"
#include "domain/policy.h"

/* Every number of the programme's default policy; version 1, in force from 1970. */
extern const struct policy default_policy;
/* The list that holds just that. */
extern const struct policy_list default_policies;

/* "2026-02-03 10:30:00.5" or a part of it from the left, in the programme's zone (+08:00). */
int64_t at(const char *text);

#define FEN_PER_YUAN 100
#define YUAN(n)	     ((int64_t)(n)*FEN_PER_YUAN)

struct ledger {
	const struct policy_list *policies;
	struct arena *arena;
	struct entry *entries;
	size_t n, room;
};

void ledger_init(struct ledger *ledger, const struct policy_list *policies);
void ledger_fini(struct ledger *ledger);

/* A line of goods in CNY, without a category. */
struct line goods(int32_t line_no, int64_t amount);
/* completed_at 0: not told. */
struct activity order_with(struct ledger *ledger, const char *id, enum platform platform,
			   int64_t occurred_at, int64_t completed_at, const struct line *lines,
			   size_t n_lines);
/* An order of one line of goods. */
struct activity order_for(struct ledger *ledger, const char *id, enum platform platform,
			  int64_t occurred_at, int64_t completed_at, int64_t amount);
/* Of line 1 of the order. */
struct activity reversal_for(struct ledger *ledger, const char *event_id, const char *order_id,
			     int64_t occurred_at, int64_t amount);
struct activity reversal_with(struct ledger *ledger, const char *event_id, const char *order_id,
			      int64_t occurred_at, const struct reversal_line *lines, size_t n);
struct activity cancellation_for(const char *event_id, const char *order_id, int64_t occurred_at);
struct activity completion_for(const char *event_id, const char *order_id, int64_t occurred_at,
			       int64_t completed_at);

/* ledger_receive() of an activity that comes now. */
enum mb_code ledger_judge(const struct ledger *ledger, const struct activity *activity, int64_t now,
			  struct arena *arena, struct verdict *out, struct mb_err *err);
/* Appends as the repository does: judged at `now`, kept only when accepted. verdict may be NULL. */
enum mb_code ledger_send(struct ledger *ledger, struct activity activity, int64_t now,
			 struct verdict *verdict);
/* The same at its own instant; asserts that it is accepted. */
void ledger_put(struct ledger *ledger, struct activity activity);

/* Unjudged. */
void ledger_append(struct ledger *ledger, const struct activity *activity, int64_t now);

/* The member whose ledger it is. */
#define SELF 4711

/* With the whole schedule; asserts success. Its memory is the ledger's. */
struct fold ledger_fold_all(const struct ledger *ledger, int64_t t);
/* The same, but its history is that of the tier only. */
struct fold ledger_fold(const struct ledger *ledger, int64_t t);
/* The state at t of the entry with this event id. */
enum entry_state ledger_state(const struct ledger *ledger, const char *event_id, int64_t t);

/* Field by field: structs have padding. */
bool same_score(const struct score *a, const struct score *b);
bool same_standing(const struct standing *a, const struct standing *b);
/* Dates of windows and settlements aside. */
bool same_but_dates(const struct standing *a, const struct standing *b);
bool same_transition(const struct transition *a, const struct transition *b);
/* standing and history. */
bool same_fold(const struct fold *a, const struct fold *b);

/* A deterministic sequence for drawing things. */
uint64_t draw(uint64_t *seed);
int64_t draw_below(uint64_t *seed, int64_t end);
