/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_traces: which members were asked for, one after the other: drawn ones, and what real logs say.
 */
#pragma once

#include "cache_policies.h"

#include <stdbool.h>

enum mixture {
	MIXTURE_NONE,
	MIXTURE_WONDERS, /* a fifth are members who are asked for once */
	MIXTURE_SCANS, /* now and then all members of a quarter, one after the other */
};

/* Zipf over TRACE_MEMBERS. */
#define TRACE_MEMBERS  200000
#define TRACE_REQUESTS 1200000
void trace_draw(struct trace *out, double alpha, enum mixture mixture);

#define LOGS(X)                                                                                      \
	/* name        path                            member's column, from the end if < 0,       \
	   of the order, of the time (-1: the log is in time) */ \
	X(online_retail, "online_retail/online_retail.csv.zst", -2, 0, -1)                           \
	X(taobao, "taobao/user_behavior_whole_users.csv.zst", 0, -1, 4)                              \
	X(fine_foods, "fine_foods/reviews_head5003.csv.zst", 2, -1, 6)

enum log_kind_of_trace {
#define X(name, path, member, order, time) TRACE_LOG_##name,
	LOGS(X)
#undef X
		TRACE_LOGS
};

/* False, and only the name set, when it is in none of the folders (NULL: none). Lines of one order that follow each other are
 * one request. */
bool trace_read(struct trace *out, int log, const char *const folders[2]);

void trace_fini(struct trace *trace);
