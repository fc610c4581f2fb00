/* SPDX-License-Identifier: Apache-2.0 */
/* The reader's sections for what is neither bought nor given back: reviews and visits. */
#include "ctl/mapping_read_impl.h"

static enum mb_code read_named(struct mapping_reader *reader, const struct doc_node *at,
			       struct mapping_review *review)
{
	static const char *const keys[] = {"order", "line_no", "source", NULL};
	enum mb_code code = mapping_check_keys(reader, at, "names", keys);

	if (code != MB_OK ||
	    (code = mapping_need_column(reader, at, "names", "order", &review->order)) ||
	    (code = mapping_need_column(reader, at, "names", "line_no", &review->line_no))) {
		return code;
	}
	return doc_get(at, "source") == NULL
		       ? MB_OK
		       : mapping_need_slug(reader, at, "names", "source", &review->order_source);
}

static enum mb_code read_implied(struct mapping_reader *reader, const struct doc_node *at,
				 struct mapping_review *review)
{
	static const char *const keys[] = {"platform", "item", "currency", NULL};
	enum mb_code code = mapping_check_keys(reader, at, "implies", keys);

	if (code != MB_OK ||
	    (code = mapping_need_platform(reader, at, "implies", &review->platform)) ||
	    (code = mapping_need_column(reader, at, "implies", "item", &review->item))) {
		return code;
	}
	review->implied = true;
	return mapping_need_currency(reader, at, "implies", "currency", &review->currency);
}

enum mb_code mapping_read_review(struct mapping_reader *reader, const struct doc_node *at)
{
	static const char *const keys[] = {"id", "names", "implies", "pictures", NULL};
	struct mapping_review *review = &reader->mapping->review;
	const struct doc_node *names, *implies;
	enum mb_code code = mapping_check_keys(reader, at, "review", keys);

	if (code != MB_OK || (code = mapping_read_column(reader, at, "id", &review->id))) {
		return code;
	}
	names = doc_get(at, "names");
	implies = doc_get(at, "implies");
	if ((names == NULL) == (implies == NULL)) {
		return FAIL(reader, at,
			    "a review has 'names' (the order line that it is of) or 'implies' (an "
			    "order made for it)");
	}
	review->may_have_pictures = doc_get(at, "pictures") != NULL;
	code = names != NULL ? read_named(reader, names, review)
			     : read_implied(reader, implies, review);
	return code == MB_OK ? mapping_read_when(reader, at, "pictures", &review->pictures) : code;
}

enum mb_code mapping_read_visit(struct mapping_reader *reader, const struct doc_node *at)
{
	static const char *const keys[] = {"id", "platform", "store", NULL};
	struct mapping_visit *visit = &reader->mapping->visit;
	enum mb_code code = mapping_check_keys(reader, at, "visit", keys);

	if (code != MB_OK || (code = mapping_read_column(reader, at, "id", &visit->id)) ||
	    (code = mapping_need_platform(reader, at, "visit", &visit->platform))) {
		return code;
	}
	return mapping_need_column(reader, at, "visit", "store", &visit->store);
}
