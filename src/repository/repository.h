/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repository: members as the services see them; the one door to the store.
 *
 * It resolves who is meant, seals personal data, keeps the policy versions, and makes of rows what
 * decisions need: a member is his row and his ledger, folded at the instant of the answer.
 *
 *     service ──▶ repository_read/write/record ──▶ a job of the store ──▶ cb on the loop
 *                                                  (resolve, load, fold, append: all in the job)
 *
 * Threads:  calls may be submitted and cancelled from any thread; every callback runs on the loop
 *           of the store. open, publish and close on the thread of the loop.
 * Memory:   a call is the caller's, embeds struct repository_call as its first member `call`, and
 *           lives until its cb was called. What it answers lives in the arena given.
 * Failure:  every submitted call gets its cb exactly once, never from inside the submitting call;
 *           call.code tells. Codes of single items of a batch stand in the items.
 * Sequence: the contract's order of checks is the caller's and ours together: form (caller),
 *           permission (caller, and only_member here), member, key, window, content.
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "cache/cache.h"
#include "cache/redis.h"
#include "domain/activity.h"
#include "domain/fold.h"
#include "domain/hot.h"
#include "domain/policy.h"
#include "domain/progress.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct repository;

/* ---- members ---- */

enum member_state { MEMBER_ACTIVE = 1, MEMBER_SUSPENDED };

/* An account on a platform; forms are checked by the caller. */
struct identity {
	struct str issuer, external_id;
};

struct profile {
	struct str display_name, region, language;
	int32_t birthday_month, birthday_day; /* 0, 0: not told */
	bool verified;
};

/* Which fields of it an update takes over. */
enum profile_field {
	PROFILE_NAME = 1,
	PROFILE_BIRTHDAY = 2, /* month and day */
	PROFILE_REGION = 4,
	PROFILE_LANGUAGE = 8,
	PROFILE_VERIFIED = 16,
	PROFILE_ALL = 31,
};

/* Names a member: by id, or by identity when member_id is 0. */
struct member_ref {
	int64_t member_id;
	struct identity identity;
};

/* What an answer about a member may hold. */
enum member_part {
	MEMBER_STANDING = 1, /* standing, policy, valid_until: needs the ledger */
	MEMBER_PERSONAL = 2, /* profile and identities, opened */
	MEMBER_SCHEDULE = 4, /* pending orders and the schedule; with MEMBER_STANDING */
	MEMBER_HISTORY = 8, /* transitions of the fold; with MEMBER_STANDING */
	MEMBER_TOLD = 16, /* instead of them, the rows that were told */
	MEMBER_ACTIVITIES = 32, /* a page of the ledger; with MEMBER_STANDING */
	MEMBER_PROGRESS = 64, /* what is missing, what keeps; with MEMBER_STANDING */
	/* Alone: of the standing what a hot record has (domain/hot.h), policy, valid_until; the rest of
	 * it is zero. Answered from caches where there is no axis of time. */
	MEMBER_BRIEF = 128,
	/* Beside a member, not of it, but valid_until looks at them; with MEMBER_STANDING. */
	MEMBER_STATES = 256, /* states of entries */
	MEMBER_CAPS = 512, /* caps, which go with the windows */
};

/* The two axes of time of a question: the answer as of an instant, as it was known at an instant.
 * Zero-initialised: both now. */
struct axes {
	bool has_as_of, has_known_at;
	int64_t as_of, known_at;
};

/* A transition of the fold, or a row of what was told. */
struct member_transition {
	struct transition transition; /* its kind is 0 when it is retracted */
	enum track track;
	int64_t known_at; /* 0: not told but folded */
	bool restated; /* corrects rows told before */
	bool retracted; /* takes back what its track was told for its instant and later ones */
};

/* An entry of the ledger and what became of it. */
struct member_activity {
	struct entry entry; /* members that the activity names are ids */
	enum entry_state state;
	struct counted counted;
};

