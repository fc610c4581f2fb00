/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"
#include "rpc/call_impl.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <string.h>

static void discard(grpc_byte_buffer **buffer)
{
	if (*buffer != NULL) {
		grpc_byte_buffer_destroy(*buffer);
		*buffer = NULL;
	}
}

/* The lock is held. Nothing goes in or out any more. */
static bool is_over(const struct rpc_call *call)
{
	return call->finished || atomic_load_explicit(&call->gone, memory_order_relaxed);
}

static void drop_scratch(struct rpc_call *call)
{
	arena_destroy(call->scratch);
	call->scratch = NULL;
}

static struct arena *make_scratch(const struct rpc_call *call)
{
	return FAULT("rpc.stream.arena") ? NULL
					 : arena_create(rpc_server_options_of(call->server)->budget,
							call->method->arena_cap);
}

struct arena *rpc_stream_arena(struct rpc_call *call)
{
	struct arena *arena;

	pthread_mutex_lock(&call->lock);
	if (call->scratch == NULL && call->method->shape == RPC_SERVER_STREAM) {
		call->scratch = make_scratch(call);
	}
	arena = call->scratch;
	pthread_mutex_unlock(&call->lock);
	return arena;
}

struct arena *rpc_stream_take_arena(struct rpc_call *call)
{
	struct arena *arena;

	assert(call->magic == CALL_MAGIC && call->method->shape == RPC_BIDI);
	pthread_mutex_lock(&call->lock);
	arena = call->scratch;
	call->scratch = NULL;
	pthread_mutex_unlock(&call->lock);
	return arena;
}

/* ---- the end ---- */

void rpc_stream_tell_cancelled(struct rpc_call *call)
{
	bool tell;

	if (call->method == NULL || call->method->stream == NULL) {
		return;
	}
	pthread_mutex_lock(&call->lock);
	tell = !call->told && !call->finished;
	call->told = true;
	pthread_mutex_unlock(&call->lock);
	if (tell) {
		call->method->stream->cancelled(call, call->method->data);
	}
}

/* The lock is held. The caller will hear err, whatever the handler says when it finishes. */
static void doom(struct rpc_call *call, const struct mb_err *err)
{
	call->doomed = true;
	call->err = *err;
	atomic_store_explicit(&call->gone, true, memory_order_relaxed);
}

void rpc_stream_nudge_done(struct rpc_op *op, bool ok)
{
	struct rpc_call *call = op->call;

	(void)ok;
	rpc_stream_tell_cancelled(call);
	pthread_mutex_lock(&call->lock);
	call->batches--;
	rpc_call_unlock_last(call);
}

/* ---- reading ---- */

void rpc_stream_read(struct rpc_call *call)
{
	grpc_op op = {0};

	assert(call->magic == CALL_MAGIC && call->method->shape == RPC_BIDI);
	pthread_mutex_lock(&call->lock);
	assert(!call->reading);
	if (!is_over(call) && !call->half_closed) {
		drop_scratch(call);
		call->reading = true;
		op.op = GRPC_OP_RECV_MESSAGE;
		op.data.recv_message.recv_message = &call->incoming;
		rpc_call_start(call, &op, 1, &call->was_read);
	}
	pthread_mutex_unlock(&call->lock);
}

/* What a read has brought. */
enum arrival { ARRIVED_NOTHING, ARRIVED_MESSAGE, ARRIVED_END };

/* The lock is held. A read that failed brings nothing: the wait for close tells the rest. */
static enum arrival take_arrival(struct rpc_call *call, bool ok)
{
	if (is_over(call) || !ok || grpc_call_failed_before_recv_message(call->core)) {
		discard(&call->incoming);
		return ARRIVED_NOTHING;
	}
	if (call->incoming == NULL) {
		call->half_closed = true;
		return ARRIVED_END;
	}
	return ARRIVED_MESSAGE;
}

static enum mb_code unpack_incoming(struct rpc_call *call, struct arena *arena,
				    ProtobufCMessage **out, struct mb_err *err)
{
	grpc_byte_buffer *buffer = call->incoming;

	if (arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory is left for this message now");
	}
	call->incoming = NULL;
	return rpc_call_unpack(call, buffer, arena, out, err);
}

