/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct str text_with(struct arena *arena, struct str text, const char *old, const char *new)
{
	size_t old_len = strlen(old), new_len = strlen(new), at = 0;
	char *out;

	while (at + old_len <= text.len && memcmp(text.ptr + at, old, old_len) != 0) {
		at++;
	}
	if (at + old_len > text.len) {
		fail_msg("the text has no '%s'", old);
	}
	out = arena_alloc(arena, text.len + new_len + 1);
	assert_non_null(out);
	memcpy(out, text.ptr, at);
	memcpy(out + at, new, new_len);
	memcpy(out + at + new_len, text.ptr + at + old_len, text.len - at - old_len);
	return (struct str){out, text.len - old_len + new_len};
}

struct str default_with(struct arena *arena, const char *old, const char *new)
{
	return text_with(arena, policy_default_text(), old, new);
}

const struct policy *parsed(struct arena *arena, struct str text)
{
	const struct policy *policy = NULL;
	struct mb_err err = {0};

	if (policy_parse(text, "policy.yaml", arena, &policy, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
	return policy;
}

const struct policy *default_parsed(struct arena *arena)
{
	return parsed(arena, policy_default_text());
}
