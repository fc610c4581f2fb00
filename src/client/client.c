/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client_impl.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/str.h"
#include "client/exchange.h"
#include "rpc/core.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_MAGIC 0x436c6e74u
#define NS_PER_MS    INT64_C(1000000)
#define TOKEN_MOST   4096
#define OPS	     6

/*
 *     FLYING ─▶ DONE
 *       ▲ │
 *       │ ▼
 *     SLEEPING ─▶ DONE (cancelled, or the client goes)
 */
enum flight_state { FLYING, SLEEPING, DONE };

/* A submitted call from inside. */
struct client_flight {
	struct list_node node; /* in the client's list of its state */
	enum flight_state state;
	bool cancelled;
	struct client_call *call;
	grpc_slice path, payload;
	int64_t deadline_ns, wake_ns;
	struct exchange exchange; /* of the attempt under way */
};

/* ---- making and unmaking ---- */

static int64_t or_default(int64_t value, int64_t fallback)
{
	return value == 0 ? fallback : value;
}

static void set_options(struct client *client, const struct client_options *options)
{
	struct client_options *own = &client->options;

	if (options != NULL) {
		*own = *options;
	}
	own->deadline_ms = or_default(own->deadline_ms, 10000);
	own->attempts = (int)or_default(own->attempts, 5);
	own->backoff_ms = or_default(own->backoff_ms, 100);
	own->backoff_most_ms = or_default(own->backoff_most_ms, 5000);
	own->message_max = (size_t)or_default((int64_t)own->message_max, 16 << 20);
}

static enum mb_code copy_token(struct client *client, const char *token, struct mb_err *err)
{
	size_t size;

	if (token == NULL) {
		return MB_OK;
	}
	for (const char *p = token; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~') {
			return mb_fail_field(err, MB_FIELD_INVALID, "token",
					     "a token is one word of printable ASCII");
		}
	}
	size = sizeof("Bearer ") + strlen(token);
	if (token[0] == '\0' || size > TOKEN_MOST) {
		return mb_fail_field(err, MB_FIELD_INVALID, "token",
				     "a token has 1 to 4000 characters");
	}
	client->bearer = FAULT("client.create") ? NULL : malloc(size);
	if (client->bearer == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory for a client");
	}
	snprintf(client->bearer, size, "Bearer %s", token);
	return MB_OK;
}

static enum mb_code copy_target(struct client *client, const char *target, struct mb_err *err)
{
	size_t len = strlen(target);

	if (len == 0 || len >= TARGET_MOST || !str_is_utf8((struct str){target, len}) ||
	    strpbrk(target, " \t\r\n") != NULL) {
		return mb_fail_field(err, MB_FIELD_INVALID, "target",
				     "'%.64s' is no address: wanted host:port or unix:/path",
				     target);
	}
	memcpy(client->target, target, len + 1);
	return MB_OK;
}

static grpc_arg int_arg(const char *key, int value)
{
	return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static grpc_channel *make_channel(const struct client *client)
{
	const struct client_options *options = &client->options;
	const char *agent = options->user_agent == NULL ? "memberd-client" : options->user_agent;
	grpc_arg args[] = {
		int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)options->message_max),
		/* soon after the server is back, so is the client */
		int_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100),
		int_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000),
		/* retries are decided here, not by what a name server says */
		int_arg(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
		/* http_proxy is for the web: it would take even loopback away */
		int_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
		/* clients to one address share nothing, so that one's end is not another's */
		int_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
		{.type = GRPC_ARG_STRING,
		 .key = (char *)GRPC_ARG_PRIMARY_USER_AGENT_STRING,
		 .value.string = (char *)agent},
	};
	grpc_channel_args all = {sizeof(args) / sizeof(args[0]), args};
	grpc_channel_credentials *plain = grpc_insecure_credentials_create();
	grpc_channel *channel = grpc_channel_create(client->target, plain, &all);

	grpc_channel_credentials_release(plain);
	return channel;
}

enum mb_code client_create(const char *target, const struct client_options *options,
			   struct client **out, struct mb_err *err)
{
	struct client *client = FAULT("client.create") ? NULL : calloc(1, sizeof(*client));
	enum mb_code code;

	if (client == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory for a client");
	}
	client->magic = CLIENT_MAGIC;
	list_init(&client->flying);
	list_init(&client->sleeping);
	list_init(&client->done);
	client->random = (uint64_t)clock_monotonic_ns() ^ (uintptr_t)client;
	set_options(client, options);
	code = copy_target(client, target, err);
	if (code == MB_OK) {
		code = copy_token(client, client->options.token, err);
	}
	if (code != MB_OK) {
		free(client);
		return code;
	}
	rpc_core_begin();
	client->channel = make_channel(client);
	client->queue = grpc_completion_queue_create_for_next(NULL);
	client->options.token = client->options.user_agent = NULL;
	*out = client;
	return MB_OK;
}

/* ---- one attempt ---- */

