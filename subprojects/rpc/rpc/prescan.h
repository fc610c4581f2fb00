/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prescan: looks over a serialized message before protobuf-c unpacks it, which has no limit of its
 * own: nesting depth, UTF-8 and NUL in strings, number of elements, and the memory that unpacking will
 * take are counted from the wire bytes and the descriptor, with no allocation.
 */
#pragma once

#include "base/err.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct prescan_limits {
	int depth; /* nested messages, the outermost is 1 */
	size_t elements; /* fields on the wire, all levels together */
	size_t memory; /* bytes that protobuf_c_message_unpack() will ask for, alignment included */
};

#define PRESCAN_DEPTH	 32
#define PRESCAN_ELEMENTS 200000

/* MB_OK, or MB_MESSAGE_MALFORMED with what and where; never reads outside bytes. *memory, when not
 * NULL, is an upper bound of what unpacking takes. */
enum mb_code prescan(const ProtobufCMessageDescriptor *type, const void *bytes, size_t size,
		     const struct prescan_limits *limits, size_t *memory, struct mb_err *err);
