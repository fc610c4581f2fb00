/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/rows.h"

#include "ctl/input.h"

#include <csv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 65536

struct reader {
	const char *name;
	rows_cb *cb;
	void *data;
	struct csv_parser parser;
	int64_t line, row_line;
	bool in_row; /* bytes of a row were fed and its end was not seen */
	bool row_ended; /* on this line */
	struct strbuf bytes; /* the fields of the row, one after the other */
	size_t ends[ROWS_COLUMNS_MAX];
	size_t n_fields;
	enum mb_code code; /* libcsv's callbacks cannot stop it: what happens is kept here */
	struct mb_err *err;
};

static int never_space(unsigned char c)
{
	(void)c;
	return 0;
}

static void take_field(void *field, size_t len, void *data)
{
	struct reader *reader = data;

	if (reader->code != MB_OK) {
		return;
	}
	if (len > ROWS_FIELD_MAX) {
		reader->code = mb_fail(reader->err, MB_FIELD_INVALID,
				       "%s:%lld: a field is longer than %d bytes", reader->name,
				       (long long)reader->row_line, ROWS_FIELD_MAX);
		return;
	}
	if (reader->n_fields < ROWS_COLUMNS_MAX) {
		strbuf_put(&reader->bytes, field, len);
		reader->ends[reader->n_fields] = reader->bytes.len;
	}
	reader->n_fields++;
}

static void take_row(int c, void *data)
{
	struct reader *reader = data;
	struct str fields[ROWS_COLUMNS_MAX];
	size_t kept = reader->n_fields < ROWS_COLUMNS_MAX ? reader->n_fields : ROWS_COLUMNS_MAX;
	struct row row = {reader->row_line, fields, kept, reader->n_fields == kept};
	size_t start = 0;

	(void)c;
	if (reader->code == MB_OK && reader->bytes.failed) {
		reader->code = mb_fail(reader->err, MB_INTERNAL, "out of memory");
	}
	if (reader->code != MB_OK) {
		return;
	}
	for (size_t i = 0; i < kept; i++) {
		size_t len = reader->ends[i] - start;

		fields[i] = (struct str){len == 0 ? "" : reader->bytes.ptr + start, len};
		row.is_text = row.is_text && memchr(fields[i].ptr, '\0', len) == NULL &&
			      str_is_utf8(fields[i]);
		start = reader->ends[i];
	}
	reader->code = reader->cb(reader->data, &row, reader->err);
	reader->n_fields = 0;
	strbuf_reset(&reader->bytes);
	reader->in_row = false;
	reader->row_ended = true;
}

static void take_blank(struct reader *reader)
{
	struct row row = {.line = reader->line, .is_text = true};

	reader->code = reader->cb(reader->data, &row, reader->err);
}

static bool is_blank(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != '\r' && p[i] != '\n') {
			return false;
		}
	}
	return true;
}

/* One piece of a line, its newline at most at the end. Lines are fed one by one only so that errors
 * can name them: libcsv does not count. */
static void feed(struct reader *reader, const char *p, size_t len)
{
	bool line_ends = p[len - 1] == '\n';

	if (!reader->in_row && !is_blank(p, len)) {
		reader->in_row = true;
		reader->row_line = reader->line;
	}
	if (csv_parse(&reader->parser, p, len, take_field, take_row, reader) != len &&
	    reader->code == MB_OK) {
		reader->code =
			mb_fail(reader->err, MB_FIELD_INVALID, "%s:%lld: %s", reader->name,
				(long long)reader->line,
				csv_error(&reader->parser) == CSV_EPARSE
					? "a quote stands where none may stand; a field that holds "
					  "quotes is quoted whole, and doubles them"
					: csv_strerror(csv_error(&reader->parser)));
	}
	if (reader->code == MB_OK && reader->parser.entry_pos > ROWS_FIELD_MAX) {
		reader->code = mb_fail(reader->err, MB_FIELD_INVALID,
				       "%s:%lld: a field is longer than %d bytes; perhaps its "
				       "quote is not closed",
				       reader->name, (long long)reader->row_line, ROWS_FIELD_MAX);
	}
	if (line_ends) {
		if (!reader->in_row && !reader->row_ended && reader->code == MB_OK) {
			take_blank(reader);
		}
		reader->row_ended = false;
		reader->line++;
	}
}

static void feed_chunk(struct reader *reader, const char *p, size_t len)
{
	while (len > 0 && reader->code == MB_OK) {
		const char *newline = memchr(p, '\n', len);
		size_t take = newline != NULL ? (size_t)(newline - p) + 1 : len;

		feed(reader, p, take);
		p += take;
		len -= take;
	}
}

static void feed_file(struct reader *reader, struct input *input, char *chunk)
{
	bool first = true;

	while (reader->code == MB_OK) {
		size_t n, skip = 0;

		reader->code = input_read(input, chunk, CHUNK_BYTES, &n, reader->err);
		if (reader->code != MB_OK || n == 0) {
			return;
		}
		if (first && n >= 3 && memcmp(chunk, "\xef\xbb\xbf", 3) == 0) {
			skip = 3;
		}
		first = false;
		feed_chunk(reader, chunk + skip, n - skip);
	}
}

enum mb_code rows_read(struct input *input, const char *name, char delimiter, rows_cb *cb,
		       void *data, struct mb_err *err)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	char *chunk = malloc(CHUNK_BYTES);
	enum mb_code code;

	if (reader == NULL || chunk == NULL ||
	    csv_init(&reader->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
		free(reader);
		free(chunk);
		return mb_fail(err, MB_INTERNAL, "out of memory");
	}
	reader->name = name;
	reader->cb = cb;
	reader->data = data;
	reader->line = reader->row_line = 1;
	reader->err = err;
	csv_set_delim(&reader->parser, (unsigned char)delimiter);
	/* by default blanks around a field would be cut off */
	csv_set_space_func(&reader->parser, never_space);
	feed_file(reader, input, chunk);
	if (reader->code == MB_OK && csv_fini(&reader->parser, take_field, take_row, reader) != 0 &&
	    reader->code == MB_OK) {
		reader->code = mb_fail(err, MB_FIELD_INVALID,
				       "%s:%lld: the quote of this row is never closed", name,
				       (long long)reader->row_line);
	}
	code = reader->code;
	csv_free(&reader->parser);
	strbuf_fini(&reader->bytes);
	free(reader);
	free(chunk);
	return code;
}
