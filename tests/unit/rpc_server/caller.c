/* SPDX-License-Identifier: Apache-2.0 */
#include "caller.h"

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_MS 30000

static void init(struct caller *caller, const char *target, grpc_compression_algorithm algorithm)
{
	grpc_channel_credentials *credentials;
	grpc_arg args[] = {
		{.type = GRPC_ARG_INTEGER,
		 .key = (char *)GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
		 .value.integer = 1},
		{.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_ENABLE_RETRIES},
		{.type = GRPC_ARG_INTEGER,
		 .key = (char *)GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM,
		 .value.integer = (int)algorithm},
	};
	const grpc_channel_args all = {sizeof(args) / sizeof(args[0]), args};

	grpc_init();
	credentials = grpc_insecure_credentials_create();
	caller->channel = grpc_channel_create(target, credentials, &all);
	caller->queue = grpc_completion_queue_create_for_pluck(NULL);
	grpc_channel_credentials_release(credentials);
}

void caller_init(struct caller *caller, const char *target)
{
	init(caller, target, GRPC_COMPRESS_NONE);
}

void caller_init_gzip(struct caller *caller, const char *target)
{
	init(caller, target, GRPC_COMPRESS_GZIP);
}

void caller_fini(struct caller *caller)
{
	grpc_channel_destroy(caller->channel);
	grpc_completion_queue_shutdown(caller->queue);
	grpc_completion_queue_destroy(caller->queue);
	grpc_shutdown();
}

static gpr_timespec after_ms(int ms)
{
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

/* Whether the batch ended in time; *ok: whether well. */
static bool pluck(struct calling *calling, void *tag, int ms, bool *ok)
{
	grpc_event event =
		grpc_completion_queue_pluck(calling->caller->queue, tag, after_ms(ms), NULL);

	*ok = event.success != 0;
	return event.type == GRPC_OP_COMPLETE;
}

static bool wait_for(struct calling *calling, void *tag)
{
	bool ok;

	if (!pluck(calling, tag, PATIENCE_MS, &ok)) {
		/* Not a failed assertion: its longjmp would leave threads running over this stack. */
		fprintf(stderr, "Bail out! a call does not end\n");
		abort();
	}
	return ok;
}

static void start(struct calling *calling, const grpc_op *ops, size_t count, void *tag)
{
	assert_int_equal(grpc_call_start_batch(calling->core, ops, count, tag, NULL), GRPC_CALL_OK);
}

static size_t make_metadata(const char *const *texts, grpc_metadata *out)
{
	size_t count = 0;

	while (texts != NULL && texts[2 * count] != NULL) {
		memset(&out[count], 0, sizeof(out[count]));
		out[count].key = grpc_slice_from_static_string(texts[2 * count]);
		out[count].value = grpc_slice_from_static_string(texts[2 * count + 1]);
		count++;
	}
	return count;
}

void caller_start(struct caller *caller, struct calling *calling, const char *method,
		  const char *const *metadata, int timeout_ms)
{
	grpc_metadata items[8];
	grpc_op op;

	memset(calling, 0, sizeof(*calling));
	calling->caller = caller;
	grpc_metadata_array_init(&calling->initial);
	grpc_metadata_array_init(&calling->trailing);
	calling->core = grpc_channel_create_call(
		caller->channel, NULL, GRPC_PROPAGATE_DEFAULTS, caller->queue,
		grpc_slice_from_static_string(method), NULL,
		timeout_ms == 0 ? gpr_inf_future(GPR_CLOCK_MONOTONIC) : after_ms(timeout_ms), NULL);
	memset(&op, 0, sizeof(op));
	op.op = GRPC_OP_SEND_INITIAL_METADATA;
	op.data.send_initial_metadata.count = make_metadata(metadata, items);
	op.data.send_initial_metadata.metadata = items;
	start(calling, &op, 1, &calling->sent_initial);
	memset(&op, 0, sizeof(op));
	op.op = GRPC_OP_RECV_INITIAL_METADATA;
	op.data.recv_initial_metadata.recv_initial_metadata = &calling->initial;
	start(calling, &op, 1, &calling->got_initial);
	memset(&op, 0, sizeof(op));
	op.op = GRPC_OP_RECV_STATUS_ON_CLIENT;
	op.data.recv_status_on_client.trailing_metadata = &calling->trailing;
	op.data.recv_status_on_client.status = &calling->status;
	op.data.recv_status_on_client.status_details = &calling->text;
	start(calling, &op, 1, &calling->got_status);
}

static grpc_byte_buffer *make_buffer(struct str message)
{
	grpc_slice slice = grpc_slice_from_copied_buffer(message.ptr, message.len);
	grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	return buffer;
}

void calling_write_later(struct calling *calling, struct str message)
{
	grpc_byte_buffer *buffer = make_buffer(message);
	grpc_op op;

	memset(&op, 0, sizeof(op));
	op.op = GRPC_OP_SEND_MESSAGE;
	op.data.send_message.send_message = buffer;
	start(calling, &op, 1, &calling->wrote);
	grpc_byte_buffer_destroy(buffer);
	calling->writing = true;
}

bool calling_wait_write(struct calling *calling, int ms)
{
	bool ok;

	if (!pluck(calling, &calling->wrote, ms, &ok)) {
		return false;
	}
	calling->writing = false;
	return ok;
}

bool calling_write(struct calling *calling, struct str message)
{
	calling_write_later(calling, message);
	return calling_wait_write(calling, PATIENCE_MS);
}

void calling_half_close(struct calling *calling)
{
	grpc_op op;

	memset(&op, 0, sizeof(op));
	op.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	start(calling, &op, 1, &calling->sent_close);
	calling->closing = true;
}

void calling_send_one(struct calling *calling, struct str message)
{
	if (message.ptr != NULL) {
		calling_write_later(calling, message);
	}
	calling_half_close(calling);
}

bool calling_read(struct calling *calling, struct strbuf *out)
{
	grpc_byte_buffer *buffer = NULL;
	grpc_byte_buffer_reader reader;
	grpc_slice slice;
	grpc_op op;

	memset(&op, 0, sizeof(op));
	op.op = GRPC_OP_RECV_MESSAGE;
	op.data.recv_message.recv_message = &buffer;
	start(calling, &op, 1, &calling->did_read);
	wait_for(calling, &calling->did_read);
	if (buffer == NULL) {
		return false;
	}
	grpc_byte_buffer_reader_init(&reader, buffer);
	slice = grpc_byte_buffer_reader_readall(&reader);
	strbuf_put(out, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice));
	grpc_slice_unref(slice);
	grpc_byte_buffer_reader_destroy(&reader);
	grpc_byte_buffer_destroy(buffer);
	return true;
}

