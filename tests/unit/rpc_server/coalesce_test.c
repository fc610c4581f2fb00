/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the executable's sendmsg() does on sockets of the test's own. The kernel lets go of what nobody
 * pushes after 200 ms, so that something was held is looked at in time, or again.
 */
#include "rpc/coalesce.h"

#include "base/clock.h"
#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/sockios.h>

#include <cmocka.h>

#define IN_TIME_NS INT64_C(100000000)
#define TRIES	   20

/* A TCP connection: what is written to `near` comes out of `far`. */
struct wire {
	int near, far;
};

static struct rpc_coalescer coalescer;

static int listen_somewhere(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
					.sin_port = htons((uint16_t)port_reserve())};
	assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void wire_open(struct wire *wire)
{
	struct sockaddr_in address;
	int listener = listen_somewhere(&address);

	wire->far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(wire->far, (struct sockaddr *)&address, sizeof(address)), 0);
	wire->near = accept(listener, NULL, NULL);
	assert_true(wire->near >= 0);
	assert_int_equal(fcntl(wire->near, F_SETFL, O_NONBLOCK), 0);
	close(listener);
}

static void wire_close(struct wire *wire)
{
	close(wire->near);
	close(wire->far);
}

/* As C core does: sendmsg() by its name, and without a signal. */
static ssize_t put(int fd, const void *bytes, size_t size)
{
	struct iovec piece = {(void *)bytes, size};
	const struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static void put_text(int fd, const char *text)
{
	assert_int_equal(put(fd, text, strlen(text)), strlen(text));
}

/* Exactly this comes next. */
static void assert_comes(int fd, const char *text)
{
	char got[256] = "";

	assert_int_equal(recv(fd, got, strlen(text), MSG_WAITALL), strlen(text));
	assert_string_equal(got, text);
}

static int unsent(int fd)
{
	int bytes = -1;

	assert_int_equal(ioctl(fd, SIOCOUTQNSD, &bytes), 0);
	return bytes;
}

static int64_t figure(const _Atomic int64_t *value)
{
	return atomic_load(value);
}

static int begin(void **state)
{
	(void)state;
	memset(&coalescer, 0, sizeof(coalescer));
	rpc_coalesce_begin(&coalescer);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rpc_coalesce_push(&coalescer);
	rpc_coalesce_begin(NULL);
	return 0;
}

/* However slow the machine is. */
static void the_time_is_not_up(void)
{
	coalescer.since_ns = INT64_MAX / 2;
}

/* Writes, and whether the kernel still had all of it when there was still time. */
static bool saw_it_held(struct wire *wire, const char *const *texts, size_t n, int bytes)
{
	int64_t start_ns = clock_monotonic_ns();
	int waiting;

	for (size_t i = 0; i < n; i++) {
		the_time_is_not_up();
		put_text(wire->near, texts[i]);
	}
	waiting = unsent(wire->near);
	if (clock_monotonic_ns() - start_ns >= IN_TIME_NS) {
		return false;
	}
	assert_int_equal(waiting, bytes);
	return true;
}

static void what_is_held_leaves_when_it_is_pushed(void **state)
{
	static const char *const texts[] = {"one ", "two ", "three"};
	struct wire wire;
	bool seen = false;

	(void)state;
	for (int i = 0; i < TRIES && !seen; i++) {
		wire_open(&wire);
		seen = saw_it_held(&wire, texts, 3, 13);
		rpc_coalesce_push(&coalescer);
		assert_int_equal(unsent(wire.near), 0);
		assert_comes(wire.far, "one two three");
		wire_close(&wire);
	}
	assert_true(seen);
	assert_int_equal(figure(&coalescer.held) % 3, 0);
	assert_int_equal(figure(&coalescer.held_bytes), figure(&coalescer.held) / 3 * 13);
	assert_int_equal(figure(&coalescer.pushed), figure(&coalescer.held) / 3);
}

static void without_a_coalescer_nothing_is_held(void **state)
{
	struct wire wire;

	(void)state;
	rpc_coalesce_begin(NULL);
	wire_open(&wire);
	put_text(wire.near, "at once");
	assert_int_equal(unsent(wire.near), 0);
	assert_comes(wire.far, "at once");
	wire_close(&wire);
	assert_int_equal(figure(&coalescer.held), 0);
}

static void *write_beside(void *data)
{
	put_text(*(int *)data, "theirs");
	return NULL;
}

static void another_thread_takes_along_what_is_held(void **state)
{
	struct wire wire;
	pthread_t thread;

	(void)state;
	wire_open(&wire);
	put_text(wire.near, "mine, ");
	assert_int_equal(pthread_create(&thread, NULL, write_beside, &wire.near), 0);
	pthread_join(thread, NULL);
	assert_int_equal(unsent(wire.near), 0);
	assert_comes(wire.far, "mine, theirs");
	assert_int_equal(figure(&coalescer.held), 1);
	wire_close(&wire);
}

/* ---- not without end ---- */

static void no_more_writes_are_held_than_allowed(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire);
	for (int i = 0; i < RPC_HELD_WRITES; i++) {
		the_time_is_not_up();
		assert_int_equal(figure(&coalescer.pushed), 0);
		put_text(wire.near, "x");
	}
	assert_int_equal(figure(&coalescer.pushed), 1);
	assert_int_equal(unsent(wire.near), 0);
	wire_close(&wire);
}

