/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer takes what waits, at most GROUP_MOST jobs, as one transaction:
 *
 *     begin ─▶ (mark ─▶ run ─▶ keep | undo) for each ─▶ commit ─▶ answers ─▶ settle
 *
 * Failure:  run() returns an error            that job alone is undone and told it
 *           the backend fails before commit   nothing is kept; every job of the group is told it,
 *                                             also those that had an error of their own: it may
 *                                             rest on what another job of the group had written
 *           the commit fails                  the same, and, but for a full disk, writing stops
 *           no job changed anything           no commit: the answers rest on what is durable
 *
 * Instants: what was answered at a read's now can be asked for again by its known_at. So no write may
 * get a known_at at or before a now that was given to a reader who does not see it:
 *
 *     read    now = min(clock, inflight - 1), given = max(given, now)    before its snapshot
 *             now = max(now, last known_at of the snapshot)              after it
 *     write   known_at = inflight = max(clock, last + 1, given + 1)      before its first job
 *             inflight = none                                            after its commit
 *
 * A read that asks for an instant at or after `inflight` waits until that group has ended. A clock that
 * stepped back by more than GIVEN_AHEAD_MAX was wrong before: what it gave to readers is forgotten,
 * for it must not be stored with writes (nobody may ask for those instants until they have come).
 */
#include "store/engine.h"

#include "base/fault.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define GROUP_MOST	256
#define GIVEN_AHEAD_MAX US_PER_MINUTE

#define JOB_BIT(state) (1u << JOB_##state)
#define JOB_STATES(X)                                   \
	/*  state     may go to                     */  \
	X(NEW, JOB_BIT(QUEUED))                         \
	X(QUEUED, JOB_BIT(RUNNING) | JOB_BIT(FINISHED)) \
	X(RUNNING, JOB_BIT(FINISHED))                   \
	X(FINISHED, JOB_BIT(QUEUED))

enum job_state {
#define X(name, next) JOB_##name,
	JOB_STATES(X)
#undef X
};

struct worker {
	struct engine *engine;
	struct store_view *view;
	pthread_t thread;
};

struct engine {
	struct store *store;
	const struct clock *clock;
	uv_async_t async;

	pthread_mutex_t lock; /* guards what follows, and the state of every job */
	pthread_cond_t writes_wait, reads_wait, group_ended;
	int64_t inflight; /* known_at of the group that runs; INT64_MAX: none */
	int64_t given; /* greatest now of a reader */
	struct list writes, reads; /* queued */
	struct list finished; /* wait for the loop */
	bool stopping;
	bool has_loop; /* the async handle is there */
	int running; /* threads */

	int64_t last_known_at; /* the writer's own */
	void (*close_cb)(void *data);
	void *close_data;
	int n_workers;
	struct worker workers[]; /* the first one writes */
};

static void job_move(struct store_job *job, enum job_state to)
{
	static const unsigned allowed[] = {
#define X(name, next) [JOB_##name] = (next),
		JOB_STATES(X)
#undef X
	};

	assert(job->state >= 0 && (size_t)job->state < sizeof(allowed) / sizeof(allowed[0]));
	assert((allowed[job->state] & 1u << to) != 0);
	job->state = (int)to;
}

static struct store_job *job_of(struct list_node *node)
{
	return LIST_ITEM(node, struct store_job, node);
}

/* ---- the loop's side ---- */

/* With the lock: a thread that wakes the loop outside of it could meet a handle that is gone. */
static void wake_loop(struct engine *engine)
{
	if (engine->has_loop) {
		uv_async_send(&engine->async);
	}
}

static void destroy(struct engine *engine)
{
	pthread_cond_destroy(&engine->group_ended);
	pthread_cond_destroy(&engine->reads_wait);
	pthread_cond_destroy(&engine->writes_wait);
	pthread_mutex_destroy(&engine->lock);
	free(engine);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct engine *engine = handle->data;
	struct store *store = engine->store;
	void (*cb)(void *data) = engine->close_cb;
	void *data = engine->close_data;

	destroy(engine);
	store->ops->destroy(store);
	cb(data);
}

static void join_workers(struct engine *engine, int n)
{
	for (int i = 0; i < n; i++) {
		pthread_join(engine->workers[i].thread, NULL);
	}
}

