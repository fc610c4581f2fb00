/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of this backend but for what was told (memory_told.c), and the table of its ops.
 */
#include "store/memory.h"

#include "domain/id.h"

#include <assert.h>
#include <string.h>

/* ---- shapes ---- */

static const struct shape member_shape = {
	sizeof(struct member_row),
	2,
	{offsetof(struct member_row, profile), offsetof(struct member_row, state_cache)}};
static const struct shape identity_shape = {
	sizeof(struct identity_row),
	2,
	{offsetof(struct identity_row, key), offsetof(struct identity_row, sealed)}};
static const struct shape entry_shape = {
	sizeof(struct entry_row),
	5,
	{offsetof(struct entry_row, source), offsetof(struct entry_row, source_event_id),
	 offsetof(struct entry_row, order_source), offsetof(struct entry_row, order_id),
	 offsetof(struct entry_row, payload)}};
static const struct shape request_shape = {
	sizeof(struct request_row),
	5,
	{offsetof(struct request_row, principal), offsetof(struct request_row, request_id),
	 offsetof(struct request_row, method), offsetof(struct request_row, digest),
	 offsetof(struct request_row, answer)}};
static const struct shape policy_shape = {
	sizeof(struct policy_row),
	2,
	{offsetof(struct policy_row, digest), offsetof(struct policy_row, text)}};
static const struct shape checkpoint_shape = {
	sizeof(struct checkpoint_row), 1, {offsetof(struct checkpoint_row, bytes)}};
static const struct shape meta_shape = {sizeof(struct str), 1, {0}};

/* ---- reading ---- */

static struct key key_of_member(int64_t member_id)
{
	return key_of_numbers(T_MEMBER, vb_of(member_id), member_id);
}

static struct key key_of_due(int64_t member_id, int64_t due_at)
{
	struct key key = key_of_numbers(T_DUE, vb_of(member_id), due_at);

	key_put_number(&key, member_id);
	return key;
}

static enum mb_code get_member(struct store_view *view, int64_t member_id, struct arena *arena,
			       struct member_row *out, bool *found, struct mb_err *err)
{
	struct key key = key_of_member(member_id);

	return memory_get_row(view, &key, &member_shape, arena, out, found, err);
}

static enum mb_code list_members(struct store_view *view, int64_t after, size_t most,
				 struct arena *arena, struct row_list *out, struct mb_err *err)
{
	struct key prefix = key_of(T_MEMBER), from = prefix;

	if (after == INT64_MAX) {
		from = key_of_number(T_MEMBER, vb_of(after) + 1); /* there is none behind it */
	} else if (after > 0) {
		from = key_of_numbers(T_MEMBER, vb_of(after), after + 1);
	}
	return memory_list_from(view, &prefix, &from, &member_shape, most, arena, out, err);
}

struct due_listing {
	struct row_list *out;
	int64_t upto;
	size_t most;
};

static bool list_one_due(struct str key, struct str value, void *data)
{
	struct due_listing *listing = data;
	struct due_row row = {
		.member_id = key_last_number(key),
		.due_at = key_last_number((struct str){key.ptr, key.len - sizeof(int64_t)})};

	(void)value;
	if (listing->most == 0 || row.due_at > listing->upto) {
		return false;
	}
	listing->most--;
	row_list_add(listing->out, &row);
	return true;
}

static enum mb_code list_due(struct store_view *view, int32_t vb, int64_t upto, size_t most,
			     struct row_list *out, struct mb_err *err)
{
	struct due_listing listing = {out, upto, most};
	struct key prefix = key_of_number(T_DUE, vb);

	(void)err;
	tree_scan(memory_root(view), key_str(&prefix), key_str(&prefix), list_one_due, &listing);
	return MB_OK;
}

static enum mb_code get_identity(struct store_view *view, struct str hash, struct arena *arena,
				 struct identity_row *out, bool *found, struct mb_err *err)
{
	struct key key = key_of_text(T_IDENTITY, hash);

	return memory_get_row(view, &key, &identity_shape, arena, out, found, err);
}

struct identity_listing {
	struct listing rows;
	const struct tree *root;
};

/* The key ends in the identity's. */
static bool list_identity(struct str key, struct str value, void *data)
{
	struct identity_listing *listing = data;
	struct key identity = key_of_text(
		T_IDENTITY, (struct str){key.ptr + key.len - STORE_HASH_BYTES, STORE_HASH_BYTES});
	bool found = tree_get(listing->root, key_str(&identity), &value);

	assert(found);
	return memory_list_one(key, value, &listing->rows);
}

static enum mb_code list_identities(struct store_view *view, int64_t member_id, struct arena *arena,
				    struct row_list *out, struct mb_err *err)
{
	struct identity_listing listing = {{&identity_shape, arena, out, SIZE_MAX, false},
					   memory_root(view)};
	struct key prefix = key_of_number(T_MEMBER_IDENTITY, member_id);

