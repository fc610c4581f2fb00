/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/principal.h"

#include "base/fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* sha256sum of "abc" (the example of FIPS 180-2) and of "def" */
#define HASH_ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HASH_DEF "sha256:cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34"

static const struct rpc_grant grants[] = {
	{"checkout", "benefits.read"},
	{"checkout", "members.read"},
	{"member", GRANT_OF_SUBJECT},
	{"member", "members.read"},
	{"admin", "*"},
	{NULL, NULL},
};

static char path[64];

static void write_tokens(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static int setup(void **state)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/principal_test.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0) {
		return -1;
	}
	close(fd);
	*state = rpc_tokens_create();
	return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	fault_disarm();
	rpc_tokens_destroy(*state);
	return unlink(path);
}

static void assert_refused(struct rpc_tokens *tokens, const char *text, const char *what)
{
	struct mb_err err;

	write_tokens(text);
	assert_int_equal(rpc_tokens_load(tokens, path, grants, &err), MB_FIELD_INVALID);
	if (strstr(err.text, what) == NULL || strstr(err.text, path) == NULL) {
		fail_msg("'%s' does not say '%s'", err.text, what);
	}
}

static void roles_may_what_their_rows_say(void **state)
{
	(void)state;
	assert_true(rpc_role_may(grants, STR("checkout"), "benefits.read"));
	assert_false(rpc_role_may(grants, STR("checkout"), "members.write"));
	assert_false(rpc_role_may(grants, STR("check"), "benefits.read"));
	assert_true(rpc_role_may(grants, STR("admin"), "whatever.comes"));
	assert_false(rpc_role_may(grants, STR(""), "members.read"));
	assert_true(rpc_role_may(grants, STR(""), PERMISSION_PUBLIC));
}

static void finds_whose_token_it_is(void **state)
{
	struct rpc_tokens *tokens = *state;
	const struct rpc_principal *who;
	struct mb_err err;

	assert_null(rpc_tokens_find(tokens, STR("abc")));
	write_tokens("# callers\n\n  checkout " HASH_ABC "\r\nmember:4711\t" HASH_DEF);
	assert_int_equal(rpc_tokens_load(tokens, path, grants, &err), MB_OK);
	who = rpc_tokens_find(tokens, STR("abc"));
	assert_non_null(who);
	assert_true(str_eq(who->role, STR("checkout")));
	assert_true(str_eq(who->subject, STR("")));
	who = rpc_tokens_find(tokens, STR("def"));
	assert_non_null(who);
	assert_true(str_eq(who->role, STR("member")));
	assert_true(str_eq(who->subject, STR("4711")));
	assert_null(rpc_tokens_find(tokens, STR("abcd")));
	assert_null(rpc_tokens_find(tokens, STR("")));
	assert_null(rpc_tokens_find(tokens, STR(HASH_ABC)));
}

static void refuses_bad_files_and_keeps_the_old_one(void **state)
{
	struct rpc_tokens *tokens = *state;
	struct mb_err err;

	write_tokens("checkout " HASH_ABC "\n");
	assert_int_equal(rpc_tokens_load(tokens, path, grants, &err), MB_OK);
	assert_refused(tokens, "", "names no token");
	assert_refused(tokens, "# nothing\n", "names no token");
	assert_refused(tokens, "admin " HASH_DEF "\ncheckot " HASH_ABC "\n", ":2: no such role");
	assert_refused(tokens, "checkout\n", ":1: wanted");
	assert_refused(tokens, "checkout abc\n", ":1: wanted");
	assert_refused(tokens, "checkout " HASH_ABC "0\n", ":1: wanted");
	assert_refused(
		tokens,
		"checkout sha256:zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		":1: wanted");
	assert_refused(tokens, "checkout " HASH_ABC " x\n", ":1: more than");
	assert_refused(tokens, "member: " HASH_ABC "\n", ":1: nothing");
	assert_refused(tokens, "member:\xff " HASH_ABC "\n", ":1: nothing");
	assert_refused(tokens, "member " HASH_ABC "\n", ":1: the role must say whose token");
	assert_refused(tokens, "admin " HASH_ABC "\n\nmember:1 " HASH_ABC "\n", ":3: the token");
	assert_non_null(rpc_tokens_find(tokens, STR("abc")));
	assert_null(rpc_tokens_find(tokens, STR("def")));
}

static void refuses_files_that_others_may_open(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0602, 0644};
	struct rpc_tokens *tokens = *state;
	struct mb_err err;

	write_tokens("checkout " HASH_ABC "\n");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(rpc_tokens_load(tokens, path, grants, &err), MB_FIELD_INVALID);
		assert_non_null(strstr(err.text, "chmod 600"));
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(rpc_tokens_load(tokens, path, grants, &err), MB_OK);
	assert_int_equal(rpc_tokens_load(tokens, "/tmp", grants, &err), MB_FIELD_INVALID);
	assert_non_null(strstr(err.text, "regular"));
	assert_int_equal(rpc_tokens_load(tokens, "/nowhere/x", grants, &err), MB_FIELD_INVALID);
	assert_non_null(strstr(err.text, "No such file"));
}

