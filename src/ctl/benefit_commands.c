/* SPDX-License-Identifier: Apache-2.0 */
/* benefits, check, hotel, offer. */
#include "ctl/amount.h"
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/words.h"
#include "memberd/v1/benefit_service.pb-c.h"
#include "memberd/v1/vip_service.pb-c.h"

#include <inttypes.h>

#define SERVICE "memberd.v1.BenefitService/"

/* "Shopping coupons: 4 a month": the name, and what is granted where the name does not say it. */
static const char *show_held(const Memberd__V1__Entitlement *entitlement, char out[SHOW_BYTES])
{
	char grant[SHOW_BYTES];

	switch (entitlement->kind) {
	case MEMBERD__V1__BENEFIT_KIND__BENEFIT_KIND_QUOTA:
	case MEMBERD__V1__BENEFIT_KIND__BENEFIT_KIND_LEVEL:
		snprintf(out, SHOW_BYTES, "%.48s: %.40s", entitlement->name,
			 show_grant(entitlement, grant));
		return out;
	default:
		return show_grant(entitlement, out);
	}
}

/* One table of what is held and what is not. */
static void show_benefits(struct ctl *ctl, const Memberd__V1__ListMemberBenefitsResponse *list)
{
	static const char *const headers[] = {"benefit", "held", "what", "unlocked by", NULL};
	char text[SHOW_BYTES];
	struct table table;

	table_start(&table, headers);
	for (size_t i = 0; i < list->n_held + list->n_locked; i++) {
		bool held = i < list->n_held;
		const Memberd__V1__Entitlement *entitlement =
			held ? list->held[i] : list->locked[i - list->n_held];

		table_cell(&table, "%s", entitlement->benefit_id);
		table_cell(&table, "%s", held ? "yes" : "no");
		table_cell(&table, "%s", held ? show_held(entitlement, text) : entitlement->name);
		table_cell(&table, "%s", held ? "" : show_unlock(entitlement->unlock, text));
	}
	table_print(&table, ctl->out);
	table_fini(&table);
	fprintf(ctl->out, "tier %s, ", show_tier(list->tier, text));
	show_info(list->member_id, list->info, ctl->out);
}

int command_benefits(struct ctl *ctl)
{
	Memberd__V1__ListMemberBenefitsRequest request =
		MEMBERD__V1__LIST_MEMBER_BENEFITS_REQUEST__INIT;
	ProtobufCMessage *answer;
	int exit_code = connect_subject_at(ctl, &request.member, &request.min_revision,
					   &request.as_of, &request.known_at);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	exit_code = connect_call(ctl, SERVICE "ListMemberBenefits", &request.base,
				 &memberd__v1__list_member_benefits_response__descriptor, true,
				 &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		show_benefits(ctl, (const Memberd__V1__ListMemberBenefitsResponse *)answer);
	}
	return exit_code;
}

static void show_check(struct ctl *ctl, const Memberd__V1__CheckBenefitResponse *check)
{
	const Memberd__V1__Entitlement *entitlement = check->entitlement;
	char text[SHOW_BYTES], reason[SHOW_BYTES];

	if (entitlement->allowed) {
		fprintf(ctl->out, "yes: %s: %s\n", entitlement->benefit_id,
			show_grant(entitlement, text));
	} else {
		fprintf(ctl->out, "no: %s: %s; unlocked by %s\n", entitlement->benefit_id,
			show_reason(entitlement->reason, reason),
			show_unlock(entitlement->unlock, text));
	}
	show_info(check->member_id, check->info, ctl->out);
}

