/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port: TCP ports of 127.0.0.1 for tests that run beside each other, as many processes.
 */
#pragma once

/* A port below 32768, where the system's own begin, that nobody listens on, and that no other test gets before
 * this process ends: it is reserved by a name in the same network namespace. Never the same twice. Ends the
 * process when there is none. One thread at a time. */
int port_reserve(void);
