/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is missing and what keeps, checked by doing it: each way is walked in a ledger of random
 * content, and once with one unit less.
 */
#include "domain/progress.h"

#include "domain/calendar.h"
#include "story.h"

#include <stdio.h>
#include <stdlib.h>

#define WORLDS 120

static struct policy later;
static const struct policy *const versions[] = {&default_policy, &later};
static const struct policy_list two_versions = {versions, 2};

static struct progress progress_at(int64_t t)
{
	const struct fold_input in = {
		.entries = l.entries, .n_entries = l.n, .policies = l.policies, .t = t};
	const struct progress_input input = {.ledger = &in};
	struct progress out;
	struct mb_err err;

	assert_int_equal(progress_find(&input, l.arena, &out, &err), MB_OK);
	return out;
}

static const struct way *find_way(const struct way *ways, size_t n, enum way_kind kind)
{
	for (size_t i = 0; i < n; i++) {
		if (ways[i].kind == kind) {
			return &ways[i];
		}
	}
	return NULL;
}

/* ---- doing it ---- */

static int64_t end_of_day(int64_t t, int64_t days)
{
	return calendar_day_start(calendar_day(t, 480) + 1, 480) - 1 + days * US_PER_DAY;
}

static bool is_reviewed(const struct activity *order, int32_t line_no)
{
	for (size_t i = 0; i < l.n; i++) {
		const struct activity *review = &l.entries[i].activity;

		if (review->kind == ACTIVITY_REVIEW && review->review.line_no == line_no &&
		    str_eq(review->order_id, order->order_id)) {
			return true;
		}
	}
	return false;
}

/* Of some line that has posted and has no review yet. */
static void review(int n, int64_t when, bool pictures)
{
	struct fold fold = ledger_fold(&l, when);

	for (size_t i = 0; i < l.n; i++) {
		struct activity activity = l.entries[i].activity;

		if (activity.kind != ACTIVITY_ORDER || is_reviewed(&activity, 1) ||
		    (fold.states[i] != ENTRY_POSTED && fold.states[i] != ENTRY_PARTLY_REVERSED)) {
			continue;
		}
		ledger_put(&l, (struct activity){.kind = ACTIVITY_REVIEW,
						 .source = activity.source,
						 .source_event_id = str_from(name("review", n)),
						 .occurred_at = when,
						 .order_source = activity.order_source,
						 .order_id = activity.order_id,
						 .review = {.line_no = 1, .pictures = pictures}});
		return;
	}
	fail_msg("nothing is left to review");
}

static unsigned caps_at(int64_t t)
{
	const struct fold_input in = {.entries = l.entries,
				      .n_entries = l.n,
				      .policies = l.policies,
				      .t = t,
				      .want_caps = true};
	struct fold fold;
	struct mb_err err;

	assert_int_equal(fold_ledger(&in, l.arena, &fold, &err), MB_OK);
	return fold_caps_at(&fold, ACTIVITY_REVIEW, t);
}

static void go_reviews(int64_t t, int n)
{
	int done = 0;

	for (int day = 1; done < n; day++) {
		int64_t when = end_of_day(t, day);

		while (done < n && (caps_at(when) & (CAP_DAY | CAP_MONTH)) == 0) {
			review(done++, when, true);
		}
	}
}

/* As the way says, but for `less` of its units. */
static void go(const struct way *way, int64_t t, int64_t less)
{
	int64_t limit = default_policy.limits.order[PLATFORM_SHOPPING];

	if (way->kind == WAY_SPEND) {
		int64_t left = way->amount - less;

		for (int i = 0; left > 0; i++, left -= limit) {
			shop(name("spend", i), end_of_day(t, 0), left < limit ? left : limit);
		}
		return;
	}
	if (way->kind == WAY_REVIEWS) {
		go_reviews(t, way->count - (int)less);
		return;
	}
	for (int i = 0; i < way->count - (int)less; i++) {
		shop(name("day", i), end_of_day(t, i + 1), way->amount);
	}
}

static struct standing gone(const struct way *way, int64_t t, int64_t less, int64_t until)
{
	size_t before = l.n;
	struct standing after;

	go(way, t, less);
	after = standing(until);
	l.n = before;
	return after;
}

