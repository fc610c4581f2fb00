/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "base/clock.h"
#include "domain/calendar.h"

#include <assert.h>
#include <stdio.h>

#define POINTS(n) ((n)*MICRO)
#define NONE	  INT64_MAX

static const struct policy_rate rates[] = {
	{.currency = "GBP", .exponent = 2, .rate_e4 = 90000},
	{.currency = "USD", .exponent = 2, .rate_e4 = 70000},
};

static const struct policy_bend bends[] = {
	{YUAN(2000), 1000},
	{YUAN(20000), 300},
	{YUAN(100000), 120},
	{YUAN(350000), 20},
};

static const struct str marriott_levels[] = {{"Silver", 6}, {"Gold", 4}};
static const struct str travel_levels[] = {{"F1", 2}, {"F2", 2}, {"F3", 2}, {"F4", 2}};

#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}
#define ROW(rank, slug, title, how, ...)                                  \
	.number = (rank), .id = S(slug), .name = S(title), .kind = (how), \
	.by_tier = {0, __VA_ARGS__}

static const struct policy_benefit benefits[] = {
	{ROW(1, "dedicated-concierge", "Dedicated concierge", BENEFIT_FLAG, 0, 0, 0, 0, 0, 1)},
	{ROW(2, "value-channel-discount", "20% off the value channel", BENEFIT_PERCENT, 0, 0, 0, 0,
	     0, 1),
	 .percent_bp = 2000, .percent_cap = YUAN(50), .value_channel = true},
	{ROW(3, "marriott-bonvoy-status", "Marriott Bonvoy status", BENEFIT_LEVEL, 0, 0, 0, 0, 1,
	     2),
	 .levels = marriott_levels, .n_levels = 2, .partner = S("marriott-bonvoy")},
	{ROW(4, "hilton-honors-status", "Hilton Honors status", BENEFIT_LEVEL, 0, 0, 0, 0, 1, 2),
	 .levels = marriott_levels, .n_levels = 2, .partner = S("hilton-honors")},
	{ROW(5, "travel-membership", "Travel membership", BENEFIT_LEVEL, 0, 0, 1, 2, 3, 4),
	 .levels = travel_levels, .n_levels = 4},
	{ROW(6, "shopping-coupons", "Shopping coupons", BENEFIT_QUOTA, 1, 2, 4, 6, 8, 12)},
	{ROW(7, "food-coupons", "Food-delivery coupons", BENEFIT_QUOTA, 1, 1, 2, 4, 6, 8)},
	{ROW(8, "ride-coupons", "Ride coupons", BENEFIT_QUOTA, 0, 1, 1, 2, 3, 4)},
	{ROW(9, "cinema-coupon", "Cinema coupon", BENEFIT_QUOTA, 0, 0, 1, 1, 2, 2)},
	{ROW(10, "travel-coupon", "Travel coupon", BENEFIT_QUOTA, 0, 0, 1, 1, 2, 3)},
	{ROW(11, "grocery-membership", "Grocery membership", BENEFIT_FLAG, 0, 0, 0, 0, 0, 1),
	 .by_vip = 1},
	{ROW(12, "free-return-shipping", "Free return shipping", BENEFIT_QUOTA, 0, 0, 1, 2, 4, 8)},
	{ROW(13, "instant-refund", "Instant refund", BENEFIT_FLAG, 0, 0, 0, 1, 1, 1),
	 .by_apass = 1},
	{ROW(14, "priority-service", "Priority service queue", BENEFIT_FLAG, 0, 0, 1, 1, 1, 1)},
	{ROW(15, "brand-early-access", "Brand early access", BENEFIT_FLAG, 0, 0, 1, 1, 1, 1)},
	{ROW(16, "limited-products", "Limited and bespoke products", BENEFIT_FLAG, 0, 0, 0, 0, 1,
	     1)},
	{ROW(17, "offline-brand-services", "Exclusive offline brand services", BENEFIT_FLAG, 0, 0,
	     0, 0, 1, 1)},
	{ROW(18, "birthday-gift", "Birthday gift", BENEFIT_FLAG, 0, 1, 1, 1, 1, 1)},
	{ROW(19, "member-day", "Member-day event", BENEFIT_FLAG, 1, 1, 1, 1, 1, 1)},
	{ROW(20, "vip-nominal-fee", "88VIP at the nominal fee", BENEFIT_FLAG, 0, 0, 0, 1, 1, 1)},
	{ROW(21, "early-sale-coupons", "Early-sale coupon window", BENEFIT_FLAG, 0, 0, 1, 1, 1, 1)},
};

