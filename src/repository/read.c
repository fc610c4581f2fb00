/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read: one or many members, as they stand at the instant of the read.
 */
#include "repository/inner.h"

#include <assert.h>

static enum mb_code check_revision(const struct member_query *query, int64_t revision,
				   struct mb_err *err)
{
	if (query->min_revision > revision) {
		return mb_fail_field(err, MB_REVISION_UNKNOWN, "min_revision",
				     "the member is at revision %lld", (long long)revision);
	}
	return MB_OK;
}

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

static enum mb_code load_member(struct repository_read *req, struct store_view *view,
				struct ledger *ledger, const struct member **out,
				struct mb_err *err)
{
	struct repository *repository = req->call.repository;
	const struct policy_list *policies = repository_policies(repository);
	struct fold fold;
	enum mb_code code = MB_OK;

	if ((req->parts & MEMBER_STANDING) != 0) {
		code = ledger_load(ledger, view, err);
		if (code == MB_OK) {
			code = ledger_fold(ledger, policies, store_view_now(view),
					   (req->parts & MEMBER_SCHEDULE) != 0, &fold, err);
		}
	}
	if (code == MB_OK) {
		code = describe_member(repository, view, &ledger->row, &fold, policies, req->parts,
				       req->call.arena, out, err);
	}
	return code;
}

static enum mb_code answer_query(struct repository_read *req, struct store_view *view, size_t i,
				 struct ledger *ledger, const struct member **out,
				 struct mb_err *err)
{
	const struct member_query *query = &req->queries[i];
	enum mb_code code =
		resolve_member(&req->call, view, &query->ref, ledger->arena, &ledger->row, err);

	if (code == MB_OK) {
		code = check_revision(query, ledger->row.revision, err);
	}
	if (code == MB_OK) {
		*out = find_described(req, i, ledger->row.member_id);
		if (*out == NULL) {
			code = load_member(req, view, ledger, out, err);
		}
	}
	return code;
}

/* What ends a whole call, beside the store itself: nothing of it will be better for other items. */
static bool ends_call(enum mb_code code)
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

		if (query->code != MB_OK) {
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

void repository_read(struct repository *repository, struct repository_read *req)
{
	assert(req->n >= 1 && req->n <= BATCH_ITEMS_MAX);
	for (size_t i = 0; i < req->n; i++) {
		req->queries[i].member = NULL;
	}
	repository_submit(repository, &req->call, STORE_READ, run_read);
}
