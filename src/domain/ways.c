/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More of anything that is supposed here never lowers a score at any instant. So what suffices is
 * found by halving what does not and what does, and folding: no rule of the score is repeated here.
 */
#include "domain/ways.h"

#include "base/clock.h"
#include "domain/calendar.h"
#include "domain/money.h"

#include <stdio.h>
#include <string.h>

#define SUPPOSED_MAX 500 /* as many as one batch may hold */
#define DAYS_A_MONTH 31

/* Not a form that the border lets in, so no activity of the ledger has it. */
static const struct str SUPPOSED_SOURCE = {"~", 1};

struct supposed {
	struct line line;
	char id[12];
};

/* ---- trials ---- */

static struct entry suppose_order(const struct trials *trials, size_t i)
{
	struct supposed *supposed = &trials->supposed[i];
	struct str id;

	snprintf(supposed->id, sizeof(supposed->id), "%zu", i);
	id = str_from(supposed->id);
	supposed->line = (struct line){.line_no = 1, .type = LINE_GOODS};
	memcpy(supposed->line.currency, trials->policy->currency, sizeof(supposed->line.currency));
	return (struct entry){/* after all of the ledger, each unlike the others */
			      .revision = INT64_MAX - SUPPOSED_MAX + (int64_t)i,
			      .known_at = trials->now,
			      .activity = {.kind = ACTIVITY_ORDER,
					   .source = SUPPOSED_SOURCE,
					   .source_event_id = id,
					   .order_source = SUPPOSED_SOURCE,
					   .order_id = id,
					   .order = {.platform = PLATFORM_SHOPPING,
						     .lines = &supposed->line,
						     .n_lines = 1}}};
}

enum mb_code trials_init(struct trials *trials, const struct progress_input *in,
			 struct arena *arena, struct mb_err *err)
{
	const struct fold_input *ledger = in->ledger;
	const struct policy *policy = policy_at(ledger->policies, ledger->t);
	int32_t zone = policy->zone_minutes;

	*trials = (struct trials){
		.in = in,
		.now = ledger->t,
		.today_ends = calendar_day_start(calendar_day(ledger->t, zone) + 1, zone) - 1,
		.policy = policy,
		.entries = arena_array(arena, ledger->n_entries + SUPPOSED_MAX,
				       sizeof(*trials->entries)),
		.n_ledger = ledger->n_entries,
		.supposed = arena_array(arena, SUPPOSED_MAX, sizeof(*trials->supposed)),
	};
	if (trials->entries == NULL || trials->supposed == NULL) {
		return arena_fail(arena, err);
	}
	if (ledger->n_entries > 0) {
		memcpy(trials->entries, ledger->entries,
		       ledger->n_entries * sizeof(*trials->entries));
	}
	for (size_t i = 0; i < SUPPOSED_MAX; i++) {
		trials->entries[trials->n_ledger + i] = suppose_order(trials, i);
	}
	return MB_OK;
}

static void set_order(const struct trials *trials, size_t i, int64_t amount, int64_t paid_at)
{
	struct activity *activity = &trials->entries[trials->n_ledger + i].activity;

	trials->supposed[i].line.amount = amount;
	activity->occurred_at = paid_at;
	activity->order.completed_at = paid_at;
}

static int64_t posts_at(const struct trials *trials, size_t i)
{
	const struct activity *order = &trials->entries[trials->n_ledger + i].activity;
	const struct policy *policy = policy_at(trials->in->ledger->policies, order->occurred_at);

	return calendar_add(order->occurred_at, policy->posting.delay[PLATFORM_SHOPPING]);
}

static void read_history(const struct fold *fold, int64_t now, int64_t t, const struct goal *goal,
			 struct outcome *out)
{
	for (size_t i = 0; i < fold->n_history; i++) {
		const struct transition *row = &fold->history[i];

		if (row->kind == TRANSITION_UPGRADE && row->effective_at > now) {
			if (goal != NULL && out->attained_at == 0 &&
			    (int)row->to >= (int)goal->tier) {
				out->attained_at = row->effective_at;
			}
		}
		if (row->effective_at == t &&
		    (row->kind == TRANSITION_AT_RISK || row->kind == TRANSITION_RECOVERED ||
		     row->kind == TRANSITION_STEP_DOWN)) {
			out->verdict = row->kind;
			out->judged = (enum tier)row->from;
		}
	}
}

enum mb_code trials_fold(const struct trials *trials, size_t n, int64_t t, const struct goal *goal,
			 struct outcome *out, struct mb_err *err)
{
	struct fold_input in = *trials->in->ledger;
	struct arena *arena = arena_create(trials->in->budget, trials->in->fold_max);
	struct fold fold;
	enum mb_code code;

