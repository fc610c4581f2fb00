/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/call.h"

#include "base/clock.h"
#include "base/fault.h"
#include "rpc/call_impl.h"
#include "rpc/pb.h"
#include "rpc/prescan.h"
#include "rpc/status.h"

#include <assert.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long before its deadline a call that is gone counts as timed out. */
#define DEADLINE_SLACK_NS INT64_C(10000000)

static void close_done(struct rpc_op *op, bool ok);
static void answer_done(struct rpc_op *op, bool ok);

static void init_op(struct rpc_op *op, struct rpc_call *call, void (*done)(struct rpc_op *, bool))
{
	op->done = done;
	op->call = call;
}

struct rpc_call *rpc_call_create(struct rpc_server *server, struct rpc_slot *slot)
{
	struct rpc_call *call = FAULT("rpc.call.create") ? NULL : malloc(sizeof(*call));

	if (call != NULL) {
		rpc_call_init(call, server, slot);
	}
	return call;
}

void rpc_call_init(struct rpc_call *call, struct rpc_server *server, struct rpc_slot *slot)
{
	memset(call, 0, sizeof(*call));
	call->magic = CALL_MAGIC;
	call->server = server;
	call->slot = slot;
	call->method = slot->method;
	grpc_metadata_array_init(&call->metadata);
	if (call->method == NULL) {
		grpc_call_details_init(&call->details);
	}
	pthread_mutex_init(&call->lock, NULL);
	pthread_cond_init(&call->idle, NULL);
	atomic_init(&call->gone, false);
	init_op(&call->closed, call, close_done);
	init_op(&call->answered, call, answer_done);
	init_op(&call->was_read, call, rpc_stream_read_done);
	init_op(&call->written, call, rpc_stream_write_done);
	init_op(&call->nudged, call, rpc_stream_nudge_done);
}

void rpc_call_fini(struct rpc_call *call)
{
	assert(call->magic == CALL_MAGIC);
	rpc_server_give_arena(call, call->arena);
	arena_destroy(call->scratch);
	grpc_metadata_array_destroy(&call->metadata);
	if (call->method == NULL) {
		grpc_call_details_destroy(&call->details);
	}
	if (call->payload != NULL) {
		grpc_byte_buffer_destroy(call->payload);
	}
	if (call->answer != NULL) {
		grpc_byte_buffer_destroy(call->answer);
	}
	if (call->core != NULL) {
		grpc_call_unref(call->core);
	}
	pthread_cond_destroy(&call->idle);
	pthread_mutex_destroy(&call->lock);
	call->magic = 0;
}

void rpc_call_destroy(struct rpc_call *call)
{
	rpc_call_fini(call);
	free(call);
}

/* ---- the one place where a call ends ---- */

/* Why a call is gone: C core tells only that it is. The caller's timer runs beside ours, and its word
 * may come first by what the clocks and the way differ. */
static enum mb_code gone_code(const struct rpc_call *call)
{
	return clock_monotonic_ns() >= call->deadline_ns - DEADLINE_SLACK_NS ? MB_CALL_TIMED_OUT
									     : MB_CALL_CANCELLED;
}

static void tell_ended(struct rpc_call *call, const struct rpc_server_options *options)
{
	const struct rpc_method *method = call->method;
	struct rpc_call_end end = {
		.call = call,
		.method = method == NULL ? "" : method->full,
		.service = method == NULL ? "" : method->service->name,
		.name = method == NULL ? "" : method->name,
		.id = method == NULL ? RPC_METHOD_UNKNOWN : method->id,
		.code = call->lost != MB_OK ? call->lost : call->err.code,
		.duration_ns = clock_monotonic_ns() - call->start_ns,
		.bytes_in = call->bytes_in,
		.bytes_out = call->bytes_out,
		.principal = call->principal,
		.trace_id = call->meta.trace_id,
	};

	if (end.code != MB_OK) {
		if (end.code != call->err.code) {
			mb_fail(&call->err, end.code, "%s", mb_code_text(end.code));
		}
		end.err = &call->err;
	}
	options->ended(&end, options->ended_data);
}

static void release(struct rpc_call *call)
{
	const struct rpc_server_options *options = rpc_server_options_of(call->server);

	if (options->ended != NULL) {
		tell_ended(call, options);
	}
	rpc_server_leave(call->server, call);
}

void rpc_call_unlock_last(struct rpc_call *call)
{
	bool last = call->answering && call->batches == 0;

	pthread_mutex_unlock(&call->lock);
	if (last) {
		release(call);
	}
}

/* ---- batches ---- */

