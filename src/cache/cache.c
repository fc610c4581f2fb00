/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Happy path: a look-up hashes the id, finds the slot number in one line of the index, copies the
 * record out of the slot, finds its seq unchanged. Two places of memory, no store but the slot's
 * `seen`, if it is not set yet, and a counter.
 *
 * What must never be, and why it is not:
 *
 *     half of a record          the slot's seqlock
 *     another member's          the slot has the id, under the same seqlock
 *     older than what was told  a member has one slot, which is written before tell() returns; a load
 *                               of before has a mark of before, and marks are compared under the lock
 *                               that tells hold
 *     of before forget_all()    every slot and mark has its generation; a look-up asks for the present
 *                               one first. Shards are emptied by the next one who locks them
 */
#include "cache/cache.h"

#include "cache/cache_impl.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define CACHE_MAGIC    0xcac4e001u
#define SHARDS_USUAL   64
#define SHARDS_MAX     4096
#define SHARD_SLOTS_LO 1024
#define SHARD_SLOTS_HI (1 << 18)
#define MARKS	       16384 /* of all shards */
#define ABSENTS	       8192
#define READ_TRIES     16
#define UNTIL_BITS     40
#define HUGE_BYTES     ((size_t)2 << 20)

/* Two rounds of multiply and fold under secrets: who chooses ids cannot choose where they fall. */
uint64_t cache_hash(const struct cache *cache, int64_t member_id)
{
	uint64_t x = ((uint64_t)member_id ^ cache->seeds[0]) * cache->seeds[1];

	x = (x ^ x >> 32) * cache->seeds[2];
	return x ^ x >> 29;
}

static uint32_t present_generation(const struct cache *cache)
{
	return atomic_load_explicit(&cache->generation, memory_order_acquire);
}

/* ---- making ---- */

/* How many slots of a shard fit, the index's last bucket included. */
static uint32_t count_slots(size_t bytes, uint32_t n_shards)
{
	size_t each = bytes / n_shards, slots;

	if (each < LINE_BYTES + sizeof(struct slot)) {
		return 0;
	}
	slots = (each - LINE_BYTES) * BUCKET_FILL /
		(sizeof(struct slot) * BUCKET_FILL + LINE_BYTES);
	return slots < UINT32_MAX / 2 ? (uint32_t)slots : UINT32_MAX / 2;
}

static void choose_sizes(struct cache *cache, size_t bytes)
{
	size_t common =
		sizeof(*cache) + MARKS * sizeof(*cache->marks) + ABSENTS * sizeof(*cache->absents);
	uint32_t n = bytes == 0 ? 16 : SHARDS_USUAL, slots = 0;

	for (;;) {
		size_t fixed = common + n * sizeof(struct shard);

		slots = bytes > fixed ? count_slots(bytes - fixed, n) : 0;
		if (bytes > 0 && slots < SHARD_SLOTS_LO && n > 1 && n <= SHARDS_USUAL) {
			n /= 2;
		} else if (slots > SHARD_SLOTS_HI && n >= SHARDS_USUAL && n < SHARDS_MAX) {
			n *= 2;
		} else {
			break;
		}
	}
	cache->n_shards = n;
	cache->n_slots = slots;
	cache->n_buckets = (slots + BUCKET_FILL - 1) / BUCKET_FILL;
	for (cache->slot_bits = 1; slots >> cache->slot_bits != 0;) {
		cache->slot_bits++;
	}
	cache->slot_mask = (1u << cache->slot_bits) - 1;
	cache->n_marks = MARKS / n;
	cache->n_absents = ABSENTS / n;
	cache->fixed_bytes =
		common + n * sizeof(struct shard) + (size_t)n * cache->n_buckets * LINE_BYTES;
}

