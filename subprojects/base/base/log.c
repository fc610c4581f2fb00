/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Kept free at the end of a line for what closes it. */
#define TAIL_ROOM sizeof(" cut=true\",\"cut\":true}\n")

static const char *const level_names[] = {
#define X(name, text) text,
	LOG_LEVELS(X)
#undef X
};

/* The same, as wide as the widest. */
static const char *const level_columns[] = {"ERROR", "WARN ", "INFO ", "DEBUG"};

struct line {
	char *bytes;
	size_t len;
	bool cut;
};

void log_init(struct log *log, int fd, enum log_format format, enum log_level level,
	      const struct clock *clock)
{
	log->clock = clock;
	log->fd = fd;
	log->format = format;
	atomic_init(&log->level, (int)level);
	atomic_init(&log->dropped, 0);
	pthread_mutex_init(&log->writing, NULL);
	log->patience_ns = LOG_PATIENCE_NS;
	log->patience_at_ns = clock_monotonic_ns();
}

void log_set_level(struct log *log, enum log_level level)
{
	atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

bool log_enabled(const struct log *log, enum log_level level)
{
	return (int)level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* All or nothing: half an escape or half a character would be worse than none. */
static bool put(struct line *line, const char *bytes, size_t len)
{
	if (line->cut || line->len + len > LOG_LINE_MAX - TAIL_ROOM) {
		line->cut = true;
		return false;
	}
	memcpy(line->bytes + line->len, bytes, len);
	line->len += len;
	return true;
}

static void put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* Bytes of the character at p, 0 when it is not UTF-8. */
static size_t character(const char *p, size_t left)
{
	unsigned char first = (unsigned char)p[0];
	size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	return len <= left && str_is_utf8((struct str){p, len}) ? len : 0;
}

/* The inside of a JSON string; valid for every input: what is no UTF-8 becomes U+FFFD. DEL and the
 * C1 controls are escaped, too, because terminals act upon them. */
static void put_escaped(struct line *line, struct str text)
{
	char escape[8];

	for (size_t i = 0; i < text.len && !line->cut;) {
		unsigned char c = (unsigned char)text.ptr[i];
		size_t len = character(text.ptr + i, text.len - i);

		if (len == 0) {
			put_text(line, "\\ufffd");
			i++;
			continue;
		}
		if (c == '"' || c == '\\') {
			put(line, (const char[]){'\\', (char)c}, 2);
		} else if (c < 0x20 || c == 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			put(line, escape, 6);
		} else if (c == 0xc2 && (unsigned char)text.ptr[i + 1] < 0xa0) {
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)text.ptr[i + 1]);
			put(line, escape, 6);
		} else {
			put(line, text.ptr + i, len);
		}
		i += len;
	}
}

static void put_quoted(struct line *line, struct str text)
{
	if (!put(line, "\"", 1)) {
		return;
	}
	put_escaped(line, text);
	/* also after a cut: TAIL_ROOM holds the place */
	line->bytes[line->len++] = '"';
}

/* Whether a text needs no quotes after key=. */
static bool is_plain(struct str text)
{
	if (text.len == 0) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=') {
			return false;
		}
	}
	return true;
}

static void put_value(struct line *line, const struct log_field *field, enum log_format format)
{
	char number[40];
	int64_t us;

	switch (field->kind) {
	case LOG_KIND_STR:
		if (format == LOG_FORMAT_TEXT && is_plain(field->text)) {
			put(line, field->text.ptr, field->text.len);
		} else {
			put_quoted(line, field->text);
		}
		return;
	case LOG_KIND_INT:
		snprintf(number, sizeof(number), "%lld", (long long)field->number);
		break;
	case LOG_KIND_SECONDS:
		us = field->number < 0 ? 0 : field->number / 1000;
		snprintf(number, sizeof(number), "%lld.%06lld", (long long)(us / US_PER_SECOND),
			 (long long)(us % US_PER_SECOND));
		break;
	case LOG_KIND_BOOL:
		snprintf(number, sizeof(number), "%s", field->number != 0 ? "true" : "false");
		break;
	case LOG_KIND_END:
		return;
	}
	put_text(line, number);
}

