/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_policies.h"

#include "cache/cache.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define NONE UINT32_MAX

const char *const policy_names[POLICIES_END] = {
#define X(name, text) text,
	POLICIES(X)
#undef X
};

enum place { OUT, SMALL, MAIN, GHOST };

/* A key's whereabouts, for all policies. */
struct node {
	uint32_t newer, older;
	uint8_t place, seen;
};

struct queue {
	uint32_t newest, oldest;
	size_t n;
};

struct sim {
	struct node *nodes;
	size_t size;
	struct queue small, main, ghost; /* LRU and SIEVE have only `main` */
	uint32_t hand;
};

static void push(struct sim *sim, struct queue *queue, uint32_t key, enum place place)
{
	struct node *node = &sim->nodes[key];

	node->newer = NONE;
	node->older = queue->newest;
	node->place = (uint8_t)place;
	if (queue->newest != NONE) {
		sim->nodes[queue->newest].newer = key;
	} else {
		queue->oldest = key;
	}
	queue->newest = key;
	queue->n++;
}

static void take_out(struct sim *sim, struct queue *queue, uint32_t key)
{
	struct node *node = &sim->nodes[key];

	if (node->newer != NONE) {
		sim->nodes[node->newer].older = node->older;
	} else {
		queue->newest = node->older;
	}
	if (node->older != NONE) {
		sim->nodes[node->older].newer = node->newer;
	} else {
		queue->oldest = node->newer;
	}
	node->place = OUT;
	queue->n--;
}

/* ---- LRU and SIEVE ---- */

static bool ask_lru(struct sim *sim, uint32_t key)
{
	bool hit = sim->nodes[key].place == MAIN;

	if (hit) {
		take_out(sim, &sim->main, key);
	} else if (sim->main.n == sim->size) {
		take_out(sim, &sim->main, sim->main.oldest);
	}
	push(sim, &sim->main, key, MAIN);
	return hit;
}

static bool ask_sieve(struct sim *sim, uint32_t key)
{
	if (sim->nodes[key].place == MAIN) {
		sim->nodes[key].seen = 1;
		return true;
	}
	if (sim->main.n == sim->size) {
		uint32_t at = sim->hand != NONE ? sim->hand : sim->main.oldest;

		while (sim->nodes[at].seen) {
			sim->nodes[at].seen = 0;
			at = sim->nodes[at].newer != NONE ? sim->nodes[at].newer : sim->main.oldest;
		}
		sim->hand = sim->nodes[at].newer;
		take_out(sim, &sim->main, at);
	}
	sim->nodes[key].seen = 0;
	push(sim, &sim->main, key, MAIN);
	return false;
}

/* ---- S3-FIFO ---- */

static void remember(struct sim *sim, uint32_t key)
{
	if (sim->ghost.n >= sim->size - sim->size / 10) {
		take_out(sim, &sim->ghost, sim->ghost.oldest);
	}
	push(sim, &sim->ghost, key, GHOST);
}

static void make_room(struct sim *sim)
{
	while (sim->small.n + sim->main.n >= sim->size) {
		bool from_small = sim->small.n > sim->size / 10 || sim->main.n == 0;
		struct queue *queue = from_small ? &sim->small : &sim->main;
		uint32_t key = queue->oldest;
		uint8_t seen = sim->nodes[key].seen;

		take_out(sim, queue, key);
		if (from_small && seen > 1) {
			sim->nodes[key].seen = 0;
			push(sim, &sim->main, key, MAIN);
		} else if (from_small) {
			remember(sim, key);
		} else if (seen > 0) {
			sim->nodes[key].seen = seen - 1;
			push(sim, &sim->main, key, MAIN);
		}
	}
}

static bool ask_s3fifo(struct sim *sim, uint32_t key)
{
	struct node *node = &sim->nodes[key];
	bool known = node->place == GHOST;

	if (node->place == SMALL || node->place == MAIN) {
		node->seen += node->seen < 3;
		return true;
	}
	if (known) {
		take_out(sim, &sim->ghost, key);
	}
	make_room(sim);
	node->seen = 0;
	push(sim, known ? &sim->main : &sim->small, key, known ? MAIN : SMALL);
	return false;
}

/* ---- the real one ---- */

struct cache *cache_of_size(size_t size, size_t *capacity)
{
	size_t low = 0, high = (size_t)1 << 34;
	struct cache *cache = NULL;
	struct cache_figures figures;

	while (low + 64 < high) {
		size_t middle = low + (high - low) / 2;

		cache_destroy(cache);
		cache = NULL;
		if (cache_create(&(struct cache_options){middle, 1000}, &cache, NULL) != MB_OK) {
			high = middle;
			continue;
		}
		cache_figures(cache, &figures);
		*capacity = (size_t)figures.capacity;
		if (*capacity == size) {
			return cache;
		}
		*(*capacity < size ? &low : &high) = middle;
	}
	return cache;
}

static int64_t ask_cache(const struct trace *trace, size_t size)
{
	struct hot_bytes record = {.len = 96}, out;
	struct cache *cache = cache_of_size(size, &size);
	int64_t hits = 0;

	assert(cache != NULL);
	for (size_t i = 0; i < trace->n; i++) {
		int64_t id = (int64_t)trace->keys[i] + 1;

		if (cache_get(cache, id, &out) == CACHE_HIT) {
			hits += i >= trace->counted_from;
		} else {
			cache_fill(cache, id, cache_mark(cache, id), &record);
		}
	}
	cache_destroy(cache);
	return hits;
}

int64_t policy_hits(enum policy_kind kind, const struct trace *trace, size_t size)
{
	static bool (*const asks[])(struct sim *, uint32_t) = {ask_lru, ask_sieve, ask_s3fifo};
	struct queue empty = {NONE, NONE, 0};
	struct sim sim = {
		.size = size, .small = empty, .main = empty, .ghost = empty, .hand = NONE};
	int64_t hits = 0;

	if (kind == POLICY_CACHE) {
		return ask_cache(trace, size);
	}
	sim.nodes = calloc(trace->n_keys, sizeof(*sim.nodes));
	assert(sim.nodes != NULL);
	for (size_t i = 0; i < trace->n; i++) {
		hits += asks[kind](&sim, trace->keys[i]) && i >= trace->counted_from;
	}
	free(sim.nodes);
	return hits;
}
