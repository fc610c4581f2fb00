/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A brief answer is the ledger's, wherever it comes from and whatever happened since.
 * usage: brief_test memory|sqlite
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "brief_bed.h"

/* ---- writes ---- */

/* His own write has just been answered. */
static void check_written(struct repo_bed *bed, int64_t member_id, int64_t revision)
{
	const struct member *peeked;
	enum mb_code code;

	peeked = peek_at(bed, member_id, revision, &code);
	assert_non_null(peeked);
	assert_true(peeked->revision == revision);
	assert_true(check_member(bed, member_id, "ada"));
}

static void after_each_kind_of_write_it_is_read_at_once(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), revision = 1;
	struct repository_write link = repo_write_of(bed, WRITE_LINK, ada, "ada-2");
	struct repository_write unlink = repo_write_of(bed, WRITE_UNLINK, ada, "ada-2");
	struct repository_write update = repo_write_of(bed, WRITE_UPDATE, ada, NULL);
	struct repository_decision suspend, resume, override, reverse, trust;

	assert_false(check_member(bed, ada, "ada")); /* who was never read is not cached */
	give(bed, ada, "o-1", BED_NOW, 1000000);
	check_written(bed, ada, ++revision);
	give(bed, ada, "o-2", BED_NOW - 40 * US_PER_DAY, 300000);
	check_written(bed, ada, ++revision);
	reverse = decision_of(bed, ACTIVITY_UNDO, ada);
	reverse.activity.about_source = STR("shop");
	reverse.activity.about_event_id = STR("o-1");
	decide(bed, &reverse);
	check_written(bed, ada, ++revision);
	suspend = decision_of(bed, ACTIVITY_SUSPENSION, ada);
	suspend.activity.suspension.suspended = true;
	decide(bed, &suspend);
	check_written(bed, ada, ++revision);
	resume = decision_of(bed, ACTIVITY_SUSPENSION, ada);
	decide(bed, &resume);
	check_written(bed, ada, ++revision);
	override = decision_of(bed, ACTIVITY_OVERRIDE, ada);
	override.activity.override.tier = TIER_GOLD;
	override.activity.override.until = BED_NOW + 90 * US_PER_DAY;
	decide(bed, &override);
	check_written(bed, ada, ++revision);
	trust = decision_of(bed, ACTIVITY_CREDIBILITY, ada);
	trust.activity.credibility.delta_bp = -2000;
	trust.activity.credibility.until = BED_NOW + 50 * US_PER_DAY;
	decide(bed, &trust);
	check_written(bed, ada, ++revision);
	assert_int_equal(repo_write(bed, &link), MB_OK);
	check_written(bed, ada, ++revision);
	update.profile.display_name = STR("Ada");
	update.profile_fields = PROFILE_NAME;
	assert_int_equal(repo_write(bed, &update), MB_OK);
	check_written(bed, ada, ++revision);
	assert_int_equal(repo_write(bed, &unlink), MB_OK);
	check_written(bed, ada, ++revision);
}

static void a_link_between_two_is_read_of_both(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct repository_decision link = decision_of(bed, ACTIVITY_LINK, ada);

	load_brief(bed, ada);
	load_brief(bed, bob);
	link.activity.link.linked = true;
	link.other.member_id = bob;
	decide(bed, &link);
	assert_true(check_member(bed, ada, "ada"));
	assert_true(check_member(bed, bob, "bob"));
	assert_int_equal(load_brief(bed, bob)->revision, 2);
}

