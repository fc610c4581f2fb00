/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as entries of the map: a value is the row's struct and, behind it, the bytes of its texts.
 */
#include "store/key.h"
#include "store/memory.h"

#include <assert.h>
#include <string.h>

static struct memory_view *view_of(struct store_view *view)
{
	return (struct memory_view *)view;
}

static struct tree *root_of(struct store_view *view)
{
	return view_of(view)->state.root;
}

/* ---- values ---- */

struct shape {
	size_t size;
	size_t n_texts;
	size_t texts[6]; /* where in the struct */
};

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
static const struct shape history_shape = {sizeof(struct history_row), 0, {0}};
static const struct shape outbox_shape = {sizeof(struct outbox_row), 0, {0}};
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
static const struct shape meta_shape = {sizeof(struct str), 1, {0}};

union any_row {
	struct member_row member;
	struct identity_row identity;
	struct entry_row entry;
	struct history_row history;
	struct outbox_row outbox;
	struct request_row request;
	struct policy_row policy;
	struct str meta;
};

static struct str text_at(const void *row, size_t offset)
{
	struct str text;

	memcpy(&text, (const char *)row + offset, sizeof(text));
	return text;
}

/* False when the arena ran out; row is then of no use. */
static bool take_row(const struct shape *shape, struct str value, struct arena *arena,
		     union any_row *row)
{
	const char *at = value.ptr + shape->size;

	memcpy(row, value.ptr, shape->size);
	for (size_t i = 0; i < shape->n_texts; i++) {
		struct str text = {at, text_at(row, shape->texts[i]).len};

		at += text.len;
		if (!str_to_arena(text, arena, &text)) {
			return false;
		}
		memcpy((char *)row + shape->texts[i], &text, sizeof(text));
	}
	return true;
}

static enum mb_code fail_memory(struct store_view *view, struct mb_err *err)
{
	return store_view_fail(view, MB_OVERLOADED, "no memory is left for this write", err);
}