#define MEMBER_PENDING_MAX   200 /* pending orders of an answer */
#define MEMBER_SCHEDULE_MAX  64 /* changes of an answer */
#define MEMBER_OVERRIDES_MAX 200

struct member_pending {
	int64_t entry_id;
	struct str source, order_id;
	int64_t posts_at; /* 0: not known */
	int64_t would_add; /* micro-points */
};

struct member {
	int64_t member_id, created_at;
	int64_t revision; /* with known_at asked for: the greatest of the entries known by then */
	enum member_state state;
	struct axes axes; /* the instants that the answer is of; both are there */
	/* MEMBER_STANDING */
	struct standing standing;
	const struct policy *policy; /* the version that gave this answer */
	int64_t valid_until; /* 0: nothing is known to change */
	/* MEMBER_PERSONAL */
	struct profile profile;
	struct str etag; /* of the profile, and of nothing else; after an update, too */
	const struct identity *identities; /* by the time of linking */
	size_t n_identities;
	/* MEMBER_SCHEDULE */
	const struct member_pending *pending;
	size_t n_pending;
	bool pending_truncated;
	const struct change *schedule;
	size_t n_schedule;
	bool schedule_truncated;
	/* MEMBER_PROGRESS; valid_until is then its own */
	const struct progress *progress;
	/* MEMBER_HISTORY, MEMBER_TOLD: the page that was asked for */
	const struct member_transition *history;
	size_t n_history;
	bool history_goes_on;
	/* beside their first page: overrides of the fold, the newest */
	const struct member_transition *overrides;
	size_t n_overrides;
	/* MEMBER_ACTIVITIES: the page that was asked for, the last in canonical order first; it ends
	 * early rather than take much memory, but never empty */
	const struct member_activity *activities;
	size_t n_activities;
	bool activities_go_on;
};

/* ---- calls ---- */

struct repository_call;
typedef void repository_done_cb(struct repository_call *call);

/* What a write made of a member, for the caches. */
struct told_member {
	int64_t member_id;
	struct hot_bytes record;
	struct told_member *next;
};

struct repository_call {
	/* in: borrowed until cb runs */
	struct arena *arena;
	struct str principal; /* whose request_ids these are: "support", "member:4711" */
	int64_t only_member; /* 0: may ask about everybody; else about this one only (-1: nobody) */
	/* out: valid from cb on */
	enum mb_code code;
	struct mb_err err;
	/* caller's */
	repository_done_cb *cb;
	void *data;
	/* repository's: do not touch */
	struct repository *repository;
	struct store_job job;
	store_run_fn *run;
	struct told_member *told; /* by this write; in the arena */
	_Atomic(struct repository_read *) waiting; /* for loads, instead of a job */
	atomic_bool cancelled;
};

/* Asks that the call ends early; it then ends with MB_CALL_CANCELLED unless it is done already. From
 * any thread, any number of times, from before the call is submitted until its cb has begun. */
void repository_cancel(struct repository *repository, struct repository_call *call);

/* Reads 1 to BATCH_ITEMS_MAX members; one that several queries name is loaded once. */
struct load;
struct repository_read;

struct member_query {
	/* in; a code that is not MB_OK: refused at the border, left alone */
	struct member_ref ref;
	int64_t min_revision; /* MB_REVISION_UNKNOWN when the member's is below it */
	/* in and out */
	enum mb_code code;
	struct mb_err err;
	/* out */
	const struct member *member; /* NULL unless code is MB_OK */
	/* repository's: zero before, then do not touch */
	struct list_node node;
	struct load *load; /* that it waits for */
	struct repository_read *read;
	bool fresh; /* it had not begun to read from the store */
	int tries;
	bool keyed;
	unsigned char key[32]; /* when keyed: look-up key of ref.identity */
};

