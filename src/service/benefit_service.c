/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BenefitService: what members are entitled to. Decisions are pure functions of a member's standing
 * and the policy that gave it.
 */
#include "rpc/status.h"
#include "service/calls.h"
#include "service/map.h"
#include "service/page.h"

#define PAGE_NORMAL 50
#define PAGE_MOST   200

/* ---- CheckBenefit, BatchCheckBenefits ---- */

static enum mb_code check_member(const struct member *member, struct str benefit_id,
				 struct arena *arena, Memberd__V1__Entitlement **out,
				 struct mb_err *err)
{
	const struct policy_benefit *benefit = policy_benefit(member->policy, benefit_id);
	const struct holder holder = to_holder(member);
	struct entitlement entitlement;

	if (benefit == NULL) {
		return mb_fail_field(err, MB_BENEFIT_NOT_FOUND, "benefit_id",
				     "policy version %d has no benefit '%.64s'",
				     member->policy->version, benefit_id.ptr);
	}
	entitlement = benefit_check(benefit, &holder, member->policy);
	*out = to_entitlement(arena, &entitlement, member);
	return MB_OK;
}

static enum mb_code answer_check(struct reading *reading, struct mb_err *err)
{
	const Memberd__V1__CheckBenefitRequest *request = reading->request;
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	Memberd__V1__CheckBenefitResponse response = MEMBERD__V1__CHECK_BENEFIT_RESPONSE__INIT;
	enum mb_code code = check_member(member, str_from(request->benefit_id), arena,
					 &response.entitlement, err);

	if (code != MB_OK) {
		return code;
	}
	response.member_id = to_id(arena, member->member_id);
	response.info = to_info(arena, member);
	return call_reply(reading->call, &response.base, err);
}

