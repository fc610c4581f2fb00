/* SPDX-License-Identifier: Apache-2.0 */
#include "client/outcome.h"

#include "base/arena.h"
#include "client/client.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "rpc/pb.h"
#include "rpc/prescan.h"
#include "rpc/status.h"

#include <stdio.h>
#include <string.h>

#define DOMAIN	     "memberd"
#define DETAILS_MOST ((size_t)256 << 10) /* memory for reading a status; more is not believed */
#define RETRY_MOST   INT64_C(86400000)

enum {
	GRPC_CANCELLED = 1,
	GRPC_TIMED_OUT = 4,
	GRPC_EXHAUSTED = 8,
	GRPC_UNAVAILABLE = 14,
};

/* What the details say. Strings live in the arena. */
struct story {
	const char *reason, *domain; /* NULL without ErrorInfo */
	const char *field; /* NULL without BadRequest */
	int64_t retry_after_ms; /* 0 without RetryInfo */
};

static ProtobufCMessage *read_message(struct arena *arena, const ProtobufCMessageDescriptor *type,
				      const void *bytes, size_t size)
{
	const struct prescan_limits limits = {PRESCAN_DEPTH, PRESCAN_ELEMENTS, DETAILS_MOST};

	if (prescan(type, bytes, size, &limits, NULL, NULL) != MB_OK) {
		return NULL;
	}
	return pb_unpack(arena, type, bytes, size);
}

/* "type.googleapis.com/google.rpc.ErrorInfo", whoever the host is. */
static bool is_of_type(const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *type)
{
	const char *slash = strrchr(any->type_url, '/');

	return slash != NULL && strcmp(slash + 1, type->name) == 0;
}

static int64_t read_delay(const Google__Rpc__RetryInfo *info)
{
	const Google__Protobuf__Duration *delay = info->retry_delay;

	if (delay == NULL || delay->seconds < 0 || delay->nanos < 0) {
		return 0;
	}
	if (delay->seconds >= RETRY_MOST / 1000) {
		return RETRY_MOST;
	}
	return delay->seconds * 1000 + (delay->nanos + 999999) / 1000000;
}

static void read_detail(struct arena *arena, const Google__Protobuf__Any *any, struct story *story)
{
	const ProtobufCMessageDescriptor *type = NULL;
	const Google__Rpc__BadRequest *bad;
	const Google__Rpc__ErrorInfo *info;
	ProtobufCMessage *message;

	if (is_of_type(any, &google__rpc__error_info__descriptor)) {
		type = &google__rpc__error_info__descriptor;
	} else if (is_of_type(any, &google__rpc__bad_request__descriptor)) {
		type = &google__rpc__bad_request__descriptor;
	} else if (is_of_type(any, &google__rpc__retry_info__descriptor)) {
		type = &google__rpc__retry_info__descriptor;
	} else {
		return;
	}
	message = read_message(arena, type, any->value.data, any->value.len);
	if (message == NULL) {
		return;
	}
	if (type == &google__rpc__error_info__descriptor) {
		info = (const Google__Rpc__ErrorInfo *)message;
		story->reason = info->reason;
		story->domain = info->domain;
	} else if (type == &google__rpc__bad_request__descriptor) {
		bad = (const Google__Rpc__BadRequest *)message;
		if (bad->n_field_violations > 0) {
			story->field = bad->field_violations[0]->field;
		}
	} else {
		story->retry_after_ms = read_delay((const Google__Rpc__RetryInfo *)message);
	}
}

static void read_details(struct arena *arena, const Google__Rpc__Status *status,
			 struct story *story)
{
	for (size_t i = 0; i < status->n_details; i++) {
		read_detail(arena, status->details[i], story);
	}
}

static bool find_reason(const char *reason, enum mb_code *out)
{
	for (enum mb_code code = MB_OK + 1; code < MB_CODES; code++) {
		if (strcmp(mb_code_reason(code), reason) == 0) {
			*out = code;
			return true;
		}
	}
	return false;
}

/* For an error without a reason, or with one that this side does not know. */
static enum mb_code code_of(const struct outcome *outcome, bool answered)
{
	switch (outcome->grpc_code) {
	case GRPC_EXHAUSTED: /* C core's word for too large a message */
		return MB_ARENA_FULL;
	case GRPC_UNAVAILABLE:
		return answered || outcome->connected ? MB_OVERLOADED : MB_SERVER_UNREACHABLE;
	default:
		break;
	}
	for (enum mb_code code = MB_OK + 1; code < MB_CODES; code++) {
		if (mb_code_grpc(code) == outcome->grpc_code) {
			return code;
		}
	}
	return MB_INTERNAL;
}

