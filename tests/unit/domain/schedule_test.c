/* SPDX-License-Identifier: Apache-2.0 */
/* What is foretold comes, at its instant, and nothing else does. */
#include "story.h"

#include "domain/calendar.h"

static void case_29_settlement_twice_is_one(void **state)
{
	int64_t done = fill_to_the_top(200);
	struct fold once, twice;

	(void)state;
	once = ledger_fold(&l, at("2026-10-08"));
	twice = ledger_fold(&l, at("2026-10-08"));
	assert_true(same_fold(&once, &twice));
	assert_int_equal(once.n_history, 2);
	(void)done;
}

static void case_30_settlement_three_months_late_is_the_same(void **state)
{
	struct fold on_time, late;

	(void)state;
	fill_to_the_top(200);
	late = ledger_fold(&l, at("2027-02-20"));
	for (int month = 4; month < 14; month++) {
		int64_t settlement = calendar_month_day(2026 * 12 + month - 1, 8, 480);

		/* what was told on time is the beginning of what is told late */
		on_time = ledger_fold(&l, settlement);
		assert_true(on_time.n_history <= late.n_history);
		for (size_t i = 0; i < on_time.n_history; i++) {
			assert_true(same_transition(&on_time.history[i], &late.history[i]));
		}
		assert_int_equal(on_time.standing.settled_at, settlement);
	}
	assert_true(late.n_history > 3);
}

static void case_34_window_rolls_as_predicted(void **state)
{
	struct standing before;
	struct fold now, then;
	int64_t last = 0;

	(void)state;
	food("a", at("2026-01-10"), YUAN(9000));
	food("b", at("2026-02-10"), YUAN(9000));
	shop("c", at("2026-03-29"), YUAN(9000));
	now = ledger_fold(&l, at("2026-03-30"));
	before = now.standing;
	for (size_t i = 0; i < now.n_schedule; i++) {
		const struct change *change = &now.schedule[i];

		/* nothing that was not foretold */
		then = ledger_fold(&l, change->at - 1);
		assert_true(same_but_dates(&then.standing, &before));
		before = change->after;

		assert_true(change->at > last && change->causes != 0);
		last = change->at;
		then = ledger_fold(&l, change->at);
		assert_true(same_standing(&then.standing, &change->after));
		assert_int_equal(then.next_change,
				 i + 1 < now.n_schedule ? now.schedule[i + 1].at : 0);
		assert_int_equal(then.n_schedule, now.n_schedule - i - 1);
	}
	/* posting; settlements of April and May with other scores; the ends of protection (June,
	 * July); January, February, March leave and are settled: marks, falls … to Bronze */
	then = ledger_fold(&l, at("2030-01-01"));
	assert_int_equal(then.standing.tier, TIER_BRONZE);
	assert_int_equal(then.n_schedule, 0);
	assert_int_equal(then.next_change, 0);
	assert_int_equal(then.standing.settled_at, at("2029-12-08"));
	assert_int_equal(then.standing.settled.last_month, 2029 * 12 + 10);
}

static void dates_move_on_when_all_is_quiet(void **state)
{
	struct standing s;

	(void)state;
	food("o", at("2026-01-10"), YUAN(100));
	s = standing(at("2031-05-07"));
	assert_int_equal(s.score.last_month, 2031 * 12 + 4);
	assert_int_equal(s.settled_at, at("2031-04-08"));
	assert_int_equal(s.settled.last_month, 2031 * 12 + 2);
	s = standing(at("2031-05-27")); /* after the settlement of the same month */
	assert_int_equal(s.score.last_month, 2031 * 12 + 4);
	assert_int_equal(s.score.first_month, 2030 * 12 + 5);
	assert_int_equal(s.settled_at, at("2031-05-08"));
	assert_int_equal(s.settled.last_month, 2031 * 12 + 3);
}

static void schedule_holds_each_change_once(void **state)
{
	static const struct {
		const char *at;
		unsigned causes;
		enum tier tier;
	} rows[] = {
		{"2026-02-08", CHANGE_SETTLEMENT, TIER_GOLD}, /* the first settled score */
		{"2026-04-08", CHANGE_SETTLEMENT, TIER_GOLD}, /* protection ends */
		{"2027-01-01", CHANGE_MONTH, TIER_GOLD}, /* January leaves */
		{"2027-02-08", CHANGE_SETTLEMENT, TIER_GOLD}, /* at risk */
		{"2027-03-08", CHANGE_SETTLEMENT, TIER_SILVER},
		{"2027-04-08", CHANGE_SETTLEMENT, TIER_SILVER}, /* at risk */
		{"2027-05-08", CHANGE_SETTLEMENT, TIER_BRONZE},
	};
	struct fold fold;

	(void)state;
	food("o", at("2026-01-10"), YUAN(20000));
	fold = ledger_fold(&l, at("2026-01-10"));
	assert_int_equal(fold.n_schedule, sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < fold.n_schedule; i++) {
		assert_int_equal(fold.schedule[i].at, at(rows[i].at));
		assert_int_equal(fold.schedule[i].causes, rows[i].causes);
		assert_int_equal(fold.schedule[i].after.tier, rows[i].tier);
	}
	assert_int_equal(fold.next_change, at("2026-02-08"));
	assert_int_equal(fold.next_date, at("2026-02-01"));
}

