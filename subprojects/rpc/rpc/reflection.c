/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/reflection.h"

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "grpc/reflection/v1alpha/reflection.pb-c.h"
#include "rpc/descriptors.h"
#include "rpc/pb.h"
#include "rpc/registry_find.h"

#include <stdio.h>
#include <string.h>

/* The two versions differ in their package only, so there is one implementation, over v1; messages of
 * v1alpha are turned into it and back through the wire format that they share. */
typedef Grpc__Reflection__V1__ServerReflectionRequest request_v1;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_v1;

enum { INVALID_ARGUMENT = 3, NOT_FOUND = 5 };

/* A handler of one question. False: the arena is used up. */
struct question {
	const struct rpc_registry *registry;
	struct arena *arena;
	const request_v1 *request;
	response_v1 *response;
};

static bool fill_error(struct question *q, int code, const char *what, const char *name)
{
	Grpc__Reflection__V1__ErrorResponse *error = arena_alloc(q->arena, sizeof(*error));

	if (error == NULL) {
		return false;
	}
	grpc__reflection__v1__error_response__init(error);
	error->error_code = code;
	error->error_message = arena_printf(q->arena, "%s%.256s", what, name);
	q->response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
	q->response->error_response = error;
	return error->error_message != NULL;
}

/* The file and what it imports, so that a caller needs no second question. */
static bool fill_file(struct question *q, const struct rpc_file *file)
{
	Grpc__Reflection__V1__FileDescriptorResponse *files = arena_alloc(q->arena, sizeof(*files));
	const struct rpc_file **all;
	size_t count;

	if (files == NULL ||
	    !rpc_registry_find_closure(q->registry, q->arena, file, &all, &count)) {
		return false;
	}
	grpc__reflection__v1__file_descriptor_response__init(files);
	files->file_descriptor_proto =
		arena_array(q->arena, count, sizeof(*files->file_descriptor_proto));
	if (files->file_descriptor_proto == NULL) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		files->file_descriptor_proto[i] = (ProtobufCBinaryData){
			all[i]->bytes.len, (uint8_t *)(uintptr_t)all[i]->bytes.ptr};
	}
	files->n_file_descriptor_proto = count;
	q->response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
	q->response->file_descriptor_response = files;
	return true;
}

static bool answer_filename(struct question *q)
{
	const char *name = q->request->file_by_filename;
	const struct rpc_file *file = rpc_registry_find_file(q->registry, name);

	return file == NULL ? fill_error(q, NOT_FOUND, "no file ", name) : fill_file(q, file);
}

static bool answer_symbol(struct question *q)
{
	const char *name = q->request->file_containing_symbol;
	const struct rpc_file *file = rpc_registry_find_symbol(q->registry, str_from(name));

	return file == NULL ? fill_error(q, NOT_FOUND, "no symbol ", name) : fill_file(q, file);
}

static bool answer_extension(struct question *q)
{
	const Grpc__Reflection__V1__ExtensionRequest *asked = q->request->file_containing_extension;
	const struct rpc_file *file = rpc_registry_find_extension(
		q->registry, asked->containing_type, asked->extension_number);

	return file == NULL
		       ? fill_error(q, NOT_FOUND, "no such extension of ", asked->containing_type)
		       : fill_file(q, file);
}

static bool answer_extension_numbers(struct question *q)
{
	const char *type = q->request->all_extension_numbers_of_type;
	Grpc__Reflection__V1__ExtensionNumberResponse *numbers =
		arena_alloc(q->arena, sizeof(*numbers));

	if (numbers == NULL) {
		return false;
	}
	grpc__reflection__v1__extension_number_response__init(numbers);
	numbers->base_type_name = (char *)(uintptr_t)type;
	if (!rpc_registry_find_extensions(q->registry, q->arena, type, &numbers->extension_number,
					  &numbers->n_extension_number)) {
		return fill_error(q, NOT_FOUND, "no message type ", type);
	}
	q->response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
	q->response->all_extension_numbers_response = numbers;
	return true;
}

static bool answer_list(struct question *q)
{
	size_t count = rpc_registry_service_count(q->registry);
	Grpc__Reflection__V1__ListServiceResponse *list = arena_alloc(q->arena, sizeof(*list));
	Grpc__Reflection__V1__ServiceResponse *services =
		arena_array(q->arena, count, sizeof(*services));

	if (list == NULL || services == NULL) {
		return false;
	}
	grpc__reflection__v1__list_service_response__init(list);
	list->service = arena_array(q->arena, count, sizeof(*list->service));
	if (list->service == NULL) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		const struct rpc_service *service = rpc_registry_service(q->registry, i);

		if (service->served) {
			grpc__reflection__v1__service_response__init(&services[i]);
			services[i].name = (char *)(uintptr_t)service->name;
			list->service[list->n_service++] = &services[i];
		}
	}
	q->response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
	q->response->list_services_response = list;
	return true;
}

