/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hot_records: what tests of hot records share.
 */
#pragma once

#include "base/attr.h"
#include "base/clock.h"
#include "domain/hot.h"

#define MEMBER INT64_C(4711)

static MB_UNUSED bool same_state(const struct hot_state *a, const struct hot_state *b)
{
	return a->tier == b->tier && a->shown == b->shown && a->shown_until == b->shown_until &&
	       a->suspended == b->suspended && a->credibility == b->credibility &&
	       a->level == b->level && a->at_risk == b->at_risk && a->below_keep == b->below_keep &&
	       a->protected_until == b->protected_until && a->points == b->points;
}

/* Good from 1000 to 3000; at 2000 it has other points. */
static MB_UNUSED struct hot_record plain(void)
{
	const struct hot_state state = {.tier = TIER_GOLD,
					.shown = TIER_PLATINUM,
					.shown_until = 5000 * US_PER_MINUTE,
					.credibility = 9000,
					.level = LEVEL_SUPER,
					.protected_until = 4000 * US_PER_MINUTE,
					.points = 1234};
	struct hot_record record = {.member_id = MEMBER,
				    .revision = 7,
				    .created_at = 900,
				    .policy_newest = 1,
				    .projected_at = 1000,
				    .good_until = 3000,
				    .now = state,
				    .changes = {{2000, state}},
				    .n_changes = 1};

	record.changes[0].after.points = 4321;
	return record;
}
