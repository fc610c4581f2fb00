/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_chain: the chains of the audit trail (docs/audit.md), computed anew record by record, and the
 * file that remembers how they ended.
 */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "ctl/sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_BUCKETS 4096

/* How a chain ends: seq 0 where there is none. */
struct chain_head {
	int64_t seq;
	unsigned char hash[SHA256_BYTES];
};

struct chain_record {
	int32_t vb;
	int64_t seq, member_id, known_at; /* microseconds */
	struct str actor, action, detail, prev, hash;
};

struct chain {
	/* in; zero-initialise the rest */
	const struct chain_head *remembered; /* of CHAIN_BUCKETS; NULL: of none */
	/* out */
	struct chain_head heads[CHAIN_BUCKETS]; /* as far as it came */
	int64_t records, buckets; /* that hold */
	/* the first one that does not */
	int32_t broken_vb;
	int64_t broken_seq;
	char problem[160];
	/* private */
	int32_t at; /* the bucket of the last record */
};

/* By (vb, seq), as the server lists them. False at the first record that breaks a chain; no more then. */
bool chain_add(struct chain *chain, const struct chain_record *record);
/* After the last one: false when a chain ends before the record that is remembered. */
bool chain_end(struct chain *chain);

/* *found false when there is no such file. store_id: of 64 bytes and NUL. MB_FIELD_INVALID when it is
 * none of these files. */
enum mb_code heads_read(const char *path, char store_id[65], struct chain_head heads[CHAIN_BUCKETS],
			bool *found, struct mb_err *err);
enum mb_code heads_write(const char *path, const char *store_id,
			 const struct chain_head heads[CHAIN_BUCKETS], struct mb_err *err);
