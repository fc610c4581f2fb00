/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/window.h"

#include "domain/money.h"

#include <assert.h>
#include <string.h>

/* No term of the score passes this, whatever the policy says, so that their sum is exact. */
#define TERM_MAX (INT64_MAX / 8)

/* ---- what an order is worth ---- */

/* A version from before a currency was known values it at 0. */
static int64_t value_of(const struct line *line, int64_t left, const struct policy *policy)
{
	struct policy_rate rate;

	if (strcmp(line->currency, policy->currency) == 0) {
		return min_i64(left, AMOUNT_MAX);
	}
	return policy_rate(policy, line->currency, &rate)
		       ? min_i64(money_convert(left, &rate, policy), AMOUNT_MAX)
		       : 0;
}

static int64_t *sum_of(struct order_record *record, const struct order_line *line)
{
	return line->rail ? &record->sum_rail : &record->sum_other;
}

void order_record_set(struct order_record *record, size_t i, int64_t left,
		      const struct policy *policy)
{
	struct order_line *line = &record->lines[i];

	record->n_left -= line->left > 0;
	record->n_left += left > 0;
	line->left = left;
	if (line->counts) {
		*sum_of(record, line) -= line->value;
		line->value = value_of(&record->entry->activity.order.lines[i], left, policy);
		*sum_of(record, line) += line->value;
	}
}

void order_record_sum(struct order_record *record, const struct policy *policy)
{
	int64_t limit = policy->limits.order[record->entry->activity.order.platform];
	int64_t other = min_i64(record->sum_other, AMOUNT_MAX);
	int64_t rail = min_i64(record->sum_rail, AMOUNT_MAX - other);

	record->worth.left = other + rail;
	record->worth.other = min_i64(other, limit);
	record->worth.rail = min_i64(rail, limit - record->worth.other);
}

static void price(struct order_record *record, const struct policy *policy)
{
	for (size_t i = 0; i < record->entry->activity.order.n_lines; i++) {
		order_record_set(record, i, record->lines[i].left, policy);
	}
	order_record_sum(record, policy);
}

int64_t mark_points(const struct mark *mark, const struct policy *policy)
{
	const struct policy_interaction_kind *rule = &policy->interaction.kind[mark->kind];

	return rule->points + (mark->pictures ? rule->extra : 0);
}

/* ---- cells ---- */

bool window_init(struct window *window, struct book *book, struct arena *arena)
{
	size_t n = (size_t)book->categories.n;

	*window = (struct window){.book = book};
	window->categories = arena_array(arena, n, sizeof(*window->categories));
	window->seen = arena_array(arena, n, sizeof(*window->seen));
	return window->categories != NULL && window->seen != NULL;
}

static bool has_cell(const struct window *window, size_t cell)
{
	return cell >= window->low && cell < window->high;
}

bool window_has(const struct window *window, uint32_t day)
{
	return has_cell(window, window->book->days[day].cell);
}

static void add_category(struct window *window, int32_t category, int sign)
{
	int32_t *cells = &window->categories[category];

	window->n_categories -= *cells > 0;
	*cells += sign;
	window->n_categories += *cells > 0;
}

void window_add_line(struct window *window, const struct order_record *record, size_t i, int sign)
{
	const struct order_line *line = &record->lines[i];
	struct slot *slot;
	bool before, now;

	if (line->slot == NO_INDEX || line->value == 0) {
		return;
	}
	slot = &window->book->slots[line->slot];
	before = slot->lines > 0;
	slot->lines += sign;
	now = slot->lines > 0;
	if (now != before && window_has(window, record->day)) {
		add_category(window, slot->category, now ? 1 : -1);
	}
}

static void add_to_sums(struct sums *sums, const struct order_record *record, int32_t days,
			int sign)
{
	enum platform platform = record->entry->activity.order.platform;

	sums->left[platform] += sign * record->worth.left;
	sums->other[platform] += sign * record->worth.other;
	sums->rail += sign * record->worth.rail;
	sums->n_days += days;
}

