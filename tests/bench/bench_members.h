/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_members: the ids of the members of a data set; bodies.py computes them, too.
 */
#pragma once

#include "base/hash.h"
#include "domain/id.h"

#include <stddef.h>

#define BENCH_FIRST_MS INT64_C(50000000000) /* after ID_EPOCH_MS */

/* They rise with i. */
static inline int64_t bench_member_id(size_t i)
{
	return id_make((ID_EPOCH_MS + BENCH_FIRST_MS + (int64_t)i) * 1000,
		       (uint32_t)hash_mix((uint64_t)i));
}
