/* SPDX-License-Identifier: Apache-2.0 */
#include "repository/audit.h"

#include "domain/id.h"
#include "repository/inner.h"

#include <assert.h>

#define FORMAT	  STR("memberd-audit-1")
#define LAST_MAX  ((size_t)256 << 10) /* memory for the last record of a chain */
#define ROWS_READ 200 /* at once, of a bucket that is searched for one member */

static const char nothing[SEAL_DIGEST_BYTES]; /* prev of the first record of a chain */

/* ---- writing ---- */

/* "4:1234": a field behind its length, so that no two records are made of the same bytes. */
static void put_text(struct strbuf *out, struct str text)
{
	strbuf_printf(out, "%zu:", text.len);
	strbuf_put(out, text.ptr, text.len);
}

static void put_number(struct strbuf *out, int64_t number)
{
	struct strbuf text = {0};

	strbuf_printf(&text, "%lld", (long long)number);
	put_text(out, strbuf_str(&text));
	out->failed |= text.failed;
	strbuf_fini(&text);
}

static enum mb_code hash_row(const struct audit_row *row, unsigned char out[SEAL_DIGEST_BYTES],
			     struct mb_err *err)
{
	struct strbuf bytes = {0};
	enum mb_code code;

	strbuf_put(&bytes, row->prev.ptr, row->prev.len);
	put_text(&bytes, FORMAT);
	put_number(&bytes, row->vb);
	put_number(&bytes, row->seq);
	put_number(&bytes, row->member_id);
	put_number(&bytes, row->known_at);
	put_text(&bytes, row->actor);
	put_text(&bytes, row->action);
	put_text(&bytes, row->detail);
	code = bytes.failed || FAULT("audit.hash")
		       ? mb_fail(err, MB_OVERLOADED, "no memory for the audit trail")
		       : seal_sha256(strbuf_str(&bytes), out, err);
	strbuf_fini(&bytes);
	return code;
}

static enum mb_code append_after(struct store_view *view, const struct audit_note *note,
				 const struct audit_row *last, struct mb_err *err)
{
	unsigned char hash[SEAL_DIGEST_BYTES];
	struct audit_row row = {
		.vb = vb_of(note->member_id),
		.seq = last == NULL ? 1 : last->seq + 1,
		.member_id = note->member_id,
		.known_at = store_view_now(view),
		.actor = note->actor,
		.action = note->action,
		.detail = note->detail,
		.prev = last == NULL ? (struct str){nothing, sizeof(nothing)} : last->hash,
		.hash = {(const char *)hash, sizeof(hash)},
	};
	enum mb_code code = hash_row(&row, hash, err);

	return code == MB_OK ? store_add_audit(view, &row, err) : code;
}

enum mb_code audit_append(struct store_view *view, const struct audit_note *note,
			  struct mb_err *err)
{
	struct arena *arena = arena_create(NULL, LAST_MAX);
	struct audit_row last;
	bool found = false;
	enum mb_code code;

	assert(note->actor.len > 0 && note->action.len > 0);
	if (arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory for the audit trail");
	}
	code = store_last_audit(view, vb_of(note->member_id), arena, &last, &found, err);
	if (code == MB_OK) {
		code = append_after(view, note, found ? &last : NULL, err);
	}
	arena_destroy(arena);
	return code;
}

/* ---- reading ---- */

/* All of them: one more than asked for tells whether the list goes on. */
static enum mb_code list_all(struct repository_audit *req, struct store_view *view,
			     struct mb_err *err)
{
	enum mb_code code = store_list_audit(view, req->vb, req->seq, req->most + 1,
					     req->call.arena, &req->rows, &req->n, err);

	if (code == MB_OK && req->n > req->most) {
		req->n = req->most;
		req->goes_on = true;
	}
	return code;
}

static enum mb_code keep_row(struct repository_audit *req, const struct audit_row *row,
			     struct mb_err *err)
{
	struct arena *arena = req->call.arena;
	struct audit_row *out = &req->rows[req->n++];
	struct str *const texts[] = {&out->actor, &out->action, &out->detail, &out->prev,
				     &out->hash};
	enum mb_code code = MB_OK;

	*out = *row;
	for (size_t i = 0; code == MB_OK && i < sizeof(texts) / sizeof(texts[0]); i++) {
		code = dup_str(arena, *texts[i], texts[i], err);
	}
	return code;
}

/* Of one reading of the bucket, what is about the member; *done when the bucket or the page is. */
static enum mb_code list_some(struct repository_audit *req, struct store_view *view,
			      int64_t member_id, struct arena *scratch, bool *done,
			      struct mb_err *err)
{
	struct audit_row *rows = NULL;
	size_t n = 0;
	enum mb_code code =
		store_list_audit(view, req->vb, req->seq, ROWS_READ, scratch, &rows, &n, err);

	*done = n < ROWS_READ;
	for (size_t i = 0; code == MB_OK && i < n; i++) {
		if (rows[i].vb != req->vb) {
			*done = true;
			break;
		}
		if (rows[i].member_id == member_id) {
			if (req->n == req->most) {
				req->goes_on = *done = true;
				break;
			}
			code = keep_row(req, &rows[i], err);
		}
		req->seq = rows[i].seq;
	}
	return code;
}

static enum mb_code list_member(struct repository_audit *req, struct store_view *view,
				int64_t member_id, struct mb_err *err)
{
	enum mb_code code = MB_OK;
	bool done = false;

	req->vb = vb_of(member_id);
	req->rows = arena_array(req->call.arena, req->most, sizeof(*req->rows));
	if (req->rows == NULL) {
		return arena_fail(req->call.arena, err);
	}
	while (code == MB_OK && !done) {
		struct arena *scratch = ledger_arena(req->call.repository, 0, err);

		code = scratch == NULL ? MB_OVERLOADED
				       : list_some(req, view, member_id, scratch, &done, err);
		arena_destroy(scratch);
	}
	return code;
}

static enum mb_code run_audit(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_audit *req = (struct repository_audit *)CALL_OF_JOB(job);
	struct member_row row;
	enum mb_code code;

	if (!req->one_member) {
		return list_all(req, view, err);
	}
	code = resolve_member(&req->call, view, &req->ref, req->call.arena, &row, err);
	return code == MB_OK ? list_member(req, view, row.member_id, err) : code;
}

void repository_audit(struct repository *repository, struct repository_audit *req)
{
	assert(req->most >= 1 && req->most <= AUDIT_PAGE_MAX);
	req->rows = NULL;
	req->n = 0;
	req->goes_on = false;
	repository_submit(repository, &req->call, STORE_READ, run_audit);
}
