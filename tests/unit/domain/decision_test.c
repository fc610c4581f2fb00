/* SPDX-License-Identifier: Apache-2.0 */
/* Undo, findings, void, links, overrides, suspension; and whole ledgers of all kinds. */
#include "drawing.h"

#include <string.h>

#define POINTS(n) ((n)*MICRO)

static struct activity about_order(enum activity_kind kind, const char *id, const char *order,
				   int64_t when)
{
	struct activity a = naming(kind, id, order, when);

	a.about_source = STR("shop");
	return a;
}

/* ---- findings ---- */

static void case_15_proven_fraud_retiers_at_once(void **state)
{
	int64_t f = at("2026-03-20 12:00:00"), until = at("2027-03-20 12:00:00");
	struct fold fold;

	(void)state;
	food("o", at("2026-03-01"), YUAN(20000)); /* Gold, protected */
	food("p", at("2026-03-02"), YUAN(10000));
	put(about_order(ACTIVITY_FINDING, "f", "o", f));
	fold = ledger_fold(&l, f);
	assert_int_equal(standing(f - 1).tier, TIER_GOLD);
	assert_int_equal(fold.standing.tier, TIER_SILVER); /* 440 + 11 - 50 */
	assert_int_equal(fold.standing.score.points, 401);
	(void)until;
}

static void finding_takes_credibility_and_points(void **state)
{
	int64_t f = at("2026-03-20 12:00:00"), until = at("2027-03-20 12:00:00");
	struct fold fold;

	(void)state;
	food("o", at("2026-03-01"), YUAN(20000));
	put(post_of("p", at("2026-03-02")));
	put(post_of("q", at("2026-03-02") + 1));
	put_finding("f", "p", f);
	fold = ledger_fold(&l, f);
	assert_int_equal(fold.states[1], ENTRY_VOIDED);
	assert_int_equal(fold.standing.credibility, 8000);
	assert_int_equal(fold.standing.score.parts[PART_POSTS], POINTS(4));
	assert_int_equal(fold.standing.score.parts[PART_PENALTY], -POINTS(50));
	assert_int_equal(standing(f + 180 * US_PER_DAY - 1).credibility, 8000);
	assert_int_equal(standing(f + 180 * US_PER_DAY).credibility, 10000);
	assert_int_equal(part(PART_PENALTY, until - 1), -POINTS(50));
	assert_int_equal(part(PART_PENALTY, until), 0);
	assert_int_equal(receive(naming(ACTIVITY_FINDING, "g", "p", f + 1), f + 1),
			 MB_FINDING_EXISTS);
	put(naming(ACTIVITY_UNDO, "u", "f", at("2026-03-21")));
	fold = ledger_fold(&l, at("2026-03-21"));
	assert_int_equal(fold.states[1], ENTRY_POSTED);
	assert_int_equal(fold.states[3], ENTRY_REVERSED);
	assert_int_equal(fold.standing.credibility, 10000);
	assert_int_equal(fold.standing.score.parts[PART_PENALTY], 0);
	assert_int_equal(fold.standing.protected_until, 0); /* the fall stays */
	/* not again, also after the first was undone */
	assert_int_equal(receive(naming(ACTIVITY_FINDING, "g", "p", f + 1), at("2026-03-22")),
			 MB_FINDING_EXISTS);
}

static void penalty_stops_at_zero(void **state)
{
	struct standing s;

	(void)state;
	put(post_of("p", at("2026-03-02")));
	put_finding("f", "p", at("2026-03-05"));
	s = standing(at("2026-03-06"));
	assert_int_equal(s.score.micro, 0);
	assert_int_equal(s.score.parts[PART_ZERO_FLOOR], POINTS(50));
	assert_int_equal(s.score.parts[PART_FRACTION_DROPPED], 0);
}

/* ---- undo and void ---- */

