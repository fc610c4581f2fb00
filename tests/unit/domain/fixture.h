/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture: the default policy as C, and a builder for the ledger of one member.
 *
 * The builder copies nothing but arrays of lines: texts given to it are literals or outlive it. Its
 * memory is an arena of its own; running out of it is a defect of the test and asserts.
 */
#pragma once

#include "domain/activity.h"
#include "domain/policy.h"

/* Every number of the programme's default policy; version 1, in force from 1970. */
extern const struct policy default_policy;
/* The list that holds just that. */
extern const struct policy_list default_policies;

/* "2026-02-03 10:30:00.5" or a part of it from the left, in the programme's zone (+08:00). */
int64_t at(const char *text);

#define FEN_PER_YUAN 100
#define YUAN(n)	     ((int64_t)(n)*FEN_PER_YUAN)
