/* SPDX-License-Identifier: Apache-2.0 */
#include "echo.h"

#include "base/clock.h"
#include "echo.pb-c.h"
#include "rpc/call.h"
#include "rpc/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

extern const unsigned char echo_files[];
extern const unsigned long echo_files_size;

static const struct rpc_grant grants[] = {
	{"talker", "echo.say"},
	{"spy", "echo.whisper"},
	{"admin", "*"},
	{NULL, NULL},
};
static const struct rpc_principal talker = {{"talker", 6}, {"", 0}};

void sleep_ms(int ms)
{
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&time, NULL);
}

/* ---- unary ---- */

static void answer(struct rpc_call *call, const Echo__V1__EchoRequest *request)
{
	Echo__V1__EchoResponse response = ECHO__V1__ECHO_RESPONSE__INIT;

	if (request->fail != 0) {
		struct mb_err err;

		mb_fail_field(&err, (enum mb_code)request->fail, request->fail_field, "%s",
			      request->text);
		err.retry_after_ms = request->fail_retry_ms;
		rpc_call_fail(call, &err);
		return;
	}
	if (request->take > 0) {
		arena_alloc(rpc_call_arena(call), (size_t)request->take);
	}
	response.text = request->text;
	if (request->who) {
		const struct rpc_principal *who = rpc_call_principal(call);

		response.text = arena_printf(rpc_call_arena(call), "%.*s:%.*s %s %s",
					     STR_ARG(who->role), STR_ARG(who->subject),
					     rpc_call_method(call), rpc_call_request_id(call));
	}
	rpc_call_reply(call, &response.base);
}

static void say(struct rpc_call *call, const ProtobufCMessage *request, void *data)
{
	struct echo *echo = data;

	atomic_fetch_add(&echo->handled, 1);
	answer(call, (const Echo__V1__EchoRequest *)request);
}

/* ---- unary, later ---- */

struct echo_job {
	struct echo_job *next;
	struct echo *echo;
	struct rpc_call *call;
	const Echo__V1__EchoRequest *request;
	int64_t due_ns;
	atomic_bool cancelled;
};

static void job_cancelled(void *data)
{
	struct echo_job *job = data;
	struct echo *echo = job->echo;

	atomic_fetch_add(&echo->cancels, 1);
	atomic_store(&job->cancelled, true);
	pthread_mutex_lock(&echo->lock);
	pthread_cond_broadcast(&echo->wake);
	pthread_mutex_unlock(&echo->lock);
}

static void say_later(struct rpc_call *call, const ProtobufCMessage *request, void *data)
{
	struct echo *echo = data;
	struct echo_job *job = arena_alloc(rpc_call_arena(call), sizeof(*job));

	atomic_fetch_add(&echo->handled, 1);
	job->echo = echo;
	job->call = call;
	job->request = (const Echo__V1__EchoRequest *)request;
	job->due_ns = clock_monotonic_ns() + job->request->delay_ms * INT64_C(1000000);
	atomic_init(&job->cancelled, false);
	if (!echo->deaf) {
		rpc_call_on_cancel(call, job_cancelled, job);
	}
	pthread_mutex_lock(&echo->lock);
	job->next = echo->jobs;
	echo->jobs = job;
	pthread_cond_broadcast(&echo->wake);
	pthread_mutex_unlock(&echo->lock);
}

/* The lock is held. Takes a job that is due out of the list. */
static struct echo_job *next_job(struct echo *echo)
{
	int64_t now_ns = clock_monotonic_ns();

	for (struct echo_job **at = &echo->jobs; *at != NULL; at = &(*at)->next) {
		struct echo_job *job = *at;

		if (job->due_ns <= now_ns ||
		    (echo->finish_on_cancel && atomic_load(&job->cancelled))) {
			*at = job->next;
			return job;
		}
	}
	return NULL;
}

static void *later_thread(void *data)
{
	struct echo *echo = data;

	pthread_mutex_lock(&echo->lock);
	while (!echo->stopping || echo->jobs != NULL) {
		struct echo_job *job = next_job(echo);
		struct timespec until;

		if (job != NULL) {
			pthread_mutex_unlock(&echo->lock);
			answer(job->call, job->request);
			pthread_mutex_lock(&echo->lock);
			continue;
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&echo->wake, &echo->lock, &until);
	}
	pthread_mutex_unlock(&echo->lock);
	return NULL;
}

/* ---- server-streaming ---- */

struct counting {
	int left, size;
};

