/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fds.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

bool fds_hold_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* in the wrong direction, so that whoever uses it hears of it; it gets the lowest number */
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
			return false;
		}
	}
	return true;
}

enum mb_code fds_allow(int least, struct mb_err *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return MB_OK; /* no limit to be known is none to be refused for */
	}
	if (limit.rlim_cur < limit.rlim_max) {
		struct rlimit more = {limit.rlim_max, limit.rlim_max};

		if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
			limit = more;
		}
	}
	if (limit.rlim_cur < (rlim_t)least) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "only %d files may be open and %d are needed, more for connections: "
			       "raise the limit (ulimit -n, LimitNOFILE=)",
			       (int)limit.rlim_cur, least);
	}
	return MB_OK;
}
