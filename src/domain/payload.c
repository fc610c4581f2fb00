/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/payload.h"

#include <assert.h>
#include <string.h>

/* Numbers of fields: given once, never reused. 19 and up are free for the kinds to come. */
enum {
	F_OCCURRED_AT = 1,
	F_SOURCE = 2,
	F_SOURCE_EVENT_ID = 3,
	F_ORDER_SOURCE = 4,
	F_ORDER_ID = 5,
	F_PLATFORM = 16,
	F_COMPLETED_AT = 17,
	F_LINE = 18,
};

/* Inside a line. */
enum {
	L_LINE_NO = 1,
	L_TYPE = 2,
	L_CURRENCY = 3,
	L_AMOUNT = 4,
	L_COUPON = 5,
	L_POINTS = 6,
	L_SUB_KIND = 7,
	L_CATEGORY = 8,
	L_STORE = 9,
	L_BRAND = 10,
};

#define NUMBERS_MOST 64
#define BIT(number)  (UINT64_C(1) << (number))

#define COMMON_FIELDS                                                                        \
	(BIT(F_OCCURRED_AT) | BIT(F_SOURCE) | BIT(F_SOURCE_EVENT_ID) | BIT(F_ORDER_SOURCE) | \
	 BIT(F_ORDER_ID))
#define ORDER_LINE_FIELDS                                                                 \
	(BIT(L_LINE_NO) | BIT(L_TYPE) | BIT(L_CURRENCY) | BIT(L_AMOUNT) | BIT(L_COUPON) | \
	 BIT(L_POINTS) | BIT(L_SUB_KIND) | BIT(L_CATEGORY) | BIT(L_STORE) | BIT(L_BRAND))
#define REVERSAL_LINE_FIELDS (BIT(L_LINE_NO) | BIT(L_CURRENCY) | BIT(L_AMOUNT))

static uint64_t fields_of(enum activity_kind kind)
{
	switch (kind) {
	case ACTIVITY_ORDER:
		return COMMON_FIELDS | BIT(F_PLATFORM) | BIT(F_COMPLETED_AT) | BIT(F_LINE);
	case ACTIVITY_COMPLETION:
		return COMMON_FIELDS | BIT(F_COMPLETED_AT);
	case ACTIVITY_CANCELLATION:
		return COMMON_FIELDS;
	case ACTIVITY_REVERSAL:
		return COMMON_FIELDS | BIT(F_LINE);
	}
	return 0;
}

/* ---- what holds for every stored activity; limits that a policy or a release may move are not
 * here, because what was stored under the old ones must stay readable ---- */

static bool is_currency(const char *code)
{
	for (int i = 0; i < 3; i++) {
		if (code[i] < 'A' || code[i] > 'Z') {
			return false;
		}
	}
	return code[3] == '\0';
}

static const char *find_line_fault(const struct line *line, int32_t line_no_before)
{
	if (line->line_no <= line_no_before) {
		return "line numbers do not rise from 1";
	}
	if (line->type <= 0 || line->type >= LINE_TYPE_END) {
		return "no such type of line";
	}
	if (!is_currency(line->currency)) {
		return "a currency is not three capital letters";
	}
	if (line->amount < 0 || line->coupon < 0 || line->points < 0 ||
	    line->coupon > line->amount || line->points > line->amount - line->coupon) {
		return "an amount does not add up";
	}
	if (!str_is_utf8(line->sub_kind) || !str_is_utf8(line->category) ||
	    !str_is_utf8(line->store) || !str_is_utf8(line->brand)) {
		return "a text is not UTF-8";
	}
	return NULL;
}

static const char *find_order_fault(const struct order *order)
{
	int32_t line_no = 0;

	if (order->platform <= 0 || order->platform >= PLATFORM_END) {
		return "no such platform";
	}
	for (size_t i = 0; i < order->n_lines; i++) {
		const char *fault = find_line_fault(&order->lines[i], line_no);

		if (fault != NULL) {
			return fault;
		}
		line_no = order->lines[i].line_no;
	}
	return NULL;
}

static const char *find_reversal_fault(const struct reversal *reversal)
{
	int32_t line_no = 0;

	for (size_t i = 0; i < reversal->n_lines; i++) {
		const struct reversal_line *line = &reversal->lines[i];

		if (line->line_no <= line_no) {
			return "line numbers do not rise from 1";
		}
		if (!is_currency(line->currency)) {
			return "a currency is not three capital letters";
		}
		if (line->amount <= 0) {
			return "a reversed amount is not above zero";
		}
		line_no = line->line_no;
	}
	return NULL;
}

/* NULL when the activity may be stored. */
static const char *find_fault(const struct activity *activity)
{
	if (fields_of(activity->kind) == 0) {
		return "no such kind of activity";
	}
	if (!str_is_slug(activity->source, SIZE_MAX) ||
	    !str_is_slug(activity->order_source, SIZE_MAX)) {
		return "a source is not made of [a-z0-9._-]";
	}
	if (activity->source_event_id.len == 0 || activity->order_id.len == 0) {
		return "an id is empty";
	}
	if (!str_is_utf8(activity->source_event_id) || !str_is_utf8(activity->order_id)) {
		return "a text is not UTF-8";
	}
	switch (activity->kind) {
	case ACTIVITY_ORDER:
		return find_order_fault(&activity->order);
	case ACTIVITY_REVERSAL:
		return find_reversal_fault(&activity->reversal);
	case ACTIVITY_COMPLETION:
	case ACTIVITY_CANCELLATION:
		break;
	}
	return NULL;
}

