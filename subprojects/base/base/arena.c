/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAGIC 0x41726e61u
#define CHUNK_FIRST ((size_t)4096)
#define CHUNK_MOST  ((size_t)256 << 10)

struct chunk {
	struct chunk *next;
	size_t size; /* bytes after the header */
	size_t used;
	alignas(max_align_t) char bytes[];
};

struct arena {
	uint32_t magic;
	enum mb_code overflow;
	struct arena_budget *budget;
	size_t cap;
	size_t used; /* handed out */
	size_t taken; /* from malloc and from the budget */
	struct chunk *chunks;
};

void arena_budget_init(struct arena_budget *budget, size_t limit)
{
	budget->limit = limit;
	atomic_init(&budget->used, 0);
}

static bool budget_take(struct arena_budget *budget, size_t size)
{
	size_t before;

	if (budget == NULL) {
		return true;
	}
	before = atomic_fetch_add_explicit(&budget->used, size, memory_order_relaxed);
	if (before + size > budget->limit || before + size < before) {
		atomic_fetch_sub_explicit(&budget->used, size, memory_order_relaxed);
		return false;
	}
	return true;
}

static void budget_give(struct arena_budget *budget, size_t size)
{
	if (budget != NULL) {
		atomic_fetch_sub_explicit(&budget->used, size, memory_order_relaxed);
	}
}

struct arena *arena_create(struct arena_budget *budget, size_t cap)
{
	struct arena *arena;

	if (!budget_take(budget, sizeof(*arena))) {
		return NULL;
	}
	arena = calloc(1, sizeof(*arena));
	if (arena == NULL) {
		budget_give(budget, sizeof(*arena));
		return NULL;
	}
	arena->magic = ARENA_MAGIC;
	arena->budget = budget;
	arena->cap = cap;
	arena->taken = sizeof(*arena);
	return arena;
}

void arena_destroy(struct arena *arena)
{
	struct chunk *chunk, *next;

	if (arena == NULL) {
		return;
	}
	assert(arena->magic == ARENA_MAGIC);
	for (chunk = arena->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	budget_give(arena->budget, arena->taken);
	arena->magic = 0;
	free(arena);
}

/* The first chunk is the last of the list. One that is larger than usual goes too. */
static struct chunk *keep_first(struct chunk *chunk)
{
	while (chunk != NULL && (chunk->next != NULL || chunk->size != CHUNK_FIRST)) {
		struct chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	return chunk;
}

void arena_rest(struct arena *arena)
{
	assert(arena->magic == ARENA_MAGIC);
	arena->chunks = keep_first(arena->chunks);
	if (arena->chunks != NULL) {
		arena->chunks->used = 0;
	}
	budget_give(arena->budget, arena->taken);
	arena->taken = arena->used = 0;
	arena->overflow = MB_OK;
}

bool arena_wake(struct arena *arena, size_t cap)
{
	size_t size = sizeof(*arena);

	assert(arena->magic == ARENA_MAGIC && arena->taken == 0);
	if (arena->chunks != NULL) {
		size += sizeof(*arena->chunks) + arena->chunks->size;
	}
	if (!budget_take(arena->budget, size)) {
		return false;
	}
	arena->taken = size;
	arena->cap = cap;
	return true;
}

static size_t round_up(size_t size)
{
	const size_t align = alignof(max_align_t);

	return (size + align - 1) / align * align;
}

static size_t next_chunk_size(const struct arena *arena, size_t need)
{
	size_t size = CHUNK_FIRST;

#ifdef ARENA_MALLOC
	return need;
#endif
	if (arena->chunks != NULL) {
		size = arena->chunks->size < CHUNK_MOST ? arena->chunks->size * 2 : CHUNK_MOST;
	}
	return size < need ? need : size;
}

static struct chunk *add_chunk(struct arena *arena, size_t need)
{
	size_t size = next_chunk_size(arena, need);
	struct chunk *chunk;

	if (!budget_take(arena->budget, sizeof(*chunk) + size)) {
		size = need;
		if (!budget_take(arena->budget, sizeof(*chunk) + size)) {
			return NULL;
		}
	}
	chunk = malloc(sizeof(*chunk) + size);
	if (chunk == NULL) {
		budget_give(arena->budget, sizeof(*chunk) + size);
		return NULL;
	}
	chunk->size = size;
	chunk->used = 0;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->taken += sizeof(*chunk) + size;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	size_t need;
	void *out;

	assert(arena->magic == ARENA_MAGIC);
	if (size > SIZE_MAX / 2) {
		arena->overflow = MB_ARENA_FULL;
		return NULL;
	}
	need = round_up(size == 0 ? 1 : size);
	if (arena->cap != 0 && (need > arena->cap || arena->used > arena->cap - need)) {
		arena->overflow = MB_ARENA_FULL;
		return NULL;
	}
	if (chunk == NULL || chunk->size - chunk->used < need) {
		chunk = add_chunk(arena, need);
		if (chunk == NULL) {
			arena->overflow = MB_OVERLOADED;
			return NULL;
		}
	}
	out = chunk->bytes + chunk->used;
	chunk->used += need;
	arena->used += need;
	memset(out, 0, need);
	return out;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size) {
		arena->overflow = MB_ARENA_FULL;
		return NULL;
	}
	return arena_alloc(arena, count * size);
}

void *arena_dup(struct arena *arena, const void *bytes, size_t size)
{
	void *out = arena_alloc(arena, size);

	if (out != NULL && size > 0) {
		memcpy(out, bytes, size);
	}
	return out;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *out = len == SIZE_MAX ? NULL : arena_alloc(arena, len + 1);

	if (out != NULL && len > 0) {
		memcpy(out, text, len);
	}
	return out;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args;
	int len;
	char *out;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(len >= 0);
	out = arena_alloc(arena, (size_t)len + 1);
	if (out != NULL) {
		va_start(args, fmt);
		vsnprintf(out, (size_t)len + 1, fmt, args);
		va_end(args);
	}
	return out;
}

bool arena_overflowed(const struct arena *arena)
{
	return arena->overflow != MB_OK;
}

enum mb_code arena_fail(const struct arena *arena, struct mb_err *err)
{
	enum mb_code code = arena->overflow;

	assert(code != MB_OK);
	if (code == MB_ARENA_FULL) {
		return mb_fail(err, code,
			       "the request needs more than its %zu bytes: send a smaller one",
			       arena->cap);
	}
	return mb_fail(err, code, "no memory is left for this request now: send it again later");
}
