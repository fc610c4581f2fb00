/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of an order: reversals, completions, cancellations. */
#include "story.h"

#include <string.h>

static void case_09_partial_refund_of_one_line_takes_only_that_line(void **state)
{
	struct line lines[] = {goods(1, YUAN(100)), goods(2, YUAN(100))};
	const struct reversal_line back = {2, "CNY", YUAN(40)};
	struct standing s;

	(void)state;
	lines[0].category = STR("shoes");
	lines[1].category = STR("books");
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-10"), at("2026-03-10"), lines,
				  2));
	ledger_put(&l, reversal_with(&l, "x", "o", at("2026-03-12"), &back, 1));
	s = standing(at("2026-03-12"));
	assert_int_equal(s.score.spend, YUAN(160));
	assert_int_equal(s.score.categories, 2);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-12")), ENTRY_PARTLY_REVERSED);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-12") - 1), ENTRY_POSTED);
	assert_int_equal(standing(at("2026-03-12") - 1).score.spend, YUAN(200));
}

static void case_10_many_partials_to_zero_are_exactly_zero(void **state)
{
	struct line line = goods(1, 3333);

	(void)state;
	memcpy(line.currency, "USD", 4);
	line.category = STR("shoes");
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-10"), at("2026-03-10"), &line,
				  1));
	for (int i = 0; i < 33; i++) {
		const struct reversal_line back = {1, "USD", 101};

		ledger_put(&l, reversal_with(&l, name("x", i), "o",
					     at("2026-03-11") + i * US_PER_HOUR, &back, 1));
	}
	assert_int_equal(standing(at("2026-03-20")).score.micro, 0);
	assert_int_equal(standing(at("2026-03-20")).score.spend, 0);
	assert_int_equal(standing(at("2026-03-20")).score.categories, 0);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-20")), ENTRY_REVERSED);
}

static void case_11_refund_in_a_later_month_takes_from_the_first(void **state)
{
	(void)state;
	food("march", at("2026-03-10"), YUAN(100));
	food("april", at("2026-04-10"), YUAN(100));
	ledger_put(&l, reversal_for(&l, "x", "march", at("2026-04-20"), YUAN(60)));
	/* when March has left, April is whole */
	assert_int_equal(standing(at("2027-02-15")).score.spend, YUAN(140));
	assert_int_equal(standing(at("2027-03-15")).score.spend, YUAN(100));
	assert_int_equal(standing(at("2027-04-15")).score.spend, 0);
}

static void case_12_refund_outside_the_window_changes_nothing(void **state)
{
	struct standing before, after;

	(void)state;
	food("old", at("2025-01-10"), YUAN(100));
	food("young", at("2026-01-10"), YUAN(100));
	before = standing(at("2026-02-10"));
	ledger_put(&l, reversal_for(&l, "x", "old", at("2026-02-09"), YUAN(50)));
	after = standing(at("2026-02-10"));
	assert_true(same_standing(&before, &after));
	assert_int_equal(ledger_state(&l, "old", at("2026-02-10")), ENTRY_PARTLY_REVERSED);
}

static void case_13_refund_across_a_bend_equals_a_fresh_computation(void **state)
{
	struct score bent, fresh;

	(void)state;
	food("a", at("2026-03-10"), YUAN(1500));
	food("b", at("2026-03-10"), YUAN(1500)); /* the bend is at 2,000 */
	assert_int_equal(standing(at("2026-03-11")).score.parts[PART_SPEND], 230 * MICRO);
	ledger_put(&l, reversal_for(&l, "x", "b", at("2026-03-11"), YUAN(1234)));
	bent = standing(at("2026-03-11")).score;
	ledger_fini(&l);
	ledger_init(&l, &default_policies);
	food("a", at("2026-03-10"), YUAN(1500));
	food("b", at("2026-03-10"), YUAN(266));
	fresh = standing(at("2026-03-11")).score;
	assert_true(same_score(&bent, &fresh));
	assert_int_equal(fresh.parts[PART_SPEND], 176600000);
}

static void reversal_before_posting_shrinks_what_posts(void **state)
{
	int64_t paid = at("2026-03-10"), posted = at("2026-03-17");
	struct fold fold;

	(void)state;
	shop("o", paid, YUAN(100));
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-12"), YUAN(30)));
	fold = ledger_fold(&l, at("2026-03-11"));
	assert_int_equal(fold.n_pending, 1);
	assert_int_equal(fold.pending[0].would_add, 10 * MICRO + 11 * MICRO);
	assert_int_equal(fold.pending[0].posts_at, posted);
	fold = ledger_fold(&l, at("2026-03-12"));
	assert_int_equal(fold.pending[0].would_add, 7 * MICRO + 11 * MICRO);
	assert_int_equal(fold.standing.score.micro, 0);
	assert_int_equal(fold.states[0], ENTRY_PENDING);
	fold = ledger_fold(&l, posted);
	assert_int_equal(fold.n_pending, 0);
	assert_int_equal(fold.standing.score.micro, 18 * MICRO);
	assert_int_equal(fold.states[0], ENTRY_PARTLY_REVERSED);
}

