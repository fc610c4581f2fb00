/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sweeper's walk over all members: records and due_at of a version that was published, ahead of its
 * taking force. usage: walk_test memory|sqlite
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "brief_bed.h"

#define MEMBERS 150
#define AT_ONCE 3
#define NOTED	48 /* members after which the walk's place is kept: 16 steps */

struct walk_bed {
	struct repo_bed repo;
	char dir[64]; /* of the key, so that a store in memory can be opened again */
	uv_timer_t clock;
	int64_t ids[MEMBERS];
	int n;
};

static void on_clock(uv_timer_t *timer)
{
	(void)timer;
}

static int lay(void **state)
{
	struct walk_bed *bed = calloc(1, sizeof(*bed));

	repo_bed_init(&bed->repo, backend);
	snprintf(bed->dir, sizeof(bed->dir), "/tmp/memberd-walk-XXXXXX");
	assert_non_null(mkdtemp(bed->dir));
	snprintf(bed->repo.key_file, sizeof(bed->repo.key_file), "%s/key", bed->dir);
	bed->repo.options.key_file = bed->repo.key_file;
	bed->repo.options.cache_bytes = (size_t)1 << 20;
	bed->repo.options.sweep_members = AT_ONCE;
	uv_timer_init(&bed->repo.store.loop, &bed->clock);
	uv_timer_start(&bed->clock, on_clock, 1, 1);
	*state = bed;
	return 0;
}

static int lift(void **state)
{
	struct walk_bed *bed = *state;

	fault_disarm();
	uv_close((uv_handle_t *)&bed->clock, NULL);
	repo_bed_fini(&bed->repo);
	rmdir(bed->dir);
	free(bed);
	return 0;
}

