/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decisions: the part of reading the ledger that says when what persons decided begins and ends:
 * findings, changes of credibility, overrides, suspensions.
 */
#include "domain/book.h"
#include "domain/calendar.h"
#include "domain/money.h"

#include <stdlib.h>

static int cmp_revisions(const void *a, const void *b)
{
	const struct moment *left = a, *right = b;

	return left->at < right->at ? -1 : left->at > right->at;
}

static bool is_decision(enum activity_kind kind)
{
	return kind == ACTIVITY_FINDING || kind == ACTIVITY_CREDIBILITY ||
	       kind == ACTIVITY_OVERRIDE || kind == ACTIVITY_SUSPENSION;
}

/* Where an override or a change of credibility ends. */
static int64_t end_of(int64_t until)
{
	return until == 0 ? TIME_NEVER : until;
}

static bool add_between(struct book *book, int64_t from, int64_t until, enum event_kind begins,
			enum event_kind ends, uint32_t index)
{
	return from >= until || (book_add_event(book, from, begins, index) &&
				 book_add_event(book, until, ends, index));
}

/* How much and how long is fixed by the version in force at the finding. */
static bool add_finding(struct book *book, uint32_t index)
{
	const struct fact *fact = &book->facts[index];
	const struct policy *policy = policy_at(book->policies, fact->from);
	const struct policy_credibility *rule = &policy->credibility;
	int64_t change_ends = calendar_add(fact->from, rule->fake_span);
	int64_t penalty_ends =
		calendar_add_months(fact->from, rule->fake_penalty_months, book->zone);

	if (fact->verdict != ENTRY_APPLIED) {
		return true;
	}
	return add_between(book, fact->from, min_i64(change_ends, fact->undone_at),
			   EVENT_CREDIBILITY, EVENT_CREDIBILITY_ENDS, index) &&
	       add_between(book, fact->from, min_i64(penalty_ends, fact->undone_at), EVENT_PENALTY,
			   EVENT_PENALTY_ENDS, index) &&
	       book_add_event(book, fact->from, EVENT_FALL, index);
}

static bool add_decision(struct book *book, uint32_t *overrides, uint32_t index)
{
	const struct entry *entry = &book->entries[index];
	const struct activity *activity = &entry->activity;

	switch (activity->kind) {
	case ACTIVITY_FINDING:
		return add_finding(book, index);
	case ACTIVITY_CREDIBILITY:
		return add_between(book, entry->known_at, end_of(activity->credibility.until),
				   EVENT_CREDIBILITY, EVENT_CREDIBILITY_ENDS, index);
	case ACTIVITY_OVERRIDE:
		overrides[book->n_overrides++] = index;
		return add_between(book, entry->known_at, end_of(activity->override.until),
				   EVENT_OVERRIDE, EVENT_OVERRIDE, index);
	default:
		return book_add_event(book, entry->known_at, EVENT_SUSPENSION, index);
	}
}

/* By revision: of two suspensions of one instant the later decision comes last. */
bool book_build_decisions(struct book *book)
{
	struct moment *found;
	uint32_t *overrides;
	size_t n = 0;

	for (size_t i = 0; i < book->n_entries; i++) {
		n += is_decision(book->entries[i].activity.kind);
	}
	found = arena_array(book->arena, n, sizeof(*found));
	overrides = arena_array(book->arena, n, sizeof(*overrides));
	if (found == NULL || overrides == NULL) {
		return false;
	}
	book->overrides = overrides;
	n = 0;
	for (uint32_t i = 0; i < book->n_entries; i++) {
		if (is_decision(book->entries[i].activity.kind)) {
			found[n++] = (struct moment){.at = book->entries[i].revision, .subject = i};
		}
	}
	qsort(found, n, sizeof(*found), cmp_revisions);
	for (size_t i = 0; i < n; i++) {
		if (!add_decision(book, overrides, found[i].subject)) {
			return false;
		}
	}
	return true;
}
