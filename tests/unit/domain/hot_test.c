/* SPDX-License-Identifier: Apache-2.0 */
/* A hot record says what the fold says, as long as it is good. */
#include "domain/hot.h"

#include "domain/calendar.h"
#include "hot_records.h"
#include "story.h"

#include <stdio.h>
#include <string.h>

static void assert_is_standing(const struct hot_state *state, const struct standing *standing)
{
	assert_int_equal(state->tier, standing->tier);
	assert_int_equal(state->shown, standing->shown);
	assert_int_equal(state->shown_until, standing->shown_until);
	assert_int_equal(state->suspended, standing->suspended);
	assert_int_equal(state->credibility, standing->credibility);
	assert_int_equal(state->level, standing->level);
	assert_int_equal(state->at_risk, standing->at_risk);
	assert_int_equal(state->below_keep, standing->below_keep);
	assert_int_equal(state->protected_until, standing->protected_until);
	assert_int_equal(state->points, standing->score.points);
}

static struct hot_bytes record_of(const struct fold *fold, struct hot_record *record)
{
	struct hot_bytes bytes;

	hot_make(fold, MEMBER, 7, at("2026-01-01"), 1, record);
	hot_encode(record, &bytes);
	return bytes;
}

static void assert_is_fold_at(const struct hot_bytes *bytes, const struct hot_record *record,
			      int64_t t)
{
	struct fold then = ledger_fold_all(&l, t);
	struct hot_view view;
	bool good = t >= record->projected_at && t < record->good_until;

	assert_int_equal(hot_at(bytes, l.policies, t, &view), good);
	if (good) {
		assert_is_standing(&view.state, &then.standing);
		assert_int_equal(view.next_change, then.next_change);
		assert_int_equal(view.revision, 7);
		assert_int_equal(view.created_at, at("2026-01-01"));
	}
}

/* ---- a ledger's ---- */

static void it_is_the_fold_at_every_instant_ahead(void **state)
{
	struct fold fold;
	struct hot_record record;
	struct hot_bytes bytes;

	(void)state;
	food("a", at("2026-01-10"), YUAN(9000));
	food("b", at("2026-02-10"), YUAN(9000));
	shop("c", at("2026-03-29"), YUAN(9000));
	fold = ledger_fold_all(&l, at("2026-03-30"));
	bytes = record_of(&fold, &record);
	assert_in_range(fold.n_schedule, 5, HOT_CHANGES_MAX);
	assert_int_equal(record.n_changes, fold.n_schedule);
	assert_int_equal(record.good_until, INT64_MAX);
	for (int64_t t = at("2026-03-29"); t < at("2028-01-01"); t += 5 * US_PER_DAY) {
		assert_is_fold_at(&bytes, &record, t);
	}
	for (size_t i = 0; i < fold.n_schedule; i++) {
		for (int64_t around = -1; around <= 1; around++) {
			assert_is_fold_at(&bytes, &record, fold.schedule[i].at + around);
		}
	}
	assert_is_fold_at(&bytes, &record, at("9999-12-31"));
}

static void nothing_ahead_is_good_for_good(void **state)
{
	struct fold fold = ledger_fold_all(&l, at("2026-03-30"));
	struct hot_record record;
	struct hot_bytes bytes = record_of(&fold, &record);

	(void)state;
	assert_int_equal(record.n_changes, 0);
	assert_int_equal(record.good_until, INT64_MAX);
	assert_int_equal(bytes.len, 36); /* the fixed part, a state of two bytes, the checksum */
	assert_is_fold_at(&bytes, &record, at("2026-03-30"));
	assert_is_fold_at(&bytes, &record, at("2026-03-30") - 1);
	assert_is_fold_at(&bytes, &record, CALENDAR_MAX);
}

/* Orders that post one after the other, `apart` between them. */
static struct fold many_postings(int n, int64_t apart)
{
	static char ids[64][8];
	int64_t t = at("2026-03-01 10:00");

	for (int i = 0; i < n; i++) {
		snprintf(ids[i], sizeof(ids[i]), "o%d", i);
		shop(ids[i], t + i * apart, YUAN(20));
	}
	return ledger_fold_all(&l, t + n * apart);
}

static void more_than_sixteen_changes_end_at_the_next(void **state)
{
	struct fold fold = many_postings(30, 60 * US_PER_MINUTE);
	struct hot_record record;
	struct hot_bytes bytes = record_of(&fold, &record);

	(void)state;
	assert_true(fold.n_schedule > 30);
	assert_int_equal(record.n_changes, 16);
	assert_int_equal(record.good_until, fold.schedule[16].at);
	assert_true(bytes.len < HOT_BYTES_MAX);
	for (size_t i = 0; i < fold.n_schedule; i++) {
		assert_is_fold_at(&bytes, &record, fold.schedule[i].at - 1);
		assert_is_fold_at(&bytes, &record, fold.schedule[i].at);
	}
}

/* Of a schedule cut short the last one known is the end: what comes between it and the next is not
 * known; of none, the next change is. */
