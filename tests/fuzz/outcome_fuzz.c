/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a server puts into the trailers of a failed call, the client makes an error of it that can be
 * shown. The first byte of an input chooses the status, the rest is google.rpc.Status.
 */
#include "base/str.h"
#include "client/outcome.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool can_be_shown(const char *text, size_t room)
{
	const char *end = memchr(text, '\0', room);

	for (const char *p = text; end != NULL && p < end; p++) {
		if ((unsigned char)*p < 0x20) {
			return false;
		}
	}
	return end != NULL && str_is_utf8(str_from(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome outcome = {.target = "127.0.0.1:7443"};
	struct mb_err err;
	bool may_retry;

	if (size == 0) {
		return 0;
	}
	outcome.grpc_code = 1 + data[0] % 18;
	outcome.connected = data[0] >= 0x80;
	outcome.details = (struct str){(const char *)data + 1, size - 1};
	outcome.message = (struct str){(const char *)data + 1, (size - 1) / 2};
	outcome.pushback = (struct str){(const char *)data + 1, size % 4 == 0 ? size - 1 : 0};
	outcome_read(&outcome, &err, &may_retry);
	if (err.code == MB_OK || err.code >= MB_CODES || err.retry_after_ms < 0 ||
	    !can_be_shown(err.text, sizeof(err.text)) ||
	    !can_be_shown(err.field, sizeof(err.field))) {
		abort();
	}
	return 0;
}
