/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_value: what lies in Redis, byte by byte. Numbers are big-endian.
 *
 *     m:{STORE:MEMBER}   format(1) store(16) epoch(8) member(8) checksum(4) record(1…192)
 *     pos:{STORE}        format(1) store(16) epoch(8) seq(8)    checksum(4) told at(8)
 *
 * Everything before the checksum is what the value must say to be believed; the record is a
 * struct hot_bytes, whose own order lies at a fixed place: the script of redis_set() compares it.
 * The checksum is CRC-32C of all the rest. In keys STORE is hexadecimal, MEMBER decimal.
 */
#pragma once

#include "domain/hot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_STORE_ID_BYTES 16
#define REDIS_VALUE_FORMAT   1
#define REDIS_VALUE_NAMED    (1 + REDIS_STORE_ID_BYTES + 8 + 8) /* up to the checksum */
#define REDIS_VALUE_HEAD     (REDIS_VALUE_NAMED + 4)
#define REDIS_VALUE_MAX	     (REDIS_VALUE_HEAD + HOT_BYTES_MAX)
#define REDIS_POSITION_BYTES (REDIS_VALUE_HEAD + 8)
#define REDIS_KEY_MAX	     64

/* What a value must say. */
struct redis_name {
	unsigned char store_id[REDIS_STORE_ID_BYTES];
	uint64_t epoch;
	int64_t number; /* the member, or the position's seq */
};

enum redis_verdict {
	REDIS_VALUE_GOOD,
	REDIS_VALUE_ABSENT, /* no bytes */
	REDIS_VALUE_FORM, /* another format, store or member, a wrong length, no record */
	REDIS_VALUE_EPOCH,
	REDIS_VALUE_DAMAGED, /* the checksum does not fit */
};

/* How many bytes; record must not be empty. */
size_t redis_value_encode(const struct redis_name *name, const struct hot_bytes *record,
			  uint8_t out[REDIS_VALUE_MAX]);
/* Bytes of any origin. out is touched only by a GOOD one, and is taken by hot_decode(). */
enum redis_verdict redis_value_decode(const struct redis_name *name, const void *bytes, size_t len,
				      struct hot_bytes *out);

void redis_position_encode(const struct redis_name *name, int64_t told_at,
			   uint8_t out[REDIS_POSITION_BYTES]);
/* Fills epoch, number and *told_at; seq < 0 is not taken. */
enum redis_verdict redis_position_decode(const void *bytes, size_t len, struct redis_name *name,
					 int64_t *told_at);

/* "m:{STORE:" into a buffer of REDIS_KEY_MAX; its length. */
size_t redis_key_prefix(const unsigned char *store_id, char *out);
size_t redis_key_member(const unsigned char *store_id, int64_t member_id, char *out);
size_t redis_key_position(const unsigned char *store_id, char *out);
/* The member of a key of this store. */
bool redis_key_parse(const unsigned char *store_id, const char *key, size_t len,
		     int64_t *out_member_id);
