/* SPDX-License-Identifier: Apache-2.0 */
#include "repository/seal.h"

#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMBER INT64_C(4711)

struct fixture {
	char dir[32];
	char path[64];
	struct seal *seal;
	struct arena *arena;
	struct mb_err err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/seal_test_XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/key", f->dir);
	assert_int_equal(seal_make_volatile(&f->seal, &f->err), MB_OK);
	f->arena = arena_create(NULL, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	fault_disarm();
	unlink(f->path);
	rmdir(f->dir);
	seal_destroy(f->seal);
	arena_destroy(f->arena);
	free(f);
	return 0;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void a_key_file_is_made_closed_and_read_again(void **state)
{
	struct fixture *f = *state;
	unsigned char made_check[SEAL_DIGEST_BYTES], read_check[SEAL_DIGEST_BYTES];
	struct seal *made, *again;
	struct stat st;

	assert_int_equal(seal_make(f->path, &made, &f->err), MB_OK);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 65);
	assert_int_equal(seal_read(f->path, &again, &f->err), MB_OK);
	assert_int_equal(seal_key_check(made, made_check, &f->err), MB_OK);
	assert_int_equal(seal_key_check(again, read_check, &f->err), MB_OK);
	assert_memory_equal(made_check, read_check, sizeof(made_check));
	assert_int_equal(seal_key_check(f->seal, read_check, &f->err), MB_OK);
	assert_memory_not_equal(made_check, read_check, sizeof(made_check));
	seal_destroy(made);
	seal_destroy(again);
}

static void a_key_file_is_never_written_over(void **state)
{
	struct fixture *f = *state;
	struct seal *seal = NULL;

	write_file(f->path, "precious", 0600);
	assert_int_equal(seal_make(f->path, &seal, &f->err), MB_FIELD_INVALID);
	assert_null(seal);
}

static void a_wrong_key_file_is_refused(void **state)
{
	static const char good[] =
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
	static const struct {
		const char *text;
		mode_t mode;
		const char *says;
	} cases[] = {
		{good, 0640, "chmod 600"},
		{good, 0604, "chmod 600"},
		{"", 0600, "64 hexadecimal"},
		{"0011\n", 0600, "64 hexadecimal"},
		{"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n", 0600,
		 "64 hexadecimal"},
		{"00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg\n", 0600,
		 "64 hexadecimal"},
		{"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00", 0600,
		 "64 hexadecimal"},
	};
	struct fixture *f = *state;
	struct seal *seal = NULL;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(f->path, cases[i].text, cases[i].mode);
		assert_int_equal(seal_read(f->path, &seal, &f->err), MB_FIELD_INVALID);
		assert_non_null(strstr(f->err.text, cases[i].says));
		assert_null(seal);
		unlink(f->path);
	}
	assert_int_equal(seal_read(f->path, &seal, &f->err), MB_FIELD_INVALID);
	write_file(f->path, good, 0600);
	assert_int_equal(seal_read(f->path, &seal, &f->err), MB_OK);
	seal_destroy(seal);
}

/* Opening a pipe waits for who writes into it, and nobody does. */
static void a_pipe_is_no_key_file(void **state)
{
	struct fixture *f = *state;
	struct seal *seal = NULL;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(seal_read(f->path, &seal, &f->err), MB_FIELD_INVALID);
	assert_non_null(strstr(f->err.text, "no regular file"));
	unlink(f->path);
}

static void a_key_file_that_cannot_be_written_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct seal *seal = NULL;

	fault_arm("repository.key.write", 1);
	assert_int_equal(seal_make(f->path, &seal, &f->err), MB_STORE_UNAVAILABLE);
	assert_int_not_equal(access(f->path, F_OK), 0);
	fault_arm("repository.key.sync", 1);
	assert_int_equal(seal_make(f->path, &seal, &f->err), MB_STORE_UNAVAILABLE);
	assert_int_not_equal(access(f->path, F_OK), 0);
	fault_arm("repository.random", 1);
	assert_int_equal(seal_make(f->path, &seal, &f->err), MB_INTERNAL);
	assert_int_equal(rmdir(f->dir), 0);
	assert_int_equal(mkdir(f->dir, 0700), 0);
}

/* A start that was killed while it wrote the file; the next one is none the worse. */
static void half_a_key_file_is_in_nobodys_way(void **state)
{
	struct fixture *f = *state;
	struct seal *seal = NULL;
	char beside[80];

	snprintf(beside, sizeof(beside), "%s.new", f->path);
	write_file(beside, "0011", 0600);
	assert_int_equal(seal_make(f->path, &seal, &f->err), MB_OK);
	seal_destroy(seal);
	assert_int_not_equal(access(beside, F_OK), 0);
	assert_int_equal(seal_read(f->path, &seal, &f->err), MB_OK);
	seal_destroy(seal);
}

static void lengths_keep_issuer_and_id_apart(void **state)
{
	struct fixture *f = *state;
	unsigned char a[SEAL_DIGEST_BYTES], b[SEAL_DIGEST_BYTES];

	assert_int_equal(seal_lookup_key(f->seal, STR("ab"), STR("c"), a, &f->err), MB_OK);
	assert_int_equal(seal_lookup_key(f->seal, STR("a"), STR("bc"), b, &f->err), MB_OK);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(seal_lookup_key(f->seal, STR("ab"), STR("c"), b, &f->err), MB_OK);
	assert_memory_equal(a, b, sizeof(a));
	fault_arm("repository.mac", 1);
	assert_int_equal(seal_lookup_key(f->seal, STR("ab"), STR("c"), a, &f->err), MB_INTERNAL);
}

