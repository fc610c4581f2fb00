/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/registry_find.h"

#include <string.h>

typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;

const struct rpc_file *rpc_registry_find_file(const struct rpc_registry *registry, const char *name)
{
	for (size_t i = 0; i < rpc_registry_file_count(registry); i++) {
		const struct rpc_file *file = rpc_registry_file(registry, i);

		if (strcmp(file->proto->name, name) == 0) {
			return file;
		}
	}
	return NULL;
}

/* ---- symbols ---- */

static bool is(struct str symbol, const char *name)
{
	return str_eq(symbol, str_from(name));
}

/* Whether symbol is "name.REST", and then REST. */
static bool is_inside(struct str symbol, const char *name, struct str *rest)
{
	size_t len = strlen(name);

	if (symbol.len <= len || symbol.ptr[len] != '.' || memcmp(symbol.ptr, name, len) != 0) {
		return false;
	}
	*rest = (struct str){symbol.ptr + len + 1, symbol.len - len - 1};
	return true;
}

/* The enum, or one of its values, which are named beside it and not inside. */
static bool enum_has(const enum_proto *proto, struct str symbol)
{
	if (is(symbol, proto->name)) {
		return true;
	}
	for (size_t i = 0; i < proto->n_value; i++) {
		if (is(symbol, proto->value[i]->name)) {
			return true;
		}
	}
	return false;
}

static bool fields_have(field_proto *const *fields, size_t count, struct str symbol)
{
	for (size_t i = 0; i < count; i++) {
		if (is(symbol, fields[i]->name)) {
			return true;
		}
	}
	return false;
}

/* As deep as the descriptors are, and those are our own. */
static bool message_has(const message_proto *proto, struct str symbol)
{
	struct str rest;

	if (is(symbol, proto->name)) {
		return true;
	}
	if (!is_inside(symbol, proto->name, &rest)) {
		return false;
	}
	for (size_t i = 0; i < proto->n_nested_type; i++) {
		if (message_has(proto->nested_type[i], rest)) {
			return true;
		}
	}
	for (size_t i = 0; i < proto->n_enum_type; i++) {
		if (enum_has(proto->enum_type[i], rest)) {
			return true;
		}
	}
	for (size_t i = 0; i < proto->n_oneof_decl; i++) {
		if (is(rest, proto->oneof_decl[i]->name)) {
			return true;
		}
	}
	return fields_have(proto->field, proto->n_field, rest) ||
	       fields_have(proto->extension, proto->n_extension, rest);
}

static bool service_has(const Google__Protobuf__ServiceDescriptorProto *proto, struct str symbol)
{
	struct str rest;

	if (is(symbol, proto->name)) {
		return true;
	}
	if (!is_inside(symbol, proto->name, &rest)) {
		return false;
	}
	for (size_t i = 0; i < proto->n_method; i++) {
		if (is(rest, proto->method[i]->name)) {
			return true;
		}
	}
	return false;
}

/* What is left of the symbol inside the file's package. */
static bool is_in_package(const file_proto *proto, struct str symbol, struct str *rest)
{
	if (proto->package == NULL || proto->package[0] == '\0') {
		*rest = symbol;
		return true;
	}
	return is_inside(symbol, proto->package, rest);
}

static bool file_has_message(const file_proto *proto, struct str rest)
{
	for (size_t i = 0; i < proto->n_message_type; i++) {
		if (message_has(proto->message_type[i], rest)) {
			return true;
		}
	}
	return false;
}

static bool file_has(const file_proto *proto, struct str symbol)
{
	struct str rest;

	if (!is_in_package(proto, symbol, &rest)) {
		return false;
	}
	for (size_t i = 0; i < proto->n_enum_type; i++) {
		if (enum_has(proto->enum_type[i], rest)) {
			return true;
		}
	}
	for (size_t i = 0; i < proto->n_service; i++) {
		if (service_has(proto->service[i], rest)) {
			return true;
		}
	}
	return file_has_message(proto, rest) ||
	       fields_have(proto->extension, proto->n_extension, rest);
}

const struct rpc_file *rpc_registry_find_symbol(const struct rpc_registry *registry,
						struct str symbol)
{
	for (size_t i = 0; i < rpc_registry_file_count(registry); i++) {
		const struct rpc_file *file = rpc_registry_file(registry, i);

		if (file_has(file->proto, symbol)) {
			return file;
		}
	}
	return NULL;
}

/* ---- extensions ---- */

