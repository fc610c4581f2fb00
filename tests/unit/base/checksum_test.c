/* SPDX-License-Identifier: Apache-2.0 */
#include "base/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void it_is_crc_32c(void **state)
{
	(void)state;
	assert_int_equal(checksum_bytes(0, STR("")), 0);
	assert_int_equal(checksum_bytes(0, STR("123456789")), 0xe3069283);
	assert_int_equal(checksum_bytes(checksum_bytes(0, STR("1234")), STR("56789")), 0xe3069283);
	/* 32 bytes of 0, from RFC 3720 */
	assert_int_equal(checksum_bytes(0, (struct str){(char[32]){0}, 32}), 0x8a9136aa);
}

/* Bit by bit, as the polynomial says it. */
static uint32_t one_by_one(const unsigned char *bytes, size_t len)
{
	uint32_t sum = UINT32_MAX;

	for (size_t bit = 0; bit < 8 * len; bit++) {
		uint32_t low = (sum ^ (uint32_t)bytes[bit / 8] >> bit % 8) & 1;

		sum = sum >> 1 ^ (low != 0 ? 0x82f63b78 : 0);
	}
	return ~sum;
}

static void every_length_and_place_gives_the_same(void **state)
{
	unsigned char bytes[300];
	uint32_t seed = 4711;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (unsigned char)(seed >> 24);
	}
	for (size_t from = 0; from < 9; from++) {
		for (size_t len = 0; len + from <= sizeof(bytes); len++) {
			const struct str part = {(const char *)bytes + from, len};

			assert_int_equal(checksum_bytes(0, part), one_by_one(bytes + from, len));
		}
	}
}

static void every_turned_bit_is_seen(void **state)
{
	char bytes[200] = "a row of a ledger";
	const struct str row = {bytes, sizeof(bytes)};
	uint32_t sum = checksum_text(0, row);

	(void)state;
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		assert_int_not_equal(checksum_text(0, row), sum);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
	}
	assert_int_equal(checksum_text(0, row), sum);
}

static void neighbours_do_not_run_together(void **state)
{
	(void)state;
	assert_int_not_equal(checksum_text(checksum_text(0, STR("ab")), STR("c")),
			     checksum_text(checksum_text(0, STR("a")), STR("bc")));
	assert_int_not_equal(checksum_number(0, 1), checksum_number(0, -1));
	assert_int_not_equal(checksum_number(checksum_number(0, 1), 2),
			     checksum_number(checksum_number(0, 2), 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_crc_32c),
		cmocka_unit_test(every_length_and_place_gives_the_same),
		cmocka_unit_test(every_turned_bit_is_seen),
		cmocka_unit_test(neighbours_do_not_run_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
