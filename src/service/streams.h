/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streams: the long streams that are open, so that they can be brought to an end when the server goes
 * down.
 *
 * Threads:  any. The list's lock is taken before a stream's own, never while one is held.
 */
#pragma once

#include "base/list.h"

#include <pthread.h>
#include <stdbool.h>

struct streams {
	/* guards everything below and the nodes of the seats */
	pthread_mutex_t lock;
	struct list open;
	bool down;
};

/* Part of a stream's state. */
struct stream_seat {
	struct list_node node;
	/* Takes in no more. True when nothing is in work: the stream is over then, no one else may end
	 * it, and `end` follows. Else the stream ends itself when what is in work is done. */
	bool (*drain)(struct stream_seat *seat);
	void (*end)(struct stream_seat *seat);
};

void streams_init(struct streams *streams);
/* False when the server is going down: then it is not in the list. */
bool streams_enter(struct streams *streams, struct stream_seat *seat);
/* Before the stream ends; not from `end`, where it is out already. */
void streams_leave(struct streams *streams, struct stream_seat *seat);
/* Brings all to an end; none enters any more. */
void streams_drain(struct streams *streams);
