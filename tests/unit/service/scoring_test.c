/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activities, scores and benefits as callers see them, over gRPC.
 * usage: scoring_test memory|sqlite
 */
#include "requests.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- activities ---- */

static void case_01_the_same_activity_twice_is_one(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__RecordActivitiesResponse__Result *first, *again;
	struct paid_order order;

	make_order(&order, enrolled(bed, UUID("01"), "ada"), "o1", 1000000);
	first = record_one(bed, &order);
	assert_int_equal(first->status->code, 0);
	assert_int_equal(first->state, MEMBERD__V1__ENTRY_STATE__ENTRY_STATE_POSTED);
	assert_int_equal(first->revision, 2);
	assert_int_equal(first->info->revision, 2);
	assert_false(first->replayed);
	assert_int_equal(first->tier, MEMBERD__V1__TIER__TIER_SILVER);
	again = record_one(bed, &order);
	assert_true(again->replayed);
	assert_string_equal(again->entry_id, first->entry_id);
	assert_int_equal(again->revision, 2);
	assert_int_equal(again->score, first->score);
}

static void case_02_same_key_other_amount_conflicts(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__RecordActivitiesResponse__Result *other;
	struct paid_order order;
	struct mb_err err;

	make_order(&order, enrolled(bed, UUID("01"), "ada"), "o1", 1000000);
	record_one(bed, &order);
	order.line.amount = 1000001;
	other = record_one(bed, &order);
	assert_int_equal(item_error(other->status, &err), MB_ACTIVITY_CONFLICT);
	assert_int_equal(other->status->code, 6);
	assert_string_equal(other->entry_id, "");
}

static void case_03_the_same_id_of_two_sources_is_two(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__RecordActivitiesResponse *response;
	struct paid_order orders[2];

	make_order(&orders[0], ada, "o1", 1000000);
	make_order(&orders[1], ada, "o1", 1000000);
	orders[1].activity.source = text("grocery");
	response = record(bed, "producer", orders, 2);
	assert_non_null(response);
	assert_string_not_equal(response->results[0]->entry_id, response->results[1]->entry_id);
	assert_int_equal(response->results[1]->revision, 3);
	assert_int_equal(response->results[0]->info->revision, 3);
	assert_int_equal(response->results[0]->score, response->results[1]->score);
}

static void case_32_six_minutes_ahead_is_refused(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__RecordActivitiesResponse__Result *result;
	struct paid_order order;
	struct mb_err err;

	make_order(&order, enrolled(bed, UUID("01"), "ada"), "o1", 1000000);
	order.at.seconds += 360;
	result = record_one(bed, &order);
	assert_int_equal(item_error(result->status, &err), MB_IN_FUTURE);
	assert_int_equal(result->status->code, 3);
	assert_string_equal(err.field, "activities[0].occurred_at");
	order.at.seconds -= 120;
	assert_int_equal(record_one(bed, &order)->status->code, 0);
}

static void case_75_one_bad_item_does_not_disturb_the_others(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__RecordActivitiesResponse *response;
	struct paid_order orders[4];
	struct mb_err err;

	make_order(&orders[0], ada, "o1", 1000000);
	make_order(&orders[1], ada, "o2", 1000000);
	make_order(&orders[2], "4711", "o3", 1000000);
	make_order(&orders[3], ada, "o4", 1000000);
	orders[1].line.currency = text("ZZZ");
	response = record(bed, "producer", orders, 4);
	assert_non_null(response);
	assert_int_equal(response->n_results, 4);
	assert_int_equal(item_error(response->results[0]->status, &err), MB_OK);
	assert_int_equal(item_error(response->results[1]->status, &err), MB_CURRENCY_UNKNOWN);
	assert_string_equal(err.field, "activities[1].order.lines[0].currency");
	assert_int_equal(item_error(response->results[2]->status, &err), MB_MEMBER_NOT_FOUND);
	assert_int_equal(item_error(response->results[3]->status, &err), MB_OK);
	assert_int_equal(response->results[3]->revision, 3);
}

static void too_many_or_no_activities_are_refused(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__RecordActivitiesRequest request = MEMBERD__V1__RECORD_ACTIVITIES_REQUEST__INIT;
	Memberd__V1__Activity *activities[501];
	struct paid_order order;

	make_order(&order, "4711", "o1", 1);
	for (size_t i = 0; i < 501; i++) {
		activities[i] = &order.activity;
	}
	assert_failed(bed, record(bed, "producer", &order, 0), MB_FIELD_INVALID, "activities");
	request.activities = activities;
	request.n_activities = 501;
	assert_failed(bed,
		      CALL(bed, "producer", "ScoringService/RecordActivities", record_activities,
			   &request),
		      MB_FIELD_INVALID, "activities");
}

