/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload: the canonical form of an activity, as the ledger keeps it. Same content = equal bytes.
 *
 * The first byte is the version of the form. Within a version the encoding is deterministic: fixed
 * field order, lines by line number, minimal integers. Source, source_event_id and occurred_at are
 * part of it; the member, receipt time and request metadata are not.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "domain/activity.h"

#define PAYLOAD_VERSION 1

/* Bytes in the arena; out untouched on failure (arena only). */
enum mb_code payload_encode(const struct activity *activity, struct arena *arena, struct str *out,
			    struct mb_err *err);
/* The texts of *out point into `bytes`; arrays are in the arena. MB_INTERNAL with a story when the
 * bytes are no payload of a known version: a defect of the store, never undefined behaviour. */
enum mb_code payload_decode(struct str bytes, struct arena *arena, struct activity *out,
			    struct mb_err *err);
