/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options: everything about memberd that an operator can set, in one table; docs/operations.md tells
 * the rest.
 */
#pragma once

#include "base/option.h"

#include <stdio.h>

/* After sysexits(3), so that a supervisor can tell what is worth another try. */
#define EXIT_CODES(X)                                                                \
	X(OK, 0, "it did what it was asked")                                         \
	X(USAGE, 64, "an option is wrong")                                           \
	X(UNAVAILABLE, 69, "the store cannot be opened, or an address not be bound") \
	X(SOFTWARE, 70, "a defect of memberd")                                       \
	X(IO, 74, "the data directory cannot be made or read")                       \
	X(AGAIN, 75, "another memberd has the store: try again when it has gone")    \
	X(CONFIG, 78, "a file or the environment is wrong: config, policy, tokens, key")

enum exit_code {
#define X(name, number, text) EXIT_##name = (number),
	EXIT_CODES(X)
#undef X
};

enum { COALESCE_ON, COALESCE_OFF };
enum { STORE_SQLITE, STORE_MEMORY };
enum { MIGRATE_ON, MIGRATE_OFF, MIGRATE_ONLY };
enum { FORMAT_AUTO, FORMAT_TEXT, FORMAT_JSON };
enum { ACCESS_ALL, ACCESS_ERRORS, ACCESS_OFF };

#ifdef MEMBERD_TEST_HOOKS
#define MEMBERD_HOOKS(X)                                                                         \
	X(hooks, GROUP, 0, 0, 0, 0, "",                                                          \
	  "Tests (this build has test hooks: never run it in earnest)")                          \
	X(clock, STR, "system", 1, 4095, 0, "CLOCK",                                             \
	  "system, fixed:TIME, offset:SECONDS, or socket:PATH[,TIME]: a Unix socket that takes " \
	  "'set TIME', 'advance SECONDS' and 'fault NAME:N', a line each, and answers 'ok'")     \
	X(fault, STR, "", 0, 255, 0, "NAME:N",                                                   \
	  "the Nth passing of this fault point fails; NAME:N*COUNT: so many in a row, 0: for "   \
	  "ever")
#else
#define MEMBERD_HOOKS(X)
#endif

