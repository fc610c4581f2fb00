/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/server.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/list.h"
#include "rpc/call_impl.h"
#include "rpc/coalesce.h"

#include <assert.h>
#include <grpc/grpc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define SERVER_MAGIC 0x53657276u
/* Requests that wait for calls: one of each method on each queue, and more of those whose calls come in
 * bursts, so that a burst stays on its connection's queue. Not more of all: C core, as Debian builds it,
 * looks a completion up among everything that its queue waits for, one by one. */
#define POSTED_MOST   64 /* of a method */
#define POSTED_MORE   128 /* of a queue, beyond the first of each method */
#define RESTING	      64 /* arenas that a queue keeps for its next calls */
#define DRAIN_POLL_NS 5000000L
#define QUIET_NS      INT64_C(100000000)
#define QUIET_MOST_NS INT64_C(1000000000)
#define LAST_NS	      INT64_C(50000000)

/* A completion queue with its thread. */
struct rpc_queue {
	struct rpc_server *server;
	grpc_completion_queue *core;
	pthread_t thread;
	bool running;
	struct rpc_slot *slots; /* slot_count of the server */
	size_t posted; /* of all slots */
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
	struct rpc_queue *queues;
	int queue_count;
	grpc_metadata *greeting; /* of options.metadata */
	size_t greeting_count;
	atomic_bool coalesces;
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

static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static void seed_ids(struct rpc_server *server)
{
	if (getrandom(&server->id_seed, sizeof(server->id_seed), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(server->id_seed)) {
		server->id_seed = mix((uint64_t)clock_monotonic_ns());
	}
}

void rpc_server_make_id(struct rpc_server *server, char out[REQUEST_ID_MAX + 1])
{
	uint64_t n = atomic_fetch_add_explicit(&server->next_id, 1, memory_order_relaxed);

	n = mix(server->id_seed ^ n);
	for (int i = 0; i < 16; i++) {
		out[i] = "0123456789abcdef"[n >> (60 - 4 * i) & 15];
	}
	out[16] = '\0';
}

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
	if (code != MB_OK) {
		err->retry_after_ms = RPC_RETRY_AFTER_MS;
	}
	return code;
}

static void arrive(struct rpc_op *op, bool ok);
static void core_stopped(struct rpc_op *op, bool ok);

/* What C core puts a call into; takes it. */
static bool post(struct rpc_slot *slot, struct rpc_call *call)
{
	struct rpc_queue *queue = slot->queue;
	struct rpc_server *server = queue->server;
	grpc_call_error error;

	call->arrived.call = call;
	call->arrived.done = arrive;
	if (slot->method == NULL) {
		error = grpc_server_request_call(server->core, &call->core, &call->details,
						 &call->metadata, queue->core, queue->core,
						 &call->arrived);
	} else {
		error = grpc_server_request_registered_call(
			server->core, slot->registered, &call->core, &call->deadline,
			&call->metadata, slot->method->shape == RPC_BIDI ? NULL : &call->payload,
			queue->core, queue->core, &call->arrived);
	}
	if (error != GRPC_CALL_OK) { /* the queue has just been shut down */
		rpc_call_destroy(call);
		return false;
	}
	slot->posted++;
	queue->posted++;
	return true;
}

static bool is_short(const struct rpc_slot *slot)
{
	return slot->posted < slot->wanted && !atomic_load(&slot->queue->server->closing);
}

/* Without memory the slot stays short until a call of it ends. */
static void fill_slot(struct rpc_slot *slot)
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
	fill_slot(slot);
	rpc_call_begin(call);
}

void rpc_server_leave(struct rpc_server *server, struct rpc_call *call)
{
	struct rpc_slot *slot = call->slot;
	atomic_int *counter = counter_of(server, call->method);

	use_again(slot, call);
	slot->working--;
	fill_slot(slot);
	/* Last: once nothing is in work, drain() takes the queues away. */
	atomic_fetch_sub(counter, 1);
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
	for (size_t i = 0; i < queue->server->slot_count; i++) {
		fill_slot(&queue->slots[i]);
	}
	run_queue(queue);
	return NULL;
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
		if (!start_thread(&server->queues[i])) {
			return mb_fail(err, MB_INTERNAL, "cannot start a thread");
		}
	}
	return MB_OK;
}

