/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line per event on a file descriptor; text for eyes, JSON for machines.
 *
 *     LOG_INFO(&log, "serving", LOG_STR("address", address), LOG_INT("queues", 2));
 *
 *     2026-11-21T08:00:00.123Z INFO  serving  address=127.0.0.1:7443 queues=2
 *     {"time":"2026-11-21T08:00:00.123Z","level":"info","event":"serving","address":…}
 *
 * A line is built on the stack and written by one write(2), so that lines of several threads never
 * mix and nothing is allocated. Values are escaped: no input ends a line, forges a field or reaches
 * a terminal as a control sequence. What does not fit is cut, and the line says so.
 * Payloads of requests are never logged; ids, codes, sizes and times are.
 *
 * A log holds up nobody: when the descriptor takes no more, as a pipe that nobody empties, a line waits
 * for it a little (LOG_PATIENCE_NS, which comes back at a tenth of the speed of time), and then it is
 * dropped and counted. A pause of the reader costs no line; one who has gone for good costs the others
 * a second, then at most a tenth of their time.
 *
 * Threads:  log_write() from any; init from one, before.
 */
#pragma once

#include "base/clock.h"
#include "base/str.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LOG_LINE_MAX	4096 /* PIPE_BUF: up to it a write to a pipe is one piece */
#define LOG_PATIENCE_NS INT64_C(1000000000)

#define LOG_LEVELS(X) X(ERROR, "error") X(WARN, "warn") X(INFO, "info") X(DEBUG, "debug")

enum log_level {
#define X(name, text) LOG_LEVEL_##name,
	LOG_LEVELS(X)
#undef X
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Caller's memory; clock is borrowed. */
struct log {
	const struct clock *clock;
	int fd;
	enum log_format format;
	_Atomic int level; /* what is above it is left out; may be changed at any time */
	_Atomic uint64_t dropped; /* lines that the descriptor did not take */
	/* one line at a time, so that room that was seen is still there */
	pthread_mutex_t writing;
	int64_t patience_ns, patience_at_ns; /* what was left, and when */
};

enum log_kind { LOG_KIND_END, LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_BOOL, LOG_KIND_SECONDS };

struct log_field {
	const char *key; /* a literal: [a-z_]+, not escaped */
	enum log_kind kind;
	struct str text;
	int64_t number;
};

/* A field; a NULL text leaves it out. */
#define LOG_STR(name, value) \
	((struct log_field){.key = (name), .kind = LOG_KIND_STR, .text = str_from(value)})
#define LOG_VIEW(name, value) \
	((struct log_field){.key = (name), .kind = LOG_KIND_STR, .text = (value)})
#define LOG_INT(name, value) \
	((struct log_field){.key = (name), .kind = LOG_KIND_INT, .number = (int64_t)(value)})
#define LOG_BOOL(name, value) \
	((struct log_field){.key = (name), .kind = LOG_KIND_BOOL, .number = (value) ? 1 : 0})
/* Nanoseconds, written as seconds with microsecond digits. */
#define LOG_SECONDS(name, ns) \
	((struct log_field){.key = (name), .kind = LOG_KIND_SECONDS, .number = (int64_t)(ns)})
/* For an event without fields. */
#define LOG_NONE ((struct log_field){.kind = LOG_KIND_END})

#define LOG_AT(log, level, event, ...)                                                \
	do {                                                                          \
		if (log_enabled((log), (level))) {                                    \
			log_write((log), (level), (event),                            \
				  (const struct log_field[]){__VA_ARGS__, LOG_NONE}); \
		}                                                                     \
	} while (0)
#define LOG_ERROR(log, event, ...) LOG_AT(log, LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define LOG_WARN(log, event, ...)  LOG_AT(log, LOG_LEVEL_WARN, event, __VA_ARGS__)
#define LOG_INFO(log, event, ...)  LOG_AT(log, LOG_LEVEL_INFO, event, __VA_ARGS__)
#define LOG_DEBUG(log, event, ...) LOG_AT(log, LOG_LEVEL_DEBUG, event, __VA_ARGS__)

/* fd: a pipe, a socket, a file; a terminal had better be O_NONBLOCK, it may have room for half a line. */
void log_init(struct log *log, int fd, enum log_format format, enum log_level level,
	      const struct clock *clock);
void log_set_level(struct log *log, enum log_level level);
bool log_enabled(const struct log *log, enum log_level level);
/* event: a short literal. fields end with LOG_NONE. */
void log_write(struct log *log, enum log_level level, const char *event,
	       const struct log_field *fields);
/* The same line, without a write; for log_write() and tests. Ends with a newline; its length. */
size_t log_compose(const struct log *log, enum log_level level, const char *event,
		   const struct log_field *fields, char out[LOG_LINE_MAX]);
