/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members: enrolling, linking, unlinking, changing a profile; each once per request_id (request.c).
 */
#include "repository/inner.h"

#include "domain/id.h"

#include <assert.h>
#include <stdio.h>

#define ID_DRAWS 16 /* more collisions in a row are no accident */

static enum mb_code digest_request(const struct repository_write *req,
				   unsigned char out[SEAL_DIGEST_BYTES], struct mb_err *err)
{
	const struct profile *profile = &req->profile;
	char numbers[64], fields[16];
	struct str parts[12];
	size_t n = 0;

	snprintf(numbers, sizeof(numbers), "%lld %d %d %d", (long long)req->ref.member_id,
		 profile->birthday_month, profile->birthday_day, profile->verified);
	parts[n++] = req->method;
	parts[n++] = str_from(numbers);
	parts[n++] = req->ref.identity.issuer;
	parts[n++] = req->ref.identity.external_id;
	parts[n++] = req->identity.issuer;
	parts[n++] = req->identity.external_id;
	parts[n++] = profile->display_name;
	parts[n++] = profile->region;
	parts[n++] = profile->language;
	if (req->kind == WRITE_UPDATE) {
		snprintf(fields, sizeof(fields), "%u", req->profile_fields);
		parts[n++] = str_from(fields);
		parts[n++] = req->etag;
	}
	return seal_digest(req->call.repository->seal, parts, n, out, err);
}

/* ---- changes ---- */

static enum mb_code put_identity(const struct repository_write *req, struct store_view *view,
				 const struct seal_member *key, struct mb_err *err)
{
	struct repository *repository = req->call.repository;
	unsigned char lookup[SEAL_DIGEST_BYTES];
	struct str plain, sealed;
	enum mb_code code = seal_lookup_key(repository->seal, req->identity.issuer,
					    req->identity.external_id, lookup, err);

	if (code == MB_OK) {
		code = encode_identity(&req->identity, req->call.arena, &plain, err);
	}
	if (code == MB_OK) {
		code = seal_close(repository->seal, key, SEAL_IDENTITY, plain, req->call.arena,
				  &sealed, err);
	}
	if (code == MB_OK) {
		const struct identity_row row = {.key = {(const char *)lookup, sizeof(lookup)},
						 .member_id = key->member_id,
						 .linked_at = store_view_now(view),
						 .sealed = sealed};

		code = store_put_identity(view, &row, err);
	}
	return code;
}

static enum mb_code add_outbox(struct store_view *view, const struct member_row *member,
			       enum outbox_kind kind, struct mb_err *err)
{
	const struct outbox_row row = {.member_id = member->member_id,
				       .revision = member->revision,
				       .kind = (int32_t)kind,
				       .effective_at = store_view_now(view),
				       .known_at = store_view_now(view)};

	return store_add_outbox(view, &row, err);
}

static enum mb_code draw_member_id(struct store_view *view, struct arena *arena, int64_t *out,
				   struct mb_err *err)
{
	for (int i = 0; i < ID_DRAWS; i++) {
		struct member_row taken;
		bool found = false;
		enum mb_code code = draw_id(store_view_now(view), out, err);

		if (code == MB_OK) {
			code = store_get_member(view, *out, arena, &taken, &found, err);
		}
		if (code != MB_OK || !found) {
			return code;
		}
	}
	return mb_fail(err, MB_INTERNAL, "%d ids in a row were taken", ID_DRAWS);
}

static enum mb_code put_new_member(struct repository_write *req, struct store_view *view,
				   struct ledger *ledger, struct mb_err *err)
{
	struct member_row *row = &ledger->row;
	struct seal_member key = {0};
	struct str plain;
	enum mb_code code = draw_member_id(view, ledger->arena, &row->member_id, err);

