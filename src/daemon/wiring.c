/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/admin.h"
#include "daemon/calls.h"
#include "daemon/daemon.h"
#include "daemon/test_clock.h"

#include "base/fault.h"
#include "base/fds.h"
#include "policy/policy_file.h"
#include "repository/repository.h"
#include "rpc/core_log.h"
#include "rpc/reflection.h"
#include "service/grants.h"

#include <uv.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE_MAX  ((size_t)4 << 20)
#define POLICY_ARENA ((size_t)8 << 20)
#define QUEUES_MOST  16 /* unless an operator asks for more */
#define FILES_LEAST  64 /* without readers and queues */

static const struct rpc_principal everybody = {.role = {"admin", 5}};
static const struct rpc_principal nobody = {.role = {"anonymous", 9}};

/* ---- clock, log, faults ---- */

/* A terminal that takes no more must hold up nobody. Not by a flag on what we were given, which the shell
 * has, too: opened anew; where that may not be, as after su, it is written to as it is. */
static int open_log(bool *terminal)
{
	int own;

	*terminal = isatty(STDERR_FILENO) != 0;
	if (!*terminal) {
		return STDERR_FILENO;
	}
	own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own >= 0 ? own : STDERR_FILENO;
}

static enum mb_code start_tools(struct daemon *daemon, struct mb_err *err)
{
	const struct daemon_options *options = daemon->options;
	int least = FILES_LEAST + 2 * (int)options->readers + (int)options->queues;
	bool terminal;
	int fd = open_log(&terminal);
	bool text = options->log_format == FORMAT_TEXT ||
		    (options->log_format == FORMAT_AUTO && terminal);

	clock_init_system(&daemon->clock);
	log_init(&daemon->log, fd, text ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON,
		 (enum log_level)options->log_level, &daemon->clock);
	rpc_core_log_set(&daemon->log);
	if (fds_allow(least, err) != MB_OK) {
		return err->code;
	}
	arena_budget_init(&daemon->budget, (size_t)options->arena_budget_mb << 20);
	daemon->loop = calloc(1, sizeof(*daemon->loop));
	if (daemon->loop == NULL || uv_loop_init(daemon->loop) != 0) {
		free(daemon->loop);
		daemon->loop = NULL;
		return mb_fail(err, MB_OVERLOADED, "no event loop to be had");
	}
#ifdef MEMBERD_TEST_HOOKS
	if (options->fault[0] != '\0' && !fault_arm_spec(options->fault)) {
		return mb_fail(err, MB_FIELD_INVALID, "--fault: write NAME:N or NAME:N*COUNT");
	}
	LOG_WARN(&daemon->log, "this build has test hooks", LOG_STR("clock", options->clock));
	return test_clock_open(options->clock, &daemon->clock, daemon->loop, &daemon->test_clock,
			       err);
#else
	return MB_OK;
#endif
}

/* ---- data ---- */

/* Makes the data directory, and daemon->data of it. */
static enum mb_code start_data(struct daemon *daemon, struct mb_err *err)
{
	const char *path = daemon->options->data;
	struct stat info;
	char *whole;

	if (daemon->options->store == STORE_MEMORY) {
		snprintf(daemon->key_file, sizeof(daemon->key_file), "%s",
			 daemon->options->key_file);
		return MB_OK;
	}
	if (mkdir(path, 0700) == 0) {
		LOG_INFO(&daemon->log, "data directory made", LOG_STR("path", path));
	} else if (errno != EEXIST) {
		return mb_fail(err, MB_FIELD_INVALID, "--data %.150s: %s", path, strerror(errno));
	}
	whole = FAULT("daemon.data") ? (errno = EIO, NULL) : realpath(path, NULL);
	if (whole == NULL || stat(whole, &info) != 0 ||
	    (!S_ISDIR(info.st_mode) && (errno = ENOTDIR, true)) ||
	    access(whole, R_OK | W_OK | X_OK) != 0) {
		mb_fail(err, MB_FIELD_INVALID, "--data %.150s: %s", path, strerror(errno));
		free(whole);
		return MB_FIELD_INVALID;
	}
	if ((info.st_mode & 077) != 0) {
		LOG_WARN(&daemon->log, "others can look into the data directory",
			 LOG_STR("path", whole), LOG_STR("hint", "chmod 700"));
	}
	snprintf(daemon->data, sizeof(daemon->data), "%s", whole);
	if (daemon->options->key_file[0] != '\0') {
		snprintf(daemon->key_file, sizeof(daemon->key_file), "%s",
			 daemon->options->key_file);
	} else {
		snprintf(daemon->key_file, sizeof(daemon->key_file), "%s/master.key", whole);
	}
	free(whole);
	return MB_OK;
}

