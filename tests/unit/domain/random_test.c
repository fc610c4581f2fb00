/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random ledgers, folded and compared with the reference, which computes each instant from nothing:
 * at random instants and edges, and along the whole schedule with what lies between its entries.
 */
#include "domain/fold.h"

#include "base/clock.h"
#include "domain/calendar.h"
#include "fixture.h"
#include "reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VERSIONS 3
#define ORDERS	 24
#define ENTRIES	 40

struct world {
	uint64_t seed;
	struct policy policy[VERSIONS];
	struct policy_rate rates[VERSIONS][2];
	const struct policy *versions[VERSIONS];
	struct policy_list list;
	struct ledger ledger;
	int64_t edges[64]; /* instants worth hitting exactly */
	size_t n_edges;
	enum entry_state told[ENTRIES]; /* of parked entries, when they were woken; by entry */
};

static int64_t below(struct world *w, int64_t end)
{
	return draw_below(&w->seed, end);
}

/* Within 20 months; often on or right before an edge that was used before. */
static int64_t some_time(struct world *w)
{
	int64_t t = at("2025-01-01") + below(w, 600 * US_PER_DAY);

	switch (below(w, 6)) {
	case 0:
		t = calendar_month_start(calendar_month(t, 480), 480) - below(w, 2);
		break;
	case 1:
		t = calendar_last_settlement(t, 8, 480) - below(w, 2);
		break;
	case 2:
		t = w->n_edges > 0 ? w->edges[below(w, (int64_t)w->n_edges)] - below(w, 2) : t;
		break;
	default:
		break;
	}
	if (w->n_edges < 64) {
		w->edges[w->n_edges++] = t;
	}
	return t;
}

static void vary_policy(struct world *w, int version)
{
	struct policy *policy = &w->policy[version];

	policy->version = version + 1;
	policy->effective_from = version == 0 ? 0 : some_time(w);
	policy->rates = memcpy(w->rates[version], default_policy.rates, sizeof(w->rates[0]));
	if (below(w, 2) == 0) {
		return;
	}
	w->rates[version][below(w, 2)].rate_e4 = 1 + below(w, 100000);
	policy->limits.order[PLATFORM_SHOPPING] = YUAN(1 + below(w, 60000));
	policy->limits.window[1 + below(w, PLATFORM_END - 1)] = YUAN(below(w, 60000));
	policy->limits.travel_rail = YUAN(below(w, 10000));
	policy->frequency.day_minimum = YUAN(1 + below(w, 30));
	policy->breadth.category_most = below(w, 5);
	policy->posting.delay[1 + below(w, PLATFORM_END - 1)] = below(w, 20) * US_PER_DAY;
	policy->posting.auto_complete[1 + below(w, PLATFORM_END - 1)] = below(w, 30) * US_PER_DAY;
	policy->tiers[TIER_GOLD].attain = (410 + below(w, 580)) * MICRO;
	policy->tiers[TIER_GOLD].keep = policy->tiers[TIER_GOLD].attain / 10 * 9;
	policy->protection.months = 1 + (int32_t)below(w, 5);
	policy->protection.window_months = 3 + (int32_t)below(w, 10);
}

static void make_policies(struct world *w)
{
	for (int i = 0; i < VERSIONS; i++) {
		w->policy[i] = default_policy;
		vary_policy(w, i);
		w->versions[i] = &w->policy[i];
	}
	if (w->policy[1].effective_from > w->policy[2].effective_from) {
		w->versions[1] = &w->policy[2];
		w->versions[2] = &w->policy[1];
	}
	w->list = (struct policy_list){w->versions, 1 + (size_t)below(w, VERSIONS)};
	if (w->policy[1].effective_from == w->policy[2].effective_from && w->list.n == VERSIONS) {
		w->list.n--; /* no two versions take force at one instant */
	}
}

static int64_t some_amount(struct world *w)
{
	static const int64_t tops[] = {30, YUAN(20), YUAN(3000), YUAN(30000), YUAN(200000)};

	return below(w, tops[below(w, 5)]);
}

static const char *text(struct world *w, const char *prefix, int64_t n)
{
	return arena_printf(w->ledger.arena, "%s-%lld", prefix, (long long)n);
}

