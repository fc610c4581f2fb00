/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How every backend of the store runs jobs: groups, snapshots, instants, cancelling, closing, and what
 * is told when it fails: store_jobs_test memory|sqlite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "one_bed.h"
#include "torture.h"

/* Three tables, so that half a job would show. */
static enum mb_code add_three(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	const int64_t *member_id = bed_data(job);
	struct member_row member = {.member_id = *member_id, .revision = 1};
	enum mb_code code = store_put_member(view, &member, err);
	int64_t seq;

	if (code == MB_OK) {
		code = store_add_history(view, &(struct history_row){.member_id = *member_id}, &seq,
					 err);
	}
	return code == MB_OK ? add_one(job, view, err) : code;
}

static enum mb_code add_three_and_fail(struct store_job *job, struct store_view *view,
				       struct mb_err *err)
{
	enum mb_code code = add_three(job, view, err);

	return code != MB_OK ? code : mb_fail(err, MB_ORDER_CLOSED, "thought better of it");
}

/* ---- groups ---- */

#define GROUP 10

static void what_waits_is_one_transaction(void **state)
{
	struct bed_job jobs[GROUP];
	int64_t member_id = 7;
	struct bed_gate gate;

	(void)state;
	bed_gate_close(&bed, &gate, STORE_WRITE);
	for (int i = 0; i < GROUP; i++) {
		bed_job_init(&jobs[i], STORE_WRITE, add_three, &member_id);
		store_submit(bed.store, &jobs[i].job);
	}
	bed_gate_open(&bed, &gate);
	for (int i = 0; i < GROUP; i++) {
		store_bed_wait(&bed, &jobs[i]);
		assert_int_equal(jobs[i].job.code, MB_OK);
		assert_true(jobs[i].job.known_at == jobs[0].job.known_at);
	}
	assert_true(jobs[0].job.known_at > gate.job.job.known_at);
	assert_int_equal(outbox_len(), GROUP);
}

static enum mb_code expect_one_whole(struct store_job *job, struct store_view *view,
				     struct mb_err *err)
{
	struct arena *arena = arena_create(NULL, 0);
	struct member_row member;
	struct history_row *told;
	struct outbox_row *out;
	size_t n_told, n_out;
	bool good, bad;
	enum mb_code code = MB_OK;

	(void)job;
	if (store_get_member(view, 7, arena, &member, &good, err) != MB_OK ||
	    store_get_member(view, 8, arena, &member, &bad, err) != MB_OK ||
	    store_list_history(view, 8, arena, &told, &n_told, err) != MB_OK ||
	    store_list_outbox(view, 0, 100, arena, &out, &n_out, err) != MB_OK || !good || bad ||
	    n_told != 0 || n_out != 2 || out[0].member_id != 7 || out[1].member_id != 7) {
		code = mb_fail(err, MB_INTERNAL, "not what was to be there");
	}
	arena_destroy(arena);
	return code;
}

static void a_failed_job_leaves_no_trace_in_its_group(void **state)
{
	struct bed_job good, bad, after;
	int64_t seven = 7, eight = 8;
	struct bed_gate gate;

	(void)state;
	bed_gate_close(&bed, &gate, STORE_WRITE);
	bed_job_init(&good, STORE_WRITE, add_three, &seven);
	bed_job_init(&bad, STORE_WRITE, add_three_and_fail, &eight);
	bed_job_init(&after, STORE_WRITE, add_three, &seven);
	store_submit(bed.store, &good.job);
	store_submit(bed.store, &bad.job);
	store_submit(bed.store, &after.job);
	bed_gate_open(&bed, &gate);
	store_bed_wait(&bed, &after);
	assert_int_equal(good.job.code, MB_OK);
	assert_int_equal(bad.job.code, MB_ORDER_CLOSED);
	assert_string_equal(bad.job.err.text, "thought better of it");
	assert_int_equal(after.job.code, MB_OK);
	assert_int_equal(store_bed_run(&bed, STORE_READ, expect_one_whole, NULL, NULL), MB_OK);
}