static void no_more_bytes_are_held_than_allowed(void **state)
{
	static char big[RPC_HELD_BYTES / 2];
	struct wire wire;

	(void)state;
	wire_open(&wire);
	assert_int_equal(put(wire.near, big, sizeof(big)), sizeof(big));
	assert_int_equal(figure(&coalescer.pushed), 0);
	the_time_is_not_up();
	assert_int_equal(put(wire.near, big, sizeof(big)), sizeof(big));
	assert_int_equal(figure(&coalescer.pushed), 1);
	wire_close(&wire);
}

static void nothing_is_held_for_longer_than_allowed(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire);
	put_text(wire.near, "old ");
	coalescer.since_ns -= RPC_HELD_NS;
	put_text(wire.near, "new");
	assert_int_equal(figure(&coalescer.pushed), 1);
	assert_int_equal(unsent(wire.near), 0);
	assert_comes(wire.far, "old new");
	wire_close(&wire);
}

static void no_more_sockets_are_held_than_allowed(void **state)
{
	enum { N = RPC_HELD_SOCKETS };
	static struct wire wires[N + 1];

	(void)state;
	for (int i = 0; i <= N; i++) {
		wire_open(&wires[i]);
		coalescer.socket_count = i < N ? i : N;
		coalescer.writes = 0; /* of these there may be fewer */
		put_text(wires[i].near, "a word");
	}
	assert_int_equal(unsent(wires[N].near), 0);
	assert_comes(wires[N].far, "a word");
	for (int i = 0; i < N; i++) {
		coalescer.sockets[i] = wires[i].near;
	}
	rpc_coalesce_push(&coalescer);
	for (int i = 0; i < N; i++) {
		assert_comes(wires[i].far, "a word");
	}
	for (int i = 0; i <= N; i++) {
		wire_close(&wires[i]);
	}
}

/* ---- sockets that are full, closed, or of another kind ---- */

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 2654435761u >> 13);
}

/* Until the socket takes nothing more; what it has taken. */
static size_t fill(int fd, bool *was_short)
{
	unsigned char piece[5000];
	size_t all = 0;

	for (;;) {
		ssize_t sent;

		for (size_t i = 0; i < sizeof(piece); i++) {
			piece[i] = byte_at(all + i);
		}
		sent = put(fd, piece, sizeof(piece));
		if (sent < 0) {
			assert_int_equal(errno, EAGAIN);
			return all;
		}
		*was_short = *was_short || (size_t)sent < sizeof(piece);
		all += (size_t)sent;
	}
}

