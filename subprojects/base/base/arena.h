/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: the memory of one request; everything in it ends with it, nothing is freed singly.
 *
 * Memory:   grows in chunks up to a cap, inside a budget shared by all arenas of the process. Past
 *           either, arena_alloc() returns NULL and `overflowed` stays set; the request then ends
 *           with MB_ARENA_FULL (its own cap) or MB_OVERLOADED (the budget).
 * Threads:  an arena belongs to one thread at a time; the budget is shared by all.
 * Debug:    with -Darena_malloc=true every allocation is a malloc of its own, so that
 *           AddressSanitizer sees overruns and use after the end.
 */
#pragma once

#include "base/attr.h"
#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;

/* A limit for all arenas together. Caller's memory; outlives its arenas. */
struct arena_budget {
	size_t limit; /* bytes */
	_Atomic size_t used;
};

void arena_budget_init(struct arena_budget *budget, size_t limit);

/* cap: bytes at most, 0 for no cap of its own. budget may be NULL. NULL when memory is short or the
 * budget is used up. */
struct arena *arena_create(struct arena_budget *budget, size_t cap);
void arena_destroy(struct arena *arena);
/* Empties it, but for its first chunk, and gives the budget all back: it lies ready for another use. */
void arena_rest(struct arena *arena);
/* Its next use, with another cap; false when the budget is used up: then it goes on resting. */
bool arena_wake(struct arena *arena, size_t cap);

/* Zeroed memory aligned for any type, or NULL. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);
/* count * size with the multiplication checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);
void *arena_dup(struct arena *arena, const void *bytes, size_t size);
/* NUL-terminated copies. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *fmt, ...) MB_PRINTF(2, 3);

/* Whether an allocation was ever refused. */
bool arena_overflowed(const struct arena *arena);
/* Fills err for the refused allocation; call only when arena_overflowed(). */
enum mb_code arena_fail(const struct arena *arena, struct mb_err *err);
