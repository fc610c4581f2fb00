/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ScoringService: activities in, the explained score out.
 */
#include "service/calls.h"
#include "service/map.h"
#include "service/preview.h"

/* ---- RecordActivities ---- */

struct recording {
	struct repository_record record;
	struct rpc_call *call;
	struct services *services;
	const Memberd__V1__RecordActivitiesRequest *request;
};

static void answer_record(struct recording *recording)
{
	struct arena *arena = rpc_call_arena(recording->call);
	Memberd__V1__RecordActivitiesResponse response =
		MEMBERD__V1__RECORD_ACTIVITIES_RESPONSE__INIT;
	struct mb_err err = {0};

	response.results = arena_array(arena, recording->record.n, sizeof(*response.results));
	for (size_t i = 0; response.results != NULL && i < recording->record.n; i++) {
		response.results[response.n_results++] = to_record_result(
			arena, recording->request->activities[i], i, &recording->record.items[i]);
	}
	/* The activities are kept all the same; sent again they are replays. */
	if (arena_overflowed(arena)) {
		call_fail(recording->call, &err);
		return;
	}
	rpc_call_reply(recording->call, &response.base);
}

static void end_recording(struct repository_call *done)
{
	struct recording *recording = done->data;

	rpc_call_on_cancel(recording->call, NULL, NULL);
	if (done->code == MB_OK) {
		answer_record(recording);
	} else {
		call_fail(recording->call, &done->err);
	}
}

static void cancel_recording(void *data)
{
	struct recording *recording = data;

	repository_cancel(recording->services->repository, &recording->record.call);
}

static void from_item(const struct recording *recording, const Memberd__V1__Activity *message,
		      const struct policy *policy, int64_t now, struct record_item *out)
{
	struct arena *arena = rpc_call_arena(recording->call);

	out->code = from_member_ref(message->member, &out->ref, &out->err);
	if (out->code != MB_OK) {
		mb_err_prefix_field(&out->err, "member");
	} else {
		out->code = from_activity(message, policy, now, arena, &out->activity, &out->err);
	}
	if (out->code == MB_OK) {
		out->code = call_may_ask(recording->call, &out->ref, &out->err);
	}
}

static struct recording *begin_recording(struct rpc_call *call, void *data,
					 const Memberd__V1__RecordActivitiesRequest *request)
{
	struct arena *arena = rpc_call_arena(call);
	size_t n = request->n_activities;
	struct recording *recording = arena_alloc(arena, sizeof(*recording));
	struct record_item *items = arena_array(arena, n, sizeof(*items));
	struct mb_err err = {0};

	if (recording == NULL || items == NULL ||
	    call_prepare(call, &recording->record.call, end_recording, recording, &err) != MB_OK) {
		call_fail(call, &err);
		return NULL;
	}
	recording->call = call;
	recording->services = data;
	recording->request = request;
	recording->record.items = items;
	recording->record.n = n;
	return recording;
}

static void record_activities(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__RecordActivitiesRequest *request = (const void *)message;
	struct services *services = data;
	int64_t now = repository_now(services->repository);
	const struct policy *policy = policy_at(repository_policies(services->repository), now);
	struct recording *recording;
	struct mb_err err = {0};

	if (from_batch(request->n_activities, "activities", &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	recording = begin_recording(call, data, request);
	if (recording == NULL) {
		return;
	}
	for (size_t i = 0; i < request->n_activities; i++) {
		from_item(recording, request->activities[i], policy, now,
			  &recording->record.items[i]);
	}
	if (arena_overflowed(rpc_call_arena(call))) {
		call_fail(call, &err);
		return;
	}
	rpc_call_on_cancel(call, cancel_recording, recording);
	repository_record(services->repository, &recording->record);
}

/* ---- GetScore ---- */

static enum mb_code answer_score(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	Memberd__V1__GetScoreResponse response = MEMBERD__V1__GET_SCORE_RESPONSE__INIT;

	to_score_answer(arena, member, &response);
	if (arena_overflowed(arena)) {
		return arena_fail(arena, err);
	}
	rpc_call_reply(reading->call, &response.base);
	return MB_OK;
}

static void get_score(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__GetScoreRequest *request = (const void *)message;
	const struct question question = {request->member, request->min_revision, request->as_of,
					  request->known_at};

	reading_start(call, data, message, &question, MEMBER_STANDING | MEMBER_SCHEDULE, NULL,
		      answer_score);
}

enum mb_code scoring_service_bind(struct rpc_registry *registry, struct services *services,
				  struct mb_err *err)
{
	static const struct service_method methods[] = {
		{"memberd.v1.ScoringService/RecordActivities",
		 &memberd__v1__record_activities_request__descriptor,
		 &memberd__v1__record_activities_response__descriptor, RPC_ARENA_CAP_BATCH,
		 record_activities},
		{"memberd.v1.ScoringService/GetScore", &memberd__v1__get_score_request__descriptor,
		 &memberd__v1__get_score_response__descriptor, RPC_ARENA_CAP, get_score},
		{"memberd.v1.ScoringService/PreviewScore",
		 &memberd__v1__preview_score_request__descriptor,
		 &memberd__v1__preview_score_response__descriptor, RPC_ARENA_CAP_BATCH,
		 preview_score},
	};

	return service_bind_methods(registry, methods, sizeof(methods) / sizeof(methods[0]),
				    services, err);
}
