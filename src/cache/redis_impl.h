/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of redis share.
 *
 *     redis.c           open, close, figures, the answers that are FAILED
 *     redis_unit.c      the two connections: resolve, connect, arm, heartbeat, tear down, again
 *     redis_commands.c  what is asked and what is answered, in the order of `slots`
 *     redis_breaker.c   the budget of reads, and the breaker
 *     redis_echo.c      own writes that come back as changes
 *     redis_wire.c      one connection
 *
 * A turn of the loop, as libuv runs it, is what the rest is built on:
 *
 *     timers   only say that something is due
 *     idle     on_turn(): answers what failed, tells down(), sends what was asked (one write a turn)
 *     poll     answers come: on_reply(); requests are asked
 *     check    on_check(): what is due is judged now, after everything that had come was read
 *
 * So an answer that is here already is never taken for late, however long the loop was busy.
 */
#pragma once

#include "cache/redis.h"
#include "cache/redis_url.h"
#include "cache/redis_value.h"
#include "cache/redis_wire_impl.h"

#include <stdatomic.h>
#include <uv.h>

#define NS_PER_MS UINT64_C(1000000)

/* Commands that wait for an answer at most, and those of them that are sets. */
#define SLOTS_MOST 16384
#define SENT_MOST  8192
#define OUT_MOST   ((size_t)4 << 20)
/* A change tells many keys at once; a warm-up's scan some thousand. */
#define DATA_REPLY_MOST ((size_t)4 << 20)
#define FEED_REPLY_MOST ((size_t)64 << 20)

#define ATTEMPT_MS     1000 /* to connect and arm, one address */
#define BACKOFF_MS     100 /* the first; then twice as long each time … */
#define BACKOFF_MOST   10000 /* … up to this; drawn between 0 and it */
#define STEADY_MS      10000 /* up for so long, the next trouble is a new one */
#define LOADING_MS     250 /* until it is asked again whether it has loaded its data */
#define BEAT_MS	       500
#define SILENCE_MS     2000 /* an answer owed for longer ends the unit */
#define BREAKER_ROW    5 /* reads that failed, one after the other, open the breaker */
#define ECHO_ROWS      32768
#define ECHO_MS	       1000
#define ADDRESSES_MOST 8

#define REDIS_WORD_MAX 160

/* What an answer is of. */
#define SLOT_KINDS(X) \
	X(LOGIN)      \
	X(SETNAME)    \
	X(SELECT)     \
	X(SCRIPT)     \
	X(TRACKING)   \
	X(LOOK)       \
	X(BEAT) X(PROBE) X(GET) X(FORGET) X(SET) X(EMPTY) X(GET_POSITION) X(PUT_POSITION) X(SCAN)

enum slot_kind {
#define X(name) SLOT_##name,
	SLOT_KINDS(X)
#undef X
};

struct slot {
	enum slot_kind kind;
	struct redis_private *request; /* NULL: nobody waits (any more) */
	uint64_t asked; /* uv_hrtime() */
};

/* A set that was sent, so that it can be sent again. */
struct sent {
	int64_t member_id;
	uint8_t len;
	uint8_t value[REDIS_VALUE_MAX];
};

enum unit_state {
	UNIT_WAITING, /* for the timer: to try (again) */
	UNIT_RESOLVING,
	UNIT_FEED, /* the subscriber connects and arms */
	UNIT_DATA, /* then the data connection does */
	UNIT_UP,
	UNIT_CLOSING,
};

struct echo {
	int64_t member_id;
	uint32_t owed;
	uint64_t until; /* uv_hrtime() */
};

struct redis_counts {
#define X(name, help) _Atomic int64_t name;
	REDIS_FIGURES(X)
#undef X
};

struct resolving;

struct redis {
	struct redis_options options; /* url and store_id are not kept */
	struct redis_url url;
	unsigned char store_id[REDIS_STORE_ID_BYTES];
	uint64_t epoch;
	uint64_t random;

	/* of any thread */
	_Atomic bool usable;
	_Atomic int state; /* enum redis_state */
	struct redis_counts counts;
	uv_mutex_t story_lock;
	char story[256];

