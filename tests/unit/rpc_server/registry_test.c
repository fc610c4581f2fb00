/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/registry.h"

#include "echo.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "google/rpc/error_details.pb-c.h"
#include "rpc/pb.h"
#include "rpc/registry_impl.h"
#include "rpc/server.h"
#include "rpc/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAY	 "echo.v1.EchoService/Say"
#define REQUEST	 (&echo__v1__echo_request__descriptor)
#define RESPONSE (&echo__v1__echo_response__descriptor)

extern const unsigned char echo_files[], rpc_descriptor_set[];
extern const unsigned long echo_files_size, rpc_descriptor_set_size;

static void unary(struct rpc_call *call, const ProtobufCMessage *request, void *data)
{
	(void)call;
	(void)request;
	(void)data;
}

static void opened(struct rpc_call *call, const ProtobufCMessage *request, void *data)
{
	unary(call, request, data);
}

static void told(struct rpc_call *call, void *data)
{
	(void)call;
	(void)data;
}

static const struct rpc_stream_ops stream = {
	.open = opened,
	.message = opened,
	.half_closed = told,
	.written = told,
	.cancelled = told,
};

static struct rpc_registry *make(void)
{
	struct rpc_registry *registry = rpc_registry_create();
	struct mb_err err;

	assert_non_null(registry);
	assert_int_equal(rpc_registry_add_files(registry, echo_files, echo_files_size, &err),
			 MB_OK);
	return registry;
}

static void bind_all(struct rpc_registry *registry)
{
	static const char *const unaries[] = {SAY, "echo.v1.EchoService/SayLater",
					      "echo.v1.EchoService/SayPublic",
					      "echo.v1.EchoService/Whisper"};
	static const char *const streams[] = {"echo.v1.EchoService/Count",
					      "echo.v1.EchoService/Chat"};
	struct mb_err err;

	for (int i = 0; i < 4; i++) {
		assert_int_equal(rpc_registry_bind_unary(registry, unaries[i], REQUEST, RESPONSE, 0,
							 unary, NULL, &err),
				 MB_OK);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rpc_registry_bind_stream(registry, streams[i], REQUEST, RESPONSE,
							  0, &stream, NULL, &err),
				 MB_OK);
	}
}

static void reads_shapes_and_permissions(void **state)
{
	static const struct {
		const char *name, *permission;
		enum rpc_shape shape;
	} rows[] = {
		{"Say", "echo.say", RPC_UNARY},		  {"SayLater", "echo.say", RPC_UNARY},
		{"SayPublic", "public", RPC_UNARY},	  {"Whisper", "echo.whisper", RPC_UNARY},
		{"Count", "echo.say", RPC_SERVER_STREAM}, {"Chat", "echo.say", RPC_BIDI},
	};
	struct rpc_registry *registry = make();

	(void)state;
	assert_int_equal(rpc_registry_service_count(registry), 1);
	assert_int_equal(rpc_registry_method_count(registry), 6);
	for (size_t i = 0; i < 6; i++) {
		const struct rpc_method *method = rpc_registry_method(registry, i);

		assert_string_equal(method->name, rows[i].name);
		assert_string_equal(method->permission, rows[i].permission);
		assert_int_equal(method->shape, rows[i].shape);
		assert_int_equal(method->is_public, i == 2);
		assert_string_equal(method->service->name, "echo.v1.EchoService");
	}
	rpc_registry_destroy(registry);
	rpc_registry_destroy(NULL);
}

static void merges_sets_by_file_name(void **state)
{
	struct rpc_registry *registry = make();
	size_t files = rpc_registry_file_count(registry);
	struct mb_err err;

	(void)state;
	assert_int_equal(rpc_registry_add_files(registry, echo_files, echo_files_size, &err),
			 MB_OK);
	assert_int_equal(rpc_registry_file_count(registry), files);
	assert_int_equal(rpc_registry_method_count(registry), 6);
	assert_int_equal(
		rpc_registry_add_files(registry, rpc_descriptor_set, rpc_descriptor_set_size, &err),
		MB_OK);
	assert_true(rpc_registry_file_count(registry) > files);
	rpc_registry_destroy(registry);
}

