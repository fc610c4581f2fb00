/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/core_log.h"

#include <grpc/support/log.h>

#include <stdatomic.h>
#include <stddef.h>

static struct log *_Atomic target;

static void forward(gpr_log_func_args *args)
{
	struct log *log = atomic_load(&target);

	if (log != NULL) {
		LOG_AT(log,
		       args->severity == GPR_LOG_SEVERITY_ERROR ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
		       "grpc core", LOG_STR("story", args->message), LOG_STR("file", args->file),
		       LOG_INT("line", args->line));
	}
}

void rpc_core_log_set(struct log *log)
{
	atomic_store(&target, log);
	gpr_set_log_function(forward);
}
