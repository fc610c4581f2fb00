/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/basket.h"

#include "domain/money.h"

#include <stdio.h>
#include <stdlib.h>

struct share {
	int64_t remainder;
	int32_t line_no;
	size_t index;
};

/* The lines in the work, and room for one spreading at a time. */
struct pricing {
	const struct basket *basket;
	struct priced_line *lines;
	bool *fits;
	int64_t *parts; /* of the last spreading, by line */
	struct share *shares;
};

/* ---- checking ---- */

static enum mb_code check_amount(int64_t amount, const char *what, size_t i, const char *name,
				 struct mb_err *err)
{
	char field[64];

	snprintf(field, sizeof(field), "%s[%zu].%s", what, i, name);
	if (amount < 0) {
		return mb_fail_field(err, MB_FIELD_INVALID, field, "must not be negative");
	}
	if (amount > AMOUNT_MAX) {
		return mb_fail_field(err, MB_AMOUNT_OVER_LIMIT, field,
				     "must be at most 10^13 minor units");
	}
	return MB_OK;
}

static enum mb_code check_label(struct str label, const char *what, size_t i, const char *name,
				struct mb_err *err)
{
	char field[64];

	if (label.len <= LABEL_BYTES_MAX && str_is_utf8(label)) {
		return MB_OK;
	}
	snprintf(field, sizeof(field), "%s[%zu].%s", what, i, name);
	return mb_fail_field(err, MB_FIELD_INVALID, field, "must be UTF-8 of at most %d bytes",
			     LABEL_BYTES_MAX);
}

static enum mb_code check_line(const struct basket_line *line, size_t i, struct mb_err *err)
{
	char field[64];
	enum mb_code code = check_amount(line->public_price, "lines", i, "public_price", err);

	if (code == MB_OK) {
		code = check_amount(line->member_price, "lines", i, "member_price", err);
	}
	if (code == MB_OK) {
		code = check_label(line->category, "lines", i, "category", err);
	}
	if (code == MB_OK) {
		code = check_label(line->brand, "lines", i, "brand", err);
	}
	if (code != MB_OK) {
		return code;
	}
	if (line->line_no < 1) {
		snprintf(field, sizeof(field), "lines[%zu].line_no", i);
		return mb_fail_field(err, MB_FIELD_INVALID, field, "must be 1 or more");
	}
	if (line->channel != CHANNEL_STANDARD && line->channel != CHANNEL_VALUE) {
		snprintf(field, sizeof(field), "lines[%zu].channel", i);
		return mb_fail_field(err, MB_FIELD_INVALID, field, "must be STANDARD or VALUE");
	}
	return MB_OK;
}

static int by_line_no(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	return (x->line_no > y->line_no) - (x->line_no < y->line_no);
}

/* Each number once; the shares are free before the first spreading. */
static enum mb_code check_numbers(const struct pricing *p, struct mb_err *err)
{
	size_t n = p->basket->n_lines;

	for (size_t i = 0; i < n; i++) {
		p->shares[i] = (struct share){.line_no = p->basket->lines[i].line_no, .index = i};
	}
	qsort(p->shares, n, sizeof(p->shares[0]), by_line_no);
	for (size_t i = 1; i < n; i++) {
		if (p->shares[i].line_no == p->shares[i - 1].line_no) {
			return mb_fail_field(err, MB_FIELD_INVALID, "lines",
					     "line number %d is there twice", p->shares[i].line_no);
		}
	}
	return MB_OK;
}

static enum mb_code check_lines(const struct basket *basket, const struct policy *policy,
				struct mb_err *err)
{
	int64_t sum = 0;

	if (basket->n_lines == 0 || basket->n_lines > (size_t)policy->basket.lines_most) {
		return mb_fail_field(err, MB_FIELD_INVALID, "lines", "must be 1 to %d lines",
				     policy->basket.lines_most);
	}
	for (size_t i = 0; i < basket->n_lines; i++) {
		enum mb_code code = check_line(&basket->lines[i], i, err);

		if (code != MB_OK) {
			return code;
		}
		sum += basket->lines[i].public_price;
		if (sum > AMOUNT_MAX) {
			return mb_fail_field(err, MB_AMOUNT_OVER_LIMIT, "lines",
					     "the public prices together must be at most 10^13 "
					     "minor units");
		}
	}
	return MB_OK;
}

static enum mb_code check_coupons(const struct basket *basket, const struct policy *policy,
				  struct mb_err *err)
{
	int32_t platform = 0, brand = 0;

