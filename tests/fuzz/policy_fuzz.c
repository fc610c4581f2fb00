/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is refused with its places, or gives a policy that survives being printed. */
#include "policy/policy_file.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problems(const struct policy_problems *problems)
{
	assert(problems->n > 0);
	for (size_t i = 0; i < problems->n; i++) {
		const struct policy_problem *at = &problems->items[i];

		assert(at->line >= 1 && at->column >= 1 && at->text[0] != '\0');
		assert(str_is_utf8(str_from(at->path)) && str_is_utf8(str_from(at->text)));
		assert(strpbrk(at->path, "\r\n") == NULL && strpbrk(at->text, "\r\n") == NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create(NULL, (size_t)4 << 20);
	struct str text = {(const char *)data, size};
	struct policy_problems problems;
	const struct policy *first, *again;
	struct strbuf printed = {0};
	struct mb_err err;
	enum mb_code code = policy_check(text, arena, &first, &problems, &err);

	assert(code == MB_OK || code == MB_FIELD_INVALID);
	if (code == MB_FIELD_INVALID) {
		check_problems(&problems);
	} else {
		policy_print(first, &printed);
		code = policy_parse(strbuf_str(&printed), "printed", arena, &again, &err);
		assert(code == MB_OK && policy_equal(first, again));
	}
	strbuf_fini(&printed);
	arena_destroy(arena);
	return 0;
}
