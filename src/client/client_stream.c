/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client_impl.h"
#include "client/outcome.h"

#include "base/fault.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/time.h>
#include <stdlib.h>

/* What of a stream has ended: the tags of its queue. */
enum { BEGUN = 1, MESSAGE, ENDED };

struct client_stream {
	struct client *client;
	const ProtobufCMessageDescriptor *response_type;
	grpc_completion_queue *queue;
	grpc_call *core;
	grpc_metadata authorization;
	grpc_metadata_array initial, trailing;
	grpc_byte_buffer *received;
	grpc_status_code status;
	grpc_slice message;
	bool ended;
};

static void *tag_of(int number)
{
	return (void *)(intptr_t)number;
}

static void start(struct client_stream *stream, const grpc_op *ops, size_t n, int tag)
{
	grpc_call_error error = grpc_call_start_batch(stream->core, ops, n, tag_of(tag), NULL);

	assert(error == GRPC_CALL_OK); /* anything else is a misuse of ours */
	(void)error;
}

static void wait_for(struct client_stream *stream, int tag)
{
	grpc_completion_queue_pluck(stream->queue, tag_of(tag), gpr_inf_future(GPR_CLOCK_MONOTONIC),
				    NULL);
}

static void begin(struct client_stream *stream, const ProtobufCMessage *request)
{
	grpc_slice payload = client_pack(request);
	grpc_byte_buffer *outgoing = grpc_raw_byte_buffer_create(&payload, 1);
	grpc_op first[] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
			   {.op = GRPC_OP_SEND_MESSAGE},
			   {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
			   {.op = GRPC_OP_RECV_INITIAL_METADATA}};
	grpc_op last = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};

	if (stream->client->bearer != NULL) {
		stream->authorization.key = grpc_slice_from_static_string("authorization");
		stream->authorization.value = grpc_slice_from_static_string(stream->client->bearer);
		first[0].data.send_initial_metadata.count = 1;
		first[0].data.send_initial_metadata.metadata = &stream->authorization;
	}
	first[1].data.send_message.send_message = outgoing;
	first[3].data.recv_initial_metadata.recv_initial_metadata = &stream->initial;
	start(stream, first, 4, BEGUN);
	last.data.recv_status_on_client.trailing_metadata = &stream->trailing;
	last.data.recv_status_on_client.status = &stream->status;
	last.data.recv_status_on_client.status_details = &stream->message;
	start(stream, &last, 1, ENDED);
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
	path = client_path(method);
	stream->client = client;
	stream->response_type = response_type;
	stream->queue = grpc_completion_queue_create_for_pluck(NULL);
	stream->message = grpc_empty_slice();
	grpc_metadata_array_init(&stream->initial);
	grpc_metadata_array_init(&stream->trailing);
	stream->core = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
						stream->queue, path, NULL,
						gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	grpc_slice_unref(path);
	begin(stream, request);
	*out = stream;
	return MB_OK;
}

/* How it ended. */
static enum mb_code read_end(struct client_stream *stream, bool *may_retry, struct mb_err *err)
{
	struct outcome outcome;

	if (!stream->ended) {
		wait_for(stream, ENDED);
		stream->ended = true;
	}
	if (stream->status == GRPC_STATUS_OK) {
		return MB_OK;
	}
	outcome = (struct outcome){
		.grpc_code = (int)stream->status,
		.message = {(const char *)GRPC_SLICE_START_PTR(stream->message),
			    GRPC_SLICE_LENGTH(stream->message)},
		.details = client_item(&stream->trailing, "grpc-status-details-bin"),
		.pushback = client_item(&stream->trailing, "grpc-retry-pushback-ms"),
		.connected = grpc_channel_check_connectivity_state(stream->client->channel, 0) ==
			     GRPC_CHANNEL_READY,
		.target = stream->client->target,
	};
	outcome_read(&outcome, err, may_retry);
	return err->code;
}

enum mb_code client_stream_next(struct client_stream *stream, struct arena *arena,
				ProtobufCMessage **out, bool *may_retry, struct mb_err *err)
{
	struct client_call call = {.response_type = stream->response_type, .arena = arena};
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
	grpc_byte_buffer_reader reader;
	grpc_slice bytes;
	enum mb_code code;

	*may_retry = false;
	*out = NULL;
	if (stream->ended) {
		return read_end(stream, may_retry, err);
	}
	op.data.recv_message.recv_message = &stream->received;
	start(stream, &op, 1, MESSAGE);
	wait_for(stream, MESSAGE);
	if (stream->received == NULL) {
		return read_end(stream, may_retry, err);
	}
	if (grpc_byte_buffer_reader_init(&reader, stream->received) == 0) {
		code = mb_fail(err, MB_MESSAGE_MALFORMED, "a message cannot be read");
	} else {
		bytes = grpc_byte_buffer_reader_readall(&reader);
		code = client_unpack(&call, &bytes);
		*err = call.err;
		*out = call.response;
		grpc_slice_unref(bytes);
		grpc_byte_buffer_reader_destroy(&reader);
	}
	grpc_byte_buffer_destroy(stream->received);
	stream->received = NULL;
	return code;
}

void client_stream_close(struct client_stream *stream)
{
	if (stream == NULL) {
		return;
	}
	if (!stream->ended) {
		grpc_call_cancel(stream->core, NULL);
		wait_for(stream, ENDED);
	}
	grpc_call_unref(stream->core);
	grpc_metadata_array_destroy(&stream->initial);
	grpc_metadata_array_destroy(&stream->trailing);
	grpc_slice_unref(stream->message);
	grpc_completion_queue_shutdown(stream->queue);
	grpc_completion_queue_destroy(stream->queue);
	free(stream);
}
