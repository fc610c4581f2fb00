/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/orders.h"

#include "domain/calendar.h"
#include "domain/money.h"

#include <stdlib.h>
#include <string.h>

/* One entry and where it stands in the ledger given. */
struct placed {
	const struct entry *entry;
	size_t index;
};

/* Building the book: what belongs to each order. */
struct builder {
	const struct entry *entries;
	size_t n_entries;
	const struct policy_list *policies;
	int64_t t;
	struct arena *arena;
	struct order_book *book;
	struct intern orders; /* (order_source, order_id) */
	struct placed *firsts; /* by number: the order's entry */
	size_t n_firsts;
	size_t *record_of; /* by number: index into book->records */
	struct placed *followers; /* all, grouped by record, each group in canonical order */
	size_t *ends; /* by record: where its group ends; it begins where the one before ends */
};

static int cmp_placed(const void *a, const void *b)
{
	const struct placed *left = a, *right = b;

	return activity_cmp(&left->entry->activity, &right->entry->activity);
}

/* Ledgers mostly come in the order of their events already. */
static void sort_placed(struct placed *placed, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (cmp_placed(&placed[i - 1], &placed[i]) > 0) {
			qsort(placed, n, sizeof(*placed), cmp_placed);
			return;
		}
	}
}

static int32_t zone_of(const struct builder *builder)
{
	return builder->policies->versions[0]->zone_minutes; /* the same in all versions */
}

bool parked_expired(const struct activity *activity, int32_t zone_minutes, int64_t t)
{
	return calendar_add_months(activity->occurred_at, KEY_MONTHS_KEPT, zone_minutes) <= t;
}

/* A ledger holds an order once. Should a merged one hold it twice, the first in canonical order
 * counts and the other is void. */
static bool take_order(struct builder *builder, size_t index)
{
	const struct entry *entry = &builder->entries[index];
	int32_t known = builder->orders.n;
	int32_t number = intern_put(&builder->orders, entry->activity.order_source,
				    entry->activity.order_id);
	struct placed placed = {entry, index};
	struct placed *first;

	if (number == INTERN_NONE) {
		return false;
	}
	first = &builder->firsts[number];
	if (number == known) {
		*first = placed;
		return true;
	}
	if (cmp_placed(&placed, first) < 0) {
		builder->book->states[first->index] = ENTRY_VOIDED;
		*first = placed;
	} else {
		builder->book->states[index] = ENTRY_VOIDED;
	}
	return true;
}

static bool take_orders(struct builder *builder)
{
	size_t n = 0;

	for (size_t i = 0; i < builder->n_entries; i++) {
		n += builder->entries[i].activity.kind == ACTIVITY_ORDER;
	}
	builder->firsts = arena_array(builder->arena, n, sizeof(*builder->firsts));
	if (builder->firsts == NULL) {
		return false;
	}
	for (size_t i = 0; i < builder->n_entries; i++) {
		if (builder->entries[i].activity.kind == ACTIVITY_ORDER &&
		    !take_order(builder, i)) {
			return false;
		}
	}
	builder->n_firsts = (size_t)builder->orders.n;
	return true;
}

/* False when the arena refused. */
static bool find_category(struct intern *categories, const struct line *line,
			  struct order_line *made)
{
	made->category = INTERN_NONE;
	if (!made->counts || line->category.len == 0) {
		return true;
	}
	made->category = intern_put(categories, line->category, (struct str){0});
	return made->category != INTERN_NONE;
}

static bool make_lines(struct builder *builder, struct order_record *record)
{
	const struct order *order = &record->entry->activity.order;

	record->lines = arena_array(builder->arena, order->n_lines, sizeof(*record->lines));
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
		record->n_left += made->left > 0;
		if (!find_category(&builder->book->categories, line, made)) {
			return false;
		}
	}
	return true;
}

static bool make_record(struct builder *builder, struct order_record *record,
			const struct placed *placed)
{
	record->entry = placed->entry;
	record->index = placed->index;
	record->month = calendar_month(placed->entry->activity.occurred_at, zone_of(builder));
	record->posts_at = record->closed_at = TIME_NEVER;
	return make_lines(builder, record);
}

