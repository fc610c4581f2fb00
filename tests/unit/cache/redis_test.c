/* SPDX-License-Identifier: Apache-2.0 */
/* Redis well: what is asked is answered, by a real one. */
#include "redis_bed.h"

#include "cache/redis_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct redis_bed bed;
static struct redis_user user;

static int lay(void **state)
{
	(void)state;
	redis_bed_do(&bed, "FLUSHALL");
	redis_user_init(&user, bed.unix_url);
	return 0;
}

static int lift(void **state)
{
	(void)state;
	redis_user_fini(&user);
	return 0;
}

static void open_up(void)
{
	redis_user_open(&user);
	redis_user_await_up(&user, 1);
}

static void what_is_set_is_got(void **state)
{
	struct hot_bytes record = redis_user_record(42, 7), got;
	struct redis_figures figures;

	(void)state;
	open_up();
	assert_true(redis_usable(user.redis));
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
	assert_true(redis_user_set(&user, 42, &record));
	assert_int_equal(redis_user_get(&user, 42, &got), REDIS_HIT);
	assert_int_equal(got.len, record.len);
	assert_memory_equal(got.bytes, record.bytes, record.len);
	figures = redis_user_figures(&user);
	assert_int_equal(figures.state, REDIS_UP);
	assert_int_equal(figures.hits, 1);
	assert_int_equal(figures.misses, 1);
	assert_int_equal(figures.misses_absent, 1);
	assert_int_equal(figures.sets, 1);
	assert_string_equal(figures.story, "");
	redis_user_close(&user);
	assert_int_equal(user.ups, 1);
	assert_int_equal(user.downs, 1);
}

static void over_tcp_and_by_name_as_well(void **state)
{
	char url[64];

	(void)state;
	user.options.url = bed.tcp_url;
	open_up();
	assert_int_equal(redis_user_get(&user, 1, NULL), REDIS_MISS);
	redis_user_fini(&user);
	snprintf(url, sizeof(url), "redis://localhost:%d/3", bed.port);
	redis_user_init(&user, url);
	open_up();
	assert_int_equal(redis_user_get(&user, 1, NULL), REDIS_MISS);
}

static void the_newer_record_stays(void **state)
{
	struct hot_bytes old = redis_user_record(42, 255), new = redis_user_record(42, 256), got;

	(void)state;
	open_up();
	assert_true(redis_user_set(&user, 42, &new));
	assert_true(redis_user_set(&user, 42, &old));
	assert_int_equal(redis_user_get(&user, 42, &got), REDIS_HIT);
	assert_int_equal(redis_user_revision(&got), 256);
	new = redis_user_record(42, INT64_C(1) << 40);
	assert_true(redis_user_set(&user, 42, &new));
	assert_int_equal(redis_user_get(&user, 42, &got), REDIS_HIT);
	assert_int_equal(redis_user_revision(&got), INT64_C(1) << 40);
}

static void its_day_is_over_at_its_ttl_give_or_take(void **state)
{
	struct hot_bytes record = redis_user_record(42, 7);
	redisReply *reply;

	(void)state;
	open_up();
	for (int64_t id = 1; id <= 50; id++) {
		char key[REDIS_KEY_MAX];

		record = redis_user_record(id, 7);
		assert_true(redis_user_set(&user, id, &record));
		redis_key_member(redis_user_store, id, key);
		reply = redis_bed_ask(&bed, "TTL %s", key);
		assert_in_range(reply->integer, 898, 1100);
		freeReplyObject(reply);
	}
}

