/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warm: fills an empty process cache from Redis, once, after the start.
 *
 * Pages of ids by SCAN, their records in one pipeline, a pause; until Redis has no more or the cache
 * is nearly full. It serves nobody: nothing waits for it, and it ends at the first failure.
 *
 * Threads:  the loop's.
 */
#pragma once

struct redis;
struct repository;
struct warm;

struct warm *warm_create(struct repository *repository); /* NULL: no memory */
void warm_destroy(struct warm *warm);
void warm_open(struct warm *warm, struct redis *redis);
/* Redis is believed; the second time, and without a cache, nothing happens. */
void warm_begin(struct warm *warm);
/* cb runs on the loop once nothing of it does any more; the Redis is closed meanwhile, or later. */
void warm_close(struct warm *warm, void (*cb)(void *data), void *data);
