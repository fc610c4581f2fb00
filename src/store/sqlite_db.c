/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include "base/fault.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define BUSY_MS 5000 /* only a tool beside memberd can hold the database */

/* The order matters: without the timeout the change to WAL can meet a lock and fail at once. */
static const char common_pragmas[] = "PRAGMA journal_mode = WAL;"
				     "PRAGMA synchronous = FULL;"
				     "PRAGMA secure_delete = ON;"
				     "PRAGMA cell_size_check = ON;"
				     "PRAGMA trusted_schema = OFF;"
				     "PRAGMA temp_store = MEMORY;"
				     "PRAGMA journal_size_limit = 268435456;";
static const char writer_pragmas[] = "PRAGMA cache_size = -65536;";
/* Readers go through the page cache of the system; the writer does not, so that a failing disk is an
 * error and no signal to it. */
static const char reader_pragmas[] = "PRAGMA query_only = ON;"
				     "PRAGMA cache_size = -8192;"
				     "PRAGMA mmap_size = 1073741824;";

#define STORY_FULL "the disk is full: make room"

static const char *story_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return STORY_FULL;
	case SQLITE_CORRUPT:
		return "the database is damaged: restore a backup";
	case SQLITE_NOTADB:
		return "the file is no SQLite database: give another one, or restore a backup";
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "another program holds the database: end it";
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return "the database cannot be written: look at the rights of file and folder";
	case SQLITE_IOERR:
		return "the disk answered with an error: look at it, then restart";
	case SQLITE_NOMEM:
		return "no memory is left";
	default:
		return "an error of SQLite";
	}
}

static enum mb_code code_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return MB_STORE_FULL;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return MB_INTERNAL;
	default:
		return MB_STORE_UNAVAILABLE;
	}
}

enum mb_code sqlite_fail_db(struct sqlite3 *db, int rc, struct mb_err *err)
{
	/* the file of the WAL's shared memory has no room: an error of the disk to SQLite */
	bool full = db != NULL && (rc & 0xff) == SQLITE_IOERR && sqlite3_system_errno(db) == ENOSPC;

	return mb_fail(err, code_of(rc), "%s (%d: %.120s)", full ? STORY_FULL : story_of(rc), rc,
		       db != NULL && sqlite3_extended_errcode(db) == rc ? sqlite3_errmsg(db)
									: sqlite3_errstr(rc));
}

enum mb_code sqlite_fail_view(struct sqlite_view *view, int rc, struct mb_err *err)
{
	struct mb_err story;
	enum mb_code code;

	if (view->base.failure !=
	    MB_OK) { /* the first story tells, what came after follows from it */
		return mb_fail(err, view->base.failure, "%s", view->base.story.text);
	}
	code = sqlite_fail_db(view->db, rc, &story);
	if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB) {
		store_stop_writing(view->base.store);
	}
	return store_view_fail(&view->base, code, story.text, err);
}

enum mb_code sqlite_exec(struct sqlite3 *db, const char *sql, struct mb_err *err)
{
	int rc =
		FAULT("store.sqlite.exec") ? SQLITE_IOERR : sqlite3_exec(db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? MB_OK : sqlite_fail_db(db, rc, err);
}

/* A file system without shared memory leaves the old journal, silently. */
static enum mb_code check_wal(struct sqlite3 *db, struct mb_err *err)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &stmt, NULL);
	const char *mode;
	bool is_wal = false;

	if (rc != SQLITE_OK) {
		return sqlite_fail_db(db, rc, err);
	}
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		mode = (const char *)sqlite3_column_text(stmt, 0);
		is_wal = mode != NULL && strcmp(mode, "wal") == 0;
	}
	sqlite3_finalize(stmt);
	return is_wal ? MB_OK
		      : mb_fail(err, MB_STORE_UNAVAILABLE,
				"this file system cannot share memory, which WAL needs: keep the "
				"database on a local disk");
}

enum mb_code sqlite_open_db(const char *path, bool write, struct sqlite3 **out, struct mb_err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
		    SQLITE_OPEN_PRIVATECACHE;
	struct sqlite3 *db = NULL;
	enum mb_code code;
	int rc = FAULT("store.sqlite.open") ? SQLITE_CANTOPEN
					    : sqlite3_open_v2(path, &db, flags, NULL);

	if (rc != SQLITE_OK) {
		code = sqlite_fail_db(db, rc, err);
		sqlite3_close(db);
		return code;
	}
	/* where it may not write SQLite only reads, and says so at the first write */
	if (sqlite3_db_readonly(db, "main") == 1) {
		sqlite3_close(db);
		return sqlite_fail_db(NULL, SQLITE_READONLY, err);
	}
	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	code = sqlite_exec(db, common_pragmas, err);
	if (code == MB_OK) {
		code = check_wal(db, err);
	}
	if (code == MB_OK) {
		code = sqlite_exec(db, write ? writer_pragmas : reader_pragmas, err);
	}
	if (code != MB_OK) {
		sqlite3_close(db);
		return code;
	}
	*out = db;
	return MB_OK;
}

