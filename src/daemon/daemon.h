/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon: all parts of a running memberd, and the order in which they come and go. Private to the
 * floor; each part is explained where it is declared.
 *
 *     start:  clock, log ─▶ data ─▶ store ─▶ repository ─▶ services ─▶ server ─▶ admin ─▶ SERVING
 *     stop:   health NOT_SERVING, notice ─▶ no new calls, grace ─▶ server ─▶ repository ─▶ store ─▶ admin
 *
 * Threads:  everything here runs on the main thread, which is the loop's, but the draining (a thread
 *           of libuv's pool, so that the loop goes on answering) and what admin calls (atomics only).
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "cache/cache.h"
#include "cache/redis.h"
#include "daemon/options.h"
#include "rpc/server.h"
#include "service/service.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdbool.h>

struct admin;
struct calls;
struct loop_handles;
struct repository;
struct test_clock;
struct uv_loop_s;

/* Names begin with memberd_. */
#define DAEMON_METRICS(X)                                                                     \
	X(calls_pending, GAUGE, "calls in work now")                                          \
	X(write_coalescing, GAUGE, "1 while answers leave together, else 0")                  \
	X(writes_held_total, COUNTER, "writes that waited for others to leave with")          \
	X(writes_held_bytes_total, COUNTER, "bytes of such writes")                           \
	X(writes_pushed_total, COUNTER, "times that a connection's held writes were sent")    \
	X(arena_bytes, GAUGE, "memory that calls hold now")                                   \
	X(arena_limit_bytes, GAUGE, "memory that calls may hold together")                    \
	X(store_writable, GAUGE, "1 while the store takes writes, else 0")                    \
	X(ledger_entries_read_total, COUNTER, "entries of ledgers read from the store")       \
	X(loads_total, COUNTER, "members who were not in the cache and were loaded")          \
	X(loads_joined_total, COUNTER, "look-ups that waited for a load under way")           \
	X(records_folded_total, COUNTER, "of them whose record had to be made of the ledger") \
	X(cache_warmed_total, COUNTER, "records taken from Redis after the start")            \
	X(draining, GAUGE, "1 from the signal to go down on")                                 \
	X(reloads_total, COUNTER, "files read again on SIGHUP and taken")                     \
	X(reloads_refused_total, COUNTER, "files read again on SIGHUP and refused")           \
	X(sweep_members_total, COUNTER, "members looked at for what time has done")           \
	X(sweep_failures_total, COUNTER, "of them that failed and were put off")              \
	X(sweep_lag_seconds, GAUGE, "for how long those told last had been due; 0: none are") \
	X(log_lines_dropped_total, COUNTER, "log lines that stderr did not take")

/* Of the process's cache and of Redis: names begin with memberd_cache_ and memberd_redis_. */
struct daemon_metrics {
#define X(name, kind, help) struct metric *name;
	DAEMON_METRICS(X)
#undef X
#define X(name, kind, help) struct metric *cache_##name;
	CACHE_FIGURES(X)
#undef X
#define X(name, help) struct metric *redis_##name;
	REDIS_FIGURES(X)
#undef X
	struct metric *redis_up, *redis_believed;
};

#define DAEMON_PATH_MAX 4200

struct daemon {
	struct daemon_options *options;
	struct clock clock;
	struct log log;
	struct arena_budget budget;
	struct metric_set *metrics;
	struct daemon_metrics metric;
	char data[DAEMON_PATH_MAX]; /* absolute */
	char key_file[DAEMON_PATH_MAX];
	char store_id[2 * STORE_ID_BYTES + 1]; /* hexadecimal */
	const char *metadata[3]; /* of every answer */

	/* from the ground up; NULL until started */
	struct uv_loop_s *loop;
	struct loop_handles *handles;
	struct test_clock *test_clock;
	struct store *store;
	struct repository *repository;
	struct rpc_tokens *tokens;
	struct rpc_registry *registry;
	struct rpc_health *health;
	struct services services;
	struct calls *calls;
	struct rpc_server *server;
	struct admin *admin;
	int port, admin_port;

	_Atomic int store_health; /* enum store_health, as last seen */
	bool redis_well; /* as last told */
	_Atomic bool ready, draining;
	_Atomic int64_t beat_ns; /* when the loop last turned */
};

/* Brings everything up to serving. On failure *exit_code tells how to end; daemon_stop() in any case. */
enum mb_code daemon_start(struct daemon *daemon, struct daemon_options *options,
			  enum exit_code *exit_code, struct mb_err *err);
/* Turns the loop until a signal and the draining after it are over. */
void daemon_serve(struct daemon *daemon);
/* Takes down what is up, in order; safe on a half-started one. */
void daemon_stop(struct daemon *daemon);

/* signals.c: what happens on the loop by itself: signals, and a beat that looks after the store. */
enum mb_code handles_open(struct daemon *daemon, struct mb_err *err);
void handles_close(struct daemon *daemon);
/* Signals that come while they are held wait; those of the calling thread and of threads that it makes
 * from now on. HUP would end a process that is not listening yet, and any of them one that has just
 * ceased to: so HUP is held from the first instruction, all from before the server's threads are made,
 * and they are let in on the loop's thread while it serves. */
void signals_hold(bool all);
void signals_release(void);

#define REDIS_HEALTH \
	"memberd.redis" /* a name of the health service: NOT_SERVING while it is not used */

/* watch.c: how it is, for admin and for health. */
bool watch_healthy(struct strbuf *out, void *daemon);
bool watch_ready(struct strbuf *out, void *daemon);
void watch_metrics(struct strbuf *out, void *daemon);
enum mb_code watch_open(struct daemon *daemon, struct mb_err *err);
/* Tell health and the log when the store's health, or Redis's, is another than last time. On the loop. */
void watch_store(struct daemon *daemon);
void watch_redis(struct daemon *daemon);
