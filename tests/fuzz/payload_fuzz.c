/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the bytes, decoding ends in an error or in an activity that encodes to the same bytes. */
#include "domain/payload.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create(NULL, 1 << 20);
	struct str bytes = {(const char *)data, size}, again;
	struct activity activity;
	enum mb_code code;

	if (arena == NULL) {
		abort();
	}
	code = payload_decode(bytes, arena, &activity, NULL);
	if (code == MB_OK) {
		if (payload_encode(&activity, arena, &again, NULL) != MB_OK ||
		    !str_eq(bytes, again)) {
			abort();
		}
	} else if (code != MB_INTERNAL && code != MB_ARENA_FULL) {
		abort();
	}
	arena_destroy(arena);
	return 0;
}
