/* SPDX-License-Identifier: Apache-2.0 */
/* rows: a growing array in an arena. Private to the domain. Zero-initialise, but for the arena. */
#pragma once

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct rows {
	struct arena *arena;
	void *items;
	size_t n, room;
	bool failed; /* an item was refused */
};

/* Room for one more item, zeroed; NULL when the arena refused. */
static inline void *rows_add(struct rows *rows, size_t size)
{
	if (rows->n == rows->room) {
		size_t room = rows->room == 0 ? 8 : rows->room * 2;
		void *items = arena_array(rows->arena, room, size);

		if (items == NULL) {
			rows->failed = true;
			return NULL;
		}
		if (rows->n > 0) {
			memcpy(items, rows->items, rows->n * size);
		}
		rows->items = items;
		rows->room = room;
	}
	return (char *)rows->items + rows->n++ * size;
}
