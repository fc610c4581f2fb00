/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/fold.h"

#include "base/clock.h"
#include "domain/calendar.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct ledger l;
static struct verdict v;

static int begin(void **state)
{
	(void)state;
	ledger_init(&l, &default_policies);
	return 0;
}

static int end(void **state)
{
	(void)state;
	ledger_fini(&l);
	return 0;
}

static enum mb_code send(struct activity activity, const char *now)
{
	memset(&v, 0, sizeof(v));
	return ledger_send(&l, activity, at(now), &v);
}

static struct activity food(const char *id, const char *when, int64_t amount)
{
	return order_for(&l, id, PLATFORM_FOOD, at(when), at(when), amount);
}

static struct activity refund(const char *event_id, const char *when, int64_t amount)
{
	return reversal_for(&l, event_id, "o", at(when), amount);
}

static void order_is_pending_or_posted(void **state)
{
	(void)state;
	assert_int_equal(send(food("o", "2026-03-10", 100), "2026-03-10"), MB_OK);
	assert_int_equal(v.state, ENTRY_POSTED);
	assert_int_equal(v.n_woken, 0);
	assert_int_equal(
		send(order_for(&l, "p", PLATFORM_SHOPPING, at("2026-03-10"), at("2026-03-10"), 100),
		     "2026-03-17"),
		MB_OK);
	assert_int_equal(v.state, ENTRY_POSTED);
	assert_int_equal(send(order_for(&l, "q", PLATFORM_SHOPPING, at("2026-03-10"),
					at("2026-03-10") + 1, 100),
			      "2026-03-17"),
			 MB_OK);
	assert_int_equal(v.state, ENTRY_PENDING);
}

static void case_07_reversal_before_its_purchase_is_parked(void **state)
{
	(void)state;
	assert_int_equal(send(refund("x", "2026-03-12", 40), "2026-03-12"), MB_OK);
	assert_int_equal(v.state, ENTRY_PARKED);
	assert_int_equal(send(cancellation_for("other", "p", at("2026-03-12")), "2026-03-12"),
			 MB_OK);
	assert_int_equal(v.state, ENTRY_PARKED);
	assert_int_equal(ledger_state(&l, "x", at("2026-03-13")), ENTRY_PARKED);
	assert_int_equal(send(food("o", "2026-03-10", 100), "2026-03-13"), MB_OK);
	assert_int_equal(v.state, ENTRY_PARTLY_REVERSED);
	assert_int_equal(v.n_woken, 1);
	assert_int_equal(v.woken[0].entry, 0);
	assert_int_equal(v.woken[0].state, ENTRY_APPLIED);
	assert_int_equal(ledger_state(&l, "x", at("2026-03-13")), ENTRY_APPLIED);
	assert_int_equal(ledger_fold(&l, at("2026-03-13")).standing.score.spend, 60);
	assert_int_equal(ledger_fold(&l, at("2026-03-11")).standing.score.spend, 100);
}

static void case_08_refund_over_what_is_left_is_refused(void **state)
{
	(void)state;
	assert_int_equal(send(food("o", "2026-03-10", 100), "2026-03-10"), MB_OK);
	assert_int_equal(send(refund("x", "2026-03-12", 101), "2026-03-12"),
			 MB_REFUND_OVER_REMAINDER);
	assert_int_equal(send(refund("x", "2026-03-12", 60), "2026-03-12"), MB_OK);
	assert_int_equal(v.state, ENTRY_APPLIED);
	assert_int_equal(send(refund("y", "2026-03-13", 41), "2026-03-13"),
			 MB_REFUND_OVER_REMAINDER);
	/* a late one of an earlier instant would leave too little for the one of the 12th */
	assert_int_equal(send(refund("y", "2026-03-11", 41), "2026-03-13"),
			 MB_REFUND_OVER_REMAINDER);
	assert_int_equal(send(refund("y", "2026-03-11", 40), "2026-03-13"), MB_OK);
	assert_int_equal(send(refund("z", "2026-03-14", 1), "2026-03-14"),
			 MB_REFUND_OVER_REMAINDER);
	assert_int_equal(l.n, 3);
}

