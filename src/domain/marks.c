/* SPDX-License-Identifier: Apache-2.0 */
/*
 * marks: the part of reading the ledger that says when a review, share, post, answer, vote or visit
 * counts, what holds it back, and which are equals of each other.
 */
#include "domain/book.h"
#include "domain/calendar.h"
#include "domain/money.h"

#include <stdlib.h>
#include <string.h>

/* ---- links to other accounts ---- */

static int cmp_bonds(const void *a, const void *b)
{
	const struct bond *left = a, *right = b;

	if (left->other != right->other) {
		return left->other < right->other ? -1 : 1;
	}
	if (left->at != right->at) {
		return left->at < right->at ? -1 : 1;
	}
	return left->revision < right->revision ? -1 : left->revision > right->revision;
}

/* The first bond after t of this account or of one after it. */
static size_t bonds_until(const struct book *book, int64_t other, int64_t t)
{
	size_t low = 0, high = book->n_bonds;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct bond *bond = &book->bonds[middle];

		if (bond->other < other || (bond->other == other && bond->at <= t)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

bool book_linked(const struct book *book, int64_t other, int64_t t)
{
	size_t i = bonds_until(book, other, t);

	return i > 0 && book->bonds[i - 1].other == other && book->bonds[i - 1].linked;
}

/* An event for each that says something new; of those of one instant the last counts. */
static bool add_bond_events(struct book *book)
{
	for (size_t i = 0; i < book->n_bonds; i++) {
		const struct bond *bond = &book->bonds[i], *next = bond + 1;

		if (i + 1 < book->n_bonds && next->other == bond->other && next->at == bond->at) {
			continue;
		}
		if (bond->linked != book_linked(book, bond->other, bond->at - 1) &&
		    !book_add_event(book, bond->at, bond->linked ? EVENT_LINKS : EVENT_UNLINKS,
				    (uint32_t)i)) {
			return false;
		}
	}
	return true;
}

bool book_build_bonds(struct book *book)
{
	struct bond *bonds;
	size_t n = 0;

	for (size_t i = 0; i < book->n_entries; i++) {
		n += book->entries[i].activity.kind == ACTIVITY_LINK;
	}
	bonds = arena_array(book->arena, n, sizeof(*bonds));
	if (bonds == NULL) {
		return false;
	}
	for (size_t i = 0; i < book->n_entries; i++) {
		const struct entry *entry = &book->entries[i];

		if (entry->activity.kind == ACTIVITY_LINK) {
			bonds[book->n_bonds++] =
				(struct bond){.other = entry->activity.link.other,
					      .at = entry->known_at,
					      .revision = entry->revision,
					      .linked = entry->activity.link.linked};
		}
	}
	qsort(bonds, n, sizeof(*bonds), cmp_bonds);
	book->bonds = bonds;
	return add_bond_events(book);
}

static bool is_watched(const struct book *book, int64_t by)
{
	size_t i = bonds_until(book, by, INT64_MAX);

	return i > 0 && book->bonds[i - 1].other == by;
}

static int cmp_watched(const void *a, const void *b)
{
	const struct watched *left = a, *right = b;

	return left->by < right->by ? -1 : left->by > right->by;
}

static bool watch(struct book *book)
{
	struct watched *watched;

	if (book->n_bonds == 0) {
		return true;
	}
	watched = arena_array(book->arena, book->n_marks + book->n_openings, sizeof(*watched));
	if (watched == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < book->n_marks; i++) {
		const struct mark *mark = &book->marks[i];

		if (mark->kind == INTERACTION_VOTE &&
		    is_watched(book, mark->entry->activity.vote.by)) {
			watched[book->n_watched++] =
				(struct watched){.by = mark->entry->activity.vote.by, .subject = i};
		}
	}
	for (uint32_t i = 0; i < book->n_openings; i++) {
		int64_t by = book->entries[book->openings[i].index].activity.opening.by;

		if (is_watched(book, by)) {
			watched[book->n_watched++] =
				(struct watched){.by = by, .subject = i, .opening = true};
		}
	}
	qsort(watched, book->n_watched, sizeof(*watched), cmp_watched);
	book->watched = watched;
	return true;
}

/* ---- what never counts ---- */

/* Of a line of goods or service that was delivered by then? */
static bool review_is_due(const struct book *book, const struct mark *mark)
{
	const struct fact *fact = &book->facts[mark->index];
	const struct activity *review = &mark->entry->activity, *order;
	const struct order_record *record;

	record = &book->records[book->facts[fact->target].subject];
	order = &record->entry->activity;
	if (record->dead || record->completed_at > review->occurred_at) {
		return false;
	}
	for (size_t i = 0; i < order->order.n_lines; i++) {
		if (order->order.lines[i].line_no == review->review.line_no) {
			return record->lines[i].counts;
		}
	}
	return false;
}

/* Whether it may count at some time. */
static bool is_due(const struct book *book, const struct mark *mark)
{
	const struct activity *activity = &mark->entry->activity;

	switch (mark->kind) {
	case INTERACTION_REVIEW:
		return review_is_due(book, mark);
	case INTERACTION_ANSWER: /* decided when it was given, for ever */
		return activity->answer.asker != book->member_id &&
		       !book_linked(book, activity->answer.asker, activity->occurred_at);
	case INTERACTION_VOTE:
		return activity->vote.by != book->member_id;
	default:
		return true;
	}
}

/* A review that came before its order may have waited too long for it. */
static void judge_review(struct book *book, const struct mark *mark)
{
	struct fact *fact = &book->facts[mark->index];
	const struct entry *order;

	if (fact->target == NO_INDEX) {
		return; /* parked, or expired */
	}
	order = &book->entries[fact->target];
	if (mark->entry->revision < order->revision &&
	    parked_expired(&mark->entry->activity, book->zone, order->known_at)) {
		fact->verdict = ENTRY_EXPIRED;
	}
}

/* ---- equals ---- */

static struct str bytes_of(const void *bytes, size_t len)
{
	return (struct str){bytes, len};
}

static uint64_t hash_mark(const struct book *book, const struct mark *mark)
{
	const struct activity *activity = &mark->entry->activity;
	const struct fact *fact = &book->facts[mark->index];
	uint64_t hash = intern_hash((uint64_t)mark->kind, (struct str){0});

	switch (mark->kind) {
	case INTERACTION_REVIEW:
		hash = intern_hash(hash, bytes_of(&fact->target, sizeof(fact->target)));
		return intern_hash(hash, bytes_of(&activity->review.line_no, sizeof(int32_t)));
	case INTERACTION_SHARE:
		hash = intern_hash(hash, activity->share.content);
		hash = intern_hash(hash, activity->share.channel);
		return intern_hash(hash, bytes_of(&mark->day, sizeof(mark->day)));
	case INTERACTION_VOTE:
		hash = intern_hash(hash, activity->vote.content);
		return intern_hash(hash, bytes_of(&activity->vote.by, sizeof(int64_t)));
	default:
		hash = intern_hash(hash + (unsigned)activity->visit.platform,
				   activity->visit.store);
		return intern_hash(hash, bytes_of(&mark->day, sizeof(mark->day)));
	}
}

static bool are_equals(const struct book *book, const struct mark *a, const struct mark *b)
{
	const struct activity *x = &a->entry->activity, *y = &b->entry->activity;

	if (a->kind != b->kind) {
		return false;
	}
	switch (a->kind) {
	case INTERACTION_REVIEW:
		return book->facts[a->index].target == book->facts[b->index].target &&
		       x->review.line_no == y->review.line_no;
	case INTERACTION_SHARE:
		return a->day == b->day && str_eq(x->share.content, y->share.content) &&
		       str_eq(x->share.channel, y->share.channel);
	case INTERACTION_VOTE:
		return x->vote.by == y->vote.by && str_eq(x->vote.content, y->vote.content);
	case INTERACTION_VISIT:
		return a->day == b->day && x->visit.platform == y->visit.platform &&
		       str_eq(x->visit.store, y->visit.store);
	default:
		return false;
	}
}

struct equals {
	uint32_t *slots; /* group + 1; 0 empty; a power of two, at most half full */
	uint64_t *hashes; /* by group */
	size_t mask;
};

static void join_group(struct book *book, struct equals *equals, uint32_t number)
{
	struct mark *mark = &book->marks[number];
	uint64_t hash = hash_mark(book, mark);
	size_t i = hash & equals->mask;

	for (; equals->slots[i] != 0; i = (i + 1) & equals->mask) {
		struct group *group = &book->groups[equals->slots[i] - 1];

		if (equals->hashes[equals->slots[i] - 1] == hash &&
		    are_equals(book, &book->marks[group->first], mark)) {
			book->marks[group->last].next = number;
			group->last = number;
			mark->group = equals->slots[i] - 1;
			return;
		}
	}
	mark->group = (uint32_t)book->n_groups;
	equals->hashes[book->n_groups] = hash;
	book->groups[book->n_groups++] = (struct group){number, number, NO_INDEX};
	equals->slots[i] = (uint32_t)book->n_groups;
}

static bool has_equals(enum interaction kind)
{
	return kind != INTERACTION_POST && kind != INTERACTION_ANSWER;
}

static bool make_equals(struct book *book, struct equals *equals)
{
	size_t n_slots = 16, n = 0;

	for (size_t i = 0; i < book->n_marks; i++) {
		n += has_equals(book->marks[i].kind);
	}
	while (n_slots < 2 * n) {
		n_slots *= 2;
	}
	equals->mask = n_slots - 1;
	equals->slots = arena_array(book->arena, n_slots, sizeof(*equals->slots));
	equals->hashes = arena_array(book->arena, n, sizeof(*equals->hashes));
	book->groups = arena_array(book->arena, n, sizeof(*book->groups));
	return equals->slots != NULL && equals->hashes != NULL && book->groups != NULL;
}

/* ---- events ---- */

static bool hold_between(struct book *book, int64_t from, int64_t until, uint32_t mark)
{
	return book_add_event(book, from, EVENT_HOLDS, mark) &&
	       book_add_event(book, until, EVENT_FREES, mark);
}

/* A review counts nothing while its order is void. */
static bool hold_with_order(struct book *book, const struct mark *mark, uint32_t number)
{
	const struct fact *fact = &book->facts[book->facts[mark->index].target];

	return hold_between(book, book->records[fact->subject].closed_at, TIME_NEVER, number) &&
	       hold_between(book, fact->found_at, fact->found_until, number);
}

static bool add_events(struct book *book, uint32_t number)
{
	struct mark *mark = &book->marks[number];
	const struct fact *fact = &book->facts[mark->index];
	bool is_share = mark->kind == INTERACTION_SHARE;

	mark->posts = fact->undone_at >= mark->begins_at;
	if (mark->kind == INTERACTION_REVIEW && !hold_with_order(book, mark, number)) {
		return false;
	}
	return (!mark->posts || book_add_event(book, mark->begins_at, EVENT_BEGINS, number)) &&
	       book_add_event(book, fact->undone_at, EVENT_HOLDS, number) &&
	       (!is_share || book_add_event(book, fact->undone_at, EVENT_SHARE_ENDS, number)) &&
	       hold_between(book, fact->found_at, fact->found_until, number);
}

static bool build_mark(struct book *book, struct equals *equals, uint32_t number)
{
	struct mark *mark = &book->marks[number];
	const struct activity *activity = &mark->entry->activity;

	if (mark->kind == INTERACTION_REVIEW) {
		mark->pictures = activity->review.pictures;
		judge_review(book, mark);
	} else if (mark->kind == INTERACTION_POST) {
		mark->begins_at = calendar_add(
			activity->occurred_at,
			policy_at(book->policies, activity->occurred_at)->interaction.post_delay);
	}
	if (book->facts[mark->index].voided || book->facts[mark->index].verdict != ENTRY_APPLIED) {
		mark->held++;
		return true;
	}
	mark->held += mark->kind == INTERACTION_SHARE; /* until it is opened */
	if (!is_due(book, mark)) {
		mark->held++;
	} else if (has_equals(mark->kind)) {
		join_group(book, equals, number);
	}
	return add_events(book, number);
}

/* An opening that was not told as verified, or is one's own, is none. */
static bool build_opening(struct book *book, uint32_t index)
{
	const struct activity *activity = &book->entries[index].activity;
	struct fact *fact = &book->facts[index];
	uint32_t number = (uint32_t)book->n_openings;

	if (fact->verdict != ENTRY_APPLIED || fact->voided || !activity->opening.verified ||
	    activity->opening.by == book->member_id) {
		return true;
	}
	fact->subject = number;
	book->openings[book->n_openings++] = (struct opening){
		.index = index, .share = book->facts[fact->target].subject, .held = 1};
	return book_add_event(book, fact->from, EVENT_OPENING_FREES, number) &&
	       book_add_event(book, fact->undone_at, EVENT_OPENING_HOLDS, number) &&
	       book_add_event(book, fact->found_at, EVENT_OPENING_HOLDS, number) &&
	       book_add_event(book, fact->found_until, EVENT_OPENING_FREES, number);
}

bool book_build_marks(struct book *book)
{
	struct equals equals;
	size_t n_openings = 0;

	if (!make_equals(book, &equals)) {
		return false;
	}
	for (uint32_t i = 0; i < book->n_marks; i++) {
		if (!build_mark(book, &equals, i)) {
			return false;
		}
	}
	for (size_t i = 0; i < book->n_entries; i++) {
		n_openings += book->entries[i].activity.kind == ACTIVITY_OPENING;
	}
	book->openings = arena_array(book->arena, n_openings, sizeof(*book->openings));
	if (book->openings == NULL) {
		return false;
	}
	for (uint32_t i = 0; n_openings > 0 && i < book->n_entries; i++) {
		if (book->entries[i].activity.kind == ACTIVITY_OPENING && !build_opening(book, i)) {
			return false;
		}
	}
	return watch(book);
}
