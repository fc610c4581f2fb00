/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/accept.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <grpc/support/log.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TELL_EVERY_NS INT64_C(1000000000)

/* The process's, as descriptors are. */
static struct {
	pthread_mutex_t lock;
	int fd; /* -1: none was left to take back */
	int64_t told_ns;
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static int take(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	return (int)syscall(SYS_accept4, fd, address, size, flags);
}

/* With the lock. */
static bool have_spare(void)
{
	if (spare.fd < 0) {
		spare.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	return spare.fd >= 0;
}

bool rpc_accept_prepare(void)
{
	bool have;

	pthread_mutex_lock(&spare.lock);
	have = have_spare();
	pthread_mutex_unlock(&spare.lock);
	return have;
}

/* With the lock. */
static void tell(void)
{
	int64_t now_ns = clock_monotonic_ns();

	if (spare.told_ns == 0 || now_ns - spare.told_ns >= TELL_EVERY_NS) {
		spare.told_ns = now_ns;
		gpr_log(GPR_ERROR, "connections are turned away: no file descriptor is left, raise "
				   "the limit (ulimit -n, LimitNOFILE=)");
	}
}

/* False: nobody was there, or another thread took what was given up. */
static bool turn_away(int fd)
{
	int peer = -1;

	pthread_mutex_lock(&spare.lock);
	if (have_spare()) {
		close(spare.fd);
		spare.fd = -1;
		peer = take(fd, NULL, NULL, SOCK_CLOEXEC);
		if (peer >= 0) {
			close(peer);
			tell();
		}
		have_spare();
	}
	pthread_mutex_unlock(&spare.lock);
	return peer >= 0;
}

int rpc_accept(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	const socklen_t room = size == NULL ? 0 : *size;

	for (;;) {
		int peer = take(fd, address, size, flags);

		if (peer >= 0) {
			return peer;
		}
		switch (errno) {
		case EMFILE:
		case ENFILE:
			if (turn_away(fd)) {
				break;
			}
			errno = EAGAIN;
			return -1;
		case ENOBUFS:
		case ENOMEM:
			errno = EAGAIN;
			return -1;
		/* of the connection, not of the socket: accept(2) */
		case ECONNABORTED:
		case EPROTO:
		case ENETDOWN:
		case ENETUNREACH:
		case EHOSTDOWN:
		case EHOSTUNREACH:
			break;
		default:
			return -1;
		}
		if (size != NULL) {
			*size = room;
		}
	}
}
