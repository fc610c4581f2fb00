/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include "base/clock.h"
#include "base/fault.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "google/rpc/error_details.pb-c.h"
#include "scripted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define METHOD "test.v1.Clock/Echo"
#define TYPE   (&google__protobuf__timestamp__descriptor)

struct fixture {
	struct scripted *server;
	struct client *client;
	struct arena *arena;
	Google__Protobuf__Timestamp request;
	ProtobufCMessage *response;
	struct mb_err err;
};

/* Quick enough for a test: the first pause is at most 4 ms. */
static struct client_options quick(void)
{
	return (struct client_options){.backoff_ms = 4, .backoff_most_ms = 20, .attempts = 4};
}

static void begin_with(struct fixture *f, const struct scripted_step *steps, size_t count,
		       const struct client_options *options)
{
	char target[32];
	int port;

	memset(f, 0, sizeof(*f));
	f->arena = arena_create(NULL, 0);
	google__protobuf__timestamp__init(&f->request);
	f->request.seconds = 1234;
	f->server = scripted_start(steps, count, &port);
	snprintf(target, sizeof(target), "127.0.0.1:%d", port);
	assert_int_equal(client_create(target, options, &f->client, &f->err), MB_OK);
}

static void begin(struct fixture *f, const struct scripted_step *steps, size_t count)
{
	struct client_options options = quick();

	begin_with(f, steps, count, &options);
}

static enum mb_code call(struct fixture *f, bool repeatable)
{
	return client_call(f->client, METHOD, &f->request.base, TYPE, repeatable, f->arena,
			   &f->response, &f->err);
}

static void end(struct fixture *f, size_t calls)
{
	client_destroy(f->client);
	scripted_stop(f->server);
	assert_int_equal(scripted_calls(f->server), calls);
	scripted_destroy(f->server);
	arena_destroy(f->arena);
}

static int64_t now_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

static struct client_call submitted(struct fixture *f)
{
	return (struct client_call){.method = METHOD,
				    .request = &f->request.base,
				    .response_type = TYPE,
				    .arena = f->arena,
				    .repeatable = true};
}

/* ---- statuses of memberd ---- */

static void add_detail(Google__Rpc__Status *status, const char *url, const ProtobufCMessage *detail)
{
	Google__Protobuf__Any *any = malloc(sizeof(*any));

	assert_non_null(any);
	google__protobuf__any__init(any);
	any->type_url = (char *)url;
	any->value.len = protobuf_c_message_get_packed_size(detail);
	any->value.data = malloc(any->value.len + 1);
	protobuf_c_message_pack(detail, any->value.data);
	status->details[status->n_details++] = any;
}

static const char *domain = "memberd"; /* of the next details */

static struct str make_details(uint8_t out[512], const char *reason, const char *field,
			       int64_t retry_ms)
{
	Google__Rpc__BadRequest__FieldViolation violation =
		GOOGLE__RPC__BAD_REQUEST__FIELD_VIOLATION__INIT;
	Google__Rpc__BadRequest__FieldViolation *violations[] = {&violation};
	Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
	Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;
	Google__Rpc__RetryInfo retry = GOOGLE__RPC__RETRY_INFO__INIT;
	Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
	Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
	Google__Protobuf__Any *details[3];
	size_t size;

	status.details = details;
	info.reason = (char *)reason;
	info.domain = (char *)domain;
	add_detail(&status, "type.googleapis.com/google.rpc.ErrorInfo", &info.base);
	violation.field = (char *)field;
	bad.n_field_violations = field == NULL ? 0 : 1;
	bad.field_violations = violations;
	add_detail(&status, "type.googleapis.com/google.rpc.BadRequest", &bad.base);
	delay.seconds = retry_ms / 1000;
	delay.nanos = (int32_t)(retry_ms % 1000) * 1000000;
	retry.retry_delay = &delay;
	add_detail(&status, "type.googleapis.com/google.rpc.RetryInfo", &retry.base);
	size = google__rpc__status__get_packed_size(&status);
	assert_in_range(size, 1, 512);
	google__rpc__status__pack(&status, out);
	for (size_t i = 0; i < status.n_details; i++) {
		free(details[i]->value.data);
		free(details[i]);
	}
	return (struct str){(const char *)out, size};
}

