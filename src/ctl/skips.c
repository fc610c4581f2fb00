/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/skips.h"

#include <assert.h>
#include <stdlib.h>

static const struct {
	const char *name, *text;
} BUILTIN[] = {
#define X(name, text) {#name, text},
	SKIP_REASONS(X)
#undef X
};

const char *skip_text(struct str reason)
{
	for (size_t i = 0; i < sizeof(BUILTIN) / sizeof(*BUILTIN); i++) {
		if (str_eq(reason, str_from(BUILTIN[i].name))) {
			return BUILTIN[i].text;
		}
	}
	return NULL;
}

bool skip_is_builtin(struct str reason)
{
	return skip_text(reason) != NULL;
}

void skips_add(struct skips *skips, struct str reason)
{
	size_t i = 0;

	while (i < skips->n && !str_eq(skips->counts[i].reason, reason)) {
		i++;
	}
	if (i == skips->n) {
		/* at most 128 rules and the reasons above */
		assert(i < SKIP_REASONS_MAX);
		skips->counts[skips->n++] = (struct skip_count){reason, 0};
	}
	skips->counts[i].lines++;
	skips->total++;
}

static int compare_counts(const void *a, const void *b)
{
	const struct skip_count *x = a, *y = b;

	if (x->lines != y->lines) {
		return x->lines > y->lines ? -1 : 1;
	}
	return str_cmp(x->reason, y->reason);
}

void skips_sort(struct skips *skips)
{
	if (skips->n > 1) {
		qsort(skips->counts, skips->n, sizeof(*skips->counts), compare_counts);
	}
}
