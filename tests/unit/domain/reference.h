/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference: the rules for orders once more, written straight from the programme's text, slow and
 * without a line of the code under test (struct declarations apart). For comparing.
 */
#pragma once

#include "domain/fold.h"

#define REFERENCE_HISTORY 256

struct reference {
	struct standing standing;
	struct transition history[REFERENCE_HISTORY];
	size_t n_history;
};

/* The whole ledger at t, each instant computed from nothing. */
void reference_fold(const struct entry *entries, size_t n, const struct policy_list *policies,
		    int64_t t, struct reference *out);