	for (size_t i = 0; i < basket->n_coupons; i++) {
		const struct basket_coupon *coupon = &basket->coupons[i];
		enum mb_code code = check_amount(coupon->amount, "coupons", i, "amount", err);
		char field[64];

		if (code == MB_OK) {
			code = check_amount(coupon->threshold, "coupons", i, "threshold", err);
		}
		if (code == MB_OK) {
			code = check_label(coupon->brand, "coupons", i, "brand", err);
		}
		if (code != MB_OK) {
			return code;
		}
		if (coupon->amount == 0) {
			snprintf(field, sizeof(field), "coupons[%zu].amount", i);
			return mb_fail_field(err, MB_FIELD_INVALID, field, "must be above 0");
		}
		*(coupon->brand.len == 0 ? &platform : &brand) += 1;
		if (platform > policy->basket.platform_coupons ||
		    brand > policy->basket.brand_coupons) {
			return mb_fail_field(err, MB_FIELD_INVALID, "coupons",
					     "must be at most %d of the platform and %d of a brand",
					     policy->basket.platform_coupons,
					     policy->basket.brand_coupons);
		}
	}
	return MB_OK;
}

/* ---- spreading ---- */

/* a * b / c and what remains, for 0 <= a <= c and 0 <= b; the product may need more than 64 bits. */
static int64_t multiply_divide(int64_t a, int64_t b, int64_t c, int64_t *remainder)
{
	int64_t quotient = 0, rest = 0;

	if (b == 0 || a <= INT64_MAX / b) {
		*remainder = a * b % c;
		return a * b / c;
	}
	/* long multiplication by the bits of a, divided as it goes: AMOUNT_MAX has 44 of them */
	for (int bit = 43; bit >= 0; bit--) {
		rest = rest * 2 + ((a >> bit & 1) != 0 ? b : 0);
		quotient = quotient * 2 + rest / c;
		rest %= c;
	}
	*remainder = rest;
	return quotient;
}

static int by_remainder(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	if (x->remainder != y->remainder) {
		return x->remainder < y->remainder ? 1 : -1;
	}
	return by_line_no(a, b);
}

static int64_t left_of(const struct priced_line *line)
{
	return line->price - line->percent_off - line->platform_coupon_off - line->brand_coupon_off;
}

static int64_t sum_left(const struct pricing *p)
{
	int64_t sum = 0;

	for (size_t i = 0; i < p->basket->n_lines; i++) {
		sum += p->fits[i] ? left_of(&p->lines[i]) : 0;
	}
	return sum;
}

/* Spreads `amount` (at most what is left of the lines that fit) in proportion to what is left of
 * them; what rounding leaves over goes, a unit each, to the largest remainders, of equal ones to the
 * lower line number. */
static void spread(struct pricing *p, int64_t amount)
{
	int64_t sum = sum_left(p), given = 0;
	size_t n = 0;

	for (size_t i = 0; i < p->basket->n_lines; i++) {
		struct share share = {0, p->lines[i].line_no, i};

		p->parts[i] = 0;
		if (p->fits[i] && sum > 0) {
			p->parts[i] = multiply_divide(amount, left_of(&p->lines[i]), sum,
						      &share.remainder);
			given += p->parts[i];
			p->shares[n++] = share;
		}
	}
	qsort(p->shares, n, sizeof(p->shares[0]), by_remainder);
	for (size_t i = 0; i < n && given < amount; i++, given++) {
		p->parts[p->shares[i].index]++;
	}
}

/* ---- reductions ---- */

static bool among(struct str label, const struct str *labels, int32_t n)
{
	for (int32_t i = 0; i < n; i++) {
		if (str_eq(label, labels[i])) {
			return true;
		}
	}
	return false;
}

static bool percent_fits(const struct policy_benefit *benefit, const struct basket_line *line)
{
	if (benefit->value_channel && line->channel != CHANNEL_VALUE) {
		return false;
	}
	return (benefit->n_categories == 0 && benefit->n_brands == 0) ||
	       among(line->category, benefit->categories, benefit->n_categories) ||
	       among(line->brand, benefit->brands, benefit->n_brands);
}

/* Marks the lines that fit; returns whether there are any. */
static bool mark_percent(struct pricing *p, const struct policy_benefit *benefit)
{
	bool any = false;

	for (size_t i = 0; i < p->basket->n_lines; i++) {
		p->fits[i] = percent_fits(benefit, &p->basket->lines[i]);
		any = any || p->fits[i];
	}
	return any;
}

/* Rounded half up over the order, then capped. */
static int64_t percent_of(const struct policy_benefit *benefit, int64_t sum)
{
	return min_i64((sum * benefit->percent_bp + BP / 2) / BP, benefit->percent_cap);
}

static enum mb_code weigh_percents(struct pricing *p, const struct holder *holder,
				   const struct policy *policy, struct arena *arena,
				   struct priced_basket *out, struct mb_err *err)
{
	struct percent_choice *choices =
		arena_array(arena, (size_t)policy->n_benefits, sizeof(*choices));
	int64_t most = 0;

