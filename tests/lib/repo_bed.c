/* SPDX-License-Identifier: Apache-2.0 */
#include "repo_bed.h"

#include "policy/policy_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "repo_bed: %s\n", what);
		abort();
	}
}

void repo_bed_init(struct repo_bed *bed, const char *backend)
{
	memset(bed, 0, sizeof(*bed));
	store_bed_init(&bed->store, backend);
	if (bed->store.dir[0] != '\0') {
		snprintf(bed->key_file, sizeof(bed->key_file), "%s/key", bed->store.dir);
	}
	bed->arena = arena_create(NULL, 0);
	require(bed->arena != NULL, "no arena");
	bed->options = (struct repository_options){
		.loop = &bed->store.loop,
		.clock = &bed->store.clock,
		.key_file = bed->key_file[0] != '\0' ? bed->key_file : NULL,
		.parse_policy = policy_parse,
		.try_policy = policy_check,
		.check_policy = policy_check_next,
		.default_policy = policy_default_text()};
}

void repo_bed_fini(struct repo_bed *bed)
{
	repo_bed_close(bed);
	if (bed->key_file[0] != '\0') {
		unlink(bed->key_file);
	}
	store_bed_fini(&bed->store);
	arena_destroy(bed->arena);
}

enum mb_code repo_bed_open(struct repo_bed *bed, struct mb_err *err)
{
	enum mb_code code = MB_OK;

	if (bed->store.store == NULL) {
		code = store_bed_open(&bed->store, err);
	}
	bed->options.store = bed->store.store;
	bed->key_made = false;
	return code == MB_OK ? repository_open(&bed->options, &bed->repository, &bed->key_made, err)
			     : code;
}

static void on_closed(void *data)
{
	*(struct repository **)data = NULL;
}

void repo_bed_close(struct repo_bed *bed)
{
	if (bed->repository != NULL) {
		repository_close(bed->repository, on_closed, &bed->repository);
		while (bed->repository != NULL) {
			uv_run(&bed->store.loop, UV_RUN_ONCE);
		}
	}
	store_bed_close(&bed->store);
}

int64_t repo_time(const char *text)
{
	int64_t t = 0;

	require(clock_parse(text, &t, NULL) == MB_OK, text);
	return t;
}

void repo_bed_set_time(struct repo_bed *bed, const char *text)
{
	clock_set(&bed->store.clock, repo_time(text));
}

void repo_called(struct repository_call *call)
{
	*(bool *)call->data = true;
}

void repo_bed_wait(struct repo_bed *bed, const bool *called)
{
	while (!*called) {
		uv_run(&bed->store.loop, UV_RUN_ONCE);
	}
}

void repo_bed_call(struct repo_bed *bed, struct repository_call *call, bool *called)
{
	call->arena = bed->arena;
	if (call->principal.len == 0) {
		call->principal = STR("admin");
	}
	call->cb = repo_called;
	call->data = called;
	*called = false;
}

enum mb_code repo_write(struct repo_bed *bed, struct repository_write *req)
{
	bool called;

	repo_bed_call(bed, &req->call, &called);
	repository_write(bed->repository, req);
	repo_bed_wait(bed, &called);
	return req->call.code;
}

enum mb_code repo_read(struct repo_bed *bed, struct repository_read *req)
{
	bool called;

	repo_bed_call(bed, &req->call, &called);
	repository_read(bed->repository, req);
	repo_bed_wait(bed, &called);
	return req->call.code;
}

enum mb_code repo_record(struct repo_bed *bed, struct repository_record *req)
{
	bool called;

	repo_bed_call(bed, &req->call, &called);
	repository_record(bed->repository, req);
	repo_bed_wait(bed, &called);
	return req->call.code;
}

static enum mb_code answer_id(const struct repository_write *req, const struct member *member,
			      struct str *out, struct mb_err *err)
{
	char *text = arena_printf(req->call.arena, "%lld/%lld", (long long)member->member_id,
				  (long long)member->revision);

	if (text == NULL) {
		return arena_fail(req->call.arena, err);
	}
	*out = str_from(text);
	return MB_OK;
}

struct repository_write repo_write_of(struct repo_bed *bed, enum member_write_kind kind,
				      int64_t member_id, const char *external_id)
{
	return (struct repository_write){
		.kind = kind,
		.request_id = str_from(arena_printf(bed->arena, "00000000-0000-4000-8000-%012d",
						    ++bed->next_request)),
		.method = STR("test"),
		.ref = {.member_id = member_id},
		.identity = {STR("test"), str_from(external_id)},
		.answer = answer_id};
}

int64_t repo_enroll(struct repo_bed *bed, const char *external_id)
{
	struct repository_write req = repo_write_of(bed, WRITE_ENROLL, 0, external_id);
	int64_t member_id = 0;

	require(repo_write(bed, &req) == MB_OK, req.call.err.text);
	require(sscanf(req.answered.ptr, "%lld/", (long long *)&member_id) == 1, "no id");
	return member_id;
}

enum mb_code repo_get(struct repo_bed *bed, int64_t member_id, unsigned parts,
		      const struct member **out, struct mb_err *err)
{
	struct member_query query = {.ref = {.member_id = member_id}};
	struct repository_read req = {.queries = &query, .n = 1, .parts = parts};

	if (repo_read(bed, &req) != MB_OK) {
		*err = req.call.err;
		return req.call.code;
	}
	*err = query.err;
	*out = query.member;
	return query.code;
}

struct record_item repo_order(struct repo_bed *bed, int64_t member_id, const char *id,
			      int64_t occurred_at, int64_t fen)
{
	return repo_order_in(bed->arena, member_id, id, occurred_at, fen);
}

struct record_item repo_order_in(struct arena *arena, int64_t member_id, const char *id,
				 int64_t occurred_at, int64_t fen)
{
	struct line *line = arena_alloc(arena, sizeof(*line));
	struct record_item item = {.ref = {.member_id = member_id}};

	require(line != NULL, "no memory");
	*line = (struct line){.line_no = 1, .type = LINE_GOODS, .currency = "CNY", .amount = fen};
	item.activity = (struct activity){.kind = ACTIVITY_ORDER,
					  .source = STR("shop"),
					  .source_event_id = str_from(arena_strdup(arena, id)),
					  .occurred_at = occurred_at,
					  .order_source = STR("shop"),
					  .order = {.platform = PLATFORM_FOOD,
						    .completed_at = occurred_at,
						    .lines = line,
						    .n_lines = 1}};
	item.activity.order_id = item.activity.source_event_id;
	return item;
}

void repo_record_one(struct repo_bed *bed, struct record_item *item)
{
	struct repository_record req = {.items = item, .n = 1};

	require(repo_record(bed, &req) == MB_OK, req.call.err.text);
	require(item->code == MB_OK, item->err.text);
}