enum mb_code sqlite_prepare_all(struct sqlite_view *view, struct mb_err *err)
{
	static const char *const sql[] = {
#define X(name, text) text,
		SQLITE_STATEMENTS(X)
#undef X
	};

	for (int i = 0; i < SQL_END; i++) {
		int rc = FAULT("store.sqlite.prepare")
				 ? SQLITE_NOMEM
				 : sqlite3_prepare_v3(view->db, sql[i], -1,
						      SQLITE_PREPARE_PERSISTENT,
						      &view->statements[i], NULL);

		if (rc != SQLITE_OK) {
			return sqlite_fail_db(view->db, rc, err);
		}
	}
	return MB_OK;
}

void sqlite_finalize_all(struct sqlite_view *view)
{
	for (int i = 0; i < SQL_END; i++) {
		sqlite3_finalize(view->statements[i]);
		view->statements[i] = NULL;
	}
}

/* ---- a run of a statement ---- */

struct query sqlite_ask(struct store_view *view, enum sqlite_sql sql)
{
	struct sqlite_view *own = (struct sqlite_view *)view;

	return (struct query){.view = own, .stmt = own->statements[sql], .rc = SQLITE_OK};
}

static void note(struct query *q, int rc)
{
	if (q->rc == SQLITE_OK) {
		q->rc = rc;
	}
}

void sqlite_bind_int(struct query *q, int64_t value)
{
	note(q, sqlite3_bind_int64(q->stmt, ++q->bound, value));
}

/* STATIC: the bytes live until end() clears the bindings. An empty str must not become NULL. */
void sqlite_bind_text(struct query *q, struct str text)
{
	note(q, sqlite3_bind_text64(q->stmt, ++q->bound, text.len > 0 ? text.ptr : "", text.len,
				    SQLITE_STATIC, SQLITE_UTF8));
}

void sqlite_bind_blob(struct query *q, struct str bytes)
{
	note(q, sqlite3_bind_blob64(q->stmt, ++q->bound, bytes.len > 0 ? bytes.ptr : "", bytes.len,
				    SQLITE_STATIC));
}

bool sqlite_next(struct query *q)
{
	if (q->overflowed != NULL || (q->rc != SQLITE_OK && q->rc != SQLITE_ROW)) {
		return false;
	}
	if (q->view->base.failure != MB_OK) {
		/* SQLite may have ended the transaction: what came now would stand alone */
		q->rc = SQLITE_ABORT;
	} else if (FAULT("store.sqlite.step")) {
		q->rc = SQLITE_IOERR;
	} else if (FAULT("store.sqlite.full")) {
		q->rc = SQLITE_FULL;
	} else {
		q->rc = sqlite3_step(q->stmt);
	}
	return q->rc == SQLITE_ROW;
}

int64_t sqlite_int(struct query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

struct str sqlite_bytes(struct query *q, int column, struct arena *arena)
{
	const char *bytes = sqlite3_column_blob(q->stmt, column);
	size_t len = bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(q->stmt, column);
	struct str out = {NULL, 0};

	if (!str_to_arena((struct str){bytes, len}, arena, &out)) {
		q->overflowed = arena;
	}
	return out;
}

enum mb_code sqlite_end(struct query *q, enum mb_code taken, struct mb_err *err)
{
	enum mb_code code = MB_OK;

	if (q->overflowed != NULL) {
		code = arena_fail(q->overflowed, err);
	} else if (taken != MB_OK &&
		   (q->rc == SQLITE_CONSTRAINT_PRIMARYKEY || q->rc == SQLITE_CONSTRAINT_UNIQUE)) {
		code = mb_fail(err, taken, "%s", mb_code_text(taken));
	} else if (q->rc != SQLITE_OK && q->rc != SQLITE_ROW && q->rc != SQLITE_DONE) {
		code = sqlite_fail_view(q->view, q->rc, err);
	}
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
	return code;
}

enum mb_code sqlite_do(struct query *q, enum mb_code taken, struct mb_err *err)
{
	bool row = sqlite_next(q);

	assert(!row);
	return sqlite_end(q, taken, err);
}

size_t sqlite_changes_of(struct store_view *view)
{
	return (size_t)sqlite3_changes64(((struct sqlite_view *)view)->db);
}

int64_t sqlite_last_rowid_of(struct store_view *view)
{
	return sqlite3_last_insert_rowid(((struct sqlite_view *)view)->db);
}
