/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/health.h"

#include "base/fault.h"
#include "base/list.h"
#include "grpc/health/v1/health.pb-c.h"
#include "rpc/descriptors.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HEALTH_MAGIC 0x4865616cu

struct entry {
	char *service;
	enum rpc_serving state;
};

struct rpc_health {
	uint32_t magic;
	/* guards everything below; taken before a call's own lock, never the other way round */
	pthread_mutex_t lock;
	struct entry *entries;
	size_t count, room;
	struct list watchers;
	bool down;
};

/* One Watch; in its call's arena. A state that changes while a message is under way is told after it,
 * and of several such changes only the last one. */
struct watcher {
	struct list_node node;
	struct rpc_call *call;
	const char *service;
	enum rpc_serving told; /* 0: nothing yet */
	bool writing;
};

struct rpc_health *rpc_health_create(void)
{
	struct rpc_health *health = FAULT("rpc.health.memory") ? NULL : calloc(1, sizeof(*health));

	if (health == NULL) {
		return NULL;
	}
	health->magic = HEALTH_MAGIC;
	list_init(&health->watchers);
	pthread_mutex_init(&health->lock, NULL);
	return health;
}

void rpc_health_destroy(struct rpc_health *health)
{
	if (health == NULL) {
		return;
	}
	assert(health->magic == HEALTH_MAGIC);
	assert(list_empty(&health->watchers)); /* the server goes first */
	for (size_t i = 0; i < health->count; i++) {
		free(health->entries[i].service);
	}
	free(health->entries);
	pthread_mutex_destroy(&health->lock);
	health->magic = 0;
	free(health);
}

/* ---- the table; the lock is held ---- */

static struct entry *find(const struct rpc_health *health, const char *service)
{
	for (size_t i = 0; i < health->count; i++) {
		if (strcmp(health->entries[i].service, service) == 0) {
			return &health->entries[i];
		}
	}
	return NULL;
}

static enum rpc_serving state_of(const struct rpc_health *health, const char *service)
{
	const struct entry *entry = find(health, service);

	return entry == NULL ? RPC_SERVICE_UNKNOWN : entry->state;
}

static struct entry *add(struct rpc_health *health, const char *service)
{
	struct entry *entries = health->entries, *entry;
	char *name;

	if (health->count == health->room) {
		size_t room = health->room == 0 ? 16 : 2 * health->room;

		entries = FAULT("rpc.health.memory")
				  ? NULL
				  : realloc(health->entries, room * sizeof(*entries));
		if (entries == NULL) {
			return NULL;
		}
		health->entries = entries;
		health->room = room;
	}
	name = FAULT("rpc.health.memory") ? NULL : strdup(service);
	if (name == NULL) {
		return NULL;
	}
	entry = &health->entries[health->count++];
	entry->service = name;
	entry->state = RPC_SERVICE_UNKNOWN;
	return entry;
}

static void tell(struct rpc_health *health, struct watcher *watcher)
{
	Grpc__Health__V1__HealthCheckResponse response =
		GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	enum rpc_serving state = state_of(health, watcher->service);

	if (watcher->writing || watcher->told == state) {
		return;
	}
	watcher->told = state;
	watcher->writing = true;
	response.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)state;
	rpc_stream_write(watcher->call, &response.base);
}

static void tell_all(struct rpc_health *health)
{
	for (struct list_node *at = health->watchers.head.next; at != &health->watchers.head;
	     at = at->next) {
		tell(health, LIST_ITEM(at, struct watcher, node));
	}
}

/* ---- what the process says ---- */

enum mb_code rpc_health_set(struct rpc_health *health, const char *service, enum rpc_serving state,
			    struct mb_err *err)
{
	struct entry *entry;
	enum mb_code code = MB_OK;

	assert(health->magic == HEALTH_MAGIC);
	pthread_mutex_lock(&health->lock);
	entry = find(health, service);
	if (entry == NULL) {
		entry = add(health, service);
	}
	if (entry == NULL) {
		code = mb_fail(err, MB_OVERLOADED, "no memory for the health of '%.64s'", service);
	} else {
		entry->state = health->down && state == RPC_SERVING ? RPC_NOT_SERVING : state;
		tell_all(health);
	}
	pthread_mutex_unlock(&health->lock);
	return code;
}

enum rpc_serving rpc_health_get(struct rpc_health *health, const char *service)
{
	enum rpc_serving state;

	assert(health->magic == HEALTH_MAGIC);
	pthread_mutex_lock(&health->lock);
	state = state_of(health, service);
	pthread_mutex_unlock(&health->lock);
	return state;
}

void rpc_health_shutdown(struct rpc_health *health)
{
	assert(health->magic == HEALTH_MAGIC);
	pthread_mutex_lock(&health->lock);
	health->down = true;
	for (size_t i = 0; i < health->count; i++) {
		if (health->entries[i].state == RPC_SERVING) {
			health->entries[i].state = RPC_NOT_SERVING;
		}
	}
	tell_all(health);
	pthread_mutex_unlock(&health->lock);
}

/* ---- what callers ask ---- */

