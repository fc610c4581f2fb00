/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tier: the rules by which a tier rises at once and falls at settlements, or by a finding of fraud.
 * Private to the domain.
 *
 *            live score attains a higher one          settlement outside protection
 *   tier T ───────────────────────────────▶ T+n     below keep ──▶ AT_RISK ──▶ T-1, not at risk
 *            protection anew, not at risk             at or above keep ──▶ not at risk
 *                                                     below keep, but the live score attains T:
 *                                                     nothing changes
 *            proven fraud
 *   tier T ───────────────────────────────▶ the highest that the live score attains, at most T;
 *                                           no protection, not at risk
 */
#pragma once

#include "domain/fold.h"

struct tier_state {
	enum tier tier;
	bool at_risk;
	int64_t protected_until; /* 0: no protection */
};

/* Scores are compared after their floor to whole points. */
bool tier_attains(int64_t points, enum tier tier, const struct policy *policy);
bool tier_keeps(int64_t points, enum tier tier, const struct policy *policy);
enum level level_of(int64_t points, const struct policy *policy);

/* All three: true when something is to be told, which *out then holds. */
bool tier_fall(struct tier_state *state, int64_t live, int64_t at, const struct policy *policy,
	       struct transition *out);
bool tier_upgrade(struct tier_state *state, int64_t live, int64_t at, const struct policy *policy,
		  struct transition *out);
bool tier_settle(struct tier_state *state, int64_t live, int64_t settled, int64_t at,
		 const struct policy *policy, struct transition *out);
