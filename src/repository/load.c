/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: from a reference to a member: row, ledger, fold, answer. All of it runs inside a job.
 */
#include "repository/inner.h"

#include "domain/id.h"
#include "domain/payload.h"

#include <assert.h>
#include <string.h>

/* This part of a ledger's memory is for reads only: what a write accepted can always be read. */
#define WRITE_RESERVE 8

enum mb_code dup_str(struct arena *arena, struct str text, struct str *out, struct mb_err *err)
{
	char *copy = arena_dup(arena, text.len > 0 ? text.ptr : "", text.len);

	if (copy == NULL) {
		return arena_fail(arena, err);
	}
	*out = (struct str){copy, text.len};
	return MB_OK;
}

enum mb_code draw_id(int64_t now, int64_t *out, struct mb_err *err)
{
	uint32_t random;
	enum mb_code code = seal_random(&random, sizeof(random), err);

	if (code == MB_OK) {
		*out = id_make(now, random);
	}
	return code;
}

/* ---- who is meant ---- */

enum mb_code check_only(const struct repository_call *call, int64_t member_id, struct mb_err *err)
{
	if (call->only_member != 0 && call->only_member != member_id) {
		return mb_fail(err, MB_PERMISSION_MISSING,
			       "the token's role may ask about its own member only");
	}
	return MB_OK;
}

static enum mb_code find_member(struct store_view *view, int64_t member_id, struct arena *arena,
				struct member_row *out, struct mb_err *err)
{
	bool found = false;
	enum mb_code code = store_get_member(view, member_id, arena, out, &found, err);

	if (code == MB_OK && !found) {
		code = mb_fail(err, MB_MEMBER_NOT_FOUND, MEMBER_UNKNOWN_TEXT);
	}
	return code;
}

enum mb_code resolve_key(struct repository_call *call, struct store_view *view,
			 const unsigned char key[SEAL_DIGEST_BYTES], struct arena *arena,
			 struct member_row *out, struct mb_err *err)
{
	struct identity_row row;
	bool found = false;
	enum mb_code code = store_get_identity(
		view, (struct str){(const char *)key, SEAL_DIGEST_BYTES}, arena, &row, &found, err);

	if (code == MB_OK) {
		code = check_only(call, found ? row.member_id : 0, err);
	}
	if (code == MB_OK && !found) {
		code = mb_fail(err, MB_MEMBER_NOT_FOUND, "no member has this identity");
	}
	return code == MB_OK ? find_member(view, row.member_id, arena, out, err) : code;
}

enum mb_code resolve_member(struct repository_call *call, struct store_view *view,
			    const struct member_ref *ref, struct arena *arena,
			    struct member_row *out, struct mb_err *err)
{
	unsigned char key[SEAL_DIGEST_BYTES];
	enum mb_code code;

	if (ref->member_id != 0) {
		code = check_only(call, ref->member_id, err);
		return code == MB_OK ? find_member(view, ref->member_id, arena, out, err) : code;
	}
	code = seal_lookup_key(call->repository->seal, ref->identity.issuer,
			       ref->identity.external_id, key, err);
	return code == MB_OK ? resolve_key(call, view, key, arena, out, err) : code;
}

enum mb_code check_revision(int64_t min_revision, int64_t revision, struct mb_err *err)
{
	if (min_revision > revision) {
		return mb_fail_field(err, MB_REVISION_UNKNOWN, "min_revision",
				     "the member is at revision %lld", (long long)revision);
	}
	return MB_OK;
}

/* ---- ledgers ---- */

struct arena *ledger_arena(struct repository *repository, size_t reserve, struct mb_err *err)
{
	struct arena *arena =
		FAULT("repository.arena")
			? NULL
			: arena_create(repository->budget, repository->ledger_max - reserve);

	if (arena == NULL) {
		mb_fail(err, MB_OVERLOADED, "no memory to load a member now");
	}
	return arena;
}

enum mb_code ledger_init(struct ledger *ledger, struct repository *repository,
			 enum store_job_kind kind, struct mb_err *err)
{
	size_t reserve = kind == STORE_WRITE ? repository->ledger_max / WRITE_RESERVE : 0;

	*ledger = (struct ledger){.repository = repository,
				  .arena = ledger_arena(repository, reserve, err)};
	return ledger->arena == NULL ? MB_OVERLOADED : MB_OK;
}

void ledger_fini(struct ledger *ledger)
{
	arena_destroy(ledger->arena);
	*ledger = (struct ledger){0};
}