static void whole_reversal_before_posting_is_reversed_at_it(void **state)
{
	(void)state;
	shop("o", at("2026-03-10"), YUAN(100));
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-12"), YUAN(100)));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-16")), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-17") - 1), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-17")), ENTRY_REVERSED);
	assert_int_equal(ledger_state(&l, "x", at("2026-03-17")), ENTRY_APPLIED);
	assert_int_equal(standing(at("2026-03-18")).score.micro, 0);
}

static void reversal_never_acts_before_its_order(void **state)
{
	(void)state;
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-09"), YUAN(40)));
	food("o", at("2026-03-10"), YUAN(100));
	assert_int_equal(standing(at("2026-03-10")).score.spend, YUAN(60));
	assert_int_equal(standing(at("2026-03-10") - 1).score.spend, 0);
}

static void case_48_paid_but_not_flown_is_pending(void **state)
{
	int64_t paid = at("2026-03-10"), flown = at("2026-09-01 18:00:00");
	struct fold fold;

	(void)state;
	ledger_put(&l, order_for(&l, "o", PLATFORM_TRAVEL, paid, 0, YUAN(2000)));
	fold = ledger_fold(&l, at("2026-05-01"));
	assert_int_equal(fold.states[0], ENTRY_PENDING);
	assert_int_equal(fold.standing.score.micro, 0);
	assert_int_equal(fold.standing.settled_at, 0);
	assert_int_equal(fold.n_pending, 1);
	assert_int_equal(fold.pending[0].posts_at, 0);
	assert_int_equal(fold.pending[0].would_add, 211 * MICRO);
	assert_int_equal(fold.next_change, at("2027-03-01")); /* it would add nothing then */
	ledger_put(&l, completion_for("c", "o", at("2026-05-02"), flown));
	fold = ledger_fold(&l, at("2026-05-02"));
	assert_int_equal(fold.pending[0].posts_at, flown + 2 * US_PER_DAY);
	assert_int_equal(fold.next_change, flown + 2 * US_PER_DAY);
	assert_int_equal(fold.schedule[0].causes, CHANGE_POSTING);
	assert_int_equal(fold.schedule[0].after.score.points, 211);
	assert_int_equal(ledger_state(&l, "c", at("2026-05-02")), ENTRY_APPLIED);
	assert_int_equal(ledger_state(&l, "o", flown + 2 * US_PER_DAY), ENTRY_POSTED);
}

static void pending_adds_what_the_curve_leaves_it(void **state)
{
	struct fold fold;

	(void)state;
	food("o", at("2026-03-10"), YUAN(1900)); /* the first bend is at 2,000 */
	shop("p", at("2026-03-10"), YUAN(200));
	shop("q", at("2026-03-11"), YUAN(5));
	fold = ledger_fold(&l, at("2026-03-12"));
	assert_int_equal(fold.n_pending, 2);
	/* 100 at 0.1 a yuan, 100 at 0.03, a platform; the day counts already */
	assert_int_equal(fold.pending[0].would_add, (10 + 3 + 10) * MICRO);
	/* each by itself: half a point, the same platform; 5 yuan make no day */
	assert_int_equal(fold.pending[1].would_add, MICRO / 2 + 10 * MICRO);
	assert_int_equal(fold.standing.score.points, 190 + 1 + 10);
	fold = ledger_fold(&l, at("2026-03-18"));
	assert_int_equal(fold.standing.score.micro, (200 + 3 + 1 + 20) * MICRO + 150000);
}

static void case_49_cancelled_before_posting_is_voided(void **state)
{
	struct fold fold;

	(void)state;
	shop("o", at("2026-03-10"), YUAN(20000));
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-17") - 1));
	fold = ledger_fold(&l, at("2026-03-17") - 2);
	assert_int_equal(fold.states[0], ENTRY_PENDING);
	assert_int_equal(fold.pending[0].posts_at, 0);
	fold = ledger_fold(&l, at("2026-04-17"));
	assert_int_equal(fold.states[0], ENTRY_VOIDED);
	assert_int_equal(fold.states[1], ENTRY_APPLIED);
	assert_int_equal(fold.standing.score.micro, 0);
	assert_int_equal(fold.n_history, 0);
	assert_int_equal(fold.n_pending, 0);
	assert_int_equal(fold.n_schedule, 0);
}

static void cancellation_at_the_posting_is_a_reversal(void **state)
{
	struct fold fold;

	(void)state;
	shop("o", at("2026-03-10"), YUAN(20000));
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-17")));
	fold = ledger_fold(&l, at("2026-03-17"));
	assert_int_equal(fold.states[0], ENTRY_REVERSED);
	assert_int_equal(fold.standing.score.micro, 0);
	assert_int_equal(fold.n_history, 0); /* postings and cancellations act together */
}

