/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock is flock() on a file beside the database, PATH.lock, which holds the owner's pid and stays
 * when he goes. Not on the database itself: SQLite's own locks there are of the kind that any close()
 * of the file in this process drops, so the file is never opened here once it exists.
 */
#include "store/sqlite.h"

#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE	 0600
#define RETRY_MS 1000 /* the other one may be on its way out */

static enum mb_code fail_path(const char *path, const char *what, struct mb_err *err)
{
	const char *hint = "";

	if (errno == EACCES || errno == EROFS || errno == EPERM) {
		hint = ": memberd's user must be able to write in its folder";
	} else if (errno == ENOENT || errno == ENOTDIR) {
		hint = ": make the folder first";
	}
	return mb_fail(err, MB_STORE_UNAVAILABLE, "%s '%.100s': %s%s", what, path, strerror(errno),
		       hint);
}

static enum mb_code create_file(const char *name, struct mb_err *err)
{
	int fd = FAULT("store.sqlite.create")
			 ? (errno = EACCES, -1)
			 : open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, MODE);

	if (fd >= 0) {
		close(fd);
		return MB_OK;
	}
	return errno == EEXIST ? MB_OK : fail_path(name, "cannot create", err);
}

static enum mb_code fail_locked(int fd, const char *path, struct mb_err *err)
{
	char pid[24] = "";
	ssize_t len = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[len > 0 ? strcspn(pid, "\n") : 0] = '\0';
	mb_fail(err, MB_STORE_UNAVAILABLE,
		"'%.100s' is in use by another memberd (pid %s): stop it first, or give this one "
		"another file",
		path, pid[0] != '\0' ? pid : "unknown");
	if (err != NULL) {
		err->retry_after_ms = RETRY_MS;
	}
	return MB_STORE_UNAVAILABLE;
}

static bool write_pid(int fd)
{
	char pid[24];
	int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	return ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)len, 0) == len;
}

static enum mb_code take_lock(const char *path, int *out, struct mb_err *err)
{
	size_t size = strlen(path) + sizeof(".lock");
	char *name = malloc(size);
	enum mb_code code = MB_OK;
	int fd;

	if (name == NULL) {
		return mb_fail(err, MB_STORE_UNAVAILABLE, "no memory is left");
	}
	snprintf(name, size, "%s.lock", path);
	fd = FAULT("store.sqlite.lock") ? (errno = EROFS, -1)
					: open(name, O_RDWR | O_CREAT | O_CLOEXEC, MODE);
	if (fd < 0) {
		code = fail_path(name, "cannot open", err);
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		code = errno == EWOULDBLOCK ? fail_locked(fd, path, err)
					    : fail_path(name, "cannot lock", err);
	} else if (FAULT("store.sqlite.pid") || !write_pid(fd)) {
		code = fail_path(name, "cannot write", err);
	}
	free(name);
	if (code != MB_OK && fd >= 0) {
		close(fd);
	}
	if (code == MB_OK) {
		*out = fd;
	}
	return code;
}

/* SQLite gives the WAL the mode of the database; files of an older day may be wider. */
static enum mb_code narrow_modes(const char *path, struct mb_err *err)
{
	static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
	char name[4096 + 16];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct stat st;

		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		if (stat(name, &st) != 0) {
			continue; /* not there */
		}
		if (!S_ISREG(st.st_mode)) {
			return mb_fail(err, MB_STORE_UNAVAILABLE, "'%.100s' is no file", name);
		}
		if ((st.st_mode & 077) != 0 && chmod(name, MODE) != 0) {
			return fail_path(name, "cannot take away the rights of others on", err);
		}
	}
	return MB_OK;
}

enum mb_code sqlite_claim_file(const char *name, char **path, int *lock, struct mb_err *err)
{
	enum mb_code code = create_file(name, err);
	char *absolute;

	if (code != MB_OK) {
		return code;
	}
	absolute = realpath(name, NULL);
	if (absolute == NULL) {
		return fail_path(name, "cannot find", err);
	}
	code = take_lock(absolute, lock, err);
	if (code == MB_OK) {
		code = narrow_modes(absolute, err);
		if (code == MB_OK) {
			*path = absolute;
			return MB_OK;
		}
		sqlite_release_file(*lock);
		*lock = -1;
	}
	free(absolute);
	return code;
}

void sqlite_release_file(int lock)
{
	if (lock >= 0) {
		close(lock);
	}
}
