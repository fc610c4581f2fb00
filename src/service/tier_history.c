/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListTierHistory: what the fold says today, or what was told.
 */
#include "service/tier_history.h"

#include "service/map.h"
#include "service/member_page.h"

struct listing {
	struct member_page page;
	unsigned parts;
	uint32_t kinds;
};

/* ---- answers ---- */

static enum mb_code answer_history(struct reading *reading, struct mb_err *err)
{
	const struct listing *listing = reading->prepared;
	struct arena *arena = rpc_call_arena(reading->call);
	const struct member *member = reading_member(reading);
	Memberd__V1__ListTierHistoryResponse response =
		MEMBERD__V1__LIST_TIER_HISTORY_RESPONSE__INIT;

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
	response.info = member_page_info(reading, &listing->page);
	if (member->history_goes_on) {
		response.next_page_token =
			member_page_token(reading, &listing->page,
					  reading->read.history_first + member->n_history, err);
	}
	return response.next_page_token == NULL ? err->code
						: call_reply(reading->call, &response.base, err);
}

/* ---- questions ---- */

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

static enum mb_code read_listing(struct rpc_call *call, const struct services *services,
				 const Memberd__V1__ListTierHistoryRequest *request,
				 struct listing *out, struct mb_err *err)
{
	Memberd__V1__ListTierHistoryRequest arguments = *request;
	enum mb_code code = view_parts(request->view, &out->parts, err);

	if (code == MB_OK) {
		code = from_transition_kinds(request->kinds, request->n_kinds, &out->kinds, err);
	}
	arguments.page_size = 0;
	arguments.page_token = (char *)protobuf_c_empty_string;
	return code == MB_OK ? member_page_read(call, services, &arguments.base, request->page_size,
						request->page_token, &out->page, err)
			     : code;
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
	member_page_ask(reading, &question, &listing->page);
	reading->read.history_first = (size_t)listing->page.page.next;
	reading->read.history_most = (size_t)listing->page.size;
	reading->read.history_kinds = listing->kinds;
	reading_submit_one(reading, request->min_revision);
}
