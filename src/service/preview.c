/* SPDX-License-Identifier: Apache-2.0 */
#include "service/preview.h"

#include "service/calls.h"
#include "service/map.h"
#include "service/recording.h"

struct previewing {
	struct repository_preview preview;
	struct rpc_call *call;
	struct services *services;
	const Memberd__V1__PreviewScoreRequest *request;
};

static enum mb_code answer_preview(void *data, struct mb_err *err)
{
	struct previewing *previewing = data;
	struct arena *arena = rpc_call_arena(previewing->call);
	struct repository_record *record = &previewing->preview.record;
	Memberd__V1__PreviewScoreResponse response = MEMBERD__V1__PREVIEW_SCORE_RESPONSE__INIT;
	Memberd__V1__GetScoreResponse after = MEMBERD__V1__GET_SCORE_RESPONSE__INIT;

	response.results = arena_array(arena, record->n, sizeof(*response.results));
	for (size_t i = 0; response.results != NULL && i < record->n; i++) {
		response.results[response.n_results++] = to_record_result(
			arena, previewing->request->activities[i], i, &record->items[i]);
	}
	to_score_answer(arena, previewing->preview.member, &after);
	response.after = &after;
	return call_reply(previewing->call, &response.base, err);
}

/* The member may be left out: it is that of the preview. */
static void from_item(const struct previewing *previewing, const Memberd__V1__Activity *message,
		      const struct policy *policy, int64_t now, struct record_item *out)
{
	struct arena *arena = rpc_call_arena(previewing->call);

	if (message->member != NULL) {
		recording_take(previewing->call, message, policy, now, arena, out);
	} else {
		out->code = from_activity(message, policy, now, arena, &out->activity, &out->named,
					  &out->err);
	}
}

/* Whom and how fresh; the items come after it, each with a status of its own. */
static enum mb_code from_request(struct previewing *previewing, struct mb_err *err)
{
	const Memberd__V1__PreviewScoreRequest *request = previewing->request;
	struct repository_preview *preview = &previewing->preview;
	enum mb_code code = from_batch(request->n_activities, "activities", err);

	if (code == MB_OK) {
		code = from_member_field(request->member, "member", &preview->ref, err);
	}
	if (code == MB_OK && request->min_revision < 0) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "min_revision", "must not be negative");
	}
	if (code == MB_OK) {
		code = call_may_ask(previewing->call, &preview->ref, err);
	}
	preview->min_revision = request->min_revision;
	return code;
}

static enum mb_code begin_preview(struct previewing *previewing, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(previewing->call);
	struct repository *repository = previewing->services->repository;
	struct repository_record *record = &previewing->preview.record;
	int64_t now = repository_now(repository);
	const struct policy *policy = policy_at(repository_policies(repository), now);
	enum mb_code code = from_request(previewing, err);

	if (code != MB_OK) {
		return code;
	}
	record->n = previewing->request->n_activities;
	record->items = arena_array(arena, record->n, sizeof(*record->items));
	for (size_t i = 0; record->items != NULL && i < record->n; i++) {
		from_item(previewing, previewing->request->activities[i], policy, now,
			  &record->items[i]);
	}
	return arena_overflowed(arena) ? arena_fail(arena, err) : MB_OK;
}

void preview_score(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	struct previewing *previewing = arena_alloc(rpc_call_arena(call), sizeof(*previewing));
	struct mb_err err = {0};

	if (previewing == NULL) {
		call_fail(call, &err);
		return;
	}
	previewing->call = call;
	previewing->services = data;
	previewing->request = (const void *)message;
	if (call_begin(call, data, &previewing->preview.record.call, answer_preview, previewing,
		       &err) != MB_OK ||
	    begin_preview(previewing, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	call_hand_over(&previewing->preview.record.call);
	repository_preview(previewing->services->repository, &previewing->preview);
}
