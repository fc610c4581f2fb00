/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words: the API's enum values as people write them: "gift_card" for LINE_TYPE_GIFT_CARD,
 * "black diamond" for TIER_BLACK_DIAMOND.
 */
#pragma once

#include "base/str.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#define WORDS_BYTES	 48
#define WORDS_LIST_BYTES 256

/* 0 (the unspecified value) when there is no such word. */
int words_to_enum(const ProtobufCEnumDescriptor *type, struct str word);
/* All words but the unspecified one and `without`: "order, completion, …". */
const char *words_list(const ProtobufCEnumDescriptor *type, int without, char *out, size_t size);
/* out: lower case, words apart by `gap`; "?" and the number when the value is not known. */
const char *words_from_enum(const ProtobufCEnumDescriptor *type, int value, char gap,
			    char out[WORDS_BYTES]);
