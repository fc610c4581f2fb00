/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include "base/clock.h"
#include "ctl/amount.h"
#include "ctl/words.h"

#include <inttypes.h>
#include <string.h>

#define ZONE_MINUTES_MAX (18 * 60)

/* memberctl is one run on one thread: no other caller can want another zone */
static int zone_minutes;

void show_in_zone(int offset_minutes)
{
	zone_minutes = offset_minutes;
}

bool show_parse_zone(const char *text, int *out_minutes)
{
	static const char form[] = "+00:00";
	int hours, minutes;

	if (strcmp(text, "Z") == 0) {
		*out_minutes = 0;
		return true;
	}
	if (strlen(text) != strlen(form)) {
		return false;
	}
	for (size_t i = 1; i < sizeof(form); i++) {
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) {
			return false;
		}
	}
	hours = (text[1] - '0') * 10 + text[2] - '0';
	minutes = (text[4] - '0') * 10 + text[5] - '0';
	if ((text[0] != '+' && text[0] != '-') || minutes > 59 ||
	    60 * hours + minutes > ZONE_MINUTES_MAX) {
		return false;
	}
	*out_minutes = (text[0] == '-' ? -1 : 1) * (60 * hours + minutes);
	return true;
}

int show_zone_of_month(const Google__Protobuf__Timestamp *start)
{
	char text[SHOW_BYTES];
	int minute;

	clock_format(start->seconds * US_PER_SECOND, text, sizeof(text));
	minute = (int)(start->seconds % 86400 / 60);
	/* in UTC it is the 1st already where the clock is behind, and still the last where it is ahead */
	return strncmp(text + strlen("2026-11-"), "01T", 3) == 0 ? -minute : 24 * 60 - minute;
}

const char *show_time(const Google__Protobuf__Timestamp *time, char out[SHOW_BYTES])
{
	int ahead = zone_minutes < 0 ? -zone_minutes : zone_minutes;
	size_t end;

	if (time == NULL) {
		return "-";
	}
	clock_format(time->seconds * US_PER_SECOND + time->nanos / 1000 +
			     zone_minutes * US_PER_MINUTE,
		     out, SHOW_BYTES);
	if (zone_minutes != 0) {
		end = strlen(out) - 1; /* of the Z */
		snprintf(out + end, SHOW_BYTES - end, "%c%02d:%02d", zone_minutes < 0 ? '-' : '+',
			 ahead / 60, ahead % 60);
	}
	return out;
}

static const char *show_enum(const ProtobufCEnumDescriptor *type, int value, char out[SHOW_BYTES])
{
	char word[WORDS_BYTES];

	snprintf(out, SHOW_BYTES, "%s", value == 0 ? "-" : words_from_enum(type, value, ' ', word));
	return out;
}

const char *show_tier(Memberd__V1__Tier tier, char out[SHOW_BYTES])
{
	return show_enum(&memberd__v1__tier__descriptor, (int)tier, out);
}

const char *show_level(Memberd__V1__Level level, char out[SHOW_BYTES])
{
	return show_enum(&memberd__v1__level__descriptor, (int)level, out);
}

void show_ends(const Memberd__V1__TierTransition *row, char from[SHOW_BYTES], char to[SHOW_BYTES])
{
	switch (row->track) {
	case MEMBERD__V1__TRANSITION_TRACK__TRANSITION_TRACK_LEVEL:
		show_level(row->from_level, from);
		show_level(row->to_level, to);
		break;
	case MEMBERD__V1__TRANSITION_TRACK__TRANSITION_TRACK_STATE:
		show_enum(&memberd__v1__member_state__descriptor, (int)row->from_state, from);
		show_enum(&memberd__v1__member_state__descriptor, (int)row->to_state, to);
		break;
	default:
		show_tier(row->from_tier, from);
		show_tier(row->to_tier, to);
	}
}

const char *show_reason(Memberd__V1__BenefitReason reason, char out[SHOW_BYTES])
{
	switch (reason) { /* names that lower case would spoil */
	case MEMBERD__V1__BENEFIT_REASON__BENEFIT_REASON_NEEDS_88VIP:
		return "needs 88VIP";
	case MEMBERD__V1__BENEFIT_REASON__BENEFIT_REASON_NEEDS_APASS:
		return "needs APASS";
	default:
		return show_enum(&memberd__v1__benefit_reason__descriptor, (int)reason, out);
	}
}

const char *show_money(const Memberd__V1__Money *money, char out[SHOW_BYTES])
{
	char amount[AMOUNT_BYTES];

	if (money == NULL) {
		return "-";
	}
	snprintf(out, SHOW_BYTES, "%.8s %s", money->currency,
		 amount_format(money->minor, money->currency, amount));
	return out;
}

static const char *show_percent(const Memberd__V1__Entitlement *entitlement, char out[SHOW_BYTES])
{
	char cap[SHOW_BYTES], percent[AMOUNT_BYTES];

	/* basis points are hundredths of a percent, micro-points millionths of a point */
	amount_points((int64_t)entitlement->percent_bp * 10000, percent);
	if (entitlement->percent_cap == NULL) {
		snprintf(out, SHOW_BYTES, "%s%% off", percent);
	} else {
		snprintf(out, SHOW_BYTES, "%s%% off, at most %.40s", percent,
			 show_money(entitlement->percent_cap, cap));
	}
	return out;
}

const char *show_grant(const Memberd__V1__Entitlement *entitlement, char out[SHOW_BYTES])
{
	switch (entitlement->kind) {
	case MEMBERD__V1__BENEFIT_KIND__BENEFIT_KIND_QUOTA:
		snprintf(out, SHOW_BYTES, "%" PRId32 " a month", entitlement->granted);
		return out;
	case MEMBERD__V1__BENEFIT_KIND__BENEFIT_KIND_LEVEL:
		snprintf(out, SHOW_BYTES, "%.64s", entitlement->level);
		return out;
	case MEMBERD__V1__BENEFIT_KIND__BENEFIT_KIND_PERCENT:
		return show_percent(entitlement, out);
	default:
		return entitlement->name;
	}
}

static void add_way(char out[SHOW_BYTES], const char *way)
{
	size_t used = strlen(out);

	snprintf(out + used, SHOW_BYTES - used, "%s%s", used > 0 ? " or " : "", way);
}

const char *show_unlock(const Memberd__V1__Unlock *unlock, char out[SHOW_BYTES])
{
	char tier[SHOW_BYTES], way[SHOW_BYTES];

	if (unlock == NULL) {
		return "-";
	}
	out[0] = '\0';
	if (unlock->tier != MEMBERD__V1__TIER__TIER_UNSPECIFIED) {
		snprintf(way, sizeof(way), "%.32s at %" PRId64 " (%" PRId64 " more)",
			 show_tier(unlock->tier, tier), unlock->score, unlock->score_missing);
		add_way(out, way);
	}
	if (unlock->vip) {
		add_way(out, "88VIP");
	}
	if (unlock->apass) {
		add_way(out, "APASS");
	}
	if (unlock->reinstatement) {
		add_way(out, "being reinstated");
	}
	return out[0] != '\0' ? out : "-";
}

void show_info(const char *member_id, const Memberd__V1__AnswerInfo *info, FILE *out)
{
	char until[SHOW_BYTES];

	if (info == NULL) {
		return;
	}
	fprintf(out, "member %s, revision %" PRId64 ", policy %" PRId64, member_id, info->revision,
		info->policy_version);
	if (info->valid_until != NULL) {
		fprintf(out, ", holds until %s", show_time(info->valid_until, until));
	}
	fputc('\n', out);
}
