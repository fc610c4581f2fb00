/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_impl: one RPC from inside; shared by server, call, stream and metadata, nobody else.
 *
 *     server.c   arrival ─▶ rpc_call_begin() ─▶ admission ─▶ handler ── finishes at once ──┐
 *                                                            │                             │
 *                                                            └─ later, from any thread ────┤
 *     call.c     release ◀── all batches complete ◀── answer batch (message, status) ◀─────┘
 *
 * Happy path: a posted request completes on the queue's thread, which admits the call, runs the handler
 * with the call `held`, and then starts one batch with everything: wait for close, metadata, message,
 * status. Its completion releases the call. One completion for the request, one for the answer.
 *
 * Deferred: the handler returned without finishing. The queue's thread starts the wait for close on its
 * own, so that a cancellation is heard; whoever finishes starts the answer's batch.
 *
 * Failure modes: cancelled (the wait for close completes first; the handler is told and must still
 * finish; the answer's batch then completes as failed), doomed (a stream's message was refused: the
 * handler is told as if cancelled, and the refusal is what the caller hears).
 *
 * Threads:  `lock` guards everything below it in the struct, and every start of a batch: C core wants
 *           them one at a time. All completions of a call arrive on its queue's one thread; only there
 *           a call is released, so that no callback can lose its call while it runs.
 */
#pragma once

#include "rpc/call.h"
#include "rpc/registry_impl.h"
#include "rpc/server.h"

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#define CALL_MAGIC     0x43616c6cu
#define REQUEST_ID_MAX 64
#define TRACE_ID_LEN   32

struct rpc_queue;

/* The posted requests of one method on one queue; method NULL: those for unknown ones. Its queue's
 * thread alone uses it. */
struct rpc_slot {
	struct rpc_queue *queue;
	const struct rpc_method *method;
	void *registered; /* C core's name for the method */
	int posted, wanted; /* requests that wait for calls, and how many should */
	int working; /* calls that have come and not gone */
	/* Who was let in last, which saves looking him up: what a principal may do never changes. */
	const struct rpc_principal *welcome;
};

/* Something C core was asked to do; its address is the tag that comes back. */
struct rpc_op {
	void (*done)(struct rpc_op *op, bool ok); /* on the queue's thread */
	struct rpc_call *call;
};

/* What the request's metadata said. */
struct rpc_request_meta {
	struct str token; /* of `authorization: Bearer`; {NULL, 0} without one; the slice's bytes */
	/* "" when absent or not printable; then one is made when somebody asks */
	char request_id[REQUEST_ID_MAX + 1];
	char trace_id[TRACE_ID_LEN + 1];
};

struct rpc_call {
	uint32_t magic;
	struct rpc_server *server;
	struct rpc_slot *slot;
	const struct rpc_method *method; /* NULL: no such method */

	/* written by C core when the posted request completes */
	grpc_call *core;
	gpr_timespec deadline;
	grpc_metadata_array metadata;
	grpc_call_details details; /* of an unknown method */
	grpc_byte_buffer *payload;

	/* set before the handler runs, constant then */
	struct arena *arena;
	const struct rpc_principal *principal;
	int64_t start_ns, deadline_ns;
	struct rpc_request_meta meta;

	struct rpc_op arrived, closed, answered, was_read, written, nudged;
	atomic_bool gone; /* cancelled, timed out, broken or doomed; set under lock */
	void *data; /* the handler's */

	pthread_mutex_t lock;
	pthread_cond_t idle; /* on_cancel stopped running */
	int batches; /* under way */
	bool held; /* the queue's thread is in the handler and will start the batches */
	bool listening; /* the wait for close was started */
	bool greeted; /* initial metadata was sent */
	bool finished; /* by the handler */
	bool at_once; /* the wait for close is part of the answer's batch */
	bool answering; /* the answer's batch was started */
	bool doomed; /* err was set by a refused message, not by the handler */
	bool told; /* the stream's handler was told that the call is over */
	bool reading, writing;
	bool half_closed;
	bool cancel_running;
	pthread_t cancel_thread;
	void (*cancel_fn)(void *data);
	void *cancel_data;
	grpc_byte_buffer *answer; /* NULL: status only */
	grpc_byte_buffer *outgoing; /* of the write under way */
	grpc_byte_buffer *incoming;
	enum mb_code lost; /* why the answer goes nowhere; MB_OK as long as it may arrive */
	int core_cancelled; /* written by C core when the wait for close ends */
	struct arena *scratch; /* memory of the stream's message at hand */
	size_t bytes_in, bytes_out;
	struct mb_err err;
	const struct rpc_violation *violations; /* in the arena */
	size_t n_violations;
};

