/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intern: gives texts (or pairs of them) dense numbers 0, 1, 2 … in the order of their first
 * coming. Private to the domain.
 *
 * Memory:   in the arena given; the texts are borrowed as long as the table is used.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#include <stdint.h>

#define INTERN_NONE (-1)

struct intern_key {
	struct str a, b;
	uint64_t hash;
};

/* Zero-initialise, but for the arena. */
struct intern {
	struct arena *arena;
	struct intern_key *keys; /* by number */
	int32_t *slots; /* number + 1, 0 empty; n_slots is 0 or a power of two, at most half full */
	size_t n_slots;
	int32_t n;
};

/* Goes on with a hash over a text; for tables of other keys. */
uint64_t intern_hash(uint64_t hash, struct str text);

/* The pair's number, a new one if need be; INTERN_NONE when the arena refused. */
int32_t intern_put(struct intern *table, struct str a, struct str b);
/* INTERN_NONE when it is not there. */
int32_t intern_find(const struct intern *table, struct str a, struct str b);