static void cancellation_after_the_posting_leaves_nothing(void **state)
{
	(void)state;
	shop("o", at("2026-03-10"), YUAN(20000));
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-18")));
	assert_int_equal(standing(at("2026-03-18") - 1).score.points, 751);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-18") - 1), ENTRY_POSTED);
	assert_int_equal(standing(at("2026-03-18")).score.micro, 0);
	assert_int_equal(standing(at("2026-03-18")).tier, TIER_GOLD); /* attained meanwhile */
	assert_int_equal(ledger_state(&l, "o", at("2026-03-18")), ENTRY_REVERSED);
}

static void completions_act_on_what_was_reached(void **state)
{
	int64_t paid = at("2026-03-10");

	(void)state;
	shop("o", paid, YUAN(100)); /* posts on the 17th */
	ledger_put(&l, completion_for("late", "o", at("2026-03-17"), at("2026-03-20")));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-17")), ENTRY_POSTED);
	ledger_put(&l, completion_for("first", "o", at("2026-03-16"), at("2026-03-15")));
	/* now posts on the 22nd; the later one lies before that and moves it again */
	assert_int_equal(ledger_state(&l, "o", at("2026-03-22")), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-27") - 1), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-27")), ENTRY_POSTED);
	/* never before the order's own time */
	ledger_put(&l, completion_for("again", "o", at("2026-03-26"), at("2026-01-01")));
	assert_int_equal(ledger_state(&l, "o", paid + 7 * US_PER_DAY), ENTRY_POSTED);
}

static void completion_after_the_cancellation_says_nothing(void **state)
{
	(void)state;
	ledger_put(&l, order_for(&l, "o", PLATFORM_FOOD, at("2026-03-10"), 0, YUAN(100)));
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-12")));
	ledger_put(&l, completion_for("k", "o", at("2026-03-13"), at("2026-03-11")));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-11")), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-14")), ENTRY_VOIDED);
	assert_int_equal(ledger_state(&l, "k", at("2026-03-14")), ENTRY_APPLIED);
}

static void late_completion_is_folded_in_where_it_belongs(void **state)
{
	struct fold fold;

	(void)state;
	ledger_put(&l, order_for(&l, "o", PLATFORM_FOOD, at("2026-03-30"), 0, YUAN(20000)));
	fold = ledger_fold(&l, at("2026-05-20"));
	assert_int_equal(fold.standing.tier, TIER_BRONZE);
	assert_int_equal(ledger_send(&l,
				     completion_for("k", "o", at("2026-03-31"), at("2026-03-31")),
				     at("2026-05-20"), NULL),
			 MB_OK);
	fold = ledger_fold(&l, at("2026-05-20"));
	assert_int_equal(fold.n_history, 1);
	assert_int_equal(fold.history[0].effective_at, at("2026-03-31"));
	assert_int_equal(fold.standing.settled_at, at("2026-05-08"));
	assert_int_equal(fold.standing.settled.points, 751);
	assert_int_equal(fold.standing.protected_until, at("2026-06-08"));
	assert_int_equal(standing(at("2026-04-08")).settled.points, 751);
}

static void policy_completes_after_payment(void **state)
{
	struct policy automatic = default_policy;
	const struct policy *const versions[] = {&automatic};
	const struct policy_list list = {versions, 1};

	(void)state;
	automatic.posting.auto_complete[PLATFORM_SHOPPING] = 10 * US_PER_DAY;
	l.policies = &list;
	ledger_put(&l, order_for(&l, "o", PLATFORM_SHOPPING, at("2026-03-01"), 0, YUAN(100)));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-18") - 1), ENTRY_PENDING);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-18")), ENTRY_POSTED);
	/* told in time it is the buyer who says when */
	ledger_put(&l, completion_for("k", "o", at("2026-03-17"), at("2026-03-04")));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-11")), ENTRY_POSTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_09_partial_refund_of_one_line_takes_only_that_line),
		TEST(case_10_many_partials_to_zero_are_exactly_zero),
		TEST(case_11_refund_in_a_later_month_takes_from_the_first),
		TEST(case_12_refund_outside_the_window_changes_nothing),
		TEST(case_13_refund_across_a_bend_equals_a_fresh_computation),
		TEST(reversal_before_posting_shrinks_what_posts),
		TEST(whole_reversal_before_posting_is_reversed_at_it),
		TEST(reversal_never_acts_before_its_order),
		TEST(case_48_paid_but_not_flown_is_pending),
		TEST(pending_adds_what_the_curve_leaves_it),
		TEST(case_49_cancelled_before_posting_is_voided),
		TEST(cancellation_at_the_posting_is_a_reversal),
		TEST(cancellation_after_the_posting_leaves_nothing),
		TEST(completions_act_on_what_was_reached),
		TEST(completion_after_the_cancellation_says_nothing),
		TEST(late_completion_is_folded_in_where_it_belongs),
		TEST(policy_completes_after_payment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
