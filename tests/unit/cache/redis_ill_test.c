/* SPDX-License-Identifier: Apache-2.0 */
/* Redis ill: a real one that is away, stopped, paused, full, loading, read-only, flushed or killed. Every
 * request is answered once; what it costs is bounded; and when Redis is well again, so is this. */
#include "redis_bed.h"

#include "cache/redis_value.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 3000

static struct redis_bed bed;
static struct redis_user user;

static int lay(void **state)
{
	(void)state;
	redis_bed_init(&bed);
	redis_bed_start(&bed, NULL);
	redis_user_init(&user, bed.tcp_url);
	return 0;
}

static int lift(void **state)
{
	(void)state;
	redis_user_fini(&user);
	redis_bed_fini(&bed);
	return 0;
}

static void open_up(void)
{
	redis_user_open(&user);
	redis_user_await_up(&user, 1);
}

static void run_for(int ms)
{
	const bool never = false;

	redis_user_run_flag(&user, &never, ms);
}

static int64_t ms_since(uint64_t begin)
{
	return (int64_t)((uv_hrtime() - begin) / 1000000);
}

static void set_revision(int64_t member_id, int64_t revision, bool well)
{
	struct hot_bytes record = redis_user_record(member_id, revision);

	assert_int_equal(redis_user_set(&user, member_id, &record), well);
}

static bool is_usable(const struct redis_user *who)
{
	return redis_usable(who->redis);
}

/* --- many at once, each answered once --- */

static struct redis_get gets[MANY];
static struct redis_set sets[MANY];
static unsigned answers[2 * MANY];
static size_t n_answers, n_failed;

static void on_get(struct redis_get *get)
{
	answers[get - gets]++;
	n_answers++;
	n_failed += get->answer == REDIS_FAILED ? 1 : 0;
}

static void on_set(struct redis_set *set)
{
	answers[MANY + (set - sets)]++;
	n_answers++;
	n_failed += set->failed ? 1 : 0;
}

static void ask_many(size_t n)
{
	memset(answers, 0, sizeof(answers));
	n_answers = n_failed = 0;
	for (size_t i = 0; i < n; i++) {
		struct redis_record record = {(int64_t)i + 1, redis_user_record((int64_t)i + 1, 1)};

		sets[i] = (struct redis_set){.records = &record, .n = 1, .cb = on_set};
		gets[i] = (struct redis_get){.member_id = (int64_t)i + 1, .cb = on_get};
		redis_set(user.redis, &sets[i]);
		redis_get(user.redis, &gets[i]);
	}
	assert_int_equal(n_answers, 0);
}

static size_t awaited;

static bool are_answered(const struct redis_user *who)
{
	(void)who;
	return n_answers >= awaited;
}

static void await_many(size_t n, int ms)
{
	awaited = 2 * n;
	assert_true(redis_user_run(&user, are_answered, ms));
	run_for(30);
	assert_int_equal(n_answers, awaited);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(answers[i], 1);
		assert_int_equal(answers[MANY + i], 1);
	}
}

/* --- away --- */

static void one_that_is_not_there_is_found_later(void **state)
{
	struct redis_figures figures;

	(void)state;
	redis_bed_stop(&bed);
	redis_user_open(&user);
	assert_false(redis_usable(user.redis));
	assert_int_equal(redis_user_get(&user, 1, NULL), REDIS_FAILED);
	set_revision(1, 1, false);
	run_for(100);
	figures = redis_user_figures(&user);
	assert_non_null(strstr(figures.story, "connection refused"));
	assert_int_equal(figures.refused, 2);
	assert_true(figures.connects > 0);
	assert_int_equal(user.ups, 0);
	redis_bed_start(&bed, NULL);
	redis_user_await_up(&user, 1);
	assert_int_equal(redis_user_get(&user, 1, NULL), REDIS_MISS);
	assert_int_equal(redis_user_figures(&user).reconnects, 0);
}

