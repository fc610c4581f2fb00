/* SPDX-License-Identifier: Apache-2.0 */
#include "scripted.h"

#include "port.h"

#include <arpa/inet.h>
#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct scripted {
	const struct scripted_step *steps;
	size_t count;
	_Atomic size_t calls;
	pthread_mutex_t posting; /* held while a request is posted: see rpc_server_end_posting() */
	bool stopping;
	char path[128], authorization[128];
	grpc_server *server;
	grpc_completion_queue *queue;
	pthread_t thread;
};

static gpr_timespec forever(void)
{
	return gpr_inf_future(GPR_CLOCK_MONOTONIC);
}

/* Runs the batch and waits for it. */
static void run_batch(struct scripted *scripted, grpc_call *call, const grpc_op *ops, size_t count)
{
	if (grpc_call_start_batch(call, ops, count, scripted, NULL) != GRPC_CALL_OK) {
		abort();
	}
	grpc_completion_queue_next(scripted->queue, forever(), NULL);
}

static void note(char *out, size_t size, const grpc_slice *slice)
{
	snprintf(out, size, "%.*s", (int)GRPC_SLICE_LENGTH(*slice), GRPC_SLICE_START_PTR(*slice));
}

static void note_call(struct scripted *scripted, const grpc_call_details *details,
		      const grpc_metadata_array *metadata)
{
	note(scripted->path, sizeof(scripted->path), &details->method);
	scripted->authorization[0] = '\0';
	for (size_t i = 0; i < metadata->count; i++) {
		if (grpc_slice_str_cmp(metadata->metadata[i].key, "authorization") == 0) {
			note(scripted->authorization, sizeof(scripted->authorization),
			     &metadata->metadata[i].value);
		}
	}
}

static size_t add_trailers(const struct scripted_step *step, grpc_metadata trailers[2])
{
	size_t count = 0;

	if (step->details.len > 0) {
		trailers[count].key = grpc_slice_from_static_string("grpc-status-details-bin");
		trailers[count++].value =
			grpc_slice_from_static_buffer(step->details.ptr, step->details.len);
	}
	if (step->pushback != NULL) {
		trailers[count].key = grpc_slice_from_static_string("grpc-retry-pushback-ms");
		trailers[count++].value = grpc_slice_from_static_string(step->pushback);
	}
	return count;
}

static grpc_byte_buffer *payload_of(const struct scripted_step *step, grpc_byte_buffer *received)
{
	grpc_byte_buffer *buffer;
	grpc_slice slice;

	if (step->payload.ptr == NULL) {
		return grpc_byte_buffer_copy(received);
	}
	slice = grpc_slice_from_copied_buffer(step->payload.ptr, step->payload.len);
	buffer = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	return buffer;
}

static void answer(struct scripted *scripted, grpc_call *call, const struct scripted_step *step)
{
	grpc_byte_buffer *received = NULL, *payload = NULL;
	grpc_op ops[4] = {{.op = GRPC_OP_RECV_MESSAGE}};
	grpc_metadata trailers[2];
	grpc_slice message;
	int cancelled;
	size_t n = 0;

	ops[0].data.recv_message.recv_message = &received;
	run_batch(scripted, call, ops, 1);
	memset(ops, 0, sizeof(ops));
	ops[n].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
	ops[n++].data.recv_close_on_server.cancelled = &cancelled;
	message = grpc_slice_from_copied_string(step->message == NULL ? "" : step->message);
	if (!step->hangs) {
		ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
		if (step->status == 0 && !step->silent && received != NULL) {
			payload = payload_of(step, received);
			ops[n].op = GRPC_OP_SEND_MESSAGE;
			ops[n++].data.send_message.send_message = payload;
		}
		ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
		ops[n].data.send_status_from_server.status = (grpc_status_code)step->status;
		ops[n].data.send_status_from_server.status_details = &message;
		ops[n].data.send_status_from_server.trailing_metadata_count =
			add_trailers(step, trailers);
		ops[n++].data.send_status_from_server.trailing_metadata = trailers;
	}
	run_batch(scripted, call, ops, n);
	grpc_slice_unref(message);
	grpc_byte_buffer_destroy(received);
	grpc_byte_buffer_destroy(payload);
}

/* False when the server goes down. */
static bool post(struct scripted *scripted, grpc_call **call, grpc_call_details *details,
		 grpc_metadata_array *metadata)
{
	bool posted;

	pthread_mutex_lock(&scripted->posting);
	posted = !scripted->stopping;
	if (posted &&
	    grpc_server_request_call(scripted->server, call, details, metadata, scripted->queue,
				     scripted->queue, scripted) != GRPC_CALL_OK) {
		abort();
	}
	pthread_mutex_unlock(&scripted->posting);
	return posted;
}