static gpr_timespec core_time(int64_t monotonic_ns)
{
	/* both read CLOCK_MONOTONIC */
	return (gpr_timespec){monotonic_ns / 1000000000, (int32_t)(monotonic_ns % 1000000000),
			      GPR_CLOCK_MONOTONIC};
}

static void move(struct client *client, struct client_flight *flight, enum flight_state state)
{
	struct list *lists[] = {
		[FLYING] = &client->flying, [SLEEPING] = &client->sleeping, [DONE] = &client->done};

	list_remove(&flight->node);
	flight->state = state;
	list_push(lists[state], &flight->node);
}

static void start_attempt(struct client *client, struct client_flight *flight)
{
	struct exchange *exchange = &flight->exchange;
	grpc_byte_buffer *outgoing = grpc_raw_byte_buffer_create(&flight->payload, 1);
	grpc_op ops[OPS] = {
		{.op = GRPC_OP_SEND_INITIAL_METADATA},	{.op = GRPC_OP_SEND_MESSAGE},
		{.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
		{.op = GRPC_OP_RECV_MESSAGE},		{.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};

	move(client, flight, FLYING);
	flight->call->attempts++;
	exchange_init(exchange, client, client->queue, flight->path,
		      core_time(flight->deadline_ns));
	ops[1].data.send_message.send_message = outgoing;
	exchange_start(exchange, ops, OPS, flight);
	grpc_byte_buffer_destroy(outgoing);
}

static void note_store(struct client *client, const struct client_flight *flight)
{
	struct str id = exchange_item(&flight->exchange.initial, "x-memberd-store-id");

	if (id.len > 0 && id.len <= STORE_ID_MOST) {
		memcpy(client->store_id, id.ptr, id.len);
		client->store_id[id.len] = '\0';
	}
}

const char *client_store_id(const struct client *client)
{
	return client->store_id;
}

static enum mb_code read_response(struct client_flight *flight)
{
	struct client_call *call = flight->call;

	if (flight->exchange.received == NULL) {
		return mb_fail(&call->err, MB_INTERNAL, "the server said ok and sent no answer");
	}
	return exchange_read(&flight->exchange, call->response_type, call->arena, &call->response,
			     &call->err);
}

/* ---- retries ---- */

/* 0 up to, not including, one. */
static double draw(struct client *client)
{
	return (double)(hash_draw(&client->random) >> 11) / 9007199254740992.0;
}

/* Between half and all of the step, which doubles; or what the server asked for and up to a fifth more,
 * so that all who were sent away do not come back at once. */
static int64_t backoff_ns(struct client *client, const struct client_call *call)
{
	const struct client_options *options = &client->options;
	int64_t step = options->backoff_ms;
	double ms;

	for (int i = 1; i < call->attempts && step < options->backoff_most_ms; i++) {
		step *= 2;
	}
	if (step > options->backoff_most_ms) {
		step = options->backoff_most_ms;
	}
	ms = (double)step * (0.5 + draw(client) / 2);
	if (call->err.retry_after_ms > 0) {
		ms = (double)call->err.retry_after_ms * (1 + draw(client) / 5);
	}
	return (int64_t)(ms * (double)NS_PER_MS);
}

/* Puts the flight to sleep if another attempt is allowed and would start before the deadline. */
static bool sleeps(struct client *client, struct client_flight *flight)
{
	struct client_call *call = flight->call;
	int64_t wake;

	if (!call->repeatable || flight->cancelled || call->attempts >= client->options.attempts) {
		return false;
	}
	wake = clock_monotonic_ns() + backoff_ns(client, call);
	if (wake >= flight->deadline_ns) {
		return false;
	}
	flight->wake_ns = wake;
	move(client, flight, SLEEPING);
	return true;
}

static void finish_attempt(struct client *client, struct client_flight *flight)
{
	struct client_call *call = flight->call;
	bool may_retry = false;

	call->grpc_code = (int)flight->exchange.status;
	call->err = (struct mb_err){.code = MB_OK};
	if (flight->exchange.status == GRPC_STATUS_OK) {
		call->err.code = read_response(flight);
	} else {
		exchange_read_failure(&flight->exchange, client, &call->err, &may_retry);
	}
	note_store(client, flight);
	exchange_fini(&flight->exchange);
	if (!may_retry || !sleeps(client, flight)) {
		move(client, flight, DONE);
	}
}

/* Starts what has slept enough; gives when the next one wakes, INT64_MAX if none sleeps. */
static int64_t wake_sleepers(struct client *client)
{
	int64_t now = clock_monotonic_ns(), next = INT64_MAX;
	struct list_node *at, *after;

	for (at = client->sleeping.head.next; at != &client->sleeping.head; at = after) {
		struct client_flight *flight = LIST_ITEM(at, struct client_flight, node);

		after = at->next;
		if (flight->wake_ns <= now) {
			start_attempt(client, flight);
		} else if (flight->wake_ns < next) {
			next = flight->wake_ns;
		}
	}
	return next;
}

/* ---- calls ---- */

enum mb_code client_submit(struct client *client, struct client_call *call, struct mb_err *err)
{
	struct client_flight *flight = FAULT("client.submit") ? NULL : calloc(1, sizeof(*flight));
	int64_t ms = or_default(call->deadline_ms, client->options.deadline_ms);

	assert(client->magic == CLIENT_MAGIC);
	if (flight == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory for a call");
	}
	call->response = NULL;
	call->err = (struct mb_err){.code = MB_OK};
	call->grpc_code = call->attempts = 0;
	call->flight = flight;
	flight->call = call;
	flight->path = exchange_path(call->method);
	flight->payload = exchange_pack(call->request);
	flight->deadline_ns = clock_monotonic_ns() + ms * NS_PER_MS;
	client->pending++;
	start_attempt(client, flight);
	return MB_OK;
}

/* Goes on until something has ended or until_ns has passed. */
static void drive(struct client *client, int64_t until_ns)
{
	while (list_empty(&client->done) && client->pending > 0) {
		int64_t next = wake_sleepers(client);
		bool last = until_ns <= next;
		grpc_event event =
			grpc_completion_queue_next(client->queue,
						   next == INT64_MAX && until_ns == INT64_MAX
							   ? gpr_inf_future(GPR_CLOCK_MONOTONIC)
							   : core_time(last ? until_ns : next),
						   NULL);

		if (event.type == GRPC_OP_COMPLETE) {
			finish_attempt(client, event.tag);
		} else if (last && clock_monotonic_ns() >= until_ns) {
			return;
		}
	}
}

static void destroy_flight(struct client *client, struct client_flight *flight)
{
	list_remove(&flight->node);
	flight->call->flight = NULL;
	client->pending--;
	grpc_slice_unref(flight->path);
	grpc_slice_unref(flight->payload);
	free(flight);
}

struct client_call *client_wait(struct client *client, int64_t timeout_ms)
{
	struct client_flight *flight;
	struct client_call *call;

	assert(client->magic == CLIENT_MAGIC);
	drive(client, timeout_ms < 0 ? INT64_MAX : clock_monotonic_ns() + timeout_ms * NS_PER_MS);
	if (list_empty(&client->done)) {
		return NULL;
	}
	flight = LIST_ITEM(client->done.head.next, struct client_flight, node);
	call = flight->call;
	destroy_flight(client, flight);
	return call;
}

size_t client_pending(const struct client *client)
{
	return client->pending;
}

void client_cancel(struct client *client, struct client_call *call)
{
	struct client_flight *flight = call->flight;

	assert(client->magic == CLIENT_MAGIC);
	if (flight == NULL || flight->cancelled || flight->state == DONE) {
		return;
	}
	flight->cancelled = true;
	if (flight->state == FLYING) {
		grpc_call_cancel(flight->exchange.core, NULL);
		return;
	}
	mb_fail(&call->err, MB_CALL_CANCELLED, "cancelled while waiting to be sent again");
	move(client, flight, DONE);
}

static void destroy_all(struct client *client, struct list *list)
{
	while (!list_empty(list)) {
		destroy_flight(client, LIST_ITEM(list->head.next, struct client_flight, node));
	}
}

void client_destroy(struct client *client)
{
	if (client == NULL) {
		return;
	}
	assert(client->magic == CLIENT_MAGIC);
	destroy_all(client, &client->sleeping);
	for (struct list_node *at = client->flying.head.next; at != &client->flying.head;
	     at = at->next) {
		client_cancel(client, LIST_ITEM(at, struct client_flight, node)->call);
	}
	while (!list_empty(&client->flying)) {
		destroy_all(client, &client->done);
		drive(client, INT64_MAX);
	}
	destroy_all(client, &client->done);
	grpc_completion_queue_shutdown(client->queue);
	while (grpc_completion_queue_next(client->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
		       .type != GRPC_QUEUE_SHUTDOWN) {
	}
	grpc_completion_queue_destroy(client->queue);
	grpc_channel_destroy(client->channel);
	free(client->bearer);
	client->magic = 0;
	free(client);
}

enum mb_code client_call(struct client *client, const char *method, const ProtobufCMessage *request,
			 const ProtobufCMessageDescriptor *response_type, bool repeatable,
			 struct arena *arena, ProtobufCMessage **out, struct mb_err *err)
{
	struct client_call call = {.method = method,
				   .request = request,
				   .response_type = response_type,
				   .repeatable = repeatable,
				   .arena = arena};
	enum mb_code code = client_submit(client, &call, err);
	struct list others;

	if (code != MB_OK) {
		return code;
	}
	/* what ends meanwhile is kept aside, in its order, for client_wait() */
	list_init(&others);
	while (call.flight->state != DONE) {
		while (!list_empty(&client->done)) {
			list_push(&others, list_pop(&client->done));
		}
		drive(client, INT64_MAX);
	}
	destroy_flight(client, call.flight);
	while (!list_empty(&client->done)) {
		list_push(&others, list_pop(&client->done));
	}
	while (!list_empty(&others)) {
		list_push(&client->done, list_pop(&others));
	}
	if (call.err.code != MB_OK) {
		if (err != NULL) {
			*err = call.err;
		}
		return call.err.code;
	}
	*out = call.response;
	return MB_OK;
}
