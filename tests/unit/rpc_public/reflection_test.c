/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/reflection.h"

#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "grpc/reflection/v1alpha/reflection.pb-c.h"
#include "served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ASK(kind) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##kind
#define GOT(kind) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##kind

typedef Grpc__Reflection__V1__ServerReflectionRequest request_v1;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_v1;

/* The versions differ in nothing else, so the test speaks v1 to both. */
static const char *const methods[] = {
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
};

static struct served served;
static struct calling stream;

static int setup_version(int version)
{
	served_start(&served);
	caller_start(&served.caller, &stream, methods[version], NULL, 20000);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_version(0);
}

static int setup_alpha(void **state)
{
	(void)state;
	return setup_version(1);
}

static int teardown(void **state)
{
	struct outcome outcome;

	(void)state;
	calling_half_close(&stream);
	calling_finish(&stream, &outcome);
	outcome_fini(&outcome);
	served_stop(&served);
	return outcome.status == GRPC_STATUS_OK ? 0 : -1;
}

static response_v1 *ask(request_v1 *request)
{
	struct strbuf bytes = {0};
	response_v1 *response;

	request->host = (char *)(uintptr_t) "somewhere";
	assert_true(calling_write(&stream, served_pack(&served, &request->base)));
	assert_true(calling_read(&stream, &bytes));
	response = (response_v1 *)served_unpack(
		&served, &grpc__reflection__v1__server_reflection_response__descriptor, &bytes);
	strbuf_fini(&bytes);
	assert_string_equal(response->valid_host, "somewhere");
	assert_non_null(response->original_request);
	assert_int_equal(response->original_request->message_request_case,
			 request->message_request_case);
	return response;
}

static response_v1 *ask_text(int kind, const char *text)
{
	request_v1 request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;

	request.message_request_case = kind;
	request.file_by_filename = (char *)(uintptr_t)text; /* a union of strings */
	return ask(&request);
}

static void assert_error(const response_v1 *response, int code, const char *what)
{
	assert_int_equal(response->message_response_case, GOT(ERROR_RESPONSE));
	assert_int_equal(response->error_response->error_code, code);
	assert_non_null(strstr(response->error_response->error_message, what));
}

static Google__Protobuf__FileDescriptorProto *file_of(const response_v1 *response, size_t i)
{
	struct strbuf bytes = {0};
	Google__Protobuf__FileDescriptorProto *proto;

	assert_int_equal(response->message_response_case, GOT(FILE_DESCRIPTOR_RESPONSE));
	assert_true(i < response->file_descriptor_response->n_file_descriptor_proto);
	bytes.ptr = (char *)response->file_descriptor_response->file_descriptor_proto[i].data;
	bytes.len = response->file_descriptor_response->file_descriptor_proto[i].len;
	proto = (Google__Protobuf__FileDescriptorProto *)served_unpack(
		&served, &google__protobuf__file_descriptor_proto__descriptor, &bytes);
	return proto;
}

/* The first file is the one asked for, and nothing that any of them imports is missing. */
static void assert_file(const response_v1 *response, const char *name)
{
	size_t count = response->file_descriptor_response->n_file_descriptor_proto;

	assert_string_equal(file_of(response, 0)->name, name);
	for (size_t i = 0; i < count; i++) {
		const Google__Protobuf__FileDescriptorProto *file = file_of(response, i);

		for (size_t k = 0; k < file->n_dependency; k++) {
			size_t at = 0;

			while (at < count &&
			       strcmp(file_of(response, at)->name, file->dependency[k]) != 0) {
				at++;
			}
			assert_true(at < count);
		}
	}
}

static void lists_the_services(void **state)
{
	const Grpc__Reflection__V1__ListServiceResponse *list;
	response_v1 *response = ask_text(ASK(LIST_SERVICES), "");
	int found = 0;

	(void)state;
	assert_int_equal(response->message_response_case, GOT(LIST_SERVICES_RESPONSE));
	list = response->list_services_response;
	for (size_t i = 0; i < list->n_service; i++) {
		found += strcmp(list->service[i]->name, "grpc.health.v1.Health") == 0;
		found += strcmp(list->service[i]->name, "grpc.reflection.v1.ServerReflection") == 0;
		found += strcmp(list->service[i]->name,
				"grpc.reflection.v1alpha.ServerReflection") == 0;
	}
	assert_int_equal(found, 3);
	assert_int_equal(list->n_service, 3); /* the echo service is in the files, and not served */
}

