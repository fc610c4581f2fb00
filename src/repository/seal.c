/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal: see the header. Forms of the blobs, all integers big-endian:
 *
 *     box       nonce 12 | ciphertext | tag 16
 *     profile   1 | box(member key) under the wrapping key | box(plain) under the member key
 *     identity  1 | box(plain) under the member key
 *
 * Additional data of a box: "memberd", purpose (0: a wrapped key), member id in 8 bytes.
 */
#include "repository/seal.h"

#include "base/fault.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOB_VERSION 1
#define NONCE_BYTES  12
#define TAG_BYTES    16
#define BOX_EXTRA    (NONCE_BYTES + TAG_BYTES)
#define WRAPPED	     (SEAL_KEY_BYTES + BOX_EXTRA)
#define AAD_BYTES    16
#define HEX_BYTES    ((size_t)SEAL_KEY_BYTES * 2)
#define PURPOSE_WRAP 0

struct seal {
	EVP_MAC *mac; /* looked up once: fetching it costs more than using it */
	unsigned char lookup[SEAL_KEY_BYTES];
	unsigned char digest[SEAL_KEY_BYTES];
	unsigned char wrap[SEAL_KEY_BYTES];
	unsigned char check[SEAL_KEY_BYTES];
};

static void put_u64(unsigned char out[8], uint64_t value)
{
	for (int b = 0; b < 8; b++) {
		out[b] = (unsigned char)(value >> (56 - 8 * b));
	}
}

enum mb_code seal_random(void *out, size_t size, struct mb_err *err)
{
	if (FAULT("repository.random") || RAND_bytes(out, (int)size) != 1) {
		return mb_fail(err, MB_INTERNAL, "no random bytes from the system");
	}
	return MB_OK;
}

enum mb_code seal_sha256(struct str bytes, unsigned char out[SEAL_DIGEST_BYTES], struct mb_err *err)
{
	if (EVP_Digest(bytes.len > 0 ? bytes.ptr : "", bytes.len, out, NULL, EVP_sha256(), NULL) !=
	    1) {
		return mb_fail(err, MB_INTERNAL, "libcrypto has no SHA-256");
	}
	return MB_OK;
}

/* HMAC-SHA-256 over parts, each behind its length, so that no two lists of parts are alike. */
static enum mb_code frame_mac(EVP_MAC *mac, const unsigned char key[SEAL_KEY_BYTES],
			      const struct str *parts, size_t n,
			      unsigned char out[SEAL_DIGEST_BYTES], struct mb_err *err)
{
	EVP_MAC_CTX *ctx = FAULT("repository.mac") ? NULL : EVP_MAC_CTX_new(mac);
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", sha256, 0),
			       OSSL_PARAM_construct_end()};
	size_t size = 0;
	bool ok = ctx != NULL && EVP_MAC_init(ctx, key, SEAL_KEY_BYTES, params) == 1;

	for (size_t i = 0; ok && i < n; i++) {
		unsigned char length[8];

		put_u64(length, (uint64_t)parts[i].len);
		ok = EVP_MAC_update(ctx, length, sizeof(length)) == 1 &&
		     (parts[i].len == 0 ||
		      EVP_MAC_update(ctx, (const unsigned char *)parts[i].ptr, parts[i].len) == 1);
	}
	ok = ok && EVP_MAC_final(ctx, out, &size, SEAL_DIGEST_BYTES) == 1 &&
	     size == SEAL_DIGEST_BYTES;
	EVP_MAC_CTX_free(ctx);
	return ok ? MB_OK : mb_fail(err, MB_INTERNAL, "libcrypto has no HMAC-SHA-256");
}

static enum mb_code derive_keys(struct seal *seal, const unsigned char master[SEAL_KEY_BYTES],
				struct mb_err *err)
{
	const struct {
		struct str name;
		unsigned char *key;
	} keys[] = {{STR("memberd look-up 1"), seal->lookup},
		    {STR("memberd digest 1"), seal->digest},
		    {STR("memberd wrap 1"), seal->wrap},
		    {STR("memberd check 1"), seal->check}};
	enum mb_code code = MB_OK;

	for (size_t i = 0; code == MB_OK && i < sizeof(keys) / sizeof(keys[0]); i++) {
		code = frame_mac(seal->mac, master, &keys[i].name, 1, keys[i].key, err);
	}
	return code;
}

