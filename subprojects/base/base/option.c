/* SPDX-License-Identifier: Apache-2.0 */
#include "base/option.h"

#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HELP_COLUMN 30
#define HELP_WIDTH  96

static void *value_at(const struct option_set *set, size_t i)
{
	return (char *)set->values + set->rows[i].offset;
}

/* Index of the word in "a|b|c", -1 when it is none. */
static int choice_index(const char *words, struct str text)
{
	for (int i = 0;; i++) {
		size_t len = strcspn(words, "|");

		if (str_eq((struct str){words, len}, text)) {
			return i;
		}
		if (words[len] == '\0') {
			return -1;
		}
		words += len + 1;
	}
}

static struct str choice_word(const char *words, int index)
{
	for (; index > 0; index--) {
		words += strcspn(words, "|") + 1;
	}
	return (struct str){words, strcspn(words, "|")};
}

static void set_default(struct option_set *set, size_t i)
{
	const struct option_row *row = &set->rows[i];
	void *value = value_at(set, i);

	switch (row->type) {
	case OPTION_GROUP:
		break;
	case OPTION_STR:
		*(const char **)value = row->default_text;
		break;
	case OPTION_INT:
		assert(row->default_number >= row->min && row->default_number <= row->max);
		*(int64_t *)value = row->default_number;
		break;
	case OPTION_BOOL:
		*(bool *)value = row->default_number != 0;
		break;
	case OPTION_CHOICE:
		*(int *)value = choice_index(row->arg, str_from(row->default_text));
		assert(*(int *)value >= 0);
		break;
	}
}

enum mb_code option_init(struct option_set *set, const struct option_row *rows, size_t n,
			 const char *prefix, void *values, struct mb_err *err)
{
	assert(n <= OPTION_ROWS_MAX);
	*set = (struct option_set){.rows = rows, .n = n, .prefix = prefix, .values = values};
	set->arena = arena_create(NULL, 0);
	if (set->arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		assert(strlen(rows[i].field) < OPTION_NAME_MAX);
		for (size_t k = 0; rows[i].field[k] != '\0'; k++) {
			set->names[i][k] = rows[i].field[k] == '_' ? '-' : rows[i].field[k];
		}
		set_default(set, i);
	}
	return MB_OK;
}

void option_fini(struct option_set *set)
{
	arena_destroy(set->arena);
	set->arena = NULL;
}

/* ---- names: how each origin writes them, and the nearest one ---- */

/* "--queues", "MEMBERD_QUEUES", "queues". */
static void write_name(const struct option_set *set, enum option_origin origin, const char *name,
		       char *out, size_t size)
{
	switch (origin) {
	case OPTION_FLAG:
		snprintf(out, size, "--%s", name);
		break;
	case OPTION_ENVIRONMENT:
		snprintf(out, size, "%s_%s", set->prefix, name);
		for (; *out != '\0'; out++) {
			*out = *out == '-' ? '_' : (char)toupper((unsigned char)*out);
		}
		break;
	case OPTION_FILE:
	case OPTION_DEFAULT:
		snprintf(out, size, "%s", name);
		break;
	}
}

static bool is_option(const struct option_set *set, size_t i, enum option_origin origin)
{
	const struct option_row *row = &set->rows[i];

	if (row->type == OPTION_GROUP) {
		return false;
	}
	return origin == OPTION_FLAG ||
	       ((row->flags & OPTION_ACTION) == 0 &&
		(origin != OPTION_FILE || (row->flags & OPTION_NO_FILE) == 0));
}

/* Index of the option, or n. */
static size_t find(const struct option_set *set, enum option_origin origin, struct str name)
{
	size_t i = 0;

	while (i < set->n &&
	       !(is_option(set, i, origin) && str_eq(str_from(set->names[i]), name))) {
		i++;
	}
	return i;
}

/* Levenshtein's distance of two short names, by rows. */
static int distance(const char *a, struct str b)
{
	int row[OPTION_NAME_MAX + 1];
	int len = b.len > OPTION_NAME_MAX ? OPTION_NAME_MAX : (int)b.len;

	for (int j = 0; j <= len; j++) {
		row[j] = j;
	}
	for (int i = 1; a[i - 1] != '\0'; i++) {
		int diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= len; j++) {
			int change = diagonal + (a[i - 1] == b.ptr[j - 1] ? 0 : 1);
			int least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

			diagonal = row[j];
			row[j] = change < least ? change : least;
		}
	}
	return row[len];
}

