/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_wire: one connection to Redis: a libuv stream, and the reader of hiredis for what comes.
 *
 * Of hiredis only the reader is used. Its async layer asserts on answers that nobody asked for and on
 * messages of another form, so a peer could end this process; it has no limits; and the libuv adapter
 * beside it loses refused connections. Here:
 *
 *   - every end of the connection, whoever caused it, is told once by gone(), also a refused one;
 *   - an array with more elements than memory is left for it is refused before it is allocated
 *     (hiredis 0.14 allocates what is announced), and so are texts without an end;
 *   - what waits to be sent is bounded.
 *
 * After wire_close() nothing is told any more; the memory goes by itself when libuv lets go of it.
 */
#pragma once

#include "base/str.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct wire;

struct wire_ops {
	void (*connected)(struct wire *wire);
	/* Freed after it returns. It may close the wire. */
	void (*reply)(struct wire *wire, const redisReply *reply);
	/* Not open any more, or never was; call wire_close(). why: for people */
	void (*gone)(struct wire *wire, const char *why);
	/* The last thing of all, after wire_close(). */
	void (*freed)(void *owner);
};

struct wire_limits {
	size_t reply; /* memory of one reply */
	size_t out; /* bytes that wait to be sent */
};

#define WIRE_ROOM 65536 /* bytes read at once */

struct wire {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} u;
	uv_connect_t connect;
	uv_write_t write;
	const struct wire_ops *ops;
	void *owner;
	char *room; /* WIRE_ROOM bytes, borrowed: may be shared by the wires of a loop */
	redisReader *reader;
	const redisReplyObjectFunctions *stock; /* of hiredis */
	redisReplyObjectFunctions bounded; /* the same behind limits */
	struct wire_limits limits;
	size_t reply_left; /* of limits.reply, for the one that is being read */
	struct strbuf out; /* asked, not yet handed to libuv */
	struct strbuf flight; /* handed to libuv */
	bool connected, closed, told;
};

/* NULL when memory is short. */
struct wire *wire_create(uv_loop_t *loop, bool unix_socket, const struct wire_ops *ops, void *owner,
			 char *room, const struct wire_limits *limits);
/* Once. path unless it is empty, else address. 0, or libuv's error, after which nothing is told. */
int wire_connect(struct wire *wire, const char *path, const struct sockaddr *address);
void wire_close(struct wire *wire);

/* Puts a command behind the others; false, and nothing is put, when it does not fit. */
bool wire_put(struct wire *wire, size_t n, const struct str *words);
/* Hands over what was put. May call gone(). */
void wire_flush(struct wire *wire);
