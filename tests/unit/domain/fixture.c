/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "base/clock.h"
#include "base/hash.h"
#include "domain/calendar.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define POINTS(n) ((n)*MICRO)
#define NONE	  INT64_MAX

static const struct policy_rate rates[] = {
	{.currency = "GBP", .exponent = 2, .rate_e4 = 90000},
	{.currency = "USD", .exponent = 2, .rate_e4 = 70000},
};

static const struct policy_bend bends[] = {
	{YUAN(2000), 1000},
	{YUAN(20000), 300},
	{YUAN(100000), 120},
	{YUAN(350000), 20},
};

static const struct str marriott_levels[] = {{"Silver", 6}, {"Gold", 4}};
static const struct str travel_levels[] = {{"F1", 2}, {"F2", 2}, {"F3", 2}, {"F4", 2}};

#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}
#define ROW(rank, slug, title, how, ...)                                  \
	.number = (rank), .id = S(slug), .name = S(title), .kind = (how), \
	.by_tier = {0, __VA_ARGS__}

static const struct policy_benefit benefits[] = {
	{ROW(1, "dedicated-concierge", "Dedicated concierge", BENEFIT_FLAG, 0, 0, 0, 0, 0, 1)},
	{ROW(2, "value-channel-discount", "20% off the value channel", BENEFIT_PERCENT, 0, 0, 0, 0,
	     0, 1),
	 .percent_bp = 2000, .percent_cap = YUAN(50), .value_channel = true},
	{ROW(3, "marriott-bonvoy-status", "Marriott Bonvoy status", BENEFIT_LEVEL, 0, 0, 0, 0, 1,
	     2),
	 .levels = marriott_levels, .n_levels = 2, .partner = S("marriott-bonvoy")},
	{ROW(4, "hilton-honors-status", "Hilton Honors status", BENEFIT_LEVEL, 0, 0, 0, 0, 1, 2),
	 .levels = marriott_levels, .n_levels = 2, .partner = S("hilton-honors")},
	{ROW(5, "travel-membership", "Travel membership", BENEFIT_LEVEL, 0, 0, 1, 2, 3, 4),
	 .levels = travel_levels, .n_levels = 4},
	{ROW(6, "shopping-coupons", "Shopping coupons", BENEFIT_QUOTA, 1, 2, 4, 6, 8, 12)},
	{ROW(7, "food-coupons", "Food-delivery coupons", BENEFIT_QUOTA, 1, 1, 2, 4, 6, 8)},
	{ROW(8, "ride-coupons", "Ride coupons", BENEFIT_QUOTA, 0, 1, 1, 2, 3, 4)},
	{ROW(9, "cinema-coupon", "Cinema coupon", BENEFIT_QUOTA, 0, 0, 1, 1, 2, 2)},
	{ROW(10, "travel-coupon", "Travel coupon", BENEFIT_QUOTA, 0, 0, 1, 1, 2, 3)},
	{ROW(11, "grocery-membership", "Grocery membership", BENEFIT_FLAG, 0, 0, 0, 0, 0, 1),
	 .by_vip = 1},
	{ROW(12, "free-return-shipping", "Free return shipping", BENEFIT_QUOTA, 0, 0, 1, 2, 4, 8)},
	{ROW(13, "instant-refund", "Instant refund", BENEFIT_FLAG, 0, 0, 0, 1, 1, 1),
	 .by_apass = 1},
	{ROW(14, "priority-service", "Priority service queue", BENEFIT_FLAG, 0, 0, 1, 1, 1, 1)},
	{ROW(15, "brand-early-access", "Brand early access", BENEFIT_FLAG, 0, 0, 1, 1, 1, 1)},
	{ROW(16, "limited-products", "Limited and bespoke products", BENEFIT_FLAG, 0, 0, 0, 0, 1,
	     1)},
	{ROW(17, "offline-brand-services", "Exclusive offline brand services", BENEFIT_FLAG, 0, 0,
	     0, 0, 1, 1)},
	{ROW(18, "birthday-gift", "Birthday gift", BENEFIT_FLAG, 0, 1, 1, 1, 1, 1)},
	{ROW(19, "member-day", "Member-day event", BENEFIT_FLAG, 1, 1, 1, 1, 1, 1)},
	{ROW(20, "vip-nominal-fee", "88VIP at the nominal fee", BENEFIT_FLAG, 0, 0, 0, 1, 1, 1)},
	{ROW(21, "early-sale-coupons", "Early-sale coupon window", BENEFIT_FLAG, 0, 0, 1, 1, 1, 1)},
};

