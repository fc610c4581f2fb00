/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More of anything that is supposed here never lowers a score at any instant. So what suffices is
 * found by halving what does not and what does, and folding: no rule of the score is repeated here.
 */
#include "domain/ways.h"

#include "base/clock.h"
#include "domain/calendar.h"
#include "domain/intern.h"
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

/* The i-th activity that is supposed, of this kind and instant; the rest of it is the caller's. */
static struct activity *suppose(const struct trials *trials, size_t i, enum activity_kind kind,
				int64_t at)
{
	struct entry *entry = &trials->entries[trials->n_ledger + i];

	*entry = (struct entry){/* after all of the ledger, each unlike the others */
				.revision = INT64_MAX - SUPPOSED_MAX + (int64_t)i,
				.known_at = trials->now,
				.activity = {.kind = kind,
					     .source = SUPPOSED_SOURCE,
					     .source_event_id = str_from(trials->supposed[i].id),
					     .occurred_at = at}};
	return &entry->activity;
}

static void name_supposed(const struct trials *trials)
{
	for (size_t i = 0; i < SUPPOSED_MAX; i++) {
		struct supposed *supposed = &trials->supposed[i];

		snprintf(supposed->id, sizeof(supposed->id), "%zu", i);
		supposed->line = (struct line){.line_no = 1, .type = LINE_GOODS};
		memcpy(supposed->line.currency, trials->policy->currency,
		       sizeof(supposed->line.currency));
	}
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
		.acts_at = arena_array(arena, SUPPOSED_MAX, sizeof(*trials->acts_at)),
	};
	if (trials->entries == NULL || trials->supposed == NULL || trials->acts_at == NULL) {
		return arena_fail(arena, err);
	}
	if (ledger->n_entries > 0) {
		memcpy(trials->entries, ledger->entries,
		       ledger->n_entries * sizeof(*trials->entries));
	}
	name_supposed(trials);
	return MB_OK;
}

static void set_order(const struct trials *trials, size_t i, int64_t amount, int64_t paid_at)
{
	struct supposed *supposed = &trials->supposed[i];
	struct activity *activity = suppose(trials, i, ACTIVITY_ORDER, paid_at);
	const struct policy *policy = policy_at(trials->in->ledger->policies, paid_at);

	supposed->line.amount = amount;
	activity->order_source = activity->source;
	activity->order_id = activity->source_event_id;
	activity->order = (struct order){.platform = PLATFORM_SHOPPING,
					 .completed_at = paid_at,
					 .lines = &supposed->line,
					 .n_lines = 1};
	trials->acts_at[i] = calendar_add(paid_at, policy->posting.delay[PLATFORM_SHOPPING]);
}

static void set_review(const struct trials *trials, size_t i, int64_t at)
{
	struct activity *activity = suppose(trials, i, ACTIVITY_REVIEW, at);

	activity->order_source = trials->lines[i].order_source;
	activity->order_id = trials->lines[i].order_id;
	activity->review.line_no = trials->lines[i].line_no;
	activity->review.pictures = true;
	trials->acts_at[i] = at;
}

