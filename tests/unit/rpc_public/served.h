/* SPDX-License-Identifier: Apache-2.0 */
/*
 * served: a server with nothing but health and reflection, the file of the echo service in its registry,
 * and a caller that is connected to it.
 */
#pragma once

#include "base/arena.h"
#include "caller.h"
#include "rpc/health.h"
#include "rpc/server.h"

#include <protobuf-c/protobuf-c.h>

struct served {
	struct arena_budget budget;
	struct rpc_health *health;
	struct rpc_registry *registry;
	struct rpc_server *server;
	struct arena *arena; /* for what is packed and unpacked */
	struct caller caller;
	char path[64], target[72];
};

void served_start(struct served *served);
void served_stop(struct served *served);

/* In the arena. */
struct str served_pack(struct served *served, const ProtobufCMessage *message);
ProtobufCMessage *served_unpack(struct served *served, const ProtobufCMessageDescriptor *type,
				const struct strbuf *bytes);
