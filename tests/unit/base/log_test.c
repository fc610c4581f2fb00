/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct clock clock_fixed;
static char line[LOG_LINE_MAX + 1];

static int fix_clock(void **state)
{
	(void)state;
	clock_init_system(&clock_fixed);
	clock_fixed.mode = CLOCK_FIXED;
	atomic_store(&clock_fixed.value, INT64_C(1795248000) * US_PER_SECOND + 123999);
	return 0;
}

static const char *compose(enum log_format format, const char *event,
			   const struct log_field *fields)
{
	struct log log;
	size_t len;

	log_init(&log, -1, format, LOG_LEVEL_INFO, &clock_fixed);
	len = log_compose(&log, LOG_LEVEL_INFO, event, fields, line);
	assert_true(len <= LOG_LINE_MAX);
	line[len] = '\0';
	assert_int_equal(line[len - 1], '\n');
	assert_null(memchr(line, '\n', len - 1));
	return line;
}

static void a_line_is_text_or_json(void **state)
{
	const struct log_field fields[] = {
		LOG_STR("method", "memberd.v1.MemberService/GetMember"),
		LOG_INT("bytes", -7),
		LOG_BOOL("replayed", true),
		LOG_SECONDS("seconds", 1500999),
		LOG_STR("absent", NULL),
		LOG_STR("empty", ""),
		LOG_STR("peer", "a b=c"),
		LOG_NONE,
	};

	(void)state;
	assert_string_equal(compose(LOG_FORMAT_TEXT, "call", fields),
			    "2026-11-21T08:00:00.123Z INFO  call "
			    "method=memberd.v1.MemberService/GetMember bytes=-7 replayed=true "
			    "seconds=0.001500 empty=\"\" peer=\"a b=c\"\n");
	assert_string_equal(compose(LOG_FORMAT_JSON, "call", fields),
			    "{\"time\":\"2026-11-21T08:00:00.123Z\",\"level\":\"info\","
			    "\"event\":\"call\","
			    "\"method\":\"memberd.v1.MemberService/GetMember\",\"bytes\":-7,"
			    "\"replayed\":true,\"seconds\":0.001500,\"empty\":\"\","
			    "\"peer\":\"a b=c\"}\n");
}

static void no_value_breaks_out_of_its_field(void **state)
{
	const struct {
		struct str in;
		const char *out;
	} rows[] = {
		{STR("x\n{\"level\":\"fake\"}"), "x\\u000a{\\\"level\\\":\\\"fake\\\"}"},
		{STR("\x1b[2J\x7f"), "\\u001b[2J\\u007f"},
		{STR("\xc2\x9b"
		     "2J"),
		 "\\u009b2J"},
		{STR("\xff\xc3("), "\\ufffd\\ufffd("},
		{STR("nul\0in"), "nul\\u0000in"},
		{STR("\xe4\xbd\xa0\xe5\xa5\xbd"), "\xe4\xbd\xa0\xe5\xa5\xbd"},
		{STR("back\\slash"), "back\\\\slash"},
	};
	char json[200], text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct log_field fields[] = {LOG_VIEW("v", rows[i].in), LOG_NONE};

		snprintf(json, sizeof(json), "\"v\":\"%s\"}\n", rows[i].out);
		snprintf(text, sizeof(text), " v=\"%s\"\n", rows[i].out);
		assert_non_null(strstr(compose(LOG_FORMAT_JSON, "e", fields), json));
		assert_non_null(strstr(compose(LOG_FORMAT_TEXT, "e", fields), text));
	}
}

