/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/table.h"

#include "ctl/clean.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* One character from well-formed UTF-8; at least one byte is taken. */
static uint32_t next_character(const char **at)
{
	const unsigned char *p = (const unsigned char *)*at;
	int more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
	uint32_t c = more == 0 ? p[0] : p[0] & (0x3fu >> more);

	p++;
	while (more-- > 0 && (*p & 0xc0) == 0x80) {
		c = c << 6 | (*p++ & 0x3fu);
	}
	*at = (const char *)p;
	return c;
}

static size_t places(uint32_t c)
{
	static const struct {
		uint32_t first, last;
		size_t places;
	} ranges[] = {
		{0x300, 0x36f, 0},     {0x1100, 0x115f, 2},   {0x200b, 0x200f, 0},
		{0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},
		{0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},
		{0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2},
		{0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (c >= ranges[i].first && c <= ranges[i].last) {
			return ranges[i].places;
		}
	}
	return 1;
}

size_t table_width(const char *text)
{
	size_t width = 0;

	while (*text != '\0') {
		width += places(next_character(&text));
	}
	return width;
}

void table_start(struct table *table, const char *const *headers)
{
	*table = (struct table){.headers = headers};
	while (headers[table->n_columns] != NULL) {
		table->n_columns++;
	}
}

void table_cell(struct table *table, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	clean_text(text);
	strbuf_put(&table->text, text, strlen(text) + 1);
	table->n_cells++;
}

static const char *next_cell(const char *cell)
{
	return cell + strlen(cell) + 1;
}

static void measure(const struct table *table, size_t *widths)
{
	const char *cell = table->text.ptr;

	for (size_t i = 0; i < table->n_columns; i++) {
		const char *header = table->headers[i];

		widths[i] = table_width(header + (header[0] == '>'));
	}
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t width = table_width(cell);

		if (width > widths[i % table->n_columns]) {
			widths[i % table->n_columns] = width;
		}
		cell = next_cell(cell);
	}
}

static void print_cell(const struct table *table, size_t column, size_t width, const char *text,
		       size_t *owed, FILE *out)
{
	size_t gap = width - table_width(text);

	/* no blanks at the end of a line: they are owed until something follows */
	if (column == 0) {
		*owed = 0;
	}
	if (table->headers[column][0] == '>') {
		*owed += gap;
		gap = 0;
	}
	if (text[0] != '\0') {
		fprintf(out, "%*s%s", (int)*owed, "", text);
		*owed = 0;
	}
	*owed += gap + 2;
	if (column + 1 == table->n_columns) {
		fputc('\n', out);
	}
}

void table_print(const struct table *table, FILE *out)
{
	size_t widths[TABLE_COLUMNS_MAX];
	const char *cell = table->text.ptr;
	bool named = false;
	size_t owed = 0;

	measure(table, widths);
	for (size_t i = 0; i < table->n_columns; i++) {
		named = named || strcmp(table->headers[i] + (table->headers[i][0] == '>'), "") != 0;
	}
	for (size_t i = 0; named && i < table->n_columns; i++) {
		const char *header = table->headers[i];

		print_cell(table, i, widths[i], header + (header[0] == '>'), &owed, out);
	}
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t column = i % table->n_columns;

		print_cell(table, column, widths[column], cell, &owed, out);
		cell = next_cell(cell);
	}
}

void table_fini(struct table *table)
{
	strbuf_fini(&table->text);
}
