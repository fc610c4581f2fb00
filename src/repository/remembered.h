/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remembered: the last revision that is known of some members, so that an older one is not believed.
 * Where two share a place the later one has it.
 *
 * Threads:  the loop's.
 */
#pragma once

#include "base/hash.h"

#include <stdint.h>

#define REMEMBERED (1u << 16)

struct remembered {
	int64_t member_id, revision;
};

/* Where he is, if anywhere, in a table of REMEMBERED. */
static inline struct remembered *remembered_of(struct remembered *table, int64_t member_id)
{
	return &table[hash_spread((uint64_t)member_id) >> 48];
}

static inline void remember(struct remembered *table, int64_t member_id, int64_t revision)
{
	*remembered_of(table, member_id) = (struct remembered){member_id, revision};
}