struct repository_read {
	struct repository_call call;
	/* in */
	struct member_query *queries;
	size_t n;
	unsigned parts; /* of enum member_part */
	struct axes axes; /* neither after now; with either, no MEMBER_PERSONAL */
	size_t history_first, history_most; /* the page of it */
	uint32_t history_kinds; /* bits 1 << enum transition_kind; 0: those of the tier's track */
	uint32_t kinds; /* MEMBER_ACTIVITIES: bits 1 << kind; of them */
	size_t activities_first, activities_most; /* the page */
	/* repository's: zero before, then do not touch */
	struct list_node node;
	size_t left; /* queries that wait for loads */
	bool waits;
};

/* MB_MEMBER_NOT_FOUND also for one whom nobody knew at known_at, and for an as_of before both his
 * enrolment and the first activity known. */
void repository_read(struct repository *repository, struct repository_read *req);
/* Answers, of MEMBER_BRIEF without axes, what the process's cache answers at once: no I/O, no lock, no
 * memory but the arena's. True when nothing is left: there is no cb then, and call.code is not looked
 * at. False: repository_read() answers the rest. */
bool repository_peek(struct repository *repository, struct repository_read *req);

/* A page of all members, each with MEMBER_STANDING. */
struct repository_list {
	struct repository_call call;
	/* in */
	int64_t after; /* the last member of the page before; 0: from the first on */
	size_t most; /* >= 1 */
	enum member_state state; /* only those in it; 0: all */
	/* out */
	const struct member **members;
	size_t n; /* may be fewer than `most`, even 0, when it goes on */
	int64_t last; /* where the next page goes on */
	bool goes_on;
};

void repository_list(struct repository *repository, struct repository_list *req);

/* Makes a member, links or unlinks an identity, changes the profile; once per request_id. */
enum member_write_kind { WRITE_ENROLL = 1, WRITE_LINK, WRITE_UNLINK, WRITE_UPDATE };

struct repository_write;
/* Makes the bytes that are answered, and kept for those who send the same request again. Runs inside
 * the transaction, on the store's thread; the bytes must hold no personal data. */
typedef enum mb_code repository_answer_fn(const struct repository_write *req,
					  const struct member *member, struct str *out,
					  struct mb_err *err);

struct repository_write {
	struct repository_call call;
	/* in */
	enum member_write_kind kind;
	struct str request_id; /* canonical form of a UUID: lower case */
	struct str method; /* kept beside it */
	struct member_ref ref; /* LINK, UNLINK, UPDATE */
	struct identity identity;
	struct profile profile; /* ENROLL, UPDATE */
	unsigned profile_fields; /* UPDATE: of enum profile_field; the others stay */
	struct str etag; /* UPDATE: MB_ETAG_MISMATCH unless the profile has it; empty: any */
	repository_answer_fn *answer;
	/* out */
	struct str answered;
	bool replayed; /* answered is that of the first time */
};

void repository_write(struct repository *repository, struct repository_write *req);

/* What a person decides about a member: an entry of the service's own in his ledger, a link in both;
 * once per request_id. */
struct repository_decision;

struct decided {
	int64_t entry_id; /* 0: it was so already, nothing was written */
	enum entry_state state;
	const struct member *member; /* MEMBER_STANDING, after it */
};

/* As repository_answer_fn. decided[1] is that of `other`, of links only. */
typedef enum mb_code repository_decision_answer_fn(const struct repository_decision *req,
						   const struct decided *decided, struct str *out,
						   struct mb_err *err);

struct repository_decision {
	struct repository_call call;
	/* in */
	struct str request_id; /* canonical form of a UUID: lower case */
	struct str method; /* kept beside it */
	struct member_ref ref;
	struct member_ref other; /* LINK: the other member */
	/* Of kind FINDING, VOID, CREDIBILITY, LINK, OVERRIDE, SUSPENSION or UNDO, with its reason; UNDO
	 * takes back what is left of what it names, of an order by a reversal. Key, instant and
	 * link.other are filled in. */
	struct activity activity;
	repository_decision_answer_fn *answer;
	/* out */
	struct str answered;
};

