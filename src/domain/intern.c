/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/intern.h"

#include "base/hash.h"

#include <string.h>

#define SLOTS_FIRST 16

/* Eight bytes at a time; the length tells texts apart that differ by zeroes at the end. */
uint64_t intern_hash(uint64_t hash, struct str text)
{
	uint64_t word;

	for (; text.len >= sizeof(word); text.ptr += sizeof(word), text.len -= sizeof(word)) {
		memcpy(&word, text.ptr, sizeof(word));
		hash = hash_spread(hash ^ word);
		hash ^= hash >> 29;
	}
	word = text.len << 56;
	if (text.len > 0) {
		memcpy(&word, text.ptr, text.len);
	}
	hash = hash_spread(hash ^ word);
	return hash ^ hash >> 32; /* slots are chosen by the low bits */
}

static uint64_t hash_pair(struct str a, struct str b)
{
	return intern_hash(intern_hash(UINT64_C(0xcbf29ce484222325), a), b);
}

/* The slot that holds the pair, or the empty one where it belongs. */
static int32_t *find_slot(const struct intern *table, uint64_t hash, struct str a, struct str b)
{
	size_t mask = table->n_slots - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		const struct intern_key *key;

		if (table->slots[i] == 0) {
			return &table->slots[i];
		}
		key = &table->keys[table->slots[i] - 1];
		if (key->hash == hash && str_eq(key->a, a) && str_eq(key->b, b)) {
			return &table->slots[i];
		}
	}
}

static bool grow(struct intern *table)
{
	size_t n_slots = table->n_slots == 0 ? SLOTS_FIRST : table->n_slots * 2;
	int32_t *slots = arena_array(table->arena, n_slots, sizeof(*slots));
	struct intern_key *keys = arena_array(table->arena, n_slots / 2, sizeof(*keys));

	if (slots == NULL || keys == NULL) {
		return false;
	}
	if (table->n > 0) {
		memcpy(keys, table->keys, (size_t)table->n * sizeof(*keys));
	}
	table->keys = keys;
	table->slots = slots;
	table->n_slots = n_slots;
	for (int32_t i = 0; i < table->n; i++) {
		*find_slot(table, keys[i].hash, keys[i].a, keys[i].b) = i + 1;
	}
	return true;
}

int32_t intern_put(struct intern *table, struct str a, struct str b)
{
	uint64_t hash = hash_pair(a, b);
	int32_t *slot;

	if ((size_t)table->n * 2 >= table->n_slots && !grow(table)) {
		return INTERN_NONE;
	}
	slot = find_slot(table, hash, a, b);
	if (*slot == 0) {
		table->keys[table->n++] = (struct intern_key){a, b, hash};
		*slot = table->n;
	}
	return *slot - 1;
}

int32_t intern_find(const struct intern *table, struct str a, struct str b)
{
	return table->n_slots == 0 ? INTERN_NONE : *find_slot(table, hash_pair(a, b), a, b) - 1;
}
