/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields: the tables that say which keys a policy file has, what each may hold and where it goes.
 * Reader, checker and printer all run over them, so what is read is printed and nothing else is.
 * Private to the policy floor.
 */
#pragma once

#include "domain/policy.h"
#include "policy/value.h"

#include <stddef.h>
#include <stdint.h>

#define FIELD_REQUIRED INT64_MIN /* as `absent` */
#define FIELD_NONE     (INT64_MIN + 1) /* may be left out, and then its place stays zero */

/* One key, named by its path below the map that the table describes. */
struct field {
	const char *path;
	enum value_type type;
	size_t offset, size; /* in the struct that the table fills */
	int64_t min, max;
	int64_t absent; /* the value when the key is left out */
};

/* Rows of one section are neighbours, and stand in the order in which they are printed. */
struct schema {
	const struct field *fields;
	size_t n;
};

extern const struct schema POLICY_SCHEMA; /* struct policy */
extern const struct schema RATE_SCHEMA; /* struct policy_rate */
extern const struct schema PIECE_SCHEMA; /* struct curve_piece */
/* struct policy_benefit, by enum benefit_kind; [0] is empty. */
extern const struct schema BENEFIT_SCHEMAS[5];

/* A piece of the curve as the file has it: with its beginning, so that gaps show. */
struct curve_piece {
	int64_t from, upto, points_per_unit;
};

/* Two values of which the first must be below the second, or at most equal to it. */
struct field_order {
	const char *low, *high;
	bool strict;
};

extern const struct field_order FIELD_ORDERS[];
extern const size_t FIELD_ORDERS_N;

/* Most of any number of points, so that sums and products of them are safe. */
#define FIELD_POINTS_MAX  (INT64_C(1000000) * MICRO)
#define POLICY_FIELDS_MAX 160 /* rows of POLICY_SCHEMA at most */

/* Index of a row of the schema, or schema->n. */
size_t field_find(const struct schema *schema, struct str path);
int64_t field_get(const struct field *field, const void *base);
void field_set(const struct field *field, void *base, int64_t value);
/* Whether the value is the one that stands for a key left out. */
bool field_is_absent(const struct field *field, const void *base);
const char *benefit_kind_name(enum benefit_kind kind);
