/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_bed.h"

#include "port.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MOST 40
#define START_MS   20000

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "redis_bed: %s\n", what);
		abort();
	}
}

/* --- the server --- */

void redis_bed_init(struct redis_bed *bed)
{
	*bed = (struct redis_bed){0};
	snprintf(bed->dir, sizeof(bed->dir), "/tmp/memberd-redis-XXXXXX");
	require(mkdtemp(bed->dir) != NULL, "no folder");
	bed->port = port_reserve();
	snprintf(bed->socket, sizeof(bed->socket), "%s/socket", bed->dir);
	snprintf(bed->unix_url, sizeof(bed->unix_url), "unix://%s", bed->socket);
	snprintf(bed->tcp_url, sizeof(bed->tcp_url), "redis://127.0.0.1:%d", bed->port);
}

static void run_server(const struct redis_bed *bed, const char *const *more)
{
	char port[12];
	const char *words[WORDS_MOST] = {"redis-server",
					 "--port",
					 port,
					 "--bind",
					 "127.0.0.1",
					 "--unixsocket",
					 bed->socket,
					 "--dir",
					 bed->dir,
					 "--save",
					 "",
					 "--appendonly",
					 "no",
					 "--daemonize",
					 "no",
					 "--logfile",
					 "redis.log",
					 "--enable-debug-command",
					 "yes"};
	size_t n = 0;

	snprintf(port, sizeof(port), "%d", bed->port);
	while (words[n] != NULL) {
		n++;
	}
	for (; more != NULL && *more != NULL && n + 1 < WORDS_MOST; more++) {
		words[n++] = *more;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(words[0], (char *const *)words);
	fprintf(stderr, "redis_bed: no redis-server: run scripts/setup test\n");
	_exit(127);
}

static bool answers(struct redis_bed *bed)
{
	redisReply *reply;

	bed->context = redisConnectUnix(bed->socket);
	if (bed->context != NULL && bed->context->err == 0) {
		/* also an error is an answer: LOADING, NOAUTH */
		reply = redisCommand(bed->context, "PING");
		if (reply != NULL) {
			freeReplyObject(reply);
			return true;
		}
	}
	if (bed->context != NULL) {
		redisFree(bed->context);
		bed->context = NULL;
	}
	return false;
}

void redis_bed_start(struct redis_bed *bed, const char *const *more)
{
	require(bed->pid == 0, "started twice");
	bed->pid = fork();
	require(bed->pid >= 0, "no process");
	if (bed->pid == 0) {
		run_server(bed, more);
	}
	for (int ms = 0; !answers(bed); ms += 5) {
		require(ms < START_MS && waitpid(bed->pid, NULL, WNOHANG) == 0,
			"the server does not start");
		usleep(5000);
	}
}

void redis_bed_signal(const struct redis_bed *bed, int signal)
{
	require(bed->pid > 0 && kill(bed->pid, signal) == 0, "no server to signal");
}

void redis_bed_stop(struct redis_bed *bed)
{
	if (bed->context != NULL) {
		redisFree(bed->context);
		bed->context = NULL;
	}
	if (bed->pid > 0) {
		kill(bed->pid, SIGKILL);
		waitpid(bed->pid, NULL, 0);
		bed->pid = 0;
	}
}

void redis_bed_fini(struct redis_bed *bed)
{
	static const char *const names[] = {"socket", "redis.log", "dump.rdb"};
	char path[128];

	redis_bed_stop(bed);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", bed->dir, names[i]);
		unlink(path);
	}
	require(rmdir(bed->dir) == 0, "the folder holds a file that nobody knows");
}

redisReply *redis_bed_ask(struct redis_bed *bed, const char *fmt, ...)
{
	redisReply *reply;
	va_list args;

	va_start(args, fmt);
	reply = redisvCommand(bed->context, fmt, args);
	va_end(args);
	require(reply != NULL, "the server is gone");
	return reply;
}

void redis_bed_do(struct redis_bed *bed, const char *fmt, ...)
{
	redisReply *reply;
	va_list args;

	va_start(args, fmt);
	reply = redisvCommand(bed->context, fmt, args);
	va_end(args);
	require(reply != NULL, "the server is gone");
	if (reply->type == REDIS_REPLY_ERROR) {
		fprintf(stderr, "redis_bed: %s: %s\n", fmt, reply->str);
		abort();
	}
	freeReplyObject(reply);
}

void redis_bed_kill_client(struct redis_bed *bed, const char *name)
{
	redisReply *list = redis_bed_ask(bed, "CLIENT LIST");
	char wanted[64];
	const char *line, *id = NULL;

	snprintf(wanted, sizeof(wanted), " name=%s ", name);
	for (line = list->str; line != NULL && id == NULL; line = strchr(line, '\n')) {
		const char *end;

		line += *line == '\n' ? 1 : 0;
		end = strchr(line, '\n');
		id = strstr(line, wanted);
		id = id != NULL && (end == NULL || id < end) ? line : NULL;
	}
	require(id != NULL && strncmp(id, "id=", 3) == 0, "no such client");
	redis_bed_do(bed, "CLIENT KILL ID %ld", strtol(id + 3, NULL, 10));
	freeReplyObject(list);
}

/* --- its user --- */

const unsigned char redis_user_store[16] = "\x01\x23\x45\x67\x89\xab\xcd\xef"
					   "fedcba98";

static void on_up(void *data)
{
	struct redis_user *user = data;

	require(user->ups == user->downs, "up twice");
	user->ups++;
}

static void on_down(void *data)
{
	struct redis_user *user = data;

	user->downs++;
	require(user->ups == user->downs, "down without up");
}