static void undone_reversal_gives_back(void **state)
{
	(void)state;
	food("o", at("2026-03-01"), 100);
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-02"), 60));
	assert_int_equal(
		receive(reversal_for(&l, "y", "o", at("2026-03-03"), 60), at("2026-03-03")),
		MB_REFUND_OVER_REMAINDER);
	put(about_order(ACTIVITY_UNDO, "u", "x", at("2026-03-04")));
	assert_int_equal(standing(at("2026-03-04") - 1).score.spend, 40);
	assert_int_equal(standing(at("2026-03-04")).score.spend, 100);
	assert_int_equal(ledger_state(&l, "x", at("2026-03-04")), ENTRY_REVERSED);
	/* before the undo there is no room, after it there is */
	assert_int_equal(
		receive(reversal_for(&l, "y", "o", at("2026-03-03"), 60), at("2026-03-05")),
		MB_REFUND_OVER_REMAINDER);
	assert_int_equal(
		receive(reversal_for(&l, "y", "o", at("2026-03-04"), 100), at("2026-03-05")),
		MB_OK);
	assert_int_equal(standing(at("2026-03-05")).score.spend, 0);
}

static void undone_cancellation_opens_again(void **state)
{
	(void)state;
	food("o", at("2026-03-01"), 100);
	ledger_put(&l, reversal_for(&l, "x", "o", at("2026-03-02"), 10));
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-03")));
	put(about_order(ACTIVITY_UNDO, "u", "c", at("2026-03-05")));
	assert_int_equal(standing(at("2026-03-05") - 1).score.spend, 0);
	assert_int_equal(standing(at("2026-03-05")).score.spend, 90);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-04")), ENTRY_REVERSED);
	assert_int_equal(ledger_state(&l, "o", at("2026-03-05")), ENTRY_PARTLY_REVERSED);
	assert_int_equal(receive(reversal_for(&l, "y", "o", at("2026-03-04"), 1), at("2026-03-06")),
			 MB_ORDER_CLOSED);
	assert_int_equal(receive(reversal_for(&l, "y", "o", at("2026-03-05"), 1), at("2026-03-06")),
			 MB_OK);
}

static void early_cancellation_is_for_good(void **state)
{
	(void)state;
	shop("o", at("2026-03-01"), 100);
	ledger_put(&l, cancellation_for("c", "o", at("2026-03-03")));
	put(about_order(ACTIVITY_UNDO, "u", "c", at("2026-03-05")));
	assert_int_equal(ledger_state(&l, "o", at("2026-04-05")), ENTRY_VOIDED);
	assert_int_equal(standing(at("2026-04-05")).score.spend, 0);
}

static void some_cannot_be_undone_found_or_void(void **state)
{
	int64_t t = at("2026-03-05");

	(void)state;
	food("o", at("2026-03-01"), 100);
	put(post_of("p", at("2026-03-01")));
	put(naming(ACTIVITY_UNDO, "u", "p", at("2026-03-03")));
	assert_int_equal(receive(about_order(ACTIVITY_UNDO, "v", "o", t), t), MB_UNDO_NOT_ALLOWED);
	assert_int_equal(receive(naming(ACTIVITY_UNDO, "v", "u", t), t), MB_UNDO_NOT_ALLOWED);
	assert_int_equal(receive(naming(ACTIVITY_FINDING, "v", "u", t), t), MB_FINDING_NOT_ALLOWED);
	assert_int_equal(receive(naming(ACTIVITY_VOID, "v", "nothing", t), t),
			 MB_ACTIVITY_NOT_FOUND);
	put(naming(ACTIVITY_VOID, "v", "u", t));
	assert_int_equal(receive(naming(ACTIVITY_VOID, "w", "u", t), t), MB_VOID_NOT_ALLOWED);
	assert_int_equal(receive(naming(ACTIVITY_VOID, "w", "v", t), t), MB_VOID_NOT_ALLOWED);
	/* the undo never was */
	assert_int_equal(ledger_state(&l, "p", at("2026-03-04")), ENTRY_POSTED);
	assert_int_equal(ledger_state(&l, "u", at("2026-03-04")), ENTRY_VOIDED);
}

