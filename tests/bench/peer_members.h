/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_members: the members of a data set in memory, and the decision of CheckBenefit about them, for
 * servers that memberd is compared with. Cache and decision are memberd's own, so that what is compared
 * is how a request comes to them and its answer leaves.
 *
 * Threads:  peer_open() first; then any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct peer_text {
	const char *ptr;
	size_t len;
};

/* What a CheckBenefitResponse says. Texts are the policy's and stay. */
struct peer_answer {
	int64_t revision, policy_version;
	int64_t valid_until; /* microseconds; 0: none */
	struct peer_text benefit_id, name, level;
	const char *currency;
	int64_t percent_cap; /* 0: none */
	int32_t percent_bp, granted;
	int reason, kind;
	bool allowed;
	/* when not allowed */
	int unlock_tier;
	int64_t unlock_score, unlock_missing;
	bool unlock_vip, unlock_apass, unlock_reinstatement;
};

enum peer_result { PEER_OK, PEER_MALFORMED, PEER_NO_MEMBER, PEER_NO_BENEFIT };

/* pilots: a file with a line for each pilot, by id, as bodies.py writes it: member_id revision created_at
 * policy_version valid_until tier level points suspended credibility. In the cache are `members` of
 * make_members. Ends the process on failure. */
void peer_open(const char *pilots, size_t members);
enum peer_result peer_check(struct peer_text member_id, struct peer_text benefit_id,
			    struct peer_answer *out);

#ifdef __cplusplus
}
#endif
