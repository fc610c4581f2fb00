/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis: hot records in a Redis that other processes share; an accelerator that may be ill or absent.
 *
 * One *unit* is two connections: one for data, and one that hears of other processes' writes
 * (`CLIENT TRACKING … BCAST … REDIRECT`). They are armed together and torn down together, because
 * when either is gone the other hears nothing; then the unit connects anew, with backoff.
 *
 *     up() ──▶ gets, sets, positions, changed() … ──▶ all that was asked is answered FAILED ──▶ down()
 *
 * Threads:  the loop's, but for redis_usable() and redis_figures().
 * Memory:   requests are the caller's, and untouched by him between the call and its cb. Nothing is
 *           allocated for a get. What waits to be sent and what is being read is bounded.
 * Answers:  cb exactly once for each request, never from inside a call of this header, whatever
 *           Redis does: a get within budget_ms (at once when the breaker is open), the others within
 *           some 3 s, because a unit that owes an answer for longer is torn down. A unit that is
 *           down answers everything FAILED.
 * Order:    requests reach Redis in the order asked. A get that was asked after a set of the same
 *           member never answers with an older record than it.
 */
#pragma once

#include "base/err.h"
#include "base/list.h"
#include "domain/hot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis;
struct uv_loop_s;

struct redis_options {
	/* copied; see redis_url.h for the forms */
	const char *url;
	const unsigned char *store_id; /* 16 bytes */
	struct uv_loop_s *loop;
	uint64_t budget_ms; /* of a get; >= 1 */
	uint64_t ttl_s; /* of a record, give or take a tenth; >= 1 */
	uint64_t seed; /* of the jitter; 0: drawn */
	/* Armed (anew): nothing was asked yet, so nothing is believed. */
	void (*up)(void *data);
	/* What was asked has been answered FAILED. Comes once for each up(), also at redis_close(). */
	void (*down)(void *data);
	/* Somebody else wrote or removed the member's record; 0: everything may have changed. Between up
	 * and down. A hint that makes things sooner: Redis tells a script's writes to their writer, too,
	 * so what comes just after an own write of the member is taken for its echo. */
	void (*changed)(int64_t member_id, void *data);
	void *data;
};

/* Never waits: a Redis that is not there is found out later. A bad URL is MB_FIELD_INVALID, with a text
 * that does not show the password. */
enum mb_code redis_open(const struct redis_options *options, struct redis **out,
			struct mb_err *err);
/* Everything outstanding is answered FAILED, then down() if it was up, then cb, after which nothing of
 * it exists; within a few turns of the loop. Nothing may be asked after down(), or after this call if
 * it is not up. A name that is just being resolved may keep the loop busy for longer, on its own. */
void redis_close(struct redis *redis, void (*cb)(void *data), void *data);

/* Any thread: armed and the breaker closed. Only a hint: it may change at any time. */
bool redis_usable(const struct redis *redis);

/* Redis's own part of a request; needs no initialising. */
struct redis_private {
	struct list_node node;
	size_t waiting;
	int kind;
};

enum redis_answer { REDIS_FAILED, REDIS_MISS, REDIS_HIT };

struct redis_get {
	/* in */
	int64_t member_id;
	/* out */
	enum redis_answer answer;
	struct hot_bytes record; /* of a hit; taken by hot_decode() */
	/* caller's */
	void (*cb)(struct redis_get *get);
	void *data;
	struct redis_private priv;
};

void redis_get(struct redis *redis, struct redis_get *get);

struct redis_record {
	int64_t member_id;
	struct hot_bytes bytes; /* len > 0 */
};

struct redis_set {
	/* in: borrowed until redis_set() returns */
	const struct redis_record *records;
	size_t n; /* 0: answered when all that was asked before has been */
	/* out */
	bool failed; /* at least one may not be there */
	/* caller's */
	void (*cb)(struct redis_set *set);
	void *data;
	struct redis_private priv;
};