/* Every length around the limit: the line stays whole and says that it was cut. */
static void what_is_too_long_is_cut_and_said(void **state)
{
	static char big[2 * LOG_LINE_MAX];

	(void)state;
	memset(big, '"', sizeof(big));
	for (size_t len = 1900; len < 2100; len++) {
		const struct log_field fields[] = {LOG_VIEW("v", ((struct str){big, len})),
						   LOG_INT("after", 1), LOG_NONE};
		const char *json = compose(LOG_FORMAT_JSON, "e", fields);
		size_t quotes = 0;

		for (const char *p = json; *p != '\0'; p++) {
			if (*p == '\\') {
				p++;
			} else if (*p == '"') {
				quotes++;
			}
		}
		assert_int_equal(quotes % 2, 0);
		assert_string_equal(json + strlen(json) - 2, "}\n");
		assert_true((strstr(json, "\"after\":1}") != NULL) !=
			    (strstr(json, "\"cut\":true}") != NULL));
		compose(LOG_FORMAT_TEXT, "e", fields);
	}
}

static void levels_leave_out(void **state)
{
	struct log log;
	int evaluated = 0;

	(void)state;
	log_init(&log, -1, LOG_FORMAT_JSON, LOG_LEVEL_WARN, &clock_fixed);
	LOG_INFO(&log, "quiet", LOG_INT("n", ++evaluated));
	assert_int_equal(evaluated, 0);
	assert_int_equal(log.dropped, 0);
	LOG_ERROR(&log, "nobody reads", LOG_INT("n", ++evaluated));
	assert_int_equal(evaluated, 1);
	assert_int_equal(log.dropped, 1);
	log_set_level(&log, LOG_LEVEL_DEBUG);
	assert_true(log_enabled(&log, LOG_LEVEL_DEBUG));
}

#define WRITERS 4
#define LINES	200

static void *write_lines(void *data)
{
	static const char text[] = "0123456789012345678901234567890123456789";

	for (int i = 0; i < LINES; i++) {
		LOG_INFO((struct log *)data, "spin", LOG_STR("a", text), LOG_STR("b", text));
	}
	return NULL;
}

static void lines_of_threads_never_mix(void **state)
{
	pthread_t threads[WRITERS];
	struct log log;
	FILE *file;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	log_init(&log, fds[1], LOG_FORMAT_JSON, LOG_LEVEL_INFO, &clock_fixed);
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &log), 0);
	}
	file = fdopen(fds[0], "r");
	for (int i = 0; i < WRITERS * LINES; i++) {
		assert_non_null(fgets(line, sizeof(line), file));
		assert_int_equal(strncmp(line, "{\"time\"", 7), 0);
		assert_string_equal(line + strlen(line) - 3, "\"}\n");
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(log.dropped, 0);
	fclose(file);
	close(fds[1]);
}

/* Of a line that nobody will read; everything that the pipe takes is written before. */
static void fill(struct log *log)
{
	for (int i = 0; log->dropped == 0; i++) {
		assert_true(i < 100000);
		LOG_INFO(log, "fill", LOG_NONE);
	}
}

static void who_does_not_read_holds_up_nobody(void **state)
{
	int64_t began;
	struct log log;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	log_init(&log, fds[1], LOG_FORMAT_JSON, LOG_LEVEL_INFO, &clock_fixed);
	began = clock_monotonic_ns();
	fill(&log);
	/* patience first, in case he only pauses */
	assert_true(clock_monotonic_ns() - began >= LOG_PATIENCE_NS);
	began = clock_monotonic_ns();
	for (int i = 0; i < 1000; i++) {
		LOG_INFO(&log, "nobody reads", LOG_NONE);
	}
	assert_true(clock_monotonic_ns() - began < LOG_PATIENCE_NS);
	assert_int_equal(log.dropped, 1001);
	/* he comes back */
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	while (read(fds[0], line, sizeof(line)) > 0) {
	}
	LOG_INFO(&log, "again", LOG_NONE);
	assert_int_equal(log.dropped, 1001);
	assert_true(read(fds[0], line, sizeof(line)) > 0);
	assert_non_null(strstr(line, "\"again\""));
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_text_or_json),
		cmocka_unit_test(no_value_breaks_out_of_its_field),
		cmocka_unit_test(what_is_too_long_is_cut_and_said),
		cmocka_unit_test(levels_leave_out),
		cmocka_unit_test(lines_of_threads_never_mix),
		cmocka_unit_test(who_does_not_read_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, fix_clock, NULL);
}
