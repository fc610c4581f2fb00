/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append: an activity that was judged and fits goes into its ledger, and what then holds of the
 * member is written and told. One place for what platforms tell and for what people decide.
 */
#include "repository/inner.h"

#define ID_DRAWS 16 /* more collisions in a row are no accident */

static enum mb_code add_entry_row(const struct ledger *ledger, struct store_view *view,
				  struct entry *entry, struct str payload, struct mb_err *err)
{
	const struct activity *activity = &entry->activity;
	struct entry_row row = {.member_id = ledger->row.member_id,
				.revision = entry->revision,
				.kind = (int32_t)activity->kind,
				.source = activity->source,
				.source_event_id = activity->source_event_id,
				.order_source = activity->order_source,
				.order_id = activity->order_id,
				.occurred_at = activity->occurred_at,
				.known_at = entry->known_at,
				.payload = payload};

	for (int i = 0; i < ID_DRAWS; i++) {
		enum mb_code code = draw_id(entry->known_at, &row.entry_id, err);

		entry->entry_id = row.entry_id;
		if (code == MB_OK) {
			code = store_add_entry(view, &row, err);
		}
		/* The key is new, so what is taken is the id. */
		if (code != MB_ACTIVITY_CONFLICT) {
			return code;
		}
	}
	return mb_fail(err, MB_INTERNAL, "%d ids in a row were taken", ID_DRAWS);
}

enum mb_code ledger_accept(struct ledger *ledger, struct store_view *view,
			   const struct activity *activity, struct str payload, struct mb_err *err)
{
	struct member_row *row = &ledger->row;
	struct entry entry = {.revision = row->revision + 1,
			      .known_at = store_view_now(view),
			      .activity = *activity};
	const struct outbox_row outbox = {.member_id = row->member_id,
					  .revision = entry.revision,
					  .kind = OUTBOX_ENTRY,
					  .effective_at = activity->occurred_at,
					  .known_at = entry.known_at};
	enum mb_code code = add_entry_row(ledger, view, &entry, payload, err);

	if (code == MB_OK) {
		code = store_add_outbox(view, &outbox, err);
	}
	if (code == MB_OK) {
		code = ledger_append(ledger, &entry, err);
	}
	if (code == MB_OK) {
		row->revision = entry.revision;
	}
	return code;
}

enum mb_code ledger_settle(struct ledger *ledger, struct store_view *view,
			   const struct policy_list *policies, const struct fold *fold,
			   struct mb_err *err)
{
	enum mb_code code;

	ledger_project(ledger, policies, fold, fold->next_told);
	code = store_put_member(view, &ledger->row, err);
	if (code == MB_OK) {
		code = tell_history(view, ledger, fold, err);
	}
	return code == MB_OK ? ledger_keep_checkpoint(ledger, view, policies, err) : code;
}
