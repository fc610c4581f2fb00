/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inner: what the files of the repository share.
 */
#pragma once

#include "base/fault.h"
#include "repository/repository.h"
#include "repository/seal.h"

#include <pthread.h>

#define REPOSITORY_MAGIC UINT32_C(0x4d525031)

/* The versions known at some time. Never changed once it can be seen; the older ones stay until the
 * repository ends, because calls in work hold policies of them. */
struct policy_set {
	struct policy_list list; /* by effective_from */
	const struct policy **versions;
	struct policy_version *rows; /* the same, with what else is known of each */
	struct arena *arena; /* of what this set added */
	struct policy_set *older;
};

struct aliases;
struct follow;
struct loads;
struct mirror;
struct prune;
struct sweep;
struct tail;

struct repository {
	uint32_t magic;
	struct store *store;
	struct uv_loop_s *loop;
	const struct clock *clock;
	struct arena_budget *budget;
	size_t ledger_max;
	size_t checkpoint_from;
	repository_parse_policy_fn *parse_policy;
	repository_try_policy_fn *try_policy;
	repository_check_policy_fn *check_policy;
	unsigned char default_digest[SEAL_DIGEST_BYTES]; /* of the embedded policy */
	struct seal *seal;
	_Atomic(struct policy_set *) policies;
	_Atomic int64_t latest; /* greatest known_at seen */
	struct prune *prune;
	_Atomic int64_t entries_read; /* of ledgers, from the store */
	struct sweep *sweep; /* NULL: none runs */
	struct tail *tail;
	pthread_mutex_t tail_lock; /* guards the two below */
	struct list waiting; /* of repository_wait */
	uint64_t commits; /* writes that were committed since the start */
	struct cache *cache; /* keeps nothing, but is there, without cache_bytes */
	struct aliases *aliases; /* NULL without cache_bytes */
	struct loads *loads;
	struct mirror *mirror; /* NULL: no Redis */
	struct follow *follow; /* NULL: nobody else writes to the store */
	struct repository_figures figures;
	_Atomic int64_t pending; /* calls submitted whose cb has not ended */
	void (*closed)(void *data); /* set by repository_close() */
	void *closed_data;
};

/* A ledger while a job works on it. */
struct ledger {
	struct repository *repository;
	struct member_row row;
	struct entry *entries; /* by entry_id as stored, then what the job added */
	size_t n, cap;
	bool want_counts, want_caps; /* of its folds */
	bool no_row; /* it is known that no checkpoint lies beside it */
	bool raised; /* by raise_revision(): the row is to be stored */
	const struct checkpoint
		*base; /* NULL: entries are all; else those since it, and its open ones */
	struct arena *arena; /* own: rows, payloads, folds */
	struct hot_bytes record; /* that ledger_project() made */
};

/* Changes of a fold that a hot record is made of; the one that it does not hold ends it. */
#define HOT_CHANGES (HOT_CHANGES_MAX + 1)

#define MEMBER_UNKNOWN_TEXT "no member has this id"

/* Of an option: 0 is the default. */
static inline uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value != 0 ? value : otherwise;
}

/* repository.c: hands the call's run function to the store. */
void repository_submit(struct repository *repository, struct repository_call *call,
		       enum store_job_kind kind, store_run_fn *run);
#define CALL_OF_JOB(j) ((struct repository_call *)(j)->data)

/* prune.c: forgets, now and then, requests and outbox rows that need not be kept. */
enum mb_code prune_start(struct repository *repository, uint64_t every_ms, struct prune **out,
			 struct mb_err *err);
void prune_stop(struct prune *prune, void (*cb)(struct repository *repository));

/* repository.c; on the loop */
/* What a job of the repository's own has seen or committed. */
void repository_saw(struct repository *repository, const struct store_job *job);
/* What a write of it made of members; before it is answered, and whatever became of it. */
void repository_told(struct repository *repository, const struct store_job *job,
		     const struct told_member *told);
/* One of those that `pending` counts. The repository may be gone then. */
void repository_ended(struct repository *repository);
void repository_finish(struct repository *repository);
/* In a write job: the ledger's record is to be told once it is committed. */
enum mb_code call_tell(struct repository_call *call, const struct ledger *ledger,
		       struct mb_err *err);

/* brief.c */
/* The record of the fold becomes the row's; due_at is 0 or an instant at which something is to be
 * told. The row borrows from ledger->record. */