/* MB_ACTIVITY_NOT_FOUND for a void or an undo of what the member does not have; and what
 * ledger_receive() may say. */
void repository_decide(struct repository *repository, struct repository_decision *req);

/* Takes in up to BATCH_ITEMS_MAX activities of any members, in one transaction. */
struct record_woken {
	int64_t entry_id;
	struct str source, source_event_id;
	enum entry_state state; /* APPLIED or REFUSED */
};

struct record_item {
	/* in; a code that is not MB_OK: refused at the border, left alone */
	struct member_ref ref;
	struct activity activity; /* passed activity_check() */
	struct member_ref named; /* opening.by, answer.asker or vote.by; its id is put there */
	/* in and out */
	enum mb_code code;
	struct mb_err err;
	/* out, when code is MB_OK */
	int64_t entry_id;
	int64_t revision; /* of the member when the entry was accepted */
	bool replayed;
	enum entry_state state; /* after the whole batch */
	unsigned caps; /* bits of enum cap: where the sums stand after the whole batch */
	struct record_woken *woken;
	size_t n_woken;
	const struct member *member; /* MEMBER_STANDING, after the whole batch */
};

struct repository_record {
	struct repository_call call;
	/* in */
	struct record_item *items;
	size_t n;
};

void repository_record(struct repository *repository, struct repository_record *req);

/* What the same would make of one member now; nothing is stored. Items are judged and answered as
 * those of repository_record(), but that what is not stored has an entry_id below 0 and no revision.
 * An item whose ref is all zero means this member, one that names another is MB_FIELD_INVALID. */
struct repository_preview {
	struct repository_record record; /* its call is the preview's */
	/* in */
	struct member_ref ref;
	int64_t min_revision;
	/* out */
	const struct member
		*member; /* MEMBER_STANDING and MEMBER_SCHEDULE, after the whole batch */
};

void repository_preview(struct repository *repository, struct repository_preview *req);

/* ---- publishing policies ---- */

struct policy_set;
struct policy_version;
struct repository_publish;
/* As repository_answer_fn, of the version that was published. */
typedef enum mb_code repository_published_fn(const struct repository_publish *req,
					     const struct policy_version *version, struct str *out,
					     struct mb_err *err);

/* Publishes a policy text if it is a new version (its number the next one, in force from now or
 * later). Of a file, which is read at every start, a version that is known and the same changes
 * nothing, and what is wrong with it is MB_FIELD_INVALID. With a request_id only a new version is
 * right: else MB_POLICY_INVALID or MB_POLICY_NOT_NEXT. */
struct repository_publish {
	struct repository_call call; /* its principal stands in the audit trail */
	/* in */
	struct str policy;
	const char *policy_file; /* its name, for errors */
	struct str reason; /* for the audit trail; may be empty */
	struct str request_id; /* empty: of a file; else as in repository_write, as the next two */
	struct str method;
	repository_published_fn *answer;
	/* out */
	bool published; /* by this call, now */
	struct str answered;
	/* repository's: do not touch */
	struct policy_set *set;
	repository_done_cb *cb;
};

void repository_publish(struct repository *repository, struct repository_publish *req);

/* What publishing a text would say, without doing it. */
struct repository_try_policy {
	struct repository_call call;
	/* in */
	struct str policy;
	/* out */
	struct policy_problems problems; /* none: it is a policy, and the others are there */
	int32_t version;
	int64_t effective_from;
	enum mb_code next_code; /* MB_POLICY_NOT_NEXT: it could not be published now */
	struct mb_err next;
};

void repository_try_policy(struct repository *repository, struct repository_try_policy *req);

/* The text of a version, to the byte. MB_POLICY_NOT_FOUND. */
struct repository_policy_text {
	struct repository_call call;
	/* in */
	int32_t version;
	/* out */
	struct str text;
};

void repository_policy_text(struct repository *repository, struct repository_policy_text *req);

/* ---- what becomes known: for those who follow ---- */

