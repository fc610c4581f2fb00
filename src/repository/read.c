/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read: one or many members, as they stand at an instant, as it was known at an instant.
 *
 * Known at an instant are the entries and the policy versions committed by then; the fold over them
 * at as_of is the answer. So what was answered once can be asked for again, whatever came later.
 */
#include "repository/inner.h"

#include <assert.h>

#define PEEK_AHEAD 32 /* members of a batch whose records are asked of memory at once */

/* A member that an earlier query of this read has described. */
static const struct member *find_described(const struct repository_read *req, size_t upto,
					   int64_t member_id)
{
	for (size_t i = 0; i < upto; i++) {
		const struct member *member = req->queries[i].member;

		if (member != NULL && member->member_id == member_id) {
			return member;
		}
	}
	return NULL;
}

/* With both instants, whatever the caller left out. */
static struct axes whole_axes(const struct axes *asked, int64_t now)
{
	return (struct axes){.has_as_of = true,
			     .has_known_at = true,
			     .as_of = asked->has_as_of ? asked->as_of : now,
			     .known_at = asked->has_known_at ? asked->known_at : now};
}

/* The entries are those known. */
static enum mb_code check_axes(const struct ledger *ledger, const struct axes *axes,
			       struct mb_err *err)
{
	int64_t enrolled_at = ledger->row.created_at;

	if (axes->known_at < enrolled_at) {
		return mb_fail_field(err, MB_MEMBER_NOT_FOUND, "known_at",
				     "the member was not enrolled then");
	}
	if (axes->as_of >= enrolled_at) {
		return MB_OK; /* nearly always: nobody looks for the first activity then */
	}
	for (size_t i = 0; i < ledger->n; i++) {
		if (axes->as_of >= ledger->entries[i].activity.occurred_at) {
			return MB_OK;
		}
	}
	return mb_fail_field(err, MB_MEMBER_NOT_FOUND, "as_of",
			     "that is before the member's enrolment and first activity");
}

/* Entries alone tell which revision was when: what is not in the ledger has no known_at. */
static int64_t known_revision(const struct ledger *ledger)
{
	int64_t revision = 1; /* of the enrolment */

	for (size_t i = 0; i < ledger->n; i++) {
		if (ledger->entries[i].revision > revision) {
			revision = ledger->entries[i].revision;
		}
	}
	return revision;
}

/* What is computed from all entries, not from those since a checkpoint. */
#define WHOLE_PARTS (MEMBER_HISTORY | MEMBER_TOLD | MEMBER_ACTIVITIES | MEMBER_PROGRESS)

static enum mb_code fold_member(struct repository_read *req, struct store_view *view,
				const struct axes *axes, struct ledger *ledger,
				struct policy_list *policies, struct fold *fold, struct mb_err *err)
{
	const bool now = !req->axes.has_as_of && !req->axes.has_known_at;
	enum mb_code code = now && (req->parts & WHOLE_PARTS) == 0
				    ? ledger_load_short(ledger, view, policies, err)
				    : ledger_load(ledger, view, err);

	if (code == MB_OK && req->axes.has_known_at) {
		ledger_keep_known(ledger, axes->known_at);
		ledger->row.revision = known_revision(ledger);
		code = policies_known(req->call.repository, axes->known_at, ledger->arena, policies,
				      err);
	}
	if (code == MB_OK) {
		code = check_axes(ledger, axes, err);
	}
	if (code == MB_OK && policies->n == 0) {
		code = mb_fail(err, MB_INTERNAL, "a member from before the first policy");
	}
	ledger->want_counts = (req->parts & MEMBER_ACTIVITIES) != 0;
	if (code == MB_OK) {
		code = ledger_fold(ledger, policies, axes->as_of,
				   (req->parts & MEMBER_SCHEDULE) != 0 ? MEMBER_SCHEDULE_MAX : 0,
				   fold, err);
	}
	return code;
}

