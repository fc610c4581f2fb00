/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: activities into ledgers, a whole batch in one transaction.
 *
 * First it is found out whom each item means. Then member by member, because members have nothing to
 * do with one another and one ledger in memory is enough: his items in turn, in the contract's order:
 * key (a replay is answered at any age), window, content. An item that is refused leaves no trace and
 * does not disturb the others; what is wrong with the store ends the batch, and nothing of it is
 * kept. After his last item a member is folded once: that gives states, score and tier of all his
 * items, and what of his history has to be told.
 *
 * A preview is the same for one member, in a read job: what it accepts is the ledger's in memory only.
 */
#include "repository/record_impl.h"

#include "domain/checkpoint.h"
#include "domain/payload.h"

#include <assert.h>

/* ---- whom the items mean ---- */

/* What ends the batch; anything else is the business of the item. */
static bool ends_batch(const struct batch *batch, enum mb_code code)
{
	return code == MB_STORE_UNAVAILABLE || code == MB_STORE_FULL || code == MB_INTERNAL ||
	       arena_overflowed(batch->req->call.arena);
}

static enum mb_code refuse_item(struct batch *batch, size_t i, enum mb_code code,
				struct mb_err *err)
{
	struct record_item *item = &batch->req->items[i];

	item->code = code;
	batch->members[i] = 0;
	if (ends_batch(batch, code)) {
		*err = item->err;
		return code;
	}
	return MB_OK;
}

/* Where the id of the other member belongs whom an activity names, and the field that names him. */
static int64_t *named_by(struct activity *activity, const char **field)
{
	switch (activity->kind) {
	case ACTIVITY_OPENING:
		*field = "opening.by";
		return &activity->opening.by;
	case ACTIVITY_ANSWER:
		*field = "answer.asker";
		return &activity->answer.asker;
	case ACTIVITY_VOTE:
		*field = "vote.by";
		return &activity->vote.by;
	default:
		return NULL;
	}
}

static enum mb_code resolve_refs(struct batch *batch, size_t i, struct arena *scratch)
{
	struct record_item *item = &batch->req->items[i];
	struct member_row row;
	const char *field;
	int64_t *named = named_by(&item->activity, &field);
	enum mb_code code = MB_OK;

	if (item->ref.member_id == 0 && item->ref.identity.issuer.len == 0) {
		row = batch->ledger.row; /* of a preview */
	} else {
		code = resolve_member(&batch->req->call, batch->view, &item->ref, scratch, &row,
				      &item->err);
	}
	if (code != MB_OK) {
		return code;
	}
	batch->members[i] = row.member_id;
	if (named == NULL) {
		return MB_OK;
	}
	code = resolve_member(&batch->req->call, batch->view, &item->named, scratch, &row,
			      &item->err);
	if (code == MB_OK) {
		*named = row.member_id;
	} else if (code == MB_MEMBER_NOT_FOUND) {
		mb_err_prefix_field(&item->err, "%s", field);
	}
	return code;
}

static enum mb_code resolve_item(struct batch *batch, size_t i, struct mb_err *err)
{
	struct record_item *item = &batch->req->items[i];
	struct arena *scratch = ledger_arena(batch->req->call.repository, 0, &item->err);
	enum mb_code code = scratch == NULL ? MB_OVERLOADED : resolve_refs(batch, i, scratch);

	arena_destroy(scratch);
	return code == MB_OK ? MB_OK : refuse_item(batch, i, code, err);
}

/* ---- new entries ---- */

static enum mb_code note_woken(struct batch *batch, const struct verdict *verdict,
			       struct record_item *item, struct mb_err *err)
{
	struct record_woken *woken =
		arena_array(batch->req->call.arena, verdict->n_woken, sizeof(*woken));