/* ---- call.c ---- */

struct rpc_call *rpc_call_create(struct rpc_server *server, struct rpc_slot *slot);
/* Frees a call that never arrived. */
void rpc_call_destroy(struct rpc_call *call);
/* The same in memory that is there; fini ends what an ended call has. */
void rpc_call_init(struct rpc_call *call, struct rpc_server *server, struct rpc_slot *slot);
void rpc_call_fini(struct rpc_call *call);
/* The queue's thread has done with a call it held: starts the answer if there is one, else the wait for
 * close. */
void rpc_call_let_go(struct rpc_call *call);
/* Starts a batch; call->lock is held. */
void rpc_call_start(struct rpc_call *call, const grpc_op *ops, size_t count, struct rpc_op *tag);
/* The op that sends initial metadata, once; lock is held. */
void rpc_call_greet(struct rpc_call *call, grpc_op *op);
/* Starts the answer's batch if the call is finished and nothing holds it back; lock is held. */
void rpc_call_answer(struct rpc_call *call);
/* A completion is done with the call: unlocks, and releases the call if it was the last. */
void rpc_call_unlock_last(struct rpc_call *call);
/* The message in the buffer, scanned and unpacked into arena; takes the buffer. */
enum mb_code rpc_call_unpack(struct rpc_call *call, grpc_byte_buffer *buffer, struct arena *arena,
			     ProtobufCMessage **out, struct mb_err *err);
/* A message as C core sends it. */
grpc_byte_buffer *rpc_call_pack(const ProtobufCMessage *message);

/* ---- admission.c ---- */

/* The posted request completed with a call: admits it, holds it and runs the handler. */
void rpc_call_begin(struct rpc_call *call);

/* ---- stream.c ---- */

void rpc_stream_read_done(struct rpc_op *op, bool ok);
void rpc_stream_write_done(struct rpc_op *op, bool ok);
void rpc_stream_nudge_done(struct rpc_op *op, bool ok);
/* Tells a stream's handler, once, that the call is over; nothing for a unary one. */
void rpc_stream_tell_cancelled(struct rpc_call *call);

/* ---- metadata.c ---- */

void rpc_metadata_read(const grpc_metadata_array *metadata, struct rpc_request_meta *out);

/* ---- listen.c ---- */

/* Binds `host:port`, or `unix:PATH` for this user alone; *port is the one that was bound. */
enum mb_code rpc_listen(grpc_server *core, const char *address, int *port, struct mb_err *err);
/* Shuts down what was accepted there. C core closes no connection on which it is writing, and one whose peer
 * does not read is written to until the kernel gives it up: after 20 seconds, or, on a Unix socket, never. C
 * core tells no descriptors, hence the search among those of the process; it is about to end. */
void rpc_listen_cut(const char *address, int port);

/* ---- server.c ---- */

const struct rpc_server_options *rpc_server_options_of(const struct rpc_server *server);
/* Counts the call in, also when it answers MB_DRAINING or MB_OVERLOADED. */
enum mb_code rpc_server_enter(struct rpc_server *server, struct rpc_call *call, struct mb_err *err);
/* Memory of a call, NULL when it is short; and what to do with it when the call ends. On the queue's
 * thread. */
struct arena *rpc_server_take_arena(struct rpc_call *call);
void rpc_server_give_arena(struct rpc_call *call, struct arena *arena);
/* Initial metadata of every answer. */
const grpc_metadata *rpc_server_greeting(const struct rpc_server *server, size_t *count);
/* A request id where the caller sent none. */
void rpc_server_make_id(struct rpc_server *server, char out[REQUEST_ID_MAX + 1]);
/* The call is being released: counts it out and posts again what could not be posted before. */
void rpc_server_leave(struct rpc_server *server, struct rpc_call *call);
