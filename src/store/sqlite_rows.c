/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include "base/checksum.h"
#include "domain/id.h"

#include <sqlite3.h>

struct query sqlite_ask_member(struct store_view *view, enum sqlite_sql sql, int64_t member_id)
{
	struct query q = sqlite_ask(view, sql);

	sqlite_bind_int(&q, vb_of(member_id));
	sqlite_bind_int(&q, member_id);
	return q;
}

int64_t sqlite_limit(size_t most)
{
	return most > INT64_MAX ? INT64_MAX : (int64_t)most;
}

static struct query ask_identity(struct store_view *view, enum sqlite_sql sql, struct str key)
{
	struct query q = sqlite_ask(view, sql);

	sqlite_bind_int(&q, vb_of_key(key));
	sqlite_bind_blob(&q, key);
	return q;
}

/* ---- members and identities ---- */

static struct member_row take_member(struct query *q, struct arena *arena)
{
	return (struct member_row){.member_id = sqlite_int(q, 0),
				   .revision = sqlite_int(q, 1),
				   .created_at = sqlite_int(q, 2),
				   .state = (int32_t)sqlite_int(q, 3),
				   .due_at = sqlite_int(q, 4),
				   .profile = sqlite_bytes(q, 5, arena),
				   .state_cache = sqlite_bytes(q, 6, arena)};
}

static enum mb_code get_member(struct store_view *view, int64_t member_id, struct arena *arena,
			       struct member_row *out, bool *found, struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_GET_MEMBER, member_id);
	bool is_there = sqlite_next(&q);
	struct member_row row;
	enum mb_code code;

	if (is_there) {
		row = take_member(&q, arena);
	}
	code = sqlite_end(&q, MB_OK, err);
	if (code == MB_OK && is_there) {
		*out = row;
		*found = true;
	}
	return code;
}

static enum mb_code list_members(struct store_view *view, int64_t after, size_t most,
				 struct arena *arena, struct row_list *out, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_LIST_MEMBERS);

	sqlite_bind_int(&q, after > 0 ? vb_of(after) : -1);
	sqlite_bind_int(&q, after);
	sqlite_bind_int(&q, sqlite_limit(most));
	while (sqlite_next(&q)) {
		struct member_row row = take_member(&q, arena);

		row_list_add(out, &row);
	}
	return sqlite_end(&q, MB_OK, err);
}

static enum mb_code list_due(struct store_view *view, int32_t vb, int64_t upto, size_t most,
			     struct row_list *out, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_LIST_DUE);

	sqlite_bind_int(&q, vb);
	sqlite_bind_int(&q, upto);
	sqlite_bind_int(&q, sqlite_limit(most));
	while (sqlite_next(&q)) {
		struct due_row row = {.member_id = sqlite_int(&q, 0), .due_at = sqlite_int(&q, 1)};

		row_list_add(out, &row);
	}
	return sqlite_end(&q, MB_OK, err);
}

static enum mb_code put_member(struct store_view *view, const struct member_row *row,
			       struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_PUT_MEMBER, row->member_id);

	sqlite_bind_int(&q, row->revision);
	sqlite_bind_int(&q, row->created_at);
	sqlite_bind_int(&q, row->state);
	sqlite_bind_int(&q, row->due_at);
	sqlite_bind_blob(&q, row->profile);
	sqlite_bind_blob(&q, row->state_cache);
	return sqlite_do(&q, MB_OK, err);
}

static enum mb_code get_identity(struct store_view *view, struct str key, struct arena *arena,
				 struct identity_row *out, bool *found, struct mb_err *err)
{
	struct query q = ask_identity(view, SQL_GET_IDENTITY, key);
	bool is_there = sqlite_next(&q);
	struct identity_row row;
	enum mb_code code;

	if (is_there) {
		row.key = sqlite_bytes(&q, 0, arena);
		row.member_id = sqlite_int(&q, 1);
		row.linked_at = sqlite_int(&q, 2);
		row.sealed = sqlite_bytes(&q, 3, arena);
	}
	code = sqlite_end(&q, MB_OK, err);
	if (code == MB_OK && is_there) {
		*out = row;
		*found = true;
	}
	return code;
}

