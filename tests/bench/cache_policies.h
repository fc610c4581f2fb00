/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_policies: who goes from a full cache, by the book: LRU, SIEVE, S3-FIFO; and the process's cache
 * itself on the same requests. Keys are small numbers, so that nothing is hashed.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#define POLICIES(X)         \
	X(LRU, "lru")       \
	X(SIEVE, "sieve")   \
	X(S3FIFO, "s3fifo") \
	X(CACHE, "cache")

enum policy_kind {
#define X(name, text) POLICY_##name,
	POLICIES(X)
#undef X
		POLICIES_END
};

struct trace {
	char name[32];
	uint32_t *keys; /* below n_keys */
	size_t n, n_keys;
	size_t counted_from; /* what comes before it warms up */
};

extern const char *const policy_names[POLICIES_END];

/* Hits among the counted requests, with room for `size` keys. */
int64_t policy_hits(enum policy_kind kind, const struct trace *trace, size_t size);

/* A process's cache with room for about `size` records; *capacity: how many they are. */
struct cache *cache_of_size(size_t size, size_t *capacity);
