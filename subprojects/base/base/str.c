/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct str str_from(const char *text)
{
	return (struct str){text, text == NULL ? 0 : strlen(text)};
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int str_cmp(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

	if (order != 0) {
		return order;
	}
	return (a.len > b.len) - (a.len < b.len);
}

bool str_is_slug(struct str s, size_t max)
{
	if (s.len == 0 || s.len > max) {
		return false;
	}
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' &&
		    c != '-') {
			return false;
		}
	}
	return true;
}

/* Length of the well-formed sequence at p (RFC 3629: no surrogates, no overlong forms), 0 if none. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (p[0] < 0x80) {
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		len = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		len = 3;
		low = p[0] == 0xe0 ? 0xa0 : 0x80;
		high = p[0] == 0xed ? 0x9f : 0xbf;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		len = 4;
		low = p[0] == 0xf0 ? 0x90 : 0x80;
		high = p[0] == 0xf4 ? 0x8f : 0xbf;
	} else {
		return 0;
	}
	if (left < len || p[1] < low || p[1] > high) {
		return 0;
	}
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return len;
}

bool str_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;

	for (size_t i = 0; i < s.len;) {
		size_t len = utf8_sequence(p + i, s.len - i);

		if (len == 0) {
			return false;
		}
		i += len;
	}
	return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	int64_t value = 0;
	size_t i = negative ? 1 : 0;

	if (i == s.len) {
		return false;
	}
	for (; i < s.len; i++) {
		int digit = s.ptr[i] - '0';

		/* value is kept negative: INT64_MIN has no positive twin */
		if (digit < 0 || digit > 9 || value < (INT64_MIN + digit) / 10) {
			return false;
		}
		value = value * 10 - digit;
	}
	if (!negative && value == INT64_MIN) {
		return false;
	}
	*out = negative ? value : -value;
	return true;
}

bool str_to_id(struct str s, int64_t *out)
{
	if (s.len == 0 || s.len > 19 || s.ptr[0] < '1' || s.ptr[0] > '9') {
		return false;
	}
	return str_to_i64(s, out);
}

void strbuf_fini(struct strbuf *buf)
{
	free(buf->ptr);
	*buf = (struct strbuf){0};
}

void strbuf_reset(struct strbuf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->ptr != NULL) {
		buf->ptr[0] = '\0';
	}
}

static bool reserve(struct strbuf *buf, size_t more)
{
	size_t cap = buf->cap == 0 ? 256 : buf->cap;
	char *ptr;

	if (buf->failed || more > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4) {
		buf->failed = true;
		return false;
	}
	if (buf->ptr != NULL && buf->cap - buf->len > more) {
		return true;
	}
	while (cap - buf->len <= more) {
		cap *= 2;
	}
	ptr = realloc(buf->ptr, cap);
	if (ptr == NULL) {
		buf->failed = true;
		return false;
	}
	buf->ptr = ptr;
	buf->cap = cap;
	return true;
}

void strbuf_put(struct strbuf *buf, const void *bytes, size_t len)
{
	if (!reserve(buf, len)) {
		return;
	}
	if (len > 0) {
		memcpy(buf->ptr + buf->len, bytes, len);
	}
	buf->len += len;
	buf->ptr[buf->len] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
	strbuf_put(buf, text, strlen(text));
}

void strbuf_putc(struct strbuf *buf, char c)
{
	strbuf_put(buf, &c, 1);
}

void strbuf_printf(struct strbuf *buf, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0 || !reserve(buf, (size_t)len)) {
		buf->failed = true;
		return;
	}
	va_start(args, fmt);
	vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)len;
}

struct str strbuf_str(const struct strbuf *buf)
{
	return (struct str){buf->ptr, buf->len};
}
