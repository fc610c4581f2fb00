/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char *const nothing[] = {NULL};

/* Reads one or two flags and checks them; the exit code that would come of it. */
static int read_and_check(const char *a, const char *b, struct mb_err *err)
{
	char *argv[] = {(char *)"memberd", (char *)a, (char *)b, NULL};
	struct daemon_options options;
	enum exit_code end;
	struct option_set set;

	if (options_read(&set, &options, b == NULL ? (a == NULL ? 1 : 2) : 3, argv, nothing, &end,
			 err) == MB_OK) {
		end = options_check(&options, err) == MB_OK ? EXIT_OK : EXIT_USAGE;
	}
	options_fini(&set);
	return (int)end;
}

static void without_options_it_serves_this_machine(void **state)
{
	(void)state;
	assert_int_equal(read_and_check(NULL, NULL, NULL), EXIT_OK);
	assert_int_equal(read_and_check("--listen=unix:/tmp/x", NULL, NULL), EXIT_OK);
	assert_int_equal(read_and_check("--admin-listen=", NULL, NULL), EXIT_OK);
}

static void an_address_that_others_reach_needs_a_proxy_and_tokens(void **state)
{
	struct mb_err err;

	(void)state;
	assert_int_equal(read_and_check("--listen=0.0.0.0:7443", NULL, &err), EXIT_USAGE);
	assert_non_null(strstr(err.text, "--plaintext-behind-proxy"));
	assert_int_equal(read_and_check("--listen=0.0.0.0:7443", "--token-file=x", &err),
			 EXIT_USAGE);
	assert_int_equal(read_and_check("--listen=0.0.0.0:7443", "--plaintext-behind-proxy", &err),
			 EXIT_USAGE);
	assert_non_null(strstr(err.text, "--token-file"));
}

static void the_admin_port_is_tcp(void **state)
{
	struct mb_err err;

	(void)state;
	assert_int_equal(read_and_check("--admin-listen=unix:/tmp/x", NULL, &err), EXIT_USAGE);
	assert_int_equal(read_and_check("--admin-listen=7090", NULL, &err), EXIT_USAGE);
}

static void help_tells_every_option_and_exit_code(void **state)
{
	struct daemon_options options;
	struct option_set set;
	struct strbuf out = {0};
	char *argv[] = {(char *)"memberd", NULL};
	enum exit_code end;

	(void)state;
	assert_int_equal(options_read(&set, &options, 1, argv, nothing, &end, NULL), MB_OK);
	options_help(&set, &out);
	assert_false(out.failed);
	for (size_t i = 0; i < set.n; i++) {
		char flag[OPTION_NAME_MAX + 8];

		snprintf(flag, sizeof(flag), "  --%s", set.names[i]);
		assert_true(set.rows[i].type == OPTION_GROUP || strstr(out.ptr, flag) != NULL);
	}
	assert_non_null(strstr(out.ptr, "\n  75  another memberd has the store"));
	for (char *line = out.ptr, *end_of; *line != '\0'; line = end_of + 1) {
		end_of = strchr(line, '\n');
		assert_in_range(end_of - line, 0, 100);
	}
	strbuf_fini(&out);
	options_fini(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_it_serves_this_machine),
		cmocka_unit_test(an_address_that_others_reach_needs_a_proxy_and_tokens),
		cmocka_unit_test(the_admin_port_is_tcp),
		cmocka_unit_test(help_tells_every_option_and_exit_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