static struct activity some_order(struct world *w, int n)
{
	static const char currencies[][4] = {"CNY", "CNY", "USD", "GBP"};
	struct line lines[5];
	size_t n_lines = 1 + (size_t)below(w, 5);
	int64_t paid = some_time(w), done = below(w, 3) == 0 ? 0 : some_time(w);

	for (size_t i = 0; i < n_lines; i++) {
		lines[i] = goods((int32_t)(i * 2 + 1), some_amount(w));
		lines[i].type = below(w, 4) != 0 ? LINE_GOODS : (enum line_type)(1 + below(w, 7));
		lines[i].coupon = below(w, 3) == 0 ? below(w, lines[i].amount + 1) : 0;
		lines[i].points =
			below(w, 4) == 0 ? below(w, lines[i].amount - lines[i].coupon + 1) : 0;
		memcpy(lines[i].currency, currencies[below(w, 4)], 4);
		if (below(w, 4) != 0) {
			lines[i].category = str_from(text(w, "category", below(w, 12)));
		}
		if (below(w, 3) == 0) {
			lines[i].sub_kind = STR("rail");
		}
	}
	return order_with(&w->ledger, text(w, "o", n),
			  (enum platform)(1 + below(w, PLATFORM_END - 1)), paid, done, lines,
			  n_lines);
}

static struct activity some_reversal(struct world *w, const char *event_id,
				     const struct activity *order)
{
	struct reversal_line back[8];
	size_t n = 0;

	for (size_t i = 0; i < order->order.n_lines; i++) {
		const struct line *line = &order->order.lines[i];

		if (line_net(line) > 0 && (below(w, 2) == 0 || n == 0)) {
			back[n].line_no = line->line_no;
			back[n].amount =
				below(w, 3) == 0 ? line_net(line) : 1 + below(w, line_net(line));
			memcpy(back[n++].currency, line->currency, 4);
		}
	}
	if (n == 0) {
		back[n++] = (struct reversal_line){1, "CNY", 1};
	}
	return reversal_with(&w->ledger, event_id, text(w, "o", atoll(order->order_id.ptr + 2)),
			     some_time(w), back, n);
}

static struct activity some_activity(struct world *w, const struct activity *orders, int n_orders,
				     int n)
{
	const struct activity *order = &orders[below(w, n_orders)];
	const char *event_id = text(w, "e", n), *order_id = order->order_id.ptr;

	switch (below(w, 7)) {
	case 0:
		return cancellation_for(event_id, order_id, some_time(w));
	case 1:
	case 2:
		return completion_for(event_id, order_id, some_time(w), some_time(w));
	default:
		return some_reversal(w, event_id, order);
	}
}

/* What an answer said of a parked entry stays true whatever comes later. */
static void take_down(struct world *w, const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->n_woken; i++) {
		assert_int_equal(w->told[verdict->woken[i].entry], 0);
		w->told[verdict->woken[i].entry] = verdict->woken[i].state;
	}
}

static void expect_told(const struct world *w)
{
	struct fold fold = ledger_fold(&w->ledger, at("2027-12-01"));

	for (size_t i = 0; i < w->ledger.n; i++) {
		assert_true(w->told[i] == 0 || fold.states[i] == w->told[i]);
	}
}

/* Sends everything in a random order, some of it far too late or never accepted. */
static void fill(struct world *w)
{
	struct activity all[ENTRIES], orders[ORDERS];
	int n_orders = 1 + (int)below(w, ORDERS), n = n_orders + (int)below(w, ENTRIES - ORDERS);
	struct verdict verdict;

	for (int i = 0; i < n_orders; i++) {
		all[i] = orders[i] = some_order(w, i);
	}
	for (int i = n_orders; i < n; i++) {
		all[i] = some_activity(w, orders, n_orders, i);
	}
	for (int i = n; i > 0; i--) {
		int pick = (int)below(w, i);
		int64_t late = below(w, 3) == 0 ? 0 : below(w, 430) * US_PER_DAY;

		if (ledger_send(&w->ledger, all[pick], all[pick].occurred_at + late, &verdict) ==
		    MB_OK) {
			take_down(w, &verdict);
		}
		all[pick] = all[i - 1];
	}
	expect_told(w);
}

static bool some_refused(const struct fold *fold, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fold->states[i] == ENTRY_REFUSED || fold->states[i] == ENTRY_EXPIRED) {
			return true;
		}
	}
	return false;
}

