/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/prescan.h"

#include "base/str.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* How protobuf-c 1.4.1 works: it notes every field of a message in slabs, the first of 16 on the stack,
 * each further one twice as large as the one before and allocated; then it allocates one array for each
 * repeated field and fills in the values. A test counts its allocations against the ones made here. */
#define SLAB_FIRST 16
#define SLAB_ITEM  32

#define TAG_BYTES    5
#define LENGTH_BYTES 5
#define VARINT_BYTES 10
#define SEEN_WORDS   (PRESCAN_FIELDS_MOST / 64)
#define ALIGN	     alignof(max_align_t)

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct frame {
	const ProtobufCMessageDescriptor *type;
	const ProtobufCFieldDescriptor *via; /* the field that led here; NULL at the outermost */
	const uint8_t *end;
	size_t members; /* fields on the wire so far */
	size_t slab_end; /* members that fit into the slabs counted so far */
	unsigned hint; /* index of the last field: encoders write in order */
	uint64_t seen[SEEN_WORDS]; /* by index; only the words that the type needs are set up */
};

struct scan {
	const uint8_t *start, *at;
	const struct prescan_limits *limits;
	size_t elements;
	size_t memory;
	struct mb_err *err;
	int depth; /* frames in use */
	struct frame frames[PRESCAN_DEPTH_MOST];
};

/* One field as it stands on the wire. */
struct item {
	uint32_t number;
	enum wire wire;
	const uint8_t *data; /* after a length */
	size_t len;
	size_t whole; /* with the length */
};

static enum mb_code refuse(const struct scan *scan, const ProtobufCFieldDescriptor *field,
			   const char *what)
{
	char path[sizeof(scan->err->field)] = "";
	size_t used = 0;

	for (int i = 1; i < scan->depth && used < sizeof(path); i++) {
		used += (size_t)snprintf(path + used, sizeof(path) - used, "%s%s",
					 i == 1 ? "" : ".", scan->frames[i].via->name);
	}
	if (field != NULL && used < sizeof(path)) {
		snprintf(path + used, sizeof(path) - used, "%s%s", used == 0 ? "" : ".",
			 field->name);
	}
	return mb_fail_field(scan->err, MB_MESSAGE_MALFORMED, path, "%s, at byte %zu", what,
			     (size_t)(scan->at - scan->start));
}

static size_t rounded(size_t size)
{
	return size == 0 ? ALIGN : (size + ALIGN - 1) / ALIGN * ALIGN;
}

/* Limits are looked at once a field; sizes are below 2^31, so the sums cannot wrap. */
static void take(struct scan *scan, size_t size)
{
	scan->memory += rounded(size);
}

/* At most `most` bytes before end. False when it does not end there. */
static bool read_varint(const uint8_t **at, const uint8_t *end, int most, uint64_t *out)
{
	const uint8_t *p = *at;
	uint64_t value = 0;

	for (int i = 0; i < most && p < end; i++) {
		uint8_t byte = *p++;

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if ((byte & 0x80) == 0) {
			*at = p;
			*out = value;
			return true;
		}
	}
	return false;
}

static enum mb_code read_data(struct scan *scan, const uint8_t *end, struct item *item)
{
	const uint8_t *from = scan->at, *at = scan->at;
	uint64_t value;
	size_t need = 0;

	item->data = from;
	switch (item->wire) {
	case WIRE_VARINT:
		if (!read_varint(&at, end, VARINT_BYTES, &value)) {
			return refuse(scan, NULL, "a number does not end");
		}
		need = (size_t)(at - from);
		break;
	case WIRE_64:
		need = 8;
		break;
	case WIRE_32:
		need = 4;
		break;
	case WIRE_BYTES:
		if (!read_varint(&at, end, LENGTH_BYTES, &value) || value > (size_t)(end - at)) {
			return refuse(scan, NULL, "a length goes past the end");
		}
		item->data = at;
		item->len = (size_t)value;
		item->whole = (size_t)(at - from) + item->len;
		return MB_OK;
	default:
		return refuse(scan, NULL, "groups and unknown wire types are not read");
	}
	if (need > (size_t)(end - from)) {
		return refuse(scan, NULL, "a number goes past the end");
	}
	item->len = item->whole = need;
	return MB_OK;
}

