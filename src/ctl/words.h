/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words: the API's enum values as people write them: "gift_card" for LINE_TYPE_GIFT_CARD,
 * "black diamond" for TIER_BLACK_DIAMOND.
 */
#pragma once

#include "base/str.h"

#include <protobuf-c/protobuf-c.h>

#define WORDS_BYTES 48

/* 0 (the unspecified value) when there is no such word. */
int words_to_enum(const ProtobufCEnumDescriptor *type, struct str word);
/* out: lower case, words apart by `gap`; "?" and the number when the value is not known. */
const char *words_from_enum(const ProtobufCEnumDescriptor *type, int value, char gap,
			    char out[WORDS_BYTES]);