void ledger_project(struct ledger *ledger, const struct policy_list *policies,
		    const struct fold *fold, int64_t due_at);
/* False when the row has none that is whole and of its revision. */
bool row_record(const struct member_row *row, struct hot_bytes *out);
/* Nothing of the row is older than the fold, which is of now. */
bool row_is_current(const struct member_row *row, const struct policy_list *policies,
		    const struct fold *fold);
/* In a job: of the row, or of a fold. */
enum mb_code read_record(struct repository *repository, struct store_view *view,
			 const struct member_row *row, struct hot_bytes *out, struct mb_err *err);
/* MEMBER_BRIEF. False when the record is not good at `now`. */
bool describe_brief(const struct policy_list *policies, int64_t member_id,
		    const struct hot_bytes *record, int64_t now, struct member *out);

/* aliases.c; from any thread */
struct aliases *aliases_create(size_t cache_bytes); /* NULL: no memory */
void aliases_destroy(struct aliases *aliases);
/* Whose the identity of this look-up key was when he was at the revision. */
bool aliases_find(struct aliases *aliases, const unsigned char key[SEAL_DIGEST_BYTES],
		  int64_t *member_id, int64_t *revision);
void aliases_put(struct aliases *aliases, const unsigned char key[SEAL_DIGEST_BYTES],
		 int64_t member_id, int64_t revision);

/* loads.c; ask, cancel and prefetch from any thread, the others on the loop */
enum mb_code loads_start(struct repository *repository, const struct repository_options *options,
			 struct loads **out, struct mb_err *err);
/* Once nothing is loaded any more; ends in repository_finish(). */
void loads_stop(struct loads *loads);
/* Queries by id that were not answered yet; ends in the call's cb. */
void loads_ask(struct loads *loads, struct repository_read *req);
void loads_cancel(struct loads *loads, struct repository_read *req);
/* For the cache, unless a load of him is under way; nobody waits. */
void loads_prefetch(struct loads *loads, int64_t member_id);
/* The member was written: what is under way is not for those who ask from now on. */
void loads_tell(struct loads *loads, int64_t member_id);
/* Anybody may have been. */
void loads_tell_all(struct loads *loads);

/* mirror.c; on the loop, but for mirror_believed() and mirror_text() */
enum mb_code mirror_start(struct repository *repository, const struct repository_options *options,
			  struct mirror **out, struct mb_err *err);
void mirror_stop(struct mirror *mirror, void (*cb)(struct repository *repository));
/* What Redis has may be answered. */
bool mirror_believed(const struct repository *repository);
/* What the job has committed. */
void mirror_told(struct repository *repository, const struct told_member *told,
		 const struct store_job *job);
/* A write failed at the disk; it may have been committed nevertheless. */
void mirror_lost(struct repository *repository);
/* What was loaded from the store. */
void mirror_fill(struct repository *repository, int64_t member_id, const struct hot_bytes *record);
/* False, and nothing asked, when it is not believed. */
bool mirror_get(struct repository *repository, struct redis_get *get);
/* Whether the answer is a record that may be believed, and is good now. */
bool mirror_took(struct repository *repository, const struct redis_get *get);
/* False when there is none. */
bool mirror_text(const struct repository *repository, struct redis_figures *figures,
		 const char **text);

/* tail.c: wakes those who wait for what becomes known; on the loop. */
void tail_committed(struct repository *repository);
enum mb_code tail_start(struct repository *repository, uint64_t idle_ms, struct tail **out,
			struct mb_err *err);
void tail_stop(struct tail *tail, void (*cb)(struct repository *repository));

/* follow.c: tells the caches what others wrote to a shared store; on the loop. */
enum mb_code follow_start(struct repository *repository, uint64_t max_staleness_ms,
			  struct follow **out, struct mb_err *err);
void follow_stop(struct follow *follow, void (*cb)(struct repository *repository));
/* From any thread: it is known up to max_staleness ago, or there are no others. */
bool follow_is_fresh(const struct repository *repository);

/* sweep.c: tells what time has done. */
enum mb_code sweep_start(struct repository *repository, const struct repository_options *options,
			 struct sweep **out, struct mb_err *err);
void sweep_stop(struct sweep *sweep, void (*cb)(struct repository *repository));

