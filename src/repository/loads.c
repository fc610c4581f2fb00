/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loads: members who are not in the process's cache; each is loaded once, however many ask for him.
 *
 *            ┌─ Redis is believed ──▶ ASKED ── miss, late, not good ──┐
 *     made ──┤                          │ good                        ▼
 *            └──────────────────────────┼─────────────────────────▶ QUEUED ─▶ RUNNING ─▶ ENDED
 *                                       └───────────────────────────────────────────────▲
 *
 * Happy path: a query finds a load of its member, or makes one, and waits in it. A store job takes as
 * many loads as are queued, so that a rush costs few hand-overs. When a load ends, on the loop, the
 * record fills the caches and everybody who waits is answered.
 *
 * Who joins a load that had begun before may get what was true before he came. So nobody joins one
 * whose member was written since (loads_tell()), nor, where others write to the store, one that reads
 * already while nobody knows what they wrote; and who asks for a revision that the record has not
 * reached is loaded for anew, from the store. Who joins one that has not begun to read from the store is
 * as well served as by one of his own, so even those who must be loaded for anew share a load.
 *
 * Failure modes: a caller who gives up leaves, the load goes on for the others and for the cache; a
 * load that takes too long is given up by all who wait (it ends by itself); more loads than `most`
 * are refused with MB_OVERLOADED.
 *
 * Threads:  ask and cancel from any; all else on the loop, but run() of the jobs. `lock` guards lists,
 *           table and what queries and calls have in them of the repository's. A load belongs to the
 *           lock while ASKED and QUEUED, to its job while RUNNING; `waiters` always to the lock.
 */
#include "repository/loads_impl.h"

#include "base/hash.h"

#include <assert.h>
#include <stdlib.h>

#define LOOK_MS	   250
#define TRIES_MOST 3 /* of one query: what was loaded was overtaken each time */

static struct load **bucket_of(struct loads *loads, int64_t member_id)
{
	return &loads->table[hash_spread((uint64_t)member_id) >> 52];
}

/* ---- loads; with the lock ---- */

static struct load *find_load(struct loads *loads, int64_t member_id)
{
	struct load *load = *bucket_of(loads, member_id);

	while (load != NULL && load->member_id != member_id) {
		load = load->next;
	}
	return load;
}

static void close_load(struct loads *loads, struct load *load)
{
	struct load **at = bucket_of(loads, load->member_id);

	if (!load->joinable) {
		return;
	}
	while (*at != load) {
		at = &(*at)->next;
	}
	*at = load->next;
	load->joinable = false;
}

static struct load *make_load(struct loads *loads, int64_t member_id, bool from_store)
{
	struct load **bucket = bucket_of(loads, member_id);
	struct load *load = loads->n >= loads->most || FAULT("repository.load")
				    ? NULL
				    : calloc(1, sizeof(*load));

	if (load == NULL) {
		return NULL;
	}
	load->repository = loads->repository;
	load->member_id = member_id;
	load->mark = cache_mark(loads->repository->cache, member_id);
	load->began_ns = clock_monotonic_ns();
	list_init(&load->waiters);
	load->next = *bucket;
	load->joinable = true;
	*bucket = load;
	list_push(&loads->all, &load->age);
	loads->n++;
	atomic_fetch_add(&loads->repository->pending, 1);
	atomic_fetch_add(&loads->repository->figures.loads, 1);
	if (!from_store && mirror_believed(loads->repository)) {
		load->state = LOAD_ASKED;
		list_push(&loads->asks, &load->node);
	} else {
		fetch_enqueue(loads, load);
	}
	return load;
}

static void join_load(struct load *load, struct member_query *query)
{
	query->load = load;
	query->fresh = load->state != LOAD_RUNNING;
	list_push(&load->waiters, &query->node);
}

static bool may_join(const struct loads *loads, const struct load *load, bool from_store)
{
	return load->state == LOAD_QUEUED || (!from_store && follow_is_fresh(loads->repository));
}