void calling_cancel(struct calling *calling)
{
	assert_int_equal(grpc_call_cancel(calling->core, NULL), GRPC_CALL_OK);
}

/* ---- what came back ---- */

static void take_detail(const Google__Protobuf__Any *any, struct outcome *out)
{
	const char *type = strrchr(any->type_url, '/') + 1;

	if (strcmp(type, "google.rpc.ErrorInfo") == 0) {
		Google__Rpc__ErrorInfo *info =
			google__rpc__error_info__unpack(NULL, any->value.len, any->value.data);

		assert_non_null(info);
		out->error_infos++;
		snprintf(out->reason, sizeof(out->reason), "%s", info->reason);
		snprintf(out->domain, sizeof(out->domain), "%s", info->domain);
		google__rpc__error_info__free_unpacked(info, NULL);
	} else if (strcmp(type, "google.rpc.BadRequest") == 0) {
		Google__Rpc__BadRequest *bad =
			google__rpc__bad_request__unpack(NULL, any->value.len, any->value.data);

		assert_non_null(bad);
		assert_int_equal(bad->n_field_violations, 1);
		snprintf(out->field, sizeof(out->field), "%s", bad->field_violations[0]->field);
		google__rpc__bad_request__free_unpacked(bad, NULL);
	} else {
		Google__Rpc__RetryInfo *retry =
			google__rpc__retry_info__unpack(NULL, any->value.len, any->value.data);

		assert_string_equal(type, "google.rpc.RetryInfo");
		assert_non_null(retry);
		out->retry_ms = (long)retry->retry_delay->seconds * 1000 +
				retry->retry_delay->nanos / 1000000;
		google__rpc__retry_info__free_unpacked(retry, NULL);
	}
}

static void take_details(struct str packed, struct outcome *out)
{
	Google__Rpc__Status *status =
		google__rpc__status__unpack(NULL, packed.len, (const uint8_t *)packed.ptr);

	assert_non_null(status);
	assert_string_equal(status->message, out->text);
	out->has_details = true;
	out->details_code = status->code;
	for (size_t i = 0; i < status->n_details; i++) {
		take_detail(status->details[i], out);
	}
	google__rpc__status__free_unpacked(status, NULL);
}

static void take_metadata(const grpc_metadata_array *items, struct outcome *out)
{
	for (size_t i = 0; i < items->count; i++) {
		const grpc_metadata *item = &items->metadata[i];
		struct str key = {(const char *)GRPC_SLICE_START_PTR(item->key),
				  GRPC_SLICE_LENGTH(item->key)};
		struct str value = {(const char *)GRPC_SLICE_START_PTR(item->value),
				    GRPC_SLICE_LENGTH(item->value)};

		if (str_eq(key, STR("grpc-status-details-bin"))) {
			take_details(value, out);
		} else if (str_eq(key, STR("grpc-retry-pushback-ms"))) {
			snprintf(out->pushback, sizeof(out->pushback), "%.*s", STR_ARG(value));
		} else if (str_eq(key, STR("x-request-id"))) {
			snprintf(out->request_id, sizeof(out->request_id), "%.*s", STR_ARG(value));
		} else if (str_eq(key, STR("x-answer"))) {
			snprintf(out->answer_id, sizeof(out->answer_id), "%.*s", STR_ARG(value));
		}
	}
}

void calling_finish(struct calling *calling, struct outcome *out)
{
	memset(out, 0, sizeof(*out));
	wait_for(calling, &calling->sent_initial);
	wait_for(calling, &calling->got_initial);
	if (calling->writing) {
		wait_for(calling, &calling->wrote);
	}
	if (calling->closing) {
		wait_for(calling, &calling->sent_close);
	}
	wait_for(calling, &calling->got_status);
	out->status = calling->status;
	snprintf(out->text, sizeof(out->text), "%.*s", (int)GRPC_SLICE_LENGTH(calling->text),
		 (const char *)GRPC_SLICE_START_PTR(calling->text));
	take_metadata(&calling->initial, out);
	take_metadata(&calling->trailing, out);
	grpc_slice_unref(calling->text);
	grpc_metadata_array_destroy(&calling->initial);
	grpc_metadata_array_destroy(&calling->trailing);
	grpc_call_unref(calling->core);
}

void caller_call(struct caller *caller, const char *method, struct str message,
		 const char *const *metadata, int timeout_ms, struct outcome *out)
{
	struct strbuf received = {0};
	struct calling calling;
	bool has_message;

	caller_start(caller, &calling, method, metadata, timeout_ms);
	calling_send_one(&calling, message);
	has_message = calling_read(&calling, &received);
	calling_finish(&calling, out);
	out->message = received;
	out->has_message = has_message;
}

void outcome_fini(struct outcome *outcome)
{
	strbuf_fini(&outcome->message);
}
