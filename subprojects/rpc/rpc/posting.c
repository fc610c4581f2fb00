/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posting: requests that wait for calls, and calls that arrive and leave.
 */
#include "base/fault.h"
#include "rpc/server_impl.h"

#include <stdlib.h>

/* Requests that wait for calls: one of each method on each queue, and more of those whose calls come in
 * bursts, so that a burst stays on its connection's queue. Not more of all: C core, as Debian builds it,
 * looks a completion up among everything that its queue waits for, one by one. */
#define POSTED_MOST 64 /* of a method */
#define POSTED_MORE 128 /* of a queue, beyond the first of each method */

/* ---- memory of calls ---- */

struct arena *rpc_server_take_arena(struct rpc_call *call)
{
	struct rpc_queue *queue = call->slot->queue;
	struct arena *arena;

	if (queue->resting_count == 0) {
		return arena_create(queue->server->options.budget, call->method->arena_cap);
	}
	arena = queue->resting[queue->resting_count - 1];
	if (!arena_wake(arena, call->method->arena_cap)) {
		return NULL;
	}
	queue->resting_count--;
	return arena;
}

void rpc_server_give_arena(struct rpc_call *call, struct arena *arena)
{
	struct rpc_queue *queue = call->slot->queue;

	if (arena == NULL || queue->resting_count == RESTING) {
		arena_destroy(arena);
		return;
	}
	arena_rest(arena);
	queue->resting[queue->resting_count++] = arena;
}

/* ---- calls in and out ---- */

static atomic_int *counter_of(struct rpc_server *server, const struct rpc_method *method)
{
	return method != NULL && !method->is_public ? &server->working : &server->others;
}

/* Health must be told also under load and while draining, so public methods have a count of their
 * own. */
enum mb_code rpc_server_enter(struct rpc_server *server, struct rpc_call *call, struct mb_err *err)
{
	int before = atomic_fetch_add(counter_of(server, call->method), 1);
	enum mb_code code = MB_OK;

	if (before >= server->options.pending_max) {
		code = mb_fail(err, MB_OVERLOADED, "%d calls are in work: send it again later",
			       before);
	} else if (atomic_load(&server->draining) &&
		   counter_of(server, call->method) == &server->working) {
		atomic_fetch_add(&server->turned_away, 1);
		code = mb_fail(err, MB_DRAINING, "the server is going down: send it to another");
	}
	return code;
}

static void arrive(struct rpc_op *op, bool ok);

/* What C core puts a call into. */
static grpc_call_error request(const struct rpc_slot *slot, struct rpc_call *call)
{
	struct rpc_queue *queue = slot->queue;
	grpc_server *core = queue->server->core;

	if (slot->method == NULL) {
		return grpc_server_request_call(core, &call->core, &call->details, &call->metadata,
						queue->core, queue->core, &call->arrived);
	}
	return grpc_server_request_registered_call(
		core, slot->registered, &call->core, &call->deadline, &call->metadata,
		slot->method->shape == RPC_BIDI ? NULL : &call->payload, queue->core, queue->core,
		&call->arrived);
}

/* Takes the call. Not while C core is being stopped: see rpc_server_end_posting(). */
static bool post(struct rpc_slot *slot, struct rpc_call *call)
{
	struct rpc_queue *queue = slot->queue;
	bool posted;

	call->arrived.call = call;
	call->arrived.done = arrive;
	pthread_mutex_lock(&queue->posting);
	posted = !atomic_load(&queue->server->closing) && request(slot, call) == GRPC_CALL_OK;
	pthread_mutex_unlock(&queue->posting);
	if (!posted) {
		rpc_call_destroy(call);
		return false;
	}
	slot->posted++;
	queue->posted++;
	return true;
}

void rpc_server_end_posting(struct rpc_server *server)
{
	atomic_store(&server->closing, true);
	for (int i = 0; i < server->queue_count; i++) {
		pthread_mutex_lock(&server->queues[i].posting);
		pthread_mutex_unlock(&server->queues[i].posting);
	}
}

static bool is_short(const struct rpc_slot *slot)
{
	return slot->posted < slot->wanted && !atomic_load(&slot->queue->server->closing);
}

/* Without memory the slot stays short until a call of it ends. */
void rpc_slot_fill(struct rpc_slot *slot)
{
	while (is_short(slot)) {
		struct rpc_call *call = rpc_call_create(slot->queue->server, slot);

		if (call == NULL || !post(slot, call)) {
			return;
		}
	}
}

/* A call has ended. Where requests are short its own memory serves for the next one: so there is always
 * one that waits, or a call that will give its memory for it. */
static void use_again(struct rpc_slot *slot, struct rpc_call *call)
{
	rpc_call_fini(call);
	if (is_short(slot)) {
		rpc_call_init(call, slot->queue->server, slot);
		post(slot, call);
	} else {
		free(call);
	}
}

/* More calls are in work than were posted for: those of the same burst may have found nothing posted. */
static void want_more(struct rpc_slot *slot)
{
	const struct rpc_queue *queue = slot->queue;
	size_t most = queue->server->slot_count + POSTED_MORE;

	if (slot->wanted < POSTED_MOST && queue->posted + (size_t)slot->wanted < most) {
		slot->wanted *= 2;
	}
}

/* ok is false when the server goes down instead. */
static void arrive(struct rpc_op *op, bool ok)
{
	struct rpc_call *call = op->call;
	struct rpc_slot *slot = call->slot;

	slot->posted--;
	slot->queue->posted--;
	if (!ok) {
		call->core = NULL;
		rpc_call_destroy(call);
		return;
	}
	if (++slot->working > slot->wanted) {
		want_more(slot);
	}
	rpc_slot_fill(slot);
	rpc_call_begin(call);
}

void rpc_server_leave(struct rpc_server *server, struct rpc_call *call)
{
	struct rpc_slot *slot = call->slot;
	atomic_int *counter = counter_of(server, call->method);

	use_again(slot, call);
	slot->working--;
	rpc_slot_fill(slot);
	/* Last: once nothing is in work, drain() takes the queues away. */
	atomic_fetch_sub(counter, 1);
}
