/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/intake.h"

#include "ctl/input.h"
#include "ctl/mapping.h"
#include "ctl/rows.h"
#include "ctl/stamp.h"
#include "ctl/vec.h"

#include <stdlib.h>
#include <string.h>

#define ID_BYTES      128
#define OWN_ID_BYTES  120 /* of a review or visit: its key says the kind, too */
#define LABEL_MAX     64 /* of a category, a store, an item whose order is implied */
#define LINE_NO_MAX   INT64_C(2147483647)
#define AMOUNT_LIMIT  INT64_C(10000000000000)
#define QUANTITY_MAX  INT64_C(1000000000000) /* so that sums of units are safe */
#define CELLS_A_BLOCK 16384

struct intake_cells {
	struct intake_cells *next;
	size_t used;
	struct str cells[CELLS_A_BLOCK];
};

struct taking {
	struct intake *intake;
	const struct mapping *mapping;
	const char *name;
	bool strict, bound;
	struct zone zone;
	size_t positions[MAPPING_COLUMNS_MAX];
	size_t n_columns; /* of the file */
	struct str cells[MAPPING_COLUMNS_MAX];
	int64_t line;
	struct mb_err *err;
};

static enum mb_code out_of_memory(struct taking *taking)
{
	return mb_fail(taking->err, MB_INTERNAL, "out of memory");
}

static enum mb_code skip(struct taking *taking, struct str reason)
{
	const char *text = skip_text(reason);

	skips_add(&taking->intake->skips, reason);
	if (!taking->strict) {
		return MB_OK;
	}
	return mb_fail(taking->err, MB_FIELD_INVALID, "%s:%lld: left out: %.*s%s%s", taking->name,
		       (long long)taking->line, STR_ARG(reason), text != NULL ? ": " : "",
		       text != NULL ? text : "");
}

#define SKIP(taking, reason) skip(taking, STR(#reason))

/* The pool's copy of a cell. */
static bool keep(struct taking *taking, size_t column, struct str *out)
{
	*out = pool_put(&taking->intake->pool, taking->cells[column]);
	return out->ptr != NULL;
}

/* The pool's copies of several, side by side. */
static const struct str *keep_cells(struct taking *taking, const struct mapping_columns *columns)
{
	struct intake *intake = taking->intake;
	struct str *cells;

	if (intake->cells == NULL || CELLS_A_BLOCK - intake->cells->used < columns->n) {
		struct intake_cells *block = malloc(sizeof(*block));

		if (block == NULL) {
			return NULL;
		}
		block->next = intake->cells;
		block->used = 0;
		intake->cells = block;
	}
	cells = intake->cells->cells + intake->cells->used;
	for (size_t i = 0; i < columns->n; i++) {
		if (!keep(taking, columns->at[i], &cells[i])) {
			return NULL;
		}
	}
	intake->cells->used += columns->n;
	return cells;
}

static bool is_id(struct str text)
{
	return text.len >= 1 && text.len <= ID_BYTES;
}

static bool parse_time(struct taking *taking, int64_t *out)
{
	return stamp_parse(&taking->mapping->format, &taking->zone,
			   taking->cells[taking->mapping->time], out);
}

static enum mb_code take_sale(struct taking *taking)
{
	const struct mapping_order *order = &taking->mapping->order;
	const struct str *cells = taking->cells;
	struct intake *intake = taking->intake;
	struct sale sale = {.n_sort = order->line_order.n};
	struct str category = mapping_text(&order->category, cells);

