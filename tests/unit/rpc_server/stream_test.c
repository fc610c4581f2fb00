/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct str count_request(struct fixture *f, int count, int size)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;

	request.count = count;
	request.size = size;
	return fixture_pack(f, &request);
}

/* Reads to the end; the number of messages. */
static int drain(struct calling *calling)
{
	struct strbuf message = {0};
	int count = 0;

	while (calling_read(calling, &message)) {
		strbuf_reset(&message);
		count++;
	}
	strbuf_fini(&message);
	return count;
}

static void start_count(struct fixture *f, struct calling *calling, int count, int size)
{
	caller_start(&f->caller, calling, COUNT, NULL, 0);
	calling_send_one(calling, count_request(f, count, size));
}

static void a_server_stream_sends_all_in_order(void **state)
{
	struct strbuf message = {0};
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	start_count(&f, &calling, 100, 10);
	for (int i = 100; i > 0; i--) {
		strbuf_reset(&message);
		assert_true(calling_read(&calling, &message));
		assert_int_equal(atoi(fixture_unpack(&f, &message)), i);
	}
	assert_false(calling_read(&calling, &message));
	strbuf_fini(&message);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_OK);
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.end.code, MB_OK);
	assert_int_equal(f.echo.written, 100);
	assert_true(f.echo.end.bytes_out >= 100 * 12);
	fixture_fini(&f);
}

static void a_server_stream_may_be_empty(void **state)
{
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	start_count(&f, &calling, 0, 0);
	assert_int_equal(drain(&calling), 0);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_OK);
	fixture_fini(&f);
}

/* 64 MiB for a caller who does not read: the writer stands still after what the connection holds, with
 * one message in memory; then he reads and gets all. */
static void a_slow_reader_holds_the_writer_back(void **state)
{
	enum { COUNT_ALL = 1024, SIZE = 64 << 10 };
	struct calling calling;
	struct fixture f;
	struct outcome out;
	int before, after;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	start_count(&f, &calling, COUNT_ALL, SIZE);
	echo_wait(&f.echo.handled, 1);
	do {
		before = atomic_load(&f.echo.written);
		sleep_ms(300);
		after = atomic_load(&f.echo.written);
	} while (before != after);
	print_message("# stood still after %d of %d messages\n", after, COUNT_ALL);
	assert_true(after < COUNT_ALL / 4);
	assert_true(atomic_load(&f.echo.budget.used) < 3 * SIZE);
	assert_int_equal(drain(&calling), COUNT_ALL);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_OK);
	fixture_fini(&f);
}

static void a_cancelled_server_stream_tells_its_handler(void **state)
{
	struct strbuf message = {0};
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	start_count(&f, &calling, 1 << 30, 64 << 10);
	assert_true(calling_read(&calling, &message));
	strbuf_fini(&message);
	calling_cancel(&calling);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_CANCELLED);
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.end.code, MB_CALL_CANCELLED);
	assert_int_equal(f.echo.cancels, 1);
	fixture_fini(&f);
}

/* Nobody reads, the deadline passes with a write under way. Again where the request was long on its way: then
 * all that the server sees is that the caller hangs up. */
static void a_deadline_ends_a_stream_that_stands_still(void **state)
{
	struct calling calling;
	struct fixture f;
	struct outcome out;
	int calls = 0;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	do {
		caller_start(&f.caller, &calling, COUNT, NULL, 300);
		calling_send_one(&calling, count_request(&f, 1 << 30, 64 << 10));
		calling_finish(&calling, &out);
		assert_int_equal(out.status, GRPC_STATUS_DEADLINE_EXCEEDED);
		echo_wait_ends(&f.echo, ++calls);
	} while (f.echo.end.code == MB_CALL_CANCELLED && calls < 50);
	assert_int_equal(f.echo.end.code, MB_CALL_TIMED_OUT);
	assert_int_equal(f.echo.cancels, f.echo.handled);
	fixture_fini(&f);
}

/* A message larger than the arena of a message is not sent by halves. */
static void a_message_that_does_not_fit_ends_the_stream(void **state)
{
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	start_count(&f, &calling, 10, RPC_ARENA_CAP + 1);
	assert_int_equal(drain(&calling), 0);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_RESOURCE_EXHAUSTED);
	assert_string_equal(out.reason, "ARENA_FULL");
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.end.code, MB_ARENA_FULL);
	fixture_fini(&f);
}

