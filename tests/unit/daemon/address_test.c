/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void addresses_are_read_and_written(void **state)
{
	static const struct {
		const char *text, *host;
		int port;
		bool local;
	} rows[] = {
		{"127.0.0.1:7443", "127.0.0.1", 7443, true},
		{"127.9.9.9:0", "127.9.9.9", 0, true},
		{"localhost:1", "localhost", 1, true},
		{"[::1]:65535", "::1", 65535, true},
		{"0.0.0.0:7443", "0.0.0.0", 7443, false},
		{"[::]:7443", "::", 7443, false},
		{"128.0.0.1:7443", "128.0.0.1", 7443, false},
		{"localhost.evil.example:7443", "localhost.evil.example", 7443, false},
		{"127.0.0.1.example:7443", "127.0.0.1.example", 7443, false},
	};
	struct address address;
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(address_parse(rows[i].text, &address, NULL), MB_OK);
		assert_string_equal(address.host, rows[i].host);
		assert_int_equal(address.port, rows[i].port);
		assert_int_equal(address.local, rows[i].local);
		address_format(&address, rows[i].port, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
	assert_int_equal(address_parse("unix:/run/memberd.sock", &address, NULL), MB_OK);
	assert_true(address.local);
	address_format(&address, 0, text, sizeof(text));
	assert_string_equal(text, "unix:/run/memberd.sock");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"7443",
		":7443",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:x",
		"::1:7443",
		"unix:",
		"127.0.0.1:-1",
		"[]:7443",
		"127.0.0.1: 80",
	};
	struct address address;
	struct mb_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(address_parse(bad[i], &address, &err), MB_FIELD_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(what_is_no_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