/* ---- tests ---- */

static void calls_and_gives_the_answer(void **state)
{
	const struct scripted_step steps[] = {{.status = 0}};
	struct client_options options = quick();
	struct fixture f;

	(void)state;
	options.token = "s3cret";
	begin_with(&f, steps, 1, &options);
	assert_int_equal(call(&f, false), MB_OK);
	assert_int_equal(((Google__Protobuf__Timestamp *)f.response)->seconds, 1234);
	assert_int_equal(call(&f, false), MB_OK);
	client_destroy(f.client);
	f.client = NULL;
	scripted_stop(f.server);
	assert_string_equal(scripted_path(f.server), "/" METHOD);
	assert_string_equal(scripted_authorization(f.server), "Bearer s3cret");
	assert_int_equal(scripted_calls(f.server), 2);
	scripted_destroy(f.server);
	arena_destroy(f.arena);
}

static void gives_back_the_servers_error(void **state)
{
	uint8_t bytes[512];
	const struct scripted_step steps[] = {
		{.status = 3,
		 .message = "basket.lines[3].amount: a share of '1\n2'",
		 .details = make_details(bytes, "FIELD_INVALID", "basket.lines[3].amount", 0)}};
	struct fixture f;

	(void)state;
	begin(&f, steps, 1);
	assert_int_equal(call(&f, true), MB_FIELD_INVALID);
	assert_int_equal(f.err.code, MB_FIELD_INVALID);
	assert_string_equal(f.err.field, "basket.lines[3].amount");
	assert_string_equal(f.err.text, "a share of '1?2'");
	assert_int_equal(f.err.retry_after_ms, 0);
	assert_null(f.response);
	end(&f, 1);
}

static void cuts_texts_between_characters(void **state)
{
	char text[601] = "";
	const struct scripted_step steps[] = {{.status = 5, .message = text}};
	struct fixture f;

	(void)state;
	for (int i = 0; i < 300; i++) { /* err.text has room for 127 and a half */
		memcpy(text + 2 * i, "\xc3\xa9", 3);
	}
	begin(&f, steps, 1);
	assert_int_equal(mb_code_grpc(call(&f, true)), 5);
	assert_true(str_is_utf8(str_from(f.err.text)));
	assert_in_range(strlen(f.err.text), 250, 255);
	end(&f, 1);
}

static void keeps_a_reason_that_it_does_not_know(void **state)
{
	uint8_t bytes[512];
	const struct scripted_step steps[] = {
		{.status = 9,
		 .message = "the moon is full",
		 .details = make_details(bytes, "FULL_MOON", NULL, 0)}};
	struct fixture f;

	(void)state;
	begin(&f, steps, 1);
	assert_int_equal(mb_code_grpc(call(&f, true)), 9);
	assert_string_equal(f.err.text, "FULL_MOON: the moon is full");
	end(&f, 1);
}

static void a_reason_of_others_is_not_ours(void **state)
{
	uint8_t bytes[512];
	struct scripted_step steps[] = {{.status = 14, .message = "not I"}};
	struct fixture f;

	(void)state;
	domain = "proxy.example";
	steps[0].details = make_details(bytes, "MEMBER_NOT_FOUND", NULL, 0);
	domain = "memberd";
	begin(&f, steps, 1);
	assert_int_equal(call(&f, false), MB_OVERLOADED);
	assert_string_equal(f.err.text, "MEMBER_NOT_FOUND: not I");
	end(&f, 1);
}

