/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/status.h"

#include "base/str.h"
#include "google/rpc/error_details.pb-c.h"
#include "rpc/call.h"
#include "rpc/pb.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TYPE_URL	"type.googleapis.com/"
#define DETAIL_MOST	3072 /* a BadRequest with the longest field and text is about 360 bytes */
#define VIOLATIONS_MOST 64
#define DETAILS		3

/* A status with all that it points to, for the stack. */
struct parts {
	Google__Rpc__Status status;
	Google__Protobuf__Any any[DETAILS];
	Google__Protobuf__Any *details[DETAILS];
	uint8_t bytes[DETAILS][DETAIL_MOST];
	char text[RPC_STATUS_TEXT];
};

static_assert(RPC_STATUS_TEXT >= sizeof(((struct mb_err *)NULL)->field) +
					 sizeof(((struct mb_err *)NULL)->text) + 2,
	      "field and text fit");

static const char *own_text(const struct mb_err *err)
{
	return err->text[0] != '\0' ? err->text : mb_code_text(err->code);
}

static void add_detail(struct parts *parts, const char *type_url, const ProtobufCMessage *detail)
{
	size_t i = parts->status.n_details++;
	Google__Protobuf__Any *any = &parts->any[i];

	assert(i < DETAILS && protobuf_c_message_get_packed_size(detail) <= DETAIL_MOST);
	google__protobuf__any__init(any);
	any->type_url = (char *)type_url;
	any->value.data = parts->bytes[i];
	any->value.len = protobuf_c_message_pack(detail, parts->bytes[i]);
	parts->details[i] = any;
}

static void add_error_info(struct parts *parts, const struct mb_err *err)
{
	Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;

	info.reason = (char *)mb_code_reason(err->code);
	info.domain = RPC_STATUS_DOMAIN;
	add_detail(parts, TYPE_URL "google.rpc.ErrorInfo", &info.base);
}

/* As many from the first on as fit. */
static void add_bad_request(struct parts *parts, const struct rpc_violation *violations, size_t n)
{
	Google__Rpc__BadRequest__FieldViolation rows[VIOLATIONS_MOST];
	Google__Rpc__BadRequest__FieldViolation *list[VIOLATIONS_MOST];
	Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;

	bad.field_violations = list;
	for (size_t i = 0; i < n && i < VIOLATIONS_MOST; i++) {
		google__rpc__bad_request__field_violation__init(&rows[i]);
		rows[i].field = violations[i].field;
		rows[i].description = violations[i].text;
		list[i] = &rows[i];
		bad.n_field_violations = i + 1;
		if (google__rpc__bad_request__get_packed_size(&bad) > DETAIL_MOST) {
			bad.n_field_violations = i;
			break;
		}
	}
	add_detail(parts, TYPE_URL "google.rpc.BadRequest", &bad.base);
}

static void add_retry_info(struct parts *parts, const struct mb_err *err)
{
	Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
	Google__Rpc__RetryInfo retry = GOOGLE__RPC__RETRY_INFO__INIT;

	delay.seconds = err->retry_after_ms / 1000;
	delay.nanos = (int32_t)(err->retry_after_ms % 1000) * 1000000;
	retry.retry_delay = &delay;
	add_detail(parts, TYPE_URL "google.rpc.RetryInfo", &retry.base);
}

static void build(struct parts *parts, const struct mb_err *err,
		  const struct rpc_violation *violations, size_t n)
{
	struct rpc_violation own = {(char *)err->field, (char *)own_text(err)};

	google__rpc__status__init(&parts->status);
	parts->status.code = mb_code_grpc(err->code);
	parts->status.details = parts->details;
	if (err->code == MB_OK) {
		return;
	}
	parts->status.message = (char *)rpc_status_text(err, parts->text);
	add_error_info(parts, err);
	if (n > 0) {
		add_bad_request(parts, violations, n);
	} else if (err->field[0] != '\0') {
		add_bad_request(parts, &own, 1);
	}
	if (err->retry_after_ms > 0) {
		add_retry_info(parts, err);
	}
}

const char *rpc_status_text(const struct mb_err *err, char out[RPC_STATUS_TEXT])
{
	snprintf(out, RPC_STATUS_TEXT, "%s%s%s", err->field, err->field[0] == '\0' ? "" : ": ",
		 own_text(err));
	return out;
}

static bool is_control(char c)
{
	return (c > '\0' && c < ' ') || c == '\x7f';
}

static void clean_text(char *text)
{
	for (char *at = text; *at != '\0';) {
		size_t len = 1;

		while (len <= 4 && !str_is_utf8((struct str){at, len})) {
			len = at[len] == '\0' ? 5 : len + 1;
		}
		if (len > 4 || is_control(*at)) {
			*at = '?';
			len = 1;
		}
		at += len;
	}
}

void rpc_status_clean(struct mb_err *err)
{
	clean_text(err->text);
	clean_text(err->field);
}

size_t rpc_status_pack_violations(const struct mb_err *err, const struct rpc_violation *violations,
				  size_t n, uint8_t out[RPC_STATUS_MAX])
{
	struct mb_err clean = *err;
	struct parts parts;

	rpc_status_clean(&clean);
	for (size_t i = 0; i < n; i++) {
		clean_text(violations[i].field);
		clean_text(violations[i].text);
	}
	build(&parts, &clean, violations, n);
	assert(google__rpc__status__get_packed_size(&parts.status) <= RPC_STATUS_MAX);
	return google__rpc__status__pack(&parts.status, out);
}

size_t rpc_status_pack(const struct mb_err *err, uint8_t out[RPC_STATUS_MAX])
{
	return rpc_status_pack_violations(err, NULL, 0, out);
}

/* By way of the wire: the copy then has everything in the arena, at its exact size. Not of OK, which
 * is nearly every item of a batch. */
Google__Rpc__Status *rpc_status_fill(struct arena *arena, const struct mb_err *err)
{
	uint8_t bytes[RPC_STATUS_MAX];
	size_t size;

	if (err->code == MB_OK) {
		Google__Rpc__Status *status = arena_alloc(arena, sizeof(*status));

		if (status != NULL) {
			google__rpc__status__init(status);
		}
		return status;
	}
	size = rpc_status_pack(err, bytes);
	return (Google__Rpc__Status *)pb_unpack(arena, &google__rpc__status__descriptor, bytes,
						size);
}