static enum mb_code fail_without_story(struct store_job *job, struct store_view *view,
				       struct mb_err *err)
{
	(void)job;
	(void)view;
	(void)err;
	return MB_BENEFIT_NOT_FOUND;
}

static void an_error_always_has_a_story(void **state)
{
	struct mb_err err;

	(void)state;
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, fail_without_story, NULL, &err),
			 MB_BENEFIT_NOT_FOUND);
	assert_int_equal(err.code, MB_BENEFIT_NOT_FOUND);
	assert_string_equal(err.text, mb_code_text(MB_BENEFIT_NOT_FOUND));
}

static enum mb_code read_own_writes(struct store_job *job, struct store_view *view,
				    struct mb_err *err)
{
	int64_t member_id = 7;
	size_t before, after;
	struct bed_job inner = {.data = &before};

	(void)job;
	if (count_outbox(&inner.job, view, err) != MB_OK) {
		return err->code;
	}
	inner.data = &member_id;
	if (add_three(&inner.job, view, err) != MB_OK) {
		return err->code;
	}
	inner.data = &after;
	if (count_outbox(&inner.job, view, err) != MB_OK) {
		return err->code;
	}
	return after == before + 1 ? MB_OK : mb_fail(err, MB_INTERNAL, "own write not seen");
}

static void a_job_reads_its_own_writes(void **state)
{
	(void)state;
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, read_own_writes, NULL, NULL), MB_OK);
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, read_own_writes, NULL, NULL), MB_OK);
}

/* ---- snapshots ---- */

struct long_read {
	struct bed_gate gate;
	size_t before, after;
};

static enum mb_code read_twice(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct long_read *read = bed_data(job);
	struct bed_job inner = {.data = &read->before};
	enum mb_code code = count_outbox(&inner.job, view, err);

	uv_sem_post(&read->gate.entered);
	uv_sem_wait(&read->gate.go);
	inner.data = &read->after;
	return code != MB_OK ? code : count_outbox(&inner.job, view, err);
}

static void a_reader_keeps_its_snapshot(void **state)
{
	int64_t member_id = 7;
	struct long_read read;
	struct bed_job job;

	(void)state;
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, add_one, &member_id, NULL), MB_OK);
	uv_sem_init(&read.gate.entered, 0);
	uv_sem_init(&read.gate.go, 0);
	bed_job_init(&job, STORE_READ, read_twice, &read);
	store_submit(bed.store, &job.job);
	uv_sem_wait(&read.gate.entered);
	/* writing goes on beside it, and another reader sees it at once */
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, add_one, &member_id, NULL), MB_OK);
	assert_int_equal(outbox_len(), 2);
	uv_sem_post(&read.gate.go);
	store_bed_wait(&bed, &job);
	assert_int_equal(job.job.code, MB_OK);
	assert_int_equal(read.before, 1);
	assert_int_equal(read.after, 1);
	uv_sem_destroy(&read.gate.entered);
	uv_sem_destroy(&read.gate.go);
}

static void readers_see_nothing_of_a_running_group(void **state)
{
	struct long_read write;
	int64_t member_id = 7;
	struct bed_job first, job;
	struct bed_gate gate;

	(void)state;
	uv_sem_init(&write.gate.entered, 0);
	uv_sem_init(&write.gate.go, 0);
	bed_gate_close(&bed, &gate, STORE_WRITE);
	bed_job_init(&first, STORE_WRITE, add_one, &member_id);
	bed_job_init(&job, STORE_WRITE, read_twice, &write);
	store_submit(bed.store, &first.job);
	store_submit(bed.store, &job.job);
	bed_gate_open(&bed, &gate);
	uv_sem_wait(&write.gate.entered);
	assert_int_equal(outbox_len(), 0);
	uv_sem_post(&write.gate.go);
	store_bed_wait(&bed, &job);
	assert_int_equal(write.before, 1); /* the job before it in the group */
	assert_int_equal(outbox_len(), 1);
	uv_sem_destroy(&write.gate.entered);
	uv_sem_destroy(&write.gate.go);
}

