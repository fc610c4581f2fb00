/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drain: how a server ends without losing a call that it has taken.
 */
#include "base/clock.h"
#include "base/list.h"
#include "rpc/server_impl.h"

#include <assert.h>
#include <time.h>

#define DRAIN_POLL_NS 5000000L
#define QUIET	      20 /* looks that find nobody new: a tenth of a second */
#define QUIET_MOST    200
#define LAST_NS	      INT64_C(50000000)

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
 * stopped, so it is stopped when callers have gone, if they go. Looks are counted, not time: where the whole
 * process stood still, nobody could come. */
static void wait_quiet(const struct rpc_server *server, const atomic_int *hurry)
{
	int before = atomic_load(&server->turned_away), quiet = 0;

	for (int i = 0; i < QUIET_MOST && quiet < QUIET && !is_hurried(hurry); i++) {
		int turned_away;

		sleep_ns(DRAIN_POLL_NS);
		turned_away = atomic_load(&server->turned_away);
		quiet = turned_away == before ? quiet + 1 : 0;
		before = turned_away;
	}
}

void rpc_server_core_stopped(struct rpc_op *op, bool ok)
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

void rpc_server_stop_core(struct rpc_server *server)
{
	rpc_server_end_posting(server);
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
	rpc_server_stop_core(server);
	/* What is left now is stuck, or streams of public methods, which never end by themselves. The
	 * last answers of others get a moment to leave, and callers one to hang up when they are told
	 * to. Who does not look at his connection never will; then it is cut. */
	wait_for(&server->others, clock_monotonic_ns() + LAST_NS, hurry);
	wait_stopped(server, clock_monotonic_ns() + LAST_NS, hurry);
	if (!atomic_load(&server->core_stopped)) {
		grpc_server_cancel_all_calls(server->core);
		wait_stopped(server, clock_monotonic_ns() + LAST_NS, hurry);
	}
	while (!atomic_load(&server->core_stopped)) {
		rpc_listen_cut(server->options.listen, server->port);
		wait_stopped(server, clock_monotonic_ns() + LAST_NS, NULL);
	}
	while (rpc_server_pending(server) > 0) {
		sleep_ns(DRAIN_POLL_NS);
	}
}
