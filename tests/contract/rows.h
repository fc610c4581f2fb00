/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows: bytes for rows, and how a run() tells what does not hold.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#define HASH(c)                                                                     \
	(struct str)                                                                \
	{                                                                           \
		c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c, 32 \
	}
#define BYTES(literal) ((struct str){literal, sizeof(literal) - 1})

/* run() has no cmocka around it: what does not hold is an error of the job. */
#define CHECK(holds)                                                                       \
	do {                                                                               \
		if (!(holds)) {                                                            \
			return mb_fail(err, MB_INTERNAL, "line %d: %s", __LINE__, #holds); \
		}                                                                          \
	} while (0)
#define OK(call) CHECK((call) == MB_OK)
