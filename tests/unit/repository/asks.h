/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asks: brief reads of one member, begun and waited for apart from each other; what the cache has; and
 * gates before all readers of the store. Include after cmocka.h.
 */
#pragma once

#include "own_bed.h"

#define READERS	    2 /* of store_bed */
#define ASKS_WAIT_S 20 /* longer than any of them takes */

struct ask {
	struct repository_read req;
	struct member_query query;
	bool called;
};

static MB_UNUSED void ask_init(struct repo_bed *bed, struct ask *ask, int64_t member_id,
			       int64_t min_revision)
{
	*ask = (struct ask){
		.query = {.ref = {.member_id = member_id}, .min_revision = min_revision}};
	ask->req = (struct repository_read){.queries = &ask->query, .n = 1, .parts = MEMBER_BRIEF};
	repo_bed_call(bed, &ask->req.call, &ask->called);
}

static MB_UNUSED void ask_begin(struct repo_bed *bed, struct ask *ask, int64_t member_id,
				int64_t min_revision)
{
	ask_init(bed, ask, member_id, min_revision);
	repository_read(bed->repository, &ask->req);
	assert_false(ask->called);
}

/* The code of the call, else of the query. */
static MB_UNUSED enum mb_code ask_end(struct repo_bed *bed, struct ask *ask)
{
	repo_bed_wait(bed, &ask->called);
	return ask->req.call.code != MB_OK ? ask->req.call.code : ask->query.code;
}

/* Past the cache of the process. */
static MB_UNUSED const struct member *load_brief(struct repo_bed *bed, int64_t member_id)
{
	struct ask ask;

	ask_begin(bed, &ask, member_id, 0);
	assert_int_equal(ask_end(bed, &ask), MB_OK);
	return ask.query.member;
}

/* What the process answers at once; NULL: nothing, and *code is MB_OK, or a refusal. */
static MB_UNUSED const struct member *peek_at(struct repo_bed *bed, int64_t member_id,
					      int64_t min_revision, enum mb_code *code)
{
	struct ask ask;
	bool whole;

	ask_init(bed, &ask, member_id, min_revision);
	whole = repository_peek(bed->repository, &ask.req);
	*code = ask.query.code;
	assert_true(whole == (ask.query.member != NULL || *code != MB_OK));
	return ask.query.member;
}

static MB_UNUSED bool is_cached(struct repo_bed *bed, int64_t member_id)
{
	enum mb_code code;

	return peek_at(bed, member_id, 0, &code) != NULL;
}

static MB_UNUSED int64_t loads_of(const struct repo_bed *bed)
{
	return atomic_load(&repository_figures(bed->repository)->loads);
}

static MB_UNUSED int64_t joins_of(const struct repo_bed *bed)
{
	return atomic_load(&repository_figures(bed->repository)->loads_joined);
}

static MB_UNUSED void close_gates(struct repo_bed *bed, struct bed_gate gates[READERS])
{
	for (int i = 0; i < READERS; i++) {
		bed_gate_close(&bed->store, &gates[i], STORE_READ);
	}
}

static MB_UNUSED void open_gates(struct repo_bed *bed, struct bed_gate gates[READERS])
{
	for (int i = 0; i < READERS; i++) {
		bed_gate_open(&bed->store, &gates[i]);
	}
}

static MB_UNUSED int set_up_cached(void **state)
{
	struct mb_err err;
	struct repo_bed *bed;

	make_bed(state);
	bed = *state;
	bed->options.cache_bytes = (size_t)1 << 20;
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	return 0;
}

/* Opens it anew with other options; the store of memory is kept. */
static MB_UNUSED void close_repository(struct repo_bed *bed)
{
	struct store *store = bed->store.store;

	bed->store.store = NULL;
	repo_bed_close(bed);
	bed->store.store = store;
}
