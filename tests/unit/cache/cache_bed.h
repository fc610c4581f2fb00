/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_bed: one process's cache for a test, with records that tell what they are. Include after
 * cmocka.h.
 */
#pragma once

#include "cache/cache.h"

#define MIB ((size_t)1 << 20)

/* The cache of the test that runs; set up and torn down around each. */
extern struct cache *cache;
extern const struct hot_bytes nothing;

struct cache *bed_make(size_t bytes, uint64_t absent_ttl_ms);
int set_up(void **state); /* 1 MiB, absences of a minute */
int tear_down(void **state);

/* Whole records, created at three times their revision. */
struct hot_bytes record(int64_t member_id, int64_t revision);
bool fill(int64_t member_id, int64_t revision);
void tell(int64_t member_id, int64_t revision); /* 0: that somebody wrote, not what */
/* The revision of the member's record, which must be whole and his; 0: a miss, -1: absent. */
int64_t look(int64_t member_id);
struct cache_figures figures(void);
