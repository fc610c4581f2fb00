/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages: lists that come page by page.
 */
#pragma once

#include <stddef.h>

struct ctl;

/* Asks for the page of a token, which is "" for the first, and uses it; *next is the token that it
 * gave, and left alone when no other page is wanted. An exit code; the error is told. */
typedef int page_fn(struct ctl *ctl, char *token, const char **next, void *data);

/* A list that may be long: each page with an arena of its own in place of the run's, so no page outlives
 * the next one. */
int pages_walk(struct ctl *ctl, page_fn *fn, void *data);
/* Rows of two pages, which are arrays of pointers, in one of the run's arena. NULL: no memory, told. */
void *pages_join(struct ctl *ctl, const void *rows, size_t n, const void *more, size_t n_more);
