/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge: how the ledger receives a new activity. The border has checked its form, the repository
 * that its key is new; here come its age and what the ledger says.
 *
 * Only what can have to do with it is looked at: its family, that is the entries of its order, what
 * it names, and what names any of these. Their book and their fold give the verdict.
 */
#include "domain/admission.h"
#include "domain/book.h"
#include "domain/calendar.h"
#include "domain/money.h"

#include <stdlib.h>

struct bench {
	const struct fold_input *ledger;
	const struct activity *activity;
	struct arena *arena;
	/* its family; the new one first, as it would be entered after all others */
	struct entry *family;
	size_t *indices; /* of family[i] in entries; not of family[0] */
	size_t n_family;
	struct book book; /* of the family without the new one */
};

static bool same_order(const struct activity *a, const struct activity *b)
{
	return str_eq(a->order_id, b->order_id) && str_eq(a->order_source, b->order_source);
}

static bool names(const struct activity *activity, const struct activity *named)
{
	return str_eq(activity->about_event_id, named->source_event_id) &&
	       str_eq(activity->about_source, named->source);
}

static bool has_order(const struct activity *activity)
{
	return activity->kind == ACTIVITY_ORDER || activity_names_order(activity->kind);
}

/* The order that the activity names or is; the entry that it names by its key. */
static const struct entry *find_named(const struct bench *bench)
{
	const struct activity *activity = bench->activity;

	for (size_t i = 0; i < bench->ledger->n_entries; i++) {
		const struct activity *other = &bench->ledger->entries[i].activity;

		if (has_order(activity)
			    ? other->kind == ACTIVITY_ORDER && same_order(other, activity)
			    : names(activity, other)) {
			return &bench->ledger->entries[i];
		}
	}
	return NULL;
}

/* ---- its family ---- */

#define KEY_NEW 0 /* number of the new one's key */

struct kin {
	struct intern keys; /* of those that are in it */
	enum activity_kind *kinds; /* by number */
	int32_t named; /* number of what the new one names by key; INTERN_NONE: nothing known */
	bool *taken;
	size_t n;
	bool failed;
};

static void know(struct kin *kin, const struct activity *activity)
{
	int32_t number = intern_put(&kin->keys, activity->source, activity->source_event_id);

	if (number == INTERN_NONE) {
		kin->failed = true;
	} else {
		kin->kinds[number] = activity->kind;
	}
}

static void take(const struct bench *bench, struct kin *kin, size_t i)
{
	kin->taken[i] = true;
	kin->n++;
	know(kin, &bench->ledger->entries[i].activity);
}

/* Of its order all, but reviews only wait for it: nothing else depends on them. */
static bool is_of_order(const struct activity *activity, const struct activity *other)
{
	return has_order(activity) && has_order(other) && same_order(other, activity) &&
	       (activity->kind == ACTIVITY_ORDER || other->kind != ACTIVITY_REVIEW);
}

static void take_direct(const struct bench *bench, struct kin *kin)
{
	const struct activity *activity = bench->activity;

	for (size_t i = 0; i < bench->ledger->n_entries; i++) {
		const struct activity *other = &bench->ledger->entries[i].activity;
		bool is_named = activity_names_activity(activity->kind) && names(activity, other);
		bool is_kin = is_named || is_of_order(activity, other);

		/* links say which openings of a share count */
		is_kin = is_kin ||
			 (activity->kind == ACTIVITY_SHARE && other->kind == ACTIVITY_LINK);
		if (is_kin) {
			take(bench, kin, i);
		}
		if (is_named) {
			kin->named = kin->keys.n - 1;
		}
	}
}

/*
 * All that waits for the new one is told of. Of the others only what can have an effect is kin, or a
 * chain of undos of undos, which end nothing, would all be, however long it is. And beside the new
 * one only findings and voids matter, or each opening of a share would be weighed with all others.
 */