	if (arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory is left to look ahead now");
	}
	in.entries = trials->entries;
	in.n_entries = trials->n_ledger + n;
	in.t = t;
	in.want_schedule = false;
	code = fold_ledger(&in, arena, &fold, err);
	if (code == MB_OK) {
		*out = (struct outcome){.standing = fold.standing, .judged = fold.standing.tier};
		read_history(&fold, trials->now, t, goal, out);
	}
	arena_destroy(arena);
	return code;
}

/* ---- goals ---- */

static bool is_reached(const struct goal *goal, const struct outcome *outcome)
{
	return goal->settled_at == 0 ? outcome->attained_at != 0
				     : outcome->standing.settled.points >= goal->points;
}

/* How far it is, in micro-points; for guesses only. */
static int64_t measure(const struct goal *goal, const struct outcome *outcome)
{
	return goal->settled_at == 0 ? outcome->standing.score.micro
				     : outcome->standing.settled.micro;
}

static int64_t aim(const struct trials *trials, const struct goal *goal, int64_t at)
{
	const struct policy *policy = policy_at(trials->in->ledger->policies, at);

	return goal->settled_at == 0 ? policy->tiers[goal->tier].attain
				     : sat_mul(goal->points, MICRO);
}

/* ---- money ---- */

struct spending {
	struct trials *trials;
	const struct goal *goal;
	int64_t at; /* when it is looked at */
	int64_t limit; /* of one order */
	int64_t aim;
	int64_t steepest; /* micro-points that one minor unit may bring */
	/* too little, and enough; what they measure */
	int64_t low, high, low_micro, high_micro;
};

static size_t orders_for(const struct spending *spending, int64_t amount)
{
	return (size_t)((amount + spending->limit - 1) / spending->limit);
}

/* Moves low or high to `amount`, which lies between them. */
static enum mb_code try_amount(struct spending *spending, int64_t amount, bool *reached,
			       struct mb_err *err)
{
	const struct trials *trials = spending->trials;
	size_t n = orders_for(spending, amount);
	struct outcome outcome;
	enum mb_code code;

	for (size_t i = 0; i < n; i++) {
		int64_t left = amount - (int64_t)i * spending->limit;

		set_order(trials, i, min_i64(left, spending->limit), trials->today_ends);
	}
	code = trials_fold(trials, n, spending->at, spending->goal, &outcome, err);
	if (code != MB_OK) {
		return code;
	}
	*reached = is_reached(spending->goal, &outcome);
	if (*reached) {
		spending->high = amount;
		spending->high_micro = measure(spending->goal, &outcome);
	} else {
		spending->low = amount;
		spending->low_micro = measure(spending->goal, &outcome);
	}
	return MB_OK;
}

/* Where a straight line between both ends meets the aim. */
static int64_t guess(const struct spending *spending)
{
	int64_t run = spending->high - spending->low;
	int64_t rise = spending->high_micro - spending->low_micro;
	int64_t need = spending->aim - spending->low_micro;
	int64_t step;

	if (rise <= 0 || need <= 0 || need >= rise || sat_mul(need, run) == INT64_MAX) {
		return spending->low + run / 2;
	}
	step = (need * run + rise - 1) / rise;
	return spending->low + max_i64(1, min_i64(step, run - 1));
}

/* The curve is made of straight pieces: guesses hit soon, halves make sure of it. One that hits is
 * proved by the unit below it. */
static enum mb_code narrow(struct spending *spending, struct mb_err *err)
{
	enum mb_code code = MB_OK;
	bool reached, halve = false;

	while (code == MB_OK && spending->high - spending->low > 1) {
		int64_t amount = halve ? spending->low + (spending->high - spending->low) / 2
				       : guess(spending);

		code = try_amount(spending, amount, &reached, err);
		if (code == MB_OK && reached && spending->high - spending->low > 1 &&
		    spending->high_micro - spending->aim <= spending->steepest) {
			code = try_amount(spending, amount - 1, &reached, err);
		}
		halve = !halve;
	}
	return code;
}

static void begin_spending(struct spending *spending, struct trials *trials,
			   const struct goal *goal)
{
	const struct policy *policy = trials->policy;

	*spending = (struct spending){.trials = trials, .goal = goal};
	spending->limit = min_i64(policy->limits.order[PLATFORM_SHOPPING], AMOUNT_MAX);
	set_order(trials, 0, 1, trials->today_ends);
	spending->at = goal->settled_at != 0 ? goal->settled_at : posts_at(trials, 0);
	spending->aim = aim(trials, goal, spending->at);
	for (int32_t i = 0; i < policy->n_bends; i++) {
		spending->steepest = max_i64(spending->steepest, policy->bends[i].micro_per_minor);
	}
}

