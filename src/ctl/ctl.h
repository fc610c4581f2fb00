/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl: memberctl, the command line of memberd. One table says which commands there are and which
 * flags they take; this header is what they share.
 *
 * Results go to stdout, everything about them (errors, progress) to stderr.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "ctl/exits.h"
#include "ctl/flags.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct arena;
struct client;
struct ctl;

typedef int ctl_command_fn(struct ctl *ctl);

struct ctl_command {
	const char *name;
	const char *arguments; /* "MEMBER BENEFIT", for the usage line */
	size_t min_arguments, max_arguments;
	uint64_t flags; /* FLAG_BITs besides FLAGS_ALL */
	const char *summary; /* one line */
	const char *text; /* what --help says, examples included */
	ctl_command_fn *run; /* returns an exit code */
};

/* Ends with a row whose name is NULL. */
extern const struct ctl_command CTL_COMMANDS[];

/* The words that a command's argument may be ("list" and "verify" of audit): the one after *at, which
 * begins as NULL; its ptr is NULL after the last. */
struct str ctl_next_word(const struct ctl_command *command, const char **at);
bool ctl_takes_word(const struct ctl_command *command, const char *text);

/* One run of the program. */
struct ctl {
	const struct ctl_command *command;
	struct flags flags;
	bool json;
	FILE *out, *err;
	struct arena *arena; /* for the whole run */
	struct client *client; /* made by connect_client() */
};

/* The whole program but for the process: what main() does. Takes arguments from argv[1] on. */
int ctl_main(int argc, char **argv, FILE *out, FILE *err);

/* Tells an error on stderr as "memberctl: text", with what to do next, and returns `exit_code`. */
int ctl_fail(struct ctl *ctl, int exit_code, const char *fmt, ...) MB_PRINTF(3, 4);
/* The same for a failed call or check: says reason, field and text; the exit code goes by the
 * reason. */
int ctl_fail_err(struct ctl *ctl, const struct mb_err *err);
/* The same for what is wrong with a file of the user's: begins with its name. */
int ctl_fail_in(struct ctl *ctl, const char *path, const struct mb_err *err);
