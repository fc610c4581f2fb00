/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listed: a page of a member's activities and decisions, the last in canonical order first.
 *
 * Activities may be large, so a page ends early rather than take much memory.
 */
#include "repository/inner.h"

#include "domain/payload.h"

#include <stdlib.h>

/* Bytes of payloads of one page: an answer takes some 20 times as much. */
#define PAGE_BYTES ((size_t)64 << 10)

struct listed {
	const struct entry *entry;
	size_t index;
};

static int compare_last_first(const void *left, const void *right)
{
	const struct listed *a = left, *b = right;

	return activity_cmp(&b->entry->activity, &a->entry->activity);
}

/* All that belongs into the list, in its order; NULL when the arena is used up. */
static struct listed *sort_entries(const struct ledger *ledger, uint32_t kinds, int64_t as_of,
				   size_t *n)
{
	struct listed *listed = arena_array(ledger->arena, ledger->n, sizeof(*listed));

	*n = 0;
	if (listed == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < ledger->n; i++) {
		const struct activity *activity = &ledger->entries[i].activity;

		if ((kinds >> activity->kind & 1) != 0 && activity->occurred_at <= as_of) {
			listed[(*n)++] = (struct listed){&ledger->entries[i], i};
		}
	}
	qsort(listed, *n, sizeof(*listed), compare_last_first);
	return listed;
}

/* The ledger's arena goes with the job; what is answered lives as long as the call. */
static enum mb_code copy_entry(const struct entry *entry, struct arena *arena, struct entry *out,
			       size_t *bytes, struct mb_err *err)
{
	struct str payload;
	enum mb_code code = payload_encode(&entry->activity, arena, &payload, err);

	if (code == MB_OK) {
		*out = *entry;
		*bytes += payload.len;
		code = payload_decode(payload, arena, &out->activity, err);
	}
	return code;
}

enum mb_code describe_activities(const struct ledger *ledger, const struct fold *fold,
				 const struct repository_read *req, int64_t as_of,
				 struct member *out, struct mb_err *err)
{
	size_t n, bytes = 0, at = req->activities_first;
	struct listed *listed = sort_entries(ledger, req->kinds, as_of, &n);
	struct member_activity *activities =
		arena_array(req->call.arena, req->activities_most, sizeof(*activities));
	enum mb_code code = MB_OK;

	if (listed == NULL || activities == NULL) {
		return arena_fail(listed == NULL ? ledger->arena : req->call.arena, err);
	}
	for (; code == MB_OK && at < n && bytes < PAGE_BYTES &&
	       out->n_activities < req->activities_most;
	     at++) {
		struct member_activity *activity = &activities[out->n_activities++];

		activity->state = fold->states[listed[at].index];
		activity->counted = fold->counts[listed[at].index];
		code = copy_entry(listed[at].entry, req->call.arena, &activity->entry, &bytes, err);
	}
	out->activities = activities;
	out->activities_go_on = at < n;
	return code;
}