static enum mb_code describe_progress(struct repository_read *req, struct ledger *ledger,
				      const struct policy_list *policies, struct member *member,
				      struct mb_err *err)
{
	struct progress *progress = arena_alloc(req->call.arena, sizeof(*progress));
	enum mb_code code;

	if (progress == NULL) {
		return arena_fail(req->call.arena, err);
	}
	code = ledger_progress(ledger, req->call.repository, policies, member->axes.as_of, progress,
			       err);
	if (code == MB_OK) {
		member->progress = progress;
		member->valid_until = progress->valid_until;
	}
	return code;
}

static enum mb_code load_member(struct repository_read *req, struct store_view *view,
				struct ledger *ledger, const struct member **out,
				struct mb_err *err)
{
	const struct axes axes = whole_axes(&req->axes, store_view_now(view));
	struct policy_list policies = *repository_policies(req->call.repository);
	struct member *member = NULL;
	struct fold fold;
	enum mb_code code = MB_OK;

	if ((req->parts & MEMBER_STANDING) != 0) {
		code = fold_member(req, view, &axes, ledger, &policies, &fold, err);
	}
	if (code == MB_OK) {
		code = describe_member(req->call.repository, view, &ledger->row, &fold, &policies,
				       req->parts, req->call.arena, &member, err);
	}
	if (code == MB_OK) {
		member->axes = axes;
		if ((req->parts & (MEMBER_HISTORY | MEMBER_TOLD)) != 0) {
			code = describe_history(view, &fold, req, ledger->arena, member, err);
		}
		if (code == MB_OK && (req->parts & MEMBER_PROGRESS) != 0) {
			code = describe_progress(req, ledger, &policies, member, err);
		}
		if (code == MB_OK && (req->parts & MEMBER_ACTIVITIES) != 0) {
			code = describe_activities(ledger, &fold, req, axes.as_of, member, err);
		}
		*out = member;
	}
	return code;
}

/* MEMBER_BRIEF of now: the row has it. */
static enum mb_code load_brief(struct repository_read *req, struct store_view *view,
			       const struct member_row *row, const struct member **out,
			       struct mb_err *err)
{
	struct repository *repository = req->call.repository;
	struct member *member = arena_alloc(req->call.arena, sizeof(*member));
	struct hot_bytes record;
	enum mb_code code = member == NULL ? arena_fail(req->call.arena, err)
					   : read_record(repository, view, row, &record, err);

	if (code == MB_OK && !describe_brief(repository_policies(repository), row->member_id,
					     &record, store_view_now(view), member)) {
		/* a version was published between the two */
		code = mb_fail(err, MB_OVERLOADED, "a policy takes force: try again");
	}
	if (code == MB_OK) {
		*out = member;
	}
	return code;
}

/* ---- identities ---- */

_Static_assert(sizeof(((struct member_query *)0)->key) == SEAL_DIGEST_BYTES, "it is a look-up key");

/* The look-up key of the identity, which costs a keyed hash: made once. */
static enum mb_code make_key(const struct repository *repository, struct member_query *query,
			     struct mb_err *err)
{
	enum mb_code code = MB_OK;

	if (!query->keyed) {
		code = seal_lookup_key(repository->seal, query->ref.identity.issuer,
				       query->ref.identity.external_id, query->key, err);
		query->keyed = code == MB_OK;
	}
	return code;
}

static enum mb_code resolve_query(struct repository_read *req, struct store_view *view,
				  struct member_query *query, struct ledger *ledger,
				  struct mb_err *err)
{
	enum mb_code code;

	if (query->ref.member_id != 0) {
		return resolve_member(&req->call, view, &query->ref, ledger->arena, &ledger->row,
				      err);
	}
	code = make_key(req->call.repository, query, err);
	return code == MB_OK
		       ? resolve_key(&req->call, view, query->key, ledger->arena, &ledger->row, err)
		       : code;
}

