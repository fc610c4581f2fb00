/* SPDX-License-Identifier: Apache-2.0 */
/*
 * case_05: a process that is killed in the middle of writing has stored what it acknowledged, and of
 * no write a part. The parent kills a child many times and looks into the same database after each.
 *
 *     sqlite_kill_test                   the test
 *     sqlite_kill_test PATH FIRST-ID     the child: writes and tells on stdout until it is killed
 */
#include "store_bed.h"

#include "store/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS	  25
#define IN_FLIGHT 16
#define HISTORY	  3 /* rows of a write in the one table, besides two others */

extern char **environ;

/* ---- the child ---- */

static struct store_bed child_bed;
static struct bed_job child_jobs[IN_FLIGHT];
static int64_t child_ids[IN_FLIGHT];
static int64_t child_next;

static enum mb_code write_member(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	static char profile[3000];
	const int64_t *id = bed_data(job);
	struct member_row member = {
		.member_id = *id, .revision = 1, .profile = {profile, sizeof(profile)}};
	enum mb_code code = store_put_member(view, &member, err);
	int64_t seq;

	for (int i = 0; i < HISTORY && code == MB_OK; i++) {
		code = store_add_history(view, &(struct history_row){.member_id = *id}, &seq, err);
	}
	return code != MB_OK ? code
			     : store_add_outbox(view, &(struct outbox_row){.member_id = *id}, err);
}

static void tell_and_go_on(struct store_job *job)
{
	int64_t *id = bed_data(job);

	if (job->code != MB_OK || write(STDOUT_FILENO, id, sizeof(*id)) != sizeof(*id)) {
		fprintf(stderr, "%s\n", job->err.text);
		_exit(3);
	}
	*id = child_next++;
	store_submit(child_bed.store, job);
}

static int run_child(const char *path, const char *first)
{
	struct mb_err err;

	store_bed_init(&child_bed, "memory");
	child_bed.options.path = path;
	child_bed.clock.mode = CLOCK_SYSTEM;
	child_next = atoll(first);
	if (store_open_sqlite(&child_bed.options, &child_bed.store, &err) != MB_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	sqlite_checkpoint_after(child_bed.store, 30); /* so that some die in one */
	for (int i = 0; i < IN_FLIGHT; i++) {
		child_ids[i] = child_next++;
		bed_job_init(&child_jobs[i], STORE_WRITE, write_member, &child_ids[i]);
		child_jobs[i].job.cb = tell_and_go_on;
		store_submit(child_bed.store, &child_jobs[i].job);
	}
	uv_run(&child_bed.loop, UV_RUN_DEFAULT);
	return 1;
}

/* ---- the parent ---- */

static struct store_bed bed;
static bool *acknowledged; /* by id */
static int64_t n_ids; /* ids that may have been used are below */

static void acknowledge(int64_t id)
{
	if (id >= n_ids) {
		acknowledged = realloc(acknowledged, (size_t)(id + 1) * sizeof(*acknowledged));
		assert_non_null(acknowledged);
		memset(acknowledged + n_ids, 0, (size_t)(id + 1 - n_ids) * sizeof(*acknowledged));
		n_ids = id + 1;
	}
	acknowledged[id] = true;
}

static pid_t start_child(int *out)
{
	posix_spawn_file_actions_t actions;
	char first[32];
	char *argv[] = {"/proc/self/exe", bed.path, first, NULL};
	int pipe_of[2];
	pid_t pid;

	snprintf(first, sizeof(first), "%lld", (long long)n_ids);
	assert_int_equal(pipe(pipe_of), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipe_of[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, pipe_of[0]);
	posix_spawn_file_actions_addclose(&actions, pipe_of[1]);
	assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(pipe_of[1]);
	*out = pipe_of[0];
	return pid;
}

/* Reads what the child tells until the instant, 0: until its end. False at its end. */
static bool listen_until(int fd, uint64_t instant)
{
	for (;;) {
		uint64_t now = uv_hrtime();
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t id;
		ssize_t len;

		if (instant != 0 && now >= instant) {
			return true;
		}
		if (instant != 0 && poll(&wait, 1, (int)((instant - now) / 1000000) + 1) == 0) {
			return true;
		}
		len = read(fd, &id, sizeof(id));
		if (len <= 0) {
			return false;
		}
		assert_int_equal(len, sizeof(id));
		acknowledge(id);
	}
}

static void kill_after(uint64_t ns)
{
	int fd, status;
	pid_t pid = start_child(&fd);
	int64_t before = n_ids;

	/* the start takes what it takes: count from the first word */
	while (n_ids == before) {
		assert_true(listen_until(fd, uv_hrtime() + 1000000));
	}
	assert_true(listen_until(fd, uv_hrtime() + ns));
	assert_int_equal(kill(pid, SIGKILL), 0);
	listen_until(fd, 0); /* what it said before it died counts */
	close(fd);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_true(WIFSIGNALED(status));
}

struct check {
	int64_t upto;
	int64_t present, acknowledged, lost, halves;
};

static enum mb_code check_all(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct arena *arena = arena_create(NULL, 0);
	struct check *check = bed_data(job);
	bool *told = calloc((size_t)check->upto, sizeof(*told));
	struct outbox_row *out;
	enum mb_code code;
	size_t n;

	code = store_list_outbox(view, 0, SIZE_MAX, arena, &out, &n, err);
	for (size_t i = 0; i < n && code == MB_OK; i++) {
		assert(out[i].member_id < check->upto && !told[out[i].member_id]);
		told[out[i].member_id] = true;
	}
	for (int64_t id = 1; id < check->upto && code == MB_OK; id++) {
		struct history_row *history;
		struct member_row member;
		bool found;

		code = store_get_member(view, id, arena, &member, &found, err);
		if (code == MB_OK) {
			code = store_list_history(view, id, arena, &history, &n, err);
		}
		check->present += found;
		check->halves += found != told[id] || n != (found ? HISTORY : 0);
		if (id < n_ids && acknowledged[id]) {
			check->acknowledged++;
			check->lost += !found;
		}
	}
	free(told);
	arena_destroy(arena);
	return code;
}

static void look(void)
{
	/* the child may have used ids that nobody heard of */
	struct check check = {.upto = n_ids + 2 * IN_FLIGHT};
	struct mb_err err;

	if (store_bed_open(&bed, &err) != MB_OK ||
	    store_bed_run(&bed, STORE_READ, check_all, &check, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
	store_bed_close(&bed);
	assert_int_equal(check.lost, 0);
	assert_int_equal(check.halves, 0);
	assert_true(check.present >= check.acknowledged);
	acknowledge(check.upto); /* the next child begins behind them */
	acknowledged[check.upto] = false;
}

static void case_05_killed_at_random_moments_everything_acknowledged_is_there(void **state)
{
	uint64_t seed = 20261121;
	int64_t total = 0;

	(void)state;
	store_bed_init(&bed, "sqlite");
	acknowledge(0);
	for (int round = 0; round < ROUNDS; round++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		kill_after((seed >> 33) % 40000000);
		look();
	}
	for (int64_t id = 1; id < n_ids; id++) {
		total += acknowledged[id];
	}
	print_message("# %lld writes were acknowledged by %d processes that were killed\n",
		      (long long)total, ROUNDS);
	assert_true(total > ROUNDS);
	free(acknowledged);
	store_bed_fini(&bed);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_05_killed_at_random_moments_everything_acknowledged_is_there),
	};

	if (argc == 3) {
		return run_child(argv[1], argv[2]);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