static bool make_records(struct builder *builder)
{
	struct order_book *book = builder->book;
	struct placed *sorted =
		arena_dup(builder->arena, builder->firsts, builder->n_firsts * sizeof(*sorted));
	int32_t day, before = INT32_MIN;

	book->n_records = builder->n_firsts;
	book->records = arena_array(builder->arena, book->n_records, sizeof(*book->records));
	builder->record_of =
		arena_array(builder->arena, book->n_records, sizeof(*builder->record_of));
	if (sorted == NULL || book->records == NULL || builder->record_of == NULL) {
		return false;
	}
	sort_placed(sorted, book->n_records);
	for (size_t i = 0; i < book->n_records; i++) {
		const struct activity *order = &sorted[i].entry->activity;

		if (!make_record(builder, &book->records[i], &sorted[i])) {
			return false;
		}
		day = calendar_day(order->occurred_at, zone_of(builder));
		book->n_days += day != before;
		book->records[i].day = book->n_days - 1;
		before = day;
		builder->record_of[intern_find(&builder->orders, order->order_source,
					       order->order_id)] = i;
	}
	return true;
}

/* The number of the order that an entry names, INTERN_NONE when it is not known or not named. */
static int32_t order_of(const struct builder *builder, const struct activity *activity)
{
	return activity->kind == ACTIVITY_ORDER
		       ? INTERN_NONE
		       : intern_find(&builder->orders, activity->order_source, activity->order_id);
}

/* Groups followers by record, by counting; what follows nothing is parked. */
static bool group_followers(struct builder *builder)
{
	size_t n = 0, *numbers, *next;

	numbers = arena_array(builder->arena, builder->n_entries, sizeof(*numbers));
	next = arena_array(builder->arena, builder->n_firsts + 1, sizeof(*next));
	if (numbers == NULL || next == NULL) {
		return false;
	}
	for (size_t i = 0; i < builder->n_entries; i++) {
		int32_t order = order_of(builder, &builder->entries[i].activity);

		numbers[i] = order == INTERN_NONE ? SIZE_MAX : builder->record_of[order];
		if (numbers[i] != SIZE_MAX) {
			next[numbers[i] + 1]++;
			n++;
		}
	}
	for (size_t i = 0; i < builder->n_firsts; i++) {
		next[i + 1] += next[i];
	}
	builder->followers = arena_array(builder->arena, n, sizeof(*builder->followers));
	builder->ends = next;
	if (builder->followers == NULL) {
		return false;
	}
	for (size_t i = 0; i < builder->n_entries; i++) {
		if (numbers[i] != SIZE_MAX) {
			builder->followers[next[numbers[i]]++] =
				(struct placed){&builder->entries[i], i};
		}
	}
	return true;
}

static void park(struct builder *builder)
{
	for (size_t i = 0; i < builder->n_entries; i++) {
		const struct activity *activity = &builder->entries[i].activity;

		if (activity->kind != ACTIVITY_ORDER &&
		    order_of(builder, activity) == INTERN_NONE) {
			builder->book->states[i] =
				parked_expired(activity, zone_of(builder), builder->t)
					? ENTRY_EXPIRED
					: ENTRY_PARKED;
		}
	}
}

/* Verdicts on what waited for the order, in canonical order; the rest was accepted when it came. */
static bool judge_followers(struct builder *builder, const struct order_record *record,
			    const struct placed *followers, size_t n)
{
	const struct entry *order = record->entry;
	enum entry_state *states = builder->book->states;
	struct admission admission;

	if (!admission_init(&admission, &order->activity, builder->arena)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const struct entry *entry = followers[i].entry;

		if (entry->revision > order->revision) {
			states[followers[i].index] = ENTRY_APPLIED;
		} else if (parked_expired(&entry->activity, zone_of(builder), order->known_at)) {
			states[followers[i].index] = ENTRY_EXPIRED;
		} else {
			states[followers[i].index] =
				admission_try(&admission, &entry->activity, NULL) == MB_OK
					? ENTRY_APPLIED
					: ENTRY_REFUSED;
		}
	}
	return true;
}

static void begin_times(const struct builder *builder, struct order_record *record, int64_t *delay)
{
	const struct activity *order = &record->entry->activity;
	const struct policy *policy = policy_at(builder->policies, order->occurred_at);
	int64_t automatic = policy->posting.auto_complete[order->order.platform];

	*delay = policy->posting.delay[order->order.platform];
	if (order->order.completed_at != 0) {
		record->posts_at = calendar_add(
			max_i64(order->order.completed_at, order->occurred_at), *delay);
	} else if (automatic > 0) {
		record->posts_at =
			calendar_add(calendar_add(order->occurred_at, automatic), *delay);
	}
}

/* Completions and the first cancellation, in canonical order: each acts on what was reached when
 * it took place, so a completion after the posting or after the cancellation says nothing new. */
