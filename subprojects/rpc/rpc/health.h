/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health: grpc.health.v1 (Check, Watch, List) over a table of service names. "" is the whole server.
 *
 * Threads:  rpc_health_set() from any thread; watchers are told from there or from a queue thread.
 */
#pragma once

#include "base/err.h"
#include "rpc/registry.h"

enum rpc_serving { RPC_SERVICE_UNKNOWN = 3, RPC_SERVING = 1, RPC_NOT_SERVING = 2 };

struct rpc_health;

struct rpc_health *rpc_health_create(void);
void rpc_health_destroy(struct rpc_health *health);
/* Adds or changes; watchers of the name are told. After rpc_health_shutdown() nothing is serving
 * any more, whatever is set. */
enum mb_code rpc_health_set(struct rpc_health *health, const char *service, enum rpc_serving state,
			    struct mb_err *err);
enum rpc_serving rpc_health_get(struct rpc_health *health, const char *service);
void rpc_health_shutdown(struct rpc_health *health);
/* Adds the files and binds the methods. */
enum mb_code rpc_health_bind(struct rpc_health *health, struct rpc_registry *registry,
			     struct mb_err *err);
