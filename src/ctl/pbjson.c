/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pbjson.h"

#include "base/clock.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "google/rpc/error_details.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct printer {
	struct pbjson_style style;
	struct strbuf *out;
	int depth;
};

static void print_message(struct printer *printer, const ProtobufCMessage *message);

void pbjson_quote(struct str text, struct strbuf *out)
{
	strbuf_putc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		unsigned char next = i + 1 < text.len ? (unsigned char)text.ptr[i + 1] : 0;

		if (c == '"' || c == '\\') {
			strbuf_putc(out, '\\');
			strbuf_putc(out, (char)c);
		} else if (c < 0x20 || c == 0x7f) {
			strbuf_printf(out, "\\u%04x", c);
		} else if (c == 0xc2 && next >= 0x80 &&
			   next <= 0x9f) { /* C1, as terminals obey it */
			strbuf_printf(out, "\\u%04x", next);
			i++;
		} else {
			strbuf_putc(out, (char)c);
		}
	}
	strbuf_putc(out, '"');
}

static void start_line(struct printer *printer)
{
	if (printer->style.indent > 0) {
		strbuf_printf(printer->out, "\n%*s", printer->depth * printer->style.indent, "");
	}
}

static void print_name(struct printer *printer, const char *name, bool *first)
{
	if (!*first) {
		strbuf_putc(printer->out, ',');
	}
	*first = false;
	start_line(printer);
	strbuf_putc(printer->out, '"');
	for (const char *p = name; *p != '\0'; p++) {
		if (*p == '_' && p[1] != '\0') {
			p++;
			strbuf_putc(printer->out,
				    (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p));
		} else {
			strbuf_putc(printer->out, *p);
		}
	}
	strbuf_puts(printer->out, printer->style.indent > 0 ? "\": " : "\":");
}

static void print_timestamp(struct printer *printer, const ProtobufCMessage *message)
{
	const Google__Protobuf__Timestamp *time = (const Google__Protobuf__Timestamp *)message;
	char text[40];

	clock_format(time->seconds * US_PER_SECOND + time->nanos / 1000, text, sizeof(text));
	strbuf_printf(printer->out, "\"%s\"", text);
}

static void print_duration(struct printer *printer, const ProtobufCMessage *message)
{
	const Google__Protobuf__Duration *duration = (const Google__Protobuf__Duration *)message;

	strbuf_printf(printer->out, "\"%" PRId64 ".%09" PRId32 "s\"", duration->seconds,
		      duration->nanos < 0 ? -duration->nanos : duration->nanos);
}

/* The details that memberd sends, spelled out; others by their type only. */
static void print_any(struct printer *printer, const ProtobufCMessage *message)
{
	static const ProtobufCMessageDescriptor *const types[] = {
		&google__rpc__error_info__descriptor, &google__rpc__bad_request__descriptor,
		&google__rpc__retry_info__descriptor};
	const Google__Protobuf__Any *any = (const Google__Protobuf__Any *)message;
	const char *name = strrchr(any->type_url, '/');
	ProtobufCMessage *inner = NULL;
	bool first = true;

	for (size_t i = 0; name != NULL && i < sizeof(types) / sizeof(*types); i++) {
		if (strcmp(name + 1, types[i]->name) == 0) {
			inner = protobuf_c_message_unpack(types[i], NULL, any->value.len,
							  any->value.data);
		}
	}
	strbuf_putc(printer->out, '{');
	printer->depth++;
	print_name(printer, "@type", &first);
	pbjson_quote(str_from(any->type_url), printer->out);
	if (inner != NULL) {
		print_name(printer, "value", &first);
		print_message(printer, inner);
		protobuf_c_message_free_unpacked(inner, NULL);
	}
	printer->depth--;
	start_line(printer);
	strbuf_putc(printer->out, '}');
}

static void print_enum(struct printer *printer, const ProtobufCFieldDescriptor *field, int value)
{
	const ProtobufCEnumValue *known =
		protobuf_c_enum_descriptor_get_value(field->descriptor, value);

	if (known != NULL) {
		strbuf_printf(printer->out, "\"%s\"", known->name);
	} else {
		strbuf_printf(printer->out, "%d", value);
	}
}

