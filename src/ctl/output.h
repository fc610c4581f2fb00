/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output: files that memberctl writes, each replaced whole: after a break at any moment the file is the
 * one before or the one after.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* By way of PATH.new, durable. MB_FIELD_INVALID when it cannot. */
enum mb_code output_replace(const char *path, struct str text, struct mb_err *err);
