/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page: tokens of lists. A token holds where to go on and under which policy version, and is bound
 * by a keyed digest to the method and the arguments it was made for: with others it is refused.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "rpc/pb.h"

#include <stdint.h>

struct repository;

struct page {
	int32_t policy_version;
	int32_t next; /* where the next page begins */
	int64_t as_of, known_at, revision; /* of a list about a member: those it began with */
	int64_t after; /* of a list of members: the last one before the next page */
};

/* 0 takes `normal`, above `most` is clamped, negative is refused. */
enum mb_code page_size(int32_t asked, int32_t normal, int32_t most, int32_t *out,
		       struct mb_err *err);
/* What a token is good for: method and arguments, page_size and page_token of which are empty. */
enum mb_code page_scope(const char *method, const ProtobufCMessage *arguments, struct arena *arena,
			struct str *out, struct mb_err *err);
/* scope: method and arguments, page_size aside. NULL, and err filled, when it cannot be made. */
char *page_token_make(const struct repository *repository, struct str scope,
		      const struct page *page, struct arena *arena, struct mb_err *err);
/* MB_FIELD_INVALID for what page_token_make() did not make for this scope. */
enum mb_code page_token_read(const struct repository *repository, struct str scope,
			     const char *token, struct page *out, struct mb_err *err);
