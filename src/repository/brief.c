/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brief: the hot record of a member (domain/hot.h), and the part of an answer that it is enough for.
 *
 * Every write folds the ledger anyway; the record of that fold is kept in the member's row, in the
 * same transaction, so a read takes one row instead of a ledger. A row without one that is good now
 * (from before there were records, damaged, of policies that were overtaken, or one that has had its
 * day) is folded; the sweeper or the next write brings it up to date.
 */
#include "repository/inner.h"

#include <string.h>

/* ---- making ---- */

static void make_record(const struct ledger *ledger, const struct policy_list *policies,
			const struct fold *fold, struct hot_record *out)
{
	const struct member_row *row = &ledger->row;

	hot_make(fold, row->member_id, row->revision, row->created_at,
		 policy_newest(policies)->version, out);
}

/* A record that has had its day is made anew. */
static int64_t next_due(int64_t due_at, const struct hot_record *record)
{
	if (record->good_until == INT64_MAX || (due_at != 0 && due_at < record->good_until)) {
		return due_at;
	}
	return record->good_until;
}

void ledger_project(struct ledger *ledger, const struct policy_list *policies,
		    const struct fold *fold, int64_t due_at)
{
	struct hot_record record;

	make_record(ledger, policies, fold, &record);
	hot_encode(&record, &ledger->record);
	/* how many changes fit is known now */
	hot_decode(ledger->record.bytes, ledger->record.len, record.member_id, &record);
	ledger->row.due_at = next_due(due_at, &record);
	ledger->row.state_cache =
		(struct str){(const char *)ledger->record.bytes, ledger->record.len};
}

/* ---- reading ---- */

/* False when the row has none that is whole and of its revision. */
static bool decode_row(const struct member_row *row, struct hot_record *out)
{
	return hot_decode((const uint8_t *)row->state_cache.ptr, row->state_cache.len,
			  row->member_id, out) &&
	       out->revision == row->revision;
}

bool row_record(const struct member_row *row, struct hot_bytes *out)
{
	struct hot_record record;

	if (!decode_row(row, &record)) {
		return false;
	}
	out->len = (uint8_t)row->state_cache.len;
	memcpy(out->bytes, row->state_cache.ptr, out->len);
	return true;
}

bool row_is_current(const struct member_row *row, const struct policy_list *policies,
		    const struct fold *fold)
{
	struct hot_record record;

	return decode_row(row, &record) &&
	       record.policy_newest == policy_newest(policies)->version &&
	       record.good_until > fold->standing.at &&
	       row->due_at == next_due(fold->next_told, &record);
}

static enum mb_code fold_record(struct repository *repository, struct store_view *view,
				const struct member_row *row, const struct policy_list *policies,
				struct hot_bytes *out, struct mb_err *err)
{
	struct hot_record record;
	struct ledger ledger;
	struct fold fold;
	enum mb_code code = ledger_init(&ledger, repository, STORE_READ, err);

	if (code != MB_OK) {
		return code;
	}
	ledger.row = *row;
	code = ledger_load_short(&ledger, view, policies, err);
	if (code == MB_OK) {
		code = ledger_fold(&ledger, policies, store_view_now(view), HOT_CHANGES, &fold,
				   err);
	}
	if (code == MB_OK) {
		make_record(&ledger, policies, &fold, &record);
		hot_encode(&record, out);
	}
	ledger_fini(&ledger);
	return code;
}

enum mb_code read_record(struct repository *repository, struct store_view *view,
			 const struct member_row *row, struct hot_bytes *out, struct mb_err *err)
{
	const struct policy_list *policies = repository_policies(repository);
	struct hot_view state;

	if (row_record(row, out) && hot_at(out, policies, store_view_now(view), &state)) {
		return MB_OK;
	}
	atomic_fetch_add(&repository->figures.records_folded, 1);
	return fold_record(repository, view, row, policies, out, err);
}

/* ---- answering ---- */

bool describe_brief(const struct policy_list *policies, int64_t member_id,
		    const struct hot_bytes *record, int64_t now, struct member *out)
{
	struct hot_view view;
	const struct hot_state *state = &view.state;

	if (!hot_at(record, policies, now, &view)) {
		return false;
	}
	out->member_id = member_id;
	out->created_at = view.created_at;
	out->revision = view.revision;
	out->state = state->suspended ? MEMBER_SUSPENDED : MEMBER_ACTIVE;
	out->axes = (struct axes){
		.has_as_of = true, .has_known_at = true, .as_of = now, .known_at = now};
	out->policy = policy_at(policies, now);
	out->standing = (struct standing){.at = now,
					  .policy_version = out->policy->version,
					  .score = {.points = state->points},
					  .tier = state->tier,
					  .shown = state->shown,
					  .shown_until = state->shown_until,
					  .suspended = state->suspended,
					  .credibility = state->credibility,
					  .level = state->level,
					  .at_risk = state->at_risk,
					  .below_keep = state->below_keep,
					  .protected_until = state->protected_until};
	out->valid_until = valid_until(policies, now, view.next_change);
	return true;
}
