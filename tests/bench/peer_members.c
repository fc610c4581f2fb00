/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_members.h"

#include "bench_members.h"
#include "domain/benefit.h"
#include "policy/policy_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PILOTS_MOST 1024

/* One cache line of what a decision needs. */
struct record {
	int64_t member_id; /* 0: the slot is free */
	int64_t revision, policy_version, valid_until, points;
	int32_t tier, suspended;
};

static struct record *slots;
static size_t mask;
static const struct policy *policy;

static size_t place_of(int64_t member_id)
{
	return (size_t)id_mix((uint64_t)member_id) & mask;
}

static struct record *find(int64_t member_id)
{
	size_t at = place_of(member_id);

	while (slots[at].member_id != 0 && slots[at].member_id != member_id) {
		at = (at + 1) & mask;
	}
	return &slots[at];
}

static void fail(const char *what)
{
	fprintf(stderr, "peer: %s\n", what);
	exit(66);
}

static size_t read_pilots(const char *path, struct record pilots[PILOTS_MOST])
{
	FILE *file = fopen(path, "r");
	size_t n = 0;

	while (file != NULL && n < PILOTS_MOST &&
	       fscanf(file,
		      "%" SCNd64 " %" SCNd32 " %" SCNd64 " %" SCNd32 " %" SCNd64 " %" SCNd64
		      " %" SCNd64,
		      &pilots[n].member_id, &pilots[n].tier, &pilots[n].points,
		      &pilots[n].suspended, &pilots[n].revision, &pilots[n].policy_version,
		      &pilots[n].valid_until) == 7) {
		n++;
	}
	if (n == 0) {
		fail("no pilots");
	}
	fclose(file);
	return n;
}

void peer_open(const char *path, size_t members)
{
	static struct record pilots[PILOTS_MOST];
	struct arena *arena = arena_create(NULL, 0); /* stays: the policy is in it */
	size_t n = read_pilots(path, pilots);
	struct mb_err err = {0};

	if (policy_parse(policy_default_text(), "default", arena, &policy, &err) != MB_OK) {
		fail(err.text);
	}
	for (mask = 1; mask < 2 * members; mask = mask * 2) {
	}
	slots = calloc(mask, sizeof(*slots));
	if (slots == NULL) {
		fail("no memory");
	}
	mask--;
	for (size_t i = 0; i < members; i++) {
		int64_t id = bench_member_id(i);
		struct record *record = find(id);

		*record = pilots[i % n];
		record->member_id = id;
	}
}

/* 0: it is no id. */
static int64_t read_id(struct peer_text text)
{
	int64_t id = 0;

	if (text.len == 0 || text.len > 18) {
		return 0;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9') {
			return 0;
		}
		id = id * 10 + (text.ptr[i] - '0');
	}
	return id;
}

static struct peer_text text_of(struct str text)
{
	return (struct peer_text){text.ptr, text.len};
}

static void tell_unlock(const struct entitlement *entitlement, const struct record *record,
			struct peer_answer *out)
{
	int64_t missing = entitlement->unlock_points - record->points;

	out->unlock_tier = (int)entitlement->unlock_tier;
	out->unlock_score = entitlement->unlock_points;
	out->unlock_missing = entitlement->unlock_tier != 0 && missing > 0 ? missing : 0;
	out->unlock_vip = entitlement->unlock_vip;
	out->unlock_apass = entitlement->unlock_apass;
	out->unlock_reinstatement = entitlement->unlock_reinstatement;
}

enum peer_result peer_check(struct peer_text member_id, struct peer_text benefit_id,
			    struct peer_answer *out)
{
	int64_t id = read_id(member_id);
	const struct record *record = find(id);
	const struct policy_benefit *benefit =
		policy_benefit(policy, (struct str){benefit_id.ptr, benefit_id.len});
	struct entitlement entitlement;

	if (id == 0 || record->member_id == 0 || benefit == NULL) {
		return id == 0		 ? PEER_MALFORMED
		       : benefit == NULL ? PEER_NO_BENEFIT
					 : PEER_NO_MEMBER;
	}
	entitlement = benefit_check(benefit,
				    &(struct holder){.tier = (enum tier)record->tier,
						     .suspended = record->suspended != 0},
				    policy);
	*out = (struct peer_answer){.revision = record->revision,
				    .policy_version = record->policy_version,
				    .valid_until = record->valid_until,
				    .benefit_id = text_of(benefit->id),
				    .name = text_of(benefit->name),
				    .currency = policy->currency,
				    .reason = (int)entitlement.reason,
				    .kind = (int)benefit->kind,
				    .allowed = entitlement.held};
	if (benefit->kind == BENEFIT_QUOTA) {
		out->granted = entitlement.value;
	} else if (benefit->kind == BENEFIT_LEVEL && entitlement.value > 0) {
		out->level = text_of(benefit->levels[entitlement.value - 1]);
	} else if (benefit->kind == BENEFIT_PERCENT) {
		out->percent_bp = benefit->percent_bp;
		out->percent_cap = benefit->percent_cap == INT64_MAX ? 0 : benefit->percent_cap;
	}
	if (!entitlement.held) {
		tell_unlock(&entitlement, record, out);
	}
	return PEER_OK;
}
