/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish: policies that are published while memberd runs, tried, and read again.
 *
 * A new version is seen by everybody from the moment on at which its publisher is answered: the set
 * changes on the loop, after the commit and before the cb.
 */
#include "repository/inner.h"

#include <assert.h>

#define SCRATCH_MAX ((size_t)8 << 20) /* a policy as large as a file may be */

/* ---- publishing ---- */

static enum mb_code publish(struct repository_publish *req, struct store_view *view,
			    const struct policy_version **published, struct mb_err *err)
{
	const struct publication publication = {
		.text = req->policy,
		.file = req->policy_file,
		.new_only = req->request_id.len > 0,
		.actor = req->call.principal,
		.reason = req->reason,
	};

	return sync_policies(req->call.repository, view, &publication, &req->set, published, err);
}

/* As every write that has a request_id. */
static enum mb_code publish_once(struct repository_publish *req, struct store_view *view,
				 struct mb_err *err)
{
	const struct str parts[] = {req->method, req->policy, req->reason};
	const struct policy_version *published = NULL;
	unsigned char bytes[SEAL_DIGEST_BYTES];
	const struct str digest = {(const char *)bytes, sizeof(bytes)};
	bool done = false;
	enum mb_code code = seal_digest(req->call.repository->seal, parts, 3, bytes, err);

	if (code == MB_OK) {
		code = find_request(&req->call, view, req->request_id, digest, &req->answered,
				    &done, err);
	}
	if (code != MB_OK || done) {
		return code;
	}
	code = publish(req, view, &published, err);
	if (code == MB_OK) {
		code = req->answer(req, published, &req->answered, err);
	}
	if (code == MB_OK) {
		code = keep_request(&req->call, view, req->request_id, req->method, digest,
				    req->answered, err);
	}
	return code;
}

static enum mb_code run_publish(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_publish *req = (struct repository_publish *)CALL_OF_JOB(job);
	const struct policy_version *published;

	return req->request_id.len > 0 ? publish_once(req, view, err)
				       : publish(req, view, &published, err);
}

static void end_publish(struct repository_call *call)
{
	struct repository_publish *req = (struct repository_publish *)call;

	if (call->code == MB_OK) {
		take_policies(call->repository, req->set);
		req->published = req->set != NULL;
	} else {
		policy_set_destroy(req->set); /* the commit failed: nothing was published */
	}
	req->cb(call);
}

void repository_publish(struct repository *repository, struct repository_publish *req)
{
	assert(req->policy.len > 0 && (req->request_id.len == 0 || req->answer != NULL));
	req->set = NULL;
	req->published = false;
	req->answered = (struct str){0};
	req->cb = req->call.cb;
	req->call.cb = end_publish;
	repository_submit(repository, &req->call, STORE_WRITE, run_publish);
}

/* ---- trying ---- */

static enum mb_code try_text(struct repository_try_policy *req, int64_t now, struct arena *scratch,
			     struct mb_err *err)
{
	struct repository *repository = req->call.repository;
	const struct policy *policy;
	enum mb_code code =
		repository->try_policy(req->policy, scratch, &policy, &req->problems, err);

	if (code == MB_FIELD_INVALID && req->problems.n > 0) {
		return MB_OK; /* that was the question */
	}
	if (code != MB_OK) {
		return code;
	}
	req->version = policy->version;
	req->effective_from = policy->effective_from;
	req->next_code =
		repository->check_policy(repository_policies(repository), policy, now, &req->next);
	if (req->next_code != MB_OK) {
		req->next_code = req->next.code = MB_POLICY_NOT_NEXT;
	}
	return MB_OK;
}

static enum mb_code run_try(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_try_policy *req = (struct repository_try_policy *)CALL_OF_JOB(job);
	struct arena *scratch = arena_create(req->call.repository->budget, SCRATCH_MAX);
	enum mb_code code;

	if (scratch == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory to read a policy");
	}
	code = try_text(req, store_view_now(view), scratch, err);
	arena_destroy(scratch);
	return code;
}

void repository_try_policy(struct repository *repository, struct repository_try_policy *req)
{
	/* A job on a reader's thread, because reading a large text takes its time. */
	repository_submit(repository, &req->call, STORE_READ, run_try);
}

/* ---- texts ---- */

static enum mb_code find_text(struct repository_policy_text *req, const struct policy_row *rows,
			      size_t n, struct mb_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].version == req->version) {
			return dup_str(req->call.arena, rows[i].text, &req->text, err);
		}
	}
	return mb_fail_field(err, MB_POLICY_NOT_FOUND, "version", "no version %d was published",
			     req->version);
}

static enum mb_code run_text(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_policy_text *req = (struct repository_policy_text *)CALL_OF_JOB(job);
	struct arena *scratch = arena_create(NULL, 0);
	struct policy_row *rows = NULL;
	size_t n = 0;
	enum mb_code code;

	if (scratch == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory to read policies");
	}
	code = store_list_policies(view, scratch, &rows, &n, err);
	if (code == MB_OK) {
		code = find_text(req, rows, n, err);
	}
	arena_destroy(scratch);
	return code;
}

void repository_policy_text(struct repository *repository, struct repository_policy_text *req)
{
	repository_submit(repository, &req->call, STORE_READ, run_text);
}