enum mb_code ledger_decode(const struct entry_row *row, struct arena *arena, struct entry *out,
			   struct mb_err *err)
{
	out->entry_id = row->entry_id;
	out->revision = row->revision;
	out->known_at = row->known_at;
	return payload_decode(row->payload, arena, &out->activity, err);
}

enum mb_code ledger_load(struct ledger *ledger, struct store_view *view, struct mb_err *err)
{
	struct entry_row *rows = NULL;
	size_t n = 0;
	struct entry *entries;
	enum mb_code code =
		store_list_entries(view, ledger->row.member_id, ledger->arena, &rows, &n, err);

	if (code != MB_OK) {
		return code;
	}
	atomic_fetch_add(&ledger->repository->entries_read, (int64_t)n);
	entries = arena_array(ledger->arena, n, sizeof(*entries));
	if (entries == NULL) {
		return arena_fail(ledger->arena, err);
	}
	for (size_t i = 0; code == MB_OK && i < n; i++) {
		code = ledger_decode(&rows[i], ledger->arena, &entries[i], err);
	}
	ledger->entries = entries;
	ledger->n = ledger->cap = n;
	ledger->base = NULL;
	return code;
}

void ledger_keep_known(struct ledger *ledger, int64_t known_at)
{
	size_t n = 0;

	for (size_t i = 0; i < ledger->n; i++) {
		if (ledger->entries[i].known_at <= known_at) {
			ledger->entries[n++] = ledger->entries[i];
		}
	}
	ledger->n = n;
}

enum mb_code ledger_append(struct ledger *ledger, const struct entry *entry, struct mb_err *err)
{
	if (ledger->n == ledger->cap) {
		size_t cap = ledger->cap < 8 ? 16 : ledger->cap * 2;
		struct entry *grown = arena_array(ledger->arena, cap, sizeof(*grown));

		if (grown == NULL) {
			return arena_fail(ledger->arena, err);
		}
		if (ledger->n > 0) {
			memcpy(grown, ledger->entries, ledger->n * sizeof(*grown));
		}
		ledger->entries = grown;
		ledger->cap = cap;
	}
	ledger->entries[ledger->n++] = *entry;
	return MB_OK;
}

static struct fold_input input_of(const struct ledger *ledger, const struct policy_list *policies,
				  int64_t now)
{
	return (struct fold_input){.entries = ledger->entries,
				   .n_entries = ledger->n,
				   .policies = policies,
				   .member_id = ledger->row.member_id,
				   .t = now,
				   .base = ledger->base};
}

enum mb_code ledger_fold(struct ledger *ledger, const struct policy_list *policies, int64_t now,
			 size_t changes, struct fold *out, struct mb_err *err)
{
	struct fold_input in = input_of(ledger, policies, now);

	in.want_schedule = changes > 0;
	in.schedule_most = changes;
	in.want_counts = ledger->want_counts;
	in.want_caps = ledger->want_caps;
	return fold_ledger(&in, ledger->arena, out, err);
}

enum mb_code ledger_judge(const struct ledger *ledger, const struct policy_list *policies,
			  const struct activity *activity, int64_t now, struct arena *arena,
			  struct verdict *out, struct mb_err *err)
{
	const struct fold_input in = input_of(ledger, policies, now);

	return ledger_receive(&in, activity, arena, out, err);
}

enum mb_code ledger_progress(struct ledger *ledger, const struct repository *repository,
			     const struct policy_list *policies, int64_t now, struct progress *out,
			     struct mb_err *err)
{
	const struct fold_input in = input_of(ledger, policies, now);
	const struct progress_input input = {
		.ledger = &in, .budget = repository->budget, .fold_max = repository->ledger_max};

	return progress_find(&input, ledger->arena, out, err);
}

/* ---- answers ---- */

static const struct policy *version_of(const struct policy_list *policies, int32_t version)
{
	for (size_t i = 0; i < policies->n; i++) {
		if (policies->versions[i]->version == version) {
			return policies->versions[i];
		}
	}
	return NULL;
}

int64_t valid_until(const struct policy_list *policies, int64_t at, int64_t next)
{
	int64_t until = policy_next_change(policies, at);

	if (next != 0 && next < until) {
		until = next;
	}
	return until == INT64_MAX ? 0 : until;
}

