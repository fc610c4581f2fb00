/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message may be and what a call may take: refusals before unpacking, memory, failing allocations.
 */
#include "fixture.h"

#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- messages that are refused before they are unpacked ---- */

static void refuses(struct fixture *f, const char *what, struct str message)
{
	static const char *const methods[] = {SAY, SAY_LATER, COUNT};
	int before = atomic_load(&f->echo.handled);
	struct outcome out;

	for (int i = 0; i < 3; i++) {
		fixture_call(f, methods[i], message, &out);
		if (strcmp(out.reason, "MESSAGE_MALFORMED") != 0) {
			print_message("# %s: %s\n", what, out.reason);
		}
		assert_refused(&out, GRPC_STATUS_INVALID_ARGUMENT, "MESSAGE_MALFORMED");
	}
	assert_int_equal(atomic_load(&f->echo.handled), before);
}

/* Field 9 of EchoRequest, then field 1 of Nest within itself, depth times. */
static void put_nested(struct strbuf *out, int depth)
{
	struct strbuf inner = {0};

	for (int i = 0; i < depth; i++) {
		struct strbuf outer = {0};
		size_t len = inner.len;

		strbuf_putc(&outer, i == depth - 1 ? (9 << 3 | 2) : (1 << 3 | 2));
		for (; len >= 0x80; len >>= 7) {
			strbuf_putc(&outer, (char)(len | 0x80));
		}
		strbuf_putc(&outer, (char)len);
		strbuf_put(&outer, inner.ptr, inner.len);
		strbuf_fini(&inner);
		inner = outer;
	}
	strbuf_put(out, inner.ptr, inner.len);
	strbuf_fini(&inner);
}

static void refuses_what_is_malformed(void **state)
{
	struct strbuf nested = {0}, empties = {0};
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	refuses(&f, "no protobuf", STR("\xff\xff\xff\xff"));
	refuses(&f, "cut short", STR("\x0a\x05hell"));
	refuses(&f, "no UTF-8", STR("\x0a\x02\xc3\x28"));
	refuses(&f, "NUL in a string", STR("\x0a\x03o\0o"));
	put_nested(&nested, 10000);
	refuses(&f, "10,000 deep", strbuf_str(&nested));
	for (int i = 0; i < (2 << 20) - 100; i++) {
		strbuf_put(&empties, "\x4a\x00", 2);
	}
	refuses(&f, "4 MiB of empty messages", strbuf_str(&empties));
	refuses(&f, "no message", (struct str){NULL, 0});
	strbuf_fini(&nested);
	strbuf_fini(&empties);
	fixture_call(&f, SAY, fixture_text(&f, "and goes on"), &out);
	assert_string_equal(fixture_answer(&f, &out), "and goes on");
	fixture_fini(&f);
}

static void takes_what_is_nested_a_little(void **state)
{
	struct strbuf nested = {0};
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	put_nested(&nested, 20);
	fixture_call(&f, SAY, strbuf_str(&nested), &out);
	assert_string_equal(fixture_answer(&f, &out), "");
	strbuf_fini(&nested);
	fixture_fini(&f);
}

/* C core does this by itself, and so tells a code only. */
static void refuses_what_is_too_large(void **state)
{
	struct fixture f;
	struct outcome out;
	char *text = malloc((5 << 20) + 1);

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	memset(text, 'a', 5 << 20);
	text[5 << 20] = '\0';
	fixture_call(&f, SAY, fixture_text(&f, text), &out);
	assert_int_equal(out.status, GRPC_STATUS_RESOURCE_EXHAUSTED);
	outcome_fini(&out);
	assert_int_equal(f.echo.handled, 0);
	fixture_call(&f, SAY, fixture_text(&f, "x"), &out);
	assert_string_equal(fixture_answer(&f, &out), "x");
	free(text);
	fixture_fini(&f);
}

/* A message of several slices is joined; one as large as its method's cap allows passes. */
static void takes_what_is_large(void **state)
{
	const size_t size = 200 << 10;
	char *text = malloc(size + 1);
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	memset(text, 'a', size);
	text[size] = '\0';
	fixture_call(&f, SAY, fixture_text(&f, text), &out);
	assert_string_equal(fixture_answer(&f, &out), text);
	free(text);
	fixture_fini(&f);
}

