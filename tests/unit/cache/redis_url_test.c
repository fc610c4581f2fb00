/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct redis_url parsed(const char *text)
{
	struct redis_url url;
	struct mb_err err = {0};

	memset(&url, 0xff, sizeof(url));
	if (redis_url_parse(text, &url, &err) != MB_OK) {
		fail_msg("%s: %s", text, err.text);
	}
	return url;
}

static void every_form_is_taken(void **state)
{
	static const struct {
		const char *text, *where;
	} rows[] = {
		{"redis://a", "redis://a:6379/0"},
		{"redis://a/", "redis://a:6379/0"},
		{"redis://a:1", "redis://a:1/0"},
		{"redis://a.example.org:65535/15", "redis://a.example.org:65535/15"},
		{"redis://127.0.0.1:7000/1", "redis://127.0.0.1:7000/1"},
		{"redis://[::1]", "redis://[::1]:6379/0"},
		{"redis://[fe80::1%eth0]:7000/1", "redis://[fe80::1%eth0]:7000/1"},
		{"redis://:p@a", "redis://a:6379/0"},
		{"redis://u:p@[::1]:7", "redis://[::1]:7/0"},
		{"redis://u:p%40q@a", "redis://a:6379/0"},
		{"unix:///run/redis.sock", "unix:///run/redis.sock?db=0"},
		{"unix:///run/redis.sock?db=3", "unix:///run/redis.sock?db=3"},
		{"unix://u:p@/run/redis.sock?db=3", "unix:///run/redis.sock?db=3"},
		{"redis+unix:///run/redis.sock", "unix:///run/redis.sock?db=0"},
		{"redis+unix:/run/redis.sock", "unix:///run/redis.sock?db=0"},
		{"redis+unix://:p@/run/a%20b?db=1", "unix:///run/a b?db=1"},
	};
	struct redis_url url;
	char where[300];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		url = parsed(rows[i].text);
		redis_url_format(&url, where, sizeof(where));
		assert_string_equal(where, rows[i].where);
	}
}

static void the_login_is_decoded(void **state)
{
	struct redis_url url = parsed("redis://a%3Ab:p%40%2f%25:q@host");

	(void)state;
	assert_true(url.auth);
	assert_string_equal(url.user, "a:b");
	assert_string_equal(url.password, "p@/%:q");
	assert_string_equal(url.host, "host");
	url = parsed("redis://:@host");
	assert_true(url.auth);
	assert_string_equal(url.user, "");
	assert_string_equal(url.password, "");
	assert_false(parsed("redis://host").auth);
	url = parsed("redis://u:p@q@host");
	assert_string_equal(url.password, "p@q");
}

static void what_is_no_url_is_refused_and_not_shown(void **state)
{
	static const char *const rows[] = {
		"",
		"secret",
		"http://secret",
		"rediss://secret",
		"redis://",
		"redis:///0",
		"redis://secret@host",
		"redis://:secret@",
		"redis://u:secret@:6379",
		"redis://u:secret@host:0",
		"redis://u:secret@host:65536",
		"redis://u:secret@host:6379x",
		"redis://u:secret@host:",
		"redis://u:secret@host/65536",
		"redis://u:secret@host/-1",
		"redis://u:secret@host/0/1",
		"redis://u:secret%@host",
		"redis://u:secret%0@host",
		"redis://u:secret%zz@host",
		"redis://u:secret%00@host",
		"redis://%00:secret@host",
		"redis://u:sec ret@host",
		"redis://u:secret\n@host",
		"redis://u:secret@ho/st",
		"redis://u:secret@[::1",
		"redis://u:secret@::1]",
		"redis://u:secret@[]",
		"redis://u:secret@[a%b]",
		"redis://u:secret@h?st",
		"unix://",
		"unix:///",
		"unix://secret",
		"unix://secret/run/s",
		"unix://secret@/run/s",
		"unix://u:secret@",
		"unix:///run/secret?db=x",
		"unix:///run/secret?x=1",
		"unix:///run/secret%00",
		"unix:run/secret",
	};
	char text[800];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct redis_url url = {.port = 7};
		struct mb_err err = {0};

		if (redis_url_parse(rows[i], &url, &err) != MB_FIELD_INVALID) {
			fail_msg("taken: %s", rows[i]);
		}
		assert_int_equal(url.port, 7);
		assert_true(strlen(err.text) > 0);
		assert_null(strstr(err.text, "secret"));
	}
	for (int len = 100; len < 700; len += 3) {
		struct redis_url url;

		/* none of them runs over; the last ones are too long for every part */
		snprintf(text, sizeof(text), "unix:///%0*d", len, 0);
		assert_int_equal(redis_url_parse(text, &url, NULL),
				 len < 107 ? MB_OK : MB_FIELD_INVALID);
		snprintf(text, sizeof(text), "redis://%0*d", len, 0);
		assert_int_equal(redis_url_parse(text, &url, NULL),
				 len < 256 ? MB_OK : MB_FIELD_INVALID);
		snprintf(text, sizeof(text), "redis://:%0*d@h", len, 0);
		assert_int_equal(redis_url_parse(text, &url, NULL),
				 len < 512 ? MB_OK : MB_FIELD_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_taken),
		cmocka_unit_test(the_login_is_decoded),
		cmocka_unit_test(what_is_no_url_is_refused_and_not_shown),
	};

	return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
