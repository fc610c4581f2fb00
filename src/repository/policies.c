/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies: the versions that the store keeps, and the list that everything computes with.
 *
 * A version is known by its number and the digest of its text. What the store has is in force
 * whatever this program or the --policy file says; a text only ever adds the next version.
 */
#include "repository/audit.h"
#include "repository/inner.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct str digest_str(const struct policy_version *version)
{
	return (struct str){(const char *)version->digest, sizeof(version->digest)};
}

void policy_set_destroy(struct policy_set *set)
{
	while (set != NULL) {
		struct policy_set *older = set->older;

		arena_destroy(set->arena);
		free(set);
		set = older;
	}
}

static enum mb_code make_set(size_t room, struct policy_set **out, struct mb_err *err)
{
	struct policy_set *set = calloc(1, sizeof(*set));

	if (set != NULL) {
		set->arena = arena_create(NULL, 0);
	}
	if (set != NULL && set->arena != NULL) {
		set->versions = arena_array(set->arena, room, sizeof(*set->versions));
		set->rows = arena_array(set->arena, room, sizeof(*set->rows));
	}
	if (set == NULL || set->versions == NULL || set->rows == NULL) {
		policy_set_destroy(set);
		return mb_fail(err, MB_OVERLOADED, "no memory for the policies");
	}
	set->list.versions = set->versions;
	*out = set;
	return MB_OK;
}

/* Keeps the list by effective_from; the checks see to it that no two are alike. */
static const struct policy_version *insert_version(struct policy_set *set,
						   const struct policy_version *row)
{
	size_t i = set->list.n++;

	while (i > 0 && set->versions[i - 1]->effective_from > row->policy->effective_from) {
		set->versions[i] = set->versions[i - 1];
		set->rows[i] = set->rows[i - 1];
		i--;
	}
	set->versions[i] = row->policy;
	set->rows[i] = *row;
	return &set->rows[i];
}

enum mb_code policies_known(const struct repository *repository, int64_t known_at,
			    struct arena *arena, struct policy_list *out, struct mb_err *err)
{
	const struct policy_set *set = atomic_load(&repository->policies);
	const struct policy **versions = arena_array(arena, set->list.n, sizeof(*versions));

	if (versions == NULL) {
		return arena_fail(arena, err);
	}
	*out = (struct policy_list){.versions = versions};
	for (size_t i = 0; i < set->list.n; i++) {
		if (set->rows[i].known_at <= known_at) {
			versions[out->n++] = set->versions[i];
		}
	}
	return MB_OK;
}

const struct policy_version *find_policy(const struct policy_set *set, int32_t version)
{
	for (size_t i = 0; set != NULL && i < set->list.n; i++) {
		if (set->versions[i]->version == version) {
			return &set->rows[i];
		}
	}
	return NULL;
}

void take_policies(struct repository *repository, struct policy_set *set)
{
	if (set != NULL) {
		set->older = atomic_load(&repository->policies);
		atomic_store(&repository->policies, set);
	}
}

/* What everybody computes with must be what was published, to the byte. */
static enum mb_code read_version(struct repository *repository, const struct policy_row *row,
				 struct arena *arena, struct policy_version *out,
				 struct mb_err *err)
{
	char name[64];
	enum mb_code code = seal_sha256(row->text, out->digest, err);

	if (code == MB_OK && !str_eq(row->digest, digest_str(out))) {
		code = mb_fail(err, MB_STORE_UNAVAILABLE,
			       "the database is damaged: restore a backup (policy version %d is "
			       "not the text that was published)",
			       row->version);
	}
	if (code != MB_OK) {
		return code;
	}
	out->known_at = row->known_at;
	snprintf(name, sizeof(name), "policy version %d of the store", row->version);
	return repository->parse_policy(row->text, name, arena, &out->policy, err);
}

/* Policies that were read before are taken over, so that calls in work and later ones see the same. */
static enum mb_code read_stored(struct repository *repository, const struct policy_row *rows,
				size_t n, struct policy_set *set, struct mb_err *err)
{
	const struct policy_set *present = atomic_load(&repository->policies);
	enum mb_code code = MB_OK;

	for (size_t i = 0; code == MB_OK && i < n; i++) {
		const struct policy_version *known = find_policy(present, rows[i].version);
		struct policy_version row;

		if (known != NULL) {
			row = *known;
		} else {
			code = read_version(repository, &rows[i], set->arena, &row, err);
		}
		if (code == MB_OK) {
			insert_version(set, &row);
		}
	}
	return code;
}

/* Who publishes, and why. */
struct publisher {
	struct str actor, reason;
};

/* "version 2 in force from 2026-12-01T00:00:00Z, sha256 9f86…: reason" */
static enum mb_code note_version(struct store_view *view, const struct policy_version *version,
				 const struct publisher *publisher, struct mb_err *err)
{
	struct strbuf detail = {0};
	char since[40];
	enum mb_code code;

	clock_format(version->policy->effective_from, since, sizeof(since));
	strbuf_printf(&detail, "version %d in force from %s, sha256 ", version->policy->version,
		      since);
	for (size_t i = 0; i < sizeof(version->digest); i++) {
		strbuf_printf(&detail, "%02x", version->digest[i]);
	}
	if (publisher->reason.len > 0) {
		strbuf_puts(&detail, ": ");
		strbuf_put(&detail, publisher->reason.ptr, publisher->reason.len);
	}
	if (detail.failed) {
		code = mb_fail(err, MB_OVERLOADED, "no memory for the audit trail");
	} else {
		const struct audit_note note = {.actor = publisher->actor,
						.action = STR("policy.publish"),
						.detail = strbuf_str(&detail)};

		code = audit_append(view, &note, err);
	}
	strbuf_fini(&detail);
	return code;
}

