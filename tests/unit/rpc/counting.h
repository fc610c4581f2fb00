/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counting: an allocator for protobuf-c that adds up what is asked of it, each piece rounded up as
 * an arena rounds it. Pieces are real mallocs, so that ASan watches their ends.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdlib.h>

struct counting {
	ProtobufCAllocator base;
	size_t used;
};

static void *counting_alloc(void *data, size_t size)
{
	struct counting *counting = data;
	size_t align = _Alignof(max_align_t);

	counting->used += size == 0 ? align : (size + align - 1) / align * align;
	return malloc(size);
}

static void counting_free(void *data, void *piece)
{
	(void)data;
	free(piece);
}

static inline void counting_init(struct counting *counting)
{
	counting->base = (ProtobufCAllocator){counting_alloc, counting_free, counting};
	counting->used = 0;
}
