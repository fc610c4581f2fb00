/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep: tells what time has done to members whom nobody writes to.
 *
 * Every member's row says from when on there is something to tell (due_at, from the fold). A round
 * walks the buckets; a step of it is one short read that finds a few who are due and one small write
 * for each of them, which the store groups into one commit. Between two steps there is a pause, so
 * that callers never wait long behind them.
 *
 *     timer ─▶ look ─▶ found: tell each ─▶ pause ─▶ look …
 *                └─ nothing in these buckets: look on; after the last one: wait for the next round
 *
 * It is exact whenever it runs, late or twice: what is told is what the fold says up to now and the
 * log does not, with its own effective_at; only known_at is when it was told. It raises no revision.
 * What it has done is in the rows, so a restart goes on where it was.
 *
 * A policy version changes what lies ahead of members, and it makes their hot records old. So as soon
 * as one is published all members are walked once, in pages, ahead of its taking force: each gets the
 * record and the due_at that know it. How far that has come is kept by the store, now and then.
 *
 * Failure:  a member who cannot be folded is put off by BACKOFF and counted, the others go on. What is
 *           wrong with the store or with memory ends the round; the next one tries again.
 * Threads:  the loop's; figures are read from any.
 */
#include "repository/inner.h"

#include "domain/id.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define LOOK_BUCKETS 512 /* in one read */
#define BACKOFF	     US_PER_HOUR
#define NOTE_EVERY   16 /* steps of a walk over all members */
#define WALK_NAME    STR("sweep_version")

struct sweep;

struct step {
	struct store_job job;
	struct sweep *sweep;
	int64_t member_id;
	struct told_member told; /* member_id 0: nothing */
};

/* The walk over all members for the policy of version `target`. */
struct walk {
	int64_t done; /* for the versions up to this all were walked */
	int64_t target;
	int64_t after; /* the last member that was */
};

struct sweep {
	struct repository *repository;
	uint64_t every_ms, pause_ms;
	size_t at_once;
	uv_timer_t timer;
	struct store_job look, note;
	struct walk walk;
	bool knows_walk; /* it was read from the store */
	bool walking; /* this look found members of the walk, not those who are due */
	bool walked; /* … and there are no more */
	int32_t vb; /* where the round goes on */
	int64_t lag; /* of the look */
	size_t found; /* by the look */
	size_t running; /* jobs with the store */
	unsigned steps_walked;
	bool failed; /* the round has to end */
	void (*stopped)(struct repository *repository);
	struct step steps[];
};

static struct repository_figures *figures_of(struct sweep *sweep)
{
	return &sweep->repository->figures;
}

/* ---- how far the walk has come ---- */

static enum mb_code read_walk(struct sweep *sweep, struct store_view *view, struct arena *arena,
			      struct mb_err *err)
{
	struct str value;
	bool found;
	enum mb_code code = store_get_meta(view, WALK_NAME, arena, &value, &found, err);

	if (code != MB_OK) {
		return code;
	}
	sweep->walk = (struct walk){0};
	if (found && value.len == sizeof(sweep->walk)) {
		memcpy(&sweep->walk, value.ptr, sizeof(sweep->walk));
	}
	sweep->knows_walk = true;
	return MB_OK;
}

static enum mb_code run_note(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	const struct sweep *sweep = job->data;
	const struct str value = {(const char *)&sweep->walk, sizeof(sweep->walk)};

	return store_put_meta(view, WALK_NAME, value, err);
}

/* ---- looking ---- */

static enum mb_code look_at_all(struct sweep *sweep, struct store_view *view, struct arena *arena,
				struct mb_err *err)
{
	struct member_row *rows = NULL;
	size_t n = 0;
	enum mb_code code =
		store_list_members(view, sweep->walk.after, sweep->at_once, arena, &rows, &n, err);

	for (size_t i = 0; code == MB_OK && i < n; i++) {
		sweep->steps[i].member_id = rows[i].member_id;
	}
	sweep->walked = code == MB_OK && n == 0;
	sweep->found = n;
	return code;
}

static void note_found(struct sweep *sweep, const struct due_row *row, int64_t now)
{
	/* 1: at once, from schema 1 */
	if (row->due_at > 1 && now - row->due_at > sweep->lag) {
		sweep->lag = now - row->due_at;
	}
	sweep->steps[sweep->found++].member_id = row->member_id;
}

static enum mb_code look_at_buckets(struct sweep *sweep, struct store_view *view,
				    struct arena *arena, struct mb_err *err)
{
	int64_t now = store_view_now(view);
	enum mb_code code = MB_OK;