static void what_is_not_ours_is_a_miss_and_replaced(void **state)
{
	struct hot_bytes record = redis_user_record(42, 7);
	char key[REDIS_KEY_MAX], large[4000];

	(void)state;
	open_up();
	redis_key_member(redis_user_store, 42, key);
	memset(large, 1, sizeof(large));
	redis_bed_do(&bed, "SET %s %b", key, large, sizeof(large));
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
	assert_int_equal(redis_user_figures(&user).misses_format, 1);
	assert_true(redis_user_set(&user, 42, &record));
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_HIT);

	redis_bed_do(&bed, "DEL %s", key);
	redis_bed_do(&bed, "LPUSH %s x", key);
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
	assert_int_equal(redis_user_figures(&user).misses_type, 1);
	assert_true(redis_user_set(&user, 42, &record));
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_HIT);

	redis_bed_do(&bed, "SETRANGE %s 60 %s", key, "?");
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
	assert_int_equal(redis_user_figures(&user).misses_checksum, 1);
	assert_int_equal(redis_user_figures(&user).misses, 3);
	record = redis_user_record(42, 8);
	assert_true(redis_user_set(&user, 42, &record));
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_HIT);
}

/* At the place of the order, of the record, and one byte too many. */
static void what_is_damaged_holds_nothing_off(void **state)
{
	struct hot_bytes record = redis_user_record(42, 7);
	char key[REDIS_KEY_MAX];

	(void)state;
	open_up();
	redis_key_member(redis_user_store, 42, key);
	for (int place = 0; place < 3; place++) {
		assert_true(redis_user_set(&user, 42, &record));
		assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_HIT);
		switch (place) {
		case 0:
			redis_bed_do(&bed, "SETRANGE %s 38 %b", key, "\xff\xff", (size_t)2);
			break;
		case 1:
			redis_bed_do(&bed, "SETRANGE %s 60 %s", key, "?");
			break;
		default:
			redis_bed_do(&bed, "APPEND %s x", key);
		}
		assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
	}
	assert_true(redis_user_set(&user, 42, &record));
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_HIT);
}

static void an_epoch_that_is_over_is_a_miss_and_replaced(void **state)
{
	struct hot_bytes record = redis_user_record(42, 700), got;

	(void)state;
	open_up();
	redis_use_epoch(user.redis, 1);
	assert_true(redis_user_set(&user, 42, &record));
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_HIT);
	redis_use_epoch(user.redis, UINT64_C(0xfedcba9876543210));
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
	assert_int_equal(redis_user_figures(&user).misses_epoch, 1);
	record = redis_user_record(42, 7);
	assert_true(redis_user_set(&user, 42, &record));
	assert_int_equal(redis_user_get(&user, 42, &got), REDIS_HIT);
	assert_int_equal(redis_user_revision(&got), 7);
}

static void on_position(struct redis_position_request *request)
{
	*(bool *)request->data = true;
}

static struct redis_position_request get_position(void)
{
	bool done = false;
	struct redis_position_request request = {.cb = on_position, .data = &done};

	redis_get_position(user.redis, &request);
	assert_false(done);
	assert_true(redis_user_run_flag(&user, &done, 5000));
	return request;
}

static void put_position(uint64_t epoch, int64_t seq)
{
	bool done = false;
	struct redis_position_request request = {
		.position = {epoch, seq, -seq}, .cb = on_position, .data = &done};

	redis_put_position(user.redis, &request);
	assert_false(done);
	assert_true(redis_user_run_flag(&user, &done, 5000));
	assert_false(request.failed);
}

static void the_position_is_kept(void **state)
{
	struct redis_position_request got;
	char key[REDIS_KEY_MAX];

	(void)state;
	open_up();
	got = get_position();
	assert_false(got.failed);
	assert_false(got.found);
	put_position(UINT64_MAX, 123456789);
	got = get_position();
	assert_true(got.found);
	assert_true(got.position.epoch == UINT64_MAX);
	assert_int_equal(got.position.seq, 123456789);
	assert_int_equal(got.position.told_at, -123456789);
	redis_key_position(redis_user_store, key);
	redis_bed_do(&bed, "SET %s nonsense", key);
	got = get_position();
	assert_false(got.failed);
	assert_false(got.found);
	redis_bed_do(&bed, "DEL %s", key);
	redis_bed_do(&bed, "LPUSH %s nonsense", key);
	got = get_position();
	assert_false(got.failed);
	assert_false(got.found);
	put_position(3, 4);
	assert_true(get_position().found);
}

static void on_scan(struct redis_scan *scan)
{
	*(bool *)scan->data = true;
}

