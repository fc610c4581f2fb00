/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache: hot records of members in this process's memory.
 *
 * Its size is fixed when it is made; nothing is allocated later. What it holds is a copy: it may lose
 * any record at any time, and must never give one out that it was told is old. The rules:
 *
 *     a commit         cache_tell() after it, before its answer: whoever looks later sees no older one
 *     a load           cache_mark() before the load begins to read, cache_fill() with that mark after
 *                      it: a record that was read before something was told is dropped, though
 *                      nothing of the member lay in the cache when it was told
 *     all may be old   cache_forget_all(): every record, absence and mark of before is void at once
 *
 * Threads:  all but create and destroy from any. A look-up takes no lock and waits for nobody: where
 *           a record is being written again and again meanwhile, it is a miss. Fills and tells lock
 *           one of many shards, for less than a microsecond as a rule.
 * Memory:   records go in and out by copy.
 */
#pragma once

#include "base/err.h"
#include "domain/hot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;

struct cache_options {
	size_t bytes; /* all in; 0: keeps no record, but marks and absences work */
	uint64_t absent_ttl_ms; /* how long an id is taken for unknown; 0: never */
};

enum cache_answer { CACHE_MISS, CACHE_HIT, CACHE_ABSENT };

#define CACHE_FIGURES(X)                                               \
	/* name         kind     help                               */ \
	X(hits, COUNTER, "look-ups answered with a record")            \
	X(misses, COUNTER, "look-ups that found nothing")              \
	X(absent_hits, COUNTER, "look-ups of ids known to be unknown") \
	X(fills, COUNTER, "records taken from loads")                  \
	X(fills_dropped, COUNTER, "loads that came too late")          \
	X(tells, COUNTER, "commits that were told")                    \
	X(evictions, COUNTER, "records that made room for others")     \
	X(entries, GAUGE, "records held")                              \
	X(bytes, GAUGE, "memory taken, of what may be taken")          \
	X(capacity, GAUGE, "records that fit")

struct cache_figures {
#define X(name, kind, help) int64_t name;
	CACHE_FIGURES(X)
#undef X
};

/* A size that the system does not give is MB_FIELD_INVALID; one too small for any record is as 0. */
enum mb_code cache_create(const struct cache_options *options, struct cache **out,
			  struct mb_err *err);
void cache_destroy(struct cache *cache);

/* Unless it is a HIT, what lies in *out means nothing. A HIT and an absence of what was told before
 * the call began are never older than that. */
enum cache_answer cache_get(struct cache *cache, int64_t member_id, struct hot_bytes *out);

/* Look-ups of these members follow: what they will read is asked of memory for all at once, instead of
 * by one after the other. Worth it for some dozens at a time; changes nothing else. */
void cache_expect(const struct cache *cache, const int64_t *member_ids, size_t n);

/* Before a load begins to read. Never 0. */
uint64_t cache_mark(const struct cache *cache, int64_t member_id);
/* Nothing was told of the member since the mark. False now and then though nothing was: members
 * share counters. */
bool cache_holds(const struct cache *cache, int64_t member_id, uint64_t mark);

/* What a load found. False: dropped, because something was told since the mark, the one that lies
 * there is newer (hot_compare), or nothing is kept at all. */
bool cache_fill(struct cache *cache, int64_t member_id, uint64_t mark,
		const struct hot_bytes *record);
/* A load found no such member: for absent_ttl_ms, unless more of them push it out. */
bool cache_fill_absent(struct cache *cache, int64_t member_id, uint64_t mark);

/* A commit, of this process or another. Marks of before are void and an absence ends. A record that
 * lies there is replaced, unless it is newer; with len 0 (somebody wrote, what is not known) it goes in
 * any case. Where none lies none is put: who is written need not be read. */
void cache_tell(struct cache *cache, int64_t member_id, const struct hot_bytes *record);
void cache_forget_all(struct cache *cache);

/* Each figure is right by itself; together they are of about the same moment. */
void cache_figures(const struct cache *cache, struct cache_figures *out);
