/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_state: how far an import came, as a small JSON file that is replaced whole each time: after a
 * break at any moment the file is the one before or the one after.
 */
#pragma once

#include "base/err.h"
#include "ctl/sha256.h"

#include <stdbool.h>
#include <stdint.h>

#define IMPORT_REASONS_MAX 64
#define IMPORT_SHIFT_WEEKS_MAX \
	600000 /* from the year 1 to 9999, and sums of microseconds are safe */

/* What became of what was acknowledged. */
struct import_tally {
	int64_t enrolled, known; /* members made, members there before */
	int64_t accepted, replayed, parked; /* activities; parked ones are accepted, too */
	struct import_refusal {
		char reason[48];
		int64_t count;
		char example[128]; /* the first one's key and text */
	} refusals[IMPORT_REASONS_MAX];
	size_t n_refusals;
};

struct import_state {
	char file_digest[SHA256_HEX_BYTES], mapping_digest[SHA256_HEX_BYTES];
	char store_id[65]; /* "" when the server names none */
	int64_t shift_weeks;
	int64_t members, activities; /* acknowledged, from the first one on without a gap */
	struct import_tally tally;
};

void import_tally_refuse(struct import_tally *tally, const char *reason, const char *example);
void import_tally_add(struct import_tally *to, const struct import_tally *more);

/* *out_found false when there is no such file. MB_FIELD_INVALID when it is no state of an import, or
 * one whose numbers no import can have come to. */
enum mb_code import_state_read(const char *path, struct import_state *out, bool *out_found,
			       struct mb_err *err);
enum mb_code import_state_write(const char *path, const struct import_state *state,
				struct mb_err *err);