	if (choices == NULL) {
		return arena_fail(arena, err);
	}
	out->choices = choices;
	for (int32_t i = 0; i < policy->n_benefits; i++) {
		const struct policy_benefit *benefit = &policy->benefits[i];
		struct percent_choice *choice = &choices[out->n_choices];

		if (benefit->kind != BENEFIT_PERCENT) {
			continue;
		}
		out->n_choices++;
		choice->benefit = benefit;
		choice->entitlement = benefit_check(benefit, holder, policy);
		choice->fits = mark_percent(p, benefit);
		choice->would_take = percent_of(benefit, sum_left(p));
		/* numbers rise, so of equal ones the lowest stays */
		if (choice->entitlement.held && choice->would_take > most) {
			most = choice->would_take;
			out->percent = benefit;
		}
	}
	out->percent_off = most;
	return MB_OK;
}

static void apply_percent(struct pricing *p, const struct priced_basket *out)
{
	if (out->percent == NULL) {
		return;
	}
	mark_percent(p, out->percent);
	spread(p, out->percent_off);
	for (size_t i = 0; i < p->basket->n_lines; i++) {
		p->lines[i].percent_off = p->parts[i];
	}
}

static void mark_coupon(struct pricing *p, const struct basket_coupon *coupon)
{
	for (size_t i = 0; i < p->basket->n_lines; i++) {
		p->fits[i] =
			coupon->brand.len == 0 || str_eq(coupon->brand, p->basket->lines[i].brand);
	}
}

/* Takes at most what is left of the lines that it fits; returns what it took. */
static int64_t apply_coupon(struct pricing *p, const struct basket_coupon *coupon)
{
	int64_t amount;

	mark_coupon(p, coupon);
	amount = min_i64(coupon->amount, sum_left(p));
	spread(p, amount);
	for (size_t i = 0; i < p->basket->n_lines; i++) {
		if (coupon->brand.len == 0) {
			p->lines[i].platform_coupon_off = p->parts[i];
		} else {
			p->lines[i].brand_coupon_off = p->parts[i];
		}
	}
	return amount;
}

/* Both thresholds are tested before either coupon is taken off; then the platform's goes first. */
static void apply_coupons(struct pricing *p, struct priced_basket *out)
{
	bool reached[2] = {false, false};

	for (size_t i = 0; i < p->basket->n_coupons; i++) {
		mark_coupon(p, &p->basket->coupons[i]);
		reached[i] = sum_left(p) >= p->basket->coupons[i].threshold;
	}
	for (int of_brand = 0; of_brand <= 1; of_brand++) {
		for (size_t i = 0; i < p->basket->n_coupons; i++) {
			const struct basket_coupon *coupon = &p->basket->coupons[i];
			int64_t taken;

			if (!reached[i] || (coupon->brand.len != 0) != (of_brand == 1)) {
				continue;
			}
			taken = apply_coupon(p, coupon);
			out->coupon_applied[i] = taken > 0;
			*(of_brand == 1 ? &out->brand_coupon_off : &out->platform_coupon_off) +=
				taken;
		}
	}
}

/* ---- the whole ---- */

static enum mb_code begin(struct pricing *p, struct arena *arena, struct mb_err *err)
{
	size_t n = p->basket->n_lines;

	p->lines = arena_array(arena, n, sizeof(*p->lines));
	p->fits = arena_array(arena, n, sizeof(*p->fits));
	p->parts = arena_array(arena, n, sizeof(*p->parts));
	p->shares = arena_array(arena, n, sizeof(*p->shares));
	if (p->lines == NULL || p->fits == NULL || p->parts == NULL || p->shares == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; i < n; i++) {
		const struct basket_line *line = &p->basket->lines[i];

		p->lines[i].line_no = line->line_no;
		p->lines[i].member_price_capped = line->member_price > line->public_price;
		p->lines[i].price = min_i64(line->member_price, line->public_price);
	}
	return MB_OK;
}

static void add_up(const struct pricing *p, struct priced_basket *out)
{
	for (size_t i = 0; i < p->basket->n_lines; i++) {
		p->lines[i].total = left_of(&p->lines[i]);
		out->public_total += p->basket->lines[i].public_price;
		out->total += p->lines[i].total;
	}
	out->lines = p->lines;
	out->n_lines = p->basket->n_lines;
}

enum mb_code basket_price(const struct basket *basket, const struct holder *holder,
			  const struct policy *policy, struct arena *arena,
			  struct priced_basket *out, struct mb_err *err)
{
	struct pricing p = {.basket = basket};
	struct priced_basket priced = {.lines = NULL};
	enum mb_code code = check_lines(basket, policy, err);

	if (code == MB_OK) {
		code = check_coupons(basket, policy, err);
	}
	if (code == MB_OK) {
		code = begin(&p, arena, err);
	}
	if (code == MB_OK) {
		code = check_numbers(&p, err);
	}
	if (code == MB_OK) {
		code = weigh_percents(&p, holder, policy, arena, &priced, err);
	}
	if (code != MB_OK) {
		return code;
	}
	apply_percent(&p, &priced);
	apply_coupons(&p, &priced);
	add_up(&p, &priced);
	*out = priced;
	return MB_OK;
}
