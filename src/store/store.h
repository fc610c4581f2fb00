/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: members and their ledgers, kept by one of several backends (sqlite, memory).
 *
 * The caller writes what it wants as a function over a transaction; the backend runs it where it may
 * block. A read runs on a reader thread against one consistent snapshot. A write runs on the one
 * writer thread, which groups what waits into one transaction: every job in turn, then one durable
 * commit, then the callbacks. A job that returns an error leaves no trace and does not disturb the
 * others of its group.
 *
 *     submit ──▶ queued ──▶ running (run) ──▶ committed ──▶ cb on the loop
 *                  │            └─ error ─────────────────▶ cb on the loop with it
 *                  └─ cancelled before it ran ────────────▶ cb with MB_CALL_CANCELLED
 *
 * Threads:  store_submit() and store_cancel() may be called from any thread; every callback runs on
 *           the loop given to store_open(); run() on a thread of the backend, never two writes at
 *           once. The backend's own threads never show otherwise.
 * Memory:   the job is the caller's and must live until its cb was called. Bytes that the view hands
 *           out live in the arena passed to the call.
 * Failure:  MB_STORE_FULL when the disk is full: nothing of the group is kept, reads go on.
 *           MB_STORE_UNAVAILABLE on an I/O error: at commit writing stops until restart
 *           (store_health() tells), because a failed fsync must not be retried. A job that was told
 *           either may have been stored nevertheless when only the answer of the disk was lost.
 * Time:     one known_at a write transaction, above every one before it and above every now that a
 *           reader was given. A read's now is the clock, but before the known_at of a write that it
 *           does not see, and never before what it sees: what was read at now is all there ever will
 *           be with a known_at of now or earlier, and a clock that steps back hides nothing.
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;

struct store;
struct store_view; /* a transaction, as run() sees it */

/* ---- rows: integers and bytes; what the bytes mean is the repository's business ----
 * known_at and seq are the store's: what a caller writes there is not looked at. */

#define STORE_KEY_BYTES_MAX 512 /* source, source_event_id, principal, request_id, name */
#define STORE_HASH_BYTES    32 /* identity key, digests */

struct member_row {
	int64_t member_id;
	int64_t revision;
	int64_t created_at;
	int32_t state; /* enum member_state */
	int64_t due_at; /* from then on something is to be told that is not; 0: nothing is ahead */
	struct str profile; /* sealed personal fields, may be empty */
	struct str state_cache; /* may be rebuilt at any time */
};

struct identity_row {
	struct str key; /* 32 bytes: HMAC of (issuer, external id) */
	int64_t member_id;
	int64_t linked_at;
	struct str sealed; /* issuer and external id, sealed under the member's key */
};

struct entry_row {
	int64_t member_id, entry_id;
	int64_t revision;
	int32_t kind; /* enum activity_kind */
	struct str source, source_event_id;
	struct str order_source, order_id; /* empty for kinds without an order */
	int64_t occurred_at, known_at;
	struct str payload;
};

/* A transition that was told; rows are appended and never changed. */
struct history_row {
	int64_t member_id;
	int64_t seq; /* by the store, rising per member */
	int32_t kind; /* enum transition_kind */
	bool restated; /* 1: corrects rows told before */
	int32_t from_tier, to_tier;
	int64_t points;
	int32_t policy_version;
	int64_t effective_at, known_at;
};

struct outbox_row {
	int64_t seq; /* by the store, never reused, never goes back */
	int64_t member_id, revision;
	int32_t kind;
	int64_t effective_at, known_at;
	int64_t history_seq; /* the row of the member's history that it tells of; 0: none */
};

/* Who is due. */
struct due_row {
	int64_t member_id, due_at;
};

/* What a person decided. The rows of a bucket are a chain: numbered from 1 without gaps, each with the
 * hash of the one before it; whoever adds one makes hash, over whatever it is to cover. */
struct audit_row {
	int32_t vb; /* by the store, of member_id */
	int64_t seq;
	int64_t member_id; /* 0: not about a member */
	int64_t known_at;
	struct str actor, action, detail;
	struct str prev, hash; /* 32 bytes each */
};

/* What was computed of a member's ledger up to a revision; may be lost at any time. */
struct checkpoint_row {
	int64_t member_id, revision;
	struct str bytes;
};

struct request_row {
	struct str principal, request_id, method;
	struct str digest; /* 32 bytes over the request without its request_id */
	struct str answer;
	int64_t known_at;
};

