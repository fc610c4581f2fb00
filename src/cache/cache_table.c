/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who goes: SIEVE. New ones join the queue at its young end; a hand goes from the old end to the young
 * one, forgives whoever was looked up since it came by last and takes the first who was not. A hit
 * moves nobody. docs/hot-members.md has the measurement that chose it.
 */
#include "cache/cache_impl.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Where nearly all were looked up, the hand goes no further at one time: a shard is never locked for
 * long. */
#define HAND_STEPS_MAX 64

static struct shard *shard_at(const struct cache *cache, uint64_t hash)
{
	return &cache->shards[shard_of(cache, hash)];
}

static struct slot *slot_of(const struct cache *cache, uint64_t hash, uint32_t number)
{
	return slot_at(cache, shard_of(cache, hash), number);
}

/* ---- slots ---- */

static void write_slot(struct slot *slot, int64_t member_id, uint32_t generation,
		       const struct hot_bytes *record)
{
	uint32_t seq = atomic_load_explicit(&slot->seq, memory_order_relaxed);
	size_t len = record->len;

	assert(len <= HOT_BYTES_MAX);
	atomic_store_explicit(&slot->seq, seq + 1, memory_order_relaxed);
	atomic_store_explicit(&slot->member_id, member_id, memory_order_release);
	atomic_store_explicit(&slot->meta, (uint64_t)generation << 32 | len, memory_order_release);
	for (size_t at = 0; at < len; at += 8) {
		uint64_t word = 0;

		memcpy(&word, record->bytes + at, len - at < 8 ? len - at : 8);
		atomic_store_explicit(&slot->words[at / 8], word, memory_order_release);
	}
	atomic_store_explicit(&slot->seq, seq + 2, memory_order_release);
}

/* ---- the index ---- */

static uint32_t entry_at(_Atomic uint64_t *bucket, int n)
{
	return (uint32_t)(atomic_load_explicit(&bucket[n / 2], memory_order_relaxed) >>
			  (n % 2 * 32));
}

static void set_entry(_Atomic uint64_t *bucket, int n, uint32_t entry)
{
	uint64_t pair = atomic_load_explicit(&bucket[n / 2], memory_order_relaxed);
	int shift = n % 2 * 32;

	pair = (pair & ~(UINT64_C(0xffffffff) << shift)) | (uint64_t)entry << shift;
	atomic_store_explicit(&bucket[n / 2], pair, memory_order_release);
}

/* Puts `entry` in the place of `was` in one of the two buckets. */
static bool swap_entry(const struct cache *cache, uint64_t hash, uint32_t was, uint32_t entry)
{
	for (int way = 0; way < 2; way++) {
		_Atomic uint64_t *bucket = bucket_of(cache, hash, way);

		for (int n = 0; n < BUCKET_ENTRIES; n++) {
			if (entry_at(bucket, n) == was) {
				set_entry(bucket, n, entry);
				return true;
			}
		}
	}
	return false;
}

uint32_t table_find(const struct cache *cache, uint64_t hash, int64_t member_id)
{
	uint32_t tag = tag_of(cache, hash);

	for (int way = 0; way < 2 && cache->n_slots > 0; way++) {
		_Atomic uint64_t *bucket = bucket_of(cache, hash, way);

		for (int n = 0; n < BUCKET_ENTRIES; n++) {
			uint32_t entry = entry_at(bucket, n), number = entry & cache->slot_mask;

			if ((entry & ~cache->slot_mask) == tag && number != 0 &&
			    atomic_load_explicit(&slot_of(cache, hash, number)->member_id,
						 memory_order_relaxed) == member_id) {
				return number;
			}
		}
	}
	return 0;
}

/* ---- the queue ---- */

static void join_queue(const struct cache *cache, uint64_t hash, uint32_t number)
{
	struct shard *shard = shard_at(cache, hash);
	struct slot *slot = slot_of(cache, hash, number);

	slot->newer = 0;
	slot->older = shard->newest;
	if (shard->newest != 0) {
		slot_of(cache, hash, shard->newest)->newer = number;
	} else {
		shard->oldest = number;
	}
	shard->newest = number;
}

static void leave_queue(const struct cache *cache, uint64_t hash, uint32_t number)
{
	struct shard *shard = shard_at(cache, hash);
	const struct slot *slot = slot_of(cache, hash, number);

	if (slot->newer != 0) {
		slot_of(cache, hash, slot->newer)->older = slot->older;
	} else {
		shard->newest = slot->older;
	}
	if (slot->older != 0) {
		slot_of(cache, hash, slot->older)->newer = slot->newer;
	} else {
		shard->oldest = slot->newer;
	}
	if (shard->hand == number) {
		shard->hand = slot->newer;
	}
}

