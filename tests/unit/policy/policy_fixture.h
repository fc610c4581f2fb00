/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_fixture: policies for tests, made from the default by changing its text.
 */
#pragma once

#include "policy/policy_file.h"

/* The default with the first `old` replaced by `new`, in the arena; fails the test without one. */
struct str text_with(struct arena *arena, struct str text, const char *old, const char *new);
struct str default_with(struct arena *arena, const char *old, const char *new);
/* Parses or fails the test with the story. */
const struct policy *parsed(struct arena *arena, struct str text);
const struct policy *default_parsed(struct arena *arena);
