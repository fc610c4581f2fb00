/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aliases: whose an identity is, in the process's memory, for those who name members by it.
 *
 * An alias says: when the member was at this revision, the identity was his. Linking and unlinking raise
 * the revision of whose identities they change, so it holds as long as the member's hot record is of
 * that revision, and needs no invalidation of its own. What does not hold is asked of the store.
 *
 * Keys are the look-up keys of the store (HMAC-SHA-256 under the store's key), so nobody chooses where
 * an alias lies, and no identity is in memory as it is written.
 *
 * Memory:   fixed; where two identities share a place the later one has it.
 * Threads:  any; a place is guarded by one of many locks, held for some instructions.
 */
#include "repository/inner.h"

#include <stdlib.h>
#include <string.h>

#define LOCKS	   64
#define PLACES_MIN 1024
#define PLACES_MAX (1u << 20)
/* One of so many bytes of the process's cache is for aliases, beside what it was given. */
#define SHARE 1024

struct alias {
	unsigned char key[SEAL_DIGEST_BYTES];
	int64_t member_id, revision; /* member_id 0: nothing is here */
};

struct aliases {
	size_t mask;
	pthread_mutex_t locks[LOCKS];
	struct alias places[];
};

struct aliases *aliases_create(size_t cache_bytes)
{
	size_t n = PLACES_MIN;
	struct aliases *aliases;

	while (n < PLACES_MAX && n * SHARE < cache_bytes) {
		n *= 2;
	}
	aliases = FAULT("repository.aliases")
			  ? NULL
			  : calloc(1, sizeof(*aliases) + n * sizeof(aliases->places[0]));
	if (aliases != NULL) {
		aliases->mask = n - 1;
		for (size_t i = 0; i < LOCKS; i++) {
			pthread_mutex_init(&aliases->locks[i], NULL);
		}
	}
	return aliases;
}

void aliases_destroy(struct aliases *aliases)
{
	for (size_t i = 0; aliases != NULL && i < LOCKS; i++) {
		pthread_mutex_destroy(&aliases->locks[i]);
	}
	free(aliases);
}

static size_t place_of(const struct aliases *aliases, const unsigned char key[SEAL_DIGEST_BYTES])
{
	uint64_t head;

	memcpy(&head, key, sizeof(head));
	return (size_t)head & aliases->mask;
}

bool aliases_find(struct aliases *aliases, const unsigned char key[SEAL_DIGEST_BYTES],
		  int64_t *member_id, int64_t *revision)
{
	size_t place = place_of(aliases, key);
	const struct alias *alias = &aliases->places[place];
	bool found;

	pthread_mutex_lock(&aliases->locks[place % LOCKS]);
	found = alias->member_id != 0 && memcmp(alias->key, key, SEAL_DIGEST_BYTES) == 0;
	if (found) {
		*member_id = alias->member_id;
		*revision = alias->revision;
	}
	pthread_mutex_unlock(&aliases->locks[place % LOCKS]);
	return found;
}

void aliases_put(struct aliases *aliases, const unsigned char key[SEAL_DIGEST_BYTES],
		 int64_t member_id, int64_t revision)
{
	size_t place = place_of(aliases, key);
	struct alias *alias = &aliases->places[place];

	pthread_mutex_lock(&aliases->locks[place % LOCKS]);
	memcpy(alias->key, key, SEAL_DIGEST_BYTES);
	alias->member_id = member_id;
	alias->revision = revision;
	pthread_mutex_unlock(&aliases->locks[place % LOCKS]);
}
