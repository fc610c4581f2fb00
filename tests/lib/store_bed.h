/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_bed: a store on a loop of its own, for tests: jobs are submitted and waited for. Everything
 * here is for the thread of the loop. Failures of the bed itself end the process.
 */
#pragma once

#include "store/store.h"

#include <uv.h>

struct store_bed {
	uv_loop_t loop;
	struct clock clock; /* fixed, at BED_NOW */
	struct store *store; /* NULL when it is closed */
	struct store_options options;
	char dir[64]; /* of its own; "" for memory */
	char path[96];
};

#define BED_NOW INT64_C(1795219200000000)

/* A job and whether it was called back. data is the test's. */
struct bed_job {
	struct store_job job;
	int called;
	void *data;
};

/* backend: "memory" or "sqlite"; makes a folder for the latter. Opens nothing yet. */
void store_bed_init(struct store_bed *bed, const char *backend);
/* Closes what is open, removes the folder. */
void store_bed_fini(struct store_bed *bed);
enum mb_code store_bed_open(struct store_bed *bed, struct mb_err *err);
void store_bed_close(struct store_bed *bed);

void bed_job_init(struct bed_job *job, enum store_job_kind kind, store_run_fn *run, void *data);
/* Runs the loop until the job was called back. */
void store_bed_wait(struct store_bed *bed, struct bed_job *job);
/* Submits and waits; err may be NULL. */
enum mb_code store_bed_run(struct store_bed *bed, enum store_job_kind kind, store_run_fn *run,
			   void *data, struct mb_err *err);
/* data of the bed_job that a run() was given. */
void *bed_data(struct store_job *job);

/* A job that stays in its run() until it is let go. */
struct bed_gate {
	uv_sem_t entered, go;
	struct bed_job job;
};

/* Returns when the job is in its run(). */
void bed_gate_close(struct store_bed *bed, struct bed_gate *gate, enum store_job_kind kind);
/* Returns when the job was called back. */
void bed_gate_open(struct store_bed *bed, struct bed_gate *gate);
