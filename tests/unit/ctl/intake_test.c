/* SPDX-License-Identifier: Apache-2.0 */
/* The way from a file to a plan when memory or the disk fail at each point in turn. */
#include "ctl/intake.h"

#include "base/arena.h"
#include "base/fault.h"
#include "ctl/input.h"
#include "ctl/mapping.h"
#include "ctl/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char MAPPING[] =
	"format: 1\n"
	"source: test\n"
	"csv: {header: yes, delimiter: ','}\n"
	"member: {issuer: test, id: who}\n"
	"time: {column: time, format: unix, zone: UTC}\n"
	"shift: none\n"
	"rows:\n"
	"  - {when: {id: {prefix: C}}, as: cancellation}\n"
	"  - {when: {id: {prefix: R}}, as: review}\n"
	"  - {when: {id: {prefix: V}}, as: visit}\n"
	"  - {as: order}\n"
	"order: {platform: shopping, id: id, item: item, quantity: n, unit_price: price,\n"
	"        currency: {code: GBP, decimals: 2}, completed: never, line_order: [item],\n"
	"        type: [{is: goods}], category: [{is: ''}]}\n"
	"cancellation: {id: id, item: item, quantity: n, sign: plus, line_order: [item],\n"
	"               match: newest-earlier-purchase}\n"
	"review: {implies: {platform: grocery, item: item, currency: GBP}}\n"
	"visit: {platform: food, store: item}\n";

/* A log of `orders` orders of one line each, all cancelled again, and as many reviews and visits. */
static void make_log(struct strbuf *out, int orders)
{
	strbuf_puts(out, "id,item,n,time,price,who\n");
	for (int i = 0; i < orders; i++) {
		strbuf_printf(out, "%d,item-%d,2,%d,1.25,member-%d\n", i, i, i, i);
		strbuf_printf(out, "C%d,item-%d,1,%d,1.25,member-%d\n", i, i, i + 1, i);
		strbuf_printf(out, "R,item-%d,,%d,,member-%d\n", i, i + 2, i);
		strbuf_printf(out, "V,item-%d,,%d,,reader-%d\n", i, i + 2, i);
	}
}

static enum mb_code run(const struct mapping *mapping, const struct strbuf *log,
			struct intake *intake, struct plan *plan, struct mb_err *err)
{
	FILE *file = fmemopen(log->ptr, log->len, "r");
	struct input *input;
	enum mb_code code;

	assert_non_null(file);
	code = input_from_file(file, "log.csv", &input, err);
	if (code != MB_OK) {
		return code;
	}
	code = intake_read(intake, mapping, input, "log.csv", false, err);
	input_close(input);
	return code == MB_OK ? plan_build(plan, intake, 2, err) : code;
}

static void survives_every_failure(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	struct strbuf log = {0};
	struct mapping *mapping;
	unsigned long points;

	(void)state;
	assert_int_equal(mapping_parse("m", str_from(MAPPING), arena, &mapping, NULL), MB_OK);
	make_log(&log, 300);
	for (unsigned long n = 0;; n++) {
		struct intake intake = {0};
		struct plan plan = {0};
		struct mb_err err = {0};
		enum mb_code code;

		fault_arm(NULL, n == 0 ? 1000000 : n);
		code = run(mapping, &log, &intake, &plan, &err);
		if (n == 0) {
			points = fault_passed();
			assert_true(points > 10);
			assert_int_equal(code, MB_OK);
			assert_int_equal(plan.n, 5 * 300); /* each review implies an order */
			assert_int_equal(plan.n_members, 2 * 300);
			assert_int_equal(plan.units_matched, 300);
		} else {
			assert_int_equal(fault_struck(), n <= points);
			assert_int_equal(code == MB_OK, n > points);
			assert_int_equal(err.code, code);
		}
		fault_disarm();
		plan_fini(&plan);
		intake_fini(&intake);
		if (n > points) {
			break;
		}
	}
	strbuf_fini(&log);
	arena_destroy(arena);
}

static void mapping_ends_where_the_arena_does(void **state)
{
	(void)state;
	for (size_t cap = 64;; cap += 64) {
		struct arena *arena = arena_create(NULL, cap);
		struct mapping *mapping = NULL;
		enum mb_code code = mapping_parse("m", str_from(MAPPING), arena, &mapping, NULL);

		arena_destroy(arena);
		if (code == MB_OK) {
			return;
		}
		assert_int_equal(code, MB_ARENA_FULL);
		assert_null(mapping);
	}
}

/* 100,000 cancellations of one item that was bought 100,000 times: used up lines must not be looked at
 * again and again. */
static void many_purchases_of_one_item_take_no_long_time(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	struct strbuf log = {0};
	struct intake intake = {0};
	struct plan plan = {0};
	struct mapping *mapping;

	(void)state;
	assert_int_equal(mapping_parse("m", str_from(MAPPING), arena, &mapping, NULL), MB_OK);
	strbuf_puts(&log, "id,item,n,time,price,who\n");
	for (int i = 0; i < 100000; i++) {
		strbuf_printf(&log, "%d,x,1,%d,1,m\nC%d,x,1,%d,1,m\n", i, i, i, 200000 + i);
	}
	assert_int_equal(run(mapping, &log, &intake, &plan, NULL), MB_OK);
	assert_int_equal(plan.matched, 100000);
	assert_int_equal(plan.n, 200000);
	plan_fini(&plan);
	intake_fini(&intake);
	strbuf_fini(&log);
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives_every_failure),
		cmocka_unit_test(mapping_ends_where_the_arena_does),
		cmocka_unit_test(many_purchases_of_one_item_take_no_long_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