static void read_history(const struct fold *fold, int64_t now, int64_t t, const struct goal *goal,
			 struct outcome *out)
{
	for (size_t i = 0; i < fold->n_history; i++) {
		const struct transition *row = &fold->history[i];

		if (row->kind == TRANSITION_UPGRADE && row->effective_at >= now) {
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
	spending->at = goal->settled_at != 0 ? goal->settled_at : trials->acts_at[0];
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

/* ---- one after the other ---- */

/* What is set one after the other, the longest that is looked at. */
struct series {
	enum way_kind kind;
	int64_t amount;
	size_t n;
};

static size_t acted_by(const struct trials *trials, size_t n, int64_t until)
{
	while (n > 0 && trials->acts_at[n - 1] > until) {
		n--;
	}
	return n;
}

/* The least n in (0, high] that reaches the goal at `at`; high does. The one below high is tried
 * first: with the first instant at which all of them reach it, that mostly is the proof. */
static enum mb_code least_of(const struct trials *trials, const struct goal *goal, int64_t at,
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

static enum mb_code find_in_series(const struct trials *trials, const struct goal *goal,
				   const struct series *series, struct way *out, bool *found,
				   struct mb_err *err)
{
	bool settles = goal->settled_at != 0;
	size_t n = settles ? acted_by(trials, series->n, goal->settled_at) : series->n;
	struct outcome outcome;
	int64_t at;
	enum mb_code code;

	if (n == 0) {
		return MB_OK;
	}
	at = settles ? goal->settled_at : trials->acts_at[n - 1];
	code = trials_fold(trials, n, at, goal, &outcome, err);
	if (code != MB_OK || !is_reached(goal, &outcome)) {
		return code;
	}
	if (!settles) {
		/* what acts later has no part in it */
		at = outcome.attained_at;
		n = acted_by(trials, n, at);
	}
	if (n == 0) {
		return MB_OK; /* it comes without */
	}
	code = least_of(trials, goal, at, n, &n, err);
	*found = code == MB_OK;
	*out = (struct way){
		.kind = series->kind, .amount = series->amount, .count = (int32_t)n, .by = at};
	return code;
}

static size_t days_most(const struct trials *trials)
{
	int64_t days = (int64_t)trials->policy->protection.window_months * DAYS_A_MONTH;

	return (size_t)min_i64(days, SUPPOSED_MAX);
}

/* Days are counted from tomorrow on. */
static int64_t end_of_day(const struct trials *trials, size_t day)
{
	return calendar_add(trials->today_ends, (int64_t)(day + 1) * US_PER_DAY);
}

static enum mb_code find_days(struct trials *trials, const struct goal *goal, struct way *out,
			      bool *found, struct mb_err *err)
{
	const struct series series = {
		.kind = WAY_DAYS,
		.amount = min_i64(max_i64(trials->policy->frequency.day_minimum, 1), AMOUNT_MAX),
		.n = days_most(trials)};

	*found = false;
	for (size_t i = 0; i < series.n; i++) {
		set_order(trials, i, series.amount, end_of_day(trials, i));
		if (i > 0) {
			/* another version's shorter delay must not overtake */
			trials->acts_at[i] = max_i64(trials->acts_at[i], trials->acts_at[i - 1]);
		}
	}
	return find_in_series(trials, goal, &series, out, found, err);
}

/* ---- reviews ---- */

static int64_t reviewed_in(const struct trials *trials, const struct fold *fold, int32_t month)
{
	const struct fold_input *ledger = trials->in->ledger;
	int64_t micro = 0;

	for (size_t i = 0; i < ledger->n_entries; i++) {
		const struct activity *activity = &ledger->entries[i].activity;
		const struct counted *counted = &fold->counts[i];

		if (activity->kind == ACTIVITY_REVIEW &&
		    calendar_month(activity->occurred_at, trials->policy->zone_minutes) == month) {
			micro += counted->points - counted->cut_day - counted->cut_month;
		}
	}
	return micro;
}

static struct str name_line(struct str order_id, int32_t line_no, char out[ID_BYTES_MAX + 16])
{
	int n = snprintf(out, ID_BYTES_MAX + 16, "%d/%.*s", (int)line_no, STR_ARG(order_id));

	return (struct str){out, (size_t)n};
}

/* The lines that reviews name, whatever became of them. False when the arena refused. */
static bool list_reviewed(const struct fold_input *ledger, struct arena *arena,
			  struct intern *reviewed)
{
	char text[ID_BYTES_MAX + 16];

	for (size_t i = 0; i < ledger->n_entries; i++) {
		const struct activity *activity = &ledger->entries[i].activity;
		struct str name;

		if (activity->kind != ACTIVITY_REVIEW) {
			continue;
		}
		name = name_line(activity->order_id, activity->review.line_no, text);
		name.ptr = arena_strndup(arena, name.ptr, name.len);
		if (name.ptr == NULL ||
		    intern_put(reviewed, activity->order_source, name) == INTERN_NONE) {
			return false;
		}
	}
	return true;
}

static void take_lines(struct trials *trials, const struct activity *order,
		       const struct intern *reviewed)
{
	char text[ID_BYTES_MAX + 16];

	for (size_t i = 0; i < order->order.n_lines && trials->n_lines < SUPPOSED_MAX; i++) {
		const struct line *line = &order->order.lines[i];

		if ((line->type == LINE_GOODS || line->type == LINE_SERVICE) &&
		    intern_find(reviewed, order->order_source,
				name_line(order->order_id, line->line_no, text)) == INTERN_NONE) {
			trials->lines[trials->n_lines++] = (struct unreviewed){
				order->order_source, order->order_id, line->line_no};
		}
	}
}

enum mb_code trials_learn(struct trials *trials, const struct fold *fold, struct arena *arena,
			  struct mb_err *err)
{
	const struct fold_input *ledger = trials->in->ledger;
	struct intern reviewed = {.arena = arena};

	trials->reviewed = reviewed_in(trials, fold,
				       calendar_month(trials->now, trials->policy->zone_minutes));
	trials->lines = arena_array(arena, SUPPOSED_MAX, sizeof(*trials->lines));
	if (trials->lines == NULL || !list_reviewed(ledger, arena, &reviewed)) {
		return arena_fail(arena, err);
	}
	for (size_t i = ledger->n_entries; i-- > 0;) {
		const struct activity *activity = &ledger->entries[i].activity;

		/* what has posted was delivered */
		if (activity->kind == ACTIVITY_ORDER &&
		    (fold->states[i] == ENTRY_POSTED || fold->states[i] == ENTRY_PARTLY_REVERSED)) {
			take_lines(trials, activity, &reviewed);
		}
	}
	return MB_OK;
}

/* On each day as many as its cap has room for, while that of the month has. Other caps and the guard
 * are the fold's business. */
static size_t set_reviews(struct trials *trials)
{
	const struct policy_interaction_kind *rule =
		&trials->policy->interaction.kind[INTERACTION_REVIEW];
	int32_t zone = trials->policy->zone_minutes;
	int32_t month = calendar_month(trials->now, zone);
	int64_t points = sat_add(rule->points, rule->extra), used = trials->reviewed;
	size_t n = 0;

	for (size_t day = 0; points > 0 && n < trials->n_lines && day < days_most(trials); day++) {
		int64_t at = end_of_day(trials, day), sum = 0;

		if (calendar_month(at, zone) != month) {
			month = calendar_month(at, zone);
			used = 0;
		}
		while (n < trials->n_lines && sum < rule->day && sat_add(used, sum) < rule->month) {
			set_review(trials, n++, at);
			sum = sat_add(sum, points);
		}
		used = sat_add(used, min_i64(sum, rule->day));
	}
	return n;
}

static enum mb_code find_reviews(struct trials *trials, const struct goal *goal, struct way *out,
				 bool *found, struct mb_err *err)
{
	const struct series series = {.kind = WAY_REVIEWS, .n = set_reviews(trials)};

	*found = false;
	return find_in_series(trials, goal, &series, out, found, err);
}

/* ---- all of them ---- */

enum mb_code trials_find(struct trials *trials, const struct goal *goal, int64_t comes_at,
			 struct way ways[WAYS_MAX], size_t *n_ways, struct mb_err *err)
{
	typedef enum mb_code find_fn(struct trials *, const struct goal *, struct way *, bool *,
				     struct mb_err *);
	find_fn *const finders[] = {find_spend, find_days, find_reviews};
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
