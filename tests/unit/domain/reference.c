/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NEVER  INT64_MAX
#define SECOND INT64_C(1000000)
#define HOUR8  (8 * 3600 * SECOND) /* the zone */

struct world {
	const struct entry *entries;
	size_t n;
	const struct policy_list *policies;
};

/* ---- calendar, by libc ---- */

static struct tm local(int64_t t)
{
	int64_t shifted = t + HOUR8;
	time_t seconds = (time_t)((shifted - ((shifted % SECOND) + SECOND) % SECOND) / SECOND);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return tm;
}

static int month_of(int64_t t)
{
	struct tm tm = local(t);

	return (tm.tm_year + 1900) * 12 + tm.tm_mon;
}

static int64_t first_of(int month, int day)
{
	struct tm tm = {.tm_year = month / 12 - 1900, .tm_mon = month % 12, .tm_mday = day};

	return (int64_t)timegm(&tm) * SECOND - HOUR8;
}

static bool same_day(int64_t a, int64_t b)
{
	struct tm x = local(a), y = local(b);

	return x.tm_year == y.tm_year && x.tm_yday == y.tm_yday;
}

static int64_t plus_15_months(int64_t t)
{
	struct tm tm = local(t);
	int day = tm.tm_mday, month = tm.tm_mon;

	tm.tm_mon += 15;
	tm.tm_isdst = 0;
	timegm(&tm);
	if (tm.tm_mon != (month + 15) % 12) { /* libc rolled over: to the 1st */
		tm.tm_mday = 1;
	} else {
		assert(tm.tm_mday == day);
	}
	return (int64_t)timegm(&tm) * SECOND - HOUR8 + ((t % SECOND) + SECOND) % SECOND;
}

static const struct policy *force(const struct world *world, int64_t t)
{
	const struct policy *found = world->policies->versions[0];

	for (size_t i = 0; i < world->policies->n; i++) {
		if (world->policies->versions[i]->effective_from <= t) {
			found = world->policies->versions[i];
		}
	}
	return found;
}

/* ---- one order ---- */

