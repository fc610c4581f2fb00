/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "base/clock.h"
#include "rpc/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- too much at once ---- */

static void sheds_what_is_too_much_at_once(void **state)
{
	enum { N = 5 };
	struct calling calls[N];
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.options.pending_max = N;
	f.echo.finish_on_cancel = true;
	fixture_start(&f);
	for (int i = 0; i < N; i++) {
		caller_start(&f.caller, &calls[i], SAY_LATER, NULL, 0);
		calling_send_one(&calls[i], fixture_delayed(&f, 60000));
	}
	echo_wait(&f.echo.handled, N);
	assert_int_equal(rpc_server_pending(f.echo.server), N);
	for (int i = 0; i < 20; i++) {
		fixture_call(&f, SAY, fixture_delayed(&f, 0), &out);
		assert_true(out.retry_ms > 0);
		assert_int_equal(atoi(out.pushback), out.retry_ms);
		assert_refused(&out, GRPC_STATUS_UNAVAILABLE, "OVERLOADED");
	}
	assert_int_equal(f.echo.handled, N);
	fixture_call(&f, SAY_PUBLIC, fixture_text(&f, "health is told"), &out);
	assert_string_equal(fixture_answer(&f, &out), "health is told");
	for (int i = 0; i < N; i++) {
		calling_cancel(&calls[i]);
		calling_finish(&calls[i], &out);
	}
	echo_wait_ends(&f.echo, N + 21);
	assert_int_equal(f.echo.ends_by_code[MB_OVERLOADED], 20);
	for (int i = 0; i < 1000 && rpc_server_pending(f.echo.server) > 0; i++) {
		sleep_ms(1);
	}
	fixture_call(&f, SAY, fixture_text(&f, "room again"), &out);
	assert_string_equal(fixture_answer(&f, &out), "room again");
	fixture_fini(&f);
}

/* Public methods have a limit of their own: neither side can shut the other out. */
static void public_calls_are_bounded_too(void **state)
{
	enum { N = 4 };
	struct rpc_health *health = rpc_health_create();
	struct calling watches[N];
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.options.pending_max = N;
	f.echo.health = health;
	fixture_start(&f);
	for (int i = 0; i < N; i++) {
		struct strbuf message = {0};

		caller_start(&f.caller, &watches[i], "/grpc.health.v1.Health/Watch", NULL, 0);
		calling_send_one(&watches[i], STR(""));
		assert_true(calling_read(&watches[i], &message));
		strbuf_fini(&message);
	}
	fixture_call(&f, SAY_PUBLIC, fixture_text(&f, "x"), &out);
	assert_refused(&out, GRPC_STATUS_UNAVAILABLE, "OVERLOADED");
	fixture_call(&f, "/no.such/Method", fixture_text(&f, "x"), &out);
	assert_refused(&out, GRPC_STATUS_UNAVAILABLE, "OVERLOADED");
	fixture_call(&f, SAY, fixture_text(&f, "room here"), &out);
	assert_string_equal(fixture_answer(&f, &out), "room here");
	for (int i = 0; i < N; i++) {
		calling_cancel(&watches[i]);
		calling_finish(&watches[i], &out);
	}
	fixture_fini(&f);
	rpc_health_destroy(health);
}

/* ---- going down ---- */

struct draining {
	struct rpc_server *server;
	int64_t notice_ms, grace_ms;
	atomic_int hurry;
	int64_t took_ms;
	atomic_int done;
	pthread_t thread;
};

static void *drain_thread(void *data)
{
	struct draining *draining = data;
	int64_t start_ns = clock_monotonic_ns();

	rpc_server_drain(draining->server, draining->notice_ms, draining->grace_ms,
			 &draining->hurry);
	draining->took_ms = (clock_monotonic_ns() - start_ns) / 1000000;
	atomic_store(&draining->done, 1);
	return NULL;
}

static void drain(struct fixture *f, struct draining *draining, int64_t notice_ms, int64_t grace_ms)
{
	memset(draining, 0, sizeof(*draining));
	draining->server = f->echo.server;
	draining->notice_ms = notice_ms;
	draining->grace_ms = grace_ms;
	assert_int_equal(pthread_create(&draining->thread, NULL, drain_thread, draining), 0);
}

static void wait_drained(struct draining *draining)
{
	echo_wait(&draining->done, 1);
	pthread_join(draining->thread, NULL);
}