	for (int i = 0; i < LOOK_BUCKETS && sweep->vb < VB_COUNT; i++) {
		struct due_row *rows = NULL;
		size_t n = 0;

		code = store_list_due(view, sweep->vb, now, sweep->at_once - sweep->found, arena,
				      &rows, &n, err);
		for (size_t k = 0; code == MB_OK && k < n; k++) {
			note_found(sweep, &rows[k], now);
		}
		if (code != MB_OK || sweep->found == sweep->at_once) {
			break; /* there may be more of this bucket */
		}
		sweep->vb++;
	}
	return code;
}

static enum mb_code run_look(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct sweep *sweep = job->data;
	struct repository *repository = sweep->repository;
	int64_t newest = policy_newest(repository_policies(repository))->version;
	struct arena *arena = ledger_arena(repository, 0, err);
	enum mb_code code = MB_OK;

	if (arena == NULL) {
		return MB_OVERLOADED;
	}
	sweep->found = 0;
	sweep->lag = 0;
	sweep->walked = false;
	if (!sweep->knows_walk) {
		code = read_walk(sweep, view, arena, err);
	}
	if (code == MB_OK && newest > sweep->walk.target) {
		sweep->walk.target = newest;
		sweep->walk.after = 0;
	}
	sweep->walking = sweep->walk.target > sweep->walk.done;
	if (code == MB_OK) {
		code = sweep->walking ? look_at_all(sweep, view, arena, err)
				      : look_at_buckets(sweep, view, arena, err);
	}
	arena_destroy(arena);
	return code;
}

/* ---- telling ---- */

static enum mb_code tell_member(struct ledger *ledger, struct store_view *view,
				const struct repository *repository, struct mb_err *err)
{
	const struct policy_list *policies = repository_policies(repository);
	struct fold fold;
	enum mb_code code = ledger_load_short(ledger, view, policies, err);

	if (code == MB_OK) {
		code = ledger_fold(ledger, policies, store_view_now(view), HOT_CHANGES, &fold, err);
	}
	if (code != MB_OK) {
		return code;
	}
	/* the walk comes to some for whom all is done */
	return row_is_current(&ledger->row, policies, &fold)
		       ? tell_history(view, ledger, &fold, err)
		       : ledger_settle(ledger, view, policies, &fold, err);
}

static enum mb_code run_tell(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct step *step = job->data;
	struct repository *repository = step->sweep->repository;
	struct ledger ledger;
	bool found = false;
	enum mb_code code = ledger_init(&ledger, repository, STORE_WRITE, err);

	step->told.member_id = 0;
	if (code != MB_OK) {
		return code;
	}
	code = store_get_member(view, step->member_id, ledger.arena, &ledger.row, &found, err);
	if (code == MB_OK && found &&
	    (step->sweep->walking ||
	     (ledger.row.due_at != 0 && ledger.row.due_at <= store_view_now(view)))) {
		code = FAULT("repository.sweep.member")
			       ? mb_fail(err, MB_INTERNAL, "a test made the member fail")
			       : tell_member(&ledger, view, repository, err);
	}
	step->told = (struct told_member){.member_id = ledger.record.len > 0 ? step->member_id : 0,
					  .record = ledger.record};
	ledger_fini(&ledger);
	return code;
}

static enum mb_code run_put_off(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	const struct step *step = job->data;
	struct arena *arena = ledger_arena(step->sweep->repository, 0, err);
	struct member_row row;
	bool found = false;
	enum mb_code code = MB_OVERLOADED;

	if (arena != NULL) {
		code = store_get_member(view, step->member_id, arena, &row, &found, err);
	}
	if (code == MB_OK && found) {
		row.due_at = store_view_now(view) + BACKOFF;
		code = store_put_member(view, &row, err);
	}
	arena_destroy(arena);
	return code;
}

/* ---- rounds ---- */

static void on_timer(uv_timer_t *timer);

static void timer_closed(uv_handle_t *handle)
{
	struct sweep *sweep = handle->data;
	struct repository *repository = sweep->repository;
	void (*stopped)(struct repository * repository) = sweep->stopped;

	free(sweep);
	stopped(repository);
}

static void submit(struct sweep *sweep, struct store_job *job, enum store_job_kind kind,
		   store_run_fn *run)
{
	sweep->running++;
	job->kind = kind;
	job->run = run;
	store_submit(sweep->repository->store, job);
}

static void start_look(struct sweep *sweep)
{
	submit(sweep, &sweep->look, STORE_READ, run_look);
}

static void wait_for_round(struct sweep *sweep)
{
	sweep->vb = 0;
	sweep->failed = false;
	uv_timer_start(&sweep->timer, on_timer, sweep->every_ms, 0);
}