const struct policy default_policy = {
	.format = 1,
	.version = 1,
	.effective_from = 0,
	.zone_minutes = 480,
	.currency = "CNY",
	.exponent = 2,
	.rates = rates,
	.n_rates = sizeof(rates) / sizeof(rates[0]),
	.posting = {.delay = {[PLATFORM_SHOPPING] = 7 * US_PER_DAY,
			      [PLATFORM_GROCERY] = 7 * US_PER_DAY,
			      [PLATFORM_TRAVEL] = 2 * US_PER_DAY}},
	.bends = bends,
	.n_bends = sizeof(bends) / sizeof(bends[0]),
	.limits = {.order = {[PLATFORM_SHOPPING] = YUAN(50000),
			     [PLATFORM_GROCERY] = YUAN(50000),
			     [PLATFORM_FOOD] = NONE,
			     [PLATFORM_TRAVEL] = NONE,
			     [PLATFORM_TICKETS] = NONE,
			     [PLATFORM_RIDES] = NONE},
		   .window = {[PLATFORM_SHOPPING] = NONE,
			      [PLATFORM_GROCERY] = NONE,
			      [PLATFORM_FOOD] = YUAN(30000),
			      [PLATFORM_TRAVEL] = YUAN(60000),
			      [PLATFORM_TICKETS] = YUAN(3000),
			      [PLATFORM_RIDES] = YUAN(6000)},
		   .travel_rail = YUAN(6000)},
	.frequency = {.day_minimum = YUAN(10), .day_points = POINTS(1), .maximum = POINTS(200)},
	.breadth = {.platform_points = POINTS(10),
		    .category_points = POINTS(2),
		    .platform_most = 6,
		    .category_most = 20},
	.interaction =
		{.kind = {[INTERACTION_REVIEW] = {POINTS(5), POINTS(3), POINTS(15), POINTS(60),
						  POINTS(300)},
			  [INTERACTION_SHARE] = {POINTS(2), 0, POINTS(6), POINTS(30), POINTS(150)},
			  [INTERACTION_POST] = {POINTS(4), 0, POINTS(12), POINTS(60), POINTS(240)},
			  [INTERACTION_ANSWER] = {POINTS(2), 0, POINTS(6), POINTS(30), POINTS(120)},
			  [INTERACTION_VOTE] = {POINTS(1), 0, POINTS(5), POINTS(30), POINTS(150)},
			  [INTERACTION_VISIT] = {MICRO / 5, 0, POINTS(1), POINTS(20), POINTS(100)}},
		 .month = POINTS(120),
		 .window = POINTS(600),
		 .guard = POINTS(50),
		 .post_delay = US_PER_DAY},
	.credibility = {.base = 10000,
			.lowest = 0,
			.highest = 12000,
			.fake_change = 2000,
			.fake_span = 180 * US_PER_DAY,
			.fake_penalty = POINTS(50),
			.fake_penalty_months = 12},
	.tiers = {[TIER_SILVER] = {POINTS(400), POINTS(360)},
		  [TIER_GOLD] = {POINTS(600), POINTS(540)},
		  [TIER_PLATINUM] = {POINTS(1000), POINTS(900)},
		  [TIER_DIAMOND] = {POINTS(1500), POINTS(1350)},
		  [TIER_BLACK_DIAMOND] = {POINTS(2500), POINTS(2250)}},
	.protection = {.settlement_day = 8, .months = 3, .window_months = 12},
	.levels = {[LEVEL_SUPER] = POINTS(1000), [LEVEL_APASS] = POINTS(2500)},
	.apass = {.score = POINTS(2500),
		  .spend_over = YUAN(105000),
		  .credibility = 9000,
		  .invitation_span = 30 * US_PER_DAY,
		  .months = 12},
	.vip = {.price = YUAN(888),
		.upgrade_price = YUAN(88),
		.sold_at_full_price = true,
		.upgrade_tier = TIER_PLATINUM,
		.upgrade_score = POINTS(1000),
		.quote_span = 15 * US_PER_MINUTE,
		.months = 12,
		.terms_ahead = 1},
	.basket = {.lines_most = 1000, .platform_coupons = 1, .brand_coupons = 1},
	.benefits = benefits,
	.n_benefits = sizeof(benefits) / sizeof(benefits[0]),
};

static const struct policy *const versions[] = {&default_policy};
const struct policy_list default_policies = {versions, 1};

