/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call: one RPC as a handler sees it.
 *
 * Threads:  a handler starts on a completion-queue thread and must not block there. It may finish
 *           the call from inside, or keep the pointer and finish it later from any other thread.
 *           At one time one thread uses a call's arena.
 * Memory:   the request and everything in the arena live until the call was finished *and* the
 *           handler gave the call up; finishing is giving it up. Nothing of it may be touched then.
 * Ending:   every call is finished exactly once: rpc_call_reply(), rpc_call_reply_bytes() or
 *           rpc_call_fail(). A cancelled or timed out call, too: the answer then goes nowhere.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

struct rpc_call;
struct rpc_principal;

/* The handler of a unary method; request is unpacked and pre-scanned. */
typedef void rpc_unary_fn(struct rpc_call *call, const ProtobufCMessage *request, void *data);

struct arena *rpc_call_arena(struct rpc_call *call);
/* Never NULL; the anonymous principal where nobody needs to say who he is. */
const struct rpc_principal *rpc_call_principal(const struct rpc_call *call);
const char *rpc_call_method(const struct rpc_call *call); /* "memberd.v1.MemberService/GetMember" */
/* Metadata x-request-id, or one made by the server. */
const char *rpc_call_request_id(const struct rpc_call *call);
/* Where the caller is, as C core names it: "ipv4:127.0.0.1:5123"; cut where out is too short. */
void rpc_call_peer(const struct rpc_call *call, char *out, size_t size);
/* Clock of clock_monotonic_ns(); INT64_MAX when the caller set no deadline. */
int64_t rpc_call_deadline_ns(const struct rpc_call *call);
/* Whether the caller gave up, the deadline passed or the connection broke. */
bool rpc_call_cancelled(const struct rpc_call *call);
/* fn runs at most once, on any thread, as soon as that happens (at once if it has). It must only
 * mark or wake: finishing the call from inside is asserted against. NULL takes it back: then it will not run any more
 * and does not run now, for which this waits (unless called from fn itself), so hold no lock that fn
 * takes. Finishing the call takes it back likewise. For streams there is `cancelled` instead. */
void rpc_call_on_cancel(struct rpc_call *call, void (*fn)(void *data), void *data);

/* response is packed before this returns. If the arena overflowed, the call fails with that. */
void rpc_call_reply(struct rpc_call *call, const ProtobufCMessage *response);
/* An already packed response. */
void rpc_call_reply_bytes(struct rpc_call *call, struct str packed);
/* Ends with the status of the code, and google.rpc.Status with ErrorInfo (and BadRequest, RetryInfo)
 * in grpc-status-details-bin. If the arena overflowed, that is told instead. */
void rpc_call_fail(struct rpc_call *call, const struct mb_err *err);
/* The same, with more than one thing that is wrong: they are told in the BadRequest instead of err's own
 * field, as many as trailers may hold. They live in the call's arena. */
struct rpc_violation {
	char *field, *text;
};
void rpc_call_fail_all(struct rpc_call *call, const struct mb_err *err,
		       const struct rpc_violation *violations, size_t n);

/* ---- streams: server-streaming and bidirectional methods ---- */

/*
 * A stream handler is driven by callbacks, all on one thread, never two at once for one call.
 * Reading: after `open` the handler asks for one message at a time with rpc_stream_read(); the
 * answer is `message`, or `half_closed` when the caller has sent all. Writing: one message may be
 * under way; `written` tells that the next may be sent. So a slow reader holds the writer back.
 * Ending: no callback starts after the call was finished, nor after `cancelled`. One that has started
 * before may still run to its end beside a thread that finishes; the arena lives as long.
 */
struct rpc_stream_ops {
	/* Server-streaming: request is the one message. Bidirectional: NULL. */
	void (*open)(struct rpc_call *call, const ProtobufCMessage *request, void *data);
	void (*message)(struct rpc_call *call, const ProtobufCMessage *message, void *data);
	void (*half_closed)(struct rpc_call *call, void *data);
	void (*written)(struct rpc_call *call, void *data);
	/* The caller gave up, or sent a message that was refused: reads and writes do nothing any
	 * more. The handler must still finish the call; a refusal is told instead of its status. */
	void (*cancelled)(struct rpc_call *call, void *data);
};

/* Asks for the next message of a bidirectional method; one read at a time (asserted). The message
 * before lives until then. From any thread, as the others below. */
void rpc_stream_read(struct rpc_call *call);
/* Memory of the message at hand, with the method's cap for itself. Bidirectional: of the message that
 * came in, until the next rpc_stream_read(); NULL when there is none. Server-streaming: of the one that
 * goes out, until the next rpc_stream_write(); NULL when memory is short. (A long stream must not build
 * its answers in rpc_call_arena(), which keeps everything.) */
struct arena *rpc_stream_arena(struct rpc_call *call);
/* Of a bidirectional method: the message at hand and its memory become the handler's, who destroys the
 * arena; so several messages may be in work at once. Once for each message; rpc_stream_arena() is NULL
 * then. */
struct arena *rpc_stream_take_arena(struct rpc_call *call);
/* One at a time (asserted); packed before this returns. If the arena of the message overflowed, nothing
 * is sent, `cancelled` follows, and the caller hears of the arena. */
void rpc_stream_write(struct rpc_call *call, const ProtobufCMessage *message);
/* Ends a stream with OK after what was written. */
void rpc_stream_end(struct rpc_call *call);
/* The handler's own state of this call; NULL at first. */
void rpc_call_set_data(struct rpc_call *call, void *data);
void *rpc_call_data(const struct rpc_call *call);
