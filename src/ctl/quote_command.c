/* SPDX-License-Identifier: Apache-2.0 */
/* quote: what a basket costs a member. */
#include "base/arena.h"
#include "ctl/amount.h"
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/input.h"
#include "ctl/pbjson.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/words.h"
#include "memberd/v1/benefit_service.pb-c.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_BYTES_MAX 1048576
#define FIELDS_MAX	  6

typedef Memberd__V1__QuoteDiscountRequest quote_request;

/* Cuts "a:b:c" into at most FIELDS_MAX texts in the arena; 0 when there are more or memory is short. */
static size_t split(struct ctl *ctl, const char *text, char *fields[FIELDS_MAX])
{
	size_t n = 0;

	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ":");

		if (n == FIELDS_MAX) {
			return 0;
		}
		fields[n] = arena_strndup(ctl->arena, at, len);
		if (fields[n++] == NULL) {
			return 0;
		}
		at += len;
		if (*at == '\0') {
			return n;
		}
	}
}

static bool parse_line(struct ctl *ctl, const char *text, const char *currency,
		       Memberd__V1__BasketLine *line)
{
	char *fields[FIELDS_MAX] = {0};
	size_t n = split(ctl, text, fields);
	int64_t line_no;

	memberd__v1__basket_line__init(line);
	line->channel = MEMBERD__V1__BASKET_CHANNEL__BASKET_CHANNEL_STANDARD;
	if (n < 2 || !str_to_i64(str_from(fields[0]), &line_no) || line_no < 1 ||
	    line_no > INT32_MAX ||
	    !amount_parse(str_from(fields[1]), currency, &line->public_price)) {
		return false;
	}
	line->line_no = (int32_t)line_no;
	if (n > 2 && fields[2][0] != '\0') {
		line->channel = (Memberd__V1__BasketChannel)words_to_enum(
			&memberd__v1__basket_channel__descriptor, str_from(fields[2]));
		if (line->channel == MEMBERD__V1__BASKET_CHANNEL__BASKET_CHANNEL_UNSPECIFIED) {
			return false;
		}
	}
	if (n > 3 && fields[3][0] != '\0' &&
	    !amount_parse(str_from(fields[3]), currency, &line->member_price)) {
		return false;
	}
	line->category = n > 4 ? fields[4] : line->category;
	line->brand = n > 5 ? fields[5] : line->brand;
	return true;
}

static bool parse_coupon(struct ctl *ctl, const char *text, const char *currency,
			 Memberd__V1__BasketCoupon *coupon)
{
	char *fields[FIELDS_MAX] = {0};
	size_t n = split(ctl, text, fields);

	memberd__v1__basket_coupon__init(coupon);
	if (n < 1 || n > 3 || !amount_parse(str_from(fields[0]), currency, &coupon->amount)) {
		return false;
	}
	if (n > 1 && fields[1][0] != '\0' &&
	    !amount_parse(str_from(fields[1]), currency, &coupon->threshold)) {
		return false;
	}
	coupon->brand = n > 2 ? fields[2] : coupon->brand;
	return true;
}

static int take_lines(struct ctl *ctl, quote_request *request)
{
	const struct flags *flags = &ctl->flags;

	request->lines = arena_array(ctl->arena, flags->n_lines, sizeof(*request->lines));
	for (size_t i = 0; i < flags->n_lines; i++) {
		Memberd__V1__BasketLine *line = arena_alloc(ctl->arena, sizeof(*line));

		if (line == NULL || request->lines == NULL) {
			return ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
		}
		if (!parse_line(ctl, flags->lines[i], request->currency, line)) {
			return ctl_fail(ctl, EXIT_USAGE,
					"'%.64s' is no line: wanted %s, such as 1:100.00:value",
					flags->lines[i], flag_info(FLAG_LINE)->help);
		}
		request->lines[request->n_lines++] = line;
	}
	return EXIT_OK;
}

static int take_coupons(struct ctl *ctl, quote_request *request)
{
	const struct flags *flags = &ctl->flags;

	request->coupons = arena_array(ctl->arena, flags->n_coupons, sizeof(*request->coupons));
	for (size_t i = 0; i < flags->n_coupons; i++) {
		Memberd__V1__BasketCoupon *coupon = arena_alloc(ctl->arena, sizeof(*coupon));

		if (coupon == NULL || request->coupons == NULL) {
			return ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
		}
		if (!parse_coupon(ctl, flags->coupons[i], request->currency, coupon)) {
			return ctl_fail(ctl, EXIT_USAGE,
					"'%.64s' is no coupon: wanted %s, such as 10.00:50.00",
					flags->coupons[i], flag_info(FLAG_COUPON)->help);
		}
		request->coupons[request->n_coupons++] = coupon;
	}
	return EXIT_OK;
}

/* The request of --file; the member may be in it or on the command line. */
static int read_request(struct ctl *ctl, const char *path, quote_request **out)
{
	ProtobufCMessage *message;
	struct mb_err err = {0};
	enum mb_code code;
	char *text;
	size_t len;

	if (ctl->flags.n_lines > 0 || ctl->flags.n_coupons > 0 ||
	    flags_has(&ctl->flags, FLAG_CURRENCY)) {
		return ctl_fail(ctl, EXIT_USAGE, "--file holds lines, coupons and currency itself");
	}
	if (input_slurp(path, REQUEST_BYTES_MAX, &text, &len, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_NO_INPUT, "%s", err.text);
	}
	code = pbjson_parse((struct str){text, len},
			    &memberd__v1__quote_discount_request__descriptor, ctl->arena, &message,
			    &err);
	free(text);
	if (code != MB_OK) {
		return ctl_fail_in(ctl, path, &err);
	}
	*out = (quote_request *)message;
	return EXIT_OK;
}