static void refund_is_of_the_net_amount_whole_or_not(void **state)
{
	struct line lines[] = {goods(1, 100), goods(4, 100)};
	struct reversal_line back[] = {{1, "CNY", 50}, {4, "CNY", 61}};
	struct mb_err err;
	struct activity activity;

	(void)state;
	lines[1].coupon = 30;
	lines[1].points = 10;
	activity = order_with(&l, "o", PLATFORM_FOOD, at("2026-03-10"), at("2026-03-10"), lines, 2);
	assert_int_equal(send(activity, "2026-03-10"), MB_OK);
	activity = reversal_with(&l, "x", "o", at("2026-03-11"), back, 2);
	assert_int_equal(ledger_judge(&l, &activity, at("2026-03-11"), l.arena, &v, &err),
			 MB_REFUND_OVER_REMAINDER);
	assert_string_equal(err.field, "reversal.lines[1].amount");
	back[1].amount = 60;
	assert_int_equal(send(reversal_with(&l, "x", "o", at("2026-03-11"), back, 2), "2026-03-11"),
			 MB_OK);
	back[0] = (struct reversal_line){2, "CNY", 1};
	assert_int_equal(send(reversal_with(&l, "y", "o", at("2026-03-11"), back, 1), "2026-03-11"),
			 MB_REFUND_LINE_MISMATCH);
	back[0] = (struct reversal_line){1, "USD", 1};
	assert_int_equal(send(reversal_with(&l, "y", "o", at("2026-03-11"), back, 1), "2026-03-11"),
			 MB_REFUND_LINE_MISMATCH);
}

static void parked_ones_are_judged_in_canonical_order(void **state)
{
	(void)state;
	/* arrival: the later one first; canonical order decides which of them fits */
	assert_int_equal(send(refund("late", "2026-03-14", 60), "2026-03-14"), MB_OK);
	assert_int_equal(send(refund("early", "2026-03-12", 60), "2026-03-14"), MB_OK);
	assert_int_equal(send(refund("mid-b", "2026-03-13", 10), "2026-03-14"), MB_OK);
	assert_int_equal(send(refund("mid-a", "2026-03-13", 35), "2026-03-14"), MB_OK);
	assert_int_equal(send(food("o", "2026-03-10", 100), "2026-03-15"), MB_OK);
	assert_int_equal(v.n_woken, 4);
	assert_int_equal(v.woken[0].entry, 1);
	assert_int_equal(v.woken[0].state, ENTRY_APPLIED);
	assert_int_equal(v.woken[1].entry, 3);
	assert_int_equal(v.woken[1].state, ENTRY_APPLIED);
	assert_int_equal(v.woken[2].entry, 2);
	assert_int_equal(v.woken[2].state, ENTRY_REFUSED); /* 5 are left */
	assert_int_equal(v.woken[3].state, ENTRY_REFUSED);
	assert_int_equal(ledger_fold(&l, at("2026-03-15")).standing.score.spend, 5);
	/* what comes later changes no verdict */
	assert_int_equal(send(refund("after", "2026-03-11", 5), "2026-03-16"), MB_OK);
	assert_int_equal(ledger_state(&l, "early", at("2026-03-16")), ENTRY_APPLIED);
	assert_int_equal(ledger_state(&l, "mid-b", at("2026-03-16")), ENTRY_REFUSED);
	assert_int_equal(ledger_state(&l, "late", at("2026-03-16")), ENTRY_REFUSED);
	assert_int_equal(ledger_fold(&l, at("2026-03-16")).standing.score.spend, 0);
}