static void it_is_good_as_far_as_is_known(void **state)
{
	struct fold all = many_postings(5, US_PER_MINUTE / 7);
	struct hot_record record;

	(void)state;
	assert_true(all.n_schedule > 5);
	for (size_t most = 0; most <= all.n_schedule; most++) {
		struct fold_input in = {.entries = l.entries,
					.n_entries = l.n,
					.policies = l.policies,
					.member_id = SELF,
					.t = all.standing.at,
					.want_schedule = most > 0,
					.schedule_most = most};
		struct fold cut;
		struct hot_bytes bytes;
		size_t kept = most == 0 ? 0 : most == all.n_schedule ? most : most - 1;

		assert_int_equal(fold_ledger(&in, l.arena, &cut, NULL), MB_OK);
		bytes = record_of(&cut, &record);
		assert_int_equal(record.n_changes, kept);
		assert_int_equal(record.good_until,
				 kept == all.n_schedule ? INT64_MAX : all.schedule[kept].at);
		assert_is_fold_at(&bytes, &record, all.schedule[kept == 0 ? 0 : kept - 1].at);
	}
}

/* ---- when it is good ---- */

static void it_is_good_between_its_instants(void **state)
{
	struct hot_record record = plain();
	struct hot_bytes bytes;
	struct hot_view view = {0};

	(void)state;
	hot_encode(&record, &bytes);
	assert_false(hot_at(&bytes, l.policies, 999, &view));
	assert_false(hot_at(&bytes, l.policies, 3000, &view));
	assert_int_equal(view.revision, 0);
	assert_true(hot_at(&bytes, l.policies, 1000, &view));
	assert_true(same_state(&view.state, &record.now));
	assert_int_equal(view.next_change, 2000);
	assert_true(hot_at(&bytes, l.policies, 2000, &view));
	assert_true(same_state(&view.state, &record.changes[0].after));
	assert_int_equal(view.next_change, 3000);
	assert_true(hot_at(&bytes, l.policies, 2999, &view));
	assert_int_equal(view.next_change, 3000);
}

static void a_version_that_it_does_not_know_ends_it(void **state)
{
	struct policy newer = default_policy, later = default_policy;
	const struct policy *versions[] = {&default_policy, &newer, &later};
	const struct policy_list list = {versions, 3};
	struct hot_record record = plain();
	struct hot_bytes bytes;
	struct hot_view view;

	(void)state;
	/* 2 was published last but one, 3 last, but 3 takes force first */
	newer.version = 3;
	newer.effective_from = 1500;
	later.version = 2;
	later.effective_from = 2500;
	hot_encode(&record, &bytes);
	assert_true(hot_at(&bytes, &list, 1499, &view));
	assert_int_equal(view.next_change, 1500);
	assert_false(hot_at(&bytes, &list, 1500, &view));
	assert_false(hot_at(&bytes, &list, 2600, &view));
	record.policy_newest = 2;
	hot_encode(&record, &bytes);
	assert_false(hot_at(&bytes, &list, 1500, &view));
	record.policy_newest = 3;
	hot_encode(&record, &bytes);
	assert_true(hot_at(&bytes, &list, 2600, &view));
	assert_int_equal(view.next_change, 3000);
	/* nor is it for one who does not know its version yet */
	assert_false(hot_at(&bytes, &default_policies, 1200, &view));
}

static void there_is_none(void **state)
{
	struct hot_bytes none, bytes;
	struct hot_record record = plain();
	struct hot_view view;

	(void)state;
	memset(&none, 0xff, sizeof(none)); /* its bytes mean nothing */
	none.len = 0;
	hot_encode(&record, &bytes);
	assert_false(hot_at(&none, l.policies, 1000, &view));
	assert_false(hot_decode(none.bytes, 0, MEMBER, &record));
	assert_true(hot_compare(&none, &bytes) < 0);
	assert_true(hot_compare(&bytes, &none) > 0);
	assert_int_equal(hot_compare(&none, &none), 0);
	assert_int_equal(hot_order(&none).revision, INT64_MIN);
	bytes.len = HOT_BYTES_MAX + 1;
	assert_false(hot_at(&bytes, l.policies, 1000, &view));
}

static int sign(int64_t number)
{
	return (number > 0) - (number < 0);
}

static void records_are_in_order(void **state)
{
	static const int64_t numbers[] = {INT64_MIN, -1, 0, 1, 255, 256, INT64_MAX - 1};
	const int n = sizeof(numbers) / sizeof(numbers[0]);
	struct hot_record a = plain(), b = plain();
	struct hot_bytes x, y;

	(void)state;
	a.n_changes = b.n_changes = 0;
	a.good_until = b.good_until = INT64_MAX;
	for (int i = 0; i < n * n * n * n; i++) {
		a.revision = numbers[i % n];
		b.revision = numbers[i / n % n];
		a.policy_newest = (int32_t)(a.projected_at = numbers[i / n / n % n]);
		b.policy_newest = (int32_t)(b.projected_at = numbers[i / n / n / n]);
		hot_encode(&a, &x);
		hot_encode(&b, &y);
		assert_int_equal(hot_order(&x).revision, a.revision);
		assert_int_equal(hot_order(&x).policy_newest, a.policy_newest);
		assert_int_equal(hot_order(&x).projected_at, a.projected_at);
		assert_int_equal(sign(hot_compare(&x, &y)),
				 a.revision != b.revision ? (a.revision > b.revision ? 1 : -1)
				 : a.policy_newest != b.policy_newest
					 ? (a.policy_newest > b.policy_newest ? 1 : -1)
					 : (a.projected_at > b.projected_at) -
						   (a.projected_at < b.projected_at));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_the_fold_at_every_instant_ahead),
		TEST(nothing_ahead_is_good_for_good),
		TEST(more_than_sixteen_changes_end_at_the_next),
		TEST(it_is_good_as_far_as_is_known),
		TEST(it_is_good_between_its_instants),
		TEST(a_version_that_it_does_not_know_ends_it),
		TEST(there_is_none),
		TEST(records_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
