/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome: what a finished attempt says, from the status and the trailers that came with it.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outcome {
	int grpc_code;
	struct str message; /* grpc-message */
	struct str details; /* grpc-status-details-bin, decoded; empty without one */
	struct str pushback; /* grpc-retry-pushback-ms; empty without one */
	bool connected; /* the channel stands, so that the status is not for want of one */
	const char *target;
};

/* Fills err, whose code is never MB_OK. *may_retry: by what the error says, whatever the call is.
 * Borrows nothing. */
void outcome_read(const struct outcome *outcome, struct mb_err *err, bool *may_retry);
