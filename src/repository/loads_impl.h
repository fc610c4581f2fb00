/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loads_impl: what loads.c (who waits for what) and fetch.c (where it comes from) share.
 */
#pragma once

#include "repository/inner.h"

#include <uv.h>

#define BUCKETS 4096
#define JOBS	3 /* with the store at once */

enum load_state { LOAD_ASKED, LOAD_QUEUED, LOAD_RUNNING };

struct load {
	struct repository *repository;
	int64_t member_id;
	uint64_t mark; /* of the cache, from before it began */
	int64_t began_ns;
	enum load_state state;
	bool joinable; /* in the table */
	struct load *next; /* of its bucket */
	struct list_node age; /* of loads->all */
	struct list_node node; /* of the queue, the asks, or its job */
	struct list waiters; /* queries */
	struct redis_get get;
	/* out */
	enum mb_code code;
	struct mb_err err;
	struct hot_bytes record;
};

struct load_job {
	struct store_job job;
	struct loads *loads;
	struct list taken;
	struct list_node free;
};

struct loads {
	struct repository *repository;
	uv_async_t async;
	uv_timer_t timer;
	int handles; /* open */
	pthread_mutex_t lock;
	struct load *table[BUCKETS];
	size_t n, most;
	int64_t most_ns; /* that anybody waits for one */
	struct list all; /* the oldest first */
	struct list asks, queue;
	struct list ended; /* reads that are to be called back */
	struct list free_jobs;
	struct load_job jobs[JOBS];
};

/* loads.c; on the loop. The caches are filled, everybody who waits is answered, it is gone. Who was
 * not served is queued: fetch_start() is to follow. */
void loads_end(struct loads *loads, struct load *load);

/* fetch.c */
void fetch_init(struct loads *loads);
/* From the store; with the lock. */
void fetch_enqueue(struct loads *loads, struct load *load);
/* Hands to the store what is queued; from any thread, without the lock. */
void fetch_start(struct loads *loads);
/* From Redis, else from the store; on the loop. */
void fetch_ask(struct loads *loads, struct load *load);
