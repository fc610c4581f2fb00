/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metric: counters, gauges and histograms, and their text for Prometheus (format 0.0.4).
 *
 * A module has a table; its struct and its registration are expanded from it:
 *
 *     #define CACHE_METRICS(X)                                    \
 *             X(hits, COUNTER, "lookups answered by the cache")   \
 *             X(size, GAUGE, "records held now")
 *
 *     struct cache_metrics {
 *     #define X(name, kind, help) struct metric *name;
 *             CACHE_METRICS(X)
 *     #undef X
 *     };
 *
 *     #define X(field, kind, help) metrics.field = metric_add(set, METRIC_##kind, "cache_" #field, help);
 *
 * Counting is a relaxed add on a series that was made at the start; nothing is looked up by text and
 * nothing allocated then. Labels are given when a series is made. By Prometheus's rules a counter's
 * name ends in _total and times are in seconds.
 *
 * Threads:  families and series are made on one thread before others count; metric_inc(),
 *           metric_observe_ns() and metric_render() from any.
 * Memory:   the set owns all; names, help and labels are copied.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metric;
struct metric_family;
struct metric_set;

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_LABELS_MAX 4

/* Upper bounds of a histogram's buckets, in nanoseconds: from what a hot check costs to what a caller
 * no longer waits for. */
#define METRIC_BUCKETS(X) \
	X(10000)          \
	X(25000)          \
	X(50000)          \
	X(100000)         \
	X(250000)         \
	X(500000)         \
	X(1000000)        \
	X(2500000)        \
	X(5000000)        \
	X(10000000)       \
	X(25000000)       \
	X(50000000)       \
	X(100000000)      \
	X(250000000)      \
	X(1000000000)     \
	X(5000000000)

struct metric_set *metric_set_create(void);
void metric_set_destroy(struct metric_set *set);

/* labels: up to METRIC_LABELS_MAX names, ended by NULL; NULL for none. Names must be valid and new
 * (asserted: they are literals of ours). NULL when memory is short. */
struct metric_family *metric_family_add(struct metric_set *set, enum metric_kind kind,
					const char *name, const char *help,
					const char *const *labels);
/* One value for each label, any bytes of UTF-8. quiet: not shown before something was counted. */
struct metric *metric_series_add(struct metric_family *family, const char *const *values,
				 bool quiet);
/* A family without labels and its one series. */
struct metric *metric_add(struct metric_set *set, enum metric_kind kind, const char *name,
			  const char *help);

void metric_inc(struct metric *metric, int64_t by); /* counters (by >= 0) and gauges */
void metric_set_value(struct metric *metric, int64_t value); /* gauges */
int64_t metric_value(const struct metric *metric); /* of a histogram: nanoseconds in all */
void metric_observe_ns(struct metric *metric, int64_t ns); /* histograms */

/* Appends every family in the order of adding. */
void metric_render(const struct metric_set *set, struct strbuf *out);
