/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brief_bed: what a brief answer must be: that of the ledger at the same instant. And what changes it:
 * decisions, policies to come. Include after cmocka.h.
 */
#pragma once

#include "asks.h"
#include "policy/policy_file.h"

static MB_UNUSED const struct member *read_full(struct repo_bed *bed, int64_t member_id)
{
	const struct member *member = NULL;
	struct mb_err err;

	assert_int_equal(repo_get(bed, member_id, MEMBER_STANDING, &member, &err), MB_OK);
	return member;
}

static MB_UNUSED void assert_same_answer(const struct member *brief, const struct member *full)
{
	const struct standing *a = &brief->standing, *b = &full->standing;

	assert_true(brief->member_id == full->member_id);
	assert_true(brief->created_at == full->created_at);
	assert_true(brief->revision == full->revision);
	assert_int_equal(brief->state, full->state);
	assert_true(brief->axes.as_of == full->axes.as_of);
	assert_true(brief->axes.known_at == full->axes.known_at);
	assert_ptr_equal(brief->policy, full->policy);
	assert_true(brief->valid_until == full->valid_until);
	assert_true(a->at == b->at);
	assert_int_equal(a->policy_version, b->policy_version);
	assert_true(a->score.points == b->score.points);
	assert_int_equal(a->tier, b->tier);
	assert_int_equal(a->shown, b->shown);
	assert_true(a->shown_until == b->shown_until);
	assert_int_equal(a->suspended, b->suspended);
	assert_int_equal(a->credibility, b->credibility);
	assert_int_equal(a->level, b->level);
	assert_int_equal(a->at_risk, b->at_risk);
	assert_int_equal(a->below_keep, b->below_keep);
	assert_true(a->protected_until == b->protected_until);
}

/* By all ways; false when the cache had nothing that was good. Afterwards it has. */
static MB_UNUSED bool check_member(struct repo_bed *bed, int64_t member_id, const char *external_id)
{
	const struct member *full = read_full(bed, member_id);
	struct ask by_name = {.query = {.ref = {.identity = {STR("test"), str_from(external_id)}}}};
	const struct member *peeked;
	enum mb_code code;

	peeked = peek_at(bed, member_id, 0, &code);
	assert_int_equal(code, MB_OK);
	if (peeked != NULL) {
		assert_same_answer(peeked, full);
	}
	assert_same_answer(load_brief(bed, member_id), full);
	by_name.req =
		(struct repository_read){.queries = &by_name.query, .n = 1, .parts = MEMBER_BRIEF};
	assert_int_equal(repo_read(bed, &by_name.req), MB_OK);
	assert_int_equal(by_name.query.code, MB_OK);
	assert_same_answer(by_name.query.member, full);
	return peeked != NULL;
}

/* ---- what changes members ---- */

static MB_UNUSED void give(struct repo_bed *bed, int64_t member_id, const char *id, int64_t at,
			   int64_t fen)
{
	struct record_item item = repo_order(bed, member_id, id, at, fen);

	repo_record_one(bed, &item);
}

static MB_UNUSED enum mb_code answer_nothing(const struct repository_decision *req,
					     const struct decided *decided, struct str *out,
					     struct mb_err *err)
{
	(void)req;
	(void)decided;
	(void)err;
	*out = STR("decided");
	return MB_OK;
}

static MB_UNUSED struct repository_decision decision_of(struct repo_bed *bed,
							enum activity_kind kind, int64_t member_id)
{
	return (struct repository_decision){
		.request_id = str_from(arena_printf(bed->arena, "00000000-0000-4000-9000-%012d",
						    ++bed->next_request)),
		.method = STR("test"),
		.ref = {.member_id = member_id},
		.activity = {.kind = kind, .reason = STR("a test")},
		.answer = answer_nothing};
}

static MB_UNUSED void decide(struct repo_bed *bed, struct repository_decision *req)
{
	bool called;

	repo_bed_call(bed, &req->call, &called);
	repository_decide(bed->repository, req);
	repo_bed_wait(bed, &called);
	assert_int_equal(req->call.code, MB_OK);
}

static MB_UNUSED enum mb_code answer_version(const struct repository_publish *req,
					     const struct policy_version *version, struct str *out,
					     struct mb_err *err)
{
	(void)req;
	(void)version;
	(void)err;
	*out = STR("published");
	return MB_OK;
}

/* Version 2: Silver, and what keeps it, for a thousandth. */
static MB_UNUSED void publish_cheap_silver(struct repo_bed *bed, int64_t effective_from)
{
	struct repository_publish req = {.request_id = STR("r-2"),
					 .method = STR("publish"),
					 .reason = STR("a test"),
					 .policy_file = "policy",
					 .answer = answer_version};
	struct strbuf text = {0};
	const struct policy *policy;
	struct policy changed;
	struct mb_err err;
	bool called;

	assert_int_equal(policy_parse(policy_default_text(), "default", bed->arena, &policy, &err),
			 MB_OK);
	changed = *policy;
	changed.version = 2;
	changed.effective_from = effective_from;
	changed.tiers[TIER_SILVER].attain /= 1000;
	changed.tiers[TIER_SILVER].keep /= 1000;
	policy_print(&changed, &text);
	req.policy = (struct str){arena_dup(bed->arena, text.ptr, text.len), text.len};
	strbuf_fini(&text);
	repo_bed_call(bed, &req.call, &called);
	repository_publish(bed->repository, &req);
	repo_bed_wait(bed, &called);
	if (req.call.code != MB_OK) {
		fail_msg("%s", req.call.err.text);
	}
}

/* ---- the row ---- */

struct row_job {
	int64_t member_id;
	struct arena *arena;
	struct member_row row;
	struct history_row *history;
	size_t n_history;
};

static MB_UNUSED enum mb_code read_row_job(struct store_job *job, struct store_view *view,
					   struct mb_err *err)
{
	struct row_job *own = bed_data(job);
	bool found;
	enum mb_code code =
		store_get_member(view, own->member_id, own->arena, &own->row, &found, err);

	if (code == MB_OK) {
		code = store_list_history(view, own->member_id, own->arena, &own->history,
					  &own->n_history, err);
	}
	return code;
}

static MB_UNUSED enum mb_code put_row_job(struct store_job *job, struct store_view *view,
					  struct mb_err *err)
{
	struct row_job *own = bed_data(job);

	return store_put_member(view, &own->row, err);
}

static MB_UNUSED struct row_job read_row(struct repo_bed *bed, int64_t member_id)
{
	struct row_job own = {.member_id = member_id, .arena = bed->arena};

	assert_int_equal(store_bed_run(&bed->store, STORE_READ, read_row_job, &own, NULL), MB_OK);
	return own;
}

/* False: it has none that is whole. */
static MB_UNUSED bool decode_row(const struct row_job *own, struct hot_record *out)
{
	return hot_decode((const uint8_t *)own->row.state_cache.ptr, own->row.state_cache.len,
			  own->member_id, out);
}

static MB_UNUSED void put_cache(struct repo_bed *bed, int64_t member_id, const void *bytes,
				size_t len)
{
	struct row_job own = read_row(bed, member_id);

	own.row.state_cache = (struct str){bytes, len};
	assert_int_equal(store_bed_run(&bed->store, STORE_WRITE, put_row_job, &own, NULL), MB_OK);
}
