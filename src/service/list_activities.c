/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListActivities goes on as of and as known at the instants that its first page had: the token holds
 * them, so that no page repeats or skips an activity whatever is recorded in between.
 */
#include "service/list_activities.h"

#include "service/calls.h"
#include "service/map.h"
#include "service/page.h"

#define PAGE_NORMAL 50
#define PAGE_MOST   200

struct listing {
	uint32_t kinds;
	int32_t size;
	struct str scope;
	bool goes_on; /* by a token */
	struct page page; /* of the token; else zero */
};

/* ---- answers ---- */

static enum mb_code put_token(struct reading *reading, const struct member *member,
			      int64_t revision, Memberd__V1__ListActivitiesResponse *out,
			      struct mb_err *err)
{
	const struct listing *listing = reading->prepared;
	const struct page next = {
		.next = (int32_t)(reading->read.activities_first + member->n_activities),
		.as_of = member->axes.as_of,
		.known_at = member->axes.known_at,
		.revision = revision};

	if (!member->activities_go_on) {
		return MB_OK;
	}
	out->next_page_token = page_token_make(reading->services->repository, listing->scope, &next,
					       rpc_call_arena(reading->call), err);
	return out->next_page_token != NULL ? MB_OK : err->code;
}

static enum mb_code answer_activities(struct reading *reading, struct mb_err *err)
{
	const struct listing *listing = reading->prepared;
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	int64_t revision = listing->goes_on ? listing->page.revision : member->revision;
	bool own = call_only_member(reading->call) != 0;
	Memberd__V1__ListActivitiesResponse response = MEMBERD__V1__LIST_ACTIVITIES_RESPONSE__INIT;
	enum mb_code code;

	response.member_id = to_id(arena, member->member_id);
	response.activities =
		arena_array(arena, member->n_activities, sizeof(*response.activities));
	for (size_t i = 0; response.activities != NULL && i < member->n_activities; i++) {
		response.activities[response.n_activities++] =
			to_listed_activity(arena, &member->activities[i], member->policy, own);
	}
	response.info = to_info(arena, member);
	if (response.info != NULL) {
		response.info->revision = revision;
	}
	code = put_token(reading, member, revision, &response, err);
	if (code == MB_OK && arena_overflowed(arena)) {
		code = arena_fail(arena, err);
	}
	if (code == MB_OK) {
		rpc_call_reply(reading->call, &response.base);
	}
	return code;
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

static enum mb_code make_scope(struct rpc_call *call,
			       const Memberd__V1__ListActivitiesRequest *request, struct str *out,
			       struct mb_err *err)
{
	Memberd__V1__ListActivitiesRequest arguments = *request;

	arguments.page_size = 0;
	arguments.page_token = (char *)protobuf_c_empty_string;
	return page_scope(rpc_call_method(call), &arguments.base, rpc_call_arena(call), out, err);
}

static enum mb_code read_listing(struct rpc_call *call, const struct services *services,
				 const Memberd__V1__ListActivitiesRequest *request,
				 struct listing *out, struct mb_err *err)
{
	enum mb_code code = from_kinds(request, &out->kinds, err);

	if (code == MB_OK) {
		code = page_size(request->page_size, PAGE_NORMAL, PAGE_MOST, &out->size, err);
	}
	if (code == MB_OK) {
		code = make_scope(call, request, &out->scope, err);
	}
	out->goes_on = request->page_token[0] != '\0';
	if (code == MB_OK && out->goes_on) {
		code = page_token_read(services->repository, out->scope, request->page_token,
				       &out->page, err);
	}
	return code;
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
	if (reading_ask(reading, &question) == MB_OK && listing->goes_on) {
		reading->read.axes =
			(struct axes){true, true, listing->page.as_of, listing->page.known_at};
	}
	reading->read.kinds = listing->kinds;
	reading->read.activities_first = (size_t)listing->page.next;
	reading->read.activities_most = (size_t)listing->size;
	reading_submit_one(reading, request->min_revision);
}