/* No job is with the store. */
static void go_on(struct sweep *sweep)
{
	if (sweep->stopped != NULL) {
		uv_close((uv_handle_t *)&sweep->timer, timer_closed);
	} else if (sweep->failed) {
		wait_for_round(sweep);
	} else if (sweep->found > 0) {
		uv_timer_start(&sweep->timer, on_timer, sweep->pause_ms, 0);
	} else if (sweep->vb < VB_COUNT) {
		start_look(sweep);
	} else {
		atomic_store(&figures_of(sweep)->sweep_lag_us, 0);
		wait_for_round(sweep);
	}
}

/* True when this was the last one. */
static bool end_job(struct sweep *sweep, const struct store_job *job)
{
	repository_saw(sweep->repository, job);
	sweep->failed |= job->code != MB_OK;
	return --sweep->running == 0;
}

static void end_note(struct store_job *job)
{
	struct sweep *sweep = job->data;

	if (end_job(sweep, job)) {
		go_on(sweep);
	}
}

static void note_walk(struct sweep *sweep)
{
	if (sweep->walked) {
		sweep->walk.done = sweep->walk.target;
		submit(sweep, &sweep->note, STORE_WRITE, run_note);
	} else if (sweep->found > 0) {
		sweep->walk.after = sweep->steps[sweep->found - 1].member_id;
		if (++sweep->steps_walked % NOTE_EVERY == 0) {
			submit(sweep, &sweep->note, STORE_WRITE, run_note);
		}
	}
}

static void end_step(struct sweep *sweep)
{
	if (sweep->walking && !sweep->failed) {
		note_walk(sweep);
	}
	if (sweep->running == 0) {
		go_on(sweep);
	}
}

/* What is the member's own fault; anything else is the same for all. */
static bool is_members_own(enum mb_code code)
{
	return code != MB_OK && code != MB_STORE_UNAVAILABLE && code != MB_STORE_FULL &&
	       code != MB_OVERLOADED && code != MB_CALL_CANCELLED;
}

static void end_put_off(struct store_job *job)
{
	struct step *step = job->data;

	if (end_job(step->sweep, job)) {
		end_step(step->sweep);
	}
}

static void end_tell(struct store_job *job)
{
	struct step *step = job->data;
	struct sweep *sweep = step->sweep;
	struct repository_figures *figures = figures_of(sweep);

	repository_told(sweep->repository, job, step->told.member_id != 0 ? &step->told : NULL);
	if (is_members_own(job->code)) {
		atomic_fetch_add(&figures->sweep_failures, 1);
		job->cb = end_put_off;
		submit(sweep, job, STORE_WRITE, run_put_off);
		sweep->running--;
		return;
	}
	if (job->code == MB_OK) {
		atomic_fetch_add(&figures->sweep_members, 1);
	}
	if (end_job(sweep, job)) {
		end_step(sweep);
	}
}

static void end_look(struct store_job *job)
{
	struct sweep *sweep = job->data;

	if (!end_job(sweep, job) || sweep->stopped != NULL || sweep->failed) {
		go_on(sweep);
		return;
	}
	if (sweep->found > 0) {
		atomic_store(&figures_of(sweep)->sweep_lag_us, sweep->lag);
	}
	for (size_t i = 0; i < sweep->found; i++) {
		sweep->steps[i].job.cb = end_tell;
		submit(sweep, &sweep->steps[i].job, STORE_WRITE, run_tell);
	}
	if (sweep->found == 0) {
		end_step(sweep);
	}
}

static void on_timer(uv_timer_t *timer)
{
	start_look(timer->data);
}

enum mb_code sweep_start(struct repository *repository, const struct repository_options *options,
			 struct sweep **out, struct mb_err *err)
{
	size_t at_once = or_default(options->sweep_members, SWEEP_MEMBERS);
	struct sweep *sweep = calloc(1, sizeof(*sweep) + at_once * sizeof(sweep->steps[0]));

	if (sweep == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory to open the store");
	}
	sweep->repository = repository;
	sweep->every_ms = options->sweep_every_ms;
	sweep->pause_ms = options->sweep_pause_ms;
	sweep->at_once = at_once;
	sweep->look = (struct store_job){.cb = end_look, .data = sweep};
	sweep->note = (struct store_job){.cb = end_note, .data = sweep};
	for (size_t i = 0; i < at_once; i++) {
		sweep->steps[i].sweep = sweep;
		sweep->steps[i].job.data = &sweep->steps[i];
	}
	uv_timer_init(repository->loop, &sweep->timer);
	sweep->timer.data = sweep;
	wait_for_round(sweep);
	*out = sweep;
	return MB_OK;
}

void sweep_stop(struct sweep *sweep, void (*cb)(struct repository *repository))
{
	sweep->stopped = cb;
	uv_timer_stop(&sweep->timer);
	if (sweep->running == 0) {
		uv_close((uv_handle_t *)&sweep->timer, timer_closed);
	}
}
