/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The border: who a request may name, profiles and baskets; and answers when memory is short.
 */
#include "service/map.h"

#include "policy/policy_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct arena *arena;
	const struct policy *policy;
	struct mb_err err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->arena = arena_create(NULL, 0);
	assert_int_equal(
		policy_parse(policy_default_text(), "default", f->arena, &f->policy, &f->err),
		MB_OK);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_destroy(f->arena);
	free(f);
	return 0;
}

static char long_text[200];

/* ---- who ---- */

static void members_are_named_by_id_or_identity(void **state)
{
	static const char *const bad_ids[] = {"",
					      "0",
					      "01",
					      "-1",
					      "+1",
					      " 1",
					      "1 ",
					      "0x1",
					      "9223372036854775808",
					      "12345678901234567890"};
	struct fixture *f = *state;
	Memberd__V1__MemberRef ref = MEMBERD__V1__MEMBER_REF__INIT;
	Memberd__V1__Identity identity = MEMBERD__V1__IDENTITY__INIT;
	struct member_ref out;

	assert_int_equal(from_member_ref(NULL, &out, &f->err), MB_FIELD_INVALID);
	assert_int_equal(from_member_ref(&ref, &out, &f->err), MB_FIELD_INVALID);
	ref.ref_case = MEMBERD__V1__MEMBER_REF__REF_MEMBER_ID;
	for (size_t i = 0; i < sizeof(bad_ids) / sizeof(bad_ids[0]); i++) {
		ref.member_id = (char *)bad_ids[i];
		f->err.field[0] = '\0';
		assert_int_equal(from_member_ref(&ref, &out, &f->err), MB_FIELD_INVALID);
		assert_string_equal(f->err.field, "member_id");
	}
	ref.member_id = (char *)"9223372036854775807";
	assert_int_equal(from_member_ref(&ref, &out, &f->err), MB_OK);
	assert_int_equal(out.member_id, INT64_MAX);
	ref.ref_case = MEMBERD__V1__MEMBER_REF__REF_IDENTITY;
	ref.identity = &identity;
	identity.issuer = (char *)"No slug";
	identity.external_id = (char *)"x";
	assert_int_equal(from_member_ref(&ref, &out, &f->err), MB_FIELD_INVALID);
	assert_string_equal(f->err.field, "identity.issuer");
	identity.issuer = (char *)"shop";
	identity.external_id = (char *)"";
	f->err.field[0] = '\0';
	assert_int_equal(from_member_ref(&ref, &out, &f->err), MB_FIELD_INVALID);
	assert_string_equal(f->err.field, "identity.external_id");
	identity.external_id = (char *)"x";
	assert_int_equal(from_member_ref(&ref, &out, &f->err), MB_OK);
	assert_int_equal(out.member_id, 0);
}

static void a_request_id_is_a_uuid_in_any_case(void **state)
{
	static const char *const bad[] = {"",
					  "1",
					  "0f8fad5bd9cb469fa16570867728950e",
					  "{0f8fad5b-d9cb-469f-a165-70867728950e}",
					  "0f8fad5b-d9cb-469f-a165-70867728950g",
					  "0f8fad5b-d9cb-469f-a165_70867728950e"};
	struct fixture *f = *state;
	struct str id;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(from_request_id(bad[i], f->arena, &id, &f->err), MB_FIELD_INVALID);
		assert_string_equal(f->err.field, "request_id");
	}
	assert_int_equal(
		from_request_id("0F8FAD5B-D9CB-469F-A165-70867728950E", f->arena, &id, &f->err),
		MB_OK);
	assert_true(str_eq(id, STR("0f8fad5b-d9cb-469f-a165-70867728950e")));
}

static void profiles_are_checked_whole(void **state)
{
	struct fixture *f = *state;
	const struct {
		const char *name, *region, *language;
		int32_t month, day;
		const char *field; /* NULL: good */
	} cases[] = {
		{"", "", "", 0, 0, NULL},
		{"Ada", "CN", "zh-Hans", 2, 29, NULL},
		{"Ada", "419", "es", 12, 31, NULL},
		{long_text, "", "", 0, 0, "display_name"},
		{"", "C N", "", 0, 0, "region"},
		{"", "ABCDEFGHI", "", 0, 0, "region"},
		{"", "", "-zh", 0, 0, "language"},
		{"", "", "zh_Hans", 0, 0, "language"},
		{"", "", long_text, 0, 0, "language"},
		{"", "", "", 13, 1, "birthday_month"},
		{"", "", "", -1, 1, "birthday_month"},
		{"", "", "", 2, 30, "birthday_day"},
		{"", "", "", 4, 31, "birthday_day"},
		{"", "", "", 4, 0, "birthday_day"},
		{"", "", "", 0, 4, "birthday_day"},
	};
	struct profile out;

	memset(long_text, 'x', sizeof(long_text) - 1);
	assert_int_equal(from_profile(NULL, &out, &f->err), MB_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		Memberd__V1__Profile profile = MEMBERD__V1__PROFILE__INIT;
		enum mb_code code;

		profile.display_name = (char *)cases[i].name;
		profile.region = (char *)cases[i].region;
		profile.language = (char *)cases[i].language;
		profile.birthday_month = cases[i].month;
		profile.birthday_day = cases[i].day;
		code = from_profile(&profile, &out, &f->err);
		assert_int_equal(code, cases[i].field == NULL ? MB_OK : MB_FIELD_INVALID);
		if (cases[i].field != NULL) {
			assert_string_equal(f->err.field, cases[i].field);
		}
	}
}

