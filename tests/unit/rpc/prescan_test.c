/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/prescan.h"

#include "counting.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "scan.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TYPE (&scan__v1__everything__descriptor)

static const struct prescan_limits wide = {PRESCAN_DEPTH, PRESCAN_ELEMENTS, (size_t)1 << 30};

/* ---- writing the wire format, well-formed or not ---- */

struct wire {
	uint8_t *bytes;
	size_t len, room;
};

static void put(struct wire *wire, const void *bytes, size_t len)
{
	if (wire->len + len > wire->room) {
		wire->room = 2 * (wire->len + len);
		wire->bytes = realloc(wire->bytes, wire->room);
		assert_non_null(wire->bytes);
	}
	if (len > 0) {
		memcpy(wire->bytes + wire->len, bytes, len);
	}
	wire->len += len;
}

static void put_varint(struct wire *wire, uint64_t value)
{
	while (value >= 0x80) {
		put(wire, &(uint8_t){(uint8_t)(value | 0x80)}, 1);
		value >>= 7;
	}
	put(wire, &(uint8_t){(uint8_t)value}, 1);
}

static void put_bytes(struct wire *wire, unsigned number, const void *bytes, size_t len)
{
	put_varint(wire, (uint64_t)number << 3 | 2);
	put_varint(wire, len);
	put(wire, bytes, len);
}

/* Replaces inner by a field that holds it. */
static void wrap(struct wire *inner, unsigned number)
{
	struct wire outer = {0};

	put_bytes(&outer, number, inner->bytes, inner->len);
	free(inner->bytes);
	*inner = outer;
}

static void wire_fini(struct wire *wire)
{
	free(wire->bytes);
	*wire = (struct wire){0};
}

/* ---- checks ---- */

static enum mb_code scan_bytes(const void *bytes, size_t len, const struct prescan_limits *limits,
			       struct mb_err *err)
{
	/* a copy that ends where ASan looks */
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	enum mb_code code;

	assert_non_null(copy);
	if (len > 0) {
		memcpy(copy, bytes, len);
	}
	code = prescan(TYPE, copy, len, limits, NULL, err);
	free(copy);
	return code;
}

static void assert_refused(const void *bytes, size_t len, const char *what)
{
	struct mb_err err;

	assert_int_equal(scan_bytes(bytes, len, &wide, &err), MB_MESSAGE_MALFORMED);
	if (strstr(err.text, what) == NULL) {
		fail_msg("'%s' does not say '%s'", err.text, what);
	}
}

/* Passes, is unpacked, and the bound held. Gives the bound. */
static size_t assert_bounded(const ProtobufCMessageDescriptor *type, const struct wire *wire)
{
	struct counting counting;
	struct mb_err err;
	size_t memory = 0;
	ProtobufCMessage *message;

	counting_init(&counting);
	if (prescan(type, wire->bytes, wire->len, &wide, &memory, &err) != MB_OK) {
		fail_msg("refused: %s %s", err.field, err.text);
	}
	message = protobuf_c_message_unpack(type, &counting.base, wire->len, wire->bytes);
	assert_non_null(message);
	protobuf_c_message_free_unpacked(message, &counting.base);
	if (counting.used > memory) {
		fail_msg("bound %zu, taken %zu", memory, counting.used);
	}
	assert_in_range(memory, counting.used, counting.used + counting.used / 4 + 512);
	return memory;
}

static void lets_an_empty_message_pass(void **state)
{
	struct wire wire = {0};

	(void)state;
	assert_int_equal(assert_bounded(TYPE, &wire), (TYPE->sizeof_message + 15) / 16 * 16);
	assert_bounded(&scan__v1__empty__descriptor, &wire);
	put_bytes(&wire, 7, "unknown", 7);
	assert_bounded(&scan__v1__empty__descriptor, &wire);
	wire_fini(&wire);
}