void window_add_worth(struct window *window, const struct order_record *record, int sign)
{
	struct day *day = &window->book->days[record->day];
	int64_t minimum = max_i64(window->policy->frequency.day_minimum, 1);
	int32_t days = -(day->spend >= minimum);

	day->spend += sign * record->worth.left;
	days += day->spend >= minimum;
	add_to_sums(&window->book->cells[day->cell].sums, record, days, sign);
	if (has_cell(window, day->cell)) {
		add_to_sums(&window->sums, record, days, sign);
	}
}

void window_add(struct window *window, const struct order_record *record, int sign)
{
	window_add_worth(window, record, sign);
	for (size_t i = 0; i < record->entry->activity.order.n_lines; i++) {
		window_add_line(window, record, i, sign);
	}
}

void window_add_mark(struct window *window, const struct mark *mark, int sign)
{
	struct day *day = &window->book->days[mark->day];
	int64_t cap = window->policy->interaction.kind[mark->kind].day;
	int64_t *capped = &window->book->cells[day->cell].capped[mark->kind];

	*capped -= min_i64(day->points[mark->kind], cap);
	day->points[mark->kind] += sign * mark_points(mark, window->policy);
	*capped += min_i64(day->points[mark->kind], cap);
	window->stale = window->stale || has_cell(window, day->cell);
}

/* ---- months ---- */

static void sum_up(struct sums *sums, const struct sums *more, int sign)
{
	for (int p = 1; p < PLATFORM_END; p++) {
		sums->left[p] += sign * more->left[p];
		sums->other[p] += sign * more->other[p];
	}
	sums->rail += sign * more->rail;
	sums->n_days += sign * more->n_days;
}

static void move_cell(struct window *window, const struct cell *cell, int sign)
{
	sum_up(&window->sums, &cell->sums, sign);
	for (uint32_t i = 0; i < cell->n_slots; i++) {
		const struct slot *slot = &window->book->slots[cell->first_slot + i];

		if (slot->lines > 0) {
			add_category(window, slot->category, sign);
		}
	}
	window->stale = true;
}

/* Does it hold something that counts, or an order that has yet to post? */
static bool is_worth_something(const struct book *book, const struct cell *cell)
{
	for (int p = 1; p < PLATFORM_END; p++) {
		if (cell->sums.left[p] > 0) {
			return true;
		}
	}
	for (int kind = 1; kind < INTERACTION_END; kind++) {
		if (cell->capped[kind] > 0) {
			return true;
		}
	}
	for (uint32_t i = 0; i < cell->n_records; i++) {
		const struct order_record *record = &book->records[cell->first_record + i];

		if (!record->posted && !record->dead && record->worth.left > 0) {
			return true;
		}
	}
	return false;
}

bool window_move(struct window *window, int32_t first, int32_t last)
{
	const struct book *book = window->book;
	bool left = false;

	window->first = first;
	window->last = last;
	for (; window->low < window->high && book->cells[window->low].month < first;
	     window->low++) {
		left = left || is_worth_something(book, &book->cells[window->low]);
		move_cell(window, &book->cells[window->low], -1);
	}
	for (; window->high < book->n_cells && book->cells[window->high].month <= last;
	     window->high++) {
		if (book->cells[window->high].month < first) {
			window->low = window->high + 1;
		} else {
			move_cell(window, &book->cells[window->high], 1);
		}
	}
	return left;
}

/* Back to what closed entries brought. */
static void clear_cell(struct cell *cell)
{
	const struct checkpoint_month *base = cell->base;

	cell->sums = (struct sums){0};
	memset(cell->capped, 0, sizeof(cell->capped));
	if (base != NULL) {
		memcpy(cell->sums.left, base->left, sizeof(cell->sums.left));
		memcpy(cell->sums.other, base->other, sizeof(cell->sums.other));
		cell->sums.rail = base->rail;
		cell->sums.n_days = base->counting_days;
		memcpy(cell->capped, base->capped, sizeof(cell->capped));
	}
}

static void clear_day(struct day *day)
{
	day->spend = 0;
	memset(day->points, 0, sizeof(day->points));
	if (day->base != NULL) {
		day->spend = day->base->spend;
		memcpy(day->points, day->base->points, sizeof(day->points));
	}
}

