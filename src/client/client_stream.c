/* SPDX-License-Identifier: Apache-2.0 */
#include "client/exchange.h"

#include "base/fault.h"

#include <grpc/byte_buffer.h>
#include <grpc/support/time.h>
#include <stdlib.h>

/* What of a stream has ended: the tags of its queue. */
enum { BEGUN = 1, MESSAGE, ENDED };

struct client_stream {
	struct client *client;
	const ProtobufCMessageDescriptor *response_type;
	grpc_completion_queue *queue;
	struct exchange exchange;
	bool ended;
};

static void *tag_of(int number)
{
	return (void *)(intptr_t)number;
}

static void wait_for(struct client_stream *stream, int tag)
{
	grpc_completion_queue_pluck(stream->queue, tag_of(tag), gpr_inf_future(GPR_CLOCK_MONOTONIC),
				    NULL);
}

static void begin(struct client_stream *stream, const ProtobufCMessage *request)
{
	grpc_slice payload = exchange_pack(request);
	grpc_byte_buffer *outgoing = grpc_raw_byte_buffer_create(&payload, 1);
	grpc_op first[] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
			   {.op = GRPC_OP_SEND_MESSAGE},
			   {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
			   {.op = GRPC_OP_RECV_INITIAL_METADATA}};
	grpc_op last = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};

	first[1].data.send_message.send_message = outgoing;
	exchange_start(&stream->exchange, first, 4, tag_of(BEGUN));
	exchange_start(&stream->exchange, &last, 1, tag_of(ENDED));
	wait_for(stream, BEGUN);
	grpc_byte_buffer_destroy(outgoing);
	grpc_slice_unref(payload);
}

enum mb_code client_stream_open(struct client *client, const char *method,
				const ProtobufCMessage *request,
				const ProtobufCMessageDescriptor *response_type,
				struct client_stream **out, struct mb_err *err)
{
	struct client_stream *stream = FAULT("client.stream") ? NULL : calloc(1, sizeof(*stream));
	grpc_slice path;

	if (stream == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory for a stream");
	}
	path = exchange_path(method);
	stream->client = client;
	stream->response_type = response_type;
	stream->queue = grpc_completion_queue_create_for_pluck(NULL);
	exchange_init(&stream->exchange, client, stream->queue, path,
		      gpr_inf_future(GPR_CLOCK_MONOTONIC));
	grpc_slice_unref(path);
	begin(stream, request);
	*out = stream;
	return MB_OK;
}

/* How it ended. */
static enum mb_code read_end(struct client_stream *stream, bool *may_retry, struct mb_err *err)
{
	if (!stream->ended) {
		wait_for(stream, ENDED);
		stream->ended = true;
	}
	if (stream->exchange.status == GRPC_STATUS_OK) {
		return MB_OK;
	}
	exchange_read_failure(&stream->exchange, stream->client, err, may_retry);
	return err->code;
}

enum mb_code client_stream_next(struct client_stream *stream, struct arena *arena,
				ProtobufCMessage **out, bool *may_retry, struct mb_err *err)
{
	struct exchange *exchange = &stream->exchange;
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
	enum mb_code code;

	*may_retry = false;
	*out = NULL;
	if (stream->ended) {
		return read_end(stream, may_retry, err);
	}
	exchange_start(exchange, &op, 1, tag_of(MESSAGE));
	wait_for(stream, MESSAGE);
	if (exchange->received == NULL) {
		return read_end(stream, may_retry, err);
	}
	*err = (struct mb_err){.code = MB_OK};
	code = exchange_read(exchange, stream->response_type, arena, out, err);
	grpc_byte_buffer_destroy(exchange->received);
	exchange->received = NULL;
	return code;
}

void client_stream_close(struct client_stream *stream)
{
	if (stream == NULL) {
		return;
	}
	if (!stream->ended) {
		grpc_call_cancel(stream->exchange.core, NULL);
		wait_for(stream, ENDED);
	}
	exchange_fini(&stream->exchange);
	grpc_completion_queue_shutdown(stream->queue);
	grpc_completion_queue_destroy(stream->queue);
	free(stream);
}
