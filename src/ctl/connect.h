/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect: memberctl's side of calls: where the server is, who calls, whom a command is about.
 */
#pragma once

#include "base/err.h"
#include "ctl/flags.h"
#include "memberd/v1/common.pb-c.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

struct ctl;

/* Makes ctl->client from --server, --token-file, --timeout and the environment. timeout_ms: of a call
 * when --timeout says none; attempts: of a call that may be repeated, 0 for the client's default. An
 * exit code; the error is told. */
int connect_client(struct ctl *ctl, int64_t timeout_ms, int attempts);
/* Connects when nobody has, calls once, tells errors. */
int connect_ask(struct ctl *ctl, const char *method, const ProtobufCMessage *request,
		const ProtobufCMessageDescriptor *response_type, bool repeatable,
		ProtobufCMessage **out);
/* The same. With --output json the answer is printed and
 * *out stays NULL. */
int connect_call(struct ctl *ctl, const char *method, const ProtobufCMessage *request,
		 const ProtobufCMessageDescriptor *response_type, bool repeatable,
		 ProtobufCMessage **out);

/* With --zone programme: asks in which zone the months of this member's score begin, and has times told
 * by it. NULL: the command is about none; then only an offset will do. An exit code. */
int connect_zone(struct ctl *ctl, Memberd__V1__MemberRef *member);

/* "4711" or "issuer:external_id"; NULL, and the error told, for anything else. */
Memberd__V1__MemberRef *connect_member(struct ctl *ctl, const char *text);
/* The same for what must be an identity. */
Memberd__V1__Identity *connect_identity(struct ctl *ctl, const char *text);
/* --min-revision, 0 when absent; an exit code. */
int connect_min_revision(struct ctl *ctl, int64_t *out);
/* Both, of a command that reads the member named by its first argument; an exit code. */
int connect_subject(struct ctl *ctl, Memberd__V1__MemberRef **member, int64_t *min_revision);
/* And --as-of and --known-at, NULL when absent. */
int connect_subject_at(struct ctl *ctl, Memberd__V1__MemberRef **member, int64_t *min_revision,
		       Google__Protobuf__Timestamp **as_of, Google__Protobuf__Timestamp **known_at);
/* The time that a flag holds, NULL when it is absent; an exit code. */
int connect_time(struct ctl *ctl, enum flag_id id, Google__Protobuf__Timestamp **out);
/* --request-id, else a random one; NULL, and the error told, when there is none to be had. */
char *connect_request_id(struct ctl *ctl);
/* A message as indented JSON on stdout. */
int connect_print(struct ctl *ctl, const ProtobufCMessage *message);
