/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/call_impl.h"

#include <grpc/slice.h>
#include <string.h>
#include <strings.h>

/* A view of the slice, which may hold its bytes within itself: not a copy of it. */
static struct str slice_str(const grpc_slice *slice)
{
	return (struct str){(const char *)GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice)};
}

/* Two authorizations are none: it would be a guess which of them a proxy has looked at. */
static void read_authorization(struct str value, int *seen, struct rpc_request_meta *out)
{
	static const char scheme[] = "bearer ";
	const size_t len = sizeof(scheme) - 1;

	out->token = (struct str){NULL, 0};
	if ((*seen)++ > 0 || value.len <= len || strncasecmp(value.ptr, scheme, len) != 0) {
		return;
	}
	out->token = (struct str){value.ptr + len, value.len - len};
}

static void read_request_id(struct str value, struct rpc_request_meta *out)
{
	if (value.len == 0 || value.len > REQUEST_ID_MAX) {
		return;
	}
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] <= ' ' || value.ptr[i] > '~') {
			return;
		}
	}
	memcpy(out->request_id, value.ptr, value.len);
	out->request_id[value.len] = '\0';
}

/* Lower-case hex digits, not all of them 0. */
static bool is_id(const char *text, size_t len)
{
	bool zero = true;

	for (size_t i = 0; i < len; i++) {
		if (strchr("0123456789abcdef", text[i]) == NULL || text[i] == '\0') {
			return false;
		}
		zero = zero && text[i] == '0';
	}
	return !zero;
}

/* W3C trace context: VERSION-TRACE-PARENT-FLAGS, in 2, 32, 16 and 2 hex digits; versions after 00 may
 * go on after a further '-'. */
static void read_traceparent(struct str value, struct rpc_request_meta *out)
{
	const char *p = value.ptr;

	if (value.len < 55 || p[2] != '-' || p[35] != '-' || p[52] != '-' ||
	    memcmp(p, "ff", 2) == 0 || (memcmp(p, "00", 2) == 0 && value.len != 55) ||
	    (value.len > 55 && p[55] != '-') || !is_id(p + 3, TRACE_ID_LEN) || !is_id(p + 36, 16)) {
		return;
	}
	memcpy(out->trace_id, p + 3, TRACE_ID_LEN);
	out->trace_id[TRACE_ID_LEN] = '\0';
}

void rpc_metadata_read(const grpc_metadata_array *metadata, struct rpc_request_meta *out)
{
	int authorizations = 0;

	out->token = (struct str){NULL, 0};
	out->request_id[0] = '\0';
	out->trace_id[0] = '\0';
	for (size_t i = 0; i < metadata->count; i++) {
		struct str key = slice_str(&metadata->metadata[i].key);
		struct str value = slice_str(&metadata->metadata[i].value);

		if (str_eq(key, STR("authorization"))) {
			read_authorization(value, &authorizations, out);
		} else if (str_eq(key, STR("x-request-id"))) {
			read_request_id(value, out);
		} else if (str_eq(key, STR("traceparent"))) {
			read_traceparent(value, out);
		}
	}
}
