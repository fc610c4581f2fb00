/* SPDX-License-Identifier: Apache-2.0 */
/* Every place of redis that can fail, failing: it is told, nothing leaks, nobody is left without an
 * answer, and the next try succeeds. */
#include "redis_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "torture.h"

static struct redis_bed bed;

static bool is_settled(const struct redis_user *user)
{
	return user->ups > 0 || redis_user_figures(user).story[0] != '\0';
}

static void on_position(struct redis_position_request *request)
{
	*(bool *)request->data = true;
}

static void on_scan(struct redis_scan *scan)
{
	*(bool *)scan->data = true;
}

static bool ask(struct redis_user *user)
{
	struct hot_bytes record = redis_user_record(42, 7);
	bool put = false, got = false, scanned = false;
	int64_t ids[10];
	struct redis_position_request putting = {
		.position = {1, 2, 3}, .cb = on_position, .data = &put};
	struct redis_position_request getting = {.cb = on_position, .data = &got};
	struct redis_scan scan = {.ids = ids, .most = 10, .cb = on_scan, .data = &scanned};
	bool well = redis_user_set(user, 42, &record);

	well = redis_user_get(user, 42, NULL) == REDIS_HIT && well;
	redis_put_position(user->redis, &putting);
	redis_get_position(user->redis, &getting);
	redis_scan(user->redis, &scan);
	redis_user_run_flag(user, &put, 5000);
	redis_user_run_flag(user, &got, 5000);
	redis_user_run_flag(user, &scanned, 5000);
	assert_true(put && got && scanned);
	return well && !putting.failed && !getting.failed && getting.found && !scan.failed;
}

static enum mb_code use_redis(void *data, struct mb_err *err)
{
	struct redis_user user;
	enum mb_code code;

	redis_user_init(&user, data);
	code = redis_open(&user.options, &user.redis, err);
	if (code == MB_OK) {
		assert_true(redis_user_run(&user, is_settled, 5000));
		if (user.ups == 0) {
			code = mb_fail(err, MB_OVERLOADED, "not up: %s",
				       redis_user_figures(&user).story);
			redis_user_await_up(&user, 1);
		}
		if (!ask(&user)) {
			code = mb_fail(err, MB_OVERLOADED, "a request failed: %s",
				       redis_user_figures(&user).story);
			redis_user_await_up(&user, 1);
			assert_true(ask(&user));
		}
	}
	redis_user_fini(&user);
	return code;
}

static void every_failure_is_told_and_got_over(void **state)
{
	char name[64];

	(void)state;
	assert_true(TORTURE(use_redis, bed.unix_url) > 20);
	snprintf(name, sizeof(name), "redis://localhost:%d/1", bed.port);
	assert_true(TORTURE(use_redis, name) > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_failure_is_told_and_got_over),
	};
	int failed;

	redis_bed_init(&bed);
	redis_bed_start(&bed, NULL);
	failed = cmocka_run_group_tests_name("redis_torture", tests, NULL, NULL);
	redis_bed_fini(&bed);
	return failed;
}
