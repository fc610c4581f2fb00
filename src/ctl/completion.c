/* SPDX-License-Identifier: Apache-2.0 */
/*
 * completion: a script for the shell, made from the tables of commands and flags.
 *
 * Its function knows four things: the commands; per command its options, the words of its first argument
 * (`words`, as "list verify" of audit) and whether files come after them (`files`); the options whose
 * value is a file or one of some words. Where none of that fits it offers nothing.
 */
#include "ctl/commands.h"
#include "ctl/ctl.h"

#include <string.h>

static bool takes_files(const struct ctl_command *command)
{
	return strstr(command->arguments, "FILE") != NULL;
}

static void print_commands(FILE *out)
{
	for (const struct ctl_command *command = CTL_COMMANDS; command->name != NULL; command++) {
		fprintf(out, "%s%s", command == CTL_COMMANDS ? "" : " ", command->name);
	}
}

static void print_options(FILE *out, uint64_t flags)
{
	for (int i = 0; i < FLAG_END; i++) {
		if ((flags >> i & 1) != 0) {
			fprintf(out, " --%s", flag_info((enum flag_id)i)->name);
		}
	}
}

enum value { VALUE_NONE, VALUE_FILE, VALUE_WORDS, VALUE_OTHER };

static enum value value_of(const struct flag_info *info)
{
	if (info->argument == NULL) {
		return VALUE_NONE;
	}
	if (strcmp(info->argument, "FILE") == 0) {
		return VALUE_FILE;
	}
	return strchr(info->argument, '|') != NULL ? VALUE_WORDS : VALUE_OTHER;
}

/* The pattern of a case: --file|--mapping */
static void print_pattern(FILE *out, enum value value)
{
	const char *before = "  ";

	for (int i = 0; i < FLAG_END; i++) {
		if (value_of(flag_info((enum flag_id)i)) == value) {
			fprintf(out, "%s--%s", before, flag_info((enum flag_id)i)->name);
			before = "|";
		}
	}
	fputs(") ", out);
}

/* What follows an option that has a value. */
static void print_values(FILE *out)
{
	for (int i = 0; i < FLAG_END; i++) {
		const struct flag_info *info = flag_info((enum flag_id)i);

		if (value_of(info) != VALUE_WORDS) {
			continue;
		}
		fprintf(out, "  --%s) COMPREPLY=($(compgen -W '", info->name);
		for (const char *p = info->argument; *p != '\0'; p++) {
			fputc(*p == '|' ? ' ' : *p, out);
		}
		fputs("' -- \"$word\")); return ;;\n", out);
	}
	print_pattern(out, VALUE_FILE);
	fputs("COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", out);
	print_pattern(out, VALUE_OTHER);
	fputs("return ;;\n", out);
}

static void print_command(FILE *out, const struct ctl_command *command)
{
	const char *at = NULL;
	struct str word;

	fprintf(out, "  %s) options='", command->name);
	print_options(out, command->flags | FLAGS_ALL);
	fputs("' words='", out);
	if (command->run == command_help) {
		print_commands(out);
	}
	while ((word = ctl_next_word(command, &at)).ptr != NULL) {
		fprintf(out, " %.*s", STR_ARG(word));
	}
	fprintf(out, "' files=%s ;;\n", takes_files(command) ? "1" : "");
}

static void print_bash(FILE *out)
{
	fputs("# bash completion of memberctl: source <(memberctl completion bash)\n"
	      "_memberctl() {\n"
	      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "  local options= words= files=\n"
	      "  COMPREPLY=()\n"
	      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	      "    COMPREPLY=($(compgen -W '",
	      out);
	print_commands(out);
	fputs("' -- \"$word\"))\n"
	      "    return\n"
	      "  fi\n"
	      "  # --option=value comes as three words\n"
	      "  if [ \"$word\" = = ]; then word=\n"
	      "  elif [ \"$before\" = = ]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
	      "  case $before in\n",
	      out);
	print_values(out);
	fputs("  esac\n"
	      "  case ${COMP_WORDS[1]} in\n",
	      out);
	for (const struct ctl_command *command = CTL_COMMANDS; command->name != NULL; command++) {
		print_command(out, command);
	}
	fputs("  esac\n"
	      "  if [[ $word == -* ]]; then\n"
	      "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
	      "  elif [ -n \"$words\" ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
	      "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	      "  elif [ -n \"$files\" ]; then\n"
	      "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
	      "  fi\n"
	      "}\n"
	      "complete -o filenames -F _memberctl memberctl\n",
	      out);
}

int command_completion(struct ctl *ctl)
{
	if (!ctl_takes_word(ctl->command, ctl->flags.arguments[0])) {
		return ctl_fail(ctl, EXIT_USAGE, "no completion for '%.32s'; there is: bash",
				ctl->flags.arguments[0]);
	}
	print_bash(ctl->out);
	return EXIT_OK;
}
