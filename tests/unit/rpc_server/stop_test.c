/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What could keep a server from its end: peers who do nothing, and C core itself.
 */
#include "fixture.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- peers, by bytes of HTTP/2 ---- */

static int connect_raw(struct fixture *f, struct str bytes)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->echo.path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
	return fd;
}

static int64_t drain_ms(struct fixture *f, int64_t grace_ms)
{
	int64_t start_ns = clock_monotonic_ns();

	rpc_server_drain(f->echo.server, 0, grace_ms, NULL);
	return (clock_monotonic_ns() - start_ns) / 1000000;
}

/* A peer that neither calls nor reads nor closes: HTTP/2's preface, empty settings, and silence. */
static void a_silent_connection_holds_nothing_up(void **state)
{
	static const char hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
	struct fixture f;
	struct outcome out;
	int fd;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fd = connect_raw(&f, (struct str){hello, sizeof(hello)});
	fixture_call(&f, SAY, fixture_text(&f, "x"), &out);
	assert_string_equal(fixture_answer(&f, &out), "x");
	assert_true(drain_ms(&f, 60000) < 10000);
	close(fd);
	fixture_fini(&f);
}

static void put_frame(struct strbuf *out, char type, char flags, char stream, struct str payload)
{
	const char head[] = {(char)(payload.len >> 16),
			     (char)(payload.len >> 8),
			     (char)payload.len,
			     type,
			     flags,
			     0,
			     0,
			     0,
			     stream};

	strbuf_put(out, head, sizeof(head));
	strbuf_put(out, payload.ptr, payload.len);
}

static void put_header(struct strbuf *out, const char *name, const char *value)
{
	strbuf_putc(out, 0); /* a literal, neither indexed nor packed */
	strbuf_putc(out, (char)strlen(name));
	strbuf_put(out, name, strlen(name));
	strbuf_putc(out, (char)strlen(value));
	strbuf_put(out, value, strlen(value));
}

/* A call as bytes of HTTP/2, from a peer who takes as much as there is. */
static void put_call(struct strbuf *out, const char *path, struct str message)
{
	const char prefix[] = {0, 0, 0, 0, (char)message.len};
	struct strbuf headers = {0}, body = {0};

	put_header(&headers, ":method", "POST");
	put_header(&headers, ":scheme", "http");
	put_header(&headers, ":path", path);
	put_header(&headers, ":authority", "x");
	put_header(&headers, "content-type", "application/grpc");
	put_header(&headers, "te", "trailers");
	strbuf_put(&body, prefix, sizeof(prefix));
	strbuf_put(&body, message.ptr, message.len);
	strbuf_put(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	put_frame(out, 4, 0, 0, STR("\0\4\x7f\xff\xff\xff")); /* SETTINGS: the window of streams */
	put_frame(out, 8, 0, 0, STR("\x7f\xff\0\0")); /* WINDOW_UPDATE: that of the connection */
	put_frame(out, 1, 4, 1, strbuf_str(&headers)); /* HEADERS, whole */
	put_frame(out, 0, 1, 1, strbuf_str(&body)); /* DATA, the last */
	strbuf_fini(&headers);
	strbuf_fini(&body);
}

/* One who asks for much and reads none of it: C core would write to him for as long as the socket lives. */
static void a_peer_that_does_not_read_holds_nothing_up(void **state)
{
	Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
	struct strbuf bytes = {0};
	struct fixture f;
	int before, fd;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	request.count = 1 << 20;
	request.size = 64 << 10;
	put_call(&bytes, COUNT, fixture_pack(&f, &request));
	fd = connect_raw(&f, strbuf_str(&bytes));
	strbuf_fini(&bytes);
	echo_wait(&f.echo.written, 1);
	do { /* until the socket is full */
		before = atomic_load(&f.echo.written);
		sleep_ms(100);
	} while (before != atomic_load(&f.echo.written));
	assert_true(drain_ms(&f, 100) < 10000);
	assert_int_equal(f.echo.cancels, 1);
	fixture_fini(&f);
	close(fd);
}

/* C core runs a poller of its own for ten seconds after a socket was full, and would wait for it at its own
 * end: so it is not ended. */
static void c_core_outlives_its_servers(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	fixture_fini(&f);
	assert_true(grpc_is_initialized());
}

/* ---- requests posted while C core is being stopped ---- */

/* The linker gives these the calls to C core's own (meson.build). The request that is to be held stands
 * still until C core is being stopped, or for long enough that it would have been. */
enum { FREE, WANTED, HELD, PASSED };
static atomic_int posting;
static atomic_bool stopping, stopped_beside_it;

grpc_call_error
__real_grpc_server_request_registered_call(grpc_server *server, void *method, grpc_call **call,
					   gpr_timespec *deadline, grpc_metadata_array *metadata,
					   grpc_byte_buffer **payload, grpc_completion_queue *queue,
					   grpc_completion_queue *notified, void *tag);
grpc_call_error
__wrap_grpc_server_request_registered_call(grpc_server *server, void *method, grpc_call **call,
					   gpr_timespec *deadline, grpc_metadata_array *metadata,
					   grpc_byte_buffer **payload, grpc_completion_queue *queue,
					   grpc_completion_queue *notified, void *tag);
void __real_grpc_server_shutdown_and_notify(grpc_server *server, grpc_completion_queue *queue,
					    void *tag);
void __wrap_grpc_server_shutdown_and_notify(grpc_server *server, grpc_completion_queue *queue,
					    void *tag);

grpc_call_error
__wrap_grpc_server_request_registered_call(grpc_server *server, void *method, grpc_call **call,
					   gpr_timespec *deadline, grpc_metadata_array *metadata,
					   grpc_byte_buffer **payload, grpc_completion_queue *queue,
					   grpc_completion_queue *notified, void *tag)
{
	int wanted = WANTED;
	bool mine = atomic_compare_exchange_strong(&posting, &wanted, HELD);
	grpc_call_error error;

	for (int i = 0; mine && i < 300 && !atomic_load(&stopping); i++) {
		sleep_ms(1);
	}
	error = __real_grpc_server_request_registered_call(server, method, call, deadline, metadata,
							   payload, queue, notified, tag);
	if (mine) {
		atomic_store(&posting, PASSED);
	}
	return error;
}

void __wrap_grpc_server_shutdown_and_notify(grpc_server *server, grpc_completion_queue *queue,
					    void *tag)
{
	atomic_store(&stopping, true);
	atomic_store(&stopped_beside_it, atomic_load(&posting) == HELD);
	__real_grpc_server_shutdown_and_notify(server, queue, tag);
}

/* C core loses a request that meets its own end: the queue that it was posted on would never end. */
static void nothing_is_posted_while_c_core_is_stopped(void **state)
{
	struct strbuf message = {0};
	struct calling calling;
	struct fixture f;
	struct outcome out;

	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	atomic_store(&stopping, false);
	atomic_store(&posting, WANTED);
	caller_start(&f.caller, &calling, SAY, NULL, 0);
	calling_send_one(&calling, fixture_text(&f, "x"));
	echo_wait(&posting, HELD);
	rpc_server_drain(f.echo.server, 0, 0, NULL);
	assert_true(stopping);
	assert_false(stopped_beside_it);
	calling_read(&calling, &message); /* answered or cancelled */
	strbuf_fini(&message);
	calling_finish(&calling, &out);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_connection_holds_nothing_up),
		cmocka_unit_test(a_peer_that_does_not_read_holds_nothing_up),
		cmocka_unit_test(c_core_outlives_its_servers),
		cmocka_unit_test(nothing_is_posted_while_c_core_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
