/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backend.h"
#include "store/engine.h"

#include "base/fault.h"
#include "domain/id.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* ---- for backends ---- */

static void assert_ops(const struct store_ops *ops)
{
	assert(ops->name != NULL && ops->destroy != NULL);
	assert(ops->open_view != NULL && ops->close_view != NULL);
	assert(ops->begin != NULL && ops->commit != NULL && ops->rollback != NULL);
	assert(ops->mark != NULL && ops->keep != NULL && ops->undo != NULL);
	assert(ops->settle != NULL);
	assert(ops->get_member != NULL && ops->list_members != NULL && ops->list_due != NULL);
	assert(ops->get_identity != NULL);
	assert(ops->list_identities != NULL && ops->get_entry != NULL);
	assert(ops->list_entries != NULL && ops->list_history != NULL);
	assert(ops->get_history != NULL && ops->list_outbox != NULL && ops->bound_outbox != NULL);
	assert(ops->last_audit != NULL && ops->list_audit != NULL && ops->add_audit != NULL);
	assert(ops->get_checkpoint != NULL && ops->put_checkpoint != NULL);
	assert(ops->delete_checkpoint != NULL && ops->get_request != NULL);
	assert(ops->get_meta != NULL && ops->list_policies != NULL);
	assert(ops->put_member != NULL && ops->put_identity != NULL);
	assert(ops->delete_identity != NULL && ops->add_entry != NULL);
	assert(ops->add_history != NULL && ops->add_outbox != NULL);
	assert(ops->add_request != NULL && ops->add_policy != NULL);
	assert(ops->put_meta != NULL && ops->prune != NULL);
}

void store_init(struct store *store, const struct store_ops *ops)
{
	assert_ops(ops);
	store->magic = STORE_MAGIC;
	store->ops = ops;
	store->engine = NULL;
	atomic_init(&store->health, STORE_HEALTHY);
}

void store_view_init(struct store_view *view, struct store *store, bool write)
{
	*view = (struct store_view){.magic = STORE_VIEW_MAGIC, .store = store, .write = write};
}

enum mb_code store_view_fail(struct store_view *view, enum mb_code code, const char *text,
			     struct mb_err *err)
{
	if (view->failure == MB_OK) {
		view->failure = mb_fail(&view->story, code, "%s", text);
	}
	return mb_fail(err, code, "%s", text);
}

void store_stop_writing(struct store *store)
{
	atomic_store(&store->health, STORE_READ_ONLY_FAILED);
}

enum mb_code store_draw_id(unsigned char out[STORE_ID_BYTES], struct mb_err *err)
{
	if (FAULT("store.random") || getrandom(out, STORE_ID_BYTES, 0) != STORE_ID_BYTES) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "the system gave no random bytes");
	}
	return MB_OK;
}

void row_list_add(struct row_list *list, const void *row)
{
	strbuf_put(&list->bytes, row, list->row_size);
}

bool str_to_arena(struct str s, struct arena *arena, struct str *out)
{
	char *bytes;

	if (s.len == 0) {
		*out = (struct str){NULL, 0};
		return true;
	}
	bytes = arena_dup(arena, s.ptr, s.len);
	if (bytes == NULL) {
		return false;
	}
	*out = (struct str){bytes, s.len};
	return true;
}

/* ---- checks ---- */

static const struct store_ops *ops_to_read(const struct store_view *view)
{
	assert(view->magic == STORE_VIEW_MAGIC);
	assert(view->in_job);
	return view->store->ops;
}

static const struct store_ops *ops_to_write(struct store_view *view)
{
	assert(view->write);
	view->changed = true;
	return ops_to_read(view);
}

static enum mb_code check_text(struct str text, const char *name, struct mb_err *err)
{
	if (text.len == 0 || text.len > STORE_KEY_BYTES_MAX) {
		return mb_fail(err, MB_FIELD_INVALID, "%s must have 1 to %d bytes", name,
			       STORE_KEY_BYTES_MAX);
	}
	return MB_OK;
}

static void assert_hash(struct str bytes)
{
	assert(bytes.len == STORE_HASH_BYTES);
}

static enum mb_code check_meta_name(struct str name, struct mb_err *err)
{
	struct str own = STR("store.");

