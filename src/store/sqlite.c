/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection for each thread: the writer's, and one for each reader. The WAL lets them run side by
 * side; synchronous=FULL makes a commit durable before it returns. docs/store.md tells the rest.
 */
#include "store/sqlite.h"

#include "store/engine.h"

#include "base/fault.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKPOINT_PAGES 16384 /* 64 MiB */
#define RESTART_FACTOR	 4 /* so much longer, and readers are waited for */
#define RESTART_WAIT_MS	 100
#define BUSY_MS		 5000

static struct sqlite *sqlite_of(struct store *store)
{
	return (struct sqlite *)store;
}

static struct sqlite_view *view_of(struct store_view *view)
{
	return (struct sqlite_view *)view;
}

/* ---- transactions ---- */

static enum mb_code run(struct store_view *view, enum sqlite_sql sql, struct mb_err *err)
{
	struct query q = sqlite_ask(view, sql);

	return sqlite_do(&q, MB_OK, err);
}

/* The first read takes the snapshot; that of the last known_at tells what it holds. */
enum mb_code sqlite_begin(struct store_view *view, int64_t *last_known_at, struct mb_err *err)
{
	enum mb_code code = run(view, view->write ? SQL_BEGIN_WRITE : SQL_BEGIN_READ, err);
	struct query q;

	if (code != MB_OK) {
		return code;
	}
	q = sqlite_ask(view, SQL_GET_KNOWN_AT);
	if (sqlite_next(&q)) {
		*last_known_at = sqlite_int(&q, 0);
	}
	code = sqlite_end(&q, MB_OK, err);
	if (code != MB_OK) {
		sqlite_rollback(view);
	}
	return code;
}

void sqlite_rollback(struct store_view *view)
{
	struct sqlite_view *own = view_of(view);

	/* some errors have rolled back already */
	if (!sqlite3_get_autocommit(own->db)) {
		sqlite3_step(own->statements[SQL_ROLLBACK]);
		sqlite3_reset(own->statements[SQL_ROLLBACK]);
	}
	if (!sqlite3_get_autocommit(own->db) && view->write) {
		store_stop_writing(view->store);
	}
}

static enum mb_code put_known_at(struct store_view *view, int64_t known_at, struct mb_err *err)
{
	struct query q = sqlite_ask(view, SQL_PUT_META);

	sqlite_bind_text(&q, STR("store.known_at"));
	sqlite_bind_int(&q, known_at);
	return sqlite_do(&q, MB_OK, err);
}

enum mb_code sqlite_commit(struct store_view *view, int64_t known_at, struct mb_err *err)
{
	enum mb_code code = put_known_at(view, known_at, err);

	if (code == MB_OK && FAULT("store.sqlite.commit")) {
		code = sqlite_fail_view(view_of(view), SQLITE_IOERR_FSYNC, err);
	}
	if (code == MB_OK) {
		code = run(view, SQL_COMMIT, err);
	}
	/* stored, but the answer was lost: what a failing fsync may leave */
	if (code == MB_OK && FAULT("store.sqlite.committed")) {
		code = sqlite_fail_view(view_of(view), SQLITE_IOERR_FSYNC, err);
	}
	if (code != MB_OK) {
		sqlite_rollback(view);
	}
	return code;
}

enum mb_code sqlite_mark(struct store_view *view, struct mb_err *err)
{
	return run(view, SQL_MARK, err);
}

enum mb_code sqlite_keep(struct store_view *view, struct mb_err *err)
{
	return run(view, SQL_KEEP, err);
}

enum mb_code sqlite_undo(struct store_view *view, struct mb_err *err)
{
	enum mb_code code = run(view, SQL_UNDO, err);

	return code != MB_OK ? code : run(view, SQL_KEEP, err);
}

/* ---- checkpoints: after the answers, so that nobody waits for them ---- */

static int note_wal(void *data, sqlite3 *db, const char *name, int pages)
{
	struct sqlite_view *view = data;

	(void)db;
	(void)name;
	view->wal_pages = pages;
	return SQLITE_OK;
}