static enum mb_code read_item(struct scan *scan, const struct frame *frame, struct item *item)
{
	const uint8_t *at = scan->at;
	uint64_t tag;

	if (!read_varint(&at, frame->end, TAG_BYTES, &tag) || tag > UINT32_MAX) {
		return refuse(scan, NULL, "a field's number is not well-formed");
	}
	item->number = (uint32_t)tag >> 3;
	item->wire = (enum wire)(tag & 7);
	if (item->number == 0) {
		return refuse(scan, NULL, "field number 0");
	}
	scan->at = at;
	return read_data(scan, frame->end, item);
}

static const ProtobufCFieldDescriptor *find_field(struct frame *frame, uint32_t number)
{
	const ProtobufCMessageDescriptor *type = frame->type;
	const ProtobufCFieldDescriptor *field;

	for (unsigned i = frame->hint; i < type->n_fields && i < frame->hint + 2; i++) {
		if (type->fields[i].id == number) {
			frame->hint = i;
			return &type->fields[i];
		}
	}
	field = protobuf_c_message_descriptor_get_field(type, number);
	if (field != NULL) {
		frame->hint = (unsigned)(field - type->fields);
	}
	return field;
}

static enum wire wire_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRE_32;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRE_64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_BYTES;
	default:
		return WIRE_VARINT;
	}
}

/* Of one element in a repeated field's array. */
static size_t element_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return sizeof(int64_t);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return sizeof(int32_t);
	}
}

/* Packed numbers of one length; false when they do not end with the field. */
static bool count_varints(const struct item *item, bool booleans, size_t *count)
{
	int run = 0;

	*count = 0;
	for (size_t i = 0; i < item->len; i++) {
		run++;
		if ((item->data[i] & 0x80) == 0) {
			++*count;
			run = 0;
		} else if (run == VARINT_BYTES) {
			return false;
		}
		if (booleans && item->data[i] > 1) {
			return false;
		}
	}
	return run == 0;
}

static enum mb_code scan_packed(struct scan *scan, const ProtobufCFieldDescriptor *field,
				const struct item *item)
{
	size_t size = element_size(field->type), count;

	if (wire_of(field->type) == WIRE_VARINT) {
		if (!count_varints(item, field->type == PROTOBUF_C_TYPE_BOOL, &count)) {
			return refuse(scan, field, "packed numbers are not well-formed");
		}
	} else {
		if (item->len % size != 0) {
			return refuse(scan, field, "packed numbers end in the middle of one");
		}
		count = item->len / size;
	}
	scan->elements += count;
	scan->memory += count * size;
	return MB_OK;
}

static enum mb_code scan_string(struct scan *scan, const ProtobufCFieldDescriptor *field,
				const struct item *item)
{
	if (item->len > 0 && memchr(item->data, '\0', item->len) != NULL) {
		return refuse(scan, field, "a string holds a NUL");
	}
	if (!str_is_utf8((struct str){(const char *)item->data, item->len})) {
		return refuse(scan, field, "a string is not UTF-8");
	}
	take(scan, item->len + 1);
	return MB_OK;
}

static enum mb_code enter(struct scan *scan, const ProtobufCMessageDescriptor *type,
			  const ProtobufCFieldDescriptor *via, const uint8_t *end)
{
	struct frame *frame;

	if (scan->depth >= scan->limits->depth) {
		return refuse(scan, via, "messages are nested too deep");
	}
	if (type->n_fields > PRESCAN_FIELDS_MOST) {
		return mb_fail(scan->err, MB_INTERNAL, "%s has more than %d fields", type->name,
			       PRESCAN_FIELDS_MOST);
	}
	frame = &scan->frames[scan->depth++];
	frame->type = type;
	frame->via = via;
	frame->end = end;
	frame->members = 0;
	frame->slab_end = SLAB_FIRST;
	frame->hint = 0;
	memset(frame->seen, 0, (type->n_fields + 63) / 64 * sizeof(frame->seen[0]));
	take(scan, type->sizeof_message);
	return MB_OK;
}

