/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id: member and entry ids, and the virtual buckets. Never changes once data exists: docs/store.md,
 * vectors in tests/unit/domain.
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

#define ID_EPOCH_MS INT64_C(1735689600000) /* 2025-01-01T00:00:00Z */
#define VB_COUNT    4096

/* 42 bits of milliseconds since ID_EPOCH_MS (saturated at both ends) above 21 of random; never 0. */
int64_t id_make(int64_t now_us, uint32_t random);
/* 0..4095: the top 12 bits of splitmix64(member_id). */
int32_t vb_of(int64_t member_id);
/* 0..4095: the top 12 bits of a key that is a keyed hash itself (of an identity); >= 2 bytes. */
int32_t vb_of_key(struct str key);
