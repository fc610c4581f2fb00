/* SPDX-License-Identifier: Apache-2.0 */
/*
 * one_bed: an open store for each test, over the backend of the command line, and jobs for it. Include
 * after cmocka.h.
 */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/fault.h"
#include "store_bed.h"

static const char *backend;
static struct store_bed bed;
static struct arena *arena; /* for what jobs read */

static int set_up(void **state)
{
	struct mb_err err;

	(void)state;
	arena = arena_create(NULL, 0);
	store_bed_init(&bed, backend);
	if (store_bed_open(&bed, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fault_disarm();
	store_bed_fini(&bed);
	arena_destroy(arena);
	return 0;
}

static MB_UNUSED void run_ok(enum store_job_kind kind, store_run_fn *run, void *data)
{
	struct mb_err err;

	if (store_bed_run(&bed, kind, run, data, &err) != MB_OK) {
		fail_msg("%s: %s", mb_code_reason(err.code), err.text);
	}
}

/* ---- the outbox as what is written: data is the member ---- */

static MB_UNUSED enum mb_code add_one(struct store_job *job, struct store_view *view,
				      struct mb_err *err)
{
	const int64_t *member_id = bed_data(job);

	return store_add_outbox(view, &(struct outbox_row){.member_id = *member_id}, err);
}

static enum mb_code count_outbox(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct arena *rows_arena = arena_create(NULL, 0);
	struct outbox_row *rows;
	size_t n;
	enum mb_code code = store_list_outbox(view, 0, SIZE_MAX, rows_arena, &rows, &n, err);

	if (code == MB_OK) {
		*(size_t *)bed_data(job) = n;
	}
	arena_destroy(rows_arena);
	return code;
}

static MB_UNUSED size_t outbox_len(void)
{
	size_t n = 0;

	run_ok(STORE_READ, count_outbox, &n);
	return n;
}
