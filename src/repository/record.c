/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: activities into ledgers, a whole batch in one transaction.
 *
 * Each item in turn, in the contract's order: member, key (a replay is answered at any age), window,
 * content. An item that is refused leaves no trace and does not disturb the others; what is wrong
 * with the store ends the batch, and nothing of it is kept. After the last item each member that was
 * touched is folded once: that gives states, score and tier of all his items, and what of his
 * history has to be told.
 */
#include "repository/inner.h"

#include "domain/payload.h"

#include <assert.h>

#define ID_DRAWS 16

/* A member of the batch. */
struct touched {
	struct ledger ledger;
	bool changed; /* an item was accepted */
	bool answers; /* an item is to be answered with his standing */
	const struct member *member;
	const enum entry_state *states; /* after the batch, of ledger.entries */
};

struct batch {
	struct repository_record *req;
	struct store_view *view;
	const struct policy_list *policies;
	int64_t now;
	struct touched *members;
	size_t n;
	struct touched **of_item; /* NULL for refused ones */
	size_t *entry_of_item; /* index into the ledger's entries */
};

/* ---- members of the batch ---- */

static struct touched *find_touched(struct batch *batch, int64_t member_id)
{
	for (size_t i = 0; i < batch->n; i++) {
		if (batch->members[i].ledger.row.member_id == member_id) {
			return &batch->members[i];
		}
	}
	return NULL;
}

/* The ledger of whom the item names; loaded once in a batch. */
static enum mb_code touch_member(struct batch *batch, const struct member_ref *ref,
				 struct touched **out, struct mb_err *err)
{
	struct touched *fresh = &batch->members[batch->n];
	struct touched *known = ref->member_id != 0 ? find_touched(batch, ref->member_id) : NULL;
	enum mb_code code;

	if (known != NULL) {
		*out = known;
		return MB_OK;
	}
	*fresh = (struct touched){0};
	code = ledger_init(&fresh->ledger, batch->req->call.repository, err);
	if (code != MB_OK) {
		return code;
	}
	code = resolve_member(&batch->req->call, batch->view, ref, fresh->ledger.arena,
			      &fresh->ledger.row, err);
	known = code == MB_OK ? find_touched(batch, fresh->ledger.row.member_id) : NULL;
	if (code == MB_OK && known == NULL) {
		code = ledger_load(&fresh->ledger, batch->view, err);
	}
	if (code != MB_OK || known != NULL) {
		ledger_fini(&fresh->ledger);
		*out = known;
		return code;
	}
	batch->n++;
	*out = fresh;
	return MB_OK;
}

/* ---- keys ---- */

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

/* *index: of the entry that the key names; SIZE_MAX when it is new. */
static enum mb_code find_replay(struct batch *batch, struct touched *touched,
				struct record_item *item, struct str payload, size_t *index,
				struct mb_err *err)
{
	struct ledger *ledger = &touched->ledger;
	struct entry_row row;
	bool found = false, same = false;
	enum mb_code code =
		store_get_entry(batch->view, ledger->row.member_id, item->activity.source,
				item->activity.source_event_id, ledger->arena, &row, &found, err);

