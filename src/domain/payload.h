/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload: the canonical form of an activity, as the ledger keeps it. Same content = equal bytes.
 *
 *     payload = version:byte kind:varint field*
 *     field   = tag:varint value           tag = number * 2 + (1 when the value is bytes)
 *     value   = zigzag varint | length:varint byte*
 *
 * Field numbers rise strictly; only the one that holds lines repeats, by rising line number. What is
 * zero or empty is left out and varints are minimal, so every content has exactly one form. A new
 * field or kind takes numbers that were free: the bytes of all activities without it stay as they
 * are, and the version changes only when the meaning of a number would.
 *
 * Source, source_event_id and occurred_at are part of it; the member, receipt time and request
 * metadata are not. The numbers are listed in payload_impl.h and docs/store.md.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "domain/activity.h"

#define PAYLOAD_VERSION 1

/* Bytes in the arena; out untouched on failure: the arena's, or MB_INTERNAL for an activity that
 * payload_decode() would refuse to read, so that nothing unreadable is ever stored. */
enum mb_code payload_encode(const struct activity *activity, struct arena *arena, struct str *out,
			    struct mb_err *err);
/* The texts of *out point into `bytes`; arrays are in the arena. MB_INTERNAL with a story when the
 * bytes are no payload of a known version: a defect of the store, never undefined behaviour. */
enum mb_code payload_decode(struct str bytes, struct arena *arena, struct activity *out,
			    struct mb_err *err);
