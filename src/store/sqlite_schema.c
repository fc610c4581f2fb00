/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema's version is the number of steps that were taken (meta, "store.schema"). A step never
 * changes once it was released; what comes later is a step of its own.
 */
#include "store/sqlite.h"

#include "base/fault.h"
#include "domain/payload.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define APPLICATION_ID 0x6d627264

/* src/store/sql, embedded by the build */
extern const unsigned char store_schema_1[], store_schema_2[];

static int prepare(struct sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
	return FAULT("store.sqlite.setup") ? SQLITE_IOERR
					   : sqlite3_prepare_v2(db, sql, -1, out, NULL);
}

/* SQLITE_ROW, SQLITE_DONE, or what went wrong; *out is for the caller to finalize in any case. */
static int first_row(struct sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
	int rc = prepare(db, sql, out);

	return rc == SQLITE_OK ? sqlite3_step(*out) : rc;
}

/* One integer, or `none` when there is no row. */
static enum mb_code read_int(struct sqlite3 *db, const char *sql, int64_t none, int64_t *out,
			     struct mb_err *err)
{
	sqlite3_stmt *stmt = NULL;
	enum mb_code code = MB_OK;
	int rc = first_row(db, sql, &stmt);

	if (rc == SQLITE_ROW) {
		*out = sqlite3_column_int64(stmt, 0);
	} else if (rc == SQLITE_DONE) {
		*out = none;
	} else {
		code = sqlite_fail_db(db, rc, err);
	}
	sqlite3_finalize(stmt);
	return code;
}

static enum mb_code put_value(struct sqlite3 *db, const char *name, const void *blob, int len,
			      int64_t number, struct mb_err *err)
{
	static const char sql[] = "INSERT INTO meta (name, value) VALUES (?, ?) "
				  "ON CONFLICT (name) DO UPDATE SET value = excluded.value";
	sqlite3_stmt *stmt = NULL;
	enum mb_code code = MB_OK;
	int rc = prepare(db, sql, &stmt);

	if (rc == SQLITE_OK) {
		sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
		if (blob != NULL) {
			sqlite3_bind_blob(stmt, 2, blob, len, SQLITE_STATIC);
		} else {
			sqlite3_bind_int64(stmt, 2, number);
		}
		rc = sqlite3_step(stmt);
	}
	if (rc != SQLITE_DONE) {
		code = sqlite_fail_db(db, rc, err);
	}
	sqlite3_finalize(stmt);
	return code;
}

/* 0: an empty file. */
static enum mb_code read_version(struct sqlite3 *db, int64_t *version, struct mb_err *err)
{
	int64_t tables = 0, application_id = 0;
	enum mb_code code = read_int(db, "SELECT count(*) FROM sqlite_schema", 0, &tables, err);

	if (code == MB_OK) {
		code = read_int(db, "PRAGMA application_id", 0, &application_id, err);
	}
	if (code != MB_OK) {
		return code;
	}
	if (tables == 0 && application_id == 0) {
		*version = 0;
		return MB_OK;
	}
	if (application_id != APPLICATION_ID) {
		return mb_fail(err, MB_STORE_UNAVAILABLE,
			       "the database belongs to another program: give another file");
	}
	return read_int(db, "SELECT value FROM meta WHERE name = 'store.schema'", 0, version, err);
}

static enum mb_code take_step(struct sqlite3 *db, const char *sql, int version, struct mb_err *err)
{
	enum mb_code code = sqlite_exec(db, "BEGIN IMMEDIATE", err);

	if (code != MB_OK) {
		return code;
	}
	code = sqlite_exec(db, sql, err);
	if (code == MB_OK) {
		code = put_value(db, "store.schema", NULL, 0, version, err);
	}
	if (code == MB_OK) {
		code = sqlite_exec(db, "COMMIT", err);
	}
	if (code != MB_OK && !sqlite3_get_autocommit(db)) {
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	}
	return code;
}

enum mb_code sqlite_migrate(struct sqlite3 *db, const struct sqlite_step *steps, int n_steps,
			    bool allowed, struct mb_err *err)
{
	int64_t version = 0;
	enum mb_code code = read_version(db, &version, err);

	if (code != MB_OK) {
		return code;
	}
	if (version > n_steps) {
		return mb_fail(err, MB_STORE_UNAVAILABLE,
			       "the database has schema %lld and this memberd knows %d: start the "
			       "newer memberd",
			       (long long)version, n_steps);
	}
	if (version < n_steps && !allowed) {
		return mb_fail(err, MB_STORE_UNAVAILABLE,
			       "the database has schema %lld and this memberd needs %d: migrate it "
			       "first",
			       (long long)version, n_steps);
	}
	for (; version < n_steps && code == MB_OK; version++) {
		code = take_step(db, steps[version].sql, (int)version + 1, err);
	}
	return code;
}

