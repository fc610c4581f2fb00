/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/connect.h"

#include "base/arena.h"
#include "base/clock.h"
#include "client/client.h"
#include "ctl/ctl.h"
#include "ctl/input.h"
#include "ctl/pbjson.h"
#include "ctl/show.h"
#include "memberd/v1/scoring_service.pb-c.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SERVER_DEFAULT	"127.0.0.1:7443"
#define TOKEN_BYTES_MAX 4096
#define TIMEOUT_MAX	86400

/* The token of --token-file, else of MEMBERD_TOKEN, else none. */
static int find_token(struct ctl *ctl, const char **out)
{
	const char *path = ctl->flags.values[FLAG_TOKEN_FILE];
	struct mb_err err;
	char *text;
	size_t len;

	*out = getenv("MEMBERD_TOKEN");
	if (path == NULL) {
		*out = *out != NULL && (*out)[0] != '\0' ? *out : NULL;
		return EXIT_OK;
	}
	if (input_slurp(path, TOKEN_BYTES_MAX, &text, &len, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_NO_INPUT, "%s", err.text);
	}
	while (len > 0 && strchr("\r\n\t ", text[len - 1]) != NULL) {
		len--;
	}
	*out = arena_strndup(ctl->arena, text, len);
	free(text);
	return *out != NULL ? EXIT_OK : ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
}

int connect_client(struct ctl *ctl, int64_t timeout_ms, int attempts)
{
	struct client_options options = {.user_agent = "memberctl", .attempts = attempts};
	const char *server = ctl->flags.values[FLAG_SERVER];
	struct mb_err err;
	int64_t seconds;
	int exit_code = find_token(ctl, &options.token);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	if (flags_number(&ctl->flags, FLAG_TIMEOUT, 1, TIMEOUT_MAX, timeout_ms / 1000, &seconds,
			 &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_USAGE, "%s", err.text);
	}
	options.deadline_ms = seconds * 1000;
	if (server == NULL) {
		server = getenv("MEMBERD_SERVER");
	}
	if (server == NULL || server[0] == '\0') {
		server = SERVER_DEFAULT;
	}
	if (client_create(server, &options, &ctl->client, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_USAGE, "%s", err.text);
	}
	return EXIT_OK;
}

int connect_ask(struct ctl *ctl, const char *method, const ProtobufCMessage *request,
		const ProtobufCMessageDescriptor *response_type, bool repeatable,
		ProtobufCMessage **out)
{
	ProtobufCMessage *response;
	struct mb_err err;
	int exit_code = ctl->client != NULL ? EXIT_OK : connect_client(ctl, 10000, 0);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	if (client_call(ctl->client, method, request, response_type, repeatable, ctl->arena,
			&response, &err) != MB_OK) {
		return ctl_fail_err(ctl, &err);
	}
	*out = response;
	return EXIT_OK;
}

int connect_call(struct ctl *ctl, const char *method, const ProtobufCMessage *request,
		 const ProtobufCMessageDescriptor *response_type, bool repeatable,
		 ProtobufCMessage **out)
{
	int exit_code = connect_ask(ctl, method, request, response_type, repeatable, out);

	return exit_code == EXIT_OK && ctl->json ? connect_print(ctl, *out) : exit_code;
}

int connect_zone(struct ctl *ctl, Memberd__V1__MemberRef *member)
{
	Memberd__V1__GetScoreRequest request = MEMBERD__V1__GET_SCORE_REQUEST__INIT;
	const char *zone = ctl->flags.values[FLAG_ZONE];
	const Memberd__V1__GetScoreResponse *response;
	ProtobufCMessage *answer;
	int exit_code;

	if (zone == NULL || strcmp(zone, ZONE_PROGRAMME) != 0 || ctl->json) {
		return EXIT_OK;
	}
	if (member == NULL) {
		return ctl_fail(
			ctl, EXIT_USAGE,
			"--zone programme is told by a member's score, and this is about no "
			"member: give an offset such as +08:00");
	}
	request.member = member;
	exit_code = connect_ask(ctl, "memberd.v1.ScoringService/GetScore", &request.base,
				&memberd__v1__get_score_response__descriptor, true, &answer);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	response = (const Memberd__V1__GetScoreResponse *)answer;
	if (response->score == NULL || response->score->window_start == NULL) {
		return ctl_fail(ctl, EXIT_DATA,
				"memberd does not say when the score's months begin");
	}
	show_in_zone(show_zone_of_month(response->score->window_start));
	return EXIT_OK;
}

int connect_print(struct ctl *ctl, const ProtobufCMessage *message)
{
	struct strbuf text = {0};
	bool good;

	pbjson_print(message, (struct pbjson_style){.indent = 2}, &text);
	strbuf_putc(&text, '\n');
	good = !text.failed;
	fwrite(text.ptr, 1, text.len, ctl->out);
	strbuf_fini(&text);
	return good ? EXIT_OK : ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
}

