/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core: gRPC's C core as a whole, as servers and clients share it within a process.
 *
 * It is begun once and never ended: ending it waits, for ten seconds and more, for a poller of its own that
 * runs since some socket was last full, and who ends a server or a client is about to end the process or
 * wants the next one. Its threads are idle when nobody uses it, and hold nothing of anybody's.
 */
#pragma once

/* Before anything else is asked of C core; from any thread, any number of times. */
void rpc_core_begin(void);
