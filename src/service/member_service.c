/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MemberService: who is this member. Reads go through struct reading; what changes a member through
 * struct changing, whose answer is packed inside the transaction, because it is kept for those who
 * send the same request_id again.
 */
#include "rpc/status.h"
#include "service/calls.h"
#include "service/grants.h"
#include "service/list_members.h"
#include "service/map.h"
#include "service/tier_history.h"

#include <stdio.h>
#include <string.h>

/* ---- reads ---- */

/* Whether the caller may see personal data is asked at submission. */
static enum mb_code view_parts(Memberd__V1__MemberView view, unsigned *parts, struct mb_err *err)
{
	*parts = MEMBER_BRIEF;
	switch (view) {
	case MEMBERD__V1__MEMBER_VIEW__MEMBER_VIEW_UNSPECIFIED:
	case MEMBERD__V1__MEMBER_VIEW__MEMBER_VIEW_BASIC:
		return MB_OK;
	case MEMBERD__V1__MEMBER_VIEW__MEMBER_VIEW_FULL:
		*parts = MEMBER_STANDING | MEMBER_PERSONAL;
		return MB_OK;
	default:
		return mb_fail_field(err, MB_FIELD_INVALID, "view", "must be BASIC or FULL");
	}
}

static bool is_full(const struct reading *reading)
{
	return (reading->read.parts & MEMBER_PERSONAL) != 0;
}

static enum mb_code answer_get(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	Memberd__V1__GetMemberResponse response = MEMBERD__V1__GET_MEMBER_RESPONSE__INIT;

	response.member = to_member(arena, reading_member(reading), is_full(reading));
	response.info = to_info(arena, reading_member(reading));
	return call_reply(reading->call, &response.base, err);
}

static void get_member(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__GetMemberRequest *request = (const void *)message;
	const struct question question = {request->member, request->min_revision, request->as_of,
					  request->known_at};
	struct mb_err err = {0};
	unsigned parts = 0;
	enum mb_code code = view_parts(request->view, &parts, &err);

	if (code == MB_OK && (parts & MEMBER_PERSONAL) != 0 &&
	    (request->as_of != NULL || request->known_at != NULL)) {
		code = mb_fail_field(&err, MB_FIELD_INVALID, "view",
				     "must be BASIC with as_of or known_at: profile and "
				     "identities are kept as they are now only");
	}
	if (code != MB_OK) {
		call_fail(call, &err);
		return;
	}
	reading_start(call, data, message, &question, parts, NULL, answer_get);
}

static Memberd__V1__BatchGetMembersResponse__Result *to_result(struct reading *reading, size_t i)
{
	struct member_query *query = &reading->read.queries[i];
	struct arena *arena = rpc_call_arena(reading->call);
	Memberd__V1__BatchGetMembersResponse__Result *result = arena_alloc(arena, sizeof(*result));

	if (result != NULL) {
		memberd__v1__batch_get_members_response__result__init(result);
		if (strcmp(query->err.field, "min_revision") == 0) { /* of one member */
			snprintf(query->err.field, sizeof(query->err.field), "min_revisions[%zu]",
				 i);
		}
		result->status = rpc_status_fill(arena, &query->err);
		if (query->code == MB_OK) {
			result->member = to_member(arena, query->member, is_full(reading));
			result->info = to_info(arena, query->member);
		}
	}
	return result;
}

static enum mb_code answer_batch(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	Memberd__V1__BatchGetMembersResponse response =
		MEMBERD__V1__BATCH_GET_MEMBERS_RESPONSE__INIT;

	response.results = arena_array(arena, reading->read.n, sizeof(*response.results));
	for (size_t i = 0; response.results != NULL && i < reading->read.n; i++) {
		response.results[response.n_results++] = to_result(reading, i);
	}
	return call_reply(reading->call, &response.base, err);
}

static void batch_get_members(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__BatchGetMembersRequest *request = (const void *)message;
	struct mb_err err = {0};
	struct reading *reading;
	unsigned parts = 0;
	enum mb_code code = from_batch(request->n_members, "members", &err);

	if (code == MB_OK) {
		code = view_parts(request->view, &parts, &err);
	}
	if (code == MB_OK && request->n_min_revisions != 0 &&
	    request->n_min_revisions != request->n_members) {
		code = mb_fail_field(&err, MB_FIELD_INVALID, "min_revisions",
				     "must be as many as members, %zu, or none, not %zu",
				     request->n_members, request->n_min_revisions);
	}
	if (code != MB_OK) {
		call_fail(call, &err);
		return;
	}
	reading = reading_begin(call, data, message, request->n_members, parts, answer_batch);
	for (size_t i = 0; reading != NULL && i < request->n_members; i++) {
		struct member_query *query = &reading->read.queries[i];

		query->code = from_member_ref(request->members[i], &query->ref, &query->err);
		if (query->code != MB_OK) {
			mb_err_prefix_field(&query->err, "members[%zu]", i);
		} else if (request->n_min_revisions > 0) {
			reading_at_least(query, request->min_revisions[i]);
		}
	}
	if (reading != NULL) {
		reading_submit(reading);
	}
}

