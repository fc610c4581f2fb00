/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/basket.h"
#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define LINES_MOST 12

static const struct holder BLACK_DIAMOND = {TIER_BLACK_DIAMOND, false, false, false};
static const struct holder DIAMOND = {TIER_DIAMOND, false, false, false};
static const struct holder BOTH = {TIER_BLACK_DIAMOND, true, false, false};

static struct arena *arena;
static const struct policy *policy;
static struct mb_err err;

static int set_up(void **state)
{
	(void)state;
	arena = arena_create(NULL, 0);
	policy = default_parsed(arena);
	err = (struct mb_err){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

static struct basket_line value_line(int32_t line_no, int64_t price)
{
	return (struct basket_line){line_no,	 price,	       price, STR("supermarket"),
				    STR("acme"), CHANNEL_VALUE};
}

static struct basket_line plain_line(int32_t line_no, int64_t price)
{
	return (struct basket_line){line_no, price, price, STR(""), STR(""), CHANNEL_STANDARD};
}

static struct priced_basket priced(const struct holder *holder, const struct basket_line *lines,
				   size_t n, const struct basket_coupon *coupons, size_t n_coupons)
{
	const struct basket basket = {lines, n, coupons, n_coupons};
	struct priced_basket out;

	if (basket_price(&basket, holder, policy, arena, &out, &err) != MB_OK) {
		fail_msg("%s: %s", err.field, err.text);
	}
	return out;
}

/* ---- the percentage ---- */

static void case_54_parts_of_20_percent_off_three_lines_add_up(void **state)
{
	const struct basket_line lines[] = {value_line(1, 333), value_line(2, 333),
					    value_line(3, 333)};
	struct priced_basket out = priced(&BLACK_DIAMOND, lines, 3, NULL, 0);

	(void)state;
	/* 20% of 9.99 is 1.998: 2.00, in parts of 0.67, 0.67 and 0.66 */
	assert_int_equal(out.percent_off, 200);
	assert_int_equal(out.lines[0].percent_off, 67);
	assert_int_equal(out.lines[1].percent_off, 67);
	assert_int_equal(out.lines[2].percent_off, 66);
	assert_int_equal(out.total, 799);
	assert_int_equal(out.public_total, 999);
	assert_int_equal(out.percent->number, 2);
}

static void case_55_the_better_percentage_only(void **state)
{
	/* 20% is capped at 50.00; 5% is not: they meet at 1,000.00 */
	static const struct {
		int64_t price, off;
		int32_t number;
	} CASES[] = {
		{10000, 2000, 2},  {99999, 5000, 2},   {100000, 5000, 2},
		{100009, 5000, 2}, {100010, 5001, 22}, {200000, 10000, 22},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct basket_line line = value_line(1, CASES[i].price);
		struct priced_basket out = priced(&BOTH, &line, 1, NULL, 0);

		assert_int_equal(out.percent->number, CASES[i].number);
		assert_int_equal(out.percent_off, CASES[i].off);
		assert_int_equal(out.total, CASES[i].price - CASES[i].off);
	}
}

static void a_percentage_takes_only_lines_that_fit(void **state)
{
	struct basket_line lines[] = {value_line(1, 1000), plain_line(2, 1000),
				      plain_line(3, 2000)};
	struct priced_basket out = priced(&BOTH, lines, 3, NULL, 0);

	(void)state;
	assert_int_equal(out.lines[0].percent_off, 200);
	assert_int_equal(out.lines[1].percent_off + out.lines[2].percent_off, 0);
	/* 5% over lines of the supermarket and of brands that joined */
	policy = parsed(arena, default_with(arena, "brands: []", "brands: [joined]"));
	lines[0].channel = CHANNEL_STANDARD;
	lines[2].brand = STR("joined");
	out = priced(&BOTH, lines, 3, NULL, 0);
	assert_int_equal(out.percent->number, 22);
	assert_int_equal(out.lines[0].percent_off, 50);
	assert_int_equal(out.lines[1].percent_off, 0);
	assert_int_equal(out.lines[2].percent_off, 100);
	policy = default_parsed(arena);
}

static void who_lacks_it_is_told_what_it_would_take(void **state)
{
	const struct basket_line lines[] = {value_line(1, 1000), plain_line(2, 1000)};
	struct priced_basket out = priced(&DIAMOND, lines, 2, NULL, 0);

	(void)state;
	assert_null(out.percent);
	assert_int_equal(out.percent_off, 0);
	assert_int_equal(out.total, 2000);
	assert_int_equal(out.n_choices, 2);
	assert_int_equal(out.choices[0].benefit->number, 2);
	assert_true(out.choices[0].fits);
	assert_int_equal(out.choices[0].would_take, 200);
	assert_int_equal(out.choices[0].entitlement.reason, BENEFIT_TIER_TOO_LOW);
	assert_int_equal(out.choices[0].entitlement.unlock_points, 2500);
	assert_int_equal(out.choices[1].would_take, 50);
	assert_int_equal(out.choices[1].entitlement.reason, BENEFIT_NEEDS_88VIP);
	out = priced(&BOTH, &lines[1], 1, NULL, 0);
	assert_null(out.percent);
	assert_false(out.choices[0].fits || out.choices[1].fits);
}

static void halves_go_up_once_an_order(void **state)
{
	/* 5% of 0.10 is 0.005 */
	struct basket_line lines[] = {value_line(7, 5), value_line(3, 5)};
	const struct holder vip = {TIER_BRONZE, true, false, false};
	struct priced_basket out = priced(&vip, lines, 2, NULL, 0);

	(void)state;
	assert_int_equal(out.percent_off, 1);
	/* equal remainders: the lower line number, wherever it stands */
	assert_int_equal(out.lines[0].percent_off, 0);
	assert_int_equal(out.lines[1].percent_off, 1);
	lines[1].public_price = lines[1].member_price = 4;
	assert_int_equal(priced(&vip, lines, 2, NULL, 0).percent_off, 0);
	assert_null(priced(&vip, lines, 2, NULL, 0).percent);
}

/* ---- coupons ---- */

static void case_56_a_coupon_above_the_basket_leaves_zero(void **state)
{
	const struct basket_line lines[] = {value_line(1, 1000), plain_line(2, 1)};
	const struct basket_coupon coupons[] = {{100000, 0, STR("acme")}, {5000, 0, STR("")}};
	struct priced_basket out = priced(&BLACK_DIAMOND, lines, 2, coupons, 2);

	(void)state;
	assert_int_equal(out.total, 0);
	assert_int_equal(out.percent_off, 200);
	assert_int_equal(out.platform_coupon_off, 801);
	assert_int_equal(out.brand_coupon_off, 0);
	assert_true(out.coupon_applied[1]);
	assert_false(out.coupon_applied[0]);
	assert_int_equal(out.lines[0].total, 0);
	assert_int_equal(out.lines[1].total, 0);
}

static void thresholds_are_tested_after_the_percentage(void **state)
{
	const struct basket_line line = value_line(1, 10000);
	struct basket_coupon coupon = {100, 8000, STR("")};

	(void)state;
	assert_true(priced(&BLACK_DIAMOND, &line, 1, &coupon, 1).coupon_applied[0]);
	coupon.threshold = 8001;
	assert_false(priced(&BLACK_DIAMOND, &line, 1, &coupon, 1).coupon_applied[0]);
	assert_true(priced(&DIAMOND, &line, 1, &coupon, 1).coupon_applied[0]);
}

/* The platform's coupon takes the brand's lines below its threshold, which was reached before. */
static void thresholds_are_tested_before_any_coupon(void **state)
{
	const struct basket_line lines[] = {value_line(1, 1000), plain_line(2, 1000)};
	const struct basket_coupon coupons[] = {{300, 1000, STR("acme")}, {1000, 2000, STR("")}};
	struct priced_basket out = priced(&DIAMOND, lines, 2, coupons, 2);

	(void)state;
	assert_true(out.coupon_applied[0] && out.coupon_applied[1]);
	assert_int_equal(out.lines[0].platform_coupon_off, 500);
	assert_int_equal(out.lines[0].brand_coupon_off, 300);
	assert_int_equal(out.lines[1].brand_coupon_off, 0);
	assert_int_equal(out.lines[0].total, 200);
	assert_int_equal(out.total, 700);
}

static void a_brand_coupon_counts_its_own_lines_only(void **state)
{
	const struct basket_line lines[] = {value_line(1, 1000), plain_line(2, 5000)};
	struct basket_coupon coupon = {300, 1001, STR("acme")};

	(void)state;
	assert_false(priced(&DIAMOND, lines, 2, &coupon, 1).coupon_applied[0]);
	coupon = (struct basket_coupon){1500, 1000, STR("acme")};
	assert_int_equal(priced(&DIAMOND, lines, 2, &coupon, 1).brand_coupon_off, 1000);
	coupon.brand = STR("nobody");
	coupon.threshold = 0;
	assert_false(priced(&DIAMOND, lines, 2, &coupon, 1).coupon_applied[0]);
}

/* ---- prices and refusals ---- */

static void case_57_a_member_price_above_the_public_one_is_flagged(void **state)
{
	struct basket_line lines[] = {plain_line(1, 1000), plain_line(2, 1000), plain_line(3, 0)};
	struct priced_basket out;

	(void)state;
	lines[0].member_price = 1200;
	lines[1].member_price = 900;
	out = priced(&DIAMOND, lines, 3, NULL, 0);
	assert_true(out.lines[0].member_price_capped);
	assert_false(out.lines[2].member_price_capped); /* none: equal to the public one */
	assert_int_equal(out.lines[0].total, 1000);
	assert_false(out.lines[1].member_price_capped);
	assert_int_equal(out.lines[1].total, 900);
	assert_int_equal(out.public_total, 2000);
	assert_int_equal(out.total, 1900);
}

static void refuse(const struct basket *basket, enum mb_code code, const char *field)
{
	struct priced_basket out = {.total = 77};

	assert_int_equal(basket_price(basket, &BOTH, policy, arena, &out, &err), code);
	assert_string_equal(err.field, field);
	assert_int_equal(out.total, 77);
}

static void refuse_line(struct basket_line line, enum mb_code code, const char *field)
{
	const struct basket_line lines[] = {plain_line(1, 100), line};

	refuse(&(struct basket){lines, 2, NULL, 0}, code, field);
}

static void case_74_lines_over_the_limits_are_refused(void **state)
{
	struct basket_line line = plain_line(2, AMOUNT_MAX + 1);

	(void)state;
	refuse_line(line, MB_AMOUNT_OVER_LIMIT, "lines[1].public_price");
	line = plain_line(2, AMOUNT_MAX - 99);
	refuse_line(line, MB_AMOUNT_OVER_LIMIT, "lines");
	line = plain_line(2, 100);
	line.member_price = AMOUNT_MAX + 1;
	refuse_line(line, MB_AMOUNT_OVER_LIMIT, "lines[1].member_price");
}

static void lines_that_make_no_sense_are_refused(void **state)
{
	static char long_label[LABEL_BYTES_MAX + 1];
	struct basket_line many[201], line;

	(void)state;
	refuse_line(plain_line(2, -1), MB_FIELD_INVALID, "lines[1].public_price");
	refuse_line(plain_line(0, 1), MB_FIELD_INVALID, "lines[1].line_no");
	refuse_line(plain_line(1, 1), MB_FIELD_INVALID, "lines");
	line = plain_line(2, 1);
	line.channel = 3;
	refuse_line(line, MB_FIELD_INVALID, "lines[1].channel");
	line = plain_line(2, 1);
	line.brand = (struct str){long_label, sizeof(long_label)};
	refuse_line(line, MB_FIELD_INVALID, "lines[1].brand");
	line.brand = STR("");
	line.category = STR("\xff");
	refuse_line(line, MB_FIELD_INVALID, "lines[1].category");
	refuse(&(struct basket){many, 0, NULL, 0}, MB_FIELD_INVALID, "lines");
	for (int32_t i = 0; i < 201; i++) {
		many[i] = plain_line(i + 1, 1);
	}
	refuse(&(struct basket){many, 201, NULL, 0}, MB_FIELD_INVALID, "lines");
	assert_int_equal(priced(&BOTH, many, 200, NULL, 0).total, 200);
}

static void coupons_that_make_no_sense_are_refused(void **state)
{
	const struct basket_line line = plain_line(1, 100);
	struct basket_coupon coupons[] = {{1, 0, STR("")}, {1, 0, STR("")}, {1, 0, STR("a")}};

	(void)state;
	refuse(&(struct basket){&line, 1, coupons, 2}, MB_FIELD_INVALID, "coupons");
	coupons[1].brand = STR("b");
	refuse(&(struct basket){&line, 1, coupons, 3}, MB_FIELD_INVALID, "coupons");
	coupons[1].amount = 0;
	refuse(&(struct basket){&line, 1, coupons, 2}, MB_FIELD_INVALID, "coupons[1].amount");
	coupons[1].amount = AMOUNT_MAX + 1;
	refuse(&(struct basket){&line, 1, coupons, 2}, MB_AMOUNT_OVER_LIMIT, "coupons[1].amount");
	coupons[1] = (struct basket_coupon){1, -1, STR("b")};
	refuse(&(struct basket){&line, 1, coupons, 2}, MB_FIELD_INVALID, "coupons[1].threshold");
}

static void short_memory_is_an_error_and_no_more(void **state)
{
	const struct basket_line lines[] = {value_line(1, 1000), plain_line(2, 1)};
	const struct basket basket = {lines, 2, NULL, 0};
	struct priced_basket out = {.total = 77};
	enum mb_code code;

	(void)state;
	for (size_t cap = 1; cap < 100000; cap += 16) {
		struct arena *small = arena_create(NULL, cap);

		code = basket_price(&basket, &BOTH, policy, small, &out, &err);
		arena_destroy(small);
		if (code == MB_OK) {
			return;
		}
		assert_int_equal(code, MB_ARENA_FULL);
		assert_int_equal(out.total, 77);
	}
	fail();
}

/* ---- against a second computation, written from the rules alone ---- */

struct slow {
	int64_t left[LINES_MOST]; /* of each line */
	int64_t percent, platform, brand; /* taken */
};

/* Gives the units out one by one: first what each line has earned whole, then by remainder. */
static void slow_take(const struct basket *basket, struct slow *slow, const bool *fits,
		      int64_t amount)
{
	int64_t sum = 0, remainder[LINES_MOST], start[LINES_MOST];

	for (size_t i = 0; i < basket->n_lines; i++) {
		start[i] = slow->left[i];
		sum += fits[i] ? start[i] : 0;
	}
	if (sum == 0) {
		return;
	}
	for (size_t i = 0; i < basket->n_lines; i++) {
		int64_t whole = fits[i] ? amount * start[i] / sum : 0;

		remainder[i] = fits[i] ? amount * start[i] - whole * sum : -1;
		slow->left[i] -= whole;
	}
	for (int64_t given = 0; given < amount;) {
		size_t next = 0;

		given = 0;
		for (size_t i = 0; i < basket->n_lines; i++) {
			given += start[i] - slow->left[i];
			if (remainder[i] > remainder[next] ||
			    (remainder[i] == remainder[next] &&
			     basket->lines[i].line_no < basket->lines[next].line_no)) {
				next = i;
			}
		}
		if (given < amount) {
			slow->left[next]--;
			remainder[next] = -1;
			given++;
		}
	}
}

static int64_t slow_sum(const struct basket *basket, const struct slow *slow, const bool *fits)
{
	int64_t sum = 0;

	for (size_t i = 0; i < basket->n_lines; i++) {
		sum += fits[i] ? slow->left[i] : 0;
	}
	return sum;
}

/* The default policy's two percentages, as numbers. */
static void slow_percent(const struct basket *basket, const struct holder *holder,
			 struct slow *slow)
{
	bool value[LINES_MOST], market[LINES_MOST];
	int64_t twenty, five;

	for (size_t i = 0; i < basket->n_lines; i++) {
		value[i] = basket->lines[i].channel == CHANNEL_VALUE;
		market[i] = str_eq(basket->lines[i].category, STR("supermarket"));
	}
	twenty = (slow_sum(basket, slow, value) * 2 + 5) / 10;
	twenty = holder->tier != TIER_BLACK_DIAMOND ? 0 : twenty > 5000 ? 5000 : twenty;
	five = holder->vip ? (slow_sum(basket, slow, market) * 5 + 50) / 100 : 0;
	slow->percent = twenty >= five ? twenty : five;
	slow_take(basket, slow, twenty >= five ? value : market, slow->percent);
}

static void slow_price(const struct basket *basket, const struct holder *holder, struct slow *slow)
{
	bool all[LINES_MOST], own[LINES_MOST] = {false};
	const struct basket_coupon *platform = NULL, *brand = NULL;
	bool platform_on, brand_on;

	for (size_t i = 0; i < basket->n_coupons; i++) {
		*(basket->coupons[i].brand.len == 0 ? &platform : &brand) = &basket->coupons[i];
	}
	for (size_t i = 0; i < basket->n_lines; i++) {
		const struct basket_line *line = &basket->lines[i];

		slow->left[i] = line->member_price < line->public_price ? line->member_price
									: line->public_price;
		all[i] = true;
		own[i] = brand != NULL && str_eq(brand->brand, line->brand);
	}
	slow_percent(basket, holder, slow);
	platform_on = platform != NULL && slow_sum(basket, slow, all) >= platform->threshold;
	brand_on = brand != NULL && slow_sum(basket, slow, own) >= brand->threshold;
	if (platform_on) {
		slow->platform = slow_sum(basket, slow, all);
		slow->platform =
			slow->platform < platform->amount ? slow->platform : platform->amount;
		slow_take(basket, slow, all, slow->platform);
	}
	if (brand_on) {
		slow->brand = slow_sum(basket, slow, own);
		slow->brand = slow->brand < brand->amount ? slow->brand : brand->amount;
		slow_take(basket, slow, own, slow->brand);
	}
}

static uint64_t seed = 88;

static int64_t roll(int64_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)((seed >> 11) % (uint64_t)sides);
}

static void roll_lines(struct basket_line *lines, size_t n)
{
	static const struct str CATEGORIES[] = {{"supermarket", 11}, {"toys", 4}, {NULL, 0}};
	static const struct str BRANDS[] = {{"acme", 4}, {"other", 5}, {NULL, 0}};
	/* small prices make remainders meet, large ones reach the cap */
	int64_t most = roll(2) == 0 ? 12 : roll(2) == 0 ? 5000 : 200000;

	for (size_t i = 0; i < n; i++) {
		lines[i] = (struct basket_line){
			/* unique and in no order */
			.line_no = (int32_t)((i * 5 + 3) % 13 + 1),
			.public_price = roll(most),
			.category = CATEGORIES[roll(3)],
			.brand = BRANDS[roll(3)],
			.channel = roll(2) == 0 ? CHANNEL_VALUE : CHANNEL_STANDARD,
		};
		lines[i].member_price = roll(3) == 0 ? roll(most) : lines[i].public_price;
	}
}

static void check_against_slow(const struct basket *basket, const struct holder *holder)
{
	struct arena *memory = arena_create(NULL, 0);
	struct priced_basket out;
	struct slow slow = {{0}, 0, 0, 0};
	int64_t total = 0;

	slow_price(basket, holder, &slow);
	assert_int_equal(basket_price(basket, holder, policy, memory, &out, &err), MB_OK);
	assert_int_equal(out.percent_off, slow.percent);
	assert_int_equal(out.platform_coupon_off, slow.platform);
	assert_int_equal(out.brand_coupon_off, slow.brand);
	for (size_t i = 0; i < basket->n_lines; i++) {
		const struct priced_line *line = &out.lines[i];

		assert_int_equal(line->total, slow.left[i]);
		assert_true(line->total >= 0 && line->percent_off >= 0 &&
			    line->platform_coupon_off >= 0 && line->brand_coupon_off >= 0);
		assert_int_equal(line->price - line->percent_off - line->platform_coupon_off -
					 line->brand_coupon_off,
				 line->total);
		out.percent_off -= line->percent_off;
		out.platform_coupon_off -= line->platform_coupon_off;
		out.brand_coupon_off -= line->brand_coupon_off;
		total += line->total;
	}
	assert_int_equal(total, out.total);
	assert_int_equal(out.percent_off, 0);
	assert_int_equal(out.platform_coupon_off, 0);
	assert_int_equal(out.brand_coupon_off, 0);
	arena_destroy(memory);
}

static void random_baskets_equal_a_slow_computation(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct basket_line lines[LINES_MOST];
		struct basket_coupon coupons[2];
		size_t n = (size_t)roll(LINES_MOST) + 1, platform = (size_t)roll(2);
		const struct holder holder = {roll(2) == 0 ? TIER_BLACK_DIAMOND : TIER_GOLD,
					      roll(2) == 0, false, false};
		struct basket basket = {lines, n, coupons, (size_t)roll(3)};

		roll_lines(lines, n);
		coupons[platform] = (struct basket_coupon){roll(3000) + 1, roll(6000), {NULL, 0}};
		coupons[1 - platform] =
			(struct basket_coupon){roll(2000) + 1, roll(3000), STR("acme")};
		check_against_slow(&basket, &holder);
	}
}

