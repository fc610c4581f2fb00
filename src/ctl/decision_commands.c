/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people decide about members: override, suspend, resume, link, unlink, credibility, fraud,
 * void, reverse. Each asks for a reason, and may be said again with the same --request-id.
 */
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "ctl/words.h"
#include "memberd/v1/member_service.pb-c.h"
#include "memberd/v1/scoring_service.pb-c.h"

#include <inttypes.h>
#include <string.h>

#define MEMBERS "memberd.v1.MemberService/"
#define SCORES	"memberd.v1.ScoringService/"

/* What every decision has; messages borrow it. */
struct decision {
	char *request_id, *reason;
	Memberd__V1__MemberRef *member;
};

/* protobuf-c's texts are not const, and only read. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int read_decision(struct ctl *ctl, struct decision *out)
{
	const char *reason = ctl->flags.values[FLAG_REASON];

	if (reason == NULL || reason[0] == '\0') {
		return ctl_fail(ctl, EXIT_USAGE, "say why: --reason TEXT");
	}
	out->reason = text_of(reason);
	out->member = connect_member(ctl, ctl->flags.arguments[0]);
	if (out->member == NULL) {
		return EXIT_USAGE;
	}
	out->request_id = connect_request_id(ctl);
	return out->request_id != NULL ? connect_zone(ctl, out->member) : EXIT_SOFTWARE;
}

#define FILL(request, decision)                               \
	do {                                                  \
		(request).request_id = (decision).request_id; \
		(request).member = (decision).member;         \
		(request).reason = (decision).reason;         \
	} while (0)

/* "TEXT, as entry 4711", or that it was so. */
static void show_entry(struct ctl *ctl, const char *done, const char *entry_id)
{
	if (entry_id[0] != '\0') {
		fprintf(ctl->out, "%s, as entry %s\n", done, entry_id);
	} else {
		fprintf(ctl->out, "%s already; nothing changed\n", done);
	}
}

/* ---- MemberService ---- */

static void show_tiers(struct ctl *ctl, const Memberd__V1__Standing *standing)
{
	char shown[SHOW_BYTES], natural[SHOW_BYTES], until[SHOW_BYTES];

	if (standing == NULL) {
		return;
	}
	fprintf(ctl->out, "tier %s", show_tier(standing->tier, shown));
	if (standing->shown_until != NULL) {
		fprintf(ctl->out, " until %s, then the natural one, now %s",
			show_time(standing->shown_until, until),
			show_tier(standing->natural_tier, natural));
	}
	fputc('\n', ctl->out);
}

/* "natural" ends overrides. */
static int read_tier(struct ctl *ctl, const char *word, Memberd__V1__OverrideTierRequest *out)
{
	bool natural = strcmp(word, "natural") == 0;

	out->tier = natural ? MEMBERD__V1__TIER__TIER_UNSPECIFIED
			    : (Memberd__V1__Tier)words_to_enum(&memberd__v1__tier__descriptor,
							       str_from(word));
	if (!natural && out->tier == 0) {
		return ctl_fail(ctl, EXIT_USAGE,
				"'%.32s' is no tier: bronze, silver, gold, platinum, diamond, "
				"black_diamond, or natural",
				word);
	}
	if (natural != !flags_has(&ctl->flags, FLAG_UNTIL)) {
		return ctl_fail(ctl, EXIT_USAGE,
				natural ? "natural takes no --until"
					: "an override ends: say when with --until TIME");
	}
	return connect_time(ctl, FLAG_UNTIL, &out->until);
}

int command_override(struct ctl *ctl)
{
	Memberd__V1__OverrideTierRequest request = MEMBERD__V1__OVERRIDE_TIER_REQUEST__INIT;
	const Memberd__V1__OverrideTierResponse *response;
	struct decision decision = {0};
	ProtobufCMessage *answer;
	int exit_code = read_tier(ctl, ctl->flags.arguments[1], &request);

	if (exit_code == EXIT_OK) {
		exit_code = read_decision(ctl, &decision);
	}
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	FILL(request, decision);
	exit_code = connect_call(ctl, MEMBERS "OverrideTier", &request.base,
				 &memberd__v1__override_tier_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		response = (const Memberd__V1__OverrideTierResponse *)answer;
		show_entry(ctl, "decided", response->entry_id);
		show_tiers(ctl, response->member->standing);
		show_info(response->member->member_id, response->info, ctl->out);
	}
	return exit_code;
}

