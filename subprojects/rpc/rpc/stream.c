/* SPDX-License-Identifier: Apache-2.0 */
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

struct arena *rpc_stream_arena(struct rpc_call *call)
{
	if (call->scratch == NULL) {
		call->scratch = arena_create(rpc_server_options_of(call->server)->budget,
					     call->method->arena_cap);
	}
	return call->scratch;
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
	if (!is_over(call)) {
		call->doomed = true;
		call->err = *err;
		atomic_store_explicit(&call->gone, true, memory_order_relaxed);
	}
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

static void hand_over_message(struct rpc_call *call)
{
	const struct rpc_method *method = call->method;
	grpc_byte_buffer *buffer = call->incoming;
	struct arena *arena = rpc_stream_arena(call);
	ProtobufCMessage *message;
	struct mb_err err = {0};
	enum mb_code code;

	call->incoming = NULL;
	if (arena == NULL) {
		grpc_byte_buffer_destroy(buffer);
		code = mb_fail(&err, MB_OVERLOADED, "no memory is left for this message now");
		err.retry_after_ms = RPC_RETRY_AFTER_MS;
	} else {
		code = rpc_call_unpack(call, buffer, arena, &message, &err);
	}
	if (code == MB_OK) {
		method->stream->message(call, message, method->data);
		return;
	}
	pthread_mutex_lock(&call->lock);
	doom(call, &err);
	pthread_mutex_unlock(&call->lock);
	rpc_stream_tell_cancelled(call);
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
	grpc_byte_buffer *buffer = NULL;
	struct mb_err err = {0};
	bool whole = is_whole(call, &err);

	assert(call->magic == CALL_MAGIC && call->method->shape != RPC_UNARY);
	assert(message->descriptor == call->method->output);
	if (whole) {
		buffer = rpc_call_pack(message);
	}
	pthread_mutex_lock(&call->lock);
	assert(!call->finished && !call->writing);
	if (call->method->shape == RPC_SERVER_STREAM) {
		drop_scratch(call);
	}
	if (!whole) {
		/* C core's cancellation brings `cancelled` by way of the queue's thread; calling it
		 * from here would run it beside another callback. */
		doom(call, &err);
		grpc_call_cancel_with_status(call->core, GRPC_STATUS_RESOURCE_EXHAUSTED, err.text,
					     NULL);
	} else if (!is_over(call)) {
		start_write(call, buffer);
		buffer = NULL;
	}
	pthread_mutex_unlock(&call->lock);
	discard(&buffer);
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
