/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ctl.h"

#include "base/arena.h"
#include "base/attr.h"
#include "client/client.h"
#include "ctl/clean.h"
#include "ctl/commands.h"
#include "ctl/input.h"
#include "ctl/near.h"
#include "ctl/show.h"

#include <stdarg.h>
#include <string.h>

static void complain(FILE *err, const char *fmt, va_list args) MB_PRINTF(2, 0);
static void complain_of(FILE *err, const char *fmt, ...) MB_PRINTF(2, 3);

/* A line on stderr. It may quote what somebody else wrote, and a terminal obeys control characters. */
static void complain(FILE *err, const char *fmt, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, args);
	clean_text(text);
	fprintf(err, "memberctl: %s\n", text);
}

static void complain_of(FILE *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(err, fmt, args);
	va_end(args);
}

int ctl_fail(struct ctl *ctl, int exit_code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(ctl->err, fmt, args);
	va_end(args);
	if (exit_code == EXIT_USAGE && ctl->command != NULL) {
		fprintf(ctl->err, "`memberctl %s --help` explains\n", ctl->command->name);
	}
	return exit_code;
}

int ctl_fail_err(struct ctl *ctl, const struct mb_err *err)
{
	const char *advice = exits_advice(err);
	const char *field = err->field;
	const char *reason =
		err->code != MB_FIELD_INVALID || field[0] != '\0' ? mb_code_reason(err->code) : "";

	complain_of(ctl->err, "%s%s%s%s%s", reason, reason[0] == '\0' ? "" : ": ", field,
		    field[0] == '\0' ? "" : ": ", err->text);
	if (advice != NULL) {
		fprintf(ctl->err, "%s\n", advice);
	}
	return exits_from_code(err->code);
}

int ctl_fail_in(struct ctl *ctl, const char *path, const struct mb_err *err)
{
	complain_of(ctl->err, "%s: %s%s%s", input_name(path), err->field,
		    err->field[0] == '\0' ? "" : ": ", err->text);
	return exits_from_code(err->code);
}

/* Text from the present column on, its further lines set under its first. */
static void print_wrapped(FILE *out, int column, const char *text)
{
	int at = column;

	for (const char *word = text; *word != '\0';) {
		int len = (int)strcspn(word, " ");

		if (at > column && at + 1 + len > 96) {
			fprintf(out, "\n%*s", column, "");
			at = column;
		} else if (at > column) {
			at += fprintf(out, " ");
		}
		at += fprintf(out, "%.*s", len, word);
		word += len + (word[len] == ' ');
	}
	fputc('\n', out);
}

static void print_flags(FILE *out, uint64_t flags)
{
	for (int i = 0; i < FLAG_END; i++) {
		const struct flag_info *info = flag_info((enum flag_id)i);
		char left[40];
		int width;

		if ((flags >> i & 1) != 0) {
			snprintf(left, sizeof(left), "--%s%s%s", info->name,
				 info->argument != NULL ? " " : "",
				 info->argument != NULL ? info->argument : "");
			width = fprintf(out, "  %-22s ", left);
			print_wrapped(out, width, info->help);
		}
	}
}

static void print_exits(FILE *out)
{
	fputs("\nexit codes:\n", out);
#define X(name, code, text) fprintf(out, "  %3d  %s\n", code, text);
	CTL_EXITS(X)
#undef X
}

static int print_command_help(const struct ctl *ctl, const struct ctl_command *command)
{
	fprintf(ctl->out, "memberctl %s [OPTION]...%s%s\n\n%s\noptions:\n", command->name,
		command->arguments[0] != '\0' ? " " : "", command->arguments, command->text);
	print_flags(ctl->out, command->flags | FLAGS_ALL);
	print_exits(ctl->out);
	return EXIT_OK;
}

static int print_help(FILE *out, int exit_code)
{
	fputs("memberctl COMMAND [OPTION]... [ARGUMENT]...: the command line of memberd\n\n"
	      "commands:\n",
	      out);
	for (const struct ctl_command *command = CTL_COMMANDS; command->name != NULL; command++) {
		fprintf(out, "  %-11s  %s\n", command->name, command->summary);
	}
	print_exits(out);
	return exit_code;
}

static const struct ctl_command *find_command(const char *name)
{
	for (const struct ctl_command *command = CTL_COMMANDS; command->name != NULL; command++) {
		if (strcmp(command->name, name) == 0) {
			return command;
		}
	}
	return NULL;
}

