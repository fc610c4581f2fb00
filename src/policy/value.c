/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/value.h"

#include "base/clock.h"
#include "domain/policy.h"

#include <stdio.h>
#include <string.h>

/* Room for the sign, 19 digits and a point; longer texts are no numbers of ours. */
#define NUMBER_MAX 24

#define SPAN_UNITS(X)           \
	X(US_PER_DAY, "d")      \
	X(US_PER_HOUR, "h")     \
	X(US_PER_MINUTE, "min") \
	X(US_PER_SECOND, "s")

static const struct span_unit {
	int64_t length;
	struct str name;
} SPAN_UNIT[] = {
#define X(length, name) {length, {name, sizeof(name) - 1}},
	SPAN_UNITS(X)
#undef X
};

#define SPAN_UNIT_N (sizeof(SPAN_UNIT) / sizeof(SPAN_UNIT[0]))

/* "-12.5" times 10^decimals, with at most that many decimals and no needless zero in front. */
static bool parse_decimal(struct str text, int decimals, int64_t *out)
{
	char digits[NUMBER_MAX];
	size_t n = 0, i = 0, whole = 0;
	int fraction = 0;

	if (text.len > NUMBER_MAX - 8) {
		return false;
	}
	if (text.len > 0 && text.ptr[0] == '-') {
		digits[n++] = text.ptr[i++];
	}
	if (text.len - i > 1 && text.ptr[i] == '0' && text.ptr[i + 1] != '.') {
		return false;
	}
	for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++, whole++) {
		digits[n++] = text.ptr[i];
	}
	if (i < text.len && text.ptr[i] == '.') {
		for (i++; i < text.len && fraction < decimals; i++, fraction++) {
			digits[n++] = text.ptr[i];
		}
		whole = fraction == 0 ? 0 : whole;
	}
	for (; fraction < decimals; fraction++) {
		digits[n++] = '0';
	}
	return whole > 0 && i == text.len && str_to_i64((struct str){digits, n}, out);
}

/* At least `least` decimals, more only where they say something. */
static void format_decimal(int64_t value, int decimals, int least, char out[VALUE_TEXT_SIZE])
{
	int64_t scale = 1;
	int len;

	for (int i = 0; i < decimals; i++) {
		scale *= 10;
	}
	if (decimals == 0) {
		snprintf(out, VALUE_TEXT_SIZE, "%lld", (long long)value);
		return;
	}
	len = snprintf(out, VALUE_TEXT_SIZE, "%s%lld.%0*lld", value < 0 ? "-" : "",
		       (long long)(value / scale < 0 ? -(value / scale) : value / scale), decimals,
		       (long long)(value % scale < 0 ? -(value % scale) : value % scale));
	for (; decimals > least && out[len - 1] == '0'; decimals--) {
		out[--len] = '\0';
	}
	if (out[len - 1] == '.') {
		out[--len] = '\0';
	}
}

static bool parse_span(struct str text, int64_t *out)
{
	for (size_t i = 0; i < SPAN_UNIT_N; i++) {
		struct str name = SPAN_UNIT[i].name;
		struct str number = {text.ptr, text.len - name.len};
		int64_t count;

		if (text.len > name.len && memcmp(text.ptr + number.len, name.ptr, name.len) == 0 &&
		    parse_decimal(number, 0, &count)) {
			if (count > INT64_MAX / SPAN_UNIT[i].length || count < 0) {
				return false;
			}
			*out = count * SPAN_UNIT[i].length;
			return true;
		}
	}
	return false;
}

static void format_span(int64_t span, char out[VALUE_TEXT_SIZE])
{
	for (size_t i = 0; i < SPAN_UNIT_N; i++) {
		if (span % SPAN_UNIT[i].length == 0) {
			snprintf(out, VALUE_TEXT_SIZE, "%lld%s",
				 (long long)(span / SPAN_UNIT[i].length), SPAN_UNIT[i].name.ptr);
			return;
		}
	}
}

static bool parse_share(struct str text, int64_t *out)
{
	return text.len > 1 && text.ptr[text.len - 1] == '%' &&
	       parse_decimal((struct str){text.ptr, text.len - 1}, 2, out);
}

static void format_share(int64_t share, char out[VALUE_TEXT_SIZE])
{
	size_t len;

	format_decimal(share, 2, 0, out);
	len = strlen(out);
	memcpy(out + len, "%", 2);
}

static bool parse_switch(struct str text, int64_t *out)
{
	if (str_eq(text, STR("true"))) {
		*out = 1;
		return true;
	}
	if (str_eq(text, STR("false"))) {
		*out = 0;
		return true;
	}
	return false;
}

static bool parse_tier(struct str text, int64_t *out)
{
	enum tier tier = tier_from_name(text);

	if (tier == 0) {
		return false;
	}
	*out = (int64_t)tier;
	return true;
}

