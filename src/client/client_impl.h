/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_impl: a client from inside, for calls (client.c) and streams (client_stream.c).
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