/* ---- baskets ---- */

struct basket_case {
	Memberd__V1__QuoteDiscountRequest request;
	Memberd__V1__BasketLine line[2], *lines[2];
	Memberd__V1__BasketCoupon coupon[3], *coupons[3];
};

static void make_basket(struct basket_case *c)
{
	memberd__v1__quote_discount_request__init(&c->request);
	c->request.currency = (char *)"CNY";
	for (int i = 0; i < 2; i++) {
		memberd__v1__basket_line__init(&c->line[i]);
		c->line[i].line_no = 1 + i;
		c->line[i].public_price = 1000;
		c->line[i].channel = MEMBERD__V1__BASKET_CHANNEL__BASKET_CHANNEL_VALUE;
		c->lines[i] = &c->line[i];
	}
	for (int i = 0; i < 3; i++) {
		memberd__v1__basket_coupon__init(&c->coupon[i]);
		c->coupon[i].amount = 10;
		c->coupon[i].brand = (char *)(i == 1 ? "acme" : "");
		c->coupons[i] = &c->coupon[i];
	}
	c->request.lines = c->lines;
	c->request.n_lines = 2;
	c->request.coupons = c->coupons;
	c->request.n_coupons = 2;
}

static void spoil_basket(struct basket_case *c, int n)
{
	switch (n) {
	case 0:
		c->request.currency = (char *)"USD";
		break;
	case 1:
		c->request.n_lines = 0;
		break;
	case 2:
		c->line[1].line_no = 0;
		break;
	case 3:
		c->line[1].line_no = 1;
		break;
	case 4:
		c->line[0].public_price = -1;
		break;
	case 5:
		c->line[1].member_price = -1;
		break;
	case 6:
		c->line[1].public_price = AMOUNT_MAX + 1;
		break;
	case 7:
		c->line[1].public_price = AMOUNT_MAX;
		break;
	case 8:
		c->line[0].channel = MEMBERD__V1__BASKET_CHANNEL__BASKET_CHANNEL_UNSPECIFIED;
		break;
	case 9:
		c->line[0].brand = long_text;
		break;
	case 10:
		c->request.n_coupons = 3;
		break;
	case 11:
		c->coupon[1].brand = (char *)"";
		break;
	case 12:
		c->coupon[0].amount = 0;
		break;
	case 13:
		c->coupon[1].threshold = -1;
		break;
	default:
		break;
	}
}

static void baskets_are_checked_before_anybody_is_looked_up(void **state)
{
	static const struct {
		enum mb_code code;
		const char *field;
	} wanted[] = {
		{MB_FIELD_INVALID, "currency"},
		{MB_FIELD_INVALID, "lines"},
		{MB_FIELD_INVALID, "lines[1].line_no"},
		{MB_FIELD_INVALID, "lines"},
		{MB_FIELD_INVALID, "lines[0].public_price"},
		{MB_FIELD_INVALID, "lines[1].member_price"},
		{MB_AMOUNT_OVER_LIMIT, "lines[1].public_price"},
		{MB_AMOUNT_OVER_LIMIT, "lines[1].public_price"},
		{MB_FIELD_INVALID, "lines[0].channel"},
		{MB_FIELD_INVALID, "lines[0].brand"},
		{MB_FIELD_INVALID, "coupons"},
		{MB_FIELD_INVALID, "coupons"},
		{MB_FIELD_INVALID, "coupons[0].amount"},
		{MB_FIELD_INVALID, "coupons[1].threshold"},
	};
	struct fixture *f = *state;
	struct basket_case c;
	struct basket basket;

	memset(long_text, 'x', sizeof(long_text) - 1);
	for (int i = 0; i < (int)(sizeof(wanted) / sizeof(wanted[0])); i++) {
		make_basket(&c);
		spoil_basket(&c, i);
		f->err = (struct mb_err){0};
		assert_int_equal(from_basket(&c.request, f->policy, f->arena, &basket, &f->err),
				 wanted[i].code);
		assert_string_equal(f->err.field, wanted[i].field);
	}
	make_basket(&c);
	c.line[1].member_price = 900;
	assert_int_equal(from_basket(&c.request, f->policy, f->arena, &basket, &f->err), MB_OK);
	assert_int_equal(basket.lines[0].member_price, 1000); /* none was told */
	assert_int_equal(basket.lines[1].member_price, 900);
}

/* ---- out ---- */

static void a_full_arena_is_noticed_not_crashed_into(void **state)
{
	struct fixture *f = *state;
	const struct member member = {.member_id = 1,
				      .policy = f->policy,
				      .standing = {.tier = TIER_BRONZE, .level = LEVEL_STANDARD}};
	int sizes = 0;

	for (size_t cap = 1; cap < 4000; cap += 16, sizes++) {
		struct arena *arena = arena_create(NULL, cap);
		Memberd__V1__GetScoreResponse response = MEMBERD__V1__GET_SCORE_RESPONSE__INIT;

		to_member(arena, &member, true);
		to_info(arena, &member);
		to_score(arena, &member.standing.score, f->policy);
		to_outlook(arena, &member, &response);
		to_benefit(arena, &f->policy->benefits[0], f->policy);
		arena_destroy(arena);
	}
	assert_true(sizes > 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(members_are_named_by_id_or_identity),
		TEST(a_request_id_is_a_uuid_in_any_case),
		TEST(profiles_are_checked_whole),
		TEST(baskets_are_checked_before_anybody_is_looked_up),
		TEST(a_full_arena_is_noticed_not_crashed_into),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
