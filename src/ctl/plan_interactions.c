/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/plan_impl.h"

#include "ctl/intake.h"
#include "memberd/v1/common.pb-c.h"
#include "memberd/v1/scoring_service.pb-c.h"

/* Reviews of one implied purchase. */
static int compare_subjects(const struct interaction *a, const struct interaction *b)
{
	int order = plan_compare_i64(a->visit, b->visit);

	order = THEN(order, plan_compare_i64(a->implied, b->implied));
	order = THEN(order, str_cmp(a->member, b->member));
	return THEN(order, str_cmp(a->about, b->about));
}

/* All that is sent, so that those left equal are repeats, whatever their place in the file. */
static int compare_contents(const struct interaction *a, const struct interaction *b)
{
	int order = compare_subjects(a, b);

	order = THEN(order, plan_compare_i64(a->at, b->at));
	order = THEN(order, plan_compare_i64(a->line_no, b->line_no));
	order = THEN(order, plan_compare_i64(a->pictures, b->pictures));
	return THEN(order, str_cmp(a->id, b->id));
}

static int compare_interactions(const void *x, const void *y)
{
	return compare_contents(x, y);
}

static enum mb_code add_interaction(struct plan *plan, const struct interaction *interaction,
				    int32_t repeat, struct mb_err *err)
{
	enum mb_code code = plan_add_member(plan, interaction->member, err);

	plan->visit_lines += interaction->visit;
	plan->review_lines += !interaction->visit;
	return code != MB_OK ? code
			     : plan_add_activity(plan,
						 (struct plan_activity){
							 .kind = interaction->visit ? PLAN_VISIT
										    : PLAN_REVIEW,
							 .member = interaction->member,
							 .order_id = interaction->about,
							 .id = interaction->id,
							 .at = interaction->at,
							 .line_no = interaction->line_no,
							 .repeat = repeat,
							 .implied = interaction->implied,
							 .pictures = interaction->pictures},
						 err);
}

/* The first of the reviews is the earliest: all of them come after what they imply. */
static enum mb_code add_purchase(struct plan *plan, const struct interaction *first,
				 struct mb_err *err)
{
	struct plan_activity purchase = {.kind = PLAN_PURCHASE,
					 .member = first->member,
					 .order_id = first->about,
					 .at = first->at,
					 .first_line = plan->n_lines,
					 .n_lines = 1};
	enum mb_code code = plan_add_line(
		plan, (struct plan_line){1, MEMBERD__V1__LINE_TYPE__LINE_TYPE_GOODS, 0, STR("")},
		err);

	return code == MB_OK ? plan_add_activity(plan, purchase, err) : code;
}

enum mb_code plan_add_interactions(struct plan *plan, struct intake *intake, struct mb_err *err)
{
	const struct interaction *all = intake->interactions;
	int32_t repeat = 0;
	enum mb_code code = MB_OK;

	plan_sort(intake->interactions, intake->n_interactions, sizeof(*all), compare_interactions);
	for (size_t i = 0; i < intake->n_interactions && code == MB_OK; i++) {
		bool again = i > 0 && compare_contents(&all[i - 1], &all[i]) == 0;

		repeat = again ? repeat + 1 : 1;
		if (all[i].implied && (i == 0 || compare_subjects(&all[i - 1], &all[i]) != 0)) {
			code = add_purchase(plan, &all[i], err);
		}
		if (code == MB_OK) {
			code = add_interaction(plan, &all[i], repeat, err);
		}
	}
	return code;
}
