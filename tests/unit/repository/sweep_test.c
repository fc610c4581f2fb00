/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time does is told without anybody's write: sweep_test memory|sqlite.
 */
#include "repo_bed.h"

#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *backend;

static void begin(struct repo_bed *bed, uint64_t every_ms)
{
	struct mb_err err;

	repo_bed_init(bed, backend);
	bed->options.sweep_every_ms = every_ms;
	bed->options.sweep_members = 3;
	if (repo_bed_open(bed, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
}

struct rows {
	int64_t member_id;
	struct arena *arena;
	struct member_row member;
	struct history_row *history;
	struct outbox_row *outbox;
	size_t n, n_outbox;
};

static enum mb_code read_rows(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct rows *rows = bed_data(job);
	bool found;
	enum mb_code code = store_list_history(view, rows->member_id, rows->arena, &rows->history,
					       &rows->n, err);

	if (code == MB_OK) {
		code = store_get_member(view, rows->member_id, rows->arena, &rows->member, &found,
					err);
	}
	if (code == MB_OK) {
		code = store_list_outbox(view, 0, SIZE_MAX, rows->arena, &rows->outbox,
					 &rows->n_outbox, err);
	}
	return code;
}

static struct rows look(struct repo_bed *bed, int64_t member_id)
{
	struct rows rows = {.member_id = member_id, .arena = bed->arena};

	assert_int_equal(store_bed_run(&bed->store, STORE_READ, read_rows, &rows, NULL), MB_OK);
	return rows;
}

/* As if nobody had come to him yet. */
static enum mb_code make_due(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct rows *rows = bed_data(job);

	rows->member.due_at = 1;
	return store_put_member(view, &rows->member, err);
}

/* Until the sweeper has come to the member. */
static void wait_for_sweep(struct repo_bed *bed, int64_t member_id)
{
	int64_t due_at;

	do {
		uv_run(&bed->store.loop, UV_RUN_ONCE);
		due_at = look(bed, member_id).member.due_at;
	} while (due_at != 0 && due_at <= clock_now(&bed->store.clock));
}

static int64_t enroll_with_order(struct repo_bed *bed, const char *name)
{
	int64_t member_id = repo_enroll(bed, name);
	struct record_item item = repo_order(bed, member_id, name, BED_NOW, 1000000);

	repo_record_one(bed, &item);
	assert_int_equal(item.member->standing.tier, TIER_SILVER);
	return member_id;
}

static bool tells(const struct rows *rows, enum transition_kind kind, int64_t effective_at)
{
	for (size_t i = 0; i < rows->n; i++) {
		if (rows->history[i].kind == (int32_t)kind &&
		    rows->history[i].effective_at == effective_at) {
			return true;
		}
	}
	return false;
}

static void case_29_a_settlement_swept_twice_is_told_once(void **state)
{
	/* at which he is below keep: first at risk, then a step down */
	int64_t settlements[] = {repo_time("2027-12-08T00:00:00+08:00"),
				 repo_time("2028-01-08T00:00:00+08:00")};
	static const enum transition_kind verdicts[] = {TRANSITION_AT_RISK, TRANSITION_STEP_DOWN};
	struct rows first, again;
	struct repo_bed bed;
	int64_t ada, due_at;

	(void)state;
	begin(&bed, 1);
	ada = enroll_with_order(&bed, "ada");
	for (size_t i = 0; i < 2; i++) {
		clock_set(&bed.store.clock, settlements[i]);
		wait_for_sweep(&bed, ada);
		first = look(&bed, ada);
		due_at = first.member.due_at;
		assert_true(tells(&first, verdicts[i], settlements[i]));
		assert_int_equal(store_bed_run(&bed.store, STORE_WRITE, make_due, &first, NULL),
				 MB_OK);
		wait_for_sweep(&bed, ada);
		again = look(&bed, ada);
		assert_int_equal(again.n, first.n);
		assert_int_equal(again.member.due_at, due_at);
		assert_int_equal(again.member.revision, 2);
	}
	repo_bed_fini(&bed);
}

#define MONTHS 16

static void case_30_settlements_told_months_late_are_those_told_in_time(void **state)
{
	struct repo_bed in_time, late;
	int64_t ada, eve;
	struct rows a, b;
	bool differs = false;

	(void)state;
	begin(&in_time, 1);
	begin(&late, 1);
	ada = enroll_with_order(&in_time, "ada");
	eve = enroll_with_order(&late, "ada");
	for (int month = 1; month <= MONTHS; month++) {
		clock_set(&in_time.store.clock, BED_NOW + month * 30 * US_PER_DAY);
		wait_for_sweep(&in_time, ada);
	}
	clock_set(&late.store.clock, BED_NOW + MONTHS * 30 * US_PER_DAY);
	wait_for_sweep(&late, eve);
	a = look(&in_time, ada);
	b = look(&late, eve);
	assert_int_equal(a.n, b.n);
	for (size_t i = 0; i < a.n; i++) {
		assert_int_equal(a.history[i].kind, b.history[i].kind);
		assert_int_equal(a.history[i].effective_at, b.history[i].effective_at);
		assert_int_equal(a.history[i].from_tier, b.history[i].from_tier);
		assert_int_equal(a.history[i].to_tier, b.history[i].to_tier);
		assert_int_equal(a.history[i].points, b.history[i].points);
		assert_int_equal(a.history[i].restated, b.history[i].restated);
		differs = differs || a.history[i].known_at < b.history[i].known_at;
	}
	assert_true(differs);
	assert_true(a.member.due_at == b.member.due_at);
	repo_bed_fini(&in_time);
	repo_bed_fini(&late);
}

static void many_are_told_in_steps(void **state)
{
	struct repo_bed bed;
	int64_t ids[10];

	(void)state;
	begin(&bed, 1);
	for (int i = 0; i < 10; i++) {
		char name[8];

		snprintf(name, sizeof(name), "m%d", i);
		ids[i] = enroll_with_order(&bed, name);
	}
	clock_set(&bed.store.clock, BED_NOW + 400 * US_PER_DAY);
	for (int i = 0; i < 10; i++) {
		wait_for_sweep(&bed, ids[i]);
		assert_true(look(&bed, ids[i]).n > 3);
	}
	assert_true(atomic_load(&repository_figures(bed.repository)->sweep_members) >= 10);
	assert_int_equal(atomic_load(&repository_figures(bed.repository)->sweep_failures), 0);
	repo_bed_fini(&bed);
}

#ifdef MEMBERD_TEST_HOOKS
static void who_cannot_be_told_is_put_off_and_holds_up_nobody(void **state)
{
	const struct repository_figures *figures;
	struct repo_bed bed;
	int64_t ada, eve;

	(void)state;
	begin(&bed, 1);
	figures = repository_figures(bed.repository);
	ada = enroll_with_order(&bed, "ada");
	eve = enroll_with_order(&bed, "eve");
	fault_arm("repository.sweep.member", 1);
	clock_set(&bed.store.clock, BED_NOW + 400 * US_PER_DAY);
	wait_for_sweep(&bed, ada);
	wait_for_sweep(&bed, eve);
	fault_disarm();
	assert_int_equal(atomic_load(&figures->sweep_failures), 1);
	assert_true((look(&bed, ada).n > 3) != (look(&bed, eve).n > 3));
	/* and an hour later all is well */
	clock_set(&bed.store.clock, clock_now(&bed.store.clock) + US_PER_HOUR + 1000);
	wait_for_sweep(&bed, ada);
	wait_for_sweep(&bed, eve);
	assert_int_equal(look(&bed, ada).n, look(&bed, eve).n);
	assert_int_equal(atomic_load(&figures->sweep_failures), 1);
	repo_bed_fini(&bed);
}
#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_29_a_settlement_swept_twice_is_told_once),
		cmocka_unit_test(case_30_settlements_told_months_late_are_those_told_in_time),
		cmocka_unit_test(many_are_told_in_steps),
#ifdef MEMBERD_TEST_HOOKS
		cmocka_unit_test(who_cannot_be_told_is_put_off_and_holds_up_nobody),
#endif
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