	tree_scan(memory_root(view), key_str(&prefix), key_str(&prefix), list_identity, &listing);
	return listing.rows.overflowed ? arena_fail(arena, err) : MB_OK;
}

static struct key key_of_entry(int64_t member_id, struct str source, struct str source_event_id)
{
	struct key key = key_of_number(T_ENTRY_KEY, member_id);

	key_put_text(&key, source);
	key_put_text(&key, source_event_id);
	return key;
}

static enum mb_code get_entry(struct store_view *view, int64_t member_id, struct str source,
			      struct str source_event_id, struct arena *arena,
			      struct entry_row *out, bool *found, struct mb_err *err)
{
	struct key key = key_of_entry(member_id, source, source_event_id);
	struct str value;
	int64_t entry_id;

	if (!tree_get(memory_root(view), key_str(&key), &value)) {
		return MB_OK;
	}
	assert(value.len == sizeof(entry_id));
	memcpy(&entry_id, value.ptr, sizeof(entry_id));
	key = key_of_numbers(T_ENTRY, member_id, entry_id);
	return memory_get_row(view, &key, &entry_shape, arena, out, found, err);
}

static enum mb_code list_entries(struct store_view *view, int64_t member_id, int64_t from,
				 size_t most, struct arena *arena, struct row_list *out,
				 struct mb_err *err)
{
	struct key prefix = key_of_number(T_ENTRY, member_id);
	struct key first = key_of_numbers(T_ENTRY, member_id, from);

	return memory_list_from(view, &prefix, &first, &entry_shape, most, arena, out, err);
}

static struct key key_of_request(struct str principal, struct str request_id)
{
	struct key key = key_of_text(T_REQUEST, principal);

	key_put_text(&key, request_id);
	return key;
}

static enum mb_code get_request(struct store_view *view, struct str principal,
				struct str request_id, struct arena *arena, struct request_row *out,
				bool *found, struct mb_err *err)
{
	struct key key = key_of_request(principal, request_id);

	return memory_get_row(view, &key, &request_shape, arena, out, found, err);
}

static enum mb_code get_meta(struct store_view *view, struct str name, struct arena *arena,
			     struct str *out, bool *found, struct mb_err *err)
{
	struct key key = key_of_text(T_META, name);

	return memory_get_row(view, &key, &meta_shape, arena, out, found, err);
}

static enum mb_code list_policies(struct store_view *view, struct arena *arena,
				  struct row_list *out, struct mb_err *err)
{
	struct key prefix = key_of(T_POLICY);

	return memory_list_rows(view, &prefix, &policy_shape, arena, out, err);
}

/* ---- writing ---- */

/* Moves the member from where it was due to where it is. */
static enum mb_code put_due(struct store_view *view, const struct member_row *row,
			    struct mb_err *err)
{
	struct key key = key_of_member(row->member_id), due;
	enum mb_code code = MB_OK;
	struct member_row before;
	struct str value;

	if (tree_get(memory_root(view), key_str(&key), &value)) {
		memcpy(&before, value.ptr, sizeof(before));
		due = key_of_due(row->member_id, before.due_at);
		if (before.due_at != 0) {
			code = memory_remove(view, &due, err);
		}
	}
	if (code == MB_OK && row->due_at != 0) {
		due = key_of_due(row->member_id, row->due_at);
		code = memory_put_value(view, &due, STR(""), err);
	}
	return code;
}

static enum mb_code put_member(struct store_view *view, const struct member_row *row,
			       struct mb_err *err)
{
	struct key key = key_of_member(row->member_id);
	enum mb_code code = put_due(view, row, err);

	return code != MB_OK ? code : memory_put_row(view, &key, &member_shape, row, err);
}

static struct key key_of_link(int64_t member_id, int64_t linked_at, struct str hash)
{
	struct key key = key_of_numbers(T_MEMBER_IDENTITY, member_id, linked_at);

	key_put_text(&key, hash);
	return key;
}

static enum mb_code put_identity(struct store_view *view, const struct identity_row *row,
				 struct mb_err *err)
{
	struct key key = key_of_text(T_IDENTITY, row->key);
	struct key link = key_of_link(row->member_id, row->linked_at, row->key);
	enum mb_code code;

	if (memory_has(view, &key)) {
		return mb_fail(err, MB_IDENTITY_TAKEN, "%s", mb_code_text(MB_IDENTITY_TAKEN));
	}
	code = memory_put_row(view, &key, &identity_shape, row, err);
	return code != MB_OK ? code : memory_put_value(view, &link, STR(""), err);
}

static enum mb_code delete_identity(struct store_view *view, struct str hash, struct mb_err *err)
{
	struct key key = key_of_text(T_IDENTITY, hash), link;
	struct identity_row row;
	struct str value;
	enum mb_code code;

