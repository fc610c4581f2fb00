/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal: what keeps personal data unreadable in the store.
 *
 * One master key of 32 bytes, in a file of its own, from which everything else is derived:
 *
 *     master ──▶ look-up key   HMAC-SHA-256 over (issuer, external id): how an identity is found
 *            ├─▶ digest key    HMAC-SHA-256 over requests and page tokens
 *            └─▶ wrapping key  AES-256-GCM around the key of each member
 *                                └─▶ member key: AES-256-GCM around profile and identities
 *
 * The wrapped member key stands at the head of the sealed profile and nowhere else, so erasing this
 * one blob makes everything of the member unreadable. Every ciphertext is bound to its member and
 * its purpose by additional data: a blob that was moved to another row does not open.
 *
 * Threads:  a seal is read-only once made; all calls may come from any thread.
 * Failure:  MB_INTERNAL with a story when bytes do not open: they were changed, or belong to another
 *           member or key.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_BYTES	  32
#define SEAL_DIGEST_BYTES 32

struct seal;

/* Reads the key file: 64 hexadecimal digits and a newline, not open to group or others.
 * MB_FIELD_INVALID with the path and what to do. */
enum mb_code seal_read(const char *path, struct seal **out, struct mb_err *err);
/* Makes the file with a fresh key, mode 0600, durable before this returns; it must not exist.
 * A kill on the way leaves the whole file or none. */
enum mb_code seal_make(const char *path, struct seal **out, struct mb_err *err);
/* A key that lives as long as the process, for a volatile store. */
enum mb_code seal_make_volatile(struct seal **out, struct mb_err *err);
void seal_destroy(struct seal *seal); /* wipes the keys */

/* Tells whether a store was sealed with this key, without helping to find the key. */
enum mb_code seal_key_check(const struct seal *seal, unsigned char out[SEAL_DIGEST_BYTES],
			    struct mb_err *err);
/* The key by which an identity is stored and found. */
enum mb_code seal_lookup_key(const struct seal *seal, struct str issuer, struct str external_id,
			     unsigned char out[SEAL_DIGEST_BYTES], struct mb_err *err);
/* Over the parts, each framed by its length. */
enum mb_code seal_digest(const struct seal *seal, const struct str *parts, size_t n,
			 unsigned char out[SEAL_DIGEST_BYTES], struct mb_err *err);

/* The key of one member, in the clear; wipe it with seal_forget(). */
struct seal_member {
	int64_t member_id;
	unsigned char key[SEAL_KEY_BYTES];
};

enum seal_purpose { SEAL_PROFILE = 1, SEAL_IDENTITY = 2 };

enum mb_code seal_member_make(int64_t member_id, struct seal_member *out, struct mb_err *err);
/* From the head of the member's sealed profile. */
enum mb_code seal_member_open(const struct seal *seal, int64_t member_id, struct str sealed_profile,
			      struct seal_member *out, struct mb_err *err);
void seal_forget(struct seal_member *member);

/* A versioned blob in the arena. SEAL_PROFILE puts the wrapped key before it. */
enum mb_code seal_close(const struct seal *seal, const struct seal_member *member,
			enum seal_purpose purpose, struct str plain, struct arena *arena,
			struct str *out, struct mb_err *err);
enum mb_code seal_unseal(const struct seal_member *member, enum seal_purpose purpose,
			 struct str sealed, struct arena *arena, struct str *out,
			 struct mb_err *err);

/* From the system's generator. */
enum mb_code seal_random(void *out, size_t size, struct mb_err *err);
enum mb_code seal_sha256(struct str bytes, unsigned char out[SEAL_DIGEST_BYTES],
			 struct mb_err *err);