static bool answer(struct question *q)
{
	switch (q->request->message_request_case) {
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
		return answer_filename(q);
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
		return answer_symbol(q);
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
		return answer_extension(q);
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
		return answer_extension_numbers(q);
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
		return answer_list(q);
	default:
		return fill_error(q, INVALID_ARGUMENT, "nothing is asked", "");
	}
}

static void give_up(struct rpc_call *call, const struct arena *arena)
{
	struct mb_err err = {0};

	if (arena != NULL && arena_overflowed(arena)) {
		arena_fail(arena, &err);
	} else {
		mb_fail(&err, MB_OVERLOADED, "no memory is left for this question now");
	}
	rpc_call_fail(call, &err);
}

/* NULL when the arena is used up. */
static response_v1 *answer_v1(struct rpc_registry *registry, struct arena *arena,
			      const request_v1 *request)
{
	response_v1 *response = arena_alloc(arena, sizeof(*response));
	struct question q = {registry, arena, request, response};

	if (response == NULL) {
		return NULL;
	}
	grpc__reflection__v1__server_reflection_response__init(response);
	response->valid_host = request->host;
	response->original_request = (request_v1 *)(uintptr_t)request;
	return answer(&q) ? response : NULL;
}

/* The same bytes as another type. NULL when the arena is used up. */
static ProtobufCMessage *convert(struct arena *arena, const ProtobufCMessage *message,
				 const ProtobufCMessageDescriptor *type)
{
	struct str bytes = pb_pack(arena, message);

	return bytes.ptr == NULL ? NULL : pb_unpack(arena, type, bytes.ptr, bytes.len);
}

static void message_v1(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	struct arena *arena = rpc_stream_arena(call);
	response_v1 *response =
		arena == NULL ? NULL : answer_v1(data, arena, (const request_v1 *)message);

	if (response == NULL) {
		give_up(call, arena);
	} else {
		rpc_stream_write(call, &response->base);
	}
}

static void message_v1alpha(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	struct arena *arena = rpc_stream_arena(call);
	ProtobufCMessage *request = NULL, *response = NULL;
	response_v1 *answer = NULL;

	if (arena != NULL) {
		request = convert(arena, message,
				  &grpc__reflection__v1__server_reflection_request__descriptor);
	}
	if (request != NULL) {
		answer = answer_v1(data, arena, (const request_v1 *)request);
	}
	if (answer != NULL) {
		response =
			convert(arena, &answer->base,
				&grpc__reflection__v1alpha__server_reflection_response__descriptor);
	}
	if (response == NULL) {
		give_up(call, arena);
	} else {
		rpc_stream_write(call, response);
	}
}

/* ---- one question after the other ---- */

static void open_stream(struct rpc_call *call, const ProtobufCMessage *request, void *data)
{
	(void)request;
	(void)data;
	rpc_stream_read(call);
}

static void written(struct rpc_call *call, void *data)
{
	(void)data;
	rpc_stream_read(call);
}

static void half_closed(struct rpc_call *call, void *data)
{
	(void)data;
	rpc_stream_end(call);
}

static void cancelled(struct rpc_call *call, void *data)
{
	struct mb_err err;

	(void)data;
	mb_fail(&err, MB_CALL_CANCELLED, "the caller asks no more");
	rpc_call_fail(call, &err);
}

enum mb_code rpc_reflection_bind(struct rpc_registry *registry, struct mb_err *err)
{
	static const struct rpc_stream_ops v1 = {.open = open_stream,
						 .message = message_v1,
						 .half_closed = half_closed,
						 .written = written,
						 .cancelled = cancelled};
	static const struct rpc_stream_ops v1alpha = {.open = open_stream,
						      .message = message_v1alpha,
						      .half_closed = half_closed,
						      .written = written,
						      .cancelled = cancelled};
	enum mb_code code;

	code = rpc_registry_add_files(registry, rpc_descriptor_set, rpc_descriptor_set_size, err);
	if (code == MB_OK) {
		code = rpc_registry_bind_stream(
			registry, "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
			&grpc__reflection__v1__server_reflection_request__descriptor,
			&grpc__reflection__v1__server_reflection_response__descriptor,
			RPC_ARENA_CAP_BATCH, &v1, registry, err);
	}
	if (code == MB_OK) {
		code = rpc_registry_bind_stream(
			registry, "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
			&grpc__reflection__v1alpha__server_reflection_request__descriptor,
			&grpc__reflection__v1alpha__server_reflection_response__descriptor,
			RPC_ARENA_CAP_BATCH, &v1alpha, registry, err);
	}
	return code;
}