	if (!is_id(cells[taking->mapping->member]) || !is_id(cells[order->id]) ||
	    !is_id(cells[order->item])) {
		return SKIP(taking, id_invalid);
	}
	if (!parse_time(taking, &sale.at)) {
		return SKIP(taking, time_invalid);
	}
	if (!str_to_i64(cells[order->quantity], &sale.quantity) || sale.quantity < 1 ||
	    sale.quantity > QUANTITY_MAX) {
		return SKIP(taking, quantity_invalid);
	}
	if (!decimal_parse(cells[order->unit_price], &sale.price) || sale.price.units < 0) {
		return SKIP(taking, price_invalid);
	}
	if (!decimal_times(sale.price, sale.quantity, order->decimals, &sale.amount) ||
	    sale.amount > AMOUNT_LIMIT) {
		return SKIP(taking, amount_over_limit);
	}
	if (category.len > LABEL_MAX) {
		return SKIP(taking, value_too_long);
	}
	sale.type = mapping_number(&order->type, cells);
	sale.category = pool_put(&intake->pool, category);
	sale.sort = keep_cells(taking, &order->line_order);
	if (sale.category.ptr == NULL || sale.sort == NULL ||
	    !keep(taking, taking->mapping->member, &sale.member) ||
	    !keep(taking, order->id, &sale.order_id) || !keep(taking, order->item, &sale.item) ||
	    !vec_reserve(&intake->sales, intake->n_sales, &intake->cap_sales, sizeof(sale))) {
		return out_of_memory(taking);
	}
	intake->sales[intake->n_sales++] = sale;
	return MB_OK;
}

static enum mb_code take_giveback(struct taking *taking)
{
	const struct mapping_cancellation *cancellation = &taking->mapping->cancellation;
	const struct str *cells = taking->cells;
	struct intake *intake = taking->intake;
	struct giveback giveback = {.file_line = taking->line,
				    .n_sort = cancellation->line_order.n};

	if (!is_id(cells[taking->mapping->member]) || !is_id(cells[cancellation->id]) ||
	    !is_id(cells[cancellation->item])) {
		return SKIP(taking, id_invalid);
	}
	if (!parse_time(taking, &giveback.at)) {
		return SKIP(taking, time_invalid);
	}
	if (!str_to_i64(cells[cancellation->quantity], &giveback.quantity) ||
	    giveback.quantity == INT64_MIN) {
		return SKIP(taking, quantity_invalid);
	}
	giveback.quantity = cancellation->minus ? -giveback.quantity : giveback.quantity;
	if (giveback.quantity < 1 || giveback.quantity > QUANTITY_MAX) {
		return SKIP(taking, quantity_invalid);
	}
	giveback.sort = keep_cells(taking, &cancellation->line_order);
	if (giveback.sort == NULL || !keep(taking, taking->mapping->member, &giveback.member) ||
	    !keep(taking, cancellation->id, &giveback.id) ||
	    !keep(taking, cancellation->item, &giveback.item) ||
	    !vec_reserve(&intake->givebacks, intake->n_givebacks, &intake->cap_givebacks,
			 sizeof(giveback))) {
		return out_of_memory(taking);
	}
	intake->givebacks[intake->n_givebacks++] = giveback;
	return MB_OK;
}

/* What reviews and visits have in common, and the whole of them but for what they are about. */
static enum mb_code take_interaction(struct taking *taking, struct interaction interaction,
				     size_t id, size_t about)
{
	struct intake *intake = taking->intake;

	if (!parse_time(taking, &interaction.at)) {
		return SKIP(taking, time_invalid);
	}
	if (!keep(taking, taking->mapping->member, &interaction.member) ||
	    (id != COLUMN_NONE && !keep(taking, id, &interaction.id)) ||
	    !keep(taking, about, &interaction.about) ||
	    !vec_reserve(&intake->interactions, intake->n_interactions, &intake->cap_interactions,
			 sizeof(interaction))) {
		return out_of_memory(taking);
	}
	intake->interactions[intake->n_interactions++] = interaction;
	return MB_OK;
}

static bool has_ids(const struct taking *taking, size_t id, size_t about)
{
	return is_id(taking->cells[taking->mapping->member]) && is_id(taking->cells[about]) &&
	       (id == COLUMN_NONE || is_id(taking->cells[id]));
}

static bool own_id_fits(const struct taking *taking, size_t id)
{
	return id == COLUMN_NONE || taking->cells[id].len <= OWN_ID_BYTES;
}

static enum mb_code take_review(struct taking *taking)
{
	const struct mapping_review *review = &taking->mapping->review;
	const struct str *cells = taking->cells;
	struct interaction interaction = {.line_no = 1, .implied = review->implied};
	size_t about = review->implied ? review->item : review->order;
	/* the key of a review without an id holds what it is about */
	bool short_about = review->implied || review->id == COLUMN_NONE;
	int64_t line_no;

