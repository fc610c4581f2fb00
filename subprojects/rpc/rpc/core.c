/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/core.h"

#include <grpc/grpc.h>
#include <pthread.h>

void rpc_core_begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, grpc_init);
}