void rpc_call_start(struct rpc_call *call, const grpc_op *ops, size_t count, struct rpc_op *tag)
{
	grpc_call_error error;

	call->batches++;
	error = grpc_call_start_batch(call->core, ops, count, tag, NULL);
	assert(error == GRPC_CALL_OK);
	(void)error;
}

static void listen_for_close(struct rpc_call *call, grpc_op *op)
{
	op->op = GRPC_OP_RECV_CLOSE_ON_SERVER;
	op->data.recv_close_on_server.cancelled = &call->core_cancelled;
	call->listening = true;
}

void rpc_call_greet(struct rpc_call *call, grpc_op *op)
{
	size_t count;
	const grpc_metadata *items = rpc_server_greeting(call->server, &count);

	op->op = GRPC_OP_SEND_INITIAL_METADATA;
	op->data.send_initial_metadata.metadata = (grpc_metadata *)items;
	op->data.send_initial_metadata.count = count;
	call->greeted = true;
}

/* Made when it is asked for: few ever ask. Always the same for one call. */
static const char *request_id_of(struct rpc_call *call)
{
	if (call->meta.request_id[0] == '\0') {
		rpc_server_make_id(call->server, call->meta.request_id);
	}
	return call->meta.request_id;
}

/* What the trailers say about a failure, besides the status itself. */
struct trailers {
	grpc_metadata items[3];
	size_t count;
	grpc_slice text;
};

static void add_trailer(struct trailers *trailers, const char *key, grpc_slice value)
{
	grpc_metadata *item = &trailers->items[trailers->count++];

	memset(item, 0, sizeof(*item));
	item->key = grpc_slice_from_static_string(key);
	item->value = value;
}

static void fill_trailers(struct rpc_call *call, struct trailers *trailers)
{
	uint8_t packed[RPC_STATUS_MAX];
	char pushback[24], text[RPC_STATUS_TEXT];

	trailers->count = 0;
	trailers->text = grpc_empty_slice();
	if (call->err.code == MB_OK) {
		return;
	}
	rpc_status_clean(&call->err);
	trailers->text = grpc_slice_from_copied_string(rpc_status_text(&call->err, text));
	add_trailer(trailers, "grpc-status-details-bin",
		    grpc_slice_from_copied_buffer(
			    (const char *)packed,
			    rpc_status_pack_violations(&call->err, call->violations,
						       call->n_violations, packed)));
	add_trailer(trailers, "x-request-id", grpc_slice_from_copied_string(request_id_of(call)));
	if (call->err.retry_after_ms > 0) {
		snprintf(pushback, sizeof(pushback), "%lld", (long long)call->err.retry_after_ms);
		add_trailer(trailers, "grpc-retry-pushback-ms",
			    grpc_slice_from_copied_string(pushback));
	}
}

static void drop_trailers(struct trailers *trailers)
{
	grpc_slice_unref(trailers->text);
	for (size_t i = 0; i < trailers->count; i++) {
		grpc_slice_unref(trailers->items[i].value);
	}
}

/* One batch with all that was not sent yet. A write under way goes first: its completion comes back
 * here. */
void rpc_call_answer(struct rpc_call *call)
{
	struct trailers trailers;
	grpc_op ops[4], *op = ops;

	if (!call->finished || call->held || call->writing) {
		return;
	}
	memset(ops, 0, sizeof(ops));
	call->at_once = !call->listening;
	if (call->at_once) {
		listen_for_close(call, op++);
	}
	if (!call->greeted) {
		rpc_call_greet(call, op++);
	}
	if (call->answer != NULL && call->err.code == MB_OK) {
		op->op = GRPC_OP_SEND_MESSAGE;
		op++->data.send_message.send_message = call->answer;
		call->bytes_out += grpc_byte_buffer_length(call->answer);
	}
	fill_trailers(call, &trailers);
	op->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
	op->data.send_status_from_server.status = (grpc_status_code)mb_code_grpc(call->err.code);
	op->data.send_status_from_server.status_details = &trailers.text;
	op->data.send_status_from_server.trailing_metadata = trailers.items;
	op++->data.send_status_from_server.trailing_metadata_count = trailers.count;
	call->answering = true;
	rpc_call_start(call, ops, (size_t)(op - ops), &call->answered);
	drop_trailers(&trailers);
}

static void answer_done(struct rpc_op *op, bool ok)
{
	struct rpc_call *call = op->call;

	pthread_mutex_lock(&call->lock);
	call->batches--;
	/* A call that was over before it arrived takes an answer as if nothing were; only the wait for
	 * close knows. It is known to have ended only if it was part of this batch. */
	if ((!ok || (call->at_once && call->core_cancelled != 0)) && call->lost == MB_OK) {
		call->lost = gone_code(call);
	}
	rpc_call_unlock_last(call);
}