/* ---- order, cancelling, closing ---- */

static int order[8], n_order;

static void note_order(struct store_job *job)
{
	((struct bed_job *)job)->called++;
	order[n_order++] = *(int *)((struct bed_job *)job)->data;
}

static enum mb_code do_nothing(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	(void)job;
	(void)view;
	(void)err;
	return MB_OK;
}

static void writes_run_in_the_order_of_submission(void **state)
{
	static int numbers[] = {0, 1, 2, 3};
	struct bed_job jobs[4];
	struct bed_gate gate;

	(void)state;
	n_order = 0;
	bed_gate_close(&bed, &gate, STORE_WRITE);
	for (int i = 0; i < 4; i++) {
		bed_job_init(&jobs[i], STORE_WRITE, do_nothing, &numbers[i]);
		jobs[i].job.cb = note_order;
		store_submit(bed.store, &jobs[i].job);
	}
	bed_gate_open(&bed, &gate);
	store_bed_wait(&bed, &jobs[3]);
	assert_int_equal(n_order, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(order[i], i);
	}
}

static void a_queued_job_is_cancelled_a_running_one_ends(void **state)
{
	int64_t member_id = 7;
	struct bed_job queued;
	struct bed_gate gate;

	(void)state;
	bed_gate_close(&bed, &gate, STORE_WRITE);
	bed_job_init(&queued, STORE_WRITE, add_one, &member_id);
	store_submit(bed.store, &queued.job);
	store_cancel(bed.store, &queued.job);
	store_cancel(bed.store, &queued.job);
	store_cancel(bed.store, &gate.job.job);
	assert_int_equal(queued.called, 0); /* never from inside the call */
	store_bed_wait(&bed, &queued);
	assert_int_equal(queued.job.code, MB_CALL_CANCELLED);
	assert_int_equal(queued.job.err.code, MB_CALL_CANCELLED);
	assert_true(queued.job.known_at == 0);
	bed_gate_open(&bed, &gate);
	assert_int_equal(gate.job.job.code, MB_OK);
	store_cancel(bed.store, &queued.job);
	uv_run(&bed.loop, UV_RUN_NOWAIT);
	assert_int_equal(queued.called, 1);
	assert_int_equal(outbox_len(), 0);
}

static void open_gate_later(void *arg)
{
	struct bed_gate *gate = arg;
	uint64_t until = uv_hrtime() + UINT64_C(20000000);

	while (uv_hrtime() < until) {
	}
	uv_sem_post(&gate->go);
}

static void closing_ends_what_was_submitted(void **state)
{
	struct bed_job writes[4], reads[4];
	int64_t member_id = 7;
	uv_thread_t thread;
	struct bed_gate gate;
	size_t counts[4];

	(void)state;
	bed_gate_close(&bed, &gate, STORE_WRITE);
	for (int i = 0; i < 4; i++) {
		bed_job_init(&writes[i], STORE_WRITE, add_one, &member_id);
		bed_job_init(&reads[i], STORE_READ, count_outbox, &counts[i]);
		store_submit(bed.store, &writes[i].job);
		store_submit(bed.store, &reads[i].job);
	}
	uv_thread_create(&thread, open_gate_later, &gate);
	store_bed_close(&bed);
	assert_null(bed.store);
	uv_thread_join(&thread);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(writes[i].called, 1);
		assert_int_equal(writes[i].job.code, MB_OK);
		assert_int_equal(reads[i].called, 1);
		assert_int_equal(reads[i].job.code, MB_OK);
	}
	assert_int_equal(gate.job.called, 1);
	uv_sem_destroy(&gate.entered);
	uv_sem_destroy(&gate.go);
}

/* ---- threads ---- */

struct where {
	uv_thread_t run, cb;
};

static enum mb_code note_thread(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct where *where = bed_data(job);

	(void)view;
	(void)err;
	where->run = uv_thread_self();
	return MB_OK;
}

static void note_cb_thread(struct store_job *job)
{
	struct where *where = bed_data(job);

	where->cb = uv_thread_self();
	((struct bed_job *)job)->called++;
}

