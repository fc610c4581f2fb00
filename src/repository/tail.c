/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tail: what became known, for those who follow it.
 *
 * A look is one short read of the outbox after a number. Who has seen all there is waits until
 * something is committed; then all who wait are woken, on the loop, and look again. Numbers rise with
 * commits and are never given twice, so what was looked at is never missed and never seen in another
 * order. Nobody who is slow holds up a writer: he only looks later.
 */
#include "repository/inner.h"

#include <stdlib.h>
#include <uv.h>

#define CHUNK_ROWS 500 /* of the outbox in memory at once */
#define SCAN_ROWS  5000 /* looked at in one read */

/* ---- looking ---- */

static bool is_watched(const struct repository_watch *req, int64_t member_id)
{
	bool watched = req->n_members == 0;

	for (size_t i = 0; !watched && i < req->n_members; i++) {
		watched = req->members[i] == member_id;
	}
	return watched;
}

static enum mb_code add_event(struct repository_watch *req, struct store_view *view,
			      const struct outbox_row *row, struct mb_err *err)
{
	struct member_transition transition;
	struct history_row told;
	bool found;
	enum mb_code code =
		store_get_history(view, row->member_id, row->history_seq, &told, &found, err);

	if (code != MB_OK || !found) {
		return code;
	}
	transition = told_transition(&told);
	if (transition.track != 0 && transition_wanted(req->kinds, &transition)) {
		req->events[req->n++] = (struct member_event){.member_id = row->member_id,
							      .revision = row->revision,
							      .transition = transition};
	}
	return MB_OK;
}

static enum mb_code look_at_chunk(struct repository_watch *req, struct store_view *view,
				  size_t *rows_seen, struct mb_err *err)
{
	struct arena *arena = ledger_arena(req->call.repository, 0, err);
	struct outbox_row *rows = NULL;
	size_t n = 0, i = 0;
	enum mb_code code = arena == NULL ? MB_OVERLOADED
					  : store_list_outbox(view, req->upto, CHUNK_ROWS, arena,
							      &rows, &n, err);

	for (; code == MB_OK && i < n && req->n < req->most; i++) {
		if (rows[i].kind == OUTBOX_TOLD && is_watched(req, rows[i].member_id)) {
			code = add_event(req, view, &rows[i], err);
		}
		req->upto = rows[i].seq;
	}
	req->goes_on = code == MB_OK && (i < n || n == CHUNK_ROWS);
	*rows_seen += n;
	arena_destroy(arena);
	return code;
}

static enum mb_code run_watch(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_watch *req = (struct repository_watch *)CALL_OF_JOB(job);
	int64_t first, last;
	size_t seen = 0;
	enum mb_code code = store_bound_outbox(view, &first, &last, err);

	req->n = 0;
	req->goes_on = false;
	req->upto = req->after;
	if (code != MB_OK) {
		return code;
	}
	if (req->after < 0) {
		req->upto = last;
		return MB_OK;
	}
	if (req->after + 1 < first || req->after > last) {
		return mb_fail_field(err, MB_CURSOR_TOO_OLD, "cursor",
				     "what follows it is kept no longer: watch with an empty "
				     "cursor, read the members anew (ListMembers, GetMember), then "
				     "go on from the first cursor of that watch");
	}
	do {
		code = look_at_chunk(req, view, &seen, err);
	} while (code == MB_OK && req->goes_on && req->n < req->most && seen < SCAN_ROWS);
	return code;
}

void repository_watch(struct repository *repository, struct repository_watch *req)
{
	repository_submit(repository, &req->call, STORE_READ, run_watch);
}

/* ---- waiting ---- */

struct tail {
	struct repository *repository;
	uv_timer_t timer;
	void (*stopped)(struct repository *repository);
};

static void wake_all(struct repository *repository, bool idle)
{
	struct list woken;
	struct list_node *node;

	list_init(&woken);
	pthread_mutex_lock(&repository->tail_lock);
	repository->commits += idle ? 0 : 1;
	while ((node = list_pop(&repository->waiting)) != NULL) {
		LIST_ITEM(node, struct repository_wait, node)->queued = false;
		list_push(&woken, node);
	}
	pthread_mutex_unlock(&repository->tail_lock);
	while ((node = list_pop(&woken)) != NULL) {
		struct repository_wait *wait = LIST_ITEM(node, struct repository_wait, node);

		wait->cb(wait, idle); /* it may be gone now */
	}
}

void tail_committed(struct repository *repository)
{
	wake_all(repository, false);
}

uint64_t repository_commits(struct repository *repository)
{
	uint64_t commits;

	pthread_mutex_lock(&repository->tail_lock);
	commits = repository->commits;
	pthread_mutex_unlock(&repository->tail_lock);
	return commits;
}

bool repository_wait(struct repository *repository, struct repository_wait *wait, uint64_t commits)
{
	pthread_mutex_lock(&repository->tail_lock);
	wait->queued = repository->commits == commits;
	if (wait->queued) {
		list_push(&repository->waiting, &wait->node);
	}
	commits = wait->queued;
	pthread_mutex_unlock(&repository->tail_lock);
	return commits != 0;
}

bool repository_unwait(struct repository *repository, struct repository_wait *wait)
{
	bool queued;

	pthread_mutex_lock(&repository->tail_lock);
	queued = wait->queued;
	if (queued) {
		list_remove(&wait->node);
		wait->queued = false;
	}
	pthread_mutex_unlock(&repository->tail_lock);
	return queued;
}

/* ---- the clock of those who wait ---- */

static void on_timer(uv_timer_t *timer)
{
	struct tail *tail = timer->data;

	wake_all(tail->repository, true);
}

static void timer_closed(uv_handle_t *handle)
{
	struct tail *tail = handle->data;
	struct repository *repository = tail->repository;
	void (*stopped)(struct repository * repository) = tail->stopped;

	free(tail);
	stopped(repository);
}

enum mb_code tail_start(struct repository *repository, uint64_t idle_ms, struct tail **out,
			struct mb_err *err)
{
	struct tail *tail = calloc(1, sizeof(*tail));

	if (tail == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory to open the store");
	}
	tail->repository = repository;
	idle_ms = or_default(idle_ms, REPOSITORY_IDLE_MS);
	uv_timer_init(repository->loop, &tail->timer);
	tail->timer.data = tail;
	uv_timer_start(&tail->timer, on_timer, idle_ms, idle_ms);
	*out = tail;
	return MB_OK;
}

void tail_stop(struct tail *tail, void (*cb)(struct repository *repository))
{
	tail->stopped = cb;
	uv_close((uv_handle_t *)&tail->timer, timer_closed);
}
