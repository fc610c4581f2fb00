/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory: what the files of this backend share.
 *
 *     memory.c         opening, transactions, closing      memory_rows.c    the rows, the table of ops
 *     memory_values.c  rows as values of the map           memory_told.c    what was told and decided
 */
#pragma once

#include "store/backend.h"
#include "store/key.h"
#include "store/tree.h"

/* What a transaction sees and makes. */
struct state {
	struct tree *root;
	int64_t outbox_seq, known_at;
};

struct memory_view {
	struct store_view base;
	struct state state;
	struct state mark; /* where the job began */
	uint64_t seed;
};

/* ---- memory_values.c: a value is a row's struct and, behind it, the bytes of its texts ---- */

struct shape {
	size_t size;
	size_t n_texts;
	size_t texts[6]; /* where in the struct */
};

struct listing {
	/* in */
	const struct shape *shape;
	struct arena *arena;
	struct row_list *out;
	size_t most;
	/* out */
	bool overflowed; /* the arena ran out */
};

struct tree *memory_root(struct store_view *view);
bool memory_has(struct store_view *view, const struct key *key);
enum mb_code memory_put_value(struct store_view *view, const struct key *key, struct str value,
			      struct mb_err *err);
enum mb_code memory_put_row(struct store_view *view, const struct key *key,
			    const struct shape *shape, const void *row, struct mb_err *err);
/* Of a key that is there. */
enum mb_code memory_remove(struct store_view *view, const struct key *key, struct mb_err *err);
enum mb_code memory_get_row(struct store_view *view, const struct key *key,
			    const struct shape *shape, struct arena *arena, void *out, bool *found,
			    struct mb_err *err);
/* A tree_visit_fn over a listing. */
bool memory_list_one(struct str key, struct str value, void *data);
/* The rows whose keys begin with prefix. */
enum mb_code memory_list_rows(struct store_view *view, const struct key *prefix,
			      const struct shape *shape, struct arena *arena, struct row_list *out,
			      struct mb_err *err);
/* Of them those from a key on, at most `most`. */
enum mb_code memory_list_from(struct store_view *view, const struct key *prefix,
			      const struct key *from, const struct shape *shape, size_t most,
			      struct arena *arena, struct row_list *out, struct mb_err *err);

/* ---- the ops: memory_rows.c has the table, memory_told.c and memory.c these ---- */

extern const struct store_ops memory_ops;

enum mb_code memory_list_history(struct store_view *view, int64_t member_id, struct row_list *out,
				 struct mb_err *err);
enum mb_code memory_get_history(struct store_view *view, int64_t member_id, int64_t seq,
				struct history_row *out, bool *found, struct mb_err *err);
enum mb_code memory_add_history(struct store_view *view, const struct history_row *row,
				int64_t *seq, struct mb_err *err);
enum mb_code memory_list_outbox(struct store_view *view, int64_t after, size_t most,
				struct row_list *out, struct mb_err *err);
enum mb_code memory_bound_outbox(struct store_view *view, int64_t *first, int64_t *last,
				 struct mb_err *err);
enum mb_code memory_add_outbox(struct store_view *view, const struct outbox_row *row, int64_t *seq,
			       struct mb_err *err);
enum mb_code memory_last_audit(struct store_view *view, int32_t vb, struct arena *arena,
			       struct audit_row *out, bool *found, struct mb_err *err);
enum mb_code memory_list_audit(struct store_view *view, int32_t vb, int64_t seq, size_t most,
			       struct arena *arena, struct row_list *out, struct mb_err *err);
enum mb_code memory_add_audit(struct store_view *view, const struct audit_row *row,
			      struct mb_err *err);
enum mb_code memory_prune(struct store_view *view, int64_t requests_before, int64_t outbox_before,
			  size_t most, size_t *deleted, struct mb_err *err);

void memory_destroy(struct store *store);
enum mb_code memory_open_view(struct store *store, bool write, struct store_view **out,
			      struct mb_err *err);
void memory_close_view(struct store_view *view);
enum mb_code memory_begin(struct store_view *view, int64_t *last_known_at, struct mb_err *err);
enum mb_code memory_commit(struct store_view *view, int64_t known_at, struct mb_err *err);
void memory_rollback(struct store_view *view);
enum mb_code memory_mark(struct store_view *view, struct mb_err *err);
enum mb_code memory_keep(struct store_view *view, struct mb_err *err);
enum mb_code memory_undo(struct store_view *view, struct mb_err *err);
void memory_settle(struct store_view *view);
