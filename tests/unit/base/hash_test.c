/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define GOLDEN_GAMMA UINT64_C(0x9e3779b97f4a7c15)

/* The generator's published first numbers: the nth is the mix of seed + (n - 1) * gamma. */
static void mix_is_splitmix64(void **state)
{
	static const uint64_t seed_1234567[] = {
		UINT64_C(6457827717110365317),	UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423),	UINT64_C(4593380528125082431),
		UINT64_C(16408922859458223821),
	};
	static const uint64_t seed_0[] = {
		UINT64_C(0xe220a8397b1dcdaf), UINT64_C(0x6e789e6aa1b965f4),
		UINT64_C(0x06c45d188009454f), UINT64_C(0xf88bb8a8724c81ec),
		UINT64_C(0x1b39896a51a8749b),
	};
	uint64_t seed = 1234567;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_true(hash_mix(1234567 + i * GOLDEN_GAMMA) == seed_1234567[i]);
		assert_true(hash_mix(i * GOLDEN_GAMMA) == seed_0[i]);
		assert_true(hash_draw(&seed) == seed_1234567[i]);
	}
}

/* Ids that rise by one, or by the step of an id's milliseconds, fall into different places. */
static void spread_fills_places(void **state)
{
	static const int shifts[] = {0, 21};

	(void)state;
	for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		unsigned char taken[4096] = {0};
		size_t places = 0;

		for (uint64_t x = 0; x < 4096; x++) {
			taken[hash_spread(x << shifts[i]) >> 52] = 1;
		}
		for (size_t place = 0; place < sizeof(taken); place++) {
			places += taken[place];
		}
		assert_true(places > 2400); /* as many as chance would fill, or more */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mix_is_splitmix64),
		cmocka_unit_test(spread_fills_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