static bool parse_instant(struct str text, int64_t *out)
{
	char copy[64];

	if (text.len >= sizeof(copy)) {
		return false;
	}
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return clock_parse(copy, out, NULL) == MB_OK;
}

/* "+08:00" */
static bool parse_zone(struct str text, int64_t *out)
{
	int digits[4];

	if (text.len != 6 || (text.ptr[0] != '+' && text.ptr[0] != '-') || text.ptr[3] != ':') {
		return false;
	}
	for (int i = 0; i < 4; i++) {
		digits[i] = text.ptr[i < 2 ? i + 1 : i + 2] - '0';
		if (digits[i] < 0 || digits[i] > 9) {
			return false;
		}
	}
	if (digits[2] > 5) {
		return false;
	}
	*out = (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3];
	*out = text.ptr[0] == '-' ? -*out : *out;
	return true;
}

static void format_zone(int64_t minutes, char out[VALUE_TEXT_SIZE])
{
	int64_t size = minutes < 0 ? -minutes : minutes;

	snprintf(out, VALUE_TEXT_SIZE, "%c%02lld:%02lld", minutes < 0 ? '-' : '+',
		 (long long)(size / 60), (long long)(size % 60));
}

bool value_parse(enum value_type type, struct str text, int exponent, int64_t *out)
{
	switch (type) {
	case VALUE_INT:
		return parse_decimal(text, 0, out);
	case VALUE_AMOUNT:
		return parse_decimal(text, exponent, out);
	case VALUE_POINTS:
		return parse_decimal(text, 6, out);
	case VALUE_SLOPE:
		return parse_decimal(text, 6 - exponent, out);
	case VALUE_SHARE:
		return parse_share(text, out);
	case VALUE_SPAN:
		return parse_span(text, out);
	case VALUE_RATE:
		return parse_decimal(text, 4, out);
	case VALUE_SWITCH:
		return parse_switch(text, out);
	case VALUE_TIER:
		return parse_tier(text, out);
	case VALUE_INSTANT:
		return parse_instant(text, out);
	case VALUE_ZONE:
		return parse_zone(text, out);
	default:
		return false;
	}
}

void value_format(enum value_type type, int64_t value, int exponent, char out[VALUE_TEXT_SIZE])
{
	switch (type) {
	case VALUE_AMOUNT:
		format_decimal(value, exponent, exponent, out);
		break;
	case VALUE_POINTS:
		format_decimal(value, 6, 0, out);
		break;
	case VALUE_SLOPE:
		format_decimal(value, 6 - exponent, 0, out);
		break;
	case VALUE_SHARE:
		format_share(value, out);
		break;
	case VALUE_SPAN:
		format_span(value, out);
		break;
	case VALUE_RATE:
		format_decimal(value, 4, 2, out);
		break;
	case VALUE_SWITCH:
		snprintf(out, VALUE_TEXT_SIZE, "%s", value != 0 ? "true" : "false");
		break;
	case VALUE_TIER:
		snprintf(out, VALUE_TEXT_SIZE, "%s", tier_name((enum tier)value));
		break;
	case VALUE_INSTANT:
		clock_format(value, out, VALUE_TEXT_SIZE);
		break;
	case VALUE_ZONE:
		format_zone(value, out);
		break;
	default:
		format_decimal(value, 0, 0, out);
		break;
	}
}

void value_describe(enum value_type type, int exponent, char *out, size_t size)
{
	switch (type) {
	case VALUE_AMOUNT:
		snprintf(out, size, "an amount with at most %d decimals, like 2000%s%.*s", exponent,
			 exponent == 0 ? "" : ".", exponent, "0000");
		break;
	case VALUE_POINTS:
		snprintf(out, size, "points with at most 6 decimals, like 0.2");
		break;
	case VALUE_SLOPE:
		snprintf(out, size, "points for a unit with at most %d decimals, like 0.01",
			 6 - exponent);
		break;
	case VALUE_SHARE:
		snprintf(out, size, "a percentage with at most 2 decimals, like 12.5%%");
		break;
	case VALUE_SPAN:
		snprintf(out, size, "a duration like 7d, 48h, 15min or 30s");
		break;
	case VALUE_RATE:
		snprintf(out, size, "a rate with at most 4 decimals, like 7.00");
		break;
	case VALUE_SWITCH:
		snprintf(out, size, "true or false");
		break;
	case VALUE_TIER:
		snprintf(out, size, "bronze, silver, gold, platinum, diamond or black_diamond");
		break;
	case VALUE_INSTANT:
		snprintf(out, size, "a time with its zone, like 2026-01-01T00:00:00+08:00");
		break;
	case VALUE_ZONE:
		snprintf(out, size, "a fixed offset from UTC, like +08:00");
		break;
	default:
		snprintf(out, size, "a whole number");
		break;
	}
}