static void tries_are_further_and_further_apart(void **state)
{
	(void)state;
	redis_bed_stop(&bed);
	redis_user_open(&user);
	run_for(1500);
	/* 50 ms, 100, 200, 400, 800 …, each on average */
	assert_in_range(redis_user_figures(&user).connects, 2, 12);
}

static void killed_in_the_middle_of_a_pipeline(void **state)
{
	(void)state;
	open_up();
	for (unsigned round = 1; round <= 3; round++) {
		ask_many(MANY);
		run_for(round == 1 ? 0 : 2);
		redis_bed_stop(&bed);
		await_many(MANY, 5000);
		redis_user_await_down(&user, round);
		assert_false(redis_usable(user.redis));
		assert_int_equal(redis_user_get(&user, 1, NULL), REDIS_FAILED);
		redis_bed_start(&bed, NULL);
		redis_user_await_up(&user, round + 1);
		assert_int_equal(redis_user_get(&user, 1, NULL), REDIS_MISS);
	}
	assert_int_equal(redis_user_figures(&user).reconnects, 3);
	assert_int_equal(redis_user_figures(&user).teardowns, 3);
}

static void either_connection_killed_ends_both(void **state)
{
	static const char *const names[] = {"memberd:changes", "memberd:data"};

	(void)state;
	open_up();
	for (unsigned i = 0; i < 2; i++) {
		redis_bed_kill_client(&bed, names[i]);
		redis_user_await_up(&user, i + 2);
		assert_int_equal(user.downs, i + 1);
	}
	/* and changes are told anew */
	redis_bed_do(&bed, "FLUSHALL");
	run_for(50);
	assert_int_equal(user.n_changed, 1);
}

/* --- slow --- */

static void a_pause_costs_the_budget_some_times_and_then_nothing(void **state)
{
	enum { BUDGET = 20, SLACK = 150, ROW = 5 };
	uint64_t begin;

	(void)state;
	user.options.budget_ms = BUDGET;
	open_up();
	set_revision(42, 1, true);
	redis_bed_do(&bed, "CLIENT PAUSE 1000 ALL");
	for (int i = 0; i < ROW; i++) {
		assert_true(redis_usable(user.redis));
		begin = uv_hrtime();
		assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_FAILED);
		assert_in_range(ms_since(begin), BUDGET, BUDGET + SLACK);
	}
	assert_false(redis_usable(user.redis));
	assert_int_equal(redis_user_figures(&user).state, REDIS_OPEN);
	begin = uv_hrtime();
	for (int i = 0; i < 100; i++) {
		assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_FAILED);
	}
	assert_true(ms_since(begin) < SLACK);
	assert_int_equal(redis_user_figures(&user).timeouts, ROW);
	assert_int_equal(redis_user_figures(&user).breaker_opens, 1);
	/* it ends: late answers are eaten, and the next ones are of what was asked */
	assert_true(redis_user_run(&user, is_usable, 10000));
	assert_int_equal(redis_user_get(&user, 43, NULL), REDIS_MISS);
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_HIT);
	assert_int_equal(user.downs, 0);
}

/* The loop was busy for longer than the budget, the answer was there all the time. */
static void a_busy_loop_is_not_taken_for_a_slow_redis(void **state)
{
	const struct redis_get get = {.member_id = 42, .cb = on_get};

	(void)state;
	user.options.budget_ms = 10;
	open_up();
	for (int i = 0; i < 10; i++) {
		n_answers = 0;
		gets[0] = get;
		redis_get(user.redis, &gets[0]);
		uv_run(&user.loop, UV_RUN_NOWAIT); /* sent */
		usleep(40000);
		/* after two turns of Redis the answer is there, however busy the machine */
		redis_bed_do(&bed, "PING");
		redis_bed_do(&bed, "PING");
		awaited = 1;
		assert_true(redis_user_run(&user, are_answered, 1000));
		assert_int_equal(gets[0].answer, REDIS_MISS);
	}
	assert_int_equal(redis_user_figures(&user).timeouts, 0);
}

