/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: the one table of everything that can go wrong, and the story of one failure.
 *
 * A function that can fail returns enum mb_code; the caller hands in a struct mb_err, which whoever
 * detects the failure fills and everybody else passes up unchanged. Nothing here is global or
 * thread-local: requests hop threads.
 *
 * The name of a row is the machine-readable reason of google.rpc.ErrorInfo (domain "memberd").
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/* retry: the same call may succeed later without any change on the caller's side. */
#define MB_ERRORS(X)                                                                               \
	/*  reason                 grpc retry  text                                             */ \
	X(OK, 0, false, "ok")                                                                      \
	X(CALL_CANCELLED, 1, true, "the caller gave up")                                           \
	X(FIELD_INVALID, 3, false, "a field of the request is not valid")                          \
	X(AMOUNT_OVER_LIMIT, 3, false, "an amount is over the limit of 10^13 minor units")         \
	X(CURRENCY_UNKNOWN, 3, false, "the policy has no rate for this currency")                  \
	X(IN_FUTURE, 3, false, "a time lies in the future")                                        \
	X(POLICY_INVALID, 3, false, "the policy file is not valid")                                \
	X(MESSAGE_MALFORMED, 3, false, "the message is not well-formed")                           \
	X(CALL_TIMED_OUT, 4, true, "the deadline passed")                                          \
	X(MEMBER_NOT_FOUND, 5, false, "no such member")                                            \
	X(IDENTITY_NOT_FOUND, 5, false, "the member has no such identity")                         \
	X(BENEFIT_NOT_FOUND, 5, false, "no such benefit")                                          \
	X(ACTIVITY_NOT_FOUND, 5, false, "the member has no such activity")                         \
	X(POLICY_NOT_FOUND, 5, false, "no such policy version")                                    \
	X(SERVICE_NOT_FOUND, 5, false, "no such service")                                          \
	X(IDENTITY_TAKEN, 6, false, "the identity belongs to another member")                      \
	X(ACTIVITY_CONFLICT, 6, false, "the key is taken by an activity of other content")         \
	X(ORDER_EXISTS, 6, false, "the order exists under another source_event_id")                \
	X(REQUEST_ID_REUSED, 6, false, "the request_id was used for another request")              \
	X(PERMISSION_MISSING, 7, false, "the caller lacks the permission")                         \
	X(PARKED_FULL, 8, false, "too many activities of this member wait for what they name")     \
	X(ARENA_FULL, 8, false, "the call needs more memory than its method may take")             \
	X(OUT_OF_WINDOW, 9, false, "the activity is older than 14 months")                         \
	X(REFUND_OVER_REMAINDER, 9, false, "more would be taken back than is left of the line")    \
	X(REFUND_LINE_MISMATCH, 9, false, "the order has no such line in this currency")           \
	X(ORDER_CLOSED, 9, false, "the order is cancelled")                                        \
	X(UNDO_NOT_ALLOWED, 9, false, "an activity of this kind cannot be undone")                 \
	X(NAMED_KIND_MISMATCH, 9, false, "the activity named is of another kind")                  \
	X(FINDING_EXISTS, 9, false, "the activity was found fake before")                          \
	X(FINDING_NOT_ALLOWED, 9, false, "an activity of this kind cannot be found fake")          \
	X(VOID_NOT_ALLOWED, 9, false, "this activity cannot be made void")                         \
	X(LAST_IDENTITY, 9, false, "a member keeps at least one identity")                         \
	X(REVISION_UNKNOWN, 9, false, "min_revision is above the member's revision")               \
	X(POLICY_NOT_NEXT, 9, false, "the policy version is not the one that comes next")          \
	X(ETAG_MISMATCH, 10, false, "the profile changed since it was read")                       \
	X(CURSOR_TOO_OLD, 11, false, "what follows the cursor is no longer kept")                  \
	X(METHOD_UNKNOWN, 12, false, "no such method")                                             \
	X(INTERNAL, 13, false, "a defect of memberd")                                              \
	X(OVERLOADED, 14, true, "too much work at once")                                           \
	X(STORE_UNAVAILABLE, 14, true, "the store does not answer")                                \
	X(STORE_FULL, 14, true, "the store's disk is full")                                        \
	X(DRAINING, 14, true, "the server is going down")                                          \
	X(SERVER_UNREACHABLE, 14, true, "no server answers there; told by clients only")           \
	X(TOKEN_UNKNOWN, 16, false, "no valid token was sent")

enum mb_code {
#define X(name, grpc, retry, text) MB_##name,
	MB_ERRORS(X)
#undef X
		MB_CODES
};

/* What passes by itself soon, OVERLOADED and DRAINING, is told with a time to wait. */
#define MB_RETRY_AFTER_MS 100

struct mb_err {
	enum mb_code code;
	int64_t retry_after_ms; /* RetryInfo when > 0; set by mb_fail() */
	char field[96]; /* path of the request's field at fault, "" when there is none */
	char text[256]; /* one line, lower case, says what to do next where that helps */
};

/* Fills err (which may be NULL) and returns code, so that a failure is one statement. */
enum mb_code mb_fail(struct mb_err *err, enum mb_code code, const char *fmt, ...) MB_PRINTF(3, 4);

/* The same, naming the field at fault ("activities[3].order.lines[0].amount"). */
enum mb_code mb_fail_field(struct mb_err *err, enum mb_code code, const char *field,
			   const char *fmt, ...) MB_PRINTF(4, 5);

/* Puts "prefix." before err->field; for a checker of a part called by the checker of the whole. */
void mb_err_prefix_field(struct mb_err *err, const char *fmt, ...) MB_PRINTF(2, 3);

/* The row's columns; code must be one of the table. */
const char *mb_code_reason(enum mb_code code);
int mb_code_grpc(enum mb_code code);
bool mb_code_retryable(enum mb_code code);
const char *mb_code_text(enum mb_code code);

/* The statuses of gRPC, by number. */
#define GRPC_STATUSES 17

/* "NOT_FOUND" of 5; status must be below GRPC_STATUSES. */
const char *mb_grpc_name(int status);
