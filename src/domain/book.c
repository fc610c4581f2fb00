/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/book.h"

#include "domain/calendar.h"
#include "domain/money.h"

#include <stdlib.h>
#include <string.h>

int64_t parked_until(const struct activity *activity, int32_t zone_minutes)
{
	return calendar_add_months(activity->occurred_at, KEY_MONTHS_KEPT, zone_minutes);
}

bool parked_expired(const struct activity *activity, int32_t zone_minutes, int64_t t)
{
	return parked_until(activity, zone_minutes) <= t;
}

/* ---- canonical order ---- */

static int cmp_entries(const void *a, const void *b)
{
	const struct entry *const *left = a, *const *right = b;

	return activity_cmp(&(*left)->activity, &(*right)->activity);
}

/* Orders those that occurred at one instant. */
static bool sort_ties(const struct book *book, struct moment *moments, size_t n)
{
	const struct entry **tied;

	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && moments[end].at == moments[i].at; end++) {
		}
		if (end - i == 1) {
			continue;
		}
		tied = arena_array(book->arena, end - i, sizeof(const struct entry *));
		if (tied == NULL) {
			return false;
		}
		for (size_t k = i; k < end; k++) {
			tied[k - i] = &book->entries[moments[k].subject];
		}
		qsort(tied, end - i, sizeof(const struct entry *), cmp_entries);
		for (size_t k = i; k < end; k++) {
			moments[k].subject = (uint32_t)(tied[k - i] - book->entries);
		}
	}
	return true;
}

static bool sort_entries(struct book *book)
{
	size_t n = book->n_entries;
	struct moment *moments = arena_array(book->arena, n, sizeof(*moments));

	book->canonical = arena_array(book->arena, n, sizeof(*book->canonical));
	if (moments == NULL || book->canonical == NULL) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		moments[i] = (struct moment){.at = book->entries[i].activity.occurred_at,
					     .subject = (uint32_t)i};
	}
	if (!moments_sort(moments, n, book->arena) || !sort_ties(book, moments, n)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		book->canonical[i] = moments[i].subject;
	}
	return true;
}

/* ---- who names what ---- */

/* Of names that are given to several, the first in canonical order. */
static bool find_orders(struct book *book)
{
	struct intern names = {.arena = book->arena};
	uint32_t *first = arena_array(book->arena, book->n_entries, sizeof(*first));

	if (first == NULL) {
		return false;
	}
	for (size_t c = 0; c < book->n_entries; c++) {
		uint32_t i = book->canonical[c];
		const struct activity *activity = &book->entries[i].activity;
		int32_t known = names.n, number;

		if (activity->kind != ACTIVITY_ORDER) {
			continue;
		}
		number = intern_put(&names, activity->order_source, activity->order_id);
		if (number == INTERN_NONE) {
			return false;
		}
		if (number == known) {
			first[number] = i;
		} else {
			book->facts[i].voided = true;
		}
	}
	for (size_t i = 0; i < book->n_entries; i++) {
		const struct activity *activity = &book->entries[i].activity;
		int32_t number;

		if (activity_names_order(activity->kind)) {
			number = intern_find(&names, activity->order_source, activity->order_id);
			book->facts[i].target = number == INTERN_NONE ? NO_INDEX : first[number];
		}
	}
	return true;
}

/* Only the keys that something names are remembered: mostly few are. */
static bool find_named(struct book *book)
{
	struct intern keys = {.arena = book->arena};
	uint32_t *named;

	for (size_t i = 0; i < book->n_entries; i++) {
		const struct activity *activity = &book->entries[i].activity;

		if (activity_names_activity(activity->kind) &&
		    intern_put(&keys, activity->about_source, activity->about_event_id) ==
			    INTERN_NONE) {
			return false;
		}
	}
	if (keys.n == 0) {
		return true;
	}
	named = arena_array(book->arena, (size_t)keys.n, sizeof(*named));
	if (named == NULL) {
		return false;
	}
	memset(named, 0xff, (size_t)keys.n * sizeof(*named));
	for (size_t c = book->n_entries; c-- > 0;) {
		const struct activity *activity = &book->entries[book->canonical[c]].activity;
		int32_t key = intern_find(&keys, activity->source, activity->source_event_id);

		if (key != INTERN_NONE) {
			named[key] = book->canonical[c];
		}
	}
	for (size_t i = 0; i < book->n_entries; i++) {
		const struct activity *activity = &book->entries[i].activity;

		if (activity_names_activity(activity->kind)) {
			book->facts[i].target = named[intern_find(&keys, activity->about_source,
								  activity->about_event_id)];
		}
	}
	return true;
}

