/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/registry.h"

#include "rpc/pb.h"
#include "rpc/principal.h"
#include "rpc/registry_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define REGISTRY_MAGIC	 0x52656769u
#define PERMISSION_FIELD 50701 /* rpc.v1.permission, an extension of MethodOptions */
#define SET_FILE_TAG	 0x0a /* field 1 of FileDescriptorSet, length-delimited */

/* A growing array of pointers into the registry's arena. */
struct pointers {
	void **items;
	size_t count, room;
};

struct rpc_registry {
	uint32_t magic;
	struct arena *arena; /* files, services, methods and their strings */
	struct pointers files, services, methods;
};

static enum mb_code fail_memory(struct mb_err *err)
{
	return mb_fail(err, MB_INTERNAL, "no memory for the table of services");
}

static enum mb_code push(struct pointers *list, void *item, struct mb_err *err)
{
	if (list->count == list->room) {
		size_t room = list->room == 0 ? 32 : list->room * 2;
		void **items = realloc(list->items, room * sizeof(*items));

		if (items == NULL) {
			return fail_memory(err);
		}
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = item;
	return MB_OK;
}

struct rpc_registry *rpc_registry_create(void)
{
	struct rpc_registry *registry = calloc(1, sizeof(*registry));

	if (registry == NULL) {
		return NULL;
	}
	registry->magic = REGISTRY_MAGIC;
	registry->arena = arena_create(NULL, 0);
	if (registry->arena == NULL) {
		free(registry);
		return NULL;
	}
	return registry;
}

void rpc_registry_destroy(struct rpc_registry *registry)
{
	if (registry == NULL) {
		return;
	}
	assert(registry->magic == REGISTRY_MAGIC);
	free(registry->files.items);
	free(registry->services.items);
	free(registry->methods.items);
	arena_destroy(registry->arena);
	registry->magic = 0;
	free(registry);
}

size_t rpc_registry_file_count(const struct rpc_registry *registry)
{
	return registry->files.count;
}

const struct rpc_file *rpc_registry_file(const struct rpc_registry *registry, size_t i)
{
	assert(i < registry->files.count);
	return registry->files.items[i];
}

size_t rpc_registry_service_count(const struct rpc_registry *registry)
{
	return registry->services.count;
}

const struct rpc_service *rpc_registry_service(const struct rpc_registry *registry, size_t i)
{
	assert(i < registry->services.count);
	return registry->services.items[i];
}

size_t rpc_registry_method_count(const struct rpc_registry *registry)
{
	return registry->methods.count;
}

const struct rpc_method *rpc_registry_method(const struct rpc_registry *registry, size_t i)
{
	assert(i < registry->methods.count);
	return registry->methods.items[i];
}

/* ---- reading descriptors ---- */

/* A varint at *at; false when it runs over end or past 64 bits. */
static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
	uint64_t value = 0;

	for (int shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t byte = *(*at)++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*out = value;
			return true;
		}
	}
	return false;
}

static bool read_delimited(const uint8_t **at, const uint8_t *end, struct str *out)
{
	uint64_t size;

	if (!read_varint(at, end, &size) || size > (uint64_t)(end - *at)) {
		return false;
	}
	*out = (struct str){(const char *)*at, (size_t)size};
	*at += size;
	return true;
}

/* The option's value, or NULL. protobuf-c knows no extensions: it keeps the field among the unknown
 * ones, with its length before it. */
static enum mb_code read_permission(struct rpc_registry *registry,
				    const Google__Protobuf__MethodDescriptorProto *proto,
				    const char **out, struct mb_err *err)
{
	const ProtobufCMessage *options = proto->options == NULL ? NULL : &proto->options->base;

	*out = NULL;
	for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
		const uint8_t *at = field->data;
		struct str value;

		if (field->tag != PERMISSION_FIELD) {
			continue;
		}
		if (field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED ||
		    !read_delimited(&at, field->data + field->len, &value)) {
			return mb_fail(err, MB_INTERNAL, "the permission of %s is no string",
				       proto->name);
		}
		*out = arena_strndup(registry->arena, value.ptr, value.len);
		if (*out == NULL) {
			return fail_memory(err);
		}
	}
	return MB_OK;
}

static enum rpc_shape shape_of(const Google__Protobuf__MethodDescriptorProto *proto)
{
	bool in = proto->has_client_streaming && proto->client_streaming;
	bool out = proto->has_server_streaming && proto->server_streaming;