static void open_bed(struct walk_bed *bed, uint64_t sweep_every_ms)
{
	struct mb_err err;

	bed->repo.options.sweep_every_ms = sweep_every_ms;
	if (repo_bed_open(&bed->repo, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
}

/* Bronze, with something ahead of them. */
static void enroll_members(struct walk_bed *bed, int n)
{
	char name[16];

	for (bed->n = 0; bed->n < n; bed->n++) {
		snprintf(name, sizeof(name), "m%d", bed->n);
		bed->ids[bed->n] = repo_enroll(&bed->repo, name);
		give(&bed->repo, bed->ids[bed->n], name, BED_NOW, 20000 + bed->n);
	}
}

/* How many rows have a record that knows this version. */
static int count_current(struct walk_bed *bed, int32_t version)
{
	int n = 0;

	for (int i = 0; i < bed->n; i++) {
		struct row_job own = read_row(&bed->repo, bed->ids[i]);
		struct hot_record record;

		n += decode_row(&own, &record) && record.policy_newest == version &&
		     record.revision == own.row.revision;
	}
	return n;
}

static int64_t swept(const struct walk_bed *bed)
{
	return atomic_load(&repository_figures(bed->repo.repository)->sweep_members);
}

static void turn_until_swept(struct walk_bed *bed, int64_t members)
{
	int64_t end = clock_monotonic_ns() + INT64_C(30000000000);

	while (swept(bed) < members) {
		assert_true(clock_monotonic_ns() < end);
		uv_run(&bed->repo.store.loop, UV_RUN_ONCE);
	}
}

static void turn_until_current(struct walk_bed *bed, int32_t version)
{
	int64_t end = clock_monotonic_ns() + INT64_C(30000000000);

	while (count_current(bed, version) < bed->n) {
		assert_true(clock_monotonic_ns() < end);
		for (int i = 0; i < 10; i++) {
			uv_run(&bed->repo.store.loop, UV_RUN_ONCE);
		}
	}
}

static void turn_for(struct walk_bed *bed, int64_t ms)
{
	int64_t end = clock_monotonic_ns() + ms * 1000000;

	while (clock_monotonic_ns() < end) {
		uv_run(&bed->repo.store.loop, UV_RUN_ONCE);
	}
}

/* due_at is the earlier of what is to be told and the record's end. */
static void check_due(struct walk_bed *bed, int64_t member_id)
{
	struct row_job own = read_row(&bed->repo, member_id);
	struct hot_record record;
	int64_t due_at = own.row.due_at;

	assert_true(decode_row(&own, &record));
	assert_true(due_at != 0 && due_at > clock_now(&bed->repo.store.clock));
	assert_true(due_at <= record.good_until);
	if (due_at < record.good_until) {
		bool ahead = false;

		for (size_t i = 0; i < record.n_changes; i++) {
			ahead = ahead || record.changes[i].at == due_at;
		}
		assert_true(ahead);
	}
}

/* ---- rows of before ---- */

static void rows_without_records_get_them_at_the_first_walk(void **state)
{
	struct walk_bed *bed = *state;
	const uint8_t damaged[40] = {1};

	open_bed(bed, 0);
	enroll_members(bed, 10);
	for (int i = 0; i < bed->n; i++) {
		put_cache(&bed->repo, bed->ids[i], damaged, i % 2 ? sizeof(damaged) : 0);
	}
	close_repository(&bed->repo);
	open_bed(bed, 1);
	turn_until_current(bed, 1);
	for (int i = 0; i < bed->n; i++) {
		assert_int_equal(read_row(&bed->repo, bed->ids[i]).row.revision, 2);
		check_due(bed, bed->ids[i]);
		assert_same_answer(load_brief(&bed->repo, bed->ids[i]),
				   read_full(&bed->repo, bed->ids[i]));
	}
	assert_int_equal(atomic_load(&repository_figures(bed->repo.repository)->records_folded), 0);
}

/* A record that ends is made anew when it does, though there is nothing to tell. */
static void a_record_that_has_had_its_day_is_made_anew(void **state)
{
	struct walk_bed *bed = *state;
	struct hot_record record;
	struct row_job own;
	int64_t ada, revision;
	char id[16];

	open_bed(bed, 1);
	ada = repo_enroll(&bed->repo, "ada");
	for (int i = 0; i < 24; i++) {
		snprintf(id, sizeof(id), "o-%d", i);
		give(&bed->repo, ada, id, BED_NOW - (i * 14 + 1) * US_PER_DAY, 60000 + i * 7000);
	}
	own = read_row(&bed->repo, ada);
	revision = own.row.revision;
	assert_true(decode_row(&own, &record));
	assert_true(record.good_until < INT64_MAX);
	assert_true(own.row.due_at <= record.good_until);
	clock_set(&bed->repo.store.clock, record.good_until);
	for (int64_t end = clock_monotonic_ns() + INT64_C(30000000000);;) {
		struct hot_record now;

		own = read_row(&bed->repo, ada);
		assert_true(decode_row(&own, &now));
		if (now.projected_at >= record.good_until) {
			break;
		}
		assert_true(clock_monotonic_ns() < end);
		uv_run(&bed->repo.store.loop, UV_RUN_ONCE);
	}
	assert_true(own.row.revision == revision);
	assert_true(own.row.due_at > record.good_until || own.row.due_at == 0);
}

/* ---- a version to come ---- */

static void all_are_made_anew_ahead_of_a_version(void **state)
{
	struct walk_bed *bed = *state;
	int64_t force = BED_NOW + 30 * US_PER_DAY;

	open_bed(bed, 1);
	enroll_members(bed, 12);
	load_brief(&bed->repo, bed->ids[0]);
	publish_cheap_silver(&bed->repo, force);
	turn_until_current(bed, 2);
	for (int i = 0; i < bed->n; i++) {
		struct row_job own = read_row(&bed->repo, bed->ids[i]);

		assert_int_equal(own.row.revision, 2);
		assert_true(own.row.due_at <= force);
		check_due(bed, bed->ids[i]);
	}
	/* it is told of, and is good across the instant without a fold */
	clock_set(&bed->repo.store.clock, force);
	assert_true(is_cached(&bed->repo, bed->ids[0]));
	assert_int_equal(load_brief(&bed->repo, bed->ids[1])->standing.tier, TIER_SILVER);
	assert_int_equal(atomic_load(&repository_figures(bed->repo.repository)->records_folded), 0);
}

static void a_restart_in_the_middle_goes_on(void **state)
{
	struct walk_bed *bed = *state;

	open_bed(bed, 1);
	enroll_members(bed, MEMBERS);
	turn_until_current(bed, 1);
	turn_for(bed, 50);
	close_repository(&bed->repo);
	bed->repo.options.sweep_pause_ms = 1;
	open_bed(bed, 1);
	publish_cheap_silver(&bed->repo, BED_NOW + 30 * US_PER_DAY);
	turn_until_swept(bed, 2 * NOTED);
	close_repository(&bed->repo);
	assert_true(count_current(bed, 2) < MEMBERS); /* else nothing was left to do */
	open_bed(bed, 1);
	turn_until_current(bed, 2);
	turn_for(bed, 50);
	assert_true(swept(bed) <= MEMBERS - NOTED);
	/* and a third time there is nothing to do */
	close_repository(&bed->repo);
	open_bed(bed, 1);
	turn_for(bed, 50);
	assert_int_equal(swept(bed), 0);
}

/* Told ahead of time nothing is; at its time what the fold says, with the instant at which it did. */
static void what_a_version_changes_is_told_when_it_takes_force(void **state)
{
	struct walk_bed *bed = *state;
	int64_t force = BED_NOW + 30 * US_PER_DAY;
	size_t before, risen = 0;
	struct row_job own;

	open_bed(bed, 1);
	enroll_members(bed, 1);
	publish_cheap_silver(&bed->repo, force);
	turn_until_current(bed, 2);
	clock_set(&bed->repo.store.clock, force - US_PER_MINUTE);
	turn_for(bed, 50);
	own = read_row(&bed->repo, bed->ids[0]);
	before = own.n_history;
	for (size_t i = 0; i < own.n_history; i++) {
		assert_true(own.history[i].effective_at < force);
		assert_int_not_equal(own.history[i].to_tier, TIER_SILVER);
	}
	clock_set(&bed->repo.store.clock, force + 5 * US_PER_MINUTE);
	for (int64_t end = clock_monotonic_ns() + INT64_C(30000000000); own.n_history == before;) {
		assert_true(clock_monotonic_ns() < end);
		uv_run(&bed->repo.store.loop, UV_RUN_ONCE);
		own = read_row(&bed->repo, bed->ids[0]);
	}
	for (size_t i = before; i < own.n_history; i++) {
		if (own.history[i].to_tier == TIER_SILVER) {
			assert_true(own.history[i].effective_at == force);
			assert_true(own.history[i].known_at >= force);
			assert_false(own.history[i].restated);
			risen++;
		}
	}
	assert_true(risen > 0);
	assert_int_equal(own.row.revision, 2);
}

#define WALKED(test) cmocka_unit_test_setup_teardown(test, lay, lift)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WALKED(rows_without_records_get_them_at_the_first_walk),
		WALKED(a_record_that_has_had_its_day_is_made_anew),
		WALKED(all_are_made_anew_ahead_of_a_version),
		WALKED(a_restart_in_the_middle_goes_on),
		WALKED(what_a_version_changes_is_told_when_it_takes_force),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