/* The store's own word for "another one has it" is that it is worth another try. */
static enum mb_code start_store(struct daemon *daemon, enum exit_code *exit_code,
				struct mb_err *err)
{
	const struct daemon_options *options = daemon->options;
	char path[DAEMON_PATH_MAX + 16];
	struct store_options store = {
		.path = path,
		.readers = (int)options->readers,
		.migrate = options->migrate != MIGRATE_OFF,
		.new_store_id = options->new_store_id,
		.clock = &daemon->clock,
		.loop = daemon->loop,
	};
	const unsigned char *id;
	enum mb_code code;

	snprintf(path, sizeof(path), "%s/memberd.db", daemon->data);
	code = options->store == STORE_MEMORY ? store_open_memory(&store, &daemon->store, err)
					      : store_open_sqlite(&store, &daemon->store, err);
	if (code != MB_OK) {
		*exit_code = code == MB_STORE_UNAVAILABLE && err->retry_after_ms > 0
				     ? EXIT_AGAIN
				     : EXIT_UNAVAILABLE;
		return code;
	}
	id = store_id(daemon->store);
	for (int i = 0; i < STORE_ID_BYTES; i++) {
		snprintf(daemon->store_id + 2 * i, 3, "%02x", id[i]);
	}
	if (options->store == STORE_MEMORY) {
		LOG_WARN(&daemon->log, "volatile store: everything is forgotten at the end",
			 LOG_STR("hint", "--store sqlite keeps it"));
	}
	return MB_OK;
}

/* ---- repository ---- */

static void tell_key(struct daemon *daemon)
{
	LOG_WARN(&daemon->log, "key file made: keep a copy of it in another place than the data",
		 LOG_STR("path", daemon->key_file),
		 LOG_STR("why",
			 "names and identities are sealed with it; without it nobody, not even "
			 "memberd, reads them again, and the database is refused"));
}

/* As after an upgrade, or a build with other numbers: what the store has is in force all the same. */
static void tell_default(struct daemon *daemon)
{
	LOG_WARN(&daemon->log, "the built-in policy differs from version 1 of the store",
		 LOG_STR("why",
			 "the store's versions are in force; the built-in one begins an empty "
			 "store only"),
		 LOG_STR("hint", "to take over what is new in it, publish that as the next "
				 "version; `memberd "
				 "--print-policy` prints it, --policy FILE silences this"));
}

static enum mb_code start_repository(struct daemon *daemon, struct mb_err *err)
{
	const struct daemon_options *options = daemon->options;
	struct arena *arena = arena_create(NULL, POLICY_ARENA);
	struct repository_options repository = {
		.store = daemon->store,
		.loop = daemon->loop,
		.clock = &daemon->clock,
		.budget = &daemon->budget,
		.key_file = daemon->key_file[0] == '\0' ? NULL : daemon->key_file,
		.parse_policy = policy_parse,
		.try_policy = policy_check,
		.check_policy = policy_check_next,
		.default_policy = policy_default_text(),
		.policy_file = options->policy,
		.idle_ms = (uint64_t)options->watch_idle_ms,
		.checkpoint_from = (size_t)options->checkpoint_from,
		.sweep_every_ms = (uint64_t)options->sweep_every_ms,
		.sweep_pause_ms = (uint64_t)options->sweep_pause_ms,
		.sweep_members = (size_t)options->sweep_members,
		.cache_bytes = (size_t)options->cache_mb << 20,
		.redis_url = options->redis[0] != '\0' ? options->redis : NULL,
		.redis_budget_ms = (uint64_t)options->redis_budget_ms,
		.redis_ttl_s = (uint64_t)options->redis_ttl_s,
	};
	enum mb_code code = MB_OK;
	bool key_made = false;

	if (arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "out of memory");
	}
	if (options->policy[0] != '\0') {
		code = policy_read_file(options->policy, arena, &repository.policy, err);
	}
	if (code == MB_OK) {
		code = repository_open(&repository, &daemon->repository, &key_made, err);
	}
	if (key_made && repository.key_file != NULL) {
		tell_key(daemon);
	}
	if (code == MB_OK && options->policy[0] == '\0' &&
	    repository_default_differs(daemon->repository)) {
		tell_default(daemon);
	}
	arena_destroy(arena);
	return code;
}

/* ---- calls ---- */

static enum mb_code start_tokens(struct daemon *daemon, struct mb_err *err)
{
	const char *file = daemon->options->token_file;

	if (file[0] == '\0') {
		LOG_WARN(&daemon->log, "every caller is admin",
			 LOG_STR("why", "no --token-file was given"),
			 LOG_STR("reach", "this machine only"));
		return MB_OK;
	}
	daemon->tokens = rpc_tokens_create();
	if (daemon->tokens == NULL) {
		return mb_fail(err, MB_OVERLOADED, "out of memory");
	}
	return rpc_tokens_load(daemon->tokens, file, service_grants, err);
}

