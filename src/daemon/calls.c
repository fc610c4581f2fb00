/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/calls.h"

#include "base/fault.h"
#include "daemon/options.h"

#include <stdlib.h>
#include <string.h>

#define PEER_MAX 128

struct method {
	const char *service, *name;
	struct metric *started;
	struct metric *handled[GRPC_STATUSES];
	struct metric *seconds[GRPC_STATUSES];
};

struct calls {
	struct log *log;
	int access;
	struct metric_family *started, *handled, *seconds;
	bool failed;
	size_t n;
	struct method **methods; /* n, by id; NULL where not served */
	struct method unknown;
};

/* OK is shown from the start, so that rates have a zero; other codes when they have come. */
static bool make_series(struct calls *calls, struct method *method)
{
	const char *values[] = {method->service, method->name, NULL};
	bool made;

	method->started = metric_series_add(calls->started, values, false);
	made = method->started != NULL;
	for (int code = 0; code < GRPC_STATUSES; code++) {
		values[2] = mb_grpc_name(code);
		method->handled[code] = metric_series_add(calls->handled, values, code != 0);
		method->seconds[code] = metric_series_add(calls->seconds, values, code != 0);
		made = made && method->handled[code] != NULL && method->seconds[code] != NULL;
	}
	return made;
}

static void add_method(const char *service, const char *name, size_t id, void *data)
{
	struct calls *calls = data;
	struct method *method = FAULT("daemon.method") ? NULL : calloc(1, sizeof(*method));

	if (method == NULL) {
		calls->failed = true;
		return;
	}
	method->service = service;
	method->name = name;
	calls->methods[id] = method;
	if (!make_series(calls, method)) {
		calls->failed = true;
	}
}

static bool make_families(struct calls *calls, struct metric_set *metrics)
{
	static const char *const labels[] = {"grpc_service", "grpc_method", "grpc_code", NULL};
	static const char *const two[] = {"grpc_service", "grpc_method", NULL};

	calls->started = metric_family_add(metrics, METRIC_COUNTER, "grpc_server_started_total",
					   "calls that began", two);
	calls->handled = metric_family_add(metrics, METRIC_COUNTER, "grpc_server_handled_total",
					   "calls that ended, by code", labels);
	calls->seconds =
		metric_family_add(metrics, METRIC_HISTOGRAM, "grpc_server_handling_seconds",
				  "time from a call's beginning to its end", labels);
	return calls->started != NULL && calls->handled != NULL && calls->seconds != NULL;
}

struct calls *calls_create(const struct rpc_registry *registry, struct metric_set *metrics,
			   struct log *log, int access)
{
	struct calls *calls = FAULT("daemon.calls") ? NULL : calloc(1, sizeof(*calls));

	if (calls == NULL) {
		return NULL;
	}
	calls->log = log;
	calls->access = access;
	calls->unknown = (struct method){.service = "unknown", .name = "unknown"};
	calls->n = rpc_registry_ids(registry);
	calls->methods = calloc(calls->n, sizeof(*calls->methods));
	calls->failed = calls->methods == NULL || !make_families(calls, metrics) ||
			!make_series(calls, &calls->unknown);
	if (!calls->failed) {
		rpc_registry_each(registry, add_method, calls);
	}
	if (calls->failed) {
		calls_destroy(calls);
		return NULL;
	}
	return calls;
}

void calls_destroy(struct calls *calls)
{
	if (calls == NULL) {
		return;
	}
	for (size_t i = 0; calls->methods != NULL && i < calls->n; i++) {
		free(calls->methods[i]);
	}
	free(calls->methods);
	free(calls);
}

void calls_began(size_t id, void *data)
{
	const struct calls *calls = data;

	metric_inc(calls->methods[id]->started, 1);
}

/* Whether the failure lies on this side. */
static bool is_ours(enum mb_code code)
{
	return code == MB_INTERNAL || mb_code_grpc(code) == mb_code_grpc(MB_STORE_UNAVAILABLE);
}

/* A defect of ours wakes somebody; overload and a broken store are worth a look; that a caller was
 * refused is an everyday thing. Probes would fill the log. */
static enum log_level level_of(const struct rpc_call_end *end)
{
	if (end->code == MB_INTERNAL) {
		return LOG_LEVEL_ERROR;
	}
	if (is_ours(end->code)) {
		return LOG_LEVEL_WARN;
	}
	return strncmp(end->service, "grpc.", 5) == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

/* Who and what, never what was in it: the story may quote the caller's data, so it is told only when
 * the failure is ours. */
static void log_end(struct calls *calls, const struct rpc_call_end *end)
{
	const struct mb_err *err = end->err;
	const char *story = err != NULL && is_ours(end->code) ? err->text : NULL;
	/* an empty text is shown as one, none at all is left out */
	struct str subject =
		end->principal->subject.len > 0 ? end->principal->subject : str_from(NULL);
	const char *field = err != NULL && err->field[0] != '\0' ? err->field : NULL;

	char peer[PEER_MAX];

	if (!log_enabled(calls->log, level_of(end))) {
		return;
	}
	rpc_call_peer(end->call, peer, sizeof(peer));
	LOG_AT(calls->log, level_of(end), "call",
	       LOG_STR("method", end->name[0] == '\0' ? "unknown" : end->method),
	       LOG_STR("code", mb_grpc_name(mb_code_grpc(end->code))),
	       LOG_STR("reason", end->code == MB_OK ? NULL : mb_code_reason(end->code)),
	       LOG_STR("field", field), LOG_STR("story", story),
	       LOG_SECONDS("seconds", end->duration_ns), LOG_INT("bytes_in", end->bytes_in),
	       LOG_INT("bytes_out", end->bytes_out), LOG_VIEW("role", end->principal->role),
	       LOG_VIEW("subject", subject), LOG_STR("peer", peer),
	       LOG_STR("request_id", rpc_call_request_id(end->call)),
	       LOG_STR("trace_id", end->trace_id[0] == '\0' ? NULL : end->trace_id));
}

void calls_ended(const struct rpc_call_end *end, void *data)
{
	struct calls *calls = data;
	const struct method *method =
		end->id == RPC_METHOD_UNKNOWN ? &calls->unknown : calls->methods[end->id];
	int code = mb_code_grpc(end->code);

	metric_inc(method->handled[code], 1);
	metric_observe_ns(method->seconds[code], end->duration_ns);
	if (calls->access == ACCESS_ALL || (calls->access == ACCESS_ERRORS && end->code != MB_OK)) {
		log_end(calls, end);
	}
}
