/* SPDX-License-Identifier: Apache-2.0 */
/*
 * problem: collects what is wrong with a file. Private to the policy floor.
 */
#pragma once

#include "base/attr.h"
#include "base/str.h"
#include "policy/policy_file.h"

/* Adds one, or counts it when the list is full. */
void problem_add(struct policy_problems *problems, int line, int column, const char *path,
		 const char *fmt, ...) MB_PRINTF(5, 6);
/* Into the order of the file; those of one place stay as they were added. */
void problem_sort(struct policy_problems *problems);
/* At most `most` bytes of a text, never half a character. */
struct str problem_cut(struct str text, size_t most);