/* Products beyond 64 bits: the parts of a coupon of nearly all. */
static void the_largest_baskets_add_up(void **state)
{
	const struct basket_line lines[] = {plain_line(1, AMOUNT_MAX / 3), plain_line(2, 1),
					    plain_line(3, AMOUNT_MAX / 3),
					    plain_line(4, AMOUNT_MAX / 3 - 10)};
	const struct basket_coupon coupon = {AMOUNT_MAX - 1000, 0, {NULL, 0}};
	struct priced_basket out = priced(&DIAMOND, lines, 4, &coupon, 1);
	int64_t off = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(out.lines[i].total >= 0);
		off += out.lines[i].platform_coupon_off;
	}
	assert_true(off == coupon.amount);
	/* by exact fractions: 990 * price / sum is left of each, 330 of the large ones */
	assert_int_equal(out.lines[0].total, 330);
	assert_int_equal(out.lines[1].total, 0);
	assert_int_equal(out.lines[2].total, 330);
	assert_int_equal(out.lines[3].total, 330);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_54_parts_of_20_percent_off_three_lines_add_up),
		cmocka_unit_test(case_55_the_better_percentage_only),
		cmocka_unit_test(a_percentage_takes_only_lines_that_fit),
		cmocka_unit_test(who_lacks_it_is_told_what_it_would_take),
		cmocka_unit_test(halves_go_up_once_an_order),
		cmocka_unit_test(case_56_a_coupon_above_the_basket_leaves_zero),
		cmocka_unit_test(thresholds_are_tested_after_the_percentage),
		cmocka_unit_test(thresholds_are_tested_before_any_coupon),
		cmocka_unit_test(a_brand_coupon_counts_its_own_lines_only),
		cmocka_unit_test(case_57_a_member_price_above_the_public_one_is_flagged),
		cmocka_unit_test(case_74_lines_over_the_limits_are_refused),
		cmocka_unit_test(lines_that_make_no_sense_are_refused),
		cmocka_unit_test(coupons_that_make_no_sense_are_refused),
		cmocka_unit_test(short_memory_is_an_error_and_no_more),
		cmocka_unit_test(random_baskets_equal_a_slow_computation),
		cmocka_unit_test(the_largest_baskets_add_up),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