/* Chains what names the same. Reviews follow no order: nothing of it depends on them. */
static void chain(struct book *book)
{
	for (size_t c = book->n_entries; c-- > 0;) {
		uint32_t i = book->canonical[c], *head;
		struct fact *fact = &book->facts[i];
		enum activity_kind kind = book->entries[i].activity.kind;

		if (fact->target == NO_INDEX || kind == ACTIVITY_REVIEW) {
			continue;
		}
		head = activity_names_order(kind) ? &book->facts[fact->target].followers
						  : &book->facts[fact->target].namers;
		fact->next = *head;
		*head = i;
	}
}

/* ---- verdicts on what names by key ---- */

static bool is_interaction(enum activity_kind kind)
{
	return kind >= ACTIVITY_REVIEW && kind <= ACTIVITY_VISIT;
}

enum mb_code naming_check(enum activity_kind kind, enum activity_kind named, struct mb_err *err)
{
	const char *name = activity_kind_name(named);

	switch (kind) {
	case ACTIVITY_OPENING:
		return named == ACTIVITY_SHARE
			       ? MB_OK
			       : mb_fail(err, MB_NAMED_KIND_MISMATCH,
					 "an opening is of a share, not of this %s", name);
	case ACTIVITY_UNDO:
		return is_interaction(named) || named == ACTIVITY_REVERSAL ||
				       named == ACTIVITY_CANCELLATION || named == ACTIVITY_FINDING
			       ? MB_OK
			       : mb_fail(err, MB_UNDO_NOT_ALLOWED, "no %s can be undone", name);
	case ACTIVITY_FINDING:
		return is_interaction(named) || named == ACTIVITY_ORDER
			       ? MB_OK
			       : mb_fail(err, MB_FINDING_NOT_ALLOWED, "no %s can be found fake",
					 name);
	case ACTIVITY_VOID:
		return activity_kind_told(named)
			       ? MB_OK
			       : mb_fail(err, MB_VOID_NOT_ALLOWED, "no %s can be voided", name);
	default:
		return MB_OK;
	}
}

static enum entry_state judge_naming(struct book *book, uint32_t index)
{
	const struct entry *entry = &book->entries[index], *named;
	struct fact *fact = &book->facts[index];
	bool waited, second;

	if (fact->target == NO_INDEX) {
		return parked_expired(&entry->activity, book->zone, book->t) ? ENTRY_EXPIRED
									     : ENTRY_PARKED;
	}
	named = &book->entries[fact->target];
	waited = entry->revision < named->revision;
	if (waited && parked_expired(&entry->activity, book->zone, named->known_at)) {
		return ENTRY_EXPIRED;
	}
	/* also of one that had not waited, should a store hold what never was accepted */
	if (naming_check(entry->activity.kind, named->activity.kind, NULL) != MB_OK) {
		return ENTRY_REFUSED;
	}
	second = waited && entry->activity.kind == ACTIVITY_FINDING &&
		 book->facts[fact->target].is_found;
	return second ? ENTRY_REFUSED : ENTRY_APPLIED;
}

static void judge_namings(struct book *book)
{
	for (size_t c = 0; c < book->n_entries; c++) {
		uint32_t i = book->canonical[c];
		struct fact *fact = &book->facts[i];
		enum activity_kind kind = book->entries[i].activity.kind;

		if (!activity_names_activity(kind)) {
			continue;
		}
		fact->verdict = judge_naming(book, i);
		if (fact->verdict == ENTRY_APPLIED && kind == ACTIVITY_VOID) {
			book->facts[fact->target].voided = true;
		}
		if (fact->verdict == ENTRY_APPLIED && kind == ACTIVITY_FINDING) {
			book->facts[fact->target].is_found = true;
		}
	}
}

/* ---- instants ---- */

/* When it takes place: never before what it names did. */
static int64_t instant_of(const struct book *book, uint32_t index)
{
	const struct entry *entry = &book->entries[index];
	uint32_t target = book->facts[index].target;

	if (target == NO_INDEX || entry->activity.kind == ACTIVITY_REVIEW) {
		return entry->activity.occurred_at;
	}
	return max_i64(entry->activity.occurred_at, book->entries[target].activity.occurred_at);
}

int64_t book_undone_before(const struct book *book, uint32_t index, int64_t revision)
{
	int64_t undone_at = TIME_NEVER;

	for (uint32_t i = book->facts[index].namers; i != NO_INDEX; i = book->facts[i].next) {
		if (book->entries[i].activity.kind == ACTIVITY_UNDO &&
		    book->entries[i].revision < revision &&
		    book->facts[i].verdict == ENTRY_APPLIED &&
		    !book_voided_before(book, i, revision)) {
			undone_at = min_i64(undone_at, book->facts[i].from);
		}
	}
	return undone_at;
}

bool book_voided_before(const struct book *book, uint32_t index, int64_t revision)
{
	for (uint32_t i = book->facts[index].namers; i != NO_INDEX; i = book->facts[i].next) {
		if (book->entries[i].activity.kind == ACTIVITY_VOID &&
		    book->entries[i].revision < revision &&
		    book->facts[i].verdict == ENTRY_APPLIED) {
			return true;
		}
	}
	return false;
}

