/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: every number of the programme, as data. Declared here, filled by src/policy from a
 * versioned YAML file that it has checked whole; domain code reads it and never checks it again.
 *
 * Memory:   immutable once built; a policy and all it points to live in the arena of its builder.
 * Units:    money in minor units of the base currency (fen), score in micro-points (1e-6 points),
 *           shares in basis points (1/10,000), times in microseconds UTC.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MICRO INT64_C(1000000) /* micro-points a point */
#define BP    10000 /* basis points of the whole */

#define PLATFORMS(X)               \
	X(SHOPPING, 1, "shopping") \
	X(GROCERY, 2, "grocery")   \
	X(FOOD, 3, "food")         \
	X(TRAVEL, 4, "travel")     \
	X(TICKETS, 5, "tickets")   \
	X(RIDES, 6, "rides")

enum platform {
#define X(name, number, text) PLATFORM_##name = (number),
	PLATFORMS(X)
#undef X
		PLATFORM_END /* numbers run 1 .. PLATFORM_END - 1, as on the wire */
};

#define TIERS(X)                   \
	X(BRONZE, 1, "bronze")     \
	X(SILVER, 2, "silver")     \
	X(GOLD, 3, "gold")         \
	X(PLATINUM, 4, "platinum") \
	X(DIAMOND, 5, "diamond")   \
	X(BLACK_DIAMOND, 6, "black_diamond")

enum tier {
#define X(name, number, text) TIER_##name = (number),
	TIERS(X)
#undef X
		TIER_END
};

/* The levels of the 88 Membership of 2017. */
enum level { LEVEL_STANDARD = 1, LEVEL_SUPER, LEVEL_APASS, LEVEL_END };

/* Kinds in the order of the explanation; numbers as on the wire. */
enum interaction {
	INTERACTION_REVIEW = 1,
	INTERACTION_SHARE,
	INTERACTION_POST,
	INTERACTION_ANSWER,
	INTERACTION_VOTE,
	INTERACTION_VISIT,
	INTERACTION_END
};

/* Texts of the tables above; NULL outside of them. */
const char *platform_name(enum platform platform);
const char *tier_name(enum tier tier);
/* 0 when the text names none. */
enum tier tier_from_name(struct str name);

struct policy_rate {
	char currency[4]; /* ISO 4217 */
	int32_t exponent; /* minor units: 2 for GBP, 0 for JPY; 0..4 */
	int64_t rate_e4; /* base currency units for one unit, times 10^4; > 0 */
};

/* One piece of the spend curve: from the end of the piece before to upto. */
struct policy_bend {
	int64_t upto; /* counted spend, minor units; rises strictly */
	int64_t micro_per_minor; /* micro-points a minor unit inside this piece; >= 0 */
};

struct policy_limits {
	int64_t order[PLATFORM_END]; /* per order, minor units; INT64_MAX: none */
	int64_t window[PLATFORM_END]; /* per platform in the window; INT64_MAX: none */
	int64_t travel_rail; /* within travel: lines of sub-kind "rail" in the window */
};

struct policy_posting {
	int64_t delay[PLATFORM_END]; /* microseconds after completed_at; >= 0 */
	int64_t auto_complete[PLATFORM_END]; /* microseconds after payment; 0: never by itself */
};

struct policy_frequency {
	int64_t day_minimum; /* minor units on a day that count it */
	int64_t day_points; /* micro-points a day */
	int64_t maximum; /* micro-points */
};

struct policy_breadth {
	int64_t platform_points, category_points; /* micro-points each */
	int64_t platform_most, category_most; /* how many count */
};

struct policy_interaction_kind {
	int64_t points; /* micro-points */
	int64_t extra; /* micro-points more for a review with pictures; 0 for the others */
	int64_t day, month, window; /* caps on the sum, micro-points */
};

struct policy_interaction {
	struct policy_interaction_kind kind[INTERACTION_END];
	int64_t month, window; /* caps on all kinds together */
	int64_t guard; /* micro-points: the least that interaction may reach (50 points) */
	int64_t post_delay; /* microseconds a post must stay up */
};

struct policy_credibility {
	int32_t base, lowest, highest; /* basis points */
	int32_t fake_change; /* taken by a finding, basis points, > 0 */
	int64_t fake_span; /* microseconds the change lasts */
	int64_t fake_penalty; /* micro-points */
	int32_t fake_penalty_months; /* calendar months the penalty lasts */
};

struct policy_tier {
	int64_t attain, keep; /* micro-points; keep 0 for the lowest */
};

struct policy_protection {
	int32_t settlement_day; /* day of the month, 1..28; the same in all versions */
	int32_t months; /* protection ends at the settlement this many months after */
	int32_t window_months; /* the window's months, 12 */
};

struct policy_apass {
	int64_t score; /* micro-points at the last settlement, at least */
	int64_t spend_over; /* minor units, strictly over */
	int32_t credibility; /* basis points, at least */
	int64_t invitation_span; /* microseconds */
	int32_t months; /* length of a membership */
};

