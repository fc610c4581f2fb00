/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls: what every handler does around its own work: who asks, hand over, be cancelled, answer.
 *
 *     handler (queue thread) ─ form, permission ─▶ submit ─▶ repository ─▶ answer (loop) ─▶ reply
 *            └─ something wrong ─▶ fail                            └─ error ─▶ fail
 *
 * Memory:   everything of a call is in its arena.
 */
#pragma once

#include "memberd/v1/common.pb-c.h"
#include "repository/repository.h"
#include "rpc/call.h"
#include "service/service.h"

/* Fails a call whose arena is used up, or with err. */
void call_fail(struct rpc_call *call, const struct mb_err *err);
/* Replies with what was built in the call's arena, if all of it had room. */
enum mb_code call_reply(struct rpc_call *call, const ProtobufCMessage *response,
			struct mb_err *err);
/* The same for an answer that is kept with the request: its bytes. */
enum mb_code call_pack(struct arena *arena, const ProtobufCMessage *response, struct str *out,
		       struct mb_err *err);
/* Whether the caller's role has a permission beyond the method's own: MB_PERMISSION_MISSING. */
enum mb_code call_may(const struct rpc_call *call, const struct services *services,
		      const char *permission, struct mb_err *err);
/* The member that the caller is bound to: 0 none, -1 one that cannot exist. */
int64_t call_only_member(const struct rpc_call *call);
/* A caller who is bound to one member and names another: MB_PERMISSION_MISSING, before anything is
 * looked up. */
enum mb_code call_may_ask(const struct rpc_call *call, const struct member_ref *ref,
			  struct mb_err *err);

/* One or many members are read, then `answer` replies, or returns why it cannot. */
struct reading;
typedef enum mb_code reading_answer_fn(struct reading *reading, struct mb_err *err);

struct reading {
	struct repository_read read;
	struct rpc_call *call;
	struct services *services;
	const void *request; /* the unpacked message */
	void *prepared; /* the handler's: what it made of the request */
	reading_answer_fn *answer;
	bool one; /* of one member: what is wrong with it is wrong with the call */
};

/* For n members; NULL, and the call failed, when there is no memory. The permission of MEMBER_PERSONAL
 * is asked for at submission, after every check of form. */
struct reading *reading_begin(struct rpc_call *call, struct services *services, const void *request,
			      size_t n, unsigned parts, reading_answer_fn *answer);
void reading_submit(struct reading *reading);
/* Nothing older than this revision may answer the query; one below 0 is its error. Keeps the code that checking
 * its reference gave. */
void reading_at_least(struct member_query *query, int64_t min_revision);
/* With the code that checking the one member's reference gave. */
void reading_submit_one(struct reading *reading, int64_t min_revision);
/* What a request about one member asks for, in its fields of these names. */
struct question {
	const Memberd__V1__MemberRef *member;
	int64_t min_revision;
	const Google__Protobuf__Timestamp *as_of, *known_at; /* NULL: now */
};

/* Checks the form of the question and sets the reading up for it; the code stands in the query, too. */
enum mb_code reading_ask(struct reading *reading, const struct question *question);
/* All of it for a request that asks one question. */
void reading_start(struct rpc_call *call, struct services *services, const void *request,
		   const struct question *question, unsigned parts, void *prepared,
		   reading_answer_fn *answer);
/* The member of a reading of one. */
const struct member *reading_member(const struct reading *reading);

/* Prepares the repository's part of a call. */
enum mb_code call_prepare(struct rpc_call *call, struct repository_call *out,
			  repository_done_cb *cb, void *data, struct mb_err *err);

/* The same for a call that ends as soon as the repository is done: with its error, or `answer` replies
 * or returns why it cannot. */
typedef enum mb_code call_answer_fn(void *data, struct mb_err *err);
enum mb_code call_begin(struct rpc_call *call, const struct services *services,
			struct repository_call *out, call_answer_fn *answer, void *data,
			struct mb_err *err);
/* Right before such a part is submitted, because after that the call may be over at any moment: who
 * gives up the call cancels the part. */
void call_hand_over(struct repository_call *part);