/* Instants first of what is named, then of undos, then how long findings last. */
static void find_instants(struct book *book)
{
	struct fact *facts = book->facts;

	for (uint32_t i = 0; i < book->n_entries; i++) {
		facts[i].from = instant_of(book, i);
	}
	for (uint32_t i = 0; i < book->n_entries; i++) {
		if (book->entries[i].activity.kind == ACTIVITY_UNDO &&
		    facts[i].target != NO_INDEX) {
			facts[i].from = max_i64(facts[i].from, facts[facts[i].target].from);
		}
	}
	for (uint32_t i = 0; i < book->n_entries; i++) {
		if (facts[i].namers != NO_INDEX) {
			facts[i].undone_at = book_undone_before(book, i, INT64_MAX);
		}
	}
	for (uint32_t i = 0; i < book->n_entries; i++) {
		if (book->entries[i].activity.kind == ACTIVITY_FINDING &&
		    facts[i].verdict == ENTRY_APPLIED) {
			facts[facts[i].target].found_at = facts[i].from;
			facts[facts[i].target].found_until =
				max_i64(facts[i].from, facts[i].undone_at);
		}
	}
}

/* ---- the whole ---- */

bool book_add_event(struct book *book, int64_t at, enum event_kind kind, uint32_t subject)
{
	if (at == TIME_NEVER) {
		return true;
	}
	if (book->n_events == book->room_for_events) {
		size_t room = book->room_for_events == 0 ? 2 * book->n_entries + 16
							 : 2 * book->room_for_events;
		struct moment *events = arena_array(book->arena, room, sizeof(*events));

		if (events == NULL) {
			return false;
		}
		if (book->n_events > 0) {
			memcpy(events, book->events, book->n_events * sizeof(*events));
		}
		book->events = events;
		book->room_for_events = room;
	}
	book->events[book->n_events++] = (struct moment){at, (uint32_t)kind, subject};
	return true;
}

static bool make_facts(struct book *book)
{
	book->facts = arena_array(book->arena, book->n_entries, sizeof(*book->facts));
	if (book->facts == NULL) {
		return false;
	}
	for (size_t i = 0; i < book->n_entries; i++) {
		book->facts[i] = (struct fact){.target = NO_INDEX,
					       .next = NO_INDEX,
					       .followers = NO_INDEX,
					       .namers = NO_INDEX,
					       .subject = NO_INDEX,
					       .verdict = ENTRY_APPLIED,
					       .undone_at = TIME_NEVER,
					       .found_at = TIME_NEVER,
					       .found_until = TIME_NEVER};
	}
	return true;
}

bool book_build(const struct fold_input *in, struct arena *arena, struct book *out)
{
	*out = (struct book){.entries = in->entries,
			     .n_entries = in->n_entries,
			     .policies = in->policies,
			     .member_id = in->member_id,
			     .t = in->t,
			     .zone = in->policies->versions[0]->zone_minutes,
			     .arena = arena,
			     .base = in->base,
			     .categories = {.arena = arena}};
	if (!make_facts(out) || !sort_entries(out) || !find_orders(out) || !find_named(out)) {
		return false;
	}
	chain(out);
	judge_namings(out);
	find_instants(out);
	return book_build_dates(out) && book_build_orders(out) && book_build_bonds(out) &&
	       book_build_marks(out) && book_build_decisions(out) &&
	       moments_sort(out->events, out->n_events, arena);
}

static enum entry_state mark_state(const struct mark *mark, const struct fact *fact, int64_t t)
{
	if (fact->verdict != ENTRY_APPLIED) {
		return fact->verdict;
	}
	if (fact->undone_at <= t) {
		return mark->void_at_end || (mark->kind == INTERACTION_POST && !mark->posts)
			       ? ENTRY_VOIDED
			       : ENTRY_REVERSED;
	}
	if (mark->kind == INTERACTION_SHARE) {
		return mark->openings > 0 ? ENTRY_POSTED : ENTRY_PENDING;
	}
	return mark->begins_at <= t ? ENTRY_POSTED : ENTRY_PENDING;
}

enum entry_state book_state(const struct book *book, uint32_t index, int64_t t)
{
	const struct fact *fact = &book->facts[index];
	enum activity_kind kind = book->entries[index].activity.kind;

	if (fact->voided || (fact->found_at <= t && t < fact->found_until)) {
		return ENTRY_VOIDED;
	}
	if (kind == ACTIVITY_ORDER) {
		return order_record_state(&book->records[fact->subject]);
	}
	if (interaction_of(kind) != 0) {
		return mark_state(&book->marks[fact->subject], fact, t);
	}
	return fact->verdict == ENTRY_APPLIED && fact->undone_at <= t ? ENTRY_REVERSED
								      : fact->verdict;
}