static enum mb_code add_version(struct repository *repository, struct store_view *view,
				struct str text, const struct policy *policy,
				const struct publisher *publisher, struct policy_set *set,
				const struct policy_version **out, struct mb_err *err)
{
	struct policy_version version = {.policy = policy, .known_at = store_view_now(view)};
	enum mb_code code = repository->check_policy(&set->list, policy, version.known_at, err);
	struct policy_row row;

	if (code == MB_OK && set->list.n == 0 && policy->effective_from > version.known_at) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "effective_from",
				     "the first policy must be in force already");
	}
	if (code == MB_OK) {
		code = seal_sha256(text, version.digest, err);
	}
	if (code != MB_OK) {
		return code;
	}
	row = (struct policy_row){.version = policy->version,
				  .effective_from = policy->effective_from,
				  .known_at = version.known_at,
				  .digest = digest_str(&version),
				  .text = text};
	code = store_add_policy(view, &row, err);
	if (code == MB_OK) {
		code = note_version(view, &version, publisher, err);
	}
	if (code == MB_OK) {
		*out = insert_version(set, &version);
	}
	return code;
}

/* Nothing to do when the version is known and the same; a known number with another text is not the
 * version that everybody computed with. */
static enum mb_code check_known(const struct policy_row *rows, size_t n, struct str text,
				const struct policy *policy, const char *file, bool *known,
				struct mb_err *err)
{
	unsigned char digest[SEAL_DIGEST_BYTES];
	enum mb_code code = seal_sha256(text, digest, err);

	*known = false;
	for (size_t i = 0; code == MB_OK && i < n; i++) {
		if (rows[i].version != policy->version) {
			continue;
		}
		*known = true;
		if (!str_eq(rows[i].digest, (struct str){(const char *)digest, sizeof(digest)})) {
			code = mb_fail_field(err, MB_FIELD_INVALID, "version",
					     "%.120s: version %d is published with another text; "
					     "changes need the next number",
					     file, policy->version);
		}
	}
	return code;
}

/* The default is a decision of nobody but of who started an empty store without a file. */
static enum mb_code add_default(struct repository *repository, struct store_view *view,
				struct str text, struct policy_set *set, struct mb_err *err)
{
	static const struct publisher nobody = {.actor = {"memberd:default-policy", 22}};
	const struct policy_version *added;
	const struct policy *policy;
	enum mb_code code =
		repository->parse_policy(text, "default policy", set->arena, &policy, err);

	return code == MB_OK
		       ? add_version(repository, view, text, policy, &nobody, set, &added, err)
		       : code;
}

/* Callers who ask for it by request hear what is wrong with the policy as such. */
static enum mb_code tell_as(const struct publication *publication, enum mb_code code,
			    enum mb_code told, struct mb_err *err)
{
	if (code != MB_FIELD_INVALID || !publication->new_only) {
		return code;
	}
	err->code = told;
	mb_err_prefix_field(err, "text");
	return told;
}

static enum mb_code publish_text(struct repository *repository, struct store_view *view,
				 const struct policy_row *rows, size_t n,
				 const struct publication *publication, struct policy_set *set,
				 const struct policy_version **published, struct mb_err *err)
{
	const struct publisher publisher = {publication->actor, publication->reason};
	struct str text = publication->text;
	const struct policy *policy = NULL;
	bool known = false;
	enum mb_code code = MB_OK;

	if (text.len > 0) {
		code = repository->parse_policy(text, publication->file, set->arena, &policy, err);
		code = tell_as(publication, code, MB_POLICY_INVALID, err);
	}
	if (code == MB_OK && n == 0 && (policy == NULL || policy->version != 1)) {
		code = add_default(repository, view, publication->default_text, set, err);
	}
	if (code == MB_OK && policy != NULL && !publication->new_only) {
		code = check_known(rows, n, text, policy, publication->file, &known, err);
	}
	if (code == MB_OK && policy != NULL && !known) {
		code = add_version(repository, view, text, policy, &publisher, set, published, err);
		code = tell_as(publication, code, MB_POLICY_NOT_NEXT, err);
	}
	return code;
}

enum mb_code sync_policies(struct repository *repository, struct store_view *view,
			   const struct publication *publication, struct policy_set **out,
			   const struct policy_version **published, struct mb_err *err)
{
	struct arena *arena = arena_create(NULL, 0);
	struct policy_row *rows = NULL;
	struct policy_set *set = NULL;
	size_t n = 0;
	enum mb_code code;

	*published = NULL;
	if (arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory for the policies");
	}
	code = store_list_policies(view, arena, &rows, &n, err);
	if (code == MB_OK) {
		code = make_set(n + 2, &set, err);
	}
	if (code == MB_OK) {
		code = read_stored(repository, rows, n, set, err);
	}
	if (code == MB_OK) {
		code = publish_text(repository, view, rows, n, publication, set, published, err);
	}
	if (code == MB_OK && (*published != NULL || atomic_load(&repository->policies) == NULL)) {
		*out = set;
		set = NULL;
	}
	policy_set_destroy(set);
	arena_destroy(arena);
	return code;
}