int64_t at(const char *text)
{
	int year, month = 1, day = 1, hour = 0, minute = 0;
	double second = 0;
	int n = sscanf(text, "%d-%d-%d %d:%d:%lf", &year, &month, &day, &hour, &minute, &second);

	assert(n >= 1);
	return calendar_month_start(year * 12 + month - 1, default_policy.zone_minutes) +
	       (day - 1) * US_PER_DAY + hour * US_PER_HOUR + minute * US_PER_MINUTE +
	       (int64_t)(second * 1e6 + 0.5);
}

void ledger_init(struct ledger *ledger, const struct policy_list *policies)
{
	*ledger = (struct ledger){.policies = policies, .arena = arena_create(NULL, 0)};
	assert(ledger->arena != NULL);
}

void ledger_fini(struct ledger *ledger)
{
	arena_destroy(ledger->arena);
}

struct line goods(int32_t line_no, int64_t amount)
{
	return (struct line){
		.line_no = line_no, .type = LINE_GOODS, .currency = "CNY", .amount = amount};
}

static struct activity activity_for(enum activity_kind kind, const char *event_id,
				    const char *order_id, int64_t occurred_at)
{
	return (struct activity){.kind = kind,
				 .source = STR("shop"),
				 .source_event_id = str_from(event_id),
				 .occurred_at = occurred_at,
				 .order_source = STR("shop"),
				 .order_id = str_from(order_id)};
}

struct activity order_with(struct ledger *ledger, const char *id, enum platform platform,
			   int64_t occurred_at, int64_t completed_at, const struct line *lines,
			   size_t n_lines)
{
	struct activity activity = activity_for(ACTIVITY_ORDER, id, id, occurred_at);

	activity.order =
		(struct order){.platform = platform,
			       .completed_at = completed_at,
			       .lines = arena_dup(ledger->arena, lines, n_lines * sizeof(*lines)),
			       .n_lines = n_lines};
	return activity;
}

struct activity order_for(struct ledger *ledger, const char *id, enum platform platform,
			  int64_t occurred_at, int64_t completed_at, int64_t amount)
{
	const struct line line = goods(1, amount);

	return order_with(ledger, id, platform, occurred_at, completed_at, &line, 1);
}

struct activity reversal_with(struct ledger *ledger, const char *event_id, const char *order_id,
			      int64_t occurred_at, const struct reversal_line *lines, size_t n)
{
	struct activity activity = activity_for(ACTIVITY_REVERSAL, event_id, order_id, occurred_at);

	activity.reversal.lines = arena_dup(ledger->arena, lines, n * sizeof(*lines));
	activity.reversal.n_lines = n;
	return activity;
}

struct activity reversal_for(struct ledger *ledger, const char *event_id, const char *order_id,
			     int64_t occurred_at, int64_t amount)
{
	const struct reversal_line line = {1, "CNY", amount};

	return reversal_with(ledger, event_id, order_id, occurred_at, &line, 1);
}

struct activity cancellation_for(const char *event_id, const char *order_id, int64_t occurred_at)
{
	return activity_for(ACTIVITY_CANCELLATION, event_id, order_id, occurred_at);
}

struct activity completion_for(const char *event_id, const char *order_id, int64_t occurred_at,
			       int64_t completed_at)
{
	struct activity activity =
		activity_for(ACTIVITY_COMPLETION, event_id, order_id, occurred_at);

	activity.completion.completed_at = completed_at;
	return activity;
}

void ledger_append(struct ledger *ledger, const struct activity *activity, int64_t now)
{
	if (ledger->n == ledger->room) {
		struct entry *before = ledger->entries;

		ledger->room = ledger->room == 0 ? 16 : ledger->room * 2;
		ledger->entries = arena_array(ledger->arena, ledger->room, sizeof(*before));
		assert(ledger->entries != NULL);
		if (ledger->n > 0) {
			memcpy(ledger->entries, before, ledger->n * sizeof(*before));
		}
	}
	ledger->entries[ledger->n] = (struct entry){.entry_id = (int64_t)ledger->n + 1,
						    .revision = (int64_t)ledger->n + 2,
						    .known_at = now,
						    .activity = *activity};
	ledger->n++;
}

enum mb_code ledger_judge(const struct ledger *ledger, const struct activity *activity, int64_t now,
			  struct arena *arena, struct verdict *out, struct mb_err *err)
{
	const struct fold_input in = {.entries = ledger->entries,
				      .n_entries = ledger->n,
				      .policies = ledger->policies,
				      .member_id = SELF,
				      .t = now};

	return ledger_receive(&in, activity, arena, out, err);
}

