/* SPDX-License-Identifier: Apache-2.0 */
/*
 * personal: the plain forms of personal data before they are sealed. Version, then the fields in
 * this order: texts as length (2 bytes, big-endian) and bytes, numbers as one byte.
 *
 *     profile   1 | display name | region | language | month | day | verified
 *     identity  1 | issuer | external id
 */
#include "repository/inner.h"

#include <string.h>

#define PLAIN_VERSION 1

static unsigned char *put_text(unsigned char *at, struct str text)
{
	*at++ = (unsigned char)(text.len >> 8);
	*at++ = (unsigned char)text.len;
	if (text.len > 0) {
		memcpy(at, text.ptr, text.len);
	}
	return at + text.len;
}

/* False when the bytes end before the text does. */
static bool take_text(struct str *rest, struct str *out)
{
	size_t len;

	if (rest->len < 2) {
		return false;
	}
	len = (size_t)(unsigned char)rest->ptr[0] << 8 | (unsigned char)rest->ptr[1];
	if (rest->len - 2 < len) {
		return false;
	}
	*out = (struct str){rest->ptr + 2, len};
	*rest = (struct str){rest->ptr + 2 + len, rest->len - 2 - len};
	return true;
}

static bool take_version(struct str *rest)
{
	if (rest->len < 1 || rest->ptr[0] != PLAIN_VERSION) {
		return false;
	}
	*rest = (struct str){rest->ptr + 1, rest->len - 1};
	return true;
}

static enum mb_code take_room(struct arena *arena, const struct str *texts, size_t n, size_t more,
			      unsigned char **out, struct mb_err *err)
{
	size_t size = 1 + more;

	for (size_t i = 0; i < n; i++) {
		if (texts[i].len > UINT16_MAX) {
			return mb_fail(err, MB_INTERNAL, "a personal field is too long to keep");
		}
		size += 2 + texts[i].len;
	}
	*out = arena_alloc(arena, size);
	return *out != NULL ? MB_OK : arena_fail(arena, err);
}

enum mb_code encode_profile(const struct profile *profile, struct arena *arena, struct str *out,
			    struct mb_err *err)
{
	const struct str texts[] = {profile->display_name, profile->region, profile->language};
	unsigned char *bytes, *at;
	enum mb_code code = take_room(arena, texts, 3, 3, &bytes, err);

	if (code != MB_OK) {
		return code;
	}
	at = bytes;
	*at++ = PLAIN_VERSION;
	for (size_t i = 0; i < 3; i++) {
		at = put_text(at, texts[i]);
	}
	*at++ = (unsigned char)profile->birthday_month;
	*at++ = (unsigned char)profile->birthday_day;
	*at++ = profile->verified;
	*out = (struct str){(const char *)bytes, (size_t)(at - bytes)};
	return MB_OK;
}

enum mb_code decode_profile(struct str bytes, struct profile *out, struct mb_err *err)
{
	struct profile profile;

	if (!take_version(&bytes) || !take_text(&bytes, &profile.display_name) ||
	    !take_text(&bytes, &profile.region) || !take_text(&bytes, &profile.language) ||
	    bytes.len != 3) {
		return mb_fail(err, MB_INTERNAL, "a stored profile has an unknown form");
	}
	profile.birthday_month = (unsigned char)bytes.ptr[0];
	profile.birthday_day = (unsigned char)bytes.ptr[1];
	profile.verified = bytes.ptr[2] != 0;
	*out = profile;
	return MB_OK;
}

enum mb_code encode_identity(const struct identity *identity, struct arena *arena, struct str *out,
			     struct mb_err *err)
{
	const struct str texts[] = {identity->issuer, identity->external_id};
	unsigned char *bytes, *at;
	enum mb_code code = take_room(arena, texts, 2, 0, &bytes, err);

	if (code != MB_OK) {
		return code;
	}
	bytes[0] = PLAIN_VERSION;
	at = put_text(put_text(bytes + 1, texts[0]), texts[1]);
	*out = (struct str){(const char *)bytes, (size_t)(at - bytes)};
	return MB_OK;
}

enum mb_code decode_identity(struct str bytes, struct identity *out, struct mb_err *err)
{
	struct identity identity;

	if (!take_version(&bytes) || !take_text(&bytes, &identity.issuer) ||
	    !take_text(&bytes, &identity.external_id) || bytes.len != 0) {
		return mb_fail(err, MB_INTERNAL, "a stored identity has an unknown form");
	}
	*out = identity;
	return MB_OK;
}
