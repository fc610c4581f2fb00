/* SPDX-License-Identifier: Apache-2.0 */
/* The client against the server of the rpc floor. */
#include "client/client.h"

#include "base/fault.h"
#include "echo.h"
#include "echo.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct echo echo;
static struct client *client;
static struct arena *arena;

static int setup(void **state)
{
	struct client_options options = {.attempts = 3, .backoff_ms = 2, .token = "unused"};
	struct mb_err err;

	(void)state;
	echo_init(&echo);
	echo_start(&echo);
	arena = arena_create(NULL, 0);
	return arena == NULL || client_create(echo.target, &options, &client, &err) != MB_OK;
}

static int teardown(void **state)
{
	(void)state;
	client_destroy(client);
	arena_destroy(arena);
	echo_stop(&echo);
	return 0;
}

static enum mb_code say(const char *method, const Echo__V1__EchoRequest *request,
			Echo__V1__EchoResponse **out, struct mb_err *err)
{
	ProtobufCMessage *response = NULL;
	enum mb_code code =
		client_call(client, method, &request->base, &echo__v1__echo_response__descriptor,
			    true, arena, &response, err);

	*out = (Echo__V1__EchoResponse *)response;
	return code;
}

static void hears_its_words_again(void **state)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	Echo__V1__EchoResponse *response;
	struct mb_err err;

	(void)state;
	request.text = (char *)"h\xc3\xa9llo";
	assert_int_equal(say("echo.v1.EchoService/Say", &request, &response, &err), MB_OK);
	assert_string_equal(response->text, "h\xc3\xa9llo");
	assert_int_equal(say("echo.v1.EchoService/SayLater", &request, &response, &err), MB_OK);
	assert_string_equal(response->text, "h\xc3\xa9llo");
	assert_int_equal(say("echo.v1.EchoService/Sing", &request, &response, &err),
			 MB_METHOD_UNKNOWN);
	assert_null(response);
}

static void every_row_of_the_table_comes_back_as_it_went(void **state)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	Echo__V1__EchoResponse *response;
	struct mb_err err;

	(void)state;
	request.fail_field = (char *)"items[2].name";
	request.fail_retry_ms = 1;
	for (enum mb_code code = MB_OK + 1; code < MB_CODES; code++) {
		request.fail = (int32_t)code;
		assert_int_equal(say("echo.v1.EchoService/Say", &request, &response, &err), code);
		assert_int_equal(err.code, code);
		assert_string_equal(err.field, "items[2].name");
		assert_int_equal(err.retry_after_ms, 1);
		assert_int_not_equal(err.text[0], '\0');
	}
}

static void the_deadline_reaches_the_server(void **state)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct client_call call = {.method = "echo.v1.EchoService/SayLater",
				   .request = &request.base,
				   .response_type = &echo__v1__echo_response__descriptor,
				   .arena = arena,
				   .deadline_ms = 500};
	struct mb_err err;

	(void)state;
	echo.finish_on_cancel = true;
	request.delay_ms = 60000;
	for (int i = 0; i < 50 && echo.handled == 0; i++) { /* until one has come in time */
		assert_int_equal(client_submit(client, &call, &err), MB_OK);
		assert_ptr_equal(client_wait(client, -1), &call);
		assert_int_equal(call.err.code, MB_CALL_TIMED_OUT);
	}
	echo_wait(&echo.cancels, 1);
}

/* ---- streams ---- */

static struct client_stream *open_count(const char *method, int count, int size)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct client_stream *stream = NULL;
	struct mb_err err;

	request.count = count;
	request.size = size;
	assert_int_equal(client_stream_open(client, method, &request.base,
					    &echo__v1__echo_response__descriptor, &stream, &err),
			 MB_OK);
	return stream;
}

static enum mb_code next(struct client_stream *stream, const char **text, bool *may_retry)
{
	ProtobufCMessage *message = NULL;
	struct mb_err err = {0};
	enum mb_code code = client_stream_next(stream, arena, &message, may_retry, &err);

	assert_int_equal(code, err.code);
	*text = message == NULL ? NULL : ((Echo__V1__EchoResponse *)message)->text;
	return code;
}

static void a_stream_gives_message_after_message(void **state)
{
	struct client_stream *stream = open_count("echo.v1.EchoService/Count", 3, 10);
	bool may_retry;
	const char *text;

	(void)state;
	for (char expected[] = "3"; expected[0] > '0'; expected[0]--) {
		assert_int_equal(next(stream, &text, &may_retry), MB_OK);
		assert_string_equal(text, expected);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(next(stream, &text, &may_retry), MB_OK);
		assert_null(text);
	}
	client_stream_close(stream);
}

static void a_stream_may_be_closed_in_the_middle(void **state)
{
	struct client_stream *stream = open_count("echo.v1.EchoService/Count", 1 << 30, 1000);
	bool may_retry;
	const char *text;

	(void)state;
	assert_int_equal(next(stream, &text, &may_retry), MB_OK);
	client_stream_close(stream);
	client_stream_close(NULL);
	echo_wait_ends(&echo, 1);
	assert_int_equal(echo.end.code, MB_CALL_CANCELLED);
}

static void a_stream_tells_why_it_ended(void **state)
{
	struct client_stream *stream;
	bool may_retry;
	const char *text;

	(void)state;
	stream = open_count("echo.v1.EchoService/Sing", 1, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(next(stream, &text, &may_retry), MB_METHOD_UNKNOWN);
		assert_false(may_retry);
	}
	client_stream_close(stream);
	stream = open_count("echo.v1.EchoService/Count", 1, RPC_ARENA_CAP + 1);
	assert_int_equal(next(stream, &text, &may_retry), MB_ARENA_FULL);
	client_stream_close(stream);
	stream = open_count("echo.v1.EchoService/Count", 1 << 30, 1000);
	assert_int_equal(next(stream, &text, &may_retry), MB_OK);
	rpc_server_drain(echo.server, 0, 0, NULL);
	while (next(stream, &text, &may_retry) == MB_OK) {
		assert_non_null(text);
	}
	assert_true(may_retry);
	client_stream_close(stream);
}

static void a_stream_needs_memory(void **state)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct client_stream *stream = NULL;
	struct mb_err err;

	(void)state;
	fault_arm("client.stream", 1);
	assert_int_equal(client_stream_open(client, "echo.v1.EchoService/Count", &request.base,
					    &echo__v1__echo_response__descriptor, &stream, &err),
			 MB_OVERLOADED);
	fault_disarm();
	assert_null(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hears_its_words_again, setup, teardown),
		cmocka_unit_test_setup_teardown(every_row_of_the_table_comes_back_as_it_went, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_deadline_reaches_the_server, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_gives_message_after_message, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_stream_may_be_closed_in_the_middle, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_stream_tells_why_it_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_needs_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