static void makes_do_without_details_or_with_bad_ones(void **state)
{
	const struct scripted_step steps[] = {
		{.status = 5, .message = "gone"},
		{.status = 7, .message = "no", .details = {"\x0a\xff\xff garbage", 11}},
		{.status = 15},
		{.status = 12, .message = "what?", .details = {"\x1a\x04\x12\x02\xff\xff", 6}},
		{.status = 16, .message = "who?"},
	};
	struct fixture f;

	(void)state;
	begin(&f, steps, 5);
	assert_int_equal(mb_code_grpc(call(&f, true)), 5);
	assert_string_equal(f.err.text, "gone");
	assert_int_equal(call(&f, true), MB_PERMISSION_MISSING);
	assert_string_equal(f.err.text, "no");
	assert_int_equal(call(&f, true), MB_INTERNAL);
	assert_int_equal(call(&f, true), MB_METHOD_UNKNOWN);
	assert_int_equal(call(&f, true), MB_TOKEN_UNKNOWN);
	end(&f, 5);
}

static void repeats_what_was_unavailable_twice(void **state)
{
	uint8_t bytes[512];
	const struct scripted_step steps[] = {
		{.status = 14, .message = "not now"},
		{.status = 14, .details = make_details(bytes, "OVERLOADED", NULL, 0)},
		{.status = 0},
	};
	struct fixture f;

	(void)state;
	begin(&f, steps, 3);
	assert_int_equal(call(&f, true), MB_OK);
	assert_int_equal(((Google__Protobuf__Timestamp *)f.response)->seconds, 1234);
	end(&f, 3);
}

static void repeats_nothing_that_may_not_be(void **state)
{
	uint8_t bytes[512], other[512];
	const struct scripted_step steps[] = {
		{.status = 14, .details = make_details(bytes, "STORE_UNAVAILABLE", NULL, 0)},
		{.status = 5, .details = make_details(other, "MEMBER_NOT_FOUND", NULL, 0)},
		{.status = 14, .message = "went away"},
	};
	struct fixture f;

	(void)state;
	begin(&f, steps, 2);
	assert_int_equal(call(&f, false), MB_STORE_UNAVAILABLE);
	end(&f, 1);
	begin(&f, steps + 1, 1);
	assert_int_equal(call(&f, true), MB_MEMBER_NOT_FOUND);
	end(&f, 1);
	begin(&f, steps + 2, 1);
	assert_int_equal(call(&f, true), MB_OVERLOADED);
	end(&f, 4); /* and ends with its attempts */
}

static void waits_as_long_as_it_is_told(void **state)
{
	uint8_t bytes[512];
	const struct scripted_step steps[] = {
		{.status = 14, .details = make_details(bytes, "DRAINING", NULL, 60)},
		{.status = 14, .pushback = "70"},
		{.status = 0},
	};
	struct fixture f;
	int64_t before;

	(void)state;
	begin(&f, steps, 3);
	before = now_ms();
	assert_int_equal(call(&f, true), MB_OK);
	assert_in_range(now_ms() - before, 130, 8000);
	end(&f, 3);
}

/* Pauses of 10 to 20, 20 to 40 and 40 to 80 ms. */
static void waits_twice_as_long_each_time(void **state)
{
	const struct scripted_step steps[] = {{.status = 14}};
	struct client_options options = {.backoff_ms = 20, .attempts = 4};
	struct fixture f;
	int64_t before;

	(void)state;
	begin_with(&f, steps, 1, &options);
	before = now_ms();
	assert_int_equal(call(&f, true), MB_OVERLOADED);
	assert_in_range(now_ms() - before, 70, 5000);
	end(&f, 4);
}

static void obeys_a_pushback_that_says_never(void **state)
{
	const struct scripted_step steps[] = {{.status = 14, .pushback = "-1"},
					      {.status = 14, .pushback = "soon"}};
	struct fixture f;

	(void)state;
	begin(&f, steps, 2);
	assert_int_equal(mb_code_grpc(call(&f, true)), 14);
	assert_int_equal(mb_code_grpc(call(&f, true)), 14);
	end(&f, 2);
}

