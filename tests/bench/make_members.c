/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_members: fills a database with members, quicker than the API can.
 *
 *     make_members DATABASE COUNT
 *
 * DATABASE is that of a memberd which has ended, with some members in it: the pilots, who came through
 * the API. The i-th of COUNT new members gets the rows that memberd wrote of the (i mod pilots)-th pilot,
 * by id, under an id of his own: member with what is computed of him, entries, history. He has no profile
 * and no identity, which are sealed for one member each, and the outbox does not tell of him, as if its
 * rows had been pruned.
 *
 * Rows go through the store as memberd's own do, in the order of its keys, so that the tables grow at
 * their ends only.
 */
#include "bench_members.h"
#include "domain/hot.h"
#include "store/store.h"

#include "base/clock.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define BATCH	     500 /* members of a job: SQLite walks what it keeps to undo one */
#define JOBS	     64 /* at once: together they are a transaction */
#define PILOTS_MOST  1024
#define SCRATCH_MOST ((size_t)64 * 1024 * 1024)

struct pilot {
	struct member_row row;
	struct entry_row *entries;
	struct history_row *history;
	size_t n_entries, n_history;
	struct hot_record hot;
	bool has_hot;
};

struct place {
	int64_t member_id;
	int32_t vb;
	uint32_t pilot;
};

static struct clock system_clock;
static struct store *store;
static uv_loop_t loop;
static struct arena *kept; /* what the pilots have */
static struct pilot *pilots;
static size_t n_pilots;
static struct place *places; /* of all new members, by (vb, member_id) */
static size_t n_places, next_place;
static size_t running; /* jobs */

static void give_up(const struct mb_err *err)
{
	fprintf(stderr, "make_members: %s\n", err->text);
	exit(1);
}

/* ---- who is to be made ---- */

static int compare_ids(const void *a, const void *b)
{
	const struct place *left = a, *right = b;

	return left->member_id < right->member_id ? -1 : left->member_id > right->member_id;
}

/* Into their buckets first: what is left to sort is short, and ids rise with i already. */
static void make_places(size_t n)
{
	static size_t begins[VB_COUNT + 1];

	places = malloc(n * sizeof(*places));
	if (places == NULL) {
		give_up(&(struct mb_err){.text = "no memory"});
	}
	for (size_t i = 0; i < n; i++) {
		begins[vb_of(bench_member_id(i)) + 1]++;
	}
	for (int vb = 0; vb < VB_COUNT; vb++) {
		begins[vb + 1] += begins[vb];
	}
	for (size_t i = 0; i < n; i++) {
		int64_t id = bench_member_id(i);
		int32_t vb = vb_of(id);

		places[begins[vb]++] = (struct place){id, vb, (uint32_t)(i % n_pilots)};
	}
	for (int vb = 0; vb < VB_COUNT; vb++) { /* begins[vb] is now where the bucket ends */
		size_t first = vb == 0 ? 0 : begins[vb - 1];

		qsort(places + first, begins[vb] - first, sizeof(*places), compare_ids);
	}
	n_places = n;
}

/* ---- what they get ---- */

static int compare_pilots(const void *a, const void *b)
{
	const struct pilot *left = a, *right = b;

	return left->row.member_id < right->row.member_id ? -1 : 1;
}

static enum mb_code read_pilots(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct member_row *rows = NULL;
	enum mb_code code =
		store_list_members(view, 0, PILOTS_MOST + 1, kept, &rows, &n_pilots, err);

	(void)job;
	if (code == MB_OK && (n_pilots == 0 || n_pilots > PILOTS_MOST)) {
		return mb_fail(err, MB_FIELD_INVALID, "the database has no pilots, or too many");
	}
	pilots = arena_array(kept, n_pilots, sizeof(*pilots));
	for (size_t i = 0; code == MB_OK && i < n_pilots; i++) {
		struct pilot *pilot = &pilots[i];

		pilot->row = rows[i];
		pilot->has_hot =
			hot_decode((const uint8_t *)rows[i].state_cache.ptr,
				   rows[i].state_cache.len, rows[i].member_id, &pilot->hot);
		code = store_list_entries(view, rows[i].member_id, kept, &pilot->entries,
					  &pilot->n_entries, err);
		if (code == MB_OK) {
			code = store_list_history(view, rows[i].member_id, kept, &pilot->history,
						  &pilot->n_history, err);
		}
	}
	if (code == MB_OK) {
		qsort(pilots, n_pilots, sizeof(*pilots), compare_pilots);
	}
	return code;
}

