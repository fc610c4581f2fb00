/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256: digests of files and of activities, and ids made from them (libcrypto does the work).
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define SHA256_BYTES	 32
#define SHA256_HEX_BYTES 65 /* with the NUL */
#define UUID_BYTES	 37 /* with the NUL */

/* Zero-initialise, start, update, finish; fini frees what was not finished. */
struct sha256 {
	void *context;
};

/* False when libcrypto has no memory (or no SHA-256) left; then the others do nothing. */
bool sha256_start(struct sha256 *sha);
void sha256_update(struct sha256 *sha, const void *bytes, size_t len);
/* False, and zeros, when anything went wrong since start. */
bool sha256_finish(struct sha256 *sha, unsigned char out[SHA256_BYTES]);
bool sha256_finish_hex(struct sha256 *sha, char out[SHA256_HEX_BYTES]);
void sha256_fini(struct sha256 *sha);

/* A UUID of version 8 (RFC 9562) that depends on the parts and on where each one ends. */
bool sha256_uuid(const struct str *parts, size_t n, char out[UUID_BYTES]);
