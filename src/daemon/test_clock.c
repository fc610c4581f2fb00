/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/test_clock.h"

#ifdef MEMBERD_TEST_HOOKS

#include "base/fault.h"
#include "base/list.h"
#include "base/str.h"

#include <uv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 108 /* of struct sockaddr_un */
#define LINE_BYTES 128

struct test_clock {
	uv_pipe_t listener;
	struct clock *clock;
	struct list peers;
	char path[PATH_BYTES];
};

struct peer {
	struct list_node node;
	uv_pipe_t pipe;
	struct test_clock *test_clock;
	char line[LINE_BYTES];
	size_t len;
};

struct reply {
	uv_write_t write;
	char text[LINE_BYTES + 300];
};

static void free_reply(uv_write_t *write, int status)
{
	(void)status;
	free(write->data);
}

static void send_reply(struct peer *peer, const char *text)
{
	struct reply *reply = calloc(1, sizeof(*reply));
	uv_buf_t buf;

	if (reply == NULL) {
		return;
	}
	reply->write.data = reply;
	snprintf(reply->text, sizeof(reply->text), "%s\n", text);
	buf = uv_buf_init(reply->text, (unsigned)strlen(reply->text));
	if (uv_write(&reply->write, (uv_stream_t *)&peer->pipe, &buf, 1, free_reply) != 0) {
		free(reply);
	}
}

static void obey(struct peer *peer, const char *line)
{
	struct clock *clock = peer->test_clock->clock;
	struct mb_err err = {.text = ""};
	char text[LINE_BYTES + 280];
	int64_t value;

	if (strncmp(line, "set ", 4) == 0 && clock_parse(line + 4, &value, &err) == MB_OK) {
		clock_set(clock, value);
		send_reply(peer, "ok");
	} else if (strncmp(line, "advance ", 8) == 0 && str_to_i64(str_from(line + 8), &value) &&
		   value >= 0 && value < INT64_C(100000000000)) {
		clock_set(clock, clock_now(clock) + value * US_PER_SECOND);
		send_reply(peer, "ok");
	} else if (strncmp(line, "fault ", 6) == 0 && fault_arm_spec(line + 6)) {
		send_reply(peer, "ok");
	} else {
		snprintf(text, sizeof(text), "error: %s",
			 err.text[0] != '\0'
				 ? err.text
				 : "write 'set TIME', 'advance SECONDS' or 'fault NAME:N'");
		send_reply(peer, text);
	}
}

static void free_peer(uv_handle_t *handle)
{
	free(handle->data);
}

static void close_peer(struct peer *peer)
{
	list_remove(&peer->node);
	uv_close((uv_handle_t *)&peer->pipe, free_peer);
}

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	struct peer *peer = handle->data;

	(void)wanted;
	/* one byte stays for the NUL; a line that fills it is no line of ours */
	*buf = uv_buf_init(peer->line + peer->len, (unsigned)(LINE_BYTES - 1 - peer->len));
}

static void take_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *peer = stream->data;
	char *end;

	(void)buf;
	if (n < 0) {
		close_peer(peer);
		return;
	}
	peer->len += (size_t)n;
	while ((end = memchr(peer->line, '\n', peer->len)) != NULL) {
		size_t used = (size_t)(end - peer->line) + 1;

		*end = '\0';
		obey(peer, peer->line);
		memmove(peer->line, end + 1, peer->len - used);
		peer->len -= used;
	}
}

static void accept_peer(uv_stream_t *stream, int status)
{
	struct test_clock *test_clock = stream->data;
	struct peer *peer = status == 0 ? calloc(1, sizeof(*peer)) : NULL;

	if (peer == NULL) {
		return;
	}
	peer->test_clock = test_clock;
	uv_pipe_init(stream->loop, &peer->pipe, 0);
	peer->pipe.data = peer;
	list_push(&test_clock->peers, &peer->node);
	if (uv_accept(stream, (uv_stream_t *)&peer->pipe) != 0 ||
	    uv_read_start((uv_stream_t *)&peer->pipe, give_buffer, take_bytes) != 0) {
		close_peer(peer);
	}
}

static void free_clock(uv_handle_t *handle)
{
	free(handle->data);
}

static enum mb_code listen_on(struct test_clock *test_clock, struct uv_loop_s *loop,
			      struct mb_err *err)
{
	int status;

	uv_pipe_init(loop, &test_clock->listener, 0);
	test_clock->listener.data = test_clock;
	status = uv_pipe_bind(&test_clock->listener, test_clock->path);
	if (status == 0) {
		status = chmod(test_clock->path, 0600);
	}
	if (status == 0) {
		status = uv_listen((uv_stream_t *)&test_clock->listener, 8, accept_peer);
	}
	if (status != 0) {
		mb_fail(err, MB_FIELD_INVALID, "--clock socket:%s: %s", test_clock->path,
			uv_strerror(status));
		uv_close((uv_handle_t *)&test_clock->listener, free_clock);
		return MB_FIELD_INVALID;
	}
	return MB_OK;
}

enum mb_code test_clock_open(const char *spec, struct clock *clock, struct uv_loop_s *loop,
			     struct test_clock **out, struct mb_err *err)
{
	struct test_clock *test_clock;
	const char *comma;
	enum mb_code code;
	int64_t at;

	if (strncmp(spec, "socket:", 7) != 0) {
		return clock_init_spec(clock, spec, err);
	}
	spec += 7;
	comma = strchr(spec, ',');
	clock_init_system(clock);
	at = clock_now(clock);
	if (comma != NULL && clock_parse(comma + 1, &at, err) != MB_OK) {
		return MB_FIELD_INVALID;
	}
	clock->mode = CLOCK_FIXED;
	clock_set(clock, at);
	test_clock = calloc(1, sizeof(*test_clock));
	if (test_clock == NULL) {
		return mb_fail(err, MB_OVERLOADED, "out of memory");
	}
	test_clock->clock = clock;
	list_init(&test_clock->peers);
	snprintf(test_clock->path, sizeof(test_clock->path), "%.*s",
		 (int)(comma == NULL ? strlen(spec) : (size_t)(comma - spec)), spec);
	code = listen_on(test_clock, loop, err); /* on failure it has taken care of test_clock */
	if (code == MB_OK) {
		*out = test_clock;
	}
	return code;
}

void test_clock_close(struct test_clock *test_clock)
{
	struct list_node *node;

	if (test_clock == NULL) {
		return;
	}
	while ((node = list_pop(&test_clock->peers)) != NULL) {
		close_peer(LIST_ITEM(node, struct peer, node));
	}
	uv_close((uv_handle_t *)&test_clock->listener, free_clock); /* removes the file, too */
}

#else

typedef int test_clock_is_compiled_out;

#endif
