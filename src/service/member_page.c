/* SPDX-License-Identifier: Apache-2.0 */
#include "service/member_page.h"

#include "service/map.h"

#define PAGE_NORMAL 50
#define PAGE_MOST   200

enum mb_code member_page_read(struct rpc_call *call, const struct services *services,
			      const ProtobufCMessage *arguments, int32_t size, const char *token,
			      struct member_page *out, struct mb_err *err)
{
	enum mb_code code = page_size(size, PAGE_NORMAL, PAGE_MOST, &out->size, err);

	if (code == MB_OK) {
		code = page_scope(rpc_call_method(call), arguments, rpc_call_arena(call),
				  &out->scope, err);
	}
	out->goes_on = token[0] != '\0';
	if (code == MB_OK && out->goes_on) {
		code = page_token_read(services->repository, out->scope, token, &out->page, err);
	}
	return code;
}

void member_page_ask(struct reading *reading, const struct question *question,
		     const struct member_page *page)
{
	if (reading_ask(reading, question) == MB_OK && page->goes_on) {
		reading->read.axes =
			(struct axes){true, true, page->page.as_of, page->page.known_at};
	}
}

static int64_t first_revision(const struct reading *reading, const struct member_page *page)
{
	return page->goes_on ? page->page.revision : reading_member(reading)->revision;
}

Memberd__V1__AnswerInfo *member_page_info(const struct reading *reading,
					  const struct member_page *page)
{
	Memberd__V1__AnswerInfo *info =
		to_info(rpc_call_arena(reading->call), reading_member(reading));

	if (info != NULL) {
		info->revision = first_revision(reading, page);
	}
	return info;
}

char *member_page_token(const struct reading *reading, const struct member_page *page, size_t next,
			struct mb_err *err)
{
	const struct axes *axes = &reading_member(reading)->axes;
	const struct page from = {.next = (int32_t)next,
				  .as_of = axes->as_of,
				  .known_at = axes->known_at,
				  .revision = first_revision(reading, page)};

	return page_token_make(reading->services->repository, page->scope, &from,
			       rpc_call_arena(reading->call), err);
}
