/* SPDX-License-Identifier: Apache-2.0 */
#include "service/map.h"

#include <stdlib.h>
#include <string.h>

#define COUPONS_MAX 2

static enum mb_code check_label(const char *text, const char *field, struct mb_err *err)
{
	if (strlen(text) > LABEL_BYTES_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, field, "must be at most %d bytes",
				     LABEL_BYTES_MAX);
	}
	return MB_OK;
}

static enum mb_code check_price(int64_t price, const char *field, struct mb_err *err)
{
	if (price < 0) {
		return mb_fail_field(err, MB_FIELD_INVALID, field, "must not be negative");
	}
	if (price > AMOUNT_MAX) {
		return mb_fail_field(err, MB_AMOUNT_OVER_LIMIT, field,
				     "is over the limit of 10^13 minor units");
	}
	return MB_OK;
}

static enum mb_code check_line(const Memberd__V1__BasketLine *message, struct mb_err *err)
{
	enum mb_code code = MB_OK;

	if (message->line_no < 1) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "line_no", "must be 1 or more, not %d",
				     message->line_no);
	}
	if (code == MB_OK) {
		code = check_price(message->public_price, "public_price", err);
	}
	if (code == MB_OK) {
		code = check_price(message->member_price, "member_price", err);
	}
	if (code == MB_OK &&
	    message->channel != MEMBERD__V1__BASKET_CHANNEL__BASKET_CHANNEL_STANDARD &&
	    message->channel != MEMBERD__V1__BASKET_CHANNEL__BASKET_CHANNEL_VALUE) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "channel", "must be STANDARD or VALUE");
	}
	if (code == MB_OK) {
		code = check_label(message->category, "category", err);
	}
	return code == MB_OK ? check_label(message->brand, "brand", err) : code;
}

static int compare_numbers(const void *left, const void *right)
{
	int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;

	return a < b ? -1 : a > b;
}

static enum mb_code check_numbers(const struct basket_line *lines, size_t n, struct arena *arena,
				  struct mb_err *err)
{
	int32_t *numbers = arena_array(arena, n, sizeof(*numbers));

	if (numbers == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; i < n; i++) {
		numbers[i] = lines[i].line_no;
	}
	qsort(numbers, n, sizeof(*numbers), compare_numbers);
	for (size_t i = 1; i < n; i++) {
		if (numbers[i] == numbers[i - 1]) {
			return mb_fail_field(err, MB_FIELD_INVALID, "lines",
					     "line %d stands in the basket twice", numbers[i]);
		}
	}
	return MB_OK;
}

static enum mb_code from_lines(const Memberd__V1__QuoteDiscountRequest *message,
			       const struct policy *policy, struct arena *arena, struct basket *out,
			       struct mb_err *err)
{
	size_t n = message->n_lines;
	struct basket_line *lines;
	int64_t sum = 0;

	if (n < 1 || n > (size_t)policy->basket.lines_most) {
		return mb_fail_field(err, MB_FIELD_INVALID, "lines",
				     "must be 1 to %d lines, not %zu", policy->basket.lines_most,
				     n);
	}
	lines = arena_array(arena, n, sizeof(*lines));
	if (lines == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; i < n; i++) {
		const Memberd__V1__BasketLine *line = message->lines[i];
		enum mb_code code = check_line(line, err);

		/* at most 10^13 each and few of them: the sum cannot overflow */
		sum += code == MB_OK ? line->public_price : 0;
		if (code == MB_OK && sum > AMOUNT_MAX) {
			code = mb_fail_field(
				err, MB_AMOUNT_OVER_LIMIT, "public_price",
				"the lines up to here sum up to over 10^13 minor units");
		}
		if (code != MB_OK) {
			mb_err_prefix_field(err, "lines[%zu]", i);
			return code;
		}
		lines[i] = (struct basket_line){.line_no = line->line_no,
						.public_price = line->public_price,
						.member_price = line->member_price == 0
									? line->public_price
									: line->member_price,
						.category = str_from(line->category),
						.brand = str_from(line->brand),
						.channel = (enum basket_channel)line->channel};
	}
	out->lines = lines;
	out->n_lines = n;
	return check_numbers(lines, n, arena, err);
}

static enum mb_code from_coupon(const Memberd__V1__BasketCoupon *message, struct basket_coupon *out,
				struct mb_err *err)
{
	enum mb_code code = check_price(message->amount, "amount", err);

