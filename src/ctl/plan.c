/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/plan_impl.h"

#include "base/clock.h"
#include "ctl/decimal.h"
#include "ctl/intake.h"
#include "ctl/vec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_LINES_MAX 1000

/* One share of a cancellation in one purchase line. */
struct piece {
	struct str member, id, order_id;
	int64_t at, amount;
	int32_t line_no;
};

struct builder {
	struct plan *plan;
	struct intake *intake;
	int decimals;
	struct sale **stock; /* by (member, item, time of the order, order id, line_no) */
	size_t *left; /* for stock[i - 1]: see find_left() */
	size_t n_stock;
	struct piece *pieces;
	size_t n_pieces, cap_pieces;
	struct mb_err *err;
};

static enum mb_code out_of_memory(struct builder *builder)
{
	return mb_fail(builder->err, MB_INTERNAL, "out of memory");
}

enum mb_code plan_add_line(struct plan *plan, struct plan_line line, struct mb_err *err)
{
	if (!vec_reserve(&plan->lines, plan->n_lines, &plan->cap_lines, sizeof(line))) {
		return mb_fail(err, MB_INTERNAL, "out of memory");
	}
	plan->lines[plan->n_lines++] = line;
	return MB_OK;
}

enum mb_code plan_add_activity(struct plan *plan, struct plan_activity activity, struct mb_err *err)
{
	if (!vec_reserve(&plan->activities, plan->n, &plan->cap, sizeof(activity))) {
		return mb_fail(err, MB_INTERNAL, "out of memory");
	}
	if (plan->n == 0 || activity.at < plan->first_at) {
		plan->first_at = activity.at;
	}
	if (plan->n == 0 || activity.at > plan->last_at) {
		plan->last_at = activity.at;
	}
	plan->activities[plan->n++] = activity;
	plan->n_of[activity.kind]++;
	return MB_OK;
}

enum mb_code plan_add_member(struct plan *plan, struct str member, struct mb_err *err)
{
	if (plan->n_members > 0 && str_eq(plan->members[plan->n_members - 1], member)) {
		return MB_OK;
	}
	if (!vec_reserve(&plan->members, plan->n_members, &plan->cap_members, sizeof(member))) {
		return mb_fail(err, MB_INTERNAL, "out of memory");
	}
	plan->members[plan->n_members++] = member;
	return MB_OK;
}

static int compare_cells(const struct str *a, const struct str *b, size_t n)
{
	int order = 0;

	for (size_t i = 0; i < n && order == 0; i++) {
		order = str_cmp(a[i], b[i]);
	}
	return order;
}

void plan_sort(void *array, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	if (n > 1) {
		qsort(array, n, size, compare);
	}
}

/* ---- orders ---- */

static int compare_orders(const struct sale *a, const struct sale *b)
{
	return THEN(str_cmp(a->member, b->member), str_cmp(a->order_id, b->order_id));
}

/* By order, then by what numbers its lines. Lines that are equal in line_order are told apart by all
 * that is sent or matched, so that their sequence in the file never shows. */
static int compare_sales(const void *x, const void *y)
{
	const struct sale *a = x, *b = y;
	int order = compare_orders(a, b);

	order = THEN(order, compare_cells(a->sort, b->sort, a->n_sort));
	order = THEN(order, str_cmp(a->item, b->item));
	order = THEN(order, plan_compare_i64(a->quantity, b->quantity));
	order = THEN(order, decimal_cmp(a->price, b->price));
	order = THEN(order, plan_compare_i64(a->type, b->type));
	return THEN(order, str_cmp(a->category, b->category));
}

/* An order of n lines; its time is that of its earliest one. */
static enum mb_code add_order(struct builder *builder, struct sale *sales, size_t n)
{
	struct plan_activity order = {.member = sales->member,
				      .order_id = sales->order_id,
				      .at = sales->at,
				      .first_line = builder->plan->n_lines,
				      .n_lines = n};
	enum mb_code code = plan_add_member(builder->plan, sales->member, builder->err);

	for (size_t i = 0; i < n; i++) {
		order.at = sales[i].at < order.at ? sales[i].at : order.at;
	}
	for (size_t i = 0; i < n && code == MB_OK; i++) {
		sales[i].at = order.at;
		sales[i].line_no = (int32_t)i + 1;
		sales[i].quantity_left = sales[i].quantity;
		sales[i].amount_left = sales[i].amount;
		code = plan_add_line(builder->plan,
				     (struct plan_line){sales[i].line_no, sales[i].type,
							sales[i].amount, sales[i].category},
				     builder->err);
	}
	builder->plan->order_lines += (int64_t)n;
	return code == MB_OK ? plan_add_activity(builder->plan, order, builder->err) : code;
}

