/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Calls until the server saw the deadline pass while the handler had the call. When a request was long
 * on its way the caller's own deadline passes well before the server's, and all that the server sees is
 * that he hangs up; or it passed before the handler was asked. */
static void call_until_late(struct fixture *f, int delay_ms)
{
	struct outcome out;
	int calls = 1, before;

	fixture_call(f, SAY, fixture_delayed(f, 0), &out); /* the connection stands */
	outcome_fini(&out);
	echo_wait_ends(&f->echo, calls);
	do {
		before = f->echo.handled;
		caller_call(&f->caller, SAY_LATER, fixture_delayed(f, delay_ms), NULL, 300, &out);
		assert_int_equal(out.status, GRPC_STATUS_DEADLINE_EXCEEDED);
		outcome_fini(&out);
		echo_wait_ends(&f->echo, ++calls);
	} while ((f->echo.end.code == MB_CALL_CANCELLED || f->echo.handled == before) &&
		 calls < 50);
	assert_int_equal(f->echo.end.code, MB_CALL_TIMED_OUT);
	assert_int_equal(f->echo.handled, before + 1);
}

/* The handler is told, finishes, and the end is that of the deadline. */
static void a_deadline_passes_while_the_handler_waits(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.echo.finish_on_cancel = true;
	fixture_start(&f);
	call_until_late(&f, 60000);
	assert_true(f.echo.end.duration_ns < INT64_C(30000000000));
	assert_int_equal(f.echo.cancels, f.echo.handled - 1); /* all but the first call */
	fixture_fini(&f);
}

/* Also when it does not care to be told. */
static void a_handler_may_be_deaf_to_it(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.echo.deaf = true;
	fixture_start(&f);
	call_until_late(&f, 1000);
	assert_true(f.echo.end.duration_ns >= INT64_C(900000000));
	assert_int_equal(f.echo.cancels, 0);
	fixture_fini(&f);
}

static void a_deadline_that_has_passed_runs_no_handler(void **state)
{
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_call(&f, SAY, fixture_delayed(&f, 0), &out); /* the connection stands */
	outcome_fini(&out);
	caller_start(&f.caller, &calling, SAY, NULL, 1);
	sleep_ms(20);
	calling_send_one(&calling, fixture_delayed(&f, 0));
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_DEADLINE_EXCEEDED);
	assert_int_equal(f.echo.handled, 1);
	fixture_fini(&f);
}

static void hold_the_queue(struct rpc_call *call, const ProtobufCMessage *request, void *data)
{
	(void)request;
	atomic_store((atomic_int *)((struct echo *)data)->whisper_data, 1);
	sleep_ms(500);
	rpc_call_reply_bytes(call, STR(""));
}

/* Its queue had other work until then. */
static void a_deadline_that_passed_on_the_queue_runs_no_handler(void **state)
{
	static const struct rpc_principal admin = {{"admin", 5}, {"", 0}};
	struct strbuf message = {0};
	struct calling before;
	atomic_int entered = 0;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.options.queues = 1;
	f.echo.options.anonymous = &admin;
	f.echo.whisper = hold_the_queue;
	f.echo.whisper_data = &entered;
	fixture_start(&f);
	caller_start(&f.caller, &before, WHISPER, NULL, 0);
	calling_send_one(&before, fixture_text(&f, "x"));
	echo_wait(&entered, 1);
	caller_call(&f.caller, SAY, fixture_text(&f, "y"), NULL, 200, &out);
	assert_int_equal(out.status, GRPC_STATUS_DEADLINE_EXCEEDED);
	assert_true(calling_read(&before, &message));
	strbuf_fini(&message);
	calling_finish(&before, &out);
	assert_int_equal(out.status, GRPC_STATUS_OK);
	echo_wait_ends(&f.echo, 2);
	assert_int_equal(f.echo.ends_by_code[MB_CALL_TIMED_OUT], 1);
	assert_int_equal(f.echo.handled, 0);
	fixture_fini(&f);
}