static void refuses_what_is_cut_off(void **state)
{
	(void)state;
	assert_refused("\x08", 1, "does not end");
	assert_refused("\x08\x80", 2, "does not end");
	assert_refused("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "does not end");
	assert_refused("\x80", 1, "number is not well-formed");
	assert_refused("\xff\xff\xff\xff\xff\x01", 6, "number is not well-formed");
	assert_refused("\xf8\xff\xff\xff\x1f\x01", 6, "number is not well-formed");
	assert_refused("\x3d\x01\x02\x03", 4, "past the end");
	assert_refused("\x41\x01\x02\x03\x04\x05\x06\x07", 8, "past the end");
	assert_refused("\x7a\x03xy", 4, "past the end");
	assert_refused("\x7a\xff\xff\xff\xff\x0fxy", 8, "past the end");
	assert_refused("\x7a\xff\xff\xff\xff\xff\x01xy", 9, "past the end");
	/* a submessage's field that ends in its parent */
	assert_refused("\x8a\x01\x02\x7a\x02hi", 7, "past the end");
}

static void refuses_numbers_and_wire_types_that_are_none(void **state)
{
	(void)state;
	assert_refused("\x00\x01", 2, "field number 0");
	assert_refused("\x02\x00", 2, "field number 0");
	assert_refused("\x0b", 1, "groups");
	assert_refused("\x0c", 1, "groups");
	assert_refused("\xa3\x06\xa4\x06", 4, "groups"); /* an unknown field's group, too */
	assert_refused("\x0e", 1, "unknown wire types");
	assert_refused("\x0f", 1, "unknown wire types");
	assert_refused("\x0d\x01\x02\x03\x04", 5, "wrong wire type"); /* int32 as 32 bits */
	assert_refused("\x0a\x01\x01", 3, "wrong wire type"); /* a single one packed */
	assert_refused("\x78\x01", 2, "wrong wire type"); /* string as a number */
	assert_refused("\x88\x01\x01", 3, "wrong wire type"); /* message as a number */
}

static void refuses_text_that_is_none(void **state)
{
	(void)state;
	assert_refused("\x7a\x02\xc3\x28", 4, "not UTF-8");
	assert_refused("\x7a\x03\xed\xa0\x80", 5, "not UTF-8"); /* a surrogate */
	assert_refused("\x7a\x02\xc0\x80", 4, "not UTF-8"); /* NUL, overlong */
	assert_refused("\x7a\x01\xe4", 3, "not UTF-8");
	assert_refused("\x7a\x03"
		       "a\0b",
		       5, "NUL");
	assert_refused("\x9a\x02\x01\xff", 4, "not UTF-8"); /* in a list */
	assert_refused("\xca\x02\x01\xff", 4, "not UTF-8"); /* in a oneof */
	assert_int_equal(scan_bytes("\x82\x01\x02\xff\0", 5, &wide, NULL), MB_OK); /* bytes may */
}

static void refuses_packed_numbers_that_are_none(void **state)
{
	(void)state;
	assert_refused("\xaa\x01\x02\x01\x80", 5, "packed numbers are not");
	assert_refused("\xaa\x01\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 14,
		       "packed numbers are not");
	assert_refused("\xda\x01\x03\x01\x02\x03", 6, "in the middle");
	assert_refused("\xe2\x01\x04\x01\x02\x03\x04", 7, "in the middle");
	assert_refused("\x8a\x02\x02\x01\x02", 5, "packed numbers are not"); /* a bool of 2 */
	assert_int_equal(scan_bytes("\xaa\x01\x00", 3, &wide, NULL), MB_OK);
}

static void refuses_a_submessage_given_twice(void **state)
{
	struct wire wire = {0};

	(void)state;
	assert_refused("\x8a\x01\x00\x8a\x01\x00", 6, "given twice");
	/* the last member of a oneof counts, and the others are dropped */
	put_bytes(&wire, 43, "", 0);
	put_bytes(&wire, 43, "\x7a\x01x", 3);
	put_bytes(&wire, 41, "word", 4);
	assert_bounded(TYPE, &wire);
	wire_fini(&wire);
}

static void refuses_nesting_and_says_where(void **state)
{
	struct prescan_limits three = {3, 100, 1 << 20};
	struct wire wire = {0};
	struct mb_err err;

	(void)state;
	put_bytes(&wire, 15, "deep", 4);
	wrap(&wire, 37);
	wrap(&wire, 17);
	assert_int_equal(scan_bytes(wire.bytes, wire.len, &three, &err), MB_OK);
	wrap(&wire, 43);
	assert_int_equal(scan_bytes(wire.bytes, wire.len, &three, &err), MB_MESSAGE_MALFORMED);
	assert_string_equal(err.field, "nested.child.children");
	assert_non_null(strstr(err.text, "nested too deep"));
	wire_fini(&wire);
	put_bytes(&wire, 15, "\xff", 1);
	wrap(&wire, 37);
	assert_int_equal(scan_bytes(wire.bytes, wire.len, &three, &err), MB_MESSAGE_MALFORMED);
	assert_string_equal(err.field, "children.a_string");
	wire_fini(&wire);
}

static void refuses_ten_thousand_levels(void **state)
{
	struct wire wire = {0};

	(void)state;
	for (int i = 0; i < 10000; i++) {
		wrap(&wire, 17);
	}
	assert_in_range(wire.len, 34000, 50000);
	assert_refused(wire.bytes, wire.len, "nested too deep");
	wire_fini(&wire);
}

static void refuses_four_megabytes_of_empty_submessages(void **state)
{
	struct prescan_limits batch = {PRESCAN_DEPTH, SIZE_MAX, (size_t)4 << 20};
	struct wire wire = {0};
	struct mb_err err;

	(void)state;
	while (wire.len < (size_t)4 << 20) {
		put_bytes(&wire, 38, "", 0);
	}
	assert_refused(wire.bytes, wire.len, "too many elements");
	assert_int_equal(scan_bytes(wire.bytes, wire.len, &batch, &err), MB_MESSAGE_MALFORMED);
	assert_non_null(strstr(err.text, "too much memory"));
	wire_fini(&wire);
}

static void counts_packed_numbers_as_elements(void **state)
{
	struct prescan_limits few = {PRESCAN_DEPTH, 10, 1 << 20};
	uint8_t zeros[10] = {0};
	struct wire wire = {0};

	(void)state;
	put_bytes(&wire, 21, zeros, 9);
	assert_int_equal(scan_bytes(wire.bytes, wire.len, &few, NULL), MB_OK);
	put_bytes(&wire, 21, zeros, 1);
	assert_int_equal(scan_bytes(wire.bytes, wire.len, &few, NULL), MB_MESSAGE_MALFORMED);
	wire_fini(&wire);
}

static void refuses_just_below_what_it_needs(void **state)
{
	struct prescan_limits limits = wide;
	struct wire wire = {0};
	size_t need;

	(void)state;
	put_bytes(&wire, 35, "one", 3);
	put_bytes(&wire, 35, "two", 3);
	need = assert_bounded(TYPE, &wire);
	limits.memory = need;
	assert_int_equal(scan_bytes(wire.bytes, wire.len, &limits, NULL), MB_OK);
	limits.memory = need - 1;
	assert_int_equal(scan_bytes(wire.bytes, wire.len, &limits, NULL), MB_MESSAGE_MALFORMED);
	limits.memory = 10;
	assert_int_equal(scan_bytes("", 0, &limits, NULL), MB_MESSAGE_MALFORMED);
	wire_fini(&wire);
}

/* Every count of members around the ends of protobuf-c's slabs. */
static void bounds_the_slabs(void **state)
{
	struct wire wire = {0};

	(void)state;
	for (int n = 0; n < 1000; n++) {
		put_bytes(&wire, 38, "", 0);
		assert_bounded(TYPE, &wire);
	}
	wire_fini(&wire);
	for (int n = 0; n < 200; n++) {
		put_varint(&wire, 200 << 3);
		put_varint(&wire, (uint64_t)n << n % 60);
		assert_bounded(TYPE, &wire);
	}
	wire_fini(&wire);
}

/* ---- random messages ---- */

static uint64_t seed;

static unsigned roll(unsigned sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 20) % sides);
}