/* What is too large to be sent is not there to be matched either. */
static void drop_order(struct builder *builder, struct sale *sales, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		skips_add(&builder->intake->skips, STR("order_too_large"));
		sales[i].line_no = 0;
	}
}

static enum mb_code build_orders(struct builder *builder)
{
	struct sale *sales = builder->intake->sales;
	size_t n_sales = builder->intake->n_sales;
	enum mb_code code = MB_OK;

	plan_sort(sales, n_sales, sizeof(*sales), compare_sales);
	for (size_t first = 0, end; first < n_sales && code == MB_OK; first = end) {
		end = first + 1;
		while (end < n_sales && compare_orders(&sales[first], &sales[end]) == 0) {
			end++;
		}
		if (end - first > ORDER_LINES_MAX) {
			drop_order(builder, &sales[first], end - first);
		} else {
			code = add_order(builder, &sales[first], end - first);
		}
	}
	return code;
}

/* ---- cancellations ---- */

static int compare_giveback_ids(const struct giveback *a, const struct giveback *b)
{
	return THEN(str_cmp(a->member, b->member), str_cmp(a->id, b->id));
}

static int compare_givebacks_by_id(const void *x, const void *y)
{
	return compare_giveback_ids(x, y);
}

static int compare_givebacks(const void *x, const void *y)
{
	const struct giveback *a = x, *b = y;
	int order = plan_compare_i64(a->at, b->at);

	order = THEN(order, compare_giveback_ids(a, b));
	order = THEN(order, compare_cells(a->sort, b->sort, a->n_sort));
	order = THEN(order, str_cmp(a->item, b->item));
	return THEN(order, plan_compare_i64(a->quantity, b->quantity));
}

/* Every line of a cancellation takes the time of its earliest one. */
static void sort_givebacks(struct intake *intake)
{
	struct giveback *all = intake->givebacks;
	size_t n = intake->n_givebacks;

	plan_sort(all, n, sizeof(*all), compare_givebacks_by_id);
	for (size_t first = 0, end; first < n; first = end) {
		int64_t at = all[first].at;

		for (end = first; end < n && compare_giveback_ids(&all[first], &all[end]) == 0;
		     end++) {
			at = all[end].at < at ? all[end].at : at;
		}
		for (size_t i = first; i < end; i++) {
			all[i].at = at;
		}
	}
	plan_sort(all, n, sizeof(*all), compare_givebacks);
}

static int compare_goods(struct str member, struct str item, const struct sale *sale)
{
	return THEN(str_cmp(member, sale->member), str_cmp(item, sale->item));
}

static int compare_stock(const void *x, const void *y)
{
	const struct sale *a = *(struct sale *const *)x, *b = *(struct sale *const *)y;
	int order = compare_goods(a->member, a->item, b);

	order = THEN(order, plan_compare_i64(a->at, b->at));
	order = THEN(order, str_cmp(a->order_id, b->order_id));
	return THEN(order, plan_compare_i64(a->line_no, b->line_no));
}

static enum mb_code build_stock(struct builder *builder)
{
	size_t n = builder->intake->n_sales;

	builder->stock = calloc(n + 1, sizeof(*builder->stock));
	builder->left = calloc(n + 1, sizeof(*builder->left));
	if (builder->stock == NULL || builder->left == NULL) {
		return out_of_memory(builder);
	}
	for (size_t i = 0; i < n; i++) {
		if (builder->intake->sales[i].line_no > 0) {
			builder->stock[builder->n_stock++] = &builder->intake->sales[i];
		}
	}
	plan_sort(builder->stock, builder->n_stock, sizeof(*builder->stock), compare_stock);
	for (size_t i = 0; i <= builder->n_stock; i++) {
		builder->left[i] = i;
	}
	return MB_OK;
}

/* The greatest j <= i whose stock[j - 1] has units left, 0 when none: left[] is a forest in which a
 * used up line points below itself, and every search shortens its way. */
static size_t find_left(size_t *left, size_t i)
{
	while (left[i] != i) {
		left[i] = left[left[i]];
		i = left[i];
	}
	return i;
}

