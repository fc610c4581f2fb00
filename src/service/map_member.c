/* SPDX-License-Identifier: Apache-2.0 */
#include "service/map.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES     128
#define REGION_BYTES   8
#define LANGUAGE_BYTES 35

/* While a mask is read, beside enum profile_field. */
#define BIRTHDAY_MONTH 256u
#define BIRTHDAY_DAY   512u

/* Letters and digits, and `more` between them: the form of region codes and language tags. */
static bool is_tag(struct str text, size_t max, char more)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c == more && i > 0 && i + 1 < text.len))) {
			return false;
		}
	}
	return text.len <= max;
}

static enum mb_code check_birthday(int32_t month, int32_t day, struct mb_err *err)
{
	static const int32_t days[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month < 0 || month > 12) {
		return mb_fail_field(err, MB_FIELD_INVALID, "birthday_month",
				     "must be 1 to 12, or 0 when not told");
	}
	if (day < 0 || day > days[month] || (month > 0 && day == 0)) {
		return mb_fail_field(err, MB_FIELD_INVALID, "birthday_day",
				     "is no day of this month (0 and 0 when not told)");
	}
	return MB_OK;
}

enum mb_code from_profile(const Memberd__V1__Profile *message, struct profile *out,
			  struct mb_err *err)
{
	*out = (struct profile){0};
	if (message == NULL) {
		return MB_OK;
	}
	out->display_name = str_from(message->display_name);
	out->region = str_from(message->region);
	out->language = str_from(message->language);
	out->birthday_month = message->birthday_month;
	out->birthday_day = message->birthday_day;
	out->verified = message->verified;
	if (out->display_name.len > NAME_BYTES) {
		return mb_fail_field(err, MB_FIELD_INVALID, "display_name",
				     "must be at most %d bytes, not %zu", NAME_BYTES,
				     out->display_name.len);
	}
	if (!is_tag(out->region, REGION_BYTES, '\0')) {
		return mb_fail_field(err, MB_FIELD_INVALID, "region",
				     "must be at most %d letters and digits", REGION_BYTES);
	}
	if (!is_tag(out->language, LANGUAGE_BYTES, '-')) {
		return mb_fail_field(err, MB_FIELD_INVALID, "language",
				     "must be a tag of at most %d letters, digits and -",
				     LANGUAGE_BYTES);
	}
	return check_birthday(out->birthday_month, out->birthday_day, err);
}

/* 0: there is no such field. */
static unsigned field_of_path(const char *path)
{
	static const struct {
		const char *path;
		unsigned field;
	} paths[] = {
		{"display_name", PROFILE_NAME},
		{"birthday_month", BIRTHDAY_MONTH},
		{"birthday_day", BIRTHDAY_DAY},
		{"region", PROFILE_REGION},
		{"language", PROFILE_LANGUAGE},
		{"verified", PROFILE_VERIFIED},
		{"*", PROFILE_ALL | BIRTHDAY_MONTH | BIRTHDAY_DAY},
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strcmp(paths[i].path, path) == 0) {
			return paths[i].field;
		}
	}
	return 0;
}

static unsigned fields_set(const struct profile *profile)
{
	return (profile->display_name.len > 0 ? PROFILE_NAME : 0) |
	       (profile->birthday_month != 0 ? PROFILE_BIRTHDAY : 0) |
	       (profile->region.len > 0 ? PROFILE_REGION : 0) |
	       (profile->language.len > 0 ? PROFILE_LANGUAGE : 0) |
	       (profile->verified ? PROFILE_VERIFIED : 0);
}

/* A birthday changes as a whole, so that no mask can make a 30 February of two halves. */
static enum mb_code whole_birthday(unsigned *fields, struct mb_err *err)
{
	unsigned halves = *fields & (BIRTHDAY_MONTH | BIRTHDAY_DAY);

	if (halves == BIRTHDAY_MONTH || halves == BIRTHDAY_DAY) {
		return mb_fail_field(err, MB_FIELD_INVALID, "update_mask",
				     "names one of birthday_month and birthday_day: name both");
	}
	*fields = (*fields & PROFILE_ALL) | (halves != 0 ? PROFILE_BIRTHDAY : 0);
	return MB_OK;
}

enum mb_code from_profile_mask(const Google__Protobuf__FieldMask *mask,
			       const struct profile *profile, unsigned *fields, struct mb_err *err)
{
	*fields = 0;
	if (mask == NULL || mask->n_paths == 0) {
		*fields = fields_set(profile);
		return *fields != 0 ? MB_OK
				    : mb_fail_field(err, MB_FIELD_INVALID, "update_mask",
						    "names no field, and none is set in profile");
	}
	for (size_t i = 0; i < mask->n_paths; i++) {
		unsigned field = field_of_path(mask->paths[i]);

		if (field == 0 || (mask->n_paths > 1 && mask->paths[i][0] == '*')) {
			mb_fail_field(err, MB_FIELD_INVALID, "update_mask",
				      "'%.32s' is no field of the profile, or not alone",
				      mask->paths[i]);
			snprintf(err->field, sizeof(err->field), "update_mask.paths[%zu]", i);
			return MB_FIELD_INVALID;
		}
		*fields |= field;
	}
	return whole_birthday(fields, err);
}

static Memberd__V1__Standing *to_standing(struct arena *arena, const struct standing *standing)
{
	Memberd__V1__Standing *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__standing__init(message);
		message->tier = (Memberd__V1__Tier)standing->shown;
		message->natural_tier = (Memberd__V1__Tier)standing->tier;
		message->shown_until = to_time(arena, standing->shown_until);
		message->credibility_bp = standing->credibility;
		message->level = (Memberd__V1__Level)standing->level;
		message->score = standing->score.points;
		message->at_risk = standing->at_risk;
		message->below_keep = standing->below_keep;
		message->protected_until = to_time(arena, standing->protected_until);
	}
	return message;
}

static Memberd__V1__Profile *to_profile(struct arena *arena, const struct profile *profile)
{
	Memberd__V1__Profile *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__profile__init(message);
		message->display_name = to_text(arena, profile->display_name);
		message->region = to_text(arena, profile->region);
		message->language = to_text(arena, profile->language);
		message->birthday_month = profile->birthday_month;
		message->birthday_day = profile->birthday_day;
		message->verified = profile->verified;
	}
	return message;
}

static Memberd__V1__Identity *to_identity(struct arena *arena, const struct identity *identity)
{
	Memberd__V1__Identity *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__identity__init(message);
		message->issuer = to_text(arena, identity->issuer);
		message->external_id = to_text(arena, identity->external_id);
	}
	return message;
}

Memberd__V1__Member *to_member(struct arena *arena, const struct member *member, bool personal)
{
	Memberd__V1__Member *message = arena_alloc(arena, sizeof(*message));

	if (message == NULL) {
		return NULL;
	}
	memberd__v1__member__init(message);
	message->member_id = to_id(arena, member->member_id);
	message->state = (Memberd__V1__MemberState)member->state;
	message->created_at = to_time(arena, member->created_at);
	message->standing = to_standing(arena, &member->standing);
	message->etag = to_text(arena, member->etag);
	if (!personal) {
		return message;
	}
	message->profile = to_profile(arena, &member->profile);
	message->identities =
		arena_array(arena, member->n_identities, sizeof(*message->identities));
	if (message->identities != NULL) {
		message->n_identities = member->n_identities;
		for (size_t i = 0; i < member->n_identities; i++) {
			message->identities[i] = to_identity(arena, &member->identities[i]);
		}
	}
	return message;
}