	if (in) {
		return out ? RPC_BIDI : RPC_CLIENT_STREAM;
	}
	return out ? RPC_SERVER_STREAM : RPC_UNARY;
}

static enum mb_code add_method(struct rpc_registry *registry, struct rpc_service *service,
			       const Google__Protobuf__MethodDescriptorProto *proto,
			       struct mb_err *err)
{
	struct rpc_method *method = arena_alloc(registry->arena, sizeof(*method));
	char *path = arena_printf(registry->arena, "/%s/%s", service->name, proto->name);
	enum mb_code code;

	if (method == NULL || path == NULL) {
		return fail_memory(err);
	}
	method->path = path;
	method->full = path + 1;
	method->name = proto->name;
	method->service = service;
	method->shape = shape_of(proto);
	method->input_name = proto->input_type;
	method->output_name = proto->output_type;
	code = read_permission(registry, proto, &method->permission, err);
	if (code != MB_OK) {
		return code;
	}
	method->is_public =
		method->permission != NULL && strcmp(method->permission, PERMISSION_PUBLIC) == 0;
	method->id = registry->methods.count;
	return push(&registry->methods, method, err);
}

static enum mb_code add_service(struct rpc_registry *registry, const char *package,
				const Google__Protobuf__ServiceDescriptorProto *proto,
				struct mb_err *err)
{
	struct rpc_service *service = arena_alloc(registry->arena, sizeof(*service));
	enum mb_code code;

	if (service == NULL) {
		return fail_memory(err);
	}
	service->name = package == NULL || package[0] == '\0'
				? proto->name
				: arena_printf(registry->arena, "%s.%s", package, proto->name);
	if (service->name == NULL) {
		return fail_memory(err);
	}
	code = push(&registry->services, service, err);
	for (size_t i = 0; code == MB_OK && i < proto->n_method; i++) {
		code = add_method(registry, service, proto->method[i], err);
	}
	return code;
}

static const struct rpc_file *find_file(const struct rpc_registry *registry, const char *name)
{
	for (size_t i = 0; i < registry->files.count; i++) {
		const struct rpc_file *file = registry->files.items[i];

		if (strcmp(file->proto->name, name) == 0) {
			return file;
		}
	}
	return NULL;
}

/* Sets overlap in what they import; a file that differs between two was built from another tree. */
static enum mb_code add_file(struct rpc_registry *registry, struct str bytes, struct mb_err *err)
{
	const Google__Protobuf__FileDescriptorProto *proto;
	const struct rpc_file *known;
	struct rpc_file *file;
	enum mb_code code;

	proto = (const void *)pb_unpack(registry->arena,
					&google__protobuf__file_descriptor_proto__descriptor,
					bytes.ptr, bytes.len);
	if (proto == NULL || proto->name == NULL) {
		return mb_fail(err, MB_INTERNAL, "a file descriptor cannot be read");
	}
	known = find_file(registry, proto->name);
	if (known != NULL) {
		return str_eq(known->bytes, bytes)
			       ? MB_OK
			       : mb_fail(err, MB_INTERNAL, "two sets have different files '%s'",
					 proto->name);
	}
	file = arena_alloc(registry->arena, sizeof(*file));
	if (file == NULL) {
		return fail_memory(err);
	}
	file->bytes = bytes;
	file->proto = proto;
	code = push(&registry->files, file, err);
	for (size_t i = 0; code == MB_OK && i < proto->n_service; i++) {
		code = add_service(registry, proto->package, proto->service[i], err);
	}
	return code;
}

/* The set is taken apart by hand, so that each file keeps its own bytes for reflection. */
enum mb_code rpc_registry_add_files(struct rpc_registry *registry, const void *bytes, size_t size,
				    struct mb_err *err)
{
	const uint8_t *at = bytes, *end = at + size;
	enum mb_code code = MB_OK;

	assert(registry->magic == REGISTRY_MAGIC);
	while (code == MB_OK && at < end) {
		struct str file;

		if (*at++ != SET_FILE_TAG || !read_delimited(&at, end, &file)) {
			return mb_fail(err, MB_INTERNAL, "a file descriptor set cannot be read");
		}
		code = add_file(registry, file, err);
	}
	return code;
}

/* ---- binding ---- */