static void void_order_never_was(void **state)
{
	int64_t t = at("2026-05-01");
	struct fold fold;

	(void)state;
	food("o", at("2026-03-01"), YUAN(20000));
	put(review_of("r", "o", 1, false, at("2026-03-02")));
	put(about_order(ACTIVITY_VOID, "v", "o", t));
	fold = ledger_fold(&l, at("2026-03-05"));
	assert_int_equal(fold.standing.score.micro, 0);
	assert_int_equal(fold.states[0], ENTRY_VOIDED);
	assert_int_equal(fold.n_history, 0);
	assert_int_equal(receive(reversal_for(&l, "x", "o", t, 1), t), MB_ORDER_CLOSED);
	assert_int_equal(receive(cancellation_for("c", "o", t), t), MB_ORDER_CLOSED);
}

static void what_names_the_unknown_waits(void **state)
{
	int64_t t = at("2026-03-02");

	(void)state;
	put(naming(ACTIVITY_UNDO, "u", "p", t));
	put(naming(ACTIVITY_FINDING, "g", "p", t + 1));
	put(naming(ACTIVITY_FINDING, "f", "p", t));
	assert_int_equal(ledger_state(&l, "u", t + 1), ENTRY_PARKED);
	assert_int_equal(ledger_state(&l, "u", at("2027-06-02")), ENTRY_EXPIRED);
	assert_int_equal(receive(post_of("p", at("2026-03-01")), at("2026-03-03")), MB_OK);
	assert_int_equal(ledger_state(&l, "u", at("2026-03-03")), ENTRY_APPLIED);
	assert_int_equal(ledger_state(&l, "f", at("2026-03-03")), ENTRY_APPLIED);
	assert_int_equal(ledger_state(&l, "g", at("2026-03-03")), ENTRY_REFUSED);
	put(about_order(ACTIVITY_UNDO, "uo", "o", t));
	food("o", at("2026-03-04"), 100);
	assert_int_equal(ledger_state(&l, "uo", at("2026-03-04")), ENTRY_REFUSED);
}

/* ---- masks ---- */

static void case_38_override_ends_and_the_natural_tier_shows(void **state)
{
	int64_t from = at("2026-03-05"), until = at("2026-04-05");
	struct fold fold;

	(void)state;
	food("o", at("2026-03-01"), YUAN(20000));
	put_override(TIER_BLACK_DIAMOND, until, from);
	fold = ledger_fold_all(&l, from);
	assert_int_equal(fold.standing.tier, TIER_GOLD);
	assert_int_equal(fold.standing.shown, TIER_BLACK_DIAMOND);
	assert_int_equal(fold.standing.shown_until, until);
	assert_int_equal(fold.history[fold.n_history - 1].kind, TRANSITION_OVERRIDE);
	assert_int_equal(fold.history[fold.n_history - 1].from, TIER_GOLD);
	assert_int_equal(fold.history[fold.n_history - 1].to, TIER_BLACK_DIAMOND);
	assert_int_equal(fold.next_told, at("2026-03-08")); /* the first settlement */
	assert_int_equal(ledger_fold_all(&l, at("2026-03-08")).next_change, until);
	assert_int_equal(ledger_fold_all(&l, at("2026-03-08")).next_told, until);
	assert_int_equal(standing(until - 1).shown, TIER_BLACK_DIAMOND);
	assert_int_equal(standing(until).shown, TIER_GOLD);
	assert_int_equal(standing(until).shown_until, 0);
	/* the one made last shows; tier 0 ends both */
	put_override(TIER_SILVER, at("2026-03-20"), at("2026-03-10"));
	assert_int_equal(standing(at("2026-03-10")).shown, TIER_SILVER);
	assert_int_equal(standing(at("2026-03-20")).shown, TIER_BLACK_DIAMOND);
	put_override((enum tier)0, 0, at("2026-03-25"));
	assert_int_equal(standing(at("2026-03-25") - 1).shown, TIER_BLACK_DIAMOND);
	assert_int_equal(standing(at("2026-03-25")).shown, TIER_GOLD);
}