static int change_state(struct ctl *ctl, bool suspended)
{
	Memberd__V1__SuspendMemberRequest request = MEMBERD__V1__SUSPEND_MEMBER_REQUEST__INIT;
	const Memberd__V1__SuspendMemberResponse *response;
	struct decision decision = {0};
	ProtobufCMessage *answer;
	int exit_code = read_decision(ctl, &decision);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	FILL(request, decision);
	request.suspended = suspended;
	exit_code = connect_call(ctl, MEMBERS "SuspendMember", &request.base,
				 &memberd__v1__suspend_member_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		response = (const Memberd__V1__SuspendMemberResponse *)answer;
		show_entry(ctl, suspended ? "suspended" : "active", response->entry_id);
		show_info(response->member->member_id, response->info, ctl->out);
	}
	return exit_code;
}

int command_suspend(struct ctl *ctl)
{
	return change_state(ctl, true);
}

int command_resume(struct ctl *ctl)
{
	return change_state(ctl, false);
}

int command_link(struct ctl *ctl)
{
	Memberd__V1__LinkMembersRequest request = MEMBERD__V1__LINK_MEMBERS_REQUEST__INIT;
	const Memberd__V1__LinkMembersResponse *response;
	struct decision decision = {0};
	ProtobufCMessage *answer;
	int exit_code = read_decision(ctl, &decision);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	FILL(request, decision);
	request.other = connect_member(ctl, ctl->flags.arguments[1]);
	if (request.other == NULL) {
		return EXIT_USAGE;
	}
	exit_code = connect_call(ctl, MEMBERS "LinkMembers", &request.base,
				 &memberd__v1__link_members_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		response = (const Memberd__V1__LinkMembersResponse *)answer;
		show_entry(ctl, "linked", response->entry_id);
		show_info(response->member_id, response->info, ctl->out);
		show_info(response->other_id, response->other_info, ctl->out);
	}
	return exit_code;
}

int command_unlink(struct ctl *ctl)
{
	Memberd__V1__UnlinkMembersRequest request = MEMBERD__V1__UNLINK_MEMBERS_REQUEST__INIT;
	const Memberd__V1__UnlinkMembersResponse *response;
	struct decision decision = {0};
	ProtobufCMessage *answer;
	int exit_code = read_decision(ctl, &decision);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	FILL(request, decision);
	request.other = connect_member(ctl, ctl->flags.arguments[1]);
	if (request.other == NULL) {
		return EXIT_USAGE;
	}
	exit_code = connect_call(ctl, MEMBERS "UnlinkMembers", &request.base,
				 &memberd__v1__unlink_members_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		response = (const Memberd__V1__UnlinkMembersResponse *)answer;
		show_entry(ctl, "not linked", response->entry_id);
		show_info(response->member_id, response->info, ctl->out);
		show_info(response->other_id, response->other_info, ctl->out);
	}
	return exit_code;
}

/* ---- ScoringService ---- */

/* All of its decisions answer alike; messages of one shape have one layout, but four types. */
#define SHOW_SCORED(ctl, Type, answer)                                                          \
	do {                                                                                    \
		const Memberd__V1__##Type *scored = (const Memberd__V1__##Type *)(answer);      \
                                                                                                \
		show_scored(ctl, scored->entry_id, scored->state, scored->score, scored->tier); \
		show_info(scored->member_id, scored->info, (ctl)->out);                         \
	} while (0)

static void show_scored(struct ctl *ctl, const char *entry_id, Memberd__V1__EntryState state,
			int64_t score, Memberd__V1__Tier tier)
{
	char word[WORDS_BYTES], shown[SHOW_BYTES];

	fprintf(ctl->out, "%s, as entry %s\nscore %" PRId64 ", tier %s\n",
		words_from_enum(&memberd__v1__entry_state__descriptor, (int)state, ' ', word),
		entry_id, score, show_tier(tier, shown));
}

