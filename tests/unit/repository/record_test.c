/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activities into ledgers: keys, batches, what is told of a tier's history.
 * usage: record_test memory|sqlite
 */
#include "base/fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "own_bed.h"

#define COPIES		  50
#define RETRACTED	  100 /* + track */
#define HISTORY_RETRACTED (RETRACTED + TRACK_TIER)

/* ---- what is in the store ---- */

struct rows {
	int64_t member_id;
	struct arena *arena;
	struct history_row *history;
	struct outbox_row *outbox;
	struct entry_row *entries;
	size_t n_history, n_outbox, n_entries;
};

static enum mb_code read_rows(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct rows *rows = bed_data(job);
	enum mb_code code = store_list_history(view, rows->member_id, rows->arena, &rows->history,
					       &rows->n_history, err);

	if (code == MB_OK) {
		code = store_list_entries(view, rows->member_id, rows->arena, &rows->entries,
					  &rows->n_entries, err);
	}
	if (code == MB_OK) {
		code = store_list_outbox(view, 0, 1000, rows->arena, &rows->outbox, &rows->n_outbox,
					 err);
	}
	return code;
}

static struct rows look_all(struct repo_bed *bed, int64_t member_id)
{
	struct rows rows = {.member_id = member_id, .arena = bed->arena};

	assert_int_equal(store_bed_run(&bed->store, STORE_READ, read_rows, &rows, NULL), MB_OK);
	return rows;
}

static enum track track_of(const struct history_row *row)
{
	return row->kind > RETRACTED ? (enum track)(row->kind - RETRACTED)
				     : transition_track((enum transition_kind)row->kind);
}

/* With the history of the tier alone. */
static struct rows look(struct repo_bed *bed, int64_t member_id)
{
	struct rows rows = look_all(bed, member_id);
	size_t n = 0;

	for (size_t i = 0; i < rows.n_history; i++) {
		if (track_of(&rows.history[i]) == TRACK_TIER) {
			rows.history[n++] = rows.history[i];
		}
	}
	rows.n_history = n;
	return rows;
}

/* ---- keys ---- */

static void case_01_the_same_twice_is_one_entry(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item first = repo_order(bed, ada, "o1", BED_NOW, 100000);
	struct record_item again = first;

	repo_record_one(bed, &first);
	assert_false(first.replayed);
	assert_int_equal(first.revision, 2);
	assert_int_equal(first.state, ENTRY_POSTED);
	repo_record_one(bed, &again);
	assert_true(again.replayed);
	assert_int_equal(again.entry_id, first.entry_id);
	assert_int_equal(again.revision, 2);
	assert_int_equal(again.member->revision, 2);
	assert_int_equal(again.member->standing.score.points, first.member->standing.score.points);
	assert_int_equal(look(bed, ada).n_entries, 1);
	assert_int_equal(look(bed, ada).n_outbox, 2); /* enrolled, order */
}

static void a_replay_tells_the_present_score(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item first = repo_order(bed, ada, "o1", BED_NOW, 100000);
	struct record_item again = first;
	struct record_item second = repo_order(bed, ada, "o2", BED_NOW, 100000);

	repo_record_one(bed, &first);
	repo_record_one(bed, &second);
	repo_record_one(bed, &again);
	assert_int_equal(again.revision, 2);
	assert_int_equal(again.member->revision, 3);
	assert_true(again.member->standing.score.points > first.member->standing.score.points);
}

static void a_replay_is_answered_at_any_age(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item first = repo_order(bed, ada, "o1", BED_NOW, 100000);
	struct record_item again = first;
	struct record_item late = repo_order(bed, ada, "o2", BED_NOW, 100000);
	struct repository_record req = {.items = &late, .n = 1};

	repo_record_one(bed, &first);
	repo_bed_set_time(bed, "2028-03-01T00:00:00Z");
	repo_record_one(bed, &again);
	assert_true(again.replayed);
	assert_int_equal(again.entry_id, first.entry_id);
	assert_int_equal(again.member->standing.score.points,
			 0); /* by now it has left the window */
	assert_int_equal(repo_record(bed, &req), MB_OK);
	assert_int_equal(late.code, MB_OUT_OF_WINDOW);
}

