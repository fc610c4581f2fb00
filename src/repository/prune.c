/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prune: requests are kept 30 days, outbox rows 7. A timer on the loop submits one small write now
 * and then, and the next at once while there is more to forget, so that callers never wait long
 * behind it. A failure is not told to anybody: the next round tries again, and a store that fails
 * for good tells its health.
 */
#include "repository/inner.h"

#include <stdlib.h>
#include <uv.h>

#define PRUNE_EVERY_MS (10 * 60 * 1000)
#define PRUNE_ROWS     1000

struct prune {
	struct repository *repository;
	uv_timer_t timer;
	struct store_job job;
	size_t deleted;
	bool busy; /* the job is with the store */
	void (*stopped)(struct repository *repository);
};

static enum mb_code run_prune(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct prune *prune = job->data;
	int64_t now = store_view_now(view);

	prune->deleted = 0;
	return store_prune(view, now - REPOSITORY_REQUEST_KEPT, now - REPOSITORY_OUTBOX_KEPT,
			   PRUNE_ROWS, &prune->deleted, err);
}

static void timer_closed(uv_handle_t *handle)
{
	struct prune *prune = handle->data;
	struct repository *repository = prune->repository;
	void (*stopped)(struct repository * repository) = prune->stopped;

	free(prune);
	stopped(repository);
}

static void end_prune(struct store_job *job)
{
	struct prune *prune = job->data;

	prune->busy = false;
	if (prune->stopped != NULL) {
		uv_close((uv_handle_t *)&prune->timer, timer_closed);
		return;
	}
	if (job->code == MB_OK && prune->deleted >= PRUNE_ROWS) {
		prune->busy = true;
		store_submit(prune->repository->store, job);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct prune *prune = timer->data;

	if (!prune->busy) {
		prune->busy = true;
		store_submit(prune->repository->store, &prune->job);
	}
}

enum mb_code prune_start(struct repository *repository, uint64_t every_ms, struct prune **out,
			 struct mb_err *err)
{
	struct prune *prune = calloc(1, sizeof(*prune));

	if (prune == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory to open the store");
	}
	prune->repository = repository;
	prune->job = (struct store_job){
		.kind = STORE_WRITE, .run = run_prune, .cb = end_prune, .data = prune};
	uv_timer_init(repository->loop, &prune->timer);
	prune->timer.data = prune;
	every_ms = or_default(every_ms, PRUNE_EVERY_MS);
	uv_timer_start(&prune->timer, on_timer, every_ms, every_ms);
	*out = prune;
	return MB_OK;
}

void prune_stop(struct prune *prune, void (*cb)(struct repository *repository))
{
	prune->stopped = cb;
	uv_timer_stop(&prune->timer);
	if (!prune->busy) {
		uv_close((uv_handle_t *)&prune->timer, timer_closed);
	}
}