static int refuse_command(struct ctl *ctl, const char *name)
{
	struct near near = {.text = name};

	if (name[0] == '-') {
		return ctl_fail(ctl, EXIT_USAGE,
				"'%.32s' stands before the command; options come after it, as in "
				"`memberctl get MEMBER --output json`",
				name);
	}
	for (const struct ctl_command *command = CTL_COMMANDS; command->name != NULL; command++) {
		near_try(&near, command->name);
	}
	if (near.name == NULL) {
		return ctl_fail(ctl, EXIT_USAGE, "no command '%.32s'; `memberctl help` lists them",
				name);
	}
	return ctl_fail(ctl, EXIT_USAGE,
			"no command '%.32s'; did you mean '%s'? `memberctl help` lists them", name,
			near.name);
}

static int tell_usage(struct ctl *ctl)
{
	const struct ctl_command *command = ctl->command;

	return ctl_fail(ctl, EXIT_USAGE, "usage: memberctl %s [OPTION]...%s%s", command->name,
			command->arguments[0] != '\0' ? " " : "", command->arguments);
}

int command_help(struct ctl *ctl)
{
	const char *const *arguments = ctl->flags.arguments;
	const struct ctl_command *command;

	if (ctl->flags.n_arguments == 0) {
		return print_help(ctl->out, EXIT_OK);
	}
	command = find_command(arguments[0]);
	if (command == NULL) {
		ctl->command = NULL;
		return refuse_command(ctl, arguments[0]);
	}
	if (ctl->flags.n_arguments > 1 && !ctl_takes_word(command, arguments[1])) {
		return tell_usage(ctl);
	}
	return print_command_help(ctl, command);
}

int command_version(struct ctl *ctl)
{
	fprintf(ctl->out, ctl->json ? "{\n  \"version\": \"" MEMBERD_VERSION "\"\n}\n"
				    : "memberctl " MEMBERD_VERSION "\n");
	return EXIT_OK;
}

/* Words stand in `arguments` in small letters: "list | get [VERSION]". */
struct str ctl_next_word(const struct ctl_command *command, const char **at)
{
	const char *p = *at != NULL ? *at : command->arguments;

	while (*p != '\0') {
		size_t len = strcspn(p, " ");
		const char *word = p;

		p += len + (p[len] == ' ');
		if (strspn(word, "abcdefghijklmnopqrstuvwxyz") == len) {
			*at = p;
			return (struct str){word, len};
		}
	}
	return (struct str){NULL, 0};
}

bool ctl_takes_word(const struct ctl_command *command, const char *text)
{
	const char *at = NULL;
	struct str word;

	while ((word = ctl_next_word(command, &at)).ptr != NULL) {
		if (str_eq(word, str_from(text))) {
			return true;
		}
	}
	return false;
}

static bool take_zone(const struct ctl *ctl)
{
	const char *zone = ctl->flags.values[FLAG_ZONE];
	int minutes = 0;

	if (zone != NULL && strcmp(zone, ZONE_PROGRAMME) != 0 && !show_parse_zone(zone, &minutes)) {
		return false;
	}
	show_in_zone(minutes); /* that of the programme is asked for when there is a connection */
	return true;
}

static int run_command(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *command = ctl->command;
	const char *output;
	struct mb_err err;

	if (flags_parse(&ctl->flags, command->flags | FLAGS_ALL, argc, argv, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_USAGE, "%s", err.text);
	}
	if (flags_has(&ctl->flags, FLAG_HELP)) {
		return print_command_help(ctl, command);
	}
	output = ctl->flags.values[FLAG_OUTPUT];
	if (output != NULL && strcmp(output, "table") != 0 && strcmp(output, "json") != 0) {
		return ctl_fail(ctl, EXIT_USAGE, "--output is table or json");
	}
	ctl->json = output != NULL && strcmp(output, "json") == 0;
	if (!take_zone(ctl)) {
		return ctl_fail(ctl, EXIT_USAGE,
				"--zone is an offset such as +08:00, Z, or programme");
	}
	if (ctl->flags.n_arguments < command->min_arguments ||
	    ctl->flags.n_arguments > command->max_arguments) {
		return tell_usage(ctl);
	}
	return command->run(ctl);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	const char *name = argv[1];
	int exit_code;

	if (argc < 2) {
		return print_help(ctl->err, EXIT_USAGE);
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		name = "help";
	} else if (strcmp(name, "--version") == 0) {
		name = "version";
	}
	ctl->command = find_command(name);
	if (ctl->command == NULL) {
		return refuse_command(ctl, name);
	}
	ctl->arena = arena_create(NULL, 0);
	if (ctl->arena == NULL) {
		return ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
	}
	exit_code = run_command(ctl, argc - 2, argv + 2);
	client_destroy(ctl->client);
	arena_destroy(ctl->arena);
	return exit_code;
}

int ctl_main(int argc, char **argv, FILE *out, FILE *err)
{
	struct ctl ctl = {.out = out, .err = err};
	int exit_code = run(&ctl, argc, argv);

	if (fflush(out) != 0 || ferror(out)) {
		return ctl_fail(&ctl, EXIT_IO, "stdout cannot be written");
	}
	return exit_code;
}
