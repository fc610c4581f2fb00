/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in memory: gone with the process, and otherwise like any other. Everything is in one
 * ordered map that never changes (tree.h): a snapshot is a root, a write transaction a root of its
 * own that commit makes the current one, and a job that fails goes back to the root it began with.
 *
 * A key is a table's letter and fields that sort as the row does; a value is the row's struct and,
 * behind it, the bytes of its texts.
 */
#include "store/backend.h"
#include "store/engine.h"
#include "store/tree.h"

#include "base/fault.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum table {
	T_MEMBER = 'm', /* member_id */
	T_IDENTITY = 'i', /* key */
	T_MEMBER_IDENTITY = 'j', /* member_id, linked_at, key: nothing */
	T_ENTRY = 'e', /* member_id, entry_id */
	T_ENTRY_KEY = 'k', /* member_id, source, source_event_id: entry_id */
	T_HISTORY = 'h', /* member_id, seq */
	T_OUTBOX = 'o', /* seq */
	T_REQUEST = 'r', /* principal, request_id */
	T_REQUEST_TIME = 't', /* known_at, principal, request_id: nothing */
	T_META = 'v', /* name */
	T_POLICY = 'p', /* version */
};

/* What a transaction sees and makes. */
struct state {
	struct tree *root;
	int64_t outbox_seq, known_at;
};

struct memory {
	struct store base;
	pthread_mutex_t lock; /* guards current */
	struct state current;
};

struct memory_view {
	struct store_view base;
	struct state state;
	struct state mark; /* where the job began */
	uint64_t seed;
};

static struct memory *memory_of(struct store *store)
{
	return (struct memory *)store;
}

static struct memory_view *view_of(struct store_view *view)
{
	return (struct memory_view *)view;
}

static struct tree *root_of(struct store_view *view)
{
	return view_of(view)->state.root;
}

/* ---- keys ---- */

#define KEY_MOST (1 + 2 * 8 + 2 * (2 + STORE_KEY_BYTES_MAX))

struct key {
	char bytes[KEY_MOST];
	size_t len;
};

static struct key key_of(enum table table)
{
	struct key key = {.len = 1};

	key.bytes[0] = (char)table;
	return key;
}

/* Big-endian with the sign turned round: sorts like the number. */
static void put_number(struct key *key, int64_t number)
{
	uint64_t bits = (uint64_t)number ^ UINT64_C(1) << 63;

	assert(key->len + 8 <= KEY_MOST);
	for (int shift = 56; shift >= 0; shift -= 8) {
		key->bytes[key->len++] = (char)(bits >> shift);
	}
}

/* With its length before it, so that no two rows have one key. */
static void put_text(struct key *key, struct str text)
{
	assert(text.len <= STORE_KEY_BYTES_MAX && key->len + 2 + text.len <= KEY_MOST);
	key->bytes[key->len++] = (char)(text.len >> 8);
	key->bytes[key->len++] = (char)text.len;
	if (text.len > 0) {
		memcpy(key->bytes + key->len, text.ptr, text.len);
		key->len += text.len;
	}
}

static struct key key_of_number(enum table table, int64_t number)
{
	struct key key = key_of(table);

	put_number(&key, number);
	return key;
}

static struct key key_of_numbers(enum table table, int64_t first, int64_t second)
{
	struct key key = key_of_number(table, first);

	put_number(&key, second);
	return key;
}

static struct key key_of_text(enum table table, struct str text)
{
	struct key key = key_of(table);

	put_text(&key, text);
	return key;
}

static struct key key_of_entry(int64_t member_id, struct str source, struct str source_event_id)
{
	struct key key = key_of_number(T_ENTRY_KEY, member_id);

	put_text(&key, source);
	put_text(&key, source_event_id);
	return key;
}

static struct str key_str(const struct key *key)
{
	return (struct str){key->bytes, key->len};
}