static void check_benefit(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__CheckBenefitRequest *request = (const void *)message;
	const struct question question = {request->member, request->min_revision, request->as_of,
					  request->known_at};
	struct mb_err err = {0};
	struct str benefit_id;

	if (from_benefit_id(request->benefit_id, &benefit_id, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	reading_start(call, data, message, &question, MEMBER_BRIEF, NULL, answer_check);
}

static Memberd__V1__BatchCheckBenefitsResponse__Result *to_result(struct reading *reading, size_t i)
{
	const Memberd__V1__BatchCheckBenefitsRequest *request = reading->request;
	struct member_query *query = &reading->read.queries[i];
	struct arena *arena = rpc_call_arena(reading->call);
	Memberd__V1__BatchCheckBenefitsResponse__Result *result =
		arena_alloc(arena, sizeof(*result));

	if (result == NULL) {
		return NULL;
	}
	memberd__v1__batch_check_benefits_response__result__init(result);
	if (query->code == MB_OK) {
		query->code = check_member(query->member, str_from(request->checks[i]->benefit_id),
					   arena, &result->entitlement, &query->err);
	}
	if (query->code != MB_OK && query->err.field[0] != '\0') {
		mb_err_prefix_field(&query->err, "checks[%zu]", i);
	}
	result->status = rpc_status_fill(arena, &query->err);
	if (query->code == MB_OK) {
		result->member_id = to_id(arena, query->member->member_id);
		result->info = to_info(arena, query->member);
	}
	return result;
}

static enum mb_code answer_batch(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	Memberd__V1__BatchCheckBenefitsResponse response =
		MEMBERD__V1__BATCH_CHECK_BENEFITS_RESPONSE__INIT;

	response.results = arena_array(arena, reading->read.n, sizeof(*response.results));
	for (size_t i = 0; response.results != NULL && i < reading->read.n; i++) {
		response.results[response.n_results++] = to_result(reading, i);
	}
	return call_reply(reading->call, &response.base, err);
}

static void batch_check_benefits(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__BatchCheckBenefitsRequest *request = (const void *)message;
	struct reading *reading;
	struct mb_err err = {0};

	if (from_batch(request->n_checks, "checks", &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	reading = reading_begin(call, data, message, request->n_checks, MEMBER_BRIEF, answer_batch);
	for (size_t i = 0; reading != NULL && i < request->n_checks; i++) {
		struct member_query *query = &reading->read.queries[i];
		struct str benefit_id;

		query->code = from_member_field(request->checks[i]->member, "member", &query->ref,
						&query->err);
		if (query->code == MB_OK) {
			query->code = from_benefit_id(request->checks[i]->benefit_id, &benefit_id,
						      &query->err);
		}
		reading_at_least(query, request->checks[i]->min_revision);
	}
	if (reading != NULL) {
		reading_submit(reading);
	}
}

/* ---- ListMemberBenefits, GetHotelStatus ---- */

static enum mb_code answer_list(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	const struct holder holder = to_holder(member);
	size_t n = (size_t)member->policy->n_benefits;
	Memberd__V1__ListMemberBenefitsResponse response =
		MEMBERD__V1__LIST_MEMBER_BENEFITS_RESPONSE__INIT;

	response.member_id = to_id(arena, member->member_id);
	response.tier = (Memberd__V1__Tier)holder.tier;
	response.held = arena_array(arena, n, sizeof(*response.held));
	response.locked = arena_array(arena, n, sizeof(*response.locked));
	for (size_t i = 0; response.held != NULL && response.locked != NULL && i < n; i++) {
		struct entitlement entitlement =
			benefit_check(&member->policy->benefits[i], &holder, member->policy);
		Memberd__V1__Entitlement *mapped = to_entitlement(arena, &entitlement, member);

		if (entitlement.held) {
			response.held[response.n_held++] = mapped;
		} else {
			response.locked[response.n_locked++] = mapped;
		}
	}
	response.info = to_info(arena, member);
	return call_reply(reading->call, &response.base, err);
}

static void list_member_benefits(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__ListMemberBenefitsRequest *request = (const void *)message;
	const struct question question = {request->member, request->min_revision, request->as_of,
					  request->known_at};

	reading_start(call, data, message, &question, MEMBER_BRIEF, NULL, answer_list);
}

static Memberd__V1__HotelStatus *to_hotel(struct arena *arena, const struct policy_benefit *benefit,
					  const struct holder *holder, const struct member *member)
{
	struct entitlement entitlement = benefit_check(benefit, holder, member->policy);
	Memberd__V1__HotelStatus *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__hotel_status__init(message);
		message->partner = to_text(arena, benefit->partner);
		message->entitlement = to_entitlement(arena, &entitlement, member);
	}
	return message;
}

static enum mb_code answer_hotels(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	const struct holder holder = to_holder(member);
	size_t n = (size_t)member->policy->n_benefits;
	Memberd__V1__GetHotelStatusResponse response = MEMBERD__V1__GET_HOTEL_STATUS_RESPONSE__INIT;

	response.member_id = to_id(arena, member->member_id);
	response.statuses = arena_array(arena, n, sizeof(*response.statuses));
	for (size_t i = 0; response.statuses != NULL && i < n; i++) {
		const struct policy_benefit *benefit = &member->policy->benefits[i];

		if (benefit->kind == BENEFIT_LEVEL && benefit->partner.len > 0) {
			response.statuses[response.n_statuses++] =
				to_hotel(arena, benefit, &holder, member);
		}
	}
	response.info = to_info(arena, member);
	return call_reply(reading->call, &response.base, err);
}

static void get_hotel_status(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__GetHotelStatusRequest *request = (const void *)message;
	const struct question question = {.member = request->member,
					  .min_revision = request->min_revision};

	reading_start(call, data, message, &question, MEMBER_BRIEF, NULL, answer_hotels);
}

/* ---- QuoteDiscount ---- */

static enum mb_code answer_quote(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	const struct holder holder = to_holder(member);
	const struct basket *basket = reading->prepared;
	struct priced_basket priced;
	Memberd__V1__QuoteDiscountResponse response = MEMBERD__V1__QUOTE_DISCOUNT_RESPONSE__INIT;
	enum mb_code code = basket_price(basket, &holder, member->policy, arena, &priced, err);

	if (code != MB_OK) {
		return code;
	}
	response.member_id = to_id(arena, member->member_id);
	response.currency = to_text(arena, str_from(member->policy->currency));
	to_quote(arena, &priced, member, basket->n_coupons, &response);
	response.info = to_info(arena, member);
	return call_reply(reading->call, &response.base, err);
}

static void quote_discount(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__QuoteDiscountRequest *request = (const void *)message;
	const struct question question = {.member = request->member,
					  .min_revision = request->min_revision};
	struct services *services = data;
	const struct policy *policy = policy_at(repository_policies(services->repository),
						repository_now(services->repository));
	struct arena *arena = rpc_call_arena(call);
	struct basket *basket = arena_alloc(arena, sizeof(*basket));
	struct mb_err err = {0};

	if (basket == NULL || from_basket(request, policy, arena, basket, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	reading_start(call, services, message, &question, MEMBER_BRIEF, basket, answer_quote);
}

/* ---- ListBenefits ---- */

/* A list goes on under the policy it began with, so that no page repeats or skips a row. */
static enum mb_code find_page(const struct services *services,
			      const Memberd__V1__ListBenefitsRequest *request, struct str scope,
			      struct page *page, const struct policy **policy, struct mb_err *err)
{
	const struct repository *repository = services->repository;
	enum mb_code code = MB_OK;

	if (request->page_token[0] == '\0') {
		*policy = policy_at(repository_policies(repository), repository_now(repository));
		*page = (struct page){.policy_version = (*policy)->version};
		return MB_OK;
	}
	code = page_token_read(repository, scope, request->page_token, page, err);
	if (code == MB_OK) {
		*policy = repository_policy(repository, page->policy_version);
		if (*policy == NULL) {
			code = mb_fail_field(err, MB_FIELD_INVALID, "page_token",
					     "is of a policy that is not known here");
		}
	}
	return code;
}

static void reply_benefits(struct rpc_call *call, const struct services *services, struct str scope,
			   struct page page, const struct policy *policy, int32_t size)
{
	struct arena *arena = rpc_call_arena(call);
	Memberd__V1__ListBenefitsResponse response = MEMBERD__V1__LIST_BENEFITS_RESPONSE__INIT;
	struct mb_err err = {0};

	response.policy_version = policy->version;
	response.benefits = arena_array(arena, (size_t)size, sizeof(*response.benefits));
	while (response.benefits != NULL && page.next < policy->n_benefits &&
	       response.n_benefits < (size_t)size) {
		response.benefits[response.n_benefits++] =
			to_benefit(arena, &policy->benefits[page.next++], policy);
	}
	if (page.next < policy->n_benefits) {
		response.next_page_token =
			page_token_make(services->repository, scope, &page, arena, &err);
	}
	if (response.next_page_token == NULL || call_reply(call, &response.base, &err) != MB_OK) {
		call_fail(call, &err);
	}
}

static void list_benefits(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__ListBenefitsRequest *request = (const void *)message;
	struct str scope = str_from(rpc_call_method(call));
	struct mb_err err = {0};
	const struct policy *policy;
	struct page page;
	int32_t size;
	enum mb_code code = page_size(request->page_size, PAGE_NORMAL, PAGE_MOST, &size, &err);

	if (code == MB_OK) {
		code = find_page(data, request, scope, &page, &policy, &err);
	}
	if (code != MB_OK) {
		call_fail(call, &err);
		return;
	}
	reply_benefits(call, data, scope, page, policy, size);
}

enum mb_code benefit_service_bind(struct rpc_registry *registry, struct services *services,
				  struct mb_err *err)
{
	static const struct service_method methods[] = {
		{"memberd.v1.BenefitService/CheckBenefit",
		 &memberd__v1__check_benefit_request__descriptor,
		 &memberd__v1__check_benefit_response__descriptor, RPC_ARENA_CAP, check_benefit},
		{"memberd.v1.BenefitService/BatchCheckBenefits",
		 &memberd__v1__batch_check_benefits_request__descriptor,
		 &memberd__v1__batch_check_benefits_response__descriptor, RPC_ARENA_CAP_BATCH,
		 batch_check_benefits},
		{"memberd.v1.BenefitService/ListMemberBenefits",
		 &memberd__v1__list_member_benefits_request__descriptor,
		 &memberd__v1__list_member_benefits_response__descriptor, RPC_ARENA_CAP,
		 list_member_benefits},
		{"memberd.v1.BenefitService/QuoteDiscount",
		 &memberd__v1__quote_discount_request__descriptor,
		 &memberd__v1__quote_discount_response__descriptor, RPC_ARENA_CAP, quote_discount},
		{"memberd.v1.BenefitService/GetHotelStatus",
		 &memberd__v1__get_hotel_status_request__descriptor,
		 &memberd__v1__get_hotel_status_response__descriptor, RPC_ARENA_CAP,
		 get_hotel_status},
		{"memberd.v1.BenefitService/ListBenefits",
		 &memberd__v1__list_benefits_request__descriptor,
		 &memberd__v1__list_benefits_response__descriptor, RPC_ARENA_CAP, list_benefits},
	};

	return service_bind_methods(registry, methods, sizeof(methods) / sizeof(methods[0]),
				    services, err);
}