static void on_async(uv_async_t *handle)
{
	struct engine *engine = handle->data;
	struct list finished;
	struct list_node *node;
	bool ended;

	list_init(&finished);
	pthread_mutex_lock(&engine->lock);
	while ((node = list_pop(&engine->finished)) != NULL) {
		list_push(&finished, node);
	}
	ended = engine->stopping && engine->running == 0;
	pthread_mutex_unlock(&engine->lock);

	while ((node = list_pop(&finished)) != NULL) {
		struct store_job *job = job_of(node);

		job->cb(job); /* the job may be gone now */
	}
	/* A later wake-up may find nothing new after the end was seen: close once. */
	if (ended && !uv_is_closing((uv_handle_t *)handle)) {
		join_workers(engine, engine->n_workers);
		uv_close((uv_handle_t *)handle, on_handle_closed);
	}
}

void engine_submit(struct engine *engine, struct store_job *job)
{
	assert(job->run != NULL && job->cb != NULL);
	job->code = MB_OK;
	job->err = (struct mb_err){0};
	job->known_at = 0;
	job->outbox_seq = 0;
	pthread_mutex_lock(&engine->lock);
	assert(!engine->stopping);
	job_move(job, JOB_QUEUED);
	if (job->kind == STORE_WRITE) {
		list_push(&engine->writes, &job->node);
		pthread_cond_signal(&engine->writes_wait);
	} else {
		list_push(&engine->reads, &job->node);
		pthread_cond_signal(&engine->reads_wait);
	}
	pthread_mutex_unlock(&engine->lock);
}

/* With the lock. */
static void finish(struct engine *engine, struct store_job *job)
{
	job_move(job, JOB_FINISHED);
	list_push(&engine->finished, &job->node);
}

void engine_cancel(struct engine *engine, struct store_job *job)
{
	pthread_mutex_lock(&engine->lock);
	if (job->state == JOB_QUEUED) {
		list_remove(&job->node);
		job->code = mb_fail(&job->err, MB_CALL_CANCELLED, "%s",
				    mb_code_text(MB_CALL_CANCELLED));
		finish(engine, job);
		wake_loop(engine);
	}
	pthread_mutex_unlock(&engine->lock);
}

/* ---- a job ---- */

/* Who runs it is the view's thread; the job's fields are its own until it is finished. */
static void run_job(struct store_view *view, struct store_job *job)
{
	view->in_job = true;
	job->code = job->run(job, view, &job->err);
	view->in_job = false;
	if (job->code != MB_OK && job->err.code != job->code) {
		mb_fail(&job->err, job->code, "%s", mb_code_text(job->code));
	}
}

static enum mb_code begin(struct store_view *view, int64_t *last_known_at, struct mb_err *err)
{
	view->failure = MB_OK;
	view->changed = false;
	*last_known_at = 0;
	if (FAULT("store.begin")) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "a test made the transaction fail");
	}
	return view->store->ops->begin(view, last_known_at, err);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Before the snapshot is taken. A wish for what is still ahead plays no part: it must not move the
 * instants of writes. What was ahead of a clock that stepped back is in the snapshot. */
static int64_t give_now(struct engine *engine, int64_t at_least)
{
	int64_t now = clock_now(engine->clock);

	pthread_mutex_lock(&engine->lock);
	while (engine->inflight <= at_least && at_least <= now) {
		pthread_cond_wait(&engine->group_ended, &engine->lock);
	}
	if (now >= engine->inflight) {
		now = engine->inflight - 1;
	}
	engine->given = later(engine->given, now);
	pthread_mutex_unlock(&engine->lock);
	return now;
}

static void run_read(struct engine *engine, struct store_view *view, struct store_job *job)
{
	int64_t last, now = give_now(engine, job->at_least);

	job->code = begin(view, &last, &job->err);
	if (job->code != MB_OK) {
		return;
	}
	/* nothing in the snapshot is later than now */
	view->now = later(now, last);
	job->known_at = view->now;
	run_job(view, job);
	view->store->ops->rollback(view);
}

/* ---- the writer ---- */

static enum mb_code begin_group(struct engine *engine, struct store_view *view, struct mb_err *err)
{
	int64_t last;
	enum mb_code code;

