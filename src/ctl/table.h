/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: columns for eyes, aligned by what the texts take on a terminal (UTF-8: letters of East Asia
 * take two places, combining marks none). Control characters are shown as '?', whoever sent them.
 */
#pragma once

#include "base/attr.h"
#include "base/str.h"

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

/* Zero-initialise, start, fill cell by cell, print; fini frees. */
struct table {
	const char *const *headers; /* borrowed; a leading '>' sets the column to the right */
	size_t n_columns;
	struct strbuf text; /* the cells, each ended by NUL */
	size_t n_cells;
};

/* headers end with NULL; those that are all empty are not printed. */
void table_start(struct table *table, const char *const *headers);
void table_cell(struct table *table, const char *fmt, ...) MB_PRINTF(2, 3);
void table_print(const struct table *table, FILE *out);
void table_fini(struct table *table);

/* Places that a text takes. */
size_t table_width(const char *text);