static void order_exists_once(void **state)
{
	struct activity again;

	(void)state;
	assert_int_equal(send(food("o", "2026-03-10", 100), "2026-03-10"), MB_OK);
	again = food("o", "2026-03-10", 100);
	again.source_event_id = STR("o-again");
	assert_int_equal(send(again, "2026-03-10"), MB_ORDER_EXISTS);
	again.source = again.order_source = STR("other");
	assert_int_equal(send(again, "2026-03-10"), MB_OK); /* another source's order */
}

static void closed_orders_take_nothing_more(void **state)
{
	(void)state;
	assert_int_equal(send(food("o", "2026-03-10", 100), "2026-03-10"), MB_OK);
	assert_int_equal(send(cancellation_for("c", "o", at("2026-03-15")), "2026-03-15"), MB_OK);
	assert_int_equal(v.state, ENTRY_APPLIED);
	assert_int_equal(send(refund("x", "2026-03-15", 10), "2026-03-15"), MB_ORDER_CLOSED);
	assert_int_equal(send(refund("x", "2026-03-16", 10), "2026-03-16"), MB_ORDER_CLOSED);
	assert_int_equal(send(cancellation_for("d", "o", at("2026-03-15")), "2026-03-16"),
			 MB_ORDER_CLOSED);
	assert_int_equal(
		send(completion_for("k", "o", at("2026-03-16"), at("2026-03-16")), "2026-03-16"),
		MB_OK);
	assert_int_equal(v.state, ENTRY_APPLIED);
	/* what took place before it still counts */
	assert_int_equal(send(refund("x", "2026-03-14", 10), "2026-03-16"), MB_OK);
	assert_int_equal(ledger_fold(&l, at("2026-03-14")).standing.score.spend, 90);
	assert_int_equal(send(cancellation_for("d", "o", at("2026-03-12")), "2026-03-16"), MB_OK);
	assert_int_equal(ledger_fold(&l, at("2026-03-11")).standing.score.spend, 100);
	assert_int_equal(ledger_fold(&l, at("2026-03-14")).standing.score.spend, 0);
}

static void parked_after_a_parked_cancellation_is_refused(void **state)
{
	(void)state;
	assert_int_equal(send(refund("x", "2026-03-14", 10), "2026-03-14"), MB_OK);
	assert_int_equal(send(cancellation_for("c", "o", at("2026-03-12")), "2026-03-14"), MB_OK);
	assert_int_equal(send(refund("y", "2026-03-11", 10), "2026-03-14"), MB_OK);
	assert_int_equal(send(food("o", "2026-03-10", 100), "2026-03-14"), MB_OK);
	assert_int_equal(v.state, ENTRY_REVERSED);
	assert_int_equal(v.n_woken, 3);
	assert_int_equal(v.woken[0].state, ENTRY_APPLIED);
	assert_int_equal(v.woken[1].state, ENTRY_APPLIED);
	assert_int_equal(v.woken[2].state, ENTRY_REFUSED);
}

static struct activity undo_of(const char *event_id, const char *named, const char *when)
{
	return (struct activity){.kind = ACTIVITY_UNDO,
				 .source = STR("shop"),
				 .source_event_id = str_from(event_id),
				 .occurred_at = at(when),
				 .about_source = STR("shop"),
				 .about_event_id = str_from(named)};
}

static void what_never_acted_is_not_reversed_by_its_undo(void **state)
{
	(void)state;
	assert_int_equal(send(refund("big", "2026-03-12", 101), "2026-03-13"), MB_OK);
	assert_int_equal(send(undo_of("u", "big", "2026-03-14"), "2026-03-14"), MB_OK);
	assert_int_equal(v.state, ENTRY_APPLIED);
	assert_int_equal(ledger_state(&l, "big", at("2026-03-15")), ENTRY_PARKED);
	assert_int_equal(send(food("o", "2026-03-10", 100), "2026-03-15"), MB_OK);
	assert_int_equal(v.woken[0].state, ENTRY_REFUSED);
	assert_int_equal(ledger_state(&l, "big", at("2026-03-15")), ENTRY_REFUSED);
}

