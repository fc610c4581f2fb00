/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "base/fault.h"
#include "port.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void answers_at_once(void **state)
{
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_call(&f, SAY, fixture_text(&f, "hello"), &out);
	assert_string_equal(fixture_answer(&f, &out), "hello");
	echo_wait_ends(&f.echo, 1);
	assert_string_equal(f.echo.end.method, "echo.v1.EchoService/Say");
	assert_int_equal(f.echo.end.code, MB_OK);
	assert_int_equal(f.echo.end.bytes_in, 7);
	assert_int_equal(f.echo.end.bytes_out, 7);
	assert_true(f.echo.end.duration_ns > 0);
	assert_int_equal(f.echo.began, 1);
	fixture_fini(&f);
}

static void answers_an_empty_message(void **state)
{
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_call(&f, SAY, STR(""), &out);
	assert_string_equal(fixture_answer(&f, &out), "");
	fixture_fini(&f);
}

static void answers_later_from_another_thread(void **state)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	request.text = "later";
	for (request.delay_ms = 0; request.delay_ms < 20; request.delay_ms += 19) {
		fixture_call(&f, SAY_LATER, fixture_pack(&f, &request), &out);
		assert_string_equal(fixture_answer(&f, &out), "later");
	}
	echo_wait_ends(&f.echo, 2);
	assert_true(f.echo.end.duration_ns >= 19 * 1000000);
	assert_int_equal(f.echo.cancels, 0);
	fixture_fini(&f);
}

static void reply_packed(struct rpc_call *call, const ProtobufCMessage *request, void *data)
{
	(void)request;
	(void)data;
	rpc_call_reply_bytes(call, STR("\x0a\x06packed"));
}

static void answers_what_is_packed_already(void **state)
{
	static const struct rpc_principal spy = {{"spy", 3}, {"", 0}};
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.whisper = reply_packed;
	f.echo.options.anonymous = &spy;
	fixture_start(&f);
	fixture_call(&f, WHISPER, fixture_text(&f, "x"), &out);
	assert_string_equal(fixture_answer(&f, &out), "packed");
	fixture_fini(&f);
}

static void answers_many_at_once(void **state)
{
	enum { N = 64 };
	struct calling calls[N];
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	for (int i = 0; i < N; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%d", i);
		caller_start(&f.caller, &calls[i], i % 2 == 0 ? SAY : SAY_LATER, NULL, 0);
		calling_send_one(&calls[i], fixture_text(&f, text));
	}
	for (int i = 0; i < N; i++) {
		struct strbuf message = {0};

		assert_true(calling_read(&calls[i], &message));
		assert_int_equal(atoi(fixture_unpack(&f, &message)), i);
		strbuf_fini(&message);
		calling_finish(&calls[i], &out);
		assert_int_equal(out.status, GRPC_STATUS_OK);
	}
	echo_wait_ends(&f.echo, N);
	for (int i = 0; i < 1000 && rpc_server_pending(f.echo.server) > 0; i++) {
		sleep_ms(1); /* a call counts until a moment after `ended` */
	}
	assert_int_equal(rpc_server_pending(f.echo.server), 0);
	fixture_fini(&f);
}

static void answers_an_unknown_method(void **state)
{
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	for (int i = 0; i < 10; i++) { /* more than are posted */
		fixture_call(&f, "/echo.v1.EchoService/Shout", fixture_text(&f, "x"), &out);
		assert_refused(&out, GRPC_STATUS_UNIMPLEMENTED, "METHOD_UNKNOWN");
	}
	fixture_call(&f, "/no.such.Service/Say", fixture_text(&f, "hello"), &out);
	assert_refused(&out, GRPC_STATUS_UNIMPLEMENTED, "METHOD_UNKNOWN");
	echo_wait_ends(&f.echo, 11);
	assert_string_equal(f.echo.end.method, "");
	assert_int_equal(f.echo.began, 0);
	fixture_fini(&f);
}