	if (!has_ids(taking, review->id, about)) {
		return SKIP(taking, id_invalid);
	}
	if ((short_about && cells[about].len > LABEL_MAX) || !own_id_fits(taking, review->id)) {
		return SKIP(taking, value_too_long);
	}
	if (!review->implied) {
		if (!str_to_i64(cells[review->line_no], &line_no) || line_no < 1 ||
		    line_no > LINE_NO_MAX) {
			return SKIP(taking, line_no_invalid);
		}
		interaction.line_no = (int32_t)line_no;
	}
	interaction.pictures = review->may_have_pictures && mapping_holds(&review->pictures, cells);
	return take_interaction(taking, interaction, review->id, about);
}

static enum mb_code take_visit(struct taking *taking)
{
	const struct mapping_visit *visit = &taking->mapping->visit;

	if (!has_ids(taking, visit->id, visit->store)) {
		return SKIP(taking, id_invalid);
	}
	if (taking->cells[visit->store].len > LABEL_MAX || !own_id_fits(taking, visit->id)) {
		return SKIP(taking, value_too_long);
	}
	return take_interaction(taking, (struct interaction){.visit = true}, visit->id,
				visit->store);
}

static enum mb_code bind_columns(struct taking *taking, const struct str *names, size_t n)
{
	taking->bound = true;
	taking->n_columns = n;
	return mapping_bind(taking->mapping, names, n, taking->positions, taking->err);
}

static enum mb_code take_row(void *data, const struct row *row, struct mb_err *err)
{
	struct taking *taking = data;
	const struct mapping *mapping = taking->mapping;
	const struct mapping_row_rule *rule;

	taking->line = row->line;
	if (row->n_fields == 0) {
		taking->intake->lines++;
		return SKIP(taking, blank_line);
	}
	if (!taking->bound) {
		return row->is_text ? bind_columns(taking, row->fields, row->n_fields)
				    : mb_fail(err, MB_FIELD_INVALID,
					      "%s:%lld: the header is not a row of text: wanted is "
					      "UTF-8, plain or compressed by zstd",
					      taking->name, (long long)row->line);
	}
	taking->intake->lines++;
	if (!row->is_text) {
		return SKIP(taking, not_text);
	}
	if (row->n_fields != taking->n_columns) {
		return SKIP(taking, column_count);
	}
	for (size_t i = 0; i < mapping->n_columns; i++) {
		taking->cells[i] = row->fields[taking->positions[i]];
	}
	rule = mapping_rule(mapping, taking->cells);
	if (rule == NULL) {
		return SKIP(taking, no_rule);
	}
	switch (rule->as) {
	case MAPPING_ORDER:
		return take_sale(taking);
	case MAPPING_CANCELLATION:
		return take_giveback(taking);
	case MAPPING_REVIEW:
		return take_review(taking);
	case MAPPING_VISIT:
		return take_visit(taking);
	default:
		return skip(taking, rule->reason);
	}
}

static enum mb_code take_rows(struct taking *taking, struct input *input)
{
	enum mb_code code = rows_read(input, taking->name, taking->mapping->delimiter, take_row,
				      taking, taking->err);

	if (code == MB_OK && !taking->bound) {
		code = mb_fail(taking->err, MB_FIELD_INVALID, "%s:1: the file has no header",
			       taking->name);
	}
	return code;
}

enum mb_code intake_read(struct intake *intake, const struct mapping *mapping, struct input *input,
			 const char *name, bool strict, struct mb_err *err)
{
	struct taking taking = {intake, mapping, name, strict, .err = err};
	enum mb_code code;

	code = zone_open(&taking.zone, mapping->zone, err);
	if (code == MB_OK) {
		if (!mapping->header) {
			code = bind_columns(&taking, mapping->file_columns,
					    mapping->n_file_columns);
		}
		if (code == MB_OK) {
			code = take_rows(&taking, input);
		}
		zone_close(&taking.zone);
	}
	if (code == MB_OK) {
		code = input_digest(input, intake->digest, err);
	}
	return code;
}

void intake_fini(struct intake *intake)
{
	while (intake->cells != NULL) {
		struct intake_cells *next = intake->cells->next;

		free(intake->cells);
		intake->cells = next;
	}
	free(intake->sales);
	free(intake->givebacks);
	free(intake->interactions);
	pool_fini(&intake->pool);
	*intake = (struct intake){0};
}
