/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo: the service that the tests of the rpc floor call, with a server around it.
 *
 * Threads:  SayLater is answered by a thread of the service. Counters are atomic.
 */
#pragma once

#include "base/arena.h"
#include "rpc/server.h"

#include <pthread.h>
#include <stdatomic.h>

/* What `ended` has told of one call. */
struct echo_end {
	char method[64], request_id[65], trace_id[33], role[16], peer[64];
	enum mb_code code;
	struct mb_err err;
	int64_t duration_ns;
	size_t bytes_in, bytes_out;
};

struct echo_job;

struct echo {
	/* options: set between init and start */
	struct rpc_server_options options;
	struct rpc_health *health; /* served, too, when not NULL; the caller's */
	bool finish_on_cancel; /* SayLater ends as soon as it is cancelled */
	bool left_on_cancel; /* streams that are cancelled are left for the test to finish: */
	struct rpc_call *_Atomic left;
	rpc_unary_fn *whisper; /* handles Whisper, with the echo as its data, in place of Say's */
	void *whisper_data;
	bool deaf; /* SayLater does not even ask to hear of a cancellation */
	/* what happened */
	atomic_int began, cancels, written, handled;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int ends; /* calls of `ended`; the last one: */
	struct echo_end end;
	int ends_by_code[MB_CODES];
	/* private */
	struct arena_budget budget;
	struct rpc_registry *registry;
	struct rpc_server *server;
	struct echo_job *jobs;
	bool stopping;
	pthread_t thread;
	char path[64], target[72];
	int port;
};

/* From here on a failed assertion ends the program: its longjmp would leave threads running over the stack of
 * a test that is over. Said by echo_init(). */
void end_with_a_failure(void);
/* Defaults: a Unix socket, 2 queues, 4 MiB messages, every caller may say. */
void echo_init(struct echo *echo);
void echo_start(struct echo *echo);
void echo_stop(struct echo *echo); /* drains without grace, destroys, joins */
/* Waits until `ended` was called n times in all; fails the test after some seconds. */
void echo_wait_ends(struct echo *echo, int n);
int echo_ends(struct echo *echo);
/* Waits until *counter is at least n. */
void echo_wait(const atomic_int *counter, int n);
void sleep_ms(int ms);
