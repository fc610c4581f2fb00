/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pre-scan lets through is unpacked by protobuf-c without harm and within the memory that was
 * counted. The first byte of an input chooses the type and the limits.
 */
#include "rpc/prescan.h"

#include "counting.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "scan.pb-c.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const ProtobufCMessageDescriptor *type;
	bool required; /* proto2, with required fields that only unpacking misses */
} types[] = {
	{&scan__v1__everything__descriptor, false},
	{&google__protobuf__file_descriptor_set__descriptor, true},
	{&google__rpc__status__descriptor, false},
	{&scan__v1__empty__descriptor, false},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct prescan_limits limits = {PRESCAN_DEPTH, PRESCAN_ELEMENTS, (size_t)256 << 10};
	struct counting counting;
	ProtobufCMessage *message;
	struct mb_err err;
	size_t memory, index;

	if (size == 0) {
		return 0;
	}
	index = data[0] % 4;
	if (data[0] >= 0xc0) {
		limits = (struct prescan_limits){3, 20, 2048};
	}
	if (prescan(types[index].type, data + 1, size - 1, &limits, &memory, &err) != MB_OK) {
		return 0;
	}
	counting_init(&counting);
	message = protobuf_c_message_unpack(types[index].type, &counting.base, size - 1, data + 1);
	if (counting.used > memory || memory > limits.memory ||
	    (message == NULL && !types[index].required)) {
		abort();
	}
	protobuf_c_message_free_unpacked(message, &counting.base);
	return 0;
}
