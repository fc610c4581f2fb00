/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/money.h"

#define RATE_UNIT 10000 /* of policy_rate.rate_e4 */

static int64_t power_of_ten(int32_t exponent)
{
	int64_t power = 1;

	while (exponent-- > 0) {
		power *= 10;
	}
	return power;
}

/*
 * amount * num / den, half up, where no product that is formed can overflow unseen: with
 * amount = q * den + r and num = s * den + u the quotient is q * num + r * s + r * u / den, and
 * r * u < den^2 <= 10^16 (exponents are 0..4).
 */
int64_t money_convert(int64_t amount, const struct policy_rate *rate, const struct policy *policy)
{
	int32_t shift = policy->exponent - rate->exponent;
	int64_t num = sat_mul(rate->rate_e4, power_of_ten(shift));
	int64_t den = RATE_UNIT * power_of_ten(-shift);
	int64_t q = amount / den, r = amount % den;
	int64_t s = num / den, u = num % den;
	int64_t rounded = (2 * r * u + den) / (2 * den);

	return sat_add(sat_add(sat_mul(q, num), sat_mul(r, s)), rounded);
}
