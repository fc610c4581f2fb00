/* SPDX-License-Identifier: Apache-2.0 */
#include "service/page.h"

#include "repository/repository.h"

#include <stdio.h>
#include <string.h>

#define FIELD_DIGITS 80 /* the numbers, in hexadecimal */
#define MAC_BYTES    16
#define TOKEN_DIGITS (FIELD_DIGITS + 2 * MAC_BYTES)

enum mb_code page_size(int32_t asked, int32_t normal, int32_t most, int32_t *out,
		       struct mb_err *err)
{
	if (asked < 0) {
		return mb_fail_field(err, MB_FIELD_INVALID, "page_size", "must not be negative");
	}
	*out = asked == 0 ? normal : asked > most ? most : asked;
	return MB_OK;
}

enum mb_code page_scope(const char *method, const ProtobufCMessage *arguments, struct arena *arena,
			struct str *out, struct mb_err *err)
{
	struct str packed = pb_pack(arena, arguments);
	size_t len = strlen(method);
	char *scope = arena_alloc(arena, len + packed.len);

	if (arena_overflowed(arena)) {
		return arena_fail(arena, err);
	}
	memcpy(scope, method, len);
	if (packed.len > 0) {
		memcpy(scope + len, packed.ptr, packed.len);
	}
	*out = (struct str){scope, len + packed.len};
	return MB_OK;
}

/* The whole token, NUL included. */
static enum mb_code write_token(const struct repository *repository, struct str scope,
				const struct page *page, char out[TOKEN_DIGITS + 1],
				struct mb_err *err)
{
	unsigned char mac[32];
	struct str parts[2] = {scope, {out, FIELD_DIGITS}};
	enum mb_code code;

	snprintf(out, TOKEN_DIGITS + 1, "%08x%08x%016llx%016llx%016llx%016llx",
		 (unsigned)page->policy_version, (unsigned)page->next,
		 (unsigned long long)page->as_of, (unsigned long long)page->known_at,
		 (unsigned long long)page->revision, (unsigned long long)page->after);
	code = repository_digest(repository, parts, 2, mac, err);
	for (size_t i = 0; code == MB_OK && i < MAC_BYTES; i++) {
		snprintf(out + FIELD_DIGITS + 2 * i, 3, "%02x", mac[i]);
	}
	return code;
}

char *page_token_make(const struct repository *repository, struct str scope,
		      const struct page *page, struct arena *arena, struct mb_err *err)
{
	char token[TOKEN_DIGITS + 1];
	char *made;

	if (write_token(repository, scope, page, token, err) != MB_OK) {
		return NULL;
	}
	made = arena_strdup(arena, token);
	if (made == NULL) {
		arena_fail(arena, err);
	}
	return made;
}

enum mb_code page_token_read(const struct repository *repository, struct str scope,
			     const char *token, struct page *out, struct mb_err *err)
{
	char again[TOKEN_DIGITS + 1];
	unsigned version, next;
	unsigned long long as_of, known_at, revision, after;
	struct page page;
	enum mb_code code;

	if (strlen(token) == TOKEN_DIGITS &&
	    sscanf(token, "%8x%8x%16llx%16llx%16llx%16llx", &version, &next, &as_of, &known_at,
		   &revision, &after) == 6) {
		page = (struct page){(int32_t)version,	(int32_t)next,	   (int64_t)as_of,
				     (int64_t)known_at, (int64_t)revision, (int64_t)after};
		code = write_token(repository, scope, &page, again, err);
		if (code != MB_OK) {
			return code;
		}
		if (strcmp(again, token) == 0) {
			*out = page;
			return MB_OK;
		}
	}
	return mb_fail_field(err, MB_FIELD_INVALID, "page_token",
			     "is not one that this list gave for these arguments");
}
