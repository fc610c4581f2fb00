/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orders: the part of reading the ledger that says what belongs to each order, which of it was
 * accepted, and when the order posts, shrinks and closes.
 */
#include "domain/admission.h"
#include "domain/book.h"
#include "domain/calendar.h"
#include "domain/money.h"

#include <string.h>

/* ---- lines ---- */

/* The slot of a category in the record's month; months only rise while records are made, so it is
 * the category's last one or a new one. last: by category, the number of its last slot + 1. */
static bool find_slot(struct book *book, uint32_t cell, struct str category, uint32_t **last,
		      uint32_t *out)
{
	int32_t number = intern_put(&book->categories, category, (struct str){0});
	size_t room = book->room_for_slots;

	if (number == INTERN_NONE) {
		return false;
	}
	if (book->n_slots == room) {
		struct slot *slots = arena_array(book->arena, room * 2 + 16, sizeof(*slots));
		uint32_t *grown = arena_array(book->arena, room * 2 + 16, sizeof(*grown));

		if (slots == NULL || grown == NULL) {
			return false;
		}
		if (room > 0) {
			memcpy(slots, book->slots, room * sizeof(*slots));
			memcpy(grown, *last, room * sizeof(*grown));
		}
		book->slots = slots;
		book->room_for_slots = room * 2 + 16;
		*last = grown;
	}
	if ((*last)[number] <= book->cells[cell].first_slot) {
		book->slots[book->n_slots++] = (struct slot){.category = number};
		book->cells[cell].n_slots++;
		(*last)[number] = (uint32_t)book->n_slots;
	}
	*out = (*last)[number] - 1;
	return true;
}

/* What closed orders of the month brought. */
static bool add_closed_categories(struct book *book, uint32_t cell, uint32_t **last)
{
	const struct checkpoint_month *base = book->cells[cell].base;
	uint32_t slot;

	for (size_t i = 0; i < base->n_categories; i++) {
		if (!find_slot(book, cell, base->categories[i].name, last, &slot)) {
			return false;
		}
		book->slots[slot].base = base->categories[i].lines;
	}
	return true;
}

static bool make_lines(struct book *book, struct order_record *record, uint32_t **last)
{
	const struct order *order = &record->entry->activity.order;
	uint32_t cell = book->days[record->day].cell;

	record->lines = arena_array(book->arena, order->n_lines, sizeof(*record->lines));
	if (record->lines == NULL) {
		return false;
	}
	for (size_t i = 0; i < order->n_lines; i++) {
		const struct line *line = &order->lines[i];
		struct order_line *made = &record->lines[i];

		made->left = line_net(line);
		made->counts = line->type == LINE_GOODS || line->type == LINE_SERVICE;
		made->rail =
			order->platform == PLATFORM_TRAVEL && str_eq(line->sub_kind, STR("rail"));
		made->slot = NO_INDEX;
		record->n_left += made->left > 0;
		if (made->counts && line->category.len > 0 &&
		    !find_slot(book, cell, line->category, last, &made->slot)) {
			return false;
		}
	}
	return true;
}

/* ---- verdicts ---- */

static bool has_waited(const struct book *book, uint32_t follower, const struct entry *order)
{
	return book->entries[follower].revision < order->revision;
}

/* Judges one that waited for the order, by what had come before the order. */
static enum entry_state judge_waiting(const struct book *book, struct admission *admission,
				      uint32_t follower, const struct entry *order)
{
	const struct activity *activity = &book->entries[follower].activity;
	int64_t from = book->facts[follower].from;
	int64_t until = book_undone_before(book, follower, order->revision);

	if (parked_expired(activity, book->zone, order->known_at)) {
		return ENTRY_EXPIRED;
	}
	if (admission_try(admission, activity, from, NULL) != MB_OK) {
		return ENTRY_REFUSED;
	}
	if (!book_voided_before(book, follower, order->revision)) {
		admission_take(admission, activity, from, until);
	}
	return ENTRY_APPLIED;
}

/* In canonical order; what came after the order was accepted when it came. */
static bool judge_followers(struct book *book, const struct order_record *record)
{
	const struct entry *order = record->entry;
	struct admission admission = {0};

	for (uint32_t i = book->facts[record->index].followers; i != NO_INDEX;
	     i = book->facts[i].next) {
		if (!has_waited(book, i, order)) {
			continue;
		}
		if (admission.order == NULL &&
		    !admission_init(&admission, &order->activity, book->arena)) {
			return false;
		}
		book->facts[i].verdict = judge_waiting(book, &admission, i, order);
	}
	return !admission.failed;
}

/* ---- the course of an order ---- */

/* Completions and cancellations act in canonical order, each on what was reached when it took
 * place, so a completion after the posting or after a cancellation says nothing new. A cancellation
 * before the posting is for good, also when it is undone. */
struct course {
	int64_t paid_at, delay;
	int64_t completed_at, posts_at; /* reached so far */
	bool closed;
};

static void complete(struct course *course, int64_t completed_at)
{
	course->completed_at = max_i64(completed_at, course->paid_at);
	course->posts_at = calendar_add(course->completed_at, course->delay);
}

static struct course begin_course(const struct book *book, const struct activity *order)
{
	const struct policy *policy = policy_at(book->policies, order->occurred_at);
	int64_t automatic = policy->posting.auto_complete[order->order.platform];
	struct course course = {.paid_at = order->occurred_at,
				.delay = policy->posting.delay[order->order.platform],
				.completed_at = TIME_NEVER,
				.posts_at = TIME_NEVER};

	if (order->order.completed_at != 0) {
		complete(&course, order->order.completed_at);
	} else if (automatic > 0) {
		complete(&course, calendar_add(order->occurred_at, automatic));
	}
	return course;
}