static void a_clock_that_steps_back_hides_nothing(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item first = repo_order(bed, ada, "o1", BED_NOW, 100000);
	const struct member *member;
	struct mb_err err;

	repo_record_one(bed, &first);
	repo_bed_set_time(bed, "2026-01-01T00:00:00Z");
	assert_true(repository_now(bed->repository) > BED_NOW);
	assert_int_equal(repo_get(bed, ada, MEMBER_STANDING, &member, &err), MB_OK);
	assert_int_equal(member->revision, 2);
	assert_int_equal(member->standing.score.points, first.member->standing.score.points);
}

static void case_02_the_same_key_with_other_content_conflicts(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item first = repo_order(bed, ada, "o1", BED_NOW, 100000);
	struct record_item other = repo_order(bed, ada, "o1", BED_NOW, 100001);
	struct record_item later = repo_order(bed, ada, "o1", BED_NOW + 1, 100000);
	struct record_item items[2];
	struct repository_record req = {.items = items, .n = 2};

	repo_record_one(bed, &first);
	items[0] = other;
	items[1] = later;
	assert_int_equal(repo_record(bed, &req), MB_OK);
	assert_int_equal(items[0].code, MB_ACTIVITY_CONFLICT);
	assert_string_equal(items[0].err.field, "source_event_id");
	assert_int_equal(items[1].code, MB_ACTIVITY_CONFLICT);
	assert_int_equal(look(bed, ada).n_entries, 1);
}

static void case_03_the_same_id_of_two_sources_is_two(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item shop = repo_order(bed, ada, "o1", BED_NOW, 100000);
	struct record_item rides = repo_order(bed, ada, "o1", BED_NOW, 100000);

	rides.activity.source = rides.activity.order_source = STR("rides");
	rides.activity.order.platform = PLATFORM_RIDES;
	repo_record_one(bed, &shop);
	repo_record_one(bed, &rides);
	assert_false(rides.replayed);
	assert_int_not_equal(shop.entry_id, rides.entry_id);
	assert_int_equal(look(bed, ada).n_entries, 2);
}

struct copy {
	struct repo_bed *bed;
	pthread_t thread;
	struct arena *arena;
	struct record_item item;
	struct repository_record req;
	bool called;
};

static void *send_copy(void *data)
{
	struct copy *copy = data;

	repository_record(copy->bed->repository, &copy->req);
	return NULL;
}

static void case_04_fifty_concurrent_copies_are_one(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item item = repo_order(bed, ada, "o1", BED_NOW, 100000);
	struct copy *copies = calloc(COPIES, sizeof(*copies));
	int accepted = 0;

	for (int i = 0; i < COPIES; i++) {
		copies[i].bed = bed;
		copies[i].item = item;
		copies[i].arena = arena_create(NULL, 0);
		copies[i].req = (struct repository_record){.items = &copies[i].item, .n = 1};
		repo_bed_call(bed, &copies[i].req.call, &copies[i].called);
		copies[i].req.call.arena = copies[i].arena;
		assert_int_equal(pthread_create(&copies[i].thread, NULL, send_copy, &copies[i]), 0);
	}
	for (int i = 0; i < COPIES; i++) {
		repo_bed_wait(bed, &copies[i].called);
		assert_int_equal(pthread_join(copies[i].thread, NULL), 0);
		assert_int_equal(copies[i].req.call.code, MB_OK);
		assert_int_equal(copies[i].item.code, MB_OK);
		assert_int_equal(copies[i].item.entry_id, copies[0].item.entry_id);
		assert_int_equal(copies[i].item.revision, 2);
		accepted += !copies[i].item.replayed;
	}
	assert_int_equal(accepted, 1);
	assert_int_equal(look(bed, ada).n_entries, 1);
	for (int i = 0; i < COPIES; i++) {
		arena_destroy(copies[i].arena);
	}
	free(copies);
}

/* ---- batches ---- */

