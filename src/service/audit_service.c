/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AuditService: the trail of what people decided, as it is stored. Whether its chains hold is for the
 * reader to compute: a server that was tampered with would say yes.
 */
#include "memberd/v1/audit_service.pb-c.h"
#include "repository/audit.h"
#include "service/calls.h"
#include "service/map.h"
#include "service/page.h"

#include <string.h>

#define PAGE_NORMAL 100

struct listing {
	struct repository_audit audit;
	struct rpc_call *call;
	struct services *services;
	struct str scope;
};

/* ---- answers ---- */

/* What was tampered with need not be a text of a message, which is UTF-8 and ends at a NUL: other bytes
 * in its place break the chain, too. */
static char *to_kept_text(struct arena *arena, struct str text)
{
	bool good =
		str_is_utf8(text) && (text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL);
	char *out = good ? to_text(arena, text) : arena_alloc(arena, text.len + 1);

	for (size_t i = 0; !good && out != NULL && i < text.len; i++) {
		out[i] = (unsigned char)text.ptr[i] < 0x80 && text.ptr[i] != '\0' ? text.ptr[i]
										  : '?';
	}
	return out;
}

/* Unlike an id that is told to callers, one below 0 must show. */
static char *to_kept_id(struct arena *arena, int64_t id)
{
	return id < 0 ? arena_printf(arena, "%lld", (long long)id) : to_id(arena, id);
}

static ProtobufCBinaryData to_bytes(struct str bytes)
{
	return (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.ptr};
}

static Memberd__V1__AuditRecord *to_record(struct arena *arena, const struct audit_row *row)
{
	Memberd__V1__AuditRecord *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__audit_record__init(message);
		message->vb = row->vb;
		message->seq = row->seq;
		message->member_id = to_kept_id(arena, row->member_id);
		message->known_at = to_time(arena, row->known_at);
		message->actor = to_kept_text(arena, row->actor);
		message->action = to_kept_text(arena, row->action);
		message->detail = to_kept_text(arena, row->detail);
		message->prev = to_bytes(row->prev);
		message->hash = to_bytes(row->hash);
	}
	return message;
}

static enum mb_code answer_listing(void *data, struct mb_err *err)
{
	struct listing *listing = data;
	struct arena *arena = rpc_call_arena(listing->call);
	const struct repository_audit *audit = &listing->audit;
	Memberd__V1__ListAuditRecordsResponse response =
		MEMBERD__V1__LIST_AUDIT_RECORDS_RESPONSE__INIT;

	response.records = arena_array(arena, audit->n, sizeof(*response.records));
	for (size_t i = 0; response.records != NULL && i < audit->n; i++) {
		response.records[response.n_records++] = to_record(arena, &audit->rows[i]);
	}
	if (audit->goes_on) {
		const struct audit_row *last = &audit->rows[audit->n - 1];
		const struct page next = {.next = last->vb, .after = last->seq};

		response.next_page_token = page_token_make(listing->services->repository,
							   listing->scope, &next, arena, err);
		if (response.next_page_token == NULL) {
			return err->code;
		}
	}
	return call_reply(listing->call, &response.base, err);
}

/* ---- questions ---- */

static enum mb_code from_member(const Memberd__V1__MemberRef *message, struct listing *listing,
				struct mb_err *err)
{
	struct member_ref *ref = &listing->audit.ref;
	enum mb_code code = MB_OK;
	const char *scope;

	if (message != NULL) {
		code = from_member_field(message, "member", ref, err);
		listing->audit.one_member = true;
	}
	if (code != MB_OK) {
		return code;
	}
	/* An issuer holds no blank, so no two members make the same text. */
	scope = arena_printf(rpc_call_arena(listing->call), "%s %d %lld %.*s %.*s",
			     rpc_call_method(listing->call), listing->audit.one_member,
			     (long long)ref->member_id, STR_ARG(ref->identity.issuer),
			     STR_ARG(ref->identity.external_id));
	if (scope == NULL) {
		return arena_fail(rpc_call_arena(listing->call), err);
	}
	listing->scope = str_from(scope);
	return MB_OK;
}

static enum mb_code from_request(const Memberd__V1__ListAuditRecordsRequest *request,
				 struct listing *listing, struct mb_err *err)
{
	struct page page = {0};
	int32_t size = 0;
	enum mb_code code = from_member(request->member, listing, err);

	if (code == MB_OK) {
		code = page_size(request->page_size, PAGE_NORMAL, AUDIT_PAGE_MAX, &size, err);
	}
	if (code == MB_OK && request->page_token[0] != '\0') {
		code = page_token_read(listing->services->repository, listing->scope,
				       request->page_token, &page, err);
	}
	listing->audit.most = (size_t)size;
	listing->audit.vb = page.next;
	listing->audit.seq = page.after;
	return code;
}

static void list_audit_records(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	struct listing *listing = arena_alloc(rpc_call_arena(call), sizeof(*listing));
	struct mb_err err = {0};

	if (listing == NULL ||
	    call_begin(call, data, &listing->audit.call, answer_listing, listing, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	listing->call = call;
	listing->services = data;
	if (from_request((const void *)message, listing, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	call_hand_over(&listing->audit.call);
	repository_audit(listing->services->repository, &listing->audit);
}

enum mb_code audit_service_bind(struct rpc_registry *registry, struct services *services,
				struct mb_err *err)
{
	static const struct service_method methods[] = {
		{"memberd.v1.AuditService/ListAuditRecords",
		 &memberd__v1__list_audit_records_request__descriptor,
		 &memberd__v1__list_audit_records_response__descriptor, RPC_ARENA_CAP_BATCH,
		 list_audit_records},
	};

	return service_bind_methods(registry, methods, sizeof(methods) / sizeof(methods[0]),
				    services, err);
}
