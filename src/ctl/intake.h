/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake: reads a log by a mapping and sorts its rows into sales (lines of orders), givebacks (lines of
 * cancellations), interactions (reviews and visits) and lines left out with a reason. Every row ends in
 * exactly one of the four.
 *
 * Memory:   texts live in the intake's pool, reasons of rules in the mapping's arena.
 */
#pragma once

#include "base/err.h"
#include "ctl/decimal.h"
#include "ctl/pool.h"
#include "ctl/sha256.h"
#include "ctl/skips.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input;
struct mapping;
struct intake_cells;

/* A line of an order. */
struct sale {
	struct str member, order_id, item, category;
	const struct str *sort; /* the cells of line_order */
	size_t n_sort;
	int64_t at; /* microseconds UTC */
	int64_t quantity, amount; /* amount in minor units */
	struct decimal price;
	int type;
	/* the plan's */
	int32_t line_no;
	size_t order;
	int64_t quantity_left, amount_left;
};

/* A line of a cancellation. */
struct giveback {
	struct str member, id, item;
	const struct str *sort;
	size_t n_sort;
	int64_t at, quantity;
	int64_t file_line;
};

/* A review or a visit. */
struct interaction {
	struct str member;
	struct str id; /* empty: its key is made of the rest */
	struct str about; /* the store visited; the order named, or the item of an implied one */
	int64_t at;
	int32_t line_no; /* of a review's order */
	bool visit, implied, pictures;
};

struct intake {
	char digest[SHA256_HEX_BYTES]; /* of the file's plain bytes */
	int64_t lines; /* without the header */
	struct sale *sales;
	size_t n_sales, cap_sales;
	struct giveback *givebacks;
	size_t n_givebacks, cap_givebacks;
	struct interaction *interactions;
	size_t n_interactions, cap_interactions;
	struct skips skips;
	struct pool pool;
	struct intake_cells *cells; /* what `sort` points into */
};

/* `name` stands in errors. strict: the first line left out ends it with an error that names it. Sets
 * TZ while it runs. */
enum mb_code intake_read(struct intake *intake, const struct mapping *mapping, struct input *input,
			 const char *name, bool strict, struct mb_err *err);
void intake_fini(struct intake *intake);