static void case_75_a_bad_item_does_not_disturb_the_others(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), bob = repo_enroll(bed, "bob");
	struct record_item items[] = {
		repo_order(bed, ada, "o1", BED_NOW, 100000),
		repo_order(bed, 4711, "o2", BED_NOW, 100000),
		repo_order(bed, bob, "o3", BED_NOW, 100000),
		repo_order(bed, ada, "o4", BED_NOW, 100000),
		repo_order(bed, ada, "o1", BED_NOW, 100000),
		repo_order(bed, ada, "o1", BED_NOW, 5),
		repo_order(bed, ada, "o5", BED_NOW, 5),
	};
	struct repository_record req = {.items = items, .n = 7};

	items[6].code = MB_FIELD_INVALID;
	/* The second names an order of the first under another event id. */
	items[3].activity.order_id = STR("o1");
	assert_int_equal(repo_record(bed, &req), MB_OK);
	assert_int_equal(items[0].code, MB_OK);
	assert_int_equal(items[1].code, MB_MEMBER_NOT_FOUND);
	assert_int_equal(items[2].code, MB_OK);
	assert_int_equal(items[3].code, MB_ORDER_EXISTS);
	assert_int_equal(items[4].code, MB_OK);
	assert_true(items[4].replayed);
	assert_int_equal(items[4].entry_id, items[0].entry_id);
	assert_int_equal(items[5].code, MB_ACTIVITY_CONFLICT);
	assert_int_equal(items[6].code, MB_FIELD_INVALID);
	assert_int_equal(items[0].member->revision, 2);
	assert_int_equal(items[2].member->revision, 2);
	assert_int_equal(look(bed, ada).n_entries, 1);
	assert_int_equal(look(bed, bob).n_entries, 1);
}

static void score_and_state_are_those_after_the_batch(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item items[] = {
		repo_order(bed, ada, "o1", BED_NOW, 100000),
		repo_order(bed, ada, "o2", BED_NOW, 100000),
		repo_order(bed, ada, "c2", BED_NOW, 0),
	};
	struct repository_record req = {.items = items, .n = 3};

	items[1].activity.order.completed_at = 0;
	items[2].activity.kind = ACTIVITY_CANCELLATION;
	items[2].activity.order_id = STR("o2");
	assert_int_equal(repo_record(bed, &req), MB_OK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(items[i].code, MB_OK);
		assert_int_equal(items[i].revision, 2 + i);
		assert_int_equal(items[i].member->revision, 4);
		assert_ptr_equal(items[i].member, items[0].member);
	}
	assert_int_equal(items[0].state, ENTRY_POSTED);
	assert_int_equal(items[1].state, ENTRY_VOIDED);
	assert_int_equal(items[2].state, ENTRY_APPLIED);
}

static void an_order_wakes_what_waited_for_it(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item cancel = repo_order(bed, ada, "c1", BED_NOW, 0);
	struct record_item order = repo_order(bed, ada, "o1", BED_NOW, 100000);

	cancel.activity.kind = ACTIVITY_CANCELLATION;
	cancel.activity.order_id = STR("o1");
	order.activity.order.completed_at = 0;
	repo_record_one(bed, &cancel);
	assert_int_equal(cancel.state, ENTRY_PARKED);
	repo_record_one(bed, &order);
	assert_int_equal(order.n_woken, 1);
	assert_int_equal(order.woken[0].entry_id, cancel.entry_id);
	assert_true(str_eq(order.woken[0].source_event_id, STR("c1")));
	assert_int_equal(order.woken[0].state, ENTRY_APPLIED);
	assert_int_equal(order.member->revision, 3); /* an order that wakes others is one item */
	repo_record_one(bed, &cancel);
	assert_true(cancel.replayed);
	assert_int_equal(cancel.state, ENTRY_APPLIED);
}

static void a_failed_commit_keeps_nothing(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item item = repo_order(bed, ada, "o1", BED_NOW, 100000);
	struct repository_record req = {.items = &item, .n = 1};
	const struct member *member;
	struct mb_err err;

	fault_arm("store.commit", 1);
	assert_int_not_equal(repo_record(bed, &req), MB_OK);
	assert_true(fault_struck());
	assert_int_equal(look(bed, ada).n_entries, 0);
	assert_int_equal(repo_get(bed, ada, MEMBER_STANDING, &member, &err), MB_OK);
	assert_int_equal(member->revision, 1);
	assert_int_equal(member->standing.score.points, 0);
}