/* Wipes master. */
static enum mb_code make_seal(unsigned char master[SEAL_KEY_BYTES], struct seal **out,
			      struct mb_err *err)
{
	struct seal *seal = calloc(1, sizeof(*seal));
	enum mb_code code;

	if (seal != NULL) {
		seal->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	}
	if (seal == NULL || seal->mac == NULL) {
		code = mb_fail(err, MB_OVERLOADED, "no memory for the keys");
	} else {
		code = derive_keys(seal, master, err);
	}
	OPENSSL_cleanse(master, SEAL_KEY_BYTES);
	if (code != MB_OK) {
		seal_destroy(seal);
		return code;
	}
	*out = seal;
	return MB_OK;
}

void seal_destroy(struct seal *seal)
{
	if (seal != NULL) {
		EVP_MAC_free(seal->mac);
		OPENSSL_cleanse(seal, sizeof(*seal));
		free(seal);
	}
}

/* ---- the key file ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(const char *text, unsigned char out[SEAL_KEY_BYTES])
{
	for (size_t i = 0; i < SEAL_KEY_BYTES; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			return false;
		}
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static enum mb_code read_key(int fd, const char *path, unsigned char master[SEAL_KEY_BYTES],
			     struct mb_err *err)
{
	char text[HEX_BYTES + 2];
	struct stat st;
	ssize_t n;
	bool good;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		return mb_fail(err, MB_FIELD_INVALID, "key file '%.160s' is no regular file", path);
	}
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "key file '%.160s' is open to others: chmod 600 it", path);
	}
	n = read(fd, text, sizeof(text));
	good = (n == (ssize_t)HEX_BYTES ||
		(n == (ssize_t)HEX_BYTES + 1 && text[HEX_BYTES] == '\n')) &&
	       parse_hex(text, master);
	OPENSSL_cleanse(text, sizeof(text));
	return good ? MB_OK
		    : mb_fail(err, MB_FIELD_INVALID,
			      "key file '%.160s' does not hold 64 hexadecimal digits", path);
}

enum mb_code seal_read(const char *path, struct seal **out, struct mb_err *err)
{
	unsigned char master[SEAL_KEY_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum mb_code code;

	if (fd < 0) {
		return mb_fail(err, MB_FIELD_INVALID, "key file '%.160s': %s", path,
			       strerror(errno));
	}
	code = read_key(fd, path, master, err);
	close(fd);
	return code == MB_OK ? make_seal(master, out, err) : code;
}

/* The new name is durable only once its directory is. */
static bool sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL   ? strdup(".")
		    : slash == path ? strdup("/")
				    : strndup(path, (size_t)(slash - path));
	int fd = dir == NULL ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0) {
		close(fd);
	}
	free(dir);
	return ok;
}

static bool write_key(int fd, const unsigned char master[SEAL_KEY_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char text[HEX_BYTES + 1];
	bool ok;

	for (size_t i = 0; i < SEAL_KEY_BYTES; i++) {
		text[2 * i] = digits[master[i] >> 4];
		text[2 * i + 1] = digits[master[i] & 15];
	}
	text[HEX_BYTES] = '\n';
	ok = !FAULT("repository.key.write") &&
	     write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) && fsync(fd) == 0;
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

/* A new file of that name with the key in it; whoever fails leaves none behind. */
static enum mb_code make_file(const char *name, const unsigned char master[SEAL_KEY_BYTES],
			      struct mb_err *err)
{
	int fd;
	bool written;

	unlink(name); /* of a start that was killed */
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0) {
		return mb_fail(err, MB_FIELD_INVALID, "key file '%.160s' cannot be made: %s", name,
			       strerror(errno));
	}
	written = write_key(fd, master);
	close(fd);
	if (!written) {
		mb_fail(err, MB_STORE_UNAVAILABLE, "key file '%.160s' cannot be written: %s", name,
			strerror(errno));
		unlink(name);
		return MB_STORE_UNAVAILABLE;
	}
	return MB_OK;
}

/* Written beside its place and linked into it: a kill leaves a whole file or none, as half of one
 * would be refused for ever, and a file that is there is not written over. */