static enum mb_code answer_lookup(struct reading *reading, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(reading->call);
	Memberd__V1__LookupMemberResponse response = MEMBERD__V1__LOOKUP_MEMBER_RESPONSE__INIT;

	response.member_id = to_id(arena, reading_member(reading)->member_id);
	response.state = (Memberd__V1__MemberState)reading_member(reading)->state;
	return call_reply(reading->call, &response.base, err);
}

static void lookup_member(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__LookupMemberRequest *request = (const void *)message;
	struct mb_err err = {0};
	struct member_ref ref = {0};
	struct reading *reading;

	if (from_identity(request->identity, &ref.identity, &err) != MB_OK) {
		mb_err_prefix_field(&err, "identity");
		call_fail(call, &err);
		return;
	}
	reading = reading_begin(call, data, message, 1, 0, answer_lookup);
	if (reading != NULL) {
		reading->read.queries[0].ref = ref;
		reading_submit_one(reading, request->min_revision);
	}
}

/* ---- changes ---- */

struct changing {
	struct repository_write write;
	struct rpc_call *call;
	struct services *services;
};

static enum mb_code answer_change(void *data, struct mb_err *err)
{
	struct changing *changing = data;

	(void)err;
	rpc_call_reply_bytes(changing->call, changing->write.answered);
	return MB_OK;
}

static struct changing *begin_change(struct rpc_call *call, void *data, enum member_write_kind kind,
				     repository_answer_fn *answer)
{
	struct changing *changing = arena_alloc(rpc_call_arena(call), sizeof(*changing));
	struct mb_err err = {0};

	if (changing == NULL ||
	    call_begin(call, data, &changing->write.call, answer_change, changing, &err) != MB_OK) {
		call_fail(call, &err);
		return NULL;
	}
	changing->call = call;
	changing->services = data;
	changing->write.kind = kind;
	changing->write.method = str_from(rpc_call_method(call));
	changing->write.answer = answer;
	return changing;
}

static void submit_change(struct changing *changing)
{
	call_hand_over(&changing->write.call);
	repository_write(changing->services->repository, &changing->write);
}

static enum mb_code pack_enrolled(const struct repository_write *req, const struct member *member,
				  struct str *out, struct mb_err *err)
{
	Memberd__V1__EnrollMemberResponse response = MEMBERD__V1__ENROLL_MEMBER_RESPONSE__INIT;

	response.member = to_member(req->call.arena, member, false);
	response.info = to_info(req->call.arena, member);
	return call_pack(req->call.arena, &response.base, out, err);
}

static enum mb_code pack_linked(const struct repository_write *req, const struct member *member,
				struct str *out, struct mb_err *err)
{
	Memberd__V1__LinkIdentityResponse response = MEMBERD__V1__LINK_IDENTITY_RESPONSE__INIT;

	response.info = to_info(req->call.arena, member);
	return call_pack(req->call.arena, &response.base, out, err);
}

static enum mb_code pack_unlinked(const struct repository_write *req, const struct member *member,
				  struct str *out, struct mb_err *err)
{
	Memberd__V1__UnlinkIdentityResponse response = MEMBERD__V1__UNLINK_IDENTITY_RESPONSE__INIT;

	response.info = to_info(req->call.arena, member);
	return call_pack(req->call.arena, &response.base, out, err);
}

static enum mb_code from_write_identity(const Memberd__V1__Identity *message,
					struct repository_write *out, struct mb_err *err)
{
	enum mb_code code = from_identity(message, &out->identity, err);

	if (code != MB_OK) {
		mb_err_prefix_field(err, "identity");
	}
	return code;
}

static void enroll_member(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__EnrollMemberRequest *request = (const void *)message;
	struct changing *changing = begin_change(call, data, WRITE_ENROLL, pack_enrolled);
	struct mb_err err = {0};
	enum mb_code code;

	if (changing == NULL) {
		return;
	}
	code = from_request_id(request->request_id, rpc_call_arena(call),
			       &changing->write.request_id, &err);
	if (code == MB_OK) {
		code = from_write_identity(request->identity, &changing->write, &err);
	}
	if (code == MB_OK) {
		code = from_profile(request->profile, &changing->write.profile, &err);
		if (code != MB_OK) {
			mb_err_prefix_field(&err, "profile");
		}
	}
	if (code != MB_OK) {
		call_fail(call, &err);
		return;
	}
	submit_change(changing);
}

static enum mb_code pack_updated(const struct repository_write *req, const struct member *member,
				 struct str *out, struct mb_err *err)
{
	Memberd__V1__UpdateMemberResponse response = MEMBERD__V1__UPDATE_MEMBER_RESPONSE__INIT;

