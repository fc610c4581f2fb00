/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_impl: what calls (client.c) and streams (client_stream.c) share.
 */
#pragma once

#include "base/list.h"
#include "base/str.h"
#include "client/client.h"

#include <grpc/grpc.h>

#define TARGET_MOST   256
#define STORE_ID_MOST 64

struct client {
	uint32_t magic;
	struct client_options options; /* its pointers are not kept */
	char target[TARGET_MOST];
	char *bearer; /* "Bearer TOKEN", or NULL */
	grpc_channel *channel;
	grpc_completion_queue *queue;
	struct list flying, sleeping, done; /* of client_flight */
	size_t pending;
	uint64_t random;
	char store_id[STORE_ID_MOST + 1]; /* as the last answer told, "" before */
};

/* Packed. */
grpc_slice client_pack(const ProtobufCMessage *message);
grpc_slice client_path(const char *method);
/* A value of metadata; empty when there is none. */
struct str client_item(const grpc_metadata_array *items, const char *key);
/* Fills call->response and call->err from call->response_type and call->arena. */
enum mb_code client_unpack(struct client_call *call, const grpc_slice *bytes);
