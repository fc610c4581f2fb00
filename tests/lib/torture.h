/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TORTURE(scenario, data): runs the scenario once to count the fault points that it passes, then once
 * for each with that passing failing. The scenario returns what went wrong and cleans up after
 * itself in any case; a fault that strikes must show as an error, and AddressSanitizer sees leaks.
 * Include after cmocka.h.
 */
#pragma once

#include "base/err.h"
#include "base/fault.h"

typedef enum mb_code torture_fn(void *data, struct mb_err *err);

/* How many points there were. */
static inline unsigned long torture(const char *name, torture_fn *scenario, void *data)
{
	struct mb_err err = {0};
	unsigned long points;
	enum mb_code code;

	fault_disarm();
	code = scenario(data, &err);
	points = fault_passed();
	if (code != MB_OK) {
		fail_msg("%s: fails without a fault: %s", name, err.text);
	}
	for (unsigned long n = 1; n <= points; n++) {
		err = (struct mb_err){0};
		fault_arm(NULL, n);
		code = scenario(data, &err);
		if (fault_struck() && code == MB_OK) {
			fail_msg("%s: point %lu of %lu failed and nobody said so", name, n, points);
		}
		if (code != MB_OK && err.text[0] == '\0') {
			fail_msg("%s: point %lu of %lu: an error without a story", name, n, points);
		}
	}
	fault_disarm();
	return points;
}

#define TORTURE(scenario, data) torture(#scenario, scenario, data)