static enum mb_code check_types(const struct rpc_method *method,
				const ProtobufCMessageDescriptor *input,
				const ProtobufCMessageDescriptor *output, struct mb_err *err)
{
	if (strcmp(method->input_name + 1, input->name) != 0) {
		return mb_fail(err, MB_INTERNAL, "%s takes %s, not %s", method->full,
			       method->input_name + 1, input->name);
	}
	if (strcmp(method->output_name + 1, output->name) != 0) {
		return mb_fail(err, MB_INTERNAL, "%s answers %s, not %s", method->full,
			       method->output_name + 1, output->name);
	}
	return MB_OK;
}

/* Finds the method and writes what unary and stream methods share. */
static enum mb_code bind(struct rpc_registry *registry, const char *name,
			 const ProtobufCMessageDescriptor *input,
			 const ProtobufCMessageDescriptor *output, size_t arena_cap, void *data,
			 struct rpc_method **out, struct mb_err *err)
{
	struct rpc_method *method = NULL;
	enum mb_code code;

	assert(registry->magic == REGISTRY_MAGIC);
	for (size_t i = 0; i < registry->methods.count && method == NULL; i++) {
		struct rpc_method *item = registry->methods.items[i];

		method = strcmp(item->full, name) == 0 ? item : NULL;
	}
	if (method == NULL) {
		return mb_fail(err, MB_INTERNAL, "no file has the method %s", name);
	}
	if (rpc_method_is_bound(method)) {
		return mb_fail(err, MB_INTERNAL, "%s is bound twice", name);
	}
	code = check_types(method, input, output, err);
	if (code != MB_OK) {
		return code;
	}
	method->input = input;
	method->output = output;
	method->arena_cap = arena_cap == 0 ? RPC_ARENA_CAP : arena_cap;
	method->data = data;
	*out = method;
	return MB_OK;
}

enum mb_code rpc_registry_bind_unary(struct rpc_registry *registry, const char *method,
				     const ProtobufCMessageDescriptor *input,
				     const ProtobufCMessageDescriptor *output, size_t arena_cap,
				     rpc_unary_fn *fn, void *data, struct mb_err *err)
{
	struct rpc_method *bound;
	enum mb_code code = bind(registry, method, input, output, arena_cap, data, &bound, err);

	if (code != MB_OK) {
		return code;
	}
	if (bound->shape != RPC_UNARY) {
		return mb_fail(err, MB_INTERNAL, "%s is a stream", method);
	}
	bound->unary = fn;
	bound->service->served = true;
	return MB_OK;
}

enum mb_code rpc_registry_bind_stream(struct rpc_registry *registry, const char *method,
				      const ProtobufCMessageDescriptor *input,
				      const ProtobufCMessageDescriptor *output, size_t arena_cap,
				      const struct rpc_stream_ops *ops, void *data,
				      struct mb_err *err)
{
	struct rpc_method *bound;
	enum mb_code code = bind(registry, method, input, output, arena_cap, data, &bound, err);

	if (code != MB_OK) {
		return code;
	}
	if (bound->shape != RPC_SERVER_STREAM && bound->shape != RPC_BIDI) {
		return mb_fail(err, MB_INTERNAL, "%s is neither server-streaming nor bidirectional",
			       method);
	}
	assert(ops->open != NULL && ops->written != NULL && ops->cancelled != NULL);
	assert(bound->shape == RPC_SERVER_STREAM ||
	       (ops->message != NULL && ops->half_closed != NULL));
	bound->stream = ops;
	bound->service->served = true;
	return MB_OK;
}

enum mb_code rpc_registry_check(const struct rpc_registry *registry, struct mb_err *err)
{
	size_t served = 0;

	for (size_t i = 0; i < registry->methods.count; i++) {
		const struct rpc_method *method = registry->methods.items[i];

		if (!method->service->served) {
			continue;
		}
		if (!rpc_method_is_bound(method)) {
			return mb_fail(err, MB_INTERNAL, "%s has no handler", method->full);
		}
		if (method->permission == NULL || method->permission[0] == '\0') {
			return mb_fail(err, MB_INTERNAL, "%s names no permission", method->full);
		}
		served++;
	}
	return served > 0 ? MB_OK : mb_fail(err, MB_INTERNAL, "no method is bound");
}

void rpc_registry_each(const struct rpc_registry *registry, rpc_method_fn *fn, void *data)
{
	for (size_t i = 0; i < registry->methods.count; i++) {
		const struct rpc_method *method = registry->methods.items[i];

		if (method->service->served) {
			fn(method->service->name, method->name, method->id, data);
		}
	}
}

size_t rpc_registry_ids(const struct rpc_registry *registry)
{
	return registry->methods.count;
}
