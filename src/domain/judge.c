/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge: how the ledger receives a new activity. The border has checked its form, the repository
 * that its key is new; here come its age and what the ledger says.
 */
#include "domain/calendar.h"
#include "domain/fold.h"
#include "domain/orders.h"

#include <stdlib.h>

struct bench {
	const struct entry *entries;
	size_t n_entries;
	const struct policy_list *policies;
	int64_t now;
	struct arena *arena;
};

static bool same_order(const struct activity *a, const struct activity *b)
{
	return str_eq(a->order_id, b->order_id) && str_eq(a->order_source, b->order_source);
}

static const struct entry *find_order(const struct bench *bench, const struct activity *activity)
{
	for (size_t i = 0; i < bench->n_entries; i++) {
		const struct entry *entry = &bench->entries[i];

		if (entry->activity.kind == ACTIVITY_ORDER &&
		    same_order(&entry->activity, activity)) {
			return entry;
		}
	}
	return NULL;
}

/* The entries of the activity's order, behind one free place; indices[i] is that of group[i].
 * NULL when the arena refused. */
static struct entry *gather(const struct bench *bench, const struct activity *activity,
			    size_t **indices, size_t *n)
{
	struct entry *group;
	size_t count = 1;

	for (size_t i = 0; i < bench->n_entries; i++) {
		count += same_order(&bench->entries[i].activity, activity);
	}
	group = arena_array(bench->arena, count, sizeof(*group));
	*indices = arena_array(bench->arena, count, sizeof(**indices));
	if (group == NULL || *indices == NULL) {
		return NULL;
	}
	*n = 1;
	for (size_t i = 0; i < bench->n_entries; i++) {
		if (same_order(&bench->entries[i].activity, activity)) {
			(*indices)[*n] = i;
			group[(*n)++] = bench->entries[i];
		}
	}
	return group;
}

struct waking {
	const struct entry *entry;
	struct woken woken;
};

static int cmp_waking(const void *a, const void *b)
{
	const struct waking *left = a, *right = b;

	return activity_cmp(&left->entry->activity, &right->entry->activity);
}

/* group[1 ..] waited for group[0]; states are those after it came. */
static bool list_woken(const struct bench *bench, const struct entry *group, const size_t *indices,
		       size_t n, const enum entry_state *states, struct verdict *out)
{
	struct waking *waking = arena_array(bench->arena, n - 1, sizeof(*waking));
	struct woken *woken = arena_array(bench->arena, n - 1, sizeof(*woken));

	if (waking == NULL || woken == NULL) {
		return false;
	}
	for (size_t i = 1; i < n; i++) {
		waking[i - 1] = (struct waking){&group[i], {indices[i], states[i]}};
	}
	qsort(waking, n - 1, sizeof(*waking), cmp_waking);
	for (size_t i = 0; i < n - 1; i++) {
		woken[i] = waking[i].woken;
	}
	out->woken = woken;
	out->n_woken = n - 1;
	return true;
}

/* An order wakes what waited for it: its own fold, with just what belongs to it, says how. */
static enum mb_code judge_order(const struct bench *bench, const struct activity *activity,
				struct verdict *out, struct mb_err *err)
{
	struct verdict verdict = {0};
	struct fold_input in = {.policies = bench->policies, .t = bench->now};
	struct entry *group;
	size_t *indices, n;
	struct fold fold;
	enum mb_code code;

	if (find_order(bench, activity) != NULL) {
		return mb_fail_field(err, MB_ORDER_EXISTS, "order.order_id",
				     "order '%.*s' exists under another source_event_id",
				     STR_ARG(activity->order_id));
	}
	group = gather(bench, activity, &indices, &n);
	if (group == NULL) {
		return arena_fail(bench->arena, err);
	}
	/* after all others, whatever revision it will get */
	group[0] = (struct entry){
		.revision = INT64_MAX, .known_at = bench->now, .activity = *activity};
	in.entries = group;
	in.n_entries = n;
	code = fold_ledger(&in, bench->arena, &fold, err);
	if (code != MB_OK) {
		return code;
	}
	verdict.state = fold.states[0];
	if (!list_woken(bench, group, indices, n, fold.states, &verdict)) {
		return arena_fail(bench->arena, err);
	}
	*out = verdict;
	return MB_OK;
}