/* C core would decompress before it looks at the size: small ones are refused like bombs. */
static void takes_nothing_that_is_compressed(void **state)
{
	const size_t sizes[] = {(size_t)32 << 20, (size_t)100 << 10, 1};
	char *text = malloc(sizes[0] + 1);
	struct caller gzip;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	memset(text, 'a', sizes[0]);
	caller_init_gzip(&gzip, f.echo.target);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		text[sizes[i]] = '\0';
		caller_call(&gzip, SAY, fixture_text(&f, text), NULL, 0, &out);
		assert_int_equal(out.status, GRPC_STATUS_UNIMPLEMENTED);
		outcome_fini(&out);
	}
	assert_int_equal(f.echo.handled, 0);
	caller_fini(&gzip);
	free(text);
	fixture_fini(&f);
}

/* ---- memory ---- */

static void a_call_that_takes_too_much_is_told_so(void **state)
{
	static const char *const methods[] = {SAY, SAY_LATER};
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	request.take = RPC_ARENA_CAP + 1;
	for (int i = 0; i < 2; i++) {
		request.fail = 0;
		fixture_call(&f, methods[i], fixture_pack(&f, &request), &out);
		assert_refused(&out, GRPC_STATUS_RESOURCE_EXHAUSTED, "ARENA_FULL");
	}
	request.take = RPC_ARENA_CAP / 2;
	fixture_call(&f, SAY, fixture_pack(&f, &request), &out);
	assert_string_equal(fixture_answer(&f, &out), "");
	fixture_fini(&f);
}

static void the_budget_of_the_process_is_told_as_overload(void **state)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct arena *hog;
	struct fixture f;
	struct outcome out;
	size_t hogged;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	hog = arena_create(&f.echo.budget, 0);
	assert_non_null(arena_alloc(hog, f.echo.budget.limit - 100000));
	hogged = f.echo.budget.used;
	request.take = 150000;
	fixture_call(&f, SAY, fixture_pack(&f, &request), &out);
	assert_true(out.retry_ms > 0);
	assert_true(atoi(out.pushback) == out.retry_ms);
	assert_refused(&out, GRPC_STATUS_UNAVAILABLE, "OVERLOADED");
	while (f.echo.budget.used > hogged) { /* a call is released after its answer has come */
		usleep(1000);
	}
	while (arena_alloc(hog, 1) != NULL) { /* until not even an arena is left */
	}
	fixture_call(&f, SAY, fixture_text(&f, "x"), &out);
	assert_true(out.retry_ms > 0);
	assert_refused(&out, GRPC_STATUS_UNAVAILABLE, "OVERLOADED");
	arena_destroy(hog);
	fixture_call(&f, SAY, fixture_text(&f, "y"), &out);
	assert_string_equal(fixture_answer(&f, &out), "y");
	fixture_fini(&f);
}

/* What fails on the way in is answered, and the server goes on. */
static void lives_through_failing_allocations(void **state)
{
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fault_arm("rpc.call.arena", 1);
	fixture_call(&f, SAY, fixture_text(&f, "x"), &out);
	assert_refused(&out, GRPC_STATUS_UNAVAILABLE, "OVERLOADED");
	for (int i = 1; i <= 10; i++) { /* requests that cannot be posted are posted later */
		fault_arm("rpc.call.create", 1);
		fixture_call(&f, SAY, fixture_text(&f, "x"), &out);
		assert_string_equal(fixture_answer(&f, &out), "x");
		assert_true(fault_struck());
	}
	fault_disarm();
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_malformed),
		cmocka_unit_test(takes_what_is_nested_a_little),
		cmocka_unit_test(refuses_what_is_too_large),
		cmocka_unit_test(takes_what_is_large),
		cmocka_unit_test(takes_nothing_that_is_compressed),
		cmocka_unit_test(a_call_that_takes_too_much_is_told_so),
		cmocka_unit_test(the_budget_of_the_process_is_told_as_overload),
		cmocka_unit_test(lives_through_failing_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
