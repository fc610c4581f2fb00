/* SPDX-License-Identifier: Apache-2.0 */
/* What counts of reviews, shares, posts, answers, votes and visits, and what their caps leave. */
#include "deeds.h"

#include "domain/interaction.h"

#define POINTS(n) ((n)*MICRO)

static const char *const DAY = "2026-03-10 10:00:00";

static void case_39_fourth_review_of_a_day_adds_nothing(void **state)
{
	struct line lines[] = {goods(1, 1), goods(2, 1), goods(3, 1), goods(4, 1)};
	struct fold fold;

	(void)state;
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-09"), at("2026-03-09"), lines,
				  4));
	for (int i = 0; i < 4; i++) {
		put(review_of(name("r", i), "o", i + 1, false, at(DAY) + i));
	}
	fold = ledger_fold(&l, at("2026-03-11"));
	assert_int_equal(part(PART_REVIEWS, at("2026-03-11")), POINTS(15));
	assert_int_equal(fold.states[4], ENTRY_POSTED);
	assert_int_equal(fold.counts[4].points, POINTS(5));
	assert_int_equal(fold.counts[4].counted, 0);
	assert_int_equal(fold.counts[4].cut_day, POINTS(5));
	assert_int_equal(fold.counts[3].counted, POINTS(5));
	assert_int_equal(fold_caps_at(&fold, ACTIVITY_REVIEW, at(DAY)), CAP_DAY);
	assert_int_equal(fold_caps_at(&fold, ACTIVITY_REVIEW, at("2026-03-11")), 0);
	assert_int_equal(fold_caps_at(&fold, ACTIVITY_SHARE, at(DAY)), 0);
	assert_int_equal(fold_caps_at(&fold, ACTIVITY_ORDER, at(DAY)), 0);
	assert_int_equal(fold_caps_at(&fold, ACTIVITY_REVIEW, at("2024-03-11")), 0);
}

static void case_40_undone_one_makes_room(void **state)
{
	struct line lines[] = {goods(1, 1), goods(2, 1), goods(3, 1), goods(4, 1)};

	(void)state;
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-09"), at("2026-03-09"), lines,
				  4));
	for (int i = 0; i < 4; i++) {
		put(review_of(name("r", i), "o", i + 1, i == 0, at(DAY) + i));
	}
	put(naming(ACTIVITY_UNDO, "u", "r-0", at("2026-03-12")));
	assert_int_equal(part(PART_REVIEWS, at("2026-03-12") - 1), POINTS(15));
	assert_int_equal(part(PART_REVIEWS, at("2026-03-12")), POINTS(15));
	assert_int_equal(ledger_fold(&l, at("2026-03-12")).counts[4].counted, POINTS(5));
	assert_int_equal(ledger_state(&l, "r-0", at("2026-03-12") - 1), ENTRY_POSTED);
	assert_int_equal(ledger_state(&l, "r-0", at("2026-03-12")), ENTRY_REVERSED);
	put(naming(ACTIVITY_UNDO, "v", "r-1", at("2026-03-13")));
	assert_int_equal(part(PART_REVIEWS, at("2026-03-13")), POINTS(10));
}

static void case_41_review_without_a_delivered_order(void **state)
{
	struct line lines[] = {goods(1, 100), goods(2, 100)};

	(void)state;
	lines[1].type = LINE_SHIPPING;
	put(review_of("waits", "o", 1, false, at("2026-03-09")));
	assert_int_equal(ledger_state(&l, "waits", at("2026-03-09")), ENTRY_PARKED);
	assert_int_equal(part(PART_REVIEWS, at("2026-03-09")), 0);
	ledger_put(&l, order_with(&l, "o", PLATFORM_FOOD, at("2026-03-10"), at("2026-03-11"), lines,
				  2));
	put(review_of("early", "o", 1, false, at("2026-03-11") - 1));
	put(review_of("none", "o", 3, false, at("2026-03-12")));
	put(review_of("shipping", "o", 2, false, at("2026-03-12")));
	assert_int_equal(ledger_state(&l, "waits", at("2026-03-12")), ENTRY_POSTED);
	assert_int_equal(part(PART_REVIEWS, at("2026-03-12")), 0);
	put(review_of("due", "o", 1, true, at("2026-03-12")));
	assert_int_equal(part(PART_REVIEWS, at("2026-03-12")), POINTS(8));
}

static void case_42_two_reviews_of_a_line_are_one(void **state)
{
	(void)state;
	food("o", at("2026-03-09"), 100);
	put(review_of("b", "o", 1, true, at(DAY)));
	put(review_of("a", "o", 1, false, at(DAY)));
	assert_int_equal(part(PART_REVIEWS, at("2026-03-10 12:00:00")),
			 POINTS(5)); /* "a" is first */
	put(naming(ACTIVITY_UNDO, "u", "a", at("2026-03-11")));
	assert_int_equal(part(PART_REVIEWS, at("2026-03-11")), POINTS(8));
}

