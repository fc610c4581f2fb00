/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to messages; the printer is in pbjson.c. */
#include "ctl/pbjson.h"

#include "base/arena.h"
#include "base/clock.h"
#include "google/protobuf/timestamp.pb-c.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct parser {
	struct arena *arena;
	struct mb_err *err;
};

static enum mb_code parse_message(struct parser *parser, const json_t *json,
				  const ProtobufCMessageDescriptor *type, ProtobufCMessage **out);

/* "sourceEventId" and "source_event_id" both name the field source_event_id. */
static bool names_field(const char *key, const char *field)
{
	if (strcmp(key, field) == 0) {
		return true;
	}
	for (; *field != '\0'; field++, key++) {
		if (*field == '_' && field[1] != '\0') {
			field++;
			if (*key != toupper((unsigned char)*field)) {
				return false;
			}
		} else if (*key != *field) {
			return false;
		}
	}
	return *key == '\0';
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type,
						  const char *key)
{
	for (unsigned i = 0; i < type->n_fields; i++) {
		if (names_field(key, type->fields[i].name)) {
			return &type->fields[i];
		}
	}
	return NULL;
}

static enum mb_code wrong(struct parser *parser, const char *wanted)
{
	return mb_fail(parser->err, MB_FIELD_INVALID, "must be %s", wanted);
}

static enum mb_code parse_integer(struct parser *parser, const json_t *json, int64_t min,
				  int64_t max, int64_t *out)
{
	int64_t value;

	if (json_is_integer(json)) {
		value = json_integer_value(json);
	} else if (!json_is_string(json) ||
		   !str_to_i64((struct str){json_string_value(json), json_string_length(json)},
			       &value)) {
		return wrong(parser, "a whole number");
	}
	if (value < min || value > max) {
		return wrong(parser, "a number that fits the field");
	}
	*out = value;
	return MB_OK;
}

static enum mb_code parse_enum(struct parser *parser, const json_t *json,
			       const ProtobufCEnumDescriptor *type, int *out)
{
	const ProtobufCEnumValue *value = NULL;

	if (json_is_string(json)) {
		value = protobuf_c_enum_descriptor_get_value_by_name(type, json_string_value(json));
	} else if (json_is_integer(json) && json_integer_value(json) >= 0 &&
		   json_integer_value(json) <= INT32_MAX) {
		value = protobuf_c_enum_descriptor_get_value(type, (int)json_integer_value(json));
	}
	if (value == NULL) {
		return mb_fail(parser->err, MB_FIELD_INVALID, "must be a value of %s such as %s",
			       type->short_name, type->values[type->n_values - 1].name);
	}
	*out = value->value;
	return MB_OK;
}

static enum mb_code parse_timestamp(struct parser *parser, const json_t *json, void *at)
{
	Google__Protobuf__Timestamp *time = arena_alloc(parser->arena, sizeof(*time));
	int64_t value, seconds;

	if (time == NULL) {
		return arena_fail(parser->arena, parser->err);
	}
	if (!json_is_string(json) || clock_parse(json_string_value(json), &value, NULL) != MB_OK) {
		return wrong(parser, "a time such as 2026-11-21T08:00:00Z");
	}
	seconds = value / US_PER_SECOND - (value % US_PER_SECOND < 0);
	google__protobuf__timestamp__init(time);
	time->seconds = seconds;
	time->nanos = (int32_t)(value - seconds * US_PER_SECOND) * 1000;
	*(Google__Protobuf__Timestamp **)at = time;
	return MB_OK;
}

static enum mb_code parse_text(struct parser *parser, const json_t *json, void *at)
{
	char *copy;

	if (!json_is_string(json)) {
		return wrong(parser, "a text");
	}
	copy = arena_strndup(parser->arena, json_string_value(json), json_string_length(json));
	if (copy == NULL) {
		return arena_fail(parser->arena, parser->err);
	}
	*(char **)at = copy;
	return MB_OK;
}

static enum mb_code parse_number(struct parser *parser, const json_t *json,
				 const ProtobufCFieldDescriptor *field, void *at)
{
	bool wide = field->type == PROTOBUF_C_TYPE_INT64;
	int64_t value = 0;
	enum mb_code code = parse_integer(parser, json, wide ? INT64_MIN : INT32_MIN,
					  wide ? INT64_MAX : INT32_MAX, &value);

	if (code == MB_OK && wide) {
		*(int64_t *)at = value;
	} else if (code == MB_OK) {
		*(int32_t *)at = (int32_t)value;
	}
	return code;
}