static void a_batch_is_answered_from_everywhere(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct member_query queries[] = {
		{.ref = {.member_id = ada}},
		{.ref = {.member_id = 4711}},
		{.ref = {.identity = {STR("test"), STR("bob")}}},
		{.ref = {.identity = {STR("test"), STR("ada")}}, .min_revision = 1},
		{.ref = {.identity = {STR("test"), STR("nobody")}}},
		{.ref = {.member_id = bob}, .min_revision = 9},
	};
	struct repository_read req = {.queries = queries, .n = 6, .parts = MEMBER_BRIEF};

	bool called;

	load_brief(bed, ada);
	repo_bed_call(bed, &req.call, &called);
	assert_false(repository_peek(bed->repository, &req));
	assert_int_equal(repo_read(bed, &req), MB_OK);
	assert_same_answer(queries[0].member, read_full(bed, ada));
	assert_int_equal(queries[1].code, MB_MEMBER_NOT_FOUND);
	assert_same_answer(queries[2].member, read_full(bed, bob));
	assert_same_answer(queries[3].member, read_full(bed, ada));
	assert_int_equal(queries[4].code, MB_MEMBER_NOT_FOUND);
	assert_int_equal(queries[5].code, MB_REVISION_UNKNOWN);
	assert_null(queries[5].member);
}

/* ---- peeking ---- */

static void a_revision_that_is_not_there_is_asked_for_further_on(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct ask ask;
	enum mb_code code;

	load_brief(bed, ada);
	assert_non_null(peek_at(bed, ada, 1, &code));
	assert_null(peek_at(bed, ada, 2, &code));
	assert_int_equal(code, MB_OK);
	ask_begin(bed, &ask, ada, 2);
	assert_int_equal(ask_end(bed, &ask), MB_REVISION_UNKNOWN);
	assert_int_equal(loads_of(bed), 2);
}

static void who_is_unknown_is_known_to_be_for_a_while(void **state)
{
	struct repo_bed *bed = *state;
	struct cache_figures before, after;
	struct ask ask;
	enum mb_code code;

	peek_at(bed, 4711, 0, &code);
	assert_int_equal(code, MB_OK); /* not known yet */
	ask_begin(bed, &ask, 4711, 0);
	assert_int_equal(ask_end(bed, &ask), MB_MEMBER_NOT_FOUND);
	peek_at(bed, 4711, 0, &code);
	assert_int_equal(code, MB_MEMBER_NOT_FOUND);
	/* but who has seen a revision of him has the store asked */
	peek_at(bed, 4711, 1, &code);
	assert_int_equal(code, MB_OK);
	ask_begin(bed, &ask, 4711, 1);
	assert_int_equal(ask_end(bed, &ask), MB_MEMBER_NOT_FOUND);
	/* an enrolment is told to the cache, which ends an absence by that (cache_test) */
	repository_cache_figures(bed->repository, &before);
	repo_enroll(bed, "ada");
	repository_cache_figures(bed->repository, &after);
	assert_int_equal(after.tells, before.tells + 1);
}

static void who_is_bound_to_one_member_peeks_at_nobody_else(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct ask own, other, unknown;

	load_brief(bed, ada);
	load_brief(bed, bob);
	ask_init(bed, &own, ada, 0);
	ask_init(bed, &other, bob, 0);
	ask_init(bed, &unknown, 4711, 0);
	own.req.call.only_member = other.req.call.only_member = ada;
	unknown.req.call.only_member = ada;
	assert_true(repository_peek(bed->repository, &own.req));
	assert_int_equal(own.query.code, MB_OK);
	assert_true(repository_peek(bed->repository, &other.req));
	assert_int_equal(other.query.code, MB_PERMISSION_MISSING);
	assert_null(other.query.member);
	assert_true(repository_peek(bed->repository, &unknown.req));
	assert_int_equal(unknown.query.code, MB_PERMISSION_MISSING);
}

static void what_the_cache_does_not_have_is_not_peeked_at(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct ask past, more, named;

	clock_set(&bed->store.clock, BED_NOW + US_PER_DAY);
	load_brief(bed, ada);
	ask_init(bed, &past, ada, 0);
	past.req.axes = (struct axes){.has_as_of = true, .as_of = BED_NOW + US_PER_HOUR};
	assert_false(repository_peek(bed->repository, &past.req));
	assert_int_equal(repo_read(bed, &past.req), MB_OK);
	assert_true(past.query.member->axes.as_of == BED_NOW + US_PER_HOUR);
	ask_init(bed, &more, ada, 0);
	more.req.parts = MEMBER_STANDING;
	assert_false(repository_peek(bed->repository, &more.req));
	ask_init(bed, &named, 0, 0);
	named.query.ref.identity = (struct identity){STR("test"), STR("ada")};
	assert_false(repository_peek(bed->repository, &named.req));
}