	if (!tree_get(memory_root(view), key_str(&key), &value)) {
		return MB_OK;
	}
	memcpy(&row, value.ptr, sizeof(row));
	link = key_of_link(row.member_id, row.linked_at, hash);
	code = memory_remove(view, &link, err);
	return code != MB_OK ? code : memory_remove(view, &key, err);
}

static enum mb_code add_entry(struct store_view *view, const struct entry_row *row,
			      struct mb_err *err)
{
	struct key key = key_of_numbers(T_ENTRY, row->member_id, row->entry_id);
	struct key unique = key_of_entry(row->member_id, row->source, row->source_event_id);
	struct str entry_id = {(const char *)&row->entry_id, sizeof(row->entry_id)};
	enum mb_code code;

	if (memory_has(view, &key) || memory_has(view, &unique)) {
		return mb_fail(err, MB_ACTIVITY_CONFLICT, "%s", mb_code_text(MB_ACTIVITY_CONFLICT));
	}
	code = memory_put_row(view, &key, &entry_shape, row, err);
	return code != MB_OK ? code : memory_put_value(view, &unique, entry_id, err);
}

static enum mb_code add_request(struct store_view *view, const struct request_row *row,
				struct mb_err *err)
{
	struct key key = key_of_request(row->principal, row->request_id);
	struct key by_time = key_of_number(T_REQUEST_TIME, row->known_at);
	enum mb_code code;

	if (memory_has(view, &key)) {
		return mb_fail(err, MB_REQUEST_ID_REUSED, "%s", mb_code_text(MB_REQUEST_ID_REUSED));
	}
	key_put_text(&by_time, row->principal);
	key_put_text(&by_time, row->request_id);
	code = memory_put_row(view, &key, &request_shape, row, err);
	return code != MB_OK ? code : memory_put_value(view, &by_time, STR(""), err);
}

static enum mb_code add_policy(struct store_view *view, const struct policy_row *row,
			       struct mb_err *err)
{
	struct key key = key_of_number(T_POLICY, row->version);

	if (memory_has(view, &key)) {
		return mb_fail(err, MB_FIELD_INVALID, "policy version %d is there already",
			       (int)row->version);
	}
	return memory_put_row(view, &key, &policy_shape, row, err);
}

static enum mb_code put_meta(struct store_view *view, struct str name, struct str value,
			     struct mb_err *err)
{
	struct key key = key_of_text(T_META, name);

	return memory_put_row(view, &key, &meta_shape, &value, err);
}

/* ---- checkpoints ---- */

static enum mb_code get_checkpoint(struct store_view *view, int64_t member_id, struct arena *arena,
				   struct checkpoint_row *out, bool *found, struct mb_err *err)
{
	struct key key = key_of_number(T_CHECKPOINT, member_id);

	return memory_get_row(view, &key, &checkpoint_shape, arena, out, found, err);
}

static enum mb_code put_checkpoint(struct store_view *view, const struct checkpoint_row *row,
				   struct mb_err *err)
{
	struct key key = key_of_number(T_CHECKPOINT, row->member_id);

	return memory_put_row(view, &key, &checkpoint_shape, row, err);
}

static enum mb_code delete_checkpoint(struct store_view *view, int64_t member_id,
				      struct mb_err *err)
{
	struct key key = key_of_number(T_CHECKPOINT, member_id);

	return memory_has(view, &key) ? memory_remove(view, &key, err) : MB_OK;
}

const struct store_ops memory_ops = {
	.name = "memory",
	.destroy = memory_destroy,
	.open_view = memory_open_view,
	.close_view = memory_close_view,
	.begin = memory_begin,
	.commit = memory_commit,
	.rollback = memory_rollback,
	.mark = memory_mark,
	.keep = memory_keep,
	.undo = memory_undo,
	.settle = memory_settle,
	.get_member = get_member,
	.list_members = list_members,
	.list_due = list_due,
	.get_identity = get_identity,
	.list_identities = list_identities,
	.get_entry = get_entry,
	.list_entries = list_entries,
	.list_history = memory_list_history,
	.get_history = memory_get_history,
	.list_outbox = memory_list_outbox,
	.bound_outbox = memory_bound_outbox,
	.last_audit = memory_last_audit,
	.list_audit = memory_list_audit,
	.get_checkpoint = get_checkpoint,
	.get_request = get_request,
	.get_meta = get_meta,
	.list_policies = list_policies,
	.put_member = put_member,
	.put_identity = put_identity,
	.delete_identity = delete_identity,
	.add_entry = add_entry,
	.add_history = memory_add_history,
	.add_outbox = memory_add_outbox,
	.add_audit = memory_add_audit,
	.put_checkpoint = put_checkpoint,
	.delete_checkpoint = delete_checkpoint,
	.add_request = add_request,
	.add_policy = add_policy,
	.put_meta = put_meta,
	.prune = memory_prune,
};