struct health_fill {
	struct rpc_health *health;
	enum mb_code code;
	struct mb_err *err;
};

static void add_health(const char *service, const char *name, size_t id, void *data)
{
	struct health_fill *fill = data;

	(void)name;
	(void)id;
	if (fill->code == MB_OK) {
		fill->code = rpc_health_set(fill->health, service, RPC_SERVING, fill->err);
	}
}

static enum mb_code start_registry(struct daemon *daemon, struct mb_err *err)
{
	struct health_fill fill = {.err = err};
	enum mb_code code;

	daemon->registry = rpc_registry_create();
	daemon->health = rpc_health_create();
	if (daemon->registry == NULL || daemon->health == NULL) {
		return mb_fail(err, MB_OVERLOADED, "out of memory");
	}
	daemon->services =
		(struct services){.repository = daemon->repository, .grants = service_grants};
	code = services_bind(daemon->registry, &daemon->services, err);
	if (code == MB_OK) {
		code = rpc_health_bind(daemon->health, daemon->registry, err);
	}
	if (code == MB_OK) {
		code = rpc_reflection_bind(daemon->registry, err);
	}
	if (code == MB_OK) {
		fill.health = daemon->health;
		fill.code = rpc_health_set(daemon->health, "", RPC_SERVING, err);
		rpc_registry_each(daemon->registry, add_health, &fill);
		code = fill.code;
	}
	if (code == MB_OK && daemon->options->redis[0] != '\0') {
		code = rpc_health_set(daemon->health, REDIS_HEALTH, RPC_NOT_SERVING, err);
	}
	return code;
}

/* uv tells of the cores that the process may run on, which may be fewer than there are. */
static int queue_count(const struct daemon_options *options)
{
	unsigned cores = uv_available_parallelism();

	if (options->queues > 0) {
		return (int)options->queues;
	}
	return cores < QUEUES_MOST ? (int)cores : QUEUES_MOST;
}

static enum mb_code create_server(struct daemon *daemon, struct mb_err *err)
{
	const struct daemon_options *options = daemon->options;
	struct rpc_server_options server = {
		.listen = options->listen,
		.queues = queue_count(options),
		.coalesce = options->coalesce == COALESCE_ON,
		.message_max = MESSAGE_MAX,
		.pending_max = (int)options->pending_max,
		.budget = &daemon->budget,
		.grants = service_grants,
		.tokens = daemon->tokens,
		.anonymous = daemon->tokens == NULL ? &everybody : &nobody,
		.health = daemon->health,
		.metadata = daemon->metadata,
		.began = calls_began,
		.ended = calls_ended,
		.draining = services_drain,
		.draining_data = &daemon->services,
	};

	daemon->calls =
		calls_create(daemon->registry, daemon->metrics, &daemon->log, options->access_log);
	if (daemon->calls == NULL) {
		return mb_fail(err, MB_OVERLOADED, "out of memory");
	}
	server.began_data = server.ended_data = daemon->calls;
	daemon->metadata[0] = "x-memberd-store-id";
	daemon->metadata[1] = daemon->store_id;
	return rpc_server_create(&server, daemon->registry, &daemon->port, &daemon->server, err);
}

static enum mb_code start_admin(struct daemon *daemon, struct mb_err *err)
{
	struct admin_options admin = {
		.healthy = watch_healthy,
		.ready = watch_ready,
		.metrics = watch_metrics,
		.data = daemon,
	};
	enum mb_code code;

	if (daemon->options->admin_listen[0] == '\0') {
		return MB_OK;
	}
	code = address_parse(daemon->options->admin_listen, &admin.address, err);
	if (code == MB_OK && !admin.address.local) {
		LOG_WARN(&daemon->log, "others can read the metrics",
			 LOG_STR("address", daemon->options->admin_listen));
	}
	return code == MB_OK ? admin_start(&admin, &daemon->admin_port, &daemon->admin, err) : code;
}

static void tell_serving(struct daemon *daemon)
{
	const struct policy_list *policies = repository_policies(daemon->repository);
	struct address address;
	struct rpc_writes writes;
	char grpc[300], admin[300] = "", command[400];

	rpc_server_writes(daemon->server, &writes);
	if (writes.why_not != NULL) {
		LOG_WARN(&daemon->log, "every answer is sent by itself",
			 LOG_STR("why", writes.why_not));
	}
	address_parse(daemon->options->listen, &address, NULL);
	address_format(&address, daemon->port, grpc, sizeof(grpc));
	if (daemon->admin != NULL) {
		address_parse(daemon->options->admin_listen, &address, NULL);
		address_format(&address, daemon->admin_port, admin, sizeof(admin));
	}
	snprintf(command, sizeof(command), "memberctl health --server %s", grpc);
	LOG_INFO(&daemon->log, "serving", LOG_STR("version", MEMBERD_VERSION),
		 LOG_STR("address", grpc), LOG_STR("admin", admin[0] == '\0' ? NULL : admin),
		 LOG_INT("queues", queue_count(daemon->options)),
		 LOG_BOOL("coalesce", writes.coalesced),
		 LOG_STR("store", store_name(daemon->store)),
		 LOG_STR("data", daemon->data[0] == '\0' ? NULL : daemon->data),
		 LOG_STR("store_id", daemon->store_id),
		 LOG_INT("policy", policy_at(policies, clock_now(&daemon->clock))->version),
		 LOG_INT("policy_newest", policies->versions[policies->n - 1]->version),
		 LOG_STR("try", command));
}