/* Whether the process's cache answers for the row as it is. */
static bool is_cached(struct repository *repository, const struct member_row *row, int64_t now)
{
	struct hot_bytes record;
	struct hot_view view;

	return cache_get(repository->cache, row->member_id, &record) == CACHE_HIT &&
	       hot_order(&record).revision == row->revision &&
	       hot_at(&record, repository_policies(repository), now, &view);
}

/* So that the next one who names him by this identity is answered from memory. */
static void note_alias(struct repository *repository, const struct member_query *query,
		       const struct member_row *row, int64_t now)
{
	if (repository->aliases == NULL || !query->keyed) {
		return;
	}
	aliases_put(repository->aliases, query->key, row->member_id, row->revision);
	if (!is_cached(repository, row, now)) {
		loads_prefetch(repository->loads, row->member_id);
	}
}

static bool is_brief(const struct repository_read *req)
{
	return req->parts == MEMBER_BRIEF && !req->axes.has_as_of && !req->axes.has_known_at;
}

static enum mb_code answer_query(struct repository_read *req, struct store_view *view, size_t i,
				 struct ledger *ledger, const struct member **out,
				 struct mb_err *err)
{
	struct member_query *query = &req->queries[i];
	enum mb_code code = resolve_query(req, view, query, ledger, err);

	if (code == MB_OK) {
		code = check_revision(query->min_revision, ledger->row.revision, err);
	}
	if (code == MB_OK && is_brief(req)) {
		note_alias(req->call.repository, query, &ledger->row, store_view_now(view));
	}
	if (code == MB_OK) {
		*out = find_described(req, i, ledger->row.member_id);
		/* what was peeked at may be older */
		if (*out == NULL || (is_brief(req) && (*out)->revision < ledger->row.revision)) {
			code = is_brief(req) ? load_brief(req, view, &ledger->row, out, err)
					     : load_member(req, view, ledger, out, err);
		}
	}
	return code;
}

bool ends_call(enum mb_code code)
{
	return code == MB_STORE_UNAVAILABLE || code == MB_STORE_FULL || code == MB_CALL_CANCELLED;
}

static enum mb_code run_read(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_read *req = (struct repository_read *)CALL_OF_JOB(job);

	for (size_t i = 0; i < req->n; i++) {
		struct member_query *query = &req->queries[i];
		const struct member *member = NULL;
		struct ledger ledger;

		if (query->code != MB_OK || query->member != NULL) {
			continue;
		}
		if (atomic_load(&req->call.cancelled)) {
			return mb_fail(err, MB_CALL_CANCELLED, "the caller gave up");
		}
		query->code = ledger_init(&ledger, req->call.repository, STORE_READ, &query->err);
		if (query->code == MB_OK) {
			query->code = answer_query(req, view, i, &ledger, &member, &query->err);
			ledger_fini(&ledger);
		}
		if (arena_overflowed(req->call.arena)) {
			return arena_fail(req->call.arena, err);
		}
		if (ends_call(query->code)) {
			*err = query->err;
			return query->code;
		}
		query->member = query->code == MB_OK ? member : NULL;
	}
	return MB_OK;
}

/* ---- from the caches ---- */

static bool peek_record(struct repository_read *req, struct member_query *query, int64_t member_id,
			const struct hot_bytes *record, const struct policy_list *policies,
			int64_t now)
{
	struct member *member = arena_alloc(req->call.arena, sizeof(*member));

	if (member == NULL) {
		query->code = arena_fail(req->call.arena, &query->err);
		return true;
	}
	if (hot_order(record).revision < query->min_revision ||
	    !describe_brief(policies, member_id, record, now, member)) {
		return false;
	}
	query->code = check_only(&req->call, member_id, &query->err);
	query->member = query->code == MB_OK ? member : NULL;
	return true;
}