static void a_stopped_one_is_given_up_and_taken_back(void **state)
{
	uint64_t begin;

	(void)state;
	open_up();
	redis_bed_signal(&bed, SIGSTOP);
	begin = uv_hrtime();
	ask_many(10);
	await_many(10, 5000);
	assert_int_equal(n_failed, 20);
	assert_in_range(ms_since(begin), 1000, 4000);
	redis_user_await_down(&user, 1);
	assert_non_null(strstr(redis_user_figures(&user).story, "not answered"));
	run_for(300);
	redis_bed_signal(&bed, SIGCONT);
	redis_user_await_up(&user, 2);
	assert_int_equal(redis_user_get(&user, 77, NULL), REDIS_MISS);
}

static void what_waits_for_a_stopped_one_is_bounded(void **state)
{
	static struct redis_record records[MANY];

	(void)state;
	open_up();
	redis_bed_signal(&bed, SIGSTOP);
	memset(answers, 0, sizeof(answers));
	n_answers = n_failed = 0;
	for (size_t i = 0; i < MANY; i++) {
		records[i] =
			(struct redis_record){(int64_t)i + 1, redis_user_record((int64_t)i + 1, 1)};
	}
	for (size_t n = 0; n < 20; n++) {
		sets[n] = (struct redis_set){.records = records, .n = MANY, .cb = on_set};
		redis_set(user.redis, &sets[n]);
		run_for(0);
	}
	/* those beyond the bound have been told at once, long before the silence is noticed */
	awaited = 17;
	assert_true(redis_user_run(&user, are_answered, 500));
	assert_true(n_failed >= 17);
	assert_int_equal(user.downs, 0);
	awaited = 20;
	assert_true(redis_user_run(&user, are_answered, 5000));
	assert_int_equal(n_answers, 20);
	assert_int_equal(redis_user_figures(&user).sets_failed, 20 * MANY);
	redis_bed_signal(&bed, SIGCONT);
	redis_user_await_up(&user, 2);
}

/* --- it refuses --- */

static void a_script_that_was_forgotten_is_sent_again(void **state)
{
	struct hot_bytes got;

	(void)state;
	open_up();
	set_revision(42, 1, true);
	redis_bed_do(&bed, "SCRIPT FLUSH");
	set_revision(42, 2, true);
	assert_int_equal(redis_user_get(&user, 42, &got), REDIS_HIT);
	assert_int_equal(redis_user_revision(&got), 2);
	assert_int_equal(redis_user_figures(&user).errors_script, 1);
	/* what was asked behind the set does not see what was before it */
	redis_bed_do(&bed, "DEL m:{0123456789abcdef6665646362613938:1}");
	set_revision(1, 0, true);
	redis_bed_do(&bed, "SCRIPT FLUSH");
	ask_many(1);
	await_many(1, 5000);
	assert_int_equal(n_failed, 0);
	assert_int_equal(gets[0].answer, REDIS_MISS);
	assert_int_equal(redis_user_figures(&user).misses_order, 1);
	/* many at once */
	redis_bed_do(&bed, "SCRIPT FLUSH");
	ask_many(1000);
	await_many(1000, 5000);
	assert_int_equal(n_failed, 0);
}

static void out_of_memory_it_still_answers(void **state)
{
	(void)state;
	open_up();
	set_revision(42, 1, true);
	redis_bed_do(&bed, "CONFIG SET maxmemory 1mb");
	set_revision(42, 2, false);
	set_revision(43, 2, false);
	assert_int_equal(redis_user_figures(&user).errors_memory, 2);
	assert_int_equal(redis_user_figures(&user).sets_failed, 2);
	assert_non_null(strstr(redis_user_figures(&user).story, "OOM"));
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_HIT);
	assert_true(redis_usable(user.redis));
	redis_bed_do(&bed, "CONFIG SET maxmemory 0");
	set_revision(42, 2, true);
}