static void calls_in_work_are_answered(void **state)
{
	enum { N = 20 };
	struct calling calls[N];
	struct draining draining;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.finish_on_cancel = true;
	fixture_start(&f);
	for (int i = 0; i < N; i++) {
		caller_start(&f.caller, &calls[i], SAY_LATER, NULL, 0);
		calling_send_one(&calls[i], fixture_delayed(&f, 600 + i));
	}
	echo_wait(&f.echo.handled, N);
	drain(&f, &draining, 0, 60000);
	for (int i = 0; i < N; i++) {
		struct strbuf message = {0};

		assert_true(calling_read(&calls[i], &message));
		assert_string_equal(fixture_unpack(&f, &message), "late");
		strbuf_fini(&message);
		calling_finish(&calls[i], &out);
		assert_int_equal(out.status, GRPC_STATUS_OK);
	}
	wait_drained(&draining);
	assert_true(draining.took_ms < 30000);
	assert_int_equal(echo_ends(&f.echo), N);
	assert_int_equal(f.echo.ends_by_code[MB_OK], N);
	assert_int_equal(f.echo.cancels, 0);
	fixture_fini(&f);
}

static void new_calls_are_told_to_go_elsewhere(void **state)
{
	struct draining draining;
	struct calling calling;
	struct fixture f;
	struct outcome out;
	int answered = 0;

	(void)state;
	fixture_init(&f);
	f.echo.finish_on_cancel = true;
	fixture_start(&f);
	caller_start(&f.caller, &calling, SAY_LATER, NULL, 0);
	calling_send_one(&calling, fixture_delayed(&f, 600000));
	echo_wait(&f.echo.handled, 1);
	fixture_call(&f, SAY, fixture_text(&f, "the connection stands"), &out);
	outcome_fini(&out);
	drain(&f, &draining, 500, 60000);
	for (;;) { /* as long as the notice lasts */
		fixture_call(&f, SAY, fixture_text(&f, "in the notice"), &out);
		if (out.status != GRPC_STATUS_OK) {
			break;
		}
		outcome_fini(&out);
		answered++;
		sleep_ms(10);
	}
	assert_true(answered > 0);
	assert_true(out.retry_ms > 0);
	assert_refused(&out, GRPC_STATUS_UNAVAILABLE, "DRAINING");
	fixture_call(&f, SAY_PUBLIC, fixture_text(&f, "health is told"), &out);
	assert_string_equal(fixture_answer(&f, &out), "health is told");
	assert_int_equal(draining.done, 0);
	calling_cancel(&calling);
	calling_finish(&calling, &out);
	wait_drained(&draining);
	assert_true(draining.took_ms >= 500 && draining.took_ms < 60000);
	fixture_fini(&f);
}

static void stuck_calls_are_cancelled_after_the_grace(void **state)
{
	struct strbuf message = {0};
	struct draining draining;
	struct calling unary, chat;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.finish_on_cancel = true;
	fixture_start(&f);
	caller_start(&f.caller, &unary, SAY_LATER, NULL, 0);
	calling_send_one(&unary, fixture_delayed(&f, 600000));
	caller_start(&f.caller, &chat, CHAT, NULL, 0);
	assert_true(calling_write(&chat, fixture_text(&f, "and silence")));
	assert_true(calling_read(&chat, &message));
	strbuf_fini(&message);
	echo_wait(&f.echo.handled, 2);
	drain(&f, &draining, 0, 200);
	calling_finish(&unary, &out);
	assert_int_equal(out.status, GRPC_STATUS_UNAVAILABLE);
	calling_finish(&chat, &out);
	assert_int_equal(out.status, GRPC_STATUS_UNAVAILABLE);
	wait_drained(&draining);
	assert_true(draining.took_ms >= 200 && draining.took_ms < 30000);
	assert_int_equal(f.echo.cancels, 2);
	assert_int_equal(f.echo.ends_by_code[MB_CALL_CANCELLED], 2);
	fixture_fini(&f);
}

static void a_hurry_ends_the_waits(void **state)
{
	struct draining draining;
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	f.echo.finish_on_cancel = true;
	fixture_start(&f);
	caller_start(&f.caller, &calling, SAY_LATER, NULL, 0);
	calling_send_one(&calling, fixture_delayed(&f, 600000));
	echo_wait(&f.echo.handled, 1);
	drain(&f, &draining, 600000, 600000);
	sleep_ms(50);
	assert_int_equal(draining.done, 0);
	draining.hurry = 1;
	calling_finish(&calling, &out);
	assert_int_equal(out.status, GRPC_STATUS_UNAVAILABLE);
	wait_drained(&draining);
	assert_true(draining.took_ms < 30000);
	fixture_fini(&f);
}

/* Streams of public methods, as health's Watch, never end by themselves: they hold nothing up. */
static void health_is_told_first_and_its_watchers_hold_nothing_up(void **state)
{
	struct strbuf message = {0};
	struct draining draining;
	struct rpc_health *health = rpc_health_create();
	struct calling watch;
	struct mb_err err;
	struct fixture f;
	struct outcome out;

	(void)state;
	assert_int_equal(rpc_health_set(health, "", RPC_SERVING, &err), MB_OK);
	fixture_init(&f);
	f.echo.health = health;
	fixture_start(&f);
	caller_start(&f.caller, &watch, "/grpc.health.v1.Health/Watch", NULL, 0);
	calling_send_one(&watch, STR(""));
	assert_true(calling_read(&watch, &message));
	assert_memory_equal(message.ptr, "\x08\x01", 2);
	drain(&f, &draining, 60000, 60000);
	strbuf_reset(&message);
	assert_true(calling_read(&watch, &message));
	assert_memory_equal(message.ptr, "\x08\x02", 2);
	assert_int_equal(draining.done, 0);
	fixture_call(&f, SAY, fixture_text(&f, "still here"), &out);
	assert_string_equal(fixture_answer(&f, &out), "still here");
	draining.hurry = 1;
	calling_finish(&watch, &out);
	wait_drained(&draining);
	assert_true(draining.took_ms < 30000);
	strbuf_fini(&message);
	fixture_fini(&f);
	rpc_health_destroy(health);
}

