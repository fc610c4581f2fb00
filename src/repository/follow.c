/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow: where other processes write to the store, too, what they wrote is told to this one's cache.
 *
 *     timer ─▶ look at the outbox after what was seen ─▶ tell the cache ─▶ (more: look again) ─▶ fresh
 *
 * Nothing cached is answered unless the last look that saw all there was began less than
 * max_staleness ago. So an answer without min_revision is never older than that, and a store that
 * cannot be read makes cached answers end. A store that is ours alone needs none of this: its writer
 * tells the cache before it answers.
 */
#include "repository/inner.h"

#include <stdlib.h>
#include <uv.h>

#define CHUNK_ROWS 500
#define ARENA_MOST ((size_t)1 << 20)

struct follow {
	struct repository *repository;
	uv_timer_t timer;
	size_t busy; /* the timer, the look: what must have ended before it can go */
	int64_t max_staleness_ns;
	_Atomic int64_t fresh_ns; /* when the last look that saw all began; 0: none did */
	int64_t upto; /* of the outbox; -1: from where it ends at the first look */
	void (*stopped)(struct repository *repository);
	/* the look under way */
	struct store_job job;
	bool looking;
	int64_t began_ns;
	bool lost; /* rows were not seen: they may have been anybody's */
	struct outbox_row *rows;
	size_t n;
	struct arena *arena; /* of the rows */
};

static enum mb_code run_look(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct follow *follow = job->data;
	int64_t first, last;
	enum mb_code code = store_bound_outbox(view, &first, &last, err);

	follow->n = 0;
	if (code != MB_OK) {
		return code;
	}
	/* at the first look, too: what was read before it may be older than what it sees */
	follow->lost = follow->upto + 1 < first || follow->upto < 0;
	if (follow->lost) {
		follow->upto = last;
		return MB_OK;
	}
	follow->arena = arena_create(follow->repository->budget, ARENA_MOST);
	if (follow->arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory to read the outbox");
	}
	return store_list_outbox(view, follow->upto, CHUNK_ROWS, follow->arena, &follow->rows,
				 &follow->n, err);
}

/* What is cached may be as new as the row: then only loads under way are too old. */
static void tell_written(struct repository *repository, const struct outbox_row *row)
{
	struct hot_bytes record;

	if (cache_get(repository->cache, row->member_id, &record) != CACHE_HIT ||
	    hot_order(&record).revision < row->revision) {
		record.len = 0;
	}
	cache_tell(repository->cache, row->member_id, &record);
	loads_tell(repository->loads, row->member_id);
}

static void begin_look(struct follow *follow);

static void forget_busy(struct follow *follow)
{
	struct repository *repository = follow->repository;
	void (*stopped)(struct repository * repository) = follow->stopped;

	if (--follow->busy == 0) {
		free(follow);
		repository->follow = NULL;
		stopped(repository);
	}
}

static void end_look(struct store_job *job)
{
	struct follow *follow = job->data;
	bool more = job->code == MB_OK && follow->n == CHUNK_ROWS;

	repository_saw(follow->repository, job);
	follow->looking = false;
	if (job->code == MB_OK && follow->lost) {
		cache_forget_all(follow->repository->cache);
		loads_tell_all(follow->repository->loads);
	}
	for (size_t i = 0; job->code == MB_OK && i < follow->n; i++) {
		tell_written(follow->repository, &follow->rows[i]);
		follow->upto = follow->rows[i].seq;
	}
	arena_destroy(follow->arena);
	follow->arena = NULL;
	if (job->code == MB_OK && !more) {
		atomic_store(&follow->fresh_ns, follow->began_ns);
	}
	if (more && follow->stopped == NULL) {
		begin_look(follow);
	}
	forget_busy(follow);
}

static void begin_look(struct follow *follow)
{
	follow->looking = true;
	follow->busy++;
	follow->began_ns = clock_monotonic_ns();
	follow->job = (struct store_job){
		.kind = STORE_READ, .run = run_look, .cb = end_look, .data = follow};
	store_submit(follow->repository->store, &follow->job);
}

static void on_timer(uv_timer_t *timer)
{
	struct follow *follow = timer->data;

	if (!follow->looking) {
		begin_look(follow);
	}
}

bool follow_is_fresh(const struct repository *repository)
{
	const struct follow *follow = repository->follow;
	int64_t fresh_ns;

	if (follow == NULL) {
		return true;
	}
	fresh_ns = atomic_load(&follow->fresh_ns);
	return fresh_ns != 0 && clock_monotonic_ns() - fresh_ns < follow->max_staleness_ns;
}

enum mb_code follow_start(struct repository *repository, uint64_t max_staleness_ms,
			  struct follow **out, struct mb_err *err)
{
	struct follow *follow = calloc(1, sizeof(*follow));
	uint64_t most_ms = or_default(max_staleness_ms, REPOSITORY_MAX_STALENESS_MS);
	/* a look is over long before the one before it is too old */
	uint64_t pause_ms = most_ms >= 4 ? most_ms / 4 : 1;

	if (follow == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory to open the store");
	}
	follow->repository = repository;
	follow->max_staleness_ns = (int64_t)most_ms * 1000000;
	follow->upto = -1;
	uv_timer_init(repository->loop, &follow->timer);
	follow->timer.data = follow;
	uv_timer_start(&follow->timer, on_timer, 0, pause_ms);
	follow->busy = 1;
	*out = follow;
	return MB_OK;
}

static void timer_closed(uv_handle_t *handle)
{
	forget_busy(handle->data);
}

void follow_stop(struct follow *follow, void (*cb)(struct repository *repository))
{
	follow->stopped = cb;
	uv_close((uv_handle_t *)&follow->timer, timer_closed);
}