void rpc_server_writes(const struct rpc_server *server, struct rpc_writes *out)
{
	*out = (struct rpc_writes){
		.coalesced = atomic_load(&server->coalesces),
		.why_not = atomic_load(&server->why_not),
	};
	for (int i = 0; i < server->queue_count; i++) {
		const struct rpc_coalescer *coalescer = &server->queues[i].coalescer;

		out->held += atomic_load_explicit(&coalescer->held, memory_order_relaxed);
		out->held_bytes +=
			atomic_load_explicit(&coalescer->held_bytes, memory_order_relaxed);
		out->pushed += atomic_load_explicit(&coalescer->pushed, memory_order_relaxed);
	}
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
	server->stopped.done = core_stopped;
	server->slot_count = count_bound(registry) + 1;
	seed_ids(server);
	grpc_init();
	make_core(server);
	if (!make_greeting(server) || !make_queues(server)) {
		code = mb_fail(err, MB_INTERNAL, "no memory for the server");
	} else {
		register_methods(server);
		code = rpc_listen(server->core, server->options.listen, port, err);
	}
	if (code != MB_OK) {
		rpc_server_destroy(server);
		return code;
	}
	*out = server;
	return MB_OK;
}

/* ---- going down ---- */

static void sleep_ns(long ns)
{
	const struct timespec time = {ns / 1000000000L, ns % 1000000000L};

	nanosleep(&time, NULL);
}

static bool is_hurried(const atomic_int *hurry)
{
	return hurry != NULL && atomic_load(hurry) != 0;
}

/* Until end_ns, unless hurried, or until *counter is 0; a counter of NULL never is. Polls, because a
 * signal handler may hurry and can wake nobody. */
static void wait_for(const atomic_int *counter, int64_t end_ns, const atomic_int *hurry)
{
	while ((counter == NULL || atomic_load(counter) > 0) && !is_hurried(hurry) &&
	       clock_monotonic_ns() < end_ns) {
		sleep_ns(DRAIN_POLL_NS);
	}
}

/* Until no call was turned away for a while. C core cancels without a word what reaches it after it was
 * stopped, so it is stopped when callers have gone, if they go. */
static void wait_quiet(const struct rpc_server *server, const atomic_int *hurry)
{
	int64_t now_ns = clock_monotonic_ns();
	int64_t end_ns = now_ns + QUIET_MOST_NS, since_ns = now_ns;
	int before = atomic_load(&server->turned_away);

	while (now_ns - since_ns < QUIET_NS && now_ns < end_ns && !is_hurried(hurry)) {
		int turned_away = atomic_load(&server->turned_away);

		since_ns = turned_away == before ? since_ns : now_ns;
		before = turned_away;
		sleep_ns(DRAIN_POLL_NS);
		now_ns = clock_monotonic_ns();
	}
}

static void core_stopped(struct rpc_op *op, bool ok)
{
	struct rpc_server *server = LIST_ITEM(op, struct rpc_server, stopped);

	(void)ok;
	atomic_store(&server->core_stopped, true);
}

static void wait_stopped(const struct rpc_server *server, int64_t end_ns, const atomic_int *hurry)
{
	while (!atomic_load(&server->core_stopped) && !is_hurried(hurry) &&
	       clock_monotonic_ns() < end_ns) {
		sleep_ns(DRAIN_POLL_NS);
	}
}

/* C core takes no call any more and, once the last it has is over, says so on the first queue. */
static void stop_core(struct rpc_server *server)
{
	atomic_store(&server->closing, true);
	grpc_server_shutdown_and_notify(server->core, server->queues[0].core, &server->stopped);
}

static bool is_started(const struct rpc_server *server)
{
	return server->queue_count > 0 && server->queues[0].running;
}

void rpc_server_drain(struct rpc_server *server, int64_t notice_ms, int64_t grace_ms,
		      const atomic_int *hurry)
{
	assert(server->magic == SERVER_MAGIC);
	if (!is_started(server) || atomic_load(&server->closing)) {
		return;
	}
	if (server->options.health != NULL) {
		rpc_health_shutdown(server->options.health);
	}
	wait_for(NULL, clock_monotonic_ns() + notice_ms * 1000000, hurry);
	atomic_store(&server->draining, true);
	if (server->options.draining != NULL) {
		server->options.draining(server->options.draining_data);
	}
	wait_for(&server->working, clock_monotonic_ns() + grace_ms * 1000000, hurry);
	if (grace_ms > 0) {
		wait_quiet(server, hurry);
	}
	stop_core(server);
	/* What is left now is stuck, or streams of public methods, which never end by themselves. The
	 * last answers of others get a moment to leave, and callers one to hang up when they are told
	 * to. Who does not look at his connection never will; then it is cut. */
	wait_for(&server->others, clock_monotonic_ns() + LAST_NS, hurry);
	wait_stopped(server, clock_monotonic_ns() + LAST_NS, hurry);
	if (!atomic_load(&server->core_stopped)) {
		grpc_server_cancel_all_calls(server->core);
	}
	while (!atomic_load(&server->core_stopped) || rpc_server_pending(server) > 0) {
		sleep_ns(DRAIN_POLL_NS);
	}
}

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
			stop_core(server); /* never started: C core wants it all the same */
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
		free(queue->slots);
	}
	free(server->queues);
	free(server->greeting);
	server->magic = 0;
	free(server);
	grpc_shutdown();
}
