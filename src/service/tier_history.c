/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListTierHistory goes on as of and as known at the instants that its first page had: the token holds
 * them, so that no page repeats or skips a row whatever is recorded in between.
 */
#include "service/tier_history.h"

#include "service/calls.h"
#include "service/map.h"
#include "service/page.h"

#define PAGE_NORMAL 50
#define PAGE_MOST   200

struct listing {
	unsigned parts;
	int32_t size;
	struct str scope;
	uint32_t kinds;
	bool goes_on; /* by a token */
	struct page page; /* of the token; else zero */
};

static enum mb_code view_parts(Memberd__V1__TierHistoryView view, unsigned *parts,
			       struct mb_err *err)
{
	switch (view) {
	case MEMBERD__V1__TIER_HISTORY_VIEW__TIER_HISTORY_VIEW_UNSPECIFIED:
	case MEMBERD__V1__TIER_HISTORY_VIEW__TIER_HISTORY_VIEW_FOLD:
		*parts = MEMBER_STANDING | MEMBER_HISTORY;
		return MB_OK;
	case MEMBERD__V1__TIER_HISTORY_VIEW__TIER_HISTORY_VIEW_TOLD:
		*parts = MEMBER_STANDING | MEMBER_TOLD;
		return MB_OK;
	default:
		return mb_fail_field(err, MB_FIELD_INVALID, "view", "must be FOLD or TOLD");
	}
}

/* Method and arguments, those of the page itself aside. */
static enum mb_code make_scope(struct rpc_call *call,
			       const Memberd__V1__ListTierHistoryRequest *request, struct str *out,
			       struct mb_err *err)
{
	Memberd__V1__ListTierHistoryRequest arguments = *request;

	arguments.page_size = 0;
	arguments.page_token = (char *)protobuf_c_empty_string;
	return page_scope(rpc_call_method(call), &arguments.base, rpc_call_arena(call), out, err);
}

/* ---- answers ---- */

/* The token of the page after this one. */
static enum mb_code put_token(struct reading *reading, const struct member *member,
			      int64_t revision, Memberd__V1__ListTierHistoryResponse *out,
			      struct mb_err *err)
{
	const struct listing *listing = reading->prepared;
	const struct page next = {
		.next = (int32_t)(reading->read.history_first + member->n_history),
		.as_of = member->axes.as_of,
		.known_at = member->axes.known_at,
		.revision = revision};

	if (!member->history_goes_on) {
		return MB_OK;
	}
	out->next_page_token = page_token_make(reading->services->repository, listing->scope, &next,
					       rpc_call_arena(reading->call), err);
	return out->next_page_token != NULL ? MB_OK : err->code;
}

static enum mb_code answer_history(struct reading *reading, struct mb_err *err)
{
	const struct listing *listing = reading->prepared;
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	int64_t revision = listing->goes_on ? listing->page.revision : member->revision;
	Memberd__V1__ListTierHistoryResponse response =
		MEMBERD__V1__LIST_TIER_HISTORY_RESPONSE__INIT;
	enum mb_code code;

	response.member_id = to_id(arena, member->member_id);
	response.transitions = arena_array(arena, member->n_history, sizeof(*response.transitions));
	for (size_t i = 0; response.transitions != NULL && i < member->n_history; i++) {
		response.transitions[response.n_transitions++] =
			to_transition(arena, &member->history[i]);
	}
	response.overrides = arena_array(arena, member->n_overrides, sizeof(*response.overrides));
	for (size_t i = 0; response.overrides != NULL && i < member->n_overrides; i++) {
		response.overrides[response.n_overrides++] =
			to_transition(arena, &member->overrides[i]);
	}
	response.info = to_info(arena, member);
	if (response.info != NULL) {
		response.info->revision = revision;
	}
	code = put_token(reading, member, revision, &response, err);
	if (code == MB_OK && arena_overflowed(arena)) {
		code = arena_fail(arena, err);
	}
	if (code == MB_OK) {
		rpc_call_reply(reading->call, &response.base);
	}
	return code;
}

/* ---- questions ---- */

static enum mb_code read_listing(struct rpc_call *call, const struct services *services,
				 const Memberd__V1__ListTierHistoryRequest *request,
				 struct listing *out, struct mb_err *err)
{
	enum mb_code code = view_parts(request->view, &out->parts, err);

	if (code == MB_OK) {
		code = from_transition_kinds(request->kinds, request->n_kinds, &out->kinds, err);
	}
	if (code == MB_OK) {
		code = page_size(request->page_size, PAGE_NORMAL, PAGE_MOST, &out->size, err);
	}
	if (code == MB_OK) {
		code = make_scope(call, request, &out->scope, err);
	}
	out->goes_on = request->page_token[0] != '\0';
	if (code == MB_OK && out->goes_on) {
		code = page_token_read(services->repository, out->scope, request->page_token,
				       &out->page, err);
	}
	return code;
}

void list_tier_history(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__ListTierHistoryRequest *request = (const void *)message;
	const struct question question = {request->member, request->min_revision, request->as_of,
					  request->known_at};
	struct listing *listing = arena_alloc(rpc_call_arena(call), sizeof(*listing));
	struct reading *reading;
	struct mb_err err = {0};

	if (listing == NULL || read_listing(call, data, request, listing, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	reading = reading_begin(call, data, message, 1, listing->parts, answer_history);
	if (reading == NULL) {
		return;
	}
	reading->prepared = listing;
	if (reading_ask(reading, &question) == MB_OK && listing->goes_on) {
		reading->read.axes =
			(struct axes){true, true, listing->page.as_of, listing->page.known_at};
	}
	reading->read.history_first = (size_t)listing->page.next;
	reading->read.history_most = (size_t)listing->size;
	reading->read.history_kinds = listing->kinds;
	reading_submit_one(reading, request->min_revision);
}
