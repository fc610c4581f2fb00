/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "rpc/pb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void fixture_init(struct fixture *f)
{
	echo_init(&f->echo);
	f->arena = arena_create(NULL, 0);
}

void fixture_start(struct fixture *f)
{
	echo_start(&f->echo);
	caller_init(&f->caller, f->echo.target);
}

void fixture_fini(struct fixture *f)
{
	caller_fini(&f->caller);
	echo_stop(&f->echo);
	arena_destroy(f->arena);
}

struct str fixture_pack(struct fixture *f, const Echo__V1__EchoRequest *request)
{
	return pb_pack(f->arena, &request->base);
}

struct str fixture_text(struct fixture *f, const char *text)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;

	request.text = (char *)text;
	return fixture_pack(f, &request);
}

struct str fixture_delayed(struct fixture *f, int delay_ms)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;

	request.text = "late";
	request.delay_ms = delay_ms;
	return fixture_pack(f, &request);
}

void fixture_call(struct fixture *f, const char *method, struct str message, struct outcome *out)
{
	caller_call(&f->caller, method, message, NULL, 0, out);
}

const char *fixture_unpack(struct fixture *f, const struct strbuf *message)
{
	Echo__V1__EchoResponse *response = (Echo__V1__EchoResponse *)pb_unpack(
		f->arena, &echo__v1__echo_response__descriptor, message->ptr, message->len);

	assert_non_null(response);
	return response->text;
}

const char *fixture_answer(struct fixture *f, struct outcome *out)
{
	const char *text;

	if (out->status != GRPC_STATUS_OK) {
		print_message("# %d %s: %s\n", (int)out->status, out->reason, out->text);
	}
	assert_int_equal(out->status, GRPC_STATUS_OK);
	assert_true(out->has_message);
	assert_false(out->has_details);
	text = fixture_unpack(f, &out->message);
	outcome_fini(out);
	return text;
}

void assert_refused(struct outcome *out, grpc_status_code status, const char *reason)
{
	assert_string_equal(out->reason, reason);
	assert_int_equal(out->status, status);
	assert_int_equal(out->details_code, status);
	assert_int_equal(out->error_infos, 1);
	assert_string_equal(out->domain, "memberd");
	assert_false(out->has_message);
	assert_true(out->text[0] != '\0');
	assert_true(out->request_id[0] != '\0');
	outcome_fini(out);
}
