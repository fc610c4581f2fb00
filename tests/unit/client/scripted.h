/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scripted: a gRPC server on C core that answers each call as a script says, right or wrong; for what a
 * well-behaved server would not do.
 *
 * Threads:  one of its own; what it has seen may be read after scripted_stop().
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct scripted_step {
	int status; /* gRPC's */
	const char *message; /* NULL: "" */
	struct str details; /* grpc-status-details-bin; empty: none */
	const char *pushback; /* grpc-retry-pushback-ms; NULL: none */
	struct str payload; /* ptr NULL: what was received */
	bool silent; /* with status 0: no message at all */
	bool hangs; /* never answers; until the caller gives up */
};

struct scripted;

/* The n-th call gets the n-th step, the ones after the last get the last. Steps stay borrowed. */
struct scripted *scripted_start(const struct scripted_step *steps, size_t count, int *port);
/* At this port; NULL when it is taken. */
struct scripted *scripted_start_at(const struct scripted_step *steps, size_t count, int port);
/* Ends the thread; the struct stays readable until scripted_destroy(). */
void scripted_stop(struct scripted *scripted);
void scripted_destroy(struct scripted *scripted);

size_t scripted_calls(const struct scripted *scripted); /* at any time */
/* Of the last call. */
const char *scripted_path(const struct scripted *scripted);
const char *scripted_authorization(const struct scripted *scripted);

/* A port below the ephemeral ones that is bound and not listened at, until the descriptor is closed. */
int scripted_silent_port(int *fd);