static enum mb_code tell_unreachable(const struct outcome *outcome, struct mb_err *err)
{
	const char *why = outcome->message.ptr;
	size_t len = outcome->message.len;

	/* "failed to connect to all addresses; last error: …: Connection refused" */
	for (size_t i = outcome->message.len; i > 1; i--) {
		if (outcome->message.ptr[i - 2] == ':' && outcome->message.ptr[i - 1] == ' ') {
			why = outcome->message.ptr + i;
			len = outcome->message.len - i;
			break;
		}
	}
	return mb_fail(err, MB_SERVER_UNREACHABLE,
		       "no memberd answers at %.100s (%.*s): check the address, and that it runs",
		       outcome->target, len > 80 ? 80 : (int)len, why);
}

/* The message without the path of the field, which err keeps by itself. */
static struct str strip_field(struct str message, const char *field)
{
	size_t len = strlen(field);

	if (len > 0 && message.len > len + 2 && memcmp(message.ptr, field, len) == 0 &&
	    memcmp(message.ptr + len, ": ", 2) == 0) {
		return (struct str){message.ptr + len + 2, message.len - len - 2};
	}
	return message;
}

static void tell(const struct outcome *outcome, const struct story *story, struct mb_err *err)
{
	const char *field = story->field == NULL ? "" : story->field;
	struct str message = strip_field(outcome->message, field);
	enum mb_code code = code_of(outcome, story->reason != NULL);

	if (message.len > sizeof(err->text)) {
		message.len = sizeof(err->text);
	}
	if (story->reason != NULL && strcmp(story->domain, DOMAIN) == 0 &&
	    find_reason(story->reason, &code)) {
		mb_fail_field(err, code, field, "%.*s", STR_ARG(message));
	} else if (story->reason != NULL) {
		mb_fail_field(err, code, field, "%.64s: %.*s", story->reason, STR_ARG(message));
	} else if (code == MB_SERVER_UNREACHABLE) {
		tell_unreachable(outcome, err);
	} else if (outcome->grpc_code == GRPC_TIMED_OUT && outcome->target[0] != '\0') {
		mb_fail(err, code, "no answer from %.100s within the deadline", outcome->target);
	} else if (message.len == 0 || outcome->grpc_code == GRPC_CANCELLED) {
		mb_fail(err, code, "%s", mb_code_text(code));
	} else {
		mb_fail_field(err, code, field, "%.*s", STR_ARG(message));
	}
	rpc_status_clean(err); /* what a peer wrote may reach a terminal, or a JSON text */
	err->retry_after_ms = story->retry_after_ms;
}

void outcome_read(const struct outcome *outcome, struct mb_err *err, bool *may_retry)
{
	struct arena *arena = arena_create(NULL, DETAILS_MOST);
	const Google__Rpc__Status *status = NULL;
	struct story story = {0};
	int64_t pushback;

	if (arena != NULL && outcome->details.len > 0) {
		status = (const Google__Rpc__Status *)read_message(
			arena, &google__rpc__status__descriptor, outcome->details.ptr,
			outcome->details.len);
	}
	if (status != NULL) {
		read_details(arena, status, &story);
	}
	tell(outcome, &story, err);
	*may_retry = mb_code_retryable(err->code) || outcome->grpc_code == GRPC_UNAVAILABLE;
	if (outcome->pushback.len > 0) {
		/* what cannot be read is a no, too: so says the retry design of gRPC */
		if (!str_to_i64(outcome->pushback, &pushback) || pushback < 0) {
			*may_retry = false;
		} else {
			err->retry_after_ms = pushback < RETRY_MOST ? pushback : RETRY_MOST;
		}
	}
	arena_destroy(arena);
}

enum mb_code client_read_status(const Google__Rpc__Status *status, struct mb_err *err)
{
	struct outcome outcome = {
		.grpc_code = status->code,
		.message = str_from(status->message),
		.connected = true,
		.target = "",
	};
	struct arena *arena;
	struct story story = {0};

	if (status->code == 0) {
		*err = (struct mb_err){.code = MB_OK};
		return MB_OK;
	}
	arena = arena_create(NULL, DETAILS_MOST);
	if (arena != NULL) {
		read_details(arena, status, &story);
	}
	tell(&outcome, &story, err);
	arena_destroy(arena);
	return err->code;
}