/* ---- scores ---- */

static int64_t sum_of(const Memberd__V1__Score *score)
{
	int64_t sum = 0;

	for (size_t i = 0; i < score->n_parts; i++) {
		sum += score->parts[i]->micro_points;
	}
	return sum;
}

static void case_76_the_explanation_adds_up(void **state)
{
	static const int64_t amounts[] = {1, 999, 100000, 123456, 4058333, 34999999};
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");

	for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		Memberd__V1__RecordActivitiesResponse__Result *result;
		Memberd__V1__GetScoreResponse *score;
		struct paid_order order;
		char id[16];

		snprintf(id, sizeof(id), "o%zu", i);
		make_order(&order, ada, id, amounts[i]);
		order.order.platform = (Memberd__V1__Platform)(1 + i);
		order.at.seconds -= 86400 * 10;
		result = record_one(bed, &order);
		score = get_score(bed, ada);
		assert_non_null(score);
		assert_int_equal(score->score->score, result->score);
		assert_int_equal(sum_of(score->score), score->score->score * 1000000);
		if (score->settled != NULL) {
			assert_int_equal(sum_of(score->settled), score->settled->score * 1000000);
		}
		assert_int_equal(score->info->revision, (int64_t)i + 2);
	}
}

static void what_is_pending_and_what_comes_is_told(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__GetScoreResponse *score;
	struct paid_order order;

	make_order(&order, ada, "o1", 1000000);
	order.order.platform = MEMBERD__V1__PLATFORM__PLATFORM_SHOPPING; /* posts after 7 days */
	assert_int_equal(record_one(bed, &order)->state,
			 MEMBERD__V1__ENTRY_STATE__ENTRY_STATE_PENDING);
	score = get_score(bed, ada);
	assert_non_null(score);
	assert_int_equal(score->score->score, 0);
	assert_int_equal(score->n_pending, 1);
	assert_string_equal(score->pending[0]->order_id, "o1");
	assert_int_equal(score->pending[0]->posts_at->seconds, BED_NOW / US_PER_SECOND + 7 * 86400);
	assert_true(score->pending[0]->would_add > 0);
	assert_true(score->n_schedule > 0);
	assert_int_equal(score->schedule[0]->at->seconds, BED_NOW / US_PER_SECOND + 7 * 86400);
	assert_int_equal(score->schedule[0]->tier, MEMBERD__V1__TIER__TIER_SILVER);
	assert_int_equal(score->info->valid_until->seconds, score->schedule[0]->at->seconds);
	assert_false(score->schedule_truncated);
}

/* ---- benefits ---- */

static Memberd__V1__CheckBenefitResponse *check(struct service_bed *bed, const char *member_id,
						const char *benefit_id)
{
	Memberd__V1__CheckBenefitRequest request = MEMBERD__V1__CHECK_BENEFIT_REQUEST__INIT;
	Memberd__V1__MemberRef ref = by_id(member_id);

	request.member = &ref;
	request.benefit_id = text(benefit_id);
	return CALL(bed, "checkout", "BenefitService/CheckBenefit", check_benefit, &request);
}

static void a_no_says_why_and_what_would_unlock(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__CheckBenefitResponse *answer = check(bed, ada, "value-channel-discount");

	assert_non_null(answer);
	assert_string_equal(answer->member_id, ada);
	assert_false(answer->entitlement->allowed);
	assert_int_equal(answer->entitlement->reason,
			 MEMBERD__V1__BENEFIT_REASON__BENEFIT_REASON_TIER_TOO_LOW);
	assert_int_equal(answer->entitlement->percent_bp, 2000);
	assert_int_equal(answer->entitlement->percent_cap->minor, 5000);
	assert_int_equal(answer->entitlement->unlock->tier, MEMBERD__V1__TIER__TIER_BLACK_DIAMOND);
	assert_int_equal(answer->entitlement->unlock->score, 2500);
	assert_int_equal(answer->entitlement->unlock->score_missing, 2500);
	assert_failed(bed, check(bed, ada, "free-lunch"), MB_BENEFIT_NOT_FOUND, "benefit_id");
	assert_failed(bed, check(bed, ada, ""), MB_FIELD_INVALID, "benefit_id");
	assert_failed(bed, check(bed, "4711", "free-lunch"), MB_MEMBER_NOT_FOUND, "");
}