static enum mb_code fail_unknown(const struct option_set *set, enum option_origin origin,
				 struct str name, struct mb_err *err)
{
	int nearest = 1 + (int)name.len / 3; /* farther than that is no slip of the hand */
	char wrong[OPTION_NAME_MAX * 2 + 32], right[OPTION_NAME_MAX + 32] = "";
	char text[OPTION_NAME_MAX + 1];

	for (size_t i = 0; i < set->n; i++) {
		if (is_option(set, i, origin) && distance(set->names[i], name) <= nearest) {
			nearest = distance(set->names[i], name) - 1;
			write_name(set, origin, set->names[i], right, sizeof(right));
		}
	}
	snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
	write_name(set, origin, text, wrong, sizeof(wrong));
	if (right[0] == '\0') {
		return mb_fail(err, MB_FIELD_INVALID, "%s is no option", wrong);
	}
	return mb_fail(err, MB_FIELD_INVALID, "%s is no option; did you mean %s?", wrong, right);
}

/* ---- values ---- */

static enum mb_code check_text(const struct option_row *row, const char *name, struct str text,
			       struct mb_err *err)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
			return mb_fail(err, MB_FIELD_INVALID, "%s: has a control character in it",
				       name);
		}
	}
	if (!str_is_utf8(text)) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: is not UTF-8", name);
	}
	if ((int64_t)text.len < row->min) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: must not be empty", name);
	}
	if (row->max > 0 && (int64_t)text.len > row->max) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: is longer than %" PRId64 " bytes", name,
			       row->max);
	}
	return MB_OK;
}

/* The number that a text means: of an INT itself, of a BOOL 0 or 1, of a CHOICE its index. */
static enum mb_code read_number(const struct option_row *row, const char *name, struct str text,
				int64_t *out, struct mb_err *err)
{
	const char *words = row->type == OPTION_BOOL ? "false|true" : row->arg;
	int shown = (int)(text.len < 32 ? text.len : 32);
	int64_t number;

	if (row->type != OPTION_INT) {
		number = choice_index(words, text);
		if (number < 0) {
			return mb_fail(err, MB_FIELD_INVALID, "%s: '%.*s' is none of %s", name,
				       shown, text.ptr, words);
		}
	} else if (!str_to_i64(text, &number) || number < row->min || number > row->max) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "%s: '%.*s' is no whole number of %" PRId64 " to %" PRId64, name,
			       shown, text.ptr, row->min, row->max);
	}
	*out = number;
	return MB_OK;
}

static enum mb_code set_value(struct option_set *set, size_t i, struct str text, int64_t number,
			      struct mb_err *err)
{
	void *value = value_at(set, i);
	const char *copy;

	switch (set->rows[i].type) {
	case OPTION_STR:
		copy = arena_strndup(set->arena, text.ptr, text.len);
		if (copy == NULL) {
			return mb_fail(err, MB_OVERLOADED, "out of memory");
		}
		*(const char **)value = copy;
		break;
	case OPTION_INT:
		*(int64_t *)value = number;
		break;
	case OPTION_BOOL:
		*(bool *)value = number == 1;
		break;
	case OPTION_CHOICE:
		*(int *)value = (int)number;
		break;
	case OPTION_GROUP:
		assert(!"a group has no value");
	}
	return MB_OK;
}

/* Checks a text; sets the value when no stronger origin has. */
static enum mb_code take(struct option_set *set, size_t i, enum option_origin origin,
			 struct str text, struct mb_err *err)
{
	const struct option_row *row = &set->rows[i];
	char name[OPTION_NAME_MAX + 32];
	int64_t number = 0;
	enum mb_code code;

	write_name(set, origin, set->names[i], name, sizeof(name));
	code = row->type == OPTION_STR ? check_text(row, name, text, err)
				       : read_number(row, name, text, &number, err);
	if (code != MB_OK || origin < set->origin[i]) {
		return code;
	}
	code = set_value(set, i, text, number, err);
	if (code == MB_OK) {
		set->origin[i] = origin;
	}
	return code;
}

/* ---- flags ---- */

static size_t make_getopt(const struct option_set *set, struct option *out)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		if (set->rows[i].type != OPTION_GROUP) {
			out[n++] = (struct option){.name = set->names[i],
						   .has_arg = set->rows[i].type == OPTION_BOOL
								      ? optional_argument
								      : required_argument,
						   .val = 256 + (int)i};
		}
	}
	out[n] = (struct option){0};
	return n;
}

