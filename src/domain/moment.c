/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/moment.h"

#include <string.h>

static bool after(const struct moment *a, const struct moment *b)
{
	return a->at != b->at ? a->at > b->at : a->rank > b->rank;
}

/* Merges from[low .. middle) and from[middle .. high) into to. */
static void merge(const struct moment *from, struct moment *to, size_t low, size_t middle,
		  size_t high)
{
	size_t left = low, right = middle;

	if (middle >= high || !after(&from[middle - 1], &from[middle])) {
		memcpy(&to[low], &from[low], (high - low) * sizeof(*to));
		return;
	}
	for (size_t i = low; i < high; i++) {
		if (right == high || (left < middle && !after(&from[left], &from[right]))) {
			to[i] = from[left++];
		} else {
			to[i] = from[right++];
		}
	}
}

bool moments_sort(struct moment *moments, size_t n, struct arena *arena)
{
	struct moment *from = moments, *to;
	size_t sorted = 1;

	while (sorted < n && !after(&moments[sorted - 1], &moments[sorted])) {
		sorted++;
	}
	if (sorted >= n) {
		return true;
	}
	to = arena_array(arena, n, sizeof(*to));
	if (to == NULL) {
		return false;
	}
	for (size_t width = 1; width < n; width *= 2) {
		struct moment *swap = from;

		for (size_t low = 0; low < n; low += 2 * width) {
			size_t middle = low + width < n ? low + width : n;
			size_t high = low + 2 * width < n ? low + 2 * width : n;

			merge(from, to, low, middle, high);
		}
		from = to;
		to = swap;
	}
	if (from != moments) {
		memcpy(moments, from, n * sizeof(*moments));
	}
	return true;
}
