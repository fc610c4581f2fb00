/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/redis_wire_impl.h"

#include "base/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a text that has begun: no key or value of ours is as long, so that longer ones are not
 * waited for. */
#define TEXT_MOST ((size_t)64 << 10)
/* What a reply object takes beside its text, roughly. */
#define OBJECT_COST 96

/* --- memory of replies --- */

static bool take(const redisReadTask *task, size_t bytes)
{
	struct wire *wire = task->privdata;

	bytes += OBJECT_COST;
	if (bytes > wire->reply_left || FAULT("redis.wire.reply")) {
		return false;
	}
	wire->reply_left -= bytes;
	return true;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
	const struct wire *wire = task->privdata;

	return take(task, len) ? wire->stock->createString(task, text, len) : NULL;
}

static void *create_array(const redisReadTask *task, int elements)
{
	const struct wire *wire = task->privdata;

	if (elements < 0 || !take(task, (size_t)elements * sizeof(void *))) {
		return NULL;
	}
	return wire->stock->createArray(task, elements);
}

static void *create_integer(const redisReadTask *task, long long value)
{
	const struct wire *wire = task->privdata;

	return take(task, 0) ? wire->stock->createInteger(task, value) : NULL;
}

static void *create_nil(const redisReadTask *task)
{
	const struct wire *wire = task->privdata;

	return take(task, 0) ? wire->stock->createNil(task) : NULL;
}

static bool make_reader(struct wire *wire)
{
	wire->reader = FAULT("redis.wire.reader") ? NULL : redisReaderCreate();
	if (wire->reader == NULL) {
		return false;
	}
	wire->stock = wire->reader->fn;
	wire->bounded = (redisReplyObjectFunctions){
		.createString = create_string,
		.createArray = create_array,
		.createInteger = create_integer,
		.createNil = create_nil,
		.freeObject = wire->stock->freeObject,
	};
	wire->reader->fn = &wire->bounded;
	wire->reader->privdata = wire;
	return true;
}

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
	struct wire *wire = handle->data;

	if (wire->reader != NULL) {
		redisReaderFree(wire->reader);
	}
	strbuf_fini(&wire->out);
	strbuf_fini(&wire->flight);
	wire->ops->freed(wire->owner);
	free(wire);
}

void wire_close(struct wire *wire)
{
	if (!wire->closed) {
		wire->closed = true;
		uv_close(&wire->u.handle, on_closed);
	}
}

static void tell_gone(struct wire *wire, const char *why)
{
	if (!wire->closed && !wire->told) {
		wire->told = true;
		wire->ops->gone(wire, why);
	}
}

static void tell_gone_uv(struct wire *wire, const char *what, int status)
{
	char why[128];

	snprintf(why, sizeof(why), "%s: %s", what, uv_strerror(status));
	tell_gone(wire, why);
}

/* --- reading --- */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct wire *wire = handle->data;

	(void)suggested;
	*buf = uv_buf_init(wire->room, WIRE_ROOM);
}

/* False when there is none (yet), or the wire is at its end. */
static bool next_reply(struct wire *wire)
{
	void *reply = NULL;

	if (redisReaderGetReply(wire->reader, &reply) != REDIS_OK) {
		tell_gone(wire, wire->reader->err == REDIS_ERR_OOM
					? "an answer larger than any that was asked for"
					: "an answer that is not RESP2");
		return false;
	}
	if (reply == NULL) {
		return false;
	}
	wire->reply_left = wire->limits.reply;
	wire->ops->reply(wire, reply);
	freeReplyObject(reply);
	return !wire->closed;
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct wire *wire = stream->data;

	if (len == UV_EOF) {
		tell_gone(wire, "Redis closed the connection");
		return;
	}
	if (len < 0) {
		tell_gone_uv(wire, "reading", (int)len);
		return;
	}
	if (FAULT("redis.wire.read") ||
	    redisReaderFeed(wire->reader, buf->base, (size_t)len) != REDIS_OK) {
		tell_gone(wire, "out of memory");
		return;
	}
	while (next_reply(wire)) {
	}
	if (!wire->closed && wire->reader->len - wire->reader->pos > TEXT_MOST) {
		tell_gone(wire, "a text longer than any that was asked for");
	}
}

/* --- writing --- */

static void on_written(uv_write_t *write, int status)
{
	struct wire *wire = write->data;

	strbuf_reset(&wire->flight);
	if (wire->closed) {
		return;
	}
	if (status < 0) {
		tell_gone_uv(wire, "writing", status);
	} else {
		wire_flush(wire);
	}
}