	if (woken == NULL) {
		return arena_fail(batch->req->call.arena, err);
	}
	for (size_t i = 0; i < verdict->n_woken; i++) {
		const struct entry *entry = &batch->ledger.entries[verdict->woken[i].entry];
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

/* As ledger_accept(), but only in memory; the id, below 0, is one that no stored entry has. */
static enum mb_code suppose_entry(struct batch *batch, const struct activity *activity,
				  struct mb_err *err)
{
	struct ledger *ledger = &batch->ledger;
	const struct entry entry = {.entry_id = -1 - (int64_t)ledger->n,
				    .revision = ledger->row.revision + 1,
				    .known_at = batch->now,
				    .activity = *activity};
	enum mb_code code = ledger_append(ledger, &entry, err);

	if (code == MB_OK) {
		ledger->row.revision = entry.revision;
	}
	return code;
}

static enum mb_code accept_entry(struct batch *batch, struct record_item *item, struct str payload,
				 struct mb_err *err)
{
	enum mb_code code = batch->previewed ? suppose_entry(batch, &item->activity, err)
					     : ledger_accept(&batch->ledger, batch->view,
							     &item->activity, payload, err);

	if (code == MB_OK) {
		const struct entry *entry = &batch->ledger.entries[batch->ledger.n - 1];

		batch->changed = true;
		item->entry_id = entry->entry_id;
		item->revision = batch->previewed ? 0 : entry->revision;
	}
	return code;
}

/* ---- items ---- */

/* Nothing is written for the item, so its refusal leaves no trace. */
static enum mb_code judge_item(struct batch *batch, struct record_item *item, struct arena *scratch,
			       struct str *payload, size_t *index, struct mb_err *err)
{
	struct verdict verdict;
	enum mb_code code = payload_encode(&item->activity, scratch, payload, err);

	if (code == MB_OK) {
		code = find_replay(batch, item, *payload, scratch, index, err);
	}
	if (code != MB_OK || *index != SIZE_MAX) {
		return code;
	}
	code = ledger_judge(&batch->ledger, batch->policies, &item->activity, batch->now, scratch,
			    &verdict, err);
	return code == MB_OK ? note_woken(batch, &verdict, item, err) : code;
}

/* With memory of its own, so that many items need no more than one. */
static enum mb_code take_item(struct batch *batch, size_t i, struct mb_err *err)
{
	struct record_item *item = &batch->req->items[i];
	struct arena *scratch = ledger_arena(batch->req->call.repository, 0, &item->err);
	struct str payload;
	size_t index = SIZE_MAX;
	enum mb_code code =
		scratch == NULL ? MB_OVERLOADED
				: judge_item(batch, item, scratch, &payload, &index, &item->err);

	if (code != MB_OK) {
		code = refuse_item(batch, i, code, err);
	} else if (index == SIZE_MAX) {
		code = accept_entry(batch, item, payload, err);
		index = batch->ledger.n - 1;
	}
	batch->entries[i] = index;
	arena_destroy(scratch);
	return code;
}

/* ---- a member's turn ---- */

static enum mb_code describe(const struct batch *batch, const struct fold *fold, unsigned parts,
			     const struct member **out, struct mb_err *err)
{
	struct member *member = NULL;
	enum mb_code code =
		describe_member(batch->req->call.repository, batch->view, &batch->ledger.row, fold,
				batch->policies, parts, batch->req->call.arena, &member, err);

	*out = member;
	return code;
}

/* What became of the member's items; returns what an answer with them holds. */
static unsigned tell_items(const struct batch *batch, int64_t member_id, const struct fold *fold)
{
	unsigned parts = MEMBER_STANDING | MEMBER_STATES;

	for (size_t i = 0; i < batch->req->n; i++) {
		struct record_item *item = &batch->req->items[i];

		if (batch->members[i] == member_id) {
			item->state = fold->states[batch->entries[i]];
			item->caps =
				fold_caps_at(fold, item->activity.kind, item->activity.occurred_at);
			parts |= item->caps != 0 ? MEMBER_CAPS : 0;
		}
	}
	return parts;
}

static enum mb_code settle_member(struct batch *batch, int64_t member_id, struct mb_err *err)
{
	struct ledger *ledger = &batch->ledger;
	const struct member *member;
	unsigned parts = 0;
	struct fold fold;
	enum mb_code code;

	ledger->want_caps = true;
	code = ledger_fold(ledger, batch->policies, batch->now,
			   batch->previewed ? MEMBER_SCHEDULE_MAX : HOT_CHANGES, &fold, err);

	if (code == MB_OK && batch->changed && !batch->previewed) {
		code = ledger_settle(ledger, batch->view, batch->policies, &fold, err);
		if (code == MB_OK) {
			code = call_tell(&batch->req->call, ledger, err);
		}
	}
	if (code == MB_OK) {
		parts = tell_items(batch, member_id, &fold);
		code = describe(batch, &fold, parts, &member, err);
	}
	if (code == MB_OK && batch->previewed) {
		code = describe(batch, &fold, parts | MEMBER_SCHEDULE, &batch->outlook, err);
	}
	for (size_t i = 0; code == MB_OK && i < batch->req->n; i++) {
		if (batch->members[i] == member_id) {
			batch->req->items[i].member = member;
			batch->members[i] = 0;
		}
	}
	return code;
}

/* *reaches: the item may touch what the ledger left out, or has the key of such an entry. */
static enum mb_code reaches_back(struct batch *batch, const struct record_item *item, bool *reaches,
				 struct mb_err *err)
{
	struct ledger *ledger = &batch->ledger;
	const struct activity *activity = &item->activity;
	struct entry_row row;
	enum mb_code code;

	*reaches = checkpoint_reaches(ledger->base, activity);
	if (*reaches ||
	    !checkpoint_may_know(ledger->base, activity->source, activity->source_event_id)) {
		return MB_OK;
	}
	code = store_get_entry(batch->view, ledger->row.member_id, activity->source,
			       activity->source_event_id, ledger->arena, &row, reaches, err);
	for (size_t i = 0; code == MB_OK && *reaches && i < ledger->n; i++) {
		*reaches = ledger->entries[i].entry_id != row.entry_id;
	}
	return code;
}

/* From a checkpoint, if his items leave alone what it closed. */
static enum mb_code load_enough(struct batch *batch, int64_t member_id, struct mb_err *err)
{
	struct ledger *ledger = &batch->ledger;
	bool reaches = false;
	enum mb_code code = ledger_load_short(ledger, batch->view, batch->policies, err);

	for (size_t i = 0; code == MB_OK && ledger->base != NULL && !reaches && i < batch->req->n;
	     i++) {
		if (batch->members[i] == member_id) {
			code = reaches_back(batch, &batch->req->items[i], &reaches, err);
		}
	}
	return code == MB_OK && reaches ? ledger_load(ledger, batch->view, err) : code;
}

/* The member's ledger; when it cannot be had, each of his items is refused. */
static enum mb_code load_member(struct batch *batch, int64_t member_id, struct mb_err *err)
{
	const struct member_ref ref = {.member_id = member_id};
	struct mb_err story;
	enum mb_code code =
		ledger_init(&batch->ledger, batch->req->call.repository, STORE_WRITE, &story);

	batch->changed = false;
	if (code == MB_OK) {
		code = resolve_member(&batch->req->call, batch->view, &ref, batch->ledger.arena,
				      &batch->ledger.row, &story);
	}
	if (code == MB_OK) {
		code = load_enough(batch, member_id, &story);
	}
	for (size_t i = 0; code != MB_OK && i < batch->req->n; i++) {
		if (batch->members[i] == member_id) {
			batch->req->items[i].err = story;
			if (refuse_item(batch, i, code, err) != MB_OK) {
				return code;
			}
		}
	}
	return MB_OK;
}

static enum mb_code take_member(struct batch *batch, int64_t member_id, struct mb_err *err)
{
	enum mb_code code = load_member(batch, member_id, err);
	bool answers = false;

	for (size_t i = 0; code == MB_OK && i < batch->req->n; i++) {
		if (batch->members[i] == member_id) {
			code = take_item(batch, i, err);
			answers |= batch->members[i] != 0;
		}
	}
	if (code == MB_OK && answers) {
		code = settle_member(batch, member_id, err);
	}
	ledger_fini(&batch->ledger);
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
		.members = arena_array(arena, req->n, sizeof(*batch->members)),
		.entries = arena_array(arena, req->n, sizeof(*batch->entries)),
	};
	if (batch->members == NULL || batch->entries == NULL) {
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
			code = resolve_item(&batch, i, err);
		}
	}
	for (size_t i = 0; code == MB_OK && i < req->n; i++) {
		if (batch.members[i] != 0) {
			code = take_member(&batch, batch.members[i], err);
		}
	}
	return code;
}