	if (atomic_load(&engine->store->health) == STORE_READ_ONLY_FAILED) {
		return mb_fail(
			err, MB_STORE_UNAVAILABLE,
			"writing stopped after an error of the disk: look at it, then restart");
	}
	code = begin(view, &last, err);
	if (code == MB_OK) {
		int64_t now = clock_now(engine->clock);

		/* its own last one, too: a group that changed nothing left no trace to read */
		last = later(last, engine->last_known_at);
		pthread_mutex_lock(&engine->lock);
		if (engine->given - GIVEN_AHEAD_MAX > now) {
			engine->given = 0;
		}
		view->now = later(later(now, last + 1), engine->given + 1);
		engine->inflight = view->now;
		pthread_mutex_unlock(&engine->lock);
		engine->last_known_at = view->now;
	}
	return code;
}

static void end_group(struct engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	engine->inflight = INT64_MAX;
	pthread_cond_broadcast(&engine->group_ended);
	pthread_mutex_unlock(&engine->lock);
}

/* MB_OK: the group goes on, whatever became of the job. */
static enum mb_code run_write(struct store_view *view, struct store_job *job, struct mb_err *err)
{
	const struct store_ops *ops = view->store->ops;
	bool changed = view->changed;
	enum mb_code code = ops->mark(view, err);

	if (code != MB_OK) {
		return code;
	}
	view->outbox_seq = 0;
	run_job(view, job);
	job->known_at = view->now;
	job->outbox_seq = job->code == MB_OK ? view->outbox_seq : 0;
	if (view->failure != MB_OK) {
		*err = view->story;
		return view->failure;
	}
	if (job->code == MB_OK) {
		return ops->keep(view, err);
	}
	view->changed = changed;
	return ops->undo(view, err);
}

static enum mb_code commit_group(struct store_view *view, struct mb_err *err)
{
	struct store *store = view->store;
	enum mb_code code;

	if (FAULT("store.commit")) {
		store->ops->rollback(view);
		code = mb_fail(err, MB_STORE_UNAVAILABLE, "a test made the commit fail");
	} else {
		code = store->ops->commit(view, view->now, err);
	}
	if (code == MB_OK) {
		int full = STORE_READ_ONLY_FULL;

		atomic_compare_exchange_strong(&store->health, &full, STORE_HEALTHY);
	} else if (code != MB_STORE_FULL) {
		store_stop_writing(store);
	}
	return code;
}

static void fail_group(struct engine *engine, struct list *group, const struct mb_err *err)
{
	int healthy = STORE_HEALTHY;

	if (err->code == MB_STORE_FULL) {
		atomic_compare_exchange_strong(&engine->store->health, &healthy,
					       STORE_READ_ONLY_FULL);
	}
	for (struct list_node *node = group->head.next; node != &group->head; node = node->next) {
		struct store_job *job = job_of(node);

		job->code = err->code;
		job->err = *err;
		job->known_at = 0;
		job->outbox_seq = 0;
	}
}

static void run_group(struct engine *engine, struct store_view *view, struct list *group)
{
	struct mb_err err = {0};
	enum mb_code code = begin_group(engine, view, &err);

	if (code != MB_OK) {
		fail_group(engine, group, &err);
		return;
	}
	for (struct list_node *node = group->head.next; node != &group->head && code == MB_OK;
	     node = node->next) {
		code = run_write(view, job_of(node), &err);
	}
	if (code == MB_OK && view->changed) {
		code = commit_group(view, &err);
	} else {
		view->store->ops->rollback(view);
	}
	end_group(engine);
	if (code != MB_OK) {
		fail_group(engine, group, &err);
	}
}

/* Waits for work; moves at most `most` jobs over. False when there is none and there will be none. */
static bool take(struct engine *engine, struct list *queue, pthread_cond_t *wait, size_t most,
		 struct list *out)
{
	struct list_node *node;

	pthread_mutex_lock(&engine->lock);
	while (list_empty(queue) && !engine->stopping) {
		pthread_cond_wait(wait, &engine->lock);
	}
	for (; most > 0 && (node = list_pop(queue)) != NULL; most--) {
		job_move(job_of(node), JOB_RUNNING);
		list_push(out, node);
	}
	pthread_mutex_unlock(&engine->lock);
	return !list_empty(out);
}

static void hand_over(struct engine *engine, struct list *done)
{
	struct list_node *node;

	pthread_mutex_lock(&engine->lock);
	while ((node = list_pop(done)) != NULL) {
		finish(engine, job_of(node));
	}
	wake_loop(engine);
	pthread_mutex_unlock(&engine->lock);
}

static void end_worker(struct worker *worker)
{
	struct engine *engine = worker->engine;

	engine->store->ops->close_view(worker->view);
	worker->view = NULL;
	pthread_mutex_lock(&engine->lock);
	engine->running--;
	wake_loop(engine);
	pthread_mutex_unlock(&engine->lock);
}

