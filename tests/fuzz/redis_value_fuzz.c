/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in Redis, of any origin: nothing but what redis_value_encode() made of a record is a hit, and
 * what is one encodes to the same bytes. The input is the value; so that some get behind the checksum,
 * each is also tried with the checksum that it should have.
 */
#include "base/checksum.h"
#include "cache/redis_value.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds) {
		abort();
	}
}

/* As the value itself says. */
static struct redis_name name_in(const uint8_t *data, size_t size)
{
	struct redis_name name = {.number = 42};
	uint64_t number = 0;

	if (size >= REDIS_VALUE_NAMED) {
		memcpy(name.store_id, data + 1, sizeof(name.store_id));
		for (int i = 0; i < 8; i++) {
			name.epoch = name.epoch << 8 | data[17 + i];
			number = number << 8 | data[25 + i];
		}
		name.number = (int64_t)number;
	}
	return name;
}

static void try_value(const uint8_t *data, size_t size)
{
	struct redis_name name = name_in(data, size), again = name;
	struct hot_bytes record = {.len = 0};
	uint8_t value[REDIS_VALUE_MAX];
	int64_t told_at = 0;

	if (redis_value_decode(&name, data, size, &record) == REDIS_VALUE_GOOD) {
		require(redis_value_encode(&name, &record, value) == size);
		require(memcmp(value, data, size) == 0);
		name.epoch++;
		require(redis_value_decode(&name, data, size, &record) == REDIS_VALUE_EPOCH);
	} else {
		require(record.len == 0);
	}
	if (redis_position_decode(data, size, &again, &told_at) == REDIS_VALUE_GOOD) {
		redis_position_encode(&again, told_at, value);
		require(size == REDIS_POSITION_BYTES && memcmp(value, data, size) == 0);
	}
}

static void try_key(const uint8_t *data, size_t size)
{
	struct redis_name name = name_in(data, size);
	char key[REDIS_KEY_MAX];
	int64_t member_id = 0;

	if (redis_key_parse(name.store_id, (const char *)data, size, &member_id)) {
		require(redis_key_member(name.store_id, member_id, key) == size);
		require(memcmp(key, data, size) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t summed[REDIS_VALUE_MAX];
	uint32_t sum;

	try_value(data, size);
	try_key(data, size);
	if (size >= REDIS_VALUE_HEAD && size <= sizeof(summed)) {
		memcpy(summed, data, size);
		sum = checksum_bytes(0, (struct str){(const char *)data, REDIS_VALUE_NAMED});
		sum = checksum_bytes(sum, (struct str){(const char *)data + REDIS_VALUE_HEAD,
						       size - REDIS_VALUE_HEAD});
		for (int i = 0; i < 4; i++) {
			summed[REDIS_VALUE_NAMED + i] = (uint8_t)(sum >> (24 - 8 * i));
		}
		try_value(summed, size);
	}
	return 0;
}
