/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PolicyService: the versions of the policy.
 *
 *     PublishPolicy ─▶ try (a reader's thread: a large text takes its time) ─▶ publish (the writer's)
 *                       └─ problems ─▶ POLICY_INVALID with all of them
 */
#include "memberd/v1/policy_service.pb-c.h"
#include "repository/repository.h"
#include "rpc/pb.h"
#include "service/calls.h"
#include "service/map.h"
#include "service/page.h"

#include <stdio.h>
#include <string.h>

#define ARENA_CAP   ((size_t)2 << 20) /* for texts that are too large, too, which are told so */
#define PAGE_NORMAL 50
#define PAGE_MOST   200

/* ---- versions ---- */

/* Unlike to_time() it knows 1970, from which version 1 is in force. */
static Google__Protobuf__Timestamp *to_instant(struct arena *arena, int64_t t)
{
	Google__Protobuf__Timestamp *message = to_time(arena, t);

	if (message == NULL && t == 0) {
		message = arena_alloc(arena, sizeof(*message));
		if (message != NULL) {
			google__protobuf__timestamp__init(message);
		}
	}
	return message;
}

static Memberd__V1__PolicyVersion *to_version(struct arena *arena,
					      const struct policy_version *version, bool in_force)
{
	Memberd__V1__PolicyVersion *message = arena_alloc(arena, sizeof(*message));
	char digest[2 * sizeof(version->digest) + 1];

	if (message == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < sizeof(version->digest); i++) {
		snprintf(digest + 2 * i, 3, "%02x", version->digest[i]);
	}
	memberd__v1__policy_version__init(message);
	message->version = version->policy->version;
	message->effective_from = to_instant(arena, version->policy->effective_from);
	message->known_at = to_instant(arena, version->known_at);
	message->digest = to_text(arena, str_from(digest));
	message->in_force = in_force;
	return message;
}

static int32_t version_now(const struct repository *repository)
{
	return policy_at(repository_policies(repository), repository_now(repository))->version;
}

static enum mb_code from_text(const char *text, struct str *out, struct mb_err *err)
{
	*out = str_from(text);
	return out->len > 0 ? MB_OK
			    : mb_fail_field(err, MB_FIELD_INVALID, "text", "must not be empty");
}

/* ---- ListPolicyVersions ---- */

static enum mb_code fill_page(const struct services *services, struct arena *arena, int32_t first,
			      int32_t size, struct str scope,
			      Memberd__V1__ListPolicyVersionsResponse *out, struct mb_err *err)
{
	int32_t now = version_now(services->repository);
	struct policy_version version;
	struct page page = {.next = first};

	out->versions = arena_array(arena, (size_t)size, sizeof(*out->versions));
	/* Numbers have no gaps. */
	while (out->versions != NULL && out->n_versions < (size_t)size &&
	       repository_policy_version(services->repository, page.next, &version)) {
		out->versions[out->n_versions++] =
			to_version(arena, &version, version.policy->version == now);
		page.next++;
	}
	if (repository_policy_version(services->repository, page.next, &version)) {
		out->next_page_token =
			page_token_make(services->repository, scope, &page, arena, err);
		if (out->next_page_token == NULL) {
			return err->code;
		}
	}
	return arena_overflowed(arena) ? arena_fail(arena, err) : MB_OK;
}

/* From memory, at once. */
static void list_policy_versions(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__ListPolicyVersionsRequest *request = (const void *)message;
	const struct services *services = data;
	const struct str scope = str_from(rpc_call_method(call));
	Memberd__V1__ListPolicyVersionsResponse response =
		MEMBERD__V1__LIST_POLICY_VERSIONS_RESPONSE__INIT;
	struct page page = {.next = 1};
	struct mb_err err = {0};
	int32_t size;
	enum mb_code code = page_size(request->page_size, PAGE_NORMAL, PAGE_MOST, &size, &err);

	if (code == MB_OK && request->page_token[0] != '\0') {
		code = page_token_read(services->repository, scope, request->page_token, &page,
				       &err);
	}
	if (code == MB_OK) {
		code = fill_page(services, rpc_call_arena(call), page.next, size, scope, &response,
				 &err);
	}
	if (code != MB_OK) {
		call_fail(call, &err);
		return;
	}
	rpc_call_reply(call, &response.base);
}

/* ---- GetPolicy ---- */

struct getting {
	struct repository_policy_text text;
	struct rpc_call *call;
	struct services *services;
	bool in_force;
};

