/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metric.h"

#include "base/fault.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t bounds[] = {
#define X(ns) INT64_C(ns),
	METRIC_BUCKETS(X)
#undef X
};

#define BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

struct metric {
	struct metric *next;
	char *labels; /* rendered: `a="1",b="2"`, "" without any */
	bool quiet;
	_Atomic int64_t value; /* of a counter or gauge; a histogram's sum in nanoseconds */
	_Atomic int64_t
		buckets[]; /* a histogram's, not cumulative; the last is beyond all bounds */
};

struct metric_family {
	struct metric_family *next;
	enum metric_kind kind;
	char *name, *help;
	char *labels[METRIC_LABELS_MAX];
	size_t n_labels;
	struct metric *first, **last;
};

struct metric_set {
	struct metric_family *first, **last;
};

struct metric_set *metric_set_create(void)
{
	struct metric_set *set = FAULT("metric.set") ? NULL : calloc(1, sizeof(*set));

	if (set != NULL) {
		set->last = &set->first;
	}
	return set;
}

static void destroy_family(struct metric_family *family)
{
	if (family == NULL) {
		return;
	}
	for (struct metric *m = family->first, *next; m != NULL; m = next) {
		next = m->next;
		free(m->labels);
		free(m);
	}
	for (size_t i = 0; i < family->n_labels; i++) {
		free(family->labels[i]);
	}
	free(family->name);
	free(family->help);
	free(family);
}

void metric_set_destroy(struct metric_set *set)
{
	if (set == NULL) {
		return;
	}
	for (struct metric_family *f = set->first, *next; f != NULL; f = next) {
		next = f->next;
		destroy_family(f);
	}
	free(set);
}

static bool is_name(const char *text)
{
	if (text[0] >= '0' && text[0] <= '9') {
		return false;
	}
	return text[0] != '\0' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(text);
}

static bool is_known(const struct metric_set *set, const char *name)
{
	for (const struct metric_family *f = set->first; f != NULL; f = f->next) {
		if (strcmp(f->name, name) == 0) {
			return true;
		}
	}
	return false;
}

struct metric_family *metric_family_add(struct metric_set *set, enum metric_kind kind,
					const char *name, const char *help,
					const char *const *labels)
{
	struct metric_family *family = FAULT("metric.family") ? NULL : calloc(1, sizeof(*family));
	bool whole;

	assert(is_name(name) && !is_known(set, name));
	if (family == NULL) {
		return NULL;
	}
	family->kind = kind;
	family->last = &family->first;
	family->name = strdup(name);
	family->help = strdup(help);
	whole = family->name != NULL && family->help != NULL;
	for (; labels != NULL && labels[family->n_labels] != NULL; family->n_labels++) {
		assert(family->n_labels < METRIC_LABELS_MAX && is_name(labels[family->n_labels]));
		family->labels[family->n_labels] = strdup(labels[family->n_labels]);
		whole = whole && family->labels[family->n_labels] != NULL;
	}
	if (!whole) {
		destroy_family(family);
		return NULL;
	}
	*set->last = family;
	set->last = &family->next;
	return family;
}

/* As the format asks: backslash, newline and, in a label's value, the quote. */
static void put_escaped(struct strbuf *out, const char *text, bool quote)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || (quote && *text == '"')) {
			strbuf_putc(out, '\\');
			strbuf_putc(out, *text);
		} else if (*text == '\n') {
			strbuf_puts(out, "\\n");
		} else {
			strbuf_putc(out, *text);
		}
	}
}

static char *render_labels(const struct metric_family *family, const char *const *values)
{
	struct strbuf text = {0};

	strbuf_puts(&text, "");
	for (size_t i = 0; i < family->n_labels; i++) {
		strbuf_printf(&text, "%s%s=\"", i > 0 ? "," : "", family->labels[i]);
		put_escaped(&text, values[i], true);
		strbuf_putc(&text, '"');
	}
	if (text.failed) {
		strbuf_fini(&text);
	}
	return text.ptr; /* NULL after fini; else it is the series' from here */
}

