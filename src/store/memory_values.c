/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as entries of the map: a value is the row's struct and, behind it, the bytes of its texts.
 */
#include "store/memory.h"

#include <assert.h>
#include <string.h>

static struct memory_view *view_of(struct store_view *view)
{
	return (struct memory_view *)view;
}

struct tree *memory_root(struct store_view *view)
{
	return view_of(view)->state.root;
}

union any_row {
	struct member_row member;
	struct identity_row identity;
	struct entry_row entry;
	struct history_row history;
	struct outbox_row outbox;
	struct request_row request;
	struct policy_row policy;
	struct audit_row audit;
	struct checkpoint_row checkpoint;
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

enum mb_code memory_put_value(struct store_view *view, const struct key *key, struct str value,
			      struct mb_err *err)
{
	struct memory_view *v = view_of(view);

	if (!tree_put(&v->state.root, key_str(key), value, draw_weight(v))) {
		return fail_memory(view, err);
	}
	return MB_OK;
}

enum mb_code memory_put_row(struct store_view *view, const struct key *key,
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
			    : memory_put_value(view, key, strbuf_str(&value), err);
	strbuf_fini(&value);
	return code;
}

bool memory_has(struct store_view *view, const struct key *key)
{
	struct str value;

	return tree_get(memory_root(view), key_str(key), &value);
}

enum mb_code memory_remove(struct store_view *view, const struct key *key, struct mb_err *err)
{
	return tree_remove(&view_of(view)->state.root, key_str(key)) ? MB_OK
								     : fail_memory(view, err);
}

enum mb_code memory_get_row(struct store_view *view, const struct key *key,
			    const struct shape *shape, struct arena *arena, void *out, bool *found,
			    struct mb_err *err)
{
	union any_row row;
	struct str value;

	if (!tree_get(memory_root(view), key_str(key), &value)) {
		return MB_OK;
	}
	if (!take_row(shape, value, arena, &row)) {
		return arena_fail(arena, err);
	}
	memcpy(out, &row, shape->size);
	*found = true;
	return MB_OK;
}

bool memory_list_one(struct str key, struct str value, void *data)
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

enum mb_code memory_list_from(struct store_view *view, const struct key *prefix,
			      const struct key *from, const struct shape *shape, size_t most,
			      struct arena *arena, struct row_list *out, struct mb_err *err)
{
	struct listing listing = {shape, arena, out, most, false};

	assert(out->row_size == shape->size);
	tree_scan(memory_root(view), key_str(prefix), key_str(from), memory_list_one, &listing);
	return listing.overflowed ? arena_fail(arena, err) : MB_OK;
}

enum mb_code memory_list_rows(struct store_view *view, const struct key *prefix,
			      const struct shape *shape, struct arena *arena, struct row_list *out,
			      struct mb_err *err)
{
	return memory_list_from(view, prefix, prefix, shape, SIZE_MAX, arena, out, err);
}