/* Where the next part begins; *end moves behind it. */
static size_t carve(size_t *end, size_t n, size_t size)
{
	size_t at = *end;

	*end += (n * size + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	return at;
}

/* All of it in one piece that the system fills with zeros, page by page, as it is touched. */
static enum mb_code map_parts(struct cache *cache, struct mb_err *err)
{
	size_t n = cache->n_shards, end = 0;
	size_t slots = carve(&end, n * cache->n_slots, sizeof(struct slot));
	size_t index = carve(&end, n * cache->n_buckets, LINE_BYTES);
	size_t marks = carve(&end, n * cache->n_marks, sizeof(*cache->marks));
	size_t absents = carve(&end, n * cache->n_absents, sizeof(*cache->absents));
	size_t bytes = end + HUGE_BYTES;
	unsigned char *map = MAP_FAILED;

	if (!FAULT("cache.map") && end < SIZE_MAX / 2) {
		map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (map == MAP_FAILED) {
		return mb_fail(err, MB_FIELD_INVALID, "no memory for a cache of %zu MiB",
			       end >> 20);
	}
	cache->map = map;
	cache->map_bytes = bytes;
	map += (HUGE_BYTES - (uintptr_t)map % HUGE_BYTES) % HUGE_BYTES;
	madvise(map, end, MADV_HUGEPAGE); /* advice: without it look-ups are slower */
	cache->slots = (void *)(map + slots);
	cache->index = (void *)(map + index);
	cache->marks = (void *)(map + marks);
	cache->absents = (void *)(map + absents);
	return MB_OK;
}

static enum mb_code draw_seeds(struct cache *cache, struct mb_err *err)
{
	if (FAULT("cache.random") ||
	    getrandom(cache->seeds, sizeof(cache->seeds), 0) != (ssize_t)sizeof(cache->seeds)) {
		return mb_fail(err, MB_INTERNAL, "the system gives no random numbers");
	}
	cache->seeds[1] |= 1; /* a multiplier that is odd loses nothing */
	cache->seeds[2] |= 1;
	return MB_OK;
}

static enum mb_code make_shards(struct cache *cache, struct mb_err *err)
{
	size_t bytes = cache->n_shards * sizeof(struct shard);

	cache->shards = FAULT("cache.shards") ? NULL : aligned_alloc(LINE_BYTES, bytes);
	if (cache->shards == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory for the cache's shards");
	}
	memset(cache->shards, 0, bytes);
	for (uint32_t i = 0; i < cache->n_shards; i++) {
		pthread_mutex_init(&cache->shards[i].lock, NULL); /* of this kind it cannot fail */
		atomic_init(&cache->shards[i].generation, 1);
	}
	return MB_OK;
}

enum mb_code cache_create(const struct cache_options *options, struct cache **out,
			  struct mb_err *err)
{
	struct cache *cache =
		FAULT("cache.alloc") ? NULL : aligned_alloc(LINE_BYTES, sizeof(*cache));
	enum mb_code code;

	if (cache == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory for the cache");
	}
	memset(cache, 0, sizeof(*cache));
	cache->magic = CACHE_MAGIC;
	cache->made_at_ns = clock_monotonic_ns();
	cache->absent_ttl_ms = options->absent_ttl_ms;
	atomic_init(&cache->generation, 1);
	choose_sizes(cache, options->bytes);
	code = draw_seeds(cache, err);
	code = code == MB_OK ? make_shards(cache, err) : code;
	code = code == MB_OK ? map_parts(cache, err) : code;
	if (code != MB_OK) {
		cache_destroy(cache);
		return code;
	}
	*out = cache;
	return MB_OK;
}

void cache_destroy(struct cache *cache)
{
	if (cache == NULL) {
		return;
	}
	assert(cache->magic == CACHE_MAGIC);
	for (uint32_t i = 0; cache->shards != NULL && i < cache->n_shards; i++) {
		pthread_mutex_destroy(&cache->shards[i].lock);
	}
	if (cache->map != NULL) {
		munmap(cache->map, cache->map_bytes);
	}
	free(cache->shards);
	cache->magic = 0;
	free(cache);
}

/* ---- looking up ---- */

/* Which counters this thread uses: threads' stacks lie far apart. A bad guess costs time, no count. */
static struct count_stripe *count_stripe(struct cache *cache)
{
	unsigned char here;
	uint64_t place = (uint64_t)(uintptr_t)&here >> 16;

	return &cache->counts[hash_spread(place) >> 32 & (COUNT_STRIPES - 1)];
}

static void count(_Atomic int64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* True: a record of this member and generation is in *out, as it was at one moment of this call. */
static bool read_slot(struct slot *slot, int64_t member_id, uint32_t generation,
		      struct hot_bytes *out)
{
	for (int tries = 0; tries < READ_TRIES; tries++) {
		uint32_t seq = atomic_load_explicit(&slot->seq, memory_order_acquire);
		int64_t id = atomic_load_explicit(&slot->member_id, memory_order_acquire);
		uint64_t meta = atomic_load_explicit(&slot->meta, memory_order_acquire);
		size_t len = meta & 0xff;

		if (id != member_id || meta >> 32 != generation) {
			return false; /* another's with a like tag, or void */
		}
		for (size_t i = 0; 8 * i < len; i++) {
			uint64_t word = atomic_load_explicit(&slot->words[i], memory_order_acquire);

			memcpy(out->bytes + 8 * i, &word, sizeof(word));
		}
		if (seq % 2 == 0 && atomic_load_explicit(&slot->seq, memory_order_relaxed) == seq) {
			out->len = (uint8_t)len;
			if (atomic_load_explicit(&slot->seen, memory_order_relaxed) == 0) {
				atomic_store_explicit(&slot->seen, 1, memory_order_relaxed);
			}
			return true;
		}
	}
	return false;
}

/* The next slot that a pair of entries names for this tag, which is taken out of it; 0: none. */
static uint32_t take_number(uint64_t *pair, uint32_t mask, uint32_t tag)
{
	while (*pair != 0) {
		uint32_t entry = (uint32_t)*pair;

		*pair >>= 32;
		if (((entry ^ tag) & ~mask) == 0 && (entry & mask) != 0) {
			return entry & mask;
		}
	}
	return 0;
}

static bool look_up(const struct cache *cache, uint64_t hash, int64_t member_id,
		    uint32_t generation, struct hot_bytes *out)
{
	uint32_t shard = shard_of(cache, hash), tag = tag_of(cache, hash), number;

	for (int way = 0; way < 2; way++) {
		const _Atomic uint64_t *bucket = bucket_of(cache, hash, way);

		for (int i = 0; i < BUCKET_WORDS; i++) {
			uint64_t pair = atomic_load_explicit(&bucket[i], memory_order_acquire);

			while ((number = take_number(&pair, cache->slot_mask, tag)) != 0) {
				if (read_slot(slot_at(cache, shard, number), member_id, generation,
					      out)) {
					return true;
				}
			}
		}
	}
	return false;
}

/* Nearly always the one slot that look_up() will read; few records reach into its fourth line. */
static void expect_slot(const struct cache *cache, uint64_t hash)
{
	const _Atomic uint64_t *bucket = bucket_of(cache, hash, 0);
	uint32_t shard = shard_of(cache, hash), tag = tag_of(cache, hash), number;

	for (int i = 0; i < BUCKET_WORDS; i++) {
		uint64_t pair = atomic_load_explicit(&bucket[i], memory_order_relaxed);

		while ((number = take_number(&pair, cache->slot_mask, tag)) != 0) {
			const char *slot = (const char *)slot_at(cache, shard, number);

			MB_PREFETCH(slot);
			MB_PREFETCH(slot + LINE_BYTES);
			MB_PREFETCH(slot + 2 * LINE_BYTES);
		}
	}
}

void cache_expect(const struct cache *cache, const int64_t *member_ids, size_t n)
{
	if (cache->n_slots == 0) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		MB_PREFETCH(bucket_of(cache, cache_hash(cache, member_ids[i]), 0));
	}
	for (size_t i = 0; i < n; i++) {
		expect_slot(cache, cache_hash(cache, member_ids[i]));
	}
}

/* ---- absences ---- */

static struct absent *absent_at(const struct cache *cache, uint64_t hash)
{
	size_t n = (hash >> 20) & (cache->n_absents - 1);

	return &cache->absents[(size_t)shard_of(cache, hash) * cache->n_absents + n];
}

static uint64_t now_ms(const struct cache *cache)
{
	return (uint64_t)(clock_monotonic_ns() - cache->made_at_ns) / 1000000;
}

/* Whoever changes an absence takes `until` away first and puts it back last, so a reader who finds
 * the id before and after it has that id's. */
static bool is_absent(const struct cache *cache, uint64_t hash, int64_t member_id,
		      uint32_t generation)
{
	const struct absent *absent = absent_at(cache, hash);
	uint64_t until, end;

	if (atomic_load_explicit(&absent->member_id, memory_order_acquire) != member_id) {
		return false;
	}
	until = atomic_load_explicit(&absent->until, memory_order_acquire);
	end = until & ((UINT64_C(1) << UNTIL_BITS) - 1);
	return end != 0 && until >> UNTIL_BITS == (generation & 0xffffff) && now_ms(cache) < end &&
	       atomic_load_explicit(&absent->member_id, memory_order_acquire) == member_id;
}

static void end_absence(struct cache *cache, uint64_t hash, int64_t member_id)
{
	struct absent *absent = absent_at(cache, hash);

	if (atomic_load_explicit(&absent->member_id, memory_order_relaxed) == member_id) {
		atomic_store_explicit(&absent->until, 0, memory_order_release);
	}
}

static void begin_absence(struct cache *cache, uint64_t hash, int64_t member_id,
			  uint32_t generation)
{
	struct absent *absent = absent_at(cache, hash);
	uint64_t end = now_ms(cache) + cache->absent_ttl_ms;
	uint64_t last = (UINT64_C(1) << UNTIL_BITS) - 1;

	end = end < last && cache->absent_ttl_ms < last ? end : last;
	atomic_store_explicit(&absent->until, 0, memory_order_release);
	atomic_store_explicit(&absent->member_id, member_id, memory_order_release);
	atomic_store_explicit(&absent->until, (uint64_t)(generation & 0xffffff) << UNTIL_BITS | end,
			      memory_order_release);
}

enum cache_answer cache_get(struct cache *cache, int64_t member_id, struct hot_bytes *out)
{
	uint32_t generation = present_generation(cache);
	uint64_t hash = cache_hash(cache, member_id);
	struct count_stripe *counts = count_stripe(cache);

	if (cache->n_slots > 0 && look_up(cache, hash, member_id, generation, out)) {
		count(&counts->hits);
		return CACHE_HIT;
	}
	if (is_absent(cache, hash, member_id, generation)) {
		count(&counts->absent_hits);
		return CACHE_ABSENT;
	}
	count(&counts->misses);
	return CACHE_MISS;
}

/* ---- marks ---- */

static _Atomic uint32_t *mark_at(const struct cache *cache, uint64_t hash)
{
	size_t n = (hash >> 20) & (cache->n_marks - 1);

	return &cache->marks[(size_t)shard_of(cache, hash) * cache->n_marks + n];
}

/* The generation, and how much was told of members who share a counter. */
static uint64_t make_mark(const struct cache *cache, uint64_t hash, uint32_t generation)
{
	return (uint64_t)generation << 32 |
	       atomic_load_explicit(mark_at(cache, hash), memory_order_acquire);
}

uint64_t cache_mark(const struct cache *cache, int64_t member_id)
{
	return make_mark(cache, cache_hash(cache, member_id), present_generation(cache));
}

bool cache_holds(const struct cache *cache, int64_t member_id, uint64_t mark)
{
	return cache_mark(cache, member_id) == mark;
}

/* ---- writing ---- */

/* A shard is locked with nothing in it of before the last cache_forget_all() that had returned. One
 * that comes while it is locked makes void what is written meanwhile. */
static struct shard *lock_shard(struct cache *cache, uint64_t hash)
{
	uint32_t which = shard_of(cache, hash), present;
	struct shard *shard = &cache->shards[which];

	pthread_mutex_lock(&shard->lock);
	present = present_generation(cache);
	if (atomic_load_explicit(&shard->generation, memory_order_relaxed) != present) {
		table_clear(cache, which);
		atomic_store_explicit(&shard->generation, present, memory_order_release);
	}
	return shard;
}

static void unlock_shard(struct shard *shard)
{
	pthread_mutex_unlock(&shard->lock);
}

static struct hot_bytes bytes_in(const struct cache *cache, uint64_t hash, uint32_t number)
{
	const struct slot *slot = slot_at(cache, shard_of(cache, hash), number);
	struct hot_bytes bytes = {
		.len = (uint8_t)atomic_load_explicit(&slot->meta, memory_order_relaxed)};

	for (size_t i = 0; 8 * i < bytes.len; i++) {
		uint64_t word = atomic_load_explicit(&slot->words[i], memory_order_relaxed);

		memcpy(bytes.bytes + 8 * i, &word, sizeof(word));
	}
	return bytes;
}

/* How the record compares with the one that lies there. */
static int compare_with(const struct cache *cache, uint64_t hash, uint32_t number,
			const struct hot_bytes *record)
{
	struct hot_bytes there = bytes_in(cache, hash, number);

	return hot_compare(record, &there);
}

/* A load's record for the member; false: the one there is newer. */
static bool put_record(struct cache *cache, uint64_t hash, int64_t member_id,
		       const struct hot_bytes *record)
{
	uint32_t number = table_find(cache, hash, member_id);
	int order = number == 0 ? 1 : compare_with(cache, hash, number, record);

	if (number == 0) {
		table_add(cache, hash, member_id, record);
	} else if (order > 0) {
		table_replace(cache, hash, number, record);
	}
	return order >= 0;
}

bool cache_fill(struct cache *cache, int64_t member_id, uint64_t mark,
		const struct hot_bytes *record)
{
	uint64_t hash = cache_hash(cache, member_id);
	struct shard *shard = lock_shard(cache, hash);
	uint32_t generation = atomic_load_explicit(&shard->generation, memory_order_relaxed);
	bool fresh = mark == make_mark(cache, hash, generation), taken = false;

	if (fresh) {
		end_absence(cache, hash, member_id);
	}
	if (cache->n_slots > 0 && record->len > 0) {
		taken = fresh && put_record(cache, hash, member_id, record);
		count_locked(taken ? &shard->fills : &shard->fills_dropped, 1);
	}
	unlock_shard(shard);
	return taken;
}

bool cache_fill_absent(struct cache *cache, int64_t member_id, uint64_t mark)
{
	uint64_t hash = cache_hash(cache, member_id);
	struct shard *shard = lock_shard(cache, hash);
	uint32_t generation = atomic_load_explicit(&shard->generation, memory_order_relaxed);
	bool fresh = mark == make_mark(cache, hash, generation);
	bool taken = fresh && cache->absent_ttl_ms > 0 && table_find(cache, hash, member_id) == 0;

	if (taken) {
		begin_absence(cache, hash, member_id, generation);
	}
	count_locked(&shard->fills_dropped, !fresh);
	unlock_shard(shard);
	return taken;
}

void cache_tell(struct cache *cache, int64_t member_id, const struct hot_bytes *record)
{
	uint64_t hash = cache_hash(cache, member_id);
	struct shard *shard = lock_shard(cache, hash);
	uint32_t number = table_find(cache, hash, member_id);

	/* under the lock, so that a fill sees both this and what follows, or neither */
	atomic_fetch_add_explicit(mark_at(cache, hash), 1, memory_order_release);
	end_absence(cache, hash, member_id);
	if (number != 0 && record->len == 0) {
		table_remove(cache, hash, number);
	} else if (number != 0 && compare_with(cache, hash, number, record) >= 0) {
		table_replace(cache, hash, number, record);
	}
	count_locked(&shard->tells, 1);
	unlock_shard(shard);
}

void cache_forget_all(struct cache *cache)
{
	atomic_fetch_add_explicit(&cache->generation, 1, memory_order_acq_rel);
}

void cache_figures(const struct cache *cache, struct cache_figures *out)
{
	struct cache_figures sum = {.capacity = (int64_t)cache->n_slots * cache->n_shards,
				    .bytes = (int64_t)cache->fixed_bytes};
	uint32_t generation = present_generation(cache);

	for (int i = 0; i < COUNT_STRIPES; i++) {
		sum.hits += atomic_load_explicit(&cache->counts[i].hits, memory_order_relaxed);
		sum.misses += atomic_load_explicit(&cache->counts[i].misses, memory_order_relaxed);
		sum.absent_hits +=
			atomic_load_explicit(&cache->counts[i].absent_hits, memory_order_relaxed);
	}
	for (uint32_t i = 0; i < cache->n_shards; i++) {
		const struct shard *shard = &cache->shards[i];

		sum.fills += atomic_load_explicit(&shard->fills, memory_order_relaxed);
		sum.fills_dropped +=
			atomic_load_explicit(&shard->fills_dropped, memory_order_relaxed);
		sum.tells += atomic_load_explicit(&shard->tells, memory_order_relaxed);
		sum.evictions += atomic_load_explicit(&shard->evictions, memory_order_relaxed);
		sum.bytes += (int64_t)sizeof(struct slot) *
			     atomic_load_explicit(&shard->touched, memory_order_relaxed);
		if (atomic_load_explicit(&shard->generation, memory_order_acquire) == generation) {
			sum.entries += atomic_load_explicit(&shard->entries, memory_order_relaxed);
		}
	}
	*out = sum;
}