/* load.c */
/* Member id and row of whom the reference means; MB_PERMISSION_MISSING before MB_MEMBER_NOT_FOUND. */
enum mb_code resolve_member(struct repository_call *call, struct store_view *view,
			    const struct member_ref *ref, struct arena *arena,
			    struct member_row *out, struct mb_err *err);
/* The same by an identity's look-up key. */
enum mb_code resolve_key(struct repository_call *call, struct store_view *view,
			 const unsigned char key[SEAL_DIGEST_BYTES], struct arena *arena,
			 struct member_row *out, struct mb_err *err);
/* A caller who is bound to one member learns nothing about others, not even whether they exist. */
enum mb_code check_only(const struct repository_call *call, int64_t member_id, struct mb_err *err);
/* MB_REVISION_UNKNOWN when the member's is below what the caller has seen. */
enum mb_code check_revision(int64_t min_revision, int64_t revision, struct mb_err *err);
/* With an arena of its own and nothing in it; MB_OVERLOADED when there is no memory. */
enum mb_code ledger_init(struct ledger *ledger, struct repository *repository,
			 enum store_job_kind kind, struct mb_err *err);
/* Of a ledger's size but for `reserve`; NULL is MB_OVERLOADED. */
struct arena *ledger_arena(struct repository *repository, size_t reserve, struct mb_err *err);
/* The entries of ledger->row. */
enum mb_code ledger_load(struct ledger *ledger, struct store_view *view, struct mb_err *err);
void ledger_fini(struct ledger *ledger);
/* The activity of a row. */
enum mb_code ledger_decode(const struct entry_row *row, struct arena *arena, struct entry *out,
			   struct mb_err *err);
/* Leaves the entries that were known at an instant. */
void ledger_keep_known(struct ledger *ledger, int64_t known_at);
enum mb_code ledger_append(struct ledger *ledger, const struct entry *entry, struct mb_err *err);
/* With at most so many changes of the schedule; 0: none. The fold lives in the ledger's arena. */
enum mb_code ledger_fold(struct ledger *ledger, const struct policy_list *policies, int64_t now,
			 size_t changes, struct fold *out, struct mb_err *err);
/* ledger_receive() of an activity that comes now; the verdict lives in the arena. */
enum mb_code ledger_judge(const struct ledger *ledger, const struct policy_list *policies,
			  const struct activity *activity, int64_t now, struct arena *arena,
			  struct verdict *out, struct mb_err *err);
/* Folds with memory beside the ledger's, each as large as that may be. */
enum mb_code ledger_progress(struct ledger *ledger, const struct repository *repository,
			     const struct policy_list *policies, int64_t now, struct progress *out,
			     struct mb_err *err);
/* Of an answer of `at`: the first instant after it at which a version takes force, or `next` if that
 * is earlier; 0 is never. */
int64_t valid_until(const struct policy_list *policies, int64_t at, int64_t next);
/* *out is a copy in the arena of what an answer needs, of everything known now. fold NULL: row (and personal parts) only. */
enum mb_code describe_member(struct repository *repository, struct store_view *view,
			     const struct member_row *row, const struct fold *fold,
			     const struct policy_list *policies, unsigned parts,
			     struct arena *arena, struct member **out, struct mb_err *err);
enum mb_code dup_str(struct arena *arena, struct str text, struct str *out, struct mb_err *err);
/* An id that `taken` denies. */
enum mb_code draw_id(int64_t now, int64_t *out, struct mb_err *err);

/* append.c; in write jobs */
/* A judged activity whose key is new becomes the last of the ledger's entries; raises the revision. */
enum mb_code ledger_accept(struct ledger *ledger, struct store_view *view,
			   const struct activity *activity, struct str payload, struct mb_err *err);
/* After the last of them: stores the member's row with the record of the fold, which has HOT_CHANGES,
 * and tells of the fold what was not told. */
enum mb_code ledger_settle(struct ledger *ledger, struct store_view *view,
			   const struct policy_list *policies, const struct fold *fold,
			   struct mb_err *err);

/* checkpoints.c */
/* As ledger_load(), from a checkpoint if there is one that holds: then ledger->base is set, and only
 * folds of now and what checkpoint_reaches() lets pass are right. */
enum mb_code ledger_load_short(struct ledger *ledger, struct store_view *view,
			       const struct policy_list *policies, struct mb_err *err);
/* After the last entry of a write: what lies beside the ledger holds then, or is gone. */
enum mb_code ledger_keep_checkpoint(struct ledger *ledger, struct store_view *view,
				    const struct policy_list *policies, struct mb_err *err);

