/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ScoringService: activities in, the explained score out.
 */
#include "service/calls.h"
#include "service/list_activities.h"
#include "service/map.h"
#include "service/preview.h"
#include "service/recording.h"
#include "service/tier_progress.h"

/* ---- RecordActivities ---- */

struct record_call {
	struct recording recording;
	struct rpc_call *call;
};

static enum mb_code answer_record(void *data, struct mb_err *err)
{
	struct record_call *record = data;
	struct arena *arena = rpc_call_arena(record->call);
	Memberd__V1__RecordActivitiesResponse response =
		MEMBERD__V1__RECORD_ACTIVITIES_RESPONSE__INIT;

	response.results = recording_results(&record->recording, arena);
	response.n_results = record->recording.record.n;
	/* The activities are kept all the same; sent again they are replays. */
	return call_reply(record->call, &response.base, err);
}

static void record_activities(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__RecordActivitiesRequest *request = (const void *)message;
	struct services *services = data;
	struct arena *arena = rpc_call_arena(call);
	struct record_call *record;
	struct mb_err err = {0};

	if (from_batch(request->n_activities, "activities", &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	record = arena_alloc(arena, sizeof(*record));
	if (record == NULL ||
	    call_begin(call, services, &record->recording.record.call, answer_record, record,
		       &err) != MB_OK ||
	    recording_make(&record->recording, call, services, request->activities,
			   request->n_activities, arena) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	record->call = call;
	call_hand_over(&record->recording.record.call);
	repository_record(services->repository, &record->recording.record);
}

/* ---- GetScore ---- */

static enum mb_code answer_score(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	Memberd__V1__GetScoreResponse response = MEMBERD__V1__GET_SCORE_RESPONSE__INIT;

	to_score_answer(arena, member, &response);
	return call_reply(reading->call, &response.base, err);
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
		{"memberd.v1.ScoringService/ListActivities",
		 &memberd__v1__list_activities_request__descriptor,
		 &memberd__v1__list_activities_response__descriptor, RPC_ARENA_CAP_BATCH,
		 list_activities},
		{"memberd.v1.ScoringService/GetScore", &memberd__v1__get_score_request__descriptor,
		 &memberd__v1__get_score_response__descriptor, RPC_ARENA_CAP, get_score},
		{"memberd.v1.ScoringService/GetTierProgress",
		 &memberd__v1__get_tier_progress_request__descriptor,
		 &memberd__v1__get_tier_progress_response__descriptor, RPC_ARENA_CAP,
		 get_tier_progress},
		{"memberd.v1.ScoringService/PreviewScore",
		 &memberd__v1__preview_score_request__descriptor,
		 &memberd__v1__preview_score_response__descriptor, RPC_ARENA_CAP_BATCH,
		 preview_score},
	};

	return service_bind_methods(registry, methods, sizeof(methods) / sizeof(methods[0]),
				    services, err);
}