/* ---- time ---- */

#define STEP_DAYS 9
#define YEARS	  3

static void as_time_passes_the_cached_record_says_what_the_ledger_says(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct repository_decision override = decision_of(bed, ACTIVITY_OVERRIDE, ada);
	int hits = 0, misses = 0;
	char id[16];

	/* more changes ahead than a record holds */
	for (int i = 0; i < 24; i++) {
		snprintf(id, sizeof(id), "o-%d", i);
		give(bed, ada, id, BED_NOW - (i * 14 + 1) * US_PER_DAY, 60000 + i * 7000);
	}
	override.activity.override.tier = TIER_GOLD;
	override.activity.override.until = BED_NOW + 100 * US_PER_DAY;
	decide(bed, &override);
	give(bed, bob, "b-1", BED_NOW, 900000);
	for (int day = 0; day < YEARS * 365; day += STEP_DAYS) {
		clock_set(&bed->store.clock, BED_NOW + day * US_PER_DAY + day * 7 * US_PER_SECOND);
		hits += check_member(bed, bob, "bob");
		if (check_member(bed, ada, "ada")) {
			hits++;
		} else {
			misses++;
		}
	}
	assert_true(misses > 1); /* the first look, and good_until */
	assert_true(hits > 20 * misses);
}

/* At each instant of the schedule itself, and just before it. */
static void at_the_microsecond_of_a_change_it_is_the_new_state(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	int changes = 0;

	give(bed, ada, "o-1", BED_NOW - 3 * US_PER_DAY, 900000);
	give(bed, ada, "o-2", BED_NOW - 200 * US_PER_DAY, 500000);
	for (;; changes++) {
		const struct member *full = read_full(bed, ada);

		if (full->valid_until == 0) {
			break;
		}
		clock_set(&bed->store.clock, full->valid_until - 1);
		check_member(bed, ada, "ada");
		clock_set(&bed->store.clock, full->valid_until);
		check_member(bed, ada, "ada");
	}
	assert_true(changes > 4);
}

static void a_policy_that_was_published_meanwhile_takes_force(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	int64_t force = BED_NOW + 30 * US_PER_DAY;

	give(bed, ada, "o-1", BED_NOW, 1000000);
	give(bed, bob, "o-2", BED_NOW, 20000);
	check_member(bed, ada, "ada");
	check_member(bed, bob, "bob");
	publish_cheap_silver(bed, force);
	/* known, not in force: what is cached stays good */
	assert_true(check_member(bed, ada, "ada"));
	assert_true(check_member(bed, bob, "bob"));
	assert_int_equal(load_brief(bed, bob)->standing.tier, TIER_BRONZE);
	clock_set(&bed->store.clock, force - 1);
	assert_true(check_member(bed, ada, "ada"));
	assert_true(check_member(bed, bob, "bob"));
	clock_set(&bed->store.clock, force);
	check_member(bed, ada, "ada");
	check_member(bed, bob, "bob");
	assert_int_equal(load_brief(bed, bob)->standing.tier, TIER_SILVER);
	for (int day = 31; day < 800; day += 13) {
		clock_set(&bed->store.clock, BED_NOW + day * US_PER_DAY);
		check_member(bed, ada, "ada");
		check_member(bed, bob, "bob");
	}
}

/* ---- rows ---- */

static int64_t folded(const struct repo_bed *bed)
{
	return atomic_load(&repository_figures(bed->repository)->records_folded);
}

static void check_spoiled(struct repo_bed *bed, int64_t member_id, const void *bytes, size_t len)
{
	int64_t before = folded(bed);

	put_cache(bed, member_id, bytes, len);
	assert_same_answer(load_brief(bed, member_id), read_full(bed, member_id));
	assert_int_equal(folded(bed), before + 1);
}