/* In two steps, not by a join: the two tables have buckets of their own. */
static enum mb_code list_identities(struct store_view *view, int64_t member_id, struct arena *arena,
				    struct row_list *out, struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_LIST_LINKS, member_id);
	enum mb_code code = MB_OK, ended;

	while (code == MB_OK && sqlite_next(&q)) {
		struct str key = sqlite_bytes(&q, 0, arena);
		struct identity_row row;
		bool found = false;

		if (q.overflowed != NULL) {
			break;
		}
		code = get_identity(view, key, arena, &row, &found, err);
		if (code == MB_OK && !found) {
			code = store_view_fail(view, MB_STORE_UNAVAILABLE,
					       "the database is damaged: restore a backup (a link "
					       "without its identity)",
					       err);
		}
		if (code == MB_OK) {
			row_list_add(out, &row);
		}
	}
	ended = sqlite_end(&q, MB_OK, code == MB_OK ? err : NULL);
	return code != MB_OK ? code : ended;
}

static struct query ask_link(struct store_view *view, enum sqlite_sql sql, int64_t member_id,
			     int64_t linked_at, struct str key)
{
	struct query q = sqlite_ask_member(view, sql, member_id);

	sqlite_bind_int(&q, linked_at);
	sqlite_bind_blob(&q, key);
	return q;
}

static enum mb_code put_identity(struct store_view *view, const struct identity_row *row,
				 struct mb_err *err)
{
	struct query q = ask_identity(view, SQL_ADD_IDENTITY, row->key);
	enum mb_code code;

	sqlite_bind_int(&q, row->member_id);
	sqlite_bind_int(&q, row->linked_at);
	sqlite_bind_blob(&q, row->sealed);
	code = sqlite_do(&q, MB_IDENTITY_TAKEN, err);
	if (code == MB_OK) {
		q = ask_link(view, SQL_ADD_LINK, row->member_id, row->linked_at, row->key);
		code = sqlite_do(&q, MB_OK, err);
	}
	return code;
}

static enum mb_code delete_identity(struct store_view *view, struct str key, struct mb_err *err)
{
	struct query q = ask_identity(view, SQL_GET_IDENTITY, key);
	bool is_there = sqlite_next(&q);
	int64_t member_id = is_there ? sqlite_int(&q, 1) : 0;
	int64_t linked_at = is_there ? sqlite_int(&q, 2) : 0;
	enum mb_code code = sqlite_end(&q, MB_OK, err);

	if (code != MB_OK || !is_there) {
		return code;
	}
	q = ask_link(view, SQL_DELETE_LINK, member_id, linked_at, key);
	code = sqlite_do(&q, MB_OK, err);
	if (code == MB_OK) {
		q = ask_identity(view, SQL_DELETE_IDENTITY, key);
		code = sqlite_do(&q, MB_OK, err);
	}
	return code;
}

/* ---- entries ---- */

/* SQLite does not see a bit that its disk has turned, and a changed amount would be a changed score. */
static int64_t checksum_of(const struct entry_row *row)
{
	const int64_t numbers[] = {row->member_id, row->entry_id,    row->revision,
				   row->kind,	   row->occurred_at, row->known_at};
	const struct str texts[] = {row->source, row->source_event_id, row->order_source,
				    row->order_id, row->payload};
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sum = checksum_number(sum, numbers[i]);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		sum = checksum_text(sum, texts[i]);
	}
	return sum;
}

static struct entry_row take_entry(struct query *q, struct arena *arena)
{
	struct entry_row row = {.member_id = sqlite_int(q, 0),
				.entry_id = sqlite_int(q, 1),
				.revision = sqlite_int(q, 2),
				.kind = (int32_t)sqlite_int(q, 3),
				.source = sqlite_bytes(q, 4, arena),
				.source_event_id = sqlite_bytes(q, 5, arena),
				.order_source = sqlite_bytes(q, 6, arena),
				.order_id = sqlite_bytes(q, 7, arena),
				.occurred_at = sqlite_int(q, 8),
				.known_at = sqlite_int(q, 9),
				.payload = sqlite_bytes(q, 10, arena)};