/* True for a cancellation that comes before the posting. */
static bool follow(struct course *course, const struct activity *activity, int64_t from)
{
	if (activity->kind == ACTIVITY_COMPLETION && !course->closed &&
	    activity->occurred_at < course->posts_at) {
		complete(course, activity->completion.completed_at);
	}
	if (activity->kind != ACTIVITY_CANCELLATION || course->closed) {
		return false;
	}
	course->closed = true;
	return from < course->posts_at;
}

static void find_times(const struct book *book, struct order_record *record)
{
	struct course course = begin_course(book, &record->entry->activity);

	for (uint32_t i = book->facts[record->index].followers; i != NO_INDEX;
	     i = book->facts[i].next) {
		const struct fact *fact = &book->facts[i];

		if (fact->verdict == ENTRY_APPLIED && !fact->voided &&
		    follow(&course, &book->entries[i].activity, fact->from)) {
			record->closed_at = fact->from;
		}
	}
	record->completed_at = course.completed_at;
	record->posts_at = record->closed_at == TIME_NEVER ? course.posts_at : TIME_NEVER;
}

/* ---- events ---- */

/* From when on nothing is ever left. */
static int64_t closed_for_good(const struct book *book, const struct order_record *record)
{
	int64_t closed_at = record->closed_at;

	for (uint32_t i = book->facts[record->index].followers; i != NO_INDEX;
	     i = book->facts[i].next) {
		const struct fact *fact = &book->facts[i];

		if (book->entries[i].activity.kind == ACTIVITY_CANCELLATION &&
		    fact->verdict == ENTRY_APPLIED && !fact->voided &&
		    fact->undone_at == TIME_NEVER) {
			closed_at = min_i64(closed_at, fact->from);
		}
	}
	return closed_at;
}

static bool add_follower_events(struct book *book, const struct order_record *record,
				uint32_t follower, int64_t closed_at)
{
	const struct fact *fact = &book->facts[follower];
	int64_t until = max_i64(fact->from, fact->undone_at);
	enum activity_kind kind = book->entries[follower].activity.kind;
	uint32_t order = book->facts[record->index].subject;

	if (fact->verdict != ENTRY_APPLIED || fact->voided) {
		return true;
	}
	if (kind == ACTIVITY_REVERSAL && fact->from < closed_at) {
		return book_add_event(book, fact->from, EVENT_TAKES, follower) &&
		       (until >= closed_at ||
			book_add_event(book, until, EVENT_GIVES_BACK, follower));
	}
	if (kind == ACTIVITY_CANCELLATION && record->closed_at == TIME_NEVER) {
		return book_add_event(book, fact->from, EVENT_CLOSES, order) &&
		       book_add_event(book, until, EVENT_OPENS, order);
	}
	return true;
}

static bool add_events(struct book *book, const struct order_record *record)
{
	const struct fact *fact = &book->facts[record->index];
	int64_t paid_at = record->entry->activity.occurred_at;
	int64_t closed_at = closed_for_good(book, record);
	bool ok = book_add_event(book, paid_at > book->t ? paid_at : TIME_NEVER, EVENT_PAID,
				 fact->subject);

	ok = ok && book_add_event(book, record->posts_at, EVENT_POSTS, fact->subject) &&
	     book_add_event(book, record->closed_at, EVENT_CLOSES, fact->subject) &&
	     book_add_event(book, fact->found_at, EVENT_BARS, fact->subject) &&
	     book_add_event(book, fact->found_until, EVENT_UNBARS, fact->subject);
	for (uint32_t i = fact->followers; ok && i != NO_INDEX; i = book->facts[i].next) {
		ok = add_follower_events(book, record, i, closed_at);
	}
	return ok;
}

/* ---- the whole ---- */

static bool build_record(struct book *book, struct order_record *record, uint32_t **last)
{
	if (!make_lines(book, record, last) || !judge_followers(book, record)) {
		return false;
	}
	find_times(book, record);
	return record->dead || add_events(book, record);
}

/* What names an order that is not known waits. */
static void park(struct book *book)
{
	for (size_t i = 0; i < book->n_entries; i++) {
		const struct activity *activity = &book->entries[i].activity;

		if (activity_names_order(activity->kind) && book->facts[i].target == NO_INDEX) {
			book->facts[i].verdict = parked_expired(activity, book->zone, book->t)
							 ? ENTRY_EXPIRED
							 : ENTRY_PARKED;
		}
	}
}

bool book_build_orders(struct book *book)
{
	uint32_t *last = NULL;

	park(book);
	for (size_t c = 0; c < book->n_cells; c++) {
		struct cell *cell = &book->cells[c];

		cell->first_slot = (uint32_t)book->n_slots;
		if (cell->base != NULL && !add_closed_categories(book, (uint32_t)c, &last)) {
			return false;
		}
		for (size_t i = 0; i < cell->n_records; i++) {
			if (!build_record(book, &book->records[cell->first_record + i], &last)) {
				return false;
			}
		}
	}
	return true;
}

enum entry_state order_record_state(const struct order_record *record)
{
	if (record->dead || record->findings > 0 ||
	    (record->closures > 0 && record->closed_at != TIME_NEVER)) {
		return ENTRY_VOIDED;
	}
	if (!record->posted) {
		return ENTRY_PENDING;
	}
	if (record->closures > 0 || (record->reversals > 0 && record->n_left == 0)) {
		return ENTRY_REVERSED;
	}
	return record->reversals > 0 ? ENTRY_PARTLY_REVERSED : ENTRY_POSTED;
}