/* ---- encoding ---- */

/* With ptr NULL it only counts. */
struct writer {
	char *ptr;
	size_t len;
};

static void put_bytes(struct writer *w, const void *bytes, size_t len)
{
	if (w->ptr != NULL && len > 0) {
		memcpy(w->ptr + w->len, bytes, len);
	}
	w->len += len;
}

static void put_varint(struct writer *w, uint64_t value)
{
	unsigned char bytes[10];
	size_t n = 0;

	for (; value >= 0x80; value >>= 7) {
		bytes[n++] = (unsigned char)(value | 0x80);
	}
	bytes[n++] = (unsigned char)value;
	put_bytes(w, bytes, n);
}

static void put_int(struct writer *w, unsigned number, int64_t value)
{
	if (value != 0) {
		put_varint(w, number * 2);
		put_varint(w, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
	}
}

static void put_text(struct writer *w, unsigned number, struct str text)
{
	if (text.len > 0) {
		put_varint(w, number * 2 + 1);
		put_varint(w, text.len);
		put_bytes(w, text.ptr, text.len);
	}
}

static void put_line_fields(struct writer *w, const struct line *line)
{
	put_int(w, L_LINE_NO, line->line_no);
	put_int(w, L_TYPE, (int64_t)line->type);
	put_text(w, L_CURRENCY, str_from(line->currency));
	put_int(w, L_AMOUNT, line->amount);
	put_int(w, L_COUPON, line->coupon);
	put_int(w, L_POINTS, line->points);
	put_text(w, L_SUB_KIND, line->sub_kind);
	put_text(w, L_CATEGORY, line->category);
	put_text(w, L_STORE, line->store);
	put_text(w, L_BRAND, line->brand);
}

static void put_line(struct writer *w, const struct line *line)
{
	struct writer count = {NULL, 0};

	put_line_fields(&count, line);
	put_varint(w, F_LINE * 2 + 1);
	put_varint(w, count.len);
	put_line_fields(w, line);
}

static void put_reversal_line(struct writer *w, const struct reversal_line *reversed)
{
	struct line line = {.line_no = reversed->line_no, .amount = reversed->amount};

	memcpy(line.currency, reversed->currency, sizeof(line.currency));
	put_line(w, &line);
}

static void put_kind_fields(struct writer *w, const struct activity *activity)
{
	switch (activity->kind) {
	case ACTIVITY_ORDER:
		put_int(w, F_PLATFORM, (int64_t)activity->order.platform);
		put_int(w, F_COMPLETED_AT, activity->order.completed_at);
		for (size_t i = 0; i < activity->order.n_lines; i++) {
			put_line(w, &activity->order.lines[i]);
		}
		break;
	case ACTIVITY_COMPLETION:
		put_int(w, F_COMPLETED_AT, activity->completion.completed_at);
		break;
	case ACTIVITY_REVERSAL:
		for (size_t i = 0; i < activity->reversal.n_lines; i++) {
			put_reversal_line(w, &activity->reversal.lines[i]);
		}
		break;
	case ACTIVITY_CANCELLATION:
		break;
	}
}

static void put_activity(struct writer *w, const struct activity *activity)
{
	char version = PAYLOAD_VERSION;

	put_bytes(w, &version, 1);
	put_varint(w, (uint64_t)activity->kind);
	put_int(w, F_OCCURRED_AT, activity->occurred_at);
	put_text(w, F_SOURCE, activity->source);
	put_text(w, F_SOURCE_EVENT_ID, activity->source_event_id);
	put_text(w, F_ORDER_SOURCE, activity->order_source);
	put_text(w, F_ORDER_ID, activity->order_id);
	put_kind_fields(w, activity);
}

enum mb_code payload_encode(const struct activity *activity, struct arena *arena, struct str *out,
			    struct mb_err *err)
{
	const char *fault = find_fault(activity);
	struct writer w = {NULL, 0};
	size_t len;

	if (fault != NULL) {
		return mb_fail(err, MB_INTERNAL, "an activity that cannot be stored: %s", fault);
	}
	put_activity(&w, activity);
	len = w.len;
	w = (struct writer){arena_alloc(arena, len), 0};
	if (w.ptr == NULL) {
		return arena_fail(arena, err);
	}
	put_activity(&w, activity);
	assert(w.len == len);
	*out = (struct str){w.ptr, len};
	return MB_OK;
}

/* ---- decoding: a fault, once set, ends every loop ---- */

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

/* Out of range is left to find_fault(), but no enum may hold what its type cannot. */
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

/* False when the arena ran out. */
static bool take_field(struct reader *r, const struct field *f, struct arena *arena,
		       struct activity *out)
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
	case F_PLATFORM:
		out->order.platform = (enum platform)enum_of(r, f, PLATFORM_END);
		break;
	case F_COMPLETED_AT:
		if (out->kind == ACTIVITY_ORDER) {
			out->order.completed_at = int_of(r, f);
		} else {
			out->completion.completed_at = int_of(r, f);
		}
		break;
	case F_LINE:
		return take_lines(r, *f, arena, out);
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
		r.fault = find_fault(&activity);
	}
	if (r.fault != NULL) {
		return mb_fail(err, MB_INTERNAL, "a stored payload cannot be read: %s", r.fault);
	}
	*out = activity;
	return MB_OK;
}
