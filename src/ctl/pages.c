/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pages.h"

#include "base/arena.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_BYTES 256

static int walk_page(struct ctl *ctl, page_fn *fn, char token[TOKEN_BYTES], void *data)
{
	struct arena *whole = ctl->arena;
	const char *next = "";
	int exit_code;

	ctl->arena = arena_create(NULL, 0);
	if (ctl->arena == NULL) {
		ctl->arena = whole;
		return ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
	}
	exit_code = fn(ctl, token, &next, data);
	snprintf(token, TOKEN_BYTES, "%s", next);
	if (strcmp(token, next) != 0) {
		exit_code = ctl_fail(ctl, EXIT_SOFTWARE, "a page token is too long");
	}
	arena_destroy(ctl->arena);
	ctl->arena = whole;
	return exit_code;
}

int pages_walk(struct ctl *ctl, page_fn *fn, void *data)
{
	char token[TOKEN_BYTES] = "";
	int exit_code = ctl->client != NULL ? EXIT_OK : connect_client(ctl, 10000, 0);

	if (exit_code == EXIT_OK) {
		do {
			exit_code = walk_page(ctl, fn, token, data);
		} while (exit_code == EXIT_OK && token[0] != '\0');
	}
	return exit_code;
}

void *pages_join(struct ctl *ctl, const void *rows, size_t n, const void *more, size_t n_more)
{
	char *joined = arena_array(ctl->arena, n + n_more, sizeof(void *));

	if (joined == NULL) {
		ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
		return NULL;
	}
	if (n > 0) {
		memcpy(joined, rows, n * sizeof(void *));
	}
	if (n_more > 0) {
		memcpy(joined + n * sizeof(void *), more, n_more * sizeof(void *));
	}
	return joined;
}