static void benefits_are_held_or_locked_never_both(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__ListMemberBenefitsRequest request =
		MEMBERD__V1__LIST_MEMBER_BENEFITS_REQUEST__INIT;
	Memberd__V1__ListBenefitsRequest catalogue = MEMBERD__V1__LIST_BENEFITS_REQUEST__INIT;
	Memberd__V1__MemberRef ref = by_id(enrolled(bed, UUID("01"), "ada"));
	Memberd__V1__ListMemberBenefitsResponse *mine;
	Memberd__V1__ListBenefitsResponse *all;

	request.member = &ref;
	mine = CALL(bed, "portal", "BenefitService/ListMemberBenefits", list_member_benefits,
		    &request);
	all = CALL(bed, "portal", "BenefitService/ListBenefits", list_benefits, &catalogue);
	assert_non_null(mine);
	assert_non_null(all);
	assert_int_equal(mine->n_held + mine->n_locked, all->n_benefits);
	for (size_t i = 0; i < mine->n_held; i++) {
		assert_true(mine->held[i]->allowed);
		assert_null(mine->held[i]->unlock);
	}
	for (size_t i = 0; i < mine->n_locked; i++) {
		assert_false(mine->locked[i]->allowed);
		assert_non_null(mine->locked[i]->unlock);
	}
}

static void the_catalogue_comes_in_pages(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__ListBenefitsRequest request = MEMBERD__V1__LIST_BENEFITS_REQUEST__INIT;
	Memberd__V1__ListBenefitsResponse *whole, *page;
	size_t n = 0;

	request.page_size = 1000;
	whole = CALL(bed, "portal", "BenefitService/ListBenefits", list_benefits, &request);
	assert_non_null(whole);
	assert_string_equal(whole->next_page_token, "");
	request.page_size = 4;
	do {
		page = CALL(bed, "portal", "BenefitService/ListBenefits", list_benefits, &request);
		assert_non_null(page);
		for (size_t i = 0; i < page->n_benefits; i++, n++) {
			assert_string_equal(page->benefits[i]->benefit_id,
					    whole->benefits[n]->benefit_id);
		}
		request.page_token = page->next_page_token;
		request.page_size = 5;
	} while (page->next_page_token[0] != '\0');
	assert_int_equal(n, whole->n_benefits);
	request.page_size = -1;
	request.page_token = text("");
	assert_failed(bed,
		      CALL(bed, "portal", "BenefitService/ListBenefits", list_benefits, &request),
		      MB_FIELD_INVALID, "page_size");
	request.page_size = 0;
	request.page_token = text("0000000100000004deadbeefdeadbeefdeadbeefdeadbeef");
	assert_failed(bed,
		      CALL(bed, "portal", "BenefitService/ListBenefits", list_benefits, &request),
		      MB_FIELD_INVALID, "page_token");
}

static void hotels_and_the_offer_tell_what_is_missing(void **state)
{
	struct service_bed *bed = *state;
	Memberd__V1__GetHotelStatusRequest hotel = MEMBERD__V1__GET_HOTEL_STATUS_REQUEST__INIT;
	Memberd__V1__GetUpgradeOfferRequest offer = MEMBERD__V1__GET_UPGRADE_OFFER_REQUEST__INIT;
	Memberd__V1__MemberRef ref = by_id(enrolled(bed, UUID("01"), "ada"));
	Memberd__V1__GetHotelStatusResponse *hotels;
	Memberd__V1__GetUpgradeOfferResponse *offered;

	hotel.member = offer.member = &ref;
	hotels = CALL(bed, "portal", "BenefitService/GetHotelStatus", get_hotel_status, &hotel);
	assert_non_null(hotels);
	assert_int_equal(hotels->n_statuses, 2);
	assert_string_equal(hotels->statuses[0]->partner, "marriott-bonvoy");
	assert_string_equal(hotels->statuses[0]->entitlement->level, "");
	assert_int_equal(hotels->statuses[0]->entitlement->unlock->tier,
			 MEMBERD__V1__TIER__TIER_DIAMOND);
	offered = CALL(bed, "checkout", "VipService/GetUpgradeOffer", get_upgrade_offer, &offer);
	assert_non_null(offered);
	assert_true(offered->offered);
	assert_false(offered->nominal_fee);
	assert_int_equal(offered->price->minor, 88800);
	assert_string_equal(offered->price->currency, "CNY");
	assert_int_equal(offered->months, 12);
	assert_int_equal(offered->unlock_tier, MEMBERD__V1__TIER__TIER_PLATINUM);
	assert_int_equal(offered->unlock_score, 1000);
	assert_int_equal(offered->unlock_score_missing, 1000);
}

