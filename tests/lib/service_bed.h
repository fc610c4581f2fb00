/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_bed: the services of memberd.v1 behind a server on a Unix socket, over a repository of
 * their own, and clients of every role. The loop runs on a thread of the bed from start to stop;
 * everything here is for the thread of the test. Failures of the bed itself end the process.
 */
#pragma once

#include "memberd/v1/benefit_service.pb-c.h"
#include "memberd/v1/member_service.pb-c.h"
#include "memberd/v1/scoring_service.pb-c.h"
#include "memberd/v1/vip_service.pb-c.h"
#include "repo_bed.h"
#include "rpc/registry.h"
#include "rpc/server.h"
#include "service/service.h"

#include <pthread.h>

struct client;

#define BED_CLIENTS 16

struct service_bed {
	struct repo_bed repo;
	struct services services;
	struct rpc_registry *registry;
	struct rpc_tokens *tokens;
	struct rpc_server *server;
	pthread_t loop_thread;
	uv_async_t stop;
	char dir[64], socket[96], token_file[96];
	struct {
		char token[64];
		struct client *client;
	} clients[BED_CLIENTS];
	int64_t deadline_ms; /* of calls; 0: the client's default */
	/* of the last call */
	struct mb_err err;
};

void service_bed_start(struct service_bed *bed, const char *backend);
void service_bed_stop(struct service_bed *bed);

/* One call with the token of a role ("admin", "support", …, "member:4711"; "" sends none). The
 * response lives in the bed's arena; NULL when it failed, then bed->err tells. */
void *service_call(struct service_bed *bed, const char *role, const char *method,
		   const ProtobufCMessage *request, const ProtobufCMessageDescriptor *type);

/* CALL(bed, "admin", "MemberService/GetMember", get_member, &request) */
#define CALL(bed, role, method, name, request)                          \
	service_call(bed, role, "memberd.v1." method, &(request)->base, \
		     &memberd__v1__##name##_response__descriptor)
