/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/address.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Names are taken as reachable by others: what they resolve to may change. */
static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strcmp(host, "localhost") == 0) {
		return true;
	}
	if (inet_pton(AF_INET, host, &v4) == 1) {
		return ntohl(v4.s_addr) >> 24 == 127;
	}
	return inet_pton(AF_INET6, host, &v6) == 1 &&
	       memcmp(&v6, &in6addr_loopback, sizeof(v6)) == 0;
}

static enum mb_code fail(const char *text, struct mb_err *err)
{
	return mb_fail(err, MB_FIELD_INVALID,
		       "'%.100s' is no address: write HOST:PORT, [IPV6]:PORT or unix:PATH", text);
}

enum mb_code address_parse(const char *text, struct address *out, struct mb_err *err)
{
	const char *colon = strrchr(text, ':');
	struct str host;
	int64_t port;

	if (strncmp(text, "unix:", 5) == 0) {
		if (text[5] == '\0') {
			return fail(text, err);
		}
		*out = (struct address){.unix_path = text + 5, .local = true};
		return MB_OK;
	}
	if (colon == NULL || !str_to_i64(str_from(colon + 1), &port) || port < 0 || port > 65535) {
		return fail(text, err);
	}
	host = (struct str){text, (size_t)(colon - text)};
	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
		host = (struct str){host.ptr + 1, host.len - 2};
	} else if (memchr(host.ptr, ':', host.len) != NULL) {
		return fail(text, err);
	}
	if (host.len == 0 || host.len >= sizeof(out->host)) {
		return fail(text, err);
	}
	*out = (struct address){.port = (uint16_t)port};
	memcpy(out->host, host.ptr, host.len);
	out->local = is_loopback(out->host);
	return MB_OK;
}

void address_format(const struct address *address, int port, char *out, int size)
{
	if (address->unix_path != NULL) {
		snprintf(out, (size_t)size, "unix:%s", address->unix_path);
	} else {
		snprintf(out, (size_t)size,
			 strchr(address->host, ':') == NULL ? "%s:%d" : "[%s]:%d", address->host,
			 port);
	}
}