static enum mb_code check_payload_version(struct sqlite3 *db, struct mb_err *err)
{
	int64_t version = 0;
	enum mb_code code = read_int(db, "SELECT value FROM meta WHERE name = 'store.payload'", 0,
				     &version, err);

	if (code != MB_OK || version == PAYLOAD_VERSION) {
		return code;
	}
	if (version > PAYLOAD_VERSION) {
		return mb_fail(err, MB_STORE_UNAVAILABLE,
			       "the ledger has payloads of version %lld and this memberd knows %d: "
			       "start the newer memberd",
			       (long long)version, PAYLOAD_VERSION);
	}
	return put_value(db, "store.payload", NULL, 0, PAYLOAD_VERSION, err);
}

/* *found false when there is none yet. */
static enum mb_code read_id(struct sqlite3 *db, unsigned char id[STORE_ID_BYTES], bool *found,
			    struct mb_err *err)
{
	static const char sql[] = "SELECT value FROM meta WHERE name = 'store.id'";
	sqlite3_stmt *stmt = NULL;
	enum mb_code code = MB_OK;
	int rc = first_row(db, sql, &stmt);

	*found = rc == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == STORE_ID_BYTES;
	if (*found) {
		memcpy(id, sqlite3_column_blob(stmt, 0), STORE_ID_BYTES);
	} else if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
		code = sqlite_fail_db(db, rc, err);
	}
	sqlite3_finalize(stmt);
	return code;
}

static enum mb_code set_id(struct sqlite3 *db, bool renew, unsigned char id[STORE_ID_BYTES],
			   struct mb_err *err)
{
	bool found;
	enum mb_code code = read_id(db, id, &found, err);

	if (code != MB_OK || (found && !renew)) {
		return code;
	}
	code = store_draw_id(id, err);
	return code != MB_OK ? code : put_value(db, "store.id", id, STORE_ID_BYTES, 0, err);
}

/* The first page of every table: a file whose pages are gone is better refused now than later. */
static enum mb_code probe(struct sqlite3 *db, struct mb_err *err)
{
	static const char *const probes[] = {
		"SELECT 1 FROM meta LIMIT 1",
		"SELECT /* all buckets */ 1 FROM member LIMIT 1",
		"SELECT /* all buckets */ 1 FROM identity LIMIT 1",
		"SELECT /* all buckets */ 1 FROM member_identity LIMIT 1",
		"SELECT /* all buckets */ 1 FROM entry LIMIT 1",
		"SELECT /* all buckets */ 1 FROM history LIMIT 1",
		"SELECT /* all buckets */ 1 FROM outbox LIMIT 1",
		"SELECT /* all buckets */ 1 FROM audit LIMIT 1",
		"SELECT /* all buckets */ 1 FROM checkpoint LIMIT 1",
		"SELECT 1 FROM request LIMIT 1",
		"SELECT 1 FROM policy_version LIMIT 1",
	};
	enum mb_code code = MB_OK;
	int64_t one;

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]) && code == MB_OK; i++) {
		code = read_int(db, probes[i], 0, &one, err);
	}
	return code;
}

enum mb_code sqlite_set_up(const char *path, const struct store_options *options,
			   unsigned char id[STORE_ID_BYTES], struct mb_err *err)
{
	const struct sqlite_step steps[] = {{(const char *)store_schema_1},
					    {(const char *)store_schema_2}};
	struct sqlite3 *db;
	enum mb_code code = sqlite_open_db(path, true, &db, err);

	if (code != MB_OK) {
		return code;
	}
	code = sqlite_migrate(db, steps, sizeof(steps) / sizeof(steps[0]), options->migrate, err);
	if (code == MB_OK) {
		code = probe(db, err);
	}
	if (code == MB_OK) {
		code = check_payload_version(db, err);
	}
	if (code == MB_OK) {
		code = set_id(db, options->new_store_id, id, err);
	}
	sqlite3_close(db);
	return code;
}
