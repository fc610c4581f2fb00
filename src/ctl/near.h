/* SPDX-License-Identifier: Apache-2.0 */
/*
 * near: which name somebody may have meant who mistyped one.
 */
#pragma once

#include <stddef.h>

#define NEAR_BYTES_MAX 32 /* of a name; longer ones are near to nothing */

/* Remembers the nearest of the names shown to it. Start with text and nothing else. */
struct near {
	const char *text; /* as typed */
	const char *name; /* NULL while none is near enough */
	size_t steps;
};

/* A name is near when at most two letters, and less than half of them, were added, left out, replaced
 * or swapped with the next, or when it begins with the text. Of equals the first stays. */
void near_try(struct near *near, const char *name);
