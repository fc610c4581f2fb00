/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repository: life, calls, time.
 *
 * Opening: read what the store says about its key → find or make the key file → in one write:
 * the mark of the key, and the policy versions. A store that was sealed once is never given
 * another key: without its key file it is refused before anything changes.
 */
#include "repository/inner.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define KEY_CHECK     STR("key_check")
#define ABSENT_TTL_MS 1000 /* an id that nobody has is not looked up again so long */

static struct repository *checked(struct repository *repository)
{
	assert(repository->magic == REPOSITORY_MAGIC);
	return repository;
}

/* ---- calls ---- */

static void saw_time(struct repository *repository, int64_t known_at)
{
	int64_t latest = atomic_load(&repository->latest);

	while (latest < known_at &&
	       !atomic_compare_exchange_weak(&repository->latest, &latest, known_at)) {
	}
}

void repository_finish(struct repository *repository)
{
	void (*closed)(void *data) = repository->closed;
	void *data = repository->closed_data;

	policy_set_destroy(atomic_load(&repository->policies));
	seal_destroy(repository->seal);
	cache_destroy(repository->cache);
	aliases_destroy(repository->aliases);
	pthread_mutex_destroy(&repository->tail_lock);
	repository->magic = 0;
	free(repository);
	if (closed != NULL) {
		closed(data);
	}
}

/* Loads go last: whatever ended before may have waited for one. */
void repository_ended(struct repository *repository)
{
	if (atomic_fetch_sub(&repository->pending, 1) != 1 || repository->closed == NULL) {
		return;
	}
	if (repository->loads != NULL) {
		loads_stop(repository->loads);
	} else {
		repository_finish(repository);
	}
}

void repository_saw(struct repository *repository, const struct store_job *job)
{
	saw_time(repository, job->known_at);
	if (job->kind == STORE_WRITE && job->code == MB_OK) {
		tail_committed(repository);
	}
}

/* Members whose write failed at the disk may have been written nevertheless. */
void repository_told(struct repository *repository, const struct store_job *job,
		     const struct told_member *told)
{
	const bool lost = job->code == MB_STORE_UNAVAILABLE || job->code == MB_STORE_FULL;
	const struct hot_bytes none = {0};

	if (job->code != MB_OK && !lost) {
		return;
	}
	for (const struct told_member *member = told; member != NULL; member = member->next) {
		cache_tell(repository->cache, member->member_id, lost ? &none : &member->record);
		loads_tell(repository->loads, member->member_id);
	}
	if (lost && told != NULL) {
		mirror_lost(repository);
	} else if (told != NULL || job->outbox_seq > 0) {
		mirror_told(repository, told, job);
	}
}

enum mb_code call_tell(struct repository_call *call, const struct ledger *ledger,
		       struct mb_err *err)
{
	struct told_member *told = arena_alloc(call->arena, sizeof(*told));

	if (told == NULL) {
		return arena_fail(call->arena, err);
	}
	*told = (struct told_member){
		.member_id = ledger->row.member_id, .record = ledger->record, .next = call->told};
	call->told = told;
	return MB_OK;
}

const unsigned char *repository_store_id(const struct repository *repository)
{
	return store_id(repository->store);
}

void repository_cache_figures(const struct repository *repository, struct cache_figures *out)
{
	cache_figures(repository->cache, out);
}

bool repository_redis_figures(const struct repository *repository, struct redis_figures *out,
			      bool *well, const char **text)
{
	*well = mirror_believed(repository);
	return mirror_text(repository, out, text);
}

const struct repository_figures *repository_figures(const struct repository *repository)
{
	return &repository->figures;
}

static enum mb_code run_call(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_call *call = CALL_OF_JOB(job);

	if (atomic_load(&call->cancelled)) {
		return mb_fail(err, MB_CALL_CANCELLED, "the caller gave up");
	}
	return call->run(job, view, err);
}

static void end_call(struct store_job *job)
{
	struct repository_call *call = CALL_OF_JOB(job);
	struct repository *repository = call->repository;

	saw_time(repository, job->known_at); /* first: what is told is of then */
	repository_told(repository, job, call->told);
	repository_saw(repository, job);
	call->code = job->code;
	call->err = job->err;
	call->cb(call);
	/* The call is gone from here on. */
	repository_ended(repository);
}

void repository_submit(struct repository *repository, struct repository_call *call,
		       enum store_job_kind kind, store_run_fn *run)
{
	call->repository = checked(repository);
	call->run = run;
	call->told = NULL;
	call->job.kind = kind;
	call->job.run = run_call;
	call->job.cb = end_call;
	call->job.data = call;
	atomic_fetch_add(&repository->pending, 1);
	store_submit(repository->store, &call->job);
}

void repository_cancel(struct repository *repository, struct repository_call *call)
{
	struct repository_read *waiting;

	/* The mark holds whether the job is queued already or not; the store only makes it sooner. */
	atomic_store(&call->cancelled, true);
	waiting = atomic_load(&call->waiting);
	if (waiting != NULL) {
		loads_cancel(checked(repository)->loads, waiting);
	} else {
		store_cancel(checked(repository)->store, &call->job);
	}
}

