/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapping: how the rows of a log become activities, as a small YAML file says (docs/import.md).
 *
 * A mapping names columns; mapping_bind() finds them in a file's header. After that a row's values
 * are `cells`: the fields of the mapping's own columns, in the mapping's order.
 *
 * Memory:   everything lives in the arena given to mapping_parse().
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "ctl/decimal.h"
#include "ctl/stamp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAPPING_COLUMNS_MAX 64
#define MAPPING_RULES_MAX   128
#define MAPPING_DECIMALS    6 /* of a currency, at most */
#define COLUMN_NONE	    SIZE_MAX

struct arena;

#define MAPPING_TESTS(X)    \
	X(IS, "is")         \
	X(IN, "in")         \
	X(PREFIX, "prefix") \
	X(DIGITS, "digits") \
	X(BELOW, "below")   \
	X(ABOVE, "above")

enum mapping_test_kind {
#define X(name, text) MAPPING_TEST_##name,
	MAPPING_TESTS(X)
#undef X
		MAPPING_TEST_END
};

struct mapping_test {
	enum mapping_test_kind kind;
	size_t column;
	const struct str *texts; /* IS, IN, PREFIX */
	size_t n_texts;
	int64_t digits; /* DIGITS: begins with that many */
	struct decimal bound; /* BELOW, ABOVE */
};

/* All tests must hold; none at all always holds. */
struct mapping_when {
	const struct mapping_test *tests;
	size_t n;
};

/* What a row may be. The names are those of the mapping's sections. */
#define MAPPING_KINDS(X)                \
	X(ORDER, "order")               \
	X(CANCELLATION, "cancellation") \
	X(REVIEW, "review")             \
	X(VISIT, "visit")

enum mapping_as {
	MAPPING_SKIP,
#define X(name, text) MAPPING_##name,
	MAPPING_KINDS(X)
#undef X
		MAPPING_AS_END
};

struct mapping_row_rule {
	struct mapping_when when;
	enum mapping_as as;
	struct str reason; /* SKIP */
};

/* A text (or, for types, a number) that depends on the row. */
struct mapping_value_rule {
	struct mapping_when when;
	struct str text;
	int number; /* of the line type */
	size_t column; /* COLUMN_NONE: text; else its first bytes */
	int64_t first;
};

struct mapping_value {
	const struct mapping_value_rule *rules; /* the first that fits */
	size_t n;
};

struct mapping_columns {
	const size_t *at;
	size_t n;
};

struct mapping_order {
	int platform; /* number of the API's enum */
	size_t id, item, quantity, unit_price;
	struct str currency;
	int decimals; /* minor units are 10^-decimals */
	bool completed_at_order; /* else never told */
	struct mapping_columns line_order;
	struct mapping_value type, category;
};

struct mapping_cancellation {
	size_t id, item, quantity;
	bool minus; /* the quantity column counts what is taken back with a minus */
	struct mapping_columns line_order;
};

/* A review is of an order's line: one that the row names, or the line of an order made for it. */
struct mapping_review {
	size_t id; /* COLUMN_NONE: its key is made of what it says */
	bool implied;
	size_t order, line_no; /* columns, of a line that the row names */
	struct str order_source; /* empty: the mapping's own */
	size_t item; /* column, of what was bought; implied */
	int platform;
	struct str currency;
	bool may_have_pictures;
	struct mapping_when pictures;
};

struct mapping_visit {
	size_t id; /* as above */
	int platform;
	size_t store;
};

struct mapping_column {
	struct str name;
	int line, column; /* where the mapping names it first */
};

struct mapping {
	const char *name; /* of the file, for errors */
	char digest[65]; /* SHA-256 of its text */
	struct str source, issuer, zone;
	char delimiter;
	bool header;
	const struct str *file_columns; /* without a header: the names, in order */
	size_t n_file_columns;
	struct mapping_column columns[MAPPING_COLUMNS_MAX]; /* those that are used */
	size_t n_columns;
	size_t member, time;
	struct stamp_format format;
	bool shift_to_now;
	const struct mapping_row_rule *rules;
	size_t n_rules;
	bool makes[MAPPING_AS_END]; /* which kinds rules make; the sections of others are empty */
	struct mapping_order order;
	struct mapping_cancellation cancellation;
	struct mapping_review review;
	struct mapping_visit visit;
};

enum mb_code mapping_parse(const char *name, struct str text, struct arena *arena,
			   struct mapping **out, struct mb_err *err);

/* Where in a file's rows the mapping's columns are: positions[i] for mapping->columns[i]. */
enum mb_code mapping_bind(const struct mapping *mapping, const struct str *names, size_t n,
			  size_t *positions, struct mb_err *err);

bool mapping_holds(const struct mapping_when *when, const struct str *cells);
/* The first rule that fits, or NULL. */
const struct mapping_row_rule *mapping_rule(const struct mapping *mapping, const struct str *cells);
/* The text that a value has for a row; {NULL, 0} when no rule fits. */
struct str mapping_text(const struct mapping_value *value, const struct str *cells);
/* The same for a value of numbers; 0 when no rule fits. */
int mapping_number(const struct mapping_value *value, const struct str *cells);
