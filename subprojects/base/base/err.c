/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *reason;
	int grpc;
	bool retry;
	const char *text;
} rows[] = {
#define X(name, grpc, retry, text) {#name, grpc, retry, text},
	MB_ERRORS(X)
#undef X
};

static void fill(struct mb_err *err, enum mb_code code, const char *field, const char *fmt,
		 va_list args)
{
	if (err == NULL) {
		return;
	}
	err->code = code;
	err->retry_after_ms = code == MB_OVERLOADED || code == MB_DRAINING ? MB_RETRY_AFTER_MS : 0;
	snprintf(err->field, sizeof(err->field), "%s", field);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
}

enum mb_code mb_fail(struct mb_err *err, enum mb_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(err, code, "", fmt, args);
	va_end(args);
	return code;
}

enum mb_code mb_fail_field(struct mb_err *err, enum mb_code code, const char *field,
			   const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(err, code, field, fmt, args);
	va_end(args);
	return code;
}

void mb_err_prefix_field(struct mb_err *err, const char *fmt, ...)
{
	char path[sizeof(err->field)];
	va_list args;
	size_t used;

	if (err == NULL) {
		return;
	}
	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	used = strlen(path);
	if (err->field[0] != '\0') {
		snprintf(path + used, sizeof(path) - used, ".%s", err->field);
	}
	memcpy(err->field, path, sizeof(path));
}

const char *mb_code_reason(enum mb_code code)
{
	assert(code < MB_CODES);
	return rows[code].reason;
}

int mb_code_grpc(enum mb_code code)
{
	assert(code < MB_CODES);
	return rows[code].grpc;
}

bool mb_code_retryable(enum mb_code code)
{
	assert(code < MB_CODES);
	return rows[code].retry;
}

const char *mb_code_text(enum mb_code code)
{
	assert(code < MB_CODES);
	return rows[code].text;
}

const char *mb_grpc_name(int status)
{
	static const char *const names[GRPC_STATUSES] = {
		"OK",
		"CANCELLED",
		"UNKNOWN",
		"INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED",
		"NOT_FOUND",
		"ALREADY_EXISTS",
		"PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED",
		"FAILED_PRECONDITION",
		"ABORTED",
		"OUT_OF_RANGE",
		"UNIMPLEMENTED",
		"INTERNAL",
		"UNAVAILABLE",
		"DATA_LOSS",
		"UNAUTHENTICATED",
	};

	assert(status >= 0 && status < GRPC_STATUSES);
	return names[status];
}
