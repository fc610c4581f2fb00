/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that coalesces its writes, over TCP. Built a second time as a program that keeps its sendmsg()
 * to itself (HIDDEN): then the server must notice, and serve as ever.
 */
#include "fixture.h"

#include "base/fault.h"
#include "port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef HIDDEN
static const bool works = false;
#else
static const bool works = true;
#endif

static void start(struct fixture *f, bool coalesce)
{
	fixture_init(f);
	f->echo.options.coalesce = coalesce;
	f->echo.options.queues = 1; /* which all answers then share */
	f->echo.finish_on_cancel = true;
	snprintf(f->echo.target, sizeof(f->echo.target), "127.0.0.1:%d", port_reserve());
	fixture_start(f);
}

static struct rpc_writes writes_of(const struct fixture *f)
{
	struct rpc_writes writes;

	rpc_server_writes(f->echo.server, &writes);
	return writes;
}

/* Client and server share a process here, and C core lets either's threads write for the other: so now
 * and then the queue's own thread writes little. */
#define TRIES 50

/* n calls at once, each answered with its own text. */
static void ask_many(struct fixture *f, int n, const char *even, const char *odd)
{
	struct calling *calls = calloc((size_t)n, sizeof(*calls));
	struct outcome out;
	char text[16];

	assert_non_null(calls);
	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%d", i);
		caller_start(&f->caller, &calls[i], i % 2 == 0 ? even : odd, NULL, 0);
		calling_send_one(&calls[i], fixture_text(f, text));
	}
	for (int i = 0; i < n; i++) {
		struct strbuf message = {0};

		assert_true(calling_read(&calls[i], &message));
		assert_int_equal(atoi(fixture_unpack(f, &message)), i);
		strbuf_fini(&message);
		calling_finish(&calls[i], &out);
		assert_int_equal(out.status, GRPC_STATUS_OK);
		outcome_fini(&out);
	}
	free(calls);
}

static void it_says_whether_it_does(void **state)
{
	struct rpc_writes writes;
	struct fixture f;

	(void)state;
	start(&f, true);
	for (int i = 0; i < TRIES && (i == 0 || (works && writes.pushed == 0)); i++) {
		ask_many(&f, 100, SAY, SAY);
		writes = writes_of(&f);
	}
	assert_int_equal(writes.coalesced, works);
	assert_int_equal(writes.why_not == NULL, works);
	assert_int_equal(writes.held > 0, works);
	assert_int_equal(writes.held_bytes > 0, works);
	assert_int_equal(writes.pushed > 0, works);
	assert_true(writes.pushed <= writes.held);
	if (!works) {
		assert_non_null(strstr(writes.why_not, "sendmsg"));
	}
	fixture_fini(&f);
}

static void it_does_not_when_not_asked_to(void **state)
{
	struct rpc_writes writes;
	struct fixture f;

	(void)state;
	start(&f, false);
	ask_many(&f, 100, SAY, SAY);
	writes = writes_of(&f);
	assert_false(writes.coalesced);
	assert_null(writes.why_not);
	assert_int_equal(writes.held + writes.pushed, 0);
	fixture_fini(&f);
}

static void it_serves_when_the_check_cannot_be_made(void **state)
{
	struct rpc_writes writes;
	struct fixture f;

	(void)state;
	fault_arm("rpc.coalesce.check", 1);
	start(&f, true);
	fault_disarm();
	ask_many(&f, 10, SAY, SAY);
	writes = writes_of(&f);
	assert_false(writes.coalesced);
	assert_non_null(writes.why_not);
	assert_int_equal(writes.held, 0);
	fixture_fini(&f);
}

static void answers_of_other_threads_come_between(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, true);
	for (int i = 0; i < 5; i++) {
		ask_many(&f, 200, SAY, SAY_LATER);
	}
	fixture_fini(&f);
}

static void chat(struct fixture *f, struct calling *calling, const char *text)
{
	struct strbuf message = {0};

	assert_true(calling_write(calling, fixture_text(f, text)));
	assert_true(calling_read(calling, &message));
	assert_string_equal(fixture_unpack(f, &message), text);
	strbuf_fini(&message);
}

