/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/policy.h"

#include <assert.h>
#include <string.h>

static const char *const platforms[PLATFORM_END] = {
#define X(name, number, text) [number] = (text),
	PLATFORMS(X)
#undef X
};

static const char *const tiers[TIER_END] = {
#define X(name, number, text) [number] = (text),
	TIERS(X)
#undef X
};

/* Enumerations reach here from wire and store, so the number may be anything. */
static const char *name_at(const char *const *names, unsigned end, unsigned number)
{
	return number < end ? names[number] : NULL;
}

const char *platform_name(enum platform platform)
{
	return name_at(platforms, PLATFORM_END, (unsigned)platform);
}

const char *tier_name(enum tier tier)
{
	return name_at(tiers, TIER_END, (unsigned)tier);
}

enum tier tier_from_name(struct str name)
{
	for (int tier = 1; tier < TIER_END; tier++) {
		if (str_eq(str_from(tiers[tier]), name)) {
			return (enum tier)tier;
		}
	}
	return (enum tier)0;
}

/* How many versions have taken force at t. */
static size_t versions_begun(const struct policy_list *list, int64_t t)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->versions[middle]->effective_from <= t) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

const struct policy *policy_at(const struct policy_list *list, int64_t t)
{
	size_t begun = versions_begun(list, t);

	assert(list->n > 0);
	return list->versions[begun == 0 ? 0 : begun - 1];
}

const struct policy *policy_newest(const struct policy_list *list)
{
	const struct policy *newest = NULL;

	for (size_t i = 0; i < list->n; i++) {
		if (newest == NULL || list->versions[i]->version > newest->version) {
			newest = list->versions[i];
		}
	}
	return newest;
}

int64_t policy_next_change(const struct policy_list *list, int64_t t)
{
	size_t begun = versions_begun(list, t);

	/* the first is in force before its effective_from, too: taking force changes nothing */
	if (begun == 0) {
		begun = 1;
	}
	return begun < list->n ? list->versions[begun]->effective_from : INT64_MAX;
}

/* Numbers rise with publication, effective_from need not: the first of the list that is newer is the
 * first to take force. */
int64_t policy_overtaken_at(const struct policy_list *list, int32_t newest)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->versions[i]->version > newest) {
			return i == 0 ? INT64_MIN : list->versions[i]->effective_from;
		}
	}
	return INT64_MAX;
}

bool policy_overtakes(const struct policy_list *list, int32_t newest, int64_t now)
{
	int64_t at = policy_overtaken_at(list, newest);

	return at <= now && at != INT64_MAX;
}

bool policy_knows(const struct policy_list *list, int32_t newest)
{
	for (size_t i = list->n; i > 0; i--) {
		if (list->versions[i - 1]->version >= newest) {
			return true;
		}
	}
	return false;
}

const struct policy_benefit *policy_benefit(const struct policy *policy, struct str id)
{
	for (int32_t i = 0; i < policy->n_benefits; i++) {
		if (str_eq(policy->benefits[i].id, id)) {
			return &policy->benefits[i];
		}
	}
	return NULL;
}

bool policy_rate(const struct policy *policy, const char *currency, struct policy_rate *out)
{
	if (strcmp(policy->currency, currency) == 0) {
		*out = (struct policy_rate){.exponent = policy->exponent, .rate_e4 = 10000};
		memcpy(out->currency, policy->currency, sizeof(out->currency));
		return true;
	}
	for (int32_t i = 0; i < policy->n_rates; i++) {
		if (strcmp(policy->rates[i].currency, currency) == 0) {
			*out = policy->rates[i];
			return true;
		}
	}
	return false;
}