/* All there is to get from orders: the curve's top 2,200, 200 days, 6 platforms, 20 categories. */
static void make_black_diamond(struct service_bed *bed, const char *member_id)
{
	struct paid_order orders[8];
	char ids[8][16], categories[8][16];
	int64_t score = 0;

	for (int day = 0; day < 200; day += 8) {
		Memberd__V1__RecordActivitiesResponse *response;

		for (int i = 0; i < 8; i++) {
			snprintf(ids[i], sizeof(ids[i]), "day-%d", day + i);
			snprintf(categories[i], sizeof(categories[i]), "c%d", (day + i) % 20);
			make_order(&orders[i], member_id, ids[i], 5000000);
			orders[i].order.platform =
				(Memberd__V1__Platform)(day + i < 6 ? 1 + day + i : 1);
			orders[i].line.category = categories[i];
			orders[i].at.seconds -= 86400 * (20 + day + i);
		}
		response = record(bed, "producer", orders, 8);
		assert_non_null(response);
		assert_int_equal(response->results[0]->status->code, 0);
		score = response->results[0]->score;
	}
	assert_int_equal(score, 2500);
}

static void the_twenty_percent_are_granted_and_refused(void **state)
{
	struct service_bed *bed = *state;
	char *ada = enrolled(bed, UUID("01"), "ada");
	Memberd__V1__QuoteDiscountRequest request = MEMBERD__V1__QUOTE_DISCOUNT_REQUEST__INIT;
	Memberd__V1__BasketLine line = MEMBERD__V1__BASKET_LINE__INIT, *lines[] = {&line};
	Memberd__V1__MemberRef ref = by_id(ada);
	Memberd__V1__QuoteDiscountResponse *quote;

	line.line_no = 1;
	line.public_price = 10000;
	line.channel = MEMBERD__V1__BASKET_CHANNEL__BASKET_CHANNEL_VALUE;
	request.member = &ref;
	request.currency = text("CNY");
	request.lines = lines;
	request.n_lines = 1;
	quote = CALL(bed, "checkout", "BenefitService/QuoteDiscount", quote_discount, &request);
	assert_non_null(quote);
	assert_int_equal(quote->total, 10000);
	assert_int_equal(quote->percents[0]->entitlement->reason,
			 MEMBERD__V1__BENEFIT_REASON__BENEFIT_REASON_TIER_TOO_LOW);
	assert_true(quote->percents[0]->fits);
	assert_int_equal(quote->percents[0]->would_take, 2000);
	make_black_diamond(bed, ada);
	quote = CALL(bed, "checkout", "BenefitService/QuoteDiscount", quote_discount, &request);
	assert_non_null(quote);
	assert_int_equal(quote->total, 8000);
	assert_int_equal(quote->percent_off, 2000);
	assert_true(quote->percents[0]->applied);
	assert_int_equal(quote->lines[0]->percent_off, 2000);
	request.currency = text("USD");
	assert_failed(
		bed,
		CALL(bed, "checkout", "BenefitService/QuoteDiscount", quote_discount, &request),
		MB_FIELD_INVALID, "currency");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(case_01_the_same_activity_twice_is_one),
		TEST(case_02_same_key_other_amount_conflicts),
		TEST(case_03_the_same_id_of_two_sources_is_two),
		TEST(case_32_six_minutes_ahead_is_refused),
		TEST(case_75_one_bad_item_does_not_disturb_the_others),
		TEST(too_many_or_no_activities_are_refused),
		TEST(case_76_the_explanation_adds_up),
		TEST(what_is_pending_and_what_comes_is_told),
		TEST(a_no_says_why_and_what_would_unlock),
		TEST(benefits_are_held_or_locked_never_both),
		TEST(the_catalogue_comes_in_pages),
		TEST(hotels_and_the_offer_tell_what_is_missing),
		TEST(the_twenty_percent_are_granted_and_refused),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