/* Of a shard that has some. */
static uint32_t choose_victim(const struct cache *cache, uint64_t hash)
{
	struct shard *shard = shard_at(cache, hash);

	for (int steps = 0;; steps++) {
		struct slot *slot;

		if (shard->hand == 0) {
			shard->hand = shard->oldest;
		}
		slot = slot_of(cache, hash, shard->hand);
		if (steps == HAND_STEPS_MAX ||
		    atomic_load_explicit(&slot->seen, memory_order_relaxed) == 0) {
			return shard->hand;
		}
		atomic_store_explicit(&slot->seen, 0, memory_order_relaxed);
		shard->hand = slot->newer;
	}
}

/* ---- members ---- */

/* Another member of the shard leaves; his hash is made from the id in his slot. */
static void evict(struct cache *cache, uint64_t hash, uint32_t number)
{
	int64_t member_id = atomic_load_explicit(&slot_of(cache, hash, number)->member_id,
						 memory_order_relaxed);

	table_remove(cache, cache_hash(cache, member_id), number);
	count_locked(&shard_at(cache, hash)->evictions, 1);
}

static uint32_t take_slot(struct cache *cache, uint64_t hash)
{
	struct shard *shard = shard_at(cache, hash);
	uint32_t number;

	if (shard->free == 0 && shard->taken < cache->n_slots) {
		number = ++shard->taken;
		if (number > atomic_load_explicit(&shard->touched, memory_order_relaxed)) {
			atomic_store_explicit(&shard->touched, number, memory_order_relaxed);
		}
		return number;
	}
	if (shard->free == 0) {
		evict(cache, hash, choose_victim(cache, hash));
	}
	number = shard->free;
	shard->free = slot_of(cache, hash, number)->older;
	return number;
}

/* Both buckets are full, which is rare by the index's size: somebody of the first one goes. */
static void make_place(struct cache *cache, uint64_t hash)
{
	_Atomic uint64_t *bucket = bucket_of(cache, hash, 0);
	uint32_t number = 0;

	for (int n = 0; n < BUCKET_ENTRIES; n++) {
		number = entry_at(bucket, n) & cache->slot_mask;
		if (atomic_load_explicit(&slot_of(cache, hash, number)->seen,
					 memory_order_relaxed) == 0) {
			break;
		}
	}
	evict(cache, hash, number);
}

void table_add(struct cache *cache, uint64_t hash, int64_t member_id,
	       const struct hot_bytes *record)
{
	struct shard *shard = shard_at(cache, hash);
	uint32_t number = take_slot(cache, hash);
	struct slot *slot = slot_of(cache, hash, number);

	atomic_store_explicit(&slot->seen, 0, memory_order_relaxed);
	write_slot(slot, member_id, atomic_load_explicit(&shard->generation, memory_order_relaxed),
		   record);
	if (!swap_entry(cache, hash, 0, tag_of(cache, hash) | number)) {
		make_place(cache, hash);
		swap_entry(cache, hash, 0, tag_of(cache, hash) | number);
	}
	join_queue(cache, hash, number);
	count_locked(&shard->entries, 1);
}

void table_replace(struct cache *cache, uint64_t hash, uint32_t number,
		   const struct hot_bytes *record)
{
	struct slot *slot = slot_of(cache, hash, number);
	uint32_t generation =
		atomic_load_explicit(&shard_at(cache, hash)->generation, memory_order_relaxed);

	write_slot(slot, atomic_load_explicit(&slot->member_id, memory_order_relaxed), generation,
		   record);
}

void table_remove(struct cache *cache, uint64_t hash, uint32_t number)
{
	static const struct hot_bytes none;
	struct shard *shard = shard_at(cache, hash);
	struct slot *slot = slot_of(cache, hash, number);

	write_slot(slot, 0, 0, &none);
	swap_entry(cache, hash, tag_of(cache, hash) | number, 0);
	leave_queue(cache, hash, number);
	slot->older = shard->free;
	shard->free = number;
	count_locked(&shard->entries, -1);
}

void table_clear(struct cache *cache, uint32_t which)
{
	struct shard *shard = &cache->shards[which];
	_Atomic uint64_t *index = &cache->index[(size_t)which * cache->n_buckets * BUCKET_WORDS];

	for (size_t i = 0; i < (size_t)cache->n_buckets * BUCKET_WORDS; i++) {
		atomic_store_explicit(&index[i], 0, memory_order_relaxed);
	}
	shard->taken = shard->free = shard->newest = shard->oldest = shard->hand = 0;
	atomic_store_explicit(&shard->entries, 0, memory_order_relaxed);
}