static bool is_namer(const struct kin *kin, const struct activity *activity)
{
	int32_t number = intern_find(&kin->keys, activity->about_source, activity->about_event_id);

	if (number == KEY_NEW || number == INTERN_NONE) {
		return number == KEY_NEW;
	}
	if (number == kin->named && activity->kind != ACTIVITY_FINDING &&
	    activity->kind != ACTIVITY_VOID) {
		return false;
	}
	return naming_check(activity->kind, kin->kinds[number], NULL) == MB_OK;
}

/* What names one of them, and what names that: an activity, its finding, whose undo, which is void. */
static void take_namers(const struct bench *bench, struct kin *kin)
{
	size_t before;

	do {
		before = kin->n;
		for (size_t i = 0; i < bench->ledger->n_entries && !kin->failed; i++) {
			const struct activity *other = &bench->ledger->entries[i].activity;

			if (activity_names_activity(other->kind) && !kin->taken[i] &&
			    is_namer(kin, other)) {
				take(bench, kin, i);
			}
		}
	} while (kin->n > before && !kin->failed);
}

static bool gather(struct bench *bench)
{
	const struct activity *activity = bench->activity;
	struct kin kin = {.keys = {.arena = bench->arena}, .named = INTERN_NONE};

	kin.taken = arena_array(bench->arena, bench->ledger->n_entries, sizeof(*kin.taken));
	kin.kinds = arena_array(bench->arena, bench->ledger->n_entries + 1, sizeof(*kin.kinds));
	if (kin.taken == NULL || kin.kinds == NULL) {
		return false;
	}
	know(&kin, activity);
	take_direct(bench, &kin);
	take_namers(bench, &kin);
	bench->family = arena_array(bench->arena, kin.n + 1, sizeof(*bench->family));
	bench->indices = arena_array(bench->arena, kin.n + 1, sizeof(*bench->indices));
	if (kin.failed || bench->family == NULL || bench->indices == NULL) {
		return false;
	}
	bench->family[0] = (struct entry){
		.revision = INT64_MAX, .known_at = bench->ledger->t, .activity = *activity};
	bench->n_family = 1;
	for (size_t i = 0; i < bench->ledger->n_entries; i++) {
		if (kin.taken[i]) {
			bench->indices[bench->n_family] = i;
			bench->family[bench->n_family++] = bench->ledger->entries[i];
		}
	}
	return true;
}

/* ---- may it be? ---- */

/* The fact of what is named, in the family's book. */
static uint32_t find_fact(const struct bench *bench, const struct entry *named)
{
	uint32_t i = 0;

	while (bench->book.entries[i].revision != named->revision) {
		i++;
	}
	return i;
}

/* Against the order and everything of it that was accepted. */
static enum mb_code judge_follower(struct bench *bench, const struct entry *order,
				   struct mb_err *err)
{
	const struct activity *activity = bench->activity;
	const struct book *book = &bench->book;
	const struct fact *fact = &book->facts[find_fact(bench, order)];
	int64_t at = max_i64(activity->occurred_at, order->activity.occurred_at);
	struct admission admission;

	if (fact->voided && activity->kind != ACTIVITY_COMPLETION) {
		return mb_fail(err, MB_ORDER_CLOSED, "the order is void");
	}
	if (!admission_init(&admission, &order->activity, bench->arena)) {
		return arena_fail(bench->arena, err);
	}
	for (uint32_t i = fact->followers; i != NO_INDEX; i = book->facts[i].next) {
		if (book->facts[i].verdict == ENTRY_APPLIED && !book->facts[i].voided) {
			admission_take(&admission, &book->entries[i].activity, book->facts[i].from,
				       book->facts[i].undone_at);
		}
	}
	return admission.failed ? arena_fail(bench->arena, err)
				: admission_try(&admission, activity, at, err);
}

/* What it names may be of a kind that it cannot name, and found or void already. */
static enum mb_code judge_naming(struct bench *bench, const struct entry *named, struct mb_err *err)
{
	enum activity_kind kind = bench->activity->kind;
	enum mb_code code = naming_check(kind, named->activity.kind, err);
	const struct fact *fact = &bench->book.facts[find_fact(bench, named)];

