/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader: from a tree of YAML to a policy, by the tables of fields.h. Private to the policy floor.
 *
 * A problem never stops the reading: whatever is wrong is told, and what depends on a value that is
 * wrong is not judged.
 */
#pragma once

#include "base/arena.h"
#include "policy/fields.h"
#include "policy/yaml.h"

#include <stdbool.h>

#define PATH_SIZE	 96
#define LABEL_MAX	 64 /* bytes of an id, a category, a brand */
#define BENEFIT_NAME_MAX 96 /* bytes of a benefit's name */
#define LABELS_MAX	 256 /* categories or brands of one benefit */
#define GRANT_MAX	 10000 /* uses a month */

struct reader {
	struct arena *arena; /* for what the policy keeps */
	struct policy_problems *problems;
	struct policy *policy;
	int exponent; /* of the base currency; a guess of 2 while that is wrong */
	/* per row of POLICY_SCHEMA: where its value stands, NULL when it is left out or wrong */
	const struct yaml_node *seen[POLICY_FIELDS_MAX];
};

/* Fills reader->policy. What was wrong is in reader->problems; the arena tells whether it lasted. */
void reader_read(struct reader *reader, const struct yaml_node *root);

/* ---- for the readers of lists ---- */

/* A problem at a value. */
void reader_complain(struct reader *reader, const struct yaml_node *node, const char *path,
		     const char *fmt, ...) MB_PRINTF(4, 5);
/* How many there were so far. */
size_t reader_problems(const struct reader *reader);
/* Reads a map by a schema into base. Lists in it are read by `list`, which may be NULL. Returns how
 * many problems there were. */
typedef void reader_list_fn(struct reader *reader, const struct field *field,
			    const struct yaml_node *node, const char *path, void *base);
size_t reader_map(struct reader *reader, const struct schema *schema, const struct yaml_node *node,
		  const char *path, void *base, reader_list_fn *list);
/* A scalar by its type and range; false (and a problem) when it is none. */
bool reader_value(struct reader *reader, enum value_type type, int64_t min, int64_t max,
		  const struct yaml_node *node, const char *path, int64_t *out);
/* Copies of texts; false and a problem, or out of memory. */
bool reader_slug(struct reader *reader, const struct yaml_node *node, const char *path,
		 struct str *out);
bool reader_name(struct reader *reader, const struct yaml_node *node, const char *path, size_t most,
		 struct str *out);

/* benefits.c: the list of benefits. */
void benefits_read(struct reader *reader, const struct yaml_node *node, const char *path);
