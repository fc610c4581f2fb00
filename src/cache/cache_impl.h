/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the process's cache: cache.c (what its users see), cache_table.c (index, slots, who goes).
 *
 *     hash(member_id, secret) ─▶ shard ─▶ bucket: a line of 16 × (tag, slot number) ─▶ slot
 *
 * The index is a hint: the slot has the member's id, and what a reader takes from it is whole and of
 * that member, or nothing. Hence writers may change both under a reader's feet, in any order, as long
 * as no member is ever in two slots of one generation.
 *
 * Slot numbers begin at 1; 0 is none. Slots of one number lie side by side for all shards, so that
 * memory is touched from one end while the cache grows.
 */
#pragma once

#include "base/hash.h"
#include "cache/cache.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#define LINE_BYTES     64
#define RECORD_WORDS   (HOT_BYTES_MAX / 8)
#define BUCKET_WORDS   (LINE_BYTES / 8)
#define BUCKET_ENTRIES (2 * BUCKET_WORDS)
#define BUCKET_FILL \
	10 /* entries of a bucket when all slots are taken: the next bucket is rarely used */
#define COUNT_STRIPES 16

_Static_assert(HOT_BYTES_MAX % 8 == 0, "records are copied by words");

/* A seqlock: `seq` is odd while the atomics below it are written. Fences are unknown to TSan, so the
 * order comes from the words themselves: stored with release, loaded with acquire. */
struct slot {
	_Atomic uint32_t seq;
	_Atomic uint8_t seen; /* looked up since the hand passed */
	uint32_t newer, older; /* under the shard's lock */
	_Atomic int64_t member_id;
	_Atomic uint64_t meta; /* generation << 32 | len */
	_Atomic uint64_t words[RECORD_WORDS];
};

struct shard {
	alignas(LINE_BYTES) pthread_mutex_t lock; /* guards the rest; figures are read without it */
	_Atomic uint32_t generation; /* that its slots are of, all others are void */
	uint32_t taken; /* numbers up to it are in use or in `free` */
	uint32_t free; /* by `older` */
	uint32_t newest, oldest, hand;
	_Atomic uint32_t touched; /* most of `taken` ever */
	_Atomic int64_t entries, fills, fills_dropped, tells, evictions;
};

struct absent {
	_Atomic int64_t member_id;
	_Atomic uint64_t
		until; /* generation's low 24 bits << 40 | ms since the cache was made; 0: none */
};

/* What look-ups count, apart for threads. */
struct count_stripe {
	alignas(LINE_BYTES) _Atomic int64_t hits;
	_Atomic int64_t misses, absent_hits;
};

struct cache {
	/* set by create */
	uint32_t magic;
	uint32_t n_shards; /* a power of two */
	uint32_t n_slots, n_buckets; /* of a shard */
	uint32_t slot_mask, slot_bits; /* of an entry of the index: the rest is the tag */
	uint32_t n_marks, n_absents; /* of a shard; powers of two */
	uint64_t seeds[3];
	int64_t made_at_ns;
	uint64_t absent_ttl_ms;
	struct shard *shards;
	struct slot *slots;
	_Atomic uint64_t *index;
	_Atomic uint32_t *marks;
	struct absent *absents;
	size_t fixed_bytes;
	void *map;
	size_t map_bytes;
	/* changes, rarely */
	alignas(LINE_BYTES) _Atomic uint32_t generation;
	/* changes all the time */
	struct count_stripe counts[COUNT_STRIPES];
};

/* The hash's bits: 0.. shard, 12.. tag, 20.. mark and absence, 32.. bucket. Where they overlap, two
 * parts of the table tell the same apart, no more. */
static inline uint32_t shard_of(const struct cache *cache, uint64_t hash)
{
	return (uint32_t)hash & (cache->n_shards - 1);
}

static inline struct slot *slot_at(const struct cache *cache, uint32_t shard, uint32_t number)
{
	return &cache->slots[(size_t)(number - 1) * cache->n_shards + shard];
}

static inline uint32_t tag_of(const struct cache *cache, uint64_t hash)
{
	return (uint32_t)(hash >> 12) << cache->slot_bits;
}

/* way 0: where an entry belongs; 1: where it goes when that is full. */
static inline _Atomic uint64_t *bucket_of(const struct cache *cache, uint64_t hash, int way)
{
	uint64_t place = (way == 0 ? hash : hash_spread(hash)) >> 32;
	size_t bucket = (size_t)((place * cache->n_buckets) >> 32);

	return &cache->index[((size_t)shard_of(cache, hash) * cache->n_buckets + bucket) *
			     BUCKET_WORDS];
}

/* A shard's counter, with its lock held: one writer at a time needs no locked instruction. */
static inline void count_locked(_Atomic int64_t *counter, int64_t by)
{
	int64_t value = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, value + by, memory_order_relaxed);
}

/* All of the following with the shard's lock held. */

/* The member's slot, or 0. */
uint32_t table_find(const struct cache *cache, uint64_t hash, int64_t member_id);
/* A member who has none gets one; others may have to go. */
void table_add(struct cache *cache, uint64_t hash, int64_t member_id,
	       const struct hot_bytes *record);
/* Newer bytes of the member in this slot. */
void table_replace(struct cache *cache, uint64_t hash, uint32_t number,
		   const struct hot_bytes *record);
void table_remove(struct cache *cache, uint64_t hash, uint32_t number);
/* Empties a shard; readers already take its slots for void. */
void table_clear(struct cache *cache, uint32_t shard);

uint64_t cache_hash(const struct cache *cache, int64_t member_id);
