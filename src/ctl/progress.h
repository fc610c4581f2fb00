/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress: one line on a terminal that tells how far something is, how fast, and how long it still
 * takes; nothing at all where stderr is no terminal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *to;
	bool shown; /* `to` is a terminal */
	const char *what; /* "activities" */
	size_t total, first; /* what was done before this run */
	int64_t start_ns, last_ns;
};

void progress_start(struct progress *progress, FILE *to, const char *what, size_t done,
		    size_t total);
/* Draws at most a few times a second. */
void progress_update(struct progress *progress, size_t done);
/* Takes the line away. */
void progress_end(struct progress *progress);
/* "12345 of 20000 activities, 3200/s, 2 s left" */
void progress_line(const struct progress *progress, size_t done, int64_t now_ns, char *out,
		   size_t size);
