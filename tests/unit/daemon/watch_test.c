/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the probes are told of the loop: nothing that can be had from a memberd that runs well.
 */
#include "daemon/daemon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)

static void a_loop_that_has_been_silent_is_not_healthy(void **state)
{
	struct daemon daemon = {0};
	struct strbuf out = {0};

	(void)state;
	atomic_store(&daemon.beat_ns, clock_monotonic_ns() - 5 * SECOND);
	assert_true(watch_healthy(&out, &daemon));
	assert_string_equal(out.ptr, "ok\n");
	strbuf_reset(&out);
	atomic_store(&daemon.beat_ns, clock_monotonic_ns() - 11 * SECOND);
	assert_false(watch_healthy(&out, &daemon));
	assert_non_null(strstr(out.ptr, "silent for 11 s"));
	strbuf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loop_that_has_been_silent_is_not_healthy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
