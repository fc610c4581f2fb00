/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_impl: a server from inside; shared by server.c (life), posting.c (calls in and out) and drain.c.
 */
#pragma once

#include "rpc/call_impl.h"
#include "rpc/coalesce.h"

#define SERVER_MAGIC 0x53657276u
#define RESTING	     64 /* arenas that a queue keeps for its next calls */

/* A completion queue with its thread. */
struct rpc_queue {
	struct rpc_server *server;
	grpc_completion_queue *core;
	pthread_t thread;
	bool running;
	struct rpc_slot *slots; /* slot_count of the server */
	size_t posted; /* of all slots */
	pthread_mutex_t posting; /* held while a request is posted */
	struct arena *resting[RESTING]; /* of calls that have ended; its thread's */
	int resting_count;
	bool coalesces; /* since its thread began */
	struct rpc_coalescer coalescer;
};

struct rpc_server {
	uint32_t magic;
	struct rpc_server_options options;
	struct rpc_registry *registry;
	grpc_server *core;
	int port; /* 0 on a Unix socket */
	struct rpc_queue *queues;
	int queue_count;
	grpc_metadata *greeting; /* of options.metadata */
	size_t greeting_count;
	atomic_bool coalesces;
	struct rpc_coalescer beside; /* of rpc_server_hold() */
	const char *_Atomic why_not; /* it was asked to and does not */
	size_t slot_count; /* of each queue: the served methods, and one for unknown ones */
	struct rpc_op stopped; /* C core took the last call */
	uint64_t id_seed;
	_Atomic uint64_t next_id;
	atomic_int working; /* calls under permission */
	atomic_int others; /* calls of public and of unknown methods */
	atomic_int turned_away; /* calls that were answered DRAINING */
	atomic_bool draining; /* new calls are answered DRAINING */
	atomic_bool closing; /* no request is posted any more */
	atomic_bool core_stopped;
};

/* ---- posting.c ---- */

/* As many requests wait for calls as are wanted, if memory allows. On the queue's thread, or before it begins. */
void rpc_slot_fill(struct rpc_slot *slot);
/* No request is posted from here on, nor is one being posted. C core asks first whether it is being stopped
 * and lists the request then: one that is between the two while C core is stopped never comes back, and
 * its queue never ends. */
void rpc_server_end_posting(struct rpc_server *server);

/* ---- drain.c ---- */

/* C core takes no call any more and, once the last it has is over, says so on the first queue. */
void rpc_server_stop_core(struct rpc_server *server);
/* Done of rpc_server.stopped. */
void rpc_server_core_stopped(struct rpc_op *op, bool ok);
