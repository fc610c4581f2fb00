/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core_log: what gRPC's C core has to say goes where the application's own lines go.
 *
 * C core's log is one for the process, so this is, too. What it calls an error is a warning here: what
 * matters to a call or to the start is told by an error of our own.
 *
 * Threads:  set it from one thread, before the first server; lines come from any.
 */
#pragma once

#include "base/log.h"

/* Borrowed until it is set to NULL, which makes C core silent. */
void rpc_core_log_set(struct log *log);
