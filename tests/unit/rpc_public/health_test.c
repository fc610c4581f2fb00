/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/health.h"

#include "base/fault.h"
#include "grpc/health/v1/health.pb-c.h"
#include "served.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SERVICE "grpc.health.v1.Health"

typedef Grpc__Health__V1__HealthCheckResponse check_response;

static struct served served;

static int setup(void **state)
{
	(void)state;
	served_start(&served);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	served_stop(&served);
	return 0;
}

static void set(const char *service, enum rpc_serving serving)
{
	struct mb_err err;

	assert_int_equal(rpc_health_set(served.health, service, serving, &err), MB_OK);
}

static struct str request(const char *service)
{
	Grpc__Health__V1__HealthCheckRequest message = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;

	message.service = (char *)(uintptr_t)service;
	return served_pack(&served, &message.base);
}

/* The state that Check tells; 0 when it says NOT_FOUND. */
static int check(const char *service)
{
	struct outcome outcome;
	int status = 0;

	caller_call(&served.caller, "/" SERVICE "/Check", request(service), NULL, 5000, &outcome);
	if (outcome.status == GRPC_STATUS_OK) {
		status =
			(int)((check_response *)served_unpack(
				      &served, &grpc__health__v1__health_check_response__descriptor,
				      &outcome.message))
				->status;
	} else {
		assert_int_equal(outcome.status, GRPC_STATUS_NOT_FOUND);
		assert_string_equal(outcome.reason, "SERVICE_NOT_FOUND");
		assert_string_equal(outcome.field, "service");
	}
	outcome_fini(&outcome);
	return status;
}

static void check_tells_the_state(void **state)
{
	(void)state;
	assert_int_equal(check(""), 0);
	assert_int_equal(check("memberd.v1.MemberService"), 0);
	set("", RPC_SERVING);
	set("memberd.v1.MemberService", RPC_NOT_SERVING);
	assert_int_equal(check(""), RPC_SERVING);
	assert_int_equal(check("memberd.v1.MemberService"), RPC_NOT_SERVING);
	assert_int_equal(check("memberd.v1.MemberServic"), 0);
	set("memberd.v1.MemberService", RPC_SERVING);
	assert_int_equal(check("memberd.v1.MemberService"), RPC_SERVING);
	assert_int_equal(rpc_health_get(served.health, ""), RPC_SERVING);
	assert_int_equal(rpc_health_get(served.health, "x"), RPC_SERVICE_UNKNOWN);
}

static void list_tells_all(void **state)
{
	Grpc__Health__V1__HealthListResponse *list;
	struct outcome outcome;
	char name[32];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "service.%d", i);
		set(name, i % 2 == 0 ? RPC_SERVING : RPC_NOT_SERVING);
	}
	set("gone", RPC_SERVICE_UNKNOWN);
	caller_call(&served.caller, "/" SERVICE "/List", (struct str){"", 0}, NULL, 5000, &outcome);
	assert_int_equal(outcome.status, GRPC_STATUS_OK);
	list = (Grpc__Health__V1__HealthListResponse *)served_unpack(
		&served, &grpc__health__v1__health_list_response__descriptor, &outcome.message);
	assert_int_equal(list->n_statuses, 40);
	assert_string_equal(list->statuses[3]->key, "service.3");
	assert_int_equal(list->statuses[3]->value->status, RPC_NOT_SERVING);
	assert_int_equal(list->statuses[4]->value->status, RPC_SERVING);
	outcome_fini(&outcome);
}

static void watch_start(struct calling *calling, const char *service)
{
	caller_start(&served.caller, calling, "/" SERVICE "/Watch", NULL, 20000);
	assert_true(calling_write(calling, request(service)));
	calling_half_close(calling);
}

static int watch_next(struct calling *calling)
{
	struct strbuf bytes = {0};
	check_response *response;

	assert_true(calling_read(calling, &bytes));
	response = (check_response *)served_unpack(
		&served, &grpc__health__v1__health_check_response__descriptor, &bytes);
	strbuf_fini(&bytes);
	return (int)response->status;
}

static void watch_end(struct calling *calling)
{
	struct outcome outcome;

	calling_cancel(calling);
	calling_finish(calling, &outcome);
	assert_int_equal(outcome.status, GRPC_STATUS_CANCELLED);
	outcome_fini(&outcome);
}

