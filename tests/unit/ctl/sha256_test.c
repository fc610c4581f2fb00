/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void digests_in_pieces(void **state)
{
	char hex[SHA256_HEX_BYTES];
	struct sha256 sha = {0};

	(void)state;
	assert_true(sha256_start(&sha));
	sha256_update(&sha, "a", 1);
	sha256_update(&sha, "bc", 2);
	assert_true(sha256_finish_hex(&sha, hex));
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_false(sha256_finish_hex(&sha, hex));
}

static void ids_depend_on_where_parts_end(void **state)
{
	struct str one[] = {STR("ab"), STR("c")}, other[] = {STR("a"), STR("bc")};
	char a[UUID_BYTES], b[UUID_BYTES], again[UUID_BYTES];

	(void)state;
	assert_true(sha256_uuid(one, 2, a));
	assert_true(sha256_uuid(one, 2, again));
	assert_true(sha256_uuid(other, 2, b));
	assert_string_equal(a, again);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 36);
	assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
	assert_int_equal(a[14], '8');
	assert_non_null(strchr("89ab", a[19]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_in_pieces),
		cmocka_unit_test(ids_depend_on_where_parts_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
