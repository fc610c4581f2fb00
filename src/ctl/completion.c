/* SPDX-License-Identifier: Apache-2.0 */
/* completion: a script for the shell, made from the tables of commands and flags. */
#include "ctl/commands.h"
#include "ctl/ctl.h"

#include <string.h>

static void print_flags(FILE *out, uint64_t flags)
{
	for (int i = 0; i < FLAG_END; i++) {
		if ((flags >> i & 1) != 0) {
			fprintf(out, " --%s", flag_info((enum flag_id)i)->name);
		}
	}
}

/* Flags whose value is the path of a file. */
static void print_file_flags(FILE *out)
{
	bool first = true;

	for (int i = 0; i < FLAG_END; i++) {
		const struct flag_info *info = flag_info((enum flag_id)i);

		if (info->argument != NULL && strcmp(info->argument, "FILE") == 0) {
			fprintf(out, "%s--%s", first ? "" : "|", info->name);
			first = false;
		}
	}
}

static void print_bash(FILE *out)
{
	fputs("# bash completion of memberctl: source <(memberctl completion bash)\n"
	      "_memberctl() {\n"
	      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n"
	      "  COMPREPLY=()\n"
	      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	      "    words='",
	      out);
	for (const struct ctl_command *command = CTL_COMMANDS; command->name != NULL; command++) {
		fprintf(out, "%s ", command->name);
	}
	fputs("version help'\n"
	      "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	      "    return\n"
	      "  fi\n"
	      "  case $before in\n"
	      "  --output) COMPREPLY=($(compgen -W 'table json' -- \"$word\")); return ;;\n"
	      "  ",
	      out);
	print_file_flags(out);
	fputs(") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
	      "  esac\n"
	      "  case ${COMP_WORDS[1]} in\n",
	      out);
	for (const struct ctl_command *command = CTL_COMMANDS; command->name != NULL; command++) {
		fprintf(out, "  %s) words='", command->name);
		print_flags(out, command->flags | FLAGS_ALL);
		fputs("' ;;\n", out);
	}
	fputs("  esac\n"
	      "  case $word in\n"
	      "  -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
	      "  *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
	      "  esac\n"
	      "}\n"
	      "complete -o filenames -F _memberctl memberctl\n",
	      out);
}

int command_completion(struct ctl *ctl)
{
	if (strcmp(ctl->flags.arguments[0], "bash") != 0) {
		return ctl_fail(ctl, EXIT_USAGE, "no completion for '%.32s'; there is: bash",
				ctl->flags.arguments[0]);
	}
	print_bash(ctl->out);
	return EXIT_OK;
}
