/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/redis_impl.h"

#include "base/fault.h"
#include "base/hash.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *redis_state_text(enum redis_state state)
{
	static const char *const texts[] = {
#define X(name, text) [REDIS_##name] = text,
		REDIS_STATES(X)
#undef X
	};

	return texts[state];
}

bool redis_usable(const struct redis *redis)
{
	return atomic_load_explicit(&redis->usable, memory_order_acquire);
}

void redis_set_state(struct redis *redis, enum redis_state state)
{
	atomic_store_explicit(&redis->state, (int)state, memory_order_relaxed);
	atomic_store_explicit(&redis->usable, state == REDIS_UP, memory_order_release);
}

void redis_tell(struct redis *redis, const char *fmt, ...)
{
	va_list args;

	uv_mutex_lock(&redis->story_lock);
	va_start(args, fmt);
	vsnprintf(redis->story, sizeof(redis->story), fmt, args);
	va_end(args);
	uv_mutex_unlock(&redis->story_lock);
}

void redis_figures(const struct redis *redis, struct redis_figures *out)
{
	/* the lock is the one thing that a reader changes */
	uv_mutex_t *lock = (uv_mutex_t *)&redis->story_lock;

	out->state = (enum redis_state)atomic_load_explicit(&redis->state, memory_order_relaxed);
#define X(name, help) out->name = atomic_load_explicit(&redis->counts.name, memory_order_relaxed);
	REDIS_FIGURES(X)
#undef X
	uv_mutex_lock(lock);
	memcpy(out->story, redis->story, sizeof(out->story));
	uv_mutex_unlock(lock);
}

uint64_t redis_random(struct redis *redis, uint64_t below)
{
	redis->random++;
	return hash_mix(redis->random) % below;
}

void redis_use_epoch(struct redis *redis, uint64_t epoch)
{
	redis->epoch = epoch;
}

/* --- answers that are FAILED --- */

static void answer_failed(struct redis_private *request)
{
	struct redis_get *get = LIST_ITEM(request, struct redis_get, priv);
	struct redis_set *set = LIST_ITEM(request, struct redis_set, priv);
	struct redis_scan *scan = LIST_ITEM(request, struct redis_scan, priv);
	struct redis_position_request *position =
		LIST_ITEM(request, struct redis_position_request, priv);

	switch ((enum slot_kind)request->kind) {
	case SLOT_GET:
		get->answer = REDIS_FAILED;
		get->cb(get);
		break;
	case SLOT_SET:
		set->cb(set);
		break;
	case SLOT_SCAN:
		scan->failed = true;
		scan->cb(scan);
		break;
	default:
		position->failed = true;
		position->cb(position);
	}
}

void redis_fail(struct redis *redis, struct redis_private *request)
{
	list_push(&redis->failed, &request->node);
	redis_kick(redis);
}

/* What is asked by a callback waits for the next turn: no caller can hold this one up. */
static void answer_all_failed(struct redis *redis)
{
	struct list now;
	struct list_node *node;

	list_init(&now);
	while ((node = list_pop(&redis->failed)) != NULL) {
		list_push(&now, node);
	}
	while ((node = list_pop(&now)) != NULL) {
		answer_failed(LIST_ITEM(node, struct redis_private, node));
	}
}

/* --- turns of the loop --- */

static void finish_close(struct redis *redis)
{
	void (*cb)(void *data) = redis->close_cb;
	void *data = redis->close_data;

	if (redis->handles > 0 || redis->wires > 0) {
		return;
	}
	uv_mutex_destroy(&redis->story_lock);
	free(redis->slots);
	free(redis->sent);
	free(redis->echoes);
	free(redis);
	cb(data);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct redis *redis = handle->data;

	redis->handles--;
	finish_close(redis);
}

void redis_on_wire_freed(void *owner)
{
	struct redis *redis = owner;

	redis->wires--;
	if (redis->handles == 0) {
		finish_close(redis);
	}
}

static void close_handles(struct redis *redis)
{
	uv_handle_t *handles[] = {
		(uv_handle_t *)&redis->step_timer,   (uv_handle_t *)&redis->beat_timer,
		(uv_handle_t *)&redis->budget_timer, (uv_handle_t *)&redis->probe_timer,
		(uv_handle_t *)&redis->idle,	     (uv_handle_t *)&redis->check,
	};

	for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
		uv_close(handles[i], on_handle_closed);
	}
}

