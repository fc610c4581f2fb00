/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_file: policy files (YAML) read, checked whole, explained and printed. The form of the file
 * is told in docs/policy.md; what its numbers mean to the programme is domain's business.
 *
 * Memory:   a policy and all it points to live in the arena given; the text may go away.
 * Digest:   a version is known by its text: the digest that is stored is taken over exactly the
 *           bytes that were parsed, comments included.
 * Threads:  no state; every function may run on any thread.
 * Failure:  MB_FIELD_INVALID with everything that is wrong with the file, MB_ARENA_FULL and
 *           MB_OVERLOADED when memory runs out. out is untouched on failure.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "domain/policy.h"

#include <stddef.h>
#include <stdint.h>

#define POLICY_FILE_MAX ((size_t)256 * 1024) /* bytes */

/* Reads and checks a text whole. problems is filled on MB_FIELD_INVALID and emptied otherwise. */
enum mb_code policy_check(struct str text, struct arena *arena, const struct policy **out,
			  struct policy_problems *problems, struct mb_err *err);

/* The same with one story: the first problem as "name:41:13: tiers.gold.attain: …", and how many
 * more there are. */
enum mb_code policy_parse(struct str text, const char *name, struct arena *arena,
			  const struct policy **out, struct mb_err *err);

/* Reads a file of at most POLICY_FILE_MAX bytes. MB_FIELD_INVALID when it cannot. */
enum mb_code policy_read_file(const char *path, struct arena *arena, struct str *out,
			      struct mb_err *err);

/* "name:41:13: tiers.gold.attain: …" as compilers write it; cut to size. */
void policy_problem_format(const struct policy_problem *problem, const char *name, char *out,
			   size_t size);
/* All of them, a line each, and a last one that says how many more there are. */
void policy_problems_format(const struct policy_problems *problems, const char *name,
			    struct strbuf *out);

/* The embedded default: version 1, in force from 1970. */
struct str policy_default_text(void);

/* Whether `next` may follow the versions known (none at all for the first) when it is published at
 * `published_at`: its number is the next, it takes force when no other does and not before its
 * publication (the first is free), zone, settlement day, base currency and the exponents of
 * currencies are unchanged, no currency is dropped, now or by a version that takes force later. MB_FIELD_INVALID with the field at fault. */
enum mb_code policy_check_next(const struct policy_list *known, const struct policy *next,
			       int64_t published_at, struct mb_err *err);

/* The policy as a file without comments: parsed again it gives an equal one. */
void policy_print(const struct policy *policy, struct strbuf *out);

/* Whether all values of two policies are the same. */
bool policy_equal(const struct policy *a, const struct policy *b);
