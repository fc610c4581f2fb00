/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status: a failure as the google.rpc.Status that callers see, for a whole call (the trailer
 * grpc-status-details-bin) and for one item of a batch alike.
 *
 * Its details: exactly one ErrorInfo (reason from the table of errors, domain "memberd"), a BadRequest
 * when a field is named, a RetryInfo when there is a time to wait. No details on MB_OK.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "google/rpc/status.pb-c.h"

#include <stddef.h>
#include <stdint.h>

#define RPC_STATUS_DOMAIN "memberd"
/* No packed status is longer: text and field of struct mb_err are bounded, and of several violations
 * as many are told as fit, because C core's callers take 8 KiB of trailers. */
#define RPC_STATUS_MAX 4096

/* A message in the arena that borrows nothing of err; NULL when the arena is out of memory. */
Google__Rpc__Status *rpc_status_fill(struct arena *arena, const struct mb_err *err);

/* The serialized status; its size. Needs no arena, so that a call whose arena is used up can still say
 * so. */
size_t rpc_status_pack(const struct mb_err *err, uint8_t out[RPC_STATUS_MAX]);

/* The same with these in the BadRequest instead of err's own field, as many from the first on as fit;
 * n may be 0. Their texts are cleaned in place. */
struct rpc_violation;
size_t rpc_status_pack_violations(const struct mb_err *err, const struct rpc_violation *violations,
				  size_t n, uint8_t out[RPC_STATUS_MAX]);

/* What a caller who looks at nothing but the message reads, NUL-terminated in out: err's own text, or
 * that of its code where it has none, after the path of the field at fault: "lines[1].channel: must be …".
 */
#define RPC_STATUS_TEXT 384
const char *rpc_status_text(const struct mb_err *err, char out[RPC_STATUS_TEXT]);

/* Texts quote what callers sent and are cut to fit: puts '?' for each byte that is not of UTF-8, which
 * no protobuf string may hold, and for each control character, as a text is one line. The functions
 * above do so themselves. */
void rpc_status_clean(struct mb_err *err);
