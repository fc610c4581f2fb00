/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/id.h"

#include "base/hash.h"

#include <assert.h>

#define MS_BITS	    42
#define RANDOM_BITS 21

int64_t id_make(int64_t now_us, uint32_t random)
{
	int64_t most = (INT64_C(1) << MS_BITS) - 1;
	int64_t ms = now_us / 1000 - ID_EPOCH_MS;
	int64_t id;

	/* the division rounds towards zero only where the result saturates anyway */
	ms = ms < 0 ? 0 : ms > most ? most : ms;
	id = ms << RANDOM_BITS | (random & ((UINT32_C(1) << RANDOM_BITS) - 1));
	return id == 0 ? 1 : id;
}

int32_t vb_of(int64_t member_id)
{
	return (int32_t)(hash_mix((uint64_t)member_id) >> 52);
}

int32_t vb_of_key(struct str key)
{
	const unsigned char *bytes = (const unsigned char *)key.ptr;

	assert(key.len >= 2);
	return bytes[0] << 4 | bytes[1] >> 4;
}
