/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flags: every option of memberctl, once. Parsing, --help and shell completion read this table;
 * commands name the rows they take.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_FLAGS(X)                                                                              \
	/*  id           name            argument   help                                */        \
	X(SERVER, "server", "ADDRESS",                                                            \
	  "where memberd listens; else MEMBERD_SERVER, else "                                     \
	  "127.0.0.1:7443")                                                                       \
	X(TOKEN_FILE, "token-file", "FILE",                                                       \
	  "a file that holds the token; else MEMBERD_TOKEN is "                                   \
	  "the token")                                                                            \
	X(TIMEOUT, "timeout", "SECONDS",                                                          \
	  "for one call, its repetitions included; default 10, of an import 60")                  \
	X(OUTPUT, "output", "table|json", "for eyes (default) or for scripts")                    \
	X(HELP, "help", NULL, "this text")                                                        \
	X(MIN_REVISION, "min-revision", "N", "answer from nothing older than this revision")      \
	X(AS_OF, "as-of", "TIME", "as of this instant (RFC 3339), not after now; default now")    \
	X(KNOWN_AT, "known-at", "TIME",                                                           \
	  "as it was known at this instant (RFC 3339), not after now; default "                   \
	  "now; not with --min-revision")                                                         \
	X(ZONE, "zone", "ZONE",                                                                   \
	  "show the times of tables by the clock of this offset, such as +08:00, or by that of "  \
	  "the programme (needs scores.read); default Z")                                         \
	X(ALL, "all", NULL, "every row, not the first ten")                                       \
	X(KIND, "kind", "KIND", "of this kind only, of those above")                              \
	X(CURSOR, "cursor", "CURSOR", "go on after it; else from now on")                         \
	X(TOLD, "told", NULL, "the log of what was told, corrections included")                   \
	X(NAME, "name", "TEXT", "display name")                                                   \
	X(BIRTHDAY, "birthday", "MM-DD", "month and day of birth")                                \
	X(REGION, "region", "CODE", "CLDR region, such as CN")                                    \
	X(LANGUAGE, "language", "TAG", "BCP 47 tag, such as zh-Hans")                             \
	X(VERIFIED, "verified", NULL, "a platform has verified who this is")                      \
	X(NOT_VERIFIED, "not-verified", NULL, "no platform has verified who this is")             \
	X(ETAG, "etag", "ETAG", "only if the profile is as it was read (get --full tells it)")    \
	X(UNTIL, "until", "TIME", "when it ends (RFC 3339), after now")                           \
	X(DELTA, "delta", "N", "basis points more, or less with a -; 10,000 is all of it")        \
	X(REQUEST_ID, "request-id", "UUID",                                                       \
	  "say it again to repeat this call safely; else random")                                 \
	X(ONLY, "only", "active|suspended", "members in this state")                              \
	X(LIMIT, "limit", "N", "at most so many; default all")                                    \
	X(SAVE, "save", "FILE", "write it into this file instead; -o FILE is the same")           \
	X(REASON, "reason", "TEXT",                                                               \
	  "why; stands in the audit trail; required to decide or publish")                        \
	X(HEADS, "heads", "FILE",                                                                 \
	  "remembers how each chain ended, and sees the next time if one was cut off or made "    \
	  "anew")                                                                                 \
	X(FULL, "full", NULL, "with profile and identities (needs members.personal)")             \
	X(LINE, "line", "LINE",                                                                   \
	  "NO:PRICE[:CHANNEL[:MEMBER_PRICE[:CATEGORY[:BRAND]]]], once for "                       \
	  "each line")                                                                            \
	X(COUPON, "coupon", "COUPON",                                                             \
	  "AMOUNT[:THRESHOLD[:BRAND]], at most one of the platform "                              \
	  "and one of a brand")                                                                   \
	X(CURRENCY, "currency", "CODE", "of the basket; default CNY")                             \
	X(FILE, "file", "FILE", "the request as JSON; - reads standard input")                    \
	X(SERVICE, "service", "NAME", "ask for this service; else for the whole server")          \
	X(MAPPING, "mapping", "FILE", "how rows become activities (docs/import.md); required")    \
	X(STATE, "state", "FILE", "keeps how far the import came, so that it goes on from there") \
	X(SHIFT_WEEKS, "shift-weeks", "N", "move the log by N weeks, whatever the mapping says")  \
	X(DRY_RUN, "dry-run", NULL, "read, match and report; no server is asked")                 \
	X(STRICT, "strict", NULL, "end with an error at the first line left out or unmatched")    \
	X(PRINT, "print-activities", NULL,                                                        \
	  "with --dry-run: each activity on stdout as a line of "                                 \
	  "JSON")                                                                                 \
	X(IN_FLIGHT, "in-flight", "N", "calls under way at once; 1 to 64, default 8")

enum flag_id {
#define X(id, name, argument, help) FLAG_##id,
	CTL_FLAGS(X)
#undef X
		FLAG_END
};

#define FLAG_BIT(id) (UINT64_C(1) << FLAG_##id)
/* Those that every command takes, and those of all that ask a server. */
#define FLAGS_ALL FLAG_BIT(HELP)
#define FLAGS_SERVER \
	(FLAG_BIT(SERVER) | FLAG_BIT(TOKEN_FILE) | FLAG_BIT(TIMEOUT) | FLAG_BIT(OUTPUT))

#define ZONE_PROGRAMME "programme" /* a value of --zone */

#define FLAG_VALUES_MAX 256 /* of one option */

struct flag_info {
	const char *name, *argument, *help;
};

/* What a command line held. Borrows argv. */
struct flags {
	const char *values[FLAG_END]; /* the last one; "" for flags; NULL when absent */
	const char *lines[FLAG_VALUES_MAX], *coupons[FLAG_VALUES_MAX];
	size_t n_lines, n_coupons;
	const char *arguments[8];
	size_t n_arguments;
};

const struct flag_info *flag_info(enum flag_id id);
/* The arguments after the command's name. `allowed`: FLAG_BITs. */
enum mb_code flags_parse(struct flags *flags, uint64_t allowed, int argc, char **argv,
			 struct mb_err *err);
bool flags_has(const struct flags *flags, enum flag_id id);
/* A whole number; `otherwise` when the option is absent. */
enum mb_code flags_number(const struct flags *flags, enum flag_id id, int64_t min, int64_t max,
			  int64_t otherwise, int64_t *out, struct mb_err *err);