	row->created_at = store_view_now(view);
	row->state = MEMBER_ACTIVE;
	if (code == MB_OK) {
		code = seal_member_make(row->member_id, &key, err);
	}
	if (code == MB_OK) {
		code = encode_profile(&req->profile, ledger->arena, &plain, err);
	}
	if (code == MB_OK) {
		code = seal_close(req->call.repository->seal, &key, SEAL_PROFILE, plain,
				  ledger->arena, &row->profile, err);
	}
	if (code == MB_OK) {
		code = put_identity(req, view, &key, err);
	}
	if (code == MB_OK) {
		code = raise_revision(view, ledger, OUTBOX_ENROLLED, err);
	}
	seal_forget(&key);
	return code;
}

/* Who has the identity now; 0: nobody. */
static enum mb_code find_holder(const struct repository_write *req, struct store_view *view,
				struct arena *arena, unsigned char lookup[SEAL_DIGEST_BYTES],
				int64_t *holder, struct mb_err *err)
{
	struct identity_row row;
	bool found = false;
	enum mb_code code = seal_lookup_key(req->call.repository->seal, req->identity.issuer,
					    req->identity.external_id, lookup, err);

	if (code == MB_OK) {
		code = store_get_identity(view,
					  (struct str){(const char *)lookup, SEAL_DIGEST_BYTES},
					  arena, &row, &found, err);
	}
	if (code == MB_OK) {
		*holder = found ? row.member_id : 0;
	}
	return code;
}

static enum mb_code enroll(struct repository_write *req, struct store_view *view,
			   struct ledger *ledger, struct mb_err *err)
{
	unsigned char lookup[SEAL_DIGEST_BYTES];
	int64_t holder = 0;
	enum mb_code code = find_holder(req, view, ledger->arena, lookup, &holder, err);

	if (code == MB_OK && holder != 0) {
		code = mb_fail_field(err, MB_IDENTITY_TAKEN, "identity",
				     "it belongs to a member already");
	}
	return code == MB_OK ? put_new_member(req, view, ledger, err) : code;
}

enum mb_code raise_revision(struct store_view *view, struct ledger *ledger, enum outbox_kind kind,
			    struct mb_err *err)
{
	ledger->row.revision++;
	ledger->raised = true;
	return add_outbox(view, &ledger->row, kind, err);
}

static enum mb_code link_identity(struct repository_write *req, struct store_view *view,
				  struct ledger *ledger, struct mb_err *err)
{
	unsigned char lookup[SEAL_DIGEST_BYTES];
	struct member_row *row = &ledger->row;
	struct seal_member key;
	int64_t holder = 0;
	enum mb_code code = find_holder(req, view, ledger->arena, lookup, &holder, err);

	if (code != MB_OK || holder == row->member_id) {
		return code; /* it is his already: nothing changes */
	}
	if (holder != 0) {
		return mb_fail_field(err, MB_IDENTITY_TAKEN, "identity",
				     "it belongs to another member");
	}
	code = seal_member_open(req->call.repository->seal, row->member_id, row->profile, &key,
				err);
	if (code == MB_OK) {
		code = put_identity(req, view, &key, err);
	}
	if (code == MB_OK) {
		code = raise_revision(view, ledger, OUTBOX_IDENTITY_LINKED, err);
	}
	seal_forget(&key);
	return code;
}

static enum mb_code unlink_identity(struct repository_write *req, struct store_view *view,
				    struct ledger *ledger, struct mb_err *err)
{
	unsigned char lookup[SEAL_DIGEST_BYTES];
	struct member_row *row = &ledger->row;
	struct identity_row *rows = NULL;
	size_t n = 0;
	int64_t holder = 0;
	enum mb_code code = find_holder(req, view, ledger->arena, lookup, &holder, err);

	if (code == MB_OK && holder != row->member_id) {
		code = mb_fail_field(err, MB_IDENTITY_NOT_FOUND, "identity",
				     "the member has no such identity");
	}
	if (code == MB_OK) {
		code = store_list_identities(view, row->member_id, ledger->arena, &rows, &n, err);
	}
	if (code == MB_OK && n <= 1) {
		code = mb_fail_field(err, MB_LAST_IDENTITY, "identity",
				     "it is the member's only one; link another first");
	}
	if (code == MB_OK) {
		code = store_delete_identity(
			view, (struct str){(const char *)lookup, sizeof(lookup)}, err);
	}
	return code == MB_OK ? raise_revision(view, ledger, OUTBOX_IDENTITY_UNLINKED, err) : code;
}

