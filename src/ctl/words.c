/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Length of what all values begin with: that of the unspecified one without "UNSPECIFIED". */
static size_t prefix_length(const ProtobufCEnumDescriptor *type)
{
	const ProtobufCEnumValue *zero = protobuf_c_enum_descriptor_get_value(type, 0);

	return zero == NULL ? 0 : strlen(zero->name) - strlen("UNSPECIFIED");
}

int words_to_enum(const ProtobufCEnumDescriptor *type, struct str word)
{
	size_t skip = prefix_length(type);

	for (unsigned i = 0; i < type->n_values; i++) {
		const char *name = type->values[i].name + skip;
		size_t at = 0;

		while (at < word.len && name[at] != '\0' &&
		       tolower((unsigned char)name[at]) == word.ptr[at]) {
			at++;
		}
		if (at == word.len && name[at] == '\0' && at > 0) {
			return type->values[i].value;
		}
	}
	return 0;
}

const char *words_from_enum(const ProtobufCEnumDescriptor *type, int value, char gap,
			    char out[WORDS_BYTES])
{
	const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(type, value);
	const char *name;
	size_t at = 0;

	if (found == NULL) {
		snprintf(out, WORDS_BYTES, "?%d", value);
		return out;
	}
	name = found->name + prefix_length(type);
	for (; name[at] != '\0' && at + 1 < WORDS_BYTES; at++) {
		out[at] = (char)(name[at] == '_' ? gap : tolower((unsigned char)name[at]));
	}
	out[at] = '\0';
	return out;
}

const char *words_list(const ProtobufCEnumDescriptor *type, int without, char *out, size_t size)
{
	char word[WORDS_BYTES];
	size_t at = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < type->n_values && at < size; i++) {
		int value = type->values[i].value;

		if (value != 0 && value != without) {
			at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "",
					       words_from_enum(type, value, '_', word));
		}
	}
	return out;
}