/* field, type, default, min, max, flags, argument, help */
#define MEMBERD_OPTIONS(X)                                                                         \
	X(serving, GROUP, 0, 0, 0, 0, "", "Serving")                                               \
	X(listen, STR, "127.0.0.1:7443", 1, 255, 0, "ADDRESS",                                     \
	  "where gRPC is served: HOST:PORT, [::1]:PORT or unix:PATH; port 0 takes any")            \
	X(admin_listen, STR, "127.0.0.1:7090", 0, 255, 0, "HOST:PORT",                             \
	  "where /metrics, /healthz and /readyz are served over HTTP, to anybody; '' is off")      \
	X(token_file, STR, "", 0, 4095, OPTION_RELOAD, "FILE",                                     \
	  "who may call: lines of 'role[:subject] sha256:HEX'; without it every caller is admin, " \
	  "which only a loopback address or a Unix socket may offer")                              \
	X(plaintext_behind_proxy, BOOL, false, 0, 0, 0, "",                                        \
	  "serve without TLS on an address that others reach: a proxy in front must bring it; "    \
	  "needs --token-file")                                                                    \
	X(keeping, GROUP, 0, 0, 0, 0, "", "Data")                                                  \
	X(data, STR, "./memberd-data", 1, 4000, 0, "DIR",                                          \
	  "everything that is kept: the database memberd.db and the key file; made with mode "     \
	  "0700")                                                                                  \
	X(store, CHOICE, "sqlite", 0, 0, 0, "sqlite|memory",                                       \
	  "sqlite is durable; memory forgets all when it ends")                                    \
	X(migrate, CHOICE, "on", 0, 0, 0, "on|off|only",                                           \
	  "bring an older database up to date at the start; off refuses it, only ends after it")   \
	X(new_store_id, BOOL, false, 0, 0, 0, "",                                                  \
	  "this database is a restored copy: give it an identity of its own")                      \
	X(key_file, STR, "", 0, 4095, 0, "FILE",                                                   \
	  "the key that personal data is sealed with; made at the first start [DIR/master.key]")   \
	X(programme, GROUP, 0, 0, 0, 0, "", "Policy")                                              \
	X(policy, STR, "", 0, 4095, OPTION_RELOAD, "FILE",                                         \
	  "publish this version of the policy if it is the next one")                              \
	X(check_policy, STR, "", 0, 4095, OPTION_ACTION, "FILE",                                   \
	  "check a policy file, tell what is wrong with it, and end")                              \
	X(print_policy, BOOL, false, 0, 0, OPTION_ACTION, "",                                      \
	  "print the built-in policy, or that of --policy, and end")                               \
	X(sweeping, GROUP, 0, 0, 0, 0, "", "Sweeping and watching")                                \
	X(sweep_every_ms, INT, 1000, 0, 3600000, 0, "MS",                                          \
	  "time between two rounds that tell what time alone has done to members; 0: it is told "  \
	  "by their next write")                                                                   \
	X(checkpoint_from, INT, 256, 1, 100000000, 0, "N",                                         \
	  "activities from which a ledger gets a checkpoint")                                      \
	X(sweep_members, INT, 16, 1, 256, 0, "N", "members that one step of a round looks at")     \
	X(sweep_pause_ms, INT, 10, 0, 60000, 0, "MS",                                              \
	  "time between two steps, which belongs to the callers")                                  \
	X(watch_idle_ms, INT, 30000, 100, 3600000, 0, "MS",                                        \
	  "a watch that has nothing to tell gets a cursor about so often")                         \
	X(hot, GROUP, 0, 0, 0, 0, "", "Hot members")                                               \
	X(cache_mb, INT, 256, 0, 1048576, 0, "MB",                                                 \
	  "memory for members who were read lately, some 4000 in each MB; 0: none are kept")       \
	X(redis, STR, "", 0, 1023, OPTION_SECRET, "URL",                                           \
	  "a Redis for members who were read lately: redis://[USER:PASSWORD@]HOST[:PORT][/DB] or " \
	  "unix:///PATH; '' is none")                                                              \
	X(redis_budget_ms, INT, 5, 1, 10000, 0, "MS",                                              \
	  "what one look into Redis may cost a call before the database is read instead")          \
	X(redis_ttl_s, INT, 86400, 1, 31536000, 0, "S",                                            \
	  "how long Redis keeps a member whom nobody writes")                                      \
	X(telling, GROUP, 0, 0, 0, 0, "", "Log")                                                   \
	X(log_level, CHOICE, "info", 0, 0, 0, "error|warn|info|debug", "what is worth a line")     \
	X(log_format, CHOICE, "auto", 0, 0, 0, "auto|text|json",                                   \
	  "form of a line on stderr; auto is text on a terminal and json elsewhere")               \
	X(access_log, CHOICE, "all", 0, 0, 0, "all|errors|off",                                    \
	  "a line for every call, for those that failed, or none")                                 \
	X(sizing, GROUP, 0, 0, 0, 0, "", "Limits")                                                 \
	X(queues, INT, 0, 0, 64, 0, "N",                                                           \
	  "threads that take calls; 0: one for each core that memberd may use, 16 at most")        \
	X(coalesce, CHOICE, "on", 0, 0, 0, "on|off",                                               \
	  "send answers together that are ready together, which saves much work under load")       \
	X(readers, INT, 2, 1, 64, 0, "N", "threads that read the database")                        \
	X(pending_max, INT, 1000, 1, 1000000, 0, "N",                                              \
	  "calls in work at once; what comes beyond is answered UNAVAILABLE")                      \
	X(arena_budget_mb, INT, 256, 16, 65536, 0, "MB", "memory for all calls together")          \
	X(drain_notice_ms, INT, 1000, 0, 600000, 0, "MS",                                          \
	  "going down: time between telling it by health and taking no more calls")                \
	X(drain_grace_ms, INT, 10000, 0, 600000, 0, "MS",                                          \
	  "going down: time for calls in work before they are cancelled")                          \
	MEMBERD_HOOKS(X)                                                                           \
	X(asking, GROUP, 0, 0, 0, 0, "", "Configuration")                                          \
	X(config, STR, "", 0, 4095, OPTION_NO_FILE, "FILE",                                        \
	  "a YAML file of these options, as --print-config writes it")                             \
	X(check_config, BOOL, false, 0, 0, OPTION_ACTION, "",                                      \
	  "check options and the files they name, and end; touches no data")                       \
	X(print_config, BOOL, false, 0, 0, OPTION_ACTION, "",                                      \
	  "print every option, its value and where it comes from, and end")                        \
	X(version, BOOL, false, 0, 0, OPTION_ACTION, "", "print the version and end")              \
	X(help, BOOL, false, 0, 0, OPTION_ACTION, "", "print this and end")

struct daemon_options {
#define X(...) OPTION_FIELD(__VA_ARGS__)
	MEMBERD_OPTIONS(X)
#undef X
};

/* Reads flags, environment and the file that they name. On failure *exit_code says how to end.
 * options_fini() in any case. */
enum mb_code options_read(struct option_set *set, struct daemon_options *options, int argc,
			  char **argv, char *const *environment, enum exit_code *exit_code,
			  struct mb_err *err);
void options_fini(struct option_set *set);

/* The checks that look at several options at once. */
enum mb_code options_check(const struct daemon_options *options, struct mb_err *err);

void options_help(const struct option_set *set, struct strbuf *out);