/* Whoever was at this revision when the identity was his, and is, has it. */
static bool peek_identity(struct repository *repository, struct member_query *query,
			  int64_t *member_id, struct hot_bytes *record)
{
	int64_t revision;

	return repository->aliases != NULL && make_key(repository, query, NULL) == MB_OK &&
	       aliases_find(repository->aliases, query->key, member_id, &revision) &&
	       cache_get(repository->cache, *member_id, record) == CACHE_HIT &&
	       hot_order(record).revision == revision;
}

/* False: it is to be read. */
static bool peek_query(struct repository *repository, struct repository_read *req,
		       struct member_query *query, const struct policy_list *policies, int64_t now)
{
	int64_t member_id = query->ref.member_id;
	struct hot_bytes record;

	if (member_id == 0) {
		return peek_identity(repository, query, &member_id, &record) &&
		       peek_record(req, query, member_id, &record, policies, now);
	}
	query->code = check_only(&req->call, member_id, &query->err);
	if (query->code != MB_OK) {
		return true;
	}
	switch (cache_get(repository->cache, member_id, &record)) {
	case CACHE_HIT:
		return peek_record(req, query, member_id, &record, policies, now);
	case CACHE_ABSENT:
		if (query->min_revision > 0) {
			return false;
		}
		query->code = mb_fail(&query->err, MB_MEMBER_NOT_FOUND, MEMBER_UNKNOWN_TEXT);
		return true;
	default:
		return false;
	}
}

/* Of a batch, some before they are looked at. Those named by an identity are few. */
static void expect_members(struct repository *repository, const struct repository_read *req,
			   size_t from)
{
	int64_t ids[PEEK_AHEAD];
	size_t n = 0;

	for (size_t i = from; i < req->n && i < from + PEEK_AHEAD; i++) {
		if (req->queries[i].ref.member_id != 0) {
			ids[n++] = req->queries[i].ref.member_id;
		}
	}
	cache_expect(repository->cache, ids, n);
}

bool repository_peek(struct repository *repository, struct repository_read *req)
{
	const struct policy_list *policies = repository_policies(repository);
	const int64_t now = repository_now(repository);
	size_t left = 0;

	if (!is_brief(req) || !follow_is_fresh(repository)) {
		return false;
	}
	for (size_t i = 0; i < req->n; i++) {
		struct member_query *query = &req->queries[i];

		if (i % PEEK_AHEAD == 0 && req->n > 1) {
			expect_members(repository, req, i);
		}
		left += query->code == MB_OK && !peek_query(repository, req, query, policies, now);
	}
	return left == 0;
}

/* Whether all that is left can be loaded by id. */
static bool by_ids(const struct repository_read *req)
{
	bool ids = is_brief(req);

	for (size_t i = 0; ids && i < req->n; i++) {
		ids = req->queries[i].code != MB_OK || req->queries[i].ref.member_id != 0;
	}
	return ids;
}

static void check_members(struct repository_read *req)
{
	for (size_t i = 0; i < req->n; i++) {
		struct member_query *query = &req->queries[i];

		if (query->code == MB_OK) {
			query->code = check_only(&req->call, query->ref.member_id, &query->err);
		}
	}
}

void repository_read(struct repository *repository, struct repository_read *req)
{
	assert(req->n >= 1 && req->n <= BATCH_ITEMS_MAX);
	if (by_ids(req)) {
		req->call.repository = repository;
		atomic_store(&req->call.waiting, req);
		check_members(req);
		atomic_fetch_add(&repository->pending, 1);
		loads_ask(repository->loads, req);
		return;
	}
	if (req->parts == MEMBER_BRIEF && !is_brief(req)) {
		req->parts = MEMBER_STANDING; /* of the past: there are no records of it */
	}
	req->call.job.at_least = req->axes.has_known_at ? req->axes.known_at : 0;
	repository_submit(repository, &req->call, STORE_READ, run_read);
}