static void find_times(const struct builder *builder, struct order_record *record,
		       const struct placed *followers, size_t n)
{
	int64_t paid_at = record->entry->activity.occurred_at, delay;

	begin_times(builder, record, &delay);
	for (size_t i = 0; i < n && record->closed_at == TIME_NEVER; i++) {
		const struct activity *activity = &followers[i].entry->activity;

		if (builder->book->states[followers[i].index] != ENTRY_APPLIED) {
			continue;
		}
		if (activity->kind == ACTIVITY_COMPLETION &&
		    activity->occurred_at < record->posts_at) {
			record->posts_at = calendar_add(
				max_i64(activity->completion.completed_at, paid_at), delay);
		} else if (activity->kind == ACTIVITY_CANCELLATION) {
			record->closed_at = max_i64(activity->occurred_at, paid_at);
			record->void_at_close = record->closed_at < record->posts_at;
		}
	}
	if (record->void_at_close) {
		record->posts_at = TIME_NEVER;
	}
}

static void add_event(struct order_book *book, struct order_event event)
{
	if (event.at == TIME_NEVER) {
		return;
	}
	book->events[book->n_events++] = event;
	if (event.kind != ORDER_PAID) {
		book->begin = min_i64(book->begin, event.at);
	}
}

static void add_events(struct order_book *book, struct order_record *record, int64_t t,
		       const struct placed *followers, size_t n)
{
	int64_t paid_at = record->entry->activity.occurred_at;

	add_event(book, (struct order_event){.at = paid_at > t ? paid_at : TIME_NEVER,
					     .record = record,
					     .kind = ORDER_PAID});
	add_event(book, (struct order_event){
				.at = record->posts_at, .record = record, .kind = ORDER_POSTS});
	add_event(book, (struct order_event){
				.at = record->closed_at, .record = record, .kind = ORDER_CLOSES});
	for (size_t i = 0; i < n; i++) {
		const struct activity *activity = &followers[i].entry->activity;
		int64_t at = max_i64(activity->occurred_at, paid_at);

		/* once the order is closed nothing is left to shrink */
		if (activity->kind == ACTIVITY_REVERSAL && at < record->closed_at &&
		    book->states[followers[i].index] == ENTRY_APPLIED) {
			add_event(book, (struct order_event){.at = at,
							     .record = record,
							     .reversal = &activity->reversal,
							     .kind = ORDER_SHRINKS});
		}
	}
}

static int cmp_events(const void *a, const void *b)
{
	const struct order_event *left = a, *right = b;

	return left->at < right->at ? -1 : left->at > right->at;
}

static bool make_events(struct builder *builder)
{
	struct order_book *book = builder->book;
	size_t begin = 0, n_followers;

	n_followers = book->n_records == 0 ? 0 : builder->ends[book->n_records - 1];
	book->events = arena_array(builder->arena, 3 * book->n_records + n_followers,
				   sizeof(*book->events));
	if (book->events == NULL) {
		return false;
	}
	for (size_t i = 0; i < book->n_records; i++) {
		struct placed *followers = builder->followers + begin;
		size_t n = builder->ends[i] - begin;

		if (n > 0) {
			sort_placed(followers, n);
			if (!judge_followers(builder, &book->records[i], followers, n)) {
				return false;
			}
		}
		find_times(builder, &book->records[i], followers, n);
		add_events(book, &book->records[i], builder->t, followers, n);
		begin = builder->ends[i];
	}
	/* at one instant the order does not matter: postings and reversals commute */
	qsort(book->events, book->n_events, sizeof(*book->events), cmp_events);
	return true;
}

enum mb_code order_book_build(const struct entry *entries, size_t n_entries,
			      const struct policy_list *policies, int64_t t, struct arena *arena,
			      struct order_book *out, struct mb_err *err)
{
	struct order_book book = {.categories = {.arena = arena}, .begin = TIME_NEVER};
	struct builder builder = {.entries = entries,
				  .n_entries = n_entries,
				  .policies = policies,
				  .t = t,
				  .arena = arena,
				  .book = &book,
				  .orders = {.arena = arena}};

	book.states = arena_array(arena, n_entries, sizeof(*book.states));
	if (book.states == NULL || !take_orders(&builder) || !make_records(&builder) ||
	    !group_followers(&builder) || !make_events(&builder)) {
		return arena_fail(arena, err);
	}
	park(&builder);
	*out = book;
	return MB_OK;
}

enum entry_state order_record_state(const struct order_record *record)
{
	if (record->closed && record->void_at_close) {
		return ENTRY_VOIDED;
	}
	if (!record->posted) {
		return ENTRY_PENDING;
	}
	if (record->closed || (record->reversed && record->n_left == 0)) {
		return ENTRY_REVERSED;
	}
	return record->reversed ? ENTRY_PARTLY_REVERSED : ENTRY_POSTED;
}
