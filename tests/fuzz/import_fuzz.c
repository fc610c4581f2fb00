/* SPDX-License-Identifier: Apache-2.0 */
/* A file of rows, plain or compressed, on its way to activities: every line must end in exactly one
 * place, and no purchase may be taken back beyond its amount. */
#include "base/arena.h"
#include "ctl/input.h"
#include "ctl/intake.h"
#include "ctl/mapping.h"
#include "ctl/pbjson.h"
#include "ctl/plan.h"
#include "ctl/wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char MAPPING[] =
	"format: 1\n"
	"source: fuzz\n"
	"csv: {header: no, delimiter: ',', columns: [id, item, n, time, price, who]}\n"
	"member: {issuer: fuzz, id: who}\n"
	"time: {column: time, format: '%Y-%m-%d %H:%M', zone: Europe/London}\n"
	"shift: none\n"
	"rows:\n"
	"  - {when: {who: {is: ''}}, skip: nobody}\n"
	"  - {when: {id: {prefix: C}}, as: cancellation}\n"
	"  - {when: {id: {prefix: R}}, as: review}\n"
	"  - {when: {id: {prefix: V}}, as: visit}\n"
	"  - {as: order}\n"
	"order:\n"
	"  platform: shopping\n"
	"  id: id\n"
	"  item: item\n"
	"  quantity: n\n"
	"  unit_price: price\n"
	"  currency: {code: GBP, decimals: 2}\n"
	"  completed: at-order\n"
	"  line_order: [item, n]\n"
	"  type: [{is: goods}]\n"
	"  category: [{is: {first: 2, of: item}}]\n"
	"cancellation: {id: id, item: item, quantity: n, sign: minus, line_order: [item], match: "
	"newest-earlier-purchase}\n"
	"review: {implies: {platform: grocery, item: item, currency: GBP}, pictures: {n: {above: "
	"5}}}\n"
	"visit: {platform: food, store: item, id: price}\n";

static void check_plan(const struct mapping *mapping, const struct intake *intake,
		       const struct plan *plan)
{
	struct strbuf text = {0};
	int64_t sold = 0, taken = 0;

	assert(intake->lines == plan->order_lines + plan->matched + plan->partly_matched +
					plan->unmatched + plan->review_lines + plan->visit_lines +
					intake->skips.total);
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_activity *activity = &plan->activities[i];
		struct arena *arena = arena_create(NULL, 0);

		for (size_t j = 0; j < activity->n_lines; j++) {
			int64_t amount = plan->lines[activity->first_line + j].amount;

			sold += activity->kind == PLAN_REVERSAL ? 0 : amount;
			taken += activity->kind == PLAN_REVERSAL ? amount : 0;
		}
		strbuf_reset(&text);
		pbjson_print(&wire_activity(mapping, plan, i, 0, arena)->base,
			     (struct pbjson_style){0}, &text);
		arena_destroy(arena);
	}
	for (size_t i = 0; i < intake->n_sales; i++) {
		assert(intake->sales[i].amount_left >= 0 && intake->sales[i].quantity_left >= 0);
	}
	assert(taken <= sold);
	strbuf_fini(&text);
}

static void run_import(const struct mapping *mapping, struct input *input)
{
	struct intake intake = {0};
	struct plan plan = {0};

	if (intake_read(&intake, mapping, input, "f.csv", false, NULL) == MB_OK) {
		assert(plan_build(&plan, &intake, mapping->order.decimals, NULL) == MB_OK);
		check_plan(mapping, &intake, &plan);
	}
	plan_fini(&plan);
	intake_fini(&intake);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create(NULL, 0);
	struct mapping *mapping;
	struct input *input;
	FILE *file = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "rb");

	assert(mapping_parse("fuzz", str_from(MAPPING), arena, &mapping, NULL) == MB_OK);
	if (file != NULL && input_from_file(file, "f.csv", &input, NULL) == MB_OK) {
		run_import(mapping, input);
		input_close(input);
	}
	arena_destroy(arena);
	return 0;
}
