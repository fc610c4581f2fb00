/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request: a write is done once for each request_id of a principal.
 *
 *     known request? ── same digest ─▶ the answer of the first time
 *          │          └ other digest ▶ MB_REQUEST_ID_REUSED
 *          ▼ new
 *     change ─▶ answer ─▶ request row, all in one transaction
 *
 * The digest is over what was asked without the request_id, keyed, because personal data may be in
 * it. A failure keeps nothing, so the same request may be sent again.
 */
#include "repository/inner.h"

enum mb_code find_request(const struct repository_call *call, struct store_view *view,
			  struct str request_id, struct str digest, struct str *answer, bool *done,
			  struct mb_err *err)
{
	struct request_row row;
	bool found = false;
	enum mb_code code = store_get_request(view, call->principal, request_id, call->arena, &row,
					      &found, err);

	*done = false;
	/* One that has had its 30 days and was not pruned yet is still taken: the row is there. */
	if (code != MB_OK || !found) {
		return code;
	}
	if (!str_eq(row.digest, digest)) {
		return mb_fail_field(err, MB_REQUEST_ID_REUSED, "request_id",
				     "it was used for another request; make a new one");
	}
	*answer = row.answer;
	*done = true;
	return MB_OK;
}

enum mb_code keep_request(const struct repository_call *call, struct store_view *view,
			  struct str request_id, struct str method, struct str digest,
			  struct str answer, struct mb_err *err)
{
	const struct request_row row = {.principal = call->principal,
					.request_id = request_id,
					.method = method,
					.digest = digest,
					.answer = answer,
					.known_at = store_view_now(view)};

	return store_add_request(view, &row, err);
}