static void a_full_socket_loses_nothing(void **state)
{
	unsigned char got[65536];
	bool was_short = false;
	struct wire wire;
	size_t all, at = 0;

	(void)state;
	wire_open(&wire);
	all = fill(wire.near, &was_short);
	assert_true(all > 0 && was_short);
	rpc_coalesce_push(&coalescer);
	shutdown(wire.near, SHUT_WR);
	for (;;) {
		ssize_t n = recv(wire.far, got, sizeof(got), 0);

		assert_true(n >= 0);
		for (ssize_t i = 0; i < n; i++) {
			if (got[i] != byte_at(at + (size_t)i)) {
				fail_msg("byte %zu is another", at + (size_t)i);
			}
		}
		at += (size_t)n;
		if (n == 0) {
			break;
		}
	}
	assert_int_equal(at, all);
	wire_close(&wire);
}

static void closing_sends_what_is_held(void **state)
{
	char got[64] = "";
	struct wire wire;

	(void)state;
	wire_open(&wire);
	put_text(wire.near, "last words");
	close(wire.near);
	assert_int_equal(recv(wire.far, got, sizeof(got), MSG_WAITALL), 10);
	assert_string_equal(got, "last words");
	close(wire.far);
}

static void shutting_down_sends_what_is_held(void **state)
{
	char got[64] = "";
	struct wire wire;

	(void)state;
	wire_open(&wire);
	put_text(wire.near, "last words");
	shutdown(wire.near, SHUT_RDWR); /* as C core does first */
	assert_int_equal(recv(wire.far, got, sizeof(got), MSG_WAITALL), 10);
	assert_string_equal(got, "last words");
	wire_close(&wire);
}

static void a_number_used_again_is_no_harm(void **state)
{
	struct wire wire, other;
	int reused;

	(void)state;
	wire_open(&wire);
	wire_open(&other);
	put_text(wire.near, "to the first");
	close(wire.near);
	reused = dup2(other.near, wire.near);
	assert_int_equal(reused, wire.near);
	put_text(reused, "to the second");
	rpc_coalesce_push(&coalescer);
	assert_comes(wire.far, "to the first");
	assert_int_equal(recv(wire.far, &(char){0}, 1, 0), 0);
	assert_comes(other.far, "to the second");
	close(wire.near);
	close(wire.far);
	wire_close(&other);
}

static void a_peer_that_has_gone_is_an_error_as_ever(void **state)
{
	const struct linger reset = {1, 0};
	struct wire wire;
	ssize_t sent = 0;

	(void)state;
	wire_open(&wire);
	put_text(wire.near, "to nobody");
	setsockopt(wire.far, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(wire.far);
	for (int i = 0; i < 100 && sent >= 0; i++) {
		sent = put(wire.near, "x", 1);
	}
	assert_int_equal(sent, -1);
	assert_true(errno == EPIPE || errno == ECONNRESET);
	rpc_coalesce_push(&coalescer);
	close(wire.near);
}

static void other_kinds_of_sockets_are_let_alone(void **state)
{
	struct wire wire;
	int pair[2];

	(void)state;
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		assert_int_equal(socketpair(AF_UNIX, type, 0, pair), 0);
		wire = (struct wire){pair[0], pair[1]};
		put_text(wire.near, "at once");
		assert_comes(wire.far, "at once");
		wire_close(&wire);
	}
	assert_int_equal(put(-1, "x", 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(figure(&coalescer.held), 0);
	assert_int_equal(coalescer.socket_count, 0);
}

#define COALESCING(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		COALESCING(what_is_held_leaves_when_it_is_pushed),
		COALESCING(without_a_coalescer_nothing_is_held),
		COALESCING(another_thread_takes_along_what_is_held),
		COALESCING(no_more_writes_are_held_than_allowed),
		COALESCING(no_more_bytes_are_held_than_allowed),
		COALESCING(nothing_is_held_for_longer_than_allowed),
		COALESCING(no_more_sockets_are_held_than_allowed),
		COALESCING(a_full_socket_loses_nothing),
		COALESCING(closing_sends_what_is_held),
		COALESCING(shutting_down_sends_what_is_held),
		COALESCING(a_number_used_again_is_no_harm),
		COALESCING(a_peer_that_has_gone_is_an_error_as_ever),
		COALESCING(other_kinds_of_sockets_are_let_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
