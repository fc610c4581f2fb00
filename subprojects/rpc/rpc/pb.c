/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/pb.h"

#include <stdint.h>

static void *allocate(void *data, size_t size)
{
	return arena_alloc(data, size);
}

/* protobuf-c frees its scratch and, on failure, what it has built; in an arena that waits. */
static void release(void *data, void *pointer)
{
	(void)data;
	(void)pointer;
}

ProtobufCAllocator pb_allocator(struct arena *arena)
{
	return (ProtobufCAllocator){allocate, release, arena};
}

ProtobufCMessage *pb_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type,
			    const void *bytes, size_t size)
{
	ProtobufCAllocator allocator = pb_allocator(arena);

	return protobuf_c_message_unpack(type, &allocator, size, bytes);
}

struct str pb_pack(struct arena *arena, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = arena_alloc(arena, size);

	if (bytes == NULL) {
		return (struct str){NULL, 0};
	}
	return (struct str){(char *)bytes, protobuf_c_message_pack(message, bytes)};
}
