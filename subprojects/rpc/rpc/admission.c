/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fault.h"
#include "rpc/call_impl.h"

#include <grpc/slice.h>

/* ---- what stands between arrival and handler, in this order ---- */

static enum mb_code check_method(struct rpc_call *call, struct mb_err *err)
{
	return call->method != NULL ? MB_OK
				    : mb_fail(err, MB_METHOD_UNKNOWN, "this server has no %.*s",
					      (int)GRPC_SLICE_LENGTH(call->details.method),
					      GRPC_SLICE_START_PTR(call->details.method));
}

static enum mb_code check_load(struct rpc_call *call, struct mb_err *err)
{
	return rpc_server_enter(call->server, call, err);
}

static enum mb_code check_token(struct rpc_call *call, struct mb_err *err)
{
	const struct rpc_server_options *options = rpc_server_options_of(call->server);
	const struct rpc_principal *principal;

	if (options->tokens == NULL || call->method->is_public) {
		return MB_OK;
	}
	if (call->meta.token.ptr == NULL) {
		return mb_fail(err, MB_TOKEN_UNKNOWN,
			       "send a token as metadata 'authorization: Bearer TOKEN'");
	}
	principal = rpc_tokens_find(options->tokens, call->meta.token);
	if (principal == NULL) {
		return mb_fail(err, MB_TOKEN_UNKNOWN, "the token is not known here");
	}
	call->principal = principal;
	return MB_OK;
}

static enum mb_code check_permission(struct rpc_call *call, struct mb_err *err)
{
	const struct rpc_method *method = call->method;

	if (method->is_public || call->slot->welcome == call->principal) {
		return MB_OK;
	}
	if (rpc_role_may(rpc_server_options_of(call->server)->grants, call->principal->role,
			 method->permission)) {
		call->slot->welcome = call->principal;
		return MB_OK;
	}
	return mb_fail(err, MB_PERMISSION_MISSING, "%s needs the permission %s", method->full,
		       method->permission);
}

static enum mb_code check_deadline(struct rpc_call *call, struct mb_err *err)
{
	return call->deadline_ns == INT64_MAX || clock_monotonic_ns() < call->deadline_ns
		       ? MB_OK
		       : mb_fail(err, MB_CALL_TIMED_OUT, "the deadline had passed on arrival");
}

static enum mb_code check_memory(struct rpc_call *call, struct mb_err *err)
{
	call->arena = FAULT("rpc.call.arena") ? NULL : rpc_server_take_arena(call);
	if (call->arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory is left for this request now");
	}
	return MB_OK;
}

static enum mb_code (*const admission[])(struct rpc_call *call, struct mb_err *err) = {
	check_load, check_method, check_token, check_permission, check_deadline, check_memory,
};

/* The one request message of a unary or server-streaming method. C core gives none when the caller
 * sent none, when it was too large (it has said so itself then), or when the call is over. */
static enum mb_code take_request(struct rpc_call *call, const ProtobufCMessage **out,
				 struct mb_err *err)
{
	grpc_byte_buffer *payload = call->payload;
	ProtobufCMessage *request;
	enum mb_code code;

	if (payload == NULL) {
		return mb_fail(err, MB_MESSAGE_MALFORMED, "no request message arrived");
	}
	call->payload = NULL;
	code = rpc_call_unpack(call, payload, call->arena, &request, err);
	if (code == MB_OK) {
		*out = request;
	}
	return code;
}

static int64_t deadline_ns(gpr_timespec deadline, int64_t now_ns)
{
	gpr_timespec left;

	if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) {
		return INT64_MAX;
	}
	left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
	if (left.tv_sec < 0) {
		return now_ns;
	}
	if (left.tv_sec > INT64_MAX / 2000000000) {
		return INT64_MAX;
	}
	return now_ns + left.tv_sec * 1000000000 + left.tv_nsec;
}

static void prepare(struct rpc_call *call)
{
	static const struct rpc_principal nobody = {{"", 0}, {"", 0}};
	const struct rpc_server_options *options = rpc_server_options_of(call->server);

	call->start_ns = clock_monotonic_ns();
	call->deadline_ns = deadline_ns(
		call->method == NULL ? call->details.deadline : call->deadline, call->start_ns);
	call->principal = options->anonymous != NULL ? options->anonymous : &nobody;
	rpc_metadata_read(&call->metadata, &call->meta);
}

static enum mb_code admit(struct rpc_call *call, const ProtobufCMessage **request,
			  struct mb_err *err)
{
	for (size_t i = 0; i < sizeof(admission) / sizeof(admission[0]); i++) {
		enum mb_code code = admission[i](call, err);

		if (code != MB_OK) {
			return code;
		}
	}
	return call->method->shape == RPC_BIDI ? MB_OK : take_request(call, request, err);
}

void rpc_call_begin(struct rpc_call *call)
{
	const struct rpc_server_options *options = rpc_server_options_of(call->server);
	const ProtobufCMessage *request = NULL;
	struct mb_err err = {0};

	call->held = true;
	prepare(call);
	if (options->began != NULL && call->method != NULL) {
		options->began(call->method->id, options->began_data);
	}
	if (admit(call, &request, &err) != MB_OK) {
		rpc_call_fail(call, &err);
	} else if (call->method->unary != NULL) {
		call->method->unary(call, request, call->method->data);
	} else {
		call->method->stream->open(call, request, call->method->data);
	}
	rpc_call_let_go(call);
}