/* The name in "--name=value". */
static struct str flag_name(const char *arg)
{
	while (*arg == '-') {
		arg++;
	}
	return (struct str){arg, strcspn(arg, "=")};
}

static enum mb_code fail_form(const char *arg, struct mb_err *err)
{
	return mb_fail(err, MB_FIELD_INVALID, "'%.64s' is no option: options begin with --", arg);
}

static enum mb_code take_flag(struct option_set *set, int got, const char *arg, struct mb_err *err)
{
	struct str name = flag_name(arg);
	size_t i;

	if (got == 'h') {
		i = find(set, OPTION_FLAG, STR("help"));
		return i < set->n ? take(set, i, OPTION_FLAG, STR("true"), err)
				  : fail_unknown(set, OPTION_FLAG, STR("h"), err);
	}
	if (got < 256 && strncmp(arg, "--", 2) != 0) {
		return fail_form(arg, err);
	}
	if (got == ':') {
		return mb_fail(err, MB_FIELD_INVALID, "--%.*s needs a value", STR_ARG(name));
	}
	/* getopt_long() takes the beginning of a name for the name; then a new option would break old
	 * command lines */
	if (got < 256 || !str_eq(name, str_from(set->names[got - 256]))) {
		return fail_unknown(set, OPTION_FLAG, name, err);
	}
	i = (size_t)got - 256;
	return take(set, i, OPTION_FLAG, optarg == NULL ? STR("true") : str_from(optarg), err);
}

enum mb_code option_read_flags(struct option_set *set, int argc, char **argv, struct mb_err *err)
{
	struct option longs[OPTION_ROWS_MAX + 1];
	enum mb_code code = MB_OK;
	int got;

	make_getopt(set, longs);
	optind = 0;
	opterr = 0;
	while (code == MB_OK) {
		int at = optind == 0 ? 1 : optind;

		got = getopt_long(argc, argv, "+:h", longs, NULL);
		if (got == -1) {
			break;
		}
		code = take_flag(set, got, at < argc ? argv[at] : "", err);
	}
	if (code == MB_OK && optind < argc) {
		return fail_form(argv[optind], err);
	}
	return code;
}

/* ---- environment and files ---- */

static bool is_foreign(const char *const *foreign, struct str name)
{
	for (; foreign != NULL && *foreign != NULL; foreign++) {
		size_t len = strlen(*foreign);

		if ((*foreign)[len - 1] == '*'
			    ? name.len >= len - 1 && memcmp(name.ptr, *foreign, len - 1) == 0
			    : str_eq(name, str_from(*foreign))) {
			return true;
		}
	}
	return false;
}

/* QUEUES=2 without its prefix. */
static enum mb_code take_variable(struct option_set *set, struct str name, const char *value,
				  struct mb_err *err)
{
	char text[OPTION_NAME_MAX * 2];
	size_t i;

	snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
	for (char *p = text; *p != '\0'; p++) {
		*p = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
	}
	i = find(set, OPTION_ENVIRONMENT, str_from(text));
	return i == set->n ? fail_unknown(set, OPTION_ENVIRONMENT, str_from(text), err)
			   : take(set, i, OPTION_ENVIRONMENT, str_from(value), err);
}

enum mb_code option_read_environment(struct option_set *set, char *const *environment,
				     const char *const *foreign, struct mb_err *err)
{
	size_t prefix = strlen(set->prefix);
	enum mb_code code = MB_OK;

	for (; code == MB_OK && *environment != NULL; environment++) {
		const char *text = *environment;
		size_t len = strcspn(text, "=");
		struct str name;

		if (strncmp(text, set->prefix, prefix) != 0 || text[prefix] != '_' ||
		    text[len] != '=') {
			continue;
		}
		name = (struct str){text + prefix + 1, len - prefix - 1};
		if (!is_foreign(foreign, name)) {
			code = take_variable(set, name, text + len + 1, err);
		}
	}
	return code;
}

enum mb_code option_read_pair(struct option_set *set, struct str key, struct str value,
			      struct mb_err *err)
{
	size_t i = find(set, OPTION_FILE, key);

	return i == set->n ? fail_unknown(set, OPTION_FILE, key, err)
			   : take(set, i, OPTION_FILE, value, err);
}

