/* SPDX-License-Identifier: Apache-2.0 */
/* enroll, update, get, lookup, health. */
#include "base/arena.h"
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/words.h"
#include "grpc/health/v1/health.pb-c.h"
#include "memberd/v1/member_service.pb-c.h"

#include <inttypes.h>
#include <string.h>

#define SERVICE "memberd.v1.MemberService/"

static const char *const FACTS[] = {"", "", NULL};

static void put_fact(struct table *table, const char *name, const char *value)
{
	table_cell(table, "%s", name);
	table_cell(table, "%s", value);
}

static void put_standing(struct table *table, const Memberd__V1__Standing *standing)
{
	char text[SHOW_BYTES];

	put_fact(table, "tier", show_tier(standing->tier, text));
	if (standing->shown_until != NULL) {
		put_fact(table, "tier shown until", show_time(standing->shown_until, text));
		put_fact(table, "natural tier", show_tier(standing->natural_tier, text));
	}
	put_fact(table, "level", show_level(standing->level, text));
	snprintf(text, sizeof(text), "%lld", (long long)standing->score);
	put_fact(table, "score", text);
	put_fact(table, "at risk", standing->at_risk ? "yes" : "no");
	put_fact(table, "below keep", standing->below_keep ? "yes" : "no");
	put_fact(table, "protected until", show_time(standing->protected_until, text));
	snprintf(text, sizeof(text), "%" PRId32 " of 10000", standing->credibility_bp);
	put_fact(table, "credibility", text);
}

static const char *or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void put_profile(struct table *table, const Memberd__V1__Profile *profile)
{
	char birthday[32] = "-";

	if (profile->birthday_month != 0) {
		snprintf(birthday, sizeof(birthday), "%02d-%02d", (int)profile->birthday_month,
			 (int)profile->birthday_day);
	}
	put_fact(table, "name", or_dash(profile->display_name));
	put_fact(table, "birthday", birthday);
	put_fact(table, "region", or_dash(profile->region));
	put_fact(table, "language", or_dash(profile->language));
	put_fact(table, "verified", profile->verified ? "yes" : "no");
}

static void show_member(struct ctl *ctl, const Memberd__V1__Member *member,
			const Memberd__V1__AnswerInfo *info)
{
	char text[SHOW_BYTES], state[WORDS_BYTES];
	struct table table;

	table_start(&table, FACTS);
	put_fact(&table, "member", member->member_id);
	put_fact(&table, "state",
		 words_from_enum(&memberd__v1__member_state__descriptor, (int)member->state, ' ',
				 state));
	put_fact(&table, "since", show_time(member->created_at, text));
	if (member->standing != NULL) {
		put_standing(&table, member->standing);
	}
	if (member->profile != NULL) {
		put_profile(&table, member->profile);
	}
	if (member->etag[0] != '\0') {
		put_fact(&table, "etag", member->etag);
	}
	for (size_t i = 0; i < member->n_identities; i++) {
		table_cell(&table, "identity");
		table_cell(&table, "%s:%s", member->identities[i]->issuer,
			   member->identities[i]->external_id);
	}
	table_print(&table, ctl->out);
	table_fini(&table);
	show_info(member->member_id, info, ctl->out);
}

static bool parse_birthday(const char *text, Memberd__V1__Profile *profile)
{
	int64_t month, day;

	if (strlen(text) != 5 || text[2] != '-' || !str_to_i64((struct str){text, 2}, &month) ||
	    !str_to_i64((struct str){text + 3, 2}, &day)) {
		return false;
	}
	profile->birthday_month = (int32_t)month;
	profile->birthday_day = (int32_t)day;
	return true;
}

/* protobuf-c's texts are not const, and only read. */
static char *text_of(const struct ctl *ctl, enum flag_id id)
{
	const char *value = ctl->flags.values[id];

	return value != NULL ? (char *)(uintptr_t)value : (char *)(uintptr_t) "";
}

int command_enroll(struct ctl *ctl)
{
	Memberd__V1__EnrollMemberRequest request = MEMBERD__V1__ENROLL_MEMBER_REQUEST__INIT;
	Memberd__V1__Profile profile = MEMBERD__V1__PROFILE__INIT;
	Memberd__V1__EnrollMemberResponse *response;
	ProtobufCMessage *answer;
	int exit_code;

	request.identity = connect_identity(ctl, ctl->flags.arguments[0]);
	if (request.identity == NULL) {
		return EXIT_USAGE;
	}
	profile.display_name = text_of(ctl, FLAG_NAME);
	profile.region = text_of(ctl, FLAG_REGION);
	profile.language = text_of(ctl, FLAG_LANGUAGE);
	profile.verified = flags_has(&ctl->flags, FLAG_VERIFIED);
	if (flags_has(&ctl->flags, FLAG_BIRTHDAY) &&
	    !parse_birthday(ctl->flags.values[FLAG_BIRTHDAY], &profile)) {
		return ctl_fail(ctl, EXIT_USAGE, "--birthday is MM-DD");
	}
	request.profile = &profile;
	request.request_id = connect_request_id(ctl);
	if (request.request_id == NULL) {
		return EXIT_SOFTWARE;
	}
	exit_code = connect_call(ctl, SERVICE "EnrollMember", &request.base,
				 &memberd__v1__enroll_member_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		response = (Memberd__V1__EnrollMemberResponse *)answer;
		show_member(ctl, response->member, response->info);
	}
	return exit_code;
}

