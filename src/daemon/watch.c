/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/admin.h"
#include "daemon/daemon.h"
#include "repository/repository.h"

#include <string.h>

/* The loop beats a few times a second; silent for so long it no longer answers anybody. */
#define BEAT_LATE_NS INT64_C(10000000000)

/* The services that have methods which write. */
static const char *const writers[] = {
	"memberd.v1.MemberService",
	"memberd.v1.ScoringService",
	"memberd.v1.PolicyService",
};

static const char *const store_texts[] = {
	[STORE_HEALTHY] = "reads and writes",
	[STORE_READ_ONLY_FULL] = "the disk is full: reads only, until there is room",
	[STORE_READ_ONLY_FAILED] = "an I/O error: reads only, until a restart",
};

bool watch_healthy(struct strbuf *out, void *data)
{
	const struct daemon *daemon = data;
	int64_t silent = clock_monotonic_ns() - atomic_load(&daemon->beat_ns);

	if (silent > BEAT_LATE_NS) {
		strbuf_printf(out, "the loop has been silent for %lld s\n",
			      (long long)(silent / 1000000000));
		return false;
	}
	strbuf_puts(out, "ok\n");
	return true;
}

/* Why Redis is not believed now, or "well". False without Redis. */
static bool redis_text(const struct daemon *daemon, char *out, size_t size)
{
	struct redis_figures figures;
	const char *text;
	bool well;

	if (!repository_redis_figures(daemon->repository, &figures, &well, &text)) {
		return false;
	}
	if (well) {
		snprintf(out, size, "well");
	} else if (figures.story[0] != '\0') {
		snprintf(out, size, "degraded: %s; %s: %s", text, redis_state_text(figures.state),
			 figures.story);
	} else {
		snprintf(out, size, "degraded: %s; %s", text, redis_state_text(figures.state));
	}
	return true;
}

/* A full disk leaves memberd ready: reads go on, and writes heal by themselves once there is room. So
 * does a Redis that is ill: everything is answered without it. */
bool watch_ready(struct strbuf *out, void *data)
{
	const struct daemon *daemon = data;
	int health = atomic_load(&daemon->store_health);
	const char *word = !atomic_load(&daemon->ready)	      ? "starting"
			   : atomic_load(&daemon->draining)   ? "draining"
			   : health == STORE_READ_ONLY_FAILED ? "not ready"
							      : "ready";
	char redis[512];

	strbuf_printf(out, "%s\nstore: %s\n", word, store_texts[health]);
	if (redis_text(daemon, redis, sizeof(redis))) {
		strbuf_printf(out, "redis: %s\n", redis);
	}
	return strcmp(word, "ready") == 0;
}

static void watch_hot(struct daemon *daemon)
{
	const struct daemon_metrics *m = &daemon->metric;
	const struct repository_figures *figures = repository_figures(daemon->repository);
	struct cache_figures cache;
	struct redis_figures redis;
	const char *text;
	bool well;

	metric_set_value(m->loads_total, atomic_load(&figures->loads));
	metric_set_value(m->loads_joined_total, atomic_load(&figures->loads_joined));
	metric_set_value(m->records_folded_total, atomic_load(&figures->records_folded));
	metric_set_value(m->cache_warmed_total, atomic_load(&figures->warmed));
	repository_cache_figures(daemon->repository, &cache);
#define X(name, kind, help) metric_set_value(m->cache_##name, cache.name);
	CACHE_FIGURES(X)
#undef X
	if (repository_redis_figures(daemon->repository, &redis, &well, &text)) {
#define X(name, help) metric_set_value(m->redis_##name, redis.name);
		REDIS_FIGURES(X)
#undef X
		metric_set_value(m->redis_up, redis.state == REDIS_UP ? 1 : 0);
		metric_set_value(m->redis_believed, well ? 1 : 0);
	}
}

void watch_metrics(struct strbuf *out, void *data)
{
	struct daemon *daemon = data;
	const struct daemon_metrics *m = &daemon->metric;
	const struct repository_figures *figures = repository_figures(daemon->repository);
	struct rpc_writes writes;

	/* admin stops before the server does */
	rpc_server_writes(daemon->server, &writes);
	metric_set_value(m->write_coalescing, writes.coalesced ? 1 : 0);
	metric_set_value(m->writes_held_total, writes.held);
	metric_set_value(m->writes_held_bytes_total, writes.held_bytes);
	metric_set_value(m->writes_pushed_total, writes.pushed);
	metric_set_value(m->calls_pending, rpc_server_pending(daemon->server));
	metric_set_value(m->arena_bytes, (int64_t)atomic_load(&daemon->budget.used));
	metric_set_value(m->arena_limit_bytes, (int64_t)daemon->budget.limit);
	metric_set_value(m->store_writable,
			 atomic_load(&daemon->store_health) == STORE_HEALTHY ? 1 : 0);
	metric_set_value(m->ledger_entries_read_total, repository_entries_read(daemon->repository));
	metric_set_value(m->draining, atomic_load(&daemon->draining) ? 1 : 0);
	metric_set_value(m->log_lines_dropped_total, (int64_t)atomic_load(&daemon->log.dropped));
	metric_set_value(m->sweep_members_total, atomic_load(&figures->sweep_members));
	metric_set_value(m->sweep_failures_total, atomic_load(&figures->sweep_failures));
	metric_set_value(m->sweep_lag_seconds, atomic_load(&figures->sweep_lag_us) / US_PER_SECOND);
	watch_hot(daemon);
	metric_render(daemon->metrics, out);
}

