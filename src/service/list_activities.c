/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListActivities: what a member's ledger holds, and what each entry adds to his score.
 */
#include "service/list_activities.h"

#include "service/map.h"
#include "service/member_page.h"

struct listing {
	struct member_page page;
	uint32_t kinds;
};

/* ---- answers ---- */

static enum mb_code answer_activities(struct reading *reading, struct mb_err *err)
{
	const struct listing *listing = reading->prepared;
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	bool own = call_only_member(reading->call) != 0;
	Memberd__V1__ListActivitiesResponse response = MEMBERD__V1__LIST_ACTIVITIES_RESPONSE__INIT;

	response.member_id = to_id(arena, member->member_id);
	response.activities =
		arena_array(arena, member->n_activities, sizeof(*response.activities));
	for (size_t i = 0; response.activities != NULL && i < member->n_activities; i++) {
		response.activities[response.n_activities++] =
			to_listed_activity(arena, &member->activities[i], member->policy, own);
	}
	response.info = member_page_info(reading, &listing->page);
	if (member->activities_go_on) {
		response.next_page_token = member_page_token(
			reading, &listing->page,
			reading->read.activities_first + member->n_activities, err);
	}
	return response.next_page_token == NULL ? err->code
						: call_reply(reading->call, &response.base, err);
}

/* ---- questions ---- */

static enum mb_code from_kinds(const Memberd__V1__ListActivitiesRequest *request, uint32_t *out,
			       struct mb_err *err)
{
	*out = request->n_kinds == 0 ? UINT32_MAX : 0;
	for (size_t i = 0; i < request->n_kinds; i++) {
		enum activity_kind kind = (enum activity_kind)request->kinds[i];

		if (activity_kind_name(kind) == NULL) {
			mb_fail_field(err, MB_FIELD_INVALID, "", "is none of the kinds");
			mb_err_prefix_field(err, "kinds[%zu]", i);
			return MB_FIELD_INVALID;
		}
		*out |= UINT32_C(1) << kind;
	}
	return MB_OK;
}

static enum mb_code read_listing(struct rpc_call *call, const struct services *services,
				 const Memberd__V1__ListActivitiesRequest *request,
				 struct listing *out, struct mb_err *err)
{
	Memberd__V1__ListActivitiesRequest arguments = *request;
	enum mb_code code = from_kinds(request, &out->kinds, err);

	arguments.page_size = 0;
	arguments.page_token = (char *)protobuf_c_empty_string;
	return code == MB_OK ? member_page_read(call, services, &arguments.base, request->page_size,
						request->page_token, &out->page, err)
			     : code;
}

void list_activities(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__ListActivitiesRequest *request = (const void *)message;
	const struct question question = {request->member, request->min_revision, request->as_of,
					  request->known_at};
	struct listing *listing = arena_alloc(rpc_call_arena(call), sizeof(*listing));
	struct reading *reading;
	struct mb_err err = {0};

	if (listing == NULL || read_listing(call, data, request, listing, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	reading = reading_begin(call, data, message, 1, MEMBER_STANDING | MEMBER_ACTIVITIES,
				answer_activities);
	if (reading == NULL) {
		return;
	}
	reading->prepared = listing;
	member_page_ask(reading, &question, &listing->page);
	reading->read.kinds = listing->kinds;
	reading->read.activities_first = (size_t)listing->page.page.next;
	reading->read.activities_most = (size_t)listing->page.size;
	reading_submit_one(reading, request->min_revision);
}