static void a_scan_finds_every_member_of_the_store(void **state)
{
	static int64_t ids[100];
	static bool seen[1001];
	struct redis_scan scan = {.ids = ids, .most = 100, .cb = on_scan};
	size_t found = 0;

	(void)state;
	memset(seen, 0, sizeof(seen));
	open_up();
	for (int64_t id = 1; id <= 1000; id++) {
		char key[REDIS_KEY_MAX];

		redis_key_member(redis_user_store, id, key);
		redis_bed_do(&bed, "SET %s x", key);
	}
	redis_bed_do(&bed, "SET m:{other:7} x");
	do {
		bool done = false;

		scan.data = &done;
		redis_scan(user.redis, &scan);
		assert_true(redis_user_run_flag(&user, &done, 5000));
		assert_false(scan.failed);
		for (size_t i = 0; i < scan.n; i++) {
			assert_in_range(ids[i], 1, 1000);
			found += seen[ids[i]] ? 0 : 1;
			seen[ids[i]] = true;
		}
	} while (scan.cursor != 0);
	/* a bucket of Redis may bring some more than were asked for, which are left out */
	assert_in_range(found, 950, 1000);
}

static bool has_changed(const struct redis_user *who)
{
	return who->n_changed > 0;
}

static void changes_of_others_are_told_and_own_ones_not(void **state)
{
	struct redis_user other;
	struct hot_bytes record = redis_user_record(42, 7);

	(void)state;
	open_up();
	redis_user_init(&other, bed.unix_url);
	redis_user_open(&other);
	redis_user_await_up(&other, 1);
	assert_true(redis_user_set(&other, 42, &record));
	assert_true(redis_user_run(&user, has_changed, 5000));
	assert_int_equal(user.changed[0], 42);
	/* what it wrote itself comes first, if it comes */
	record = redis_user_record(43, 1);
	assert_true(redis_user_set(&other, 43, &record));
	record = redis_user_record(44, 1);
	assert_true(redis_user_set(&user, 44, &record));
	assert_true(redis_user_run(&other, has_changed, 5000));
	assert_int_equal(other.n_changed, 1);
	assert_int_equal(other.changed[0], 44);
	redis_user_fini(&other);
}

static void a_flush_changes_everything(void **state)
{
	(void)state;
	open_up();
	redis_bed_do(&bed, "FLUSHALL");
	assert_true(redis_user_run(&user, has_changed, 5000));
	assert_int_equal(user.changed[0], 0);
	assert_int_equal(redis_user_figures(&user).flushes, 1);
}

static void databases_are_apart(void **state)
{
	struct hot_bytes record = redis_user_record(42, 7);
	char url[160];

	(void)state;
	snprintf(url, sizeof(url), "%s?db=5", bed.unix_url);
	user.options.url = url;
	open_up();
	assert_true(redis_user_set(&user, 42, &record));
	redis_bed_do(&bed, "SELECT 5");
	redis_bed_do(&bed, "FLUSHDB");
	redis_bed_do(&bed, "SELECT 0");
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
}

static void every_login_that_redis_has(void **state)
{
	char url[160];

	(void)state;
	redis_bed_do(&bed, "ACL SETUSER ann on >p%s ~m:* ~pos:* &* +@all", "@ss:w/rd");
	redis_user_fini(&user);
	snprintf(url, sizeof(url), "redis://ann:p%%40ss%%3aw%%2frd@127.0.0.1:%d", bed.port);
	redis_user_init(&user, url);
	open_up();
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
	redis_user_fini(&user);
	redis_bed_do(&bed, "CONFIG SET requirepass secret");
	snprintf(url, sizeof(url), "redis://:secret@127.0.0.1:%d", bed.port);
	redis_user_init(&user, url);
	open_up();
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
	redis_bed_do(&bed, "CONFIG SET requirepass %s", "");
}

#define ROW 300

struct one {
	struct redis_record record;
	struct redis_set set;
	struct redis_get get;
	struct hot_bytes bytes;
};

static size_t answered;

static void on_set_in_order(struct redis_set *set)
{
	const struct one *one = set->data;

	assert_false(set->failed);
	assert_int_equal(answered++, 2 * (one->record.member_id - 1));
}

