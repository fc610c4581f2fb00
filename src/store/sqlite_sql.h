/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_sql: every statement that runs after the start, one row each. Every one on a table of members
 * names vb (a lint looks): on a sharded database it would otherwise go to all shards. What follows or
 * prunes the outbox goes to all of them by nature and says so.
 */
#pragma once

#define SQLITE_STATEMENTS(X)                                                                       \
	X(BEGIN_READ, "BEGIN")                                                                     \
	X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                          \
	X(COMMIT, "COMMIT")                                                                        \
	X(ROLLBACK, "ROLLBACK")                                                                    \
	X(MARK, "SAVEPOINT job")                                                                   \
	X(KEEP, "RELEASE job")                                                                     \
	X(UNDO, "ROLLBACK TO job")                                                                 \
	X(GET_KNOWN_AT, "SELECT value FROM meta WHERE name = 'store.known_at'")                    \
	X(GET_MEMBER, "SELECT member_id, revision, created_at, state, due_at, profile, "           \
		      "state_cache FROM member WHERE vb = ? AND member_id = ?")                    \
	X(LIST_MEMBERS, "SELECT /* all buckets */ member_id, revision, created_at, state, "        \
			"due_at, profile, state_cache FROM member WHERE (vb, member_id) > (?, ?) " \
			"ORDER BY vb, member_id LIMIT ?")                                          \
	X(LIST_DUE, "SELECT member_id, due_at FROM member WHERE vb = ? AND due_at <> 0 AND "       \
		    "due_at <= ? ORDER BY due_at, member_id LIMIT ?")                              \
	X(PUT_MEMBER, "INSERT INTO member (vb, member_id, revision, created_at, state, due_at, "   \
		      "profile, state_cache) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (vb, "    \
		      "member_id) DO UPDATE SET revision = excluded.revision, created_at = "       \
		      "excluded.created_at, state = excluded.state, due_at = excluded.due_at, "    \
		      "profile = excluded.profile, state_cache = excluded.state_cache")            \
	X(GET_IDENTITY, "SELECT key, member_id, linked_at, sealed FROM identity "                  \
			"WHERE vb = ? AND key = ?")                                                \
	X(ADD_IDENTITY, "INSERT INTO identity (vb, key, member_id, linked_at, sealed) "            \
			"VALUES (?, ?, ?, ?, ?)")                                                  \
	X(DELETE_IDENTITY, "DELETE FROM identity WHERE vb = ? AND key = ?")                        \
	X(LIST_LINKS, "SELECT key FROM member_identity WHERE vb = ? AND member_id = ? "            \
		      "ORDER BY linked_at, key")                                                   \
	X(ADD_LINK, "INSERT INTO member_identity (vb, member_id, linked_at, key) "                 \
		    "VALUES (?, ?, ?, ?)")                                                         \
	X(DELETE_LINK, "DELETE FROM member_identity WHERE vb = ? AND member_id = ? "               \
		       "AND linked_at = ? AND key = ?")                                            \
	X(GET_ENTRY,                                                                               \
	  "SELECT member_id, entry_id, revision, kind, source, source_event_id, "                  \
	  "order_source, order_id, occurred_at, known_at, payload, checksum FROM entry "           \
	  "WHERE vb = ? AND member_id = ? AND source = ? AND source_event_id = ?")                 \
	X(LIST_ENTRIES,                                                                            \
	  "SELECT member_id, entry_id, revision, kind, source, source_event_id, "                  \
	  "order_source, order_id, occurred_at, known_at, payload, checksum FROM entry "           \
	  "WHERE vb = ? AND member_id = ? AND entry_id >= ? ORDER BY entry_id LIMIT ?")            \
	X(ADD_ENTRY, "INSERT INTO entry (vb, member_id, entry_id, revision, kind, source, "        \
		     "source_event_id, order_source, order_id, occurred_at, known_at, payload, "   \
		     "checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                   \
	X(LIST_HISTORY, "SELECT member_id, seq, kind, restated, from_tier, to_tier, points, "      \
			"policy_version, effective_at, known_at FROM history "                     \
			"WHERE vb = ? AND member_id = ? ORDER BY seq")                             \
	X(GET_HISTORY, "SELECT member_id, seq, kind, restated, from_tier, to_tier, points, "       \
		       "policy_version, effective_at, known_at FROM history WHERE vb = ? AND "     \
		       "member_id = ? AND seq = ?")                                                \
	X(LAST_HISTORY,                                                                            \
	  "SELECT coalesce(max(seq), 0) FROM history WHERE vb = ? AND member_id = ?")              \
	X(ADD_HISTORY, "INSERT INTO history (vb, member_id, kind, restated, from_tier, to_tier, "  \
		       "points, policy_version, effective_at, known_at, seq) "                     \
		       "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                                 \
	X(LIST_OUTBOX, "SELECT /* all buckets */ member_id, seq, revision, kind, effective_at, "   \
		       "known_at, history_seq FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?")     \
	X(ADD_OUTBOX, "INSERT INTO outbox (vb, member_id, revision, kind, effective_at, "          \
		      "known_at, history_seq) VALUES (?, ?, ?, ?, ?, ?, ?)")                       \
	X(LAST_OUTBOX, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")                    \
	X(OLDEST_OUTBOX,                                                                           \
	  "SELECT /* all buckets */ seq, known_at FROM outbox ORDER BY seq LIMIT ?")               \
	X(PRUNE_OUTBOX, "DELETE /* all buckets */ FROM outbox WHERE seq <= ?")                     \
	X(LAST_AUDIT, "SELECT vb, seq, member_id, known_at, actor, action, detail, prev, hash "    \
		      "FROM audit WHERE vb = ? ORDER BY seq DESC LIMIT 1")                         \
	X(LIST_AUDIT, "SELECT /* all buckets */ vb, seq, member_id, known_at, actor, action, "     \
		      "detail, prev, hash FROM audit WHERE (vb, seq) > (?, ?) ORDER BY vb, seq "   \
		      "LIMIT ?")                                                                   \
	X(ADD_AUDIT, "INSERT INTO audit (vb, seq, member_id, known_at, actor, action, detail, "    \
		     "prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")                             \
	X(GET_CHECKPOINT, "SELECT revision, bytes FROM checkpoint WHERE vb = ? AND member_id = ?") \
	X(PUT_CHECKPOINT, "INSERT INTO checkpoint (vb, member_id, revision, bytes) VALUES (?, ?, " \
			  "?, ?) ON CONFLICT (vb, member_id) DO UPDATE SET revision = "            \
			  "excluded.revision, bytes = excluded.bytes")                             \
	X(DELETE_CHECKPOINT, "DELETE FROM checkpoint WHERE vb = ? AND member_id = ?")              \
	X(GET_REQUEST, "SELECT principal, request_id, method, digest, answer, known_at "           \
		       "FROM request WHERE principal = ? AND request_id = ?")                      \
	X(ADD_REQUEST, "INSERT INTO request (principal, request_id, method, digest, answer, "      \
		       "known_at) VALUES (?, ?, ?, ?, ?, ?)")                                      \
	X(PRUNE_REQUESTS, "DELETE FROM request WHERE (principal, request_id) IN (SELECT "          \
			  "principal, request_id FROM request WHERE known_at < ? "                 \
			  "ORDER BY known_at LIMIT ?)")                                            \
	X(GET_META, "SELECT value FROM meta WHERE name = ?")                                       \
	X(PUT_META, "INSERT INTO meta (name, value) VALUES (?, ?) "                                \
		    "ON CONFLICT (name) DO UPDATE SET value = excluded.value")                     \
	X(LIST_POLICIES, "SELECT version, effective_from, known_at, digest, text "                 \
			 "FROM policy_version ORDER BY version")                                   \
	X(ADD_POLICY, "INSERT INTO policy_version (version, effective_from, known_at, digest, "    \
		      "text) VALUES (?, ?, ?, ?, ?)")

enum sqlite_sql {
#define X(name, sql) SQL_##name,
	SQLITE_STATEMENTS(X)
#undef X
		SQL_END
};