static void check_next(const struct progress *progress, int64_t t)
{
	const struct next_tier *next = &progress->next;

	if (next->comes_at != 0) {
		assert_true(standing(next->comes_at).tier >= next->tier);
		assert_true(standing(next->comes_at - 1).tier < next->tier);
	}
	for (size_t i = 0; i < next->n_ways; i++) {
		const struct way *way = &next->ways[i];

		assert_true(way->by > t && (next->comes_at == 0 || way->by < next->comes_at));
		assert_true(gone(way, t, 0, way->by).tier >= next->tier);
		assert_true(gone(way, t, 1, way->by).tier < next->tier);
	}
}

static void check_keep(const struct progress *progress, int64_t t)
{
	const struct keep_tier *keep = &progress->keep;
	struct standing then;
	int64_t settled_at;

	if (keep->tier == 0) {
		return;
	}
	then = standing(keep->judged_at);
	assert_int_equal(then.settled_at, keep->judged_at);
	assert_int_equal(then.settled.points, keep->settled);
	assert_int_equal(then.protected_until, 0);
	assert_int_equal(then.tier, (int)keep->tier - (keep->verdict == TRANSITION_STEP_DOWN));
	for (settled_at = calendar_next_settlement(t, 8, 480); settled_at < keep->judged_at;
	     settled_at = calendar_next_settlement(settled_at, 8, 480)) {
		assert_true(standing(settled_at).protected_until > settled_at);
	}
	assert_true(keep->n_ways == 0 || keep->settled < keep->points);
	for (size_t i = 0; i < keep->n_ways; i++) {
		const struct way *way = &keep->ways[i];
		struct standing after = gone(way, t, 0, keep->judged_at);

		assert_int_equal(way->by, keep->judged_at);
		assert_true(after.settled.points >= keep->points);
		assert_true(after.tier >= keep->tier && !after.at_risk);
		assert_true(gone(way, t, 1, keep->judged_at).settled.points < keep->points);
	}
}

static void check_lapses(const struct progress *progress)
{
	for (size_t i = 0; i < progress->n_lapses; i++) {
		const struct lapse *lapse = &progress->lapses[i];

		assert_int_equal(lapse->at, calendar_month_start(lapse->month + 12, 480));
		assert_int_equal(standing(lapse->at).score.points, lapse->after);
		assert_int_equal(standing(lapse->at - 1).score.points, lapse->before);
	}
}

static void check_ways_same(const struct way *a, const struct way *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(a[i].kind, b[i].kind);
		assert_int_equal(a[i].amount, b[i].amount);
		assert_int_equal(a[i].count, b[i].count);
		assert_int_equal(a[i].by, b[i].by);
	}
}

/* Until valid_until nothing of the answer is another. */
static void check_valid(const struct progress *now, int64_t t)
{
	struct progress then;

	assert_true(now->valid_until > t);
	then = progress_at(now->valid_until - 1);
	assert_int_equal(then.next.tier, now->next.tier);
	assert_int_equal(then.next.missing, now->next.missing);
	assert_int_equal(then.next.comes_at, now->next.comes_at);
	assert_int_equal(then.next.n_ways, now->next.n_ways);
	check_ways_same(then.next.ways, now->next.ways, now->next.n_ways);
	assert_int_equal(then.keep.tier, now->keep.tier);
	assert_int_equal(then.keep.judged_at, now->keep.judged_at);
	assert_int_equal(then.keep.settled, now->keep.settled);
	assert_int_equal(then.keep.n_ways, now->keep.n_ways);
	check_ways_same(then.keep.ways, now->keep.ways, now->keep.n_ways);
	assert_int_equal(then.n_lapses, now->n_lapses);
	assert_int_equal(then.valid_until, now->valid_until);
}

/* ---- worlds ---- */

static int64_t some_amount(uint64_t *seed)
{
	static const int64_t most[] = {YUAN(20), YUAN(500), YUAN(2000), YUAN(9000), YUAN(60000)};

	return 1 + draw_below(seed, most[draw_below(seed, 5)]);
}

static void fill(uint64_t *seed, int64_t t)
{
	int n = (int)draw_below(seed, 25);

	for (int i = 0; i < n; i++) {
		int64_t paid = t - draw_below(seed, 400 * US_PER_DAY);
		int64_t done =
			draw_below(seed, 8) == 0 ? 0 : paid + draw_below(seed, 9) * US_PER_DAY;
		enum platform platform = (enum platform)(1 + draw_below(seed, PLATFORM_END - 1));
		int64_t amount = some_amount(seed);
		struct line line = goods(1, amount);

		if (draw_below(seed, 2) == 0) {
			line.category = str_from(name("category", (int)draw_below(seed, 25)));
		}
		ledger_put(&l, order_with(&l, name("o", i), platform, paid, done, &line, 1));
		if (draw_below(seed, 6) == 0) {
			ledger_put(&l, reversal_for(&l, name("r", i), name("o", i),
						    t - draw_below(seed, t - paid + 1),
						    1 + draw_below(seed, amount)));
		}
		if (done != 0 && draw_below(seed, 12) == 0) {
			ledger_put(&l, (struct activity){.kind = ACTIVITY_REVIEW,
							 .source = STR("shop"),
							 .source_event_id = str_from(name("v", i)),
							 .occurred_at =
								 t - draw_below(seed, t - paid + 1),
							 .order_source = STR("shop"),
							 .order_id = str_from(name("o", i)),
							 .review = {.line_no = 1}});
		}
	}
}

