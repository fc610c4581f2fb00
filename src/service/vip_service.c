/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VipService: the offer of 88VIP.
 */
#include "memberd/v1/vip_service.pb-c.h"
#include "service/calls.h"
#include "service/map.h"

static enum mb_code answer_offer(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	const struct holder holder = to_holder(member);
	const struct vip_offer offer =
		vip_offer(&holder, member->standing.score.points, member->policy);
	int64_t missing = offer.unlock_points - member->standing.score.points;
	Memberd__V1__GetUpgradeOfferResponse response =
		MEMBERD__V1__GET_UPGRADE_OFFER_RESPONSE__INIT;

	response.member_id = to_id(arena, member->member_id);
	response.offered = offer.offered;
	response.nominal_fee = offer.offered && offer.at_upgrade_price;
	if (offer.offered) {
		response.price = to_money(arena, offer.price, member->policy->currency);
		response.months = member->policy->vip.months;
	}
	response.unlock_reinstatement = offer.unlock_reinstatement;
	if (!offer.at_upgrade_price && !offer.unlock_reinstatement) {
		response.unlock_tier = (Memberd__V1__Tier)offer.unlock_tier;
		response.unlock_score = offer.unlock_points;
		response.unlock_score_missing = missing > 0 ? missing : 0;
	}
	response.info = to_info(arena, member);
	return call_reply(reading->call, &response.base, err);
}

static void get_upgrade_offer(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__GetUpgradeOfferRequest *request = (const void *)message;
	const struct question question = {.member = request->member,
					  .min_revision = request->min_revision};

	reading_start(call, data, message, &question, MEMBER_BRIEF, NULL, answer_offer);
}

enum mb_code vip_service_bind(struct rpc_registry *registry, struct services *services,
			      struct mb_err *err)
{
	static const struct service_method methods[] = {
		{"memberd.v1.VipService/GetUpgradeOffer",
		 &memberd__v1__get_upgrade_offer_request__descriptor,
		 &memberd__v1__get_upgrade_offer_response__descriptor, RPC_ARENA_CAP,
		 get_upgrade_offer},
	};

	return service_bind_methods(registry, methods, sizeof(methods) / sizeof(methods[0]),
				    services, err);
}
