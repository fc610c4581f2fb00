/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was told and decided: history, outbox, audit; and the forgetting of what need not be kept.
 */
#include "store/sqlite.h"

/* ---- history ---- */

static struct history_row take_history(struct query *q)
{
	return (struct history_row){.member_id = sqlite_int(q, 0),
				    .seq = sqlite_int(q, 1),
				    .kind = (int32_t)sqlite_int(q, 2),
				    .restated = sqlite_int(q, 3) != 0,
				    .from_tier = (int32_t)sqlite_int(q, 4),
				    .to_tier = (int32_t)sqlite_int(q, 5),
				    .points = sqlite_int(q, 6),
				    .policy_version = (int32_t)sqlite_int(q, 7),
				    .effective_at = sqlite_int(q, 8),
				    .known_at = sqlite_int(q, 9)};
}

enum mb_code sqlite_list_history(struct store_view *view, int64_t member_id, struct row_list *out,
				 struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_LIST_HISTORY, member_id);

	while (sqlite_next(&q)) {
		struct history_row row = take_history(&q);

		row_list_add(out, &row);
	}
	return sqlite_end(&q, MB_OK, err);
}

enum mb_code sqlite_get_history(struct store_view *view, int64_t member_id, int64_t seq,
				struct history_row *out, bool *found, struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_GET_HISTORY, member_id);
	struct history_row row;
	enum mb_code code;
	bool is_there;

	sqlite_bind_int(&q, seq);
	is_there = sqlite_next(&q);
	if (is_there) {
		row = take_history(&q);
	}
	code = sqlite_end(&q, MB_OK, err);
	if (code == MB_OK && is_there) {
		*out = row;
		*found = true;
	}
	return code;
}

static enum mb_code last_history(struct store_view *view, int64_t member_id, int64_t *seq,
				 struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_LAST_HISTORY, member_id);

	if (sqlite_next(&q)) {
		*seq = sqlite_int(&q, 0);
	}
	return sqlite_end(&q, MB_OK, err);
}

/* Two statements: one that inserts what it selects and tells the number by RETURNING takes twice as
 * long, because SQLite makes a table of what is returned. */
enum mb_code sqlite_add_history(struct store_view *view, const struct history_row *row,
				int64_t *seq, struct mb_err *err)
{
	int64_t last = 0;
	enum mb_code code = last_history(view, row->member_id, &last, err);
	struct query q;

	if (code != MB_OK) {
		return code;
	}
	q = sqlite_ask_member(view, SQL_ADD_HISTORY, row->member_id);
	sqlite_bind_int(&q, row->kind);
	sqlite_bind_int(&q, row->restated ? 1 : 0);
	sqlite_bind_int(&q, row->from_tier);
	sqlite_bind_int(&q, row->to_tier);
	sqlite_bind_int(&q, row->points);
	sqlite_bind_int(&q, row->policy_version);
	sqlite_bind_int(&q, row->effective_at);
	sqlite_bind_int(&q, row->known_at);
	sqlite_bind_int(&q, last + 1);
	code = sqlite_do(&q, MB_OK, err);
	if (code == MB_OK) {
		*seq = last + 1;
	}
	return code;
}

/* ---- outbox ---- */

enum mb_code sqlite_list_outbox(struct store_view *view, int64_t after, size_t most,
				struct row_list *out, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_LIST_OUTBOX);

	sqlite_bind_int(&q, after);
	sqlite_bind_int(&q, sqlite_limit(most));
	while (sqlite_next(&q)) {
		struct outbox_row row = {.member_id = sqlite_int(&q, 0),
					 .seq = sqlite_int(&q, 1),
					 .revision = sqlite_int(&q, 2),
					 .kind = (int32_t)sqlite_int(&q, 3),
					 .effective_at = sqlite_int(&q, 4),
					 .known_at = sqlite_int(&q, 5),
					 .history_seq = sqlite_int(&q, 6)};

		row_list_add(out, &row);
	}
	return sqlite_end(&q, MB_OK, err);
}

enum mb_code sqlite_add_outbox(struct store_view *view, const struct outbox_row *row, int64_t *seq,
			       struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_ADD_OUTBOX, row->member_id);
	enum mb_code code;

	sqlite_bind_int(&q, row->revision);
	sqlite_bind_int(&q, row->kind);
	sqlite_bind_int(&q, row->effective_at);
	sqlite_bind_int(&q, row->known_at);
	sqlite_bind_int(&q, row->history_seq);
	code = sqlite_do(&q, MB_OK, err);
	if (code == MB_OK) {
		*seq = sqlite_last_rowid_of(view);
	}
	return code;
}