static void run_is_elsewhere_and_cb_on_the_loop(void **state)
{
	uv_thread_t self = uv_thread_self();

	(void)state;
	for (int kind = STORE_READ; kind <= STORE_WRITE; kind++) {
		struct where where;
		struct bed_job job;

		bed_job_init(&job, (enum store_job_kind)kind, note_thread, &where);
		job.job.cb = note_cb_thread;
		store_submit(bed.store, &job.job);
		store_bed_wait(&bed, &job);
		assert_false(uv_thread_equal(&where.run, &self));
		assert_true(uv_thread_equal(&where.cb, &self));
	}
}

static void submit_again(struct store_job *job)
{
	struct bed_job *again = (struct bed_job *)job;

	if (++again->called < 3) {
		store_submit(bed.store, job);
	}
}

static void a_callback_may_submit_its_job_again(void **state)
{
	int64_t member_id = 7;
	struct bed_job job;

	(void)state;
	bed_job_init(&job, STORE_WRITE, add_one, &member_id);
	job.job.cb = submit_again;
	store_submit(bed.store, &job.job);
	while (job.called < 3) {
		uv_run(&bed.loop, UV_RUN_ONCE);
	}
	assert_int_equal(outbox_len(), 3);
}

#define THREADS 4
#define EACH	100

struct submitter {
	uv_thread_t thread;
	int64_t member_id;
	size_t counts[EACH];
	struct bed_job writes[EACH], reads[EACH];
};

static struct submitter submitters[THREADS];

static void submit_many(void *arg)
{
	struct submitter *s = arg;

	for (int i = 0; i < EACH; i++) {
		bed_job_init(&s->writes[i], STORE_WRITE, add_three, &s->member_id);
		bed_job_init(&s->reads[i], STORE_READ, count_outbox, &s->counts[i]);
		store_submit(bed.store, &s->writes[i].job);
		store_submit(bed.store, &s->reads[i].job);
		if (i % 10 == 0) {
			store_cancel(bed.store, &s->reads[i].job);
		}
	}
}

static void four_threads_submit_at_once(void **state)
{
	int64_t latest = 0;

	(void)state;
	for (int t = 0; t < THREADS; t++) {
		submitters[t].member_id = t + 1;
		uv_thread_create(&submitters[t].thread, submit_many, &submitters[t]);
	}
	for (int t = 0; t < THREADS; t++) {
		uv_thread_join(&submitters[t].thread);
	}
	for (int t = 0; t < THREADS; t++) {
		latest = 0;
		for (int i = 0; i < EACH; i++) {
			struct bed_job *write = &submitters[t].writes[i];
			struct bed_job *read = &submitters[t].reads[i];

			store_bed_wait(&bed, write);
			store_bed_wait(&bed, read);
			assert_int_equal(write->job.code, MB_OK);
			assert_true(write->job.known_at >= latest);
			latest = write->job.known_at;
			assert_true(read->job.code == MB_OK || read->job.code == MB_CALL_CANCELLED);
			assert_int_equal(read->called, 1);
		}
	}
	assert_int_equal(outbox_len(), THREADS * EACH);
}

/* ---- failures ---- */

static void a_lost_begin_is_told_and_the_next_one_counts(void **state)
{
	int64_t member_id = 7;
	struct mb_err err;
	size_t n;

	(void)state;
	fault_arm("store.begin", 1);
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, add_one, &member_id, &err),
			 MB_STORE_UNAVAILABLE);
	assert_int_equal(store_health(bed.store), STORE_HEALTHY);
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, add_one, &member_id, &err), MB_OK);
	fault_arm("store.begin", 1);
	assert_int_equal(store_bed_run(&bed, STORE_READ, count_outbox, &n, &err),
			 MB_STORE_UNAVAILABLE);
	assert_int_equal(outbox_len(), 1);
}