static void tells_a_failure_with_its_details(void **state)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	request.text = "no such colour: 'r\303\266t'";
	request.fail = MB_FIELD_INVALID;
	request.fail_field = "colours[3].name";
	fixture_call(&f, SAY, fixture_pack(&f, &request), &out);
	assert_string_equal(out.text, "colours[3].name: no such colour: 'r\303\266t'");
	assert_string_equal(out.field, "colours[3].name");
	assert_int_equal(out.retry_ms, 0);
	assert_string_equal(out.pushback, "");
	assert_refused(&out, GRPC_STATUS_INVALID_ARGUMENT, "FIELD_INVALID");
	request.fail = MB_STORE_UNAVAILABLE;
	request.fail_field = "";
	request.fail_retry_ms = 2500;
	fixture_call(&f, SAY_LATER, fixture_pack(&f, &request), &out);
	assert_string_equal(out.field, "");
	assert_int_equal(out.retry_ms, 2500);
	assert_string_equal(out.pushback, "2500");
	assert_refused(&out, GRPC_STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
	echo_wait_ends(&f.echo, 2);
	assert_int_equal(f.echo.end.code, MB_STORE_UNAVAILABLE);
	assert_string_equal(f.echo.end.err.text, request.text);
	assert_int_equal(f.echo.end.bytes_out, 0);
	fixture_fini(&f);
}

static void a_failure_without_text_tells_that_of_its_code(void **state)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	request.fail = MB_MEMBER_NOT_FOUND;
	fixture_call(&f, SAY, fixture_pack(&f, &request), &out);
	assert_string_equal(out.text, "no such member");
	assert_refused(&out, GRPC_STATUS_NOT_FOUND, "MEMBER_NOT_FOUND");
	fixture_fini(&f);
}

/* ---- who calls ---- */

static void put_token(FILE *file, const char *role, const char *token)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len;

	assert_int_equal(EVP_Digest(token, strlen(token), hash, &len, EVP_sha256(), NULL), 1);
	fprintf(file, "%s sha256:", role);
	for (unsigned i = 0; i < len; i++) {
		fprintf(file, "%02x", hash[i]);
	}
	fputc('\n', file);
}

static struct rpc_tokens *make_tokens(struct fixture *f)
{
	struct rpc_tokens *tokens = rpc_tokens_create();
	char path[80];
	struct mb_err err;
	FILE *file;