/* How many of the stock come before (member, item, at). */
static size_t count_before(const struct builder *builder, const struct giveback *giveback)
{
	size_t low = 0, high = builder->n_stock;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct sale *sale = builder->stock[middle];
		int order = compare_goods(giveback->member, giveback->item, sale);

		if (THEN(order, plan_compare_i64(giveback->at, sale->at)) > 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* Takes up to `wanted` units from a purchase line; returns how many. */
static int64_t take_units(struct builder *builder, const struct giveback *giveback,
			  struct sale *sale, int64_t wanted, struct piece *out)
{
	int64_t units = wanted < sale->quantity_left ? wanted : sale->quantity_left;
	int64_t amount = sale->amount_left;

	if (units < sale->quantity_left) {
		/* fits: less than the whole line's */
		decimal_times(sale->price, units, builder->decimals, &amount);
		amount = amount < sale->amount_left ? amount : sale->amount_left;
	}
	sale->quantity_left -= units;
	sale->amount_left -= amount;
	*out = (struct piece){giveback->member, giveback->id, sale->order_id,
			      giveback->at,	amount,	      sale->line_no};
	return units;
}

static enum mb_code match_giveback(struct builder *builder, const struct giveback *giveback)
{
	struct plan *plan = builder->plan;
	int64_t wanted = giveback->quantity;
	size_t i = count_before(builder, giveback);

	while (wanted > 0 && (i = find_left(builder->left, i)) > 0) {
		struct sale *sale = builder->stock[i - 1];

		if (compare_goods(giveback->member, giveback->item, sale) != 0) {
			break;
		}
		if (!vec_reserve(&builder->pieces, builder->n_pieces, &builder->cap_pieces,
				 sizeof(*builder->pieces))) {
			return out_of_memory(builder);
		}
		wanted -= take_units(builder, giveback, sale, wanted,
				     &builder->pieces[builder->n_pieces]);
		plan->pieces_of_nothing += builder->pieces[builder->n_pieces++].amount == 0;
		if (sale->quantity_left == 0) {
			builder->left[i] = i - 1;
		}
	}
	plan->units_matched += giveback->quantity - wanted;
	plan->units_unmatched += wanted;
	plan->matched += wanted == 0;
	plan->partly_matched += wanted > 0 && wanted < giveback->quantity;
	plan->unmatched += wanted == giveback->quantity;
	if (wanted > 0 && plan->first_unmatched_line == 0) {
		plan->first_unmatched_line = giveback->file_line;
	}
	return MB_OK;
}

/* ---- reversals ---- */

static int compare_reversals(const struct piece *a, const struct piece *b)
{
	int order = str_cmp(a->member, b->member);

	order = THEN(order, str_cmp(a->id, b->id));
	return THEN(order, str_cmp(a->order_id, b->order_id));
}

static int compare_pieces(const void *x, const void *y)
{
	const struct piece *a = x, *b = y;

	return THEN(compare_reversals(a, b), plan_compare_i64(a->line_no, b->line_no));
}

/* Pieces of one cancellation in one order, by line; those of nothing are not sent. */
static enum mb_code add_reversal(struct builder *builder, const struct piece *pieces, size_t n)
{
	struct plan *plan = builder->plan;
	struct plan_activity reversal = {.kind = PLAN_REVERSAL,
					 .member = pieces->member,
					 .order_id = pieces->order_id,
					 .id = pieces->id,
					 .at = pieces->at,
					 .first_line = plan->n_lines};
	enum mb_code code = MB_OK;

	for (size_t i = 0; i < n && code == MB_OK; i++) {
		if (pieces[i].amount == 0) {
			continue;
		}
		if (plan->n_lines > reversal.first_line &&
		    plan->lines[plan->n_lines - 1].line_no == pieces[i].line_no) {
			plan->lines[plan->n_lines - 1].amount += pieces[i].amount;
			continue;
		}
		code = plan_add_line(plan,
				     (struct plan_line){.line_no = pieces[i].line_no,
							.amount = pieces[i].amount},
				     builder->err);
	}
	reversal.n_lines = plan->n_lines - reversal.first_line;
	return code == MB_OK && reversal.n_lines > 0
		       ? plan_add_activity(plan, reversal, builder->err)
		       : code;
}

static enum mb_code build_reversals(struct builder *builder)
{
	struct piece *pieces = builder->pieces;
	size_t n = builder->n_pieces;
	enum mb_code code = MB_OK;

	builder->plan->pieces = (int64_t)n;
	plan_sort(pieces, n, sizeof(*pieces), compare_pieces);
	for (size_t first = 0, end; first < n && code == MB_OK; first = end) {
		for (end = first + 1;
		     end < n && compare_reversals(&pieces[first], &pieces[end]) == 0; end++) {
		}
		code = add_reversal(builder, &pieces[first], end - first);
	}
	return code;
}

/* ---- the whole ---- */

/* By time and then by key; what a member browses and writes is sent together, so that a batch touches
 * few members. */
static int compare_activities(const void *x, const void *y)
{
	const struct plan_activity *a = x, *b = y;
	int order = plan_compare_i64(a->kind, b->kind);

	if (a->kind >= PLAN_REVIEW) {
		order = THEN(order, str_cmp(a->member, b->member));
	}
	order = THEN(order, plan_compare_i64(a->at, b->at));
	order = THEN(order, str_cmp(a->id, b->id));
	order = THEN(order, str_cmp(a->order_id, b->order_id));
	order = THEN(order, str_cmp(a->member, b->member));
	order = THEN(order, plan_compare_i64(a->line_no, b->line_no));
	order = THEN(order, plan_compare_i64(a->pictures, b->pictures));
	return THEN(order, plan_compare_i64(a->repeat, b->repeat));
}

static int compare_members(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

static void sort_members(struct plan *plan)
{
	size_t n = 0;

	plan_sort(plan->members, plan->n_members, sizeof(*plan->members), compare_members);
	for (size_t i = 0; i < plan->n_members; i++) {
		if (n == 0 || !str_eq(plan->members[n - 1], plan->members[i])) {
			plan->members[n++] = plan->members[i];
		}
	}
	plan->n_members = n;
}

enum mb_code plan_build(struct plan *plan, struct intake *intake, int decimals, struct mb_err *err)
{
	struct builder builder = {.plan = plan, .intake = intake, .decimals = decimals, .err = err};
	enum mb_code code = build_orders(&builder);

	if (code == MB_OK) {
		code = build_stock(&builder);
	}
	sort_givebacks(intake);
	for (size_t i = 0; i < intake->n_givebacks && code == MB_OK; i++) {
		code = match_giveback(&builder, &intake->givebacks[i]);
	}
	if (code == MB_OK) {
		code = build_reversals(&builder);
	}
	if (code == MB_OK) {
		code = plan_add_interactions(plan, intake, err);
	}
	plan_sort(plan->activities, plan->n, sizeof(*plan->activities), compare_activities);
	sort_members(plan);
	skips_sort(&intake->skips);
	free(builder.stock);
	free(builder.left);
	free(builder.pieces);
	return code;
}

void plan_fini(struct plan *plan)
{
	free(plan->activities);
	free(plan->lines);
	free(plan->members);
	*plan = (struct plan){0};
}

size_t plan_first_naming(const struct plan *plan)
{
	return plan->n_of[PLAN_ORDER] + plan->n_of[PLAN_PURCHASE];
}

void plan_order_id(const struct plan_activity *activity, char out[PLAN_KEY_BYTES])
{
	snprintf(out, PLAN_KEY_BYTES, "%s%.*s",
		 activity->kind == PLAN_PURCHASE || activity->implied ? "purchase/" : "",
		 STR_ARG(activity->order_id));
}

void plan_key(const struct plan_activity *activity, char out[PLAN_KEY_BYTES])
{
	const char *kind = activity->kind == PLAN_REVIEW ? "review" : "visit";
	char at[40];

	if (activity->kind == PLAN_ORDER || activity->kind == PLAN_PURCHASE) {
		plan_order_id(activity, out);
		return;
	}
	if (activity->kind == PLAN_REVERSAL) {
		snprintf(out, PLAN_KEY_BYTES, "%.*s/%.*s", STR_ARG(activity->id),
			 STR_ARG(activity->order_id));
		return;
	}
	if (activity->id.len > 0) {
		snprintf(out, PLAN_KEY_BYTES, "%s/%.*s", kind, STR_ARG(activity->id));
		return;
	}
	/* everything that it says, so that a longer log gives what was told before its old key */
	clock_format(activity->at, at, sizeof(at));
	if (activity->kind == PLAN_VISIT) {
		snprintf(out, PLAN_KEY_BYTES, "visit/%s/%" PRId32 "/%.*s", at, activity->repeat,
			 STR_ARG(activity->order_id));
	} else {
		snprintf(out, PLAN_KEY_BYTES, "review/%s/%" PRId32 "%s/%" PRId32 "/%.*s", at,
			 activity->line_no, activity->pictures ? "p" : "", activity->repeat,
			 STR_ARG(activity->order_id));
	}
}

int64_t plan_shift_weeks(const struct plan *plan, int64_t now)
{
	int64_t week = 7 * US_PER_DAY, gap = now - plan->last_at;

	if (plan->n == 0) {
		return 0;
	}
	return gap / week - (gap % week < 0);
}