static void years_of_quiet_end(void **state)
{
	struct fold fold;

	(void)state;
	food("o", at("2026-01-10"), YUAN(100));
	food("p", at("2029-05-10"), YUAN(100));
	fold = ledger_fold(&l, at("2029-05-10"));
	assert_int_equal(fold.standing.settled_at, at("2029-05-08"));
	assert_int_equal(fold.n_schedule, 3);
	assert_int_equal(fold.schedule[0].at, at("2029-06-08"));
	assert_int_equal(fold.schedule[0].after.settled.points, 21);
	assert_int_equal(fold.schedule[1].at, at("2030-05-01"));
	assert_int_equal(fold.schedule[2].at, at("2030-06-08"));
	assert_int_equal(fold.schedule[2].after.settled.points, 0);
}

static void what_is_paid_later_is_pending_then(void **state)
{
	struct fold fold;

	(void)state;
	/* told four minutes ahead */
	assert_int_equal(ledger_send(&l,
				     order_for(&l, "o", PLATFORM_TRAVEL, at("2026-03-10 10:04:00"),
					       0, YUAN(100)),
				     at("2026-03-10 10:00:00"), NULL),
			 MB_OK);
	fold = ledger_fold(&l, at("2026-03-10 10:00:00"));
	assert_int_equal(fold.n_pending, 0);
	assert_int_equal(fold.states[0], ENTRY_PENDING);
	assert_int_equal(fold.next_change, at("2026-03-10 10:04:00"));
	assert_int_equal(fold.n_schedule, 2);
	assert_int_equal(fold.schedule[1].at, at("2027-03-01")); /* it would add nothing then */
	fold = ledger_fold(&l, at("2026-03-10 10:04:00"));
	assert_int_equal(fold.n_pending, 1);
	assert_int_equal(fold.n_schedule, 1);
	fold = ledger_fold(&l, at("2025-01-01")); /* long before all */
	assert_int_equal(fold.n_schedule, 2);
	assert_int_equal(fold.schedule[0].at, at("2026-03-10 10:04:00"));
	assert_int_equal(fold.schedule[1].at, at("2027-03-01"));
}

static void what_has_no_effect_is_not_foretold(void **state)
{
	struct fold fold;

	(void)state;
	food("o", at("2026-03-10"), YUAN(100));
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-12"), YUAN(10)));
	assert_int_equal(ledger_send(&l, cancellation_for("c", "o", at("2026-03-11")),
				     at("2026-03-12"), NULL),
			 MB_OK);
	fold = ledger_fold(&l, at("2026-03-10"));
	assert_int_equal(fold.n_schedule, 2);
	assert_int_equal(fold.schedule[0].at, at("2026-03-11"));
	assert_int_equal(fold.schedule[0].causes, CHANGE_REVERSAL);
	assert_int_equal(fold.schedule[1].at, at("2026-04-08")); /* the first settlement */
	assert_int_equal(ledger_state(&l, "x", at("2026-03-12")), ENTRY_APPLIED);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-12")), ENTRY_REVERSED);
}

/* What changes nothing of the standing, but is seen in a list of the entries. */
static void entries_change_by_themselves(void **state)
{
	int64_t parked = at("2026-03-10"), expires = at("2027-06-10"), ahead;
	struct fold fold = ledger_fold(&l, parked);

	(void)state;
	assert_int_equal(fold.next_entry, 0);
	ledger_put(&l, reversal_for(&l, "x", "unknown", parked, YUAN(10)));
	fold = ledger_fold(&l, parked);
	assert_int_equal(fold.next_change, 0);
	assert_int_equal(fold.next_entry, expires);
	assert_int_equal(ledger_state(&l, "x", expires - 1), ENTRY_PARKED);
	assert_int_equal(ledger_state(&l, "x", expires), ENTRY_EXPIRED);
	assert_int_equal(ledger_fold(&l, expires).next_entry, 0);
	/* a completion has no instant of its own, but is told of ahead */
	food("o", at("2026-03-11 10:00"), YUAN(100));
	ahead = at("2026-03-11 10:04");
	assert_int_equal(ledger_send(&l, completion_for("c", "o", ahead, ahead),
				     at("2026-03-11 10:00"), NULL),
			 MB_OK);
	fold = ledger_fold(&l, at("2026-03-11 10:00"));
	assert_true(fold.next_change > ahead);
	assert_int_equal(fold.next_entry, ahead);
	assert_int_equal(ledger_fold(&l, ahead).next_entry, expires);
}

