/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/redis_value.h"

#include "base/checksum.h"
#include "base/str.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AT_STORE    1
#define AT_EPOCH    (AT_STORE + REDIS_STORE_ID_BYTES)
#define AT_NUMBER   (AT_EPOCH + 8)
#define AT_CHECKSUM REDIS_VALUE_NAMED

static void put_number(uint8_t *out, uint64_t number, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--) {
		out[i] = (uint8_t)number;
		number >>= 8;
	}
}

static uint64_t get_number(const uint8_t *bytes, int len)
{
	uint64_t number = 0;

	for (int i = 0; i < len; i++) {
		number = number << 8 | bytes[i];
	}
	return number;
}

/* Of all but the checksum itself. */
static uint32_t sum(const uint8_t *value, size_t len)
{
	uint32_t sum = checksum_bytes(0, (struct str){(const char *)value, REDIS_VALUE_NAMED});

	return checksum_bytes(
		sum, (struct str){(const char *)value + REDIS_VALUE_HEAD, len - REDIS_VALUE_HEAD});
}

static void put_head(const struct redis_name *name, uint8_t *out, size_t len)
{
	out[0] = REDIS_VALUE_FORMAT;
	memcpy(out + AT_STORE, name->store_id, REDIS_STORE_ID_BYTES);
	put_number(out + AT_EPOCH, name->epoch, 8);
	put_number(out + AT_NUMBER, (uint64_t)name->number, 8);
	put_number(out + AT_CHECKSUM, sum(out, len), 4);
}

static enum redis_verdict check_head(const struct redis_name *name, const uint8_t *value,
				     size_t len, size_t least, size_t most)
{
	if (len == 0) {
		return REDIS_VALUE_ABSENT;
	}
	if (len < least || len > most || value[0] != REDIS_VALUE_FORMAT ||
	    memcmp(value + AT_STORE, name->store_id, REDIS_STORE_ID_BYTES) != 0) {
		return REDIS_VALUE_FORM;
	}
	if (get_number(value + AT_CHECKSUM, 4) != sum(value, len)) {
		return REDIS_VALUE_DAMAGED;
	}
	return REDIS_VALUE_GOOD;
}

size_t redis_value_encode(const struct redis_name *name, const struct hot_bytes *record,
			  uint8_t out[REDIS_VALUE_MAX])
{
	size_t len = REDIS_VALUE_HEAD + record->len;

	assert(record->len > 0 && record->len <= HOT_BYTES_MAX);
	memcpy(out + REDIS_VALUE_HEAD, record->bytes, record->len);
	put_head(name, out, len);
	return len;
}

enum redis_verdict redis_value_decode(const struct redis_name *name, const void *bytes, size_t len,
				      struct hot_bytes *out)
{
	const uint8_t *value = bytes;
	enum redis_verdict verdict =
		check_head(name, value, len, REDIS_VALUE_HEAD + 1, REDIS_VALUE_MAX);
	struct hot_record record;

	if (verdict != REDIS_VALUE_GOOD) {
		return verdict;
	}
	if ((int64_t)get_number(value + AT_NUMBER, 8) != name->number) {
		return REDIS_VALUE_FORM;
	}
	if (get_number(value + AT_EPOCH, 8) != name->epoch) {
		return REDIS_VALUE_EPOCH;
	}
	if (!hot_decode(value + REDIS_VALUE_HEAD, len - REDIS_VALUE_HEAD, name->number, &record)) {
		return REDIS_VALUE_FORM;
	}
	out->len = (uint8_t)(len - REDIS_VALUE_HEAD);
	memcpy(out->bytes, value + REDIS_VALUE_HEAD, out->len);
	return REDIS_VALUE_GOOD;
}

void redis_position_encode(const struct redis_name *name, int64_t told_at,
			   uint8_t out[REDIS_POSITION_BYTES])
{
	put_number(out + REDIS_VALUE_HEAD, (uint64_t)told_at, 8);
	put_head(name, out, REDIS_POSITION_BYTES);
}

enum redis_verdict redis_position_decode(const void *bytes, size_t len, struct redis_name *name,
					 int64_t *told_at)
{
	const uint8_t *value = bytes;
	enum redis_verdict verdict =
		check_head(name, value, len, REDIS_POSITION_BYTES, REDIS_POSITION_BYTES);
	int64_t seq;

	if (verdict != REDIS_VALUE_GOOD) {
		return verdict;
	}
	seq = (int64_t)get_number(value + AT_NUMBER, 8);
	if (seq < 0) {
		return REDIS_VALUE_FORM;
	}
	name->epoch = get_number(value + AT_EPOCH, 8);
	name->number = seq;
	*told_at = (int64_t)get_number(value + REDIS_VALUE_HEAD, 8);
	return REDIS_VALUE_GOOD;
}

static size_t put_key(const char *kind, const unsigned char *store_id, char *out)
{
	size_t len = (size_t)snprintf(out, REDIS_KEY_MAX, "%s:{", kind);

	for (int i = 0; i < REDIS_STORE_ID_BYTES; i++) {
		static const char digits[] = "0123456789abcdef";

		out[len++] = digits[store_id[i] >> 4];
		out[len++] = digits[store_id[i] & 15];
	}
	return len;
}

size_t redis_key_prefix(const unsigned char *store_id, char *out)
{
	size_t len = put_key("m", store_id, out);

	out[len++] = ':';
	out[len] = '\0';
	return len;
}

size_t redis_key_member(const unsigned char *store_id, int64_t member_id, char *out)
{
	size_t len = redis_key_prefix(store_id, out);

	return len + (size_t)snprintf(out + len, REDIS_KEY_MAX - len, "%" PRId64 "}", member_id);
}

size_t redis_key_position(const unsigned char *store_id, char *out)
{
	size_t len = put_key("pos", store_id, out);

	out[len++] = '}';
	out[len] = '\0';
	return len;
}

bool redis_key_parse(const unsigned char *store_id, const char *key, size_t len,
		     int64_t *out_member_id)
{
	char prefix[REDIS_KEY_MAX];
	size_t head = redis_key_prefix(store_id, prefix);

	if (len < head + 2 || memcmp(key, prefix, head) != 0 || key[len - 1] != '}') {
		return false;
	}
	return str_to_id((struct str){key + head, len - head - 1}, out_member_id);
}