	if (name.len >= own.len && memcmp(name.ptr, own.ptr, own.len) == 0) {
		return mb_fail(err, MB_FIELD_INVALID, "names that begin with 'store.' are taken");
	}
	return check_text(name, "the name of a value", err);
}

/* Moves the rows from the heap to the arena; frees the heap's in any case. */
static enum mb_code finish_list(struct row_list *list, enum mb_code code, struct arena *arena,
				void *rows, size_t *n, struct mb_err *err)
{
	void *copy;

	if (code == MB_OK && list->bytes.failed) {
		code = mb_fail(err, MB_OVERLOADED, "no memory is left for this list");
	}
	if (code == MB_OK) {
		copy = arena_dup(arena, list->bytes.ptr, list->bytes.len);
		if (copy == NULL) {
			code = arena_fail(arena, err);
		} else {
			memcpy(rows, &copy, sizeof(copy));
			*n = list->bytes.len / list->row_size;
		}
	}
	strbuf_fini(&list->bytes);
	return code;
}

/* ---- reading ---- */

int64_t store_view_now(const struct store_view *view)
{
	ops_to_read(view);
	return view->now;
}

enum mb_code store_get_member(struct store_view *view, int64_t member_id, struct arena *arena,
			      struct member_row *out, bool *found, struct mb_err *err)
{
	*found = false;
	return ops_to_read(view)->get_member(view, member_id, arena, out, found, err);
}

enum mb_code store_list_members(struct store_view *view, int64_t after, size_t most,
				struct arena *arena, struct member_row **out, size_t *n,
				struct mb_err *err)
{
	struct row_list list = {.row_size = sizeof(**out)};
	enum mb_code code = ops_to_read(view)->list_members(view, after, most, arena, &list, err);

	return finish_list(&list, code, arena, out, n, err);
}

enum mb_code store_list_due(struct store_view *view, int32_t vb, int64_t upto, size_t most,
			    struct arena *arena, struct due_row **out, size_t *n,
			    struct mb_err *err)
{
	struct row_list list = {.row_size = sizeof(**out)};
	enum mb_code code = ops_to_read(view)->list_due(view, vb, upto, most, &list, err);

	return finish_list(&list, code, arena, out, n, err);
}

enum mb_code store_get_identity(struct store_view *view, struct str key, struct arena *arena,
				struct identity_row *out, bool *found, struct mb_err *err)
{
	assert_hash(key);
	*found = false;
	return ops_to_read(view)->get_identity(view, key, arena, out, found, err);
}

enum mb_code store_list_identities(struct store_view *view, int64_t member_id, struct arena *arena,
				   struct identity_row **out, size_t *n, struct mb_err *err)
{
	struct row_list list = {.row_size = sizeof(**out)};
	enum mb_code code = ops_to_read(view)->list_identities(view, member_id, arena, &list, err);

	return finish_list(&list, code, arena, out, n, err);
}

enum mb_code store_get_entry(struct store_view *view, int64_t member_id, struct str source,
			     struct str source_event_id, struct arena *arena, struct entry_row *out,
			     bool *found, struct mb_err *err)
{
	*found = false;
	if (source.len > STORE_KEY_BYTES_MAX || source_event_id.len > STORE_KEY_BYTES_MAX) {
		return MB_OK; /* nothing can be stored under it */
	}
	return ops_to_read(view)->get_entry(view, member_id, source, source_event_id, arena, out,
					    found, err);
}

enum mb_code store_list_entries(struct store_view *view, int64_t member_id, struct arena *arena,
				struct entry_row **out, size_t *n, struct mb_err *err)
{
	return store_list_entries_from(view, member_id, 0, SIZE_MAX, arena, out, n, err);
}

enum mb_code store_list_entries_from(struct store_view *view, int64_t member_id, int64_t from,
				     size_t most, struct arena *arena, struct entry_row **out,
				     size_t *n, struct mb_err *err)
{
	struct row_list list = {.row_size = sizeof(**out)};
	enum mb_code code =
		ops_to_read(view)->list_entries(view, member_id, from, most, arena, &list, err);

	return finish_list(&list, code, arena, out, n, err);
}