/* ---- history ---- */

/* One order that attains Black Diamond: 350,000 yuan on a day, over the platforms' limits. */
static void record_upgrade(struct repo_bed *bed, int64_t member_id, const char *id,
			   int64_t occurred_at, int64_t fen, struct record_item *out)
{
	*out = repo_order(bed, member_id, id, occurred_at, fen);
	repo_record_one(bed, out);
}

static void an_upgrade_is_told_once(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item first, second;
	struct rows rows;

	record_upgrade(bed, ada, "o1", BED_NOW, 1000000, &first); /* 10,000 yuan: 440 + 10 + 1 */
	assert_int_equal(first.member->standing.tier, TIER_SILVER);
	record_upgrade(bed, ada, "o2", BED_NOW, 100, &second);
	rows = look(bed, ada);
	assert_int_equal(rows.n_history, 1);
	assert_int_equal(rows.history[0].kind, TRANSITION_UPGRADE);
	assert_int_equal(rows.history[0].from_tier, TIER_BRONZE);
	assert_int_equal(rows.history[0].to_tier, TIER_SILVER);
	assert_int_equal(rows.history[0].effective_at, BED_NOW);
	assert_false(rows.history[0].restated);
}

static void a_late_entry_restates_and_rewrites_nothing(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item first, late;
	struct rows before, after;

	record_upgrade(bed, ada, "o1", BED_NOW, 1000000, &first);
	before = look(bed, ada);
	assert_int_equal(before.n_history, 1);
	/* A day before and enough by itself: he was Silver since then. */
	record_upgrade(bed, ada, "o2", BED_NOW - US_PER_DAY, 1000000, &late);
	after = look(bed, ada);
	assert_true(after.n_history >= 3);
	assert_int_equal(after.history[0].kind, TRANSITION_UPGRADE);
	assert_int_equal(after.history[0].effective_at, BED_NOW);
	assert_false(after.history[0].restated);
	assert_int_equal(after.history[1].kind, HISTORY_RETRACTED);
	assert_int_equal(after.history[1].effective_at, BED_NOW);
	assert_int_equal(after.history[2].kind, TRANSITION_UPGRADE);
	assert_int_equal(after.history[2].effective_at, BED_NOW - US_PER_DAY);
	for (size_t i = 1; i < after.n_history; i++) {
		assert_true(after.history[i].restated);
		assert_true(after.history[i].known_at > before.history[0].known_at);
	}
	/* And then there is peace. */
	record_upgrade(bed, ada, "o3", BED_NOW, 100, &late);
	assert_int_equal(look(bed, ada).n_history, after.n_history);
}

static void what_a_late_cancellation_takes_back_is_retracted(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item order, cancel = repo_order(bed, ada, "c1", BED_NOW - 2, 0);
	struct rows rows;

	order = repo_order(bed, ada, "o1", BED_NOW - US_PER_DAY, 1000000);
	order.activity.order.completed_at = BED_NOW;
	repo_record_one(bed, &order);
	assert_int_equal(order.member->standing.tier, TIER_SILVER);
	cancel.activity.kind = ACTIVITY_CANCELLATION;
	cancel.activity.order_id = STR("o1");
	repo_record_one(bed, &cancel);
	assert_int_equal(cancel.member->standing.tier, TIER_BRONZE);
	rows = look(bed, ada);
	assert_int_equal(rows.n_history, 2);
	assert_int_equal(rows.history[1].kind, HISTORY_RETRACTED);
	assert_int_equal(rows.history[1].to_tier, TIER_BRONZE);
	assert_int_equal(rows.history[1].effective_at, rows.history[0].effective_at);
}

