/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_impl: what server and reflection see of the registry; nobody else includes it.
 */
#pragma once

#include "google/protobuf/descriptor.pb-c.h"
#include "rpc/registry.h"

#include <stdbool.h>

enum rpc_shape { RPC_UNARY, RPC_SERVER_STREAM, RPC_CLIENT_STREAM, RPC_BIDI };

struct rpc_file {
	struct str bytes; /* the serialized FileDescriptorProto, as it was embedded */
	const Google__Protobuf__FileDescriptorProto *proto;
};

struct rpc_service {
	const char *name; /* "memberd.v1.MemberService" */
	bool served; /* a method of it is bound */
};

/* Every method of every file; one without a handler is not served. */
struct rpc_method {
	size_t id; /* counted from 0, as rpc_registry_each() tells it */
	const char *path; /* "/memberd.v1.MemberService/GetMember", as on the wire */
	const char *full; /* path without the first slash */
	const char *name; /* "GetMember" */
	struct rpc_service *service;
	const char *permission; /* NULL without the option */
	bool is_public; /* PERMISSION_PUBLIC */
	enum rpc_shape shape;
	const char *input_name, *output_name; /* ".memberd.v1.GetMemberRequest" */
	/* set by binding */
	const ProtobufCMessageDescriptor *input, *output;
	size_t arena_cap;
	rpc_unary_fn *unary;
	const struct rpc_stream_ops *stream;
	void *data;
};

size_t rpc_registry_file_count(const struct rpc_registry *registry);
const struct rpc_file *rpc_registry_file(const struct rpc_registry *registry, size_t i);
size_t rpc_registry_service_count(const struct rpc_registry *registry);
const struct rpc_service *rpc_registry_service(const struct rpc_registry *registry, size_t i);
size_t rpc_registry_method_count(const struct rpc_registry *registry);
const struct rpc_method *rpc_registry_method(const struct rpc_registry *registry, size_t i);

static inline bool rpc_method_is_bound(const struct rpc_method *method)
{
	return method->unary != NULL || method->stream != NULL;
}
