/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_members.h"

#include "bench_members.h"
#include "cache/cache.h"
#include "domain/benefit.h"
#include "policy/policy_file.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PILOTS_MOST 1024
#define MEMBER_MOST 512 /* bytes of cache for a member: all fit */

static struct cache *cache;
static const struct policy *policy;
static const struct policy_list policies = {&policy, 1};
static struct clock system_clock;

static void fail(const char *what)
{
	fprintf(stderr, "peer: %s\n", what);
	exit(66);
}

/* A record that says what a memberd says of the pilot, from now on and with the same next change. */
static bool read_pilot(FILE *file, struct hot_record *out)
{
	int64_t values[10];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (fscanf(file, "%" SCNd64, &values[i]) != 1) {
			return false;
		}
	}
	*out = (struct hot_record){
		.revision = values[1],
		.created_at = values[2],
		.policy_newest = (int32_t)values[3],
		.projected_at = clock_now(&system_clock),
		.good_until = INT64_MAX,
		.now = {.tier = (enum tier)values[5],
			.shown = (enum tier)values[5],
			.suspended = values[8] != 0,
			.credibility = (int32_t)values[9],
			.level = (enum level)values[6],
			.points = values[7]},
		.n_changes = values[4] != 0,
	};
	out->changes[0] = (struct hot_change){values[4], out->now};
	return true;
}

static size_t read_pilots(const char *path, struct hot_record pilots[PILOTS_MOST])
{
	FILE *file = fopen(path, "r");
	size_t n = 0;

	while (file != NULL && n < PILOTS_MOST && read_pilot(file, &pilots[n])) {
		n++;
	}
	if (n == 0) {
		fail("no pilots");
	}
	fclose(file);
	return n;
}

static void fill_cache(const struct hot_record *pilots, size_t n, size_t members)
{
	for (size_t i = 0; i < members; i++) {
		struct hot_record record = pilots[i % n];
		struct hot_bytes bytes;

		record.member_id = bench_member_id(i);
		hot_encode(&record, &bytes);
		cache_fill(cache, record.member_id, cache_mark(cache, record.member_id), &bytes);
	}
}

void peer_open(const char *path, size_t members)
{
	static struct hot_record pilots[PILOTS_MOST];
	const struct cache_options options = {.bytes = (members + 10000) * MEMBER_MOST};
	struct arena *arena = arena_create(NULL, 0); /* stays: the policy is in it */
	struct cache_figures figures;
	struct mb_err err = {0};

	clock_init_system(&system_clock);
	if (policy_parse(policy_default_text(), "default", arena, &policy, &err) != MB_OK ||
	    cache_create(&options, &cache, &err) != MB_OK) {
		fail(err.text);
	}
	fill_cache(pilots, read_pilots(path, pilots), members);
	cache_figures(cache, &figures);
	if (figures.entries != (int64_t)members) {
		fail("the cache does not hold everybody");
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

static void tell_unlock(const struct entitlement *entitlement, int64_t points,
			struct peer_answer *out)
{
	int64_t missing = entitlement->unlock_points - points;

	out->unlock_tier = (int)entitlement->unlock_tier;
	out->unlock_score = entitlement->unlock_points;
	out->unlock_missing = entitlement->unlock_tier != 0 && missing > 0 ? missing : 0;
	out->unlock_vip = entitlement->unlock_vip;
	out->unlock_apass = entitlement->unlock_apass;
	out->unlock_reinstatement = entitlement->unlock_reinstatement;
}

static void tell_value(const struct entitlement *entitlement, struct peer_answer *out)
{
	const struct policy_benefit *benefit = entitlement->benefit;

	if (benefit->kind == BENEFIT_QUOTA) {
		out->granted = entitlement->value;
	} else if (benefit->kind == BENEFIT_LEVEL && entitlement->value > 0) {
		out->level = text_of(benefit->levels[entitlement->value - 1]);
	} else if (benefit->kind == BENEFIT_PERCENT) {
		out->percent_bp = benefit->percent_bp;
		out->percent_cap = benefit->percent_cap == INT64_MAX ? 0 : benefit->percent_cap;
	}
}

enum peer_result peer_check(struct peer_text member_id, struct peer_text benefit_id,
			    struct peer_answer *out)
{
	int64_t id = read_id(member_id);
	const struct policy_benefit *benefit =
		policy_benefit(policy, (struct str){benefit_id.ptr, benefit_id.len});
	struct entitlement entitlement;
	struct hot_bytes bytes;
	struct hot_view view;

	if (id == 0 || benefit == NULL) {
		return id == 0 ? PEER_MALFORMED : PEER_NO_BENEFIT;
	}
	if (cache_get(cache, id, &bytes) != CACHE_HIT ||
	    !hot_at(&bytes, &policies, clock_now(&system_clock), &view)) {
		return PEER_NO_MEMBER;
	}
	entitlement = benefit_check(
		benefit,
		&(struct holder){.tier = view.state.shown, .suspended = view.state.suspended},
		policy);
	*out = (struct peer_answer){.revision = view.revision,
				    .policy_version = policy->version,
				    .valid_until = view.next_change,
				    .benefit_id = text_of(benefit->id),
				    .name = text_of(benefit->name),
				    .currency = policy->currency,
				    .reason = (int)entitlement.reason,
				    .kind = (int)benefit->kind,
				    .allowed = entitlement.held};
	tell_value(&entitlement, out);
	if (!entitlement.held) {
		tell_unlock(&entitlement, view.state.points, out);
	}
	return PEER_OK;
}