static void review_goes_with_its_order(void **state)
{
	(void)state;
	shop("o", at("2026-03-01"), 100);
	put(review_of("r", "o", 1, false, at("2026-03-02")));
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-03"), 100));
	assert_int_equal(part(PART_REVIEWS, at("2026-03-03")), POINTS(5)); /* a return keeps it */
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-04")));
	assert_int_equal(part(PART_REVIEWS, at("2026-03-04") - 1), POINTS(5));
	assert_int_equal(part(PART_REVIEWS, at("2026-03-04")), 0);
}

static void case_43_own_and_linked_openings_are_none(void **state)
{
	int64_t t = at("2026-03-10 12:00:00");

	(void)state;
	put(share_of("s", "shoes", at(DAY)));
	put(opening_of("own", "s", SELF, at(DAY) + 1));
	assert_int_equal(ledger_state(&l, "s", t), ENTRY_PENDING);
	assert_int_equal(part(PART_SHARES, t), 0);
	put(opening_of("other", "s", 7, at(DAY) + 2));
	assert_int_equal(part(PART_SHARES, t), POINTS(2));
	assert_int_equal(ledger_state(&l, "s", t), ENTRY_POSTED);
	put_link(7, true, at("2026-03-11"));
	assert_int_equal(part(PART_SHARES, at("2026-03-11") - 1), POINTS(2));
	assert_int_equal(part(PART_SHARES, at("2026-03-11")), 0);
	assert_int_equal(ledger_state(&l, "s", at("2026-03-11")), ENTRY_PENDING);
	put_link(7, false, at("2026-03-12"));
	assert_int_equal(part(PART_SHARES, at("2026-03-12")), POINTS(2));
}

static void shares_of_a_day_are_one(void **state)
{
	(void)state;
	put(share_of("s", "shoes", at(DAY)));
	put(share_of("t", "shoes", at("2026-03-10 23:59:59")));
	put(share_of("u", "shoes", at("2026-03-11")));
	put(opening_of("b", "t", 7, at("2026-03-12")));
	put(opening_of("c", "u", 7, at("2026-03-12")));
	put(opening_of("a", "s", 7, at("2026-03-13")));
	assert_int_equal(part(PART_SHARES, at("2026-03-12") - 1), 0);
	assert_int_equal(part(PART_SHARES, at("2026-03-12")), POINTS(4));
	assert_int_equal(part(PART_SHARES, at("2026-03-13")), POINTS(4));
	/* undone before any opening: void; after: reversed */
	put(share_of("v", "hats", at("2026-03-13")));
	put(naming(ACTIVITY_UNDO, "uv", "v", at("2026-03-14")));
	put(naming(ACTIVITY_UNDO, "us", "s", at("2026-03-14")));
	assert_int_equal(ledger_state(&l, "v", at("2026-03-14")), ENTRY_VOIDED);
	assert_int_equal(ledger_state(&l, "s", at("2026-03-14")), ENTRY_REVERSED);
	assert_int_equal(part(PART_SHARES, at("2026-03-14")), POINTS(4)); /* "t" has them now */
}

static void opening_may_come_before_its_share(void **state)
{
	(void)state;
	put(opening_of("o", "s", 7, at(DAY)));
	assert_int_equal(ledger_state(&l, "o", at(DAY)), ENTRY_PARKED);
	put(share_of("s", "shoes", at("2026-03-10 11:00:00")));
	assert_int_equal(ledger_state(&l, "o", at("2026-03-10 11:00:00")), ENTRY_APPLIED);
	assert_int_equal(part(PART_SHARES, at("2026-03-10 11:00:00") - 1), 0);
	assert_int_equal(part(PART_SHARES, at("2026-03-10 11:00:00")), POINTS(2));
	put(opening_of("p", "post", 7, at("2026-03-11")));
	put(post_of("post", at("2026-03-11")));
	assert_int_equal(ledger_state(&l, "p", at("2026-03-11")), ENTRY_REFUSED);
	assert_int_equal(receive(opening_of("q", "post", 7, at("2026-03-11")), at("2026-03-11")),
			 MB_NAMED_KIND_MISMATCH);
}

