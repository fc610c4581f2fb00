/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_clock: `--clock` of builds with test hooks. Besides the forms of base/clock.h there is
 * socket:PATH[,TIME]: the clock stands still, at TIME or at the start, until somebody writes lines to
 * the Unix socket PATH (mode 0600); each is answered `ok` or `error: REASON`. The same socket arms fault
 * points of a memberd that runs.
 *
 *     set 2026-11-21T08:00:00+08:00
 *     advance 86400
 *     fault store.commit:1*3
 *
 * Threads:  that of the loop.
 */
#pragma once

#include "base/clock.h"
#include "base/err.h"

struct uv_loop_s;
struct test_clock;

/* *out stays NULL unless the spec names a socket. */
enum mb_code test_clock_open(const char *spec, struct clock *clock, struct uv_loop_s *loop,
			     struct test_clock **out, struct mb_err *err);
/* The loop must turn once more; then all is gone. */
void test_clock_close(struct test_clock *test_clock);
