/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend: what a backend of the store implements: rows and transactions, nothing else. Queues,
 * threads, groups, known_at and callbacks are the engine's; checks of arguments are store.c's.
 *
 * Threads:  a view is used by one thread at a time; begin .. commit or rollback happen on the thread
 *           that owns it. Several views run side by side, one of them for writing.
 * Failure:  a row call returns the code of its own refusal (a key that is taken) or what
 *           store_view_fail() returned: then the whole write transaction is lost.
 */
#pragma once

#include "store/store.h"

#include <stdatomic.h>

#define STORE_MAGIC	 0x53746f72u
#define STORE_VIEW_MAGIC 0x56696577u

struct engine;
struct row_list;

struct store_ops {
	const char *name;

	/* Once all views are closed. */
	void (*destroy)(struct store *store);
	enum mb_code (*open_view)(struct store *store, bool write, struct store_view **out,
				  struct mb_err *err);
	void (*close_view)(struct store_view *view);

	/* Begins a snapshot or the one write transaction; tells the known_at of the last commit. */
	enum mb_code (*begin)(struct store_view *view, int64_t *last_known_at, struct mb_err *err);
	/* Durable when it returns MB_OK, gone otherwise. */
	enum mb_code (*commit)(struct store_view *view, int64_t known_at, struct mb_err *err);
	void (*rollback)(struct store_view *view);
	/* Around each job of a write transaction: undo takes back what was done since mark. */
	enum mb_code (*mark)(struct store_view *view, struct mb_err *err);
	enum mb_code (*keep)(struct store_view *view, struct mb_err *err);
	enum mb_code (*undo)(struct store_view *view, struct mb_err *err);
	/* After the answers of a group are on their way: the time for housekeeping. */
	void (*settle)(struct store_view *view);

	enum mb_code (*get_member)(struct store_view *view, int64_t member_id, struct arena *arena,
				   struct member_row *out, bool *found, struct mb_err *err);
	/* after 0: from the first on */
	enum mb_code (*list_members)(struct store_view *view, int64_t after, size_t most,
				     struct arena *arena, struct row_list *out, struct mb_err *err);
	enum mb_code (*list_due)(struct store_view *view, int32_t vb, int64_t upto, size_t most,
				 struct row_list *out, struct mb_err *err);
	enum mb_code (*get_identity)(struct store_view *view, struct str key, struct arena *arena,
				     struct identity_row *out, bool *found, struct mb_err *err);
	enum mb_code (*list_identities)(struct store_view *view, int64_t member_id,
					struct arena *arena, struct row_list *out,
					struct mb_err *err);
	enum mb_code (*get_entry)(struct store_view *view, int64_t member_id, struct str source,
				  struct str source_event_id, struct arena *arena,
				  struct entry_row *out, bool *found, struct mb_err *err);
	enum mb_code (*list_entries)(struct store_view *view, int64_t member_id, int64_t from,
				     size_t most, struct arena *arena, struct row_list *out,
				     struct mb_err *err);
	enum mb_code (*list_history)(struct store_view *view, int64_t member_id,
				     struct row_list *out, struct mb_err *err);
	enum mb_code (*get_history)(struct store_view *view, int64_t member_id, int64_t seq,
				    struct history_row *out, bool *found, struct mb_err *err);
	enum mb_code (*list_outbox)(struct store_view *view, int64_t after, size_t most,
				    struct row_list *out, struct mb_err *err);
	enum mb_code (*bound_outbox)(struct store_view *view, int64_t *first, int64_t *last,
				     struct mb_err *err);
	enum mb_code (*last_audit)(struct store_view *view, int32_t vb, struct arena *arena,
				   struct audit_row *out, bool *found, struct mb_err *err);
	enum mb_code (*list_audit)(struct store_view *view, int32_t vb, int64_t seq, size_t most,
				   struct arena *arena, struct row_list *out, struct mb_err *err);
	enum mb_code (*get_checkpoint)(struct store_view *view, int64_t member_id,
				       struct arena *arena, struct checkpoint_row *out, bool *found,
				       struct mb_err *err);
	enum mb_code (*get_request)(struct store_view *view, struct str principal,
				    struct str request_id, struct arena *arena,
				    struct request_row *out, bool *found, struct mb_err *err);
	enum mb_code (*get_meta)(struct store_view *view, struct str name, struct arena *arena,
				 struct str *out, bool *found, struct mb_err *err);
	enum mb_code (*list_policies)(struct store_view *view, struct arena *arena,
				      struct row_list *out, struct mb_err *err);

