/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option: a program's options as one table, from which its struct, defaults, flags, environment,
 * file keys, checks and help are expanded.
 *
 *     #define ECHO_OPTIONS(X)                                                                  \
 *             X(serving, GROUP, 0, 0, 0, 0, "", "Serving")                                     \
 *             X(listen, STR, "127.0.0.1:7443", 1, 255, 0, "HOST:PORT", "address of the calls") \
 *             X(queues, INT, 2, 1, 64, 0, "N", "threads that take calls")                      \
 *             X(format, CHOICE, "auto", 0, 0, 0, "auto|text|json", "form of the log")          \
 *             X(verbose, BOOL, false, 0, 0, 0, "", "tell more")
 *
 *     struct echo_options {
 *     #define X(...) OPTION_FIELD(__VA_ARGS__)
 *             ECHO_OPTIONS(X)
 *     #undef X
 *     };
 *
 *     static const struct option_row rows[] = {
 *     #define X(...) OPTION_ROW(struct echo_options, __VA_ARGS__)
 *             ECHO_OPTIONS(X)
 *     #undef X
 *     };
 *
 * The field arena_budget_mb is the flag --arena-budget-mb, the file's key arena-budget-mb and, with
 * the prefix MEMBERD, the variable MEMBERD_ARENA_BUDGET_MB. Flag > environment > file > default,
 * whatever the order of reading; a value that is overridden is checked all the same. What is not in
 * the table is refused with the nearest name that is.
 *
 * Threads:  one; getopt_long() has state of its own.
 * Memory:   texts of flags and of the environment are borrowed, those of files copied into the set.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
	OPTION_GROUP, /* no option: a heading of the help, whose text is in `help` */
	OPTION_STR, /* const char *; min and max are its bytes, max 0: any */
	OPTION_INT, /* int64_t in [min, max] */
	OPTION_BOOL, /* bool: --name, --name=true, --name=false */
	OPTION_CHOICE, /* int: index of the word in arg, "a|b|c" */
};

#define OPTION_SECRET  1 /* its value is not shown */
#define OPTION_ACTION  2 /* asks for something once: a flag only */
#define OPTION_RELOAD  4 /* read again on SIGHUP */
#define OPTION_NO_FILE 8 /* no key of a file */

enum option_origin { OPTION_DEFAULT, OPTION_FILE, OPTION_ENVIRONMENT, OPTION_FLAG };

struct option_row {
	const char *field;
	enum option_type type;
	const char *default_text;
	int64_t default_number, min, max;
	int flags;
	const char *arg; /* "HOST:PORT"; of a choice, its words */
	const char *help;
	size_t offset; /* into the struct of values */
};

#define OPTION_FIELD(field, type, ...) OPTION_FIELD_##type(field)
#define OPTION_FIELD_GROUP(field)
#define OPTION_FIELD_STR(field)	   const char *field;
#define OPTION_FIELD_INT(field)	   int64_t field;
#define OPTION_FIELD_BOOL(field)   bool field;
#define OPTION_FIELD_CHOICE(field) int field;

#define OPTION_ROW(values, field, type, def, min, max, flags, arg, help)                   \
	{#field, OPTION_##type, OPTION_DEFAULT_##type(def),	    (min), (max), (flags), \
	 (arg),	 (help),	OPTION_OFFSET_##type(values, field)},
#define OPTION_DEFAULT_GROUP(def)	    NULL, 0
#define OPTION_DEFAULT_STR(def)		    (def), 0
#define OPTION_DEFAULT_INT(def)		    NULL, (def)
#define OPTION_DEFAULT_BOOL(def)	    NULL, (def)
#define OPTION_DEFAULT_CHOICE(def)	    (def), 0
#define OPTION_OFFSET_GROUP(values, field)  0
#define OPTION_OFFSET_STR(values, field)    offsetof(values, field)
#define OPTION_OFFSET_INT(values, field)    offsetof(values, field)
#define OPTION_OFFSET_BOOL(values, field)   offsetof(values, field)
#define OPTION_OFFSET_CHOICE(values, field) offsetof(values, field)

#define OPTION_ROWS_MAX 64
#define OPTION_NAME_MAX 40

/* Caller's memory. */
struct option_set {
	const struct option_row *rows;
	size_t n;
	const char *prefix; /* of environment variables: "MEMBERD" */
	void *values;
	struct arena *arena;
	enum option_origin origin[OPTION_ROWS_MAX];
	char names[OPTION_ROWS_MAX][OPTION_NAME_MAX]; /* with dashes */
};

/* Sets the defaults. MB_OVERLOADED when memory is short. The table is asserted to be sound. */
enum mb_code option_init(struct option_set *set, const struct option_row *rows, size_t n,
			 const char *prefix, void *values, struct mb_err *err);
void option_fini(struct option_set *set);

/* Each: MB_FIELD_INVALID with a line that says which and what would do. */
enum mb_code option_read_flags(struct option_set *set, int argc, char **argv, struct mb_err *err);
/* environ's form. foreign: names without the prefix that belong to somebody else and are passed over,
 * ended by NULL; "PORT*" is all that begin so. NULL for none. */
enum mb_code option_read_environment(struct option_set *set, char *const *environment,
				     const char *const *foreign, struct mb_err *err);
/* One pair of a file; the caller puts file and line before the error's text. */
enum mb_code option_read_pair(struct option_set *set, struct str key, struct str value,
			      struct mb_err *err);

/* Where the value of a field comes from; the field must be in the table. */
enum option_origin option_origin(const struct option_set *set, const char *field);

/* The options by group, with argument, help and default. */
void option_help(const struct option_set *set, struct strbuf *out);
/* `key: value  # origin`, a line each, in a form that a file may have; secrets hidden. */
void option_print(const struct option_set *set, struct strbuf *out);