/* A field goes in whole or, when only its text is too long, with the text cut; never a key alone. */
static void put_field(struct line *line, const struct log_field *field, enum log_format format)
{
	size_t before = line->len;
	size_t start;

	if (format == LOG_FORMAT_JSON) {
		put_text(line, ",\"");
		put_text(line, field->key);
		put_text(line, "\":");
	} else {
		put_text(line, " ");
		put_text(line, field->key);
		put_text(line, "=");
	}
	start = line->len;
	put_value(line, field, format);
	if (line->cut && line->len == start) {
		line->len = before;
	}
}

static void stamp(const struct log *log, char out[40])
{
	/* milliseconds always, so that columns stay where they are */
	int64_t now = clock_now(log->clock), ms = now / 1000 % 1000;
	char whole[32];

	clock_format(now - now % US_PER_SECOND, whole, sizeof(whole));
	whole[strlen(whole) - 1] = '\0'; /* the Z */
	snprintf(out, 40, "%s.%03dZ", whole, (int)ms);
}

size_t log_compose(const struct log *log, enum log_level level, const char *event,
		   const struct log_field *fields, char out[LOG_LINE_MAX])
{
	bool json = log->format == LOG_FORMAT_JSON;
	struct line line = {.bytes = out};
	char time[40];

	stamp(log, time);
	put_text(&line, json ? "{\"time\":\"" : "");
	put_text(&line, time);
	put_text(&line, json ? "\",\"level\":\"" : " ");
	put_text(&line, json ? level_names[level] : level_columns[level]);
	put_text(&line, json ? "\",\"event\":\"" : " ");
	put_escaped(&line, str_from(event));
	put_text(&line, json ? "\"" : "");
	for (; fields->kind != LOG_KIND_END; fields++) {
		if (fields->kind != LOG_KIND_STR || fields->text.ptr != NULL) {
			put_field(&line, fields, log->format);
		}
	}
	if (line.cut) {
		const char *cut = json ? ",\"cut\":true" : " cut=true";

		memcpy(out + line.len, cut, strlen(cut));
		line.len += strlen(cut);
	}
	if (json) {
		out[line.len++] = '}';
	}
	out[line.len++] = '\n';
	return line.len;
}

/* Whether the descriptor is ready within so long. A pipe and a socket that are have room for a whole
 * line; an error is one that write() will tell. */
static bool is_ready(int fd, int64_t ns)
{
	struct pollfd asked = {.fd = fd, .events = POLLOUT};
	int ready;

	if (fd < 0) {
		return true; /* poll() would pass over it */
	}
	do {
		ready = poll(&asked, 1, (int)(ns / 1000000));
	} while (ready < 0 && errno == EINTR);
	return ready != 0;
}

static bool has_room(struct log *log)
{
	int64_t began, patience;
	bool ready;

	if (is_ready(log->fd, 0)) {
		return true;
	}
	began = clock_monotonic_ns();
	patience = log->patience_ns + (began - log->patience_at_ns) / 10;
	patience = patience < LOG_PATIENCE_NS ? patience : LOG_PATIENCE_NS;
	ready = is_ready(log->fd, patience);
	log->patience_at_ns = clock_monotonic_ns();
	patience -= log->patience_at_ns - began;
	log->patience_ns = patience > 0 ? patience : 0;
	return ready;
}

void log_write(struct log *log, enum log_level level, const char *event,
	       const struct log_field *fields)
{
	char bytes[LOG_LINE_MAX];
	size_t len = log_compose(log, level, event, fields, bytes);
	ssize_t written = -1;

	pthread_mutex_lock(&log->writing);
	if (has_room(log)) {
		do {
			written = write(log->fd, bytes, len);
		} while (written < 0 && errno == EINTR);
	}
	pthread_mutex_unlock(&log->writing);
	if (written != (ssize_t)len) {
		atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
	}
}