enum option_origin option_origin(const struct option_set *set, const char *field)
{
	size_t i = 0;

	while (i < set->n && strcmp(set->rows[i].field, field) != 0) {
		i++;
	}
	assert(i < set->n);
	return set->origin[i];
}

/* ---- what people read ---- */

/* Appends words, breaking lines at HELP_WIDTH; column is where the first begins. */
static void put_wrapped(struct strbuf *out, const char *text, size_t column)
{
	for (bool first = true; *text != '\0'; first = false) {
		size_t len = strcspn(text, " ");

		if (!first && column + 1 + len > HELP_WIDTH) {
			strbuf_printf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		} else if (!first) {
			strbuf_putc(out, ' ');
			column++;
		}
		strbuf_put(out, text, len);
		column += len;
		text += len + strspn(text + len, " ");
	}
}

static void put_help_row(const struct option_set *set, size_t i, struct strbuf *out)
{
	const struct option_row *row = &set->rows[i];
	char left[OPTION_NAME_MAX * 2 + 64], help[1024], def[160] = "";

	snprintf(left, sizeof(left), "  --%s%s%s", set->names[i], row->arg[0] == '\0' ? "" : " ",
		 row->arg);
	if (row->type == OPTION_INT) {
		snprintf(def, sizeof(def), " [%" PRId64 "]", row->default_number);
	} else if (row->default_text != NULL && row->default_text[0] != '\0') {
		snprintf(def, sizeof(def), " [%s]", row->default_text);
	}
	snprintf(help, sizeof(help), "%s%s", row->help, def);
	strbuf_puts(out, left);
	if (strlen(left) + 2 > HELP_COLUMN) {
		strbuf_printf(out, "\n%*s", HELP_COLUMN, "");
	} else {
		strbuf_printf(out, "%*s", HELP_COLUMN - (int)strlen(left), "");
	}
	put_wrapped(out, help, HELP_COLUMN);
	strbuf_putc(out, '\n');
}

void option_help(const struct option_set *set, struct strbuf *out)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->rows[i].type == OPTION_GROUP) {
			strbuf_printf(out, "\n%s:\n", set->rows[i].help);
		} else {
			put_help_row(set, i, out);
		}
	}
}

/* A double-quoted YAML scalar. */
static void put_yaml(struct strbuf *out, const char *text)
{
	strbuf_putc(out, '"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			strbuf_printf(out, "\\%c", c);
		} else if (c < 0x20 || c == 0x7f) {
			strbuf_printf(out, "\\x%02x", c);
		} else {
			strbuf_putc(out, *text);
		}
	}
	strbuf_putc(out, '"');
}

static void put_value(const struct option_set *set, size_t i, struct strbuf *out)
{
	const struct option_row *row = &set->rows[i];
	const void *value = value_at(set, i);

	switch (row->type) {
	case OPTION_STR:
		put_yaml(out, *(const char *const *)value);
		break;
	case OPTION_INT:
		strbuf_printf(out, "%" PRId64, *(const int64_t *)value);
		break;
	case OPTION_BOOL:
		strbuf_puts(out, *(const bool *)value ? "true" : "false");
		break;
	case OPTION_CHOICE:
		strbuf_printf(out, "%.*s", STR_ARG(choice_word(row->arg, *(const int *)value)));
		break;
	case OPTION_GROUP:
		break;
	}
}

/* That there is no secret is none. */
static bool is_hidden(const struct option_set *set, size_t i)
{
	const struct option_row *row = &set->rows[i];

	return (row->flags & OPTION_SECRET) != 0 && set->origin[i] != OPTION_DEFAULT &&
	       (row->type != OPTION_STR || **(const char *const *)value_at(set, i) != '\0');
}

void option_print(const struct option_set *set, struct strbuf *out)
{
	static const char *const origins[] = {"default", "file", "environment", "flag"};

	for (size_t i = 0; i < set->n; i++) {
		bool hidden = is_hidden(set, i);

		if (!is_option(set, i, OPTION_FILE)) {
			continue;
		}
		/* a hidden value is a comment, so that the text read again changes nothing */
		strbuf_printf(out, "%s%s: ", hidden ? "# " : "", set->names[i]);
		if (hidden) {
			strbuf_puts(out, "(secret)");
		} else {
			put_value(set, i, out);
		}
		strbuf_printf(out, "  # %s\n", origins[set->origin[i]]);
	}
}
