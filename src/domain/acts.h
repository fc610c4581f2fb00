/* SPDX-License-Identifier: Apache-2.0 */
/* acts: what the events of one instant do to the timeline's sums. Private to the domain. */
#pragma once

#include "domain/timeline.h"

struct act {
	int64_t at;
	unsigned causes; /* enum change_cause, of all that acted */
	bool fall; /* a finding was made */
	bool overrides; /* one began or ended */
	bool suspended; /* from now on */
	enum tier shown_before;
};

/* Everything of act->at; the score is stale afterwards. */
void timeline_act(struct timeline *line, struct act *act);
