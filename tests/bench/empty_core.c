/* SPDX-License-Identifier: Apache-2.0 */
/*
 * empty_core: what gRPC C core itself costs. Takes every call of one method and answers it with the
 * same bytes; links libgrpc only, and shares no line with memberd.
 *
 *     empty_core PORT METHOD ANSWER_FILE QUEUES plain|coalesced
 *
 * METHOD is a path; ANSWER_FILE holds one message as it is on the wire; each queue has a thread.
 * Coalesced: C core makes one sendmsg for each answer, and the one of this program comes before libc's.
 * A queue's thread holds back what it sends while its queue has work, and pushes it before it waits.
 */
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define POSTED	  64 /* requests that wait for calls, on each queue */
#define FDS	  256
#define HELD_MOST ((size_t)128 * 1024) /* of one connection */

struct call {
	grpc_call *core;
	grpc_metadata_array metadata;
	gpr_timespec deadline;
	grpc_byte_buffer *payload;
	grpc_byte_buffer *answer; /* NULL before it is answered; sending empties it */
	int cancelled;
};

static grpc_server *server;
static void *method;
static grpc_slice answer;
static bool coalesced;

/* ---- writes that are held back ---- */

static struct held {
	pthread_mutex_t lock;
	unsigned char bytes[HELD_MOST];
	size_t used;
} held[FDS];
static _Thread_local bool holding;
static _Thread_local int dirty[FDS], n_dirty; /* what this thread has to push */

/* With the lock held. A peer that does not read is waited for: this is no server for the world. */
static void push(int fd)
{
	struct pollfd writable = {.fd = fd, .events = POLLOUT};

	for (size_t sent = 0; sent < held[fd].used;) {
		ssize_t n = send(fd, held[fd].bytes + sent, held[fd].used - sent, MSG_NOSIGNAL);

		if (n < 0 && poll(&writable, 1, 1000) <= 0) {
			break;
		}
		sent += n > 0 ? (size_t)n : 0;
	}
	held[fd].used = 0;
}

static void push_all(void)
{
	while (n_dirty > 0) {
		int fd = dirty[--n_dirty];

		pthread_mutex_lock(&held[fd].lock);
		push(fd);
		pthread_mutex_unlock(&held[fd].lock);
	}
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct held *h = &held[fd < FDS ? fd : 0];
	size_t n = 0;

	if (!coalesced || fd >= FDS) {
		return syscall(SYS_sendmsg, fd, message, flags);
	}
	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		size_t left = HELD_MOST - h->used, len = message->msg_iov[i].iov_len;

		len = len < left ? len : left;
		memcpy(h->bytes + h->used, message->msg_iov[i].iov_base, len);
		h->used += len;
		n += len;
	}
	if (!holding || h->used == HELD_MOST || n_dirty == FDS) {
		push(fd);
	} else if (n_dirty == 0 || dirty[n_dirty - 1] != fd) {
		dirty[n_dirty++] = fd;
	}
	pthread_mutex_unlock(&h->lock);
	return (ssize_t)n;
}

/* ---- calls ---- */

static void post(grpc_completion_queue *queue)
{
	struct call *call = calloc(1, sizeof(*call));

	grpc_metadata_array_init(&call->metadata);
	grpc_server_request_registered_call(server, method, &call->core, &call->deadline,
					    &call->metadata, &call->payload, queue, queue, call);
}

static void reply(struct call *call)
{
	grpc_op ops[4];

	call->answer = grpc_raw_byte_buffer_create(&answer, 1);
	memset(ops, 0, sizeof(ops));
	ops[0].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
	ops[0].data.recv_close_on_server.cancelled = &call->cancelled;
	ops[1].op = GRPC_OP_SEND_INITIAL_METADATA;
	ops[2].op = GRPC_OP_SEND_MESSAGE;
	ops[2].data.send_message.send_message = call->answer;
	ops[3].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
	ops[3].data.send_status_from_server.status = GRPC_STATUS_OK;
	grpc_call_start_batch(call->core, ops, 4, call, NULL);
}

static void *serve(void *data)
{
	grpc_completion_queue *queue = data;
	gpr_timespec now = gpr_inf_past(GPR_CLOCK_REALTIME);
	gpr_timespec ever = gpr_inf_future(GPR_CLOCK_REALTIME);

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
		holding = coalesced;
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
	int n = file != NULL ? atoi(argv[4]) : 0;
	grpc_completion_queue *queues[64];
	char address[64];
	pthread_t thread;

	grpc_init();
	if (n < 1 || n > 64) {
		fputs("usage: empty_core PORT METHOD ANSWER_FILE QUEUES plain|coalesced\n", stderr);
		return 64;
	}
	answer = grpc_slice_from_copied_buffer(bytes, fread(bytes, 1, sizeof(bytes), file));
	coalesced = strcmp(argv[5], "coalesced") == 0;
	server = grpc_server_create(NULL, NULL);
	method = grpc_server_register_method(server, argv[2], NULL,
					     GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
	for (int i = 0; i < n; i++) {
		queues[i] = grpc_completion_queue_create_for_next(NULL);
		grpc_server_register_completion_queue(server, queues[i], NULL);
	}
	snprintf(address, sizeof(address), "127.0.0.1:%s", argv[1]);
	if (!grpc_server_add_http2_port(server, address,
					grpc_insecure_server_credentials_create())) {
		return 69;
	}
	grpc_server_start(server);
	for (int i = 0; i < n; i++) {
		pthread_create(&thread, NULL, serve, queues[i]);
	}
	return pause();
}