/* ---- cancellation ---- */

/* Runs on_cancel's function with the lock released; finishing waits for it. */
static void run_cancel_fn(struct rpc_call *call)
{
	void (*fn)(void *data) = call->cancel_fn;

	if (fn == NULL) {
		return;
	}
	call->cancel_fn = NULL;
	call->cancel_running = true;
	call->cancel_thread = pthread_self();
	pthread_mutex_unlock(&call->lock);
	fn(call->cancel_data);
	pthread_mutex_lock(&call->lock);
	call->cancel_running = false;
	pthread_cond_broadcast(&call->idle);
}

/* From inside the function itself there is nothing to wait for. */
static void take_back_cancel_fn(struct rpc_call *call)
{
	call->cancel_fn = NULL;
	while (call->cancel_running && !pthread_equal(call->cancel_thread, pthread_self())) {
		pthread_cond_wait(&call->idle, &call->lock);
	}
}

static void close_done(struct rpc_op *op, bool ok)
{
	struct rpc_call *call = op->call;

	(void)ok; /* this batch always succeeds */
	pthread_mutex_lock(&call->lock);
	if (call->core_cancelled != 0 && !call->finished) {
		atomic_store_explicit(&call->gone, true, memory_order_relaxed);
		call->lost = gone_code(call);
		run_cancel_fn(call);
		pthread_mutex_unlock(&call->lock);
		rpc_stream_tell_cancelled(call);
		pthread_mutex_lock(&call->lock);
	}
	call->batches--;
	rpc_call_unlock_last(call);
}

void rpc_call_on_cancel(struct rpc_call *call, void (*fn)(void *data), void *data)
{
	assert(call->magic == CALL_MAGIC);
	pthread_mutex_lock(&call->lock);
	take_back_cancel_fn(call);
	if (call->finished) { /* by whom the handler, still running, has handed it to */
		fn = NULL;
	}
	call->cancel_fn = fn;
	call->cancel_data = data;
	if (atomic_load_explicit(&call->gone, memory_order_relaxed)) {
		run_cancel_fn(call);
	}
	pthread_mutex_unlock(&call->lock);
}

bool rpc_call_cancelled(const struct rpc_call *call)
{
	return atomic_load_explicit(&call->gone, memory_order_relaxed) ||
	       (call->deadline_ns != INT64_MAX && clock_monotonic_ns() >= call->deadline_ns);
}

/* ---- messages ---- */

/* The bytes of the message: where they lie if they came in one slice, joined otherwise. */
static bool read_bytes(grpc_byte_buffer *buffer, grpc_slice *out)
{
	grpc_byte_buffer_reader reader;
	grpc_slice *first;
	bool whole;

	if (grpc_byte_buffer_length(buffer) == 0) {
		*out = grpc_empty_slice();
		return true;
	}
	if (!grpc_byte_buffer_reader_init(&reader, buffer)) {
		return false;
	}
	whole = grpc_byte_buffer_reader_peek(&reader, &first) &&
		GRPC_SLICE_LENGTH(*first) == grpc_byte_buffer_length(buffer);
	if (whole) {
		*out = grpc_slice_ref(*first);
	}
	grpc_byte_buffer_reader_destroy(&reader);
	if (!whole) { /* peeking has moved on: begin anew */
		if (!grpc_byte_buffer_reader_init(&reader, buffer)) {
			return false;
		}
		*out = grpc_byte_buffer_reader_readall(&reader);
		grpc_byte_buffer_reader_destroy(&reader);
	}
	return true;
}

static enum mb_code unpack(const struct rpc_method *method, grpc_slice bytes, struct arena *arena,
			   ProtobufCMessage **out, struct mb_err *err)
{
	const struct prescan_limits limits = {PRESCAN_DEPTH, PRESCAN_ELEMENTS, method->arena_cap};
	const uint8_t *start = GRPC_SLICE_START_PTR(bytes);
	size_t size = GRPC_SLICE_LENGTH(bytes);
	enum mb_code code = prescan(method->input, start, size, &limits, NULL, err);
	ProtobufCMessage *message;

	if (code != MB_OK) {
		return code;
	}
	message = pb_unpack(arena, method->input, start, size);
	if (message != NULL) {
		*out = message;
		return MB_OK;
	}
	if (arena_overflowed(arena)) {
		return arena_fail(arena, err);
	}
	return mb_fail(err, MB_MESSAGE_MALFORMED, "the message is no %s", method->input->name);
}

