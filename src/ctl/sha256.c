/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

bool sha256_start(struct sha256 *sha)
{
	sha->context = EVP_MD_CTX_new();
	if (sha->context == NULL || EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL) != 1) {
		sha256_fini(sha);
		return false;
	}
	return true;
}

void sha256_update(struct sha256 *sha, const void *bytes, size_t len)
{
	if (sha->context != NULL && EVP_DigestUpdate(sha->context, bytes, len) != 1) {
		sha256_fini(sha);
	}
}

bool sha256_finish(struct sha256 *sha, unsigned char out[SHA256_BYTES])
{
	bool good = sha->context != NULL && EVP_DigestFinal_ex(sha->context, out, NULL) == 1;

	if (!good) {
		memset(out, 0, SHA256_BYTES);
	}
	sha256_fini(sha);
	return good;
}

void sha256_fini(struct sha256 *sha)
{
	EVP_MD_CTX_free(sha->context);
	sha->context = NULL;
}

static void put_hex(const unsigned char *bytes, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	}
}

bool sha256_finish_hex(struct sha256 *sha, char out[SHA256_HEX_BYTES])
{
	unsigned char digest[SHA256_BYTES];
	bool good = sha256_finish(sha, digest);

	put_hex(digest, sizeof(digest), out);
	return good;
}

bool sha256_uuid(const struct str *parts, size_t n, char out[UUID_BYTES])
{
	unsigned char digest[SHA256_BYTES];
	char hex[SHA256_HEX_BYTES];
	struct sha256 sha = {0};
	bool good;

	sha256_start(&sha);
	for (size_t i = 0; i < n; i++) {
		char length[24];

		snprintf(length, sizeof(length), "%zu:", parts[i].len);
		sha256_update(&sha, length, strlen(length));
		sha256_update(&sha, parts[i].ptr, parts[i].len);
	}
	good = sha256_finish(&sha, digest);
	digest[6] = (unsigned char)((digest[6] & 0x0f) | 0x80);
	digest[8] = (unsigned char)((digest[8] & 0x3f) | 0x80);
	put_hex(digest, 16, hex);
	snprintf(out, UUID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
		 hex + 20);
	return good;
}
