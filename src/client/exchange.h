/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange: one call of C core's, an attempt (client.c) or a stream (client_stream.c): what is sent and
 * received, in C core's forms.
 *
 * Memory:   the caller's; C core writes into it until what was started has ended.
 */
#pragma once

#include "client/client_impl.h"

struct exchange {
	grpc_call *core;
	grpc_metadata authorization;
	grpc_metadata_array initial, trailing;
	grpc_byte_buffer *received; /* the last message, or NULL */
	grpc_status_code status;
	grpc_slice message;
};

/* Nothing is started yet. */
void exchange_init(struct exchange *exchange, const struct client *client,
		   grpc_completion_queue *queue, grpc_slice path, gpr_timespec deadline);
/* Nothing is under way any more. */
void exchange_fini(struct exchange *exchange);

/* Fills in, of each operation, where what it sends and receives lies in the exchange; a message to send is
 * the caller's. */
void exchange_start(struct exchange *exchange, grpc_op *ops, size_t n, void *tag);

/* The message that was received, whole. */
enum mb_code exchange_read(const struct exchange *exchange, const ProtobufCMessageDescriptor *type,
			   struct arena *arena, ProtobufCMessage **out, struct mb_err *err);
/* What it ended with, when that is not OK; as outcome_read(). */
void exchange_read_failure(const struct exchange *exchange, const struct client *client,
			   struct mb_err *err, bool *may_retry);
/* A value of metadata; empty when there is none. */
struct str exchange_item(const grpc_metadata_array *items, const char *key);

/* Packed. */
grpc_slice exchange_pack(const ProtobufCMessage *message);
grpc_slice exchange_path(const char *method);
