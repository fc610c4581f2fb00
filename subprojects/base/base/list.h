/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: an intrusive queue, first in first out. The element embeds a list_node.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *prev, *next;
};

struct list {
	struct list_node head; /* a ring through head; empty when it points to itself */
};

#define LIST_ITEM(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
	list->head.prev = list->head.next = &list->head;
}

static inline bool list_empty(const struct list *list)
{
	return list->head.next == &list->head;
}

static inline void list_push(struct list *list, struct list_node *node)
{
	node->prev = list->head.prev;
	node->next = &list->head;
	node->prev->next = node;
	list->head.prev = node;
}

/* Safe on a node that was removed before or zeroed. */
static inline void list_remove(struct list_node *node)
{
	if (node->next == NULL) {
		return;
	}
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->prev = node->next = NULL;
}

static inline struct list_node *list_pop(struct list *list)
{
	struct list_node *node = list->head.next;

	if (node == &list->head) {
		return NULL;
	}
	list_remove(node);
	return node;
}
