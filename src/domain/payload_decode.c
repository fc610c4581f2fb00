/* SPDX-License-Identifier: Apache-2.0 */
/* payload_decode: the way back. A fault, once set, ends every loop. */
#include "domain/payload.h"
#include "domain/payload_impl.h"

#include <string.h>

#define NUMBERS_MOST 64
#define BIT(number)  (UINT64_C(1) << (number))

#define COMMON_FIELDS (BIT(F_OCCURRED_AT) | BIT(F_SOURCE) | BIT(F_SOURCE_EVENT_ID))
#define ORDER_FIELDS  (BIT(F_ORDER_SOURCE) | BIT(F_ORDER_ID))
#define ABOUT_FIELDS  (BIT(F_ABOUT_SOURCE) | BIT(F_ABOUT_EVENT_ID))
#define ORDER_LINE_FIELDS                                                                 \
	(BIT(L_LINE_NO) | BIT(L_TYPE) | BIT(L_CURRENCY) | BIT(L_AMOUNT) | BIT(L_COUPON) | \
	 BIT(L_POINTS) | BIT(L_SUB_KIND) | BIT(L_CATEGORY) | BIT(L_STORE) | BIT(L_BRAND))
#define REVERSAL_LINE_FIELDS (BIT(L_LINE_NO) | BIT(L_CURRENCY) | BIT(L_AMOUNT))

/* What may come with a kind, COMMON_FIELDS aside. */
#define KIND_FIELDS(X)                                                               \
	X(ORDER, ORDER_FIELDS | BIT(F_PLATFORM) | BIT(F_COMPLETED_AT) | BIT(F_LINE)) \
	X(COMPLETION, ORDER_FIELDS | BIT(F_COMPLETED_AT))                            \
	X(CANCELLATION, ORDER_FIELDS)                                                \
	X(REVERSAL, ORDER_FIELDS | BIT(F_LINE) | BIT(F_REASON))                      \
	X(REVIEW, ORDER_FIELDS | BIT(F_LINE_NO) | BIT(F_PICTURES))                   \
	X(SHARE, BIT(F_CONTENT) | BIT(F_CHANNEL))                                    \
	X(OPENING, ABOUT_FIELDS | BIT(F_BY) | BIT(F_VERIFIED))                       \
	X(POST, BIT(F_CONTENT))                                                      \
	X(ANSWER, BIT(F_QUESTION) | BIT(F_ASKER))                                    \
	X(VOTE, BIT(F_CONTENT) | BIT(F_BY))                                          \
	X(VISIT, BIT(F_PLATFORM) | BIT(F_STORE))                                     \
	X(UNDO, ABOUT_FIELDS | BIT(F_REASON))                                        \
	X(FINDING, ABOUT_FIELDS | BIT(F_REASON))                                     \
	X(VOID, ABOUT_FIELDS | BIT(F_REASON))                                        \
	X(CREDIBILITY, BIT(F_DELTA_BP) | BIT(F_UNTIL) | BIT(F_REASON))               \
	X(LINK, BIT(F_OTHER) | BIT(F_LINKED) | BIT(F_REASON))                        \
	X(OVERRIDE, BIT(F_TIER) | BIT(F_UNTIL) | BIT(F_REASON))                      \
	X(SUSPENSION, BIT(F_SUSPENDED) | BIT(F_REASON))

/* 0: no such kind. */
static uint64_t fields_of(enum activity_kind kind)
{
	switch (kind) {
#define X(name, fields)       \
	case ACTIVITY_##name: \
		return COMMON_FIELDS | (fields);
		KIND_FIELDS(X)
#undef X
	}
	return 0;
}

struct reader {
	const unsigned char *at, *end;
	unsigned last; /* number of the field before */
	unsigned repeats; /* the number that may come again; 0: none */
	uint64_t allowed; /* bits of the numbers that may come */
	const char *fault;
};

struct field {
	unsigned number;
	bool is_text;
	int64_t value;
	struct str text;
};