/* Its rows are pruned from the first one on, so what is there is all from there to the last. */
enum mb_code sqlite_bound_outbox(struct store_view *view, int64_t *first, int64_t *last,
				 struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_LAST_OUTBOX);
	int64_t oldest, newest = sqlite_next(&q) ? sqlite_int(&q, 0) : 0;
	enum mb_code code = sqlite_end(&q, MB_OK, err);

	if (code != MB_OK) {
		return code;
	}
	q = sqlite_ask(view, SQL_OLDEST_OUTBOX);
	sqlite_bind_int(&q, 1);
	oldest = sqlite_next(&q) ? sqlite_int(&q, 0) : newest + 1;
	code = sqlite_end(&q, MB_OK, err);
	if (code == MB_OK) {
		*first = oldest;
		*last = newest;
	}
	return code;
}

/* ---- audit ---- */

static struct audit_row take_audit(struct query *q, struct arena *arena)
{
	return (struct audit_row){.vb = (int32_t)sqlite_int(q, 0),
				  .seq = sqlite_int(q, 1),
				  .member_id = sqlite_int(q, 2),
				  .known_at = sqlite_int(q, 3),
				  .actor = sqlite_bytes(q, 4, arena),
				  .action = sqlite_bytes(q, 5, arena),
				  .detail = sqlite_bytes(q, 6, arena),
				  .prev = sqlite_bytes(q, 7, arena),
				  .hash = sqlite_bytes(q, 8, arena)};
}

enum mb_code sqlite_last_audit(struct store_view *view, int32_t vb, struct arena *arena,
			       struct audit_row *out, bool *found, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_LAST_AUDIT);
	struct audit_row row;
	enum mb_code code;
	bool is_there;

	sqlite_bind_int(&q, vb);
	is_there = sqlite_next(&q);
	if (is_there) {
		row = take_audit(&q, arena);
	}
	code = sqlite_end(&q, MB_OK, err);
	if (code == MB_OK && is_there) {
		*out = row;
		*found = true;
	}
	return code;
}

enum mb_code sqlite_list_audit(struct store_view *view, int32_t vb, int64_t seq, size_t most,
			       struct arena *arena, struct row_list *out, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_LIST_AUDIT);

	sqlite_bind_int(&q, vb);
	sqlite_bind_int(&q, seq);
	sqlite_bind_int(&q, sqlite_limit(most));
	while (sqlite_next(&q)) {
		struct audit_row row = take_audit(&q, arena);

		row_list_add(out, &row);
	}
	return sqlite_end(&q, MB_OK, err);
}

enum mb_code sqlite_add_audit(struct store_view *view, const struct audit_row *row,
			      struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_ADD_AUDIT);
	enum mb_code code;

	sqlite_bind_int(&q, row->vb);
	sqlite_bind_int(&q, row->seq);
	sqlite_bind_int(&q, row->member_id);
	sqlite_bind_int(&q, row->known_at);
	sqlite_bind_text(&q, row->actor);
	sqlite_bind_text(&q, row->action);
	sqlite_bind_text(&q, row->detail);
	sqlite_bind_blob(&q, row->prev);
	sqlite_bind_blob(&q, row->hash);
	code = sqlite_do(&q, MB_INTERNAL, err);
	if (code == MB_INTERNAL) {
		mb_fail(err, code, "audit row %lld of bucket %d is there already",
			(long long)row->seq, (int)row->vb);
	}
	return code;
}

/* ---- pruning ---- */

static enum mb_code prune_requests(struct store_view *view, int64_t before, size_t most,
				   size_t *deleted, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_PRUNE_REQUESTS);
	enum mb_code code;

	sqlite_bind_int(&q, before);
	sqlite_bind_int(&q, sqlite_limit(most));
	code = sqlite_do(&q, MB_OK, err);
	if (code == MB_OK) {
		*deleted += sqlite_changes_of(view);
	}
	return code;
}

/* known_at rises with seq, so the old ones are the first ones. */
static enum mb_code prune_outbox(struct store_view *view, int64_t before, size_t most,
				 size_t *deleted, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_OLDEST_OUTBOX);
	int64_t last = 0;
	enum mb_code code;

	sqlite_bind_int(&q, sqlite_limit(most));
	while (sqlite_next(&q) && sqlite_int(&q, 1) < before) {
		last = sqlite_int(&q, 0);
	}
	code = sqlite_end(&q, MB_OK, err);
	if (code == MB_OK && last > 0) {
		q = sqlite_ask(view, SQL_PRUNE_OUTBOX);
		sqlite_bind_int(&q, last);
		code = sqlite_do(&q, MB_OK, err);
		if (code == MB_OK) {
			*deleted += sqlite_changes_of(view);
		}
	}
	return code;
}

enum mb_code sqlite_prune(struct store_view *view, int64_t requests_before, int64_t outbox_before,
			  size_t most, size_t *deleted, struct mb_err *err)
{
	enum mb_code code = MB_OK;

	if (requests_before != 0) {
		code = prune_requests(view, requests_before, most, deleted, err);
	}
	if (outbox_before != 0 && code == MB_OK) {
		code = prune_outbox(view, outbox_before, most - *deleted, deleted, err);
	}
	return code;
}
