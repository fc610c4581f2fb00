/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Rows are clustered by these: they never change. */
static void buckets_never_change(void **state)
{
	static const struct {
		int64_t id;
		int32_t vb;
	} vectors[] = {
		{1, 0x910},	    {2, 0x975},
		{1234567, 0x599},   {INT64_C(125829120000000001), 0x1d6},
		{INT64_MAX, 0x2a6},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		assert_int_equal(vb_of(vectors[i].id), vectors[i].vb);
	}
	assert_int_equal(vb_of_key(STR("\xab\xcd\xef")), 0xabc);
	assert_int_equal(vb_of_key(STR("\xff\xff")), VB_COUNT - 1);
	assert_int_equal(vb_of_key((struct str){"\0\0", 2}), 0);
}

static void ids_hold_time_above_random(void **state)
{
	int64_t epoch = ID_EPOCH_MS * 1000, top = ((INT64_C(1) << 42) - 1) << 21;

	(void)state;
	assert_true(id_make(epoch, 5) == 5);
	assert_true(id_make(epoch + 999, 5) == 5);
	assert_true(id_make(epoch + 1000, 5) == (1 << 21) + 5);
	assert_true(id_make(epoch, UINT32_MAX) == (1 << 21) - 1);
	assert_true(id_make(epoch + 1000, 0) < id_make(epoch + 2000, 0));
	/* saturated at both ends, and never 0 */
	assert_true(id_make(epoch, 0) == 1);
	assert_true(id_make(0, 0) == 1);
	assert_true(id_make(INT64_MIN, 7) == 7);
	assert_true(id_make(INT64_MAX, UINT32_MAX) == INT64_MAX);
	assert_true(id_make(INT64_MAX, 0) == top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_never_change),
		cmocka_unit_test(ids_hold_time_above_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
