/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include "base/fault.h"
#include "policy/policy_file.h"
#include "repository/repository.h"
#include "service/grants.h"

#include <uv.h>

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BEAT_MS 200

/* Signals that end the process. */
#define GOING_DOWN(X) X(SIGTERM, "TERM") X(SIGINT, "INT")

enum {
#define X(number, name) DOWN_##number,
	GOING_DOWN(X)
#undef X
		DOWN_SIGNALS
};

struct loop_handles {
	struct daemon *daemon;
	uv_signal_t down[DOWN_SIGNALS], hup;
	uv_timer_t beat;
	uv_prepare_t before; /* the loop waits */
	uv_check_t after; /* its callbacks have run */
	uv_work_t drain;
	atomic_int hurry;
	int open; /* handles that are not closed yet */
	/* one policy is published at a time; what comes meanwhile is done after it */
	bool publishing, again;
	struct repository_publish publish;
	struct arena *publish_arena;
};

/* ---- SIGHUP ---- */

static void reload_policy(struct loop_handles *handles);

static void told(struct daemon *daemon, const char *what, const char *file,
		 const struct mb_err *err)
{
	if (err == NULL) {
		metric_inc(daemon->metric.reloads_total, 1);
		LOG_INFO(&daemon->log, "reloaded", LOG_STR("what", what), LOG_STR("file", file));
	} else {
		metric_inc(daemon->metric.reloads_refused_total, 1);
		LOG_ERROR(&daemon->log, "reload refused, the old one stays in force",
			  LOG_STR("what", what), LOG_STR("file", file),
			  LOG_STR("story", err->text));
	}
}

static void policy_published(struct repository_call *call)
{
	struct loop_handles *handles = call->data;
	struct daemon *daemon = handles->daemon;

	told(daemon, handles->publish.published ? "policy, a new version" : "policy, unchanged",
	     daemon->options->policy, call->code == MB_OK ? NULL : &call->err);
	arena_destroy(handles->publish_arena);
	handles->publish_arena = NULL;
	handles->publishing = false;
	if (handles->again) {
		handles->again = false;
		reload_policy(handles);
	}
}

static void reload_policy(struct loop_handles *handles)
{
	struct daemon *daemon = handles->daemon;
	const char *file = daemon->options->policy;
	struct mb_err err;
	struct str text;

	handles->publish_arena = arena_create(NULL, 0);
	if (handles->publish_arena == NULL) {
		mb_fail(&err, MB_OVERLOADED, "out of memory");
		told(daemon, "policy", file, &err);
		return;
	}
	if (policy_read_file(file, handles->publish_arena, &text, &err) != MB_OK) {
		told(daemon, "policy", file, &err);
		arena_destroy(handles->publish_arena);
		handles->publish_arena = NULL;
		return;
	}
	handles->publishing = true;
	handles->publish = (struct repository_publish){
		.call = {.arena = handles->publish_arena,
			 .principal = STR("memberd:policy-file"),
			 .cb = policy_published,
			 .data = handles},
		.policy = text,
		.policy_file = file,
	};
	repository_publish(daemon->repository, &handles->publish);
}

static void reload(uv_signal_t *signal, int number)
{
	struct loop_handles *handles = signal->data;
	struct daemon *daemon = handles->daemon;
	const struct daemon_options *options = daemon->options;
	struct mb_err err;

	(void)number;
	if (atomic_load(&daemon->draining)) {
		return;
	}
	LOG_INFO(&daemon->log, "reading files again", LOG_STR("signal", "HUP"));
	if (options->token_file[0] != '\0') {
		enum mb_code code =
			rpc_tokens_load(daemon->tokens, options->token_file, service_grants, &err);

		told(daemon, "tokens", options->token_file, code == MB_OK ? NULL : &err);
	}
	if (options->policy[0] == '\0') {
		return;
	}
	if (handles->publishing) {
		handles->again = true;
		return;
	}
	reload_policy(handles);
}

/* ---- when they may come ---- */

static void change_mask(int how, bool all)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	if (all) {
#define X(number, name) sigaddset(&set, (number));
		GOING_DOWN(X)
#undef X
	}
	pthread_sigmask(how, &set, NULL);
}

void signals_hold(bool all)
{
	change_mask(SIG_BLOCK, all);
}

void signals_release(void)
{
	change_mask(SIG_UNBLOCK, true);
}

/* ---- going down ---- */

static void run_drain(uv_work_t *work)
{
	struct loop_handles *handles = work->data;
	const struct daemon_options *options = handles->daemon->options;

	rpc_server_drain(handles->daemon->server, options->drain_notice_ms, options->drain_grace_ms,
			 &handles->hurry);
}