static void case_72_suspended_goes_on_recording(void **state)
{
	struct fold fold;

	(void)state;
	put_suspension(true, at("2026-03-05"));
	food("o", at("2026-03-06"), YUAN(20000));
	put_suspension(false, at("2026-03-07"));
	assert_false(standing(at("2026-03-05") - 1).suspended);
	assert_true(standing(at("2026-03-06")).suspended);
	assert_int_equal(standing(at("2026-03-06")).tier, TIER_GOLD);
	fold = ledger_fold_all(&l, at("2026-03-07"));
	assert_false(fold.standing.suspended);
	assert_int_equal(fold.history[0].kind, TRANSITION_STATE);
	assert_int_equal(fold.history[0].to, STATE_SUSPENDED);
	assert_int_equal(fold.history[fold.n_history - 1].to, STATE_ACTIVE);
}

static void tracks_tell_what_happened(void **state)
{
	static const struct {
		enum transition_kind kind;
		const char *at;
		int32_t from, to;
	} rows[] = {
		{TRANSITION_UPGRADE, "2026-03-01", TIER_BRONZE, TIER_GOLD},
		{TRANSITION_UPGRADE, "2026-03-03", TIER_GOLD, TIER_PLATINUM},
		{TRANSITION_LEVEL, "2026-03-03", LEVEL_STANDARD, LEVEL_SUPER},
		{TRANSITION_SETTLED, "2026-03-08", TIER_PLATINUM, TIER_PLATINUM}, /* of nothing */
		{TRANSITION_SETTLED, "2026-04-08", TIER_PLATINUM, TIER_PLATINUM},
		{TRANSITION_FRAUD, "2026-04-20", TIER_PLATINUM, TIER_GOLD},
		{TRANSITION_LEVEL, "2026-04-20", LEVEL_SUPER, LEVEL_STANDARD},
		{TRANSITION_SETTLED, "2026-05-08", TIER_GOLD, TIER_GOLD},
	};
	struct fold fold;

	(void)state;
	food("o", at("2026-03-01"), YUAN(30000));
	food("p", at("2026-03-02"), YUAN(1));
	ledger_put(&l, order_for(&l, "q", PLATFORM_TRAVEL, at("2026-03-01"), at("2026-03-01"),
				 YUAN(30000)));
	put(about_order(ACTIVITY_FINDING, "f", "q", at("2026-04-20")));
	fold = ledger_fold_all(&l, at("2026-05-10"));
	assert_int_equal(fold.n_history, sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < fold.n_history; i++) {
		assert_int_equal(fold.history[i].kind, rows[i].kind);
		assert_int_equal(fold.history[i].effective_at, at(rows[i].at));
		assert_int_equal(fold.history[i].from, rows[i].from);
		assert_int_equal(fold.history[i].to, rows[i].to);
		assert_true(transition_track(fold.history[i].kind) != 0);
	}
	/* all that is left leaves: below keep, at once */
	assert_int_equal(fold.next_told, at("2027-03-01"));
}

/* ---- whole ledgers ---- */

static void expect_sums(const struct fold *fold)
{
	int64_t sum = 0;

	for (int part = 1; part < PART_END; part++) {
		sum += fold->standing.score.parts[part];
	}
	assert_int_equal(sum, fold->standing.score.points * MICRO); /* case 76 */
	sum = 0;
	for (size_t i = 0; i < l.n; i++) {
		const struct counted *c = &fold->counts[i];

		sum += l.entries[i].activity.kind == ACTIVITY_ORDER ? 0 : c->counted;
		assert_int_equal(c->points, c->counted + c->cut_day + c->cut_month + c->cut_window +
						    c->cut_common);
	}
	assert_int_equal(sum, fold->standing.score.interaction);
}

static void shuffle(struct entry *entries, size_t n, uint64_t *seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)draw_below(seed, (int64_t)i);
		struct entry swap = entries[i - 1];

		entries[i - 1] = entries[j];
		entries[j] = swap;
	}
}

