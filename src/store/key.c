/* SPDX-License-Identifier: Apache-2.0 */
#include "store/key.h"

#include <assert.h>
#include <string.h>

struct key key_of(enum table table)
{
	struct key key = {.len = 1};

	key.bytes[0] = (char)table;
	return key;
}

void key_put_number(struct key *key, int64_t number)
{
	uint64_t bits = (uint64_t)number ^ UINT64_C(1) << 63;

	assert(key->len + 8 <= KEY_MOST);
	for (int shift = 56; shift >= 0; shift -= 8) {
		key->bytes[key->len++] = (char)(bits >> shift);
	}
}

void key_put_text(struct key *key, struct str text)
{
	assert(text.len <= STORE_KEY_BYTES_MAX && key->len + 2 + text.len <= KEY_MOST);
	key->bytes[key->len++] = (char)(text.len >> 8);
	key->bytes[key->len++] = (char)text.len;
	if (text.len > 0) {
		memcpy(key->bytes + key->len, text.ptr, text.len);
		key->len += text.len;
	}
}

struct key key_of_number(enum table table, int64_t number)
{
	struct key key = key_of(table);

	key_put_number(&key, number);
	return key;
}

struct key key_of_numbers(enum table table, int64_t first, int64_t second)
{
	struct key key = key_of_number(table, first);

	key_put_number(&key, second);
	return key;
}

struct key key_of_text(enum table table, struct str text)
{
	struct key key = key_of(table);

	key_put_text(&key, text);
	return key;
}

struct str key_str(const struct key *key)
{
	return (struct str){key->bytes, key->len};
}

int64_t key_last_number(struct str key)
{
	uint64_t bits = 0;

	assert(key.len >= 8);
	for (size_t i = key.len - 8; i < key.len; i++) {
		bits = bits << 8 | (unsigned char)key.ptr[i];
	}
	return (int64_t)(bits ^ UINT64_C(1) << 63);
}