	if (code == MB_OK && kind == ACTIVITY_FINDING && fact->is_found) {
		code = mb_fail(err, MB_FINDING_EXISTS, "the activity was found fake before");
	}
	if (code == MB_OK && kind == ACTIVITY_VOID && fact->voided) {
		code = mb_fail(err, MB_VOID_NOT_ALLOWED, "the activity is void already");
	}
	return code;
}

/* What names it is at fault where nothing nearer is: "undo.activity". */
static void tell_naming(enum activity_kind kind, struct mb_err *err)
{
	if (err != NULL && err->field[0] == '\0') {
		mb_err_prefix_field(err, "%s.%s", activity_kind_name(kind),
				    activity_names_order(kind) ? "order"
				    : kind == ACTIVITY_OPENING ? "share"
							       : "activity");
	}
}

static enum mb_code judge_named(struct bench *bench, const struct entry *named, struct mb_err *err)
{
	struct fold_input in = *bench->ledger;
	enum activity_kind kind = bench->activity->kind;
	enum mb_code code;

	if (kind == ACTIVITY_REVIEW) {
		return MB_OK;
	}
	in.entries = bench->family + 1;
	in.n_entries = bench->n_family - 1;
	if (!book_build(&in, bench->arena, &bench->book)) {
		return arena_fail(bench->arena, err);
	}
	code = activity_names_order(kind) ? judge_follower(bench, named, err)
					  : judge_naming(bench, named, err);
	if (code != MB_OK && !arena_overflowed(bench->arena)) {
		tell_naming(kind, err);
	}
	return code;
}

/* ---- may it wait? ---- */

/* Collects the orders and keys that are known. */
static bool list_known(const struct bench *bench, struct intern *orders, struct intern *keys)
{
	for (size_t i = 0; i < bench->ledger->n_entries; i++) {
		const struct activity *activity = &bench->ledger->entries[i].activity;

		if (activity->kind == ACTIVITY_ORDER &&
		    intern_put(orders, activity->order_source, activity->order_id) == INTERN_NONE) {
			return false;
		}
		if (intern_put(keys, activity->source, activity->source_event_id) == INTERN_NONE) {
			return false;
		}
	}
	return true;
}

/* How many wait; no more than so many while that is below the limit anyway. */
static enum mb_code count_parked(const struct bench *bench, size_t *parked, struct mb_err *err)
{
	int32_t zone = bench->ledger->policies->versions[0]->zone_minutes;
	struct intern orders = {.arena = bench->arena}, keys = {.arena = bench->arena};

	*parked = 0;
	for (size_t i = 0; i < bench->ledger->n_entries; i++) {
		enum activity_kind kind = bench->ledger->entries[i].activity.kind;

		*parked += activity_names_order(kind) || activity_names_activity(kind);
	}
	if (*parked < PARKED_MAX) {
		return MB_OK;
	}
	if (!list_known(bench, &orders, &keys)) {
		return arena_fail(bench->arena, err);
	}
	*parked = 0;
	for (size_t i = 0; i < bench->ledger->n_entries; i++) {
		const struct activity *activity = &bench->ledger->entries[i].activity;
		bool waits = (activity_names_order(activity->kind) &&
			      intern_find(&orders, activity->order_source, activity->order_id) ==
				      INTERN_NONE) ||
			     (activity_names_activity(activity->kind) &&
			      intern_find(&keys, activity->about_source,
					  activity->about_event_id) == INTERN_NONE);

		*parked += waits && !parked_expired(activity, zone, bench->ledger->t);
	}
	return MB_OK;
}

static enum mb_code judge_parked(const struct bench *bench, struct mb_err *err)
{
	size_t parked;
	enum mb_code code;