enum mb_code store_list_history(struct store_view *view, int64_t member_id, struct arena *arena,
				struct history_row **out, size_t *n, struct mb_err *err)
{
	struct row_list list = {.row_size = sizeof(**out)};
	enum mb_code code = ops_to_read(view)->list_history(view, member_id, &list, err);

	return finish_list(&list, code, arena, out, n, err);
}

enum mb_code store_get_history(struct store_view *view, int64_t member_id, int64_t seq,
			       struct history_row *out, bool *found, struct mb_err *err)
{
	*found = false;
	return ops_to_read(view)->get_history(view, member_id, seq, out, found, err);
}

enum mb_code store_list_outbox(struct store_view *view, int64_t after, size_t most,
			       struct arena *arena, struct outbox_row **out, size_t *n,
			       struct mb_err *err)
{
	struct row_list list = {.row_size = sizeof(**out)};
	enum mb_code code = ops_to_read(view)->list_outbox(view, after, most, &list, err);

	return finish_list(&list, code, arena, out, n, err);
}

enum mb_code store_bound_outbox(struct store_view *view, int64_t *first, int64_t *last,
				struct mb_err *err)
{
	return ops_to_read(view)->bound_outbox(view, first, last, err);
}

enum mb_code store_last_audit(struct store_view *view, int32_t vb, struct arena *arena,
			      struct audit_row *out, bool *found, struct mb_err *err)
{
	*found = false;
	return ops_to_read(view)->last_audit(view, vb, arena, out, found, err);
}

enum mb_code store_list_audit(struct store_view *view, int32_t vb, int64_t seq, size_t most,
			      struct arena *arena, struct audit_row **out, size_t *n,
			      struct mb_err *err)
{
	struct row_list list = {.row_size = sizeof(**out)};
	enum mb_code code = ops_to_read(view)->list_audit(view, vb, seq, most, arena, &list, err);

	return finish_list(&list, code, arena, out, n, err);
}

enum mb_code store_get_checkpoint(struct store_view *view, int64_t member_id, struct arena *arena,
				  struct checkpoint_row *out, bool *found, struct mb_err *err)
{
	*found = false;
	return ops_to_read(view)->get_checkpoint(view, member_id, arena, out, found, err);
}

enum mb_code store_get_request(struct store_view *view, struct str principal, struct str request_id,
			       struct arena *arena, struct request_row *out, bool *found,
			       struct mb_err *err)
{
	*found = false;
	if (principal.len > STORE_KEY_BYTES_MAX || request_id.len > STORE_KEY_BYTES_MAX) {
		return MB_OK;
	}
	return ops_to_read(view)->get_request(view, principal, request_id, arena, out, found, err);
}

enum mb_code store_get_meta(struct store_view *view, struct str name, struct arena *arena,
			    struct str *out, bool *found, struct mb_err *err)
{
	enum mb_code code = check_meta_name(name, err);

	*found = false;
	if (code != MB_OK) {
		return code;
	}
	return ops_to_read(view)->get_meta(view, name, arena, out, found, err);
}

enum mb_code store_list_policies(struct store_view *view, struct arena *arena,
				 struct policy_row **out, size_t *n, struct mb_err *err)
{
	struct row_list list = {.row_size = sizeof(**out)};
	enum mb_code code = ops_to_read(view)->list_policies(view, arena, &list, err);

	return finish_list(&list, code, arena, out, n, err);
}

/* ---- writing: what a row tells of the transaction is stamped here ---- */

enum mb_code store_put_member(struct store_view *view, const struct member_row *row,
			      struct mb_err *err)
{
	assert(row->member_id > 0);
	return ops_to_write(view)->put_member(view, row, err);
}

enum mb_code store_put_identity(struct store_view *view, const struct identity_row *row,
				struct mb_err *err)
{
	assert(row->member_id > 0);
	assert_hash(row->key);
	return ops_to_write(view)->put_identity(view, row, err);
}

enum mb_code store_delete_identity(struct store_view *view, struct str key, struct mb_err *err)
{
	assert_hash(key);
	return ops_to_write(view)->delete_identity(view, key, err);
}

enum mb_code store_add_entry(struct store_view *view, const struct entry_row *row,
			     struct mb_err *err)
{
	struct entry_row stamped = *row;
	enum mb_code code = check_text(row->source, "a source", err);

