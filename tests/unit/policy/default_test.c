/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of the programme, written down a second time. */
#include "base/clock.h"
#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CNY(yuan)	 ((yuan)*INT64_C(100))
#define POINTS(n)	 ((n)*MICRO)
#define assert_i64(a, b) assert_true((int64_t)(a) == (int64_t)(b))

static struct arena *arena;
static const struct policy *p;

static int set_up(void **state)
{
	(void)state;
	arena = arena_create(NULL, 0);
	p = default_parsed(arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

static void it_is_version_1_in_yuan_at_plus_eight(void **state)
{
	(void)state;
	assert_int_equal(p->format, 1);
	assert_int_equal(p->version, 1);
	assert_i64(p->effective_from, 0);
	assert_int_equal(p->zone_minutes, 480);
	assert_string_equal(p->currency, "CNY");
	assert_int_equal(p->exponent, 2);
	assert_int_equal(p->n_rates, 2);
	assert_string_equal(p->rates[0].currency, "GBP");
	assert_i64(p->rates[0].rate_e4, 90000);
	assert_string_equal(p->rates[1].currency, "USD");
	assert_i64(p->rates[1].rate_e4, 70000);
	assert_int_equal(p->rates[1].exponent, 2);
}

static void orders_post_after_their_delay(void **state)
{
	(void)state;
	assert_i64(p->posting.delay[PLATFORM_SHOPPING], 7 * US_PER_DAY);
	assert_i64(p->posting.delay[PLATFORM_GROCERY], 7 * US_PER_DAY);
	assert_i64(p->posting.delay[PLATFORM_TRAVEL], 48 * US_PER_HOUR);
	assert_i64(p->posting.delay[PLATFORM_FOOD], 0);
	assert_i64(p->posting.delay[PLATFORM_TICKETS], 0);
	assert_i64(p->posting.delay[PLATFORM_RIDES], 0);
	for (enum platform at = PLATFORM_SHOPPING; at < PLATFORM_END; at++) {
		assert_i64(p->posting.auto_complete[at], 0);
	}
}

static void the_curve_bends_where_the_table_says(void **state)
{
	static const struct {
		int64_t upto, micro, points;
	} TABLE[] = {
		{CNY(2000), 1000, 200},
		{CNY(20000), 300, 740},
		{CNY(100000), 120, 1700},
		{CNY(350000), 20, 2200},
	};
	int64_t from = 0, points = 0;

	(void)state;
	assert_int_equal(p->n_bends, 4);
	for (int i = 0; i < 4; i++) {
		assert_i64(p->bends[i].upto, TABLE[i].upto);
		assert_i64(p->bends[i].micro_per_minor, TABLE[i].micro);
		points += (TABLE[i].upto - from) * p->bends[i].micro_per_minor;
		assert_i64(points, POINTS(TABLE[i].points));
		from = TABLE[i].upto;
	}
}

static void spend_is_limited_per_order_or_window(void **state)
{
	(void)state;
	assert_i64(p->limits.order[PLATFORM_SHOPPING], CNY(50000));
	assert_i64(p->limits.order[PLATFORM_GROCERY], CNY(50000));
	assert_i64(p->limits.window[PLATFORM_SHOPPING], INT64_MAX);
	assert_i64(p->limits.window[PLATFORM_GROCERY], INT64_MAX);
	assert_i64(p->limits.window[PLATFORM_FOOD], CNY(30000));
	assert_i64(p->limits.window[PLATFORM_TRAVEL], CNY(60000));
	assert_i64(p->limits.travel_rail, CNY(6000));
	assert_i64(p->limits.window[PLATFORM_TICKETS], CNY(3000));
	assert_i64(p->limits.window[PLATFORM_RIDES], CNY(6000));
	assert_i64(p->limits.order[PLATFORM_FOOD], INT64_MAX);
	assert_i64(p->limits.order[PLATFORM_TRAVEL], INT64_MAX);
	assert_i64(p->limits.order[PLATFORM_TICKETS], INT64_MAX);
	assert_i64(p->limits.order[PLATFORM_RIDES], INT64_MAX);
}

static void frequency_and_breadth(void **state)
{
	(void)state;
	assert_i64(p->frequency.day_minimum, CNY(10));
	assert_i64(p->frequency.day_points, POINTS(1));
	assert_i64(p->frequency.maximum, POINTS(200));
	assert_i64(p->breadth.platform_points, POINTS(10));
	assert_i64(p->breadth.platform_most, 6);
	assert_i64(p->breadth.category_points, POINTS(2));
	assert_i64(p->breadth.category_most, 20);
}

static void interaction_has_its_caps(void **state)
{
	/* tenths of points: points, extra, day, month, window */
	static const int64_t TABLE[INTERACTION_END][5] = {
		[INTERACTION_REVIEW] = {50, 30, 150, 600, 3000},
		[INTERACTION_SHARE] = {20, 0, 60, 300, 1500},
		[INTERACTION_POST] = {40, 0, 120, 600, 2400},
		[INTERACTION_ANSWER] = {20, 0, 60, 300, 1200},
		[INTERACTION_VOTE] = {10, 0, 50, 300, 1500},
		[INTERACTION_VISIT] = {2, 0, 10, 200, 1000},
	};

	(void)state;
	for (enum interaction kind = INTERACTION_REVIEW; kind < INTERACTION_END; kind++) {
		const struct policy_interaction_kind *row = &p->interaction.kind[kind];

		assert_i64(row->points, TABLE[kind][0] * MICRO / 10);
		assert_i64(row->extra, TABLE[kind][1] * MICRO / 10);
		assert_i64(row->day, TABLE[kind][2] * MICRO / 10);
		assert_i64(row->month, TABLE[kind][3] * MICRO / 10);
		assert_i64(row->window, TABLE[kind][4] * MICRO / 10);
	}
	assert_i64(p->interaction.month, POINTS(120));
	assert_i64(p->interaction.window, POINTS(600));
	assert_i64(p->interaction.guard, POINTS(50));
	assert_i64(p->interaction.post_delay, 24 * US_PER_HOUR);
}

static void credibility_and_what_a_fake_costs(void **state)
{
	(void)state;
	assert_int_equal(p->credibility.base, 10000);
	assert_int_equal(p->credibility.lowest, 0);
	assert_int_equal(p->credibility.highest, 12000);
	assert_int_equal(p->credibility.fake_change, 2000);
	assert_i64(p->credibility.fake_span, 180 * 24 * US_PER_HOUR);
	assert_i64(p->credibility.fake_penalty, POINTS(50));
	assert_int_equal(p->credibility.fake_penalty_months, 12);
}

static void tiers_and_levels(void **state)
{
	static const int64_t TABLE[TIER_END][2] = {
		[TIER_BRONZE] = {0, 0},	       [TIER_SILVER] = {400, 360},
		[TIER_GOLD] = {600, 540},      [TIER_PLATINUM] = {1000, 900},
		[TIER_DIAMOND] = {1500, 1350}, [TIER_BLACK_DIAMOND] = {2500, 2250},
	};

	(void)state;
	for (enum tier tier = TIER_BRONZE; tier < TIER_END; tier++) {
		assert_i64(p->tiers[tier].attain, POINTS(TABLE[tier][0]));
		assert_i64(p->tiers[tier].keep, POINTS(TABLE[tier][1]));
	}
	assert_int_equal(p->protection.settlement_day, 8);
	assert_int_equal(p->protection.months, 3);
	assert_int_equal(p->protection.window_months, 12);
	assert_i64(p->levels[LEVEL_STANDARD], 0);
	assert_i64(p->levels[LEVEL_SUPER], POINTS(1000));
	assert_i64(p->levels[LEVEL_APASS], POINTS(2500));
}

static void apass_and_88vip(void **state)
{
	(void)state;
	assert_i64(p->apass.score, POINTS(2500));
	assert_i64(p->apass.spend_over, CNY(105000));
	/* 15,000 USD at the policy's own rate */
	assert_i64(p->apass.spend_over, CNY(15000) * p->rates[1].rate_e4 / 10000);
	assert_int_equal(p->apass.credibility, 9000);
	assert_i64(p->apass.invitation_span, 30 * 24 * US_PER_HOUR);
	assert_int_equal(p->apass.months, 12);
	assert_i64(p->vip.price, CNY(888));
	assert_i64(p->vip.upgrade_price, CNY(88));
	assert_true(p->vip.sold_at_full_price);
	assert_int_equal(p->vip.upgrade_tier, TIER_PLATINUM);
	assert_i64(p->vip.upgrade_score, POINTS(1000));
	assert_i64(p->vip.quote_span, 15 * US_PER_MINUTE);
	assert_int_equal(p->vip.months, 12);
	assert_int_equal(p->vip.terms_ahead, 1);
}

static void baskets_quotas_partners_and_audiences(void **state)
{
	(void)state;
	assert_int_equal(p->basket.lines_most, 200);
	assert_int_equal(p->basket.platform_coupons, 1);
	assert_int_equal(p->basket.brand_coupons, 1);
	assert_i64(p->quota.hold_span, 15 * US_PER_MINUTE);
	assert_int_equal(p->partner_status.days, 120);
	assert_int_equal(p->partner_status.nights, 8);
	assert_i64(p->audience.smallest, 100);
}

struct row {
	const char *id;
	enum benefit_kind kind;
	int32_t by[6]; /* Bronze to Black Diamond */
	int32_t vip, apass;
};

/* The benefit table: quotas are uses a month, levels are 1 + the level's place. */
static const struct row BENEFITS[] = {
	{"dedicated-concierge", BENEFIT_FLAG, {0, 0, 0, 0, 0, 1}, 0, 0},
	{"value-channel-discount", BENEFIT_PERCENT, {0, 0, 0, 0, 0, 1}, 0, 0},
	{"marriott-status", BENEFIT_LEVEL, {0, 0, 0, 0, 1, 2}, 0, 0},
	{"hilton-status", BENEFIT_LEVEL, {0, 0, 0, 0, 1, 2}, 0, 0},
	{"travel-membership", BENEFIT_LEVEL, {0, 0, 1, 2, 3, 4}, 0, 0},
	{"shopping-coupons", BENEFIT_QUOTA, {1, 2, 4, 6, 8, 12}, 0, 0},
	{"food-delivery-coupons", BENEFIT_QUOTA, {1, 1, 2, 4, 6, 8}, 0, 0},
	{"ride-coupons", BENEFIT_QUOTA, {0, 1, 1, 2, 3, 4}, 0, 0},
	{"cinema-coupon", BENEFIT_QUOTA, {0, 0, 1, 1, 2, 2}, 0, 0},
	{"travel-coupon", BENEFIT_QUOTA, {0, 0, 1, 1, 2, 3}, 0, 0},
	{"grocery-membership", BENEFIT_FLAG, {0, 0, 0, 0, 0, 1}, 1, 0},
	{"free-return-shipping", BENEFIT_QUOTA, {0, 0, 1, 2, 4, 8}, 0, 0},
	{"instant-refund", BENEFIT_FLAG, {0, 0, 0, 1, 1, 1}, 0, 1},
	{"priority-service", BENEFIT_FLAG, {0, 0, 1, 1, 1, 1}, 0, 0},
	{"brand-early-access", BENEFIT_FLAG, {0, 0, 1, 1, 1, 1}, 0, 0},
	{"limited-products", BENEFIT_FLAG, {0, 0, 0, 0, 1, 1}, 0, 0},
	{"offline-brand-services", BENEFIT_FLAG, {0, 0, 0, 0, 1, 1}, 0, 0},
	{"birthday-gift", BENEFIT_FLAG, {0, 1, 1, 1, 1, 1}, 0, 0},
	{"member-day", BENEFIT_FLAG, {1, 1, 1, 1, 1, 1}, 0, 0},
	{"vip-nominal-fee", BENEFIT_FLAG, {0, 0, 0, 1, 1, 1}, 0, 0},
	{"early-sale-coupons", BENEFIT_FLAG, {0, 0, 1, 1, 1, 1}, 0, 0},
	{"vip-discount", BENEFIT_PERCENT, {0}, 1, 0},
	{"vip-larger-coupons", BENEFIT_FLAG, {0}, 1, 0},
	{"return-pickup", BENEFIT_QUOTA, {0}, 5, 0},
	{"video-membership", BENEFIT_FLAG, {0}, 1, 0},
	{"music-membership", BENEFIT_FLAG, {0}, 1, 0},
	{"account-manager", BENEFIT_FLAG, {0}, 0, 1},
	{"apass-events", BENEFIT_FLAG, {0}, 0, 1},
	{"daily-brand-deals", BENEFIT_FLAG, {0}, 0, 1},
	{"members-zone", BENEFIT_FLAG, {0}, 0, 1},
};

static void the_benefit_table(void **state)
{
	(void)state;
	assert_int_equal(p->n_benefits, sizeof(BENEFITS) / sizeof(BENEFITS[0]));
	for (int32_t i = 0; i < p->n_benefits; i++) {
		const struct policy_benefit *benefit = &p->benefits[i];
		const struct row *row = &BENEFITS[i];

		assert_int_equal(benefit->number, i + 1);
		assert_true(str_eq(benefit->id, str_from(row->id)));
		assert_int_equal(benefit->kind, row->kind);
		assert_int_equal(benefit->by_vip, row->vip);
		assert_int_equal(benefit->by_apass, row->apass);
		assert_memory_equal(&benefit->by_tier[TIER_BRONZE], row->by, sizeof(row->by));
		assert_true(benefit->name.len > 0);
	}
}

static void reductions_and_statuses(void **state)
{
	const struct policy_benefit *value = &p->benefits[1], *vip = &p->benefits[21];

	(void)state;
	assert_int_equal(value->percent_bp, 2000);
	assert_i64(value->percent_cap, CNY(50));
	assert_true(value->value_channel);
	assert_int_equal(value->n_categories + value->n_brands, 0);
	assert_int_equal(vip->percent_bp, 500);
	assert_i64(vip->percent_cap, INT64_MAX);
	assert_false(vip->value_channel);
	assert_int_equal(vip->n_categories, 1);
	assert_true(str_eq(vip->categories[0], STR("supermarket")));
	assert_true(str_eq(p->benefits[2].partner, STR("marriott-bonvoy")));
	assert_true(str_eq(p->benefits[3].partner, STR("hilton-honors")));
	assert_true(str_eq(p->benefits[2].levels[0], STR("silver")));
	assert_true(str_eq(p->benefits[3].levels[1], STR("gold")));
	assert_int_equal(p->benefits[4].n_levels, 4);
	assert_true(str_eq(p->benefits[4].levels[3], STR("f4")));
	assert_int_equal(p->benefits[4].partner.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_version_1_in_yuan_at_plus_eight),
		cmocka_unit_test(orders_post_after_their_delay),
		cmocka_unit_test(the_curve_bends_where_the_table_says),
		cmocka_unit_test(spend_is_limited_per_order_or_window),
		cmocka_unit_test(frequency_and_breadth),
		cmocka_unit_test(interaction_has_its_caps),
		cmocka_unit_test(credibility_and_what_a_fake_costs),
		cmocka_unit_test(tiers_and_levels),
		cmocka_unit_test(apass_and_88vip),
		cmocka_unit_test(baskets_quotas_partners_and_audiences),
		cmocka_unit_test(the_benefit_table),
		cmocka_unit_test(reductions_and_statuses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
