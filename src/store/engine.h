/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: what all backends share: the queues of jobs, one writer thread with group commit, reader
 * threads, the instants of transactions, and the way of finished jobs back to the loop.
 */
#pragma once

#include "store/backend.h"

/* Opens the views and starts the threads; store->engine is set on success. */
enum mb_code engine_start(struct store *store, const struct store_options *options,
			  struct mb_err *err);
void engine_submit(struct engine *engine, struct store_job *job);
void engine_cancel(struct engine *engine, struct store_job *job);
/* Ends everything, destroys the store, then calls cb on the loop. */
void engine_close(struct engine *engine, void (*cb)(void *data), void *data);