void repository_record(struct repository *repository, struct repository_record *req)
{
	assert(req->n >= 1 && req->n <= BATCH_ITEMS_MAX);
	repository_submit(repository, &req->call, STORE_WRITE, run_record);
}

/* ---- previews ---- */

static enum mb_code refuse_other(struct batch *batch, size_t i, struct mb_err *err)
{
	return refuse_item(batch, i,
			   mb_fail_field(&batch->req->items[i].err, MB_FIELD_INVALID, "member",
					 "is another one than that of the preview"),
			   err);
}

/* Items may leave the member out; one of somebody else has no place here. */
static enum mb_code resolve_previewed(struct batch *batch, struct mb_err *err)
{
	int64_t member_id = batch->ledger.row.member_id;
	enum mb_code code = MB_OK;

	for (size_t i = 0; code == MB_OK && i < batch->req->n; i++) {
		if (batch->req->items[i].code != MB_OK) {
			continue;
		}
		code = resolve_item(batch, i, err);
		if (code == MB_OK && batch->members[i] != 0 && batch->members[i] != member_id) {
			code = refuse_other(batch, i, err);
		}
	}
	return code;
}

/* With the memory that a write may take, so that what is too large for the one is for the other. */
static enum mb_code load_previewed(struct batch *batch, const struct repository_preview *req,
				   struct mb_err *err)
{
	struct ledger *ledger = &batch->ledger;
	struct repository_call *call = &batch->req->call;
	enum mb_code code = ledger_init(ledger, call->repository, STORE_WRITE, err);

