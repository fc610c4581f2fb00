/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/acts.h"

#include "domain/money.h"

/* ---- orders ---- */

static void add_lines(struct timeline *line, const struct order_record *record, int sign)
{
	if (order_record_counts(record)) {
		window_add(&line->live, record, sign);
	}
}

static int64_t left_of(const struct order_record *record, size_t i)
{
	int64_t net = line_net(&record->entry->activity.order.lines[i]);

	return record->closures > 0 ? 0 : max_i64(net - record->lines[i].taken, 0);
}

/* Sets what is left of all lines, in the record and in the windows. */
static void set_lines(struct timeline *line, struct order_record *record)
{
	add_lines(line, record, -1);
	for (size_t i = 0; i < record->entry->activity.order.n_lines; i++) {
		order_record_set(record, i, left_of(record, i), line->policy);
	}
	order_record_sum(record, line->policy);
	add_lines(line, record, 1);
}

static void set_line(struct timeline *line, struct order_record *record, size_t i)
{
	if (order_record_counts(record)) {
		window_add_line(&line->live, record, i, -1);
	}
	order_record_set(record, i, left_of(record, i), line->policy);
	if (order_record_counts(record)) {
		window_add_line(&line->live, record, i, 1);
	}
}

static void add_worth(struct timeline *line, const struct order_record *record, int sign)
{
	if (order_record_counts(record)) {
		window_add_worth(&line->live, record, sign);
	}
}

/* A reversal takes (sign 1) or gives back (-1). */
static void take_back(struct timeline *line, uint32_t index, int sign)
{
	const struct reversal *reversal = &line->book.entries[index].activity.reversal;
	const struct fact *order = &line->book.facts[line->book.facts[index].target];
	struct order_record *record = &line->book.records[order->subject];
	const struct order *lines = &record->entry->activity.order;
	size_t i = 0;

	record->reversals += sign;
	add_worth(line, record, -1);
	for (size_t r = 0; r < reversal->n_lines; r++) {
		const struct reversal_line *back = &reversal->lines[r];

		while (i < lines->n_lines && lines->lines[i].line_no < back->line_no) {
			i++;
		}
		if (i < lines->n_lines && lines->lines[i].line_no == back->line_no) {
			record->lines[i].taken += sign * back->amount;
			set_line(line, record, i);
		}
	}
	order_record_sum(record, line->policy);
	add_worth(line, record, 1);
}

static unsigned act_on_order(struct timeline *line, enum event_kind kind, uint32_t subject)
{
	struct order_record *record = &line->book.records[subject];

	switch (kind) {
	case EVENT_PAID:
		return CHANGE_POSTING;
	case EVENT_POSTS:
		record->posted = true;
		add_lines(line, record, 1);
		line->begun = true;
		return CHANGE_POSTING;
	case EVENT_CLOSES:
	case EVENT_OPENS:
		record->closures += kind == EVENT_CLOSES ? 1 : -1;
		set_lines(line, record);
		line->begun = true;
		return CHANGE_REVERSAL;
	default:
		add_lines(line, record, -1);
		record->findings += kind == EVENT_BARS ? 1 : -1;
		add_lines(line, record, 1);
		return CHANGE_REVERSAL;
	}
}

/* ---- marks ---- */

/* Of a group the first that counts has the points; numbers of marks are in canonical order. */
static void show_mark(struct timeline *line, uint32_t number)
{
	struct book *book = &line->book;
	struct group *group = &book->groups[book->marks[number].group];

	if (group->shown != NO_INDEX && group->shown < number) {
		return;
	}
	if (group->shown != NO_INDEX) {
		window_add_mark(&line->live, &book->marks[group->shown], -1);
	}
	group->shown = number;
	window_add_mark(&line->live, &book->marks[number], 1);
}

static void hide_mark(struct timeline *line, uint32_t number)
{
	struct book *book = &line->book;
	struct group *group = &book->groups[book->marks[number].group];
	uint32_t next = number;

	if (group->shown != number) {
		return;
	}
	window_add_mark(&line->live, &book->marks[number], -1);
	while (next != NO_INDEX && book->marks[next].held > 0) {
		next = book->marks[next].next;
	}
	group->shown = next;
	if (next != NO_INDEX) {
		window_add_mark(&line->live, &book->marks[next], 1);
	}
}

static void hold(struct timeline *line, uint32_t number)
{
	struct mark *mark = &line->book.marks[number];

	if (mark->held++ > 0) {
		return;
	}
	if (mark->group != NO_INDEX) {
		hide_mark(line, number);
	} else {
		window_add_mark(&line->live, mark, -1);
	}
}

static void release(struct timeline *line, uint32_t number)
{
	struct mark *mark = &line->book.marks[number];

	if (--mark->held > 0) {
		return;
	}
	line->begun = true; /* a share: the others have begun already */
	if (mark->group != NO_INDEX) {
		show_mark(line, number);
	} else {
		window_add_mark(&line->live, mark, 1);
	}
}