static enum mb_code answer_get(void *data, struct mb_err *err)
{
	struct getting *getting = data;
	struct arena *arena = rpc_call_arena(getting->call);
	Memberd__V1__GetPolicyResponse response = MEMBERD__V1__GET_POLICY_RESPONSE__INIT;
	struct policy_version version;

	if (!repository_policy_version(getting->services->repository, getting->text.version,
				       &version)) {
		return mb_fail_field(err, MB_POLICY_NOT_FOUND, "version",
				     "version %d is being published", getting->text.version);
	}
	response.policy = to_version(arena, &version, getting->in_force);
	response.text = to_text(arena, getting->text.text);
	return call_reply(getting->call, &response.base, err);
}

static void get_policy(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__GetPolicyRequest *request = (const void *)message;
	struct getting *getting = arena_alloc(rpc_call_arena(call), sizeof(*getting));
	struct mb_err err = {0};
	int32_t now;

	if (getting != NULL && (request->version < 0 || request->version > INT32_MAX)) {
		mb_fail_field(&err, MB_FIELD_INVALID, "version",
			      "must be the number of a version, or 0 for the one in force");
	}
	if (getting == NULL || err.code != MB_OK ||
	    call_begin(call, data, &getting->text.call, answer_get, getting, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	getting->call = call;
	getting->services = data;
	now = version_now(getting->services->repository);
	getting->text.version = request->version == 0 ? now : (int32_t)request->version;
	getting->in_force = getting->text.version == now;
	call_hand_over(&getting->text.call);
	repository_policy_text(getting->services->repository, &getting->text);
}

/* ---- ValidatePolicy ---- */

struct trying {
	struct repository_try_policy attempt;
	struct rpc_call *call;
	struct services *services;
	void (*ended)(struct trying *trying); /* the text was read */
};

static enum mb_code end_trying(void *data, struct mb_err *err)
{
	struct trying *trying = data;

	(void)err;
	trying->ended(trying);
	return MB_OK;
}

static enum mb_code prepare_trying(struct rpc_call *call, struct services *services,
				   const char *text, struct trying *out, struct mb_err *err)
{
	out->call = call;
	out->services = services;
	return from_text(text, &out->attempt.policy, err) == MB_OK
		       ? call_begin(call, services, &out->attempt.call, end_trying, out, err)
		       : err->code;
}

static void submit_trying(struct trying *trying)
{
	call_hand_over(&trying->attempt.call);
	repository_try_policy(trying->services->repository, &trying->attempt);
}

static Memberd__V1__PolicyProblem *to_problem(struct arena *arena,
					      const struct policy_problem *problem)
{
	Memberd__V1__PolicyProblem *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__policy_problem__init(message);
		message->line = problem->line;
		message->column = problem->column;
		message->path = to_text(arena, str_from(problem->path));
		message->text = to_text(arena, str_from(problem->text));
	}
	return message;
}

static void answer_validate(struct trying *trying)
{
	const struct repository_try_policy *attempt = &trying->attempt;
	struct arena *arena = rpc_call_arena(trying->call);
	Memberd__V1__ValidatePolicyResponse response = MEMBERD__V1__VALIDATE_POLICY_RESPONSE__INIT;
	struct mb_err err;

	response.problems = arena_array(arena, attempt->problems.n, sizeof(*response.problems));
	for (size_t i = 0; response.problems != NULL && i < attempt->problems.n; i++) {
		response.problems[response.n_problems++] =
			to_problem(arena, &attempt->problems.items[i]);
	}
	response.problems_unlisted = (int64_t)attempt->problems.unlisted;
	if (attempt->problems.n == 0) {
		response.version = attempt->version;
		response.effective_from = to_instant(arena, attempt->effective_from);
		response.publishable = attempt->next_code == MB_OK;
		if (!response.publishable) {
			response.obstacle = to_text(arena, str_from(attempt->next.text));
		}
	}
	if (arena_overflowed(arena)) {
		arena_fail(arena, &err);
		call_fail(trying->call, &err);
		return;
	}
	rpc_call_reply(trying->call, &response.base);
}

static void validate_policy(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__ValidatePolicyRequest *request = (const void *)message;
	struct trying *trying = arena_alloc(rpc_call_arena(call), sizeof(*trying));
	struct mb_err err = {0};

	if (trying == NULL || prepare_trying(call, data, request->text, trying, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	trying->ended = answer_validate;
	submit_trying(trying);
}

/* ---- PublishPolicy ---- */

struct publishing {
	struct trying trying;
	struct repository_publish publish;
};

static enum mb_code answer_publish(void *data, struct mb_err *err)
{
	struct publishing *publishing = data;

	(void)err;
	rpc_call_reply_bytes(publishing->trying.call, publishing->publish.answered);
	return MB_OK;
}

static enum mb_code pack_published(const struct repository_publish *req,
				   const struct policy_version *version, struct str *out,
				   struct mb_err *err)
{
	struct arena *arena = req->call.arena;
	Memberd__V1__PublishPolicyResponse response = MEMBERD__V1__PUBLISH_POLICY_RESPONSE__INIT;

	response.published =
		to_version(arena, version, version->policy->effective_from <= version->known_at);
	return call_pack(arena, &response.base, out, err);
}

/* "41:13: tiers.gold.attain: must be …" */
static char *print_problem(struct arena *arena, const struct policy_problem *problem)
{
	return arena_printf(arena, "%d:%d: %s%s%s", problem->line, problem->column, problem->path,
			    problem->path[0] == '\0' ? "" : ": ", problem->text);
}

/* All that is wrong, as far as an error has room for it; the message says the first and how many. */
static void fail_invalid(struct trying *trying)
{
	const struct policy_problems *problems = &trying->attempt.problems;
	struct arena *arena = rpc_call_arena(trying->call);
	struct rpc_violation *violations = arena_array(arena, problems->n, sizeof(*violations));
	size_t others = problems->n - 1 + problems->unlisted;
	struct mb_err err;

	for (size_t i = 0; violations != NULL && i < problems->n; i++) {
		violations[i].field = arena_strdup(arena, "text");
		violations[i].text = print_problem(arena, &problems->items[i]);
	}
	if (arena_overflowed(arena)) {
		arena_fail(arena, &err);
		call_fail(trying->call, &err);
		return;
	}
	mb_fail_field(&err, MB_POLICY_INVALID, "text", "%s", violations[0].text);
	if (others > 0) {
		mb_fail_field(&err, MB_POLICY_INVALID, "text", "%.220s (and %zu more)",
			      violations[0].text, others);
	}
	rpc_call_fail_all(trying->call, &err, violations, problems->n);
}

static void publish_tried(struct trying *trying)
{
	struct publishing *publishing = (struct publishing *)trying;

	if (trying->attempt.problems.n > 0) {
		fail_invalid(trying);
		return;
	}
	call_hand_over(&publishing->publish.call);
	repository_publish(trying->services->repository, &publishing->publish);
}

static enum mb_code from_publish(struct rpc_call *call, struct services *services,
				 const Memberd__V1__PublishPolicyRequest *request,
				 struct publishing *out, struct mb_err *err)
{
	struct repository_publish *publish = &out->publish;
	enum mb_code code = from_request_id(request->request_id, rpc_call_arena(call),
					    &publish->request_id, err);

	if (code == MB_OK) {
		code = from_reason(request->reason, &publish->reason, err);
	}
	if (code == MB_OK) {
		code = prepare_trying(call, services, request->text, &out->trying, err);
	}
	if (code == MB_OK) {
		code = call_begin(call, services, &publish->call, answer_publish, out, err);
	}
	publish->policy = out->trying.attempt.policy;
	publish->policy_file = "policy";
	publish->method = str_from(rpc_call_method(call));
	publish->answer = pack_published;
	return code;
}

static void publish_policy(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	struct publishing *publishing = arena_alloc(rpc_call_arena(call), sizeof(*publishing));
	struct mb_err err = {0};

	if (publishing == NULL ||
	    from_publish(call, data, (const void *)message, publishing, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	publishing->trying.ended = publish_tried;
	submit_trying(&publishing->trying);
}

enum mb_code policy_service_bind(struct rpc_registry *registry, struct services *services,
				 struct mb_err *err)
{
	static const struct service_method methods[] = {
		{"memberd.v1.PolicyService/PublishPolicy",
		 &memberd__v1__publish_policy_request__descriptor,
		 &memberd__v1__publish_policy_response__descriptor, ARENA_CAP, publish_policy},
		{"memberd.v1.PolicyService/ListPolicyVersions",
		 &memberd__v1__list_policy_versions_request__descriptor,
		 &memberd__v1__list_policy_versions_response__descriptor, RPC_ARENA_CAP,
		 list_policy_versions},
		{"memberd.v1.PolicyService/GetPolicy", &memberd__v1__get_policy_request__descriptor,
		 &memberd__v1__get_policy_response__descriptor, ARENA_CAP, get_policy},
		{"memberd.v1.PolicyService/ValidatePolicy",
		 &memberd__v1__validate_policy_request__descriptor,
		 &memberd__v1__validate_policy_response__descriptor, ARENA_CAP, validate_policy},
	};

	return service_bind_methods(registry, methods, sizeof(methods) / sizeof(methods[0]),
				    services, err);
}