enum mb_code rpc_call_unpack(struct rpc_call *call, grpc_byte_buffer *buffer, struct arena *arena,
			     ProtobufCMessage **out, struct mb_err *err)
{
	grpc_slice bytes;
	enum mb_code code;

	call->bytes_in += grpc_byte_buffer_length(buffer);
	if (read_bytes(buffer, &bytes)) {
		code = unpack(call->method, bytes, arena, out, err);
		grpc_slice_unref(bytes);
	} else {
		code = mb_fail(err, MB_MESSAGE_MALFORMED, "the message cannot be decompressed");
	}
	grpc_byte_buffer_destroy(buffer);
	return code;
}

grpc_byte_buffer *rpc_call_pack(const ProtobufCMessage *message)
{
	grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
	grpc_byte_buffer *buffer;

	protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
	buffer = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	return buffer;
}

void rpc_call_let_go(struct rpc_call *call)
{
	pthread_mutex_lock(&call->lock);
	call->held = false;
	rpc_call_answer(call);
	if (!call->listening) {
		grpc_op op = {0};

		listen_for_close(call, &op);
		rpc_call_start(call, &op, 1, &call->closed);
	}
	pthread_mutex_unlock(&call->lock);
}

/* ---- for handlers ---- */

struct arena *rpc_call_arena(struct rpc_call *call)
{
	return call->arena;
}

const struct rpc_principal *rpc_call_principal(const struct rpc_call *call)
{
	return call->principal;
}

const char *rpc_call_method(const struct rpc_call *call)
{
	return call->method->full;
}

const char *rpc_call_request_id(const struct rpc_call *call)
{
	struct rpc_call *own = (struct rpc_call *)call;
	const char *id;

	pthread_mutex_lock(&own->lock);
	id = request_id_of(own);
	pthread_mutex_unlock(&own->lock);
	return id;
}

void rpc_call_peer(const struct rpc_call *call, char *out, size_t size)
{
	char *peer = grpc_call_get_peer(call->core);

	snprintf(out, size, "%s", peer == NULL ? "" : peer);
	gpr_free(peer);
}

int64_t rpc_call_deadline_ns(const struct rpc_call *call)
{
	return call->deadline_ns;
}

void rpc_call_set_data(struct rpc_call *call, void *data)
{
	call->data = data;
}

void *rpc_call_data(const struct rpc_call *call)
{
	return call->data;
}

/* The lock is held. What the handler says yields to a refused message and to an arena that ran out. */
static void finish(struct rpc_call *call, const struct mb_err *err,
		   const struct rpc_violation *violations, size_t n_violations)
{
	assert(!call->finished);
	assert(!call->cancel_running || !pthread_equal(call->cancel_thread, pthread_self()));
	take_back_cancel_fn(call);
	call->finished = true;
	if (!call->doomed) {
		if (call->arena != NULL && arena_overflowed(call->arena)) {
			arena_fail(call->arena, &call->err);
		} else if (call->scratch != NULL && arena_overflowed(call->scratch)) {
			arena_fail(call->scratch, &call->err);
		} else if (err != NULL) {
			call->err = *err;
			call->violations = violations;
			call->n_violations = n_violations;
		}
	}
	rpc_call_answer(call);
}

/* Takes the buffer. */
static void reply(struct rpc_call *call, grpc_byte_buffer *answer)
{
	assert(call->magic == CALL_MAGIC && call->method->shape == RPC_UNARY);
	pthread_mutex_lock(&call->lock);
	call->answer = answer;
	finish(call, NULL, NULL, 0);
	pthread_mutex_unlock(&call->lock);
}

void rpc_call_reply(struct rpc_call *call, const ProtobufCMessage *response)
{
	assert(response->descriptor == call->method->output);
	reply(call, rpc_call_pack(response));
}

void rpc_call_reply_bytes(struct rpc_call *call, struct str packed)
{
	grpc_slice slice = grpc_slice_from_copied_buffer(packed.ptr, packed.len);
	grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	reply(call, buffer);
}

void rpc_call_fail_all(struct rpc_call *call, const struct mb_err *err,
		       const struct rpc_violation *violations, size_t n)
{
	assert(call->magic == CALL_MAGIC && err->code != MB_OK);
	pthread_mutex_lock(&call->lock);
	finish(call, err, violations, n);
	pthread_mutex_unlock(&call->lock);
}

void rpc_call_fail(struct rpc_call *call, const struct mb_err *err)
{
	rpc_call_fail_all(call, err, NULL, 0);
}

void rpc_stream_end(struct rpc_call *call)
{
	assert(call->magic == CALL_MAGIC && call->method->shape != RPC_UNARY);
	pthread_mutex_lock(&call->lock);
	finish(call, NULL, NULL, 0);
	pthread_mutex_unlock(&call->lock);
}
