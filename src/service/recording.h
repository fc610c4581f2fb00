/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording: a batch of activities on its way to the repository and back; of RecordActivities and
 * StreamActivities alike.
 */
#pragma once

#include "memberd/v1/scoring_service.pb-c.h"
#include "repository/repository.h"
#include "service/calls.h"

struct recording {
	struct repository_record record; /* its call is prepared by the caller */
	Memberd__V1__Activity **sent;
};

/* Checks form and permission of each activity; what is wrong stands in its item. 1 to BATCH_ITEMS_MAX
 * activities, which live as long as the arena. MB_ARENA_FULL. */
enum mb_code recording_make(struct recording *recording, struct rpc_call *call,
			    struct services *services, Memberd__V1__Activity **sent, size_t n,
			    struct arena *arena);
/* One of them. */
void recording_take(struct rpc_call *call, const Memberd__V1__Activity *message,
		    const struct policy *policy, int64_t now, struct arena *arena,
		    struct record_item *out);
/* What became of each, once the repository is done. Not whole when the arena is used up. */
Memberd__V1__RecordActivitiesResponse__Result **recording_results(struct recording *recording,
								  struct arena *arena);
