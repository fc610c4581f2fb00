/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"
#include "rpc/call_impl.h"

#include <dirent.h>
#include <errno.h>
#include <grpc/grpc_security.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UNIX_PREFIX    "unix:"
#define UNIX_FILE_MODE (S_IRUSR | S_IWUSR)

/* Whether somebody listens there. C core takes any socket file away, also one that is in use; one that a
 * process left behind when it was killed must not be in the way. */
static bool is_taken(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool taken = false;

	if (fd >= 0 && strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path));
		taken = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
			errno == EAGAIN;
	}
	if (fd >= 0) {
		close(fd);
	}
	return taken;
}

/* A socket file is never open to others, not even between bind and chmod: hence the umask, which is the
 * process's own and so is put back at once. */
enum mb_code rpc_listen(grpc_server *core, const char *address, int *port, struct mb_err *err)
{
	grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
	bool is_unix = strncmp(address, UNIX_PREFIX, sizeof(UNIX_PREFIX) - 1) == 0;
	mode_t old = is_unix ? umask(~UNIX_FILE_MODE & 0777) : 0;
	int bound =
		FAULT("rpc.server.bind") || (is_unix && is_taken(address + sizeof(UNIX_PREFIX) - 1))
			? 0
			: grpc_server_add_http2_port(core, address, credentials);

	if (is_unix) {
		umask(old);
	}
	grpc_server_credentials_release(credentials);
	if (bound == 0) {
		return mb_fail(
			err, MB_FIELD_INVALID,
			"cannot listen on '%.100s': is it taken, or no address of this host?",
			address);
	}
	if (is_unix && chmod(address + sizeof(UNIX_PREFIX) - 1, UNIX_FILE_MODE) != 0) {
		return mb_fail(err, MB_FIELD_INVALID, "cannot make '%.100s' private", address);
	}
	*port = is_unix ? 0 : bound;
	return MB_OK;
}

/* ---- cutting ---- */

union name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static bool is_accepted(int fd, const char *path, int port)
{
	union name own = {0}, peer;
	socklen_t size = sizeof(own), peer_size = sizeof(peer);

	if (getsockname(fd, &own.any, &size) != 0 || getpeername(fd, &peer.any, &peer_size) != 0) {
		return false;
	}
	switch (own.any.sa_family) {
	case AF_INET:
		return path == NULL && ntohs(own.v4.sin_port) == port;
	case AF_INET6:
		return path == NULL && ntohs(own.v6.sin6_port) == port;
	case AF_UNIX:
		return path != NULL && strncmp(own.un.sun_path, path, sizeof(own.un.sun_path)) == 0;
	default:
		return false;
	}
}

void rpc_listen_cut(const char *address, int port)
{
	const char *path = strncmp(address, UNIX_PREFIX, sizeof(UNIX_PREFIX) - 1) == 0
				   ? address + sizeof(UNIX_PREFIX) - 1
				   : NULL;
	DIR *fds = opendir("/proc/self/fd");

	for (struct dirent *at; fds != NULL && (at = readdir(fds)) != NULL;) {
		int fd = atoi(at->d_name); /* "." and ".." give 0, which is nothing of ours */

		if (is_accepted(fd, path, port)) {
			shutdown(fd, SHUT_RDWR);
		}
	}
	if (fds != NULL) {
		closedir(fds);
	}
}
