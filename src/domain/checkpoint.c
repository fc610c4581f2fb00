/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/checkpoint.h"

#include "domain/acts.h"
#include "domain/calendar.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is known ---- */

/* Bits of a key in the filter; of the filter's size so that about 3 in 100 unknown keys seem known. */
#define FILTER_BITS_A_KEY 8
#define FILTER_HASHES	  3

/* What a key is the key of. */
enum key_kind {
	KEY_ORDER = 1, /* of an order, or named as one */
	KEY_EVENT, /* of an entry */
	KEY_AWAITED, /* named by an entry */
	KEY_VOTE,
	KEY_PERSON /* who voted or opened */
};

struct filter {
	uint8_t *bits;
	size_t n_bits; /* a power of two */
};

static uint64_t hash_key(enum key_kind kind, struct str a, struct str b)
{
	return intern_hash(intern_hash((uint64_t)kind * UINT64_C(0xcbf29ce484222325), a), b);
}

static struct str id_bytes(const int64_t *id)
{
	return (struct str){(const char *)id, sizeof(*id)};
}

static void filter_put(struct filter *filter, uint64_t hash)
{
	for (unsigned i = 0; i < FILTER_HASHES; i++) {
		uint64_t bit = (hash + i * (hash >> 32 | 1)) & (filter->n_bits - 1);

		filter->bits[bit / 8] |= (uint8_t)(1U << bit % 8);
	}
}

static bool filter_has(const struct checkpoint *checkpoint, uint64_t hash)
{
	for (unsigned i = 0; i < FILTER_HASHES; i++) {
		uint64_t bit = (hash + i * (hash >> 32 | 1)) & (checkpoint->known_len * 8 - 1);

		if ((checkpoint->known[bit / 8] >> bit % 8 & 1) == 0) {
			return false;
		}
	}
	return true;
}

static void remember(struct filter *filter, const struct activity *activity)
{
	filter_put(filter, hash_key(KEY_EVENT, activity->source, activity->source_event_id));
	if (activity->kind == ACTIVITY_ORDER || activity_names_order(activity->kind)) {
		filter_put(filter, hash_key(KEY_ORDER, activity->order_source, activity->order_id));
	}
	if (activity_names_activity(activity->kind)) {
		filter_put(filter,
			   hash_key(KEY_AWAITED, activity->about_source, activity->about_event_id));
	}
	if (activity->kind == ACTIVITY_VOTE) {
		filter_put(filter, hash_key(KEY_VOTE, activity->vote.content,
					    id_bytes(&activity->vote.by)));
		filter_put(filter,
			   hash_key(KEY_PERSON, id_bytes(&activity->vote.by), (struct str){0}));
	}
	if (activity->kind == ACTIVITY_OPENING) {
		filter_put(filter,
			   hash_key(KEY_PERSON, id_bytes(&activity->opening.by), (struct str){0}));
	}
}

bool checkpoint_may_know(const struct checkpoint *checkpoint, struct str source,
			 struct str source_event_id)
{
	return filter_has(checkpoint, hash_key(KEY_EVENT, source, source_event_id));
}

/* What reaches back before the checkpoint, whatever it names; and before a member has begun, anything
 * may begin him earlier. */
static bool reaches_back(const struct checkpoint *checkpoint, const struct activity *activity)
{
	return activity->occurred_at < checkpoint->at || !checkpoint->begun ||
	       activity->kind == ACTIVITY_VOID ||
	       (activity->kind == ACTIVITY_COMPLETION &&
		activity->completion.completed_at < checkpoint->at);
}

/* Shares and visits have equals on their own day only, and that is not closed. */
bool checkpoint_reaches(const struct checkpoint *checkpoint, const struct activity *activity)
{
	if (reaches_back(checkpoint, activity) ||
	    filter_has(checkpoint,
		       hash_key(KEY_AWAITED, activity->source, activity->source_event_id))) {
		return true;
	}
	if ((activity->kind == ACTIVITY_ORDER || activity_names_order(activity->kind)) &&
	    filter_has(checkpoint,
		       hash_key(KEY_ORDER, activity->order_source, activity->order_id))) {
		return true;
	}
	if (activity_names_activity(activity->kind) &&
	    checkpoint_may_know(checkpoint, activity->about_source, activity->about_event_id)) {
		return true;
	}
	switch (activity->kind) {
	case ACTIVITY_VOTE:
		return filter_has(checkpoint, hash_key(KEY_VOTE, activity->vote.content,
						       id_bytes(&activity->vote.by)));
	case ACTIVITY_LINK:
		return filter_has(checkpoint, hash_key(KEY_PERSON, id_bytes(&activity->link.other),
						       (struct str){0}));
	default:
		return false;
	}
}

bool checkpoint_holds(const struct checkpoint *checkpoint, const struct policy_list *policies)
{
	return policy_at(policies, checkpoint->at - 1)->version == checkpoint->policy_version &&
	       policy_next_change(policies, checkpoint->at - 1) == INT64_MAX;
}

/* ---- what is open ---- */

