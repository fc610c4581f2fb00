/* SPDX-License-Identifier: Apache-2.0 */
#include "repository/warm.h"

#include "repository/inner.h"

#include <stdlib.h>
#include <uv.h>

#define PAGE_IDS 256
#define PAUSE_MS 5

struct warm_get {
	struct redis_get get;
	struct warm *warm;
	uint64_t mark;
};

struct warm {
	struct repository *repository;
	struct redis *redis;
	uv_timer_t timer;
	bool begun, running; /* a page is under way */
	bool closing, timer_closed;
	struct redis_scan scan;
	int64_t ids[PAGE_IDS];
	struct warm_get gets[PAGE_IDS];
	size_t waiting; /* of the gets */
	void (*closed)(void *data);
	void *closed_data;
};

struct warm *warm_create(struct repository *repository)
{
	struct warm *warm = calloc(1, sizeof(*warm));

	if (warm != NULL) {
		warm->repository = repository;
	}
	return warm;
}

void warm_destroy(struct warm *warm)
{
	free(warm);
}

void warm_open(struct warm *warm, struct redis *redis)
{
	warm->redis = redis;
	uv_timer_init(warm->repository->loop, &warm->timer);
	warm->timer.data = warm;
}

static void look_closed(struct warm *warm)
{
	if (warm->timer_closed && !warm->running) {
		warm->closed(warm->closed_data);
	}
}

/* ---- pages ---- */

static bool has_room(const struct warm *warm)
{
	struct cache_figures figures;

	cache_figures(warm->repository->cache, &figures);
	return figures.entries < figures.capacity - figures.capacity / 4;
}

static void on_timer(uv_timer_t *timer);

static void end_page(struct warm *warm)
{
	warm->running = false;
	if (warm->closing) {
		look_closed(warm);
	} else if (!warm->scan.failed && warm->scan.cursor != 0 && has_room(warm)) {
		uv_timer_start(&warm->timer, on_timer, PAUSE_MS, 0);
	}
}

static void end_get(struct redis_get *get)
{
	struct warm_get *own = get->data;
	struct warm *warm = own->warm;
	struct repository *repository = warm->repository;

	if (mirror_took(repository, get) &&
	    cache_fill(repository->cache, get->member_id, own->mark, &get->record)) {
		atomic_fetch_add(&repository->figures.warmed, 1);
	}
	if (--warm->waiting == 0) {
		end_page(warm);
	}
}

static void end_scan(struct redis_scan *scan)
{
	struct warm *warm = scan->data;

	warm->waiting = 1; /* so that the page does not end while it is asked for */
	for (size_t i = 0; !scan->failed && !warm->closing && i < scan->n; i++) {
		struct warm_get *own = &warm->gets[i];

		*own = (struct warm_get){
			.get = {.member_id = warm->ids[i], .cb = end_get, .data = own},
			.warm = warm,
			.mark = cache_mark(warm->repository->cache, warm->ids[i])};
		warm->waiting += mirror_get(warm->repository, &own->get);
	}
	if (--warm->waiting == 0) {
		end_page(warm);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct warm *warm = timer->data;

	if (!mirror_believed(warm->repository)) {
		return; /* the rest comes as it is asked for */
	}
	warm->running = true;
	warm->scan.ids = warm->ids;
	warm->scan.most = PAGE_IDS;
	warm->scan.cb = end_scan;
	warm->scan.data = warm;
	redis_scan(warm->redis, &warm->scan);
}

void warm_begin(struct warm *warm)
{
	if (!warm->begun && !warm->closing && has_room(warm)) {
		uv_timer_start(&warm->timer, on_timer, 0, 0);
	}
	warm->begun = true;
}

static void timer_closed(uv_handle_t *handle)
{
	struct warm *warm = handle->data;

	warm->timer_closed = true;
	look_closed(warm);
}

void warm_close(struct warm *warm, void (*cb)(void *data), void *data)
{
	warm->closing = true;
	warm->closed = cb;
	warm->closed_data = data;
	uv_close((uv_handle_t *)&warm->timer, timer_closed);
}
