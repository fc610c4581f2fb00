/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_bed: a repository for each test, as its *state, over the backend of the command line. Include
 * after cmocka.h.
 */
#pragma once

#include "base/attr.h"
#include "base/fault.h"
#include "repo_bed.h"
#include "torture.h"

#include <stdlib.h>
#include <string.h>

static const char *backend;

/* Not opened yet. */
static int make_bed(void **state)
{
	struct repo_bed *bed = malloc(sizeof(*bed));

	repo_bed_init(bed, backend);
	*state = bed;
	return 0;
}

static MB_UNUSED int set_up(void **state)
{
	struct mb_err err;

	make_bed(state);
	assert_int_equal(repo_bed_open(*state, &err), MB_OK);
	return 0;
}

static MB_UNUSED int tear_down(void **state)
{
	fault_disarm();
	repo_bed_fini(*state);
	free(*state);
	return 0;
}

/* Of a torture: with a bed of its own, not opened yet, each time. */
typedef enum mb_code own_bed_fn(struct repo_bed *bed, struct mb_err *err);

static enum mb_code with_own_bed(void *data, struct mb_err *err)
{
	own_bed_fn **scenario = data;
	struct repo_bed bed;
	enum mb_code code;

	repo_bed_init(&bed, backend);
	code = (*scenario)(&bed, err);
	repo_bed_fini(&bed);
	return code;
}

/* How many points there were. */
static MB_UNUSED unsigned long torture_beds(own_bed_fn *scenario)
{
	return TORTURE(with_own_bed, &scenario);
}

/* The last test is a torture: on disk it would make a database for each point, and find the same
 * points. */
static MB_UNUSED int run_group(int argc, char **argv, const struct CMUnitTest *tests, size_t n)
{
	backend = argc > 1 ? argv[1] : "memory";
	n -= strcmp(backend, "memory") != 0;
	return _cmocka_run_group_tests(backend, tests, n, NULL, NULL);
}