static void post_stands_a_day(void **state)
{
	struct fold fold;

	(void)state;
	put(post_of("p", at(DAY)));
	put(post_of("q", at(DAY) + 1));
	put(naming(ACTIVITY_UNDO, "u", "q", at("2026-03-11")));
	fold = ledger_fold(&l, at("2026-03-11"));
	assert_int_equal(fold.states[0], ENTRY_PENDING);
	assert_int_equal(fold.states[1], ENTRY_VOIDED);
	assert_int_equal(fold.next_change, at(DAY) + US_PER_DAY);
	assert_int_equal(fold.schedule[0].causes, CHANGE_INTERACTION);
	assert_int_equal(part(PART_POSTS, at(DAY) + US_PER_DAY - 1), 0);
	assert_int_equal(part(PART_POSTS, at(DAY) + US_PER_DAY), POINTS(4));
	assert_int_equal(part(PART_POSTS, at("2026-06-11")), POINTS(4));
	put(naming(ACTIVITY_UNDO, "v", "p", at("2026-04-11")));
	assert_int_equal(ledger_state(&l, "p", at("2026-04-11")), ENTRY_REVERSED);
	assert_int_equal(part(PART_POSTS, at("2026-06-11")), 0);
}

static void answers_look_at_links_when_they_are_given(void **state)
{
	(void)state;
	put(answer_to("own", SELF, at(DAY)));
	put(answer_to("before", 7, at(DAY)));
	put_link(7, true, at("2026-03-11"));
	put(answer_to("linked", 7, at("2026-03-11")));
	put_link(7, false, at("2026-03-12"));
	put(answer_to("after", 7, at("2026-03-12")));
	assert_int_equal(part(PART_ANSWERS, at("2026-03-11")), POINTS(2));
	assert_int_equal(part(PART_ANSWERS, at("2026-03-12")), POINTS(4));
}

static void votes_count_once_each_and_not_of_friends(void **state)
{
	(void)state;
	put(vote_by("a", "post", 7, at(DAY)));
	put(vote_by("b", "post", 7, at(DAY) + 1));
	put(vote_by("c", "post", 8, at(DAY) + 2));
	put(vote_by("d", "post", SELF, at(DAY) + 3));
	assert_int_equal(part(PART_VOTES, at("2026-03-11")), POINTS(2));
	put_link(7, true, at("2026-03-12"));
	assert_int_equal(part(PART_VOTES, at("2026-03-12")), POINTS(1));
}

static void visits_count_a_store_a_day(void **state)
{
	struct activity other = visit_to("d", "a", at(DAY) + 3);

	(void)state;
	other.visit.platform = PLATFORM_FOOD;
	put(visit_to("a", "a", at(DAY)));
	put(visit_to("b", "a", at(DAY) + 1));
	put(visit_to("c", "b", at(DAY) + 2));
	put(other);
	put(visit_to("e", "a", at("2026-03-11")));
	assert_int_equal(part(PART_VISITS, at("2026-03-11")), MICRO * 4 / 5);
	assert_int_equal(standing(at("2026-03-11")).score.platforms, 0); /* no breadth */
}

static void case_44_interaction_alone_is_bronze(void **state)
{
	struct standing s;

	(void)state;
	for (int i = 0; i < 300; i++) {
		put(answer_to(name("a", i), 7, at("2026-01-01") + i * US_PER_DAY / 2));
		put(post_of(name("p", i), at("2026-01-01") + i * US_PER_DAY / 2));
	}
	s = standing(at("2026-06-10"));
	assert_true(s.score.interaction > POINTS(200));
	assert_int_equal(s.score.points, 50);
	assert_int_equal(s.score.parts[PART_GUARD], POINTS(50) - s.score.interaction);
	assert_int_equal(s.tier, TIER_BRONZE);
}

static void case_45_credibility_changes_interaction_only(void **state)
{
	struct fold fold;
	int64_t until = at("2026-04-01"), t = at("2026-03-20");

	(void)state;
	food("o", at("2026-03-01"), YUAN(20000));
	for (int i = 0; i < 3; i++) {
		put(answer_to(name("a", i), 7, at(DAY) + i));
	}
	put_credibility(-2500, until, t);
	put_credibility(5000, 0, at("2026-05-01"));
	fold = ledger_fold(&l, t);
	assert_int_equal(fold.standing.credibility, 7500);
	assert_int_equal(fold.standing.score.micro, POINTS(751) + POINTS(6) * 3 / 4);
	assert_int_equal(fold.standing.score.parts[PART_CREDIBILITY], -POINTS(6) / 4);
	assert_int_equal(standing(t - 1).score.micro, POINTS(757));
	assert_int_equal(standing(until).score.micro, POINTS(757));
	assert_int_equal(fold.next_change, until);
	assert_int_equal(fold.schedule[0].causes, CHANGE_CREDIBILITY);
	assert_int_equal(standing(at("2026-05-01")).credibility, 12000); /* the highest */
	assert_int_equal(standing(at("2026-05-01")).score.micro, POINTS(751) + POINTS(6) * 6 / 5);
}

