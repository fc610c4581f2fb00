/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/output.h"

#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, struct str text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n <= 0) {
			return false;
		}
		text.ptr += n;
		text.len -= (size_t)n;
	}
	return true;
}

static bool write_file(const char *path, struct str text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	bool good;
	int why;

	if (fd < 0) {
		return false;
	}
	good = write_all(fd, text) && fsync(fd) == 0 && !FAULT("ctl.output.write");
	if (close(fd) == 0 && good) {
		return true;
	}
	/* what is left of it helps nobody, and the disk may be full of it */
	why = errno;
	unlink(path);
	errno = why;
	return false;
}

enum mb_code output_replace(const char *path, struct str text, struct mb_err *err)
{
	char temporary[4096];
	struct stat info;

	/* A device would be renamed away. */
	if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: not a regular file", path);
	}
	errno = 0;
	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary) ||
	    !write_file(temporary, text) || rename(temporary, path) != 0) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: cannot be written: %s", path,
			       errno != 0 ? strerror(errno) : "the path is too long");
	}
	return MB_OK;
}