	if (code == MB_OK) {
		code = resolve_member(call, batch->view, &req->ref, ledger->arena, &ledger->row,
				      err);
	}
	if (code == MB_OK) {
		code = check_revision(req->min_revision, ledger->row.revision, err);
	}
	if (code == MB_OK) {
		code = ledger_load(ledger, batch->view, err);
	}
	batch->n_stored = ledger->n;
	return code;
}

static enum mb_code take_previewed(struct batch *batch, struct mb_err *err)
{
	int64_t revision = batch->ledger.row.revision;
	enum mb_code code = MB_OK;

	for (size_t i = 0; code == MB_OK && i < batch->req->n; i++) {
		if (batch->members[i] != 0) {
			code = take_item(batch, i, err);
		}
	}
	batch->ledger.row.revision = revision; /* which nothing has raised */
	return code == MB_OK ? settle_member(batch, batch->ledger.row.member_id, err) : code;
}

static enum mb_code run_preview(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_preview *req = (struct repository_preview *)CALL_OF_JOB(job);
	struct batch batch;
	enum mb_code code = make_batch(&req->record, view, &batch, err);

	batch.previewed = true;
	if (code == MB_OK) {
		code = load_previewed(&batch, req, err);
	}
	if (code == MB_OK) {
		code = resolve_previewed(&batch, err);
	}
	if (code == MB_OK) {
		code = take_previewed(&batch, err);
	}
	ledger_fini(&batch.ledger);
	req->member = batch.outlook;
	return code;
}

void repository_preview(struct repository *repository, struct repository_preview *req)
{
	assert(req->record.n >= 1 && req->record.n <= BATCH_ITEMS_MAX);
	repository_submit(repository, &req->record.call, STORE_READ, run_preview);
}