static void count_on(struct rpc_call *call)
{
	struct counting *counting = rpc_call_data(call);
	Echo__V1__EchoResponse response = ECHO__V1__ECHO_RESPONSE__INIT;
	struct arena *arena = rpc_stream_arena(call);

	if (counting->left == 0) {
		rpc_stream_end(call);
		return;
	}
	response.text = arena_printf(arena, "%d", counting->left--);
	response.filler.len = (size_t)counting->size;
	response.filler.data = arena_alloc(arena, response.filler.len);
	if (response.filler.data == NULL) {
		response.filler.len = 0;
	}
	rpc_stream_write(call, &response.base);
}

static void count_open(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Echo__V1__EchoRequest *request = (const Echo__V1__EchoRequest *)message;
	struct counting *counting = arena_alloc(rpc_call_arena(call), sizeof(*counting));
	struct echo *echo = data;

	atomic_fetch_add(&echo->handled, 1);
	counting->left = request->count;
	counting->size = request->size;
	rpc_call_set_data(call, counting);
	count_on(call);
}

static void count_written(struct rpc_call *call, void *data)
{
	struct echo *echo = data;

	atomic_fetch_add(&echo->written, 1);
	count_on(call);
}

static void stream_cancelled(struct rpc_call *call, void *data)
{
	struct echo *echo = data;
	struct mb_err err;

	atomic_fetch_add(&echo->cancels, 1);
	if (echo->left_on_cancel) {
		atomic_store(&echo->left, call);
		return;
	}
	mb_fail(&err, MB_CALL_CANCELLED, "%s", "");
	rpc_call_fail(call, &err);
}

static const struct rpc_stream_ops count_ops = {
	.open = count_open,
	.written = count_written,
	.cancelled = stream_cancelled,
};

/* ---- bidirectional ---- */

static void chat_open(struct rpc_call *call, const ProtobufCMessage *request, void *data)
{
	struct echo *echo = data;

	atomic_fetch_add(&echo->handled, 1);
	assert_null(request);
	rpc_stream_read(call);
}

static void chat_message(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Echo__V1__EchoRequest *request = (const Echo__V1__EchoRequest *)message;
	Echo__V1__EchoResponse response = ECHO__V1__ECHO_RESPONSE__INIT;

	(void)data;
	if (strcmp(request->text, "!") == 0) {
		struct mb_err err;

		mb_fail(&err, MB_ORDER_CLOSED, "you said !");
		rpc_call_fail(call, &err);
		return;
	}
	if (request->take > 0) {
		arena_alloc(rpc_stream_arena(call), (size_t)request->take);
	}
	if (strcmp(request->text, ".") == 0) {
		rpc_stream_end(call);
		return;
	}
	response.text = arena_strdup(rpc_stream_arena(call), request->text);
	rpc_stream_write(call, &response.base);
}

static void chat_half_closed(struct rpc_call *call, void *data)
{
	(void)data;
	rpc_stream_end(call);
}

static void chat_written(struct rpc_call *call, void *data)
{
	struct echo *echo = data;

	atomic_fetch_add(&echo->written, 1);
	rpc_stream_read(call);
}

static const struct rpc_stream_ops chat_ops = {
	.open = chat_open,
	.message = chat_message,
	.half_closed = chat_half_closed,
	.written = chat_written,
	.cancelled = stream_cancelled,
};

/* ---- the server ---- */

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static void began(size_t id, void *data)
{
	struct echo *echo = data;

	assert_true(id < rpc_registry_ids(echo->registry));
	atomic_fetch_add(&echo->began, 1);
}

static void ended(const struct rpc_call_end *end, void *data)
{
	struct echo *echo = data;
	struct echo_end *out = &echo->end;

	pthread_mutex_lock(&echo->lock);
	copy(out->method, sizeof(out->method), end->method);
	copy(out->request_id, sizeof(out->request_id), rpc_call_request_id(end->call));
	copy(out->trace_id, sizeof(out->trace_id), end->trace_id);
	rpc_call_peer(end->call, out->peer, sizeof(out->peer));
	snprintf(out->role, sizeof(out->role), "%.*s", STR_ARG(end->principal->role));
	out->code = end->code;
	assert_true((end->err == NULL) == (end->code == MB_OK));
	if (end->err != NULL) {
		assert_int_equal(end->err->code, end->code);
		out->err = *end->err;
	}
	out->duration_ns = end->duration_ns;
	out->bytes_in = end->bytes_in;
	out->bytes_out = end->bytes_out;
	echo->ends_by_code[end->code]++;
	echo->ends++;
	pthread_cond_broadcast(&echo->wake);
	pthread_mutex_unlock(&echo->lock);
}