	*index = SIZE_MAX;
	if (code != MB_OK || !found) {
		return code;
	}
	code = same_content(row.payload, payload, ledger->arena, &same, err);
	if (code == MB_OK && !same) {
		code = mb_fail_field(err, MB_ACTIVITY_CONFLICT, "source_event_id",
				     "it was told before with other content, as entry %lld",
				     (long long)row.entry_id);
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

/* ---- new entries ---- */

static enum mb_code add_entry_row(struct batch *batch, const struct touched *touched,
				  struct entry *entry, struct str payload, struct mb_err *err)
{
	const struct activity *activity = &entry->activity;
	struct entry_row row = {.member_id = touched->ledger.row.member_id,
				.revision = entry->revision,
				.kind = (int32_t)activity->kind,
				.source = activity->source,
				.source_event_id = activity->source_event_id,
				.order_source = activity->order_source,
				.order_id = activity->order_id,
				.occurred_at = activity->occurred_at,
				.known_at = batch->now,
				.payload = payload};

	for (int i = 0; i < ID_DRAWS; i++) {
		enum mb_code code = draw_id(batch->now, &row.entry_id, err);

		entry->entry_id = row.entry_id;
		if (code == MB_OK) {
			code = store_add_entry(batch->view, &row, err);
		}
		/* The key is new, so what is taken is the id. */
		if (code != MB_ACTIVITY_CONFLICT) {
			return code;
		}
	}
	return mb_fail(err, MB_INTERNAL, "%d ids in a row were taken", ID_DRAWS);
}

static enum mb_code note_woken(struct batch *batch, const struct touched *touched,
			       const struct verdict *verdict, struct record_item *item,
			       struct mb_err *err)
{
	struct record_woken *woken =
		arena_array(batch->req->call.arena, verdict->n_woken, sizeof(*woken));

	if (woken == NULL) {
		return arena_fail(batch->req->call.arena, err);
	}
	for (size_t i = 0; i < verdict->n_woken; i++) {
		const struct entry *entry = &touched->ledger.entries[verdict->woken[i].entry];
		enum mb_code code;

		woken[i].entry_id = entry->entry_id;
		woken[i].state = verdict->woken[i].state;
		code = dup_str(batch->req->call.arena, entry->activity.source, &woken[i].source,
			       err);
		if (code == MB_OK) {
			code = dup_str(batch->req->call.arena, entry->activity.source_event_id,
				       &woken[i].source_event_id, err);
		}
		if (code != MB_OK) {
			return code;
		}
	}
	item->woken = woken;
	item->n_woken = verdict->n_woken;
	return MB_OK;
}

static enum mb_code accept_entry(struct batch *batch, struct touched *touched,
				 struct record_item *item, struct str payload, struct mb_err *err)
{
	struct member_row *row = &touched->ledger.row;
	struct entry entry = {
		.revision = row->revision + 1, .known_at = batch->now, .activity = item->activity};
	const struct outbox_row outbox = {.member_id = row->member_id,
					  .revision = entry.revision,
					  .kind = OUTBOX_ENTRY,
					  .effective_at = item->activity.occurred_at,
					  .known_at = batch->now};
	enum mb_code code = add_entry_row(batch, touched, &entry, payload, err);

	if (code == MB_OK) {
		code = store_add_outbox(batch->view, &outbox, err);
	}
	if (code == MB_OK) {
		code = ledger_append(&touched->ledger, &entry, err);
	}
	if (code == MB_OK) {
		row->revision = entry.revision;
		touched->changed = true;
		item->entry_id = entry.entry_id;
		item->revision = entry.revision;
	}
	return code;
}

/* ---- items ---- */

/* Up to here nothing was written for the item, so its refusal leaves no trace. */
static enum mb_code judge_item(struct batch *batch, struct record_item *item,
			       struct touched **touched, struct str *payload, size_t *index,
			       struct mb_err *err)
{
	struct verdict verdict;
	struct arena *arena;
	enum mb_code code = touch_member(batch, &item->ref, touched, err);

	if (code != MB_OK) {
		return code;
	}
	arena = (*touched)->ledger.arena;
	code = payload_encode(&item->activity, arena, payload, err);
	if (code == MB_OK) {
		code = find_replay(batch, *touched, item, *payload, index, err);
	}
	if (code != MB_OK || *index != SIZE_MAX) {
		return code;
	}
	code = ledger_judge((*touched)->ledger.entries, (*touched)->ledger.n, batch->policies,
			    &item->activity, batch->now, arena, &verdict, err);
	return code == MB_OK ? note_woken(batch, *touched, &verdict, item, err) : code;
}

static bool ends_batch(const struct batch *batch, enum mb_code code)
{
	return code == MB_STORE_UNAVAILABLE || code == MB_STORE_FULL || code == MB_INTERNAL ||
	       arena_overflowed(batch->req->call.arena);
}

static enum mb_code take_item(struct batch *batch, size_t i, struct mb_err *err)
{
	struct record_item *item = &batch->req->items[i];
	struct touched *touched = NULL;
	struct str payload;
	size_t index = SIZE_MAX;
	enum mb_code code = judge_item(batch, item, &touched, &payload, &index, &item->err);

	if (code != MB_OK) {
		item->code = code;
		if (ends_batch(batch, code)) {
			*err = item->err;
			return code;
		}
		return MB_OK;
	}
	if (index == SIZE_MAX) {
		code = accept_entry(batch, touched, item, payload, err);
		index = touched->ledger.n - 1;
	}
	touched->answers = true;
	batch->of_item[i] = touched;
	batch->entry_of_item[i] = index;
	return code;
}

/* ---- after the last item ---- */

static enum mb_code settle_member(struct batch *batch, struct touched *touched, struct mb_err *err)
{
	struct ledger *ledger = &touched->ledger;
	struct fold fold;
	enum mb_code code = ledger_fold(ledger, batch->policies, batch->now, false, &fold, err);

	if (code == MB_OK && touched->changed) {
		code = store_put_member(batch->view, &ledger->row, err);
		if (code == MB_OK) {
			code = tell_history(batch->view, ledger->row.member_id, &fold, batch->now,
					    ledger->arena, err);
		}
	}
	if (code == MB_OK) {
		touched->states = fold.states;
		code = describe_member(batch->req->call.repository, batch->view, &ledger->row,
				       &fold, batch->policies, MEMBER_STANDING,
				       batch->req->call.arena, &touched->member, err);
	}
	return code;
}

static enum mb_code settle_batch(struct batch *batch, struct mb_err *err)
{
	enum mb_code code = MB_OK;

	for (size_t i = 0; code == MB_OK && i < batch->n; i++) {
		if (batch->members[i].answers) {
			code = settle_member(batch, &batch->members[i], err);
		}
	}
	for (size_t i = 0; code == MB_OK && i < batch->req->n; i++) {
		struct record_item *item = &batch->req->items[i];

		if (batch->of_item[i] != NULL) {
			item->state = batch->of_item[i]->states[batch->entry_of_item[i]];
			item->member = batch->of_item[i]->member;
		}
	}
	return code;
}

static enum mb_code make_batch(struct repository_record *req, struct store_view *view,
			       struct batch *batch, struct mb_err *err)
{
	struct arena *arena = req->call.arena;

	*batch = (struct batch){
		.req = req,
		.view = view,
		.policies = repository_policies(req->call.repository),
		.now = store_view_now(view),
		.members = arena_array(arena, req->n, sizeof(struct touched)),
		.of_item = arena_array(arena, req->n, sizeof(struct touched *)),
		.entry_of_item = arena_array(arena, req->n, sizeof(size_t)),
	};
	if (batch->members == NULL || batch->of_item == NULL || batch->entry_of_item == NULL) {
		return arena_fail(arena, err);
	}
	return MB_OK;
}

static enum mb_code run_record(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_record *req = (struct repository_record *)CALL_OF_JOB(job);
	struct batch batch;
	enum mb_code code = make_batch(req, view, &batch, err);

	for (size_t i = 0; code == MB_OK && i < req->n; i++) {
		if (req->items[i].code == MB_OK) {
			code = take_item(&batch, i, err);
		}
	}
	if (code == MB_OK) {
		code = settle_batch(&batch, err);
	}
	for (size_t i = 0; i < batch.n; i++) {
		ledger_fini(&batch.members[i].ledger);
	}
	return code;
}

void repository_record(struct repository *repository, struct repository_record *req)
{
	assert(req->n >= 1 && req->n <= BATCH_ITEMS_MAX);
	repository_submit(repository, &req->call, STORE_WRITE, run_record);
}
