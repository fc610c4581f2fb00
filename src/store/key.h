/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key: what the backend in memory sorts its rows by: a table's letter and fields that compare as bytes
 * in the order of the rows.
 */
#pragma once

#include "store/store.h"

enum table {
	T_MEMBER = 'm', /* vb, member_id */
	T_DUE = 'd', /* vb, due_at, member_id: the member's, when due_at is not 0 */
	T_IDENTITY = 'i', /* key */
	T_MEMBER_IDENTITY = 'j', /* member_id, linked_at, key: nothing */
	T_ENTRY = 'e', /* member_id, entry_id */
	T_ENTRY_KEY = 'k', /* member_id, source, source_event_id: entry_id */
	T_HISTORY = 'h', /* member_id, seq */
	T_OUTBOX = 'o', /* seq */
	T_REQUEST = 'r', /* principal, request_id */
	T_REQUEST_TIME = 't', /* known_at, principal, request_id: nothing */
	T_META = 'v', /* name */
	T_POLICY = 'p', /* version */
	T_AUDIT = 'a', /* vb, seq */
	T_CHECKPOINT = 'c', /* member_id */
};

#define KEY_MOST (1 + 2 * 8 + 2 * (2 + STORE_KEY_BYTES_MAX))

struct key {
	char bytes[KEY_MOST];
	size_t len;
};

struct key key_of(enum table table);
struct key key_of_number(enum table table, int64_t number);
struct key key_of_numbers(enum table table, int64_t first, int64_t second);
struct key key_of_text(enum table table, struct str text);
/* Appends it big-endian with the sign turned round: sorts like the number. */
void key_put_number(struct key *key, int64_t number);
/* Appends it with its length before it, so that no two rows have one key. */
void key_put_text(struct key *key, struct str text);
struct str key_str(const struct key *key);
/* The number at the end of a key. */
int64_t key_last_number(struct str key);
