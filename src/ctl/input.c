/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/input.h"

#include "base/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define RAW_BYTES 65536

struct input {
	FILE *file;
	char *name;
	ZSTD_DStream *zstd; /* NULL: plain */
	bool in_frame;
	unsigned char raw[RAW_BYTES];
	size_t raw_pos, raw_len;
	struct sha256 sha;
};

static enum mb_code fill_raw(struct input *input, struct mb_err *err)
{
	if (input->raw_pos < input->raw_len) {
		return MB_OK;
	}
	input->raw_pos = 0;
	input->raw_len = fread(input->raw, 1, sizeof(input->raw), input->file);
	if (ferror(input->file) || FAULT("ctl.input.read")) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: cannot be read: %s", input->name,
			       strerror(errno));
	}
	return MB_OK;
}

/* A frame of data, or one to be skipped, which some compressors write before it. */
static bool begins_frame(const unsigned char *raw, size_t len)
{
	static const unsigned char data[] = {0x28, 0xb5, 0x2f, 0xfd},
				   skipped[] = {0x2a, 0x4d, 0x18};

	return len >= 4 && (memcmp(raw, data, 4) == 0 ||
			    ((raw[0] & 0xf0) == 0x50 && memcmp(raw + 1, skipped, 3) == 0));
}

static enum mb_code start_zstd(struct input *input, struct mb_err *err)
{
	if (!begins_frame(input->raw, input->raw_len)) {
		return MB_OK;
	}
	input->zstd = ZSTD_createDStream();
	if (input->zstd == NULL) {
		return mb_fail(err, MB_INTERNAL, "out of memory");
	}
	return MB_OK;
}

enum mb_code input_from_file(FILE *file, const char *name, struct input **out, struct mb_err *err)
{
	struct input *input = calloc(1, sizeof(*input));
	enum mb_code code;

	if (input == NULL) {
		fclose(file);
		return mb_fail(err, MB_INTERNAL, "out of memory");
	}
	input->file = file;
	input->name = strdup(name);
	if (input->name == NULL || !sha256_start(&input->sha)) {
		code = mb_fail(err, MB_INTERNAL, "out of memory");
	} else {
		code = fill_raw(input, err);
	}
	if (code == MB_OK) {
		code = start_zstd(input, err);
	}
	if (code != MB_OK) {
		input_close(input);
		return code;
	}
	*out = input;
	return MB_OK;
}

const char *input_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

enum mb_code input_open(const char *path, struct input **out, struct mb_err *err)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

	if (file == NULL) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: %s", path, strerror(errno));
	}
	return input_from_file(file, input_name(path), out, err);
}

void input_close(struct input *input)
{
	if (input == NULL) {
		return;
	}
	fclose(input->file);
	ZSTD_freeDStream(input->zstd);
	sha256_fini(&input->sha);
	free(input->name);
	free(input);
}

static enum mb_code read_zstd(struct input *input, void *buf, size_t size, size_t *out_n,
			      struct mb_err *err)
{
	ZSTD_outBuffer to = {buf, size, 0};

	while (to.pos == 0) {
		ZSTD_inBuffer from;
		size_t left;
		enum mb_code code = fill_raw(input, err);

		if (code != MB_OK) {
			return code;
		}
		if (input->raw_len == 0 && !input->in_frame) {
			break;
		}
		from = (ZSTD_inBuffer){input->raw + input->raw_pos, input->raw_len - input->raw_pos,
				       0};
		left = ZSTD_decompressStream(input->zstd, &to, &from);
		if (ZSTD_isError(left)) {
			return mb_fail(err, MB_FIELD_INVALID, "%s: damaged zstd data: %s",
				       input->name, ZSTD_getErrorName(left));
		}
		input->raw_pos += from.pos;
		input->in_frame = left != 0;
		if (input->raw_len == 0 && input->in_frame && to.pos == 0) {
			return mb_fail(err, MB_FIELD_INVALID,
				       "%s: the zstd data end before their frame does: the file is "
				       "cut short",
				       input->name);
		}
	}
	*out_n = to.pos;
	return MB_OK;
}

enum mb_code input_read(struct input *input, void *buf, size_t size, size_t *out_n,
			struct mb_err *err)
{
	enum mb_code code;
	size_t n = 0;

	if (input->zstd != NULL) {
		code = read_zstd(input, buf, size, &n, err);
	} else {
		code = fill_raw(input, err);
		n = input->raw_len - input->raw_pos;
		n = n < size ? n : size;
		memcpy(buf, input->raw + input->raw_pos, n);
		input->raw_pos += n;
	}
	if (code == MB_OK) {
		sha256_update(&input->sha, buf, n);
		*out_n = n;
	}
	return code;
}

enum mb_code input_digest(struct input *input, char out[SHA256_HEX_BYTES], struct mb_err *err)
{
	if (!sha256_finish_hex(&input->sha, out)) {
		return mb_fail(err, MB_INTERNAL, "libcrypto gives no digest");
	}
	return MB_OK;
}

enum mb_code input_slurp(const char *path, size_t max, char **out, size_t *out_len,
			 struct mb_err *err)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	char *text = malloc(max + 2);
	enum mb_code code = MB_OK;
	size_t len;

	if (file == NULL || text == NULL) {
		code = mb_fail(err, MB_FIELD_INVALID, "%s: %s", path, strerror(errno));
		goto out;
	}
	len = fread(text, 1, max + 1, file);
	if (ferror(file)) {
		code = mb_fail(err, MB_FIELD_INVALID, "%s: cannot be read: %s", input_name(path),
			       strerror(errno));
	} else if (len > max) {
		code = mb_fail(err, MB_FIELD_INVALID, "%s: larger than %zu bytes", input_name(path),
			       max);
	} else {
		text[len] = '\0';
		*out = text;
		*out_len = len;
		text = NULL;
	}
out:
	free(text);
	if (file != NULL && file != stdin) {
		fclose(file);
	}
	return code;
}