static void does_not_sleep_past_the_deadline(void **state)
{
	uint8_t bytes[512];
	const struct scripted_step steps[] = {
		{.status = 14, .details = make_details(bytes, "OVERLOADED", NULL, 3600000)}};
	struct fixture f;
	int64_t before;

	(void)state;
	begin(&f, steps, 1);
	before = now_ms();
	assert_int_equal(call(&f, true), MB_OVERLOADED);
	assert_int_equal(f.err.retry_after_ms, 3600000);
	assert_in_range(now_ms() - before, 0, 5000);
	end(&f, 1);
}

static void says_when_the_deadline_passed(void **state)
{
	const struct scripted_step steps[] = {{.hangs = true}};
	struct client_options options = quick();
	struct fixture f;

	(void)state;
	options.deadline_ms = 500;
	begin_with(&f, steps, 1, &options);
	assert_int_equal(call(&f, true), MB_CALL_TIMED_OUT);
	assert_non_null(strstr(f.err.text, "within the deadline"));
	/* none may have come in time, or two: the server's clock may run ahead */
	end(&f, scripted_calls(f.server));
}

static void says_what_to_do_when_nobody_listens(void **state)
{
	struct client_options options = quick();
	struct fixture f = {0};
	char target[32];
	int fd;

	(void)state;
	options.deadline_ms = 3000;
	snprintf(target, sizeof(target), "127.0.0.1:%d", scripted_silent_port(&fd));
	assert_int_equal(client_create(target, &options, &f.client, &f.err), MB_OK);
	f.arena = arena_create(NULL, 0);
	google__protobuf__timestamp__init(&f.request);
	assert_int_equal(call(&f, false), MB_SERVER_UNREACHABLE);
	assert_non_null(strstr(f.err.text, target));
	assert_non_null(strstr(f.err.text, "Connection refused"));
	assert_non_null(strstr(f.err.text, "check the address"));
	assert_int_equal(call(&f, true), MB_SERVER_UNREACHABLE);
	client_destroy(f.client);
	snprintf(target, sizeof(target), "unix:/tmp/%d.nobody/made", (int)getpid());
	assert_int_equal(client_create(target, &options, &f.client, &f.err), MB_OK);
	assert_int_equal(call(&f, false), MB_SERVER_UNREACHABLE);
	assert_non_null(strstr(f.err.text, "No such file"));
	client_destroy(f.client);
	arena_destroy(f.arena);
	close(fd);
}

static void finds_a_server_that_comes_later(void **state)
{
	const struct scripted_step steps[] = {{.status = 0}};
	struct client_options options = quick();
	struct fixture f = {0};
	struct client_call call;
	char target[32];
	int fd, port;

	(void)state;
	options.attempts = 1000;
	options.deadline_ms = 20000;
	f.arena = arena_create(NULL, 0);
	google__protobuf__timestamp__init(&f.request);
	port = scripted_silent_port(&fd);
	snprintf(target, sizeof(target), "127.0.0.1:%d", port);
	assert_int_equal(client_create(target, &options, &f.client, &f.err), MB_OK);
	call = submitted(&f);
	assert_int_equal(client_submit(f.client, &call, &f.err), MB_OK);
	while (call.attempts < 3) {
		assert_null(client_wait(f.client, 10));
	}
	close(fd);
	f.server = scripted_start_at(steps, 1, port);
	assert_non_null(f.server);
	assert_ptr_equal(client_wait(f.client, -1), &call);
	assert_int_equal(call.err.code, MB_OK);
	end(&f, 1);
}

static void refuses_an_answer_that_is_none(void **state)
{
	const struct scripted_step steps[] = {
		{.payload = {"\x08", 1}},
		{.payload = {"\x0a\x01x", 3}},
		{.silent = true},
		{.payload = {"", 0}},
	};
	struct fixture f;

	(void)state;
	begin(&f, steps, 4);
	assert_int_equal(call(&f, true), MB_MESSAGE_MALFORMED);
	assert_int_equal(call(&f, true), MB_MESSAGE_MALFORMED);
	assert_int_equal(call(&f, true), MB_INTERNAL);
	assert_int_equal(call(&f, true), MB_OK);
	arena_destroy(f.arena);
	f.arena = arena_create(NULL, 16);
	assert_int_equal(call(&f, true), MB_ARENA_FULL);
	end(&f, 5);
}