static void *write_loop(void *arg)
{
	struct worker *worker = arg;
	struct engine *engine = worker->engine;
	struct list group;

	list_init(&group);
	while (take(engine, &engine->writes, &engine->writes_wait, GROUP_MOST, &group)) {
		run_group(engine, worker->view, &group);
		hand_over(engine, &group);
		engine->store->ops->settle(worker->view);
	}
	end_worker(worker);
	return NULL;
}

static void *read_loop(void *arg)
{
	struct worker *worker = arg;
	struct engine *engine = worker->engine;
	struct list one;

	list_init(&one);
	while (take(engine, &engine->reads, &engine->reads_wait, 1, &one)) {
		run_read(engine, worker->view, job_of(one.head.next));
		hand_over(engine, &one);
	}
	end_worker(worker);
	return NULL;
}

/* ---- life ---- */

/* Signals are the business of the thread that runs the loop. */
static int start_thread(struct worker *worker, bool writer)
{
	sigset_t all, before;
	int rc;

	if (FAULT("store.thread")) {
		return -1;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&worker->thread, NULL, writer ? write_loop : read_loop, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void stop(struct engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	engine->stopping = true;
	pthread_cond_broadcast(&engine->writes_wait);
	pthread_cond_broadcast(&engine->reads_wait);
	pthread_mutex_unlock(&engine->lock);
}

static enum mb_code open_views(struct engine *engine, struct mb_err *err)
{
	for (int i = 0; i < engine->n_workers; i++) {
		struct worker *worker = &engine->workers[i];
		enum mb_code code;

		worker->engine = engine;
		code = engine->store->ops->open_view(engine->store, i == 0, &worker->view, err);
		if (code != MB_OK) {
			return code;
		}
	}
	return MB_OK;
}

/* The threads that started close their views themselves. */
static enum mb_code start_workers(struct engine *engine, struct uv_loop_s *loop, int *started,
				  struct mb_err *err)
{
	for (int i = 0; i < engine->n_workers; i++) {
		/* counted before it runs: it takes itself off at its end */
		engine->running++;
		if (start_thread(&engine->workers[i], i == 0) != 0) {
			engine->running--;
			return mb_fail(err, MB_STORE_UNAVAILABLE, "no thread could be started");
		}
		*started = i + 1;
	}
	/* last: a handle that is there would need the loop to run until it is gone */
	if (FAULT("store.async") || uv_async_init(loop, &engine->async, on_async) != 0) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "no handle of the loop could be made");
	}
	engine->async.data = engine;
	engine->has_loop = true;
	return MB_OK;
}

static struct engine *create(struct store *store, const struct store_options *options)
{
	int n = 1 + options->readers;
	struct engine *engine = calloc(1, sizeof(*engine) + (size_t)n * sizeof(engine->workers[0]));

	if (engine == NULL) {
		return NULL;
	}
	engine->store = store;
	engine->clock = options->clock;
	engine->n_workers = n;
	list_init(&engine->writes);
	list_init(&engine->reads);
	list_init(&engine->finished);
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->writes_wait, NULL);
	pthread_cond_init(&engine->reads_wait, NULL);
	pthread_cond_init(&engine->group_ended, NULL);
	engine->inflight = INT64_MAX;
	return engine;
}

enum mb_code engine_start(struct store *store, const struct store_options *options,
			  struct mb_err *err)
{
	struct engine *engine;
	enum mb_code code;
	int started = 0;

	assert(options->readers >= 1 && options->clock != NULL && options->loop != NULL);
	engine = create(store, options);
	if (engine == NULL) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "no memory is left");
	}
	code = open_views(engine, err);
	if (code == MB_OK) {
		code = start_workers(engine, options->loop, &started, err);
	}
	if (code == MB_OK) {
		store->engine = engine;
		return MB_OK;
	}
	stop(engine);
	join_workers(engine, started);
	for (int i = started; i < engine->n_workers; i++) {
		if (engine->workers[i].view != NULL) {
			store->ops->close_view(engine->workers[i].view);
		}
	}
	destroy(engine);
	return code;
}

void engine_close(struct engine *engine, void (*cb)(void *data), void *data)
{
	assert(cb != NULL && engine->close_cb == NULL);
	engine->close_cb = cb;
	engine->close_data = data;
	stop(engine);
}
