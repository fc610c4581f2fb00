-- SPDX-License-Identifier: Apache-2.0
-- Schema 1. Every table of members leads with vb, the virtual bucket of the member (or, for identity,
-- of the key), and every statement names it, so that one SQL serves a sharded database, too. Rows of
-- a member lie together: WITHOUT ROWID, clustered by (vb, member_id, ...).

PRAGMA application_id = 0x6d627264; -- "mbrd"

-- The store's own values have names that begin with "store.".
CREATE TABLE meta (
	name  TEXT NOT NULL PRIMARY KEY,
	value ANY  NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
	vb          INTEGER NOT NULL,
	member_id   INTEGER NOT NULL,
	revision    INTEGER NOT NULL,
	created_at  INTEGER NOT NULL,
	state       INTEGER NOT NULL,
	profile     BLOB    NOT NULL,
	state_cache BLOB    NOT NULL,
	PRIMARY KEY (vb, member_id)
) STRICT, WITHOUT ROWID;

-- vb is the key's own: who looks up an identity does not know the member yet.
CREATE TABLE identity (
	vb        INTEGER NOT NULL,
	key       BLOB    NOT NULL,
	member_id INTEGER NOT NULL,
	linked_at INTEGER NOT NULL,
	sealed    BLOB    NOT NULL,
	PRIMARY KEY (vb, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE member_identity (
	vb        INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	linked_at INTEGER NOT NULL,
	key       BLOB    NOT NULL,
	PRIMARY KEY (vb, member_id, linked_at, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
	vb              INTEGER NOT NULL,
	member_id       INTEGER NOT NULL,
	entry_id        INTEGER NOT NULL,
	revision        INTEGER NOT NULL,
	kind            INTEGER NOT NULL,
	source          TEXT    NOT NULL,
	source_event_id TEXT    NOT NULL,
	order_source    TEXT    NOT NULL,
	order_id        TEXT    NOT NULL,
	occurred_at     INTEGER NOT NULL,
	known_at        INTEGER NOT NULL,
	payload         BLOB    NOT NULL,
	checksum        INTEGER NOT NULL, -- CRC-32C of the row: checksum_of() in sqlite_rows.c
	PRIMARY KEY (vb, member_id, entry_id),
	UNIQUE (vb, member_id, source, source_event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
	vb             INTEGER NOT NULL,
	member_id      INTEGER NOT NULL,
	seq            INTEGER NOT NULL,
	kind           INTEGER NOT NULL,
	restated       INTEGER NOT NULL,
	from_tier      INTEGER NOT NULL,
	to_tier        INTEGER NOT NULL,
	points         INTEGER NOT NULL,
	policy_version INTEGER NOT NULL,
	effective_at   INTEGER NOT NULL,
	known_at       INTEGER NOT NULL,
	PRIMARY KEY (vb, member_id, seq)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a number never comes again, also when the rows are pruned.
CREATE TABLE outbox (
	seq          INTEGER PRIMARY KEY AUTOINCREMENT,
	vb           INTEGER NOT NULL,
	member_id    INTEGER NOT NULL,
	revision     INTEGER NOT NULL,
	kind         INTEGER NOT NULL,
	effective_at INTEGER NOT NULL,
	known_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE request (
	principal  TEXT    NOT NULL,
	request_id TEXT    NOT NULL,
	method     TEXT    NOT NULL,
	digest     BLOB    NOT NULL,
	answer     BLOB    NOT NULL,
	known_at   INTEGER NOT NULL,
	PRIMARY KEY (principal, request_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX request_by_time ON request (known_at);

CREATE TABLE policy_version (
	version        INTEGER NOT NULL PRIMARY KEY,
	effective_from INTEGER NOT NULL,
	known_at       INTEGER NOT NULL,
	digest         BLOB    NOT NULL,
	text           TEXT    NOT NULL
) STRICT;
