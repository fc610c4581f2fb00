/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str: views of text that somebody else owns, a growable buffer, and number parsing that says no.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed run of bytes; not NUL-terminated. {NULL, 0} is the empty one. */
struct str {
	const char *ptr;
	size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* For printf("%.*s"). */
#define STR_ARG(s) (int)(s).len, (s).ptr

struct str str_from(const char *text); /* NULL gives the empty one */
bool str_eq(struct str a, struct str b);
/* Order by bytes, shorter first on a common prefix: < 0, 0, > 0. */
int str_cmp(struct str a, struct str b);
/* 1..max bytes, all in [a-z0-9._-]: the form of an issuer and of a source. */
bool str_is_slug(struct str s, size_t max);
bool str_is_utf8(struct str s);

/* Whole text as a decimal number without sign tricks, blanks or overflow; out untouched if false. */
bool str_to_i64(struct str s, int64_t *out);
/* Decimal id as on the wire: [1-9][0-9]{0,18} and below 2^63. */
bool str_to_id(struct str s, int64_t *out);

/* A buffer that grows on the heap. Zero-initialise; fini frees. After a failed allocation `failed`
 * stays set and further writes do nothing, so one check at the end is enough. */
struct strbuf {
	char *ptr; /* NUL-terminated once something was written */
	size_t len;
	size_t cap;
	bool failed;
};

void strbuf_fini(struct strbuf *buf);
void strbuf_reset(struct strbuf *buf); /* keeps the memory */
void strbuf_put(struct strbuf *buf, const void *bytes, size_t len);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *fmt, ...) MB_PRINTF(2, 3);
struct str strbuf_str(const struct strbuf *buf);
