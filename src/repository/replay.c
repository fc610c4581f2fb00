/* SPDX-License-Identifier: Apache-2.0 */
#include "repository/replay.h"

#include "repository/inner.h"

#include <assert.h>
#include <stdlib.h>

#define REPLAY_ROWS  500 /* of the outbox in one round */
#define REPLAY_ARENA ((size_t)8 << 20)

struct replay {
	struct repository *repository;
	struct redis *redis;
	struct replay_round round;
	struct redis_position from; /* when round.from is not NULL */
	struct store_job job;
	bool running, abandoned;
	/* what the job found */
	bool useless;
	struct redis_position upto; /* without its epoch */
	size_t rows; /* of the outbox */
	struct redis_set set;
	struct redis_record *records; /* room for REPLAY_ROWS */
	size_t n;
};

/* ---- reading; in the job ---- */

static bool is_told_later(const struct outbox_row *rows, size_t i, size_t n)
{
	for (size_t k = i + 1; k < n; k++) {
		if (rows[k].member_id == rows[i].member_id) {
			return true;
		}
	}
	return false;
}

static enum mb_code add_record(struct replay *replay, struct store_view *view, int64_t member_id,
			       struct arena *arena, struct mb_err *err)
{
	struct redis_record *record = &replay->records[replay->n];
	struct member_row row;
	bool found;
	enum mb_code code = store_get_member(view, member_id, arena, &row, &found, err);

	if (code == MB_OK && found) {
		/* one that has had its day is a miss for who reads it, and right */
		code = row_record(&row, &record->bytes)
			       ? MB_OK
			       : read_record(replay->repository, view, &row, &record->bytes, err);
		record->member_id = member_id;
		replay->n += code == MB_OK;
	}
	return code;
}

static enum mb_code read_outbox(struct replay *replay, struct store_view *view, struct arena *arena,
				struct mb_err *err)
{
	struct outbox_row *rows = NULL;
	enum mb_code code = store_list_outbox(view, replay->from.seq, REPLAY_ROWS, arena, &rows,
					      &replay->rows, err);

	for (size_t i = 0; code == MB_OK && i < replay->rows; i++) {
		if (!is_told_later(rows, i, replay->rows)) {
			code = add_record(replay, view, rows[i].member_id, arena, err);
		}
		replay->upto.seq = rows[i].seq;
		replay->upto.told_at = rows[i].known_at;
	}
	return code;
}

/* When the row was told; 0: it is not there. */
static enum mb_code find_row(struct store_view *view, int64_t seq, struct arena *arena,
			     int64_t *told_at, struct mb_err *err)
{
	struct outbox_row *rows = NULL;
	size_t n = 0;
	enum mb_code code = store_list_outbox(view, seq - 1, 1, arena, &rows, &n, err);

	*told_at = n > 0 && rows[0].seq == seq ? rows[0].known_at : 0;
	return code;
}

/* A copy of the store has rows of its own from where the two parted, under the same numbers; hence a
 * position counts only together with its row. */
static enum mb_code check_position(struct replay *replay, struct store_view *view,
				   struct arena *arena, struct mb_err *err)
{
	int64_t first, last, told_at = 0;
	enum mb_code code = store_bound_outbox(view, &first, &last, err);

	if (code != MB_OK) {
		return code;
	}
	replay->useless = replay->round.from == NULL || replay->from.seq + 1 < first ||
			  replay->from.seq > last;
	if (!replay->useless && !replay->round.known && replay->from.seq > 0) {
		code = find_row(view, replay->from.seq, arena, &told_at, err);
		replay->useless = told_at == 0 || told_at != replay->from.told_at;
	}
	if (code == MB_OK && replay->useless) {
		replay->upto.seq = last;
		code = find_row(view, last, arena, &replay->upto.told_at, err);
	}
	return code;
}

static enum mb_code run_round(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct replay *replay = job->data;
	struct arena *arena = arena_create(replay->repository->budget, REPLAY_ARENA);
	enum mb_code code;

	if (arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory to read the outbox");
	}
	code = check_position(replay, view, arena, err);
	if (code == MB_OK && !replay->useless) {
		code = read_outbox(replay, view, arena, err);
	}
	arena_destroy(arena);
	return code;
}

/* ---- the round; on the loop ---- */

static void end_round(struct replay *replay, enum replay_end end)
{
	replay->running = false;
	replay->round.cb(replay->round.data, replay->abandoned ? REPLAY_ABANDONED : end,
			 &replay->upto);
}

static void end_written(struct replay *replay)
{
	end_round(replay, replay->rows == REPLAY_ROWS ? REPLAY_MORE : REPLAY_DONE);
}

static void end_set(struct redis_set *set)
{
	struct replay *replay = set->data;

	if (set->failed) {
		end_round(replay, REPLAY_FAILED);
	} else {
		end_written(replay);
	}
}

static void end_job(struct store_job *job)
{
	struct replay *replay = job->data;

	repository_saw(replay->repository, job);
	if (job->code != MB_OK || replay->abandoned) {
		end_round(replay, REPLAY_FAILED);
	} else if (replay->useless) {
		end_round(replay, REPLAY_USELESS);
	} else if (replay->n == 0) {
		end_written(replay);
	} else {
		replay->set = (struct redis_set){
			.records = replay->records, .n = replay->n, .cb = end_set, .data = replay};
		redis_set(replay->redis, &replay->set);
	}
}

void replay_begin(struct replay *replay, struct redis *redis, const struct replay_round *round)
{
	assert(!replay->running);
	replay->running = true;
	replay->abandoned = replay->useless = false;
	replay->redis = redis;
	replay->round = *round;
	if (round->from != NULL) {
		replay->from = *round->from;
	}
	replay->n = replay->rows = 0;
	replay->upto = round->from != NULL ? *round->from : (struct redis_position){0};
	replay->job = (struct store_job){
		.kind = STORE_READ, .run = run_round, .cb = end_job, .data = replay};
	store_submit(replay->repository->store, &replay->job);
}

void replay_abandon(struct replay *replay)
{
	replay->abandoned = true;
}

bool replay_runs(const struct replay *replay)
{
	return replay->running;
}

struct replay *replay_create(struct repository *repository)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (replay == NULL) {
		return NULL;
	}
	replay->repository = repository;
	replay->records = calloc(REPLAY_ROWS, sizeof(*replay->records));
	if (replay->records == NULL) {
		free(replay);
		return NULL;
	}
	return replay;
}

void replay_destroy(struct replay *replay)
{
	if (replay != NULL) {
		assert(!replay->running);
		free(replay->records);
		free(replay);
	}
}