static struct reader reader_of(struct str bytes, uint64_t allowed, unsigned repeats)
{
	const unsigned char *at = (const unsigned char *)bytes.ptr;

	/* an empty str may have no pointer to add to */
	return (struct reader){at, bytes.len == 0 ? at : at + bytes.len, 0, repeats, allowed, NULL};
}

/* The first one is the story. */
static void set_fault(struct reader *r, const char *fault)
{
	if (r->fault == NULL) {
		r->fault = fault;
	}
}

static uint64_t take_varint(struct reader *r)
{
	uint64_t value = 0;

	for (unsigned shift = 0; r->fault == NULL; shift += 7) {
		unsigned char byte;

		if (r->at == r->end) {
			set_fault(r, "it ends in the middle of a number");
			break;
		}
		byte = *r->at++;
		if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0)) {
			set_fault(r, "a number is too long");
			break;
		}
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			return value;
		}
	}
	return 0;
}

static void take_value(struct reader *r, struct field *f)
{
	uint64_t raw = take_varint(r);

	if (r->fault != NULL) {
		return;
	}
	if (raw == 0) {
		set_fault(r, "an empty value is written out");
	} else if (!f->is_text) {
		f->value = (int64_t)(raw >> 1 ^ (raw & 1 ? UINT64_MAX : 0));
	} else if (raw > (uint64_t)(r->end - r->at)) {
		set_fault(r, "it ends in the middle of a text");
	} else {
		f->text = (struct str){(const char *)r->at, (size_t)raw};
		r->at += raw;
	}
}

/* False at the end and on a fault. */
static bool next_field(struct reader *r, struct field *f)
{
	uint64_t tag;

	if (r->fault != NULL || r->at == r->end) {
		return false;
	}
	tag = take_varint(r);
	if (r->fault != NULL) {
		return false;
	}
	if (tag / 2 >= NUMBERS_MOST || (r->allowed & BIT(tag / 2)) == 0) {
		set_fault(r,
			  "a field is not known for this kind: was it written by a newer memberd?");
		return false;
	}
	*f = (struct field){.number = (unsigned)(tag / 2), .is_text = (tag & 1) != 0};
	if (f->number < r->last || (f->number == r->last && f->number != r->repeats)) {
		set_fault(r, "fields are out of order");
		return false;
	}
	r->last = f->number;
	take_value(r, f);
	return r->fault == NULL;
}

static int64_t int_of(struct reader *r, const struct field *f)
{
	if (f->is_text) {
		set_fault(r, "a text stands where a number belongs");
	}
	return f->value;
}

static int32_t int32_of(struct reader *r, const struct field *f)
{
	int64_t value = int_of(r, f);

	if (value < INT32_MIN || value > INT32_MAX) {
		set_fault(r, "a number is out of range");
		return 0;
	}
	return (int32_t)value;
}

/* False is left out, so there is one way to say true. */
static bool bool_of(struct reader *r, const struct field *f)
{
	if (int_of(r, f) != 1) {
		set_fault(r, "a flag is neither left out nor 1");
	}
	return true;
}

/* Out of range is left to payload_find_fault(), but no enum may hold what its type cannot. */
static int enum_of(struct reader *r, const struct field *f, int end)
{
	int64_t value = int_of(r, f);

	if (value <= 0 || value >= end) {
		set_fault(r, "a number names nothing");
		return 0;
	}
	return (int)value;
}

static struct str text_of(struct reader *r, const struct field *f)
{
	if (!f->is_text) {
		set_fault(r, "a number stands where a text belongs");
	}
	return f->text;
}

static void take_currency(struct reader *r, const struct field *f, char out[4])
{
	struct str text = text_of(r, f);

	if (text.len != 3) {
		set_fault(r, "a currency is not three capital letters");
		return;
	}
	memcpy(out, text.ptr, 3);
}