	if (code == MB_OK && message->amount == 0) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "amount", "must be more than 0");
	}
	if (code == MB_OK) {
		code = check_price(message->threshold, "threshold", err);
	}
	if (code == MB_OK) {
		code = check_label(message->brand, "brand", err);
	}
	*out = (struct basket_coupon){.amount = message->amount,
				      .threshold = message->threshold,
				      .brand = str_from(message->brand)};
	return code;
}

static enum mb_code from_coupons(const Memberd__V1__QuoteDiscountRequest *message,
				 struct arena *arena, struct basket *out, struct mb_err *err)
{
	size_t n = message->n_coupons;
	struct basket_coupon *coupons;
	enum mb_code code = MB_OK;

	if (n > COUPONS_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, "coupons",
				     "must be at most one of the platform and one of a brand");
	}
	coupons = arena_array(arena, n, sizeof(*coupons));
	if (coupons == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; code == MB_OK && i < n; i++) {
		code = from_coupon(message->coupons[i], &coupons[i], err);
		if (code != MB_OK) {
			mb_err_prefix_field(err, "coupons[%zu]", i);
		}
	}
	if (code == MB_OK && n == 2 && (coupons[0].brand.len == 0) == (coupons[1].brand.len == 0)) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "coupons",
				     "must be at most one of the platform and one of a brand");
	}
	out->coupons = coupons;
	out->n_coupons = n;
	return code;
}

enum mb_code from_basket(const Memberd__V1__QuoteDiscountRequest *message,
			 const struct policy *policy, struct arena *arena, struct basket *out,
			 struct mb_err *err)
{
	enum mb_code code;

	if (strcmp(message->currency, policy->currency) != 0) {
		return mb_fail_field(err, MB_FIELD_INVALID, "currency",
				     "must be %s, the programme's currency, not '%.8s'",
				     policy->currency, message->currency);
	}
	code = from_lines(message, policy, arena, out, err);
	return code == MB_OK ? from_coupons(message, arena, out, err) : code;
}

static Memberd__V1__QuotedLine *to_line(struct arena *arena, const struct priced_line *line)
{
	Memberd__V1__QuotedLine *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__quoted_line__init(message);
		message->line_no = line->line_no;
		message->price = line->price;
		message->member_price_capped = line->member_price_capped;
		message->percent_off = line->percent_off;
		message->platform_coupon_off = line->platform_coupon_off;
		message->brand_coupon_off = line->brand_coupon_off;
		message->total = line->total;
	}
	return message;
}

static Memberd__V1__PercentOption *to_option(struct arena *arena,
					     const struct percent_choice *choice,
					     const struct priced_basket *priced,
					     const struct member *member)
{
	Memberd__V1__PercentOption *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__percent_option__init(message);
		message->entitlement = to_entitlement(arena, &choice->entitlement, member);
		message->fits = choice->fits;
		message->would_take = choice->would_take;
		message->applied = priced->percent != NULL && priced->percent == choice->benefit;
	}
	return message;
}

void to_quote(struct arena *arena, const struct priced_basket *priced, const struct member *member,
	      size_t n_coupons, Memberd__V1__QuoteDiscountResponse *out)
{
	out->lines = arena_array(arena, priced->n_lines, sizeof(*out->lines));
	for (size_t i = 0; out->lines != NULL && i < priced->n_lines; i++) {
		out->lines[out->n_lines++] = to_line(arena, &priced->lines[i]);
	}
	out->percents = arena_array(arena, priced->n_choices, sizeof(*out->percents));
	for (size_t i = 0; out->percents != NULL && i < priced->n_choices; i++) {
		out->percents[out->n_percents++] =
			to_option(arena, &priced->choices[i], priced, member);
	}
	out->coupons_applied = arena_array(arena, n_coupons, sizeof(*out->coupons_applied));
	for (size_t i = 0; out->coupons_applied != NULL && i < n_coupons; i++) {
		out->coupons_applied[out->n_coupons_applied++] = priced->coupon_applied[i];
	}
	out->public_total = priced->public_total;
	out->percent_off = priced->percent_off;
	out->platform_coupon_off = priced->platform_coupon_off;
	out->brand_coupon_off = priced->brand_coupon_off;
	out->total = priced->total;
}