static void on_changed(int64_t member_id, void *data)
{
	struct redis_user *user = data;

	require(user->ups > user->downs, "a change while it is down");
	if (user->n_changed < REDIS_USER_CHANGES) {
		user->changed[user->n_changed] = member_id;
	}
	user->n_changed++;
}

static void on_clock(uv_timer_t *timer)
{
	(void)timer;
}

void redis_user_init(struct redis_user *user, const char *url)
{
	*user = (struct redis_user){0};
	signal(SIGPIPE, SIG_IGN); /* as the daemon does: libuv writes without MSG_NOSIGNAL */
	require(uv_loop_init(&user->loop) == 0, "no loop");
	uv_timer_init(&user->loop, &user->clock);
	uv_timer_start(&user->clock, on_clock, 2, 2);
	uv_unref((uv_handle_t *)&user->clock);
	/* a budget that a busy machine keeps; what is about the budget sets its own */
	user->options = (struct redis_options){.url = url,
					       .store_id = redis_user_store,
					       .loop = &user->loop,
					       .budget_ms = 1000,
					       .ttl_s = 1000,
					       .seed = 7,
					       .up = on_up,
					       .down = on_down,
					       .changed = on_changed,
					       .data = user};
}

void redis_user_open(struct redis_user *user)
{
	struct mb_err err = {0};

	user->closed = false;
	if (redis_open(&user->options, &user->redis, &err) != MB_OK) {
		require(false, err.text);
	}
}

static void on_closed(void *data)
{
	struct redis_user *user = data;

	user->closed = true;
	user->redis = NULL;
}

void redis_user_close(struct redis_user *user)
{
	if (user->redis != NULL) {
		redis_close(user->redis, on_closed, user);
		require(redis_user_run_flag(user, &user->closed, 1000), "not closed in a second");
		require(user->ups == user->downs, "closed without down");
	}
}

void redis_user_fini(struct redis_user *user)
{
	redis_user_close(user);
	uv_close((uv_handle_t *)&user->clock, NULL);
	/* a name that is being resolved keeps the loop alive */
	while (uv_run(&user->loop, UV_RUN_DEFAULT) != 0) {
	}
	require(uv_loop_close(&user->loop) == 0, "the loop still has handles");
}

bool redis_user_run(struct redis_user *user, bool (*done)(const struct redis_user *user), int ms)
{
	uint64_t end = uv_hrtime() + (uint64_t)ms * 1000000;

	while (!done(user)) {
		if (uv_hrtime() > end) {
			return false;
		}
		uv_run(&user->loop, UV_RUN_ONCE);
	}
	return true;
}

bool redis_user_run_flag(struct redis_user *user, const bool *flag, int ms)
{
	uint64_t end = uv_hrtime() + (uint64_t)ms * 1000000;

	while (!*flag) {
		if (uv_hrtime() > end) {
			return false;
		}
		uv_run(&user->loop, UV_RUN_ONCE);
	}
	return true;
}

void redis_user_await_up(struct redis_user *user, unsigned ups)
{
	for (int ms = 0; user->ups < ups || user->ups == user->downs; ms += 10) {
		const bool never = false;

		require(ms < START_MS, "not up");
		redis_user_run_flag(user, &never, 10);
	}
}

void redis_user_await_down(struct redis_user *user, unsigned downs)
{
	for (int ms = 0; user->downs < downs; ms += 1) {
		const bool never = false;

		require(ms < START_MS, "not down");
		redis_user_run_flag(user, &never, 1);
	}
}

struct redis_figures redis_user_figures(const struct redis_user *user)
{
	struct redis_figures figures;

	redis_figures(user->redis, &figures);
	return figures;
}

static void on_get(struct redis_get *get)
{
	*(bool *)get->data = true;
}

static void on_set(struct redis_set *set)
{
	*(bool *)set->data = true;
}

enum redis_answer redis_user_get(struct redis_user *user, int64_t member_id, struct hot_bytes *out)
{
	bool done = false;
	struct redis_get get = {.member_id = member_id, .cb = on_get, .data = &done};

	redis_get(user->redis, &get);
	require(!done, "answered from inside");
	require(redis_user_run_flag(user, &done, START_MS), "a get without an answer");
	if (get.answer == REDIS_HIT && out != NULL) {
		*out = get.record;
	}
	return get.answer;
}

bool redis_user_set(struct redis_user *user, int64_t member_id, const struct hot_bytes *bytes)
{
	bool done = false;
	struct redis_record record = {.member_id = member_id, .bytes = *bytes};
	struct redis_set set = {.records = &record, .n = 1, .cb = on_set, .data = &done};

	redis_set(user->redis, &set);
	memset(&record, 0xff, sizeof(record)); /* it was copied */
	require(!done, "answered from inside");
	require(redis_user_run_flag(user, &done, START_MS), "a set without an answer");
	return !set.failed;
}

struct hot_bytes redis_user_record(int64_t member_id, int64_t revision)
{
	const struct hot_record record = {.member_id = member_id,
					  .revision = revision,
					  .created_at = 900,
					  .policy_newest = 1,
					  .projected_at = 1000,
					  .good_until = INT64_MAX,
					  .now = {.tier = TIER_GOLD,
						  .shown = TIER_GOLD,
						  .credibility = 9000,
						  .level = LEVEL_STANDARD,
						  .points = 5}};
	struct hot_bytes bytes;

	hot_encode(&record, &bytes);
	return bytes;
}

int64_t redis_user_revision(const struct hot_bytes *bytes)
{
	return hot_order(bytes).revision;
}