	if (q->overflowed == NULL && sqlite_int(q, 11) != checksum_of(&row)) {
		q->rc = SQLITE_CORRUPT;
	}
	return row;
}

static enum mb_code get_entry(struct store_view *view, int64_t member_id, struct str source,
			      struct str source_event_id, struct arena *arena,
			      struct entry_row *out, bool *found, struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_GET_ENTRY, member_id);
	struct entry_row row;
	enum mb_code code;
	bool is_there;

	sqlite_bind_text(&q, source);
	sqlite_bind_text(&q, source_event_id);
	is_there = sqlite_next(&q);
	if (is_there) {
		row = take_entry(&q, arena);
	}
	code = sqlite_end(&q, MB_OK, err);
	if (code == MB_OK && is_there) {
		*out = row;
		*found = true;
	}
	return code;
}

static enum mb_code list_entries(struct store_view *view, int64_t member_id, int64_t from,
				 size_t most, struct arena *arena, struct row_list *out,
				 struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_LIST_ENTRIES, member_id);

	sqlite_bind_int(&q, from);
	sqlite_bind_int(&q, sqlite_limit(most));
	while (sqlite_next(&q)) {
		struct entry_row row = take_entry(&q, arena);

		row_list_add(out, &row);
	}
	return sqlite_end(&q, MB_OK, err);
}

static enum mb_code add_entry(struct store_view *view, const struct entry_row *row,
			      struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_ADD_ENTRY, row->member_id);

	sqlite_bind_int(&q, row->entry_id);
	sqlite_bind_int(&q, row->revision);
	sqlite_bind_int(&q, row->kind);
	sqlite_bind_text(&q, row->source);
	sqlite_bind_text(&q, row->source_event_id);
	sqlite_bind_text(&q, row->order_source);
	sqlite_bind_text(&q, row->order_id);
	sqlite_bind_int(&q, row->occurred_at);
	sqlite_bind_int(&q, row->known_at);
	sqlite_bind_blob(&q, row->payload);
	sqlite_bind_int(&q, checksum_of(row));
	return sqlite_do(&q, MB_ACTIVITY_CONFLICT, err);
}

/* ---- requests, values, policies ---- */

static enum mb_code get_request(struct store_view *view, struct str principal,
				struct str request_id, struct arena *arena, struct request_row *out,
				bool *found, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_GET_REQUEST);
	struct request_row row;
	enum mb_code code;
	bool is_there;

	sqlite_bind_text(&q, principal);
	sqlite_bind_text(&q, request_id);
	is_there = sqlite_next(&q);
	if (is_there) {
		row.principal = sqlite_bytes(&q, 0, arena);
		row.request_id = sqlite_bytes(&q, 1, arena);
		row.method = sqlite_bytes(&q, 2, arena);
		row.digest = sqlite_bytes(&q, 3, arena);
		row.answer = sqlite_bytes(&q, 4, arena);
		row.known_at = sqlite_int(&q, 5);
	}
	code = sqlite_end(&q, MB_OK, err);
	if (code == MB_OK && is_there) {
		*out = row;
		*found = true;
	}
	return code;
}

static enum mb_code add_request(struct store_view *view, const struct request_row *row,
				struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_ADD_REQUEST);

	sqlite_bind_text(&q, row->principal);
	sqlite_bind_text(&q, row->request_id);
	sqlite_bind_text(&q, row->method);
	sqlite_bind_blob(&q, row->digest);
	sqlite_bind_blob(&q, row->answer);
	sqlite_bind_int(&q, row->known_at);
	return sqlite_do(&q, MB_REQUEST_ID_REUSED, err);
}

static enum mb_code get_meta(struct store_view *view, struct str name, struct arena *arena,
			     struct str *out, bool *found, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_GET_META);
	struct str value = {NULL, 0};
	enum mb_code code;
	bool is_there;

	sqlite_bind_text(&q, name);
	is_there = sqlite_next(&q);
	if (is_there) {
		value = sqlite_bytes(&q, 0, arena);
	}
	code = sqlite_end(&q, MB_OK, err);
	if (code == MB_OK && is_there) {
		*out = value;
		*found = true;
	}
	return code;
}

