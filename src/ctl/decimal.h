/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decimal: numbers as texts hold them ("2.55", "-11062.06"), exactly; and money made of them.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define DECIMAL_PLACES_MAX 9

/* units / 10^places */
struct decimal {
	int64_t units;
	int places; /* 0..DECIMAL_PLACES_MAX */
};

/* [-]digits[.digits], at most 18 digits together and 9 of them after the point; the whole text. */
bool decimal_parse(struct str text, struct decimal *out);
/* < 0, 0, > 0. */
int decimal_cmp(struct decimal a, struct decimal b);
/* price × quantity in units of 10^-places, half up (towards +infinity). False when int64 cannot hold
 * it on the way. */
bool decimal_times(struct decimal price, int64_t quantity, int places, int64_t *out);