	assert(row->member_id > 0 && row->entry_id > 0);
	if (code == MB_OK) {
		code = check_text(row->source_event_id, "a source_event_id", err);
	}
	if (code != MB_OK) {
		return code;
	}
	stamped.known_at = view->now;
	return ops_to_write(view)->add_entry(view, &stamped, err);
}

enum mb_code store_add_history(struct store_view *view, const struct history_row *row, int64_t *seq,
			       struct mb_err *err)
{
	struct history_row stamped = *row;

	assert(row->member_id > 0);
	stamped.known_at = view->now;
	return ops_to_write(view)->add_history(view, &stamped, seq, err);
}

enum mb_code store_add_outbox(struct store_view *view, const struct outbox_row *row,
			      struct mb_err *err)
{
	struct outbox_row stamped = *row;

	assert(row->member_id > 0);
	stamped.known_at = view->now;
	return ops_to_write(view)->add_outbox(view, &stamped, &view->outbox_seq, err);
}

enum mb_code store_add_audit(struct store_view *view, const struct audit_row *row,
			     struct mb_err *err)
{
	struct audit_row stamped = *row;

	assert(row->member_id >= 0 && row->seq > 0);
	assert_hash(row->prev);
	assert_hash(row->hash);
	stamped.vb = vb_of(row->member_id);
	stamped.known_at = view->now;
	return ops_to_write(view)->add_audit(view, &stamped, err);
}

enum mb_code store_put_checkpoint(struct store_view *view, const struct checkpoint_row *row,
				  struct mb_err *err)
{
	assert(row->member_id > 0);
	return ops_to_write(view)->put_checkpoint(view, row, err);
}

enum mb_code store_delete_checkpoint(struct store_view *view, int64_t member_id, struct mb_err *err)
{
	return ops_to_write(view)->delete_checkpoint(view, member_id, err);
}

enum mb_code store_add_request(struct store_view *view, const struct request_row *row,
			       struct mb_err *err)
{
	struct request_row stamped = *row;
	enum mb_code code = check_text(row->principal, "a principal", err);

	assert_hash(row->digest);
	if (code == MB_OK) {
		code = check_text(row->request_id, "a request_id", err);
	}
	if (code != MB_OK) {
		return code;
	}
	stamped.known_at = view->now;
	return ops_to_write(view)->add_request(view, &stamped, err);
}

enum mb_code store_add_policy(struct store_view *view, const struct policy_row *row,
			      struct mb_err *err)
{
	struct policy_row stamped = *row;

	assert(row->version > 0);
	assert_hash(row->digest);
	stamped.known_at = view->now;
	return ops_to_write(view)->add_policy(view, &stamped, err);
}

enum mb_code store_put_meta(struct store_view *view, struct str name, struct str value,
			    struct mb_err *err)
{
	enum mb_code code = check_meta_name(name, err);

	return code != MB_OK ? code : ops_to_write(view)->put_meta(view, name, value, err);
}

enum mb_code store_prune(struct store_view *view, int64_t requests_before, int64_t outbox_before,
			 size_t most, size_t *deleted, struct mb_err *err)
{
	*deleted = 0;
	return ops_to_write(view)->prune(view, requests_before, outbox_before, most, deleted, err);
}

/* ---- jobs and life ---- */

void store_submit(struct store *store, struct store_job *job)
{
	assert(store->magic == STORE_MAGIC);
	engine_submit(store->engine, job);
}

void store_cancel(struct store *store, struct store_job *job)
{
	assert(store->magic == STORE_MAGIC);
	engine_cancel(store->engine, job);
}

void store_close(struct store *store, void (*cb)(void *data), void *data)
{
	assert(store->magic == STORE_MAGIC);
	engine_close(store->engine, cb, data);
}

const unsigned char *store_id(const struct store *store)
{
	assert(store->magic == STORE_MAGIC);
	return store->id;
}

enum store_health store_health(const struct store *store)
{
	assert(store->magic == STORE_MAGIC);
	return (enum store_health)atomic_load(&store->health);
}

const char *store_name(const struct store *store)
{
	assert(store->magic == STORE_MAGIC);
	return store->ops->name;
}