static void on_turn(uv_idle_t *idle)
{
	struct redis *redis = idle->data;

	answer_all_failed(redis);
	if (redis->tell_down) {
		redis->tell_down = false;
		redis->options.down(redis->options.data);
	}
	if (redis->feed != NULL) {
		wire_flush(redis->feed);
	}
	if (redis->data != NULL) {
		wire_flush(redis->data);
	}
	if (!list_empty(&redis->failed) || redis->tell_down || redis->due) {
		return;
	}
	redis->idling = false;
	uv_idle_stop(idle);
	if (redis->unit == UNIT_CLOSING) {
		close_handles(redis);
	}
}

static void on_check(uv_check_t *check)
{
	struct redis *redis = check->data;

	if (!redis->due) {
		return;
	}
	redis->due = false;
	if (redis->late_budget) {
		redis->late_budget = false;
		breaker_on_budget(redis);
	}
	if (redis->late_beat) {
		redis->late_beat = false;
		unit_on_beat(redis);
	}
	if (redis->late_probe) {
		redis->late_probe = false;
		breaker_on_probe(redis);
	}
	if (redis->late_step) {
		redis->late_step = false;
		unit_on_step(redis);
	}
}

void redis_kick(struct redis *redis)
{
	if (!redis->idling) {
		redis->idling = true;
		uv_idle_start(&redis->idle, on_turn);
	}
}

/* --- life --- */

static void start_handles(struct redis *redis)
{
	uv_loop_t *loop = redis->options.loop;
	uv_timer_t *timers[] = {&redis->step_timer, &redis->beat_timer, &redis->budget_timer,
				&redis->probe_timer};

	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		uv_timer_init(loop, timers[i]);
		timers[i]->data = redis;
	}
	uv_idle_init(loop, &redis->idle);
	uv_check_init(loop, &redis->check);
	redis->idle.data = redis->check.data = redis;
	uv_check_start(&redis->check, on_check);
	redis->handles = 6;
}

static struct redis *make(void)
{
	struct redis *redis = FAULT("redis.open") ? NULL : calloc(1, sizeof(*redis));

	if (redis == NULL) {
		return NULL;
	}
	/* most of it is never touched */
	redis->slots = calloc(SLOTS_MOST, sizeof(*redis->slots));
	redis->sent = calloc(SENT_MOST, sizeof(*redis->sent));
	redis->echoes = calloc(ECHO_ROWS, sizeof(*redis->echoes));
	if (redis->slots == NULL || redis->sent == NULL || redis->echoes == NULL ||
	    FAULT("redis.open.rings") || uv_mutex_init(&redis->story_lock) != 0) {
		free(redis->slots);
		free(redis->sent);
		free(redis->echoes);
		free(redis);
		return NULL;
	}
	return redis;
}

enum mb_code redis_open(const struct redis_options *options, struct redis **out, struct mb_err *err)
{
	struct redis_url url;
	struct redis *redis;
	enum mb_code code = redis_url_parse(options->url, &url, err);

	if (code != MB_OK) {
		return code;
	}
	assert(options->budget_ms > 0 && options->ttl_s > 0);
	redis = make();
	if (redis == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory for Redis's connections");
	}
	redis->options = *options;
	redis->options.url = NULL;
	redis->options.store_id = NULL;
	redis->url = url;
	memcpy(redis->store_id, options->store_id, REDIS_STORE_ID_BYTES);
	redis->random = options->seed;
	if (options->seed == 0 &&
	    uv_random(NULL, NULL, &redis->random, sizeof(redis->random), 0, NULL) != 0) {
		redis->random = uv_hrtime();
	}
	list_init(&redis->failed);
	start_handles(redis);
	unit_start(redis);
	*out = redis;
	return MB_OK;
}

void redis_close(struct redis *redis, void (*cb)(void *data), void *data)
{
	assert(redis->unit != UNIT_CLOSING);
	redis->close_cb = cb;
	redis->close_data = data;
	unit_stop(redis);
	redis_kick(redis);
}
