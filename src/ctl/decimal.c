/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/decimal.h"

static int64_t power_of_ten(int n)
{
	int64_t power = 1;

	while (n-- > 0) {
		power *= 10;
	}
	return power;
}

bool decimal_parse(struct str text, struct decimal *out)
{
	bool negative = text.len > 0 && text.ptr[0] == '-', point = false;
	struct decimal value = {0};
	int digits = 0;

	for (size_t i = negative ? 1 : 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '.' && !point && digits > 0) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9' || ++digits > 18 ||
		    (point && ++value.places > DECIMAL_PLACES_MAX)) {
			return false;
		}
		value.units = value.units * 10 + (c - '0');
	}
	if (digits == 0 || (point && value.places == 0)) {
		return false;
	}
	value.units = negative ? -value.units : value.units;
	*out = value;
	return true;
}

int decimal_cmp(struct decimal a, struct decimal b)
{
	int64_t whole_a = a.units / power_of_ten(a.places);
	int64_t whole_b = b.units / power_of_ten(b.places);
	int64_t rest_a =
		a.units % power_of_ten(a.places) * power_of_ten(DECIMAL_PLACES_MAX - a.places);
	int64_t rest_b =
		b.units % power_of_ten(b.places) * power_of_ten(DECIMAL_PLACES_MAX - b.places);

	if (whole_a != whole_b) {
		return whole_a < whole_b ? -1 : 1;
	}
	return (rest_a > rest_b) - (rest_a < rest_b);
}

static bool multiply(int64_t a, int64_t b, int64_t *out)
{
	if (a == 0 || b == 0) {
		*out = 0;
		return true;
	}
	/* INT64_MIN has no positive twin: stay one away from it */
	if (a == INT64_MIN || b == INT64_MIN || (a < 0 ? -a : a) > INT64_MAX / (b < 0 ? -b : b)) {
		return false;
	}
	*out = a * b;
	return true;
}

bool decimal_times(struct decimal price, int64_t quantity, int places, int64_t *out)
{
	int64_t product, divisor, floor, rest;

	if (!multiply(price.units, quantity, &product)) {
		return false;
	}
	if (price.places <= places) {
		return multiply(product, power_of_ten(places - price.places), out);
	}
	divisor = power_of_ten(price.places - places);
	floor = product / divisor;
	rest = product % divisor;
	if (rest < 0) {
		rest += divisor;
		floor--;
	}
	*out = floor + (rest >= divisor / 2);
	return true;
}