static int make_request(struct ctl *ctl, quote_request *own, quote_request **out)
{
	const char *file = ctl->flags.values[FLAG_FILE];
	const char *currency = ctl->flags.values[FLAG_CURRENCY];
	int exit_code;

	if (file != NULL) {
		return read_request(ctl, file, out);
	}
	memberd__v1__quote_discount_request__init(own);
	own->currency = (char *)(uintptr_t)(currency != NULL ? currency : "CNY");
	if (ctl->flags.n_lines == 0) {
		return ctl_fail(ctl, EXIT_USAGE, "quote needs --line or --file");
	}
	exit_code = take_lines(ctl, own);
	*out = own;
	return exit_code == EXIT_OK ? take_coupons(ctl, own) : exit_code;
}

static void put_price(struct table *table, int64_t minor, const char *currency)
{
	char text[AMOUNT_BYTES];

	table_cell(table, "%s", amount_format(minor, currency, text));
}

static void put_off(struct table *table, int64_t minor, const char *currency)
{
	if (minor == 0) {
		table_cell(table, "-");
	} else {
		put_price(table, -minor, currency);
	}
}

static void show_lines(struct ctl *ctl, const Memberd__V1__QuoteDiscountResponse *quote)
{
	static const char *const headers[] = {
		">line",	 ">price",  ">percent", ">platform coupon",
		">brand coupon", ">to pay", "",		NULL};
	char text[AMOUNT_BYTES];
	struct table table;
	int64_t price = 0; /* of all lines; the public total is more where member prices are less */

	table_start(&table, headers);
	for (size_t i = 0; i < quote->n_lines; i++) {
		const Memberd__V1__QuotedLine *line = quote->lines[i];

		price += line->price;
		table_cell(&table, "%d", (int)line->line_no);
		put_price(&table, line->price, quote->currency);
		put_off(&table, line->percent_off, quote->currency);
		put_off(&table, line->platform_coupon_off, quote->currency);
		put_off(&table, line->brand_coupon_off, quote->currency);
		put_price(&table, line->total, quote->currency);
		table_cell(&table, "%s",
			   line->member_price_capped ? "the member price was above the public one"
						     : "");
	}
	table_cell(&table, "%s", quote->currency);
	put_price(&table, price, quote->currency);
	put_off(&table, quote->percent_off, quote->currency);
	put_off(&table, quote->platform_coupon_off, quote->currency);
	put_off(&table, quote->brand_coupon_off, quote->currency);
	put_price(&table, quote->total, quote->currency);
	table_cell(&table, "all");
	table_print(&table, ctl->out);
	table_fini(&table);
	if (price != quote->public_total) {
		fprintf(ctl->out, "public prices: %s %s\n", quote->currency,
			amount_format(quote->public_total, quote->currency, text));
	}
}

static void show_percents(struct ctl *ctl, const Memberd__V1__QuoteDiscountResponse *quote)
{
	char amount[AMOUNT_BYTES], grant[SHOW_BYTES], unlock[SHOW_BYTES], reason[SHOW_BYTES];

	for (size_t i = 0; i < quote->n_percents; i++) {
		const Memberd__V1__PercentOption *option = quote->percents[i];
		const Memberd__V1__Entitlement *entitlement = option->entitlement;

		fprintf(ctl->out, "%s: %s: ", entitlement->benefit_id,
			show_grant(entitlement, grant));
		if (option->applied) {
			fputs("applied\n", ctl->out);
		} else if (!option->fits) {
			fputs("fits no line of this basket\n", ctl->out);
		} else if (!entitlement->allowed) {
			fprintf(ctl->out, "not held, %s; would take %s; unlocked by %s\n",
				show_reason(entitlement->reason, reason),
				amount_format(option->would_take, quote->currency, amount),
				show_unlock(entitlement->unlock, unlock));
		} else if (option->would_take == 0) {
			fputs("takes nothing off this basket\n", ctl->out);
		} else {
			fprintf(ctl->out, "another takes more than its %s\n",
				amount_format(option->would_take, quote->currency, amount));
		}
	}
	for (size_t i = 0; i < quote->n_coupons_applied; i++) {
		fprintf(ctl->out, "coupon %zu: %s\n", i + 1,
			quote->coupons_applied[i] ? "applied" : "not applied");
	}
}

int command_quote(struct ctl *ctl)
{
	quote_request own, *request = NULL;
	const Memberd__V1__QuoteDiscountResponse *response;
	ProtobufCMessage *answer;
	int exit_code = make_request(ctl, &own, &request);

	if (exit_code == EXIT_OK && flags_has(&ctl->flags, FLAG_MIN_REVISION)) {
		exit_code = connect_min_revision(ctl, &request->min_revision);
	}
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	if (ctl->flags.n_arguments > 0) {
		request->member = connect_member(ctl, ctl->flags.arguments[0]);
	}
	if (request->member == NULL) {
		return ctl->flags.n_arguments > 0
			       ? EXIT_USAGE
			       : ctl_fail(ctl, EXIT_USAGE, "quote needs a MEMBER");
	}
	exit_code = connect_zone(ctl, request->member);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	exit_code = connect_call(ctl, "memberd.v1.BenefitService/QuoteDiscount", &request->base,
				 &memberd__v1__quote_discount_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		response = (const Memberd__V1__QuoteDiscountResponse *)answer;
		show_lines(ctl, response);
		show_percents(ctl, response);
		show_info(response->member_id, response->info, ctl->out);
	}
	return exit_code;
}
