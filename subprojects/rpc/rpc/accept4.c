/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept4: the one that C core calls; an object of the executable itself, as sendmsg.c is.
 */
#include "base/attr.h"
#include "rpc/accept.h"

MB_EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	return rpc_accept(fd, address, size, flags);
}