static void a_row_without_a_good_record_is_folded(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct hot_record record, other;
	struct hot_bytes bytes, good;
	int64_t before;

	give(bed, ada, "o-1", BED_NOW, 1000000);
	before = folded(bed);
	assert_same_answer(load_brief(bed, ada), read_full(bed, ada));
	assert_int_equal(folded(bed), before); /* a good one is taken as it is */
	{
		struct row_job own = read_row(bed, ada);

		assert_true(decode_row(&own, &record));
	}
	hot_encode(&record, &good);
	check_spoiled(bed, ada, NULL, 0);
	for (size_t at = 0; at < good.len; at += 7) {
		bytes = good;
		bytes.bytes[at] ^= 0x10;
		check_spoiled(bed, ada, bytes.bytes, bytes.len);
	}
	check_spoiled(bed, ada, good.bytes, good.len - 1u);
	other = record;
	other.revision++;
	hot_encode(&other, &bytes);
	check_spoiled(bed, ada, bytes.bytes, bytes.len);
	other.revision = 1;
	hot_encode(&other, &bytes);
	check_spoiled(bed, ada, bytes.bytes, bytes.len);
	other = record;
	other.policy_newest = 0;
	hot_encode(&other, &bytes);
	check_spoiled(bed, ada, bytes.bytes, bytes.len);
	other = record;
	other.n_changes = 0;
	other.good_until = record.projected_at + 1;
	hot_encode(&other, &bytes);
	clock_set(&bed->store.clock, BED_NOW + US_PER_DAY);
	check_spoiled(bed, ada, bytes.bytes, bytes.len);
	/* a write makes it anew */
	give(bed, ada, "o-2", BED_NOW, 1000);
	before = folded(bed);
	assert_same_answer(load_brief(bed, ada), read_full(bed, ada));
	assert_int_equal(folded(bed), before);
}

/* ---- failures ---- */

static enum mb_code write_and_read(struct repo_bed *bed, struct mb_err *err)
{
	struct repository_write enroll = repo_write_of(bed, WRITE_ENROLL, 0, "ada");
	struct member_query query = {.ref.identity = {STR("test"), STR("ada")}};
	struct repository_read read = {.queries = &query, .n = 1, .parts = MEMBER_BRIEF};
	/* without a cache: with one he is loaded for those to come, which may fail in silence */
	enum mb_code code = repo_bed_open(bed, err);

	if (code == MB_OK) {
		code = repo_write(bed, &enroll);
		*err = enroll.call.err;
	}
	if (code == MB_OK) {
		code = repo_read(bed, &read);
		*err = read.call.err;
	}
	if (code == MB_OK) {
		code = query.code;
		*err = query.err;
	}
	return code;
}

static void whatever_fails_is_said(void **state)
{
	(void)state;
	assert_true(torture_beds(write_and_read) > 10);
}

#define CACHED(test)   cmocka_unit_test_setup_teardown(test, set_up_cached, tear_down)
#define UNCACHED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CACHED(after_each_kind_of_write_it_is_read_at_once),
		CACHED(a_link_between_two_is_read_of_both),
		CACHED(a_batch_is_answered_from_everywhere),
		CACHED(a_revision_that_is_not_there_is_asked_for_further_on),
		CACHED(who_is_unknown_is_known_to_be_for_a_while),
		CACHED(who_is_bound_to_one_member_peeks_at_nobody_else),
		CACHED(what_the_cache_does_not_have_is_not_peeked_at),
		CACHED(as_time_passes_the_cached_record_says_what_the_ledger_says),
		CACHED(at_the_microsecond_of_a_change_it_is_the_new_state),
		CACHED(a_policy_that_was_published_meanwhile_takes_force),
		UNCACHED(a_row_without_a_good_record_is_folded),
		cmocka_unit_test(whatever_fails_is_said),
	};

	return run_group(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