/* The types that the API's requests use. */
static enum mb_code parse_value(struct parser *parser, const json_t *json,
				const ProtobufCFieldDescriptor *field, void *at)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_INT64:
		return parse_number(parser, json, field, at);
	case PROTOBUF_C_TYPE_BOOL:
		if (!json_is_boolean(json)) {
			return wrong(parser, "true or false");
		}
		*(protobuf_c_boolean *)at = json_is_true(json);
		return MB_OK;
	case PROTOBUF_C_TYPE_ENUM:
		return parse_enum(parser, json, field->descriptor, at);
	case PROTOBUF_C_TYPE_STRING:
		return parse_text(parser, json, at);
	case PROTOBUF_C_TYPE_MESSAGE:
		if (field->descriptor == &google__protobuf__timestamp__descriptor) {
			return parse_timestamp(parser, json, at);
		}
		return parse_message(parser, json, field->descriptor, at);
	default:
		return mb_fail(parser->err, MB_INTERNAL, "a type that requests do not use");
	}
}

static size_t value_size(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT64:
		return sizeof(int64_t);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	default:
		return sizeof(int32_t);
	}
}

static enum mb_code parse_list(struct parser *parser, const char *key, const json_t *json,
			       const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	size_t n = json_array_size(json);
	char *items;

	if (!json_is_array(json)) {
		enum mb_code code = wrong(parser, "a list");

		mb_err_prefix_field(parser->err, "%s", key);
		return code;
	}
	items = arena_array(parser->arena, n, value_size(field));
	if (items == NULL) {
		return arena_fail(parser->arena, parser->err);
	}
	for (size_t i = 0; i < n; i++) {
		enum mb_code code = parse_value(parser, json_array_get(json, i), field,
						items + i * value_size(field));

		if (code != MB_OK) {
			mb_err_prefix_field(parser->err, "%s[%zu]", key, i);
			return code;
		}
	}
	*(size_t *)((char *)message + field->quantifier_offset) = n;
	*(char **)((char *)message + field->offset) = items;
	return MB_OK;
}

static enum mb_code parse_single(struct parser *parser, const json_t *json,
				 const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
	uint32_t *which;

	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		which = (uint32_t *)((char *)message + field->quantifier_offset);
		if (*which != 0) {
			return mb_fail(parser->err, MB_FIELD_INVALID,
				       "another field of the same oneof is there, too");
		}
		*which = field->id;
	}
	return parse_value(parser, json, field, (char *)message + field->offset);
}

static enum mb_code parse_field(struct parser *parser, const char *key, const json_t *json,
				ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *field = find_field(message->descriptor, key);
	enum mb_code code;

	if (field != NULL && json_is_null(json)) {
		return MB_OK;
	}
	if (field != NULL && field->label == PROTOBUF_C_LABEL_REPEATED) {
		return parse_list(parser, key, json, field, message);
	}
	if (field == NULL) {
		code = mb_fail(parser->err, MB_FIELD_INVALID, "%s has no such field",
			       message->descriptor->short_name);
	} else {
		code = parse_single(parser, json, field, message);
	}
	if (code != MB_OK) {
		mb_err_prefix_field(parser->err, "%s", key);
	}
	return code;
}

static enum mb_code parse_message(struct parser *parser, const json_t *json,
				  const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
	ProtobufCMessage *message = arena_alloc(parser->arena, type->sizeof_message);
	const char *key;
	json_t *value;

	if (message == NULL) {
		return arena_fail(parser->arena, parser->err);
	}
	if (!json_is_object(json)) {
		return wrong(parser, "an object");
	}
	protobuf_c_message_init(type, message);
	json_object_foreach((json_t *)json, key, value)
	{
		enum mb_code code = parse_field(parser, key, value, message);

		if (code != MB_OK) {
			return code;
		}
	}
	*out = message;
	return MB_OK;
}

enum mb_code pbjson_parse(struct str text, const ProtobufCMessageDescriptor *type,
			  struct arena *arena, ProtobufCMessage **out, struct mb_err *err)
{
	struct mb_err local = {0};
	struct parser parser = {arena, err != NULL ? err : &local};
	json_error_t problem;
	json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &problem);
	enum mb_code code;

	if (json == NULL) {
		return mb_fail(err, MB_FIELD_INVALID, "not JSON: line %d, column %d: %s",
			       problem.line, problem.column, problem.text);
	}
	*parser.err = (struct mb_err){0};
	code = parse_message(&parser, json, type, out);
	json_decref(json);
	return code;
}
