/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fds: the file descriptors that a process is given, and how many it may have.
 *
 * Threads:  both are for main(), before there are others.
 */
#pragma once

#include "base/err.h"

/* A process that was started without stdin, stdout or stderr would open something else under their
 * numbers, and what it prints or logs would go into a socket or a database. Afterwards they are open
 * and, where they were not, fail as closed ones do. False: they cannot be. */
bool fds_hold_standard(void);

/* As many as the hard limit allows: the soft one of a shell or of systemd is of the days of select(2),
 * which nothing here uses. Fails where that is fewer than `least`. */
enum mb_code fds_allow(int least, struct mb_err *err);
