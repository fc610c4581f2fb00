/* SPDX-License-Identifier: Apache-2.0 */
#include "service/calls.h"

#include "rpc/pb.h"
#include "rpc/principal.h"
#include "service/grants.h"
#include "service/map.h"

void call_fail(struct rpc_call *call, const struct mb_err *err)
{
	struct mb_err story;

	if (arena_overflowed(rpc_call_arena(call))) {
		arena_fail(rpc_call_arena(call), &story);
		err = &story;
	}
	rpc_call_fail(call, err);
}

enum mb_code call_reply(struct rpc_call *call, const ProtobufCMessage *response, struct mb_err *err)
{
	if (arena_overflowed(rpc_call_arena(call))) {
		return arena_fail(rpc_call_arena(call), err);
	}
	rpc_call_reply(call, response);
	return MB_OK;
}

enum mb_code call_pack(struct arena *arena, const ProtobufCMessage *response, struct str *out,
		       struct mb_err *err)
{
	struct str packed = {0};

	if (!arena_overflowed(arena)) {
		packed = pb_pack(arena, response);
	}
	if (arena_overflowed(arena)) {
		return arena_fail(arena, err);
	}
	*out = packed;
	return MB_OK;
}

enum mb_code call_may(const struct rpc_call *call, const struct services *services,
		      const char *permission, struct mb_err *err)
{
	if (!rpc_role_may(services->grants, rpc_call_principal(call)->role, permission)) {
		return mb_fail(err, MB_PERMISSION_MISSING, "the token's role lacks %s", permission);
	}
	return MB_OK;
}

int64_t call_only_member(const struct rpc_call *call)
{
	const struct rpc_principal *principal = rpc_call_principal(call);
	int64_t member_id;

	if (!str_eq(principal->role, STR(ROLE_MEMBER))) {
		return 0;
	}
	return str_to_id(principal->subject, &member_id) ? member_id : -1;
}

enum mb_code call_may_ask(const struct rpc_call *call, const struct member_ref *ref,
			  struct mb_err *err)
{
	int64_t only = call_only_member(call);

	/* Whose an identity is, only the store knows; the repository asks the same there. */
	if (only != 0 && ref->member_id != 0 && ref->member_id != only) {
		return mb_fail(err, MB_PERMISSION_MISSING,
			       "the token's role may ask about its own member only");
	}
	return MB_OK;
}

enum mb_code call_prepare(struct rpc_call *call, struct repository_call *out,
			  repository_done_cb *cb, void *data, struct mb_err *err)
{
	const struct rpc_principal *principal = rpc_call_principal(call);
	const char *name;

	if (principal->subject.len > 0) {
		name = arena_printf(rpc_call_arena(call), "%.*s:%.*s", STR_ARG(principal->role),
				    STR_ARG(principal->subject));
	} else {
		name = arena_strndup(rpc_call_arena(call), principal->role.ptr,
				     principal->role.len);
	}
	if (name == NULL) {
		return arena_fail(rpc_call_arena(call), err);
	}
	out->arena = rpc_call_arena(call);
	out->principal = str_from(name);
	out->only_member = call_only_member(call);
	out->cb = cb;
	out->data = data;
	return MB_OK;
}

/* ---- from hand-over to answer ---- */

struct errand {
	struct rpc_call *call;
	struct repository *repository;
	struct repository_call *part;
	call_answer_fn *answer;
	void *data;
};

static void cancel_errand(void *data)
{
	struct errand *errand = data;

	repository_cancel(errand->repository, errand->part);
}

static void end_errand(struct repository_call *done)
{
	struct errand *errand = done->data;
	struct rpc_call *call = errand->call;
	struct mb_err err = done->err;

	rpc_call_on_cancel(call, NULL, NULL);
	if (done->code != MB_OK || errand->answer(errand->data, &err) != MB_OK) {
		call_fail(call, &err);
	}
}

enum mb_code call_begin(struct rpc_call *call, const struct services *services,
			struct repository_call *out, call_answer_fn *answer, void *data,
			struct mb_err *err)
{
	struct errand *errand = arena_alloc(rpc_call_arena(call), sizeof(*errand));

	if (errand == NULL) {
		return arena_fail(rpc_call_arena(call), err);
	}
	*errand = (struct errand){call, services->repository, out, answer, data};
	return call_prepare(call, out, end_errand, errand, err);
}

void call_hand_over(struct repository_call *part)
{
	struct errand *errand = part->data;

	rpc_call_on_cancel(errand->call, cancel_errand, errand);
}

/* ---- readings ---- */

static enum mb_code answer_reading(void *data, struct mb_err *err)
{
	struct reading *reading = data;
	const struct member_query *query = &reading->read.queries[0];