/* ---- the call ---- */

static enum mb_code apply_write(struct repository_write *req, struct store_view *view,
				struct ledger *ledger, struct mb_err *err)
{
	enum mb_code code;

	if (req->kind == WRITE_ENROLL) {
		return enroll(req, view, ledger, err);
	}
	code = resolve_member(&req->call, view, &req->ref, ledger->arena, &ledger->row, err);
	if (code != MB_OK) {
		return code;
	}
	switch (req->kind) {
	case WRITE_LINK:
		return link_identity(req, view, ledger, err);
	case WRITE_UNLINK:
		return unlink_identity(req, view, ledger, err);
	default:
		return update_profile(req, view, ledger, err);
	}
}

static enum mb_code tell_etag(const struct repository_write *req, const struct ledger *ledger,
			      struct member *member, struct mb_err *err)
{
	struct seal_member key;
	struct profile profile;
	enum mb_code code = open_profile(req->call.repository, &ledger->row, req->call.arena, &key,
					 &profile, &member->etag, err);

	seal_forget(&key);
	return code;
}

/* Nothing is told of the ledger here, so what was due stays so. */
static enum mb_code put_row(struct repository_write *req, struct store_view *view,
			    struct ledger *ledger, const struct policy_list *policies,
			    const struct fold *fold, struct mb_err *err)
{
	int64_t due_at = req->kind == WRITE_ENROLL ? fold->next_told : ledger->row.due_at;
	enum mb_code code;

	ledger_project(ledger, policies, fold, due_at);
	code = store_put_member(view, &ledger->row, err);
	return code == MB_OK ? call_tell(&req->call, ledger, err) : code;
}

static enum mb_code answer_write(struct repository_write *req, struct store_view *view,
				 struct ledger *ledger, struct mb_err *err)
{
	struct repository *repository = req->call.repository;
	const struct policy_list *policies = repository_policies(repository);
	struct member *member;
	struct fold fold;
	enum mb_code code = ledger_load_short(ledger, view, policies, err);

	if (code == MB_OK) {
		code = ledger_fold(ledger, policies, store_view_now(view), HOT_CHANGES, &fold, err);
	}
	if (code == MB_OK && ledger->raised) {
		code = put_row(req, view, ledger, policies, &fold, err);
	}
	if (code == MB_OK) {
		code = describe_member(repository, view, &ledger->row, &fold, policies,
				       MEMBER_STANDING, req->call.arena, &member, err);
	}
	if (code == MB_OK && req->kind == WRITE_UPDATE) {
		code = tell_etag(req, ledger, member, err);
	}
	return code == MB_OK ? req->answer(req, member, &req->answered, err) : code;
}

static enum mb_code run_write(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_write *req = (struct repository_write *)CALL_OF_JOB(job);
	unsigned char bytes[SEAL_DIGEST_BYTES];
	const struct str digest = {(const char *)bytes, sizeof(bytes)};
	struct ledger ledger;
	bool done = false;
	enum mb_code code = digest_request(req, bytes, err);

	if (code == MB_OK) {
		code = find_request(&req->call, view, req->request_id, digest, &req->answered,
				    &done, err);
	}
	if (code != MB_OK || done) {
		req->replayed = done;
		return code;
	}
	code = ledger_init(&ledger, req->call.repository, STORE_READ, err);
	if (code != MB_OK) {
		return code;
	}
	code = apply_write(req, view, &ledger, err);
	if (code == MB_OK) {
		code = answer_write(req, view, &ledger, err);
	}
	if (code == MB_OK) {
		code = keep_request(&req->call, view, req->request_id, req->method, digest,
				    req->answered, err);
	}
	ledger_fini(&ledger);
	return code;
}

void repository_write(struct repository *repository, struct repository_write *req)
{
	assert(req->answer != NULL && req->request_id.len > 0);
	req->replayed = false;
	req->answered = (struct str){0};
	repository_submit(repository, &req->call, STORE_WRITE, run_write);
}
