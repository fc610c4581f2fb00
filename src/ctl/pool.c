/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pool.h"

#include "base/fault.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 262144

struct pool_block {
	struct pool_block *next;
	size_t used, size;
	char bytes[];
};

void pool_fini(struct pool *pool)
{
	while (pool->blocks != NULL) {
		struct pool_block *next = pool->blocks->next;

		free(pool->blocks);
		pool->blocks = next;
	}
	free(pool->slots);
	*pool = (struct pool){0};
}

/* FNV-1a. The texts come from a file that the user chose to import: no need for a keyed hash. */
static uint64_t hash_text(struct str text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < text.len; i++) {
		hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
	}
	return hash ^ hash >> 32;
}

static struct str *find_slot(struct str *slots, size_t n_slots, struct str text)
{
	size_t i = (size_t)hash_text(text) & (n_slots - 1);

	while (slots[i].ptr != NULL && !str_eq(slots[i], text)) {
		i = (i + 1) & (n_slots - 1);
	}
	return &slots[i];
}

static bool grow_slots(struct pool *pool)
{
	size_t n = pool->n_slots == 0 ? 1024 : 2 * pool->n_slots;
	struct str *slots = FAULT("ctl.pool") ? NULL : calloc(n, sizeof(*slots));

	if (slots == NULL) {
		return false;
	}
	for (size_t i = 0; i < pool->n_slots; i++) {
		if (pool->slots[i].ptr != NULL) {
			*find_slot(slots, n, pool->slots[i]) = pool->slots[i];
		}
	}
	free(pool->slots);
	pool->slots = slots;
	pool->n_slots = n;
	return true;
}

static char *copy_text(struct pool *pool, struct str text)
{
	struct pool_block *block = pool->blocks;
	char *copy;

	if (block == NULL || block->size - block->used <= text.len) {
		size_t size = text.len < BLOCK_BYTES ? BLOCK_BYTES : text.len + 1;

		block = FAULT("ctl.pool") ? NULL : malloc(sizeof(*block) + size);
		if (block == NULL) {
			return NULL;
		}
		block->next = pool->blocks;
		block->used = 0;
		block->size = size;
		pool->blocks = block;
	}
	copy = block->bytes + block->used;
	if (text.len > 0) {
		memcpy(copy, text.ptr, text.len);
	}
	copy[text.len] = '\0';
	block->used += text.len + 1;
	return copy;
}

struct str pool_put(struct pool *pool, struct str text)
{
	struct str *slot;
	char *copy;

	if (pool->n_used * 2 >= pool->n_slots && !grow_slots(pool)) {
		return (struct str){NULL, 0};
	}
	slot = find_slot(pool->slots, pool->n_slots, text);
	if (slot->ptr == NULL) {
		copy = copy_text(pool, text);
		if (copy == NULL) {
			return (struct str){NULL, 0};
		}
		*slot = (struct str){copy, text.len};
		pool->n_used++;
	}
	return *slot;
}
