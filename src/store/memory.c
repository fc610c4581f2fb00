/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in memory: gone with the process, and otherwise like any other. Everything is in one
 * ordered map that never changes (tree.h): a snapshot is a root, a write transaction a root of its
 * own that commit makes the current one, and a job that fails goes back to the root it began with.
 */
#include "store/memory.h"

#include "store/engine.h"

#include "base/fault.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct memory {
	struct store base;
	pthread_mutex_t lock; /* guards current */
	struct state current;
};

static struct memory *memory_of(struct store *store)
{
	return (struct memory *)store;
}

static struct memory_view *view_of(struct store_view *view)
{
	return (struct memory_view *)view;
}

/* ---- transactions ---- */

static struct state share(const struct state *state)
{
	struct state shared = *state;

	tree_ref(shared.root);
	return shared;
}

static void drop(struct state *state)
{
	tree_unref(state->root);
	state->root = NULL;
}

enum mb_code memory_begin(struct store_view *view, int64_t *last_known_at, struct mb_err *err)
{
	struct memory *memory = memory_of(view->store);

	(void)err;
	pthread_mutex_lock(&memory->lock);
	view_of(view)->state = share(&memory->current);
	pthread_mutex_unlock(&memory->lock);
	*last_known_at = view_of(view)->state.known_at;
	return MB_OK;
}

void memory_rollback(struct store_view *view)
{
	/* a job that the backend's failure ended has left its mark */
	drop(&view_of(view)->mark);
	drop(&view_of(view)->state);
}

enum mb_code memory_commit(struct store_view *view, int64_t known_at, struct mb_err *err)
{
	struct memory *memory = memory_of(view->store);
	struct state before;

	(void)err;
	view_of(view)->state.known_at = known_at;
	pthread_mutex_lock(&memory->lock);
	before = memory->current;
	memory->current = view_of(view)->state;
	pthread_mutex_unlock(&memory->lock);
	view_of(view)->state.root = NULL;
	drop(&before);
	return MB_OK;
}

enum mb_code memory_mark(struct store_view *view, struct mb_err *err)
{
	(void)err;
	view_of(view)->mark = share(&view_of(view)->state);
	return MB_OK;
}

enum mb_code memory_keep(struct store_view *view, struct mb_err *err)
{
	(void)err;
	drop(&view_of(view)->mark);
	return MB_OK;
}

enum mb_code memory_undo(struct store_view *view, struct mb_err *err)
{
	(void)err;
	drop(&view_of(view)->state);
	view_of(view)->state = view_of(view)->mark;
	view_of(view)->mark.root = NULL;
	return MB_OK;
}

void memory_settle(struct store_view *view)
{
	(void)view;
}

/* ---- life ---- */

enum mb_code memory_open_view(struct store *store, bool write, struct store_view **out,
			      struct mb_err *err)
{
	struct memory_view *view = FAULT("store.memory.view") ? NULL : calloc(1, sizeof(*view));

	if (view == NULL) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "no memory is left");
	}
	store_view_init(&view->base, store, write);
	memcpy(&view->seed, store->id, sizeof(view->seed));
	view->seed |= 1; /* 0 would stay 0 */
	*out = &view->base;
	return MB_OK;
}

void memory_close_view(struct store_view *view)
{
	free(view);
}

void memory_destroy(struct store *store)
{
	struct memory *memory = memory_of(store);

	drop(&memory->current);
	pthread_mutex_destroy(&memory->lock);
	memory->base.magic = 0;
	free(memory);
}

enum mb_code store_open_memory(const struct store_options *options, struct store **out,
			       struct mb_err *err)
{
	struct memory *memory = calloc(1, sizeof(*memory));
	enum mb_code code;

	if (memory == NULL) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "no memory is left");
	}
	store_init(&memory->base, &memory_ops);
	pthread_mutex_init(&memory->lock, NULL);
	code = store_draw_id(memory->base.id, err);
	if (code == MB_OK) {
		code = engine_start(&memory->base, options, err);
	}
	if (code != MB_OK) {
		memory_destroy(&memory->base);
		return code;
	}
	*out = &memory->base;
	return MB_OK;
}