/* The number at the end of a key. */
static int64_t last_number(struct str key)
{
	uint64_t bits = 0;

	assert(key.len >= 8);
	for (size_t i = key.len - 8; i < key.len; i++) {
		bits = bits << 8 | (unsigned char)key.ptr[i];
	}
	return (int64_t)(bits ^ UINT64_C(1) << 63);
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

	put_text(&key, request_id);
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

	put_text(&key, hash);
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
		numbered.seq += last_number(last);
	}
	put_number(&key, numbered.seq);
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
	put_text(&by_time, row->principal);
	put_text(&by_time, row->request_id);
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

		if (!first.found || last_number((struct str){first.key.bytes, head}) >= before) {
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

/* ---- transactions ---- */

static struct state share(const struct state *state)
{
	struct state shared = *state;

	tree_ref(shared.root);
	return shared;
}

static void drop(struct state *state)
{
	tree_unref(state->root);
	state->root = NULL;
}

static enum mb_code begin(struct store_view *view, int64_t *last_known_at, struct mb_err *err)
{
	struct memory *memory = memory_of(view->store);

	(void)err;
	pthread_mutex_lock(&memory->lock);
	view_of(view)->state = share(&memory->current);
	pthread_mutex_unlock(&memory->lock);
	*last_known_at = view_of(view)->state.known_at;
	return MB_OK;
}

static void rollback(struct store_view *view)
{
	/* a job that the backend's failure ended has left its mark */
	drop(&view_of(view)->mark);
	drop(&view_of(view)->state);
}

static enum mb_code commit(struct store_view *view, int64_t known_at, struct mb_err *err)
{
	struct memory *memory = memory_of(view->store);
	struct state before;

	(void)err;
	view_of(view)->state.known_at = known_at;
	pthread_mutex_lock(&memory->lock);
	before = memory->current;
	memory->current = view_of(view)->state;
	pthread_mutex_unlock(&memory->lock);
	view_of(view)->state.root = NULL;
	drop(&before);
	return MB_OK;
}

static enum mb_code mark(struct store_view *view, struct mb_err *err)
{
	(void)err;
	view_of(view)->mark = share(&view_of(view)->state);
	return MB_OK;
}

static enum mb_code keep(struct store_view *view, struct mb_err *err)
{
	(void)err;
	drop(&view_of(view)->mark);
	return MB_OK;
}

static enum mb_code undo(struct store_view *view, struct mb_err *err)
{
	(void)err;
	drop(&view_of(view)->state);
	view_of(view)->state = view_of(view)->mark;
	view_of(view)->mark.root = NULL;
	return MB_OK;
}

static void settle(struct store_view *view)
{
	(void)view;
}

/* ---- life ---- */

static enum mb_code open_view(struct store *store, bool write, struct store_view **out,
			      struct mb_err *err)
{
	struct memory_view *view = FAULT("store.memory.view") ? NULL : calloc(1, sizeof(*view));

	if (view == NULL) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "no memory is left");
	}
	store_view_init(&view->base, store, write);
	memcpy(&view->seed, store->id, sizeof(view->seed));
	view->seed |= 1; /* 0 would stay 0 */
	*out = &view->base;
	return MB_OK;
}

static void close_view(struct store_view *view)
{
	free(view);
}

static void destroy(struct store *store)
{
	struct memory *memory = memory_of(store);

	drop(&memory->current);
	pthread_mutex_destroy(&memory->lock);
	memory->base.magic = 0;
	free(memory);
}

static const struct store_ops memory_ops = {
	.name = "memory",
	.destroy = destroy,
	.open_view = open_view,
	.close_view = close_view,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.mark = mark,
	.keep = keep,
	.undo = undo,
	.settle = settle,
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

enum mb_code store_open_memory(const struct store_options *options, struct store **out,
			       struct mb_err *err)
{
	struct memory *memory = calloc(1, sizeof(*memory));
	enum mb_code code;

	if (memory == NULL) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "no memory is left");
	}
	store_init(&memory->base, &memory_ops);
	pthread_mutex_init(&memory->lock, NULL);
	code = store_draw_id(memory->base.id, err);
	if (code == MB_OK) {
		code = engine_start(&memory->base, options, err);
	}
	if (code != MB_OK) {
		destroy(&memory->base);
		return code;
	}
	*out = &memory->base;
	return MB_OK;
}
