/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amount: money as people read and write it: "CNY 1234.56" for minor units of ISO 4217.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define AMOUNT_BYTES 40

/* Decimals of a currency: 2 but for the few that have none or three. */
int amount_decimals(const char *currency);
/* "1234.56" */
const char *amount_format(int64_t minor, const char *currency, char out[AMOUNT_BYTES]);
/* A decimal text as minor units; false when it is negative, no number or too fine. */
bool amount_parse(struct str text, const char *currency, int64_t *out);
/* Micro-points as points: "123.4" */
const char *amount_points(int64_t micro, char out[AMOUNT_BYTES]);