static void check(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Grpc__Health__V1__HealthCheckRequest *request = (const void *)message;
	Grpc__Health__V1__HealthCheckResponse response =
		GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	enum rpc_serving state = rpc_health_get(data, request->service);
	struct mb_err err;

	if (state == RPC_SERVICE_UNKNOWN) {
		mb_fail_field(&err, MB_SERVICE_NOT_FOUND, "service", "no service '%.128s' here",
			      request->service);
		rpc_call_fail(call, &err);
		return;
	}
	response.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)state;
	rpc_call_reply(call, &response.base);
}

typedef Grpc__Health__V1__HealthListResponse__StatusesEntry list_entry;

/* The lock is held. False when the arena is used up. */
static bool fill_list(const struct rpc_health *health, struct arena *arena,
		      Grpc__Health__V1__HealthListResponse *out)
{
	list_entry *entries = arena_array(arena, health->count, sizeof(*entries));
	Grpc__Health__V1__HealthCheckResponse *values =
		arena_array(arena, health->count, sizeof(*values));

	out->statuses = arena_array(arena, health->count, sizeof(*out->statuses));
	for (size_t i = 0; i < health->count && !arena_overflowed(arena); i++) {
		const struct entry *entry = &health->entries[i];
		size_t n = out->n_statuses;

		if (entry->state == RPC_SERVICE_UNKNOWN) {
			continue;
		}
		grpc__health__v1__health_check_response__init(&values[n]);
		values[n].status =
			(Grpc__Health__V1__HealthCheckResponse__ServingStatus)entry->state;
		grpc__health__v1__health_list_response__statuses_entry__init(&entries[n]);
		entries[n].key = arena_strdup(arena, entry->service);
		entries[n].value = &values[n];
		out->statuses[n] = &entries[n];
		out->n_statuses++;
	}
	return !arena_overflowed(arena);
}

static void list(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	Grpc__Health__V1__HealthListResponse response =
		GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__INIT;
	struct arena *arena = rpc_call_arena(call);
	struct rpc_health *health = data;
	struct mb_err err;
	bool whole;

	(void)message;
	pthread_mutex_lock(&health->lock);
	whole = fill_list(health, arena, &response);
	pthread_mutex_unlock(&health->lock);
	if (whole) {
		rpc_call_reply(call, &response.base);
	} else {
		arena_fail(arena, &err);
		rpc_call_fail(call, &err);
	}
}

static void watch_open(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Grpc__Health__V1__HealthCheckRequest *request = (const void *)message;
	struct watcher *watcher = arena_alloc(rpc_call_arena(call), sizeof(*watcher));
	struct rpc_health *health = data;
	struct mb_err err;

	if (watcher == NULL) {
		arena_fail(rpc_call_arena(call), &err);
		rpc_call_fail(call, &err);
		return;
	}
	watcher->call = call;
	watcher->service = request->service;
	rpc_call_set_data(call, watcher);
	pthread_mutex_lock(&health->lock);
	list_push(&health->watchers, &watcher->node);
	tell(health, watcher);
	pthread_mutex_unlock(&health->lock);
}

static void watch_written(struct rpc_call *call, void *data)
{
	struct watcher *watcher = rpc_call_data(call);
	struct rpc_health *health = data;

	pthread_mutex_lock(&health->lock);
	watcher->writing = false;
	tell(health, watcher);
	pthread_mutex_unlock(&health->lock);
}

/* The only end of a Watch: the caller's, or that of the server. */
static void watch_cancelled(struct rpc_call *call, void *data)
{
	struct watcher *watcher = rpc_call_data(call);
	struct rpc_health *health = data;
	struct mb_err err;

	pthread_mutex_lock(&health->lock);
	list_remove(&watcher->node);
	pthread_mutex_unlock(&health->lock);
	mb_fail(&err, MB_CALL_CANCELLED, "the caller watches no more");
	rpc_call_fail(call, &err);
}

enum mb_code rpc_health_bind(struct rpc_health *health, struct rpc_registry *registry,
			     struct mb_err *err)
{
	static const struct rpc_stream_ops watch = {
		.open = watch_open, .written = watch_written, .cancelled = watch_cancelled};
	const ProtobufCMessageDescriptor *request =
		&grpc__health__v1__health_check_request__descriptor;
	const ProtobufCMessageDescriptor *response =
		&grpc__health__v1__health_check_response__descriptor;
	enum mb_code code;

	code = rpc_registry_add_files(registry, rpc_descriptor_set, rpc_descriptor_set_size, err);
	if (code == MB_OK) {
		code = rpc_registry_bind_unary(registry, "grpc.health.v1.Health/Check", request,
					       response, 0, check, health, err);
	}
	if (code == MB_OK) {
		code = rpc_registry_bind_unary(registry, "grpc.health.v1.Health/List",
					       &grpc__health__v1__health_list_request__descriptor,
					       &grpc__health__v1__health_list_response__descriptor,
					       0, list, health, err);
	}
	if (code == MB_OK) {
		code = rpc_registry_bind_stream(registry, "grpc.health.v1.Health/Watch", request,
						response, 0, &watch, health, err);
	}
	return code;
}
