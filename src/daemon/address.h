/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address: HOST:PORT, [HOST]:PORT or unix:PATH, and whether only this machine reaches it.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct address {
	char host[128]; /* without brackets; "" for a Unix socket */
	uint16_t port;
	const char *unix_path; /* into the text, or NULL */
	bool local; /* loopback or a Unix socket */
};

enum mb_code address_parse(const char *text, struct address *out, struct mb_err *err);
/* The text with another port: "[::1]:7443". */
void address_format(const struct address *address, int port, char *out, int size);
