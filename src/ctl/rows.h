/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows: the rows of a CSV file, one at a time, with the line each one begins on.
 *
 * A quote in the wrong place, one that is never closed and a field over ROWS_FIELD_MAX bytes end the
 * reading with an error that names the line: what follows could not be told from data. Everything
 * that leaves the rows apart (a NUL, bad UTF-8, a wrong number of columns) is for the caller to count.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

#define ROWS_FIELD_MAX	 65536
#define ROWS_COLUMNS_MAX 256

struct input;

struct row {
	int64_t line; /* of the file, from 1 */
	const struct str *fields; /* borrowed until the callback returns */
	size_t n_fields; /* at most ROWS_COLUMNS_MAX are kept */
	bool is_text; /* UTF-8 without NUL, and no column too many */
};

/* Anything but MB_OK ends the reading with that code. */
typedef enum mb_code rows_cb(void *data, const struct row *row, struct mb_err *err);

/* A line with nothing on it is a row without fields. `name` stands in errors. */
enum mb_code rows_read(struct input *input, const char *name, char delimiter, rows_cb *cb,
		       void *data, struct mb_err *err);