static void refuse(struct member_query *query, const char *text)
{
	query->code = mb_fail(&query->err, MB_OVERLOADED, "%s", text);
}

/* False: it is answered, by a refusal. */
static bool await_member(struct loads *loads, struct member_query *query, bool from_store)
{
	int64_t member_id = query->ref.member_id;
	struct load *load = find_load(loads, member_id);

	if (load != NULL && may_join(loads, load, from_store)) {
		atomic_fetch_add(&loads->repository->figures.loads_joined, 1);
		join_load(load, query);
		return true;
	}
	if (load != NULL) {
		close_load(loads, load);
	}
	load = make_load(loads, member_id, from_store);
	if (load == NULL) {
		refuse(query, "too many members are being loaded");
		return false;
	}
	join_load(load, query);
	return true;
}

/* ---- answers; on the loop ---- */

static void finish_read(struct repository_read *req)
{
	struct repository_call *call = &req->call;
	struct repository *repository = call->repository;

	call->code = MB_OK;
	if (atomic_load(&call->cancelled)) {
		call->code = mb_fail(&call->err, MB_CALL_CANCELLED, "the caller gave up");
	}
	for (size_t i = 0; call->code == MB_OK && i < req->n; i++) {
		if (ends_call(req->queries[i].code)) {
			call->code = req->queries[i].code;
			call->err = req->queries[i].err;
		}
	}
	if (call->code == MB_OK && arena_overflowed(call->arena)) {
		call->code = arena_fail(call->arena, &call->err);
	}
	call->cb(call);
	/* The call is gone from here on. */
	repository_ended(repository);
}

/* A query of it is answered. */
static void count_down(struct loads *loads, struct repository_read *req)
{
	bool last;

	pthread_mutex_lock(&loads->lock);
	last = --req->left == 0;
	pthread_mutex_unlock(&loads->lock);
	if (last) {
		finish_read(req);
	}
}

/* What was loaded is true after the query came: nothing newer is to be had. Redis says what it had. */
static bool is_last_word(const struct load *load, const struct member_query *query)
{
	return query->fresh && load->state == LOAD_RUNNING;
}

/* False: what was loaded does not do for this one. */
static bool answer_found(const struct load *load, struct member_query *query)
{
	struct repository *repository = load->repository;
	struct member *member = arena_alloc(query->read->call.arena, sizeof(*member));

	if (member == NULL) {
		query->code = arena_fail(query->read->call.arena, &query->err);
		return true;
	}
	if (!describe_brief(repository_policies(repository), load->member_id, &load->record,
			    repository_now(repository), member)) {
		return false;
	}
	if (member->revision < query->min_revision && !is_last_word(load, query)) {
		return false;
	}
	query->code = check_revision(query->min_revision, member->revision, &query->err);
	query->member = query->code == MB_OK ? member : NULL;
	return true;
}

static bool answer_query(const struct load *load, struct member_query *query)
{
	if (load->code == MB_OK) {
		return answer_found(load, query);
	}
	if (load->code == MB_MEMBER_NOT_FOUND && query->min_revision > 0 &&
	    !is_last_word(load, query)) {
		return false;
	}
	query->code = load->code;
	query->err = load->err;
	return true;
}

/* True when the query waits anew. */
static bool load_again(struct loads *loads, struct member_query *query)
{
	bool waits = ++query->tries < TRIES_MOST;

	pthread_mutex_lock(&loads->lock);
	if (!waits) {
		refuse(query, "the member changes faster than he can be read");
	} else {
		waits = await_member(loads, query, true);
	}
	pthread_mutex_unlock(&loads->lock);
	return waits;
}

static struct member_query *next_waiter(struct loads *loads, struct load *load)
{
	struct member_query *query = NULL;
	struct list_node *node;