/* ---- bidirectional ---- */

static void a_chat_answers_each_message(void **state)
{
	struct strbuf message = {0};
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	caller_start(&f.caller, &calling, CHAT, NULL, 0);
	for (int i = 0; i < 50; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%d", i);
		assert_true(calling_write(&calling, fixture_text(&f, text)));
		strbuf_reset(&message);
		assert_true(calling_read(&calling, &message));
		assert_string_equal(fixture_unpack(&f, &message), text);
	}
	assert_int_equal(echo_ends(&f.echo), 0);
	calling_half_close(&calling);
	assert_false(calling_read(&calling, &message));
	strbuf_fini(&message);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_OK);
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.end.code, MB_OK);
	assert_true(f.echo.end.bytes_in > 100 && f.echo.end.bytes_in == f.echo.end.bytes_out);
	assert_int_equal(f.echo.cancels, 0);
	fixture_fini(&f);
}

static void a_chat_may_end_without_a_word(void **state)
{
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	caller_start(&f.caller, &calling, CHAT, NULL, 0);
	calling_half_close(&calling);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_OK);
	fixture_fini(&f);
}

/* Far more passes through a stream than its call's arena may hold. */
static void a_long_chat_takes_no_more_memory(void **state)
{
	struct strbuf message = {0};
	struct calling calling;
	struct fixture f;
	struct outcome out;
	char *text = calloc(1, (32 << 10) + 1);

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	memset(text, 'a', 32 << 10);
	caller_start(&f.caller, &calling, CHAT, NULL, 0);
	for (int i = 0; i < 64; i++) {
		assert_true(calling_write(&calling, fixture_text(&f, text)));
		strbuf_reset(&message);
		assert_true(calling_read(&calling, &message));
		assert_true(atomic_load(&f.echo.budget.used) < RPC_ARENA_CAP);
	}
	strbuf_fini(&message);
	calling_half_close(&calling);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_OK);
	free(text);
	fixture_fini(&f);
}

static void a_chat_may_end_with_an_error(void **state)
{
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	caller_start(&f.caller, &calling, CHAT, NULL, 0);
	calling_write_later(&calling, fixture_text(&f, "!"));
	calling_finish(&calling, &out);
	assert_string_equal(out.text, "you said !");
	assert_refused(&out, GRPC_STATUS_FAILED_PRECONDITION, "ORDER_CLOSED");
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.end.code, MB_ORDER_CLOSED);
	fixture_fini(&f);
}

/* The handler hears it as a cancellation, the caller hears the reason. */
static void a_malformed_message_ends_a_chat(void **state)
{
	struct strbuf message = {0};
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	caller_start(&f.caller, &calling, CHAT, NULL, 0);
	assert_true(calling_write(&calling, fixture_text(&f, "well")));
	assert_true(calling_read(&calling, &message));
	strbuf_fini(&message);
	calling_write_later(&calling, STR("\x0a\x02\xc3\x28"));
	calling_finish(&calling, &out);
	assert_refused(&out, GRPC_STATUS_INVALID_ARGUMENT, "MESSAGE_MALFORMED");
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.end.code, MB_MESSAGE_MALFORMED);
	assert_int_equal(f.echo.cancels, 1);
	fixture_fini(&f);
}

/* A handler that takes its time is told once, though the call is refused first and then gone. */
static void the_end_is_told_once(void **state)
{
	struct calling calling;
	struct fixture f;
	struct outcome out;
	struct mb_err err;

	(void)state;
	fixture_init(&f);
	f.echo.left_on_cancel = true;
	fixture_start(&f);
	caller_start(&f.caller, &calling, CHAT, NULL, 0);
	calling_write_later(&calling, STR("\x0a\x02\xc3\x28"));
	echo_wait(&f.echo.cancels, 1);
	calling_cancel(&calling);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_CANCELLED);
	sleep_ms(50); /* for the server to hear of it */
	while (atomic_load(&f.echo.left) == NULL) {
		sleep_ms(1);
	}
	mb_fail(&err, MB_CALL_CANCELLED, "%s", "");
	rpc_call_fail(f.echo.left, &err);
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.cancels, 1);
	fixture_fini(&f);
}