static enum mb_code place_key(const char *path, const unsigned char master[SEAL_KEY_BYTES],
			      struct mb_err *err)
{
	struct strbuf beside = {0};
	enum mb_code code;

	strbuf_printf(&beside, "%s.new", path);
	if (beside.failed) {
		code = mb_fail(err, MB_OVERLOADED, "out of memory");
		goto out;
	}
	code = make_file(beside.ptr, master, err);
	if (code != MB_OK) {
		goto out;
	}
	if (link(beside.ptr, path) != 0) {
		code = mb_fail(err, MB_FIELD_INVALID, "key file '%.160s' cannot be made: %s", path,
			       strerror(errno));
	} else if (FAULT("repository.key.sync") || !sync_directory_of(path)) {
		code = mb_fail(err, MB_STORE_UNAVAILABLE, "the folder of '%.160s': %s", path,
			       strerror(errno));
		unlink(path);
	}
	unlink(beside.ptr);
out:
	strbuf_fini(&beside);
	return code;
}

enum mb_code seal_make(const char *path, struct seal **out, struct mb_err *err)
{
	unsigned char master[SEAL_KEY_BYTES];
	enum mb_code code = seal_random(master, sizeof(master), err);

	if (code == MB_OK) {
		code = place_key(path, master, err);
	}
	if (code != MB_OK) {
		OPENSSL_cleanse(master, sizeof(master));
		return code;
	}
	return make_seal(master, out, err);
}

enum mb_code seal_make_volatile(struct seal **out, struct mb_err *err)
{
	unsigned char master[SEAL_KEY_BYTES];
	enum mb_code code = seal_random(master, sizeof(master), err);

	return code == MB_OK ? make_seal(master, out, err) : code;
}

/* ---- keyed hashes ---- */

enum mb_code seal_key_check(const struct seal *seal, unsigned char out[SEAL_DIGEST_BYTES],
			    struct mb_err *err)
{
	return frame_mac(seal->mac, seal->check, NULL, 0, out, err);
}

enum mb_code seal_lookup_key(const struct seal *seal, struct str issuer, struct str external_id,
			     unsigned char out[SEAL_DIGEST_BYTES], struct mb_err *err)
{
	const struct str parts[] = {issuer, external_id};

	return frame_mac(seal->mac, seal->lookup, parts, 2, out, err);
}

enum mb_code seal_digest(const struct seal *seal, const struct str *parts, size_t n,
			 unsigned char out[SEAL_DIGEST_BYTES], struct mb_err *err)
{
	return frame_mac(seal->mac, seal->digest, parts, n, out, err);
}

/* ---- boxes ---- */

static void make_aad(int64_t member_id, int purpose, unsigned char out[AAD_BYTES])
{
	memcpy(out, "memberd", 7);
	out[7] = (unsigned char)purpose;
	put_u64(out + 8, (uint64_t)member_id);
}

/* Writes plain.len + BOX_EXTRA bytes. */
static enum mb_code close_box(const unsigned char key[SEAL_KEY_BYTES], int64_t member_id,
			      int purpose, struct str plain, unsigned char *out, struct mb_err *err)
{
	unsigned char aad[AAD_BYTES], *cipher = out + NONCE_BYTES;
	EVP_CIPHER_CTX *ctx;
	int n = 0, last = 0;
	bool ok;

	if (seal_random(out, NONCE_BYTES, err) != MB_OK) {
		return MB_INTERNAL;
	}
	make_aad(member_id, purpose, aad);
	ctx = FAULT("repository.seal") ? NULL : EVP_CIPHER_CTX_new();
	ok = ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, out) == 1 &&
	     EVP_EncryptUpdate(ctx, NULL, &n, aad, sizeof(aad)) == 1;
	n = 0;
	ok = ok &&
	     (plain.len == 0 || EVP_EncryptUpdate(ctx, cipher, &n, (const unsigned char *)plain.ptr,
						  (int)plain.len) == 1) &&
	     EVP_EncryptFinal_ex(ctx, cipher + n, &last) == 1 && (size_t)(n + last) == plain.len &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, cipher + plain.len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? MB_OK : mb_fail(err, MB_INTERNAL, "libcrypto does not seal");
}