int command_credibility(struct ctl *ctl)
{
	Memberd__V1__SetCredibilityRequest request = MEMBERD__V1__SET_CREDIBILITY_REQUEST__INIT;
	struct decision decision = {0};
	ProtobufCMessage *answer;
	struct mb_err err;
	int64_t delta;
	int exit_code;

	if (flags_number(&ctl->flags, FLAG_DELTA, -10000, 10000, 0, &delta, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_USAGE, "%s", err.text);
	}
	if (delta == 0) {
		return ctl_fail(ctl, EXIT_USAGE,
				"say by how much: --delta -2000 takes a fifth of 10,000");
	}
	request.delta_bp = (int32_t)delta;
	exit_code = connect_time(ctl, FLAG_UNTIL, &request.until);
	if (exit_code == EXIT_OK) {
		exit_code = read_decision(ctl, &decision);
	}
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	FILL(request, decision);
	exit_code = connect_call(ctl, SCORES "SetCredibility", &request.base,
				 &memberd__v1__set_credibility_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		SHOW_SCORED(ctl, SetCredibilityResponse, answer);
	}
	return exit_code;
}

/* MEMBER SOURCE EVENT_ID */
static int read_about(struct ctl *ctl, struct decision *decision, Memberd__V1__ActivityKey *key)
{
	key->source = text_of(ctl->flags.arguments[1]);
	key->source_event_id = text_of(ctl->flags.arguments[2]);
	return read_decision(ctl, decision);
}

/* A finding has a key that nobody chose: memberd, and r with its revision. */
static void show_way_back(struct ctl *ctl, const Memberd__V1__ReportFraudResponse *response)
{
	if (response->info != NULL) {
		fprintf(ctl->out,
			"to take it back: memberctl reverse %s memberd r%" PRId64
			" --reason TEXT\n",
			response->member_id, response->info->revision);
	}
}

int command_fraud(struct ctl *ctl)
{
	Memberd__V1__ReportFraudRequest request = MEMBERD__V1__REPORT_FRAUD_REQUEST__INIT;
	Memberd__V1__ActivityKey key = MEMBERD__V1__ACTIVITY_KEY__INIT;
	struct decision decision = {0};
	ProtobufCMessage *answer;
	int exit_code = read_about(ctl, &decision, &key);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	FILL(request, decision);
	request.activity = &key;
	exit_code = connect_call(ctl, SCORES "ReportFraud", &request.base,
				 &memberd__v1__report_fraud_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		SHOW_SCORED(ctl, ReportFraudResponse, answer);
		show_way_back(ctl, (const Memberd__V1__ReportFraudResponse *)answer);
	}
	return exit_code;
}

int command_void(struct ctl *ctl)
{
	Memberd__V1__VoidActivityRequest request = MEMBERD__V1__VOID_ACTIVITY_REQUEST__INIT;
	Memberd__V1__ActivityKey key = MEMBERD__V1__ACTIVITY_KEY__INIT;
	struct decision decision = {0};
	ProtobufCMessage *answer;
	int exit_code = read_about(ctl, &decision, &key);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	FILL(request, decision);
	request.activity = &key;
	exit_code = connect_call(ctl, SCORES "VoidActivity", &request.base,
				 &memberd__v1__void_activity_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		SHOW_SCORED(ctl, VoidActivityResponse, answer);
	}
	return exit_code;
}

int command_reverse(struct ctl *ctl)
{
	Memberd__V1__ReverseActivityRequest request = MEMBERD__V1__REVERSE_ACTIVITY_REQUEST__INIT;
	Memberd__V1__ActivityKey key = MEMBERD__V1__ACTIVITY_KEY__INIT;
	struct decision decision = {0};
	ProtobufCMessage *answer;
	int exit_code = read_about(ctl, &decision, &key);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	FILL(request, decision);
	request.activity = &key;
	exit_code =
		connect_call(ctl, SCORES "ReverseActivity", &request.base,
			     &memberd__v1__reverse_activity_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		SHOW_SCORED(ctl, ReverseActivityResponse, answer);
	}
	return exit_code;
}
