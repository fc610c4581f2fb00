/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cache_bed.h"

struct cache *cache;
const struct hot_bytes nothing;

struct cache *bed_make(size_t bytes, uint64_t absent_ttl_ms)
{
	struct cache *made = NULL;
	struct mb_err err;

	if (cache_create(&(struct cache_options){bytes, absent_ttl_ms}, &made, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
	return made;
}

int set_up(void **state)
{
	(void)state;
	cache = bed_make(MIB, 60000);
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	cache_destroy(cache);
	cache = NULL;
	return 0;
}

struct hot_bytes record(int64_t member_id, int64_t revision)
{
	struct hot_bytes bytes;

	hot_encode(&(struct hot_record){.member_id = member_id,
					.revision = revision,
					.created_at = revision * 3,
					.policy_newest = 1,
					.projected_at = 1000,
					.good_until = INT64_MAX,
					.now = {.tier = TIER_BRONZE,
						.shown = TIER_BRONZE,
						.level = LEVEL_STANDARD,
						.points = revision % 5000}},
		   &bytes);
	return bytes;
}

bool fill(int64_t member_id, int64_t revision)
{
	struct hot_bytes bytes = record(member_id, revision);

	return cache_fill(cache, member_id, cache_mark(cache, member_id), &bytes);
}

void tell(int64_t member_id, int64_t revision)
{
	struct hot_bytes bytes = record(member_id, revision);

	cache_tell(cache, member_id, revision == 0 ? &nothing : &bytes);
}

int64_t look(int64_t member_id)
{
	struct hot_bytes bytes;
	struct hot_record found;

	switch (cache_get(cache, member_id, &bytes)) {
	case CACHE_MISS:
		return 0;
	case CACHE_ABSENT:
		return -1;
	default:
		break;
	}
	if (!hot_decode(bytes.bytes, bytes.len, member_id, &found)) {
		fail_msg("a torn record");
	}
	assert_int_equal(found.created_at, found.revision * 3);
	return found.revision;
}

struct cache_figures figures(void)
{
	struct cache_figures out;

	cache_figures(cache, &out);
	return out;
}
