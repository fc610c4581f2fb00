/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decisions: what people decide about members, of MemberService and ScoringService. One shape for
 * all: form on the queue's thread, then repository_decide(), whose answer is packed inside the
 * transaction, because it is kept for those who send the same request_id again.
 */
#include "service/calls.h"
#include "service/map.h"

#define CREDIBILITY_CHANGE_MOST 10000 /* basis points, up or down */

struct deciding {
	struct repository_decision decision;
	struct rpc_call *call;
	struct services *services;
};

/* ---- the call ---- */

static enum mb_code answer_decision(void *data, struct mb_err *err)
{
	struct deciding *deciding = data;

	(void)err;
	rpc_call_reply_bytes(deciding->call, deciding->decision.answered);
	return MB_OK;
}

static struct deciding *begin(struct rpc_call *call, void *data, enum activity_kind kind,
			      repository_decision_answer_fn *answer)
{
	struct deciding *deciding = arena_alloc(rpc_call_arena(call), sizeof(*deciding));
	struct mb_err err = {0};

	if (deciding == NULL || call_begin(call, data, &deciding->decision.call, answer_decision,
					   deciding, &err) != MB_OK) {
		call_fail(call, &err);
		return NULL;
	}
	deciding->call = call;
	deciding->services = data;
	deciding->decision.activity.kind = kind;
	deciding->decision.method = str_from(rpc_call_method(call));
	deciding->decision.answer = answer;
	return deciding;
}

/* With the code that checking the fields of its own gave. */
static void submit(struct deciding *deciding, enum mb_code code, struct mb_err *err)
{
	if (code == MB_OK) {
		code = call_may_ask(deciding->call, &deciding->decision.ref, err);
	}
	if (code == MB_OK && deciding->decision.activity.kind == ACTIVITY_LINK) {
		code = call_may_ask(deciding->call, &deciding->decision.other, err);
	}
	if (code != MB_OK) {
		call_fail(deciding->call, err);
		return;
	}
	call_hand_over(&deciding->decision.call);
	repository_decide(deciding->services->repository, &deciding->decision);
}

/* ---- fields ---- */

/* What every decision has. */
static enum mb_code from_common(struct deciding *deciding, const char *request_id,
				const Memberd__V1__MemberRef *member, const char *reason,
				struct mb_err *err)
{
	struct repository_decision *decision = &deciding->decision;
	enum mb_code code = from_request_id(request_id, rpc_call_arena(deciding->call),
					    &decision->request_id, err);

	if (code == MB_OK) {
		code = from_member_field(member, "member", &decision->ref, err);
	}
	return code == MB_OK ? from_reason(reason, &decision->activity.reason, err) : code;
}

/* An end that lies ahead; 0 when it is absent. */
static enum mb_code from_until(const struct deciding *deciding,
			       const Google__Protobuf__Timestamp *message, int64_t *out,
			       struct mb_err *err)
{
	enum mb_code code = MB_OK;

	*out = 0;
	if (message == NULL) {
		return MB_OK;
	}
	code = from_time(message, out, err);
	if (code != MB_OK) {
		mb_err_prefix_field(err, "until");
	} else if (*out <= repository_now(deciding->services->repository)) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "until", "must lie after now");
	}
	return code;
}

static enum mb_code from_key(const Memberd__V1__ActivityKey *message, struct activity *out,
			     struct mb_err *err)
{
	if (message == NULL) {
		return mb_fail_field(err, MB_FIELD_INVALID, "activity",
				     "names none: give its source and source_event_id");
	}
	out->about_source = str_from(message->source);
	out->about_event_id = str_from(message->source_event_id);
	if (!str_is_slug(out->about_source, SOURCE_BYTES_MAX)) {
		return mb_fail_field(err, MB_FIELD_INVALID, "activity.source",
				     "must be 1 to %d of a-z 0-9 . _ -", SOURCE_BYTES_MAX);
	}
	if (out->about_event_id.len < 1 || out->about_event_id.len > ID_BYTES_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, "activity.source_event_id",
				     "must be 1 to %d bytes, not %zu", ID_BYTES_MAX,
				     out->about_event_id.len);
	}
	return MB_OK;
}

/* ---- answers ---- */

/* Empty when nothing was written. */
static char *to_entry_id(struct arena *arena, const struct decided *decided)
{
	return decided->entry_id != 0 ? to_id(arena, decided->entry_id)
				      : (char *)protobuf_c_empty_string;
}

/* Those of MemberService tell the member. */
#define PACK_MEMBER(name, Type, TYPE)                                                 \
	static enum mb_code name(const struct repository_decision *req,               \
				 const struct decided *decided, struct str *out,      \
				 struct mb_err *err)                                  \
	{                                                                             \
		Memberd__V1__##Type response = MEMBERD__V1__##TYPE##__INIT;           \
                                                                                      \
		response.member = to_member(req->call.arena, decided->member, false); \
		response.info = to_info(req->call.arena, decided->member);            \
		response.entry_id = to_entry_id(req->call.arena, decided);            \
		return call_pack(req->call.arena, &response.base, out, err);          \
	}

