/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/coalesce.h"

#include "base/clock.h"
#include "base/fault.h"

#include <assert.h>
#include <dlfcn.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK_MS 1000

typedef ssize_t sendmsg_fn(int fd, const struct msghdr *message, int flags);

static _Thread_local struct rpc_coalescer *holder;

/* The socket whose writes the check counts; -1 at all other times. */
static atomic_int checked_fd = -1;
static atomic_int checked_writes;

/* ---- holding ---- */

/* Only one thread adds, so that no locked instruction is needed. */
static void add(_Atomic int64_t *figure, int64_t by)
{
	atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

void rpc_coalesce_begin(struct rpc_coalescer *coalescer)
{
	assert(holder == NULL || holder->socket_count == 0);
	holder = coalescer;
}

/* Setting TCP_NODELAY, which C core has set on all of its sockets, sends what MSG_MORE holds. A socket
 * that was closed meanwhile has sent it itself. */
void rpc_coalesce_push(struct rpc_coalescer *coalescer)
{
	const int on = 1;

	for (int i = 0; i < coalescer->socket_count; i++) {
		setsockopt(coalescer->sockets[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	add(&coalescer->pushed, coalescer->socket_count);
	coalescer->socket_count = coalescer->writes = 0;
	coalescer->bytes = 0;
}

/* On other sockets MSG_MORE would do nothing, or what nobody pushes. */
static bool is_tcp(int fd)
{
	int protocol = 0;
	socklen_t size = sizeof(protocol);

	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	       protocol == IPPROTO_TCP;
}

/* Whether what is written to the socket will be pushed. */
static bool will_push(struct rpc_coalescer *coalescer, int fd)
{
	for (int i = 0; i < coalescer->socket_count; i++) {
		if (coalescer->sockets[i] == fd) {
			return true;
		}
	}
	if (coalescer->socket_count == RPC_HELD_SOCKETS || !is_tcp(fd)) {
		return false;
	}
	coalescer->sockets[coalescer->socket_count++] = fd;
	return true;
}

static void count_held(struct rpc_coalescer *coalescer, size_t bytes)
{
	int64_t now_ns = clock_monotonic_ns();

	if (coalescer->writes++ == 0) {
		coalescer->since_ns = now_ns;
	}
	coalescer->bytes += bytes;
	add(&coalescer->held, 1);
	add(&coalescer->held_bytes, (int64_t)bytes);
	if (coalescer->writes >= RPC_HELD_WRITES || coalescer->bytes >= RPC_HELD_BYTES ||
	    now_ns - coalescer->since_ns >= RPC_HELD_NS) {
		rpc_coalesce_push(coalescer);
	}
}

ssize_t rpc_coalesce_send(int fd, const struct msghdr *message, int flags)
{
	struct rpc_coalescer *mine = holder;
	bool hold = mine != NULL && will_push(mine, fd);
	ssize_t sent = syscall(SYS_sendmsg, fd, message, hold ? flags | MSG_MORE : flags);

	if (hold && sent > 0) {
		count_held(mine, (size_t)sent);
	}
	if (fd == atomic_load_explicit(&checked_fd, memory_order_relaxed)) {
		atomic_fetch_add(&checked_writes, 1);
	}
	return sent;
}

/* ---- whether it works ---- */

/* The way that a library takes: by name, from what the program shows to the dynamic linker. */
static bool is_found_by_name(int fd)
{
	const struct msghdr nothing = {0};
	void *program = dlopen(NULL, RTLD_LAZY);
	void *symbol = program == NULL ? NULL : dlsym(program, "sendmsg");
	sendmsg_fn *found;

	if (symbol == NULL) {
		return false;
	}
	memcpy(&found, &symbol, sizeof(found)); /* C has no cast for it */
	atomic_store(&checked_writes, 0);
	found(fd, &nothing, MSG_NOSIGNAL);
	dlclose(program);
	return atomic_load(&checked_writes) > 0;
}

/* A connection's first bytes are C core's, so one with nobody at its other end will do. Takes fd. */
static bool is_passed_by_core(grpc_server *core, int fd, int other)
{
	grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
	struct pollfd first = {.fd = other, .events = POLLIN};

	atomic_store(&checked_writes, 0);
	grpc_server_add_channel_from_fd(core, fd, credentials);
	grpc_server_credentials_release(credentials);
	return poll(&first, 1, CHECK_MS) == 1 && atomic_load(&checked_writes) > 0;
}

const char *rpc_coalesce_check(struct grpc_server *core)
{
	const char *story = NULL;
	int pair[2];

	if (FAULT("rpc.coalesce.check") ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
		return "there is no socket to check it with";
	}
	atomic_store(&checked_fd, pair[0]);
	if (!is_found_by_name(pair[0])) {
		story = "libraries do not see this program's sendmsg()";
		close(pair[0]);
	} else if (!is_passed_by_core(core, pair[0], pair[1])) {
		story = "gRPC does not call this program's sendmsg()";
	}
	atomic_store(&checked_fd, -1);
	close(pair[1]);
	return story;
}