static enum mb_code put_meta(struct store_view *view, struct str name, struct str value,
			     struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_PUT_META);

	sqlite_bind_text(&q, name);
	sqlite_bind_blob(&q, value);
	return sqlite_do(&q, MB_OK, err);
}

static enum mb_code list_policies(struct store_view *view, struct arena *arena,
				  struct row_list *out, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_LIST_POLICIES);

	while (sqlite_next(&q)) {
		struct policy_row row = {.version = (int32_t)sqlite_int(&q, 0),
					 .effective_from = sqlite_int(&q, 1),
					 .known_at = sqlite_int(&q, 2),
					 .digest = sqlite_bytes(&q, 3, arena),
					 .text = sqlite_bytes(&q, 4, arena)};

		row_list_add(out, &row);
	}
	return sqlite_end(&q, MB_OK, err);
}

static enum mb_code add_policy(struct store_view *view, const struct policy_row *row,
			       struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_ADD_POLICY);
	enum mb_code code;

	sqlite_bind_int(&q, row->version);
	sqlite_bind_int(&q, row->effective_from);
	sqlite_bind_int(&q, row->known_at);
	sqlite_bind_blob(&q, row->digest);
	sqlite_bind_text(&q, row->text);
	code = sqlite_do(&q, MB_FIELD_INVALID, err);
	if (code == MB_FIELD_INVALID) {
		mb_fail(err, code, "policy version %d is there already", (int)row->version);
	}
	return code;
}

/* ---- checkpoints ---- */

static enum mb_code get_checkpoint(struct store_view *view, int64_t member_id, struct arena *arena,
				   struct checkpoint_row *out, bool *found, struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_GET_CHECKPOINT, member_id);
	struct checkpoint_row row = {.member_id = member_id};
	bool is_there = sqlite_next(&q);
	enum mb_code code;

	if (is_there) {
		row.revision = sqlite_int(&q, 0);
		row.bytes = sqlite_bytes(&q, 1, arena);
	}
	code = sqlite_end(&q, MB_OK, err);
	if (code == MB_OK && is_there) {
		*out = row;
		*found = true;
	}
	return code;
}

static enum mb_code put_checkpoint(struct store_view *view, const struct checkpoint_row *row,
				   struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_PUT_CHECKPOINT, row->member_id);

	sqlite_bind_int(&q, row->revision);
	sqlite_bind_blob(&q, row->bytes);
	return sqlite_do(&q, MB_OK, err);
}

static enum mb_code delete_checkpoint(struct store_view *view, int64_t member_id,
				      struct mb_err *err)
{
	struct query q = sqlite_ask_member(view, SQL_DELETE_CHECKPOINT, member_id);

	return sqlite_do(&q, MB_OK, err);
}

const struct store_ops sqlite_ops = {
	.name = "sqlite",
	.destroy = sqlite_destroy,
	.open_view = sqlite_open_view,
	.close_view = sqlite_close_view,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.mark = sqlite_mark,
	.keep = sqlite_keep,
	.undo = sqlite_undo,
	.settle = sqlite_settle,
	.get_member = get_member,
	.list_members = list_members,
	.list_due = list_due,
	.get_identity = get_identity,
	.list_identities = list_identities,
	.get_entry = get_entry,
	.list_entries = list_entries,
	.list_history = sqlite_list_history,
	.get_history = sqlite_get_history,
	.list_outbox = sqlite_list_outbox,
	.bound_outbox = sqlite_bound_outbox,
	.last_audit = sqlite_last_audit,
	.list_audit = sqlite_list_audit,
	.get_checkpoint = get_checkpoint,
	.get_request = get_request,
	.get_meta = get_meta,
	.list_policies = list_policies,
	.put_member = put_member,
	.put_identity = put_identity,
	.delete_identity = delete_identity,
	.add_entry = add_entry,
	.add_history = sqlite_add_history,
	.add_outbox = sqlite_add_outbox,
	.add_audit = sqlite_add_audit,
	.put_checkpoint = put_checkpoint,
	.delete_checkpoint = delete_checkpoint,
	.add_request = add_request,
	.add_policy = add_policy,
	.put_meta = put_meta,
	.prune = sqlite_prune,
};
