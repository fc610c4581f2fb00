/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: what the parts of `memberctl import` share. A run reads the whole file and makes its plan
 * (intake, plan) before anything is sent, so that a file that cannot be understood changes nothing.
 */
#pragma once

#include "ctl/import_state.h"
#include "ctl/intake.h"
#include "ctl/plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ctl;
struct mapping;
struct strbuf;

struct import {
	struct ctl *ctl;
	const char *file, *state_file; /* state_file may be NULL */
	bool dry_run, strict;
	struct mapping *mapping;
	struct intake intake;
	struct plan plan;
	int64_t shift_weeks;
	struct import_state state; /* what was acknowledged, now and in earlier runs */
	bool resumed, sent; /* went on from a state; everything is acknowledged */
	char activities_digest
		[SHA256_HEX_BYTES]; /* of their JSON lines, before the shift; dry runs */
};

int64_t import_shift_us(const struct import *import);
/* Every activity as a line of JSON into `to` (NULL: nowhere), and the digest of all lines. The digest
 * is of the unshifted activities, so that it depends on file and mapping alone. */
enum mb_code import_print(struct import *import, FILE *to, struct mb_err *err);
/* Takes the state's shift when there is a state, and refuses one of another file or mapping. Before
 * that, import->shift_weeks is what the command line or the clock says. */
enum mb_code import_resume(struct import *import, bool shift_given, struct mb_err *err);
/* Enrols and sends all that is not acknowledged yet. An exit code; errors are told. */
int import_send(struct import *import, int64_t in_flight);
/* The report, as a table or as JSON. */
void import_report(const struct import *import, struct strbuf *out);
