/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server: a gRPC server on C core: listens, takes calls off its completion queues, hands them to the
 * registry's handlers, and goes down in the right order.
 *
 *     create ─▶ start ─▶ serving ─▶ drain (health first, then no new calls, grace, cancel) ─▶ destroy
 *
 * Threads:  one thread a completion queue, its own; create, start, drain and destroy on one other.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "rpc/call.h"
#include "rpc/health.h"
#include "rpc/principal.h"
#include "rpc/registry.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rpc_server;

/* What a finished call was; for logs and metrics. Borrowed for the length of the callback. */
struct rpc_call_end {
	const struct rpc_call *call; /* for rpc_call_request_id() and rpc_call_peer() */
	const char *method; /* "memberd.v1.MemberService/GetMember"; "" for an unknown one */
	const char *service, *name; /* the two parts of method, "" for an unknown one */
	size_t id; /* the method's; RPC_METHOD_UNKNOWN */
	enum mb_code code;
	const struct mb_err *err; /* NULL when code is MB_OK */
	int64_t duration_ns;
	size_t bytes_in, bytes_out;
	const struct rpc_principal *principal;
	const char *trace_id; /* of W3C traceparent, 32 hex digits, "" without one */
};

#define RPC_METHOD_UNKNOWN SIZE_MAX

struct rpc_server_options {
	const char *listen; /* "127.0.0.1:7443", "[::1]:0", "unix:/path" */
	int queues; /* completion queues, each with a thread; >= 1 */
	bool coalesce; /* answers of one queue leave together; the executable needs rpc_coalesce_dep */
	size_t message_max; /* bytes of an inbound message, never compressed; 4 MiB */
	int pending_max; /* calls in work at once; beyond: MB_OVERLOADED with retry */
	struct arena_budget *budget;
	const struct rpc_grant *grants;
	struct rpc_tokens *tokens; /* NULL: every caller is `anonymous` */
	const struct rpc_principal *anonymous; /* used when tokens is NULL, and on public methods */
	struct rpc_health *health; /* borrowed; drain() marks all NOT_SERVING first */
	/* Initial metadata of every answer, error or not: key, value, key, value, …, NULL. Keys in lower
	 * case, values printable; NULL for none. Borrowed until destroy. */
	const char *const *metadata;
	/* Interceptor at the start of every call of a known method, on its queue's thread, refused ones
	 * included; may be NULL. Every call that began ends, and so reaches `ended`. */
	void (*began)(size_t id, void *data);
	void *began_data;
	/* Interceptor at the end of every call, on its queue's thread; may be NULL. What C core refuses
	 * before it becomes a call (a first message over message_max) is not seen here. */
	void (*ended)(const struct rpc_call_end *end, void *data);
	void *ended_data;
	/* Told once, on the thread of drain(), when new calls are answered DRAINING from here on: streams
	 * that would not end by themselves should be brought to an end; may be NULL. */
	void (*draining)(void *data);
	void *draining_data;
};

/* The registry must be complete (rpc_registry_check() is called); borrowed until destroy. Binds the
 * address; *port gets it (0 for a Unix socket, whose file is made mode 0600). */
enum mb_code rpc_server_create(const struct rpc_server_options *options,
			       struct rpc_registry *registry, int *port, struct rpc_server **out,
			       struct mb_err *err);
enum mb_code rpc_server_start(struct rpc_server *server, struct mb_err *err);
/*
 * Health says NOT_SERVING; after notice_ms new calls are answered DRAINING, except those of public
 * methods, and `draining` is told; those in work may end for grace_ms, then they are cancelled, and streams of public methods
 * with them, and connections whose peers do not read are cut. Blocks until all are gone: a handler must finish
 * also what was cancelled. hurry, which may be NULL, may be set non-zero from any thread or signal handler to
 * end the waits.
 *
 * No call that a handler has seen is lost. A caller who goes on through DRAINING may see CANCELLED for a
 * call that arrives while C core is being stopped, so that is put off, for a second at most, until
 * nobody comes any more.
 */
void rpc_server_drain(struct rpc_server *server, int64_t notice_ms, int64_t grace_ms,
		      const atomic_int *hurry);
/* Drains without waiting if that was not done. */
void rpc_server_destroy(struct rpc_server *server);
/* Calls in work now. */
int rpc_server_pending(const struct rpc_server *server);

/* For one thread beside the queues', that finishes many calls and comes back soon, such as one with an
 * event loop: from hold to release what it writes is held, where answers are coalesced at all. It calls
 * push before it waits for anything, and may at any time. */
void rpc_server_hold(struct rpc_server *server);
void rpc_server_push(struct rpc_server *server);
void rpc_server_release(struct rpc_server *server);

/* What became of options.coalesce, and of the writes. */
struct rpc_writes {
	bool coalesced; /* checked by start */
	const char *why_not; /* a word for the log where it was asked for and is not; else NULL */
	int64_t held, held_bytes; /* writes that waited for others */
	int64_t pushed; /* sockets that such were pushed out of */
};

/* From any thread, between start and destroy. */
void rpc_server_writes(const struct rpc_server *server, struct rpc_writes *out);