void end_with_a_failure(void)
{
	setenv("CMOCKA_TEST_ABORT", "1", 0);
}

void echo_init(struct echo *echo)
{
	static atomic_int number;

	end_with_a_failure();
	memset(echo, 0, sizeof(*echo));
	pthread_mutex_init(&echo->lock, NULL);
	pthread_cond_init(&echo->wake, NULL);
	arena_budget_init(&echo->budget, (size_t)64 << 20);
	snprintf(echo->path, sizeof(echo->path), "/tmp/memberd-echo-%d-%d.sock", (int)getpid(),
		 atomic_fetch_add(&number, 1));
	snprintf(echo->target, sizeof(echo->target), "unix:%s", echo->path);
	echo->options = (struct rpc_server_options){
		.listen = echo->target,
		.queues = 2,
		.message_max = (size_t)4 << 20,
		.pending_max = 1000,
		.budget = &echo->budget,
		.grants = grants,
		.anonymous = &talker,
		.began = began,
		.began_data = echo,
		.ended = ended,
		.ended_data = echo,
	};
}

static void bind_unary(struct echo *echo, const char *method, size_t cap, rpc_unary_fn *fn)
{
	struct mb_err err;

	assert_int_equal(
		rpc_registry_bind_unary(echo->registry, method, &echo__v1__echo_request__descriptor,
					&echo__v1__echo_response__descriptor, cap, fn, echo, &err),
		MB_OK);
}

static void bind_stream(struct echo *echo, const char *method, const struct rpc_stream_ops *ops)
{
	struct mb_err err;

	assert_int_equal(rpc_registry_bind_stream(
				 echo->registry, method, &echo__v1__echo_request__descriptor,
				 &echo__v1__echo_response__descriptor, 0, ops, echo, &err),
			 MB_OK);
}

void echo_start(struct echo *echo)
{
	struct mb_err err = {0};

	echo->registry = rpc_registry_create();
	assert_int_equal(rpc_registry_add_files(echo->registry, echo_files, echo_files_size, &err),
			 MB_OK);
	bind_unary(echo, "echo.v1.EchoService/Say", 0, say);
	bind_unary(echo, "echo.v1.EchoService/SayLater", 0, say_later);
	bind_unary(echo, "echo.v1.EchoService/SayPublic", 0, say);
	bind_unary(echo, "echo.v1.EchoService/Whisper", 0,
		   echo->whisper != NULL ? echo->whisper : say);
	bind_stream(echo, "echo.v1.EchoService/Count", &count_ops);
	bind_stream(echo, "echo.v1.EchoService/Chat", &chat_ops);
	if (echo->health != NULL) {
		echo->options.health = echo->health;
		assert_int_equal(rpc_health_bind(echo->health, echo->registry, &err), MB_OK);
	}
	if (rpc_server_create(&echo->options, echo->registry, &echo->port, &echo->server, &err) !=
	    MB_OK) {
		fail_msg("%s", err.text);
	}
	assert_int_equal(pthread_create(&echo->thread, NULL, later_thread, echo), 0);
	assert_int_equal(rpc_server_start(echo->server, &err), MB_OK);
}

void echo_stop(struct echo *echo)
{
	rpc_server_destroy(echo->server);
	pthread_mutex_lock(&echo->lock);
	echo->stopping = true;
	pthread_cond_broadcast(&echo->wake);
	pthread_mutex_unlock(&echo->lock);
	pthread_join(echo->thread, NULL);
	rpc_registry_destroy(echo->registry);
	assert_int_equal(echo->budget.used, 0);
	pthread_cond_destroy(&echo->wake);
	pthread_mutex_destroy(&echo->lock);
	unlink(echo->path);
}

void echo_wait_ends(struct echo *echo, int n)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&echo->lock);
	while (echo->ends < n && pthread_cond_timedwait(&echo->wake, &echo->lock, &until) == 0) {
	}
	assert_int_equal(echo->ends, n);
	pthread_mutex_unlock(&echo->lock);
}

int echo_ends(struct echo *echo)
{
	int ends;

	pthread_mutex_lock(&echo->lock);
	ends = echo->ends;
	pthread_mutex_unlock(&echo->lock);
	return ends;
}

void echo_wait(const atomic_int *counter, int n)
{
	for (int i = 0; i < 10000 && atomic_load(counter) < n; i++) {
		sleep_ms(2);
	}
	assert_true(atomic_load(counter) >= n);
}