/* Takes `n` messages of `size` bytes off a stream that counts down. */
static void count_down(struct fixture *f, struct calling *calling, int from, int n, size_t size)
{
	for (int i = from; i > from - n; i--) {
		struct strbuf message = {0};
		Echo__V1__EchoResponse *response;

		assert_true(calling_read(calling, &message));
		response = (Echo__V1__EchoResponse *)protobuf_c_message_unpack(
			&echo__v1__echo_response__descriptor, NULL, message.len,
			(const uint8_t *)message.ptr);
		assert_non_null(response);
		assert_int_equal(atoi(response->text), i);
		assert_int_equal(response->filler.len, size);
		protobuf_c_message_free_unpacked(&response->base, NULL);
		strbuf_fini(&message);
	}
	(void)f;
}

static void streams_and_calls_share_a_connection(void **state)
{
	enum { N = 60, SIZE = 50000 };
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct calling counting, chatting;
	struct fixture f;
	struct outcome out;
	char text[16];

	(void)state;
	start(&f, true);
	request.count = N;
	request.size = SIZE;
	caller_start(&f.caller, &counting, COUNT, NULL, 0);
	calling_send_one(&counting, fixture_pack(&f, &request));
	caller_start(&f.caller, &chatting, CHAT, NULL, 0);
	for (int i = 0; i < N / 2; i++) {
		snprintf(text, sizeof(text), "word %d", i);
		chat(&f, &chatting, text);
		count_down(&f, &counting, N - 2 * i, 2, SIZE);
		ask_many(&f, 8, SAY, SAY_LATER);
	}
	calling_half_close(&chatting);
	calling_finish(&chatting, &out);
	assert_int_equal(out.status, GRPC_STATUS_OK);
	outcome_fini(&out);
	calling_finish(&counting, &out);
	assert_int_equal(out.status, GRPC_STATUS_OK);
	outcome_fini(&out);
	assert_true(works || writes_of(&f).held == 0);
	fixture_fini(&f);
}

/* ---- going down ---- */

static void *drain_thread(void *data)
{
	rpc_server_drain(data, 0, 60000, NULL);
	return NULL;
}

static void a_drain_loses_nothing(void **state)
{
	enum { N = 64 };
	struct calling calls[N];
	struct fixture f;
	struct outcome out;
	pthread_t thread;

	(void)state;
	start(&f, true);
	for (int i = 0; i < N; i++) {
		caller_start(&f.caller, &calls[i], SAY_LATER, NULL, 0);
		calling_send_one(&calls[i], fixture_delayed(&f, 50 + i % 2));
	}
	echo_wait(&f.echo.handled, N);
	assert_int_equal(pthread_create(&thread, NULL, drain_thread, f.echo.server), 0);
	for (int i = 0; i < N; i++) {
		struct strbuf message = {0};

		assert_true(calling_read(&calls[i], &message));
		assert_string_equal(fixture_unpack(&f, &message), "late");
		strbuf_fini(&message);
		calling_finish(&calls[i], &out);
		assert_int_equal(out.status, GRPC_STATUS_OK);
		outcome_fini(&out);
	}
	pthread_join(thread, NULL);
	assert_int_equal(f.echo.ends_by_code[MB_OK], N);
	fixture_fini(&f);
}

/* The last answers are still being read when the server goes. */
static void answers_that_are_on_their_way_arrive(void **state)
{
	enum { N = 64 };
	struct calling calls[N];
	struct fixture f;
	struct outcome out;

	(void)state;
	start(&f, true);
	for (int i = 0; i < N; i++) {
		caller_start(&f.caller, &calls[i], SAY, NULL, 0);
		calling_send_one(&calls[i], fixture_text(&f, "hello"));
	}
	echo_wait(&f.echo.handled, N);
	rpc_server_drain(f.echo.server, 0, 60000, NULL);
	for (int i = 0; i < N; i++) {
		struct strbuf message = {0};

		assert_true(calling_read(&calls[i], &message));
		strbuf_fini(&message);
		calling_finish(&calls[i], &out);
		assert_int_equal(out.status, GRPC_STATUS_OK);
		outcome_fini(&out);
	}
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_whether_it_does),
		cmocka_unit_test(it_does_not_when_not_asked_to),
		cmocka_unit_test(it_serves_when_the_check_cannot_be_made),
		cmocka_unit_test(answers_of_other_threads_come_between),
		cmocka_unit_test(streams_and_calls_share_a_connection),
		cmocka_unit_test(a_drain_loses_nothing),
		cmocka_unit_test(answers_that_are_on_their_way_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
