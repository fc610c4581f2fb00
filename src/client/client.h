/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: calls to a memberd over gRPC, with a deadline, a bearer token and retries.
 *
 *     submit ─▶ IN FLIGHT ──answer or final error──▶ DONE ─▶ client_wait() hands it back
 *                 ▲    │
 *                 │    └─ may succeed later, may be repeated, time is left ─▶ SLEEPING
 *                 └──────────────────── backoff is over ──────────────────────────┘
 *
 * Happy path: client_submit() starts any number of calls, client_wait() drives them and hands back each
 * one as it ends; client_call() does both for one call.
 * Failure modes: an error of the server comes back with its code, field, text and time to wait as
 * the server's own floors had them; a reason that this side does not know stays at the front of the text.
 * What C core makes up itself (no connection, deadline, too large a message) gets a code and a sentence.
 *
 * Retries: only of calls that say `repeatable`, only for errors that may pass by themselves (the table's
 * retry column, and UNAVAILABLE), with exponential backoff and jitter, never sooner than RetryInfo or
 * grpc-retry-pushback-ms ask for, and never beyond the deadline, which holds for all attempts together.
 * A call that is not repeatable and ends in MB_CALL_TIMED_OUT, MB_CALL_CANCELLED or with UNAVAILABLE may
 * have taken effect.
 *
 * Threads:  a client and its calls belong to one thread at a time.
 * Memory:   responses are built in the call's arena and live as long as it does.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "google/rpc/status.pb-c.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct client_flight;

/* Zero takes the default. Copied by client_create(). */
struct client_options {
	const char *token; /* sent as `authorization: Bearer`; NULL for none */
	const char *user_agent; /* "memberd-client" */
	int64_t deadline_ms; /* of a call that names none; 10 s */
	int attempts; /* of a repeatable call, the first one included; 5 */
	int64_t backoff_ms; /* before the second attempt, doubled with each one; 100 */
	int64_t backoff_most_ms; /* 5 s */
	size_t message_max; /* bytes of a response; 16 MiB */
};

/* target: "127.0.0.1:7443", "[::1]:7443", "unix:/path". Connects with the first call, so that nobody
 * listening shows only then. MB_FIELD_INVALID for a target or token that cannot be. */
enum mb_code client_create(const char *target, const struct client_options *options,
			   struct client **out, struct mb_err *err);
/* Cancels what is under way and lets go of calls not handed back yet; their arenas live until then. */
void client_destroy(struct client *client);

struct client_call {
	/* in: borrowed until the call is handed back */
	const char *method; /* "memberd.v1.MemberService/GetMember" */
	const ProtobufCMessage *request; /* packed by client_submit(), not needed afterwards */
	const ProtobufCMessageDescriptor *response_type;
	struct arena *arena;
	int64_t deadline_ms; /* 0: the client's */
	bool repeatable; /* doing it twice does no harm: a read, or a write with a key of its own */
	/* out: valid once handed back */
	ProtobufCMessage *response; /* NULL unless err.code is MB_OK */
	struct mb_err err;
	int grpc_code; /* of the last attempt */
	int attempts;
	/* caller's */
	void *data;
	/* client's: do not touch */
	struct client_flight *flight;
};

/* Either returns an error and the call will not be handed back, or MB_OK and it will be, once. */
enum mb_code client_submit(struct client *client, struct client_call *call, struct mb_err *err);
/* The next call that has ended, in the order in which they end; waits for at most timeout_ms (< 0: as
 * long as it takes). NULL when none has ended by then, or none is under way. */
struct client_call *client_wait(struct client *client, int64_t timeout_ms);
/* Submitted and not handed back yet. */
size_t client_pending(const struct client *client);
/* The call ends soon, with MB_CALL_CANCELLED unless it was faster; it is handed back all the same.
 * May be said more than once. */
void client_cancel(struct client *client, struct client_call *call);

/* One call from beginning to end; others go on meanwhile and wait for client_wait(). *out is untouched
 * on failure. */
enum mb_code client_call(struct client *client, const char *method, const ProtobufCMessage *request,
			 const ProtobufCMessageDescriptor *response_type, bool repeatable,
			 struct arena *arena, ProtobufCMessage **out, struct mb_err *err);

/* The store behind the server, as the last answer that named one did in its initial metadata
 * (x-memberd-store-id); "" before any did. Who goes on with something begun earlier compares it. */
const char *client_store_id(const struct client *client);

/* The story of one item's status in an answer about many; MB_OK when it says so. */
enum mb_code client_read_status(const Google__Rpc__Status *status, struct mb_err *err);

/* ---- streams of answers; the thread waits in each of these ---- */

struct client_stream;

/* It has no deadline. A stream that cannot be is told by the first client_stream_next(). */
enum mb_code client_stream_open(struct client *client, const char *method,
				const ProtobufCMessage *request,
				const ProtobufCMessageDescriptor *response_type,
				struct client_stream **out, struct mb_err *err);
/* The next message, in the arena; *out is NULL when the stream has ended well. On failure *may_retry says
 * whether the same may be asked for again. */
enum mb_code client_stream_next(struct client_stream *stream, struct arena *arena,
				ProtobufCMessage **out, bool *may_retry, struct mb_err *err);
/* Cancels what has not ended; before the client goes. NULL is fine. */
void client_stream_close(struct client_stream *stream);
