/* SPDX-License-Identifier: Apache-2.0 */
/*
 * activity: what a platform tells about a member, validated, and an entry: an activity in the ledger.
 *
 * The numbers are those of the wire and of the stored payload and never change. From finding on the
 * kinds are the service's own: decisions of a person that take their place in the ledger. They never
 * arrive as activities; their source is SOURCE_OWN and their source_event_id "r<revision>".
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "domain/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACTIVITY_KINDS(X)                   \
	X(ORDER, 10, "order")               \
	X(COMPLETION, 11, "completion")     \
	X(CANCELLATION, 12, "cancellation") \
	X(REVERSAL, 13, "reversal")         \
	X(REVIEW, 14, "review")             \
	X(SHARE, 15, "share")               \
	X(OPENING, 16, "opening")           \
	X(POST, 17, "post")                 \
	X(ANSWER, 18, "answer")             \
	X(VOTE, 19, "vote")                 \
	X(VISIT, 20, "visit")               \
	X(UNDO, 21, "undo")                 \
	X(FINDING, 22, "finding")           \
	X(VOID, 23, "void")                 \
	X(CREDIBILITY, 24, "credibility")   \
	X(LINK, 25, "link")                 \
	X(OVERRIDE, 26, "override")         \
	X(SUSPENSION, 27, "suspension")

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
#define ID_BYTES_MAX	   128 /* source_event_id, order_id, external_id, content, question */
#define LABEL_BYTES_MAX	   64 /* category, store, brand, sub-kind, channel */
#define SOURCE_BYTES_MAX   64 /* source, issuer */
#define REASON_BYTES_MAX   256 /* of a person's decision */
#define SOURCE_OWN	   STR("memberd") /* nobody else may use it, nor what begins with "memberd." */
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
	/* the order that it is (order) or names (completion, cancellation, reversal, review); empty for
	 * the others. order_source is never empty there */
	struct str order_source, order_id;
	/* the activity that it names (opening, undo, finding, void); empty for the others.
	 * about_source is never empty there */
	struct str about_source, about_event_id;
	/* of a person's decision: the service's own kinds, an operator's reversal and undo; else empty */
	struct str reason;
	union {
		struct order order;
		struct reversal reversal;
		struct {
			int64_t completed_at;
		} completion;
		struct {
			int32_t line_no; /* >= 1 */
			bool pictures;
		} review;
		struct {
			struct str content, channel;
		} share;
		struct {
			int64_t by; /* who opened it: a member id */
			bool verified; /* as told */
		} opening;
		struct {
			struct str content;
		} post;
		struct {
			struct str question;
			int64_t asker; /* a member id */
		} answer;
		struct {
			struct str content;
			int64_t by; /* who voted: a member id */
		} vote;
		struct {
			enum platform platform;
			struct str store;
		} visit;
		struct {
			int32_t delta_bp; /* not 0 */
			int64_t until; /* 0: for ever */
		} credibility;
		struct {
			int64_t other; /* the other account: a member id */
			bool linked; /* false: from here on not linked any more */
		} link;
		struct {
			enum tier
				tier; /* 0: the natural tier shows, which ends overrides made before */
			int64_t until; /* 0 with tier 0 only */
		} override;
		struct {
			bool suspended;
		} suspension;
	};
};

/* An activity of one member's ledger. revision is the member's revision at acceptance: it strictly
 * rises in the order of acceptance and so orders entries of one transaction, too. */
struct entry {
	int64_t entry_id, revision, known_at;
	struct activity activity;
};

/* NULL when the number is no kind. */
const char *activity_kind_name(enum activity_kind kind);
/* Is it told by platforms, and so of the wire? The others are the service's own. */
bool activity_kind_told(enum activity_kind kind);
/* Does it name an order without being one: completion, cancellation, reversal, review? */
bool activity_names_order(enum activity_kind kind);
/* Does it name another activity by its key: opening, undo, finding, void? */
bool activity_names_activity(enum activity_kind kind);

/* Net of a line in its own currency: amount - coupon - points. */
int64_t line_net(const struct line *line);
/* Canonical order: (occurred_at, source, source_event_id), strings by bytes. */
int activity_cmp(const struct activity *a, const struct activity *b);

/* Checks an activity that a platform tells at the border: forms, lengths, ranges, currencies and the
 * limit of 10^13 at the rates of `policy` (the version in force at receipt), and occurred_at against
 * `now`. Sorts nothing: lines must come by rising line_no. Members that it names (by, asker) are not
 * looked at. err->field is relative to the activity ("order.lines[2].amount").
 */
enum mb_code activity_check(const struct activity *activity, const struct policy *policy,
			    int64_t now, struct mb_err *err);
