/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exits: how memberctl ends, like grep for 0 and 1 and like sysexits.h for the rest.
 */
#pragma once

#include "base/err.h"

#define CTL_EXITS(X)                                                                        \
	/*  name       code  text                                                        */ \
	X(OK, 0, "yes: done, allowed, offered, serving")                                    \
	X(NO, 1, "no: the answer is an orderly no, or some activities were refused")        \
	X(USAGE, 64, "the command line is not right")                                       \
	X(DATA, 65, "what was given is not right: a file, or a request that was refused")   \
	X(NO_INPUT, 66, "a file cannot be read")                                            \
	X(NOT_FOUND, 67, "no such member, benefit, activity or policy version")             \
	X(UNAVAILABLE, 69, "memberd cannot be reached or is not serving now")               \
	X(SOFTWARE, 70, "a defect: of memberctl or of memberd")                             \
	X(IO, 74, "writing failed")                                                         \
	X(TRY_AGAIN, 75, "it took too long or was stopped; saying it again is safe")        \
	X(NO_PERMISSION, 77, "the token is missing or lacks the permission")

enum exit_code {
#define X(name, code, text) EXIT_##name = (code),
	CTL_EXITS(X)
#undef X
};

/* The exit code that goes with a failure. */
enum exit_code exits_from_code(enum mb_code code);
/* What to do about a failure, NULL when there is nothing to say. */
const char *exits_advice(const struct mb_err *err);
