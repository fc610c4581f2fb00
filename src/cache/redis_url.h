/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_url: where a Redis is and how to log in.
 *
 *     redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]      HOST: a name, an IPv4 address or [an IPv6 one]
 *     unix://[[USER]:PASSWORD@]/PATH[?db=DB]          redis+unix: the same
 *
 * User, password and path are percent-decoded: what has a meaning in a URL is written %XX.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct redis_url {
	char host[256]; /* "": a Unix socket */
	uint16_t port;
	char path[108]; /* as sun_path takes it */
	bool auth; /* there is a password; it may be empty */
	char user[128]; /* "": the default user */
	char password[512];
	int db;
};

/* MB_FIELD_INVALID; the text never shows anything of the URL, because any part of it may be a password
 * in the wrong place. */
enum mb_code redis_url_parse(const char *text, struct redis_url *out, struct mb_err *err);
/* For people: where it is, without user and password. */
void redis_url_format(const struct redis_url *url, char *out, int size);