static bool same(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static int bytes(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

	return order != 0 ? order : (int)a.len - (int)b.len;
}

static bool before(const struct entry *a, const struct entry *b)
{
	const struct activity *x = &a->activity, *y = &b->activity;

	if (x->occurred_at != y->occurred_at) {
		return x->occurred_at < y->occurred_at;
	}
	if (bytes(x->source, y->source) != 0) {
		return bytes(x->source, y->source) < 0;
	}
	return bytes(x->source_event_id, y->source_event_id) < 0;
}

struct life {
	const struct entry *order;
	const struct entry *applied[64]; /* canonical order */
	size_t n_applied;
	int64_t posted_at, cancelled_at;
	bool voided;
};

static int64_t instant(const struct life *life, const struct entry *entry)
{
	int64_t own = entry->activity.occurred_at, order = life->order->activity.occurred_at;

	return own > order ? own : order;
}

static int64_t reversed(const struct entry *entry, int32_t line_no)
{
	for (size_t i = 0; i < entry->activity.reversal.n_lines; i++) {
		if (entry->activity.reversal.lines[i].line_no == line_no) {
			return entry->activity.reversal.lines[i].amount;
		}
	}
	return 0;
}

static bool fits(const struct life *life, const struct entry *entry)
{
	const struct order *order = &life->order->activity.order;
	size_t known = 0;

	if (entry->activity.kind == ACTIVITY_COMPLETION) {
		return true;
	}
	for (size_t i = 0; i < life->n_applied; i++) {
		if (life->applied[i]->activity.kind == ACTIVITY_CANCELLATION &&
		    instant(life, entry) >= instant(life, life->applied[i])) {
			return false;
		}
	}
	if (entry->activity.kind == ACTIVITY_CANCELLATION) {
		return true;
	}
	for (size_t i = 0; i < order->n_lines; i++) {
		const struct line *line = &order->lines[i];
		int64_t left = line->amount - line->coupon - line->points;

		for (size_t r = 0; r < entry->activity.reversal.n_lines; r++) {
			const struct reversal_line *back = &entry->activity.reversal.lines[r];

			known += back->line_no == line->line_no &&
				 strcmp(back->currency, line->currency) == 0;
		}
		for (size_t a = 0; a < life->n_applied; a++) {
			if (life->applied[a]->activity.kind == ACTIVITY_REVERSAL) {
				left -= reversed(life->applied[a], line->line_no);
			}
		}
		if (reversed(entry, line->line_no) > left) {
			return false;
		}
	}
	return known == entry->activity.reversal.n_lines;
}

static void collect(const struct world *world, struct life *life)
{
	const struct entry *all[64], *swap;
	size_t n = 0;

	for (size_t i = 0; i < world->n; i++) {
		const struct activity *a = &world->entries[i].activity;

		if (a->kind != ACTIVITY_ORDER &&
		    same(a->order_source, life->order->activity.order_source) &&
		    same(a->order_id, life->order->activity.order_id)) {
			assert(n < 64);
			all[n++] = &world->entries[i];
		}
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			if (before(all[j], all[i])) {
				swap = all[i];
				all[i] = all[j];
				all[j] = swap;
			}
		}
	}
	/* those that waited for the order, then the rest, put back into canonical order */
	for (size_t i = 0; i < n; i++) {
		if (all[i]->revision < life->order->revision &&
		    (plus_15_months(all[i]->activity.occurred_at) <= life->order->known_at ||
		     !fits(life, all[i]))) {
			all[i] = NULL;
		} else if (all[i]->revision < life->order->revision) {
			life->applied[life->n_applied++] = all[i];
		}
	}
	life->n_applied = 0;
	for (size_t i = 0; i < n; i++) {
		if (all[i] != NULL) {
			life->applied[life->n_applied++] = all[i];
		}
	}
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void live_through(const struct world *world, struct life *life)
{
	const struct activity *order = &life->order->activity;
	const struct policy *policy = force(world, order->occurred_at);
	int64_t delay = policy->posting.delay[order->order.platform];
	int64_t automatic = policy->posting.auto_complete[order->order.platform];

	life->posted_at = life->cancelled_at = NEVER;
	if (order->order.completed_at != 0) {
		life->posted_at = later(order->order.completed_at, order->occurred_at) + delay;
	} else if (automatic != 0) {
		life->posted_at = order->occurred_at + automatic + delay;
	}
	for (size_t i = 0; i < life->n_applied; i++) {
		const struct activity *a = &life->applied[i]->activity;

		if (life->cancelled_at != NEVER) {
			break;
		}
		if (a->kind == ACTIVITY_COMPLETION && a->occurred_at < life->posted_at) {
			life->posted_at =
				later(a->completion.completed_at, order->occurred_at) + delay;
		}
		if (a->kind == ACTIVITY_CANCELLATION) {
			life->cancelled_at = instant(life, life->applied[i]);
			life->voided = life->cancelled_at < life->posted_at;
		}
	}
	if (life->voided) {
		life->posted_at = NEVER;
	}
}

static int64_t line_left(const struct life *life, const struct line *line, int64_t t)
{
	int64_t left = line->amount - line->coupon - line->points;

	if (life->cancelled_at <= t) {
		return 0;
	}
	for (size_t i = 0; i < life->n_applied; i++) {
		if (life->applied[i]->activity.kind == ACTIVITY_REVERSAL &&
		    instant(life, life->applied[i]) <= t) {
			left -= reversed(life->applied[i], line->line_no);
		}
	}
	assert(left >= 0); /* nothing that takes more was accepted */
	return left;
}

/* In fen, by long division on paper: amounts of tests are small enough for a double-width product. */
static int64_t worth(const struct line *line, int64_t left, const struct policy *policy)
{
	if (line->type != LINE_GOODS && line->type != LINE_SERVICE) {
		return 0;
	}
	if (strcmp(line->currency, policy->currency) == 0) {
		return left;
	}
	for (int i = 0; i < policy->n_rates; i++) {
		if (strcmp(line->currency, policy->rates[i].currency) == 0) {
			assert(policy->rates[i].exponent == 2);
			return (left * policy->rates[i].rate_e4 + 5000) / 10000;
		}
	}
	return 0;
}

/* ---- score ---- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct lives {
	struct life *life;
	size_t n;
};

static int64_t order_worth(const struct life *life, const struct policy *policy, int64_t t,
			   int rail)
{
	const struct order *order = &life->order->activity.order;
	int64_t sum = 0;

	for (size_t i = 0; i < order->n_lines; i++) {
		bool is_rail = order->platform == PLATFORM_TRAVEL &&
			       same(order->lines[i].sub_kind, (struct str){"rail", 4});

		if (rail == -1 || is_rail == (rail == 1)) {
			sum += worth(&order->lines[i], line_left(life, &order->lines[i], t),
				     policy);
		}
	}
	return sum;
}

static bool counts(const struct life *life, int64_t t, int first, int last)
{
	int month = month_of(life->order->activity.occurred_at);

	return life->posted_at <= t && month >= first && month <= last;
}

static void add_spend(const struct lives *lives, const struct policy *policy, int64_t t,
		      struct score *score)
{
	int64_t by[PLATFORM_END] = {0}, raw[PLATFORM_END] = {0}, rail = 0;

	for (size_t i = 0; i < lives->n; i++) {
		const struct life *life = &lives->life[i];
		int p = life->order->activity.order.platform;

		if (!counts(life, t, score->first_month, score->last_month)) {
			continue;
		}
		raw[p] += order_worth(life, policy, t, -1);
		by[p] += least(order_worth(life, policy, t, 0), policy->limits.order[p]);
		rail += order_worth(life, policy, t, 1);
	}
	by[PLATFORM_TRAVEL] += least(rail, policy->limits.travel_rail);
	for (int p = 1; p < PLATFORM_END; p++) {
		score->counted_spend += least(by[p], policy->limits.window[p]);
		score->spend += raw[p];
		score->platforms += raw[p] > 0;
	}
}

static void add_days(const struct lives *lives, const struct policy *policy, int64_t t,
		     struct score *score)
{
	for (size_t i = 0; i < lives->n; i++) {
		int64_t at = lives->life[i].order->activity.occurred_at, sum = 0;
		bool seen = false;

		if (!counts(&lives->life[i], t, score->first_month, score->last_month)) {
			continue;
		}
		for (size_t j = 0; j < lives->n; j++) {
			if (lives->life[j].posted_at <= t &&
			    same_day(at, lives->life[j].order->activity.occurred_at)) {
				seen = seen || j < i;
				sum += order_worth(&lives->life[j], policy, t, -1);
			}
		}
		score->days += !seen && sum >= policy->frequency.day_minimum;
	}
}

static void add_categories(const struct lives *lives, const struct policy *policy, int64_t t,
			   struct score *score)
{
	struct str seen[512];
	size_t n = 0;

	for (size_t i = 0; i < lives->n; i++) {
		const struct order *order = &lives->life[i].order->activity.order;

		for (size_t l = 0; l < order->n_lines; l++) {
			const struct line *line = &order->lines[l];
			size_t k = 0;

			if (!counts(&lives->life[i], t, score->first_month, score->last_month) ||
			    line->category.len == 0 ||
			    worth(line, line_left(&lives->life[i], line, t), policy) == 0) {
				continue;
			}
			while (k < n && !same(seen[k], line->category)) {
				k++;
			}
			if (k == n) {
				assert(n < 512);
				seen[n++] = line->category;
			}
		}
	}
	score->categories = (int32_t)n;
}

static struct score score_of(const struct lives *lives, const struct policy *policy, int64_t t,
			     int first, int last)
{
	struct score score = {.first_month = first, .last_month = last};
	int64_t low = 0;

	add_spend(lives, policy, t, &score);
	add_days(lives, policy, t, &score);
	add_categories(lives, policy, t, &score);
	for (int i = 0; i < policy->n_bends; i++) {
		if (score.counted_spend > low) {
			score.parts[PART_SPEND] +=
				(least(score.counted_spend, policy->bends[i].upto) - low) *
				policy->bends[i].micro_per_minor;
		}
		low = policy->bends[i].upto;
	}
	score.parts[PART_FREQUENCY] =
		least(score.days * policy->frequency.day_points, policy->frequency.maximum);
	score.parts[PART_BREADTH] = least(score.platforms, policy->breadth.platform_most) *
					    policy->breadth.platform_points +
				    least(score.categories, policy->breadth.category_most) *
					    policy->breadth.category_points;
	score.micro =
		score.parts[PART_SPEND] + score.parts[PART_FREQUENCY] + score.parts[PART_BREADTH];
	score.points = score.micro / 1000000;
	score.parts[PART_FRACTION_DROPPED] = score.points * 1000000 - score.micro;
	return score;
}

/* ---- tiers ---- */

static int cmp_times(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/* Every instant up to t at which something may happen: effective ones, policies, settlements. */
static size_t instants(const struct world *world, const struct lives *lives, int64_t t,
		       int64_t *out, size_t room, int64_t *begin)
{
	int64_t first = NEVER;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < lives->n; i++) {
		const struct life *life = &lives->life[i];

		out[n++] = life->posted_at;
		for (size_t a = 0; a < life->n_applied; a++) {
			if (life->applied[a]->activity.kind != ACTIVITY_COMPLETION &&
			    instant(life, life->applied[a]) <= life->cancelled_at) {
				out[n++] = instant(life, life->applied[a]);
			}
		}
		assert(n + 64 < room);
	}
	for (size_t i = 0; i < n; i++) {
		first = least(first, out[i]);
	}
	*begin = first;
	for (size_t i = 0; i < world->policies->n; i++) {
		out[n++] = world->policies->versions[i]->effective_from;
	}
	for (int month = first == NEVER ? 0 : month_of(first);
	     first != NEVER && first_of(month, 8) <= t; month++) {
		assert(n + 1 < room);
		out[n++] = first_of(month, 8);
	}
	qsort(out, n, sizeof(*out), cmp_times);
	for (size_t i = 0; i < n; i++) {
		if (out[i] >= first && out[i] <= t && (kept == 0 || out[kept - 1] != out[i])) {
			out[kept++] = out[i];
		}
	}
	return kept;
}

static void tell(struct reference *out, int64_t at, enum transition_kind kind, enum tier from,
		 enum tier to, int64_t points, int32_t version)
{
	assert(out->n_history < REFERENCE_HISTORY);
	out->history[out->n_history++] = (struct transition){at, kind, from, to, points, version};
}

static void judge_settlement(struct reference *out, const struct policy *policy, int64_t at)
{
	struct standing *s = &out->standing;
	int64_t settled = s->settled.points * 1000000, live = s->score.points * 1000000;

	if (s->protected_until != 0 && at < s->protected_until) {
		return;
	}
	s->protected_until = 0;
	if (settled >= policy->tiers[s->tier].keep) {
		if (s->at_risk) {
			tell(out, at, TRANSITION_RECOVERED, s->tier, s->tier, s->settled.points,
			     policy->version);
		}
		s->at_risk = false;
	} else if (live >= policy->tiers[s->tier].attain) {
		return;
	} else if (!s->at_risk) {
		tell(out, at, TRANSITION_AT_RISK, s->tier, s->tier, s->settled.points,
		     policy->version);
		s->at_risk = true;
	} else {
		tell(out, at, TRANSITION_STEP_DOWN, s->tier, (enum tier)(s->tier - 1),
		     s->settled.points, policy->version);
		s->tier = (enum tier)(s->tier - 1);
		s->at_risk = false;
	}
}

static void at_instant(const struct lives *lives, const struct policy *policy, int64_t at,
		       struct reference *out)
{
	struct standing *s = &out->standing;
	int month = month_of(at), width = policy->protection.window_months;
	enum tier best = TIER_BRONZE;

	s->score = score_of(lives, policy, at, month - width + 1, month);
	for (int tier = TIER_SILVER; tier < TIER_END; tier++) {
		if (s->score.points * 1000000 >= policy->tiers[tier].attain) {
			best = (enum tier)tier;
		}
	}
	if (best > s->tier) {
		tell(out, at, TRANSITION_UPGRADE, s->tier, best, s->score.points, policy->version);
		s->tier = best;
		s->at_risk = false;
		s->protected_until = first_of(month + policy->protection.months, 8);
	}
	if (at == first_of(month, 8)) {
		s->settled = score_of(lives, policy, at, month - width, month - 1);
		s->settled_at = at;
		judge_settlement(out, policy, at);
	}
}

void reference_fold(const struct entry *entries, size_t n, const struct policy_list *policies,
		    int64_t t, struct reference *out)
{
	const struct world world = {entries, n, policies};
	const size_t room = n * 3 + 5000;
	struct lives lives = {calloc(n + 1, sizeof(struct life)), 0};
	int64_t *at = calloc(room, sizeof(*at)), begin;
	const struct policy *policy = force(&world, t);
	size_t n_at;

	assert(lives.life != NULL && at != NULL);
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		if (entries[i].activity.kind == ACTIVITY_ORDER) {
			lives.life[lives.n].order = &entries[i];
			collect(&world, &lives.life[lives.n]);
			live_through(&world, &lives.life[lives.n]);
			lives.n++;
		}
	}
	out->standing.tier = TIER_BRONZE;
	n_at = instants(&world, &lives, t, at, room, &begin);
	for (size_t i = 0; i < n_at; i++) {
		at_instant(&lives, force(&world, at[i]), at[i], out);
	}
	out->standing.at = t;
	out->standing.policy_version = policy->version;
	out->standing.score = score_of(
		&lives, policy, t, month_of(t) - policy->protection.window_months + 1, month_of(t));
	out->standing.below_keep =
		out->standing.score.points * 1000000 < policy->tiers[out->standing.tier].keep;
	out->standing.shown = out->standing.tier;
	out->standing.credibility = policy->credibility.base;
	out->standing.level = LEVEL_STANDARD;
	for (int level = LEVEL_SUPER; level < LEVEL_END; level++) {
		if (out->standing.score.points * 1000000 >= policy->levels[level]) {
			out->standing.level = (enum level)level;
		}
	}
	free(at);
	free(lives.life);
}
