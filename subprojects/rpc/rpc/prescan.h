/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prescan: looks over a serialized message before protobuf-c unpacks it, which has no limit of its
 * own: nesting depth, UTF-8 and NUL in strings, number of elements, and the memory that unpacking will
 * take are counted from the wire bytes and the descriptor, with no allocation and no recursion.
 *
 * What passes is unpacked by protobuf-c 1.4.1 without surprise: wire types are those of the fields, no
 * number or length runs past its end, nothing is a group. A singular submessage that is given twice is
 * refused, too: no encoder writes it, merging such copies would cost the square of their number, and
 * protobuf-c itself refuses them when both leave a oneof open. Only a missing required field of proto2
 * is still found by unpacking.
 */
#pragma once

#include "base/err.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct prescan_limits {
	int depth; /* nested messages, the outermost is 1; at most PRESCAN_DEPTH_MOST */
	size_t elements; /* fields on the wire and numbers in packed ones, all levels together */
	size_t memory; /* bytes that protobuf_c_message_unpack() will ask for, alignment included */
};

#define PRESCAN_DEPTH	    32
#define PRESCAN_DEPTH_MOST  64
#define PRESCAN_ELEMENTS    200000
#define PRESCAN_FIELDS_MOST 128 /* declared for one type; protobuf-c allocates beyond */

/* MB_OK, or MB_MESSAGE_MALFORMED with what and where; never reads outside bytes. *memory, when not
 * NULL, is an upper bound of what unpacking takes, as an arena counts it. MB_INTERNAL for a type
 * with more than PRESCAN_FIELDS_MOST fields. */
enum mb_code prescan(const ProtobufCMessageDescriptor *type, const void *bytes, size_t size,
		     const struct prescan_limits *limits, size_t *memory, struct mb_err *err);