/* ---- time and policies ---- */

int64_t repository_entries_read(const struct repository *repository)
{
	return atomic_load(&repository->entries_read);
}

int64_t repository_now(const struct repository *repository)
{
	int64_t now = clock_now(repository->clock);
	int64_t latest = atomic_load(&repository->latest);

	return now > latest ? now : latest;
}

const struct policy_list *repository_policies(const struct repository *repository)
{
	return &atomic_load(&repository->policies)->list;
}

const struct policy *repository_policy(const struct repository *repository, int32_t version)
{
	const struct policy_version *row = find_policy(atomic_load(&repository->policies), version);

	return row == NULL ? NULL : row->policy;
}

bool repository_policy_version(const struct repository *repository, int32_t version,
			       struct policy_version *out)
{
	const struct policy_version *row = find_policy(atomic_load(&repository->policies), version);

	if (row != NULL) {
		*out = *row;
	}
	return row != NULL;
}

bool repository_default_differs(const struct repository *repository)
{
	const struct policy_version *first = find_policy(atomic_load(&repository->policies), 1);

	return first != NULL &&
	       memcmp(first->digest, repository->default_digest, sizeof(first->digest)) != 0;
}

enum mb_code repository_digest(const struct repository *repository, const struct str *parts,
			       size_t n, unsigned char out[32], struct mb_err *err)
{
	return seal_digest(repository->seal, parts, n, out, err);
}

/* ---- opening ---- */

/* Both jobs of opening; on the stack of repository_open(). */
struct opening {
	struct repository_call call;
	const struct repository_options *options;
	struct arena *arena;
	bool ended;
	unsigned char check[SEAL_DIGEST_BYTES];
	struct str stored_check; /* empty: the store was never sealed */
	struct policy_set *set;
};

static void end_opening(struct repository_call *call)
{
	((struct opening *)call)->ended = true;
}

static enum mb_code run_and_wait(struct repository *repository, struct opening *opening,
				 enum store_job_kind kind, store_run_fn *run, struct mb_err *err)
{
	opening->ended = false;
	opening->call.cb = end_opening;
	memset(&opening->call.job, 0, sizeof(opening->call.job));
	repository_submit(repository, &opening->call, kind, run);
	while (!opening->ended) {
		uv_run(repository->loop, UV_RUN_ONCE);
	}
	if (opening->call.code != MB_OK && err != NULL) {
		*err = opening->call.err;
	}
	return opening->call.code;
}

static enum mb_code run_look(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct opening *opening = (struct opening *)CALL_OF_JOB(job);
	bool found = false;

	return store_get_meta(view, KEY_CHECK, opening->arena, &opening->stored_check, &found, err);
}

static enum mb_code run_open(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct opening *opening = (struct opening *)CALL_OF_JOB(job);
	const struct repository_options *options = opening->options;
	const struct str check = {(const char *)opening->check, sizeof(opening->check)};
	const struct publication publication = {
		.default_text = options->default_policy,
		.text = options->policy,
		.file = options->policy_file,
		.actor = STR("memberd:policy-file"),
	};
	const struct policy_version *published;
	enum mb_code code = MB_OK;

	if (opening->stored_check.len == 0) {
		code = store_put_meta(view, KEY_CHECK, check, err);
	}
	if (code == MB_OK) {
		code = sync_policies(opening->call.repository, view, &publication, &opening->set,
				     &published, err);
	}
	return code;
}

/* A store that was sealed needs its own key file; one that was not gets what is there, or a new one. */
static enum mb_code find_key(struct repository *repository, const char *path, bool sealed,
			     bool *made, struct mb_err *err)
{
	if (path == NULL) {
		return sealed ? mb_fail(err, MB_FIELD_INVALID,
					"the store is sealed with a key file, and none was named")
			      : seal_make_volatile(&repository->seal, err);
	}
	if (access(path, F_OK) == 0) {
		return seal_read(path, &repository->seal, err);
	}
	if (errno != ENOENT) {
		return mb_fail(err, MB_FIELD_INVALID, "key file '%.160s': %s", path,
			       strerror(errno));
	}
	if (sealed) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "key file '%.120s' is missing: bring it back from your backup, the "
			       "database cannot be read without it",
			       path);
	}
	*made = true;
	return seal_make(path, &repository->seal, err);
}

enum mb_code repository_check_key(const char *path, struct mb_err *err)
{
	struct seal *seal;
	enum mb_code code;

	if (access(path, F_OK) != 0 && errno == ENOENT) {
		return MB_OK;
	}
	code = seal_read(path, &seal, err);
	if (code == MB_OK) {
		seal_destroy(seal);
	}
	return code;
}

static enum mb_code check_key(struct repository *repository, struct opening *opening,
			      struct mb_err *err)
{
	enum mb_code code = seal_key_check(repository->seal, opening->check, err);

	if (code == MB_OK && opening->stored_check.len > 0 &&
	    !str_eq(opening->stored_check,
		    (struct str){(const char *)opening->check, sizeof(opening->check)})) {
		code = mb_fail(err, MB_FIELD_INVALID,
			       "key file '%.120s' is not the one this database was sealed with",
			       opening->options->key_file);
	}
	return code;
}

