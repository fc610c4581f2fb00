/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service: the RPC services of memberd.v1 over the repository. A handler checks the form of a
 * request on the thread that took it, hands it over, and answers from the loop of the store.
 *
 * Memory:   struct services is the caller's and lives as long as the server.
 * Errors:   what is wrong with a request names its field; the order is form, permission, member.
 */
#pragma once

#include "base/err.h"
#include "rpc/registry.h"
#include "service/streams.h"

struct repository;
struct rpc_grant;

struct services {
	struct repository *repository;
	const struct rpc_grant *grants; /* the server's: service_grants */
	struct streams streams; /* made by services_bind() */
};

/* Adds the files of memberd.v1 and binds every method. */
enum mb_code services_bind(struct rpc_registry *registry, struct services *services,
			   struct mb_err *err);

/* For rpc_server_options.draining: streams finish what they have begun and end with DRAINING. */
void services_drain(void *services);

/* One a file; services_bind() calls them. */
enum mb_code member_service_bind(struct rpc_registry *registry, struct services *services,
				 struct mb_err *err);
enum mb_code scoring_service_bind(struct rpc_registry *registry, struct services *services,
				  struct mb_err *err);
enum mb_code stream_activities_bind(struct rpc_registry *registry, struct services *services,
				    struct mb_err *err);
enum mb_code benefit_service_bind(struct rpc_registry *registry, struct services *services,
				  struct mb_err *err);
enum mb_code policy_service_bind(struct rpc_registry *registry, struct services *services,
				 struct mb_err *err);
enum mb_code audit_service_bind(struct rpc_registry *registry, struct services *services,
				struct mb_err *err);
enum mb_code decisions_bind(struct rpc_registry *registry, struct services *services,
			    struct mb_err *err);
enum mb_code vip_service_bind(struct rpc_registry *registry, struct services *services,
			      struct mb_err *err);

struct service_method {
	const char *name; /* "memberd.v1.MemberService/GetMember" */
	const ProtobufCMessageDescriptor *input, *output;
	size_t arena_cap;
	rpc_unary_fn *fn;
};

enum mb_code service_bind_methods(struct rpc_registry *registry,
				  const struct service_method *methods, size_t n,
				  struct services *services, struct mb_err *err);