static void watch_tells_each_change(void **state)
{
	struct calling one, other;

	(void)state;
	set("a", RPC_SERVING);
	watch_start(&one, "a");
	assert_int_equal(watch_next(&one), RPC_SERVING);
	watch_start(&other, "b");
	assert_int_equal(watch_next(&other), RPC_SERVICE_UNKNOWN);
	set("a", RPC_SERVING); /* no change, no message */
	set("a", RPC_NOT_SERVING);
	assert_int_equal(watch_next(&one), RPC_NOT_SERVING);
	set("b", RPC_SERVING);
	assert_int_equal(watch_next(&other), RPC_SERVING);
	set("a", RPC_SERVING);
	assert_int_equal(watch_next(&one), RPC_SERVING);
	watch_end(&one);
	set("a", RPC_NOT_SERVING);
	set("b", RPC_NOT_SERVING);
	assert_int_equal(watch_next(&other), RPC_NOT_SERVING);
	watch_end(&other);
}

static void after_shutdown_nothing_serves(void **state)
{
	struct calling calling;

	(void)state;
	set("", RPC_SERVING);
	watch_start(&calling, "");
	assert_int_equal(watch_next(&calling), RPC_SERVING);
	rpc_health_shutdown(served.health);
	assert_int_equal(watch_next(&calling), RPC_NOT_SERVING);
	set("", RPC_SERVING);
	set("late", RPC_SERVING);
	assert_int_equal(check(""), RPC_NOT_SERVING);
	assert_int_equal(check("late"), RPC_NOT_SERVING);
	rpc_health_shutdown(served.health);
	watch_end(&calling);
}

static void *drain(void *data)
{
	(void)data;
	rpc_server_drain(served.server, 300, 300, NULL);
	return NULL;
}

/* Watchers hear of the drain while calls are still taken, and do not hold it up. */
static void a_drain_tells_watchers_first(void **state)
{
	struct calling calling;
	struct outcome outcome;
	pthread_t thread;

	(void)state;
	set("", RPC_SERVING);
	watch_start(&calling, "");
	assert_int_equal(watch_next(&calling), RPC_SERVING);
	assert_int_equal(pthread_create(&thread, NULL, drain, NULL), 0);
	assert_int_equal(watch_next(&calling), RPC_NOT_SERVING);
	assert_int_equal(check(""), RPC_NOT_SERVING);
	calling_finish(&calling, &outcome);
	assert_int_not_equal(outcome.status, GRPC_STATUS_OK);
	outcome_fini(&outcome);
	pthread_join(thread, NULL);
}

static void *flip(void *data)
{
	for (int i = 0; i < 500; i++) {
		set(data, i % 2 == 0 ? RPC_NOT_SERVING : RPC_SERVING);
	}
	return NULL;
}

/* Changes that come faster than messages go are folded, and the last one is always told. */
static void a_watcher_ends_at_the_last_of_many_changes(void **state)
{
	struct calling calling;
	pthread_t thread;

	(void)state;
	set("a", RPC_SERVING);
	watch_start(&calling, "a");
	assert_int_equal(watch_next(&calling), RPC_SERVING);
	assert_int_equal(pthread_create(&thread, NULL, flip, (void *)(uintptr_t) "a"), 0);
	pthread_join(thread, NULL);
	set("a", RPC_SERVICE_UNKNOWN);
	while (watch_next(&calling) != RPC_SERVICE_UNKNOWN) {
	}
	watch_end(&calling);
}

static void every_fault_is_an_error(void **state)
{
	struct rpc_health *health;
	struct mb_err err;

	(void)state;
	fault_arm("rpc.health.memory", 1);
	assert_null(rpc_health_create());
	fault_disarm();
	health = rpc_health_create();
	assert_non_null(health);
	for (unsigned long n = 1; n <= 2; n++) {
		fault_arm("rpc.health.memory", n);
		assert_int_equal(rpc_health_set(health, "a", RPC_SERVING, &err), MB_OVERLOADED);
		assert_int_equal(rpc_health_get(health, "a"), RPC_SERVICE_UNKNOWN);
	}
	fault_disarm();
	assert_int_equal(rpc_health_set(health, "a", RPC_SERVING, &err), MB_OK);
	rpc_health_destroy(health);
	rpc_health_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(check_tells_the_state, setup, teardown),
		cmocka_unit_test_setup_teardown(list_tells_all, setup, teardown),
		cmocka_unit_test_setup_teardown(watch_tells_each_change, setup, teardown),
		cmocka_unit_test_setup_teardown(after_shutdown_nothing_serves, setup, teardown),
		cmocka_unit_test_setup_teardown(a_drain_tells_watchers_first, setup, teardown),
		cmocka_unit_test_setup_teardown(a_watcher_ends_at_the_last_of_many_changes, setup,
						teardown),
		cmocka_unit_test(every_fault_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