static void refuses_to_bind(const char *what, struct rpc_registry *registry, const char *method,
			    const ProtobufCMessageDescriptor *input,
			    const ProtobufCMessageDescriptor *output, bool as_stream)
{
	struct mb_err err = {0};
	enum mb_code code = as_stream ? rpc_registry_bind_stream(registry, method, input, output, 0,
								 &stream, NULL, &err)
				      : rpc_registry_bind_unary(registry, method, input, output, 0,
								unary, NULL, &err);

	assert_int_equal(code, MB_INTERNAL);
	if (strstr(err.text, what) == NULL) {
		fail_msg("'%s' is not in '%s'", what, err.text);
	}
}

static void refuses_a_handler_that_does_not_fit(void **state)
{
	struct rpc_registry *registry = make();

	(void)state;
	refuses_to_bind("no file has", registry, "echo.v1.EchoService/Shout", REQUEST, RESPONSE,
			false);
	refuses_to_bind("is a stream", registry, "echo.v1.EchoService/Chat", REQUEST, RESPONSE,
			false);
	refuses_to_bind("neither", registry, SAY, REQUEST, RESPONSE, true);
	refuses_to_bind("takes echo.v1.EchoRequest", registry, SAY, RESPONSE, RESPONSE, false);
	refuses_to_bind("answers echo.v1.EchoResponse", registry, SAY, REQUEST, REQUEST, false);
	bind_all(registry);
	refuses_to_bind("twice", registry, SAY, REQUEST, RESPONSE, false);
	rpc_registry_destroy(registry);
}

static void refuses_a_service_that_is_not_whole(void **state)
{
	struct rpc_registry *registry = make();
	struct mb_err err = {0};

	(void)state;
	assert_int_equal(rpc_registry_check(registry, &err), MB_INTERNAL);
	assert_string_equal(err.text, "no method is bound");
	assert_int_equal(
		rpc_registry_bind_unary(registry, SAY, REQUEST, RESPONSE, 0, unary, NULL, &err),
		MB_OK);
	assert_int_equal(rpc_registry_check(registry, &err), MB_INTERNAL);
	assert_string_equal(err.text, "echo.v1.EchoService/SayLater has no handler");
	rpc_registry_destroy(registry);
	registry = make();
	bind_all(registry);
	assert_int_equal(rpc_registry_check(registry, &err), MB_OK);
	rpc_registry_destroy(registry);
}

static void count_method(const char *service, const char *name, size_t id, void *data)
{
	(void)id;
	assert_string_equal(service, "echo.v1.EchoService");
	assert_true(name[0] != '\0');
	(*(int *)data)++;
}

static void tells_what_is_served(void **state)
{
	struct rpc_registry *registry = make();
	struct mb_err err;
	int count = 0;

	(void)state;
	assert_int_equal(
		rpc_registry_add_files(registry, rpc_descriptor_set, rpc_descriptor_set_size, &err),
		MB_OK);
	rpc_registry_each(registry, count_method, &count);
	assert_int_equal(count, 0);
	bind_all(registry);
	rpc_registry_each(registry, count_method, &count);
	assert_int_equal(count, 6);
	rpc_registry_destroy(registry);
}

/* A set with one file: service x.S, method M over EchoRequest and EchoResponse. */
static struct str make_set(struct arena *arena, const char *package, bool client_streaming)
{
	Google__Protobuf__MethodDescriptorProto method =
		GOOGLE__PROTOBUF__METHOD_DESCRIPTOR_PROTO__INIT;
	Google__Protobuf__ServiceDescriptorProto service =
		GOOGLE__PROTOBUF__SERVICE_DESCRIPTOR_PROTO__INIT;
	Google__Protobuf__FileDescriptorProto file = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_PROTO__INIT;
	Google__Protobuf__FileDescriptorSet set = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_SET__INIT;
	Google__Protobuf__MethodDescriptorProto *methods[] = {&method};
	Google__Protobuf__ServiceDescriptorProto *services[] = {&service};
	Google__Protobuf__FileDescriptorProto *files[] = {&file};

