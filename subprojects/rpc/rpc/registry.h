/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry: every service and method a server has, fed by embedded FileDescriptorSets.
 *
 * Sets are merged by file name; a handler is bound to a method by its name, and the registry checks
 * that its shape (unary, streaming) and message types are those of the descriptor. Before the server
 * starts, rpc_registry_check() refuses a method without handler and one without permission option.
 *
 * Threads:  built on one thread, read-only once a server has it.
 */
#pragma once

#include "base/err.h"
#include "rpc/call.h"

#include <stddef.h>

struct rpc_registry;

/* Memory for a call of the method. 0 takes the default. */
#define RPC_ARENA_CAP	    ((size_t)256 << 10)
#define RPC_ARENA_CAP_BATCH ((size_t)4 << 20)

struct rpc_registry *rpc_registry_create(void);
void rpc_registry_destroy(struct rpc_registry *registry);

/* A serialized google.protobuf.FileDescriptorSet (protoc --include_imports); bytes stay borrowed. */
enum mb_code rpc_registry_add_files(struct rpc_registry *registry, const void *bytes, size_t size,
				    struct mb_err *err);

/* method: "package.Service/Method". input and output: protobuf-c's descriptors. MB_INTERNAL, as
 * everything here that is wrong, when no file has the method, it is bound already, or its shape or
 * message types are others. */
enum mb_code rpc_registry_bind_unary(struct rpc_registry *registry, const char *method,
				     const ProtobufCMessageDescriptor *input,
				     const ProtobufCMessageDescriptor *output, size_t arena_cap,
				     rpc_unary_fn *fn, void *data, struct mb_err *err);
enum mb_code rpc_registry_bind_stream(struct rpc_registry *registry, const char *method,
				      const ProtobufCMessageDescriptor *input,
				      const ProtobufCMessageDescriptor *output, size_t arena_cap,
				      const struct rpc_stream_ops *ops, void *data,
				      struct mb_err *err);
/* Only services with at least one bound method are served: each of their methods must be bound and
 * have a permission. */
enum mb_code rpc_registry_check(const struct rpc_registry *registry, struct mb_err *err);
/* A method of the services that are served; the texts live as long as the registry. id: a small number
 * of its own, by which others keep what they know of it. */
typedef void rpc_method_fn(const char *service, const char *name, size_t id, void *data);
void rpc_registry_each(const struct rpc_registry *registry, rpc_method_fn *fn, void *data);
/* More than any id. */
size_t rpc_registry_ids(const struct rpc_registry *registry);