	if (reading->one && query->code != MB_OK) {
		*err = query->err;
		return query->code;
	}
	return reading->answer(reading, err);
}

struct reading *reading_begin(struct rpc_call *call, struct services *services, const void *request,
			      size_t n, unsigned parts, reading_answer_fn *answer)
{
	struct arena *arena = rpc_call_arena(call);
	struct reading *reading = arena_alloc(arena, sizeof(*reading));
	struct member_query *queries = arena_array(arena, n, sizeof(*queries));
	struct mb_err err = {0};

	if (reading == NULL || queries == NULL ||
	    call_begin(call, services, &reading->read.call, answer_reading, reading, &err) !=
		    MB_OK) {
		call_fail(call, &err);
		return NULL;
	}
	reading->read.queries = queries;
	reading->read.n = n;
	reading->read.parts = parts;
	reading->call = call;
	reading->services = services;
	reading->request = request;
	reading->answer = answer;
	return reading;
}

void reading_submit(struct reading *reading)
{
	struct mb_err err = {0};

	if ((reading->read.parts & MEMBER_PERSONAL) != 0 &&
	    call_may(reading->call, reading->services, PERMISSION_PERSONAL, &err) != MB_OK) {
		call_fail(reading->call, &err);
		return;
	}
	for (size_t i = 0; i < reading->read.n; i++) {
		struct member_query *query = &reading->read.queries[i];

		if (query->code == MB_OK) {
			query->code = call_may_ask(reading->call, &query->ref, &query->err);
		}
	}
	if (repository_peek(reading->services->repository, &reading->read)) {
		if (answer_reading(reading, &err) != MB_OK) {
			call_fail(reading->call, &err);
		}
		return;
	}
	call_hand_over(&reading->read.call);
	repository_read(reading->services->repository, &reading->read);
}

void reading_at_least(struct member_query *query, int64_t min_revision)
{
	if (query->code == MB_OK && min_revision < 0) {
		query->code = mb_fail_field(&query->err, MB_FIELD_INVALID, "min_revision",
					    "must not be negative");
	}
	query->min_revision = min_revision;
}

void reading_submit_one(struct reading *reading, int64_t min_revision)
{
	struct member_query *query = &reading->read.queries[0];

	reading->one = true;
	reading_at_least(query, min_revision);
	if (query->code != MB_OK) {
		call_fail(reading->call, &query->err);
		return;
	}
	reading_submit(reading);
}

static enum mb_code from_axis(const Google__Protobuf__Timestamp *message, const char *field,
			      int64_t now, bool *has, int64_t *out, struct mb_err *err)
{
	enum mb_code code;

	*has = message != NULL;
	if (message == NULL) {
		return MB_OK;
	}
	code = from_time(message, out, err);
	if (code != MB_OK) {
		mb_err_prefix_field(err, "%s", field);
	} else if (*out > now) {
		code = mb_fail_field(err, MB_IN_FUTURE, field,
				     "lies after now; what will be is in the schedule of GetScore");
	}
	return code;
}

static enum mb_code from_axes(const struct question *question, const struct repository *repository,
			      struct axes *out, struct mb_err *err)
{
	enum mb_code code;
	int64_t now;

	if (question->as_of == NULL && question->known_at == NULL) {
		return MB_OK; /* nearly always: and looking at the clock costs */
	}
	now = repository_now(repository);
	code = from_axis(question->as_of, "as_of", now, &out->has_as_of, &out->as_of, err);

	if (code == MB_OK) {
		code = from_axis(question->known_at, "known_at", now, &out->has_known_at,
				 &out->known_at, err);
	}
	if (code == MB_OK && question->known_at != NULL && question->min_revision != 0) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "min_revision",
				     "asks for what is new, known_at for what was: give one");
	}
	return code;
}

enum mb_code reading_ask(struct reading *reading, const struct question *question)
{
	struct member_query *query = &reading->read.queries[0];

	query->code = from_member_field(question->member, "member", &query->ref, &query->err);
	if (query->code == MB_OK) {
		query->code = from_axes(question, reading->services->repository,
					&reading->read.axes, &query->err);
	}
	return query->code;
}

void reading_start(struct rpc_call *call, struct services *services, const void *request,
		   const struct question *question, unsigned parts, void *prepared,
		   reading_answer_fn *answer)
{
	struct reading *reading = reading_begin(call, services, request, 1, parts, answer);

	if (reading != NULL) {
		reading_ask(reading, question);
		reading->prepared = prepared;
		reading_submit_one(reading, question->min_revision);
	}
}

const struct member *reading_member(const struct reading *reading)
{
	return reading->read.queries[0].member;
}
