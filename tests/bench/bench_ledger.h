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

/* Number `i` of n activities of all kinds that are spread over the 14 months before now (seconds
 * since 1970). The other member opens what this one shares, asks and votes. */
Memberd__V1__Activity *bench_activity(struct arena *arena, Memberd__V1__MemberRef *member,
				      Memberd__V1__MemberRef *other, size_t i, size_t n,
				      int64_t now);
/* An order of food of two days ago, which counts at once. */
Memberd__V1__Activity *bench_order(struct arena *arena, Memberd__V1__MemberRef *member, size_t i,
				   int64_t now);
