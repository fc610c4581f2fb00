/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_keys: an activity whose key is known is a replay when its content is the same, else a conflict.
 */
#include "repository/record_impl.h"

#include "domain/payload.h"

#include <assert.h>

/* A payload of an older form is put into today's, so that the same content is always the same. */
static enum mb_code same_content(struct str stored, struct str sent, struct arena *arena,
				 bool *same, struct mb_err *err)
{
	struct activity activity;
	struct str again;
	enum mb_code code;

	if (str_eq(stored, sent) || (stored.len > 0 && stored.ptr[0] == PAYLOAD_VERSION)) {
		*same = str_eq(stored, sent);
		return MB_OK;
	}
	code = payload_decode(stored, arena, &activity, err);
	if (code == MB_OK) {
		code = payload_encode(&activity, arena, &again, err);
	}
	if (code == MB_OK) {
		*same = str_eq(again, sent);
	}
	return code;
}

static size_t index_of_entry(const struct ledger *ledger, int64_t entry_id)
{
	size_t i = 0;

	while (i < ledger->n && ledger->entries[i].entry_id != entry_id) {
		i++;
	}
	assert(i < ledger->n); /* it was found in the same transaction */
	return i;
}

/* What a preview took in before has no row but a place in the ledger. */
static enum mb_code find_previewed(const struct batch *batch, const struct activity *activity,
				   struct arena *scratch, struct entry_row *row, bool *found,
				   struct mb_err *err)
{
	const struct ledger *ledger = &batch->ledger;

	for (size_t i = batch->n_stored; i < ledger->n; i++) {
		const struct entry *entry = &ledger->entries[i];

		if (str_eq(entry->activity.source_event_id, activity->source_event_id) &&
		    str_eq(entry->activity.source, activity->source)) {
			*found = true;
			row->entry_id = entry->entry_id;
			row->revision = 0;
			return payload_encode(&entry->activity, scratch, &row->payload, err);
		}
	}
	return MB_OK;
}

static enum mb_code find_told(const struct batch *batch, const struct activity *activity,
			      struct arena *scratch, struct entry_row *row, bool *found,
			      struct mb_err *err)
{
	enum mb_code code =
		store_get_entry(batch->view, batch->ledger.row.member_id, activity->source,
				activity->source_event_id, scratch, row, found, err);

	if (code == MB_OK && !*found && batch->previewed) {
		code = find_previewed(batch, activity, scratch, row, found, err);
	}
	return code;
}

static enum mb_code refuse_conflict(int64_t entry_id, struct mb_err *err)
{
	if (entry_id < 0) {
		return mb_fail_field(err, MB_ACTIVITY_CONFLICT, "source_event_id",
				     "it has other content earlier in this preview");
	}
	return mb_fail_field(err, MB_ACTIVITY_CONFLICT, "source_event_id",
			     "it was told before with other content, as entry %lld",
			     (long long)entry_id);
}

enum mb_code find_replay(struct batch *batch, struct record_item *item, struct str payload,
			 struct arena *scratch, size_t *index, struct mb_err *err)
{
	struct ledger *ledger = &batch->ledger;
	struct entry_row row;
	bool found = false, same = false;
	enum mb_code code = find_told(batch, &item->activity, scratch, &row, &found, err);

	*index = SIZE_MAX;
	if (code != MB_OK || !found) {
		return code;
	}
	code = same_content(row.payload, payload, scratch, &same, err);
	if (code == MB_OK && !same) {
		code = refuse_conflict(row.entry_id, err);
	}
	if (code != MB_OK) {
		return code;
	}
	item->entry_id = row.entry_id;
	item->revision = row.revision;
	item->replayed = true;
	*index = index_of_entry(ledger, row.entry_id);
	return MB_OK;
}