/* ---- the exact maximum ---- */

/* The most that passes kinds[k ..) and months, by trying all that each kind may send from month to
 * month: small numbers only. */
static int64_t brute(const struct interaction_months *months, const struct policy_interaction *rule,
		     int kind, size_t m, int64_t *left_of_month, int64_t left_of_kind)
{
	int64_t most, best = 0;

	if (kind == INTERACTION_END) {
		return 0;
	}
	if (m == months->n) {
		return brute(months, rule, kind + 1, 0, left_of_month,
			     kind + 1 < INTERACTION_END ? rule->kind[kind + 1].window : 0);
	}
	most = months->points[m][kind];
	most = most < left_of_month[m] ? most : left_of_month[m];
	most = most < left_of_kind ? most : left_of_kind;
	for (int64_t x = 0; x <= most; x++) {
		int64_t value;

		left_of_month[m] -= x;
		value = x + brute(months, rule, kind, m + 1, left_of_month, left_of_kind - x);
		left_of_month[m] += x;
		best = value > best ? value : best;
	}
	return best;
}

static void exact_maximum_equals_every_way_tried(void **state)
{
	uint64_t seed = 11;
	int over = 0;

	(void)state;
	for (int i = 0; i < 600; i++) {
		struct interaction_months months = {.n = (size_t)draw_below(&seed, 3) + 1};
		struct policy_interaction rule = {.month = draw_below(&seed, 6), .window = 100};
		int64_t left[INTERACTION_MONTHS];
		struct interaction_sum sum;

		for (size_t m = 0; m < months.n; m++) {
			left[m] = rule.month;
			for (int k = 1; k < 5; k++) {
				months.points[m][k] = draw_below(&seed, 4);
			}
		}
		for (int k = 1; k < INTERACTION_END; k++) {
			rule.kind[k].window = draw_below(&seed, 6);
		}
		sum = interaction_sum(&months, &rule);
		assert_int_equal(sum.total, brute(&months, &rule, 1, 0, left, rule.kind[1].window));
		rule.window = 3;
		assert_int_equal(interaction_sum(&months, &rule).total,
				 sum.total < 3 ? sum.total : 3);
		over += sum.total < sum.kinds[1] + sum.kinds[2] + sum.kinds[3] + sum.kinds[4];
	}
	assert_true(over > 100); /* the common cap mattered */
}

static void month_and_window_caps_are_named(void **state)
{
	struct fold fold;

	(void)state;
	for (int month = 0; month < 6; month++) {
		for (int day = 0; day < 11; day++) {
			for (int n = 0; n < 3; n++) {
				put(answer_to(name("a", month * 100 + day * 10 + n), 7,
					      at("2026-01-02") + month * 31 * US_PER_DAY +
						      day * US_PER_DAY + n));
			}
		}
	}
	fold = ledger_fold(&l, at("2026-06-30"));
	assert_int_equal(fold.standing.score.parts[PART_ANSWERS], POINTS(120));
	assert_int_equal(fold_caps_at(&fold, ACTIVITY_ANSWER, at("2026-01-02")),
			 CAP_DAY | CAP_MONTH | CAP_WINDOW);
	assert_int_equal(fold_caps_at(&fold, ACTIVITY_ANSWER, at("2026-01-31")),
			 CAP_MONTH | CAP_WINDOW);
	assert_int_equal(fold_caps_at(&fold, ACTIVITY_VOTE, at("2026-01-31")), 0);
	for (size_t i = 0; i < l.n; i++) {
		const struct counted *c = &fold.counts[i];

		assert_int_equal(c->points, c->counted + c->cut_day + c->cut_month + c->cut_window +
						    c->cut_common);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_39_fourth_review_of_a_day_adds_nothing),
		TEST(case_40_undone_one_makes_room),
		TEST(case_41_review_without_a_delivered_order),
		TEST(case_42_two_reviews_of_a_line_are_one),
		TEST(review_goes_with_its_order),
		TEST(case_43_own_and_linked_openings_are_none),
		TEST(shares_of_a_day_are_one),
		TEST(opening_may_come_before_its_share),
		TEST(post_stands_a_day),
		TEST(answers_look_at_links_when_they_are_given),
		TEST(votes_count_once_each_and_not_of_friends),
		TEST(visits_count_a_store_a_day),
		TEST(case_44_interaction_alone_is_bronze),
		TEST(case_45_credibility_changes_interaction_only),
		TEST(exact_maximum_equals_every_way_tried),
		TEST(month_and_window_caps_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