/* Each record is written unless what is there is of the same format, store and epoch and at least as
 * new (hot_compare()). What does not fit the output buffer fails: some thousand at once do. */
void redis_set(struct redis *redis, struct redis_set *set);

/* Up to where the outbox's records are all in Redis, under which epoch. */
struct redis_position {
	uint64_t epoch;
	int64_t seq;
	int64_t told_at; /* of the row with this seq, which so is told from another store's; 0: none */
};

struct redis_position_request {
	struct redis_position position; /* in: of a put; out: of a get that found one */
	/* out */
	bool found;
	bool failed;
	/* caller's */
	void (*cb)(struct redis_position_request *request);
	void *data;
	struct redis_private priv;
};

void redis_get_position(struct redis *redis, struct redis_position_request *request);
void redis_put_position(struct redis *redis, struct redis_position_request *request);
/* Of the values read and written from now on: a value of another epoch is a miss, and is replaced by a
 * set. 0 at first; kept when the unit goes down. */
void redis_use_epoch(struct redis *redis, uint64_t epoch);

/* Some of the members that Redis has records of; for the warm-up. */
struct redis_scan {
	uint64_t cursor; /* in: 0 at first; out: to go on from; 0: that was all */
	/* in: room for the ids; what Redis sends beyond it is left out */
	int64_t *ids;
	size_t most; /* > 0; some hundreds are best */
	/* out */
	size_t n;
	bool failed;
	/* caller's */
	void (*cb)(struct redis_scan *scan);
	void *data;
	struct redis_private priv;
};

void redis_scan(struct redis *redis, struct redis_scan *scan);

/* DOWN: between two tries. OPEN: armed, but the breaker is open. */
#define REDIS_STATES(X)             \
	X(DOWN, "not connected")    \
	X(CONNECTING, "connecting") \
	X(UP, "up")                 \
	X(OPEN, "breaker open")

enum redis_state {
#define X(name, text) REDIS_##name,
	REDIS_STATES(X)
#undef X
};

const char *redis_state_text(enum redis_state state);

#define REDIS_FIGURES(X)                                                                 \
	X(hits, "records found in Redis and good")                                       \
	X(misses, "records not found in Redis, or not good")                             \
	X(misses_absent, "misses: nothing there")                                        \
	X(misses_format, "misses: another format, store or member, or a wrong length")   \
	X(misses_epoch, "misses: of an epoch that is over")                              \
	X(misses_checksum, "misses: the checksum does not fit")                          \
	X(misses_type, "misses: a key of another type")                                  \
	X(misses_order, "misses: read before a write that had to be sent again")         \
	X(timeouts, "reads given up after the budget")                                   \
	X(refused, "requests answered at once, because Redis is down or too much waits") \
	X(errors, "answers of Redis that are errors")                                    \
	X(errors_loading, "errors: it is loading its data")                              \
	X(errors_memory, "errors: it is out of memory")                                  \
	X(errors_readonly, "errors: it is a read-only replica")                          \
	X(errors_access, "errors: the password or a permission")                         \
	X(errors_script, "errors: the script was not there")                             \
	X(errors_disk, "errors: it cannot save its data")                                \
	X(sets, "records written, or found at least as new")                             \
	X(sets_failed, "records that may not have been written")                         \
	X(connects, "tries to connect")                                                  \
	X(reconnects, "times armed after the first")                                     \
	X(teardowns, "times the unit was torn down")                                     \
	X(breaker_opens, "times the breaker opened")                                     \
	X(invalidations, "changes by others that were told")                             \
	X(flushes, "times that everything was told to have changed")

struct redis_figures {
	enum redis_state state;
#define X(name, help) int64_t name;
	REDIS_FIGURES(X)
#undef X
	char story[256]; /* why it is not well, or the last time was not; "" if it never was ill */
};

/* Any thread. */
void redis_figures(const struct redis *redis, struct redis_figures *out);