	method.name = "M";
	method.input_type = ".echo.v1.EchoRequest";
	method.output_type = ".echo.v1.EchoResponse";
	method.has_client_streaming = client_streaming;
	method.client_streaming = client_streaming;
	service.name = "S";
	service.n_method = 1;
	service.method = methods;
	file.name = "x.proto";
	file.package = (char *)package;
	file.n_service = 1;
	file.service = services;
	set.n_file = 1;
	set.file = files;
	return pb_pack(arena, &set.base);
}

static void refuses_a_method_without_permission(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	struct rpc_registry *registry = rpc_registry_create();
	struct str set = make_set(arena, NULL, false);
	struct mb_err err = {0};

	(void)state;
	assert_int_equal(rpc_registry_add_files(registry, set.ptr, set.len, &err), MB_OK);
	assert_int_equal(
		rpc_registry_bind_unary(registry, "S/M", REQUEST, RESPONSE, 0, unary, NULL, &err),
		MB_OK);
	assert_int_equal(rpc_registry_check(registry, &err), MB_INTERNAL);
	assert_string_equal(err.text, "S/M names no permission");
	rpc_registry_destroy(registry);
	arena_destroy(arena);
}

static void refuses_client_streaming_and_other_versions_of_a_file(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	struct rpc_registry *registry = rpc_registry_create();
	struct str set = make_set(arena, "x", true), other = make_set(arena, "y", true);
	struct mb_err err = {0};

	(void)state;
	assert_int_equal(rpc_registry_add_files(registry, set.ptr, set.len, &err), MB_OK);
	refuses_to_bind("is a stream", registry, "x.S/M", REQUEST, RESPONSE, false);
	refuses_to_bind("neither", registry, "x.S/M", REQUEST, RESPONSE, true);
	assert_int_equal(rpc_registry_add_files(registry, other.ptr, other.len, &err), MB_INTERNAL);
	assert_string_equal(err.text, "two sets have different files 'x.proto'");
	rpc_registry_destroy(registry);
	arena_destroy(arena);
}

/* The set is embedded, but a build may be broken: cut anywhere, it is refused and not overrun. */
static void refuses_a_set_that_is_cut_short(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	struct str set = make_set(arena, "x", false);
	struct mb_err err = {0};

	(void)state;
	for (size_t len = 1; len < set.len; len++) {
		struct rpc_registry *registry = rpc_registry_create();
		char *copy = malloc(len);

		memcpy(copy, set.ptr, len);
		assert_int_equal(rpc_registry_add_files(registry, copy, len, &err), MB_INTERNAL);
		rpc_registry_destroy(registry);
		free(copy);
	}
	arena_destroy(arena);
}

static void refuses_a_permission_that_no_role_has(void **state)
{
	static const struct rpc_grant grants[] = {{"talker", "echo.say"}, {"admin", "*"}, {0}};
	const struct rpc_server_options options = {
		.listen = "unix:/nowhere/at.all", .queues = 1, .pending_max = 1, .grants = grants};
	struct rpc_registry *registry = make();
	struct rpc_server *server = NULL;
	struct mb_err err = {0};
	int port;

	(void)state;
	bind_all(registry);
	assert_int_equal(rpc_server_create(&options, registry, &port, &server, &err), MB_INTERNAL);
	assert_null(server);
	assert_string_equal(
		err.text, "no role has the permission echo.whisper of echo.v1.EchoService/Whisper");
	rpc_registry_destroy(registry);
}

/* ---- statuses ---- */

static void a_status_for_an_item_lives_in_its_arena(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	Google__Rpc__Status *status;
	struct mb_err err;

	(void)state;
	mb_fail_field(&err, MB_FIELD_INVALID, "items[7]", "bad");
	err.retry_after_ms = 1500;
	status = rpc_status_fill(arena, &err);
	memset(&err, 'x', sizeof(err));
	assert_int_equal(status->code, 3);
	assert_string_equal(status->message, "items[7]: bad");
	assert_int_equal(status->n_details, 3);
	assert_string_equal(status->details[0]->type_url,
			    "type.googleapis.com/google.rpc.ErrorInfo");
	memset(&err, 0, sizeof(err));
	status = rpc_status_fill(arena, &err);
	assert_int_equal(status->code, 0);
	assert_int_equal(status->n_details, 0);
	arena_destroy(arena);
}