Memberd__V1__Identity *connect_identity(struct ctl *ctl, const char *text)
{
	Memberd__V1__Identity *identity = arena_alloc(ctl->arena, sizeof(*identity));
	const char *colon = strchr(text, ':');

	if (identity == NULL) {
		ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
		return NULL;
	}
	if (colon == NULL || colon[1] == '\0' ||
	    !str_is_slug((struct str){text, (size_t)(colon - text)}, 64)) {
		ctl_fail(ctl, EXIT_USAGE,
			 "'%.64s' is no identity: wanted ISSUER:ID, the issuer of a-z 0-9 . _ -",
			 text);
		return NULL;
	}
	memberd__v1__identity__init(identity);
	identity->issuer = arena_strndup(ctl->arena, text, (size_t)(colon - text));
	identity->external_id = arena_strdup(ctl->arena, colon + 1);
	if (identity->issuer == NULL || identity->external_id == NULL) {
		ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
		return NULL;
	}
	return identity;
}

Memberd__V1__MemberRef *connect_member(struct ctl *ctl, const char *text)
{
	Memberd__V1__MemberRef *ref = arena_alloc(ctl->arena, sizeof(*ref));
	int64_t id;

	if (ref == NULL) {
		ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
		return NULL;
	}
	memberd__v1__member_ref__init(ref);
	if (str_to_id(str_from(text), &id)) {
		ref->ref_case = MEMBERD__V1__MEMBER_REF__REF_MEMBER_ID;
		ref->member_id = arena_strdup(ctl->arena, text);
		return ref->member_id != NULL ? ref : NULL;
	}
	if (strchr(text, ':') == NULL) {
		ctl_fail(ctl, EXIT_USAGE,
			 "'%.64s' names no member: wanted a member id or ISSUER:ID", text);
		return NULL;
	}
	ref->ref_case = MEMBERD__V1__MEMBER_REF__REF_IDENTITY;
	ref->identity = connect_identity(ctl, text);
	return ref->identity != NULL ? ref : NULL;
}

int connect_min_revision(struct ctl *ctl, int64_t *out)
{
	struct mb_err err;

	if (flags_number(&ctl->flags, FLAG_MIN_REVISION, 0, INT64_MAX, 0, out, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_USAGE, "%s", err.text);
	}
	return EXIT_OK;
}

int connect_subject(struct ctl *ctl, Memberd__V1__MemberRef **member, int64_t *min_revision)
{
	int exit_code = connect_min_revision(ctl, min_revision);

	if (exit_code == EXIT_OK) {
		*member = connect_member(ctl, ctl->flags.arguments[0]);
		exit_code = *member != NULL ? connect_zone(ctl, *member) : EXIT_USAGE;
	}
	return exit_code;
}

int connect_time(struct ctl *ctl, enum flag_id id, Google__Protobuf__Timestamp **out)
{
	const char *text = ctl->flags.values[id];
	int64_t at, rest;

	*out = NULL;
	if (text == NULL) {
		return EXIT_OK;
	}
	if (clock_parse(text, &at, NULL) != MB_OK) {
		return ctl_fail(ctl, EXIT_USAGE,
				"--%s is a time such as 2026-11-21T08:00:00+08:00, not '%.64s'",
				flag_info(id)->name, text);
	}
	*out = arena_alloc(ctl->arena, sizeof(**out));
	if (*out == NULL) {
		return ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
	}
	rest = ((at % US_PER_SECOND) + US_PER_SECOND) % US_PER_SECOND;
	google__protobuf__timestamp__init(*out);
	(*out)->seconds = (at - rest) / US_PER_SECOND;
	(*out)->nanos = (int32_t)(rest * 1000);
	return EXIT_OK;
}

int connect_subject_at(struct ctl *ctl, Memberd__V1__MemberRef **member, int64_t *min_revision,
		       Google__Protobuf__Timestamp **as_of, Google__Protobuf__Timestamp **known_at)
{
	int exit_code = connect_subject(ctl, member, min_revision);

	if (exit_code == EXIT_OK) {
		exit_code = connect_time(ctl, FLAG_AS_OF, as_of);
	}
	return exit_code == EXIT_OK ? connect_time(ctl, FLAG_KNOWN_AT, known_at) : exit_code;
}

/* A random UUID, version 4. */
static bool make_request_id(char out[40])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b)) {
		return false;
	}
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		 b[13], b[14], b[15]);
	return true;
}

char *connect_request_id(struct ctl *ctl)
{
	const char *given = ctl->flags.values[FLAG_REQUEST_ID];
	char made[40];
	char *out;

	if (given == NULL && !make_request_id(made)) {
		ctl_fail(ctl, EXIT_SOFTWARE, "no random numbers");
		return NULL;
	}
	out = arena_strdup(ctl->arena, given != NULL ? given : made);
	if (out == NULL) {
		ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
	}
	return out;
}
