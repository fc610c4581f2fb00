/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/amount.h"

#include "ctl/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int amount_decimals(const char *currency)
{
	static const char none[] =
		"BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
	static const char three[] = "BHD IQD JOD KWD LYD OMR TND";

	if (strlen(currency) != 3 || currency[0] == ' ') {
		return 2;
	}
	return strstr(none, currency) != NULL ? 0 : strstr(three, currency) != NULL ? 3 : 2;
}

static const char *format_scaled(int64_t value, int places, char out[AMOUNT_BYTES])
{
	uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value, unit = 1;

	for (int i = 0; i < places; i++) {
		unit *= 10;
	}
	if (places == 0) {
		snprintf(out, AMOUNT_BYTES, "%s%" PRIu64, value < 0 ? "-" : "", size);
	} else {
		snprintf(out, AMOUNT_BYTES, "%s%" PRIu64 ".%0*" PRIu64, value < 0 ? "-" : "",
			 size / unit, places, size % unit);
	}
	return out;
}

const char *amount_format(int64_t minor, const char *currency, char out[AMOUNT_BYTES])
{
	return format_scaled(minor, amount_decimals(currency), out);
}

bool amount_parse(struct str text, const char *currency, int64_t *out)
{
	int places = amount_decimals(currency);
	struct decimal value;

	return decimal_parse(text, &value) && value.units >= 0 && value.places <= places &&
	       decimal_times(value, 1, places, out);
}

const char *amount_points(int64_t micro, char out[AMOUNT_BYTES])
{
	size_t len;

	format_scaled(micro, 6, out);
	for (len = strlen(out); out[len - 1] == '0'; len--) {
		out[len - 1] = '\0';
	}
	if (out[len - 1] == '.') {
		out[len - 1] = '\0';
	}
	return out;
}
