/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_ledger: activities of a busy member, the same ones whenever it runs.
 *
 * Memory:   all in the arena given; the member's reference is borrowed.
 */
#pragma once

#include "base/arena.h"
#include "memberd/v1/scoring_service.pb-c.h"

#include <stddef.h>
#include <stdint.h>

/* Number `i` of n activities that are spread over the 14 months before now (seconds since 1970). */
Memberd__V1__Activity *bench_activity(struct arena *arena, Memberd__V1__MemberRef *member,
				      char *other_member, size_t i, size_t n, int64_t now);
/* An order of food of today, which counts at once. */
Memberd__V1__Activity *bench_order(struct arena *arena, Memberd__V1__MemberRef *member, size_t i,
				   int64_t now);