/* The message is unpacked beside whatever the handler's threads do, and becomes the one at hand only
 * if the call is still on. */
static void hand_over_message(struct rpc_call *call)
{
	const struct rpc_method *method = call->method;
	struct arena *arena = make_scratch(call);
	ProtobufCMessage *message = NULL;
	struct mb_err err = {0};
	enum mb_code code = unpack_incoming(call, arena, &message, &err);
	bool over;

	pthread_mutex_lock(&call->lock);
	over = is_over(call);
	if (!over && code == MB_OK) {
		call->scratch = arena;
		arena = NULL;
	} else if (!over) {
		doom(call, &err);
	}
	pthread_mutex_unlock(&call->lock);
	discard(&call->incoming);
	arena_destroy(arena);
	if (!over && code == MB_OK) {
		method->stream->message(call, message, method->data);
	} else {
		rpc_stream_tell_cancelled(call);
	}
}

void rpc_stream_read_done(struct rpc_op *op, bool ok)
{
	struct rpc_call *call = op->call;
	enum arrival arrival;

	pthread_mutex_lock(&call->lock);
	call->reading = false;
	arrival = take_arrival(call, ok);
	pthread_mutex_unlock(&call->lock);
	if (arrival == ARRIVED_MESSAGE) {
		hand_over_message(call);
	} else if (arrival == ARRIVED_END) {
		call->method->stream->half_closed(call, call->method->data);
	}
	pthread_mutex_lock(&call->lock);
	call->batches--;
	rpc_call_unlock_last(call);
}

/* ---- writing ---- */

/* The lock is held. */
static void start_write(struct rpc_call *call, grpc_byte_buffer *buffer)
{
	grpc_op ops[2], *op = ops;

	memset(ops, 0, sizeof(ops));
	if (!call->greeted) {
		rpc_call_greet(call, op++);
	}
	op->op = GRPC_OP_SEND_MESSAGE;
	op++->data.send_message.send_message = buffer;
	call->outgoing = buffer;
	call->writing = true;
	call->bytes_out += grpc_byte_buffer_length(buffer);
	rpc_call_start(call, ops, (size_t)(op - ops), &call->written);
}

/* Whether the arenas that the message may have been built in held it whole. */
static bool is_whole(struct rpc_call *call, struct mb_err *err)
{
	struct arena *arenas[] = {call->arena, call->scratch};

	for (int i = 0; i < 2; i++) {
		if (arenas[i] != NULL && arena_overflowed(arenas[i])) {
			arena_fail(arenas[i], err);
			return false;
		}
	}
	return true;
}

void rpc_stream_write(struct rpc_call *call, const ProtobufCMessage *message)
{
	struct mb_err err = {0};

	assert(call->magic == CALL_MAGIC && call->method->shape != RPC_UNARY);
	assert(message->descriptor == call->method->output);
	pthread_mutex_lock(&call->lock);
	assert(!call->finished && !call->writing);
	if (!is_over(call)) {
		if (is_whole(call, &err)) {
			start_write(call, rpc_call_pack(message));
		} else {
			/* An empty batch: `cancelled` must come on the queue's thread, not beside
			 * another callback. */
			doom(call, &err);
			rpc_call_start(call, NULL, 0, &call->nudged);
		}
	}
	if (call->method->shape == RPC_SERVER_STREAM) {
		drop_scratch(call);
	}
	pthread_mutex_unlock(&call->lock);
}

void rpc_stream_write_done(struct rpc_op *op, bool ok)
{
	struct rpc_call *call = op->call;
	bool tell;

	pthread_mutex_lock(&call->lock);
	call->writing = false;
	discard(&call->outgoing);
	tell = ok && !is_over(call);
	rpc_call_answer(call);
	pthread_mutex_unlock(&call->lock);
	if (tell) {
		call->method->stream->written(call, call->method->data);
	}
	pthread_mutex_lock(&call->lock);
	call->batches--;
	rpc_call_unlock_last(call);
}