PACK_MEMBER(pack_override, OverrideTierResponse, OVERRIDE_TIER_RESPONSE)
PACK_MEMBER(pack_suspension, SuspendMemberResponse, SUSPEND_MEMBER_RESPONSE)

/* Links tell of both. */
#define PACK_LINK(name, Type, TYPE)                                              \
	static enum mb_code name(const struct repository_decision *req,          \
				 const struct decided *decided, struct str *out, \
				 struct mb_err *err)                             \
	{                                                                        \
		struct arena *arena = req->call.arena;                           \
		Memberd__V1__##Type response = MEMBERD__V1__##TYPE##__INIT;      \
                                                                                 \
		response.member_id = to_id(arena, decided[0].member->member_id); \
		response.info = to_info(arena, decided[0].member);               \
		response.entry_id = to_entry_id(arena, &decided[0]);             \
		response.other_id = to_id(arena, decided[1].member->member_id);  \
		response.other_info = to_info(arena, decided[1].member);         \
		response.other_entry_id = to_entry_id(arena, &decided[1]);       \
		return call_pack(req->call.arena, &response.base, out, err);     \
	}

PACK_LINK(pack_link, LinkMembersResponse, LINK_MEMBERS_RESPONSE)
PACK_LINK(pack_unlink, UnlinkMembersResponse, UNLINK_MEMBERS_RESPONSE)

/* Those of ScoringService tell the entry and what it made of the score. */
#define PACK_SCORE(name, Type, TYPE)                                             \
	static enum mb_code name(const struct repository_decision *req,          \
				 const struct decided *decided, struct str *out, \
				 struct mb_err *err)                             \
	{                                                                        \
		const struct member *member = decided->member;                   \
		struct arena *arena = req->call.arena;                           \
		Memberd__V1__##Type response = MEMBERD__V1__##TYPE##__INIT;      \
                                                                                 \
		response.entry_id = to_entry_id(arena, decided);                 \
		response.state = (Memberd__V1__EntryState)decided->state;        \
		response.score = member->standing.score.points;                  \
		response.tier = (Memberd__V1__Tier)member->standing.shown;       \
		response.info = to_info(arena, member);                          \
		response.member_id = to_id(arena, member->member_id);            \
		return call_pack(req->call.arena, &response.base, out, err);     \
	}

PACK_SCORE(pack_credibility, SetCredibilityResponse, SET_CREDIBILITY_RESPONSE)
PACK_SCORE(pack_fraud, ReportFraudResponse, REPORT_FRAUD_RESPONSE)
PACK_SCORE(pack_void, VoidActivityResponse, VOID_ACTIVITY_RESPONSE)
PACK_SCORE(pack_reverse, ReverseActivityResponse, REVERSE_ACTIVITY_RESPONSE)

/* ---- MemberService ---- */

static enum mb_code from_override(const struct deciding *deciding,
				  const Memberd__V1__OverrideTierRequest *request,
				  struct activity *out, struct mb_err *err)
{
	enum mb_code code = from_until(deciding, request->until, &out->override.until, err);

	if (code != MB_OK) {
		return code;
	}
	if (protobuf_c_enum_descriptor_get_value(&memberd__v1__tier__descriptor,
						 (int)request->tier) == NULL) {
		return mb_fail_field(err, MB_FIELD_INVALID, "tier",
				     "must be a tier, or unspecified for the natural one");
	}
	if ((request->tier != 0) != (request->until != NULL)) {
		return mb_fail_field(err, MB_FIELD_INVALID, "until",
				     request->tier != 0 ? "is missing: an override ends"
							: "ends nothing: no tier is given");
	}
	out->override.tier = (enum tier)request->tier;
	return MB_OK;
}

static void override_tier(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__OverrideTierRequest *request = (const void *)message;
	struct deciding *deciding = begin(call, data, ACTIVITY_OVERRIDE, pack_override);
	struct mb_err err = {0};
	enum mb_code code;

	if (deciding == NULL) {
		return;
	}
	code = from_common(deciding, request->request_id, request->member, request->reason, &err);
	if (code == MB_OK) {
		code = from_override(deciding, request, &deciding->decision.activity, &err);
	}
	submit(deciding, code, &err);
}

static void suspend_member(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__SuspendMemberRequest *request = (const void *)message;
	struct deciding *deciding = begin(call, data, ACTIVITY_SUSPENSION, pack_suspension);
	struct mb_err err = {0};

	if (deciding != NULL) {
		deciding->decision.activity.suspension.suspended = request->suspended;
		submit(deciding,
		       from_common(deciding, request->request_id, request->member, request->reason,
				   &err),
		       &err);
	}
}