	if (bench->activity->kind == ACTIVITY_VOID) {
		return mb_fail(err, MB_ACTIVITY_NOT_FOUND, "the member has no such activity");
	}
	code = count_parked(bench, &parked, err);
	if (code == MB_OK && parked >= PARKED_MAX) {
		code = mb_fail(
			err, MB_PARKED_FULL,
			"%d activities of this member wait for what they name: send that first",
			PARKED_MAX);
	}
	return code;
}

/* ---- what comes of it ---- */

struct waking {
	const struct entry *entry;
	struct woken woken;
};

static int cmp_waking(const void *a, const void *b)
{
	const struct waking *left = a, *right = b;

	return activity_cmp(&left->entry->activity, &right->entry->activity);
}

static bool waits_for(const struct activity *waiting, const struct activity *activity)
{
	if (activity_names_order(waiting->kind)) {
		return activity->kind == ACTIVITY_ORDER && same_order(waiting, activity);
	}
	return activity_names_activity(waiting->kind) && names(waiting, activity);
}

/* states are those of the family after the new one came. */
static bool list_woken(const struct bench *bench, const enum entry_state *states,
		       struct verdict *out)
{
	struct waking *waking = arena_array(bench->arena, bench->n_family, sizeof(*waking));
	struct woken *woken = arena_array(bench->arena, bench->n_family, sizeof(*woken));
	size_t n = 0;

	if (waking == NULL || woken == NULL) {
		return false;
	}
	for (size_t i = 1; i < bench->n_family; i++) {
		if (waits_for(&bench->family[i].activity, bench->activity)) {
			waking[n++] =
				(struct waking){&bench->family[i], {bench->indices[i], states[i]}};
		}
	}
	qsort(waking, n, sizeof(*waking), cmp_waking);
	for (size_t i = 0; i < n; i++) {
		woken[i] = waking[i].woken;
	}
	out->woken = woken;
	out->n_woken = n;
	return true;
}

static enum mb_code conclude(const struct bench *bench, struct verdict *out, struct mb_err *err)
{
	const struct fold_input in = {.entries = bench->family,
				      .n_entries = bench->n_family,
				      .policies = bench->ledger->policies,
				      .member_id = bench->ledger->member_id,
				      .t = bench->ledger->t};
	struct verdict verdict = {0};
	struct fold fold;
	enum mb_code code = fold_ledger(&in, bench->arena, &fold, err);

	if (code != MB_OK) {
		return code;
	}
	verdict.state = fold.states[0];
	if (!list_woken(bench, fold.states, &verdict)) {
		return arena_fail(bench->arena, err);
	}
	*out = verdict;
	return MB_OK;
}

enum mb_code ledger_receive(const struct fold_input *ledger, const struct activity *activity,
			    struct arena *arena, struct verdict *out, struct mb_err *err)
{
	struct bench bench = {.ledger = ledger, .activity = activity, .arena = arena};
	bool waits_for_it =
		activity_names_order(activity->kind) || activity_names_activity(activity->kind);
	const struct entry *named = NULL;
	enum mb_code code = MB_OK;

	if (ledger->t > calendar_add_months(activity->occurred_at, WINDOW_MONTHS_KEPT,
					    ledger->policies->versions[0]->zone_minutes)) {
		return mb_fail_field(err, MB_OUT_OF_WINDOW, "occurred_at",
				     "lies more than %d months back", WINDOW_MONTHS_KEPT);
	}
	if (waits_for_it || activity->kind == ACTIVITY_ORDER) {
		named = find_named(&bench);
	}
	if (activity->kind == ACTIVITY_ORDER && named != NULL) {
		return mb_fail_field(err, MB_ORDER_EXISTS, "order.order_id",
				     "order '%.*s' exists under another source_event_id",
				     STR_ARG(activity->order_id));
	}
	if (waits_for_it && named == NULL) {
		code = judge_parked(&bench, err);
	}
	if (code == MB_OK && !gather(&bench)) {
		return arena_fail(arena, err);
	}
	if (code == MB_OK && waits_for_it && named != NULL) {
		code = judge_named(&bench, named, err);
	}
	return code == MB_OK ? conclude(&bench, out, err) : code;
}