	enum mb_code (*put_member)(struct store_view *view, const struct member_row *row,
				   struct mb_err *err);
	enum mb_code (*put_identity)(struct store_view *view, const struct identity_row *row,
				     struct mb_err *err);
	enum mb_code (*delete_identity)(struct store_view *view, struct str key,
					struct mb_err *err);
	enum mb_code (*add_entry)(struct store_view *view, const struct entry_row *row,
				  struct mb_err *err);
	enum mb_code (*add_history)(struct store_view *view, const struct history_row *row,
				    int64_t *seq, struct mb_err *err);
	enum mb_code (*add_outbox)(struct store_view *view, const struct outbox_row *row,
				   int64_t *seq, struct mb_err *err);
	enum mb_code (*add_audit)(struct store_view *view, const struct audit_row *row,
				  struct mb_err *err);
	enum mb_code (*put_checkpoint)(struct store_view *view, const struct checkpoint_row *row,
				       struct mb_err *err);
	enum mb_code (*delete_checkpoint)(struct store_view *view, int64_t member_id,
					  struct mb_err *err);
	enum mb_code (*add_request)(struct store_view *view, const struct request_row *row,
				    struct mb_err *err);
	enum mb_code (*add_policy)(struct store_view *view, const struct policy_row *row,
				   struct mb_err *err);
	enum mb_code (*put_meta)(struct store_view *view, struct str name, struct str value,
				 struct mb_err *err);
	enum mb_code (*prune)(struct store_view *view, int64_t requests_before,
			      int64_t outbox_before, size_t most, size_t *deleted,
			      struct mb_err *err);
};

/* Backends embed it as their first member `base`. */
struct store {
	uint32_t magic;
	const struct store_ops *ops;
	struct engine *engine;
	unsigned char id[STORE_ID_BYTES];
	_Atomic int health; /* enum store_health */
};

/* Backends embed it as their first member `base`. */
struct store_view {
	uint32_t magic;
	struct store *store;
	bool write;
	bool in_job; /* between begin and end of a run() */
	bool changed; /* the transaction holds something to commit */
	int64_t now; /* a write's known_at, a read's now */
	int64_t outbox_seq; /* the last number that the job was given; 0: none */
	enum mb_code failure; /* of the backend, since begin: the transaction is lost */
	struct mb_err story;
};

/* Asserts that every op is there. */
void store_init(struct store *store, const struct store_ops *ops);
void store_view_init(struct store_view *view, struct store *store, bool write);
/* Notes that the backend itself failed (disk, damage) and returns code; the first story stays. */
enum mb_code store_view_fail(struct store_view *view, enum mb_code code, const char *text,
			     struct mb_err *err);
/* Writing stops until restart: a commit's I/O error, or damage that was found. */
void store_stop_writing(struct store *store);
/* A new store_id. */
enum mb_code store_draw_id(unsigned char out[STORE_ID_BYTES], struct mb_err *err);

/* The rows of a list, on the heap until their number is known. */
struct row_list {
	struct strbuf bytes;
	size_t row_size;
};

void row_list_add(struct row_list *list, const void *row);
/* A copy with its bytes in the arena; false when the arena ran out. */
bool str_to_arena(struct str s, struct arena *arena, struct str *out);