	/* the unit */
	enum unit_state unit;
	struct wire *feed, *data;
	size_t wires; /* that libuv holds yet */
	struct resolving *resolving;
	struct sockaddr_storage addresses[ADDRESSES_MOST];
	size_t n_addresses, address;
	char script[41]; /* the SHA-1 that Redis told */
	char feed_id[24];
	int feed_step; /* which answer the subscriber owes */
	uint64_t feed_asked; /* when its heartbeat was; 0: nothing owed */
	unsigned tries; /* in a row; how far the backoff has grown */
	uint64_t since; /* uv_hrtime() when it came up */
	bool was_up; /* ever */

	/* what was sent and not yet answered: rings; head is the oldest, numbers only rise */
	struct slot *slots;
	uint64_t slot_head, slot_tail;
	uint64_t judged; /* reads before this one have been answered or given up */
	uint64_t doubted; /* reads before this one may miss a set that had to be sent again */
	struct sent *sent;
	uint64_t sent_head, sent_tail;
	struct echo *echoes;

	/* what is answered FAILED in the next turn */
	struct list failed;
	bool tell_down;
	bool due; /* on_check() has something to judge */

	/* the breaker */
	bool open;
	bool probing; /* a PING is on its way */
	unsigned row; /* reads failed in a row */
	unsigned openings; /* in a row; how far its backoff has grown */
	uint64_t closed_at;

	uv_timer_t step_timer, beat_timer, budget_timer, probe_timer;
	uv_idle_t idle;
	uv_check_t check;
	bool idling, late_step, late_beat, late_budget, late_probe;
	int handles; /* that libuv holds yet */
	void (*close_cb)(void *data);
	void *close_data;

	char room[WIRE_ROOM];
};

#define COUNT(redis, figure) \
	atomic_fetch_add_explicit(&(redis)->counts.figure, 1, memory_order_relaxed)

/* --- redis.c --- */

/* Ensures another turn of the loop without waiting. */
void redis_kick(struct redis *redis);
/* Answers it FAILED in the next turn. */
void redis_fail(struct redis *redis, struct redis_private *request);
void redis_tell(struct redis *redis, const char *fmt, ...) MB_PRINTF(2, 3);
void redis_set_state(struct redis *redis, enum redis_state state);
uint64_t redis_random(struct redis *redis, uint64_t below); /* below > 0 */

void redis_on_wire_freed(void *owner);

/* --- redis_unit.c --- */

void unit_start(struct redis *redis);
/* For good: redis_close(). */
void unit_stop(struct redis *redis);
/* Takes both connections down and tries again later. Safe at any time, also twice. */
void unit_fail(struct redis *redis, const char *fmt, ...) MB_PRINTF(2, 3);
void unit_on_step(struct redis *redis);
void unit_on_beat(struct redis *redis);
void unit_on_data_connected(struct wire *wire);
/* An answer of the data connection to what arms it. */
void unit_on_arming(struct redis *redis, enum slot_kind kind, const redisReply *reply);

/* --- redis_commands.c --- */

extern const struct wire_ops redis_data_ops;
/* Sends a command and takes down that an answer is owed; false when too much waits. */
bool redis_send(struct redis *redis, enum slot_kind kind, struct redis_private *request, size_t n,
		const struct str *words);
/* Redis will answer nothing of it any more: it fails. */
void redis_drop_slots(struct redis *redis);
/* The script's text, for arming. */
extern const char redis_set_script[];
/* A word about an error of Redis, counted. hide: of a command with a password, which Redis may
 * repeat. */
void redis_count_error(struct redis *redis, const redisReply *reply, bool hide,
		       char out[REDIS_WORD_MAX]);
bool redis_is_error(const redisReply *reply, const char *word);

/* --- redis_breaker.c --- */

void breaker_watch(struct redis *redis); /* a get was sent */
void breaker_on_budget(struct redis *redis);
void breaker_on_probe(struct redis *redis);
void breaker_read_well(struct redis *redis);
void breaker_read_failed(struct redis *redis, const char *why);
void breaker_on_pong(struct redis *redis, uint64_t asked);
void breaker_reset(struct redis *redis); /* the unit went down */

/* --- redis_echo.c --- */

void echo_owe(struct redis *redis, int64_t member_id); /* sent a set */
void echo_settle(struct redis *redis, int64_t member_id); /* it wrote nothing */
bool echo_take(struct redis *redis, int64_t member_id); /* a change was told: it is our own */
