/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_file: options from a YAML file: one flat map, read under the same rules as a policy (no
 * anchors, tags or keys twice). In it a relative path is relative to where memberd was started.
 */
#pragma once

#include "base/err.h"
#include "base/option.h"

/* MB_FIELD_INVALID with "file:line:column: key: reason". */
enum mb_code config_file_read(const char *path, struct option_set *set, struct mb_err *err);