enum mb_code daemon_start(struct daemon *daemon, struct daemon_options *options,
			  enum exit_code *exit_code, struct mb_err *err)
{
	enum mb_code code;

	daemon->options = options;
	*exit_code = EXIT_CONFIG;
	if ((code = start_tools(daemon, err)) != MB_OK) {
		return code;
	}
	*exit_code = EXIT_IO;
	if ((code = start_data(daemon, err)) != MB_OK ||
	    (code = start_store(daemon, exit_code, err)) != MB_OK) {
		return code;
	}
	*exit_code = EXIT_CONFIG;
	if ((code = start_repository(daemon, err)) != MB_OK) {
		*exit_code = code == MB_FIELD_INVALID ? EXIT_CONFIG : EXIT_UNAVAILABLE;
		return code;
	}
	if (options->migrate == MIGRATE_ONLY) {
		LOG_INFO(&daemon->log, "the store is up to date", LOG_STR("data", daemon->data));
		*exit_code = EXIT_OK;
		return MB_OK;
	}
	if ((code = start_tokens(daemon, err)) != MB_OK) {
		return code;
	}
	*exit_code = EXIT_SOFTWARE;
	if ((code = watch_open(daemon, err)) != MB_OK ||
	    (code = start_registry(daemon, err)) != MB_OK) {
		return code;
	}
	*exit_code = EXIT_UNAVAILABLE;
	signals_hold(true);
	if ((code = create_server(daemon, err)) != MB_OK ||
	    (code = handles_open(daemon, err)) != MB_OK ||
	    (code = start_admin(daemon, err)) != MB_OK ||
	    (code = rpc_server_start(daemon->server, err)) != MB_OK) {
		return code;
	}
	atomic_store(&daemon->ready, true);
	*exit_code = EXIT_OK;
	tell_serving(daemon);
	return MB_OK;
}

void daemon_serve(struct daemon *daemon)
{
	signals_release();
	rpc_server_hold(daemon->server);
	uv_run(daemon->loop, UV_RUN_DEFAULT);
	rpc_server_release(daemon->server);
	signals_hold(true);
}

/* ---- the way down ---- */

static void mark(void *data)
{
	*(bool *)data = true;
}

static void turn_until(struct daemon *daemon, const bool *done)
{
	while (!*done) {
		uv_run(daemon->loop, UV_RUN_ONCE);
	}
}

static void stop_kept(struct daemon *daemon)
{
	struct repository *repository = daemon->repository;
	struct store *store = daemon->store;
	bool done = false;

	if (repository != NULL) {
		daemon->repository = NULL; /* the beat looks no more */
		repository_close(repository, mark, &done);
		turn_until(daemon, &done);
	}
	if (store != NULL) {
		daemon->store = NULL; /* the beat looks no more */
		done = false;
		store_close(store, mark, &done);
		turn_until(daemon, &done);
	}
}

static void stop_loop(struct daemon *daemon)
{
	if (daemon->loop == NULL) {
		return;
	}
	handles_close(daemon);
#ifdef MEMBERD_TEST_HOOKS
	test_clock_close(daemon->test_clock);
#endif
	uv_run(daemon->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(daemon->loop) != 0) {
		LOG_ERROR(&daemon->log, "the loop is still in use", LOG_NONE);
	}
	free(daemon->loop);
	daemon->loop = NULL;
}

void daemon_stop(struct daemon *daemon)
{
	admin_stop(daemon->admin);
	rpc_server_destroy(daemon->server);
	daemon->server = NULL; /* the loop pushes no more */
	stop_kept(daemon);
	calls_destroy(daemon->calls);
	rpc_registry_destroy(daemon->registry);
	rpc_health_destroy(daemon->health);
	rpc_tokens_destroy(daemon->tokens);
	metric_set_destroy(daemon->metrics);
	if (atomic_load(&daemon->ready)) {
		LOG_INFO(&daemon->log, "stopped", LOG_NONE);
	}
	stop_loop(daemon);
	rpc_core_log_set(NULL);
}