static void on_get_in_order(struct redis_get *get)
{
	assert_int_equal(get->answer, REDIS_HIT);
	assert_int_equal(redis_user_revision(&get->record), get->member_id + 10);
	assert_int_equal(answered++, 2 * (get->member_id - 1) + 1);
}

static bool all_answered(const struct redis_user *who)
{
	(void)who;
	return answered == 2 * ROW;
}

static void ask_row(struct one all[ROW])
{
	answered = 0;
	for (int64_t i = 0; i < ROW; i++) {
		struct one *one = &all[i];

		one->record = (struct redis_record){i + 1, redis_user_record(i + 1, i + 11)};
		one->set = (struct redis_set){
			.records = &one->record, .n = 1, .cb = on_set_in_order, .data = one};
		one->get = (struct redis_get){.member_id = i + 1, .cb = on_get_in_order};
		redis_set(user.redis, &one->set);
		redis_get(user.redis, &one->get);
	}
	assert_int_equal(answered, 0);
}

static void a_get_after_a_set_finds_it(void **state)
{
	static struct one all[ROW];

	(void)state;
	open_up();
	ask_row(all);
	assert_true(redis_user_run(&user, all_answered, 10000));
}

static _Atomic bool looked_enough;
static _Atomic long looks;

static void look(void *data)
{
	struct redis_figures figures;
	long usable = 0;

	(void)data;
	while (!looked_enough) {
		usable += redis_usable(user.redis) ? 1 : 0;
		redis_figures(user.redis, &figures);
		assert_true(figures.state <= REDIS_OPEN && figures.hits >= 0);
		looks++;
	}
	assert_true(usable <= looks);
}

static void others_may_look_at_any_time(void **state)
{
	struct hot_bytes record = redis_user_record(42, 7);
	uv_thread_t thread;

	(void)state;
	looked_enough = false;
	looks = 0;
	redis_user_open(&user);
	assert_int_equal(uv_thread_create(&thread, look, NULL), 0);
	redis_user_await_up(&user, 1);
	assert_true(redis_user_set(&user, 42, &record));
	for (int i = 0; i < 200 || looks < 100; i++) {
		assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_HIT);
	}
	redis_bed_kill_client(&bed, "memberd:changes");
	redis_user_await_up(&user, 2);
	looked_enough = true;
	uv_thread_join(&thread);
}

static void on_last(struct redis_set *set)
{
	assert_false(set->failed);
	assert_int_equal(answered, 2 * ROW);
	*(bool *)set->data = true;
}

static void an_empty_set_is_answered_after_what_was_asked_before(void **state)
{
	static struct one all[ROW];
	bool done = false;
	struct redis_set last = {.cb = on_last, .data = &done};

	(void)state;
	open_up();
	ask_row(all);
	redis_set(user.redis, &last);
	assert_true(redis_user_run_flag(&user, &done, 10000));
	assert_int_equal(redis_user_figures(&user).sets, ROW);
}

static int start(void **state)
{
	(void)state;
	redis_bed_init(&bed);
	redis_bed_start(&bed, NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	redis_bed_fini(&bed);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lay, lift)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_set_is_got),
		TEST(over_tcp_and_by_name_as_well),
		TEST(the_newer_record_stays),
		TEST(its_day_is_over_at_its_ttl_give_or_take),
		TEST(what_is_not_ours_is_a_miss_and_replaced),
		TEST(what_is_damaged_holds_nothing_off),
		TEST(an_epoch_that_is_over_is_a_miss_and_replaced),
		TEST(the_position_is_kept),
		TEST(a_scan_finds_every_member_of_the_store),
		TEST(changes_of_others_are_told_and_own_ones_not),
		TEST(a_flush_changes_everything),
		TEST(databases_are_apart),
		TEST(every_login_that_redis_has),
		TEST(a_get_after_a_set_finds_it),
		TEST(an_empty_set_is_answered_after_what_was_asked_before),
		TEST(others_may_look_at_any_time),
	};

	return cmocka_run_group_tests_name("redis", tests, start, stop);
}
