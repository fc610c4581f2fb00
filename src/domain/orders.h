/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orders: the ledger read as orders. Finds what belongs to each order, which of it was accepted,
 * and at which instants the order posts, shrinks and closes. Private to the domain.
 *
 * An order's life:
 *
 *     paid ──▶ pending ──(posts_at)──▶ posted ──(reversals)──▶ partly reversed ──▶ reversed
 *                 │                                                ▲
 *                 └─ closed before posts_at: voided for good       └─ closed at or after posts_at
 *
 * Who was accepted: an entry that came after its order (greater revision) was judged when it came
 * and is in the ledger because it fitted. One that came before was parked; it is judged here, in
 * canonical order, against the order and the parked ones before it and nothing else, so nothing
 * that comes later can change its verdict.
 */
#pragma once

#include "base/arena.h"
#include "domain/fold.h"
#include "domain/intern.h"

#define TIME_NEVER INT64_MAX

struct order_line {
	int64_t left; /* net amount not taken back, in the line's currency */
	int64_t value; /* that in base currency if the line counts, at most AMOUNT_MAX */
	int32_t category; /* INTERN_NONE: gives no breadth */
	bool counts; /* goods or service */
	bool rail;
};

/* What an order is worth under one policy; by its limit for one order. */
struct worth {
	int64_t left; /* before limits */
	int64_t other, rail; /* after it; rail only in travel */
};

struct order_record {
	const struct entry *entry;
	size_t index; /* of entry in the ledger given */
	int32_t month, day; /* bucket: those of occurred_at; day is dense, 0 .. n_days - 1 */
	/* what accepted entries say */
	int64_t posts_at; /* TIME_NEVER: not completed, or voided */
	int64_t closed_at; /* TIME_NEVER: not cancelled */
	bool void_at_close; /* closed_at lies before the posting */
	/* what was reached so far; moved by the fold */
	bool posted, closed, reversed;
	struct order_line *lines;
	size_t n_left; /* lines of which something is left */
	int64_t sum_other, sum_rail; /* of lines' values */
	struct worth worth;
};

/* ORDER_PAID stands only for what is paid after the instant of the fold: pending from then on. */
enum order_event_kind { ORDER_PAID, ORDER_POSTS, ORDER_SHRINKS, ORDER_CLOSES };

struct order_event {
	int64_t at;
	struct order_record *record;
	const struct reversal *reversal; /* ORDER_SHRINKS */
	enum order_event_kind kind;
};

struct order_book {
	struct order_record *records; /* canonical order, so by rising month and day */
	size_t n_records;
	int32_t n_days;
	struct order_event *events; /* by rising instant */
	size_t n_events;
	int64_t begin; /* the first of them that is not ORDER_PAID; TIME_NEVER: none */
	struct intern categories;
	enum entry_state *states; /* of the ledger's entries; those of orders are the fold's */
};

/* t: the instant of the fold; parked entries that are too old by then are EXPIRED. MB_ARENA_FULL or
 * MB_OVERLOADED. */
enum mb_code order_book_build(const struct entry *entries, size_t n_entries,
			      const struct policy_list *policies, int64_t t, struct arena *arena,
			      struct order_book *out, struct mb_err *err);

/* The state of an order as far as its record was moved. */
enum entry_state order_record_state(const struct order_record *record);

/* Whether a parked entry is too old to be woken at t. */
bool parked_expired(const struct activity *activity, int32_t zone_minutes, int64_t t);

/* What an order has already given back, to judge one more entry against it. */
struct admission {
	const struct activity *order;
	int64_t *taken; /* of order.lines[i], in the line's currency */
	int64_t closed_at; /* TIME_NEVER: not cancelled */
};

/* False when the arena refused. */
bool admission_init(struct admission *admission, const struct activity *order, struct arena *arena);
/* Judges and, on MB_OK, takes in a completion, cancellation or reversal of the order. */
enum mb_code admission_try(struct admission *admission, const struct activity *activity,
			   struct mb_err *err);
/* Takes in what was accepted before, unasked. */
void admission_take(struct admission *admission, const struct activity *activity);
