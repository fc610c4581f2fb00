/* SPDX-License-Identifier: Apache-2.0 */
#include "service/recording.h"

#include "service/map.h"

void recording_take(struct rpc_call *call, const Memberd__V1__Activity *message,
		    const struct policy *policy, int64_t now, struct arena *arena,
		    struct record_item *out)
{
	out->code = from_member_field(message->member, "member", &out->ref, &out->err);
	if (out->code == MB_OK) {
		out->code = from_activity(message, policy, now, arena, &out->activity, &out->named,
					  &out->err);
	}
	if (out->code == MB_OK) {
		out->code = call_may_ask(call, &out->ref, &out->err);
	}
}

enum mb_code recording_make(struct recording *recording, struct rpc_call *call,
			    struct services *services, Memberd__V1__Activity **sent, size_t n,
			    struct arena *arena)
{
	int64_t now = repository_now(services->repository);
	const struct policy *policy = policy_at(repository_policies(services->repository), now);
	struct record_item *items = arena_array(arena, n, sizeof(*items));

	for (size_t i = 0; items != NULL && i < n; i++) {
		recording_take(call, sent[i], policy, now, arena, &items[i]);
	}
	recording->sent = sent;
	recording->record.items = items;
	recording->record.n = n;
	return arena_overflowed(arena) ? MB_ARENA_FULL : MB_OK;
}

Memberd__V1__RecordActivitiesResponse__Result **recording_results(struct recording *recording,
								  struct arena *arena)
{
	struct repository_record *record = &recording->record;
	Memberd__V1__RecordActivitiesResponse__Result **results =
		arena_array(arena, record->n, sizeof(*results));

	for (size_t i = 0; results != NULL && i < record->n; i++) {
		results[i] = to_record_result(arena, recording->sent[i], i, &record->items[i]);
	}
	return results;
}
