/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/clock.h"
#include "ctl/commands.h"
#include "ctl/ctl.h"
#include "ctl/import_impl.h"
#include "ctl/input.h"
#include "ctl/mapping.h"
#include "ctl/pbjson.h"
#include "ctl/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAPPING_BYTES_MAX 65536

int64_t import_shift_us(const struct import *import)
{
	return import->shift_weeks * 7 * US_PER_DAY;
}

static enum mb_code read_mapping(struct import *import, const char *path, struct mb_err *err)
{
	struct ctl *ctl = import->ctl;
	char *text;
	size_t len;
	enum mb_code code = input_slurp(path, MAPPING_BYTES_MAX, &text, &len, err);

	if (code != MB_OK) {
		return code;
	}
	code = mapping_parse(path, (struct str){text, len}, ctl->arena, &import->mapping, err);
	free(text);
	return code;
}

static enum mb_code print_line(struct import *import, size_t i, int64_t shift_us,
			       struct strbuf *line, struct mb_err *err)
{
	static const struct pbjson_style style = {.leave_out_defaults = true};
	struct arena *arena = arena_create(NULL, 0);
	Memberd__V1__Activity *activity =
		arena == NULL ? NULL
			      : wire_activity(import->mapping, &import->plan, i, shift_us, arena);

	strbuf_reset(line);
	if (activity != NULL) {
		pbjson_print(&activity->base, style, line);
		strbuf_putc(line, '\n');
	}
	arena_destroy(arena);
	return activity != NULL && !line->failed ? MB_OK
						 : mb_fail(err, MB_INTERNAL, "out of memory");
}

enum mb_code import_print(struct import *import, FILE *to, struct mb_err *err)
{
	struct strbuf line = {0};
	struct sha256 sha = {0};
	enum mb_code code = MB_OK;

	sha256_start(&sha);
	for (size_t i = 0; i < import->plan.n && code == MB_OK; i++) {
		code = print_line(import, i, 0, &line, err);
		sha256_update(&sha, line.ptr, line.len);
		if (code == MB_OK && to != NULL && import->shift_weeks != 0) {
			code = print_line(import, i, import_shift_us(import), &line, err);
		}
		if (code == MB_OK && to != NULL) {
			fwrite(line.ptr, 1, line.len, to);
		}
	}
	strbuf_fini(&line);
	if (!sha256_finish_hex(&sha, import->activities_digest) && code == MB_OK) {
		code = mb_fail(err, MB_INTERNAL, "libcrypto gives no digest");
	}
	return code;
}

static enum mb_code make_plan(struct import *import, struct mb_err *err)
{
	const struct mapping *mapping = import->mapping;
	struct clock clock;
	struct input *input;
	enum mb_code code = input_open(import->file, &input, err);

	if (code != MB_OK) {
		return code;
	}
	code = intake_read(&import->intake, mapping, input, import->file, import->strict, err);
	input_close(input);
	if (code == MB_OK) {
		code = plan_build(&import->plan, &import->intake, mapping->order.decimals, err);
	}
	if (code != MB_OK) {
		return code;
	}
	if (import->strict && import->plan.first_unmatched_line > 0) {
		return mb_fail(err, MB_FIELD_INVALID, "%s:%lld: finds no purchase to take back",
			       import->file, (long long)import->plan.first_unmatched_line);
	}
	clock_init_system(&clock);
	if (mapping->shift_to_now && !flags_has(&import->ctl->flags, FLAG_SHIFT_WEEKS)) {
		import->shift_weeks = plan_shift_weeks(&import->plan, clock_now(&clock));
	}
	return MB_OK;
}

static int tell_report(struct import *import, FILE *to)
{
	struct strbuf text = {0};
	bool good;

	import_report(import, &text);
	good = !text.failed;
	fwrite(text.ptr, 1, text.len, to);
	strbuf_fini(&text);
	return good ? EXIT_OK : ctl_fail(import->ctl, EXIT_SOFTWARE, "out of memory");
}

static int report_dry_run(struct import *import)
{
	struct ctl *ctl = import->ctl;
	bool print = flags_has(&ctl->flags, FLAG_PRINT);
	struct mb_err err;

	if (import_print(import, print ? ctl->out : NULL, &err) != MB_OK) {
		return ctl_fail_err(ctl, &err);
	}
	/* activities on stdout leave stderr for the report */
	return tell_report(import, print ? ctl->err : ctl->out);
}

