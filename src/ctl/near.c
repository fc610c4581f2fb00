/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/near.h"

#include <stdbool.h>
#include <string.h>

#define STEPS_MAX 2

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Steps from a to b (optimal string alignment), by rows: rows[i % 3][j] is the way from the first i
 * bytes of a to the first j of b. */
static size_t count_steps(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][NEAR_BYTES_MAX + 1];

	for (size_t i = 0; i <= a_len; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			if (i == 0) {
				row[j] = j;
				continue;
			}
			row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]),
				       least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
				row[j] = least(row[j], two[j - 2] + 1);
			}
		}
	}
	return rows[a_len % 3][b_len];
}

void near_try(struct near *near, const char *name)
{
	size_t text_len = strlen(near->text), name_len = strlen(name), steps;
	bool begins;

	if (text_len == 0 || text_len > NEAR_BYTES_MAX || name_len > NEAR_BYTES_MAX) {
		return;
	}
	begins = text_len >= 2 && strncmp(name, near->text, text_len) == 0;
	steps = begins ? 1 : count_steps(near->text, text_len, name, name_len);
	if (steps <= STEPS_MAX && (begins || 2 * steps < name_len) &&
	    (near->name == NULL || steps < near->steps)) {
		near->name = name;
		near->steps = steps;
	}
}
