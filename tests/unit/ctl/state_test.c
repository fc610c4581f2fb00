/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/import_state.h"

#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/state-test-XXXXXX";
static char path[64], temporary[80];

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/state", folder);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(temporary);
	return rmdir(folder);
}

static void write_text(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static struct import_state make_state(void)
{
	struct import_state state = {.file_digest = "f",
				     .mapping_digest = "m",
				     .store_id = "s",
				     .shift_weeks = -3,
				     .members = 5,
				     .activities = 7};

	state.tally.enrolled = 4;
	state.tally.known = 1;
	state.tally.accepted = 5;
	import_tally_refuse(&state.tally, "OUT_OF_WINDOW", "536365: too old");
	import_tally_refuse(&state.tally, "OUT_OF_WINDOW", "536366: too old");
	return state;
}

static void comes_back_as_it_was(void **unused)
{
	struct import_state state = make_state(), back;
	bool found;

	(void)unused;
	unlink(path);
	assert_int_equal(import_state_read(path, &back, &found, NULL), MB_OK);
	assert_false(found);
	assert_int_equal(import_state_write(path, &state, NULL), MB_OK);
	assert_int_equal(import_state_read(path, &back, &found, NULL), MB_OK);
	assert_true(found);
	assert_memory_equal(&back, &state, sizeof(state));
	assert_int_equal(back.tally.refusals[0].count, 2);
}

static void stays_whole_when_writing_fails(void **unused)
{
	struct import_state state = make_state(), back;
	struct mb_err err;
	bool found;

	(void)unused;
	assert_int_equal(import_state_write(path, &state, NULL), MB_OK);
	state.activities = 8;
	fault_arm("ctl.output.write", 1);
	assert_int_equal(import_state_write(path, &state, &err), MB_FIELD_INVALID);
	fault_disarm();
	assert_int_equal(import_state_read(path, &back, &found, NULL), MB_OK);
	assert_int_equal(back.activities, 7);
	/* what was written of the new one is no use to anybody, and may be what fills the disk */
	assert_int_equal(access(temporary, F_OK), -1);
	assert_int_equal(import_state_write("/nowhere/at/all", &state, &err), MB_FIELD_INVALID);
	assert_non_null(strstr(err.text, "cannot be written"));
}

static void refuses_what_is_no_state(void **unused)
{
	static const char *const bad[] = {"", "{}", "[]", "null", "{\"format\": 2}", "\x01"};
	struct import_state state = make_state(), back;
	bool found;
	char *text;
	long len;
	FILE *file;

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		write_text(bad[i]);
		assert_int_equal(import_state_read(path, &back, &found, NULL), MB_FIELD_INVALID);
	}
	/* every cut of a good one */
	assert_int_equal(import_state_write(path, &state, NULL), MB_OK);
	file = fopen(path, "r");
	text = calloc(1, 4096);
	assert_true(file != NULL && text != NULL);
	len = (long)fread(text, 1, 4095, file);
	fclose(file);
	for (long cut = len - 2; cut > 0; cut--) {
		text[cut] = '\0';
		write_text(text);
		assert_int_equal(import_state_read(path, &back, &found, NULL), MB_FIELD_INVALID);
	}
	free(text);
}

/* Numbers that no import writes: memberctl would compute with them. */
static void refuses_numbers_that_cannot_be(void **unused)
{
	struct import_state states[8], back;
	size_t n = 0;
	struct mb_err err;
	bool found;

	(void)unused;
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		states[i] = make_state();
	}
	states[n++].shift_weeks = INT64_MAX;
	states[n++].shift_weeks = -IMPORT_SHIFT_WEEKS_MAX - 1;
	states[n++].members = 6;
	states[n++].activities = 6;
	states[n++].tally.accepted = INT64_MAX;
	states[n++].tally.refusals[0].count = INT64_MAX;
	states[n].members = states[n].activities = states[n].tally.enrolled = INT64_MAX;
	states[n].tally.known = states[n].tally.accepted = 0;
	states[n].tally.replayed = INT64_MAX - 2;
	n++;
	states[n++].tally.parked = 6;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(import_state_write(path, &states[i], NULL), MB_OK);
		assert_int_equal(import_state_read(path, &back, &found, &err), MB_FIELD_INVALID);
		assert_non_null(strstr(err.text, "another file"));
	}
}

static void counts_by_reason(void **unused)
{
	struct import_tally all = {0}, one = {0};
	char reason[16], cut[200];

	(void)unused;
	/* an example that would end within a character ends before it */
	memset(cut, 'a', sizeof(cut));
	memcpy(cut + 126, "\xe6\xa2\x85", 4);
	import_tally_refuse(&one, "A", cut);
	assert_int_equal(strlen(one.refusals[0].example), 126);
	for (int i = 0; i < 200; i++) {
		snprintf(reason, sizeof(reason), "R%d", i);
		import_tally_refuse(&all, reason, "x");
	}
	assert_int_equal(all.n_refusals, IMPORT_REASONS_MAX);
	assert_int_equal(all.refusals[IMPORT_REASONS_MAX - 1].count, 200 - IMPORT_REASONS_MAX + 1);
	one.accepted = 3;
	all = (struct import_tally){.accepted = 1};
	import_tally_add(&all, &one);
	import_tally_add(&all, &one);
	assert_int_equal(all.accepted, 7);
	assert_int_equal(all.n_refusals, 1);
	assert_int_equal(all.refusals[0].count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(stays_whole_when_writing_fails),
		cmocka_unit_test(refuses_what_is_no_state),
		cmocka_unit_test(refuses_numbers_that_cannot_be),
		cmocka_unit_test(counts_by_reason),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
