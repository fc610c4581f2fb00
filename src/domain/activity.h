/* SPDX-License-Identifier: Apache-2.0 */
/*
 * activity: what a platform tells about a member, validated, and an entry: an activity in the ledger.
 *
 * Only kinds that the service takes in are here; the numbers are those of the wire and of the stored
 * payload and never change: order 10, completion 11, cancellation 12, reversal 13, review 14,
 * share 15, opening 16, post 17, answer 18, vote 19, visit 20, undo 21.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "domain/policy.h"

#include <stddef.h>
#include <stdint.h>

#define ACTIVITY_KINDS(X)                   \
	X(ORDER, 10, "order")               \
	X(COMPLETION, 11, "completion")     \
	X(CANCELLATION, 12, "cancellation") \
	X(REVERSAL, 13, "reversal")

enum activity_kind {
#define X(name, number, text) ACTIVITY_##name = (number),
	ACTIVITY_KINDS(X)
#undef X
};

enum line_type { /* numbers as on the wire */
		 LINE_GOODS = 1,
		 LINE_SERVICE,
		 LINE_SHIPPING,
		 LINE_TAX,
		 LINE_INSURANCE,
		 LINE_GIFT_CARD,
		 LINE_FEE,
		 LINE_TYPE_END
};

#define ORDER_LINES_MAX	   1000
#define BATCH_ITEMS_MAX	   500
#define ID_BYTES_MAX	   128 /* source_event_id, order_id, external_id */
#define LABEL_BYTES_MAX	   64 /* category, store, brand, sub-kind */
#define SOURCE_BYTES_MAX   64 /* source, issuer */
#define AMOUNT_MAX	   INT64_C(10000000000000) /* 10^13 minor units of the base currency */
#define PARKED_MAX	   1000 /* a member's entries that wait for what they name */
#define FUTURE_TOLERANCE   (5 * US_PER_MINUTE) /* occurred_at after receipt; needs base/clock.h */
#define WINDOW_MONTHS_KEPT 14 /* an activity is refused that many months after occurred_at */
#define KEY_MONTHS_KEPT	   15 /* parked entries expire, keys may be forgotten */

struct line {
	int32_t line_no; /* >= 1, unique in the order */
	enum line_type type;
	char currency[4];
	int64_t amount, coupon, points; /* minor units of currency; amount - coupon - points >= 0 */
	struct str sub_kind, category, store, brand;
};

struct order {
	enum platform platform;
	int64_t completed_at; /* 0: not yet told */
	const struct line *lines; /* by rising line_no */
	size_t n_lines;
};

struct reversal_line {
	int32_t line_no;
	char currency[4];
	int64_t amount; /* > 0, minor units */
};

struct reversal {
	const struct reversal_line *lines; /* by rising line_no, each number once */
	size_t n_lines;
};

struct activity {
	enum activity_kind kind;
	struct str source, source_event_id;
	int64_t occurred_at;
	/* the order that it is (order) or names (the others); order_source is never empty here */
	struct str order_source, order_id;
	union {
		struct order order;
		struct reversal reversal;
		struct {
			int64_t completed_at;
		} completion;
	};
};

/* An activity of one member's ledger. revision is the member's revision at acceptance: it strictly
 * rises in the order of acceptance and so orders entries of one transaction, too. */
struct entry {
	int64_t entry_id, revision, known_at;
	struct activity activity;
};

const char *activity_kind_name(enum activity_kind kind);

/* Net of a line in its own currency: amount - coupon - points. */
int64_t line_net(const struct line *line);
/* Canonical order: (occurred_at, source, source_event_id), strings by bytes. */
int activity_cmp(const struct activity *a, const struct activity *b);

/* Checks an activity at the border: forms, lengths, ranges, currencies and the limit of 10^13 at the
 * rates of `policy` (the version in force at receipt), and occurred_at against `now`. Sorts nothing:
 * lines must come by rising line_no. err->field is relative to the activity ("order.lines[2].amount").
 */
enum mb_code activity_check(const struct activity *activity, const struct policy *policy,
			    int64_t now, struct mb_err *err);