/* Entries that have to do with each other, as trees; the root is open when one of them is. */
struct kinship {
	uint32_t *parent;
	bool *open;
};

static uint32_t root_of(const struct kinship *kinship, uint32_t i)
{
	while (kinship->parent[i] != i) {
		kinship->parent[i] = kinship->parent[kinship->parent[i]];
		i = kinship->parent[i];
	}
	return i;
}

static void relate(struct kinship *kinship, uint32_t a, uint32_t b)
{
	a = root_of(kinship, a);
	b = root_of(kinship, b);
	kinship->parent[a] = b;
	kinship->open[b] = kinship->open[b] || kinship->open[a];
}

static void open_up(struct kinship *kinship, uint32_t i)
{
	kinship->open[root_of(kinship, i)] = true;
}

static void relate_all(struct kinship *kinship, const struct book *book)
{
	for (uint32_t i = 0; i < book->n_entries; i++) {
		if (book->facts[i].target != NO_INDEX) {
			relate(kinship, i, book->facts[i].target);
		}
	}
	for (uint32_t i = 0; i < book->n_marks; i++) {
		if (book->marks[i].next != NO_INDEX) {
			relate(kinship, book->marks[i].index,
			       book->marks[book->marks[i].next].index);
		}
	}
}

/* All whose votes and openings a link changes. */
static void open_watched(struct kinship *kinship, const struct book *book, int64_t other)
{
	for (size_t i = 0; i < book->n_watched; i++) {
		const struct watched *watched = &book->watched[i];

		if (watched->by == other) {
			open_up(kinship, watched->opening ? book->openings[watched->subject].index
							  : book->marks[watched->subject].index);
		}
	}
}

static void open_event(struct kinship *kinship, const struct book *book, const struct moment *event)
{
	switch ((enum event_kind)event->rank) {
	case EVENT_PAID:
	case EVENT_POSTS:
	case EVENT_CLOSES:
	case EVENT_OPENS:
	case EVENT_BARS:
	case EVENT_UNBARS:
		open_up(kinship, book->records[event->subject].index);
		break;
	case EVENT_BEGINS:
	case EVENT_HOLDS:
	case EVENT_FREES:
	case EVENT_SHARE_ENDS:
		open_up(kinship, book->marks[event->subject].index);
		break;
	case EVENT_OPENING_HOLDS:
	case EVENT_OPENING_FREES:
		open_up(kinship, book->openings[event->subject].index);
		break;
	case EVENT_LINKS:
	case EVENT_UNLINKS:
		open_watched(kinship, book, book->bonds[event->subject].other);
		break;
	default: /* of an entry */
		open_up(kinship, event->subject);
		break;
	}
}

/* What waits for something to come, and what is few and may matter again. */
static bool is_waiting(const struct timeline *line, uint32_t index)
{
	const struct book *book = &line->book;
	enum activity_kind kind = book->entries[index].activity.kind;
	const struct mark *mark;

	if (kind == ACTIVITY_LINK || kind == ACTIVITY_OVERRIDE ||
	    book->entries[index].activity.occurred_at > line->now) {
		return true;
	}
	if (kind == ACTIVITY_ORDER) {
		return order_record_state(&book->records[book->facts[index].subject]) ==
		       ENTRY_PENDING;
	}
	if (kind == ACTIVITY_SHARE) {
		mark = &book->marks[book->facts[index].subject];
		return mark->openings == 0 && book->facts[index].undone_at == TIME_NEVER;
	}
	return book->facts[index].verdict == ENTRY_PARKED;
}

/* line has acted up to the checkpoint; the events that are left are those from it on. */
static bool find_open(const struct timeline *line, struct arena *arena, struct kinship *out)
{
	const struct book *book = &line->book;

	out->parent = arena_array(arena, book->n_entries, sizeof(*out->parent));
	out->open = arena_array(arena, book->n_entries, sizeof(*out->open));
	if (out->parent == NULL || out->open == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < book->n_entries; i++) {
		out->parent[i] = i;
		out->open[i] = is_waiting(line, i);
	}
	relate_all(out, book);
	for (size_t i = line->next_event; i < book->n_events; i++) {
		open_event(out, book, &book->events[i]);
	}
	return true;
}

static int cmp_ids(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return left < right ? -1 : left > right;
}

/* Splits the entries; what is closed goes to *closed, with the links that closed ones look at. */
static bool split(const struct fold_input *in, struct kinship *kinship, struct arena *arena,
		  struct fold_input *closed, struct checkpoint *out)
{
	struct entry *entries = arena_array(arena, in->n_entries, sizeof(*entries));
	int64_t *open = arena_array(arena, in->n_entries, sizeof(*open));
	struct filter filter = {.n_bits = 64};