	pthread_mutex_lock(&loads->lock);
	node = list_pop(&load->waiters);
	if (node != NULL) {
		query = LIST_ITEM(node, struct member_query, node);
		query->load = NULL;
	}
	pthread_mutex_unlock(&loads->lock);
	return query;
}

static void answer_all(struct loads *loads, struct load *load)
{
	struct member_query *query;

	while ((query = next_waiter(loads, load)) != NULL) {
		if (answer_query(load, query) || !load_again(loads, query)) {
			count_down(loads, query->read);
		}
	}
}

static void fill_caches(const struct load *load)
{
	struct repository *repository = load->repository;

	if (load->code == MB_MEMBER_NOT_FOUND) {
		cache_fill_absent(repository->cache, load->member_id, load->mark);
	} else if (load->code == MB_OK) {
		cache_fill(repository->cache, load->member_id, load->mark, &load->record);
		/* what Redis gave it has */
		if (load->state == LOAD_RUNNING &&
		    cache_holds(repository->cache, load->member_id, load->mark)) {
			mirror_fill(repository, load->member_id, &load->record);
		}
	}
}

void loads_end(struct loads *loads, struct load *load)
{
	pthread_mutex_lock(&loads->lock);
	close_load(loads, load);
	list_remove(&load->age);
	loads->n--;
	pthread_mutex_unlock(&loads->lock);
	fill_caches(load);
	answer_all(loads, load);
	free(load);
	repository_ended(loads->repository);
}

static struct list_node *next_of(struct loads *loads, struct list *list)
{
	struct list_node *node;

	pthread_mutex_lock(&loads->lock);
	node = list_pop(list);
	pthread_mutex_unlock(&loads->lock);
	return node;
}

static void on_async(uv_async_t *async)
{
	struct loads *loads = async->data;
	struct list_node *node;

	while ((node = next_of(loads, &loads->asks)) != NULL) {
		fetch_ask(loads, LIST_ITEM(node, struct load, node));
	}
	while ((node = next_of(loads, &loads->ended)) != NULL) {
		finish_read(LIST_ITEM(node, struct repository_read, node));
	}
}

/* ---- time ---- */

/* Those who wait for loads that take too long. Nobody joins these any more. */
static void take_late(struct loads *loads, struct list *late)
{
	const int64_t before_ns = clock_monotonic_ns() - loads->most_ns;
	struct list_node *waiter;

	pthread_mutex_lock(&loads->lock);
	for (struct list_node *node = loads->all.head.next; node != &loads->all.head;
	     node = node->next) {
		struct load *load = LIST_ITEM(node, struct load, age);

		if (load->began_ns >= before_ns) {
			break;
		}
		close_load(loads, load);
		while ((waiter = list_pop(&load->waiters)) != NULL) {
			LIST_ITEM(waiter, struct member_query, node)->load = NULL;
			list_push(late, waiter);
		}
	}
	pthread_mutex_unlock(&loads->lock);
}

/* The loads themselves end when the store lets them. */
static void on_timer(uv_timer_t *timer)
{
	struct loads *loads = timer->data;
	struct list late;
	struct list_node *node;

	list_init(&late);
	take_late(loads, &late);
	while ((node = list_pop(&late)) != NULL) {
		struct member_query *query = LIST_ITEM(node, struct member_query, node);

		refuse(query, "the store takes long to answer");
		count_down(loads, query->read);
	}
}

/* ---- calls; from any thread ---- */

/* With the lock. */
static void end_later(struct loads *loads, struct repository_read *req)
{
	list_push(&loads->ended, &req->node);
	uv_async_send(&loads->async);
}

/* Whoever waits waits no more. With the lock. */
static void leave_loads(struct repository_read *req)
{
	for (size_t i = 0; i < req->n; i++) {
		struct member_query *query = &req->queries[i];

		if (query->load != NULL) {
			list_remove(&query->node);
			query->load = NULL;
			req->left--;
		}
	}
}

