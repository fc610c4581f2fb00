/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moment: something that happens at an instant, and sorting a great many of them. Private to the
 * domain.
 */
#pragma once

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct moment {
	int64_t at;
	uint32_t rank; /* order within one instant */
	uint32_t subject; /* what it happens to; an index */
};

/* By (at, rank), stable. Fast where little is out of order. False when the arena refused. */
bool moments_sort(struct moment *moments, size_t n, struct arena *arena);
