/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool: texts kept once each. A log repeats its customers, goods and descriptions by the thousand.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>

struct pool_block;

/* Zero-initialise; fini frees. What put() gave lives until then. */
struct pool {
	struct str *slots; /* open addressing; an empty slot has ptr NULL */
	size_t n_slots, n_used;
	struct pool_block *blocks;
};

void pool_fini(struct pool *pool);
/* The pool's copy of a text: equal texts give equal pointers. ptr NULL when memory is short. */
struct str pool_put(struct pool *pool, struct str text);