static enum mb_code find_spend(struct trials *trials, const struct goal *goal, struct way *out,
			       bool *found, struct mb_err *err)
{
	const struct policy *policy = trials->policy;
	struct spending spending;
	enum mb_code code;
	int64_t most;

	*found = false;
	begin_spending(&spending, trials, goal);
	if (spending.limit <= 0 || policy->n_bends == 0) {
		return MB_OK;
	}
	/* nothing counts behind the end of the curve */
	most = min_i64(sat_mul(spending.limit, SUPPOSED_MAX),
		       policy->bends[policy->n_bends - 1].upto);
	code = try_amount(&spending, 0, found, err);
	if (code != MB_OK || *found) {
		*found = false; /* it comes without */
		return code;
	}
	code = try_amount(&spending, most, found, err);
	if (code == MB_OK && *found) {
		code = narrow(&spending, err);
		*out = (struct way){.kind = WAY_SPEND,
				    .amount = spending.high,
				    .count = (int32_t)orders_for(&spending, spending.high),
				    .by = spending.at};
	}
	return code;
}

/* ---- days ---- */

static size_t days_most(const struct trials *trials)
{
	int64_t days = (int64_t)trials->policy->protection.window_months * DAYS_A_MONTH;

	return (size_t)min_i64(days, SUPPOSED_MAX);
}

static int64_t day_amount(const struct trials *trials)
{
	return min_i64(max_i64(trials->policy->frequency.day_minimum, 1), AMOUNT_MAX);
}

/* An order on each coming day; returns how many of them have posted by `until`. */
static size_t set_days(const struct trials *trials, int64_t until)
{
	size_t n = days_most(trials), posted = 0;

	for (size_t i = 0; i < n; i++) {
		set_order(trials, i, day_amount(trials),
			  calendar_add(trials->today_ends, (int64_t)(i + 1) * US_PER_DAY));
		posted = posts_at(trials, i) <= until ? i + 1 : posted;
	}
	return posted;
}

/* The least n in (0, high] that reaches the goal at `at`; high does. The one below high is tried
 * first: with the first instant at which all of them reach it, that mostly is the proof. */
static enum mb_code least_days(const struct trials *trials, const struct goal *goal, int64_t at,
			       size_t high, size_t *out, struct mb_err *err)
{
	size_t low = 0, n = high - 1;
	struct outcome outcome;
	enum mb_code code = MB_OK;

	while (code == MB_OK && high - low > 1) {
		code = trials_fold(trials, n, at, goal, &outcome, err);
		if (code == MB_OK && is_reached(goal, &outcome)) {
			high = n;
		} else {
			low = n;
		}
		n = low + (high - low) / 2;
	}
	*out = high;
	return code;
}

static enum mb_code find_days(struct trials *trials, const struct goal *goal, struct way *out,
			      bool *found, struct mb_err *err)
{
	size_t n = set_days(trials, goal->settled_at != 0 ? goal->settled_at : INT64_MAX);
	struct outcome outcome;
	int64_t at;
	enum mb_code code;

	*found = false;
	if (n == 0) {
		return MB_OK;
	}
	at = goal->settled_at != 0 ? goal->settled_at : posts_at(trials, n - 1);
	code = trials_fold(trials, n, at, goal, &outcome, err);
	if (code != MB_OK || !is_reached(goal, &outcome)) {
		return code;
	}
	if (goal->settled_at == 0) {
		/* what posts later has no part in it */
		at = outcome.attained_at;
		n = set_days(trials, at);
	}
	if (n == 0) {
		return MB_OK; /* it comes without */
	}
	code = least_days(trials, goal, at, n, &n, err);
	*found = code == MB_OK;
	*out = (struct way){
		.kind = WAY_DAYS, .amount = day_amount(trials), .count = (int32_t)n, .by = at};
	return code;
}

/* ---- all of them ---- */

enum mb_code trials_find(struct trials *trials, const struct goal *goal, int64_t comes_at,
			 struct way ways[WAYS_MAX], size_t *n_ways, struct mb_err *err)
{
	typedef enum mb_code find_fn(struct trials *, const struct goal *, struct way *, bool *,
				     struct mb_err *);
	find_fn *const finders[] = {find_spend, find_days};
	enum mb_code code = MB_OK;

	*n_ways = 0;
	for (size_t i = 0; code == MB_OK && i < sizeof(finders) / sizeof(finders[0]); i++) {
		bool found;

		code = finders[i](trials, goal, &ways[*n_ways], &found, err);
		if (code == MB_OK && found && (comes_at == 0 || ways[*n_ways].by < comes_at)) {
			(*n_ways)++;
		}
	}
	return code;
}
