/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/server.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/list.h"
#include "rpc/accept.h"
#include "rpc/core.h"
#include "rpc/server_impl.h"

#include <assert.h>
#include <grpc/grpc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

const struct rpc_server_options *rpc_server_options_of(const struct rpc_server *server)
{
	return &server->options;
}

const grpc_metadata *rpc_server_greeting(const struct rpc_server *server, size_t *count)
{
	*count = server->greeting_count;
	return server->greeting;
}

int rpc_server_pending(const struct rpc_server *server)
{
	return atomic_load(&server->working) + atomic_load(&server->others);
}

/* ---- request ids ---- */

static void seed_ids(struct rpc_server *server)
{
	if (getrandom(&server->id_seed, sizeof(server->id_seed), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(server->id_seed)) {
		server->id_seed = hash_mix((uint64_t)clock_monotonic_ns());
	}
}

void rpc_server_make_id(struct rpc_server *server, char out[REQUEST_ID_MAX + 1])
{
	uint64_t n = atomic_fetch_add_explicit(&server->next_id, 1, memory_order_relaxed);

	n = hash_mix(server->id_seed ^ n);
	for (int i = 0; i < 16; i++) {
		out[i] = "0123456789abcdef"[n >> (60 - 4 * i) & 15];
	}
	out[16] = '\0';
}

/* ---- queues ---- */

/* Waits only when everything is pushed, and holds back nothing meanwhile: what C core writes while it
 * waits it would not come back to push. */
static grpc_event next_event(struct rpc_queue *queue)
{
	struct rpc_coalescer *coalescer = &queue->coalescer;
	grpc_event event;

	if (coalescer->socket_count > 0) {
		event = grpc_completion_queue_next(queue->core, gpr_inf_past(GPR_CLOCK_REALTIME),
						   NULL);
		if (event.type != GRPC_QUEUE_TIMEOUT) {
			return event;
		}
		rpc_coalesce_push(coalescer);
	}
	rpc_coalesce_begin(NULL);
	event = grpc_completion_queue_next(queue->core, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
	rpc_coalesce_begin(queue->coalesces ? coalescer : NULL);
	return event;
}

/* Until the queue was shut down and has nothing left. */
static void run_queue(struct rpc_queue *queue)
{
	for (;;) {
		grpc_event event = next_event(queue);
		struct rpc_op *op = event.tag;

		if (event.type == GRPC_QUEUE_SHUTDOWN) {
			break;
		}
		op->done(op, event.success != 0);
	}
	rpc_coalesce_push(&queue->coalescer);
	rpc_coalesce_begin(NULL);
}

static void *queue_thread(void *data)
{
	struct rpc_queue *queue = data;

	queue->coalesces = atomic_load(&queue->server->coalesces);
	run_queue(queue);
	return NULL;
}

/* The first request of each slot: later ones come from calls that end, so a slot without would stay deaf. */
static bool post_first(struct rpc_queue *queue)
{
	for (size_t i = 0; i < queue->server->slot_count; i++) {
		rpc_slot_fill(&queue->slots[i]);
		if (queue->slots[i].posted == 0) {
			return false;
		}
	}
	return true;
}

/* With all signals blocked, so that they go to the threads of whoever embeds the server. */
static bool start_thread(struct rpc_queue *queue)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	queue->running = !FAULT("rpc.server.thread") &&
			 pthread_create(&queue->thread, NULL, queue_thread, queue) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return queue->running;
}

enum mb_code rpc_server_start(struct rpc_server *server, struct mb_err *err)
{
	assert(server->magic == SERVER_MAGIC);
	grpc_server_start(server->core);
	if (server->options.coalesce) {
		const char *why_not = rpc_coalesce_check(server->core);

		atomic_store(&server->why_not, why_not);
		atomic_store(&server->coalesces, why_not == NULL);
	}
	for (int i = 0; i < server->queue_count; i++) {
		if (!post_first(&server->queues[i])) {
			return mb_fail(err, MB_INTERNAL, "no memory to wait for calls");
		}
		if (!start_thread(&server->queues[i])) {
			return mb_fail(err, MB_INTERNAL, "cannot start a thread");
		}
	}
	return MB_OK;
}

void rpc_server_hold(struct rpc_server *server)
{
	if (atomic_load(&server->coalesces)) {
		rpc_coalesce_begin(&server->beside);
	}
}

void rpc_server_push(struct rpc_server *server)
{
	if (server->beside.socket_count > 0) {
		rpc_coalesce_push(&server->beside);
	}
}

void rpc_server_release(struct rpc_server *server)
{
	rpc_server_push(server);
	rpc_coalesce_begin(NULL);
}

static void add_writes(const struct rpc_coalescer *coalescer, struct rpc_writes *out)
{
	out->held += atomic_load_explicit(&coalescer->held, memory_order_relaxed);
	out->held_bytes += atomic_load_explicit(&coalescer->held_bytes, memory_order_relaxed);
	out->pushed += atomic_load_explicit(&coalescer->pushed, memory_order_relaxed);
}

void rpc_server_writes(const struct rpc_server *server, struct rpc_writes *out)
{
	*out = (struct rpc_writes){
		.coalesced = atomic_load(&server->coalesces),
		.why_not = atomic_load(&server->why_not),
	};
	for (int i = 0; i < server->queue_count; i++) {
		add_writes(&server->queues[i].coalescer, out);
	}
	add_writes(&server->beside, out);
}

/* ---- creation ---- */

/* A permission that no role is given is a slip of the pen in a proto. */
static enum mb_code check_grants(const struct rpc_server_options *options,
				 const struct rpc_registry *registry, struct mb_err *err)
{
	for (size_t i = 0; i < rpc_registry_method_count(registry); i++) {
		const struct rpc_method *method = rpc_registry_method(registry, i);
		const struct rpc_grant *grant = options->grants;

		if (!rpc_method_is_bound(method) || method->is_public) {
			continue;
		}
		while (grant != NULL && grant->role != NULL &&
		       strcmp(grant->permission, method->permission) != 0) {
			grant++;
		}
		if (grant == NULL || grant->role == NULL) {
			return mb_fail(err, MB_INTERNAL, "no role has the permission %s of %s",
				       method->permission, method->full);
		}
	}
	return MB_OK;
}

static bool make_greeting(struct rpc_server *server)
{
	const char *const *text = server->options.metadata;
	size_t count = 0;

	while (text != NULL && text[2 * count] != NULL) {
		count++;
	}
	server->greeting = calloc(count + 1, sizeof(*server->greeting));
	for (size_t i = 0; server->greeting != NULL && i < count; i++) {
		server->greeting[i].key = grpc_slice_from_static_string(text[2 * i]);
		server->greeting[i].value = grpc_slice_from_static_string(text[2 * i + 1]);
	}
	server->greeting_count = count;
	return server->greeting != NULL;
}

/* Two servers on one port would each get some of the calls: without SO_REUSEPORT the second fails.
 * C core decompresses a message whole before it looks at its size, and before anybody's token was: 4 MiB
 * make 4 GiB. So nothing that is compressed is taken. */
static void make_core(struct rpc_server *server)
{
	grpc_arg args[] = {
		{.type = GRPC_ARG_INTEGER, .key = (char *)GRPC_ARG_ALLOW_REUSEPORT},
		{.type = GRPC_ARG_INTEGER,
		 .key = (char *)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
		 .value.integer = (int)server->options.message_max},
		{.type = GRPC_ARG_INTEGER,
		 .key = (char *)GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
		 .value.integer = 1 << GRPC_COMPRESS_NONE},
		{.type = GRPC_ARG_INTEGER,
		 .key = (char *)GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION,
		 .value.integer = 0},
	};
	const grpc_channel_args all = {sizeof(args) / sizeof(args[0]), args};

	server->core = grpc_server_create(&all, NULL);
}

static bool make_queue(struct rpc_server *server, struct rpc_queue *queue)
{
	queue->slots = calloc(server->slot_count, sizeof(*queue->slots));
	if (queue->slots == NULL) {
		return false;
	}
	queue->server = server;
	pthread_mutex_init(&queue->posting, NULL);
	queue->core = grpc_completion_queue_create_for_next(NULL);
	grpc_server_register_completion_queue(server->core, queue->core, NULL);
	server->queue_count++;
	return true;
}

static bool make_queues(struct rpc_server *server)
{
	server->queues = calloc((size_t)server->options.queues, sizeof(*server->queues));
	for (int i = 0; server->queues != NULL && i < server->options.queues; i++) {
		if (!make_queue(server, &server->queues[i])) {
			return false;
		}
	}
	return server->queues != NULL;
}

/* A slot of each method that is served on each queue; the last of each queue takes the unknown ones. */
static void register_methods(struct rpc_server *server)
{
	size_t at = 0;

	for (size_t i = 0; i < rpc_registry_method_count(server->registry); i++) {
		const struct rpc_method *method = rpc_registry_method(server->registry, i);
		void *registered;

		if (!rpc_method_is_bound(method)) {
			continue;
		}
		registered = grpc_server_register_method(
			server->core, method->path, NULL,
			method->shape == RPC_BIDI ? GRPC_SRM_PAYLOAD_NONE
						  : GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER,
			0);
		assert(registered != NULL);
		for (int q = 0; q < server->queue_count; q++) {
			server->queues[q].slots[at].method = method;
			server->queues[q].slots[at].registered = registered;
		}
		at++;
	}
	assert(at == server->slot_count - 1);
	for (int q = 0; q < server->queue_count; q++) {
		for (size_t i = 0; i < server->slot_count; i++) {
			server->queues[q].slots[i].queue = &server->queues[q];
			server->queues[q].slots[i].wanted = 1;
		}
	}
}

static size_t count_bound(const struct rpc_registry *registry)
{
	size_t count = 0;

	for (size_t i = 0; i < rpc_registry_method_count(registry); i++) {
		count += rpc_method_is_bound(rpc_registry_method(registry, i));
	}
	return count;
}

enum mb_code rpc_server_create(const struct rpc_server_options *options,
			       struct rpc_registry *registry, int *port, struct rpc_server **out,
			       struct mb_err *err)
{
	struct rpc_server *server;
	enum mb_code code = rpc_registry_check(registry, err);

	assert(options->queues >= 1 && options->pending_max >= 1);
	if (code == MB_OK) {
		code = check_grants(options, registry, err);
	}
	if (code != MB_OK) {
		return code;
	}
	server = calloc(1, sizeof(*server));
	if (server == NULL) {
		return mb_fail(err, MB_INTERNAL, "no memory for the server");
	}
	server->magic = SERVER_MAGIC;
	server->options = *options;
	server->registry = registry;
	server->stopped.done = rpc_server_core_stopped;
	server->slot_count = count_bound(registry) + 1;
	seed_ids(server);
	rpc_core_begin();
	make_core(server);
	if (!make_greeting(server) || !make_queues(server)) {
		code = mb_fail(err, MB_INTERNAL, "no memory for the server");
	} else if (FAULT("rpc.server.spare") || !rpc_accept_prepare()) {
		code = mb_fail(err, MB_INTERNAL, "no file descriptor is left");
	} else {
		register_methods(server);
		code = rpc_listen(server->core, server->options.listen, &server->port, err);
	}
	if (code != MB_OK) {
		rpc_server_destroy(server);
		return code;
	}
	*port = server->port;
	*out = server;
	return MB_OK;
}

/* ---- going down ---- */

static void shut_queues(struct rpc_server *server)
{
	for (int i = 0; i < server->queue_count; i++) {
		struct rpc_queue *queue = &server->queues[i];

		grpc_completion_queue_shutdown(queue->core);
		if (queue->running) {
			pthread_join(queue->thread, NULL);
		} else {
			run_queue(queue);
		}
	}
}

void rpc_server_destroy(struct rpc_server *server)
{
	if (server == NULL) {
		return;
	}
	assert(server->magic == SERVER_MAGIC);
	rpc_server_drain(server, 0, 0, NULL);
	if (server->queue_count > 0) {
		if (!atomic_load(&server->closing)) {
			rpc_server_stop_core(
				server); /* never started: C core wants it all the same */
		}
		shut_queues(server);
	}
	grpc_server_destroy(server->core);
	for (int i = 0; i < server->queue_count; i++) {
		struct rpc_queue *queue = &server->queues[i];

		grpc_completion_queue_destroy(queue->core);
		while (queue->resting_count > 0) {
			arena_destroy(queue->resting[--queue->resting_count]);
		}
		pthread_mutex_destroy(&queue->posting);
		free(queue->slots);
	}
	free(server->queues);
	free(server->greeting);
	server->magic = 0;
	free(server);
}
