/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: the trail of what people decided. Each virtual bucket has a chain of its own: a record holds
 * the hash of the one before it, so that nobody changes, drops or reorders one unseen who cannot make
 * all later ones anew (docs/audit.md says what a hash is made of, and what it cannot tell).
 *
 * Sequence: a record is written in the transaction of what it tells, or neither is.
 */
#pragma once

#include "repository/repository.h"

#define AUDIT_PAGE_MAX 500

struct audit_note {
	int64_t member_id; /* 0: not about a member */
	struct str actor; /* the call's principal: "support:anna" */
	struct str action; /* "policy.publish": a service's word, a dot, what was done */
	struct str detail; /* what was decided and why, for people; UTF-8, may be empty */
};

/* In a write job: adds it to the chain of the member's bucket, known at the commit. */
enum mb_code audit_append(struct store_view *view, const struct audit_note *note,
			  struct mb_err *err);

/* A page of all records by (vb, seq), or of those about one member. */
struct repository_audit {
	struct repository_call call;
	/* in */
	bool one_member;
	struct member_ref ref; /* with one_member */
	int32_t vb; /* records after this one; 0, 0: from the first on */
	int64_t seq;
	size_t most; /* 1 to AUDIT_PAGE_MAX */
	/* out */
	struct audit_row *rows;
	size_t n;
	bool goes_on; /* after the last of them */
};

/* MB_MEMBER_NOT_FOUND when ref names nobody. */
void repository_audit(struct repository *repository, struct repository_audit *req);