void loads_ask(struct loads *loads, struct repository_read *req)
{
	pthread_mutex_lock(&loads->lock);
	req->left = 0;
	for (size_t i = 0; i < req->n; i++) {
		struct member_query *query = &req->queries[i];

		if (query->code == MB_OK && query->member == NULL) {
			query->read = req;
			query->tries = 0;
			req->left += await_member(loads, query, false);
		}
	}
	req->waits = true;
	if (atomic_load(&req->call.cancelled)) {
		leave_loads(req);
	}
	if (req->left == 0) {
		end_later(loads, req);
	} else if (!list_empty(&loads->asks)) {
		uv_async_send(&loads->async);
	}
	pthread_mutex_unlock(&loads->lock);
	fetch_start(loads);
}

void loads_prefetch(struct loads *loads, int64_t member_id)
{
	pthread_mutex_lock(&loads->lock);
	if (find_load(loads, member_id) == NULL) {
		make_load(loads, member_id, true); /* without memory: next time */
	}
	pthread_mutex_unlock(&loads->lock);
	fetch_start(loads);
}

void loads_cancel(struct loads *loads, struct repository_read *req)
{
	pthread_mutex_lock(&loads->lock);
	if (req->waits && req->left > 0) {
		leave_loads(req);
		/* else one is being answered, and the call with it */
		if (req->left == 0) {
			end_later(loads, req);
		}
	}
	pthread_mutex_unlock(&loads->lock);
}

void loads_tell(struct loads *loads, int64_t member_id)
{
	struct load *load;

	pthread_mutex_lock(&loads->lock);
	load = find_load(loads, member_id);
	if (load != NULL) {
		close_load(loads, load);
	}
	pthread_mutex_unlock(&loads->lock);
}

void loads_tell_all(struct loads *loads)
{
	pthread_mutex_lock(&loads->lock);
	for (struct list_node *node = loads->all.head.next; node != &loads->all.head;
	     node = node->next) {
		close_load(loads, LIST_ITEM(node, struct load, age));
	}
	pthread_mutex_unlock(&loads->lock);
}

/* ---- life ---- */

enum mb_code loads_start(struct repository *repository, const struct repository_options *options,
			 struct loads **out, struct mb_err *err)
{
	const uint64_t most_ms = or_default(options->load_most_ms, REPOSITORY_LOAD_MOST_MS);
	const uint64_t look_ms = most_ms / 4 < LOOK_MS ? most_ms / 4 + 1 : LOOK_MS;
	struct loads *loads = calloc(1, sizeof(*loads));

	if (loads == NULL || uv_async_init(repository->loop, &loads->async, on_async) != 0) {
		free(loads);
		return mb_fail(err, MB_OVERLOADED, "no memory to open the store");
	}
	loads->repository = repository;
	loads->most = or_default(options->loads_most, REPOSITORY_LOADS_MOST);
	loads->most_ns = (int64_t)most_ms * 1000000;
	loads->async.data = loads;
	pthread_mutex_init(&loads->lock, NULL);
	list_init(&loads->all);
	list_init(&loads->asks);
	list_init(&loads->queue);
	list_init(&loads->ended);
	fetch_init(loads);
	uv_timer_init(repository->loop, &loads->timer);
	loads->timer.data = loads;
	uv_timer_start(&loads->timer, on_timer, look_ms, look_ms);
	loads->handles = 2;
	*out = loads;
	return MB_OK;
}

static void handle_closed(uv_handle_t *handle)
{
	struct loads *loads = handle->data;
	struct repository *repository = loads->repository;

	if (--loads->handles == 0) {
		assert(loads->n == 0);
		pthread_mutex_destroy(&loads->lock);
		free(loads);
		repository->loads = NULL;
		repository_finish(repository);
	}
}

void loads_stop(struct loads *loads)
{
	uv_close((uv_handle_t *)&loads->async, handle_closed);
	uv_close((uv_handle_t *)&loads->timer, handle_closed);
}