/* request.c */
/* *done: it was answered before, and *answer is that answer. */
enum mb_code find_request(const struct repository_call *call, struct store_view *view,
			  struct str request_id, struct str digest, struct str *answer, bool *done,
			  struct mb_err *err);
enum mb_code keep_request(const struct repository_call *call, struct store_view *view,
			  struct str request_id, struct str method, struct str digest,
			  struct str answer, struct mb_err *err);

/* read.c: what ends a whole call, beside the store itself: nothing of it will be better for others. */
bool ends_call(enum mb_code code);

/* history.c */
/* A page of the fold's history, or of what was told up to known_at about instants up to as_of. */
enum mb_code describe_history(struct store_view *view, const struct fold *fold,
			      const struct repository_read *req, struct arena *scratch,
			      struct member *out, struct mb_err *err);
/* listed.c: a page of the ledger's entries, and what the fold says of them. */
enum mb_code describe_activities(const struct ledger *ledger, const struct fold *fold,
				 const struct repository_read *req, int64_t as_of,
				 struct member *out, struct mb_err *err);
struct member_transition told_transition(const struct history_row *row);
/* Whether a filter of kinds (bits) lets it through; 0: the tier's track. */
bool transition_wanted(uint32_t kinds, const struct member_transition *row);
/* Appends what the fold says and the told rows do not, and tells it by the outbox. */
enum mb_code tell_history(struct store_view *view, const struct ledger *ledger,
			  const struct fold *fold, struct mb_err *err);

/* What became known, for those who follow the outbox; numbers are stored. */
enum outbox_kind {
	OUTBOX_ENROLLED = 1,
	OUTBOX_IDENTITY_LINKED = 2,
	OUTBOX_IDENTITY_UNLINKED = 3,
	OUTBOX_ENTRY = 4,
	OUTBOX_TOLD = 5, /* history_seq names the row */
	OUTBOX_PROFILE = 6,
};

/* policies.c */
struct publication {
	struct str default_text; /* for an empty store */
	struct str text; /* empty: the default only */
	const char *file; /* its name, for errors */
	bool new_only; /* by request: a version that is known is refused */
	struct str actor, reason;
};

/* In a write job: publishes the text if it may be; with an empty store first the default. *out is the
 * new set, or NULL when the present one (which may be NULL) still holds; *published is inside it, or
 * NULL. */
enum mb_code sync_policies(struct repository *repository, struct store_view *view,
			   const struct publication *publication, struct policy_set **out,
			   const struct policy_version **published, struct mb_err *err);
/* From now on everybody computes with it; on the loop, or before it runs. */
void take_policies(struct repository *repository, struct policy_set *set);
/* NULL when the version is not there. */
const struct policy_version *find_policy(const struct policy_set *set, int32_t version);
void policy_set_destroy(struct policy_set *set); /* with the older ones */
/* The versions that were known at an instant, in the arena; there may be none. */
enum mb_code policies_known(const struct repository *repository, int64_t known_at,
			    struct arena *arena, struct policy_list *out, struct mb_err *err);

/* members.c */
/* What changed is no entry: a new revision, told by the outbox. The row is stored with the answer. */
enum mb_code raise_revision(struct store_view *view, struct ledger *ledger, enum outbox_kind kind,
			    struct mb_err *err);

/* profile.c */
/* *out borrows from the arena; *key, the member's, is to be forgotten whatever comes of it. */
enum mb_code open_profile(struct repository *repository, const struct member_row *row,
			  struct arena *arena, struct seal_member *key, struct profile *out,
			  struct str *etag, struct mb_err *err);
/* A write of kind WRITE_UPDATE to ledger->row. */
enum mb_code update_profile(struct repository_write *req, struct store_view *view,
			    struct ledger *ledger, struct mb_err *err);

/* personal.c: plain forms of what is sealed; versioned. */
enum mb_code encode_profile(const struct profile *profile, struct arena *arena, struct str *out,
			    struct mb_err *err);
enum mb_code decode_profile(struct str bytes, struct profile *out, struct mb_err *err);
enum mb_code encode_identity(const struct identity *identity, struct arena *arena, struct str *out,
			     struct mb_err *err);
enum mb_code decode_identity(struct str bytes, struct identity *out, struct mb_err *err);
