/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint: what a ledger had come to at an instant, so that a fold need not read all of it.
 *
 * An entry is closed if nothing of it happens at or after the instant, nor of anything that it has
 * to do with: what it names, what names it, its equals. What closed entries brought is summed up by
 * month, day and category; the open ones are listed and folded again with what came later. So a
 * fold from a checkpoint is exactly the fold of everything, as long as nothing that came later
 * reaches what is closed: checkpoint_reaches() says when it may, and then everything must be read.
 *
 * Good for one policy version: none must take force at or after the instant.
 *
 * Memory:   all in the arena given; names of categories are borrowed from the entries.
 */
#pragma once

#include "domain/fold.h"

struct checkpoint_day {
	int32_t number; /* since 1970 in the zone */
	int64_t spend;
	int64_t points[INTERACTION_END];
};

struct checkpoint_category {
	struct str name;
	int32_t lines;
};

struct checkpoint_month {
	int32_t month;
	int64_t left[PLATFORM_END], other[PLATFORM_END], rail;
	int32_t counting_days;
	int64_t capped[INTERACTION_END];
	const struct checkpoint_day *days; /* by rising number, at least one */
	size_t n_days;
	const struct checkpoint_category *categories;
	size_t n_categories;
};

struct checkpoint {
	int64_t at; /* the beginning of a day in the zone: all before it has acted */
	int64_t revision; /* the greatest of the entries that were read */
	int32_t policy_version;
	/* where the timeline stood */
	bool begun, at_risk, suspended;
	enum tier tier;
	int64_t protected_until, settled_at;
	struct score settled;
	/* of closed entries */
	int64_t credibility; /* sum of changes that never end, basis points */
	int64_t penalty;
	const struct checkpoint_month *months; /* that a window still covers, by rising month */
	size_t n_months;
	const uint8_t *known; /* a Bloom filter of what closed entries are and name */
	size_t known_len; /* bytes, a power of two */
	/* to be read again */
	const int64_t *open; /* entry ids, rising */
	size_t n_open;
};

/* Of all entries known so far; in->t must be at or after `at`, which begins a day in the zone. False
 * when the arena refused. */
bool checkpoint_make(const struct fold_input *in, int64_t at, struct arena *arena,
		     struct checkpoint *out);
/* May this activity, newly received, change anything that is closed? */
bool checkpoint_reaches(const struct checkpoint *checkpoint, const struct activity *activity);
/* May a closed entry have this key? False: none has. */
bool checkpoint_may_know(const struct checkpoint *checkpoint, struct str source,
			 struct str source_event_id);
/* Is it of the version in force at its instant, and does none take force later? */
bool checkpoint_holds(const struct checkpoint *checkpoint, const struct policy_list *policies);

/* As bytes to keep; they may be lost. */
enum mb_code checkpoint_encode(const struct checkpoint *checkpoint, struct arena *arena,
			       struct str *out, struct mb_err *err);
/* False for bytes that are damaged or of another format, and when the arena refused: then there is
 * no checkpoint. What is read is of the arena. */
bool checkpoint_decode(struct str bytes, struct arena *arena, struct checkpoint *out);