/* xorshift64*: weights need no more than to be unlike what a caller can foresee. */
static uint32_t draw_weight(struct memory_view *view)
{
	view->seed ^= view->seed >> 12;
	view->seed ^= view->seed << 25;
	view->seed ^= view->seed >> 27;
	return (uint32_t)(view->seed * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

static enum mb_code put_value(struct store_view *view, const struct key *key, struct str value,
			      struct mb_err *err)
{
	struct memory_view *v = view_of(view);

	if (!tree_put(&v->state.root, key_str(key), value, draw_weight(v))) {
		return fail_memory(view, err);
	}
	return MB_OK;
}

static enum mb_code put_row(struct store_view *view, const struct key *key,
			    const struct shape *shape, const void *row, struct mb_err *err)
{
	struct strbuf value = {0};
	enum mb_code code;

	strbuf_put(&value, row, shape->size);
	for (size_t i = 0; i < shape->n_texts; i++) {
		struct str text = text_at(row, shape->texts[i]);

		strbuf_put(&value, text.ptr, text.len);
	}
	code = value.failed ? fail_memory(view, err)
			    : put_value(view, key, strbuf_str(&value), err);
	strbuf_fini(&value);
	return code;
}

static bool has(struct store_view *view, const struct key *key)
{
	struct str value;

	return tree_get(root_of(view), key_str(key), &value);
}

static enum mb_code remove_key(struct store_view *view, const struct key *key, struct mb_err *err)
{
	return tree_remove(&view_of(view)->state.root, key_str(key)) ? MB_OK
								     : fail_memory(view, err);
}

static enum mb_code get_row(struct store_view *view, const struct key *key,
			    const struct shape *shape, struct arena *arena, void *out, bool *found,
			    struct mb_err *err)
{
	union any_row row;
	struct str value;

	if (!tree_get(root_of(view), key_str(key), &value)) {
		return MB_OK;
	}
	if (!take_row(shape, value, arena, &row)) {
		return arena_fail(arena, err);
	}
	memcpy(out, &row, shape->size);
	*found = true;
	return MB_OK;
}

struct listing {
	const struct shape *shape;
	struct arena *arena;
	struct row_list *out;
	size_t most;
	bool overflowed;
};

static bool list_one(struct str key, struct str value, void *data)
{
	struct listing *listing = data;
	union any_row row;

	(void)key;
	if (listing->most == 0) {
		return false;
	}
	listing->most--;
	listing->overflowed = !take_row(listing->shape, value, listing->arena, &row);
	if (!listing->overflowed) {
		row_list_add(listing->out, &row);
	}
	return !listing->overflowed;
}

static enum mb_code list_rows(struct store_view *view, const struct key *prefix,
			      const struct shape *shape, struct arena *arena, struct row_list *out,
			      struct mb_err *err)
{
	struct listing listing = {shape, arena, out, SIZE_MAX, false};

	assert(out->row_size == shape->size);
	tree_scan(root_of(view), key_str(prefix), key_str(prefix), list_one, &listing);
	return listing.overflowed ? arena_fail(arena, err) : MB_OK;
}

/* ---- reading ---- */

static enum mb_code get_member(struct store_view *view, int64_t member_id, struct arena *arena,
			       struct member_row *out, bool *found, struct mb_err *err)
{
	struct key key = key_of_number(T_MEMBER, member_id);

	return get_row(view, &key, &member_shape, arena, out, found, err);
}

static enum mb_code get_identity(struct store_view *view, struct str hash, struct arena *arena,
				 struct identity_row *out, bool *found, struct mb_err *err)
{
	struct key key = key_of_text(T_IDENTITY, hash);

	return get_row(view, &key, &identity_shape, arena, out, found, err);
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
	return list_one(key, value, &listing->rows);
}

static enum mb_code list_identities(struct store_view *view, int64_t member_id, struct arena *arena,
				    struct row_list *out, struct mb_err *err)
{
	struct identity_listing listing = {{&identity_shape, arena, out, SIZE_MAX, false},
					   root_of(view)};
	struct key prefix = key_of_number(T_MEMBER_IDENTITY, member_id);

	tree_scan(root_of(view), key_str(&prefix), key_str(&prefix), list_identity, &listing);
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

	if (!tree_get(root_of(view), key_str(&key), &value)) {
		return MB_OK;
	}
	assert(value.len == sizeof(entry_id));
	memcpy(&entry_id, value.ptr, sizeof(entry_id));
	key = key_of_numbers(T_ENTRY, member_id, entry_id);
	return get_row(view, &key, &entry_shape, arena, out, found, err);
}

static enum mb_code list_entries(struct store_view *view, int64_t member_id, struct arena *arena,
				 struct row_list *out, struct mb_err *err)
{
	struct key prefix = key_of_number(T_ENTRY, member_id);

	return list_rows(view, &prefix, &entry_shape, arena, out, err);
}

static enum mb_code list_history(struct store_view *view, int64_t member_id, struct row_list *out,
				 struct mb_err *err)
{
	struct key prefix = key_of_number(T_HISTORY, member_id);

	return list_rows(view, &prefix, &history_shape, NULL, out, err);
}

static enum mb_code list_outbox(struct store_view *view, int64_t after, size_t most,
				struct row_list *out, struct mb_err *err)
{
	struct listing listing = {&outbox_shape, NULL, out, most, false};
	struct key prefix = key_of(T_OUTBOX), from;

	(void)err;
	if (after < INT64_MAX) {
		from = key_of_number(T_OUTBOX, after + 1);
		tree_scan(root_of(view), key_str(&prefix), key_str(&from), list_one, &listing);
	}
	return MB_OK;
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

	return get_row(view, &key, &request_shape, arena, out, found, err);
}

static enum mb_code get_meta(struct store_view *view, struct str name, struct arena *arena,
			     struct str *out, bool *found, struct mb_err *err)
{
	struct key key = key_of_text(T_META, name);

	return get_row(view, &key, &meta_shape, arena, out, found, err);
}

static enum mb_code list_policies(struct store_view *view, struct arena *arena,
				  struct row_list *out, struct mb_err *err)
{
	struct key prefix = key_of(T_POLICY);

	return list_rows(view, &prefix, &policy_shape, arena, out, err);
}

/* ---- writing ---- */

static enum mb_code put_member(struct store_view *view, const struct member_row *row,
			       struct mb_err *err)
{
	struct key key = key_of_number(T_MEMBER, row->member_id);

	return put_row(view, &key, &member_shape, row, err);
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

	if (has(view, &key)) {
		return mb_fail(err, MB_IDENTITY_TAKEN, "%s", mb_code_text(MB_IDENTITY_TAKEN));
	}
	code = put_row(view, &key, &identity_shape, row, err);
	return code != MB_OK ? code : put_value(view, &link, STR(""), err);
}

static enum mb_code delete_identity(struct store_view *view, struct str hash, struct mb_err *err)
{
	struct key key = key_of_text(T_IDENTITY, hash), link;
	struct identity_row row;
	struct str value;
	enum mb_code code;

	if (!tree_get(root_of(view), key_str(&key), &value)) {
		return MB_OK;
	}
	memcpy(&row, value.ptr, sizeof(row));
	link = key_of_link(row.member_id, row.linked_at, hash);
	code = remove_key(view, &link, err);
	return code != MB_OK ? code : remove_key(view, &key, err);
}

static enum mb_code add_entry(struct store_view *view, const struct entry_row *row,
			      struct mb_err *err)
{
	struct key key = key_of_numbers(T_ENTRY, row->member_id, row->entry_id);
	struct key unique = key_of_entry(row->member_id, row->source, row->source_event_id);
	struct str entry_id = {(const char *)&row->entry_id, sizeof(row->entry_id)};
	enum mb_code code;

	if (has(view, &key) || has(view, &unique)) {
		return mb_fail(err, MB_ACTIVITY_CONFLICT, "%s", mb_code_text(MB_ACTIVITY_CONFLICT));
	}
	code = put_row(view, &key, &entry_shape, row, err);
	return code != MB_OK ? code : put_value(view, &unique, entry_id, err);
}

static enum mb_code add_history(struct store_view *view, const struct history_row *row,
				struct mb_err *err)
{
	struct key key = key_of_number(T_HISTORY, row->member_id);
	struct history_row numbered = *row;
	struct str last;

	numbered.seq = 1;
	if (tree_last(root_of(view), key_str(&key), &last)) {
		numbered.seq += key_last_number(last);
	}
	key_put_number(&key, numbered.seq);
	return put_row(view, &key, &history_shape, &numbered, err);
}

static enum mb_code add_outbox(struct store_view *view, const struct outbox_row *row,
			       struct mb_err *err)
{
	struct outbox_row numbered = *row;
	struct key key;

	numbered.seq = ++view_of(view)->state.outbox_seq;
	key = key_of_number(T_OUTBOX, numbered.seq);
	return put_row(view, &key, &outbox_shape, &numbered, err);
}

static enum mb_code add_request(struct store_view *view, const struct request_row *row,
				struct mb_err *err)
{
	struct key key = key_of_request(row->principal, row->request_id);
	struct key by_time = key_of_number(T_REQUEST_TIME, row->known_at);
	enum mb_code code;

	if (has(view, &key)) {
		return mb_fail(err, MB_REQUEST_ID_REUSED, "%s", mb_code_text(MB_REQUEST_ID_REUSED));
	}
	key_put_text(&by_time, row->principal);
	key_put_text(&by_time, row->request_id);
	code = put_row(view, &key, &request_shape, row, err);
	return code != MB_OK ? code : put_value(view, &by_time, STR(""), err);
}

static enum mb_code add_policy(struct store_view *view, const struct policy_row *row,
			       struct mb_err *err)
{
	struct key key = key_of_number(T_POLICY, row->version);

	if (has(view, &key)) {
		return mb_fail(err, MB_FIELD_INVALID, "policy version %d is there already",
			       (int)row->version);
	}
	return put_row(view, &key, &policy_shape, row, err);
}

static enum mb_code put_meta(struct store_view *view, struct str name, struct str value,
			     struct mb_err *err)
{
	struct key key = key_of_text(T_META, name);

	return put_row(view, &key, &meta_shape, &value, err);
}

/* ---- pruning ---- */

struct first {
	struct key key;
	int64_t known_at; /* of an outbox row */
	bool found;
};

static bool take_first(struct str key, struct str value, void *data)
{
	struct first *first = data;
	struct outbox_row row;

	memcpy(first->key.bytes, key.ptr, key.len);
	first->key.len = key.len;
	first->found = true;
	if (value.len == sizeof(row)) {
		memcpy(&row, value.ptr, sizeof(row));
		first->known_at = row.known_at;
	}
	return false;
}

/* The oldest row of a table that is in the order of known_at. */
static struct first find_first(struct store_view *view, enum table table)
{
	struct key prefix = key_of(table);
	struct first first = {.found = false};

	tree_scan(root_of(view), key_str(&prefix), key_str(&prefix), take_first, &first);
	return first;
}

static enum mb_code prune_requests(struct store_view *view, int64_t before, size_t most,
				   size_t *deleted, struct mb_err *err)
{
	const size_t head = 1 + 8; /* letter, known_at */
	enum mb_code code = MB_OK;

	while (*deleted < most && code == MB_OK) {
		struct first first = find_first(view, T_REQUEST_TIME);
		struct key key = key_of(T_REQUEST);

		if (!first.found ||
		    key_last_number((struct str){first.key.bytes, head}) >= before) {
			break;
		}
		memcpy(key.bytes + 1, first.key.bytes + head, first.key.len - head);
		key.len += first.key.len - head;
		code = remove_key(view, &first.key, err);
		if (code == MB_OK) {
			code = remove_key(view, &key, err);
			++*deleted;
		}
	}
	return code;
}

static enum mb_code prune_outbox(struct store_view *view, int64_t before, size_t most,
				 size_t *deleted, struct mb_err *err)
{
	enum mb_code code = MB_OK;

	while (*deleted < most && code == MB_OK) {
		struct first first = find_first(view, T_OUTBOX);

		if (!first.found || first.known_at >= before) {
			break;
		}
		code = remove_key(view, &first.key, err);
		++*deleted;
	}
	return code;
}

static enum mb_code prune(struct store_view *view, int64_t requests_before, int64_t outbox_before,
			  size_t most, size_t *deleted, struct mb_err *err)
{
	enum mb_code code = MB_OK;

	if (requests_before != 0) {
		code = prune_requests(view, requests_before, most, deleted, err);
	}
	if (outbox_before != 0 && code == MB_OK) {
		code = prune_outbox(view, outbox_before, most, deleted, err);
	}
	return code;
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
	.get_identity = get_identity,
	.list_identities = list_identities,
	.get_entry = get_entry,
	.list_entries = list_entries,
	.list_history = list_history,
	.list_outbox = list_outbox,
	.get_request = get_request,
	.get_meta = get_meta,
	.list_policies = list_policies,
	.put_member = put_member,
	.put_identity = put_identity,
	.delete_identity = delete_identity,
	.add_entry = add_entry,
	.add_history = add_history,
	.add_outbox = add_outbox,
	.add_request = add_request,
	.add_policy = add_policy,
	.put_meta = put_meta,
	.prune = prune,
};