static void a_replica_is_left_until_it_is_one_no_more(void **state)
{
	(void)state;
	open_up();
	set_revision(42, 1, true);
	redis_bed_do(&bed, "REPLICAOF 127.0.0.1 1");
	set_revision(42, 2, false);
	redis_user_await_down(&user, 1);
	assert_int_equal(redis_user_figures(&user).errors_readonly, 1);
	assert_non_null(strstr(redis_user_figures(&user).story, "READONLY"));
	redis_bed_do(&bed, "REPLICAOF NO ONE");
	redis_user_await_up(&user, 2);
	set_revision(42, 2, true);
}

static bool saving_failed(void)
{
	redisReply *reply = redis_bed_ask(&bed, "INFO persistence");
	bool failed = strstr(reply->str, "rdb_last_bgsave_status:err") != NULL;

	freeReplyObject(reply);
	return failed;
}

static void a_disk_that_fails_is_told(void **state)
{
	static const char *const more[] = {"--enable-protected-configs", "yes", NULL};
	char gone[128];

	(void)state;
	redis_bed_stop(&bed);
	redis_bed_start(&bed, more);
	open_up();
	set_revision(42, 1, true);
	snprintf(gone, sizeof(gone), "%s/gone", bed.dir);
	assert_int_equal(mkdir(gone, 0700), 0);
	redis_bed_do(&bed, "CONFIG SET dir %s", gone);
	assert_int_equal(rmdir(gone), 0);
	redis_bed_do(&bed, "CONFIG SET save %s", "3600 1");
	redis_bed_do(&bed, "BGSAVE");
	for (int i = 0; !saving_failed(); i++) {
		assert_true(i < 1000);
		usleep(5000);
	}
	set_revision(42, 2, false);
	assert_int_equal(redis_user_figures(&user).errors_disk, 1);
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_HIT);
}

static void while_it_loads_it_is_asked_again_soon(void **state)
{
	static const char *const slowly[] = {
		"--key-load-delay", "60", "--loading-process-events-interval-bytes", "1024", NULL};
	uint64_t begin;

	(void)state;
	redis_bed_do(&bed, "DEBUG POPULATE 20000");
	redis_bed_do(&bed, "SAVE");
	redis_bed_stop(&bed);
	redis_bed_start(&bed, slowly);
	begin = uv_hrtime();
	redis_user_open(&user);
	run_for(300);
	assert_int_equal(user.ups, 0);
	assert_true(redis_user_figures(&user).errors_loading > 0);
	assert_non_null(strstr(redis_user_figures(&user).story, "LOADING"));
	redis_user_await_up(&user, 1);
	assert_true(ms_since(begin) < 15000);
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
}

static void a_wrong_password_is_told_but_not_shown(void **state)
{
	struct redis_figures figures;
	char url[64];

	(void)state;
	redis_bed_do(&bed, "CONFIG SET requirepass right");
	snprintf(url, sizeof(url), "redis://:wrong@127.0.0.1:%d", bed.port);
	user.options.url = url;
	redis_user_open(&user);
	run_for(200);
	figures = redis_user_figures(&user);
	assert_int_equal(user.ups, 0);
	assert_true(figures.errors_access > 0);
	assert_non_null(strstr(figures.story, "WRONGPASS"));
	assert_null(strstr(figures.story, ":wrong"));
	redis_bed_do(&bed, "CONFIG SET requirepass wrong");
	redis_user_await_up(&user, 1);
}

static void without_a_password_where_one_is_needed(void **state)
{
	(void)state;
	redis_bed_do(&bed, "CONFIG SET requirepass right");
	redis_user_open(&user);
	run_for(200);
	assert_int_equal(user.ups, 0);
	assert_true(redis_user_figures(&user).errors_access > 0);
	assert_non_null(strstr(redis_user_figures(&user).story, "NOAUTH"));
}

