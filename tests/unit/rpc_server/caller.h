/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caller: a client on C core for the tests of the server, which sees what is on the wire: statuses,
 * trailers and raw messages.
 *
 * Threads:  a caller and its calls belong to one thread.
 */
#pragma once

#include "base/str.h"

#include <grpc/grpc.h>
#include <stdbool.h>

struct caller {
	grpc_channel *channel;
	grpc_completion_queue *queue;
};

/* What a call has brought. */
struct outcome {
	grpc_status_code status;
	char text[512];
	/* of google.rpc.Status in the trailers; "" or 0 where absent */
	bool has_details;
	int details_code, error_infos;
	char reason[64], domain[32], field[128];
	long retry_ms;
	char pushback[24], request_id[72];
	char answer_id[32]; /* initial metadata x-answer */
	/* the message; ptr is NULL when there was none; fini frees */
	struct strbuf message;
	bool has_message;
};

/* A call under way. The chars are the tags of its batches. */
struct calling {
	struct caller *caller;
	grpc_call *core;
	grpc_metadata_array initial, trailing;
	grpc_status_code status;
	grpc_slice text;
	char sent_initial, got_initial, got_status, sent_close, wrote, did_read;
	bool closing, writing; /* such a batch is under way */
};

void caller_init(struct caller *caller, const char *target);
void caller_init_gzip(struct caller *caller, const char *target); /* sends compressed messages */
void caller_fini(struct caller *caller);

/* metadata: key, value, key, value, …, NULL; may be NULL. timeout_ms 0: none. */
void caller_start(struct caller *caller, struct calling *calling, const char *method,
		  const char *const *metadata, int timeout_ms);
/* Sends what a unary call sends and asks for its answer. message.ptr NULL: sends none. */
void calling_send_one(struct calling *calling, struct str message);
/* Streams: each ends before it returns; true when it went well (read: when there was a message). */
bool calling_write(struct calling *calling, struct str message);
void calling_write_later(struct calling *calling, struct str message); /* does not wait */
bool calling_wait_write(struct calling *calling, int ms); /* whether it ended in time */
void calling_half_close(struct calling *calling);
bool calling_read(struct calling *calling, struct strbuf *out);
void calling_cancel(struct calling *calling);
/* Waits for the status and frees the call. C core keeps a status back until all messages before it were
 * read. */
void calling_finish(struct calling *calling, struct outcome *out);

/* All of it for a unary call. */
void caller_call(struct caller *caller, const char *method, struct str message,
		 const char *const *metadata, int timeout_ms, struct outcome *out);
void outcome_fini(struct outcome *outcome);