struct policy_row {
	int32_t version;
	int64_t effective_from, known_at;
	struct str digest; /* 32 bytes, SHA-256 of text */
	struct str text;
};

/* ---- what run() may do ----
 * Getters: *found says whether there was one; out and its bytes are filled from the arena.
 * Lists come in the order named. Writers are for write jobs only (asserted). */

int64_t store_view_now(const struct store_view *view); /* a write's known_at, a read's now */

enum mb_code store_get_member(struct store_view *view, int64_t member_id, struct arena *arena,
			      struct member_row *out, bool *found, struct mb_err *err);
/* By (vb, member_id): those after the member `after` (0: from the first on), at most `most`. */
enum mb_code store_list_members(struct store_view *view, int64_t after, size_t most,
				struct arena *arena, struct member_row **out, size_t *n,
				struct mb_err *err);
/* Of one bucket, by due_at: members whose due_at is not 0 and not after `upto`, at most `most`. */
enum mb_code store_list_due(struct store_view *view, int32_t vb, int64_t upto, size_t most,
			    struct arena *arena, struct due_row **out, size_t *n,
			    struct mb_err *err);
enum mb_code store_get_identity(struct store_view *view, struct str key, struct arena *arena,
				struct identity_row *out, bool *found, struct mb_err *err);
/* By linked_at, then key. */
enum mb_code store_list_identities(struct store_view *view, int64_t member_id, struct arena *arena,
				   struct identity_row **out, size_t *n, struct mb_err *err);
enum mb_code store_get_entry(struct store_view *view, int64_t member_id, struct str source,
			     struct str source_event_id, struct arena *arena, struct entry_row *out,
			     bool *found, struct mb_err *err);
/* All of a member, by entry_id. */
enum mb_code store_list_entries(struct store_view *view, int64_t member_id, struct arena *arena,
				struct entry_row **out, size_t *n, struct mb_err *err);
/* The same from an entry_id on, at most `most`. Ids rise with known_at to the millisecond only. */
enum mb_code store_list_entries_from(struct store_view *view, int64_t member_id, int64_t from,
				     size_t most, struct arena *arena, struct entry_row **out,
				     size_t *n, struct mb_err *err);
/* By seq. */
enum mb_code store_list_history(struct store_view *view, int64_t member_id, struct arena *arena,
				struct history_row **out, size_t *n, struct mb_err *err);
enum mb_code store_get_history(struct store_view *view, int64_t member_id, int64_t seq,
			       struct history_row *out, bool *found, struct mb_err *err);
/* seq > after, at most `most` of them. */
enum mb_code store_list_outbox(struct store_view *view, int64_t after, size_t most,
			       struct arena *arena, struct outbox_row **out, size_t *n,
			       struct mb_err *err);
/* The rows *first to *last are there, and no others: what a cursor asks for before *first has been
 * pruned. *first is *last + 1 when there are none; *last is the greatest number ever given. */
enum mb_code store_bound_outbox(struct store_view *view, int64_t *first, int64_t *last,
				struct mb_err *err);
/* The last row of a bucket's chain. */
enum mb_code store_last_audit(struct store_view *view, int32_t vb, struct arena *arena,
			      struct audit_row *out, bool *found, struct mb_err *err);
/* By (vb, seq): those after (vb, seq), at most `most`; (0, 0): from the first on. */
enum mb_code store_list_audit(struct store_view *view, int32_t vb, int64_t seq, size_t most,
			      struct arena *arena, struct audit_row **out, size_t *n,
			      struct mb_err *err);
enum mb_code store_get_checkpoint(struct store_view *view, int64_t member_id, struct arena *arena,
				  struct checkpoint_row *out, bool *found, struct mb_err *err);
enum mb_code store_get_request(struct store_view *view, struct str principal, struct str request_id,
			       struct arena *arena, struct request_row *out, bool *found,
			       struct mb_err *err);
/* A value of the whole store, by name ("key_check"). MB_FIELD_INVALID for the store's own names, which
 * begin with "store.". */
enum mb_code store_get_meta(struct store_view *view, struct str name, struct arena *arena,
			    struct str *out, bool *found, struct mb_err *err);
/* By version. */
enum mb_code store_list_policies(struct store_view *view, struct arena *arena,
				 struct policy_row **out, size_t *n, struct mb_err *err);

/* Inserts or replaces. */
enum mb_code store_put_member(struct store_view *view, const struct member_row *row,
			      struct mb_err *err);