static void count_member(struct scan *scan, struct frame *frame)
{
	scan->elements++;
	if (frame->members == frame->slab_end) {
		size_t slab = frame->slab_end + SLAB_FIRST; /* 16 + 32 + … + n/2, and so n */

		take(scan, slab * SLAB_ITEM);
		frame->slab_end += slab;
	}
	frame->members++;
}

/* Whether the field was there before in this message. */
static bool mark_seen(struct frame *frame, const ProtobufCFieldDescriptor *field)
{
	size_t index = (size_t)(field - frame->type->fields);
	uint64_t bit = UINT64_C(1) << (index % 64);
	bool before = (frame->seen[index / 64] & bit) != 0;

	frame->seen[index / 64] |= bit;
	return before;
}

static enum mb_code scan_value(struct scan *scan, struct frame *frame,
			       const ProtobufCFieldDescriptor *field, const struct item *item)
{
	bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
	bool again = mark_seen(frame, field);

	if (repeated && !again) {
		scan->memory += ALIGN - 1; /* the array is rounded up once */
	}
	if (item->wire != wire_of(field->type)) {
		if (repeated && item->wire == WIRE_BYTES) {
			return scan_packed(scan, field, item);
		}
		return refuse(scan, field, "a field has the wrong wire type");
	}
	if (repeated) {
		scan->memory += element_size(field->type);
	}
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return scan_string(scan, field, item);
	case PROTOBUF_C_TYPE_BYTES:
		if (item->len > 0) {
			take(scan, item->len);
		}
		return MB_OK;
	case PROTOBUF_C_TYPE_MESSAGE:
		/* of a oneof the last one counts, and nothing is merged */
		if (!repeated && again && (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) {
			return refuse(scan, field, "a submessage is given twice");
		}
		return enter(scan, field->descriptor, field, item->data + item->len);
	default:
		return MB_OK;
	}
}

static enum mb_code scan_field(struct scan *scan, struct frame *frame)
{
	const ProtobufCFieldDescriptor *field;
	struct item item = {0};
	enum mb_code code = read_item(scan, frame, &item);
	bool inside;

	if (code != MB_OK) {
		return code;
	}
	count_member(scan, frame);
	field = find_field(frame, item.number);
	if (field == NULL) {
		take(scan, item.whole);
		take(scan, sizeof(ProtobufCMessageUnknownField));
	} else {
		code = scan_value(scan, frame, field, &item);
		if (code != MB_OK) {
			return code;
		}
	}
	if (scan->elements > scan->limits->elements) {
		return refuse(scan, NULL, "the message has too many elements");
	}
	if (scan->memory > scan->limits->memory) {
		return refuse(scan, NULL, "the message needs too much memory");
	}
	inside = field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE;
	scan->at = inside ? item.data : item.data + item.len;
	return MB_OK;
}

enum mb_code prescan(const ProtobufCMessageDescriptor *type, const void *bytes, size_t size,
		     const struct prescan_limits *limits, size_t *memory, struct mb_err *err)
{
	struct scan scan; /* frames are set up as they are entered */
	enum mb_code code;

	assert(limits->depth >= 1 && limits->depth <= PRESCAN_DEPTH_MOST);
	scan.start = scan.at = size == 0 ? (const uint8_t *)"" : bytes;
	scan.limits = limits;
	scan.elements = scan.memory = 0;
	scan.err = err;
	scan.depth = 0;
	if (size > INT32_MAX) {
		return refuse(&scan, NULL, "the message is larger than 2 GiB");
	}
	code = enter(&scan, type, NULL, scan.at + size);
	while (code == MB_OK && scan.depth > 0) {
		struct frame *top = &scan.frames[scan.depth - 1];

		if (scan.at == top->end) {
			scan.depth--;
		} else {
			code = scan_field(&scan, top);
		}
	}
	if (code == MB_OK && scan.memory > limits->memory) {
		return refuse(&scan, NULL, "the message needs too much memory");
	}
	if (code == MB_OK && memory != NULL) {
		*memory = scan.memory;
	}
	return code;
}
