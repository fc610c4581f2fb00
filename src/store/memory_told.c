/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was told and decided: history, outbox, audit; and the forgetting of what need not be kept.
 */
#include "store/memory.h"

#include <string.h>

static struct memory_view *view_of(struct store_view *view)
{
	return (struct memory_view *)view;
}

static const struct shape history_shape = {sizeof(struct history_row), 0, {0}};
static const struct shape outbox_shape = {sizeof(struct outbox_row), 0, {0}};
static const struct shape audit_shape = {
	sizeof(struct audit_row),
	5,
	{offsetof(struct audit_row, actor), offsetof(struct audit_row, action),
	 offsetof(struct audit_row, detail), offsetof(struct audit_row, prev),
	 offsetof(struct audit_row, hash)}};

/* ---- history ---- */

enum mb_code memory_list_history(struct store_view *view, int64_t member_id, struct row_list *out,
				 struct mb_err *err)
{
	struct key prefix = key_of_number(T_HISTORY, member_id);

	return memory_list_rows(view, &prefix, &history_shape, NULL, out, err);
}

enum mb_code memory_get_history(struct store_view *view, int64_t member_id, int64_t seq,
				struct history_row *out, bool *found, struct mb_err *err)
{
	struct key key = key_of_numbers(T_HISTORY, member_id, seq);

	return memory_get_row(view, &key, &history_shape, NULL, out, found, err);
}

enum mb_code memory_add_history(struct store_view *view, const struct history_row *row,
				int64_t *seq, struct mb_err *err)
{
	struct key key = key_of_number(T_HISTORY, row->member_id);
	struct history_row numbered = *row;
	struct str last;

	numbered.seq = 1;
	if (tree_last(memory_root(view), key_str(&key), &last)) {
		numbered.seq += key_last_number(last);
	}
	key_put_number(&key, numbered.seq);
	*seq = numbered.seq;
	return memory_put_row(view, &key, &history_shape, &numbered, err);
}

/* ---- outbox ---- */

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

	tree_scan(memory_root(view), key_str(&prefix), key_str(&prefix), take_first, &first);
	return first;
}

enum mb_code memory_list_outbox(struct store_view *view, int64_t after, size_t most,
				struct row_list *out, struct mb_err *err)
{
	struct key prefix = key_of(T_OUTBOX), from;

	if (after == INT64_MAX) {
		return MB_OK;
	}
	from = key_of_number(T_OUTBOX, after + 1);
	return memory_list_from(view, &prefix, &from, &outbox_shape, most, NULL, out, err);
}

/* Its rows are pruned from the first one on, so what is there is all from there to the last. */
enum mb_code memory_bound_outbox(struct store_view *view, int64_t *first, int64_t *last,
				 struct mb_err *err)
{
	struct first oldest = find_first(view, T_OUTBOX);

	(void)err;
	*last = view_of(view)->state.outbox_seq;
	*first = oldest.found ? key_last_number(key_str(&oldest.key)) : *last + 1;
	return MB_OK;
}

enum mb_code memory_add_outbox(struct store_view *view, const struct outbox_row *row, int64_t *seq,
			       struct mb_err *err)
{
	struct outbox_row numbered = *row;
	struct key key;

	numbered.seq = ++view_of(view)->state.outbox_seq;
	key = key_of_number(T_OUTBOX, numbered.seq);
	*seq = numbered.seq;
	return memory_put_row(view, &key, &outbox_shape, &numbered, err);
}

/* ---- audit ---- */

enum mb_code memory_last_audit(struct store_view *view, int32_t vb, struct arena *arena,
			       struct audit_row *out, bool *found, struct mb_err *err)
{
	struct key key = key_of_number(T_AUDIT, vb);
	struct str last;

	if (!tree_last(memory_root(view), key_str(&key), &last)) {
		return MB_OK;
	}
	key_put_number(&key, key_last_number(last));
	return memory_get_row(view, &key, &audit_shape, arena, out, found, err);
}

enum mb_code memory_list_audit(struct store_view *view, int32_t vb, int64_t seq, size_t most,
			       struct arena *arena, struct row_list *out, struct mb_err *err)
{
	struct key prefix = key_of(T_AUDIT), from = key_of_numbers(T_AUDIT, vb, seq + 1);

	return memory_list_from(view, &prefix, &from, &audit_shape, most, arena, out, err);
}

enum mb_code memory_add_audit(struct store_view *view, const struct audit_row *row,
			      struct mb_err *err)
{
	struct key key = key_of_numbers(T_AUDIT, row->vb, row->seq);

	if (memory_has(view, &key)) {
		return mb_fail(err, MB_INTERNAL, "audit row %lld of bucket %d is there already",
			       (long long)row->seq, (int)row->vb);
	}
	return memory_put_row(view, &key, &audit_shape, row, err);
}

/* ---- pruning ---- */

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
		code = memory_remove(view, &first.key, err);
		if (code == MB_OK) {
			code = memory_remove(view, &key, err);
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
		code = memory_remove(view, &first.key, err);
		++*deleted;
	}
	return code;
}

enum mb_code memory_prune(struct store_view *view, int64_t requests_before, int64_t outbox_before,
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