static void a_message_that_takes_too_much_ends_a_chat(void **state)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	request.take = RPC_ARENA_CAP + 1;
	for (int i = 1; i <= 2; i++) {
		request.text = i == 1 ? "an answer" : "."; /* or the end, which is then none */
		caller_start(&f.caller, &calling, CHAT, NULL, 0);
		calling_write_later(&calling, fixture_pack(&f, &request));
		calling_finish(&calling, &out);
		assert_int_equal(out.status, GRPC_STATUS_RESOURCE_EXHAUSTED);
		assert_string_equal(out.reason, "ARENA_FULL");
		echo_wait_ends(&f.echo, i);
		assert_int_equal(f.echo.end.code, MB_ARENA_FULL);
		assert_int_equal(echo_ends(&f.echo), i);
	}
	fixture_fini(&f);
}

static void a_message_that_is_too_large_ends_a_chat(void **state)
{
	struct calling calling;
	struct fixture f;
	struct outcome out;
	char *text = malloc((5 << 20) + 1);

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	memset(text, 'a', 5 << 20);
	text[5 << 20] = '\0';
	caller_start(&f.caller, &calling, CHAT, NULL, 0);
	calling_write_later(&calling, fixture_text(&f, text));
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_RESOURCE_EXHAUSTED);
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.cancels, 1);
	free(text);
	fixture_fini(&f);
}

/* A handler that reads only after its answer was taken holds the sender back. */
static void a_chat_that_nobody_reads_holds_the_sender_back(void **state)
{
	struct calling calling;
	struct fixture f;
	struct outcome out;
	char *text = calloc(1, (200 << 10) + 1);
	int sent = 0;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	memset(text, 'a', 100 << 10);
	caller_start(&f.caller, &calling, CHAT, NULL, 0);
	do {
		calling_write_later(&calling, fixture_text(&f, text));
		sent++;
		assert_true(sent < 500);
	} while (calling_wait_write(&calling, 500));
	print_message("# held back after %d messages of 100 KiB\n", sent);
	assert_true(atomic_load(&f.echo.budget.used) < 2 * RPC_ARENA_CAP);
	calling_cancel(&calling);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_CANCELLED);
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.end.code, MB_CALL_CANCELLED);
	free(text);
	fixture_fini(&f);
}

static void a_cancelled_chat_tells_its_handler(void **state)
{
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	for (int i = 0; i < 50; i++) {
		struct calling calling;

		caller_start(&f.caller, &calling, CHAT, NULL, 0);
		for (int j = 0; j < i % 4; j++) {
			assert_true(calling_write(&calling, fixture_text(&f, "x")));
		}
		sleep_ms(i % 3);
		calling_cancel(&calling);
		calling_finish(&calling, &out);
		assert_int_equal(out.status, GRPC_STATUS_CANCELLED);
	}
	for (int i = 0; i < 5000 && rpc_server_pending(f.echo.server) > 0; i++) {
		sleep_ms(1);
	}
	assert_int_equal(rpc_server_pending(f.echo.server), 0);
	assert_int_equal(f.echo.cancels, f.echo.handled);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_stream_sends_all_in_order),
		cmocka_unit_test(a_server_stream_may_be_empty),
		cmocka_unit_test(a_slow_reader_holds_the_writer_back),
		cmocka_unit_test(a_cancelled_server_stream_tells_its_handler),
		cmocka_unit_test(a_deadline_ends_a_stream_that_stands_still),
		cmocka_unit_test(a_message_that_does_not_fit_ends_the_stream),
		cmocka_unit_test(a_chat_answers_each_message),
		cmocka_unit_test(a_chat_may_end_without_a_word),
		cmocka_unit_test(a_long_chat_takes_no_more_memory),
		cmocka_unit_test(a_chat_may_end_with_an_error),
		cmocka_unit_test(a_malformed_message_ends_a_chat),
		cmocka_unit_test(the_end_is_told_once),
		cmocka_unit_test(a_message_that_takes_too_much_ends_a_chat),
		cmocka_unit_test(a_message_that_is_too_large_ends_a_chat),
		cmocka_unit_test(a_chat_that_nobody_reads_holds_the_sender_back),
		cmocka_unit_test(a_cancelled_chat_tells_its_handler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