/* Takes one call and answers it; false when the server goes down. */
static bool serve_one(struct scripted *scripted)
{
	grpc_metadata_array metadata;
	grpc_call_details details;
	grpc_call *call = NULL;
	size_t at = scripted->calls;
	bool goes_on;

	grpc_metadata_array_init(&metadata);
	grpc_call_details_init(&details);
	goes_on = post(scripted, &call, &details, &metadata) &&
		  grpc_completion_queue_next(scripted->queue, forever(), NULL).success != 0;
	if (goes_on) {
		note_call(scripted, &details, &metadata);
		scripted->calls++;
		answer(scripted, call,
		       &scripted->steps[at < scripted->count ? at : scripted->count - 1]);
		grpc_call_unref(call);
	}
	grpc_metadata_array_destroy(&metadata);
	grpc_call_details_destroy(&details);
	return goes_on;
}

static void *serve(void *data)
{
	while (serve_one(data)) {
	}
	return NULL;
}

struct scripted *scripted_start_at(const struct scripted_step *steps, size_t count, int port)
{
	grpc_server_credentials *plain = grpc_insecure_server_credentials_create();
	grpc_arg arg = {.type = GRPC_ARG_INTEGER,
			.key = (char *)GRPC_ARG_ALLOW_REUSEPORT,
			.value.integer = 0};
	grpc_channel_args args = {1, &arg};
	struct scripted *scripted = calloc(1, sizeof(*scripted));
	char address[32];
	int bound;

	assert(scripted != NULL);
	/* A failed assertion ends the program: the server's thread reads steps of the test's stack. */
	setenv("CMOCKA_TEST_ABORT", "1", 0);
	grpc_init();
	scripted->steps = steps;
	scripted->count = count;
	pthread_mutex_init(&scripted->posting, NULL);
	scripted->server = grpc_server_create(&args, NULL);
	scripted->queue = grpc_completion_queue_create_for_next(NULL);
	grpc_server_register_completion_queue(scripted->server, scripted->queue, NULL);
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	bound = grpc_server_add_http2_port(scripted->server, address, plain);
	grpc_server_credentials_release(plain);
	grpc_server_start(scripted->server);
	if (pthread_create(&scripted->thread, NULL, serve, scripted) != 0) {
		abort();
	}
	if (bound == 0) {
		scripted_destroy(scripted);
		return NULL;
	}
	return scripted;
}

struct scripted *scripted_start(const struct scripted_step *steps, size_t count, int *port)
{
	struct scripted *scripted;

	*port = port_reserve();
	scripted = scripted_start_at(steps, count, *port);
	assert(scripted != NULL);
	return scripted;
}

void scripted_stop(struct scripted *scripted)
{
	grpc_completion_queue *own = grpc_completion_queue_create_for_pluck(NULL);

	pthread_mutex_lock(&scripted->posting);
	scripted->stopping = true;
	pthread_mutex_unlock(&scripted->posting);
	grpc_server_shutdown_and_notify(scripted->server, own, NULL);
	grpc_server_cancel_all_calls(scripted->server);
	pthread_join(scripted->thread, NULL);
	grpc_completion_queue_pluck(own, NULL, forever(), NULL);
	grpc_server_destroy(scripted->server);
	grpc_completion_queue_shutdown(own);
	grpc_completion_queue_destroy(own);
	grpc_completion_queue_shutdown(scripted->queue);
	while (grpc_completion_queue_next(scripted->queue, forever(), NULL).type !=
	       GRPC_QUEUE_SHUTDOWN) {
	}
	grpc_completion_queue_destroy(scripted->queue);
	scripted->server = NULL;
	grpc_shutdown_blocking();
}

void scripted_destroy(struct scripted *scripted)
{
	if (scripted->server != NULL) {
		scripted_stop(scripted);
	}
	pthread_mutex_destroy(&scripted->posting);
	free(scripted);
}

size_t scripted_calls(const struct scripted *scripted)
{
	return atomic_load(&scripted->calls);
}

const char *scripted_path(const struct scripted *scripted)
{
	return scripted->path;
}

const char *scripted_authorization(const struct scripted *scripted)
{
	return scripted->authorization;
}

int scripted_silent_port(int *fd)
{
	int port = port_reserve();
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_port = htons((uint16_t)port),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || bind(*fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		abort();
	}
	return port;
}