static void a_cancelled_call_tells_its_handler(void **state)
{
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.finish_on_cancel = true;
	fixture_start(&f);
	caller_start(&f.caller, &calling, SAY_LATER, NULL, 0);
	calling_send_one(&calling, fixture_delayed(&f, 60000));
	echo_wait(&f.echo.handled, 1);
	assert_int_equal(echo_ends(&f.echo), 0);
	calling_cancel(&calling);
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_CANCELLED);
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.end.code, MB_CALL_CANCELLED);
	assert_int_equal(f.echo.cancels, 1);
	fixture_fini(&f);
}

static void a_call_cancelled_before_it_arrives_harms_nobody(void **state)
{
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.finish_on_cancel = true;
	fixture_start(&f);
	for (int i = 0; i < 50; i++) {
		struct calling calling;

		caller_start(&f.caller, &calling, i % 2 == 0 ? SAY : SAY_LATER, NULL, 0);
		calling_send_one(&calling, fixture_delayed(&f, 60000));
		calling_cancel(&calling);
		calling_finish(&calling, &out);
		assert_int_equal(out.status, GRPC_STATUS_CANCELLED);
	}
	fixture_call(&f, SAY, fixture_delayed(&f, 0), &out);
	assert_string_equal(fixture_answer(&f, &out), "late");
	fixture_fini(&f);
}

static void a_broken_connection_cancels_its_calls(void **state)
{
	struct calling calling;
	struct caller other;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.finish_on_cancel = true;
	fixture_start(&f);
	caller_init(&other, f.echo.target);
	caller_start(&other, &calling, SAY_LATER, NULL, 0);
	calling_send_one(&calling, fixture_delayed(&f, 60000));
	echo_wait(&f.echo.handled, 1);
	calling_cancel(&calling);
	calling_finish(&calling, &out);
	caller_fini(&other);
	echo_wait_ends(&f.echo, 1);
	assert_int_equal(f.echo.end.code, MB_CALL_CANCELLED);
	fixture_fini(&f);
}

/* The handler's thread finishes at about the time the caller cancels: whoever is first, the call ends
 * once. */
static void finishing_races_with_cancelling(void **state)
{
	enum { N = 400 };
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	for (int i = 0; i < N; i++) {
		struct calling calling;

		caller_start(&f.caller, &calling, SAY_LATER, NULL, 0);
		calling_send_one(&calling, fixture_delayed(&f, i % 2));
		sleep_ms(i % 4);
		calling_cancel(&calling);
		calling_finish(&calling, &out);
		assert_true(out.status == GRPC_STATUS_OK || out.status == GRPC_STATUS_CANCELLED);
	}
	for (int i = 0; i < 5000 && rpc_server_pending(f.echo.server) > 0; i++) {
		sleep_ms(1);
	}
	assert_int_equal(rpc_server_pending(f.echo.server), 0);
	assert_int_equal(f.echo.ends_by_code[MB_OK] + f.echo.ends_by_code[MB_CALL_CANCELLED],
			 echo_ends(&f.echo));
	assert_true(echo_ends(&f.echo) <= N);
	print_message("# %d of %d were faster than their cancellation\n",
		      f.echo.ends_by_code[MB_OK], N);
	fixture_fini(&f);
}

/* ---- rpc_call_on_cancel() itself, driven by hand ---- */

struct watch {
	struct rpc_call *call;
	atomic_int runs, running, entered;
	int hold_ms;
};

static void watch_cancel(void *data)
{
	struct watch *watch = data;

	atomic_store(&watch->running, 1);
	atomic_fetch_add(&watch->runs, 1);
	rpc_call_on_cancel(watch->call, NULL, NULL); /* does not wait for itself */
	sleep_ms(watch->hold_ms);
	atomic_store(&watch->running, 0);
}

static void watched(struct rpc_call *call, const ProtobufCMessage *request, void *data)
{
	struct watch *watch = ((struct echo *)data)->whisper_data;

	(void)request;
	watch->call = call;
	rpc_call_on_cancel(call, watch_cancel, watch);
	atomic_store(&watch->entered, 1);
}