const struct policy default_policy = {
	.format = 1,
	.version = 1,
	.effective_from = 0,
	.zone_minutes = 480,
	.currency = "CNY",
	.exponent = 2,
	.rates = rates,
	.n_rates = sizeof(rates) / sizeof(rates[0]),
	.posting = {.delay = {[PLATFORM_SHOPPING] = 7 * US_PER_DAY,
			      [PLATFORM_GROCERY] = 7 * US_PER_DAY,
			      [PLATFORM_TRAVEL] = 2 * US_PER_DAY}},
	.bends = bends,
	.n_bends = sizeof(bends) / sizeof(bends[0]),
	.limits = {.order = {[PLATFORM_SHOPPING] = YUAN(50000),
			     [PLATFORM_GROCERY] = YUAN(50000),
			     [PLATFORM_FOOD] = NONE,
			     [PLATFORM_TRAVEL] = NONE,
			     [PLATFORM_TICKETS] = NONE,
			     [PLATFORM_RIDES] = NONE},
		   .window = {[PLATFORM_SHOPPING] = NONE,
			      [PLATFORM_GROCERY] = NONE,
			      [PLATFORM_FOOD] = YUAN(30000),
			      [PLATFORM_TRAVEL] = YUAN(60000),
			      [PLATFORM_TICKETS] = YUAN(3000),
			      [PLATFORM_RIDES] = YUAN(6000)},
		   .travel_rail = YUAN(6000)},
	.frequency = {.day_minimum = YUAN(10), .day_points = POINTS(1), .maximum = POINTS(200)},
	.breadth = {.platform_points = POINTS(10),
		    .category_points = POINTS(2),
		    .platform_most = 6,
		    .category_most = 20},
	.interaction =
		{.kind = {[INTERACTION_REVIEW] = {POINTS(5), POINTS(3), POINTS(15), POINTS(60),
						  POINTS(300)},
			  [INTERACTION_SHARE] = {POINTS(2), 0, POINTS(6), POINTS(30), POINTS(150)},
			  [INTERACTION_POST] = {POINTS(4), 0, POINTS(12), POINTS(60), POINTS(240)},
			  [INTERACTION_ANSWER] = {POINTS(2), 0, POINTS(6), POINTS(30), POINTS(120)},
			  [INTERACTION_VOTE] = {POINTS(1), 0, POINTS(5), POINTS(30), POINTS(150)},
			  [INTERACTION_VISIT] = {MICRO / 5, 0, POINTS(1), POINTS(20), POINTS(100)}},
		 .month = POINTS(120),
		 .window = POINTS(600),
		 .guard = POINTS(50),
		 .post_delay = US_PER_DAY},
	.credibility = {.base = 10000,
			.lowest = 0,
			.highest = 12000,
			.fake_change = 2000,
			.fake_span = 180 * US_PER_DAY,
			.fake_penalty = POINTS(50),
			.fake_penalty_months = 12},
	.tiers = {[TIER_SILVER] = {POINTS(400), POINTS(360)},
		  [TIER_GOLD] = {POINTS(600), POINTS(540)},
		  [TIER_PLATINUM] = {POINTS(1000), POINTS(900)},
		  [TIER_DIAMOND] = {POINTS(1500), POINTS(1350)},
		  [TIER_BLACK_DIAMOND] = {POINTS(2500), POINTS(2250)}},
	.protection = {.settlement_day = 8, .months = 3, .window_months = 12},
	.levels = {[LEVEL_SUPER] = POINTS(1000), [LEVEL_APASS] = POINTS(2500)},
	.apass = {.score = POINTS(2500),
		  .spend_over = YUAN(105000),
		  .credibility = 9000,
		  .invitation_span = 30 * US_PER_DAY,
		  .months = 12},
	.vip = {.price = YUAN(888),
		.upgrade_price = YUAN(88),
		.sold_at_full_price = true,
		.upgrade_tier = TIER_PLATINUM,
		.upgrade_score = POINTS(1000),
		.quote_span = 15 * US_PER_MINUTE,
		.months = 12,
		.terms_ahead = 1},
	.basket = {.lines_most = 1000, .platform_coupons = 1, .brand_coupons = 1},
	.benefits = benefits,
	.n_benefits = sizeof(benefits) / sizeof(benefits[0]),
};

static const struct policy *const versions[] = {&default_policy};
const struct policy_list default_policies = {versions, 1};

int64_t at(const char *text)
{
	int year, month = 1, day = 1, hour = 0, minute = 0;
	double second = 0;
	int n = sscanf(text, "%d-%d-%d %d:%d:%lf", &year, &month, &day, &hour, &minute, &second);

	assert(n >= 1);
	return calendar_month_start(year * 12 + month - 1, default_policy.zone_minutes) +
	       (day - 1) * US_PER_DAY + hour * US_PER_HOUR + minute * US_PER_MINUTE +
	       (int64_t)(second * 1e6 + 0.5);
}