/* The sooner of two instants of which 0 is never. */
static int64_t sooner(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* An answer with the schedule shows dates of windows and settlements, too; what activities count goes
 * with the windows, and each has its state. */
static int64_t next_shown(const struct fold *fold, unsigned parts)
{
	int64_t next = fold->next_change;

	if ((parts & (MEMBER_SCHEDULE | MEMBER_ACTIVITIES | MEMBER_CAPS)) != 0) {
		next = sooner(next, fold->next_date);
	}
	return (parts & (MEMBER_STATES | MEMBER_ACTIVITIES)) != 0 ? sooner(next, fold->next_entry)
								  : next;
}

static enum mb_code copy_pending(const struct fold *fold, struct arena *arena, struct member *out,
				 struct mb_err *err)
{
	size_t n = fold->n_pending < MEMBER_PENDING_MAX ? fold->n_pending : MEMBER_PENDING_MAX;
	struct member_pending *pending = arena_array(arena, n, sizeof(*pending));
	enum mb_code code = MB_OK;

	if (pending == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; code == MB_OK && i < n; i++) {
		const struct entry *entry = fold->pending[i].entry;

		pending[i].entry_id = entry->entry_id;
		pending[i].posts_at = fold->pending[i].posts_at;
		pending[i].would_add = fold->pending[i].would_add;
		code = dup_str(arena, entry->activity.source, &pending[i].source, err);
		if (code == MB_OK) {
			code = dup_str(arena, entry->activity.order_id, &pending[i].order_id, err);
		}
	}
	out->pending = pending;
	out->n_pending = n;
	out->pending_truncated = n < fold->n_pending;
	return code;
}

static enum mb_code copy_schedule(const struct fold *fold, struct arena *arena, struct member *out,
				  struct mb_err *err)
{
	size_t n = fold->n_schedule;
	struct change *schedule = arena_array(arena, n, sizeof(*schedule));

	if (schedule == NULL) {
		return arena_fail(arena, err);
	}
	if (n > 0) {
		memcpy(schedule, fold->schedule, n * sizeof(*schedule));
	}
	out->schedule = schedule;
	out->n_schedule = n;
	out->schedule_truncated = fold->schedule_truncated;
	return MB_OK;
}

static enum mb_code open_identities(const struct seal_member *key, struct store_view *view,
				    int64_t member_id, struct arena *arena, struct member *out,
				    struct mb_err *err)
{
	struct identity_row *rows = NULL;
	struct identity *identities;
	size_t n = 0;
	enum mb_code code = store_list_identities(view, member_id, arena, &rows, &n, err);

	if (code != MB_OK) {
		return code;
	}
	identities = arena_array(arena, n, sizeof(*identities));
	if (identities == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; code == MB_OK && i < n; i++) {
		struct str plain;

		code = seal_unseal(key, SEAL_IDENTITY, rows[i].sealed, arena, &plain, err);
		if (code == MB_OK) {
			code = decode_identity(plain, &identities[i], err);
		}
	}
	out->identities = identities;
	out->n_identities = n;
	return code;
}

static enum mb_code open_personal(struct repository *repository, struct store_view *view,
				  const struct member_row *row, struct arena *arena,
				  struct member *out, struct mb_err *err)
{
	struct seal_member key;
	enum mb_code code =
		open_profile(repository, row, arena, &key, &out->profile, &out->etag, err);

	if (code == MB_OK) {
		code = open_identities(&key, view, row->member_id, arena, out, err);
	}
	seal_forget(&key);
	return code;
}

enum mb_code describe_member(struct repository *repository, struct store_view *view,
			     const struct member_row *row, const struct fold *fold,
			     const struct policy_list *policies, unsigned parts,
			     struct arena *arena, struct member **out, struct mb_err *err)
{
	struct member *member = arena_alloc(arena, sizeof(*member));
	enum mb_code code = MB_OK;

	if (member == NULL) {
		return arena_fail(arena, err);
	}
	member->member_id = row->member_id;
	member->revision = row->revision;
	member->created_at = row->created_at;
	member->state = (enum member_state)row->state;
	if ((parts & MEMBER_STANDING) != 0) {
		member->standing = fold->standing;
		/* also at another instant than the row's */
		member->state = fold->standing.suspended ? MEMBER_SUSPENDED : MEMBER_ACTIVE;
		member->policy = version_of(policies, fold->standing.policy_version);
		assert(member->policy != NULL);
		member->valid_until =
			valid_until(policies, fold->standing.at, next_shown(fold, parts));
	}
	if ((parts & MEMBER_SCHEDULE) != 0) {
		code = copy_pending(fold, arena, member, err);
		if (code == MB_OK) {
			code = copy_schedule(fold, arena, member, err);
		}
	}
	if (code == MB_OK && (parts & MEMBER_PERSONAL) != 0) {
		code = open_personal(repository, view, row, arena, member, err);
	}
	if (code == MB_OK) {
		*out = member;
	}
	return code;
}