enum mb_code ledger_send(struct ledger *ledger, struct activity activity, int64_t now,
			 struct verdict *verdict)
{
	struct verdict local;
	struct mb_err err;
	enum mb_code code = activity_check(&activity, policy_at(ledger->policies, now), now, &err);

	if (code == MB_OK) {
		code = ledger_judge(ledger, &activity, now, ledger->arena,
				    verdict != NULL ? verdict : &local, &err);
	}
	if (code == MB_OK) {
		ledger_append(ledger, &activity, now);
	}
	return code;
}

void ledger_put(struct ledger *ledger, struct activity activity)
{
	enum mb_code code = ledger_send(ledger, activity, activity.occurred_at, NULL);

	assert(code == MB_OK);
	(void)code;
}

struct fold ledger_fold_all(const struct ledger *ledger, int64_t t)
{
	const struct fold_input in = {.entries = ledger->entries,
				      .n_entries = ledger->n,
				      .policies = ledger->policies,
				      .member_id = SELF,
				      .t = t,
				      .want_schedule = true,
				      .want_counts = true,
				      .want_caps = true};
	struct fold fold;
	struct mb_err err;
	enum mb_code code = fold_ledger(&in, ledger->arena, &fold, &err);

	assert(code == MB_OK);
	(void)code;
	return fold;
}

struct fold ledger_fold(const struct ledger *ledger, int64_t t)
{
	struct fold fold = ledger_fold_all(ledger, t);
	struct transition *rows = arena_array(ledger->arena, fold.n_history, sizeof(*fold.history));
	size_t n = 0;

	for (size_t i = 0; i < fold.n_history; i++) {
		if (transition_track(fold.history[i].kind) == TRACK_TIER) {
			rows[n++] = fold.history[i];
		}
	}
	fold.history = rows;
	fold.n_history = n;
	return fold;
}

enum entry_state ledger_state(const struct ledger *ledger, const char *event_id, int64_t t)
{
	struct fold fold = ledger_fold(ledger, t);

	for (size_t i = 0; i < ledger->n; i++) {
		if (str_eq(ledger->entries[i].activity.source_event_id, str_from(event_id))) {
			return fold.states[i];
		}
	}
	assert(!"no such entry");
	return (enum entry_state)0;
}

bool same_score(const struct score *a, const struct score *b)
{
	for (int part = 1; part < PART_END; part++) {
		if (a->parts[part] != b->parts[part]) {
			return false;
		}
	}
	return a->points == b->points && a->micro == b->micro &&
	       a->counted_spend == b->counted_spend && a->spend == b->spend && a->days == b->days &&
	       a->platforms == b->platforms && a->categories == b->categories &&
	       a->interaction == b->interaction && a->first_month == b->first_month &&
	       a->last_month == b->last_month;
}

bool same_standing(const struct standing *a, const struct standing *b)
{
	return a->at == b->at && a->policy_version == b->policy_version &&
	       same_score(&a->score, &b->score) && a->tier == b->tier && a->shown == b->shown &&
	       a->shown_until == b->shown_until && a->suspended == b->suspended &&
	       a->credibility == b->credibility && a->level == b->level &&
	       a->at_risk == b->at_risk && a->below_keep == b->below_keep &&
	       a->protected_until == b->protected_until && a->settled_at == b->settled_at &&
	       same_score(&a->settled, &b->settled);
}

bool same_but_dates(const struct standing *a, const struct standing *b)
{
	struct standing x = *a, y = *b;

	x.at = y.at = 0;
	x.settled_at = a->settled_at != 0;
	y.settled_at = b->settled_at != 0;
	x.score.first_month = y.score.first_month = x.score.last_month = y.score.last_month = 0;
	x.settled.first_month = y.settled.first_month = 0;
	x.settled.last_month = y.settled.last_month = 0;
	return same_standing(&x, &y);
}

bool same_transition(const struct transition *a, const struct transition *b)
{
	return a->effective_at == b->effective_at && a->kind == b->kind && a->from == b->from &&
	       a->to == b->to && a->points == b->points && a->policy_version == b->policy_version;
}

bool same_fold(const struct fold *a, const struct fold *b)
{
	bool same = same_standing(&a->standing, &b->standing) && a->n_history == b->n_history;

	for (size_t i = 0; same && i < a->n_history; i++) {
		same = same_transition(&a->history[i], &b->history[i]);
	}
	return same;
}

uint64_t draw(uint64_t *seed)
{
	return hash_draw(seed);
}

int64_t draw_below(uint64_t *seed, int64_t end)
{
	return (int64_t)(draw(seed) % (uint64_t)end);
}
