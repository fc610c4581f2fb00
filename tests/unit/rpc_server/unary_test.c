/* SPDX-License-Identifier: Apache-2.0 */
#include "caller.h"
#include "echo.h"
#include "echo.pb-c.h"
#include "rpc/pb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SAY	   "/echo.v1.EchoService/Say"
#define SAY_LATER  "/echo.v1.EchoService/SayLater"
#define SAY_PUBLIC "/echo.v1.EchoService/SayPublic"
#define WHISPER	   "/echo.v1.EchoService/Whisper"

struct fixture {
	struct echo echo;
	struct caller caller;
	struct arena *arena;
};

static void set_up(struct fixture *f)
{
	echo_init(&f->echo);
	f->arena = arena_create(NULL, 0);
}

static void start(struct fixture *f)
{
	echo_start(&f->echo);
	caller_init(&f->caller, f->echo.target);
}

static void tear_down(struct fixture *f)
{
	caller_fini(&f->caller);
	echo_stop(&f->echo);
	arena_destroy(f->arena);
}

static struct str text_request(struct fixture *f, const char *text)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;

	request.text = (char *)text;
	return pb_pack(f->arena, &request.base);
}

static void call(struct fixture *f, const char *method, struct str message, struct outcome *out)
{
	caller_call(&f->caller, method, message, NULL, 0, out);
}

static const char *answer_text(struct fixture *f, const struct outcome *out)
{
	Echo__V1__EchoResponse *response;

	assert_int_equal(out->status, GRPC_STATUS_OK);
	assert_true(out->has_message);
	response = (Echo__V1__EchoResponse *)pb_unpack(
		f->arena, &echo__v1__echo_response__descriptor, out->message.ptr, out->message.len);
	assert_non_null(response);
	return response->text;
}

static void assert_refused(const struct outcome *out, grpc_status_code status, const char *reason)
{
	assert_string_equal(out->reason, reason);
	assert_int_equal(out->status, status);
	assert_int_equal(out->details_code, status);
	assert_int_equal(out->error_infos, 1);
	assert_string_equal(out->domain, "memberd");
	assert_false(out->has_message);
	assert_true(out->text[0] != '\0');
}

static void answers_at_once(void **state)
{
	struct fixture f;
	struct outcome out;

	(void)state;
	set_up(&f);
	start(&f);
	call(&f, SAY, text_request(&f, "hello"), &out);
	assert_string_equal(answer_text(&f, &out), "hello");
	assert_false(out.has_details);
	outcome_fini(&out);
	echo_wait_ends(&f.echo, 1);
	assert_string_equal(f.echo.end.method, "echo.v1.EchoService/Say");
	assert_int_equal(f.echo.end.code, MB_OK);
	assert_int_equal(f.echo.end.bytes_in, 7);
	assert_int_equal(f.echo.end.bytes_out, 7);
	assert_true(f.echo.end.duration_ns > 0);
	tear_down(&f);
}

static void answers_an_unknown_method(void **state)
{
	struct fixture f;
	struct outcome out;

	(void)state;
	set_up(&f);
	start(&f);
	call(&f, "/echo.v1.EchoService/Shout", text_request(&f, "hello"), &out);
	assert_refused(&out, GRPC_STATUS_UNIMPLEMENTED, "METHOD_UNKNOWN");
	outcome_fini(&out);
	call(&f, "/no.such.Service/Say", text_request(&f, "hello"), &out);
	assert_refused(&out, GRPC_STATUS_UNIMPLEMENTED, "METHOD_UNKNOWN");
	outcome_fini(&out);
	echo_wait_ends(&f.echo, 2);
	assert_string_equal(f.echo.end.method, "");
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_at_once),
		cmocka_unit_test(answers_an_unknown_method),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
