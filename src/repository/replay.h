/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: a round of bringing Redis up to date: a page of the outbox is read, and the records that its
 * members have now are written.
 *
 *     begin ─▶ a job of the store ─▶ SET of what it found ─▶ cb(how it ended, up to where)
 *
 * Threads:  the loop's.
 */
#pragma once

#include "cache/redis.h"

struct replay;
struct repository;

enum replay_end {
	REPLAY_ABANDONED, /* replay_abandon() was called meanwhile */
	REPLAY_FAILED,
	REPLAY_USELESS, /* the outbox has not the row of the position: pruned, or of another past */
	REPLAY_MORE, /* there is more of the outbox */
	REPLAY_DONE, /* all was written that had been committed when the round began */
};

struct replay_round {
	const struct redis_position *from; /* NULL: there is none; copied */
	bool known; /* from an earlier round: its row was there */
	/* upto: seq and told_at */
	void (*cb)(void *data, enum replay_end end, const struct redis_position *upto);
	void *data;
};

struct replay *replay_create(struct repository *repository); /* NULL: no memory */
void replay_destroy(struct replay *replay); /* none is under way */
bool replay_runs(const struct replay *replay);
/* cb runs once, never from inside, as the last thing of a round that is over by then. */
void replay_begin(struct replay *replay, struct redis *redis, const struct replay_round *round);
/* The round under way is of no interest any more; it does not touch the Redis from now on. */
void replay_abandon(struct replay *replay);
