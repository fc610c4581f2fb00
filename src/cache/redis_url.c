/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/redis_url.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define PORT	6379
#define DB_MOST 65535

static enum mb_code fail(struct mb_err *err, const char *what)
{
	return mb_fail(err, MB_FIELD_INVALID,
		       "the URL of Redis: %s: write redis://[[USER]:PASSWORD@]HOST[:PORT][/DB] or "
		       "unix://[[USER]:PASSWORD@]/PATH[?db=DB]",
		       what);
}

/* What is left of `text` after a prefix. */
static bool skip(struct str *text, struct str prefix)
{
	if (text->len < prefix.len || memcmp(text->ptr, prefix.ptr, prefix.len) != 0) {
		return false;
	}
	text->ptr += prefix.len;
	text->len -= prefix.len;
	return true;
}

/* Splits at the first (or last) `c`: what is before it goes to `before`, what is after it stays. */
static bool split(struct str *text, char c, bool last, struct str *before)
{
	for (size_t i = 0; i < text->len; i++) {
		size_t at = last ? text->len - 1 - i : i;

		if (text->ptr[at] == c) {
			*before = (struct str){text->ptr, at};
			*text = (struct str){text->ptr + at + 1, text->len - at - 1};
			return true;
		}
	}
	return false;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As a C string: no NUL inside, and room for the one at the end. */
static bool decode(struct str text, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		int c = (unsigned char)text.ptr[i];

		if (c == '%') {
			if (i + 2 >= text.len || hex(text.ptr[i + 1]) < 0 ||
			    hex(text.ptr[i + 2]) < 0) {
				return false;
			}
			c = hex(text.ptr[i + 1]) * 16 + hex(text.ptr[i + 2]);
			i += 2;
		}
		if (c == 0 || len + 1 >= size) {
			return false;
		}
		out[len++] = (char)c;
	}
	out[len] = '\0';
	return true;
}

static enum mb_code parse_db(struct str text, struct redis_url *url, struct mb_err *err)
{
	int64_t db;

	if (!str_to_i64(text, &db) || db < 0 || db > DB_MOST) {
		return fail(err, "the database is no number from 0 to 65535");
	}
	url->db = (int)db;
	return MB_OK;
}

static enum mb_code parse_login(struct str login, struct redis_url *url, struct mb_err *err)
{
	struct str user;

	if (!split(&login, ':', false, &user)) {
		return fail(err, "a user without a password");
	}
	if (!decode(user, url->user, sizeof(url->user))) {
		return fail(err, "the user is not well-formed");
	}
	if (!decode(login, url->password, sizeof(url->password))) {
		return fail(err, "the password is not well-formed");
	}
	url->auth = true;
	return MB_OK;
}

/* A name, an IPv4 address or [an IPv6 address]; the rest is for the resolver to judge. */
static bool parse_host(struct str host, struct redis_url *url)
{
	bool v6 = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';

	if (v6) {
		host = (struct str){host.ptr + 1, host.len - 2};
	}
	if (host.len == 0 || host.len >= sizeof(url->host) ||
	    (v6 && memchr(host.ptr, ':', host.len) == NULL)) {
		return false;
	}
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';

		if (!word && !(v6 && (c == ':' || c == '%'))) {
			return false;
		}
		url->host[i] = c;
	}
	url->host[host.len] = '\0';
	return true;
}

static enum mb_code parse_authority(struct str text, struct redis_url *url, struct mb_err *err)
{
	struct str host = text, port = text;
	int64_t number = PORT;

	/* the last colon, unless it is inside brackets */
	if (text.len > 0 && text.ptr[text.len - 1] != ']' && split(&port, ':', true, &host)) {
		if (!str_to_i64(port, &number) || number < 1 || number > 65535) {
			return fail(err, "the port is no number from 1 to 65535");
		}
	}
	if (!parse_host(host, url)) {
		return fail(err, "the host is not well-formed");
	}
	url->port = (uint16_t)number;
	return MB_OK;
}

static enum mb_code parse_tcp(struct str text, struct redis_url *url, struct mb_err *err)
{
	struct str authority = text, login;

	if (!split(&text, '/', false, &authority)) {
		text = (struct str){NULL, 0};
	}
	if (text.len > 0 && parse_db(text, url, err) != MB_OK) {
		return MB_FIELD_INVALID;
	}
	if (split(&authority, '@', true, &login) && parse_login(login, url, err) != MB_OK) {
		return MB_FIELD_INVALID;
	}
	return parse_authority(authority, url, err);
}

static enum mb_code parse_unix(struct str text, struct redis_url *url, struct mb_err *err)
{
	struct str path = text, login;
	size_t slash = 0;

	if (split(&text, '?', false, &path)) {
		if (!skip(&text, STR("db="))) {
			return fail(err, "after the path only ?db=DB may follow");
		}
		if (parse_db(text, url, err) != MB_OK) {
			return MB_FIELD_INVALID;
		}
	}
	while (slash < path.len && path.ptr[slash] != '/') {
		slash++;
	}
	if (slash > 0) {
		login = (struct str){path.ptr, slash - 1};
		if (path.ptr[slash - 1] != '@' || slash == path.len) {
			return fail(err, "the path of a socket begins with /");
		}
		if (parse_login(login, url, err) != MB_OK) {
			return MB_FIELD_INVALID;
		}
	}
	path = (struct str){path.ptr + slash, path.len - slash};
	if (path.len < 2 || !decode(path, url->path, sizeof(url->path))) {
		return fail(err, "the path of the socket is missing, too long or not well-formed");
	}
	return MB_OK;
}

enum mb_code redis_url_parse(const char *text, struct redis_url *out, struct mb_err *err)
{
	struct redis_url url = {0};
	struct str rest = str_from(text);
	enum mb_code code;

	for (size_t i = 0; i < rest.len; i++) {
		if ((unsigned char)rest.ptr[i] <= ' ' || rest.ptr[i] == 0x7f) {
			return fail(err, "a blank or a control character in it");
		}
	}
	if (skip(&rest, STR("redis://"))) {
		code = parse_tcp(rest, &url, err);
	} else if (skip(&rest, STR("unix://")) || skip(&rest, STR("redis+unix://")) ||
		   skip(&rest, STR("redis+unix:"))) {
		code = parse_unix(rest, &url, err);
	} else if (skip(&rest, STR("rediss://"))) {
		code = fail(err, "TLS is not spoken here; put a tunnel in between");
	} else {
		code = fail(err, "another scheme");
	}
	if (code == MB_OK) {
		*out = url;
	}
	return code;
}

void redis_url_format(const struct redis_url *url, char *out, int size)
{
	bool v6 = strchr(url->host, ':') != NULL;

	if (url->host[0] == '\0') {
		snprintf(out, (size_t)size, "unix://%s?db=%d", url->path, url->db);
	} else {
		snprintf(out, (size_t)size, "redis://%s%s%s:%d/%d", v6 ? "[" : "", url->host,
			 v6 ? "]" : "", url->port, url->db);
	}
}
