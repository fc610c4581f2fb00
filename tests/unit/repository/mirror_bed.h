/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror_bed: a repository with a real Redis beside it, and what lies in that, seen with other eyes.
 * Include after cmocka.h.
 */
#pragma once

#include "asks.h"
#include "cache/redis_value.h"
#include "redis_bed.h"

#include <signal.h>
#include <stdio.h>

#define LIVE	  "complete"
#define REPLAYING "being brought up to date"
#define ASKING	  "asked how complete it is"
#define WAITING	  "a write failed or its position is not known: tried again"
#define DOWN	  "not connected"

#define WAIT_NS (INT64_C(20) * 1000000000)

struct mirror_bed {
	struct repo_bed repo;
	struct redis_bed redis;
	uv_timer_t clock; /* so that no wait is for ever */
};

static void on_clock(uv_timer_t *timer)
{
	(void)timer;
}

/* Turns the loop until it is so. */
#define WAIT_FOR(bed, what)                                             \
	do {                                                            \
		int64_t wait_end = clock_monotonic_ns() + WAIT_NS;      \
		while (!(what)) {                                       \
			if (clock_monotonic_ns() > wait_end) {          \
				fail_msg("not within 20 s: %s", #what); \
			}                                               \
			uv_run(&(bed)->repo.store.loop, UV_RUN_ONCE);   \
		}                                                       \
	} while (0)

/* Redis runs, nothing is opened. The cache of the process keeps nothing: reads go to Redis. */
static MB_UNUSED int lay(void **state)
{
	struct mirror_bed *bed = calloc(1, sizeof(*bed));

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	redis_bed_init(&bed->redis);
	redis_bed_start(&bed->redis, NULL);
	repo_bed_init(&bed->repo, backend);
	/* also of a store in memory, so that it can be opened again */
	snprintf(bed->repo.key_file, sizeof(bed->repo.key_file), "%s/key", bed->redis.dir);
	bed->repo.options.key_file = bed->repo.key_file;
	bed->repo.options.redis_budget_ms = 2000; /* a busy machine is no sick Redis */
	uv_timer_init(&bed->repo.store.loop, &bed->clock);
	uv_timer_start(&bed->clock, on_clock, 2, 2);
	*state = bed;
	return 0;
}

static MB_UNUSED int lift(void **state)
{
	struct mirror_bed *bed = *state;

	fault_disarm();
	uv_close((uv_handle_t *)&bed->clock, NULL);
	repo_bed_fini(&bed->repo);
	redis_bed_fini(&bed->redis);
	free(bed);
	return 0;
}

static MB_UNUSED struct redis_figures figures_of(struct mirror_bed *bed)
{
	struct redis_figures figures;
	const char *text;
	bool well;

	assert_true(repository_redis_figures(bed->repo.repository, &figures, &well, &text));
	return figures;
}

static MB_UNUSED bool is_in(struct mirror_bed *bed, const char *wanted)
{
	struct redis_figures figures;
	const char *text;
	bool well;

	assert_true(repository_redis_figures(bed->repo.repository, &figures, &well, &text));
	assert_true(!well || strcmp(text, LIVE) == 0);
	return strcmp(text, wanted) == 0;
}

static MB_UNUSED bool is_believed(struct mirror_bed *bed)
{
	struct redis_figures figures;
	const char *text;
	bool well;

	assert_true(repository_redis_figures(bed->repo.repository, &figures, &well, &text));
	return well;
}

static MB_UNUSED void open_repository(struct mirror_bed *bed, bool with_redis)
{
	struct mb_err err;

	bed->repo.options.redis_url = with_redis ? bed->redis.unix_url : NULL;
	if (repo_bed_open(&bed->repo, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
}

static MB_UNUSED void open_live(struct mirror_bed *bed)
{
	open_repository(bed, true);
	WAIT_FOR(bed, is_believed(bed));
}

/* ---- what lies in Redis ---- */

static MB_UNUSED struct redis_name name_there(struct mirror_bed *bed)
{
	struct redis_name name = {0};

	memcpy(name.store_id, store_id(bed->repo.store.store), sizeof(name.store_id));
	return name;
}

static MB_UNUSED bool find_position(struct mirror_bed *bed, struct redis_position *out)
{
	struct redis_name name = name_there(bed);
	char key[REDIS_KEY_MAX];
	size_t len = redis_key_position(name.store_id, key);
	redisReply *reply = redis_bed_ask(&bed->redis, "GET %b", key, len);
	int64_t told_at = 0;
	bool found =
		reply->type == REDIS_REPLY_STRING &&
		redis_position_decode(reply->str, reply->len, &name, &told_at) == REDIS_VALUE_GOOD;

	freeReplyObject(reply);
	*out = (struct redis_position){name.epoch, name.number, told_at};
	return found;
}

static MB_UNUSED void set_position(struct mirror_bed *bed, struct redis_position position)
{
	struct redis_name name = name_there(bed);
	uint8_t value[REDIS_POSITION_BYTES];
	char key[REDIS_KEY_MAX];
	size_t len = redis_key_position(name.store_id, key);

	name.epoch = position.epoch;
	name.number = position.seq;
	redis_position_encode(&name, position.told_at, value);
	redis_bed_do(&bed->redis, "SET %b %b", key, len, value, sizeof(value));
}

/* What a reader of the present epoch finds there; 0: nothing. */
static MB_UNUSED int64_t revision_there(struct mirror_bed *bed, int64_t member_id)
{
	struct redis_name name = name_there(bed);
	struct redis_position position;
	struct hot_bytes bytes;
	char key[REDIS_KEY_MAX];
	size_t len = redis_key_member(name.store_id, member_id, key);
	redisReply *reply;
	int64_t revision = 0;

	if (!find_position(bed, &position)) {
		return 0;
	}
	name.epoch = position.epoch;
	name.number = member_id;
	reply = redis_bed_ask(&bed->redis, "GET %b", key, len);
	if (reply->type == REDIS_REPLY_STRING &&
	    redis_value_decode(&name, reply->str, reply->len, &bytes) == REDIS_VALUE_GOOD) {
		revision = hot_order(&bytes).revision;
	}
	freeReplyObject(reply);
	return revision;
}

/* Written by a commit, a fill or a replay. */
static MB_UNUSED void await_there(struct mirror_bed *bed, int64_t member_id, int64_t revision)
{
	WAIT_FOR(bed, revision_there(bed, member_id) == revision);
}

/* A member's key as it is now, to be put back later. */
struct dumped {
	char bytes[512];
	size_t len;
};

static MB_UNUSED struct dumped dump_member(struct mirror_bed *bed, int64_t member_id)
{
	struct dumped dumped;
	char key[REDIS_KEY_MAX];
	size_t len = redis_key_member(name_there(bed).store_id, member_id, key);
	redisReply *reply = redis_bed_ask(&bed->redis, "DUMP %b", key, len);

	assert_int_equal(reply->type, REDIS_REPLY_STRING);
	assert_true(reply->len <= sizeof(dumped.bytes));
	memcpy(dumped.bytes, reply->str, reply->len);
	dumped.len = reply->len;
	freeReplyObject(reply);
	return dumped;
}

static MB_UNUSED void restore_member(struct mirror_bed *bed, int64_t member_id,
				     const struct dumped *dumped)
{
	char key[REDIS_KEY_MAX];
	size_t len = redis_key_member(name_there(bed).store_id, member_id, key);

	redis_bed_do(&bed->redis, "RESTORE %b 0 %b REPLACE", key, len, dumped->bytes, dumped->len);
}

/* An order raises the revision by one. */
static MB_UNUSED void give_order(struct mirror_bed *bed, int64_t member_id, const char *id)
{
	struct record_item item = repo_order(&bed->repo, member_id, id, BED_NOW, 100000);

	repo_record_one(&bed->repo, &item);
}

/* Ada, enrolled, and there. */
static MB_UNUSED int64_t enroll_there(struct mirror_bed *bed)
{
	int64_t member_id = repo_enroll(&bed->repo, "ada");

	await_there(bed, member_id, 1);
	return member_id;
}

static MB_UNUSED int64_t open_with_ada(struct mirror_bed *bed)
{
	open_live(bed);
	return enroll_there(bed);
}

/* Ada, there at revision 2; *old is what was there of her before. */
static MB_UNUSED int64_t open_with_older(struct mirror_bed *bed, struct dumped *old)
{
	int64_t ada = open_with_ada(bed);

	*old = dump_member(bed, ada);
	give_order(bed, ada, "o-1");
	await_there(bed, ada, 2);
	return ada;
}