static void schedule_can_be_cut_short(void **state)
{
	struct fold_input in = {.policies = &default_policies, .t = at("2026-01-10")};
	struct fold fold;

	(void)state;
	food("o", at("2026-01-10"), YUAN(20000));
	in.entries = l.entries;
	in.n_entries = l.n;
	assert_int_equal(fold_ledger(&in, l.arena, &fold, NULL), MB_OK);
	assert_int_equal(fold.n_schedule, 0);
	assert_false(fold.schedule_truncated);
	assert_int_equal(fold.next_change, at("2026-02-08"));
	in.want_schedule = true;
	in.schedule_most = 3;
	assert_int_equal(fold_ledger(&in, l.arena, &fold, NULL), MB_OK);
	assert_int_equal(fold.n_schedule, 3);
	assert_true(fold.schedule_truncated);
	in.schedule_most = 7;
	assert_int_equal(fold_ledger(&in, l.arena, &fold, NULL), MB_OK);
	assert_int_equal(fold.n_schedule, 7);
	assert_false(fold.schedule_truncated);
}

static void far_future_is_reached_at_once(void **state)
{
	struct fold fold;

	(void)state;
	ledger_put(&l, order_for(&l, "o", PLATFORM_SHOPPING, at("2026-01-10"), CALENDAR_MAX,
				 YUAN(20000)));
	ledger_put(&l, order_for(&l, "p", PLATFORM_FOOD, at("2026-01-10"), at("8000-01-01"),
				 YUAN(20000)));
	fold = ledger_fold(&l, at("2026-01-11"));
	assert_int_equal(fold.n_pending, 2);
	assert_int_equal(fold.n_schedule, 4);
	assert_int_equal(fold.schedule[0].causes, CHANGE_MONTH); /* they would add nothing */
	assert_int_equal(fold.schedule[0].at, at("2027-01-01"));
	assert_int_equal(fold.schedule[1].at, at("8000-01-01"));
	assert_int_equal(fold.schedule[2].causes, CHANGE_SETTLEMENT);
	assert_int_equal(fold.schedule[2].at, at("8000-01-08"));
	assert_int_equal(fold.schedule[3].at, CALENDAR_MAX);
	assert_int_equal(fold.schedule[3].after.settled_at, at("9999-12-08"));
}

static void each_refused_allocation_is_an_error(void **state)
{
	struct fold_input in = {.policies = &default_policies, .t = at("2026-03-12")};
	const struct fold none = {0};
	size_t cap, refused = 0;
	enum mb_code code = MB_ARENA_FULL;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct line line = goods(1, YUAN(100));

		line.category = str_from(name("c", i));
		ledger_put(&l, order_with(&l, name("o", i), PLATFORM_SHOPPING, at("2026-03-10"),
					  at("2026-03-10"), &line, 1));
		ledger_put(&l, reversal_for(&l, name("x", i), name("o", i), at("2026-03-11"), 1));
	}
	in.entries = l.entries;
	in.n_entries = l.n;
	in.want_schedule = true;
	for (cap = 16; code != MB_OK; cap += 16) {
		struct arena *arena = arena_create(NULL, cap);
		struct fold fold = none;
		struct mb_err err;

		code = fold_ledger(&in, arena, &fold, &err);
		if (code != MB_OK) {
			assert_int_equal(code, MB_ARENA_FULL);
			assert_int_equal(err.code, MB_ARENA_FULL);
			assert_memory_equal(&fold, &none, sizeof(fold));
			refused++;
		}
		arena_destroy(arena);
	}
	assert_true(refused > 100);
	in.n_entries = 1000000;
	assert_int_equal(fold_ledger(&in, l.arena, &(struct fold){0}, NULL), MB_ARENA_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_29_settlement_twice_is_one),
		TEST(case_30_settlement_three_months_late_is_the_same),
		TEST(case_34_window_rolls_as_predicted),
		TEST(dates_move_on_when_all_is_quiet),
		TEST(schedule_holds_each_change_once),
		TEST(years_of_quiet_end),
		TEST(what_is_paid_later_is_pending_then),
		TEST(what_has_no_effect_is_not_foretold),
		TEST(entries_change_by_themselves),
		TEST(schedule_can_be_cut_short),
		TEST(far_future_is_reached_at_once),
		TEST(each_refused_allocation_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