static void a_reversal_is_judged_whole_whatever_undo_waits_for_it(void **state)
{
	(void)state;
	assert_int_equal(send(undo_of("u", "big", "2026-03-12"), "2026-03-14"), MB_OK);
	assert_int_equal(send(refund("big", "2026-03-12", 101), "2026-03-14"), MB_OK);
	assert_int_equal(send(undo_of("w", "late", "2026-03-12"), "2026-03-14"), MB_OK);
	assert_int_equal(send(food("o", "2026-03-10", 100), "2026-03-15"), MB_OK);
	assert_int_equal(ledger_state(&l, "big", at("2026-03-15")), ENTRY_REFUSED);
	assert_int_equal(send(refund("late", "2026-03-12", 101), "2026-03-15"),
			 MB_REFUND_OVER_REMAINDER);
	assert_int_equal(send(refund("late", "2026-03-12", 100), "2026-03-15"), MB_OK);
	assert_int_equal(v.state, ENTRY_REVERSED);
}

static void window_is_14_months(void **state)
{
	(void)state;
	assert_int_equal(send(food("o", "2026-03-10 10:00:00", 100), "2027-05-10 10:00:00"), MB_OK);
	assert_int_equal(send(food("p", "2026-03-10 10:00:00", 100), "2027-05-10 10:00:01"),
			 MB_OUT_OF_WINDOW);
	/* a day that does not exist becomes the first of the next month */
	assert_int_equal(send(food("q", "2025-12-31 10:00:00", 100), "2027-03-01 10:00:00"), MB_OK);
	/* the age comes before the content */
	assert_int_equal(send(refund("x", "2026-03-10", 101), "2027-06-01"), MB_OUT_OF_WINDOW);
}

static void waits_15_months_at_most(void **state)
{
	(void)state;
	assert_int_equal(send(refund("x", "2026-01-05", 10), "2026-01-05"), MB_OK);
	assert_int_equal(ledger_state(&l, "x", at("2027-04-05") - 1), ENTRY_PARKED);
	assert_int_equal(ledger_state(&l, "x", at("2027-04-05")), ENTRY_EXPIRED);
	assert_int_equal(send(refund("y", "2026-02-20", 10), "2026-02-20"), MB_OK);
	/* the order itself may just be told */
	assert_int_equal(send(food("o", "2026-03-10", 100), "2027-04-06"), MB_OK);
	assert_int_equal(v.n_woken, 2);
	assert_int_equal(v.woken[0].state, ENTRY_EXPIRED);
	assert_int_equal(v.woken[1].state, ENTRY_APPLIED);
	assert_int_equal(ledger_state(&l, "x", at("2027-04-06")), ENTRY_EXPIRED);
	assert_int_equal(ledger_fold(&l, at("2026-12-01")).standing.score.spend, 90);
}