/* ---- under load ---- */

struct load {
	struct fixture *f;
	bool polite; /* stops when told to go elsewhere */
	pthread_t thread;
	atomic_bool stop;
	int ok, unavailable, cancelled, others;
};

static void count_outcome(struct load *load, const struct outcome *out)
{
	switch (out->status) {
	case GRPC_STATUS_OK:
		load->ok++;
		break;
	case GRPC_STATUS_UNAVAILABLE:
		load->unavailable++;
		break;
	case GRPC_STATUS_CANCELLED:
		load->cancelled++;
		break;
	default:
		load->others++;
	}
	if (load->polite && strcmp(out->reason, "DRAINING") == 0) {
		atomic_store(&load->stop, true);
	}
}

static void *load_thread(void *data)
{
	enum { AT_ONCE = 16 };
	struct load *load = data;
	struct calling calls[AT_ONCE];
	struct caller caller;
	struct outcome out;

	caller_init(&caller, load->f->echo.target);
	while (!atomic_load(&load->stop)) {
		for (int i = 0; i < AT_ONCE; i++) {
			caller_start(&caller, &calls[i], i % 2 == 0 ? SAY : SAY_LATER, NULL, 0);
			calling_send_one(&calls[i], STR("\x0a\x01x\x10\x02"));
		}
		for (int i = 0; i < AT_ONCE; i++) {
			struct strbuf message = {0};

			calling_read(&calls[i], &message);
			strbuf_fini(&message);
			calling_finish(&calls[i], &out);
			count_outcome(load, &out);
		}
	}
	caller_fini(&caller);
	return NULL;
}

/* Drains under load; the sum of what the callers have heard. No call that was accepted is lost: each
 * that a handler saw has ended with OK at its caller. */
static void drain_under_load(bool polite, struct load *sum)
{
	enum { THREADS = 3 };
	struct load loads[THREADS];
	struct draining draining;
	struct fixture f;

	fixture_init(&f);
	fixture_start(&f);
	memset(loads, 0, sizeof(loads));
	memset(sum, 0, sizeof(*sum));
	for (int i = 0; i < THREADS; i++) {
		loads[i].f = &f;
		loads[i].polite = polite;
		assert_int_equal(pthread_create(&loads[i].thread, NULL, load_thread, &loads[i]), 0);
	}
	echo_wait(&f.echo.handled, 500);
	drain(&f, &draining, 0, 60000);
	wait_drained(&draining);
	for (int i = 0; i < THREADS; i++) {
		atomic_store(&loads[i].stop, true);
		pthread_join(loads[i].thread, NULL);
		sum->ok += loads[i].ok;
		sum->unavailable += loads[i].unavailable;
		sum->cancelled += loads[i].cancelled;
		sum->others += loads[i].others;
	}
	print_message("# %d ok, %d unavailable, %d cancelled\n", sum->ok, sum->unavailable,
		      sum->cancelled);
	assert_int_equal(sum->others, 0);
	assert_int_equal(sum->ok, f.echo.handled);
	assert_int_equal(sum->ok, f.echo.ends_by_code[MB_OK]);
	assert_true(draining.took_ms < 30000);
	fixture_fini(&f);
}

static void callers_that_go_hear_no_more_than_that(void **state)
{
	struct load sum;

	(void)state;
	drain_under_load(true, &sum);
	assert_int_equal(sum.cancelled, 0);
}

/* C core cancels what arrives at the very moment it is stopped; no handler has seen that. */
static void callers_that_never_go_lose_nothing_either(void **state)
{
	struct load sum;

	(void)state;
	drain_under_load(false, &sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sheds_what_is_too_much_at_once),
		cmocka_unit_test(public_calls_are_bounded_too),
		cmocka_unit_test(calls_in_work_are_answered),
		cmocka_unit_test(new_calls_are_told_to_go_elsewhere),
		cmocka_unit_test(stuck_calls_are_cancelled_after_the_grace),
		cmocka_unit_test(a_hurry_ends_the_waits),
		cmocka_unit_test(health_is_told_first_and_its_watchers_hold_nothing_up),
		cmocka_unit_test(callers_that_go_hear_no_more_than_that),
		cmocka_unit_test(callers_that_never_go_lose_nothing_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
