/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_impl: what record.c (a batch of activities) and record_keys.c (was it told before?) share.
 */
#pragma once

#include "repository/inner.h"

struct batch {
	struct repository_record *req;
	bool previewed; /* nothing is written */
	struct store_view *view;
	const struct policy_list *policies;
	int64_t now;
	int64_t *members; /* of items; 0: refused, or done */
	/* of the member whose turn it is */
	struct ledger ledger;
	size_t n_stored; /* entries of it that the store has; those behind are previewed */
	bool changed; /* an item was accepted */
	size_t *entries; /* of items, index into the ledger's; SIZE_MAX: refused */
	const struct member *outlook; /* of a preview: after the last item, with the schedule */
};

/* record_keys.c; of a payload that is the item's activity. *index: of the entry that its key names, which
 * the item then tells as replayed; SIZE_MAX when the key is new. */
enum mb_code find_replay(struct batch *batch, struct record_item *item, struct str payload,
			 struct arena *scratch, size_t *index, struct mb_err *err);