struct metric *metric_series_add(struct metric_family *family, const char *const *values,
				 bool quiet)
{
	size_t n = family->kind == METRIC_HISTOGRAM ? BOUNDS + 1 : 0;
	struct metric *metric =
		FAULT("metric.series")
			? NULL
			: calloc(1, sizeof(*metric) + n * sizeof(metric->buckets[0]));

	if (metric == NULL) {
		return NULL;
	}
	metric->quiet = quiet;
	metric->labels = render_labels(family, values);
	if (metric->labels == NULL) {
		free(metric);
		return NULL;
	}
	atomic_init(&metric->value, 0);
	for (size_t i = 0; i < n; i++) {
		atomic_init(&metric->buckets[i], 0);
	}
	*family->last = metric;
	family->last = &metric->next;
	return metric;
}

struct metric *metric_add(struct metric_set *set, enum metric_kind kind, const char *name,
			  const char *help)
{
	struct metric_family *family = metric_family_add(set, kind, name, help, NULL);

	return family == NULL ? NULL : metric_series_add(family, NULL, false);
}

void metric_inc(struct metric *metric, int64_t by)
{
	atomic_fetch_add_explicit(&metric->value, by, memory_order_relaxed);
}

void metric_set_value(struct metric *metric, int64_t value)
{
	atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

static int64_t load(const _Atomic int64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

int64_t metric_value(const struct metric *metric)
{
	return load(&metric->value);
}

void metric_observe_ns(struct metric *metric, int64_t ns)
{
	size_t i = 0;

	while (i < BOUNDS && ns > bounds[i]) {
		i++;
	}
	atomic_fetch_add_explicit(&metric->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&metric->value, ns, memory_order_relaxed);
}

/* Nanoseconds as decimal seconds without trailing zeros: exact, and alike in every locale. */
static void put_seconds(struct strbuf *out, int64_t ns)
{
	char text[40];
	int len = snprintf(text, sizeof(text), "%" PRId64 ".%09" PRId64, ns / 1000000000,
			   ns % 1000000000);

	while (text[len - 1] == '0') {
		len--;
	}
	if (text[len - 1] == '.') {
		len--;
	}
	strbuf_put(out, text, (size_t)len);
}

static void put_sample(struct strbuf *out, const char *name, const char *labels)
{
	strbuf_puts(out, name);
	if (labels[0] != '\0') {
		strbuf_printf(out, "{%s}", labels);
	}
	strbuf_putc(out, ' ');
}

/* The count is the sum of the buckets read here, so that it always equals the bucket of +Inf. */
static void render_histogram(const struct metric_family *family, const struct metric *metric,
			     struct strbuf *out)
{
	const char *comma = metric->labels[0] == '\0' ? "" : ",";
	int64_t count = 0;

	for (size_t i = 0; i <= BOUNDS; i++) {
		count += load(&metric->buckets[i]);
		strbuf_printf(out, "%s_bucket{%s%sle=\"", family->name, metric->labels, comma);
		if (i < BOUNDS) {
			put_seconds(out, bounds[i]);
		} else {
			strbuf_puts(out, "+Inf");
		}
		strbuf_printf(out, "\"} %" PRId64 "\n", count);
	}
	strbuf_printf(out, "%s_sum", family->name);
	put_sample(out, "", metric->labels);
	put_seconds(out, load(&metric->value));
	strbuf_printf(out, "\n%s_count", family->name);
	put_sample(out, "", metric->labels);
	strbuf_printf(out, "%" PRId64 "\n", count);
}

static void render_series(const struct metric_family *family, const struct metric *metric,
			  struct strbuf *out)
{
	if (metric->quiet && load(&metric->value) == 0) {
		return;
	}
	if (family->kind == METRIC_HISTOGRAM) {
		render_histogram(family, metric, out);
		return;
	}
	put_sample(out, family->name, metric->labels);
	strbuf_printf(out, "%" PRId64 "\n", load(&metric->value));
}

void metric_render(const struct metric_set *set, struct strbuf *out)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};

	for (const struct metric_family *f = set->first; f != NULL; f = f->next) {
		strbuf_printf(out, "# HELP %s ", f->name);
		put_escaped(out, f->help, false);
		strbuf_printf(out, "\n# TYPE %s %s\n", f->name, types[f->kind]);
		for (const struct metric *m = f->first; m != NULL; m = m->next) {
			render_series(f, m, out);
		}
	}
}