static void take_line_field(struct reader *r, const struct field *f, struct line *line)
{
	switch (f->number) {
	case L_LINE_NO:
		line->line_no = int32_of(r, f);
		break;
	case L_TYPE:
		line->type = (enum line_type)enum_of(r, f, LINE_TYPE_END);
		break;
	case L_CURRENCY:
		take_currency(r, f, line->currency);
		break;
	case L_AMOUNT:
		line->amount = int_of(r, f);
		break;
	case L_COUPON:
		line->coupon = int_of(r, f);
		break;
	case L_POINTS:
		line->points = int_of(r, f);
		break;
	case L_SUB_KIND:
		line->sub_kind = text_of(r, f);
		break;
	case L_CATEGORY:
		line->category = text_of(r, f);
		break;
	case L_STORE:
		line->store = text_of(r, f);
		break;
	case L_BRAND:
		line->brand = text_of(r, f);
		break;
	}
}

static struct line take_line(struct reader *r, const struct field *f, uint64_t allowed)
{
	struct reader inner = reader_of(text_of(r, f), allowed, 0);
	struct line line = {0};
	struct field field;

	while (r->fault == NULL && next_field(&inner, &field)) {
		take_line_field(&inner, &field, &line);
	}
	if (inner.fault != NULL) {
		set_fault(r, inner.fault);
	}
	return line;
}

/* How many lines come, the one in `first` included; the reader stays where it is. */
static size_t count_lines(const struct reader *r)
{
	struct reader ahead = *r;
	struct field field;
	size_t n = 1;

	while (next_field(&ahead, &field) && field.number == F_LINE) {
		n++;
	}
	return n;
}

/* Takes all lines, of which `field` is the first. False when the arena ran out. */
static bool take_lines(struct reader *r, struct field field, struct arena *arena,
		       struct activity *out)
{
	bool is_order = out->kind == ACTIVITY_ORDER;
	size_t n = count_lines(r);
	void *lines = arena_array(arena, n,
				  is_order ? sizeof(struct line) : sizeof(struct reversal_line));

	if (lines == NULL) {
		return false;
	}
	for (size_t i = 0; i < n && r->fault == NULL; i++) {
		struct line line =
			take_line(r, &field, is_order ? ORDER_LINE_FIELDS : REVERSAL_LINE_FIELDS);

		if (is_order) {
			((struct line *)lines)[i] = line;
		} else {
			struct reversal_line *reversed = (struct reversal_line *)lines + i;

			reversed->line_no = line.line_no;
			reversed->amount = line.amount;
			memcpy(reversed->currency, line.currency, sizeof(line.currency));
		}
		if (i + 1 < n && !next_field(r, &field)) {
			break;
		}
	}
	if (is_order) {
		out->order.lines = lines;
		out->order.n_lines = n;
	} else {
		out->reversal.lines = lines;
		out->reversal.n_lines = n;
	}
	return true;
}

static void take_content(struct reader *r, const struct field *f, struct activity *out)
{
	if (out->kind == ACTIVITY_SHARE) {
		out->share.content = text_of(r, f);
	} else if (out->kind == ACTIVITY_POST) {
		out->post.content = text_of(r, f);
	} else {
		out->vote.content = text_of(r, f);
	}
}

/* Fields of the platforms' kinds from review on. */
static void take_interaction_field(struct reader *r, const struct field *f, struct activity *out)
{
	switch (f->number) {
	case F_LINE_NO:
		out->review.line_no = int32_of(r, f);
		break;
	case F_PICTURES:
		out->review.pictures = bool_of(r, f);
		break;
	case F_CONTENT:
		take_content(r, f, out);
		break;
	case F_CHANNEL:
		out->share.channel = text_of(r, f);
		break;
	case F_BY:
		*(out->kind == ACTIVITY_OPENING ? &out->opening.by : &out->vote.by) = int_of(r, f);
		break;
	case F_VERIFIED:
		out->opening.verified = bool_of(r, f);
		break;
	case F_QUESTION:
		out->answer.question = text_of(r, f);
		break;
	case F_ASKER:
		out->answer.asker = int_of(r, f);
		break;
	case F_STORE:
		out->visit.store = text_of(r, f);
		break;
	}
}

