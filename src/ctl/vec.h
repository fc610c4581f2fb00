/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vec: makes room for one more element in an array on the heap.
 */
#pragma once

#include "base/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* False when memory is short; the array then stays as it was. `array` is the address of the pointer. */
static inline bool vec_reserve(void *array, size_t n, size_t *cap, size_t size)
{
	void **pointer = array, *grown;
	size_t wanted = *cap == 0 ? 64 : *cap * 2;

	if (n < *cap) {
		return true;
	}
	if (wanted > SIZE_MAX / 2 / size || FAULT("ctl.vec")) {
		return false;
	}
	grown = realloc(*pointer, wanted * size);
	if (grown == NULL) {
		return false;
	}
	*pointer = grown;
	*cap = wanted;
	return true;
}
