/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/fields.h"

#include "base/clock.h"
#include "domain/activity.h"

#include <assert.h>
#include <string.h>

#define REQUIRED FIELD_REQUIRED
#define NONE	 FIELD_NONE
#define NOWHERE	 INT64_MAX /* a limit that is left out */
#define PTS_MAX	 FIELD_POINTS_MAX
#define AMT_MAX	 AMOUNT_MAX
#define YEARS	 (3660 * US_PER_DAY) /* the longest duration: ten years */
#define SECOND	 US_PER_SECOND
#define LATEST	 INT64_C(7258118400000000) /* 2200-01-01 */

#define ROW(struct_, path, type, member, min, max, absent)                                   \
	{path, VALUE_##type, offsetof(struct_, member), sizeof(((struct_ *)0)->member), min, \
	 max,  absent},

/* Rows stay one line each, however wide. */
/* clang-format off */
#define POLICY_FIELDS(X) \
	/* path                                type     member                                       min      max       absent */ \
	X("format",                            INT,     format,                                      1,       1,        REQUIRED) \
	X("version",                           INT,     version,                                     1,       1000000,  REQUIRED) \
	X("effective_from",                    INSTANT, effective_from,                              0,       LATEST,   REQUIRED) \
	X("zone",                              ZONE,    zone_minutes,                                -720,    840,      REQUIRED) \
	X("currency.code",                     CODE,    currency,                                    0,       0,        REQUIRED) \
	X("currency.exponent",                 INT,     exponent,                                    0,       4,        REQUIRED) \
	X("rates",                             LIST,    rates,                                       0,       64,       REQUIRED) \
	X("posting.shopping.delay",            SPAN,    posting.delay[PLATFORM_SHOPPING],            0,       YEARS,    REQUIRED) \
	X("posting.shopping.completes",        SPAN,    posting.auto_complete[PLATFORM_SHOPPING],    SECOND,  YEARS,    0) \
	X("posting.grocery.delay",             SPAN,    posting.delay[PLATFORM_GROCERY],             0,       YEARS,    REQUIRED) \
	X("posting.grocery.completes",         SPAN,    posting.auto_complete[PLATFORM_GROCERY],     SECOND,  YEARS,    0) \
	X("posting.food.delay",                SPAN,    posting.delay[PLATFORM_FOOD],                0,       YEARS,    REQUIRED) \
	X("posting.food.completes",            SPAN,    posting.auto_complete[PLATFORM_FOOD],        SECOND,  YEARS,    0) \
	X("posting.travel.delay",              SPAN,    posting.delay[PLATFORM_TRAVEL],              0,       YEARS,    REQUIRED) \
	X("posting.travel.completes",          SPAN,    posting.auto_complete[PLATFORM_TRAVEL],      SECOND,  YEARS,    0) \
	X("posting.tickets.delay",             SPAN,    posting.delay[PLATFORM_TICKETS],             0,       YEARS,    REQUIRED) \
	X("posting.tickets.completes",         SPAN,    posting.auto_complete[PLATFORM_TICKETS],     SECOND,  YEARS,    0) \
	X("posting.rides.delay",               SPAN,    posting.delay[PLATFORM_RIDES],               0,       YEARS,    REQUIRED) \
	X("posting.rides.completes",           SPAN,    posting.auto_complete[PLATFORM_RIDES],       SECOND,  YEARS,    0) \
	X("spend.curve",                       LIST,    bends,                                       1,       32,       REQUIRED) \
	X("spend.limits.shopping.order",       AMOUNT,  limits.order[PLATFORM_SHOPPING],             0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.shopping.window",      AMOUNT,  limits.window[PLATFORM_SHOPPING],            0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.grocery.order",        AMOUNT,  limits.order[PLATFORM_GROCERY],              0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.grocery.window",       AMOUNT,  limits.window[PLATFORM_GROCERY],             0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.food.order",           AMOUNT,  limits.order[PLATFORM_FOOD],                 0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.food.window",          AMOUNT,  limits.window[PLATFORM_FOOD],                0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.travel.order",         AMOUNT,  limits.order[PLATFORM_TRAVEL],               0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.travel.window",        AMOUNT,  limits.window[PLATFORM_TRAVEL],              0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.travel.rail",          AMOUNT,  limits.travel_rail,                          0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.tickets.order",        AMOUNT,  limits.order[PLATFORM_TICKETS],              0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.tickets.window",       AMOUNT,  limits.window[PLATFORM_TICKETS],             0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.rides.order",          AMOUNT,  limits.order[PLATFORM_RIDES],                0,       AMT_MAX,  NOWHERE) \
	X("spend.limits.rides.window",         AMOUNT,  limits.window[PLATFORM_RIDES],               0,       AMT_MAX,  NOWHERE) \
	X("frequency.day_minimum",             AMOUNT,  frequency.day_minimum,                       0,       AMT_MAX,  REQUIRED) \
	X("frequency.points_per_day",          POINTS,  frequency.day_points,                        0,       PTS_MAX,  REQUIRED) \
	X("frequency.most",                    POINTS,  frequency.maximum,                           0,       PTS_MAX,  REQUIRED) \
	X("breadth.platforms.points",          POINTS,  breadth.platform_points,                     0,       PTS_MAX,  REQUIRED) \
	X("breadth.platforms.most",            INT,     breadth.platform_most,                       0,       6,        REQUIRED) \
	X("breadth.categories.points",         POINTS,  breadth.category_points,                     0,       PTS_MAX,  REQUIRED) \
	X("breadth.categories.most",           INT,     breadth.category_most,                       0,       1000,     REQUIRED) \
	X("interaction.review.points",         POINTS,  interaction.kind[INTERACTION_REVIEW].points, 0,       PTS_MAX,  REQUIRED) \
	X("interaction.review.with_pictures",  POINTS,  interaction.kind[INTERACTION_REVIEW].extra,  0,       PTS_MAX,  REQUIRED) \
	X("interaction.review.day",            POINTS,  interaction.kind[INTERACTION_REVIEW].day,    0,       PTS_MAX,  REQUIRED) \
	X("interaction.review.month",          POINTS,  interaction.kind[INTERACTION_REVIEW].month,  0,       PTS_MAX,  REQUIRED) \
	X("interaction.review.window",         POINTS,  interaction.kind[INTERACTION_REVIEW].window, 0,       PTS_MAX,  REQUIRED) \
	X("interaction.share.points",          POINTS,  interaction.kind[INTERACTION_SHARE].points,  0,       PTS_MAX,  REQUIRED) \
	X("interaction.share.day",             POINTS,  interaction.kind[INTERACTION_SHARE].day,     0,       PTS_MAX,  REQUIRED) \
	X("interaction.share.month",           POINTS,  interaction.kind[INTERACTION_SHARE].month,   0,       PTS_MAX,  REQUIRED) \
	X("interaction.share.window",          POINTS,  interaction.kind[INTERACTION_SHARE].window,  0,       PTS_MAX,  REQUIRED) \
	X("interaction.post.points",           POINTS,  interaction.kind[INTERACTION_POST].points,   0,       PTS_MAX,  REQUIRED) \
	X("interaction.post.day",              POINTS,  interaction.kind[INTERACTION_POST].day,      0,       PTS_MAX,  REQUIRED) \
	X("interaction.post.month",            POINTS,  interaction.kind[INTERACTION_POST].month,    0,       PTS_MAX,  REQUIRED) \
	X("interaction.post.window",           POINTS,  interaction.kind[INTERACTION_POST].window,   0,       PTS_MAX,  REQUIRED) \
	X("interaction.answer.points",         POINTS,  interaction.kind[INTERACTION_ANSWER].points, 0,       PTS_MAX,  REQUIRED) \
	X("interaction.answer.day",            POINTS,  interaction.kind[INTERACTION_ANSWER].day,    0,       PTS_MAX,  REQUIRED) \
	X("interaction.answer.month",          POINTS,  interaction.kind[INTERACTION_ANSWER].month,  0,       PTS_MAX,  REQUIRED) \
	X("interaction.answer.window",         POINTS,  interaction.kind[INTERACTION_ANSWER].window, 0,       PTS_MAX,  REQUIRED) \
	X("interaction.vote.points",           POINTS,  interaction.kind[INTERACTION_VOTE].points,   0,       PTS_MAX,  REQUIRED) \
	X("interaction.vote.day",              POINTS,  interaction.kind[INTERACTION_VOTE].day,      0,       PTS_MAX,  REQUIRED) \
	X("interaction.vote.month",            POINTS,  interaction.kind[INTERACTION_VOTE].month,    0,       PTS_MAX,  REQUIRED) \
	X("interaction.vote.window",           POINTS,  interaction.kind[INTERACTION_VOTE].window,   0,       PTS_MAX,  REQUIRED) \
	X("interaction.visit.points",          POINTS,  interaction.kind[INTERACTION_VISIT].points,  0,       PTS_MAX,  REQUIRED) \
	X("interaction.visit.day",             POINTS,  interaction.kind[INTERACTION_VISIT].day,     0,       PTS_MAX,  REQUIRED) \
	X("interaction.visit.month",           POINTS,  interaction.kind[INTERACTION_VISIT].month,   0,       PTS_MAX,  REQUIRED) \
	X("interaction.visit.window",          POINTS,  interaction.kind[INTERACTION_VISIT].window,  0,       PTS_MAX,  REQUIRED) \
	X("interaction.together.month",        POINTS,  interaction.month,                           0,       PTS_MAX,  REQUIRED) \
	X("interaction.together.window",       POINTS,  interaction.window,                          0,       PTS_MAX,  REQUIRED) \
	X("interaction.guard",                 POINTS,  interaction.guard,                           0,       PTS_MAX,  REQUIRED) \
	X("interaction.post_stands",           SPAN,    interaction.post_delay,                      0,       YEARS,    REQUIRED) \
	X("credibility.start",                 SHARE,   credibility.base,                            0,       100000,   REQUIRED) \
	X("credibility.lowest",                SHARE,   credibility.lowest,                          0,       100000,   REQUIRED) \
	X("credibility.highest",               SHARE,   credibility.highest,                         1,       100000,   REQUIRED) \
	X("credibility.proven_fake.takes",     SHARE,   credibility.fake_change,                     1,       100000,   REQUIRED) \
	X("credibility.proven_fake.lasts",     SPAN,    credibility.fake_span,                       SECOND,  YEARS,    REQUIRED) \
	X("credibility.proven_fake.penalty",   POINTS,  credibility.fake_penalty,                    0,       PTS_MAX,  REQUIRED) \
	X("credibility.proven_fake.penalty_months", INT, credibility.fake_penalty_months,            0,       120,      REQUIRED) \
	X("tiers.bronze.attain",               POINTS,  tiers[TIER_BRONZE].attain,                   0,       0,        REQUIRED) \
	X("tiers.silver.attain",               POINTS,  tiers[TIER_SILVER].attain,                   1,       PTS_MAX,  REQUIRED) \
	X("tiers.silver.keep",                 POINTS,  tiers[TIER_SILVER].keep,                     1,       PTS_MAX,  REQUIRED) \
	X("tiers.gold.attain",                 POINTS,  tiers[TIER_GOLD].attain,                     1,       PTS_MAX,  REQUIRED) \
	X("tiers.gold.keep",                   POINTS,  tiers[TIER_GOLD].keep,                       1,       PTS_MAX,  REQUIRED) \
	X("tiers.platinum.attain",             POINTS,  tiers[TIER_PLATINUM].attain,                 1,       PTS_MAX,  REQUIRED) \
	X("tiers.platinum.keep",               POINTS,  tiers[TIER_PLATINUM].keep,                   1,       PTS_MAX,  REQUIRED) \
	X("tiers.diamond.attain",              POINTS,  tiers[TIER_DIAMOND].attain,                  1,       PTS_MAX,  REQUIRED) \
	X("tiers.diamond.keep",                POINTS,  tiers[TIER_DIAMOND].keep,                    1,       PTS_MAX,  REQUIRED) \
	X("tiers.black_diamond.attain",        POINTS,  tiers[TIER_BLACK_DIAMOND].attain,            1,       PTS_MAX,  REQUIRED) \
	X("tiers.black_diamond.keep",          POINTS,  tiers[TIER_BLACK_DIAMOND].keep,              1,       PTS_MAX,  REQUIRED) \
	X("protection.settlement_day",         INT,     protection.settlement_day,                   1,       28,       REQUIRED) \
	X("protection.months",                 INT,     protection.months,                           0,       36,       REQUIRED) \
	X("protection.window_months",          INT,     protection.window_months,                    1,       12,       REQUIRED) \
	X("levels.standard.from",              POINTS,  levels[LEVEL_STANDARD],                      0,       0,        REQUIRED) \
	X("levels.super.from",                 POINTS,  levels[LEVEL_SUPER],                         1,       PTS_MAX,  REQUIRED) \
	X("levels.apass_level.from",           POINTS,  levels[LEVEL_APASS],                         1,       PTS_MAX,  REQUIRED) \
	X("apass.score",                       POINTS,  apass.score,                                 0,       PTS_MAX,  REQUIRED) \
	X("apass.spend_over",                  AMOUNT,  apass.spend_over,                            0,       AMT_MAX,  REQUIRED) \
	X("apass.credibility",                 SHARE,   apass.credibility,                           0,       100000,   REQUIRED) \
	X("apass.invitation",                  SPAN,    apass.invitation_span,                       SECOND,  YEARS,    REQUIRED) \
	X("apass.months",                      INT,     apass.months,                                1,       120,      REQUIRED) \
	X("vip.price",                         AMOUNT,  vip.price,                                   0,       AMT_MAX,  REQUIRED) \
	X("vip.nominal_fee",                   AMOUNT,  vip.upgrade_price,                           0,       AMT_MAX,  REQUIRED) \
	X("vip.sold_at_full_price",            SWITCH,  vip.sold_at_full_price,                      0,       1,        REQUIRED) \
	X("vip.nominal_from_tier",             TIER,    vip.upgrade_tier,                            1,       6,        REQUIRED) \
	X("vip.nominal_from_score",            POINTS,  vip.upgrade_score,                           0,       PTS_MAX,  REQUIRED) \
	X("vip.quote",                         SPAN,    vip.quote_span,                              SECOND,  YEARS,    REQUIRED) \
	X("vip.months",                        INT,     vip.months,                                  1,       120,      REQUIRED) \
	X("vip.terms_ahead",                   INT,     vip.terms_ahead,                             0,       10,       REQUIRED) \
	X("basket.lines",                      INT,     basket.lines_most,                           1,       1000,     REQUIRED) \
	X("basket.platform_coupons",           INT,     basket.platform_coupons,                     0,       1,        REQUIRED) \
	X("basket.brand_coupons",              INT,     basket.brand_coupons,                        0,       1,        REQUIRED) \
	X("quota.hold",                        SPAN,    quota.hold_span,                             SECOND,  YEARS,    REQUIRED) \
	X("partner_status.days",               INT,     partner_status.days,                         1,       3660,     REQUIRED) \
	X("partner_status.nights",             INT,     partner_status.nights,                       1,       3660,     REQUIRED) \
	X("audience.smallest",                 INT,     audience.smallest,                           2,       1000000,  REQUIRED) \
	X("benefits",                          LIST,    benefits,                                    0,       BENEFITS_MAX, REQUIRED)

#define RATE_FIELDS(X) \
	X("exponent", INT,  exponent, 0, 4,               REQUIRED) \
	X("rate",     RATE, rate_e4,  1, INT64_C(10000000000), REQUIRED)

#define PIECE_FIELDS(X) \
	X("from",            AMOUNT, from,            0, AMT_MAX,                 REQUIRED) \
	X("upto",            AMOUNT, upto,            1, AMT_MAX,                 REQUIRED) \
	X("points_per_unit", SLOPE,  points_per_unit, 0, INT64_C(1000000000),     REQUIRED)

/* What the kinds of benefits share … */
#define BENEFIT_HEAD(X) \
	X("number",     INT,     number,        1, 1000,     REQUIRED) \
	X("id",         SLUG,    id,            0, 0,        REQUIRED) \
	X("name",       NAME,    name,          0, 0,        REQUIRED) \
	X("kind",       KIND,    kind,          0, 0,        REQUIRED)
#define BENEFIT_TAIL(X) \
	X("tiers",      LIST,    by_tier,       0, 0,        NONE) \
	X("vip",        LIST,    by_vip,        0, 0,        NONE) \
	X("apass",      LIST,    by_apass,      0, 0,        NONE)
/* … and what only one has. */
#define LEVEL_FIELDS(X) \
	X("levels",     LIST,    levels,        0, 0,        REQUIRED) \
	X("partner",    SLUG,    partner,       0, 0,        NONE)
#define PERCENT_FIELDS(X) \
	X("percent",    SHARE,   percent_bp,    1, BP,       REQUIRED) \
	X("at_most",    AMOUNT,  percent_cap,   1, AMT_MAX,  NOWHERE) \
	X("channel",    CHANNEL, value_channel, 0, 0,        NONE) \
	X("categories", LIST,    categories,    0, 0,        NONE) \
	X("brands",     LIST,    brands,        0, 0,        NONE)

/* low, high, whether they may not be equal */
#define ORDERS(X) \
	X("tiers.bronze.attain",        "tiers.silver.attain",           true) \
	X("tiers.silver.attain",        "tiers.gold.attain",             true) \
	X("tiers.gold.attain",          "tiers.platinum.attain",         true) \
	X("tiers.platinum.attain",      "tiers.diamond.attain",          true) \
	X("tiers.diamond.attain",       "tiers.black_diamond.attain",    true) \
	X("tiers.silver.keep",          "tiers.gold.keep",               true) \
	X("tiers.gold.keep",            "tiers.platinum.keep",           true) \
	X("tiers.platinum.keep",        "tiers.diamond.keep",            true) \
	X("tiers.diamond.keep",         "tiers.black_diamond.keep",      true) \
	X("tiers.silver.keep",          "tiers.silver.attain",           false) \
	X("tiers.gold.keep",            "tiers.gold.attain",             false) \
	X("tiers.platinum.keep",        "tiers.platinum.attain",         false) \
	X("tiers.diamond.keep",         "tiers.diamond.attain",          false) \
	X("tiers.black_diamond.keep",   "tiers.black_diamond.attain",    false) \
	X("levels.standard.from",       "levels.super.from",             true) \
	X("levels.super.from",          "levels.apass_level.from",       true) \
	X("interaction.review.day",     "interaction.review.month",      false) \
	X("interaction.review.month",   "interaction.review.window",     false) \
	X("interaction.share.day",      "interaction.share.month",       false) \
	X("interaction.share.month",    "interaction.share.window",      false) \
	X("interaction.post.day",       "interaction.post.month",        false) \
	X("interaction.post.month",     "interaction.post.window",       false) \
	X("interaction.answer.day",     "interaction.answer.month",      false) \
	X("interaction.answer.month",   "interaction.answer.window",     false) \
	X("interaction.vote.day",       "interaction.vote.month",        false) \
	X("interaction.vote.month",     "interaction.vote.window",       false) \
	X("interaction.visit.day",      "interaction.visit.month",       false) \
	X("interaction.visit.month",    "interaction.visit.window",      false) \
	X("interaction.together.month", "interaction.together.window",   false) \
	X("frequency.points_per_day",   "frequency.most",                false) \
	X("credibility.lowest",         "credibility.start",             false) \
	X("credibility.start",          "credibility.highest",           false) \
	X("spend.limits.travel.rail",   "spend.limits.travel.window",    false) \
	X("vip.nominal_fee",            "vip.price",                     false) \
	X("partner_status.nights",      "partner_status.days",           false)
/* clang-format on */

#define X(...) ROW(struct policy, __VA_ARGS__)
static const struct field POLICY_ROWS[] = {POLICY_FIELDS(X)};
#undef X

#define X(...) ROW(struct policy_rate, __VA_ARGS__)
static const struct field RATE_ROWS[] = {RATE_FIELDS(X)};
#undef X

#define X(...) ROW(struct curve_piece, __VA_ARGS__)
static const struct field PIECE_ROWS[] = {PIECE_FIELDS(X)};
#undef X

#define X(...) ROW(struct policy_benefit, __VA_ARGS__)
static const struct field PLAIN_ROWS[] = {BENEFIT_HEAD(X) BENEFIT_TAIL(X)};
static const struct field LEVEL_ROWS[] = {BENEFIT_HEAD(X) LEVEL_FIELDS(X) BENEFIT_TAIL(X)};
static const struct field PERCENT_ROWS[] = {BENEFIT_HEAD(X) PERCENT_FIELDS(X) BENEFIT_TAIL(X)};
#undef X

static_assert(sizeof(POLICY_ROWS) / sizeof(POLICY_ROWS[0]) <= POLICY_FIELDS_MAX,
	      "raise POLICY_FIELDS_MAX");

#define SCHEMA(rows)                                 \
	{                                            \
		rows, sizeof(rows) / sizeof(rows[0]) \
	}

const struct schema POLICY_SCHEMA = SCHEMA(POLICY_ROWS);
const struct schema RATE_SCHEMA = SCHEMA(RATE_ROWS);
const struct schema PIECE_SCHEMA = SCHEMA(PIECE_ROWS);
const struct schema BENEFIT_SCHEMAS[5] = {
	[BENEFIT_FLAG] = SCHEMA(PLAIN_ROWS),
	[BENEFIT_LEVEL] = SCHEMA(LEVEL_ROWS),
	[BENEFIT_QUOTA] = SCHEMA(PLAIN_ROWS),
	[BENEFIT_PERCENT] = SCHEMA(PERCENT_ROWS),
};

const struct field_order FIELD_ORDERS[] = {
#define X(low, high, strict) {low, high, strict},
	ORDERS(X)
#undef X
};
const size_t FIELD_ORDERS_N = sizeof(FIELD_ORDERS) / sizeof(FIELD_ORDERS[0]);

size_t field_find(const struct schema *schema, struct str path)
{
	size_t i = 0;

	while (i < schema->n && !str_eq(str_from(schema->fields[i].path), path)) {
		i++;
	}
	return i;
}

int64_t field_get(const struct field *field, const void *base)
{
	const char *at = (const char *)base + field->offset;
	int64_t wide;
	int32_t narrow;
	bool flag;

	switch (field->size) {
	case sizeof(int64_t):
		memcpy(&wide, at, sizeof(wide));
		return wide;
	case sizeof(int32_t):
		memcpy(&narrow, at, sizeof(narrow));
		return narrow;
	default:
		assert(field->size == sizeof(bool));
		memcpy(&flag, at, sizeof(flag));
		return flag;
	}
}

void field_set(const struct field *field, void *base, int64_t value)
{
	char *at = (char *)base + field->offset;
	int32_t narrow = (int32_t)value;
	bool flag = value != 0;

	switch (field->size) {
	case sizeof(int64_t):
		memcpy(at, &value, sizeof(value));
		break;
	case sizeof(int32_t):
		memcpy(at, &narrow, sizeof(narrow));
		break;
	default:
		assert(field->size == sizeof(bool));
		memcpy(at, &flag, sizeof(flag));
		break;
	}
}

bool field_is_absent(const struct field *field, const void *base)
{
	return field->absent != FIELD_REQUIRED && field->absent != FIELD_NONE &&
	       field_get(field, base) == field->absent;
}

const char *benefit_kind_name(enum benefit_kind kind)
{
	static const char *const NAMES[] = {NULL, "flag", "level", "quota", "percent"};

	return kind >= BENEFIT_FLAG && kind <= BENEFIT_PERCENT ? NAMES[kind] : NULL;
}