/* A walk over extensions of one type; fn false ends it. */
struct walk {
	const char *type;
	bool (*fn)(const field_proto *field, void *data);
	void *data;
};

static bool walk_fields(const struct walk *walk, field_proto *const *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *extendee = fields[i]->extendee;

		/* a full name begins with a dot there */
		if (extendee != NULL && extendee[0] == '.' &&
		    strcmp(extendee + 1, walk->type) == 0 && !walk->fn(fields[i], walk->data)) {
			return false;
		}
	}
	return true;
}

static bool walk_message(const struct walk *walk, const message_proto *proto)
{
	bool goes_on = walk_fields(walk, proto->extension, proto->n_extension);

	for (size_t i = 0; goes_on && i < proto->n_nested_type; i++) {
		goes_on = walk_message(walk, proto->nested_type[i]);
	}
	return goes_on;
}

static bool walk_file(const struct walk *walk, const file_proto *proto)
{
	bool goes_on = walk_fields(walk, proto->extension, proto->n_extension);

	for (size_t i = 0; goes_on && i < proto->n_message_type; i++) {
		goes_on = walk_message(walk, proto->message_type[i]);
	}
	return goes_on;
}

static bool is_other_number(const field_proto *field, void *data)
{
	return field->number != *(const int32_t *)data;
}

const struct rpc_file *rpc_registry_find_extension(const struct rpc_registry *registry,
						   const char *type, int32_t number)
{
	const struct walk walk = {type, is_other_number, &number};

	for (size_t i = 0; i < rpc_registry_file_count(registry); i++) {
		const struct rpc_file *file = rpc_registry_file(registry, i);

		if (!walk_file(&walk, file->proto)) {
			return file;
		}
	}
	return NULL;
}

struct numbers {
	int32_t *items; /* NULL: only count */
	size_t count;
};

static bool take_number(const field_proto *field, void *data)
{
	struct numbers *numbers = data;

	if (numbers->items != NULL) {
		numbers->items[numbers->count] = field->number;
	}
	numbers->count++;
	return true;
}

static void take_numbers(const struct rpc_registry *registry, const char *type,
			 struct numbers *numbers)
{
	const struct walk walk = {type, take_number, numbers};

	numbers->count = 0;
	for (size_t i = 0; i < rpc_registry_file_count(registry); i++) {
		walk_file(&walk, rpc_registry_file(registry, i)->proto);
	}
}

static bool has_message(const struct rpc_registry *registry, const char *type)
{
	for (size_t i = 0; i < rpc_registry_file_count(registry); i++) {
		const file_proto *proto = rpc_registry_file(registry, i)->proto;
		struct str rest;

		if (is_in_package(proto, str_from(type), &rest) && file_has_message(proto, rest)) {
			return true;
		}
	}
	return false;
}

bool rpc_registry_find_extensions(const struct rpc_registry *registry, struct arena *arena,
				  const char *type, int32_t **out, size_t *count)
{
	struct numbers numbers = {NULL, 0};

	if (!has_message(registry, type)) {
		return false;
	}
	take_numbers(registry, type, &numbers);
	numbers.items = arena_array(arena, numbers.count, sizeof(*numbers.items));
	if (numbers.items != NULL) {
		take_numbers(registry, type, &numbers);
	}
	*out = numbers.items;
	*count = numbers.items == NULL ? 0 : numbers.count;
	return true;
}

/* ---- imports ---- */

static bool is_among(const struct rpc_file *const *files, size_t count, const struct rpc_file *file)
{
	for (size_t i = 0; i < count; i++) {
		if (files[i] == file) {
			return true;
		}
	}
	return false;
}

bool rpc_registry_find_closure(const struct rpc_registry *registry, struct arena *arena,
			       const struct rpc_file *file, const struct rpc_file ***out,
			       size_t *count)
{
	const struct rpc_file **files =
		arena_array(arena, rpc_registry_file_count(registry), sizeof(*files));
	size_t used = 1;

	if (files == NULL) {
		return false;
	}
	files[0] = file;
	for (size_t i = 0; i < used; i++) {
		for (size_t k = 0; k < files[i]->proto->n_dependency; k++) {
			const struct rpc_file *next =
				rpc_registry_find_file(registry, files[i]->proto->dependency[k]);

			if (next != NULL && !is_among(files, used, next)) {
				files[used++] = next;
			}
		}
	}
	*out = files;
	*count = used;
	return true;
}
