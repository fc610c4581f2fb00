/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metric.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DOOR_METRICS(X)                                       \
	X(opened_total, COUNTER, "times the door was opened") \
	X(inside, GAUGE, "who is inside\\now\n")

struct door_metrics {
#define X(field, kind, help) struct metric *field;
	DOOR_METRICS(X)
#undef X
};

static void a_table_becomes_text(void **state)
{
	struct metric_set *set = metric_set_create();
	struct door_metrics door;
	struct strbuf out = {0};

	(void)state;
#define X(field, kind, help) door.field = metric_add(set, METRIC_##kind, "door_" #field, help);
	DOOR_METRICS(X)
#undef X
	metric_inc(door.opened_total, 3);
	metric_inc(door.inside, 2);
	metric_set_value(door.inside, -1);
	metric_render(set, &out);
	assert_string_equal(out.ptr, "# HELP door_opened_total times the door was opened\n"
				     "# TYPE door_opened_total counter\n"
				     "door_opened_total 3\n"
				     "# HELP door_inside who is inside\\\\now\\n\n"
				     "# TYPE door_inside gauge\n"
				     "door_inside -1\n");
	strbuf_fini(&out);
	metric_set_destroy(set);
}

static void labels_are_escaped_and_quiet_series_wait(void **state)
{
	static const char *const names[] = {"method", "code", NULL};
	struct metric_set *set = metric_set_create();
	struct metric_family *family =
		metric_family_add(set, METRIC_COUNTER, "calls_total", "calls", names);
	struct metric *loud =
		metric_series_add(family, (const char *const[]){"a\"b\\c\nd", "OK"}, false);
	struct metric *quiet =
		metric_series_add(family, (const char *const[]){"m", "NOT_FOUND"}, true);
	struct strbuf out = {0};

	(void)state;
	metric_render(set, &out);
	assert_string_equal(out.ptr, "# HELP calls_total calls\n# TYPE calls_total counter\n"
				     "calls_total{method=\"a\\\"b\\\\c\\nd\",code=\"OK\"} 0\n");
	metric_inc(quiet, 1);
	strbuf_reset(&out);
	metric_render(set, &out);
	assert_non_null(strstr(out.ptr, "calls_total{method=\"m\",code=\"NOT_FOUND\"} 1\n"));
	assert_int_equal(metric_value(loud), 0);
	strbuf_fini(&out);
	metric_set_destroy(set);
}

static void a_histogram_is_in_seconds_and_cumulative(void **state)
{
	struct metric_set *set = metric_set_create();
	struct metric *h = metric_add(set, METRIC_HISTOGRAM, "took_seconds", "how long");
	struct strbuf out = {0};

	(void)state;
	metric_observe_ns(h, 10000); /* a bound belongs to its bucket */
	metric_observe_ns(h, 10001);
	metric_observe_ns(h, INT64_C(6000000000));
	metric_render(set, &out);
	assert_non_null(strstr(out.ptr, "took_seconds_bucket{le=\"0.00001\"} 1\n"
					"took_seconds_bucket{le=\"0.000025\"} 2\n"));
	assert_non_null(strstr(out.ptr, "took_seconds_bucket{le=\"5\"} 2\n"
					"took_seconds_bucket{le=\"+Inf\"} 3\n"
					"took_seconds_sum 6.000020001\n"
					"took_seconds_count 3\n"));
	strbuf_fini(&out);
	metric_set_destroy(set);
}

#define ADDS 20000

static void *add(void *data)
{
	for (int i = 0; i < ADDS; i++) {
		metric_inc(data, 1);
	}
	return NULL;
}

static void adds_of_threads_all_count(void **state)
{
	struct metric_set *set = metric_set_create();
	struct metric *counter = metric_add(set, METRIC_COUNTER, "adds_total", "adds");
	struct strbuf out = {0};
	pthread_t threads[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, add, counter), 0);
	}
	metric_render(set, &out); /* beside them */
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(metric_value(counter), 3 * ADDS);
	strbuf_fini(&out);
	metric_set_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_becomes_text),
		cmocka_unit_test(labels_are_escaped_and_quiet_series_wait),
		cmocka_unit_test(a_histogram_is_in_seconds_and_cumulative),
		cmocka_unit_test(adds_of_threads_all_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
