/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PORT_FIRST 12000
#define PORT_COUNT 20000

static bool is_free(int port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_port = htons((uint16_t)port),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return bound;
}

/* By an abstract Unix socket, which the system closes with the process; scenarios reserve by the same name
 * (tests/scenario/memberd.py). */
static bool reserve(int port)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int len = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
			   "memberd-test-port-%d", port);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    bind(fd, (const struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0) {
		return true; /* fd stays open */
	}
	close(fd);
	return false;
}

int port_reserve(void)
{
	static int next;

	for (int i = 0; i < PORT_COUNT; i++) {
		int port = PORT_FIRST + ((int)getpid() * 61 + next++) % PORT_COUNT;

		if (is_free(port) && reserve(port)) {
			return port;
		}
	}
	fprintf(stderr, "port: none of %d is free\n", PORT_COUNT);
	abort();
}
