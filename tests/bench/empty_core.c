/* SPDX-License-Identifier: Apache-2.0 */
/*
 * empty_core PORT METHOD ANSWER QUEUES plain|coalesced|more: what gRPC C core itself costs. Links libgrpc
 * only, shares no line with memberd.
 * Takes the calls of one method and answers each with the message in the file ANSWER; a thread a queue. C
 * core makes one sendmsg for each answer, and the one here comes before libc's. A queue's thread holds
 * back while its queue has work, then pushes: coalesced, from a buffer; more, the kernel keeps it (MSG_MORE).
 */
#include <errno.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define POSTED	  64 /* requests that wait for calls, on each queue */
#define FDS	  256
#define HELD_MOST ((size_t)128 * 1024) /* of one connection */

struct call {
	grpc_call *core;
	grpc_metadata_array metadata;
	gpr_timespec deadline;
	grpc_byte_buffer *payload, *answer; /* no answer yet: NULL; sending empties it */
	int cancelled;
};

static grpc_server *server;
static grpc_slice answer;
static void *method;
static const int yes = 1;
static enum { PLAIN, COALESCED, MORE } mode;

static struct held {
	pthread_mutex_t lock;
	unsigned char bytes[HELD_MOST];
	size_t used;
} held[FDS + 1];
static _Thread_local bool holding;
static _Thread_local int dirty[FDS], n_dirty; /* what this thread has to push */

/* A peer that does not read is waited for, busily: this is no server for the world. */
static void push(int fd)
{
	pthread_mutex_lock(&held[fd].lock);
	for (size_t sent = 0; sent < held[fd].used;) {
		ssize_t n = send(fd, held[fd].bytes + sent, held[fd].used - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN) {
			break;
		}
		sent += n > 0 ? (size_t)n : 0;
	}
	held[fd].used = 0;
	pthread_mutex_unlock(&held[fd].lock);
}

static void push_all(void)
{
	for (; n_dirty > 0; n_dirty--) {
		if (mode == COALESCED) {
			push(dirty[n_dirty - 1]);
		} else {
			setsockopt(dirty[n_dirty - 1], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
		}
	}
}

static size_t hold(struct held *h, const struct msghdr *message)
{
	size_t before;

	pthread_mutex_lock(&h->lock);
	before = h->used;
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		size_t left = HELD_MOST - h->used, len = message->msg_iov[i].iov_len;

		memcpy(h->bytes + h->used, message->msg_iov[i].iov_base, len < left ? len : left);
		h->used += len < left ? len : left;
	}
	before = h->used - before;
	pthread_mutex_unlock(&h->lock);
	return before;
}

/* What is left is for nobody, least of all for whoever gets the number next. */
int close(int fd)
{
	held[fd < FDS ? fd : FDS].used = 0;
	return (int)syscall(SYS_close, fd);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (!holding || fd >= FDS || n_dirty == FDS || held[fd].used > HELD_MOST / 2) {
		if (fd < FDS && held[fd].used > 0) {
			push(fd);
		}
		return syscall(SYS_sendmsg, fd, message, flags);
	}
	dirty[n_dirty] = fd;
	n_dirty += n_dirty == 0 || dirty[n_dirty - 1] != fd;
	return mode == COALESCED ? (ssize_t)hold(&held[fd], message)
				 : syscall(SYS_sendmsg, fd, message, flags | MSG_MORE);
}

static void post(grpc_completion_queue *queue)
{
	struct call *call = calloc(1, sizeof(*call));

	grpc_metadata_array_init(&call->metadata);
	grpc_server_request_registered_call(server, method, &call->core, &call->deadline,
					    &call->metadata, &call->payload, queue, queue, call);
}

static void reply(struct call *call)
{
	grpc_op ops[] = {{.op = GRPC_OP_RECV_CLOSE_ON_SERVER},
			 {.op = GRPC_OP_SEND_INITIAL_METADATA},
			 {.op = GRPC_OP_SEND_MESSAGE},
			 {.op = GRPC_OP_SEND_STATUS_FROM_SERVER}}; /* status 0 */

	call->answer = grpc_raw_byte_buffer_create(&answer, 1);
	ops[0].data.recv_close_on_server.cancelled = &call->cancelled;
	ops[2].data.send_message.send_message = call->answer;
	grpc_call_start_batch(call->core, ops, 4, call, NULL);
}

static void *serve(void *data)
{
	grpc_completion_queue *queue = data;
	gpr_timespec now = gpr_inf_past(GPR_CLOCK_REALTIME), ever = gpr_inf_future(now.clock_type);

	for (int i = 0; i < POSTED; i++) {
		post(queue);
	}
	for (;;) {
		grpc_event event = grpc_completion_queue_next(queue, holding ? now : ever, NULL);
		struct call *call = event.tag;

		if (event.type == GRPC_QUEUE_TIMEOUT) {
			push_all();
			holding = false;
			continue;
		}
		holding = mode != PLAIN;
		if (call->answer != NULL) {
			grpc_metadata_array_destroy(&call->metadata);
			grpc_byte_buffer_destroy(call->payload);
			grpc_byte_buffer_destroy(call->answer);
			grpc_call_unref(call->core);
			free(call);
		} else {
			post(queue);
			reply(call);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static char bytes[65536];
	FILE *file = argc == 6 ? fopen(argv[3], "rb") : NULL;
	int bound, n = file != NULL ? atoi(argv[4]) : 0;
	grpc_completion_queue *queues[64];
	char address[64];
	pthread_t thread;

	grpc_init();
	if (n < 1 || n > 64) {
		return fputs("empty_core PORT METHOD ANSWER QUEUES plain|coalesced|more\n", stderr),
		       64;
	}
	answer = grpc_slice_from_copied_buffer(bytes, fread(bytes, 1, sizeof(bytes), file));
	mode = strcmp(argv[5], "coalesced") == 0 ? COALESCED : *argv[5] == 'm' ? MORE : PLAIN;
	server = grpc_server_create(NULL, NULL);
	method = grpc_server_register_method(server, argv[2], NULL,
					     GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
	for (int i = 0; i < n; i++) {
		queues[i] = grpc_completion_queue_create_for_next(NULL);
		grpc_server_register_completion_queue(server, queues[i], NULL);
	}
	snprintf(address, sizeof(address), "127.0.0.1:%s", argv[1]);
	bound = grpc_server_add_http2_port(server, address,
					   grpc_insecure_server_credentials_create());
	grpc_server_start(server);
	while (n > 0) {
		pthread_create(&thread, NULL, serve, queues[--n]);
	}
	return bound != 0 ? pause() : 69;
}