void sqlite_settle(struct store_view *view)
{
	struct sqlite_view *own = view_of(view);
	int due = sqlite_of(view->store)->checkpoint_pages, mode = SQLITE_CHECKPOINT_PASSIVE, rc;

	if (own->wal_pages < due || store_health(view->store) == STORE_READ_ONLY_FAILED) {
		return;
	}
	/* readers that never pause keep the WAL from starting anew: wait for those there are */
	if (own->wal_pages / RESTART_FACTOR >= due) {
		mode = SQLITE_CHECKPOINT_RESTART;
		sqlite3_busy_timeout(own->db, RESTART_WAIT_MS);
	}
	rc = FAULT("store.sqlite.checkpoint")
		     ? SQLITE_IOERR_FSYNC
		     : sqlite3_wal_checkpoint_v2(own->db, NULL, mode, NULL, NULL);
	sqlite3_busy_timeout(own->db, BUSY_MS);
	own->wal_pages = 0; /* the next commit tells anew */
	/* busy and full come by themselves again: what was acknowledged is in the WAL */
	if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CORRUPT) {
		store_stop_writing(view->store);
	}
}

/* ---- life ---- */

enum mb_code sqlite_open_view(struct store *store, bool write, struct store_view **out,
			      struct mb_err *err)
{
	struct sqlite_view *view = calloc(1, sizeof(*view));
	enum mb_code code;

	if (view == NULL) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "no memory is left");
	}
	store_view_init(&view->base, store, write);
	code = sqlite_open_db(sqlite_of(store)->path, write, &view->db, err);
	if (code == MB_OK) {
		code = sqlite_prepare_all(view, err);
	}
	if (code != MB_OK) {
		sqlite_close_view(&view->base);
		return code;
	}
	/* in the place of SQLite's own checkpoints, readers have none to make */
	sqlite3_wal_hook(view->db, write ? note_wal : NULL, view);
	*out = &view->base;
	return MB_OK;
}

void sqlite_close_view(struct store_view *view)
{
	struct sqlite_view *own = view_of(view);
	int rc;

	sqlite_finalize_all(own);
	/* after an error of the disk the WAL is left as it is for the next start to judge */
	if (own->db != NULL && atomic_load(&view->store->health) == STORE_READ_ONLY_FAILED) {
		sqlite3_db_config(own->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	}
	rc = sqlite3_close(own->db);
	assert(rc == SQLITE_OK);
	free(own);
}

void sqlite_destroy(struct store *store)
{
	struct sqlite *sqlite = sqlite_of(store);

	sqlite_release_file(sqlite->lock);
	free(sqlite->path);
	sqlite->base.magic = 0;
	free(sqlite);
}

enum mb_code store_open_sqlite(const struct store_options *options, struct store **out,
			       struct mb_err *err)
{
	struct sqlite *sqlite = calloc(1, sizeof(*sqlite));
	enum mb_code code;

	if (sqlite == NULL) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "no memory is left");
	}
	store_init(&sqlite->base, &sqlite_ops);
	sqlite->lock = -1;
	sqlite->checkpoint_pages = CHECKPOINT_PAGES;
	code = sqlite_claim_file(options->path, &sqlite->path, &sqlite->lock, err);
	if (code == MB_OK) {
		code = sqlite_set_up(sqlite->path, options, sqlite->base.id, err);
	}
	if (code == MB_OK) {
		code = engine_start(&sqlite->base, options, err);
	}
	if (code != MB_OK) {
		sqlite_destroy(&sqlite->base);
		return code;
	}
	*out = &sqlite->base;
	return MB_OK;
}

#ifdef MEMBERD_TEST_HOOKS

void sqlite_limit_pages(struct store_view *view, int pages)
{
	char sql[64];
	int rc;

	assert(view->store->ops == &sqlite_ops && view->write && view->in_job);
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d", pages == 0 ? INT32_MAX : pages);
	rc = sqlite3_exec(view_of(view)->db, sql, NULL, NULL, NULL);
	assert(rc == SQLITE_OK);
}

void sqlite_checkpoint_after(struct store *store, int pages)
{
	assert(store->ops == &sqlite_ops);
	sqlite_of(store)->checkpoint_pages = pages;
}

#endif