static void a_thousand_wait_at_most(void **state)
{
	struct activity more = cancellation_for("more", "more", at("2026-03-12"));
	struct arena *tiny = arena_create(NULL, 16);
	struct mb_err err;

	(void)state;
	assert_int_equal(send(food("known", "2026-03-10", 100), "2026-03-10"), MB_OK);
	for (int i = 0; i < PARKED_MAX; i++) {
		const char *id = arena_printf(l.arena, "c-%d", i);
		struct activity activity = cancellation_for(id, id, at("2026-03-12"));
		/* judging every one would make this test square: the ledger is what counts */
		struct entry entry = {i + 2, i + 3, at("2026-03-12"), activity};

		if (i == 0) {
			assert_int_equal(send(activity, "2026-03-12"), MB_OK);
			continue;
		}
		if (l.n == l.room) {
			l.entries = memcpy(arena_array(l.arena, PARKED_MAX + 8, sizeof(*l.entries)),
					   l.entries, l.n * sizeof(*l.entries));
			l.room = PARKED_MAX + 8;
		}
		l.entries[l.n++] = entry;
	}
	/* counting them takes memory, which may not be there */
	assert_int_equal(ledger_judge(&l, &more, at("2026-03-13"), tiny, &v, &err), MB_ARENA_FULL);
	arena_destroy(tiny);
	assert_int_equal(send(more, "2026-03-13"), MB_PARKED_FULL);
	/* what does not wait is welcome, and what wakes one makes room */
	assert_int_equal(send(completion_for("k", "known", at("2026-03-12"), at("2026-03-12")),
			      "2026-03-13"),
			 MB_OK);
	assert_int_equal(send(food("c-7", "2026-03-11", 100), "2026-03-13"), MB_OK);
	assert_int_equal(v.n_woken, 1);
	assert_int_equal(send(cancellation_for("more", "more", at("2026-03-12")), "2026-03-13"),
			 MB_OK);
	assert_int_equal(v.state, ENTRY_PARKED);
	assert_int_equal(send(cancellation_for("still", "still", at("2026-03-12")), "2026-03-13"),
			 MB_PARKED_FULL);
	/* expired ones do not wait any more */
	assert_int_equal(send(cancellation_for("still", "still", at("2027-06-12")), "2027-06-13"),
			 MB_OK);
}

/* ---- case 6 ---- */

static void swap(int *a, int *b)
{
	int keep = *a;

	*a = *b;
	*b = keep;
}

static bool next_permutation(int *order, int n)
{
	int i = n - 2, j = n - 1;

	while (i >= 0 && order[i] > order[i + 1]) {
		i--;
	}
	if (i < 0) {
		return false;
	}
	while (order[j] < order[i]) {
		j--;
	}
	swap(&order[i], &order[j]);
	for (int low = i + 1, high = n - 1; low < high; low++, high--) {
		swap(&order[low], &order[high]);
	}
	return true;
}

#define SET 7

struct outcome {
	struct fold fold;
	enum entry_state states[SET];
};

static void outcome_of(const struct ledger *ledger, const int *order, int64_t t,
		       struct outcome *out)
{
	out->fold = ledger_fold(ledger, t);
	for (int i = 0; i < SET; i++) {
		out->states[order[i]] = out->fold.states[i];
	}
}

static bool same_outcome(const struct outcome *a, const struct outcome *b)
{
	bool same = same_fold(&a->fold, &b->fold) &&
		    memcmp(a->states, b->states, sizeof(a->states)) == 0 &&
		    a->fold.n_schedule == b->fold.n_schedule &&
		    a->fold.next_change == b->fold.next_change &&
		    a->fold.n_pending == b->fold.n_pending;

	for (size_t i = 0; same && i < a->fold.n_schedule; i++) {
		same = a->fold.schedule[i].at == b->fold.schedule[i].at &&
		       a->fold.schedule[i].causes == b->fold.schedule[i].causes &&
		       same_standing(&a->fold.schedule[i].after, &b->fold.schedule[i].after);
	}
	for (size_t i = 0; same && i < a->fold.n_pending; i++) {
		same = a->fold.pending[i].would_add == b->fold.pending[i].would_add &&
		       a->fold.pending[i].posts_at == b->fold.pending[i].posts_at &&
		       activity_cmp(&a->fold.pending[i].entry->activity,
				    &b->fold.pending[i].entry->activity) == 0;
	}
	return same;
}

/* Every permutation in which each sending is accepted gives the same; returns how many those are. */
static int permute(const struct activity *set, int64_t now, int64_t t)
{
	struct outcome first, next;
	int order[SET], accepted = 0;

	for (int i = 0; i < SET; i++) {
		order[i] = i;
	}
	do {
		struct ledger ledger;
		bool all = true;

		ledger_init(&ledger, &default_policies);
		for (int i = 0; i < SET && all; i++) {
			all = ledger_send(&ledger, set[order[i]], now, NULL) == MB_OK;
		}
		if (all && accepted++ == 0) {
			outcome_of(&ledger, order, t, &first);
			/* kept to be compared with: its memory goes over to the common one */
			l.arena = ledger.arena;
			continue;
		}
		if (all) {
			outcome_of(&ledger, order, t, &next);
			assert_true(same_outcome(&first, &next));
		}
		ledger_fini(&ledger);
	} while (next_permutation(order, SET));
	return accepted;
}