/* Writes box.len - BOX_EXTRA bytes. */
static enum mb_code open_box(const unsigned char key[SEAL_KEY_BYTES], int64_t member_id,
			     int purpose, struct str box, unsigned char *out, struct mb_err *err)
{
	const unsigned char *bytes = (const unsigned char *)box.ptr;
	size_t size = box.len - BOX_EXTRA;
	unsigned char aad[AAD_BYTES], tag[TAG_BYTES];
	EVP_CIPHER_CTX *ctx;
	int n = 0, last = 0;
	bool ok;

	if (box.len < BOX_EXTRA || box.len > INT32_MAX) {
		return mb_fail(err, MB_INTERNAL, "sealed bytes of a member are cut short");
	}
	make_aad(member_id, purpose, aad);
	memcpy(tag, bytes + NONCE_BYTES + size, TAG_BYTES);
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, bytes) == 1 &&
	     EVP_DecryptUpdate(ctx, NULL, &n, aad, sizeof(aad)) == 1;
	n = 0;
	ok = ok &&
	     (size == 0 || EVP_DecryptUpdate(ctx, out, &n, bytes + NONCE_BYTES, (int)size) == 1) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
	     EVP_DecryptFinal_ex(ctx, out + n, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? MB_OK
		  : mb_fail(err, MB_INTERNAL, "sealed bytes of a member do not open with the key");
}

/* ---- members ---- */

enum mb_code seal_member_make(int64_t member_id, struct seal_member *out, struct mb_err *err)
{
	out->member_id = member_id;
	return seal_random(out->key, sizeof(out->key), err);
}

void seal_forget(struct seal_member *member)
{
	OPENSSL_cleanse(member, sizeof(*member));
}

static bool has_version(struct str sealed, size_t head)
{
	return sealed.len >= 1 + head && (unsigned char)sealed.ptr[0] == BLOB_VERSION;
}

enum mb_code seal_member_open(const struct seal *seal, int64_t member_id, struct str sealed_profile,
			      struct seal_member *out, struct mb_err *err)
{
	out->member_id = member_id;
	if (!has_version(sealed_profile, WRAPPED)) {
		return mb_fail(err, MB_INTERNAL, "a member's sealed profile has an unknown form");
	}
	return open_box(seal->wrap, member_id, PURPOSE_WRAP,
			(struct str){sealed_profile.ptr + 1, WRAPPED}, out->key, err);
}

enum mb_code seal_close(const struct seal *seal, const struct seal_member *member,
			enum seal_purpose purpose, struct str plain, struct arena *arena,
			struct str *out, struct mb_err *err)
{
	size_t head = purpose == SEAL_PROFILE ? 1 + WRAPPED : 1;
	size_t size = head + plain.len + BOX_EXTRA;
	unsigned char *blob = arena_alloc(arena, size);
	enum mb_code code = MB_OK;

	if (blob == NULL) {
		return arena_fail(arena, err);
	}
	blob[0] = BLOB_VERSION;
	if (purpose == SEAL_PROFILE) {
		code = close_box(seal->wrap, member->member_id, PURPOSE_WRAP,
				 (struct str){(const char *)member->key, SEAL_KEY_BYTES}, blob + 1,
				 err);
	}
	if (code == MB_OK) {
		code = close_box(member->key, member->member_id, (int)purpose, plain, blob + head,
				 err);
	}
	if (code == MB_OK) {
		*out = (struct str){(const char *)blob, size};
	}
	return code;
}

enum mb_code seal_unseal(const struct seal_member *member, enum seal_purpose purpose,
			 struct str sealed, struct arena *arena, struct str *out,
			 struct mb_err *err)
{
	size_t head = purpose == SEAL_PROFILE ? WRAPPED : 0;
	struct str box;
	unsigned char *plain;
	enum mb_code code;

	if (!has_version(sealed, head + BOX_EXTRA)) {
		return mb_fail(err, MB_INTERNAL, "sealed bytes of a member have an unknown form");
	}
	box = (struct str){sealed.ptr + 1 + head, sealed.len - 1 - head};
	plain = arena_alloc(arena, box.len - BOX_EXTRA);
	if (plain == NULL) {
		return arena_fail(arena, err);
	}
	code = open_box(member->key, member->member_id, (int)purpose, box, plain, err);
	if (code == MB_OK) {
		*out = (struct str){(const char *)plain, box.len - BOX_EXTRA};
	}
	return code;
}