static bool add_info(struct daemon *daemon)
{
	static const char *const labels[] = {"version", "store", NULL};
	const char *values[] = {MEMBERD_VERSION, store_name(daemon->store)};
	struct metric_family *family =
		metric_family_add(daemon->metrics, METRIC_GAUGE, "memberd_build_info",
				  "1, with what is running as labels", labels);
	struct metric *info = family == NULL ? NULL : metric_series_add(family, values, false);
	struct metric *started =
		metric_add(daemon->metrics, METRIC_GAUGE, "process_start_time_seconds",
			   "when memberd was started, in seconds since 1970");

	if (info == NULL || started == NULL) {
		return false;
	}
	metric_set_value(info, 1);
	metric_set_value(started, clock_now(&daemon->clock) / US_PER_SECOND);
	return true;
}

#define SUFFIX_COUNTER "_total"
#define SUFFIX_GAUGE   ""

/* Adds one unless an earlier one could not be added. */
static struct metric *add(struct daemon *daemon, enum metric_kind kind, const char *name,
			  const char *help, bool *made)
{
	struct metric *metric = *made ? metric_add(daemon->metrics, kind, name, help) : NULL;

	*made = metric != NULL;
	return metric;
}

static bool add_hot(struct daemon *daemon)
{
	struct daemon_metrics *m = &daemon->metric;
	bool made = true;

#define X(name, kind, help) \
	m->cache_##name =   \
		add(daemon, METRIC_##kind, "memberd_cache_" #name SUFFIX_##kind, help, &made);
	CACHE_FIGURES(X)
#undef X
#define X(name, help) \
	m->redis_##name = add(daemon, METRIC_COUNTER, "memberd_redis_" #name "_total", help, &made);
	REDIS_FIGURES(X)
#undef X
	m->redis_up = add(daemon, METRIC_GAUGE, "memberd_redis_up",
			  "1 while both connections to Redis are there and it answers", &made);
	m->redis_believed = add(daemon, METRIC_GAUGE, "memberd_redis_believed",
				"1 while Redis is known to be complete and is asked", &made);
	return made;
}

enum mb_code watch_open(struct daemon *daemon, struct mb_err *err)
{
	bool made;

	daemon->metrics = metric_set_create();
	made = daemon->metrics != NULL && add_info(daemon) && add_hot(daemon);
#define X(name, kind, help) \
	daemon->metric.name = add(daemon, METRIC_##kind, "memberd_" #name, help, &made);
	DAEMON_METRICS(X)
#undef X
	return made ? MB_OK : mb_fail(err, MB_OVERLOADED, "out of memory");
}

void watch_store(struct daemon *daemon)
{
	enum store_health health = store_health(daemon->store);
	struct mb_err err;

	if ((int)health == atomic_load(&daemon->store_health)) {
		return;
	}
	atomic_store(&daemon->store_health, (int)health);
	if (health == STORE_HEALTHY) {
		LOG_INFO(&daemon->log, "store is well again",
			 LOG_STR("store", store_texts[health]));
	} else {
		LOG_ERROR(&daemon->log, "store takes no writes",
			  LOG_STR("store", store_texts[health]));
	}
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		if (rpc_health_set(daemon->health, writers[i],
				   health == STORE_READ_ONLY_FAILED ? RPC_NOT_SERVING : RPC_SERVING,
				   &err) != MB_OK) {
			LOG_ERROR(&daemon->log, "health not told", LOG_STR("story", err.text));
		}
	}
}

void watch_redis(struct daemon *daemon)
{
	struct mb_err err;
	char text[512];
	bool well;

	if (!redis_text(daemon, text, sizeof(text))) {
		return;
	}
	well = strcmp(text, "well") == 0;
	if (well == daemon->redis_well) {
		return;
	}
	daemon->redis_well = well;
	if (well) {
		LOG_INFO(&daemon->log, "Redis is complete and used", LOG_NONE);
	} else {
		LOG_WARN(&daemon->log, "Redis is not used: the database is read instead",
			 LOG_STR("redis", text));
	}
	if (rpc_health_set(daemon->health, REDIS_HEALTH, well ? RPC_SERVING : RPC_NOT_SERVING,
			   &err) != MB_OK) {
		LOG_ERROR(&daemon->log, "health not told", LOG_STR("story", err.text));
	}
}