	snprintf(path, sizeof(path), "%s.tokens", f->echo.path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(chmod(path, 0600), 0);
	put_token(file, "talker:4711", "talkers-token");
	put_token(file, "spy", "spys-token");
	put_token(file, "admin", "admins-token");
	fclose(file);
	if (rpc_tokens_load(tokens, path, f->echo.options.grants, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
	unlink(path);
	return tokens;
}

static void with_token(struct fixture *f, const char *method, const char *authorization,
		       struct str message, struct outcome *out)
{
	const char *const metadata[] = {"authorization", authorization, NULL};

	caller_call(&f->caller, method, message, metadata, 0, out);
}

static void asks_who_calls_before_anything_else(void **state)
{
	const struct str broken = STR("\x0a\x05hell");
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.options.tokens = make_tokens(&f);
	fixture_start(&f);
	fixture_call(&f, SAY, broken, &out);
	assert_refused(&out, GRPC_STATUS_UNAUTHENTICATED, "TOKEN_UNKNOWN");
	with_token(&f, SAY, "Bearer somebody-elses", broken, &out);
	assert_refused(&out, GRPC_STATUS_UNAUTHENTICATED, "TOKEN_UNKNOWN");
	with_token(&f, SAY, "Basic talkers-token", broken, &out);
	assert_refused(&out, GRPC_STATUS_UNAUTHENTICATED, "TOKEN_UNKNOWN");
	with_token(&f, SAY, "Bearer ", broken, &out);
	assert_refused(&out, GRPC_STATUS_UNAUTHENTICATED, "TOKEN_UNKNOWN");
	with_token(&f, WHISPER, "Bearer talkers-token", broken, &out);
	assert_refused(&out, GRPC_STATUS_PERMISSION_DENIED, "PERMISSION_MISSING");
	with_token(&f, CHAT, "Bearer spys-token", (struct str){NULL, 0}, &out);
	assert_refused(&out, GRPC_STATUS_PERMISSION_DENIED, "PERMISSION_MISSING");
	assert_int_equal(f.echo.handled, 0);
	with_token(&f, SAY, "Bearer talkers-token", broken, &out);
	assert_refused(&out, GRPC_STATUS_INVALID_ARGUMENT, "MESSAGE_MALFORMED");
	with_token(&f, SAY, "bEaReR talkers-token", fixture_text(&f, "me"), &out);
	assert_string_equal(fixture_answer(&f, &out), "me");
	echo_wait_ends(&f.echo, 8);
	assert_string_equal(f.echo.end.role, "talker");
	with_token(&f, WHISPER, "Bearer admins-token", fixture_text(&f, "psst"), &out);
	assert_string_equal(fixture_answer(&f, &out), "psst");
	fixture_call(&f, SAY_PUBLIC, fixture_text(&f, "anyone"), &out);
	assert_string_equal(fixture_answer(&f, &out), "anyone");
	fixture_fini(&f);
	rpc_tokens_destroy(f.echo.options.tokens);
}

/* The server remembers who was let in last. */
static void who_was_let_in_lets_in_nobody_else(void **state)
{
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.options.queues = 1;
	f.echo.options.tokens = make_tokens(&f);
	fixture_start(&f);
	for (int i = 0; i < 2; i++) {
		with_token(&f, WHISPER, "Bearer spys-token", fixture_text(&f, "psst"), &out);
		assert_string_equal(fixture_answer(&f, &out), "psst");
		with_token(&f, WHISPER, "Bearer talkers-token", fixture_text(&f, "?"), &out);
		assert_refused(&out, GRPC_STATUS_PERMISSION_DENIED, "PERMISSION_MISSING");
	}
	fixture_fini(&f);
	rpc_tokens_destroy(f.echo.options.tokens);
}

static void two_tokens_are_none(void **state)
{
	const char *const metadata[] = {"authorization", "Bearer talkers-token", "authorization",
					"Bearer admins-token", NULL};
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.options.tokens = make_tokens(&f);
	fixture_start(&f);
	caller_call(&f.caller, SAY, fixture_text(&f, "x"), metadata, 0, &out);
	assert_refused(&out, GRPC_STATUS_UNAUTHENTICATED, "TOKEN_UNKNOWN");
	fixture_fini(&f);
	rpc_tokens_destroy(f.echo.options.tokens);
}

static void hands_the_caller_to_the_handler(void **state)
{
	const char *const metadata[] = {"authorization", "Bearer talkers-token", "x-request-id",
					"req-7", NULL};
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.options.tokens = make_tokens(&f);
	fixture_start(&f);
	request.who = 1;
	caller_call(&f.caller, SAY, fixture_pack(&f, &request), metadata, 0, &out);
	assert_string_equal(fixture_answer(&f, &out), "talker:4711 echo.v1.EchoService/Say req-7");
	fixture_fini(&f);
	rpc_tokens_destroy(f.echo.options.tokens);
}

/* ---- metadata ---- */

static void ends_with(struct fixture *f, const char *key, const char *value)
{
	const char *const metadata[] = {key, value, NULL};
	struct outcome out;
	int ends = echo_ends(&f->echo);

	caller_call(&f->caller, SAY, fixture_text(f, "x"), metadata, 0, &out);
	assert_string_equal(fixture_answer(f, &out), "x");
	echo_wait_ends(&f->echo, ends + 1);
}

static void reads_request_and_trace_ids(void **state)
{
	static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	static const char *const bad[] = {
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
		"x",
	};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	ends_with(&f, "x-request-id", "a-b.c_1");
	assert_string_equal(f.echo.end.request_id, "a-b.c_1");
	ends_with(&f, "x-request-id", "with blank");
	assert_int_equal(strlen(f.echo.end.request_id), 16);
	ends_with(&f, "traceparent", trace);
	assert_string_equal(f.echo.end.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
	assert_int_equal(strlen(f.echo.end.request_id), 16);
	ends_with(&f, "traceparent",
		  "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later");
	assert_string_equal(f.echo.end.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ends_with(&f, "traceparent", bad[i]);
		assert_string_equal(f.echo.end.trace_id, "");
	}
	assert_memory_equal(f.echo.end.peer, "unix:", 5);
	fixture_fini(&f);
}

static void greets_with_its_metadata(void **state)
{
	static const char *const greeting[] = {"x-answer", "42", NULL};
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.options.metadata = greeting;
	fixture_start(&f);
	fixture_call(&f, SAY, fixture_text(&f, "x"), &out);
	assert_string_equal(out.answer_id, "42");
	assert_string_equal(fixture_answer(&f, &out), "x");
	fixture_call(&f, SAY, STR("\xff"), &out);
	assert_string_equal(out.answer_id, "42");
	assert_refused(&out, GRPC_STATUS_INVALID_ARGUMENT, "MESSAGE_MALFORMED");
	fixture_fini(&f);
}

/* ---- where it listens ---- */

static void a_unix_socket_is_private(void **state)
{
	mode_t old = umask(0);
	struct fixture f;
	struct stat stat;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(lstat(f.echo.path, &stat), 0);
	assert_int_equal(stat.st_mode & 07777, 0600);
	assert_int_equal(f.echo.port, 0);
	assert_int_equal(umask(old), 0);
	fixture_fini(&f);
}

/* C core would take away any file; one that nobody listens at is only in the way. */
static void a_unix_socket_in_use_is_not_taken_away(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct rpc_server *second = NULL;
	struct mb_err err = {0};
	struct fixture f;
	struct outcome out;
	int port, fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	fixture_init(&f);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f.echo.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	fixture_start(&f);
	assert_int_equal(rpc_server_create(&f.echo.options, f.echo.registry, &port, &second, &err),
			 MB_FIELD_INVALID);
	assert_null(second);
	fixture_call(&f, SAY, fixture_text(&f, "still here"), &out);
	assert_string_equal(fixture_answer(&f, &out), "still here");
	fixture_fini(&f);
}

static void two_servers_do_not_share_a_port(void **state)
{
	struct rpc_server *second = NULL;
	struct mb_err err = {0};
	struct fixture f;
	struct outcome out;
	char address[32];
	int port = port_reserve();

	(void)state;
	fixture_init(&f);
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	snprintf(f.echo.target, sizeof(f.echo.target), "%s", address);
	fixture_start(&f);
	assert_int_equal(f.echo.port, port);
	assert_int_equal(rpc_server_create(&f.echo.options, f.echo.registry, &port, &second, &err),
			 MB_FIELD_INVALID);
	assert_null(second);
	assert_non_null(strstr(err.text, address));
	fixture_call(&f, SAY, fixture_text(&f, "one"), &out);
	assert_string_equal(fixture_answer(&f, &out), "one");
	echo_wait_ends(&f.echo, 1);
	assert_memory_equal(f.echo.end.peer, "ipv4:127.0.0.1:", 15);
	fixture_fini(&f);
}

static void a_server_that_was_never_started_goes_away(void **state)
{
	struct rpc_server *server = NULL;
	struct mb_err err = {0};
	struct fixture f;
	char other[80];
	int port = -1;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	snprintf(other, sizeof(other), "unix:%s.2", f.echo.path);
	f.echo.options.listen = other;
	assert_int_equal(rpc_server_create(&f.echo.options, f.echo.registry, &port, &server, &err),
			 MB_OK);
	assert_int_equal(port, 0);
	rpc_server_destroy(server);
	fault_arm("rpc.server.bind", 1);
	server = NULL;
	assert_int_equal(rpc_server_create(&f.echo.options, f.echo.registry, &port, &server, &err),
			 MB_FIELD_INVALID);
	assert_null(server);
	assert_int_equal(rpc_server_create(&f.echo.options, f.echo.registry, &port, &server, &err),
			 MB_OK);
	fault_arm("rpc.server.thread", 2);
	assert_int_equal(rpc_server_start(server, &err), MB_INTERNAL);
	fault_disarm();
	rpc_server_destroy(server);
	assert_int_equal(rpc_server_create(&f.echo.options, f.echo.registry, &port, &server, &err),
			 MB_OK);
	fault_arm("rpc.call.create", 3);
	assert_int_equal(rpc_server_start(server, &err), MB_INTERNAL);
	assert_true(fault_struck());
	fault_disarm();
	rpc_server_destroy(server);
	unlink(other + 5);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_at_once),
		cmocka_unit_test(answers_an_empty_message),
		cmocka_unit_test(answers_later_from_another_thread),
		cmocka_unit_test(answers_what_is_packed_already),
		cmocka_unit_test(answers_many_at_once),
		cmocka_unit_test(answers_an_unknown_method),
		cmocka_unit_test(tells_a_failure_with_its_details),
		cmocka_unit_test(a_failure_without_text_tells_that_of_its_code),
		cmocka_unit_test(asks_who_calls_before_anything_else),
		cmocka_unit_test(who_was_let_in_lets_in_nobody_else),
		cmocka_unit_test(two_tokens_are_none),
		cmocka_unit_test(hands_the_caller_to_the_handler),
		cmocka_unit_test(reads_request_and_trace_ids),
		cmocka_unit_test(greets_with_its_metadata),
		cmocka_unit_test(a_unix_socket_is_private),
		cmocka_unit_test(a_unix_socket_in_use_is_not_taken_away),
		cmocka_unit_test(two_servers_do_not_share_a_port),
		cmocka_unit_test(a_server_that_was_never_started_goes_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
