/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/core_log.h"

#include <grpc/support/log.h>

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log *target; /* under lock: C core's threads go on when the log does not */

static void forward(gpr_log_func_args *args)
{
	pthread_mutex_lock(&lock);
	if (target != NULL) {
		LOG_AT(target,
		       args->severity == GPR_LOG_SEVERITY_ERROR ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
		       "grpc core", LOG_STR("story", args->message), LOG_STR("file", args->file),
		       LOG_INT("line", args->line));
	}
	pthread_mutex_unlock(&lock);
}

void rpc_core_log_set(struct log *log)
{
	pthread_mutex_lock(&lock);
	target = log;
	pthread_mutex_unlock(&lock);
	gpr_set_log_function(forward);
}
