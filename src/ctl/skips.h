/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skips: how many lines of a file were left out, by reason: memberctl's own and the mapping's.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SKIP_REASONS(X)                                                                  \
	/*  name              text                                                    */ \
	X(blank_line, "nothing on the line")                                             \
	X(not_text, "a NUL, bytes that are not UTF-8, or more than 256 columns")         \
	X(column_count, "not as many columns as the header")                             \
	X(no_rule, "no rule of the mapping fits")                                        \
	X(id_invalid, "an id, or the name of a store, is empty or over 128 bytes")       \
	X(time_invalid, "the time does not have the mapping's form")                     \
	X(quantity_invalid, "the quantity is not a whole number from 1 to 10^12")        \
	X(price_invalid, "the price is not a decimal number of 0 or more")               \
	X(amount_over_limit, "the line's amount is over 10^13 minor units")              \
	X(line_no_invalid, "the order's line is not a whole number from 1 to 2^31-1")    \
	X(value_too_long,                                                                \
	  "a category, store or reviewed item is over 64 bytes, or the id of a review "  \
	  "or visit over 120")                                                           \
	X(order_too_large, "its order has more than 1,000 lines")

#define SKIP_REASONS_MAX 160 /* with those of a mapping's rules */

struct skip_count {
	struct str reason; /* borrowed */
	int64_t lines;
};

struct skips {
	struct skip_count counts[SKIP_REASONS_MAX];
	size_t n;
	int64_t total;
};

bool skip_is_builtin(struct str reason);
/* What a reason of memberctl's own means; NULL for others. */
const char *skip_text(struct str reason);
void skips_add(struct skips *skips, struct str reason);
/* By lines, most first, then by name. */
void skips_sort(struct skips *skips);
