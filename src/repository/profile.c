/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile: a member's own fields opened, and changed.
 *
 * The etag is a keyed digest over the plain profile of this one member: it stays as long as the
 * profile does, whatever else changes of him, and tells nothing about what is in it.
 */
#include "repository/inner.h"

#include <stdio.h>

#define ETAG_BYTES 16 /* of the digest */

static enum mb_code make_etag(struct repository *repository, int64_t member_id, struct str plain,
			      struct arena *arena, struct str *out, struct mb_err *err)
{
	unsigned char digest[SEAL_DIGEST_BYTES];
	char id[24], *text = arena_alloc(arena, 2 * ETAG_BYTES + 1);
	struct str parts[] = {STR("profile etag"), {id, 0}, plain};
	enum mb_code code;

	if (text == NULL) {
		return arena_fail(arena, err);
	}
	parts[1].len = (size_t)snprintf(id, sizeof(id), "%lld", (long long)member_id);
	code = seal_digest(repository->seal, parts, 3, digest, err);
	for (size_t i = 0; code == MB_OK && i < ETAG_BYTES; i++) {
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	}
	*out = (struct str){text, 2 * ETAG_BYTES};
	return code;
}

enum mb_code open_profile(struct repository *repository, const struct member_row *row,
			  struct arena *arena, struct seal_member *key, struct profile *out,
			  struct str *etag, struct mb_err *err)
{
	struct str plain;
	enum mb_code code;

	*key = (struct seal_member){0};
	code = seal_member_open(repository->seal, row->member_id, row->profile, key, err);
	if (code == MB_OK) {
		code = seal_unseal(key, SEAL_PROFILE, row->profile, arena, &plain, err);
	}
	if (code == MB_OK) {
		code = decode_profile(plain, out, err);
	}
	return code == MB_OK ? make_etag(repository, row->member_id, plain, arena, etag, err)
			     : code;
}

static void merge(struct profile *profile, const struct profile *from, unsigned fields)
{
	if ((fields & PROFILE_NAME) != 0) {
		profile->display_name = from->display_name;
	}
	if ((fields & PROFILE_BIRTHDAY) != 0) {
		profile->birthday_month = from->birthday_month;
		profile->birthday_day = from->birthday_day;
	}
	if ((fields & PROFILE_REGION) != 0) {
		profile->region = from->region;
	}
	if ((fields & PROFILE_LANGUAGE) != 0) {
		profile->language = from->language;
	}
	if ((fields & PROFILE_VERIFIED) != 0) {
		profile->verified = from->verified;
	}
}

/* Nothing is written when it is what is there already. */
static enum mb_code put_profile(struct repository_write *req, struct store_view *view,
				struct ledger *ledger, const struct seal_member *key,
				const struct profile *before, const struct profile *after,
				struct mb_err *err)
{
	struct str was, plain;
	enum mb_code code = encode_profile(before, ledger->arena, &was, err);

	if (code == MB_OK) {
		code = encode_profile(after, ledger->arena, &plain, err);
	}
	if (code != MB_OK || str_eq(was, plain)) {
		return code;
	}
	code = seal_close(req->call.repository->seal, key, SEAL_PROFILE, plain, ledger->arena,
			  &ledger->row.profile, err);
	return code == MB_OK ? raise_revision(view, ledger, OUTBOX_PROFILE, err) : code;
}

enum mb_code update_profile(struct repository_write *req, struct store_view *view,
			    struct ledger *ledger, struct mb_err *err)
{
	struct profile before, after;
	struct seal_member key;
	struct str etag;
	enum mb_code code = open_profile(req->call.repository, &ledger->row, ledger->arena, &key,
					 &before, &etag, err);

	if (code == MB_OK && req->etag.len > 0 && !str_eq(req->etag, etag)) {
		code = mb_fail_field(err, MB_ETAG_MISMATCH, "etag",
				     "the profile has changed since: read it again");
	}
	if (code == MB_OK) {
		after = before;
		merge(&after, &req->profile, req->profile_fields);
		code = put_profile(req, view, ledger, &key, &before, &after, err);
	}
	seal_forget(&key);
	return code;
}
