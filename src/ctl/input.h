/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input: the bytes of a file, plain or compressed by zstd (told by its first bytes, not its name),
 * in one pass, with the SHA-256 of the plain bytes.
 *
 * Failure:  a compressed file that is cut short or damaged is an error, never a shorter file.
 */
#pragma once

#include "base/err.h"
#include "ctl/sha256.h"

#include <stddef.h>
#include <stdio.h>

struct input;

/* What a path is called in a sentence: "-" is standard input. */
const char *input_name(const char *path);
/* "-" reads standard input. */
enum mb_code input_open(const char *path, struct input **out, struct mb_err *err);
/* The same from an open file, which the input closes, also on failure; `name` stands in errors. */
enum mb_code input_from_file(FILE *file, const char *name, struct input **out, struct mb_err *err);
void input_close(struct input *input);
/* Up to size bytes; *out_n 0 at the end only. */
enum mb_code input_read(struct input *input, void *buf, size_t size, size_t *out_n,
			struct mb_err *err);
/* Of everything read; once, after the end. */
enum mb_code input_digest(struct input *input, char out[SHA256_HEX_BYTES], struct mb_err *err);

/* A whole small text file (a mapping, an activity) of at most `max` bytes, NUL-terminated; the caller
 * frees it. "-" reads standard input. */
enum mb_code input_slurp(const char *path, size_t max, char **out, size_t *out_len,
			 struct mb_err *err);
