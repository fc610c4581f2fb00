/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory: what the files of this backend share: memory.c has transactions, opening and closing,
 * memory_rows.c the rows.
 */
#pragma once

#include "store/backend.h"
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

extern const struct store_ops memory_ops;

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
