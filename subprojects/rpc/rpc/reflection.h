/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reflection: grpc.reflection.v1 and v1alpha over the registry's files, extensions included.
 */
#pragma once

#include "base/err.h"
#include "rpc/registry.h"

/* Adds the files and binds the methods of both versions; bind last, so that all services show. */
enum mb_code rpc_reflection_bind(struct rpc_registry *registry, struct mb_err *err);
