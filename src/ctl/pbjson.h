/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pbjson: messages as JSON and back, by their descriptors, in protobuf's JSON mapping: lowerCamelCase
 * names, 64-bit numbers as strings, enum values by name, times as RFC 3339.
 *
 * One difference when printing: fields with their default value are there (unless left out on
 * demand), so that a script may read `.entitlement.allowed` without asking whether it exists.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

struct arena;

struct pbjson_style {
	int indent; /* 0: everything on one line */
	bool leave_out_defaults;
};

void pbjson_print(const ProtobufCMessage *message, struct pbjson_style style, struct strbuf *out);
/* A JSON string with its quotes. */
void pbjson_quote(struct str text, struct strbuf *out);

/* Refuses unknown and doubled names, numbers that do not fit, depth and texts that are not UTF-8;
 * also takes the proto's own field names. Errors are MB_FIELD_INVALID and name the field or the line. */
enum mb_code pbjson_parse(struct str text, const ProtobufCMessageDescriptor *type,
			  struct arena *arena, ProtobufCMessage **out, struct mb_err *err);