/* What was computed of the pilot, as of another: it is sealed by the member's id. */
static struct str hot_of(const struct pilot *pilot, int64_t member_id, struct hot_bytes *bytes)
{
	struct hot_record record = pilot->hot;

	if (!pilot->has_hot) {
		return (struct str){0};
	}
	record.member_id = member_id;
	hot_encode(&record, bytes);
	return (struct str){(const char *)bytes->bytes, bytes->len};
}

static enum mb_code write_member(struct store_view *view, const struct place *place,
				 struct mb_err *err)
{
	const struct pilot *pilot = &pilots[place->pilot];
	struct member_row row = pilot->row;
	struct hot_bytes hot;
	enum mb_code code;

	row.member_id = place->member_id;
	row.profile = (struct str){0};
	row.state_cache = hot_of(pilot, place->member_id, &hot);
	code = store_put_member(view, &row, err);
	for (size_t i = 0; code == MB_OK && i < pilot->n_entries; i++) {
		struct entry_row entry = pilot->entries[i];

		entry.member_id = place->member_id;
		code = store_add_entry(view, &entry, err);
	}
	for (size_t i = 0; code == MB_OK && i < pilot->n_history; i++) {
		struct history_row told = pilot->history[i];
		int64_t seq;

		told.member_id = place->member_id;
		code = store_add_history(view, &told, &seq, err);
	}
	return code;
}

static enum mb_code write_batch(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	size_t end = next_place + BATCH < n_places ? next_place + BATCH : n_places;
	enum mb_code code = MB_OK;

	(void)job;
	while (code == MB_OK && next_place < end) {
		code = write_member(view, &places[next_place++], err);
	}
	return code;
}

/* ---- jobs ---- */

static void on_done(struct store_job *job)
{
	if (job->code != MB_OK) {
		give_up(&job->err);
	}
	running--;
}

static void run_jobs(enum store_job_kind kind, store_run_fn *run, size_t n)
{
	static struct store_job jobs[JOBS];

	running = n;
	for (size_t i = 0; i < n; i++) {
		jobs[i] = (struct store_job){.kind = kind, .run = run, .cb = on_done};
		store_submit(store, &jobs[i]);
	}
	while (running > 0) {
		uv_run(&loop, UV_RUN_ONCE);
	}
}

static void on_closed(void *data)
{
	(void)data;
	running = 0;
}

static void close_store(void)
{
	running = 1;
	store_close(store, on_closed, NULL);
	while (running > 0) {
		uv_run(&loop, UV_RUN_ONCE);
	}
	uv_run(&loop, UV_RUN_NOWAIT);
}

int main(int argc, char **argv)
{
	struct store_options options = {
		.readers = 1, .clock = &system_clock, .loop = &loop, .path = argv[1]};
	struct mb_err err = {0};

	if (argc != 3 || atol(argv[2]) < 1) {
		fputs("usage: make_members DATABASE COUNT\n", stderr);
		return 64;
	}
	/* Threads of the store are at work one after the other, so nothing needs a lock. */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	clock_init_system(&system_clock);
	uv_loop_init(&loop);
	if (store_open_sqlite(&options, &store, &err) != MB_OK) {
		give_up(&err);
	}
	kept = arena_create(NULL, SCRATCH_MOST);
	run_jobs(STORE_READ, read_pilots, 1);
	make_places((size_t)atol(argv[2]));
	while (next_place < n_places) {
		run_jobs(STORE_WRITE, write_batch, JOBS);
	}
	close_store();
	uv_loop_close(&loop);
	arena_destroy(kept);
	free(places);
	return 0;
}
