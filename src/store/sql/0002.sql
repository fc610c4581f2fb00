-- SPDX-License-Identifier: Apache-2.0
-- Schema 2: when a member is next looked at, what the outbox tells of, decisions, checkpoints.

-- The instant from which something can be told about the member that nobody has told yet; 0: there is
-- none. Members of schema 1 are due at once: nobody has worked out yet what is ahead of them.
ALTER TABLE member ADD COLUMN due_at INTEGER NOT NULL DEFAULT 1;

CREATE INDEX member_due ON member (vb, due_at, member_id) WHERE due_at <> 0;

-- The row of history that an outbox row tells of; 0: it tells of something else.
ALTER TABLE outbox ADD COLUMN history_seq INTEGER NOT NULL DEFAULT 0;

-- What persons decided: one chain of hashes per bucket. member_id 0: not about a member.
CREATE TABLE audit (
	vb        INTEGER NOT NULL,
	seq       INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	known_at  INTEGER NOT NULL,
	actor     TEXT    NOT NULL,
	action    TEXT    NOT NULL,
	detail    TEXT    NOT NULL,
	prev      BLOB    NOT NULL,
	hash      BLOB    NOT NULL,
	PRIMARY KEY (vb, seq)
) STRICT, WITHOUT ROWID;

-- What the fold had reached at a revision; may be deleted at any time.
CREATE TABLE checkpoint (
	vb        INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	revision  INTEGER NOT NULL,
	bytes     BLOB    NOT NULL,
	PRIMARY KEY (vb, member_id)
) STRICT, WITHOUT ROWID;