static void a_reload_swaps_the_set_and_keeps_principals(void **state)
{
	struct rpc_tokens *tokens = *state;
	const struct rpc_principal *before;
	struct mb_err err;

	write_tokens("checkout " HASH_ABC "\n");
	assert_int_equal(rpc_tokens_load(tokens, path, grants, &err), MB_OK);
	before = rpc_tokens_find(tokens, STR("abc"));
	assert_int_equal(rpc_tokens_load(tokens, path, grants, &err), MB_OK);
	assert_ptr_equal(rpc_tokens_find(tokens, STR("abc")), before);
	write_tokens("admin " HASH_ABC "\n");
	assert_int_equal(rpc_tokens_load(tokens, path, grants, &err), MB_OK);
	assert_true(str_eq(rpc_tokens_find(tokens, STR("abc"))->role, STR("admin")));
	assert_true(str_eq(before->role, STR("checkout")));
}

static void refuses_a_file_over_its_limit(void **state)
{
	FILE *file;
	struct mb_err err;

	write_tokens("");
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < (1 << 20) / 8 + 1; i++) {
		fputs("#######\n", file);
	}
	fclose(file);
	assert_int_equal(rpc_tokens_load(*state, path, grants, &err), MB_FIELD_INVALID);
	assert_non_null(strstr(err.text, "1 MiB"));
}

static void every_fault_is_an_error_and_leaves_the_old_file(void **state)
{
	struct rpc_tokens *tokens = *state;
	struct mb_err err;
	unsigned long points;

	write_tokens("checkout " HASH_ABC "\n");
	assert_int_equal(rpc_tokens_load(tokens, path, grants, &err), MB_OK);
	write_tokens("checkout " HASH_DEF "\n# another\n");
	fault_disarm();
	assert_int_equal(rpc_tokens_load(tokens, path, grants, &err), MB_OK);
	points = fault_passed();
	assert_in_range(points, 4, 20);
	write_tokens("admin " HASH_ABC "\n");
	for (unsigned long n = 1; n <= points; n++) {
		fault_arm(NULL, n);
		assert_int_not_equal(rpc_tokens_load(tokens, path, grants, &err), MB_OK);
		assert_true(fault_struck());
		assert_null(rpc_tokens_find(tokens, STR("abc")));
		assert_non_null(rpc_tokens_find(tokens, STR("def")));
	}
	fault_arm("rpc.tokens.create", 1);
	assert_null(rpc_tokens_create());
	rpc_tokens_destroy(NULL);
}

static atomic_bool stop;

static void *find_all_the_time(void *data)
{
	size_t lost = 0;

	while (!atomic_load(&stop)) {
		const struct rpc_principal *who = rpc_tokens_find(data, STR("abc"));

		lost += who == NULL || who->role.len == 0 || who->role.ptr[0] == '\0';
	}
	return lost == 0 ? data : NULL;
}

static void readers_see_one_set_or_the_other(void **state)
{
	pthread_t readers[2];
	struct mb_err err;
	void *fine;

	write_tokens("checkout " HASH_ABC "\n");
	assert_int_equal(rpc_tokens_load(*state, path, grants, &err), MB_OK);
	atomic_store(&stop, false);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&readers[i], NULL, find_all_the_time, *state), 0);
	}
	for (int i = 0; i < 50; i++) {
		write_tokens(i % 2 == 0 ? "admin " HASH_ABC "\n" : "checkout " HASH_ABC "\n");
		assert_int_equal(rpc_tokens_load(*state, path, grants, &err), MB_OK);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++) {
		pthread_join(readers[i], &fine);
		assert_non_null(fine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles_may_what_their_rows_say),
		cmocka_unit_test_setup_teardown(finds_whose_token_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_bad_files_and_keeps_the_old_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refuses_files_that_others_may_open, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_reload_swaps_the_set_and_keeps_principals, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refuses_a_file_over_its_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(every_fault_is_an_error_and_leaves_the_old_file,
						setup, teardown),
		cmocka_unit_test_setup_teardown(readers_see_one_set_or_the_other, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
