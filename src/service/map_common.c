/* SPDX-License-Identifier: Apache-2.0 */
#include "service/map.h"

#include "base/clock.h"

#include <string.h>

#define SECONDS_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define NANOS_MAX   999999999
#define UUID_BYTES  36
#define ID_DIGITS   19

enum mb_code from_member_id(const char *text, int64_t *out, struct mb_err *err)
{
	if (!str_to_id(str_from(text), out)) {
		return mb_fail_field(
			err, MB_FIELD_INVALID, "member_id",
			"'%.32s' is no member id: 1 to 19 digits, as given at enrolment", text);
	}
	return MB_OK;
}

enum mb_code from_identity(const Memberd__V1__Identity *message, struct identity *out,
			   struct mb_err *err)
{
	if (message == NULL) {
		return mb_fail(err, MB_FIELD_INVALID, "an identity is missing");
	}
	out->issuer = str_from(message->issuer);
	out->external_id = str_from(message->external_id);
	if (!str_is_slug(out->issuer, SOURCE_BYTES_MAX)) {
		return mb_fail_field(err, MB_FIELD_INVALID, "issuer",
				     "must be 1 to %d of a-z 0-9 . _ -", SOURCE_BYTES_MAX);
	}
	if (out->external_id.len < 1 || out->external_id.len > ID_BYTES_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, "external_id",
				     "must be 1 to %d bytes, not %zu", ID_BYTES_MAX,
				     out->external_id.len);
	}
	return MB_OK;
}

enum mb_code from_member_ref(const Memberd__V1__MemberRef *message, struct member_ref *out,
			     struct mb_err *err)
{
	enum mb_code code;

	*out = (struct member_ref){0};
	if (message != NULL && message->ref_case == MEMBERD__V1__MEMBER_REF__REF_MEMBER_ID) {
		return from_member_id(message->member_id, &out->member_id, err);
	}
	if (message != NULL && message->ref_case == MEMBERD__V1__MEMBER_REF__REF_IDENTITY) {
		code = from_identity(message->identity, &out->identity, err);
		if (code != MB_OK) {
			mb_err_prefix_field(err, "identity");
		}
		return code;
	}
	return mb_fail(err, MB_FIELD_INVALID, "names nobody: give a member_id or an identity");
}

enum mb_code from_member_field(const Memberd__V1__MemberRef *message, const char *field,
			       struct member_ref *out, struct mb_err *err)
{
	enum mb_code code = from_member_ref(message, out, err);

	if (code != MB_OK) {
		mb_err_prefix_field(err, "%s", field);
	}
	return code;
}

enum mb_code from_reason(const char *text, struct str *out, struct mb_err *err)
{
	*out = str_from(text);
	if (out->len < 1 || out->len > REASON_BYTES_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, "reason",
				     "must be 1 to %d bytes, not %zu", REASON_BYTES_MAX, out->len);
	}
	return MB_OK;
}

enum mb_code from_time(const Google__Protobuf__Timestamp *message, int64_t *out, struct mb_err *err)
{
	if (message == NULL) {
		return mb_fail(err, MB_FIELD_INVALID, "is missing");
	}
	if (message->seconds < SECONDS_MIN || message->seconds > SECONDS_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, "seconds",
				     "must lie in the years 1 to 9999");
	}
	if (message->nanos < 0 || message->nanos > NANOS_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, "nanos", "must be 0 to 999,999,999");
	}
	*out = message->seconds * US_PER_SECOND + message->nanos / 1000;
	return MB_OK;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_uuid(struct str text)
{
	if (text.len != UUID_BYTES) {
		return false;
	}
	for (size_t i = 0; i < UUID_BYTES; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text.ptr[i] != '-' : !is_hex(text.ptr[i])) {
			return false;
		}
	}
	return true;
}

enum mb_code from_request_id(const char *text, struct arena *arena, struct str *out,
			     struct mb_err *err)
{
	char *lower;

	if (!is_uuid(str_from(text))) {
		return mb_fail_field(err, MB_FIELD_INVALID, "request_id",
				     "must be a UUID: 8-4-4-4-12 hexadecimal digits");
	}
	lower = arena_strdup(arena, text);
	if (lower == NULL) {
		return arena_fail(arena, err);
	}
	for (char *c = lower; *c != '\0'; c++) {
		if (*c >= 'A' && *c <= 'F') {
			*c = (char)(*c - 'A' + 'a');
		}
	}
	*out = str_from(lower);
	return MB_OK;
}

enum mb_code from_batch(size_t n, const char *field, struct mb_err *err)
{
	if (n < 1 || n > BATCH_ITEMS_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, field, "must hold 1 to %d, not %zu",
				     BATCH_ITEMS_MAX, n);
	}
	return MB_OK;
}

static char *or_empty(char *text)
{
	return text != NULL ? text : (char *)protobuf_c_empty_string;
}

/* By hand: it is in every answer, and printf costs what the rest of the answer does. */
char *to_id(struct arena *arena, int64_t id)
{
	char digits[ID_DIGITS + 1];
	char *first = digits + ID_DIGITS;

	if (id <= 0) {
		return (char *)protobuf_c_empty_string;
	}
	for (*first = '\0'; id > 0; id /= 10) {
		*--first = (char)('0' + id % 10);
	}
	return or_empty(arena_dup(arena, first, (size_t)(digits + sizeof(digits) - first)));
}

char *to_text(struct arena *arena, struct str text)
{
	return or_empty(arena_strndup(arena, text.len > 0 ? text.ptr : "", text.len));
}

Google__Protobuf__Timestamp *to_time(struct arena *arena, int64_t t)
{
	Google__Protobuf__Timestamp *message;
	int64_t seconds = t / US_PER_SECOND;
	int64_t rest = t % US_PER_SECOND;

	if (t == 0) {
		return NULL;
	}
	message = arena_alloc(arena, sizeof(*message));
	if (message == NULL) {
		return NULL;
	}
	if (rest < 0) {
		rest += US_PER_SECOND;
		seconds--;
	}
	google__protobuf__timestamp__init(message);
	message->seconds = seconds;
	message->nanos = (int32_t)(rest * 1000);
	return message;
}

Memberd__V1__Money *to_money(struct arena *arena, int64_t minor, const char *currency)
{
	Memberd__V1__Money *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__money__init(message);
		message->minor = minor;
		message->currency = to_text(arena, str_from(currency));
	}
	return message;
}

Memberd__V1__AnswerInfo *to_info(struct arena *arena, const struct member *member)
{
	Memberd__V1__AnswerInfo *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__answer_info__init(message);
		message->revision = member->revision;
		message->policy_version = member->standing.policy_version;
		message->valid_until = to_time(arena, member->valid_until);
	}
	return message;
}