/* The same entries in another order of arrival, if each is accepted again: the same member. */
static bool expect_same_anyhow(struct world *w)
{
	struct ledger other;
	struct fold a, b;
	int64_t t = some_time(w);
	bool compared = true;

	ledger_init(&other, &w->list);
	for (size_t i = 0; i < w->ledger.n && compared; i++) {
		size_t next = (i * 7 + 3) % w->ledger.n; /* 7 does not divide n, or it is skipped */
		const struct entry *entry = &w->ledger.entries[next];

		compared = w->ledger.n % 7 != 0 &&
			   ledger_send(&other, entry->activity, entry->known_at, NULL) == MB_OK;
	}
	if (compared) {
		a = ledger_fold(&w->ledger, t);
		b = ledger_fold(&other, t);
		compared = !some_refused(&a, w->ledger.n) && !some_refused(&b, other.n);
		assert_true(!compared || same_fold(&a, &b));
		for (size_t i = 0; i < other.n && compared; i++) {
			assert_int_equal(a.states[(i * 7 + 3) % other.n], b.states[i]);
		}
	}
	ledger_fini(&other);
	return compared;
}

static void expect_reference(const struct world *w, int64_t t)
{
	struct reference expected;
	struct fold fold = ledger_fold(&w->ledger, t);
	int64_t sum = 0;

	reference_fold(w->ledger.entries, w->ledger.n, &w->list, t, &expected);
	for (int part = 1; part < PART_END; part++) {
		sum += fold.standing.score.parts[part];
	}
	assert_int_equal(sum, fold.standing.score.points * MICRO); /* case 76 */
	assert_true(same_standing(&fold.standing, &expected.standing));
	assert_int_equal(fold.n_history, expected.n_history);
	for (size_t i = 0; i < expected.n_history; i++) {
		assert_true(same_transition(&fold.history[i], &expected.history[i]));
	}
}

/* The schedule foretold every change at its instant, and none in between was left out. */
static void expect_schedule(struct world *w, int64_t t)
{
	struct fold now = ledger_fold(&w->ledger, t);
	const struct standing *before = &now.standing;

	for (size_t i = 0; i <= now.n_schedule; i++) {
		bool last = i == now.n_schedule;
		int64_t next = last ? before->at + 3000 * US_PER_DAY : now.schedule[i].at;
		struct reference there;

		reference_fold(w->ledger.entries, w->ledger.n, &w->list, next - (last ? 0 : 1),
			       &there);
		assert_true(same_but_dates(&there.standing, before));
		reference_fold(w->ledger.entries, w->ledger.n, &w->list,
			       before->at + below(w, next - before->at), &there);
		assert_true(same_but_dates(&there.standing, before));
		if (!last) {
			reference_fold(w->ledger.entries, w->ledger.n, &w->list, next, &there);
			assert_true(same_standing(&there.standing, &now.schedule[i].after));
			before = &now.schedule[i].after;
		}
	}
	assert_int_equal(now.next_change, now.n_schedule == 0 ? 0 : now.schedule[0].at);
}

/* Whether the world was compared in another order, too. */
static bool run_world(uint64_t seed)
{
	struct world w = {.seed = seed};
	bool compared;

	make_policies(&w);
	ledger_init(&w.ledger, &w.list);
	fill(&w);
	for (int i = 0; i < 12; i++) {
		expect_reference(&w, some_time(&w));
	}
	for (size_t i = 0; i < w.n_edges; i += 5) {
		expect_reference(&w, w.edges[i]);
	}
	expect_schedule(&w, some_time(&w));
	compared = expect_same_anyhow(&w);
	ledger_fini(&w.ledger);
	return compared;
}

/* Longer runs: DOMAIN_WORLDS=10000; one world again: DOMAIN_SEED=n DOMAIN_WORLDS=1. */
static void case_76_random_ledgers_equal_the_reference(void **state)
{
	const char *seed_text = getenv("DOMAIN_SEED"), *worlds_text = getenv("DOMAIN_WORLDS");
	uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;
	int compared = 0;
	int worlds = worlds_text != NULL ? atoi(worlds_text) : 60;

	(void)state;
	for (int i = 0; i < worlds; i++) {
		printf("# world %llu\n", (unsigned long long)seed + (unsigned)i);
		compared += run_world(seed + (unsigned)i);
	}
	printf("# %d of them in another order of arrival, too\n", compared);
	assert_true(compared > 0 || worlds < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_76_random_ledgers_equal_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
