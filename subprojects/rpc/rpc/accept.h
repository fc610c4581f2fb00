/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept: taking connections, also when there are too many. Shared by server and accept4, nobody else.
 *
 * C core 1.51 gives a listening socket up for good at the first error of accept4() but EAGAIN and
 * EINTR: a crowd that takes every file descriptor for a moment would leave a server that serves whoever
 * is connected and never hears of anybody else. So the executable defines accept4() itself
 * (accept4.c), which fails with nothing that passes:
 *
 *  - no descriptor is left: a spare one is given up, with it the connection is taken and closed at
 *    once, so that the caller knows and may go elsewhere, and the spare one is taken back;
 *  - the connection broke before it was taken: the next one;
 *  - no memory: EAGAIN, and it is tried again with the next connection.
 *
 * Threads:  any.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/* Sets a descriptor aside; once is enough. False: there is none to be had. */
bool rpc_accept_prepare(void);
/* What accept4() does. */
int rpc_accept(int fd, struct sockaddr *address, socklen_t *size, int flags);