static void put_scalar(struct wire *wire, ProtobufCType type, bool packed)
{
	uint64_t bits = (uint64_t)roll(1u << 30) << roll(34);

	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		put(wire, &bits, 4);
		break;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		put(wire, &bits, 8);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		put_varint(wire, packed ? bits & 1 : bits);
		break;
	default:
		put_varint(wire, bits);
	}
}

static unsigned wire_type(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return 5;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 1;
	default:
		return 0;
	}
}

static void put_random(struct wire *wire, const ProtobufCMessageDescriptor *type, int depth);

static void put_random_field(struct wire *wire, const ProtobufCFieldDescriptor *field, int depth)
{
	char text[] = "fifteen letters and some more of them";
	struct wire inner = {0};

	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		put_random(&inner, field->descriptor, depth - 1);
		put_bytes(wire, field->id, inner.bytes, inner.len);
		break;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
		put_bytes(wire, field->id, text, roll(sizeof(text) - 1));
		break;
	default:
		if (field->label == PROTOBUF_C_LABEL_REPEATED && roll(2) == 0) {
			for (unsigned n = roll(40); n > 0; n--) {
				put_scalar(&inner, field->type, true);
			}
			put_bytes(wire, field->id, inner.bytes, inner.len);
		} else {
			put_varint(wire, (uint64_t)field->id << 3 | wire_type(field->type));
			put_scalar(wire, field->type, false);
		}
	}
	free(inner.bytes);
}

