/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite: what the files of this backend share; sqlite3.h itself stays in them.
 *
 *     sqlite.c         opening, transactions, closing      sqlite_rows.c    the rows, the table of ops
 *     sqlite_db.c      a connection and its statements     sqlite_told.c    what was told and decided
 *     sqlite_lock.c    the file, its mode, its one owner   sqlite_schema.c  the schema and its steps
 */
#pragma once

#include "store/backend.h"
#include "store/sqlite_sql.h"

struct sqlite3;
struct sqlite3_stmt;

struct sqlite {
	struct store base;
	char *path; /* absolute */
	int lock; /* -1: none */
	int checkpoint_pages; /* the WAL's length that calls for a checkpoint */
};

struct sqlite_view {
	struct store_view base;
	struct sqlite3 *db;
	struct sqlite3_stmt *statements[SQL_END];
	int wal_pages; /* at the last commit */
};

/* ---- sqlite_lock.c ---- */

/* Makes the file when there is none (0600) and takes its lock; narrows the modes of what is there.
 * *path is malloc'ed and absolute. */
enum mb_code sqlite_claim_file(const char *name, char **path, int *lock, struct mb_err *err);
/* lock may be -1. */
void sqlite_release_file(int lock);

/* ---- sqlite_db.c: a connection ---- */

enum mb_code sqlite_open_db(const char *path, bool write, struct sqlite3 **out, struct mb_err *err);
enum mb_code sqlite_prepare_all(struct sqlite_view *view, struct mb_err *err);
void sqlite_finalize_all(struct sqlite_view *view);
/* What went wrong on a connection, in words that say what to do. */
enum mb_code sqlite_fail_db(struct sqlite3 *db, int rc, struct mb_err *err);
/* The same inside of a transaction, which is lost by it. */
enum mb_code sqlite_fail_view(struct sqlite_view *view, int rc, struct mb_err *err);
/* Runs statements without results. */
enum mb_code sqlite_exec(struct sqlite3 *db, const char *sql, struct mb_err *err);

/* One run of a prepared statement: ask, bind in order, next until false, end. */
struct query {
	struct sqlite_view *view;
	struct sqlite3_stmt *stmt;
	int bound; /* parameters so far */
	int rc;
	struct arena *overflowed; /* the arena that ran out */
};

struct query sqlite_ask(struct store_view *view, enum sqlite_sql sql);
void sqlite_bind_int(struct query *q, int64_t value);
void sqlite_bind_text(struct query *q, struct str text);
void sqlite_bind_blob(struct query *q, struct str bytes);
/* Whether there is a row. */
bool sqlite_next(struct query *q);
int64_t sqlite_int(struct query *q, int column);
/* Text or bytes, copied to the arena. */
struct str sqlite_bytes(struct query *q, int column, struct arena *arena);
/* MB_OK, or why it did not go well; a taken key is `taken` (MB_OK: it cannot be). */
enum mb_code sqlite_end(struct query *q, enum mb_code taken, struct mb_err *err);
/* Rows that the last statement of this connection changed. */
size_t sqlite_changes_of(struct store_view *view);
/* The number of the row that this connection inserted last. */
int64_t sqlite_last_rowid_of(struct store_view *view);
/* next and end of a statement without rows. */
enum mb_code sqlite_do(struct query *q, enum mb_code taken, struct mb_err *err);

/* ---- sqlite_rows.c ---- */

/* Asks with what leads every key of a member's tables. */
struct query sqlite_ask_member(struct store_view *view, enum sqlite_sql sql, int64_t member_id);
/* A LIMIT. */
int64_t sqlite_limit(size_t most);

/* ---- sqlite_schema.c ---- */

struct sqlite_step {
	const char *sql;
};

/* Brings the schema to the last step, each step in a transaction of its own. */
enum mb_code sqlite_migrate(struct sqlite3 *db, const struct sqlite_step *steps, int n_steps,
			    bool allowed, struct mb_err *err);
/* Migrates by the steps of this memberd, reads or draws the store's id. */
enum mb_code sqlite_set_up(const char *path, const struct store_options *options,
			   unsigned char id[STORE_ID_BYTES], struct mb_err *err);

/* ---- the ops: sqlite_rows.c has the table, sqlite_told.c and sqlite.c these ---- */

extern const struct store_ops sqlite_ops;

enum mb_code sqlite_list_history(struct store_view *view, int64_t member_id, struct row_list *out,
				 struct mb_err *err);
enum mb_code sqlite_get_history(struct store_view *view, int64_t member_id, int64_t seq,
				struct history_row *out, bool *found, struct mb_err *err);
enum mb_code sqlite_add_history(struct store_view *view, const struct history_row *row,
				int64_t *seq, struct mb_err *err);
enum mb_code sqlite_list_outbox(struct store_view *view, int64_t after, size_t most,
				struct row_list *out, struct mb_err *err);
enum mb_code sqlite_bound_outbox(struct store_view *view, int64_t *first, int64_t *last,
				 struct mb_err *err);
enum mb_code sqlite_add_outbox(struct store_view *view, const struct outbox_row *row, int64_t *seq,
			       struct mb_err *err);
enum mb_code sqlite_last_audit(struct store_view *view, int32_t vb, struct arena *arena,
			       struct audit_row *out, bool *found, struct mb_err *err);
enum mb_code sqlite_list_audit(struct store_view *view, int32_t vb, int64_t seq, size_t most,
			       struct arena *arena, struct row_list *out, struct mb_err *err);
enum mb_code sqlite_add_audit(struct store_view *view, const struct audit_row *row,
			      struct mb_err *err);
enum mb_code sqlite_prune(struct store_view *view, int64_t requests_before, int64_t outbox_before,
			  size_t most, size_t *deleted, struct mb_err *err);

void sqlite_destroy(struct store *store);
enum mb_code sqlite_open_view(struct store *store, bool write, struct store_view **out,
			      struct mb_err *err);
void sqlite_close_view(struct store_view *view);
enum mb_code sqlite_begin(struct store_view *view, int64_t *last_known_at, struct mb_err *err);
enum mb_code sqlite_commit(struct store_view *view, int64_t known_at, struct mb_err *err);
void sqlite_rollback(struct store_view *view);
enum mb_code sqlite_mark(struct store_view *view, struct mb_err *err);
enum mb_code sqlite_keep(struct store_view *view, struct mb_err *err);
enum mb_code sqlite_undo(struct store_view *view, struct mb_err *err);
void sqlite_settle(struct store_view *view);

#ifdef MEMBERD_TEST_HOOKS
/* For a write's run(): no page beyond that many, so that the disk is full. 0: no limit. */
void sqlite_limit_pages(struct store_view *view, int pages);
/* Before the first job. */
void sqlite_checkpoint_after(struct store *store, int pages);
#endif
