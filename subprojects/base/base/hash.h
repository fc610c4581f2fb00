/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash: numbers spread over all bits, and numbers drawn one after the other. Nothing here is secret:
 * where others choose what is hashed a secret is to be mixed in, as the process's cache does.
 */
#pragma once

#include <stdint.h>

/* 2^64 by the golden ratio: odd, and without rhythm. */
#define HASH_GAMMA UINT64_C(0x9e3779b97f4a7c15)

/* One multiplication: only the high bits come of all bits of x. */
static inline uint64_t hash_spread(uint64_t x)
{
	return x * HASH_GAMMA;
}

/* splitmix64: the first number of the published generator seeded with x. Never changes: stores are
 * laid out by it. */
static inline uint64_t hash_mix(uint64_t x)
{
	x += HASH_GAMMA;
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The generator itself. */
static inline uint64_t hash_draw(uint64_t *seed)
{
	uint64_t drawn = hash_mix(*seed);

	*seed += HASH_GAMMA;
	return drawn;
}