/* Read from its beginning, each track of the log says what holds at its end. */
static size_t replay(const struct rows *rows, enum track track, struct history_row *out)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n_history; i++) {
		const struct history_row *row = &rows->history[i];

		if (track_of(row) != track) {
			continue;
		}
		if (row->kind < RETRACTED) {
			out[n++] = *row;
		}
		while (row->kind > RETRACTED && n > 0 &&
		       out[n - 1].effective_at >= row->effective_at) {
			n--;
		}
	}
	return n;
}

static void case_31_a_settlement_that_was_told_stays_and_is_restated(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), settled_at;
	struct history_row held[64];
	struct record_item first, late;
	struct rows before, after;
	size_t n;

	record_upgrade(bed, ada, "o1", BED_NOW, 1000000, &first);
	clock_set(&bed->store.clock, BED_NOW + 40 * US_PER_DAY);
	record_upgrade(bed, ada, "o2", BED_NOW + 40 * US_PER_DAY, 100, &late);
	before = look_all(bed, ada);
	n = replay(&before, TRACK_SETTLEMENT, held);
	assert_true(n >= 1);
	settled_at = held[n - 1].effective_at;
	assert_true(settled_at > BED_NOW && held[n - 1].points == 451);
	/* of a settled month, told now */
	record_upgrade(bed, ada, "o3", BED_NOW + 5 * US_PER_DAY, 100000, &late);
	after = look_all(bed, ada);
	assert_true(after.n_history > before.n_history);
	for (size_t i = 0; i < before.n_history; i++) {
		assert_int_equal(after.history[i].kind, before.history[i].kind);
		assert_int_equal(after.history[i].points, before.history[i].points);
		assert_int_equal(after.history[i].known_at, before.history[i].known_at);
		assert_int_equal(after.history[i].effective_at, before.history[i].effective_at);
	}
	for (size_t i = before.n_history; i < after.n_history; i++) {
		/* the upgrade to Silver stands, so its track is not taken back */
		assert_true(after.history[i].kind != HISTORY_RETRACTED);
	}
	n = replay(&after, TRACK_SETTLEMENT, held);
	assert_true(held[n - 1].effective_at == settled_at && held[n - 1].restated);
	assert_true(held[n - 1].points > 451);
}

static void what_is_told_is_in_the_outbox(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada"), seq = 0;
	struct record_item first, late;
	struct rows rows;

	record_upgrade(bed, ada, "o1", BED_NOW, 1000000, &first);
	clock_set(&bed->store.clock, BED_NOW + 400 * US_PER_DAY);
	record_upgrade(bed, ada, "o2", BED_NOW - US_PER_DAY, 1000000, &late);
	rows = look_all(bed, ada);
	assert_true(rows.n_history > 6);
	for (size_t i = 0; i < rows.n_outbox; i++) {
		const struct outbox_row *out = &rows.outbox[i];

		if (out->kind != 5) {
			assert_int_equal(out->history_seq, 0);
			continue;
		}
		assert_int_equal(out->history_seq, ++seq);
		assert_int_equal(out->effective_at, rows.history[seq - 1].effective_at);
		assert_int_equal(out->known_at, rows.history[seq - 1].known_at);
		assert_int_equal(out->member_id, ada);
	}
	assert_int_equal(seq, rows.n_history);
}

static void what_time_did_is_told_by_the_next_write(void **state)
{
	struct repo_bed *bed = *state;
	int64_t ada = repo_enroll(bed, "ada");
	struct record_item first, later;
	struct rows rows;

	record_upgrade(bed, ada, "o1", BED_NOW, 1000000, &first);
	/* Two years on he has been marked and lowered. */
	clock_set(&bed->store.clock, BED_NOW + 730 * US_PER_DAY);
	assert_int_equal(look(bed, ada).n_history, 1);
	record_upgrade(bed, ada, "o2", BED_NOW + 730 * US_PER_DAY, 100, &later);
	assert_int_equal(later.member->standing.tier, TIER_BRONZE);
	rows = look(bed, ada);
	assert_int_equal(rows.n_history, 3);
	assert_int_equal(rows.history[1].kind, TRANSITION_AT_RISK);
	assert_int_equal(rows.history[2].kind, TRANSITION_STEP_DOWN);
	assert_false(rows.history[2].restated);
}