static void case_06_every_accepted_permutation_gives_the_same(void **state)
{
	struct ledger made;
	struct activity set[SET];
	int64_t now = at("2026-05-01");

	(void)state;
	ledger_fini(&l);
	ledger_init(&made, &default_policies);
	set[0] = order_for(&made, "a", PLATFORM_SHOPPING, at("2026-03-01"), 0, YUAN(20000));
	set[1] = completion_for("ak", "a", at("2026-03-05"), at("2026-03-04"));
	set[2] = completion_for("al", "a", at("2026-03-05"), at("2026-03-05"));
	set[3] = reversal_for(&made, "ax", "a", at("2026-03-20"), YUAN(12000));
	set[4] = cancellation_for("ac", "a", at("2026-04-10"));
	set[5] = order_for(&made, "b", PLATFORM_FOOD, at("2026-03-02"), 0, YUAN(900));
	set[6] = reversal_for(&made, "bx", "b", at("2026-03-03"), YUAN(100));
	assert_int_equal(permute(set, now, at("2026-03-25")), 5040);
	ledger_fini(&l);
	/* two refunds of which one order of arrival lets both in, and one after the cancellation */
	set[2] = reversal_for(&made, "ay", "a", at("2026-03-18"), YUAN(8000));
	set[5] = reversal_for(&made, "az", "a", at("2026-03-19"), YUAN(1));
	set[6] = order_for(&made, "b", PLATFORM_FOOD, at("2026-03-02"), 0, YUAN(900));
	assert_in_range(permute(set, now, at("2026-06-25")), 1, 5039);
	ledger_fini(&l);
	ledger_fini(&made);
	ledger_init(&l, &default_policies);
}

static void each_refused_allocation_is_an_error(void **state)
{
	struct activity order = food("o", "2026-03-10", 100);
	struct activity more = refund("z", "2026-03-12", 1);
	const struct activity *const news[] = {&order, &more};
	struct mb_err err;

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(send(refund(arena_printf(l.arena, "x-%d", i), "2026-03-11", 1),
				      "2026-03-11"),
				 MB_OK);
	}
	for (size_t i = 0; i < 2; i++) {
		enum mb_code code = MB_ARENA_FULL;
		int refused = 0;

		for (size_t cap = 16; code != MB_OK; cap += 16) {
			struct arena *arena = arena_create(NULL, cap);

			code = ledger_judge(&l, news[i], at("2026-03-12"), arena, &v, &err);
			assert_true(code == MB_OK || code == MB_ARENA_FULL);
			refused += code != MB_OK;
			arena_destroy(arena);
		}
		assert_true(refused > 3);
		if (i == 0) {
			assert_int_equal(send(order, "2026-03-12"), MB_OK);
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(order_is_pending_or_posted),
		TEST(case_07_reversal_before_its_purchase_is_parked),
		TEST(case_08_refund_over_what_is_left_is_refused),
		TEST(refund_is_of_the_net_amount_whole_or_not),
		TEST(parked_ones_are_judged_in_canonical_order),
		TEST(order_exists_once),
		TEST(closed_orders_take_nothing_more),
		TEST(parked_after_a_parked_cancellation_is_refused),
		TEST(what_never_acted_is_not_reversed_by_its_undo),
		TEST(a_reversal_is_judged_whole_whatever_undo_waits_for_it),
		TEST(window_is_14_months),
		TEST(waits_15_months_at_most),
		TEST(a_thousand_wait_at_most),
		TEST(case_06_every_accepted_permutation_gives_the_same),
		TEST(each_refused_allocation_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