static void a_status_needs_its_memory(void **state)
{
	size_t cap = 16;
	bool whole = false;
	struct mb_err err;

	(void)state;
	mb_fail_field(&err, MB_FIELD_INVALID, "items[7]", "bad");
	for (; !whole && cap < 4096; cap += 16) {
		struct arena *arena = arena_create(NULL, cap);

		whole = rpc_status_fill(arena, &err) != NULL;
		assert_true(whole != arena_overflowed(arena));
		arena_destroy(arena);
	}
	assert_true(whole && cap > 128);
}

/* Texts quote what callers sent, cut by bytes; a protobuf string must be UTF-8 all the same. */
static void a_status_is_utf8_whatever_was_quoted(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	Google__Rpc__Status *status;
	struct mb_err err;

	(void)state;
	mb_fail(&err, MB_FIELD_INVALID, "no colour '%.3s' \xff", "r\303\266\303\266");
	assert_string_equal(rpc_status_fill(arena, &err)->message, "no colour 'r\303\266' ?");
	mb_fail(&err, MB_FIELD_INVALID, "'%.2s' \xf0\x9f\x98\x80 \xf0\x9f\x98", "r\303\266");
	assert_string_equal(rpc_status_fill(arena, &err)->message, "'r?' \xf0\x9f\x98\x80 ???");
	for (int i = 0; i < 255; i++) { /* as long as err holds, of the worst bytes */
		err.text[i] = (char)(i % 3 == 0 ? 0x80 : 0xc3);
	}
	err.text[255] = '\0';
	memset(err.field, 'f', sizeof(err.field) - 1);
	err.retry_after_ms = INT64_MAX;
	status = rpc_status_fill(arena, &err);
	assert_non_null(status);
	assert_true(str_is_utf8(str_from(status->message)));
	assert_int_equal(strlen(status->message), 95 + 2 + 255);
	arena_destroy(arena);
}

/* A caller of C core refuses more than 8 KiB of trailers: the first ones are told, whole. */
static void a_status_tells_as_many_violations_as_fit(void **state)
{
	char field[] = "text", text[300], short_text[] = "a\x01";
	struct rpc_violation violations[40];
	uint8_t packed[RPC_STATUS_MAX];
	Google__Rpc__BadRequest *bad;
	Google__Rpc__Status *status;
	struct mb_err err;

	(void)state;
	memset(text, 't', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < 40; i++) {
		violations[i] = (struct rpc_violation){field, i == 0 ? short_text : text};
	}
	mb_fail_field(&err, MB_FIELD_INVALID, "text", "bad (and 39 more)");
	for (size_t n = 0; n <= 40; n++) {
		size_t size = rpc_status_pack_violations(&err, violations, n, packed);

		assert_true(size <= RPC_STATUS_MAX);
		status = google__rpc__status__unpack(NULL, size, packed);
		assert_int_equal(status->n_details, 2);
		bad = google__rpc__bad_request__unpack(NULL, status->details[1]->value.len,
						       status->details[1]->value.data);
		assert_int_equal(bad->n_field_violations, n == 0 ? 1 : n < 10 ? n : 10);
		assert_string_equal(bad->field_violations[0]->field, "text");
		assert_string_equal(bad->field_violations[0]->description,
				    n == 0 ? "bad (and 39 more)" : "a?");
		google__rpc__bad_request__free_unpacked(bad, NULL);
		google__rpc__status__free_unpacked(status, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_shapes_and_permissions),
		cmocka_unit_test(merges_sets_by_file_name),
		cmocka_unit_test(refuses_a_handler_that_does_not_fit),
		cmocka_unit_test(refuses_a_service_that_is_not_whole),
		cmocka_unit_test(tells_what_is_served),
		cmocka_unit_test(refuses_a_method_without_permission),
		cmocka_unit_test(refuses_client_streaming_and_other_versions_of_a_file),
		cmocka_unit_test(refuses_a_set_that_is_cut_short),
		cmocka_unit_test(refuses_a_permission_that_no_role_has),
		cmocka_unit_test(a_status_for_an_item_lives_in_its_arena),
		cmocka_unit_test(a_status_needs_its_memory),
		cmocka_unit_test(a_status_is_utf8_whatever_was_quoted),
		cmocka_unit_test(a_status_tells_as_many_violations_as_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