/* A row of what was told, as it was told. */
struct member_event {
	int64_t member_id, revision; /* the member's when it was told */
	struct member_transition transition;
};

/* A look at what became known after a place. MB_CURSOR_TOO_OLD when that is kept no longer, or lies
 * ahead. */
struct repository_watch {
	struct repository_call call;
	/* in */
	int64_t after; /* all up to this number was seen; -1: nothing before now is of interest */
	const int64_t *members; /* those of interest */
	size_t n_members; /* 0: all */
	uint32_t
		kinds; /* bits 1 << enum transition_kind; RETRACTED comes with the kinds of its track */
	struct member_event *events; /* room for `most` */
	size_t most;
	/* out */
	size_t n;
	int64_t upto; /* all up to this number has been seen now */
	bool goes_on; /* there is more now */
};

void repository_watch(struct repository *repository, struct repository_watch *req);

/* Waits for a commit. cb runs once, on the loop; idle: it is no commit but a long time that passed. */
struct repository_wait {
	/* in */
	void (*cb)(struct repository_wait *wait, bool idle);
	/* repository's: zero before the first wait, then do not touch */
	struct list_node node;
	bool queued;
};

/* To be taken before a look, and given to repository_wait() after it. From any thread, as the others. */
uint64_t repository_commits(struct repository *repository);
/* False, and no cb, when there has been a commit since. */
bool repository_wait(struct repository *repository, struct repository_wait *wait, uint64_t commits);
/* True: cb will not run any more. False: it has run, or runs. */
bool repository_unwait(struct repository *repository, struct repository_wait *wait);

/* ---- policies and time: from any thread, at once ---- */

/* max(clock, latest known_at): the instant of receipt for checks at the border. */
int64_t repository_now(const struct repository *repository);
/* All versions known; valid as long as the repository. */
const struct policy_list *repository_policies(const struct repository *repository);
/* NULL when this version is not known. */
const struct policy *repository_policy(const struct repository *repository, int32_t version);

struct policy_version {
	const struct policy *policy;
	int64_t known_at; /* its publication */
	unsigned char digest[32]; /* SHA-256 of its text */
};

/* False when this version is not known. */
bool repository_policy_version(const struct repository *repository, int32_t version,
			       struct policy_version *out);
/* Whether version 1 is another text than the embedded default, which then plays no part. */
bool repository_default_differs(const struct repository *repository);
/* How many entries of ledgers were read from the store since the opening. */
int64_t repository_entries_read(const struct repository *repository);
/* A keyed digest, for what leaves the process and must come back unchanged. */
enum mb_code repository_digest(const struct repository *repository, const struct str *parts,
			       size_t n, unsigned char out[32], struct mb_err *err);

/* ---- life ---- */

/* Of src/policy, which this floor does not know: reads and checks one policy text (err tells file,
 * line, column and reason); the same with everything that is wrong; and whether a version may follow
 * those known when it is published. */
typedef enum mb_code repository_parse_policy_fn(struct str text, const char *file,
						struct arena *arena, const struct policy **out,
						struct mb_err *err);
typedef enum mb_code repository_try_policy_fn(struct str text, struct arena *arena,
					      const struct policy **out,
					      struct policy_problems *problems, struct mb_err *err);
typedef enum mb_code repository_check_policy_fn(const struct policy_list *known,
						const struct policy *next, int64_t published_at,
						struct mb_err *err);

