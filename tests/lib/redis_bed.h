/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_bed: a real redis-server of the test's own, and somebody who uses it through cache/redis.h.
 * Failures of the bed itself end the process; the server ends with the test, however it ends.
 */
#pragma once

#include "cache/redis.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct redis_bed {
	char dir[64];
	char socket[96];
	int port; /* on 127.0.0.1, below the system's own */
	char unix_url[128], tcp_url[128];
	pid_t pid; /* 0: stopped */
	redisContext *context; /* of the default user, without a password */
};

/* more: further options of redis-server, NULL-ended, or NULL; they stay for redis_bed_start(). */
void redis_bed_init(struct redis_bed *bed);
void redis_bed_start(struct redis_bed *bed, const char *const *more);
void redis_bed_stop(struct redis_bed *bed); /* kills it */
void redis_bed_fini(struct redis_bed *bed);
void redis_bed_signal(const struct redis_bed *bed, int signal);

/* A command, waited for; freeReplyObject() it. */
redisReply *redis_bed_ask(struct redis_bed *bed, const char *fmt, ...);
/* The same for what must not be refused. */
void redis_bed_do(struct redis_bed *bed, const char *fmt, ...);
/* Ends the client of that name ("memberd:data"), as an operator may. */
void redis_bed_kill_client(struct redis_bed *bed, const char *name);

#define REDIS_USER_CHANGES 64

struct redis_user {
	uv_loop_t loop;
	uv_timer_t clock; /* so that no wait is for ever */
	struct redis_options options; /* may be changed before opening */
	struct redis *redis;
	unsigned ups, downs;
	int64_t changed[REDIS_USER_CHANGES];
	size_t n_changed;
	bool closed;
};

extern const unsigned char redis_user_store[16];

void redis_user_init(struct redis_user *user, const char *url);
void redis_user_open(struct redis_user *user);
void redis_user_close(struct redis_user *user);
void redis_user_fini(struct redis_user *user);
/* Runs the loop until `done` says so; false when that took longer than ms. */
bool redis_user_run(struct redis_user *user, bool (*done)(const struct redis_user *user), int ms);
/* The same, for a flag or until the ms are over. */
bool redis_user_run_flag(struct redis_user *user, const bool *flag, int ms);
void redis_user_await_up(struct redis_user *user, unsigned ups); /* so many in all */
void redis_user_await_down(struct redis_user *user, unsigned downs);
struct redis_figures redis_user_figures(const struct redis_user *user);

/* Requests from beginning to end. */
enum redis_answer redis_user_get(struct redis_user *user, int64_t member_id, struct hot_bytes *out);
bool redis_user_set(struct redis_user *user, int64_t member_id, const struct hot_bytes *bytes);
/* A record of that revision. */
struct hot_bytes redis_user_record(int64_t member_id, int64_t revision);
int64_t redis_user_revision(const struct hot_bytes *bytes);