static void clear_book(struct book *book)
{
	for (size_t i = 0; i < book->n_cells; i++) {
		clear_cell(&book->cells[i]);
	}
	for (size_t i = 0; i < book->n_days; i++) {
		clear_day(&book->days[i]);
	}
	for (size_t i = 0; i < book->n_slots; i++) {
		book->slots[i].lines = book->slots[i].base;
	}
}

void window_clear(struct window *window, const struct policy *policy, int32_t first, int32_t last)
{
	memset(window->categories, 0,
	       (size_t)window->book->categories.n * sizeof(*window->categories));
	clear_book(window->book);
	window->policy = policy;
	window->sums = (struct sums){0};
	window->n_categories = 0;
	window->low = window->high = 0;
	window->stale = true;
	window_move(window, first, last);
}

void window_reset(struct window *window, const struct policy *policy, int32_t first, int32_t last)
{
	struct book *book = window->book;

	window_clear(window, policy, first, last);
	for (size_t i = 0; i < book->n_records; i++) {
		price(&book->records[i], policy);
		if (order_record_counts(&book->records[i])) {
			window_add(window, &book->records[i], 1);
		}
	}
	for (uint32_t i = 0; i < book->n_marks; i++) {
		if (book_mark_counts(book, i)) {
			window_add_mark(window, &book->marks[i], 1);
		}
	}
}

/* ---- the score ---- */

static int64_t counted_spend(const struct sums *sums, const struct policy_limits *limits)
{
	int64_t counted = 0;

	for (int p = 1; p < PLATFORM_END; p++) {
		int64_t spend = sums->other[p];

		if (p == PLATFORM_TRAVEL) {
			spend += min_i64(sums->rail, limits->travel_rail);
		}
		counted += min_i64(spend, limits->window[p]);
	}
	return counted;
}

static int64_t curve_at(int64_t spend, const struct policy *policy)
{
	int64_t from = 0, micro = 0;

	for (int32_t i = 0; i < policy->n_bends && spend > from; i++) {
		const struct policy_bend *bend = &policy->bends[i];

		micro = sat_add(micro,
				sat_mul(min_i64(spend, bend->upto) - from, bend->micro_per_minor));
		from = bend->upto;
	}
	return min_i64(micro, TERM_MAX);
}

static int64_t breadth(const struct score *score, const struct policy *policy)
{
	const struct policy_breadth *rule = &policy->breadth;
	int64_t platforms =
		sat_mul(min_i64(score->platforms, rule->platform_most), rule->platform_points);
	int64_t categories =
		sat_mul(min_i64(score->categories, rule->category_most), rule->category_points);

	return min_i64(sat_add(platforms, categories), TERM_MAX);
}

static int64_t score_purchases(const struct sums *sums, int32_t n_categories,
			       const struct policy *policy, struct score *out)
{
	out->counted_spend = counted_spend(sums, &policy->limits);
	out->days = sums->n_days;
	out->categories = n_categories;
	for (int p = 1; p < PLATFORM_END; p++) {
		out->spend += sums->left[p];
		out->platforms += sums->left[p] > 0;
	}
	out->parts[PART_SPEND] = curve_at(out->counted_spend, policy);
	out->parts[PART_FREQUENCY] =
		min_i64(min_i64(sat_mul(out->days, policy->frequency.day_points),
				policy->frequency.maximum),
			TERM_MAX);
	out->parts[PART_BREADTH] = breadth(out, policy);
	return out->parts[PART_SPEND] + out->parts[PART_FREQUENCY] + out->parts[PART_BREADTH];
}

/* floor(micro * bp / 10,000) where the product may not fit. */
static int64_t scale(int64_t micro, int32_t bp)
{
	return micro / BP * bp + micro % BP * bp / BP;
}