struct repository_options {
	struct store *store; /* borrowed until repository_close() has ended */
	struct uv_loop_s *loop; /* the store's */
	const struct clock *clock;
	struct arena_budget *budget; /* of the process; may be NULL */
	size_t ledger_max; /* bytes that one member's ledger may take while it is folded; 0: default */
	size_t checkpoint_from; /* entries from which a ledger gets a checkpoint; 0: default */
	const char *key_file; /* NULL: a key that dies with the process, for a volatile store */
	repository_parse_policy_fn *parse_policy;
	repository_try_policy_fn *try_policy;
	repository_check_policy_fn *check_policy;
	struct str default_policy; /* text of the embedded one */
	struct str policy; /* of --policy; empty: none was given */
	const char *policy_file; /* its name, for errors */
	uint64_t idle_ms; /* after which those who wait are woken; 0: REPOSITORY_IDLE_MS */
	uint64_t prune_every_ms; /* between two rounds of forgetting; 0: ten minutes */
	uint64_t sweep_every_ms; /* between two rounds of telling of time's work; 0: none runs */
	uint64_t sweep_pause_ms; /* between two steps of a round */
	size_t sweep_members; /* members of a step; 0: SWEEP_MEMBERS */
	size_t cache_bytes; /* of hot members in the process; 0: none are kept */
	const char *redis_url; /* NULL: there is none */
	uint64_t
		redis_budget_ms; /* that one read from it may cost; 0: REPOSITORY_REDIS_BUDGET_MS */
	uint64_t redis_ttl_s; /* of a record in it; 0: REPOSITORY_REDIS_TTL_S */
	/* Other processes write to the store, too: then a cached record is answered only as long as the
	 * outbox was looked at within max_staleness_ms (0: REPOSITORY_MAX_STALENESS_MS). */
	bool shared;
	uint64_t max_staleness_ms;
	/* Of members who are not in the process's cache: more loads at once are MB_OVERLOADED, and so is
	 * one that takes longer; 0: defaults. */
	size_t loads_most;
	uint64_t load_most_ms;
};

#define REPOSITORY_IDLE_MS	    30000
#define REPOSITORY_MAX_STALENESS_MS 1000
#define REPOSITORY_REDIS_BUDGET_MS  5
#define REPOSITORY_LOADS_MOST	    20000
#define REPOSITORY_LOAD_MOST_MS	    5000
#define REPOSITORY_REDIS_TTL_S	    86400
#define SWEEP_MEMBERS		    16

struct repository_figures {
	/* the sweeper */
	_Atomic int64_t sweep_members; /* looked at, told of what there was to tell */
	_Atomic int64_t sweep_failures; /* put off */
	_Atomic int64_t sweep_lag_us; /* for how long the latest ones had been due; 0: none are */
	/* members who were not in the process's cache */
	_Atomic int64_t loads; /* of one member each */
	_Atomic int64_t loads_joined; /* queries that found a load under way */
	_Atomic int64_t records_folded; /* whose row had no record that was good */
	_Atomic int64_t warmed; /* records taken from Redis after the start */
};

#define REPOSITORY_CHECKPOINT_FROM 256
#define REPOSITORY_LEDGER_MAX	   ((size_t)128 << 20)
#define REPOSITORY_REQUEST_KEPT	   (30 * US_PER_DAY)
#define REPOSITORY_OUTBOX_KEPT	   (7 * US_PER_DAY)

/* Blocking, before the loop runs (it turns the loop until the store has answered). Makes the key file
 * of an empty store; *key_made tells, so that somebody says to back it up. MB_FIELD_INVALID for a
 * missing or different key file, and for a policy that cannot be published. */
enum mb_code repository_open(const struct repository_options *options, struct repository **out,
			     bool *key_made, struct mb_err *err);

/* Whether a start could take the key file. One that is not there is fine: the first start makes it. */
enum mb_code repository_check_key(const char *path, struct mb_err *err);

const unsigned char *repository_store_id(const struct repository *repository); /* STORE_ID_BYTES */
/* From any thread; lives as long as the repository. */
const struct repository_figures *repository_figures(const struct repository *repository);
void repository_cache_figures(const struct repository *repository, struct cache_figures *out);
/* False when there is no Redis. *well: it is believed; *text says in which state it is. */
bool repository_redis_figures(const struct repository *repository, struct redis_figures *out,
			      bool *well, const char **text);

/* When every submitted call has had its cb; cb runs on the loop, after which it is gone. The store is
 * to be closed after that. */
void repository_close(struct repository *repository, void (*cb)(void *data), void *data);