static void every_way_suffices_and_less_does_not(void **state)
{
	const char *given = getenv("MEMBERD_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 4711;
	size_t ways = 0, gaps = 0, lapses = 0, comes = 0, reviews = 0;

	(void)state;
	for (int i = 0; i < WORLDS; i++) {
		int64_t t = at("2026-01-01") + draw_below(&seed, 365 * US_PER_DAY);
		struct progress progress;

		l.n = 0;
		later = default_policy;
		later.version = 2;
		later.effective_from = t + draw_below(&seed, 90 * US_PER_DAY);
		later.tiers[TIER_GOLD].attain = 650 * MICRO;
		later.tiers[TIER_GOLD].keep = 500 * MICRO;
		l.policies = i % 3 == 0 ? &two_versions : &default_policies;
		fill(&seed, t);
		progress = progress_at(t);
		check_next(&progress, t);
		check_keep(&progress, t);
		check_lapses(&progress);
		check_valid(&progress, t);
		ways += progress.next.n_ways;
		gaps += progress.keep.n_ways;
		lapses += progress.n_lapses;
		comes += progress.next.comes_at != 0;
		reviews += find_way(progress.next.ways, progress.next.n_ways, WAY_REVIEWS) != NULL;
	}
	printf("# %zu ways up, %zu of them reviews; %zu to keep, %zu lapses, %zu come alone\n",
	       ways, reviews, gaps, lapses, comes);
	assert_true(ways > WORLDS && reviews > 3 && gaps > 5 && lapses > WORLDS && comes > 0);
}

/* ---- known numbers ---- */

static void an_empty_ledger_buys_silver(void **state)
{
	int64_t t = at("2026-03-10 09:00");
	struct progress progress = progress_at(t);
	const struct way *way = find_way(progress.next.ways, progress.next.n_ways, WAY_SPEND);

	(void)state;
	assert_int_equal(progress.standing.tier, TIER_BRONZE);
	assert_int_equal(progress.next.tier, TIER_SILVER);
	assert_int_equal(progress.next.points, 400);
	assert_int_equal(progress.next.missing, 400);
	assert_int_equal(progress.keep.tier, 0);
	assert_int_equal(progress.n_lapses, 0);
	assert_int_equal(progress.valid_until, at("2026-03-11"));
	/* a day is 1, a platform 10: of 389 the first 200 cost 2,000, the other 189 cost 6,300 */
	assert_non_null(way);
	assert_int_equal(way->amount, YUAN(8300));
	assert_int_equal(way->count, 1);
	assert_int_equal(way->by, at("2026-03-18") - 1);
	/* 10 for the platform, and 2 a day: 1 of spend, 1 of frequency */
	way = find_way(progress.next.ways, progress.next.n_ways, WAY_DAYS);
	assert_non_null(way);
	assert_int_equal(way->amount, YUAN(10));
	assert_int_equal(way->count, 195);
	assert_int_equal(way->by, end_of_day(t, 195) + 7 * US_PER_DAY);
}

/* Where shopping posts at once, today's orders lead there at the day's last instant: also asked then. */
static void a_way_of_today_holds_to_the_end_of_the_day(void **state)
{
	struct policy at_once = default_policy;
	const struct policy *const only[] = {&at_once};
	const struct policy_list list = {only, 1};
	int64_t t = at("2026-03-10 09:00");
	struct progress progress;

	(void)state;
	at_once.posting.delay[PLATFORM_SHOPPING] = 0;
	l.policies = &list;
	progress = progress_at(t);
	assert_int_equal(progress.next.n_ways, 2);
	assert_int_equal(progress.next.ways[0].by, progress.valid_until - 1);
	check_valid(&progress, t);
}

static void more_than_one_order_may_hold_takes_more_orders(void **state)
{
	struct progress progress;
	const struct way *way;

	(void)state;
	food("o", at("2026-03-01 10:00"), YUAN(30000)); /* 740 + 120 and 11: Gold … */
	shop("p", at("2026-03-01 10:00"), YUAN(50000)); /* … and 600 more with 10: Platinum */
	progress = progress_at(at("2026-03-10"));
	assert_int_equal(progress.standing.score.points, 1481);
	assert_int_equal(progress.next.tier, TIER_DIAMOND);
	progress = progress_at(at("2026-03-09"));
	/* 19 are missing; today is a day: 18, at 12 for 1,000 */
	way = find_way(progress.next.ways, progress.next.n_ways, WAY_SPEND);
	assert_non_null(way);
	assert_int_equal(way->amount, YUAN(1500));
	shop("q", at("2026-03-09 10:00"), YUAN(20000)); /* the curve bends at 100,000 */
	progress = progress_at(at("2026-03-20"));
	assert_int_equal(progress.standing.tier, TIER_DIAMOND);
	/* 250,000 more are worth 500, of the 778 that are missing */
	assert_int_equal(progress.next.missing, 2500 - 1722);
	assert_null(find_way(progress.next.ways, progress.next.n_ways, WAY_SPEND));
}

static void what_is_pending_comes_by_itself(void **state)
{
	struct progress progress;

	(void)state;
	shop("o", at("2026-03-09 10:00"), YUAN(20000));
	progress = progress_at(at("2026-03-10"));
	assert_int_equal(progress.next.tier, TIER_SILVER);
	assert_int_equal(progress.next.comes_at, at("2026-03-16 10:00"));
	assert_int_equal(progress.next.n_ways, 0); /* none leads there sooner */
	/* what is judged then is what it makes of him */
	assert_int_equal(progress.keep.tier, TIER_GOLD);
	assert_int_equal(progress.keep.judged_at, at("2026-06-08"));
	assert_int_equal(progress.keep.points, 540);
	assert_int_equal(progress.keep.settled, 751);
	assert_int_equal(progress.keep.verdict, 0);
	assert_int_equal(progress.keep.n_ways, 0);
}

static void the_gap_to_keep_is_told_with_what_closes_it(void **state)
{
	struct progress progress;
	const struct way *way;

	(void)state;
	food("o", at("2026-01-10"), YUAN(20000)); /* Gold, protected until 8 April */
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-02-20"), YUAN(7500)));
	progress = progress_at(at("2026-03-10"));
	assert_int_equal(progress.keep.tier, TIER_GOLD);
	assert_int_equal(progress.keep.judged_at, at("2026-04-08"));
	assert_int_equal(progress.keep.settled, 526);
	assert_int_equal(progress.keep.verdict, TRANSITION_AT_RISK);
	assert_false(progress.standing.at_risk);
	/* 14: a day, a platform, 3 at 30 for 1,000 */
	way = find_way(progress.keep.ways, progress.keep.n_ways, WAY_SPEND);
	assert_non_null(way);
	assert_int_equal(way->amount, YUAN(100));
	/* a day brings 1 and its 10 yuan 0.3: four for what the platform leaves */
	way = find_way(progress.keep.ways, progress.keep.n_ways, WAY_DAYS);
	assert_non_null(way);
	assert_int_equal(way->count, 4);
	/* the settlement of April looks at no day behind March */
	progress = progress_at(at("2026-03-27"));
	assert_non_null(find_way(progress.keep.ways, progress.keep.n_ways, WAY_DAYS));
	progress = progress_at(at("2026-03-28"));
	assert_null(find_way(progress.keep.ways, progress.keep.n_ways, WAY_DAYS));
	progress = progress_at(at("2026-04-20"));
	assert_true(progress.standing.at_risk);
	assert_int_equal(progress.keep.verdict, TRANSITION_STEP_DOWN);
	assert_int_equal(progress.keep.judged_at, at("2026-05-08"));
}

/* Thirty days of February with 30 yuan, and one order more, all of food. */
static void live_by_food(int64_t more)
{
	l.n = 0;
	for (int i = 0; i < 30; i++) {
		food(name("o", i), at("2026-02-01 10:00") + i * US_PER_DAY, YUAN(30));
	}
	food("more", at("2026-02-01 11:00"), more);
}

static void check_reviews(int64_t missing, int count, const char *until)
{
	struct progress progress = progress_at(at("2026-03-10 09:00"));
	const struct way *way = find_way(progress.next.ways, progress.next.n_ways, WAY_REVIEWS);

	assert_int_equal(progress.next.missing, missing);
	assert_non_null(way);
	assert_int_equal(way->count, count);
	assert_int_equal(way->amount, 0);
	assert_int_equal(way->by, at(until) - 1);
}

static void reviews_go_as_fast_as_their_caps_let(void **state)
{
	(void)state;
	/* 15 a day for two, 60 a month for eight: the ninth is of April */
	live_by_food(YUAN(4170)); /* 292.1, 30 and 10 */
	check_reviews(68, 9, "2026-04-02");
	review(99, at("2026-03-10 08:00"), true); /* eight of the 60 are gone */
	check_reviews(60, 8, "2026-04-02");
	/* three on a day are 15, which leaves room for 45: 15, 15 and 15 */
	live_by_food(YUAN(4600));
	for (int i = 0; i < 3; i++) {
		review(90 + i, at("2026-03-08 08:00"), true);
	}
	check_reviews(40, 6, "2026-03-14");
	/* one without pictures is 5, which leaves room for 55: three days and two more */
	live_by_food(YUAN(4460));
	review(90, at("2026-03-08 08:00"), false);
	check_reviews(55, 8, "2026-03-15");
}

static void reviews_are_absent_without_lines_and_behind_the_guard(void **state)
{
	struct progress progress;

	(void)state;
	food("o", at("2026-02-01 10:00"), YUAN(5000)); /* 301: one line */
	progress = progress_at(at("2026-03-10"));
	assert_int_equal(progress.next.missing, 99);
	assert_null(find_way(progress.next.ways, progress.next.n_ways, WAY_REVIEWS));
	l.n = 0;
	/* spend and frequency are 124: with as much of interaction and 10 it is 258 */
	for (int i = 0; i < 62; i++) {
		food(name("o", i), at("2026-01-01 10:00") + i * US_PER_DAY, YUAN(10));
	}
	progress = progress_at(at("2026-03-10"));
	assert_int_equal(progress.standing.score.points, 134);
	assert_null(find_way(progress.next.ways, progress.next.n_ways, WAY_REVIEWS));
}

static void case_78_top_tier_has_no_next_and_still_shows_what_keeps_it(void **state)
{
	int64_t done = fill_to_the_top(200);
	struct progress progress = progress_at(done);

	(void)state;
	assert_int_equal(progress.standing.tier, TIER_BLACK_DIAMOND);
	assert_int_equal(progress.next.tier, 0);
	assert_int_equal(progress.next.n_ways, 0);
	assert_int_equal(progress.keep.tier, TIER_BLACK_DIAMOND);
	assert_int_equal(progress.keep.points, 2250);
	assert_int_equal(progress.keep.judged_at, at("2026-07-08"));
	assert_int_equal(progress.keep.settled, 2500);
	assert_int_equal(progress.lapses[0].at, at("2026-09-01"));
	assert_int_equal(progress.lapses[0].before, 2500);
	assert_true(progress.lapses[0].after < 2250);
}

/* ---- failure ---- */

static void memory_that_runs_out_is_told(void **state)
{
	struct progress_input input = {.fold_max = 1000};
	struct fold_input in = {.policies = &default_policies, .t = at("2026-03-10")};
	struct arena_budget budget;
	struct progress out;
	struct mb_err err;
	struct arena *small = arena_create(NULL, 1000);

	(void)state;
	food("o", at("2026-01-10"), YUAN(20000));
	in.entries = l.entries;
	in.n_entries = l.n;
	input.ledger = &in;
	assert_int_equal(progress_find(&input, l.arena, &out, &err), MB_ARENA_FULL);
	assert_int_equal(progress_find(&input, small, &out, &err), MB_ARENA_FULL);
	arena_budget_init(&budget, 16);
	input = (struct progress_input){.ledger = &in, .budget = &budget};
	assert_int_equal(progress_find(&input, l.arena, &out, &err), MB_OVERLOADED);
	arena_destroy(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_way_suffices_and_less_does_not),
		TEST(an_empty_ledger_buys_silver),
		TEST(a_way_of_today_holds_to_the_end_of_the_day),
		TEST(more_than_one_order_may_hold_takes_more_orders),
		TEST(what_is_pending_comes_by_itself),
		TEST(the_gap_to_keep_is_told_with_what_closes_it),
		TEST(reviews_go_as_fast_as_their_caps_let),
		TEST(reviews_are_absent_without_lines_and_behind_the_guard),
		TEST(case_78_top_tier_has_no_next_and_still_shows_what_keeps_it),
		TEST(memory_that_runs_out_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