#define MANY 60

static void keeps_many_in_flight(void **state)
{
	const struct scripted_step steps[] = {
		{.status = 14}, {.status = 0}, {.status = 14}, {.status = 0}};
	struct client_call calls[MANY] = {0}, *ended;
	Google__Protobuf__Timestamp requests[MANY];
	bool seen[MANY] = {false};
	struct fixture f;

	(void)state;
	begin(&f, steps, 4);
	for (size_t i = 0; i < MANY; i++) {
		google__protobuf__timestamp__init(&requests[i]);
		requests[i].seconds = (int64_t)i;
		calls[i] = (struct client_call){.method = METHOD,
						.request = &requests[i].base,
						.response_type = TYPE,
						.arena = f.arena,
						.repeatable = true,
						.data = &requests[i]};
		assert_int_equal(client_submit(f.client, &calls[i], &f.err), MB_OK);
	}
	assert_int_equal(client_pending(f.client), MANY);
	assert_int_equal(call(&f, true), MB_OK);
	assert_int_equal(client_pending(f.client), MANY);
	while ((ended = client_wait(f.client, -1)) != NULL) {
		const Google__Protobuf__Timestamp *request = ended->data;

		assert_int_equal(ended->err.code, MB_OK);
		assert_false(seen[request - requests]);
		seen[request - requests] = true;
		assert_int_equal(((Google__Protobuf__Timestamp *)ended->response)->seconds,
				 request->seconds);
		assert_in_range(ended->attempts, 1, 3);
	}
	assert_int_equal(client_pending(f.client), 0);
	for (size_t i = 0; i < MANY; i++) {
		assert_true(seen[i]);
	}
	end(&f, MANY + 1 + 2);
}

static void cancels_in_flight_and_asleep(void **state)
{
	const struct scripted_step steps[] = {{.status = 14, .pushback = "5000"}, {.hangs = true}};
	struct client_call first, second;
	struct fixture f;

	(void)state;
	begin(&f, steps, 2);
	assert_null(client_wait(f.client, 10));
	first = submitted(&f);
	assert_int_equal(client_submit(f.client, &first, &f.err), MB_OK);
	while (first.grpc_code != 14) { /* sleeps from then on */
		assert_null(client_wait(f.client, 5));
	}
	second = submitted(&f);
	assert_int_equal(client_submit(f.client, &second, &f.err), MB_OK);
	while (scripted_calls(f.server) < 2) {
		assert_null(client_wait(f.client, 5));
	}
	client_cancel(f.client, &first);
	client_cancel(f.client, &first);
	assert_ptr_equal(client_wait(f.client, 0), &first);
	assert_int_equal(first.err.code, MB_CALL_CANCELLED);
	client_cancel(f.client, &first);
	client_cancel(f.client, &second);
	client_cancel(f.client, &second);
	assert_ptr_equal(client_wait(f.client, -1), &second);
	assert_int_equal(second.err.code, MB_CALL_CANCELLED);
	assert_null(client_wait(f.client, -1));
	end(&f, 2);
}

static void goes_away_with_calls_in_all_states(void **state)
{
	const struct scripted_step steps[] = {
		{.status = 0}, {.status = 14, .pushback = "5000"}, {.hangs = true}};
	struct client_call first, second, third;
	struct fixture f;

	(void)state;
	begin(&f, steps, 3);
	first = submitted(&f);
	assert_int_equal(client_submit(f.client, &first, &f.err), MB_OK);
	second = submitted(&f);
	assert_int_equal(client_submit(f.client, &second, &f.err), MB_OK);
	assert_non_null(client_wait(f.client, -1));
	third = submitted(&f);
	assert_int_equal(client_submit(f.client, &third, &f.err), MB_OK);
	client_wait(f.client, 30);
	client_destroy(f.client);
	f.client = NULL;
	assert_null(third.flight);
	scripted_stop(f.server);
	scripted_destroy(f.server);
	arena_destroy(f.arena);
}