static void a_lost_commit_is_told_to_the_whole_group_and_writing_stops(void **state)
{
	struct bed_job good, failing, later;
	int64_t member_id = 7;
	struct bed_gate gate;

	(void)state;
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, add_one, &member_id, NULL), MB_OK);
	bed_gate_close(&bed, &gate, STORE_WRITE);
	bed_job_init(&good, STORE_WRITE, add_three, &member_id);
	bed_job_init(&failing, STORE_WRITE, add_three_and_fail, &member_id);
	bed_job_init(&later, STORE_WRITE, do_nothing, NULL);
	store_submit(bed.store, &good.job);
	store_submit(bed.store, &failing.job);
	store_submit(bed.store, &later.job);
	fault_arm("store.commit", 1);
	bed_gate_open(&bed, &gate);
	store_bed_wait(&bed, &later);
	/* also the one with an error of its own: it may rest on what was lost */
	assert_int_equal(good.job.code, MB_STORE_UNAVAILABLE);
	assert_int_equal(failing.job.code, MB_STORE_UNAVAILABLE);
	assert_int_equal(later.job.code, MB_STORE_UNAVAILABLE);
	assert_true(good.job.known_at == 0);
	assert_int_equal(store_health(bed.store), STORE_READ_ONLY_FAILED);
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, do_nothing, NULL, NULL),
			 MB_STORE_UNAVAILABLE);
	assert_int_equal(outbox_len(), 1);
}

static void what_changes_nothing_is_not_committed(void **state)
{
	int64_t member_id = 7;

	(void)state;
	fault_arm("store.commit", 1);
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, do_nothing, NULL, NULL), MB_OK);
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, add_three_and_fail, &member_id, NULL),
			 MB_ORDER_CLOSED);
	assert_false(fault_struck());
	assert_int_equal(store_health(bed.store), STORE_HEALTHY);
}

static void an_id_is_drawn(void **state)
{
	static const unsigned char zero[STORE_ID_BYTES];

	(void)state;
	assert_memory_not_equal(store_id(bed.store), zero, STORE_ID_BYTES);
	assert_string_equal(store_name(bed.store), backend);
}

/* From nothing to nothing: what strikes must show, and what was acknowledged must be there. */
static enum mb_code open_write_read_close(void *data, struct mb_err *err)
{
	struct store_bed *own = data;
	int64_t member_id = 7;
	size_t before, after;
	enum mb_code code = store_bed_open(own, err);

	if (code == MB_OK) {
		code = store_bed_run(own, STORE_READ, count_outbox, &before, err);
	}
	if (code == MB_OK) {
		code = store_bed_run(own, STORE_WRITE, add_three, &member_id, err);
	}
	if (code == MB_OK) {
		code = store_bed_run(own, STORE_READ, count_outbox, &after, err);
	}
	if (code == MB_OK && after != before + 1) {
		code = mb_fail(err, MB_INTERNAL, "an acknowledged write is not there");
	}
	store_bed_close(own);
	return code;
}

static void every_fault_is_told(void **state)
{
	struct store_bed own;

	(void)state;
	store_bed_init(&own, backend);
	assert_true(TORTURE(open_write_read_close, &own) > 5);
	store_bed_fini(&own);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(an_id_is_drawn),
		TEST(what_waits_is_one_transaction),
		TEST(a_failed_job_leaves_no_trace_in_its_group),
		TEST(an_error_always_has_a_story),
		TEST(a_job_reads_its_own_writes),
		TEST(a_reader_keeps_its_snapshot),
		TEST(readers_see_nothing_of_a_running_group),
		TEST(writes_run_in_the_order_of_submission),
		TEST(a_queued_job_is_cancelled_a_running_one_ends),
		TEST(closing_ends_what_was_submitted),
		TEST(run_is_elsewhere_and_cb_on_the_loop),
		TEST(a_callback_may_submit_its_job_again),
		TEST(four_threads_submit_at_once),
		TEST(a_lost_begin_is_told_and_the_next_one_counts),
		TEST(a_lost_commit_is_told_to_the_whole_group_and_writing_stops),
		TEST(what_changes_nothing_is_not_committed),
		cmocka_unit_test(every_fault_is_told),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