static struct str close_text(struct fixture *f, const struct seal_member *member,
			     enum seal_purpose purpose, struct str plain)
{
	struct str sealed;

	assert_int_equal(seal_close(f->seal, member, purpose, plain, f->arena, &sealed, &f->err),
			 MB_OK);
	return sealed;
}

static bool holds(struct str bytes, struct str part)
{
	for (size_t i = 0; i + part.len <= bytes.len; i++) {
		if (memcmp(bytes.ptr + i, part.ptr, part.len) == 0) {
			return true;
		}
	}
	return false;
}

static void what_was_sealed_opens_with_its_key(void **state)
{
	struct fixture *f = *state;
	struct seal_member member, again;
	struct str profile, identity, plain;

	assert_int_equal(seal_member_make(MEMBER, &member, &f->err), MB_OK);
	profile = close_text(f, &member, SEAL_PROFILE, STR("Ada"));
	identity = close_text(f, &member, SEAL_IDENTITY, (struct str){0});
	assert_false(holds(profile, STR("Ada")));
	assert_int_equal(seal_member_open(f->seal, MEMBER, profile, &again, &f->err), MB_OK);
	assert_memory_equal(member.key, again.key, sizeof(member.key));
	assert_int_equal(seal_unseal(&again, SEAL_PROFILE, profile, f->arena, &plain, &f->err),
			 MB_OK);
	assert_true(str_eq(plain, STR("Ada")));
	assert_int_equal(seal_unseal(&again, SEAL_IDENTITY, identity, f->arena, &plain, &f->err),
			 MB_OK);
	assert_int_equal(plain.len, 0);
}

static void the_same_text_is_never_sealed_alike(void **state)
{
	struct fixture *f = *state;
	struct seal_member member;

	assert_int_equal(seal_member_make(MEMBER, &member, &f->err), MB_OK);
	assert_false(str_eq(close_text(f, &member, SEAL_IDENTITY, STR("x")),
			    close_text(f, &member, SEAL_IDENTITY, STR("x"))));
}

static void every_changed_byte_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct seal_member member, opened;
	struct str sealed, plain;
	char *bytes;

	assert_int_equal(seal_member_make(MEMBER, &member, &f->err), MB_OK);
	sealed = close_text(f, &member, SEAL_PROFILE, STR("Ada"));
	bytes = arena_dup(f->arena, sealed.ptr, sealed.len);
	for (size_t i = 0; i < sealed.len; i++) {
		struct str changed = {bytes, sealed.len};

		bytes[i] ^= 1;
		if (seal_member_open(f->seal, MEMBER, changed, &opened, &f->err) == MB_OK) {
			assert_int_equal(seal_unseal(&opened, SEAL_PROFILE, changed, f->arena,
						     &plain, &f->err),
					 MB_INTERNAL);
		}
		bytes[i] ^= 1;
		changed.len = i;
		if (seal_member_open(f->seal, MEMBER, changed, &opened, &f->err) == MB_OK) {
			assert_int_equal(seal_unseal(&opened, SEAL_PROFILE, changed, f->arena,
						     &plain, &f->err),
					 MB_INTERNAL);
		}
	}
}

static void a_blob_of_another_row_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct seal_member member, other;
	struct str profile, identity, plain;
	struct seal *stranger;

	assert_int_equal(seal_member_make(MEMBER, &member, &f->err), MB_OK);
	profile = close_text(f, &member, SEAL_PROFILE, STR("Ada"));
	identity = close_text(f, &member, SEAL_IDENTITY, STR("Ada"));
	assert_int_equal(seal_member_open(f->seal, MEMBER + 1, profile, &other, &f->err),
			 MB_INTERNAL);
	other = member;
	other.member_id = MEMBER + 1;
	assert_int_equal(seal_unseal(&other, SEAL_IDENTITY, identity, f->arena, &plain, &f->err),
			 MB_INTERNAL);
	assert_int_equal(seal_make_volatile(&stranger, &f->err), MB_OK);
	assert_int_equal(seal_member_open(stranger, MEMBER, profile, &other, &f->err), MB_INTERNAL);
	seal_destroy(stranger);
}

static void sealing_fails_without_random_or_memory(void **state)
{
	struct fixture *f = *state;
	struct arena *small = arena_create(NULL, 16);
	struct seal_member member;
	struct str sealed;

	assert_int_equal(seal_member_make(MEMBER, &member, &f->err), MB_OK);
	fault_arm("repository.random", 1);
	assert_int_equal(
		seal_close(f->seal, &member, SEAL_PROFILE, STR("x"), f->arena, &sealed, &f->err),
		MB_INTERNAL);
	fault_arm("repository.seal", 2);
	assert_int_equal(
		seal_close(f->seal, &member, SEAL_PROFILE, STR("x"), f->arena, &sealed, &f->err),
		MB_INTERNAL);
	fault_disarm();
	assert_int_equal(
		seal_close(f->seal, &member, SEAL_PROFILE, STR("x"), small, &sealed, &f->err),
		MB_ARENA_FULL);
	arena_destroy(small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_file_is_made_closed_and_read_again),
		TEST(a_key_file_is_never_written_over),
		TEST(a_wrong_key_file_is_refused),
		TEST(a_pipe_is_no_key_file),
		TEST(a_key_file_that_cannot_be_written_leaves_nothing),
		TEST(half_a_key_file_is_in_nobodys_way),
		TEST(lengths_keep_issuer_and_id_apart),
		TEST(what_was_sealed_opens_with_its_key),
		TEST(the_same_text_is_never_sealed_alike),
		TEST(every_changed_byte_is_noticed),
		TEST(a_blob_of_another_row_does_not_open),
		TEST(sealing_fails_without_random_or_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