static void print_bytes(struct printer *printer, const ProtobufCBinaryData *bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	strbuf_putc(printer->out, '"');
	for (size_t i = 0; i < bytes->len; i += 3) {
		size_t left = bytes->len - i;
		unsigned triple = (unsigned)bytes->data[i] << 16;

		triple |= left > 1 ? (unsigned)bytes->data[i + 1] << 8 : 0;
		triple |= left > 2 ? bytes->data[i + 2] : 0;
		strbuf_putc(printer->out, digits[triple >> 18]);
		strbuf_putc(printer->out, digits[triple >> 12 & 63]);
		strbuf_putc(printer->out, left > 1 ? digits[triple >> 6 & 63] : '=');
		strbuf_putc(printer->out, left > 2 ? digits[triple & 63] : '=');
	}
	strbuf_putc(printer->out, '"');
}

static void print_scalar(struct printer *printer, const ProtobufCFieldDescriptor *field,
			 const void *at)
{
	struct strbuf *out = printer->out;

	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		strbuf_printf(out, "%" PRId32, *(const int32_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		strbuf_printf(out, "%" PRIu32, *(const uint32_t *)at);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		strbuf_printf(out, "\"%" PRId64 "\"", *(const int64_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		strbuf_printf(out, "\"%" PRIu64 "\"", *(const uint64_t *)at);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		strbuf_printf(out, "%.9g", (double)*(const float *)at);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		strbuf_printf(out, "%.17g", *(const double *)at);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		strbuf_puts(out, *(const protobuf_c_boolean *)at ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_ENUM:
		print_enum(printer, field, *(const int *)at);
		break;
	case PROTOBUF_C_TYPE_STRING:
		pbjson_quote(str_from(*(char *const *)at), out);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		print_bytes(printer, at);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		print_message(printer, *(ProtobufCMessage *const *)at);
		break;
	}
}

static size_t scalar_size(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

static bool is_default(const ProtobufCFieldDescriptor *field, const void *at)
{
	static const char zeros[sizeof(ProtobufCBinaryData)];

	if (field->type == PROTOBUF_C_TYPE_STRING) {
		const char *text = *(char *const *)at;

		return text == NULL || text[0] == '\0';
	}
	return memcmp(at, zeros, scalar_size(field)) == 0;
}

static void print_list(struct printer *printer, const ProtobufCFieldDescriptor *field,
		       const ProtobufCMessage *message)
{
	size_t n = *(const size_t *)((const char *)message + field->quantifier_offset);
	const char *items = *(char *const *)((const char *)message + field->offset);

	strbuf_putc(printer->out, '[');
	printer->depth++;
	for (size_t i = 0; i < n; i++) {
		if (i > 0) {
			strbuf_putc(printer->out, ',');
		}
		start_line(printer);
		print_scalar(printer, field, items + i * scalar_size(field));
	}
	printer->depth--;
	if (n > 0) {
		start_line(printer);
	}
	strbuf_putc(printer->out, ']');
}

/* Whether a field is to be seen: absent messages and the other members of a oneof are not. */
static bool is_present(const struct printer *printer, const ProtobufCFieldDescriptor *field,
		       const ProtobufCMessage *message)
{
	const char *at = (const char *)message + field->offset;

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		return !printer->style.leave_out_defaults ||
		       *(const size_t *)((const char *)message + field->quantifier_offset) > 0;
	}
	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		return *(const uint32_t *)((const char *)message + field->quantifier_offset) ==
		       field->id;
	}
	if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		return *(ProtobufCMessage *const *)at != NULL;
	}
	return !printer->style.leave_out_defaults || !is_default(field, at);
}

static void print_fields(struct printer *printer, const ProtobufCMessage *message)
{
	bool first = true;

	strbuf_putc(printer->out, '{');
	printer->depth++;
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];

		if (!is_present(printer, field, message)) {
			continue;
		}
		print_name(printer, field->name, &first);
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			print_list(printer, field, message);
		} else {
			print_scalar(printer, field, (const char *)message + field->offset);
		}
	}
	printer->depth--;
	if (!first) {
		start_line(printer);
	}
	strbuf_putc(printer->out, '}');
}

static void print_message(struct printer *printer, const ProtobufCMessage *message)
{
	if (message->descriptor == &google__protobuf__timestamp__descriptor) {
		print_timestamp(printer, message);
	} else if (message->descriptor == &google__protobuf__duration__descriptor) {
		print_duration(printer, message);
	} else if (message->descriptor == &google__protobuf__any__descriptor) {
		print_any(printer, message);
	} else {
		print_fields(printer, message);
	}
}

void pbjson_print(const ProtobufCMessage *message, struct pbjson_style style, struct strbuf *out)
{
	struct printer printer = {style, out, 0};

	print_message(&printer, message);
}