struct policy_vip {
	int64_t price, upgrade_price; /* minor units a year: CNY 888 and CNY 88 */
	bool sold_at_full_price; /* the switch for the offer to everybody else */
	enum tier upgrade_tier; /* from this shown tier up */
	int64_t upgrade_score; /* or from this live score up, micro-points */
	int64_t quote_span; /* microseconds */
	int32_t months; /* length of a term */
	int32_t terms_ahead; /* terms that may be bought ahead */
};

enum benefit_kind { BENEFIT_FLAG = 1, BENEFIT_LEVEL, BENEFIT_QUOTA, BENEFIT_PERCENT };

#define BENEFITS_MAX 64

/* One row of the benefit table. For each way to hold it: 0 not held; FLAG, PERCENT 1; QUOTA uses a
 * month; LEVEL 1 + index into levels[]. */
struct policy_benefit {
	int32_t number; /* rank in ties; rises strictly through the table */
	struct str id; /* slug: "value-channel-discount" */
	struct str name; /* for people */
	enum benefit_kind kind;
	int32_t by_tier[TIER_END];
	int32_t by_vip, by_apass;
	/* LEVEL */
	const struct str *levels;
	int32_t n_levels;
	struct str partner; /* "marriott-bonvoy" when it is a partner status, else empty */
	/* PERCENT */
	int32_t percent_bp; /* basis points off */
	int64_t percent_cap; /* minor units an order; INT64_MAX: none */
	bool value_channel; /* fits lines of the value channel only */
	const struct str
		*categories; /* fits lines of these categories or brands; both empty: all */
	int32_t n_categories;
	const struct str *brands;
	int32_t n_brands;
};

struct policy_basket {
	int32_t lines_most; /* lines of one basket */
	int32_t platform_coupons; /* at most this many, 1 */
	int32_t brand_coupons; /* at most this many, 1 */
};

struct policy_quota {
	int64_t hold_span; /* microseconds a reservation holds */
};

struct policy_partner_status {
	int32_t days; /* from the grant, in which … */
	int32_t nights; /* … so many nights confirm it */
};

struct policy_audience {
	int64_t smallest; /* members of a cohort that brands may learn about */
};

struct policy {
	int32_t format; /* of the file: 1 */
	int32_t version; /* 1, 2, … */
	int64_t effective_from; /* microseconds UTC */
	int32_t zone_minutes; /* offset of the programme's zone, +480 */
	char currency[4]; /* base currency, "CNY" */
	int32_t exponent; /* of the base currency, 2 */

	const struct policy_rate *rates; /* foreign currencies, by code */
	int32_t n_rates;

	struct policy_posting posting;
	const struct policy_bend *bends;
	int32_t n_bends;
	struct policy_limits limits;
	struct policy_frequency frequency;
	struct policy_breadth breadth;
	struct policy_interaction interaction;
	struct policy_credibility credibility;
	struct policy_tier tiers[TIER_END];
	struct policy_protection protection;
	int64_t levels[LEVEL_END]; /* from, micro-points */
	struct policy_apass apass;
	struct policy_vip vip;
	struct policy_basket basket;
	struct policy_quota quota;
	struct policy_partner_status partner_status;
	struct policy_audience audience;
	const struct policy_benefit *benefits;
	int32_t n_benefits;
};

/* All versions that are known, by rising effective_from; the first is in force from the beginning. */
struct policy_list {
	const struct policy *const *versions;
	size_t n;
};

/* The version in force at t: the greatest effective_from <= t; before all of them, the first. */
const struct policy *policy_at(const struct policy_list *list, int64_t t);
/* The one with the greatest number; NULL when none is known. */
const struct policy *policy_newest(const struct policy_list *list);
/* The instant after t at which the next version takes force; INT64_MAX when none is known. */
int64_t policy_next_change(const struct policy_list *list, int64_t t);
/* The first instant at which a version with a number above `newest` is in force, or has been;
 * INT64_MAX when none is known, INT64_MIN when one is in force from the beginning. */
int64_t policy_overtaken_at(const struct policy_list *list, int32_t newest);
/* Is or was a version with a number above `newest` in force by now? */
bool policy_overtakes(const struct policy_list *list, int32_t newest, int64_t now);
/* Is there a version with this number or one above it? */
bool policy_knows(const struct policy_list *list, int32_t newest);
/* NULL when the table has no such id. */
const struct policy_benefit *policy_benefit(const struct policy *policy, struct str id);
/* False, and out untouched, when the policy has no rate for it; the base currency has one of 1. */
bool policy_rate(const struct policy *policy, const char *currency, struct policy_rate *out);

/* ---- what is wrong with a text that should be a policy; told by src/policy ---- */

#define POLICY_PROBLEMS_MAX 20

struct policy_problem {
	int line, column; /* from 1; column counts characters */
	char path[96]; /* "tiers.gold.attain", "benefits[3].levels"; "" for the file as a whole */
	char text[256]; /* says what is allowed */
};

/* In the order of the file. */
struct policy_problems {
	struct policy_problem items[POLICY_PROBLEMS_MAX];
	size_t n;
	size_t unlisted; /* more of them than fit */
};
