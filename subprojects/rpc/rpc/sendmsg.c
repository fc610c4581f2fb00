/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendmsg: the one that C core calls. In no library: it must be an object of the executable itself,
 * for nothing would pull it out of an archive (rpc_core_calls_dep in meson.build sees to that).
 */
#include "base/attr.h"
#include "rpc/coalesce.h"

MB_EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return rpc_coalesce_send(fd, message, flags);
}