static void put_random(struct wire *wire, const ProtobufCMessageDescriptor *type, int depth)
{
	uint64_t singles = 0;

	for (unsigned n = roll(roll(3) == 0 ? 60 : 6); n > 0; n--) {
		unsigned index = roll(type->n_fields + 1);
		const ProtobufCFieldDescriptor *field = &type->fields[index];

		if (index == type->n_fields) {
			put_bytes(wire, 5000 + roll(9), "????????????", roll(12));
		} else if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
			put_random_field(wire, field, depth);
		} else if (depth > 1 && (field->label == PROTOBUF_C_LABEL_REPEATED ||
					 (singles >> index & 1) == 0)) {
			singles |= UINT64_C(1) << index;
			put_random_field(wire, field, depth);
		}
	}
}

static void bounds_random_messages(void **state)
{
	(void)state;
	seed = 88172645463325252;
	for (int i = 0; i < 3000; i++) {
		struct wire wire = {0};

		put_random(&wire, TYPE, 4);
		assert_bounded(TYPE, &wire);
		wire_fini(&wire);
	}
}

static void reads_no_type_with_too_many_fields(void **state)
{
	const struct prescan_limits limits = {PRESCAN_DEPTH, PRESCAN_ELEMENTS, 1 << 20};
	ProtobufCMessageDescriptor type = scan__v1__everything__descriptor;
	struct mb_err err;

	(void)state;
	type.n_fields = PRESCAN_FIELDS_MOST + 1;
	assert_int_equal(prescan(&type, "", 0, &limits, NULL, &err), MB_INTERNAL);
}

static void bounds_the_descriptors_of_a_file(void **state)
{
	struct wire wire = {0}, name = {0};

	(void)state;
	for (int i = 0; i < 40; i++) {
		wire_fini(&name);
		put_bytes(&name, 1, "a_name_of_a_field", 17);
		wrap(&name, 2); /* field */
		wrap(&name, 4); /* message_type */
		put(&wire, name.bytes, name.len);
	}
	wrap(&wire, 1);
	assert_bounded(&google__protobuf__file_descriptor_set__descriptor, &wire);
	wire_fini(&name);
	wire_fini(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lets_an_empty_message_pass),
		cmocka_unit_test(refuses_what_is_cut_off),
		cmocka_unit_test(refuses_numbers_and_wire_types_that_are_none),
		cmocka_unit_test(refuses_text_that_is_none),
		cmocka_unit_test(refuses_packed_numbers_that_are_none),
		cmocka_unit_test(refuses_a_submessage_given_twice),
		cmocka_unit_test(refuses_nesting_and_says_where),
		cmocka_unit_test(refuses_ten_thousand_levels),
		cmocka_unit_test(refuses_four_megabytes_of_empty_submessages),
		cmocka_unit_test(counts_packed_numbers_as_elements),
		cmocka_unit_test(refuses_just_below_what_it_needs),
		cmocka_unit_test(bounds_the_slabs),
		cmocka_unit_test(bounds_random_messages),
		cmocka_unit_test(reads_no_type_with_too_many_fields),
		cmocka_unit_test(bounds_the_descriptors_of_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
