/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapping_read: what the parts of the reader of mapping files share: sections (mapping_read.c,
 * mapping_interactions.c), keys and columns (mapping_fields.c), rules (mapping_rules.c). Every function here reports to reader->err and
 * names the place in the file.
 */
#pragma once

#include "ctl/doc.h"
#include "ctl/mapping.h"

struct mapping_reader {
	struct mapping *mapping;
	struct arena *arena;
	struct mb_err *err;
};

#define FAIL(reader, at, ...) doc_fail((reader)->err, (reader)->mapping->name, at, __VA_ARGS__)

/* at must be a map of these keys (a NULL ends them) and no others. `what` stands in errors. */
enum mb_code mapping_check_keys(struct mapping_reader *reader, const struct doc_node *at,
				const char *what, const char *const *keys);
/* A map's value of this kind. */
enum mb_code mapping_need(struct mapping_reader *reader, const struct doc_node *map,
			  const char *what, const char *key, enum doc_kind kind,
			  const struct doc_node **out);
enum mb_code mapping_need_text(struct mapping_reader *reader, const struct doc_node *map,
			       const char *what, const char *key, struct str *out);
/* [a-z0-9._-]{1,64} */
enum mb_code mapping_need_slug(struct mapping_reader *reader, const struct doc_node *map,
			       const char *what, const char *key, struct str *out);
enum mb_code mapping_read_number(struct mapping_reader *reader, const struct doc_node *at,
				 int64_t min, int64_t max, int64_t *out);
/* One word of a few; *out is its place in the list. */
enum mb_code mapping_need_word(struct mapping_reader *reader, const struct doc_node *map,
			       const char *what, const char *key, const char *const *words,
			       size_t *out);
enum mb_code mapping_need_platform(struct mapping_reader *reader, const struct doc_node *map,
				   const char *what, int *out);
/* Three capital letters. */
enum mb_code mapping_need_currency(struct mapping_reader *reader, const struct doc_node *map,
				   const char *what, const char *key, struct str *out);
/* The number of a column in the mapping's own list, where it is put when it is new. */
enum mb_code mapping_use_column(struct mapping_reader *reader, const struct doc_node *at,
				size_t *out);
enum mb_code mapping_need_column(struct mapping_reader *reader, const struct doc_node *map,
				 const char *what, const char *key, size_t *out);
/* The same for a key that may be missing: COLUMN_NONE then. */
enum mb_code mapping_read_column(struct mapping_reader *reader, const struct doc_node *map,
				 const char *key, size_t *out);
enum mb_code mapping_read_columns(struct mapping_reader *reader, const struct doc_node *map,
				  const char *what, const char *key, struct mapping_columns *out);
enum mb_code mapping_read_texts(struct mapping_reader *reader, const struct doc_node *list,
				const struct str **out, size_t *out_n);
/* A list of rules: 1 to MAPPING_RULES_MAX, of which only the last may (and, with `closed`, must) go
 * without a `when`. */
enum mb_code mapping_check_rules(struct mapping_reader *reader, const struct doc_node *list,
				 const char *what, bool closed);
/* A map of columns and their tests under `key`, if it is there. */
enum mb_code mapping_read_when(struct mapping_reader *reader, const struct doc_node *map,
			       const char *key, struct mapping_when *out);
/* A list of rules under `key`, each with `is`: texts, or names of line types. */
enum mb_code mapping_read_value(struct mapping_reader *reader, const struct doc_node *map,
				const char *key, bool types, struct mapping_value *out);

/* The sections of the two kinds, into the mapping. */
enum mb_code mapping_read_review(struct mapping_reader *reader, const struct doc_node *at);
enum mb_code mapping_read_visit(struct mapping_reader *reader, const struct doc_node *at);