	response.member = to_member(req->call.arena, member, false);
	response.info = to_info(req->call.arena, member);
	return call_pack(req->call.arena, &response.base, out, err);
}

static enum mb_code from_update(struct rpc_call *call,
				const Memberd__V1__UpdateMemberRequest *request,
				struct repository_write *out, struct mb_err *err)
{
	enum mb_code code =
		from_request_id(request->request_id, rpc_call_arena(call), &out->request_id, err);

	if (code == MB_OK) {
		code = from_member_field(request->member, "member", &out->ref, err);
	}
	if (code == MB_OK) {
		code = from_profile(request->profile, &out->profile, err);
		if (code != MB_OK) {
			mb_err_prefix_field(err, "profile");
		}
	}
	if (code == MB_OK) {
		code = from_profile_mask(request->update_mask, &out->profile, &out->profile_fields,
					 err);
	}
	out->etag = str_from(request->etag);
	return code == MB_OK ? call_may_ask(call, &out->ref, err) : code;
}

static void update_member(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__UpdateMemberRequest *request = (const void *)message;
	struct changing *changing = begin_change(call, data, WRITE_UPDATE, pack_updated);
	struct mb_err err = {0};

	if (changing == NULL) {
		return;
	}
	if (from_update(call, request, &changing->write, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	submit_change(changing);
}

static void change_identity(struct rpc_call *call, struct changing *changing,
			    const char *request_id, const Memberd__V1__MemberRef *member,
			    const Memberd__V1__Identity *identity)
{
	struct mb_err err = {0};
	enum mb_code code = from_request_id(request_id, rpc_call_arena(call),
					    &changing->write.request_id, &err);

	if (code == MB_OK) {
		code = from_member_field(member, "member", &changing->write.ref, &err);
	}
	if (code == MB_OK) {
		code = from_write_identity(identity, &changing->write, &err);
	}
	if (code == MB_OK) {
		code = call_may_ask(call, &changing->write.ref, &err);
	}
	if (code != MB_OK) {
		call_fail(call, &err);
		return;
	}
	submit_change(changing);
}

static void link_identity(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__LinkIdentityRequest *request = (const void *)message;
	struct changing *changing = begin_change(call, data, WRITE_LINK, pack_linked);

	if (changing != NULL) {
		change_identity(call, changing, request->request_id, request->member,
				request->identity);
	}
}

static void unlink_identity(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__UnlinkIdentityRequest *request = (const void *)message;
	struct changing *changing = begin_change(call, data, WRITE_UNLINK, pack_unlinked);

	if (changing != NULL) {
		change_identity(call, changing, request->request_id, request->member,
				request->identity);
	}
}

enum mb_code member_service_bind(struct rpc_registry *registry, struct services *services,
				 struct mb_err *err)
{
	static const struct service_method methods[] = {
		{"memberd.v1.MemberService/EnrollMember",
		 &memberd__v1__enroll_member_request__descriptor,
		 &memberd__v1__enroll_member_response__descriptor, RPC_ARENA_CAP, enroll_member},
		{"memberd.v1.MemberService/GetMember", &memberd__v1__get_member_request__descriptor,
		 &memberd__v1__get_member_response__descriptor, RPC_ARENA_CAP, get_member},
		{"memberd.v1.MemberService/BatchGetMembers",
		 &memberd__v1__batch_get_members_request__descriptor,
		 &memberd__v1__batch_get_members_response__descriptor, RPC_ARENA_CAP_BATCH,
		 batch_get_members},
		{"memberd.v1.MemberService/LookupMember",
		 &memberd__v1__lookup_member_request__descriptor,
		 &memberd__v1__lookup_member_response__descriptor, RPC_ARENA_CAP, lookup_member},
		{"memberd.v1.MemberService/UpdateMember",
		 &memberd__v1__update_member_request__descriptor,
		 &memberd__v1__update_member_response__descriptor, RPC_ARENA_CAP, update_member},
		{"memberd.v1.MemberService/ListMembers",
		 &memberd__v1__list_members_request__descriptor,
		 &memberd__v1__list_members_response__descriptor, RPC_ARENA_CAP_BATCH,
		 list_members},
		{"memberd.v1.MemberService/ListTierHistory",
		 &memberd__v1__list_tier_history_request__descriptor,
		 &memberd__v1__list_tier_history_response__descriptor, RPC_ARENA_CAP,
		 list_tier_history},
		{"memberd.v1.MemberService/LinkIdentity",
		 &memberd__v1__link_identity_request__descriptor,
		 &memberd__v1__link_identity_response__descriptor, RPC_ARENA_CAP, link_identity},
		{"memberd.v1.MemberService/UnlinkIdentity",
		 &memberd__v1__unlink_identity_request__descriptor,
		 &memberd__v1__unlink_identity_response__descriptor, RPC_ARENA_CAP,
		 unlink_identity},
	};

	return service_bind_methods(registry, methods, sizeof(methods) / sizeof(methods[0]),
				    services, err);
}