static enum mb_code open_store(struct repository *repository, struct opening *opening,
			       bool *key_made, struct mb_err *err)
{
	enum mb_code code = run_and_wait(repository, opening, STORE_READ, run_look, err);

	if (code == MB_OK) {
		code = find_key(repository, opening->options->key_file,
				opening->stored_check.len > 0, key_made, err);
	}
	if (code == MB_OK) {
		code = check_key(repository, opening, err);
	}
	if (code == MB_OK) {
		code = run_and_wait(repository, opening, STORE_WRITE, run_open, err);
		if (code != MB_OK) {
			policy_set_destroy(opening->set);
		} else {
			take_policies(repository, opening->set);
		}
	}
	return code;
}

static struct repository *make_repository(const struct repository_options *options)
{
	struct repository *repository = calloc(1, sizeof(*repository));

	if (repository != NULL) {
		repository->magic = REPOSITORY_MAGIC;
		pthread_mutex_init(&repository->tail_lock, NULL);
		list_init(&repository->waiting);
		repository->store = options->store;
		repository->loop = options->loop;
		repository->clock = options->clock;
		repository->budget = options->budget;
		repository->ledger_max = or_default(options->ledger_max, REPOSITORY_LEDGER_MAX);
		repository->checkpoint_from =
			or_default(options->checkpoint_from, REPOSITORY_CHECKPOINT_FROM);
		repository->parse_policy = options->parse_policy;
		repository->try_policy = options->try_policy;
		repository->check_policy = options->check_policy;
	}
	return repository;
}

/* ---- closing ---- */

/* A part that is not there, because it is not wanted or opening failed before it, has stopped. */
#define STOP(repository, part)                                             \
	do {                                                               \
		if ((repository)->part != NULL) {                          \
			part##_stop((repository)->part, repository_ended); \
		} else {                                                   \
			repository_ended(repository);                      \
		}                                                          \
	} while (0)

void repository_close(struct repository *repository, void (*cb)(void *data), void *data)
{
	assert(checked(repository)->closed == NULL);
	repository->closed = cb;
	repository->closed_data = data;
	/* One for each part, so that the count reaches zero once, after everything. */
	atomic_fetch_add(&repository->pending, 5);
	STOP(repository, prune);
	STOP(repository, tail);
	STOP(repository, follow);
	STOP(repository, sweep);
	STOP(repository, mirror);
}

#undef STOP

static void mark_gone(void *data)
{
	*(bool *)data = true;
}

/* Of a repository that was opened in part. */
static void give_up(struct repository *repository)
{
	bool gone = false;

	repository_close(repository, mark_gone, &gone);
	while (!gone) {
		uv_run(repository->loop, UV_RUN_ONCE);
	}
}

/* ---- opening, the whole ---- */

static enum mb_code start_parts(struct repository *repository,
				const struct repository_options *options, struct mb_err *err)
{
	enum mb_code code =
		prune_start(repository, options->prune_every_ms, &repository->prune, err);

	if (code == MB_OK) {
		code = tail_start(repository, options->idle_ms, &repository->tail, err);
	}
	if (code == MB_OK && options->shared) {
		code = follow_start(repository, options->max_staleness_ms, &repository->follow,
				    err);
	}
	if (code == MB_OK && options->redis_url != NULL) {
		code = mirror_start(repository, options, &repository->mirror, err);
	}
	if (code == MB_OK && options->sweep_every_ms > 0) {
		code = sweep_start(repository, options, &repository->sweep, err);
	}
	return code;
}

enum mb_code repository_open(const struct repository_options *options, struct repository **out,
			     bool *key_made, struct mb_err *err)
{
	struct repository *repository = make_repository(options);
	struct arena *arena = arena_create(NULL, 0);
	struct opening opening = {.options = options, .arena = arena};
	const struct cache_options cache = {.bytes = options->cache_bytes,
					    .absent_ttl_ms = ABSENT_TTL_MS};
	bool made = false;
	enum mb_code code;

	if (repository == NULL || arena == NULL) {
		code = mb_fail(err, MB_OVERLOADED, "no memory to open the store");
	} else {
		code = seal_sha256(options->default_policy, repository->default_digest, err);
	}
	if (code == MB_OK) {
		code = cache_create(&cache, &repository->cache, err);
	}
	if (code == MB_OK && options->cache_bytes > 0) {
		repository->aliases = aliases_create(options->cache_bytes);
		code = repository->aliases != NULL
			       ? MB_OK
			       : mb_fail(err, MB_OVERLOADED, "no memory to open the store");
	}
	if (code == MB_OK) {
		code = loads_start(repository, options, &repository->loads, err);
	}
	if (code == MB_OK) {
		code = open_store(repository, &opening, &made, err);
	}
	if (code == MB_OK) {
		code = start_parts(repository, options, err);
	}
	arena_destroy(arena);
	if (code != MB_OK && repository != NULL) {
		give_up(repository);
	} else if (code == MB_OK) {
		*key_made = made;
		*out = repository;
	}
	return code;
}