	while (filter.n_bits < in->n_entries * 2 * FILTER_BITS_A_KEY) {
		filter.n_bits *= 2;
	}
	filter.bits = arena_alloc(arena, filter.n_bits / 8);
	if (entries == NULL || open == NULL || filter.bits == NULL) {
		return false;
	}
	*closed = *in;
	closed->entries = entries;
	closed->n_entries = 0;
	closed->base = NULL;
	for (uint32_t i = 0; i < in->n_entries; i++) {
		bool is_open = kinship->open[root_of(kinship, i)];

		if (is_open) {
			open[out->n_open++] = in->entries[i].entry_id;
		} else {
			remember(&filter, &in->entries[i].activity);
		}
		if (!is_open || in->entries[i].activity.kind == ACTIVITY_LINK) {
			entries[closed->n_entries++] = in->entries[i];
		}
	}
	qsort(open, out->n_open, sizeof(*open), cmp_ids);
	out->open = open;
	out->known = filter.bits;
	out->known_len = filter.n_bits / 8;
	return true;
}

/* ---- what closed ones brought ---- */

static bool is_empty(const struct day *day)
{
	for (int kind = 1; kind < INTERACTION_END; kind++) {
		if (day->points[kind] != 0) {
			return false;
		}
	}
	return day->spend == 0;
}

static bool copy_days(const struct book *book, uint32_t cell, struct arena *arena,
		      struct checkpoint_month *out)
{
	struct checkpoint_day *days;
	size_t n = 0;

	for (size_t i = 0; i < book->n_days; i++) {
		n += book->days[i].cell == cell && !is_empty(&book->days[i]);
	}
	days = arena_array(arena, n, sizeof(*days));
	if (days == NULL) {
		return false;
	}
	for (size_t i = 0; i < book->n_days; i++) {
		const struct day *day = &book->days[i];

		if (day->cell == cell && !is_empty(day)) {
			days[out->n_days].number = day->number;
			days[out->n_days].spend = day->spend;
			memcpy(days[out->n_days].points, day->points, sizeof(day->points));
			out->n_days++;
		}
	}
	out->days = days;
	return true;
}

static bool copy_categories(const struct book *book, const struct cell *cell, struct arena *arena,
			    struct checkpoint_month *out)
{
	struct checkpoint_category *categories =
		arena_array(arena, cell->n_slots, sizeof(*categories));

	if (categories == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < cell->n_slots; i++) {
		const struct slot *slot = &book->slots[cell->first_slot + i];

		if (slot->lines > 0) {
			categories[out->n_categories++] = (struct checkpoint_category){
				book->categories.keys[slot->category].a, slot->lines};
		}
	}
	out->categories = categories;
	return true;
}

static bool copy_month(const struct book *book, uint32_t number, struct arena *arena,
		       struct checkpoint_month *out)
{
	const struct cell *cell = &book->cells[number];

	*out = (struct checkpoint_month){
		.month = cell->month, .rail = cell->sums.rail, .counting_days = cell->sums.n_days};
	memcpy(out->left, cell->sums.left, sizeof(out->left));
	memcpy(out->other, cell->sums.other, sizeof(out->other));
	memcpy(out->capped, cell->capped, sizeof(out->capped));
	return copy_days(book, number, arena, out) && copy_categories(book, cell, arena, out);
}

/* Of the months that the next settlement may still look at. */
static bool sum_closed(const struct fold_input *closed, const struct timeline *whole,
		       struct arena *arena, struct checkpoint *out)
{
	struct timeline line;
	struct checkpoint_month *months;
	int32_t first = whole->live.first - 1;

	if (!timeline_begin_at(&line, closed, out->at, arena)) {
		return false;
	}
	months = arena_array(arena, line.book.n_cells, sizeof(*months));
	if (months == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < line.book.n_cells; i++) {
		if (line.book.cells[i].month < first) {
			continue;
		}
		if (!copy_month(&line.book, i, arena, &months[out->n_months])) {
			return false;
		}
		out->n_months += months[out->n_months].n_days > 0;
	}
	out->months = months;
	out->credibility = line.credibility - line.policy->credibility.base;
	out->penalty = line.penalty;
	return true;
}

/* ---- the whole ---- */

static void copy_standing(const struct timeline *line, struct checkpoint *out)
{
	out->policy_version = line->policy->version;
	out->begun = line->begun;
	out->suspended = line->suspended;
	out->tier = line->state.tier;
	out->at_risk = line->state.at_risk;
	out->protected_until = line->state.protected_until;
	out->settled_at = line->settled_at;
	out->settled = line->settled;
}

bool checkpoint_make(const struct fold_input *in, int64_t at, struct arena *arena,
		     struct checkpoint *out)
{
	struct checkpoint made = {.at = at};
	struct timeline line;
	struct kinship kinship;
	struct fold_input closed;
	int64_t next;

	if (!timeline_begin(&line, in, NULL, arena)) {
		return false;
	}
	while ((next = timeline_next(&line)) < at) {
		timeline_step(&line, next);
	}
	timeline_catch_up(&line, at - 1);
	for (size_t i = 0; i < in->n_entries; i++) {
		if (in->entries[i].revision > made.revision) {
			made.revision = in->entries[i].revision;
		}
	}
	copy_standing(&line, &made);
	if (!find_open(&line, arena, &kinship) || !split(in, &kinship, arena, &closed, &made) ||
	    !sum_closed(&closed, &line, arena, &made)) {
		return false;
	}
	*out = made;
	return true;
}