static void hold_opening(struct timeline *line, uint32_t number)
{
	struct opening *opening = &line->book.openings[number];

	if (opening->held++ == 0 && --line->book.marks[opening->share].openings == 0) {
		hold(line, opening->share);
	}
}

static void release_opening(struct timeline *line, uint32_t number)
{
	struct opening *opening = &line->book.openings[number];

	if (--opening->held == 0 && line->book.marks[opening->share].openings++ == 0) {
		release(line, opening->share);
	}
}

static void act_on_mark(struct timeline *line, enum event_kind kind, uint32_t number)
{
	struct mark *mark = &line->book.marks[number];

	if (kind == EVENT_BEGINS) {
		line->begun = line->begun || mark->kind != INTERACTION_SHARE;
	}
	if (kind == EVENT_SHARE_ENDS) {
		mark->void_at_end = mark->openings == 0;
	} else if (kind == EVENT_BEGINS || kind == EVENT_FREES) {
		release(line, number);
	} else {
		hold(line, number);
	}
}

/* All votes and openings by the other account. */
static void act_on_bond(struct timeline *line, enum event_kind kind, uint32_t number)
{
	const struct book *book = &line->book;
	int64_t other = book->bonds[number].other;
	size_t low = 0, high = book->n_watched;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (book->watched[middle].by < other) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	for (; low < book->n_watched && book->watched[low].by == other; low++) {
		uint32_t subject = book->watched[low].subject;

		if (book->watched[low].opening) {
			(kind == EVENT_LINKS ? hold_opening : release_opening)(line, subject);
		} else {
			(kind == EVENT_LINKS ? hold : release)(line, subject);
		}
	}
}

/* ---- decisions ---- */

static void act_on_trust(struct timeline *line, enum event_kind kind, uint32_t index)
{
	const struct activity *activity = &line->book.entries[index].activity;
	int64_t from = line->book.facts[index].from;
	const struct policy_credibility *rule = &policy_at(line->policies, from)->credibility;
	int64_t delta = activity->kind == ACTIVITY_FINDING ? -rule->fake_change
							   : activity->credibility.delta_bp;

	switch (kind) {
	case EVENT_CREDIBILITY:
		line->credibility += delta;
		break;
	case EVENT_CREDIBILITY_ENDS:
		line->credibility -= delta;
		break;
	case EVENT_PENALTY:
		line->penalty += rule->fake_penalty;
		break;
	default:
		line->penalty -= rule->fake_penalty;
		break;
	}
}

/* ---- all of an instant ---- */

static unsigned act_on(struct timeline *line, const struct moment *event, struct act *act)
{
	enum event_kind kind = (enum event_kind)event->rank;

	switch (kind) {
	case EVENT_PAID:
	case EVENT_POSTS:
	case EVENT_CLOSES:
	case EVENT_OPENS:
	case EVENT_BARS:
	case EVENT_UNBARS:
		return act_on_order(line, kind, event->subject);
	case EVENT_TAKES:
	case EVENT_GIVES_BACK:
		take_back(line, event->subject, kind == EVENT_TAKES ? 1 : -1);
		line->begun = true;
		return CHANGE_REVERSAL;
	case EVENT_BEGINS:
	case EVENT_HOLDS:
	case EVENT_FREES:
	case EVENT_SHARE_ENDS:
		act_on_mark(line, kind, event->subject);
		return CHANGE_INTERACTION;
	case EVENT_OPENING_HOLDS:
		hold_opening(line, event->subject);
		return CHANGE_INTERACTION;
	case EVENT_OPENING_FREES:
		release_opening(line, event->subject);
		return CHANGE_INTERACTION;
	case EVENT_LINKS:
	case EVENT_UNLINKS:
		act_on_bond(line, kind, event->subject);
		return CHANGE_INTERACTION;
	case EVENT_CREDIBILITY:
	case EVENT_CREDIBILITY_ENDS:
		act_on_trust(line, kind, event->subject);
		return CHANGE_CREDIBILITY;
	case EVENT_PENALTY:
	case EVENT_PENALTY_ENDS:
		act_on_trust(line, kind, event->subject);
		return CHANGE_PENALTY;
	case EVENT_FALL:
		act->fall = act->fall || line->book.facts[event->subject].undone_at > act->at;
		line->begun = true;
		return CHANGE_PENALTY;
	case EVENT_OVERRIDE:
		act->overrides = true;
		return CHANGE_OVERRIDE;
	case EVENT_SUSPENSION:
		act->suspended = line->book.entries[event->subject].activity.suspension.suspended;
		return CHANGE_OVERRIDE;
	}
	return 0;
}

void timeline_act(struct timeline *line, struct act *act)
{
	const struct book *book = &line->book;

	for (; line->next_event < book->n_events && book->events[line->next_event].at == act->at;
	     line->next_event++) {
		act->causes |= act_on(line, &book->events[line->next_event], act);
	}
}