static void drained(uv_work_t *work, int status)
{
	struct loop_handles *handles = work->data;

	(void)status;
	LOG_INFO(&handles->daemon->log, "drained", LOG_NONE);
	uv_stop(work->loop);
}

static void go_down(uv_signal_t *signal, int number)
{
	static const char *const names[] = {
#define X(number, name) [DOWN_##number] = name,
		GOING_DOWN(X)
#undef X
	};
	struct loop_handles *handles = signal->data;
	struct daemon *daemon = handles->daemon;
	const char *name = names[signal - handles->down];
	int status;

	(void)number;
	if (atomic_exchange(&daemon->draining, true)) {
		handles->hurry = 1;
		LOG_WARN(&daemon->log, "hurrying", LOG_STR("signal", name));
		return;
	}
	LOG_INFO(&daemon->log, "draining", LOG_STR("signal", name),
		 LOG_INT("calls", rpc_server_pending(daemon->server)),
		 LOG_INT("notice_ms", daemon->options->drain_notice_ms),
		 LOG_INT("grace_ms", daemon->options->drain_grace_ms));
	handles->drain.data = handles;
	signals_hold(true); /* for the pool, which is made here */
	status = uv_queue_work(daemon->loop, &handles->drain, run_drain, drained);
	signals_release();
	assert(status == 0); /* it fails for want of a function only */
}

/* ---- life ---- */

static void beat(uv_timer_t *timer)
{
	struct loop_handles *handles = timer->data;

	atomic_store(&handles->daemon->beat_ns, clock_monotonic_ns());
	if (handles->daemon->store != NULL) {
		watch_store(handles->daemon);
	}
	if (handles->daemon->repository != NULL) {
		watch_redis(handles->daemon);
	}
}

/* What the loop's callbacks answered in this turn leaves together, before the loop waits again. */
static void push_writes(const struct loop_handles *handles)
{
	if (handles->daemon->server != NULL) {
		rpc_server_push(handles->daemon->server);
	}
}

static void push_before(uv_prepare_t *before)
{
	push_writes(before->data);
}

static void push_after(uv_check_t *after)
{
	push_writes(after->data);
}

enum mb_code handles_open(struct daemon *daemon, struct mb_err *err)
{
	static const int numbers[] = {
#define X(number, name) number,
		GOING_DOWN(X)
#undef X
	};
	struct loop_handles *handles = FAULT("daemon.handles") ? NULL : calloc(1, sizeof(*handles));
	int status = 0;

	if (handles == NULL) {
		return mb_fail(err, MB_OVERLOADED, "out of memory");
	}
	handles->daemon = daemon;
	daemon->handles = handles;
	for (int i = 0; i < DOWN_SIGNALS; i++) {
		uv_signal_init(daemon->loop, &handles->down[i]);
		handles->down[i].data = handles;
		status |= uv_signal_start(&handles->down[i], go_down, numbers[i]);
	}
	uv_signal_init(daemon->loop, &handles->hup);
	handles->hup.data = handles;
	status |= uv_signal_start(&handles->hup, reload, SIGHUP);
	uv_timer_init(daemon->loop, &handles->beat);
	handles->beat.data = handles;
	status |= uv_timer_start(&handles->beat, beat, 0, BEAT_MS);
	uv_prepare_init(daemon->loop, &handles->before);
	uv_check_init(daemon->loop, &handles->after);
	handles->before.data = handles->after.data = handles;
	status |= uv_prepare_start(&handles->before, push_before);
	status |= uv_check_start(&handles->after, push_after);
	atomic_store(&daemon->beat_ns, clock_monotonic_ns());
	return status == 0 ? MB_OK
			   : mb_fail(err, MB_INTERNAL, "the signals cannot be listened for");
}

static void closed(uv_handle_t *handle)
{
	struct loop_handles *handles = handle->data;

	if (--handles->open == 0) {
		free(handles);
	}
}

void handles_close(struct daemon *daemon)
{
	struct loop_handles *handles = daemon->handles;

	if (handles == NULL) {
		return;
	}
	daemon->handles = NULL;
	handles->open = DOWN_SIGNALS + 4;
	for (int i = 0; i < DOWN_SIGNALS; i++) {
		uv_close((uv_handle_t *)&handles->down[i], closed);
	}
	uv_close((uv_handle_t *)&handles->hup, closed);
	uv_close((uv_handle_t *)&handles->beat, closed);
	uv_close((uv_handle_t *)&handles->before, closed);
	uv_close((uv_handle_t *)&handles->after, closed);
}
