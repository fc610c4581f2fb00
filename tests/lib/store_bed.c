/* SPDX-License-Identifier: Apache-2.0 */
#include "store_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "store_bed: %s\n", what);
		abort();
	}
}

void store_bed_init(struct store_bed *bed, const char *backend)
{
	memset(bed, 0, sizeof(*bed));
	require(uv_loop_init(&bed->loop) == 0, "no loop");
	bed->clock.mode = CLOCK_FIXED;
	atomic_init(&bed->clock.value, BED_NOW);
	if (strcmp(backend, "sqlite") == 0) {
		snprintf(bed->dir, sizeof(bed->dir), "/tmp/memberd-store-XXXXXX");
		require(mkdtemp(bed->dir) != NULL, "no folder");
		snprintf(bed->path, sizeof(bed->path), "%s/memberd.db", bed->dir);
	}
	bed->options = (struct store_options){.path = bed->path,
					      .readers = 2,
					      .migrate = true,
					      .clock = &bed->clock,
					      .loop = &bed->loop};
}

static void remove_dir(const char *dir)
{
	static const char *const endings[] = {"", "-wal", "-shm", "-journal", ".lock"};
	char path[128];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(path, sizeof(path), "%s/memberd.db%s", dir, endings[i]);
		unlink(path);
	}
	require(rmdir(dir) == 0, "the folder holds a file that nobody knows");
}

void store_bed_fini(struct store_bed *bed)
{
	store_bed_close(bed);
	require(uv_loop_close(&bed->loop) == 0, "the loop still has handles");
	if (bed->dir[0] != '\0') {
		remove_dir(bed->dir);
	}
}

enum mb_code store_bed_open(struct store_bed *bed, struct mb_err *err)
{
	require(bed->store == NULL, "opened twice");
	if (bed->dir[0] == '\0') {
		return store_open_memory(&bed->options, &bed->store, err);
	}
	return store_open_sqlite(&bed->options, &bed->store, err);
}

static void on_closed(void *data)
{
	*(struct store **)data = NULL;
}

void store_bed_close(struct store_bed *bed)
{
	if (bed->store != NULL) {
		store_close(bed->store, on_closed, &bed->store);
		while (bed->store != NULL) {
			uv_run(&bed->loop, UV_RUN_ONCE);
		}
	}
	uv_run(&bed->loop, UV_RUN_NOWAIT);
}

static void on_done(struct store_job *job)
{
	((struct bed_job *)job)->called++;
}

void bed_job_init(struct bed_job *job, enum store_job_kind kind, store_run_fn *run, void *data)
{
	*job = (struct bed_job){.job = {.kind = kind, .run = run, .cb = on_done}, .data = data};
}

void store_bed_wait(struct store_bed *bed, struct bed_job *job)
{
	while (job->called == 0) {
		uv_run(&bed->loop, UV_RUN_ONCE);
	}
}

enum mb_code store_bed_run(struct store_bed *bed, enum store_job_kind kind, store_run_fn *run,
			   void *data, struct mb_err *err)
{
	struct bed_job job;

	bed_job_init(&job, kind, run, data);
	store_submit(bed->store, &job.job);
	store_bed_wait(bed, &job);
	if (err != NULL) {
		*err = job.job.err;
	}
	return job.job.code;
}

void *bed_data(struct store_job *job)
{
	return ((struct bed_job *)job)->data;
}

static enum mb_code wait_at_gate(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct bed_gate *gate = bed_data(job);

	(void)view;
	(void)err;
	uv_sem_post(&gate->entered);
	uv_sem_wait(&gate->go);
	return MB_OK;
}

void bed_gate_close(struct store_bed *bed, struct bed_gate *gate, enum store_job_kind kind)
{
	require(uv_sem_init(&gate->entered, 0) == 0, "no semaphore");
	require(uv_sem_init(&gate->go, 0) == 0, "no semaphore");
	bed_job_init(&gate->job, kind, wait_at_gate, gate);
	store_submit(bed->store, &gate->job.job);
	uv_sem_wait(&gate->entered);
}

void bed_gate_open(struct store_bed *bed, struct bed_gate *gate)
{
	uv_sem_post(&gate->go);
	store_bed_wait(bed, &gate->job);
	uv_sem_destroy(&gate->entered);
	uv_sem_destroy(&gate->go);
}
