/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hot: what decisions need of a member, small enough to be kept by the million: the state at an
 * instant and the changes ahead, so that it is right across midnight and settlements, without its
 * ledger. A decision is a pure function of (hot_view, policy in force, now).
 *
 * A record is good from `projected_at` until `good_until`, as long as no policy version takes force
 * that was not known when it was made, and only for somebody who knows all versions that it knows.
 * Of two records of a member that with the greater (revision, policy_newest, projected_at) is the
 * newer; the 20 bytes at HOT_ORDER_AT compare the same as bytes.
 *
 * Memory:   everything is the caller's; nothing is allocated, nothing is kept. Any thread.
 * Failure:  bytes of any origin may be given to hot_decode(); the others take what hot_encode() made
 *           or hot_decode() took (given others they read nothing outside, but may say anything).
 */
#pragma once

#include "domain/fold.h"

#define HOT_BYTES_MAX	192
#define HOT_CHANGES_MAX 16
/* Where the bytes that order records begin, and how many they are. */
#define HOT_ORDER_AT	1
#define HOT_ORDER_BYTES 20

/* As in struct standing, with the whole points of the live score. */
struct hot_state {
	enum tier tier, shown;
	int64_t shown_until;
	bool suspended;
	int32_t credibility;
	enum level level;
	bool at_risk, below_keep;
	int64_t protected_until;
	int64_t points;
};

struct hot_change {
	int64_t at;
	struct hot_state after;
};

struct hot_record {
	int64_t member_id, revision, created_at;
	int32_t policy_newest; /* the greatest version number known when it was made */
	int64_t projected_at; /* the instant of the fold: good from here on … */
	int64_t good_until; /* … and before this; INT64_MAX: for good */
	struct hot_state now; /* at projected_at */
	struct hot_change changes[HOT_CHANGES_MAX]; /* rising, between the two */
	size_t n_changes;
};

/* Encoded, 0 after len; len 0: none. */
struct hot_bytes {
	uint8_t len;
	uint8_t bytes[HOT_BYTES_MAX];
};

/* Of a fold with its schedule (schedule_most HOT_CHANGES_MAX + 1 is enough; of less, and of none,
 * the record is good only as far as is known). Instants at which nothing of a hot_state changes are
 * kept, too: they are next_change. */
void hot_make(const struct fold *fold, int64_t member_id, int64_t revision, int64_t created_at,
	      int32_t policy_newest, struct hot_record *out);

/* Of a record that hot_make() or hot_decode() gave. Never fails: changes that do not fit are dropped
 * from the end, and it is good until the first of them. */
void hot_encode(const struct hot_record *record, struct hot_bytes *out);

/* False, and out untouched, for bytes that are damaged, of another format or of another member. */
bool hot_decode(const uint8_t *bytes, size_t len, int64_t member_id, struct hot_record *out);

struct hot_order {
	int64_t revision;
	int32_t policy_newest;
	int64_t projected_at;
};

/* None is older than any. */
struct hot_order hot_order(const struct hot_bytes *bytes);
/* < 0 when a is the older one, 0 when they are of one order. */
int hot_compare(const struct hot_bytes *a, const struct hot_bytes *b);

struct hot_view {
	int64_t revision, created_at;
	int64_t next_change; /* as of the fold: after now; 0: never */
	struct hot_state state; /* at now */
};

/* False, and out untouched, when there is none or it is not good at `now` under these policies. A
 * version that became known after it was made and takes force later is its next_change at most. */
bool hot_at(const struct hot_bytes *bytes, const struct policy_list *policies, int64_t now,
	    struct hot_view *out);
