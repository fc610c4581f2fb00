/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin: /metrics, /healthz and /readyz over HTTP/1.1, for the machines that watch this one.
 *
 *     /healthz   200 while the process does its work: its loop turns. Else restart it.
 *     /readyz    200 while callers should be sent here; else 503, and the text says why.
 *     /metrics   for Prometheus, text format 0.0.4.
 *
 * GET and HEAD, without a body; everything else is refused and the connection closed. There is no
 * authentication: what it tells holds no data of members, and it listens on loopback unless told
 * otherwise.
 *
 * Threads:  a thread of its own calls the functions in admin_options; start and stop on one other.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "daemon/address.h"

#include <stdbool.h>

struct admin;

struct admin_options {
	struct address address;
	/* Appends a line or more that says how it is; whether it is well. */
	bool (*healthy)(struct strbuf *out, void *data);
	bool (*ready)(struct strbuf *out, void *data);
	void (*metrics)(struct strbuf *out, void *data);
	void *data;
};

enum mb_code admin_start(const struct admin_options *options, int *port, struct admin **out,
			 struct mb_err *err);
void admin_stop(struct admin *admin);
