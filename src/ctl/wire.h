/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: a plan's activities as the API takes them.
 */
#pragma once

#include "memberd/v1/scoring_service.pb-c.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct mapping;
struct plan;

/* activities[i] of the plan, shift_us later. Borrows the plan's texts. NULL when the arena is full. */
Memberd__V1__Activity *wire_activity(const struct mapping *mapping, const struct plan *plan,
				     size_t i, int64_t shift_us, struct arena *arena);