/* ---- failures ---- */

static void a_ledger_too_large_to_fold_changes_nothing(void **state)
{
	struct repo_bed *bed = *state;
	static struct record_item items[BATCH_ITEMS_MAX];
	struct repository_record req = {.items = items, .n = BATCH_ITEMS_MAX};
	struct record_item small;
	struct mb_err err;
	int64_t ada, bob;

	repo_bed_close(bed);
	bed->options.ledger_max = (size_t)128 << 10;
	assert_int_equal(repo_bed_open(bed, &err), MB_OK);
	ada = repo_enroll(bed, "ada");
	bob = repo_enroll(bed, "bob");
	for (int i = 0; i < BATCH_ITEMS_MAX; i++) {
		char id[16];

		snprintf(id, sizeof(id), "o%d", i);
		items[i] = repo_order(bed, i == 0 ? bob : ada, id, BED_NOW, 100);
	}
	assert_int_equal(repo_record(bed, &req), MB_ARENA_FULL);
	assert_int_equal(look(bed, ada).n_entries, 0);
	assert_int_equal(look(bed, bob).n_entries, 0);
	small = repo_order(bed, ada, "o1", BED_NOW, 100);
	repo_record_one(bed, &small);
	assert_int_equal(small.revision, 2);
}

static void no_memory_for_a_member_is_said_with_a_time_to_wait(void **state)
{
	struct repo_bed *bed = *state;
	struct record_item item = repo_order(bed, repo_enroll(bed, "ada"), "o1", BED_NOW, 100);
	struct repository_record req = {.items = &item, .n = 1};

	fault_arm("repository.arena", 1);
	assert_int_equal(repo_record(bed, &req), MB_OK);
	assert_int_equal(item.code, MB_OVERLOADED);
	assert_true(item.err.retry_after_ms > 0);
}

static enum mb_code record_anew(struct repo_bed *bed, struct mb_err *err)
{
	struct record_item item = repo_order(bed, 0, "o1", BED_NOW, 1000000);
	struct repository_record req = {.items = &item, .n = 1};
	struct repository_write enroll = repo_write_of(bed, WRITE_ENROLL, 0, "ada");

	if (repo_bed_open(bed, err) != MB_OK) {
		return err->code;
	}
	if (repo_write(bed, &enroll) != MB_OK) {
		*err = enroll.call.err;
		return err->code;
	}
	item.ref.identity = (struct identity){STR("test"), STR("ada")};
	if (repo_record(bed, &req) != MB_OK) {
		*err = req.call.err;
		return err->code;
	}
	*err = item.err;
	return item.code;
}

static void every_failure_on_the_way_is_told(void **state)
{
	(void)state;
	assert_true(torture_beds(record_anew) > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(case_01_the_same_twice_is_one_entry),
		TEST(a_replay_tells_the_present_score),
		TEST(a_replay_is_answered_at_any_age),
		TEST(a_clock_that_steps_back_hides_nothing),
		TEST(case_02_the_same_key_with_other_content_conflicts),
		TEST(case_03_the_same_id_of_two_sources_is_two),
		TEST(case_04_fifty_concurrent_copies_are_one),
		TEST(case_75_a_bad_item_does_not_disturb_the_others),
		TEST(score_and_state_are_those_after_the_batch),
		TEST(an_order_wakes_what_waited_for_it),
		TEST(a_failed_commit_keeps_nothing),
		TEST(an_upgrade_is_told_once),
		TEST(a_late_entry_restates_and_rewrites_nothing),
		TEST(what_a_late_cancellation_takes_back_is_retracted),
		TEST(case_31_a_settlement_that_was_told_stays_and_is_restated),
		TEST(what_is_told_is_in_the_outbox),
		TEST(what_time_did_is_told_by_the_next_write),
		TEST(a_ledger_too_large_to_fold_changes_nothing),
		TEST(no_memory_for_a_member_is_said_with_a_time_to_wait),
		cmocka_unit_test(every_failure_on_the_way_is_told),
	};

	return run_group(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