int command_check(struct ctl *ctl)
{
	Memberd__V1__CheckBenefitRequest request = MEMBERD__V1__CHECK_BENEFIT_REQUEST__INIT;
	const Memberd__V1__CheckBenefitResponse *response;
	ProtobufCMessage *answer;
	int exit_code = connect_subject_at(ctl, &request.member, &request.min_revision,
					   &request.as_of, &request.known_at);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	request.benefit_id = (char *)(uintptr_t)ctl->flags.arguments[1];
	exit_code = connect_call(ctl, SERVICE "CheckBenefit", &request.base,
				 &memberd__v1__check_benefit_response__descriptor, true, &answer);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	response = (const Memberd__V1__CheckBenefitResponse *)answer;
	if (!ctl->json) {
		show_check(ctl, response);
	}
	return response->entitlement->allowed ? EXIT_OK : EXIT_NO;
}

static void show_hotels(struct ctl *ctl, const Memberd__V1__GetHotelStatusResponse *response)
{
	static const char *const headers[] = {"partner", "status", "unlocked by", NULL};
	char text[SHOW_BYTES];
	struct table table;

	table_start(&table, headers);
	for (size_t i = 0; i < response->n_statuses; i++) {
		const Memberd__V1__HotelStatus *status = response->statuses[i];
		bool allowed = status->entitlement->allowed;

		table_cell(&table, "%s", status->partner);
		table_cell(&table, "%s", allowed ? status->entitlement->level : "none");
		table_cell(&table, "%s",
			   allowed ? "" : show_unlock(status->entitlement->unlock, text));
	}
	table_print(&table, ctl->out);
	table_fini(&table);
	show_info(response->member_id, response->info, ctl->out);
}

int command_hotel(struct ctl *ctl)
{
	Memberd__V1__GetHotelStatusRequest request = MEMBERD__V1__GET_HOTEL_STATUS_REQUEST__INIT;
	const Memberd__V1__GetHotelStatusResponse *response;
	ProtobufCMessage *answer;
	int exit_code = connect_subject(ctl, &request.member, &request.min_revision);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	exit_code =
		connect_call(ctl, SERVICE "GetHotelStatus", &request.base,
			     &memberd__v1__get_hotel_status_response__descriptor, true, &answer);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	response = (const Memberd__V1__GetHotelStatusResponse *)answer;
	if (!ctl->json) {
		show_hotels(ctl, response);
	}
	for (size_t i = 0; i < response->n_statuses; i++) {
		if (response->statuses[i]->entitlement->allowed) {
			return EXIT_OK;
		}
	}
	return EXIT_NO;
}

static void show_offer(struct ctl *ctl, const Memberd__V1__GetUpgradeOfferResponse *offer)
{
	char text[SHOW_BYTES];

	if (offer->offered) {
		fprintf(ctl->out, "88VIP for %s, %" PRId32 " months, %s\n",
			show_money(offer->price, text), offer->months,
			offer->nominal_fee ? "the nominal fee" : "the full price");
	} else {
		fputs(offer->unlock_reinstatement
			      ? "88VIP is not offered: the member is suspended\n"
			      : "88VIP is not offered\n",
		      ctl->out);
	}
	if (!offer->nominal_fee && !offer->unlock_reinstatement) {
		fprintf(ctl->out,
			"the nominal fee opens at %s, or at a score of %" PRId64 " (%" PRId64
			" more)\n",
			show_tier(offer->unlock_tier, text), offer->unlock_score,
			offer->unlock_score_missing);
	}
	show_info(offer->member_id, offer->info, ctl->out);
}

int command_offer(struct ctl *ctl)
{
	Memberd__V1__GetUpgradeOfferRequest request = MEMBERD__V1__GET_UPGRADE_OFFER_REQUEST__INIT;
	const Memberd__V1__GetUpgradeOfferResponse *response;
	ProtobufCMessage *answer;
	int exit_code = connect_subject(ctl, &request.member, &request.min_revision);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	exit_code =
		connect_call(ctl, "memberd.v1.VipService/GetUpgradeOffer", &request.base,
			     &memberd__v1__get_upgrade_offer_response__descriptor, true, &answer);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	response = (const Memberd__V1__GetUpgradeOfferResponse *)answer;
	if (!ctl->json) {
		show_offer(ctl, response);
	}
	return response->offered ? EXIT_OK : EXIT_NO;
}
