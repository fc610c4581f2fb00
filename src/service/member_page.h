/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member_page: pages of a list about one member. It goes on as of and as known at the instants that
 * its first page had: the token holds them, so that no page repeats or skips a row whatever is
 * recorded in between.
 */
#pragma once

#include "service/calls.h"
#include "service/page.h"

struct member_page {
	int32_t size;
	struct str scope;
	bool goes_on; /* by a token */
	struct page page; /* of the token; else zero */
};

/* arguments: the request, page_size and page_token of which are empty. */
enum mb_code member_page_read(struct rpc_call *call, const struct services *services,
			      const ProtobufCMessage *arguments, int32_t size, const char *token,
			      struct member_page *out, struct mb_err *err);
/* reading_ask() as of and as known at the instants of the first page. */
void member_page_ask(struct reading *reading, const struct question *question,
		     const struct member_page *page);
/* With the revision that the first page told. */
Memberd__V1__AnswerInfo *member_page_info(const struct reading *reading,
					  const struct member_page *page);
/* Of the page that begins with row `next`; NULL, and err filled, when it cannot be made. */
char *member_page_token(const struct reading *reading, const struct member_page *page, size_t next,
			struct mb_err *err);