/* What interaction adds to the score, and its parts. */
static int64_t score_interaction(const struct interaction_sum *sum, const struct trust *trust,
				 const struct policy *policy, struct score *out)
{
	int64_t kinds = 0, scaled, guarded;
	int64_t guard = max_i64(policy->interaction.guard,
				out->parts[PART_SPEND] + out->parts[PART_FREQUENCY]);

	for (int kind = 1; kind < INTERACTION_END; kind++) {
		out->parts[PART_REVIEWS + kind - INTERACTION_REVIEW] = sum->kinds[kind];
		kinds += sum->kinds[kind];
	}
	out->interaction = sum->total;
	scaled = scale(sum->total, trust->credibility);
	guarded = min_i64(scaled, guard);
	out->parts[PART_COMMON_CAPS] = sum->total - kinds;
	out->parts[PART_CREDIBILITY] = scaled - sum->total;
	out->parts[PART_GUARD] = guarded - scaled;
	return guarded;
}

static void finish(struct score *score, int64_t micro, const struct trust *trust)
{
	micro -= trust->penalty;
	score->parts[PART_PENALTY] = -trust->penalty;
	score->micro = max_i64(micro, 0);
	score->parts[PART_ZERO_FLOOR] = score->micro - micro;
	score->points = score->micro / MICRO;
	score->parts[PART_FRACTION_DROPPED] = -(score->micro % MICRO);
}

int64_t cell_points(const struct cell *cell, int kind, const struct policy_interaction *rule)
{
	return min_i64(cell->capped[kind], rule->kind[kind].month);
}

static struct interaction_sum sum_interaction(const struct book *book, size_t low, size_t high,
					      const struct policy_interaction *rule)
{
	struct interaction_months months = {.n = high - low};

	assert(months.n <= INTERACTION_MONTHS); /* policies are checked for it */

	for (size_t m = 0; m < months.n; m++) {
		for (int kind = 1; kind < INTERACTION_END; kind++) {
			months.points[m][kind] = cell_points(&book->cells[low + m], kind, rule);
		}
	}
	return interaction_sum(&months, rule);
}

int64_t window_purchases(const struct window *window, struct score *out)
{
	return score_purchases(&window->sums, window->n_categories, window->policy, out);
}

const struct interaction_sum *window_interaction(struct window *window)
{
	if (window->stale) {
		window->interaction = sum_interaction(window->book, window->low, window->high,
						      &window->policy->interaction);
		window->stale = false;
	}
	return &window->interaction;
}

struct score window_score(struct window *window, const struct trust *trust)
{
	struct score score = {.first_month = window->first, .last_month = window->last};
	int64_t micro = window_purchases(window, &score);

	micro += score_interaction(window_interaction(window), trust, window->policy, &score);
	finish(&score, micro, trust);
	return score;
}

/* Categories of these cells, each once. */
static int32_t count_categories(struct window *window, size_t low, size_t high)
{
	const struct book *book = window->book;
	int32_t n = 0;

	window->n_seen++;
	for (size_t c = low; c < high; c++) {
		const struct cell *cell = &book->cells[c];

		for (uint32_t i = 0; i < cell->n_slots; i++) {
			const struct slot *slot = &book->slots[cell->first_slot + i];

			if (slot->lines > 0 && window->seen[slot->category] != window->n_seen) {
				window->seen[slot->category] = window->n_seen;
				n++;
			}
		}
	}
	return n;
}

struct score window_score_of(struct window *window, int32_t first, int32_t last,
			     const struct trust *trust)
{
	const struct book *book = window->book;
	struct score score = {.first_month = first, .last_month = last};
	struct interaction_sum interaction;
	struct sums sums = {0};
	size_t low = window->low, high;
	int64_t micro;

	while (low > 0 && book->cells[low - 1].month >= first) {
		low--;
	}
	while (low < book->n_cells && book->cells[low].month < first) {
		low++;
	}
	for (high = low; high < book->n_cells && book->cells[high].month <= last; high++) {
		sum_up(&sums, &book->cells[high].sums, 1);
	}
	micro = score_purchases(&sums, count_categories(window, low, high), window->policy, &score);
	interaction = sum_interaction(book, low, high, &window->policy->interaction);
	micro += score_interaction(&interaction, trust, window->policy, &score);
	finish(&score, micro, trust);
	return score;
}
