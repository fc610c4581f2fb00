/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_command: what the two files of `memberctl policy` share.
 */
#pragma once

#include "base/str.h"
#include "memberd/v1/policy_service.pb-c.h"

struct ctl;

/* The text of a file that should be a policy, in the run's arena; an exit code. */
int policy_slurp(struct ctl *ctl, const char *path, struct str *out);
/* One version with its text, 0: the one in force; an exit code. */
int policy_ask(struct ctl *ctl, int64_t version, Memberd__V1__GetPolicyResponse **out);
/* policy_diff_command.c */
int policy_diff_run(struct ctl *ctl, const char *before, const char *after);