static void gives_files_by_name(void **state)
{
	(void)state;
	assert_file(ask_text(ASK(FILE_BY_FILENAME), "echo.proto"), "echo.proto");
	assert_file(ask_text(ASK(FILE_BY_FILENAME), "google/protobuf/descriptor.proto"),
		    "google/protobuf/descriptor.proto");
	assert_error(ask_text(ASK(FILE_BY_FILENAME), "nothing.proto"), 5, "nothing.proto");
	assert_error(ask_text(ASK(FILE_BY_FILENAME), ""), 5, "no file");
}

static void gives_the_file_of_a_symbol(void **state)
{
	static const struct {
		const char *symbol, *file;
	} rows[] = {
		{"echo.v1.EchoService", "echo.proto"},
		{"echo.v1.EchoService.Say", "echo.proto"},
		{"echo.v1.Nest", "echo.proto"},
		{"echo.v1.Nest.text", "echo.proto"},
		{"rpc.v1.permission", "rpc/v1/options.proto"},
		{"google.rpc.BadRequest.FieldViolation", "google/rpc/error_details.proto"},
		{"google.rpc.BadRequest.FieldViolation.field", "google/rpc/error_details.proto"},
		{"grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"},
		{"grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"},
		{"grpc.reflection.v1.ServerReflectionRequest.message_request",
		 "grpc/reflection/v1/reflection.proto"},
	};
	static const char *const missing[] = {
		"",
		"echo",
		"echo.v1",
		"echo.v1.",
		"echo.v1.Nes",
		"echo.v1.Nest.",
		"echo.v1.Nest.text.more",
		"echo.v1.EchoService.Sing",
		".echo.v1.Nest",
		"grpc.health.v1.HealthCheckResponse.ServingStatus.SERVING",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_file(ask_text(ASK(FILE_CONTAINING_SYMBOL), rows[i].symbol), rows[i].file);
	}
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
		assert_error(ask_text(ASK(FILE_CONTAINING_SYMBOL), missing[i]), 5, "no symbol");
	}
}

static response_v1 *ask_extension(const char *type, int number)
{
	request_v1 request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
	Grpc__Reflection__V1__ExtensionRequest extension =
		GRPC__REFLECTION__V1__EXTENSION_REQUEST__INIT;

	extension.containing_type = (char *)(uintptr_t)type;
	extension.extension_number = number;
	request.message_request_case = ASK(FILE_CONTAINING_EXTENSION);
	request.file_containing_extension = &extension;
	return ask(&request);
}

static void gives_the_file_of_an_extension(void **state)
{
	(void)state;
	assert_file(ask_extension("google.protobuf.MethodOptions", 50701), "rpc/v1/options.proto");
	assert_error(ask_extension("google.protobuf.MethodOptions", 50702), 5, "no such extension");
	assert_error(ask_extension("google.protobuf.FieldOptions", 50701), 5, "no such extension");
	assert_error(ask_extension("", 0), 5, "no such extension");
}

static void gives_the_numbers_of_extensions(void **state)
{
	const Grpc__Reflection__V1__ExtensionNumberResponse *numbers;
	response_v1 *response;

	(void)state;
	response = ask_text(ASK(ALL_EXTENSION_NUMBERS_OF_TYPE), "google.protobuf.MethodOptions");
	assert_int_equal(response->message_response_case, GOT(ALL_EXTENSION_NUMBERS_RESPONSE));
	numbers = response->all_extension_numbers_response;
	assert_string_equal(numbers->base_type_name, "google.protobuf.MethodOptions");
	assert_int_equal(numbers->n_extension_number, 1);
	assert_int_equal(numbers->extension_number[0], 50701);
	response = ask_text(ASK(ALL_EXTENSION_NUMBERS_OF_TYPE), "echo.v1.Nest");
	assert_int_equal(response->message_response_case, GOT(ALL_EXTENSION_NUMBERS_RESPONSE));
	assert_int_equal(response->all_extension_numbers_response->n_extension_number, 0);
	assert_error(ask_text(ASK(ALL_EXTENSION_NUMBERS_OF_TYPE), "echo.v1.Nothing"), 5,
		     "no message type");
}

static void says_when_nothing_is_asked(void **state)
{
	request_v1 request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;

	(void)state;
	assert_error(ask(&request), 3, "nothing is asked");
}

static void answers_many_questions_on_one_stream(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		assert_file(ask_text(ASK(FILE_BY_FILENAME), "echo.proto"), "echo.proto");
	}
}

#define BOTH(test)                                                  \
	cmocka_unit_test_setup_teardown(test, setup, teardown),     \
	{                                                           \
#test "_v1alpha", test, setup_alpha, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(lists_the_services),
		BOTH(gives_files_by_name),
		BOTH(gives_the_file_of_a_symbol),
		BOTH(gives_the_file_of_an_extension),
		BOTH(gives_the_numbers_of_extensions),
		BOTH(says_when_nothing_is_asked),
		BOTH(answers_many_questions_on_one_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