/* Against the order and everything of it that was accepted. */
static enum mb_code judge_follower(const struct bench *bench, const struct entry *order,
				   const struct activity *activity, struct verdict *out,
				   struct mb_err *err)
{
	struct admission admission;
	struct order_book book;
	struct entry *group;
	size_t *indices, n;
	enum mb_code code;

	group = gather(bench, &order->activity, &indices, &n);
	if (group == NULL || !admission_init(&admission, &order->activity, bench->arena)) {
		return arena_fail(bench->arena, err);
	}
	code = order_book_build(group + 1, n - 1, bench->policies, bench->now, bench->arena, &book,
				err);
	if (code != MB_OK) {
		return code;
	}
	for (size_t i = 0; i < n - 1; i++) {
		if (book.states[i] == ENTRY_APPLIED) {
			admission_take(&admission, &group[i + 1].activity);
		}
	}
	code = admission_try(&admission, activity, err);
	if (code == MB_OK) {
		*out = (struct verdict){.state = ENTRY_APPLIED};
	}
	return code;
}

/* How many wait for an order that is not known yet; no more than so many while that is below the
 * limit anyway. */
static enum mb_code count_parked(const struct bench *bench, size_t *parked, struct mb_err *err)
{
	int32_t zone = bench->policies->versions[0]->zone_minutes;
	struct intern orders = {.arena = bench->arena};
	const struct activity *activity;

	*parked = 0;
	for (size_t i = 0; i < bench->n_entries; i++) {
		*parked += bench->entries[i].activity.kind != ACTIVITY_ORDER;
	}
	if (*parked < PARKED_MAX) {
		return MB_OK;
	}
	for (size_t i = 0; i < bench->n_entries; i++) {
		activity = &bench->entries[i].activity;
		if (activity->kind == ACTIVITY_ORDER &&
		    intern_put(&orders, activity->order_source, activity->order_id) ==
			    INTERN_NONE) {
			return arena_fail(bench->arena, err);
		}
	}
	*parked = 0;
	for (size_t i = 0; i < bench->n_entries; i++) {
		activity = &bench->entries[i].activity;
		*parked += activity->kind != ACTIVITY_ORDER &&
			   intern_find(&orders, activity->order_source, activity->order_id) ==
				   INTERN_NONE &&
			   !parked_expired(activity, zone, bench->now);
	}
	return MB_OK;
}

static enum mb_code judge_parked(const struct bench *bench, struct verdict *out, struct mb_err *err)
{
	size_t parked;
	enum mb_code code = count_parked(bench, &parked, err);

	if (code != MB_OK) {
		return code;
	}
	if (parked >= PARKED_MAX) {
		return mb_fail(err, MB_PARKED_FULL,
			       "%d activities of this member wait for orders: send those first",
			       PARKED_MAX);
	}
	*out = (struct verdict){.state = ENTRY_PARKED};
	return MB_OK;
}

enum mb_code ledger_judge(const struct entry *entries, size_t n_entries,
			  const struct policy_list *policies, const struct activity *activity,
			  int64_t now, struct arena *arena, struct verdict *out, struct mb_err *err)
{
	const struct bench bench = {entries, n_entries, policies, now, arena};
	int32_t zone = policies->versions[0]->zone_minutes;
	const struct entry *order;

	if (now > calendar_add_months(activity->occurred_at, WINDOW_MONTHS_KEPT, zone)) {
		return mb_fail_field(err, MB_OUT_OF_WINDOW, "occurred_at",
				     "lies more than %d months back", WINDOW_MONTHS_KEPT);
	}
	if (activity->kind == ACTIVITY_ORDER) {
		return judge_order(&bench, activity, out, err);
	}
	order = find_order(&bench, activity);
	return order == NULL ? judge_parked(&bench, out, err)
			     : judge_follower(&bench, order, activity, out, err);
}