/* A server whose Whisper is held by `watch`, and a call to it. */
static void start_watched(struct fixture *f, struct watch *watch, struct calling *calling,
			  int hold_ms)
{
	static const struct rpc_principal admin = {{"admin", 5}, {"", 0}};

	memset(watch, 0, sizeof(*watch));
	watch->hold_ms = hold_ms;
	fixture_init(f);
	f->echo.whisper = watched;
	f->echo.whisper_data = watch;
	f->echo.options.anonymous = &admin;
	fixture_start(f);
	caller_start(&f->caller, calling, WHISPER, NULL, 0);
	calling_send_one(calling, fixture_delayed(f, 0));
	echo_wait(&watch->entered, 1);
}

static void end_watched(struct fixture *f, struct watch *watch, struct calling *calling)
{
	struct outcome out;
	struct mb_err err;

	mb_fail(&err, MB_CALL_CANCELLED, "%s", "");
	rpc_call_fail(watch->call, &err);
	assert_int_equal(watch->running, 0);
	calling_finish(calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_CANCELLED);
	outcome_fini(&out);
	echo_wait_ends(&f->echo, 1);
	assert_int_equal(f->echo.end.code, MB_CALL_CANCELLED);
	fixture_fini(f);
}

static void wait_cancelled(const struct watch *watch)
{
	for (int i = 0; i < 10000 && !rpc_call_cancelled(watch->call); i++) {
		sleep_ms(1);
	}
	assert_true(rpc_call_cancelled(watch->call));
}

static void what_was_taken_back_does_not_run(void **state)
{
	struct calling calling;
	struct watch watch;
	struct fixture f;

	(void)state;
	start_watched(&f, &watch, &calling, 0);
	rpc_call_on_cancel(watch.call, NULL, NULL);
	assert_false(rpc_call_cancelled(watch.call));
	assert_true(rpc_call_deadline_ns(watch.call) == INT64_MAX);
	calling_cancel(&calling);
	wait_cancelled(&watch);
	assert_int_equal(watch.runs, 0);
	end_watched(&f, &watch, &calling);
	assert_int_equal(watch.runs, 0);
}

static void taking_back_waits_for_what_runs(void **state)
{
	struct calling calling;
	struct watch watch;
	struct fixture f;

	(void)state;
	start_watched(&f, &watch, &calling, 50);
	calling_cancel(&calling);
	echo_wait(&watch.runs, 1);
	rpc_call_on_cancel(watch.call, NULL, NULL);
	assert_int_equal(watch.running, 0);
	assert_int_equal(watch.runs, 1);
	end_watched(&f, &watch, &calling);
}

static void finishing_waits_for_what_runs(void **state)
{
	struct calling calling;
	struct watch watch;
	struct fixture f;

	(void)state;
	start_watched(&f, &watch, &calling, 100);
	calling_cancel(&calling);
	echo_wait(&watch.runs, 1);
	end_watched(&f, &watch, &calling);
	assert_int_equal(watch.runs, 1);
}

static void who_asks_too_late_is_told_at_once(void **state)
{
	struct calling calling;
	struct watch watch;
	struct fixture f;

	(void)state;
	start_watched(&f, &watch, &calling, 0);
	calling_cancel(&calling);
	wait_cancelled(&watch);
	echo_wait(&watch.runs, 1);
	rpc_call_on_cancel(watch.call, watch_cancel, &watch);
	assert_int_equal(watch.runs, 2);
	end_watched(&f, &watch, &calling);
	assert_int_equal(watch.runs, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deadline_passes_while_the_handler_waits),
		cmocka_unit_test(a_handler_may_be_deaf_to_it),
		cmocka_unit_test(a_deadline_that_has_passed_runs_no_handler),
		cmocka_unit_test(a_deadline_that_passed_on_the_queue_runs_no_handler),
		cmocka_unit_test(a_cancelled_call_tells_its_handler),
		cmocka_unit_test(a_call_cancelled_before_it_arrives_harms_nobody),
		cmocka_unit_test(a_broken_connection_cancels_its_calls),
		cmocka_unit_test(finishing_races_with_cancelling),
		cmocka_unit_test(what_was_taken_back_does_not_run),
		cmocka_unit_test(taking_back_waits_for_what_runs),
		cmocka_unit_test(finishing_waits_for_what_runs),
		cmocka_unit_test(who_asks_too_late_is_told_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
