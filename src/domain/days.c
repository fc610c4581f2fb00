/* SPDX-License-Identifier: Apache-2.0 */
/*
 * days: the part of reading the ledger that makes a record of each order and a mark of each
 * interaction, in canonical order, and the days and months in which they lie.
 */
#include "domain/book.h"
#include "domain/calendar.h"

#include <string.h>

enum interaction interaction_of(enum activity_kind kind)
{
	switch (kind) {
	case ACTIVITY_REVIEW:
		return INTERACTION_REVIEW;
	case ACTIVITY_SHARE:
		return INTERACTION_SHARE;
	case ACTIVITY_POST:
		return INTERACTION_POST;
	case ACTIVITY_ANSWER:
		return INTERACTION_ANSWER;
	case ACTIVITY_VOTE:
		return INTERACTION_VOTE;
	case ACTIVITY_VISIT:
		return INTERACTION_VISIT;
	default:
		return (enum interaction)0;
	}
}

static bool is_mark(enum activity_kind kind)
{
	return interaction_of(kind) != 0;
}

static bool has_date(enum activity_kind kind)
{
	return kind == ACTIVITY_ORDER || is_mark(kind);
}

/* Counts what will be made. */
static bool make_room(struct book *book)
{
	size_t orders = 0, marks = 0, days = 0;
	int64_t until = INT64_MIN;

	for (size_t c = 0; c < book->n_entries; c++) {
		const struct activity *activity = &book->entries[book->canonical[c]].activity;

		if (!has_date(activity->kind)) {
			continue;
		}
		orders += activity->kind == ACTIVITY_ORDER;
		marks += is_mark(activity->kind);
		if (activity->occurred_at >= until) {
			int32_t day = calendar_day(activity->occurred_at, book->zone);

			until = calendar_day_start(day + 1, book->zone);
			days++;
		}
	}
	for (size_t m = 0; book->base != NULL && m < book->base->n_months; m++) {
		days += book->base->months[m].n_days;
	}
	book->records = arena_array(book->arena, orders, sizeof(*book->records));
	book->marks = arena_array(book->arena, marks, sizeof(*book->marks));
	book->days = arena_array(book->arena, days, sizeof(*book->days));
	book->cells = arena_array(book->arena, days, sizeof(*book->cells));
	return book->records != NULL && book->marks != NULL && book->days != NULL &&
	       book->cells != NULL;
}

/* Where the days of the checkpoint stand that are not in the book yet. */
struct closed_days {
	size_t month, day;
};

static void add_day(struct book *book, int32_t number, int32_t month)
{
	if (book->n_cells == 0 || book->cells[book->n_cells - 1].month != month) {
		book->cells[book->n_cells++] =
			(struct cell){.month = month, .first_record = (uint32_t)book->n_records};
	}
	if (book->n_days == 0 || book->days[book->n_days - 1].number != number) {
		book->days[book->n_days++] =
			(struct day){.number = number, .cell = (uint32_t)book->n_cells - 1};
	}
}

/* Adds the checkpoint's days up to this one. */
static void add_closed_days(struct book *book, struct closed_days *closed, int32_t upto)
{
	while (book->base != NULL && closed->month < book->base->n_months) {
		const struct checkpoint_month *month = &book->base->months[closed->month];
		const struct checkpoint_day *day = &month->days[closed->day];

		if (day->number > upto) {
			return;
		}
		add_day(book, day->number, month->month);
		book->days[book->n_days - 1].base = day;
		book->cells[book->n_cells - 1].base = month;
		if (++closed->day == month->n_days) {
			closed->month++;
			closed->day = 0;
		}
	}
}

/* Goes on to the day of an instant, never back. *until: the end of the day reached. */
static void reach_day(struct book *book, struct closed_days *closed, int64_t at, int64_t *until)
{
	int32_t number = calendar_day(at, book->zone);

	*until = calendar_day_start(number + 1, book->zone);
	add_closed_days(book, closed, number);
	add_day(book, number, calendar_month(at, book->zone));
}

static void make_record(struct book *book, uint32_t index)
{
	book->facts[index].subject = (uint32_t)book->n_records;
	book->cells[book->n_cells - 1].n_records++;
	book->records[book->n_records++] = (struct order_record){.entry = &book->entries[index],
								 .index = index,
								 .day = (uint32_t)book->n_days - 1,
								 .completed_at = TIME_NEVER,
								 .posts_at = TIME_NEVER,
								 .closed_at = TIME_NEVER,
								 .dead = book->facts[index].voided};
}

static void make_mark(struct book *book, uint32_t index)
{
	const struct activity *activity = &book->entries[index].activity;

	book->facts[index].subject = (uint32_t)book->n_marks;
	book->marks[book->n_marks++] = (struct mark){.entry = &book->entries[index],
						     .index = index,
						     .day = (uint32_t)book->n_days - 1,
						     .kind = interaction_of(activity->kind),
						     .held = 1,
						     .group = NO_INDEX,
						     .next = NO_INDEX,
						     .begins_at = activity->occurred_at};
}

bool book_build_dates(struct book *book)
{
	struct closed_days closed = {0};
	int64_t until = INT64_MIN;

	if (!make_room(book)) {
		return false;
	}
	for (size_t c = 0; c < book->n_entries; c++) {
		uint32_t index = book->canonical[c];
		const struct activity *activity = &book->entries[index].activity;

		if (!has_date(activity->kind)) {
			continue;
		}
		if (activity->occurred_at >= until) {
			reach_day(book, &closed, activity->occurred_at, &until);
		}
		if (activity->kind == ACTIVITY_ORDER) {
			make_record(book, index);
		} else {
			make_mark(book, index);
		}
	}
	add_closed_days(book, &closed, INT32_MAX);
	return true;
}
