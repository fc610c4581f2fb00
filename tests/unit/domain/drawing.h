/* SPDX-License-Identifier: Apache-2.0 */
/* drawing: random ledgers of all kinds, in the story's ledger. */
#pragma once

#include "deeds.h"

struct drawing {
	uint64_t seed;
	int n;
};

static MB_UNUSED int64_t below(struct drawing *d, int64_t end)
{
	return draw_below(&d->seed, end);
}

static MB_UNUSED const char *some(struct drawing *d, const char *prefix, int end)
{
	return name(prefix, (int)below(d, end));
}

static MB_UNUSED struct activity draw_deed(struct drawing *d, const char *id, int64_t t)
{
	struct activity a;

	switch (below(d, 12)) {
	case 0:
	case 1:
		return order_for(&l, id, (enum platform)(1 + below(d, 6)), t,
				 t + below(d, 20) * US_PER_DAY, YUAN(1 + below(d, 9000)));
	case 2:
		return reversal_for(&l, id, some(d, "e", d->n), t, YUAN(1 + below(d, 500)));
	case 3:
		return cancellation_for(id, some(d, "e", d->n), t);
	case 4:
		return review_of(id, some(d, "e", d->n), 1, below(d, 2) == 0, t);
	case 5:
		return share_of(id, some(d, "content", 3), t);
	case 6:
		return opening_of(id, some(d, "e", d->n), SELF + below(d, 4), t);
	case 7:
		return post_of(id, t);
	case 8:
		return below(d, 2) == 0 ? vote_by(id, some(d, "content", 3), SELF + below(d, 4), t)
					: answer_to(id, SELF + below(d, 4), t);
	case 9:
		return visit_to(id, some(d, "store", 3), t);
	case 10:
		a = naming(below(d, 2) == 0 ? ACTIVITY_UNDO : ACTIVITY_VOID, id, some(d, "e", d->n),
			   t);
		break;
	default:
		a = naming(ACTIVITY_FINDING, id, some(d, "e", d->n), t);
		break;
	}
	a.about_source = below(d, 2) == 0 ? STR("shop") : STR("app");
	return a;
}

/* Some sixty, late by up to a month, with decisions between them. */
static MB_UNUSED void draw_ledger(struct drawing *d)
{
	int64_t now = at("2025-06-01");

	for (d->n = 1; d->n < 60; d->n++) {
		int64_t late = below(d, 3) == 0 ? below(d, 30) * US_PER_DAY : 0;

		now += below(d, 14) * US_PER_DAY + below(d, 2);
		switch (below(d, 12)) {
		case 0:
			put_link(SELF + below(d, 4), below(d, 3) > 0, now);
			break;
		case 1:
			put_override((enum tier)below(d, TIER_END),
				     now + (1 + below(d, 90)) * US_PER_DAY, now);
			break;
		case 2:
			put_credibility((int32_t)below(d, 6001) - 3000,
					now + (1 + below(d, 90)) * US_PER_DAY, now);
			break;
		default:
			(void)receive(draw_deed(d, name("e", d->n), now - late), now);
			break;
		}
	}
}
