/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListMembers. A token goes on after the last member that was looked at, and is bound to the filter.
 */
#include "service/list_members.h"

#include "rpc/call.h"
#include "service/calls.h"
#include "service/map.h"
#include "service/page.h"

#define PAGE_NORMAL 50
#define PAGE_MOST   200

struct listing {
	struct repository_list list;
	struct rpc_call *call;
	struct services *services;
	struct str scope;
};

static struct str scope_of(struct rpc_call *call, Memberd__V1__MemberState state)
{
	const char *text =
		arena_printf(rpc_call_arena(call), "%s %d", rpc_call_method(call), (int)state);

	return text != NULL ? str_from(text) : (struct str){0};
}

static Memberd__V1__ListMembersResponse__Listed *to_listed(struct arena *arena,
							   const struct member *member)
{
	Memberd__V1__ListMembersResponse__Listed *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__list_members_response__listed__init(message);
		message->member = to_member(arena, member, false);
		message->info = to_info(arena, member);
	}
	return message;
}

static enum mb_code answer_listing(void *data, struct mb_err *err)
{
	struct listing *listing = data;
	struct arena *arena = rpc_call_arena(listing->call);
	const struct repository_list *list = &listing->list;
	const struct page page = {.after = list->last};
	Memberd__V1__ListMembersResponse response = MEMBERD__V1__LIST_MEMBERS_RESPONSE__INIT;

	response.members = arena_array(arena, list->n, sizeof(*response.members));
	for (size_t i = 0; response.members != NULL && i < list->n; i++) {
		response.members[response.n_members++] = to_listed(arena, list->members[i]);
	}
	if (list->goes_on) {
		response.next_page_token = page_token_make(listing->services->repository,
							   listing->scope, &page, arena, err);
		if (response.next_page_token == NULL) {
			return err->code;
		}
	}
	return call_reply(listing->call, &response.base, err);
}

static enum mb_code from_request(const Memberd__V1__ListMembersRequest *request,
				 struct listing *listing, struct mb_err *err)
{
	struct page page = {0};
	int32_t size;
	enum mb_code code = page_size(request->page_size, PAGE_NORMAL, PAGE_MOST, &size, err);

	if (code == MB_OK &&
	    protobuf_c_enum_descriptor_get_value(&memberd__v1__member_state__descriptor,
						 (int)request->state) == NULL) {
		code = mb_fail_field(err, MB_FIELD_INVALID, "state",
				     "must be ACTIVE or SUSPENDED, or unspecified for all");
	}
	if (code == MB_OK && request->page_token[0] != '\0') {
		code = page_token_read(listing->services->repository, listing->scope,
				       request->page_token, &page, err);
	}
	if (code == MB_OK) {
		listing->list.most = (size_t)size;
		listing->list.state = (enum member_state)request->state;
		listing->list.after = page.after;
	}
	return code;
}

void list_members(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__ListMembersRequest *request = (const void *)message;
	struct listing *listing = arena_alloc(rpc_call_arena(call), sizeof(*listing));
	struct mb_err err = {0};

	if (listing == NULL ||
	    call_begin(call, data, &listing->list.call, answer_listing, listing, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	listing->call = call;
	listing->services = data;
	listing->scope = scope_of(call, request->state);
	if (from_request(request, listing, &err) != MB_OK ||
	    arena_overflowed(rpc_call_arena(call))) {
		call_fail(call, &err);
		return;
	}
	call_hand_over(&listing->list.call);
	repository_list(listing->services->repository, &listing->list);
}
