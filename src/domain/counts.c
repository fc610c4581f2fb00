/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/counts.h"

#include "domain/calendar.h"
#include "domain/money.h"

#include <string.h>

/* ---- what each one adds: the live window filled once more, one by one ---- */

struct filling {
	struct book book; /* with empty months of its own */
	struct window window;
	int64_t purchases, counted_spend;
};

static bool begin_filling(const struct timeline *line, struct arena *arena, struct filling *filling)
{
	const struct book *book = &line->book;
	struct book *own = &filling->book;

	*own = *book;
	own->cells = arena_dup(arena, book->cells, book->n_cells * sizeof(*book->cells));
	own->days = arena_dup(arena, book->days, book->n_days * sizeof(*book->days));
	own->slots = arena_dup(arena, book->slots, book->n_slots * sizeof(*book->slots));
	if (own->cells == NULL || own->days == NULL || own->slots == NULL ||
	    !window_init(&filling->window, own, arena)) {
		return false;
	}
	window_clear(&filling->window, line->policy, line->live.first, line->live.last);
	return true;
}

static void fill_order(struct filling *filling, const struct order_record *record,
		       struct counted *out)
{
	struct score score = {0};
	int64_t purchases;

	window_add(&filling->window, record, 1);
	purchases = window_purchases(&filling->window, &score);
	out->points = out->counted = purchases - filling->purchases;
	out->spend = score.counted_spend - filling->counted_spend;
	filling->purchases = purchases;
	filling->counted_spend = score.counted_spend;
}

static void fill_mark(struct filling *filling, const struct mark *mark, struct counted *out)
{
	const struct policy_interaction *rule = &filling->window.policy->interaction;
	const struct cell *cell = &filling->book.cells[filling->book.days[mark->day].cell];
	const struct interaction_sum before = *window_interaction(&filling->window);
	const struct interaction_sum *after;
	int64_t day = cell->capped[mark->kind], month = cell_points(cell, mark->kind, rule), kind;

	window_add_mark(&filling->window, mark, 1);
	after = window_interaction(&filling->window);
	out->points = mark_points(mark, filling->window.policy);
	out->counted = after->total - before.total;
	day = cell->capped[mark->kind] - day;
	month = cell_points(cell, mark->kind, rule) - month;
	kind = after->kinds[mark->kind] - before.kinds[mark->kind];
	out->cut_day = out->points - day;
	out->cut_month = day - month;
	out->cut_window = month - kind;
	out->cut_common = kind - out->counted;
}

/* ---- since when ---- */

/* Of each mark that is a share: its first opening of those that count; 0: none does. */
static int64_t *find_opened(const struct book *book, struct arena *arena)
{
	int64_t *opened = arena_array(arena, book->n_marks, sizeof(*opened));

	for (size_t i = 0; opened != NULL && i < book->n_openings; i++) {
		const struct opening *opening = &book->openings[i];
		int64_t at = book->facts[opening->index].from;

		if (opening->held == 0 &&
		    (opened[opening->share] == 0 || at < opened[opening->share])) {
			opened[opening->share] = at;
		}
	}
	return opened;
}

static int64_t order_effective_at(const struct order_record *record)
{
	return record->dead || record->posts_at == TIME_NEVER ? 0 : record->posts_at;
}

static int64_t effective_at(const struct book *book, uint32_t index, const int64_t *opened)
{
	const struct fact *fact = &book->facts[index];
	const struct mark *mark;

	if (fact->voided || fact->verdict != ENTRY_APPLIED) {
		return 0;
	}
	if (fact->subject == NO_INDEX || book->entries[index].activity.kind == ACTIVITY_OPENING) {
		return fact->from;
	}
	if (book->entries[index].activity.kind == ACTIVITY_ORDER) {
		return order_effective_at(&book->records[fact->subject]);
	}
	mark = &book->marks[fact->subject];
	if (mark->kind == INTERACTION_SHARE) {
		return opened[fact->subject];
	}
	return mark->posts ? mark->begins_at : 0;
}