/* Inserts; MB_IDENTITY_TAKEN when the key is there. */
enum mb_code store_put_identity(struct store_view *view, const struct identity_row *row,
				struct mb_err *err);
/* Nothing happens when there is none. */
enum mb_code store_delete_identity(struct store_view *view, struct str key, struct mb_err *err);
/* MB_ACTIVITY_CONFLICT when the key or the id is taken. */
enum mb_code store_add_entry(struct store_view *view, const struct entry_row *row,
			     struct mb_err *err);
/* *seq is the number that it got. */
enum mb_code store_add_history(struct store_view *view, const struct history_row *row, int64_t *seq,
			       struct mb_err *err);
enum mb_code store_add_outbox(struct store_view *view, const struct outbox_row *row,
			      struct mb_err *err);
/* The next of its bucket; MB_INTERNAL when its seq is there. */
enum mb_code store_add_audit(struct store_view *view, const struct audit_row *row,
			     struct mb_err *err);
/* Inserts or replaces. */
enum mb_code store_put_checkpoint(struct store_view *view, const struct checkpoint_row *row,
				  struct mb_err *err);
/* Nothing happens when there is none. */
enum mb_code store_delete_checkpoint(struct store_view *view, int64_t member_id,
				     struct mb_err *err);
/* MB_REQUEST_ID_REUSED when (principal, request_id) is there. */
enum mb_code store_add_request(struct store_view *view, const struct request_row *row,
			       struct mb_err *err);
/* MB_FIELD_INVALID when the version is there. */
enum mb_code store_add_policy(struct store_view *view, const struct policy_row *row,
			      struct mb_err *err);
/* Inserts or replaces. */
enum mb_code store_put_meta(struct store_view *view, struct str name, struct str value,
			    struct mb_err *err);
/* Deletes at most `most` rows older than the instants; 0 leaves a table alone. *deleted counts. */
enum mb_code store_prune(struct store_view *view, int64_t requests_before, int64_t outbox_before,
			 size_t most, size_t *deleted, struct mb_err *err);

/* ---- jobs ---- */

enum store_job_kind { STORE_READ, STORE_WRITE };

struct store_job;
typedef enum mb_code store_run_fn(struct store_job *job, struct store_view *view,
				  struct mb_err *err);
typedef void store_done_cb(struct store_job *job);

struct store_job {
	/* in: borrowed until cb runs */
	enum store_job_kind kind;
	store_run_fn *run;
	int64_t at_least; /* of a read: its now is not before it, unless the clock is */
	/* out: valid from cb on */
	enum mb_code code;
	struct mb_err err;
	int64_t known_at; /* of a write's transaction, now of a read; 0 when it was lost */
	int64_t outbox_seq; /* of a write: the greatest number of its outbox rows; 0: it has none */
	/* caller's */
	store_done_cb *cb;
	void *data;
	/* backend's: zero before the first submit, then do not touch */
	struct list_node node;
	int state;
};

/* Queues the job; its cb runs exactly once, never from inside this call. */
void store_submit(struct store *store, struct store_job *job);
/* Asks that a job which has not begun to run does not; may be called more than once. */
void store_cancel(struct store *store, struct store_job *job);

/* ---- life ---- */

#define STORE_ID_BYTES 16

enum store_health { STORE_HEALTHY, STORE_READ_ONLY_FULL, STORE_READ_ONLY_FAILED };

struct store_options {
	const char *path; /* sqlite: the database file; memory: ignored */
	int readers; /* reader threads, >= 1 */
	bool migrate; /* else an older schema is refused */
	bool new_store_id; /* a restored backup starts with a fresh id */
	const struct clock *clock;
	struct uv_loop_s *loop;
};

/* Blocking; before the loop runs. MB_STORE_UNAVAILABLE with a story that says what to do (locked by
 * another memberd, newer schema, not a database, unreadable). When another memberd has it, and only
 * then, err->retry_after_ms is set. */
enum mb_code store_open_sqlite(const struct store_options *options, struct store **out,
			       struct mb_err *err);
enum mb_code store_open_memory(const struct store_options *options, struct store **out,
			       struct mb_err *err);

/* Ends what was submitted, then calls cb on the loop, after which the store is gone. No job may be
 * submitted after it. */
void store_close(struct store *store, void (*cb)(void *data), void *data);

const unsigned char *store_id(const struct store *store); /* STORE_ID_BYTES */
enum store_health store_health(const struct store *store);
const char *store_name(const struct store *store); /* "sqlite", "memory": for people and labels */
