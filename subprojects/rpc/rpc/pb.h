/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pb: protobuf-c over arenas.
 *
 * Memory:   what is unpacked or packed here lives in the arena; nothing is freed singly, so
 *           protobuf_c_message_free_unpacked() is never called on it.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* An allocator over the arena; valid as long as it, and cheap enough to make for each use. */
ProtobufCAllocator pb_allocator(struct arena *arena);

/* Bytes of a peer must have passed prescan() first. NULL when they are malformed or the arena is out of
 * memory: arena_overflowed() tells which. */
ProtobufCMessage *pb_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type,
			    const void *bytes, size_t size);

/* The serialized message; {NULL, 0} when the arena is out of memory. An empty message is a non-NULL
 * pointer of length 0. */
struct str pb_pack(struct arena *arena, const ProtobufCMessage *message);