static void a_right_that_is_taken_away_opens_the_breaker(void **state)
{
	char url[64];

	(void)state;
	redis_bed_do(&bed, "ACL SETUSER ann on >secret ~* &* +@all");
	snprintf(url, sizeof(url), "redis://ann:secret@127.0.0.1:%d", bed.port);
	user.options.url = url;
	open_up();
	redis_bed_do(&bed, "ACL SETUSER ann -getrange");
	for (int i = 0; i < 5; i++) {
		assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_FAILED);
	}
	assert_false(redis_usable(user.redis));
	assert_int_equal(redis_user_figures(&user).errors_access, 5);
	redis_bed_do(&bed, "ACL SETUSER ann +getrange");
	assert_true(redis_user_run(&user, is_usable, 10000));
	assert_int_equal(redis_user_get(&user, 42, NULL), REDIS_MISS);
}

/* --- closing --- */

static void closed_with_everything_outstanding(void **state)
{
	(void)state;
	open_up();
	redis_bed_signal(&bed, SIGSTOP);
	ask_many(MANY);
	run_for(1);
	redis_user_close(&user);
	assert_int_equal(n_answers, 2 * MANY);
	assert_int_equal(n_failed, 2 * MANY);
	redis_bed_signal(&bed, SIGCONT);
}

static void closed_at_every_step_of_arming(void **state)
{
	(void)state;
	for (int turns = 0; turns < 25; turns++) {
		redis_user_open(&user);
		ask_many(3);
		for (int i = 0; i < turns; i++) {
			uv_run(&user.loop, UV_RUN_NOWAIT);
			usleep(50);
		}
		redis_user_close(&user);
		assert_int_equal(n_answers, 6);
	}
}

static void on_closed(void *data)
{
	(void)data;
	user.closed = true;
	user.redis = NULL;
}

static void on_get_close(struct redis_get *get)
{
	(void)get;
	if (n_answers++ == 0) {
		redis_close(user.redis, on_closed, NULL);
	}
}

static void closed_by_a_callback(void **state)
{
	(void)state;
	open_up();
	n_answers = 0;
	for (size_t i = 0; i < 100; i++) {
		gets[i] = (struct redis_get){.member_id = (int64_t)i + 1, .cb = on_get_close};
		redis_get(user.redis, &gets[i]);
	}
	assert_true(redis_user_run_flag(&user, &user.closed, 2000));
	assert_int_equal(n_answers, 100);
	assert_int_equal(user.downs, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lay, lift)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_is_not_there_is_found_later),
		TEST(tries_are_further_and_further_apart),
		TEST(killed_in_the_middle_of_a_pipeline),
		TEST(either_connection_killed_ends_both),
		TEST(a_pause_costs_the_budget_some_times_and_then_nothing),
		TEST(a_busy_loop_is_not_taken_for_a_slow_redis),
		TEST(a_stopped_one_is_given_up_and_taken_back),
		TEST(what_waits_for_a_stopped_one_is_bounded),
		TEST(a_script_that_was_forgotten_is_sent_again),
		TEST(out_of_memory_it_still_answers),
		TEST(a_replica_is_left_until_it_is_one_no_more),
		TEST(a_disk_that_fails_is_told),
		TEST(while_it_loads_it_is_asked_again_soon),
		TEST(a_wrong_password_is_told_but_not_shown),
		TEST(without_a_password_where_one_is_needed),
		TEST(a_right_that_is_taken_away_opens_the_breaker),
		TEST(closed_with_everything_outstanding),
		TEST(closed_at_every_step_of_arming),
		TEST(closed_by_a_callback),
	};

	return cmocka_run_group_tests_name("redis_ill", tests, NULL, NULL);
}
