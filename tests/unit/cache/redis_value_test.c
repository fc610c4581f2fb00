/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_bed.h"

#include "cache/redis_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct redis_name name_of(uint64_t epoch, int64_t number)
{
	struct redis_name name = {.epoch = epoch, .number = number};

	memcpy(name.store_id, redis_user_store, sizeof(name.store_id));
	return name;
}

static void a_value_comes_back(void **state)
{
	struct redis_name name = name_of(UINT64_C(0x8000000000000001), INT64_MAX);
	struct hot_bytes record = redis_user_record(INT64_MAX, 7), again;
	uint8_t value[REDIS_VALUE_MAX];
	size_t len = redis_value_encode(&name, &record, value);

	(void)state;
	assert_int_equal(len, REDIS_VALUE_HEAD + record.len);
	assert_int_equal(redis_value_decode(&name, value, len, &again), REDIS_VALUE_GOOD);
	assert_int_equal(again.len, record.len);
	assert_memory_equal(again.bytes, record.bytes, record.len);
}

/* Other processes, and the script in Redis, read these bytes. */
static void its_form_is_what_is_written_down(void **state)
{
	static const uint8_t head[] = {1,    0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
				       0x66, 0x65, 0x64, 0x63, 0x62, 0x61, 0x39, 0x38, 1,
				       2,    3,	   4,	 5,    6,    7,	   8,	 0,    0,
				       0,    0,	   0,	 0,    1,    0};
	struct redis_name name = name_of(UINT64_C(0x0102030405060708), 256);
	struct hot_bytes record = redis_user_record(256, 7);
	uint8_t value[REDIS_VALUE_MAX];
	char key[REDIS_KEY_MAX];

	(void)state;
	redis_value_encode(&name, &record, value);
	assert_int_equal(sizeof(head), REDIS_VALUE_NAMED);
	assert_memory_equal(value, head, sizeof(head));
	assert_memory_equal(value + REDIS_VALUE_HEAD, record.bytes, record.len);
	redis_key_member(redis_user_store, 256, key);
	assert_string_equal(key, "m:{0123456789abcdef6665646362613938:256}");
	redis_key_position(redis_user_store, key);
	assert_string_equal(key, "pos:{0123456789abcdef6665646362613938}");
}

static void any_other_byte_is_no_hit(void **state)
{
	struct redis_name name = name_of(5, 42), other;
	struct hot_bytes record = redis_user_record(42, 7), out = {.len = 77};
	uint8_t value[REDIS_VALUE_MAX + 1] = {0};
	size_t len = redis_value_encode(&name, &record, value);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		value[i] ^= 0x40;
		assert_int_equal(redis_value_decode(&name, value, len, &out),
				 i <= REDIS_STORE_ID_BYTES ? REDIS_VALUE_FORM
							   : REDIS_VALUE_DAMAGED);
		value[i] ^= 0x40;
	}
	for (size_t cut = 1; cut < len; cut++) {
		assert_int_not_equal(redis_value_decode(&name, value, cut, &out), REDIS_VALUE_GOOD);
	}
	assert_int_equal(redis_value_decode(&name, value, 0, &out), REDIS_VALUE_ABSENT);
	assert_int_equal(redis_value_decode(&name, value, sizeof(value), &out), REDIS_VALUE_FORM);
	other = name_of(6, 42);
	assert_int_equal(redis_value_decode(&other, value, len, &out), REDIS_VALUE_EPOCH);
	other = name_of(5, 43);
	assert_int_equal(redis_value_decode(&other, value, len, &out), REDIS_VALUE_FORM);
	other = name_of(5, 42);
	other.store_id[15] ^= 1;
	assert_int_equal(redis_value_decode(&other, value, len, &out), REDIS_VALUE_FORM);
	assert_int_equal(out.len, 77);
}

/* The checksum fits, but what it is of is no record. */
static void well_packed_nonsense_is_no_hit(void **state)
{
	struct redis_name name = name_of(5, 42);
	struct hot_bytes nonsense = {.len = 192}, out;
	uint8_t value[REDIS_VALUE_MAX];
	size_t len;

	(void)state;
	memset(nonsense.bytes, 1, sizeof(nonsense.bytes));
	len = redis_value_encode(&name, &nonsense, value);
	assert_int_equal(len, REDIS_VALUE_MAX);
	assert_int_equal(redis_value_decode(&name, value, len, &out), REDIS_VALUE_FORM);
}

static void a_position_comes_back_and_nothing_else(void **state)
{
	struct redis_name name = name_of(UINT64_MAX, INT64_MAX), again = name_of(0, 0);
	uint8_t value[REDIS_POSITION_BYTES];
	int64_t told_at = 0;

	(void)state;
	redis_position_encode(&name, INT64_MIN, value);
	assert_int_equal(redis_position_decode(value, sizeof(value), &again, &told_at),
			 REDIS_VALUE_GOOD);
	assert_true(again.epoch == UINT64_MAX && again.number == INT64_MAX);
	assert_true(told_at == INT64_MIN);
	for (size_t i = 0; i < sizeof(value); i++) {
		value[i] ^= 1;
		assert_int_not_equal(redis_position_decode(value, sizeof(value), &again, &told_at),
				     REDIS_VALUE_GOOD);
		value[i] ^= 1;
		assert_int_not_equal(redis_position_decode(value, i, &again, &told_at),
				     REDIS_VALUE_GOOD);
	}
	name.number = -1;
	redis_position_encode(&name, INT64_MIN, value);
	assert_int_equal(redis_position_decode(value, sizeof(value), &again, &told_at),
			 REDIS_VALUE_FORM);
}

static void keys_are_read_back(void **state)
{
	static const char *const wrong[] = {
		"",
		"m:{0123456789abcdef6665646362613938:",
		"m:{0123456789abcdef6665646362613938:}",
		"m:{0123456789abcdef6665646362613938:1",
		"m:{0123456789abcdef6665646362613938:0}",
		"m:{0123456789abcdef6665646362613938:01}",
		"m:{0123456789abcdef6665646362613938:-1}",
		"m:{0123456789abcdef6665646362613938:1x}",
		"m:{0123456789abcdef6665646362613938:9223372036854775808}",
		"m:{0123456789ABCDEF6665646362613938:1}",
		"n:{0123456789abcdef6665646362613938:1}",
	};
	char key[REDIS_KEY_MAX];
	int64_t member_id = 0;
	size_t len = redis_key_member(redis_user_store, INT64_MAX, key);

	(void)state;
	assert_int_equal(len, strlen(key));
	assert_true(redis_key_parse(redis_user_store, key, len, &member_id));
	assert_true(member_id == INT64_MAX);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(
			redis_key_parse(redis_user_store, wrong[i], strlen(wrong[i]), &member_id));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_comes_back),
		cmocka_unit_test(its_form_is_what_is_written_down),
		cmocka_unit_test(any_other_byte_is_no_hit),
		cmocka_unit_test(well_packed_nonsense_is_no_hit),
		cmocka_unit_test(a_position_comes_back_and_nothing_else),
		cmocka_unit_test(keys_are_read_back),
	};

	return cmocka_run_group_tests_name("redis_value", tests, NULL, NULL);
}