static void change_link(struct deciding *deciding, bool linked, const char *request_id,
			const Memberd__V1__MemberRef *member, const Memberd__V1__MemberRef *other,
			const char *reason)
{
	struct repository_decision *decision = &deciding->decision;
	struct mb_err err = {0};
	enum mb_code code = from_common(deciding, request_id, member, reason, &err);

	decision->activity.link.linked = linked;
	if (code == MB_OK) {
		code = from_member_field(other, "other", &decision->other, &err);
	}
	submit(deciding, code, &err);
}

static void link_members(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__LinkMembersRequest *request = (const void *)message;
	struct deciding *deciding = begin(call, data, ACTIVITY_LINK, pack_link);

	if (deciding != NULL) {
		change_link(deciding, true, request->request_id, request->member, request->other,
			    request->reason);
	}
}

static void unlink_members(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__UnlinkMembersRequest *request = (const void *)message;
	struct deciding *deciding = begin(call, data, ACTIVITY_LINK, pack_unlink);

	if (deciding != NULL) {
		change_link(deciding, false, request->request_id, request->member, request->other,
			    request->reason);
	}
}

/* ---- ScoringService ---- */

static enum mb_code from_credibility(const struct deciding *deciding,
				     const Memberd__V1__SetCredibilityRequest *request,
				     struct activity *out, struct mb_err *err)
{
	if (request->delta_bp == 0 || request->delta_bp < -CREDIBILITY_CHANGE_MOST ||
	    request->delta_bp > CREDIBILITY_CHANGE_MOST) {
		return mb_fail_field(err, MB_FIELD_INVALID, "delta_bp",
				     "must be -%d to %d basis points, not 0",
				     CREDIBILITY_CHANGE_MOST, CREDIBILITY_CHANGE_MOST);
	}
	out->credibility.delta_bp = request->delta_bp;
	return from_until(deciding, request->until, &out->credibility.until, err);
}

static void set_credibility(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__SetCredibilityRequest *request = (const void *)message;
	struct deciding *deciding = begin(call, data, ACTIVITY_CREDIBILITY, pack_credibility);
	struct mb_err err = {0};
	enum mb_code code;

	if (deciding == NULL) {
		return;
	}
	code = from_common(deciding, request->request_id, request->member, request->reason, &err);
	if (code == MB_OK) {
		code = from_credibility(deciding, request, &deciding->decision.activity, &err);
	}
	submit(deciding, code, &err);
}

/* The three that name an activity. */
static void decide_about(struct deciding *deciding, const char *request_id,
			 const Memberd__V1__MemberRef *member, const char *reason,
			 const Memberd__V1__ActivityKey *key)
{
	struct mb_err err = {0};
	enum mb_code code = from_common(deciding, request_id, member, reason, &err);

	if (code == MB_OK) {
		code = from_key(key, &deciding->decision.activity, &err);
	}
	submit(deciding, code, &err);
}

static void report_fraud(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__ReportFraudRequest *request = (const void *)message;
	struct deciding *deciding = begin(call, data, ACTIVITY_FINDING, pack_fraud);

	if (deciding != NULL) {
		decide_about(deciding, request->request_id, request->member, request->reason,
			     request->activity);
	}
}

static void void_activity(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__VoidActivityRequest *request = (const void *)message;
	struct deciding *deciding = begin(call, data, ACTIVITY_VOID, pack_void);

	if (deciding != NULL) {
		decide_about(deciding, request->request_id, request->member, request->reason,
			     request->activity);
	}
}

static void reverse_activity(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__ReverseActivityRequest *request = (const void *)message;
	struct deciding *deciding = begin(call, data, ACTIVITY_UNDO, pack_reverse);

	if (deciding != NULL) {
		decide_about(deciding, request->request_id, request->member, request->reason,
			     request->activity);
	}
}

enum mb_code decisions_bind(struct rpc_registry *registry, struct services *services,
			    struct mb_err *err)
{
#define METHOD(name, message, fn)                                                         \
	{                                                                                 \
		"memberd.v1." name, &memberd__v1__##message##_request__descriptor,        \
			&memberd__v1__##message##_response__descriptor, RPC_ARENA_CAP, fn \
	}
	static const struct service_method methods[] = {
		METHOD("MemberService/OverrideTier", override_tier, override_tier),
		METHOD("MemberService/SuspendMember", suspend_member, suspend_member),
		METHOD("MemberService/LinkMembers", link_members, link_members),
		METHOD("MemberService/UnlinkMembers", unlink_members, unlink_members),
		METHOD("ScoringService/SetCredibility", set_credibility, set_credibility),
		METHOD("ScoringService/ReportFraud", report_fraud, report_fraud),
		METHOD("ScoringService/VoidActivity", void_activity, void_activity),
		METHOD("ScoringService/ReverseActivity", reverse_activity, reverse_activity),
	};
#undef METHOD

	return service_bind_methods(registry, methods, sizeof(methods) / sizeof(methods[0]),
				    services, err);
}
