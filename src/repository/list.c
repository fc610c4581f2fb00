/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: a page of all members, in the sequence of the store.
 *
 * A page is bounded by what it holds and by what was looked at for it, so that a filter which fits
 * nobody does not read the whole store in one job; it then is shorter than asked for, and goes on.
 */
#include "repository/inner.h"

#include <assert.h>

#define SCAN_MOST  2000 /* rows that are looked at for one page */
#define CHUNK_MOST 200 /* of them in memory at once */

static enum mb_code list_member(struct repository_list *req, struct store_view *view,
				const struct member_row *row, struct mb_err *err)
{
	const struct policy_list *policies = repository_policies(req->call.repository);
	struct member *member = NULL;
	struct ledger ledger;
	struct fold fold;
	enum mb_code code = ledger_init(&ledger, req->call.repository, STORE_READ, err);

	if (code != MB_OK) {
		return code;
	}
	ledger.row = *row;
	code = ledger_load_short(&ledger, view, policies, err);
	if (code == MB_OK) {
		code = ledger_fold(&ledger, policies, store_view_now(view), 0, &fold, err);
	}
	if (code == MB_OK) {
		code = describe_member(req->call.repository, view, row, &fold, policies,
				       MEMBER_STANDING, req->call.arena, &member, err);
	}
	if (code == MB_OK) {
		req->members[req->n++] = member;
	}
	ledger_fini(&ledger);
	return code;
}

/* Goes on after req->last. *rows: how many of `most` there were. */
static enum mb_code list_chunk(struct repository_list *req, struct store_view *view, size_t most,
			       size_t *rows, struct mb_err *err)
{
	struct arena *scratch = ledger_arena(req->call.repository, 0, err);
	struct member_row *row = NULL;
	size_t n = 0;
	enum mb_code code =
		scratch == NULL ? MB_OVERLOADED
				: store_list_members(view, req->last, most, scratch, &row, &n, err);

	for (size_t i = 0; code == MB_OK && i < n && req->n < req->most; i++) {
		if (atomic_load(&req->call.cancelled)) {
			code = mb_fail(err, MB_CALL_CANCELLED, "the caller gave up");
		} else if (req->state == 0 || row[i].state == (int32_t)req->state) {
			code = list_member(req, view, &row[i], err);
		}
		req->last = row[i].member_id;
		req->goes_on = i + 1 < n || n == most;
	}
	if (n == 0) {
		req->goes_on = false;
	}
	*rows = n;
	arena_destroy(scratch);
	return code;
}

static enum mb_code run_list(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_list *req = (struct repository_list *)CALL_OF_JOB(job);
	size_t most = req->most < CHUNK_MOST ? req->most : CHUNK_MOST;
	size_t scanned = 0, rows;
	enum mb_code code = MB_OK;

	req->members = arena_array(req->call.arena, req->most, sizeof(*req->members));
	if (req->members == NULL) {
		return arena_fail(req->call.arena, err);
	}
	req->n = 0;
	req->last = req->after;
	do {
		code = list_chunk(req, view, most, &rows, err);
		scanned += rows;
	} while (code == MB_OK && req->goes_on && req->n < req->most && scanned < SCAN_MOST);
	return code;
}

void repository_list(struct repository *repository, struct repository_list *req)
{
	assert(req->most >= 1);
	repository_submit(repository, &req->call, STORE_READ, run_list);
}
