/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: where a load gets its record: from Redis while that is believed, else from the store, by
 * jobs that take as many loads as are queued.
 */
#include "repository/loads_impl.h"

#include <assert.h>

#define JOB_LOADS 64 /* of one job */
#define JOB_ARENA ((size_t)4 << 20)

/* ---- jobs ---- */

void fetch_enqueue(struct loads *loads, struct load *load)
{
	load->state = LOAD_QUEUED;
	list_push(&loads->queue, &load->node);
}

static void run_load(struct load *load, struct store_view *view, struct arena *arena)
{
	struct member_row row;
	bool found = false;

	load->code = store_get_member(view, load->member_id, arena, &row, &found, &load->err);
	if (load->code == MB_OK && !found) {
		load->code = mb_fail(&load->err, MB_MEMBER_NOT_FOUND, MEMBER_UNKNOWN_TEXT);
	}
	if (load->code == MB_OK) {
		load->code = read_record(load->repository, view, &row, &load->record, &load->err);
	}
}

static enum mb_code run_job(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct load_job *own = job->data;
	struct arena *arena = arena_create(own->loads->repository->budget, JOB_ARENA);

	if (arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory to load members now");
	}
	for (struct list_node *node = own->taken.head.next; node != &own->taken.head;
	     node = node->next) {
		run_load(LIST_ITEM(node, struct load, node), view, arena);
	}
	arena_destroy(arena);
	return MB_OK;
}

static struct load_job *take_queued(struct loads *loads)
{
	struct load_job *job = NULL;
	struct list_node *node;

	pthread_mutex_lock(&loads->lock);
	if (!list_empty(&loads->queue) && (node = list_pop(&loads->free_jobs)) != NULL) {
		job = LIST_ITEM(node, struct load_job, free);
		for (int i = 0; i < JOB_LOADS && (node = list_pop(&loads->queue)) != NULL; i++) {
			LIST_ITEM(node, struct load, node)->state = LOAD_RUNNING;
			list_push(&job->taken, node);
		}
	}
	pthread_mutex_unlock(&loads->lock);
	return job;
}

/* From any thread, without the lock. */
void fetch_start(struct loads *loads)
{
	struct load_job *job;

	while ((job = take_queued(loads)) != NULL) {
		store_submit(loads->repository->store, &job->job);
	}
}

static void end_job(struct store_job *job)
{
	struct load_job *own = job->data;
	struct loads *loads = own->loads;
	struct list taken;
	struct list_node *node;

	repository_saw(loads->repository, job);
	list_init(&taken);
	while ((node = list_pop(&own->taken)) != NULL) {
		struct load *load = LIST_ITEM(node, struct load, node);

		if (job->code != MB_OK) {
			load->code = job->code;
			load->err = job->err;
		}
		list_push(&taken, node);
	}
	pthread_mutex_lock(&loads->lock);
	list_push(&loads->free_jobs, &own->free);
	pthread_mutex_unlock(&loads->lock);
	fetch_start(loads);
	while ((node = list_pop(&taken)) != NULL) {
		loads_end(loads, LIST_ITEM(node, struct load, node));
	}
	fetch_start(loads); /* of those who wait anew */
}

/* ---- Redis; on the loop ---- */

static void load_from_store(struct loads *loads, struct load *load)
{
	pthread_mutex_lock(&loads->lock);
	fetch_enqueue(loads, load);
	pthread_mutex_unlock(&loads->lock);
	fetch_start(loads);
}

static void end_get(struct redis_get *get)
{
	struct load *load = get->data;
	struct repository *repository = load->repository;

	if (mirror_took(repository, get)) {
		load->record = get->record;
		loads_end(repository->loads, load);
		fetch_start(repository->loads); /* for whom it was too old */
	} else {
		load_from_store(repository->loads, load);
	}
}

void fetch_ask(struct loads *loads, struct load *load)
{
	load->get.member_id = load->member_id;
	load->get.cb = end_get;
	load->get.data = load;
	if (!mirror_get(loads->repository, &load->get)) {
		load_from_store(loads, load);
	}
}

/* ---- life ---- */

void fetch_init(struct loads *loads)
{
	list_init(&loads->free_jobs);
	for (int i = 0; i < JOBS; i++) {
		struct load_job *job = &loads->jobs[i];

		job->job = (struct store_job){
			.kind = STORE_READ, .run = run_job, .cb = end_job, .data = job};
		job->loads = loads;
		list_init(&job->taken);
		list_push(&loads->free_jobs, &job->free);
	}
}
