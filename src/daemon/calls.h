/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls: what is told about every call: one log line at its end, and the usual gRPC metrics.
 *
 * Threads:  hooks run on the threads that begin and end calls; create and destroy on one other.
 */
#pragma once

#include "base/log.h"
#include "base/metric.h"
#include "rpc/registry.h"
#include "rpc/server.h"

struct calls;

/* Makes the series of every served method. All arguments are borrowed. access: enum in options.h. */
struct calls *calls_create(const struct rpc_registry *registry, struct metric_set *metrics,
			   struct log *log, int access);
void calls_destroy(struct calls *calls);

/* The server's hooks; data is the struct calls. */
void calls_began(size_t id, void *data);
void calls_ended(const struct rpc_call_end *end, void *data);