static void reads_the_status_of_an_item(void **state)
{
	Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT, *read;
	uint8_t bytes[512];
	struct str details = make_details(bytes, "ORDER_EXISTS", "activities[1].order", 0);
	struct mb_err err;

	(void)state;
	assert_int_equal(client_read_status(&status, &err), MB_OK);
	assert_int_equal(err.code, MB_OK);
	read = google__rpc__status__unpack(NULL, details.len, (const uint8_t *)details.ptr);
	assert_non_null(read);
	read->code = 6;
	assert_int_equal(client_read_status(read, &err), MB_ORDER_EXISTS);
	assert_string_equal(err.field, "activities[1].order");
	google__rpc__status__free_unpacked(read, NULL);
	status.code = 4;
	assert_int_equal(client_read_status(&status, &err), MB_CALL_TIMED_OUT);
	assert_string_equal(err.text, "the deadline passed");
}

static void refuses_targets_and_tokens_that_cannot_be(void **state)
{
	static const char *const targets[] = {"", "a b:1", "x\n", "\xff:1"};
	static const char *const tokens[] = {"", "two words", "line\n", "na\xc3\xafve"};
	struct client_options options = {0};
	struct client *client = NULL;
	struct mb_err err;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		options.token = NULL;
		assert_int_equal(client_create(targets[i], &options, &client, &err),
				 MB_FIELD_INVALID);
		assert_string_equal(err.field, "target");
		options.token = tokens[i];
		assert_int_equal(client_create("localhost:1", &options, &client, &err),
				 MB_FIELD_INVALID);
		assert_string_equal(err.field, "token");
	}
	assert_null(client);
	client_destroy(NULL);
}

static void every_fault_is_an_error(void **state)
{
	const struct scripted_step steps[] = {{.status = 0}};
	struct client_options options = quick();
	struct client *client;
	struct fixture f;
	struct mb_err err;

	(void)state;
	options.token = "t";
	for (unsigned long n = 1; n <= 2; n++) {
		fault_arm("client.create", n);
		assert_int_equal(client_create("localhost:1", &options, &client, &err),
				 MB_OVERLOADED);
		assert_true(fault_struck());
	}
	fault_disarm();
	begin(&f, steps, 1);
	fault_arm("client.submit", 1);
	assert_int_equal(call(&f, true), MB_OVERLOADED);
	fault_disarm();
	assert_int_equal(client_pending(f.client), 0);
	assert_int_equal(call(&f, true), MB_OK);
	end(&f, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_and_gives_the_answer),
		cmocka_unit_test(gives_back_the_servers_error),
		cmocka_unit_test(cuts_texts_between_characters),
		cmocka_unit_test(keeps_a_reason_that_it_does_not_know),
		cmocka_unit_test(a_reason_of_others_is_not_ours),
		cmocka_unit_test(makes_do_without_details_or_with_bad_ones),
		cmocka_unit_test(repeats_what_was_unavailable_twice),
		cmocka_unit_test(repeats_nothing_that_may_not_be),
		cmocka_unit_test(waits_as_long_as_it_is_told),
		cmocka_unit_test(waits_twice_as_long_each_time),
		cmocka_unit_test(obeys_a_pushback_that_says_never),
		cmocka_unit_test(does_not_sleep_past_the_deadline),
		cmocka_unit_test(says_when_the_deadline_passed),
		cmocka_unit_test(says_what_to_do_when_nobody_listens),
		cmocka_unit_test(finds_a_server_that_comes_later),
		cmocka_unit_test(refuses_an_answer_that_is_none),
		cmocka_unit_test(keeps_many_in_flight),
		cmocka_unit_test(cancels_in_flight_and_asleep),
		cmocka_unit_test(goes_away_with_calls_in_all_states),
		cmocka_unit_test(reads_the_status_of_an_item),
		cmocka_unit_test(refuses_targets_and_tokens_that_cannot_be),
		cmocka_unit_test(every_fault_is_an_error),
	};

	setenv("http_proxy", "http://127.0.0.1:1", 1); /* which is nobody's business here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
