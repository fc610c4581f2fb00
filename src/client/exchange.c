/* SPDX-License-Identifier: Apache-2.0 */
#include "client/exchange.h"

#include "base/arena.h"
#include "client/outcome.h"
#include "rpc/pb.h"
#include "rpc/prescan.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <string.h>

/* ---- from beginning to end ---- */

void exchange_init(struct exchange *exchange, const struct client *client,
		   grpc_completion_queue *queue, grpc_slice path, gpr_timespec deadline)
{
	*exchange = (struct exchange){.message = grpc_empty_slice()};
	grpc_metadata_array_init(&exchange->initial);
	grpc_metadata_array_init(&exchange->trailing);
	exchange->authorization.key = grpc_slice_from_static_string("authorization");
	exchange->authorization.value =
		grpc_slice_from_static_string(client->bearer != NULL ? client->bearer : "");
	exchange->core = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
						  queue, path, NULL, deadline, NULL);
}

void exchange_fini(struct exchange *exchange)
{
	grpc_metadata_array_destroy(&exchange->initial);
	grpc_metadata_array_destroy(&exchange->trailing);
	grpc_byte_buffer_destroy(exchange->received);
	grpc_slice_unref(exchange->message);
	grpc_call_unref(exchange->core);
	*exchange = (struct exchange){0};
}

static void aim(struct exchange *exchange, grpc_op *op)
{
	switch (op->op) {
	case GRPC_OP_SEND_INITIAL_METADATA:
		op->data.send_initial_metadata.count =
			GRPC_SLICE_LENGTH(exchange->authorization.value) > 0;
		op->data.send_initial_metadata.metadata = &exchange->authorization;
		break;
	case GRPC_OP_RECV_INITIAL_METADATA:
		op->data.recv_initial_metadata.recv_initial_metadata = &exchange->initial;
		break;
	case GRPC_OP_RECV_MESSAGE:
		op->data.recv_message.recv_message = &exchange->received;
		break;
	case GRPC_OP_RECV_STATUS_ON_CLIENT:
		op->data.recv_status_on_client.trailing_metadata = &exchange->trailing;
		op->data.recv_status_on_client.status = &exchange->status;
		op->data.recv_status_on_client.status_details = &exchange->message;
		break;
	default:
		break;
	}
}

void exchange_start(struct exchange *exchange, grpc_op *ops, size_t n, void *tag)
{
	grpc_call_error error;

	for (size_t i = 0; i < n; i++) {
		aim(exchange, &ops[i]);
	}
	error = grpc_call_start_batch(exchange->core, ops, n, tag, NULL);
	assert(error == GRPC_CALL_OK); /* anything else is a misuse of ours */
	(void)error;
}

/* ---- what came ---- */

static struct str slice_str(const grpc_slice *slice)
{
	return (struct str){(const char *)GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice)};
}

struct str exchange_item(const grpc_metadata_array *items, const char *key)
{
	for (size_t i = 0; i < items->count; i++) {
		const grpc_metadata *item = &items->metadata[i];

		if (str_eq(slice_str(&item->key), str_from(key))) {
			return slice_str(&item->value);
		}
	}
	return (struct str){NULL, 0};
}

static enum mb_code unpack(struct str bytes, const ProtobufCMessageDescriptor *type,
			   struct arena *arena, ProtobufCMessage **out, struct mb_err *err)
{
	const struct prescan_limits limits = {PRESCAN_DEPTH_MOST, SIZE_MAX, SIZE_MAX};
	enum mb_code code = prescan(type, bytes.ptr, bytes.len, &limits, NULL, err);
	ProtobufCMessage *message;

	if (code != MB_OK) {
		return code;
	}
	message = pb_unpack(arena, type, bytes.ptr, bytes.len);
	if (message != NULL) {
		*out = message;
		return MB_OK;
	}
	if (arena_overflowed(arena)) {
		return arena_fail(arena, err);
	}
	return mb_fail(err, MB_MESSAGE_MALFORMED, "the answer is not a %s", type->name);
}

enum mb_code exchange_read(const struct exchange *exchange, const ProtobufCMessageDescriptor *type,
			   struct arena *arena, ProtobufCMessage **out, struct mb_err *err)
{
	grpc_byte_buffer_reader reader;
	grpc_slice bytes;
	enum mb_code code;

	if (grpc_byte_buffer_reader_init(&reader, exchange->received) == 0) {
		return mb_fail(err, MB_MESSAGE_MALFORMED, "a message cannot be read");
	}
	bytes = grpc_byte_buffer_reader_readall(&reader);
	code = unpack(slice_str(&bytes), type, arena, out, err);
	grpc_slice_unref(bytes);
	grpc_byte_buffer_reader_destroy(&reader);
	return code;
}

void exchange_read_failure(const struct exchange *exchange, const struct client *client,
			   struct mb_err *err, bool *may_retry)
{
	const struct outcome outcome = {
		.grpc_code = (int)exchange->status,
		.message = slice_str(&exchange->message),
		.details = exchange_item(&exchange->trailing, "grpc-status-details-bin"),
		.pushback = exchange_item(&exchange->trailing, "grpc-retry-pushback-ms"),
		.connected = grpc_channel_check_connectivity_state(client->channel, 0) ==
			     GRPC_CHANNEL_READY,
		.target = client->target,
	};

	outcome_read(&outcome, err, may_retry);
}

/* ---- what is sent ---- */

grpc_slice exchange_pack(const ProtobufCMessage *message)
{
	grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));

	protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
	return slice;
}

grpc_slice exchange_path(const char *method)
{
	size_t len = strlen(method);
	grpc_slice slice = grpc_slice_malloc(len + 1);

	GRPC_SLICE_START_PTR(slice)[0] = '/';
	memcpy(GRPC_SLICE_START_PTR(slice) + 1, method, len);
	return slice;
}