/* What the socket does not take at once is left to libuv; what is asked meanwhile waits behind it. */
void wire_flush(struct wire *wire)
{
	struct strbuf empty;
	uv_buf_t buf;
	int done;

	if (wire->closed || !wire->connected || wire->flight.len > 0 || wire->out.len == 0) {
		return;
	}
	buf = uv_buf_init(wire->out.ptr, (unsigned)wire->out.len);
	done = FAULT("redis.wire.write") ? UV_ENOBUFS : uv_try_write(&wire->u.stream, &buf, 1);
	if (done == (int)wire->out.len) {
		strbuf_reset(&wire->out);
		return;
	}
	if (done < 0 && done != UV_EAGAIN) {
		tell_gone_uv(wire, "writing", done);
		return;
	}
	done = done < 0 ? 0 : done;
	empty = wire->flight;
	wire->flight = wire->out;
	wire->out = empty;
	buf = uv_buf_init(wire->flight.ptr + done, (unsigned)(wire->flight.len - (size_t)done));
	done = uv_write(&wire->write, &wire->u.stream, &buf, 1, on_written);
	if (done < 0) {
		tell_gone_uv(wire, "writing", done);
	}
}

#define HEAD_MOST 24 /* "$18446744073709551615\r\n" */

static void put_head(struct strbuf *out, char kind, size_t number)
{
	char head[HEAD_MOST];
	size_t at = sizeof(head);

	head[--at] = '\n';
	head[--at] = '\r';
	do {
		head[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	head[--at] = kind;
	strbuf_put(out, head + at, sizeof(head) - at);
}

bool wire_put(struct wire *wire, size_t n, const struct str *words)
{
	size_t before = wire->out.len, size = HEAD_MOST;

	for (size_t i = 0; i < n; i++) {
		size += words[i].len + HEAD_MOST + 2;
	}
	if (size > wire->limits.out || before + wire->flight.len > wire->limits.out - size ||
	    FAULT("redis.wire.put")) {
		return false;
	}
	put_head(&wire->out, '*', n);
	for (size_t i = 0; i < n; i++) {
		put_head(&wire->out, '$', words[i].len);
		strbuf_put(&wire->out, words[i].ptr, words[i].len);
		strbuf_put(&wire->out, "\r\n", 2);
	}
	if (wire->out.failed) {
		/* a command in part must not be seen; what was whole before it still may go */
		wire->out.len = before;
		wire->out.failed = false;
		return false;
	}
	return true;
}

/* --- connecting --- */

static void on_connected(uv_connect_t *connect, int status)
{
	struct wire *wire = connect->data;

	if (wire->closed) {
		return;
	}
	if (status == 0) {
		status = uv_read_start(&wire->u.stream, on_room, on_read);
	}
	if (status < 0) {
		tell_gone_uv(wire, "connecting", status);
		return;
	}
	wire->connected = true;
	wire->ops->connected(wire);
}

int wire_connect(struct wire *wire, const char *path, const struct sockaddr *address)
{
	int status;

	if (FAULT("redis.wire.connect")) {
		return UV_ENOBUFS;
	}
	wire->connect.data = wire;
	if (path[0] != '\0') {
		uv_pipe_connect(&wire->connect, &wire->u.pipe, path, on_connected);
		return 0;
	}
	status = uv_tcp_connect(&wire->connect, &wire->u.tcp, address, on_connected);
	if (status == 0) {
		uv_tcp_nodelay(&wire->u.tcp, 1);
	}
	return status;
}

struct wire *wire_create(uv_loop_t *loop, bool unix_socket, const struct wire_ops *ops, void *owner,
			 char *room, const struct wire_limits *limits)
{
	struct wire *wire = FAULT("redis.wire.create") ? NULL : calloc(1, sizeof(*wire));

	if (wire == NULL) {
		return NULL;
	}
	*wire = (struct wire){.ops = ops, .owner = owner, .room = room, .limits = *limits};
	wire->reply_left = limits->reply;
	if (!make_reader(wire)) {
		free(wire);
		return NULL;
	}
	/* neither makes the socket, so neither fails */
	if (unix_socket) {
		uv_pipe_init(loop, &wire->u.pipe, 0);
	} else {
		uv_tcp_init(loop, &wire->u.tcp);
	}
	wire->u.handle.data = wire->write.data = wire;
	return wire;
}