/* The default shift moves with the calendar: whoever imports a log again without a state meets his own
 * activities, moved. */
static void hint_at_shift(const struct import *import)
{
	const struct import_tally *tally = &import->state.tally;

	for (size_t i = 0; i < tally->n_refusals; i++) {
		if (strcmp(tally->refusals[i].reason, mb_code_reason(MB_ACTIVITY_CONFLICT)) == 0) {
			fprintf(import->ctl->err,
				"was this log imported before, moved by other than %lld weeks? "
				"With that --shift-weeks%s it changes nothing\n",
				(long long)import->shift_weeks,
				import->state_file != NULL ? " and another --state" : "");
		}
	}
}

static int send_and_report(struct import *import, int64_t in_flight)
{
	bool shift_given = flags_has(&import->ctl->flags, FLAG_SHIFT_WEEKS);
	struct mb_err err;
	int exit_code;

	if (import_resume(import, shift_given, &err) != MB_OK) {
		return ctl_fail_err(import->ctl, &err);
	}
	exit_code = import_send(import, in_flight);
	if (exit_code == EXIT_OK) {
		exit_code = tell_report(import, import->ctl->out);
	}
	if (exit_code == EXIT_OK && import->state.tally.n_refusals > 0) {
		exit_code = EXIT_NO;
	}
	if (exit_code == EXIT_NO && import->mapping->shift_to_now && !shift_given) {
		hint_at_shift(import);
	}
	return exit_code;
}

/* Sets errno when it is not. */
static bool is_readable(const char *path)
{
	struct stat info;

	if (strcmp(path, "-") == 0) {
		return true;
	}
	if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
		errno = EISDIR;
		return false;
	}
	return access(path, R_OK) == 0;
}

/* What the command line says, checked before anything is read. */
static int check_flags(struct import *import, int64_t *in_flight)
{
	struct ctl *ctl = import->ctl;
	const char *mapping = ctl->flags.values[FLAG_MAPPING], *missing;
	struct mb_err err;

	if (mapping == NULL) {
		return ctl_fail(ctl, EXIT_USAGE, "import needs --mapping FILE");
	}
	if (flags_has(&ctl->flags, FLAG_PRINT) && !import->dry_run) {
		return ctl_fail(ctl, EXIT_USAGE, "--print-activities goes with --dry-run");
	}
	if (flags_number(&ctl->flags, FLAG_SHIFT_WEEKS, -IMPORT_SHIFT_WEEKS_MAX,
			 IMPORT_SHIFT_WEEKS_MAX, 0, &import->shift_weeks, &err) != MB_OK ||
	    flags_number(&ctl->flags, FLAG_IN_FLIGHT, 1, 64, 8, in_flight, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_USAGE, "%s", err.text);
	}
	if (import->state_file != NULL &&
	    (import->state_file[0] == '\0' || strcmp(import->state_file, "-") == 0)) {
		return ctl_fail(ctl, EXIT_USAGE, "--state is the name of a file");
	}
	if (strcmp(import->file, "-") == 0 && strcmp(mapping, "-") == 0) {
		return ctl_fail(ctl, EXIT_USAGE,
				"standard input is the log or its mapping, not both");
	}
	missing = !is_readable(import->file) ? import->file : mapping;
	if (!is_readable(missing)) {
		return ctl_fail(ctl, EXIT_NO_INPUT, "%s: %s", missing, strerror(errno));
	}
	return EXIT_OK;
}

static int run_import(struct import *import)
{
	struct ctl *ctl = import->ctl;
	struct mb_err err;
	int64_t in_flight;
	int exit_code = check_flags(import, &in_flight);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	if (read_mapping(import, ctl->flags.values[FLAG_MAPPING], &err) != MB_OK ||
	    make_plan(import, &err) != MB_OK) {
		return ctl_fail_err(ctl, &err);
	}
	return import->dry_run ? report_dry_run(import) : send_and_report(import, in_flight);
}

int command_import(struct ctl *ctl)
{
	struct import import = {.ctl = ctl,
				.file = ctl->flags.arguments[0],
				.state_file = ctl->flags.values[FLAG_STATE],
				.dry_run = flags_has(&ctl->flags, FLAG_DRY_RUN),
				.strict = flags_has(&ctl->flags, FLAG_STRICT)};
	int exit_code = run_import(&import);

	plan_fini(&import.plan);
	intake_fini(&import.intake);
	return exit_code;
}
