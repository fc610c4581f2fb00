/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/errors.md is the promise, base/err.h the code: they hold the same rows in the same order.
 * usage: errors_doc_test docs/errors.md
 */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *doc_path;

/* What every row must tell beside the table: when, and what to do. */
static int cells_of(const char *line)
{
	int cells = 0;

	for (const char *c = line; (c = strstr(c, " | ")) != NULL; c += 3) {
		cells++;
	}
	return cells + 1;
}

static void the_page_holds_the_table(void **state)
{
	FILE *file = fopen(doc_path, "r");
	char line[1024], wanted[160];
	int code = MB_OK + 1;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "| `", 3) != 0) {
			continue;
		}
		assert_true(code < MB_CODES);
		snprintf(wanted, sizeof(wanted), "| `%s` | %s | %s | ",
			 mb_code_reason((enum mb_code)code),
			 mb_grpc_name(mb_code_grpc((enum mb_code)code)),
			 mb_code_retryable((enum mb_code)code) ? "yes" : "no");
		if (strncmp(line, wanted, strlen(wanted)) != 0) {
			fail_msg("wanted '%s', the page has '%.80s'", wanted, line);
		}
		assert_int_equal(cells_of(line), 5);
		code++;
	}
	fclose(file);
	assert_int_equal(code, MB_CODES);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_page_holds_the_table)};

	doc_path = argc > 1 ? argv[1] : "docs/errors.md";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