bool counts_make(struct timeline *line, struct arena *arena, struct fold *out)
{
	const struct book *book = &line->book;
	struct counted *counts = arena_array(arena, book->n_entries, sizeof(*counts));
	struct filling *filling = arena_alloc(arena, sizeof(*filling));
	const int64_t *opened = find_opened(book, arena);

	if (counts == NULL || filling == NULL || opened == NULL ||
	    !begin_filling(line, arena, filling)) {
		return false;
	}
	for (size_t c = 0; c < book->n_entries; c++) {
		uint32_t i = book->canonical[c], subject = book->facts[i].subject;
		enum activity_kind kind = book->entries[i].activity.kind;

		counts[i].effective_at = effective_at(book, i, opened);
		if (subject == NO_INDEX || kind == ACTIVITY_OPENING) {
			continue;
		}
		if (kind == ACTIVITY_ORDER) {
			if (order_record_counts(&book->records[subject]) &&
			    window_has(&line->live, book->records[subject].day)) {
				fill_order(filling, &book->records[subject], &counts[i]);
			}
		} else if (book_mark_counts(book, subject) &&
			   window_has(&line->live, book->marks[subject].day)) {
			fill_mark(filling, &book->marks[subject], &counts[i]);
		}
	}
	out->counts = counts;
	return true;
}

/* ---- caps ---- */

struct fold_caps {
	const struct policy_interaction *rule;
	int32_t zone, first_month, last_month;
	const struct cell *cells; /* of the live window */
	size_t n_cells;
	const struct day *days; /* of these cells */
	size_t n_days;
	struct interaction_sum sum;
	int64_t kinds[INTERACTION_END]; /* before the caps of the window */
};

bool caps_make(struct timeline *line, struct arena *arena, struct fold *out)
{
	const struct book *book = &line->book;
	const struct window *live = &line->live;
	struct fold_caps *caps = arena_alloc(arena, sizeof(*caps));
	size_t first = 0, end;

	if (caps == NULL) {
		return false;
	}
	while (first < book->n_days && book->days[first].cell < live->low) {
		first++;
	}
	for (end = first; end < book->n_days && book->days[end].cell < live->high; end++) {
	}
	*caps = (struct fold_caps){
		.rule = &line->policy->interaction,
		.zone = line->zone,
		.first_month = live->first,
		.last_month = live->last,
		.cells = arena_dup(arena, &book->cells[live->low],
				   (live->high - live->low) * sizeof(*book->cells)),
		.n_cells = live->high - live->low,
		.days = arena_dup(arena, &book->days[first], (end - first) * sizeof(*book->days)),
		.n_days = end - first,
		.sum = *window_interaction(&line->live)};
	for (size_t i = live->low; i < live->high; i++) {
		for (int kind = 1; kind < INTERACTION_END; kind++) {
			caps->kinds[kind] += cell_points(&book->cells[i], kind, caps->rule);
		}
	}
	out->caps = caps;
	return caps->cells != NULL && caps->days != NULL;
}

static unsigned caps_of_day(const struct fold_caps *caps, enum interaction kind, int32_t number)
{
	const int64_t cap = caps->rule->kind[kind].day;

	for (size_t i = 0; i < caps->n_days; i++) {
		if (caps->days[i].number == number) {
			return caps->days[i].points[kind] >= cap ? CAP_DAY : 0;
		}
	}
	return cap == 0 ? CAP_DAY : 0;
}

static unsigned caps_of_month(const struct fold_caps *caps, enum interaction kind, int32_t month)
{
	const struct cell none = {0}, *cell = &none;
	int64_t together = 0;

	for (size_t i = 0; i < caps->n_cells; i++) {
		if (caps->cells[i].month == month) {
			cell = &caps->cells[i];
		}
	}
	for (int k = 1; k < INTERACTION_END; k++) {
		together += cell_points(cell, k, caps->rule);
	}
	return (cell->capped[kind] >= caps->rule->kind[kind].month ? CAP_MONTH : 0) |
	       (together >= caps->rule->month ? CAP_COMMON_MONTH : 0);
}

unsigned fold_caps_at(const struct fold *fold, enum activity_kind kind, int64_t occurred_at)
{
	const struct fold_caps *caps = fold->caps;
	enum interaction interaction = interaction_of(kind);
	int32_t month;

	if (caps == NULL || interaction == 0) {
		return 0;
	}
	month = calendar_month(occurred_at, caps->zone);
	if (month < caps->first_month || month > caps->last_month) {
		return 0;
	}
	return caps_of_day(caps, interaction, calendar_day(occurred_at, caps->zone)) |
	       caps_of_month(caps, interaction, month) |
	       (caps->kinds[interaction] >= caps->rule->kind[interaction].window ? CAP_WINDOW : 0) |
	       (caps->sum.before >= caps->rule->window ? CAP_COMMON_WINDOW : 0);
}