static enum entry_state state_of(const struct fold *fold, int64_t revision)
{
	size_t i = 0;

	while (l.entries[i].revision != revision) {
		i++;
	}
	return fold->states[i];
}

static void case_76_and_the_array_may_come_in_any_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 120; seed++) {
		struct drawing d = {.seed = seed};
		int64_t t;
		struct fold a, b;
		enum entry_state states[100];

		end(NULL);
		begin(NULL);
		draw_ledger(&d);
		t = at("2025-06-01") + below(&d, 600) * US_PER_DAY;
		a = ledger_fold_all(&l, t);
		expect_sums(&a);
		for (size_t i = 0; i < l.n; i++) {
			states[l.entries[i].revision] = a.states[i];
		}
		shuffle(l.entries, l.n, &d.seed);
		b = ledger_fold_all(&l, t);
		assert_true(same_fold(&a, &b));
		assert_int_equal(a.n_schedule, b.n_schedule);
		assert_int_equal(a.next_told, b.next_told);
		for (size_t i = 0; i < a.n_schedule; i++) {
			assert_int_equal(a.schedule[i].causes, b.schedule[i].causes);
			assert_true(same_standing(&a.schedule[i].after, &b.schedule[i].after));
		}
		for (size_t i = 0; i < l.n; i++) {
			int64_t revision = l.entries[i].revision;

			assert_int_equal(states[revision], state_of(&b, revision));
		}
	}
}

/* What is foretold comes, and the next row of history comes when it was said. */
static void what_is_foretold_comes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 60; seed++) {
		struct drawing d = {.seed = seed};
		int64_t t;
		struct fold now, then;

		end(NULL);
		begin(NULL);
		draw_ledger(&d);
		t = at("2026-01-01") + below(&d, 400) * US_PER_DAY;
		now = ledger_fold_all(&l, t);
		for (size_t i = 0; i < now.n_schedule; i += 3) {
			then = ledger_fold_all(&l, now.schedule[i].at);
			assert_true(same_standing(&then.standing, &now.schedule[i].after));
		}
		if (now.next_told != 0) {
			then = ledger_fold_all(&l, now.next_told - 1);
			assert_int_equal(then.n_history, now.n_history);
			then = ledger_fold_all(&l, now.next_told);
			assert_true(then.n_history > now.n_history);
			assert_int_equal(then.history[now.n_history].effective_at, now.next_told);
		}
	}
}

static void each_refused_allocation_is_an_error(void **state)
{
	struct drawing d = {.seed = 7};
	struct fold fold;
	struct mb_err err;
	enum mb_code code = MB_ARENA_FULL;
	int refused = 0;

	(void)state;
	draw_ledger(&d);
	for (size_t cap = 64; code != MB_OK; cap += 256) {
		struct arena *arena = arena_create(NULL, cap);
		const struct fold_input in = {.entries = l.entries,
					      .n_entries = l.n,
					      .policies = l.policies,
					      .t = at("2026-06-01"),
					      .want_schedule = true,
					      .want_counts = true,
					      .want_caps = true};

		code = fold_ledger(&in, arena, &fold, &err);
		assert_true(code == MB_OK || code == MB_ARENA_FULL);
		refused += code != MB_OK;
		arena_destroy(arena);
	}
	assert_true(refused > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_15_proven_fraud_retiers_at_once),
		TEST(finding_takes_credibility_and_points),
		TEST(penalty_stops_at_zero),
		TEST(undone_reversal_gives_back),
		TEST(undone_cancellation_opens_again),
		TEST(early_cancellation_is_for_good),
		TEST(some_cannot_be_undone_found_or_void),
		TEST(void_order_never_was),
		TEST(what_names_the_unknown_waits),
		TEST(case_38_override_ends_and_the_natural_tier_shows),
		TEST(case_72_suspended_goes_on_recording),
		TEST(tracks_tell_what_happened),
		TEST(case_76_and_the_array_may_come_in_any_order),
		TEST(what_is_foretold_comes),
		TEST(each_refused_allocation_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