/* Which fields of the profile the command line names, and their values. */
static int read_changes(struct ctl *ctl, Memberd__V1__Profile *profile,
			Google__Protobuf__FieldMask *mask, char *paths[6])
{
	const char *birthday = ctl->flags.values[FLAG_BIRTHDAY];
	static const struct {
		enum flag_id id;
		const char *path;
	} fields[] = {
		{FLAG_NAME, "display_name"},	 {FLAG_BIRTHDAY, "birthday_month"},
		{FLAG_BIRTHDAY, "birthday_day"}, {FLAG_REGION, "region"},
		{FLAG_LANGUAGE, "language"},	 {FLAG_VERIFIED, "verified"},
	};

	profile->display_name = text_of(ctl, FLAG_NAME);
	profile->region = text_of(ctl, FLAG_REGION);
	profile->language = text_of(ctl, FLAG_LANGUAGE);
	profile->verified = flags_has(&ctl->flags, FLAG_VERIFIED);
	mask->paths = paths;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (flags_has(&ctl->flags, fields[i].id) ||
		    (fields[i].id == FLAG_VERIFIED && flags_has(&ctl->flags, FLAG_NOT_VERIFIED))) {
			paths[mask->n_paths++] = (char *)(uintptr_t)fields[i].path;
		}
	}
	if (profile->verified && flags_has(&ctl->flags, FLAG_NOT_VERIFIED)) {
		return ctl_fail(ctl, EXIT_USAGE, "--verified or --not-verified, not both");
	}
	if (birthday != NULL && birthday[0] != '\0' && !parse_birthday(birthday, profile)) {
		return ctl_fail(ctl, EXIT_USAGE, "--birthday is MM-DD, or '' for none");
	}
	return mask->n_paths > 0 ? EXIT_OK
				 : ctl_fail(ctl, EXIT_USAGE,
					    "say what is to change: --name, "
					    "--birthday, --region, --language, "
					    "--verified or --not-verified");
}

int command_update(struct ctl *ctl)
{
	Memberd__V1__UpdateMemberRequest request = MEMBERD__V1__UPDATE_MEMBER_REQUEST__INIT;
	Memberd__V1__Profile profile = MEMBERD__V1__PROFILE__INIT;
	Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
	Memberd__V1__UpdateMemberResponse *response;
	ProtobufCMessage *answer;
	char *paths[6];
	int exit_code;

	request.member = connect_member(ctl, ctl->flags.arguments[0]);
	if (request.member == NULL) {
		return EXIT_USAGE;
	}
	exit_code = read_changes(ctl, &profile, &mask, paths);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	request.profile = &profile;
	request.update_mask = &mask;
	request.etag = text_of(ctl, FLAG_ETAG);
	request.request_id = connect_request_id(ctl);
	if (request.request_id == NULL) {
		return EXIT_SOFTWARE;
	}
	exit_code = connect_call(ctl, SERVICE "UpdateMember", &request.base,
				 &memberd__v1__update_member_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		response = (Memberd__V1__UpdateMemberResponse *)answer;
		show_member(ctl, response->member, response->info);
	}
	return exit_code;
}

int command_get(struct ctl *ctl)
{
	Memberd__V1__GetMemberRequest request = MEMBERD__V1__GET_MEMBER_REQUEST__INIT;
	Memberd__V1__GetMemberResponse *response;
	ProtobufCMessage *answer;
	int exit_code = connect_subject_at(ctl, &request.member, &request.min_revision,
					   &request.as_of, &request.known_at);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	request.view = flags_has(&ctl->flags, FLAG_FULL)
			       ? MEMBERD__V1__MEMBER_VIEW__MEMBER_VIEW_FULL
			       : MEMBERD__V1__MEMBER_VIEW__MEMBER_VIEW_BASIC;
	exit_code = connect_call(ctl, SERVICE "GetMember", &request.base,
				 &memberd__v1__get_member_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		response = (Memberd__V1__GetMemberResponse *)answer;
		show_member(ctl, response->member, response->info);
	}
	return exit_code;
}

int command_lookup(struct ctl *ctl)
{
	Memberd__V1__LookupMemberRequest request = MEMBERD__V1__LOOKUP_MEMBER_REQUEST__INIT;
	const Memberd__V1__LookupMemberResponse *response;
	ProtobufCMessage *answer;
	char state[WORDS_BYTES];
	int exit_code;

	request.identity = connect_identity(ctl, ctl->flags.arguments[0]);
	if (request.identity == NULL) {
		return EXIT_USAGE;
	}
	exit_code = connect_call(ctl, SERVICE "LookupMember", &request.base,
				 &memberd__v1__lookup_member_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		response = (const Memberd__V1__LookupMemberResponse *)answer;
		fprintf(ctl->out, "%s  %s\n", response->member_id,
			words_from_enum(&memberd__v1__member_state__descriptor,
					(int)response->state, ' ', state));
	}
	return exit_code;
}

int command_health(struct ctl *ctl)
{
	Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	const Grpc__Health__V1__HealthCheckResponse *response;
	ProtobufCMessage *answer;
	bool serving;
	int exit_code;

	request.service = text_of(ctl, FLAG_SERVICE);
	exit_code =
		connect_call(ctl, "grpc.health.v1.Health/Check", &request.base,
			     &grpc__health__v1__health_check_response__descriptor, false, &answer);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	response = (const Grpc__Health__V1__HealthCheckResponse *)answer;
	serving = response->status ==
		  GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	if (!ctl->json) {
		fputs(serving ? "serving\n" : "not serving\n", ctl->out);
	}
	return serving ? EXIT_OK : EXIT_NO;
}
