/* SPDX-License-Identifier: Apache-2.0 */
#include "service/streams.h"

void streams_init(struct streams *streams)
{
	pthread_mutex_init(&streams->lock, NULL);
	list_init(&streams->open);
	streams->down = false;
}

bool streams_enter(struct streams *streams, struct stream_seat *seat)
{
	bool entered;

	pthread_mutex_lock(&streams->lock);
	entered = !streams->down;
	if (entered) {
		list_push(&streams->open, &seat->node);
	}
	pthread_mutex_unlock(&streams->lock);
	return entered;
}

void streams_leave(struct streams *streams, struct stream_seat *seat)
{
	pthread_mutex_lock(&streams->lock);
	list_remove(&seat->node);
	pthread_mutex_unlock(&streams->lock);
}

void streams_drain(struct streams *streams)
{
	struct list over;
	struct list_node *at, *next;

	list_init(&over);
	pthread_mutex_lock(&streams->lock);
	streams->down = true;
	/* A stream that ends by itself waits in streams_leave(), so all in the list are there. */
	for (at = streams->open.head.next; at != &streams->open.head; at = next) {
		struct stream_seat *seat = LIST_ITEM(at, struct stream_seat, node);

		next = at->next;
		if (seat->drain(seat)) {
			list_remove(at);
			list_push(&over, at);
		}
	}
	pthread_mutex_unlock(&streams->lock);
	while ((at = list_pop(&over)) != NULL) {
		struct stream_seat *seat = LIST_ITEM(at, struct stream_seat, node);

		seat->end(seat);
	}
}