/* Fields of the service's own kinds. */
static void take_decision_field(struct reader *r, const struct field *f, struct activity *out)
{
	switch (f->number) {
	case F_DELTA_BP:
		out->credibility.delta_bp = int32_of(r, f);
		break;
	case F_UNTIL:
		*(out->kind == ACTIVITY_CREDIBILITY ? &out->credibility.until
						    : &out->override.until) = int_of(r, f);
		break;
	case F_OTHER:
		out->link.other = int_of(r, f);
		break;
	case F_LINKED:
		out->link.linked = bool_of(r, f);
		break;
	case F_TIER:
		out->override.tier = (enum tier)enum_of(r, f, TIER_END);
		break;
	case F_SUSPENDED:
		out->suspension.suspended = bool_of(r, f);
		break;
	default:
		take_interaction_field(r, f, out);
	}
}

/* Fields that are there whatever the kind, and what is named. */
static void take_common_field(struct reader *r, const struct field *f, struct activity *out)
{
	switch (f->number) {
	case F_OCCURRED_AT:
		out->occurred_at = int_of(r, f);
		break;
	case F_SOURCE:
		out->source = text_of(r, f);
		break;
	case F_SOURCE_EVENT_ID:
		out->source_event_id = text_of(r, f);
		break;
	case F_ORDER_SOURCE:
		out->order_source = text_of(r, f);
		break;
	case F_ORDER_ID:
		out->order_id = text_of(r, f);
		break;
	case F_ABOUT_SOURCE:
		out->about_source = text_of(r, f);
		break;
	case F_ABOUT_EVENT_ID:
		out->about_event_id = text_of(r, f);
		break;
	case F_REASON:
		out->reason = text_of(r, f);
		break;
	default:
		take_decision_field(r, f, out);
	}
}

/* False when the arena ran out. */
static bool take_field(struct reader *r, const struct field *f, struct arena *arena,
		       struct activity *out)
{
	switch (f->number) {
	case F_PLATFORM:
		*(out->kind == ACTIVITY_ORDER ? &out->order.platform : &out->visit.platform) =
			(enum platform)enum_of(r, f, PLATFORM_END);
		break;
	case F_COMPLETED_AT:
		*(out->kind == ACTIVITY_ORDER ? &out->order.completed_at
					      : &out->completion.completed_at) = int_of(r, f);
		break;
	case F_LINE:
		return take_lines(r, *f, arena, out);
	default:
		take_common_field(r, f, out);
	}
	return true;
}

/* Version and kind; the reader then stands before the fields. */
static void take_head(struct reader *r, struct activity *out)
{
	uint64_t kind;

	if (r->at == r->end) {
		set_fault(r, "it is empty");
		return;
	}
	if (*r->at++ != PAYLOAD_VERSION) {
		set_fault(r, "its version is not known: was it written by a newer memberd?");
		return;
	}
	kind = take_varint(r);
	if (r->fault == NULL &&
	    (kind >= NUMBERS_MOST || fields_of((enum activity_kind)kind) == 0)) {
		set_fault(r, "its kind is not known: was it written by a newer memberd?");
	}
	if (r->fault == NULL) {
		out->kind = (enum activity_kind)kind;
		r->allowed = fields_of(out->kind);
	}
}

enum mb_code payload_decode(struct str bytes, struct arena *arena, struct activity *out,
			    struct mb_err *err)
{
	struct reader r = reader_of(bytes, 0, F_LINE);
	struct activity activity = {0};
	struct field field;

	take_head(&r, &activity);
	while (next_field(&r, &field)) {
		if (!take_field(&r, &field, arena, &activity)) {
			return arena_fail(arena, err);
		}
	}
	if (r.fault == NULL) {
		r.fault = payload_find_fault(&activity);
	}
	if (r.fault != NULL) {
		return mb_fail(err, MB_INTERNAL, "a stored payload cannot be read: %s", r.fault);
	}
	*out = activity;
	return MB_OK;
}
