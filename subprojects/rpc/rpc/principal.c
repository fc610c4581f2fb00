/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/principal.h"

#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGEST_SIZE 32
#define HASH_PREFIX "sha256:"
#define FILE_MOST   ((size_t)1 << 20)
#define TOKEN_MOST  4096

struct token {
	struct rpc_principal principal; /* points into the set's text */
	unsigned char digest[DIGEST_SIZE];
};

/* One loaded file. Never changed once it is in force, and kept until the end: a call may still hold
 * one of its principals. */
struct token_set {
	struct token_set *older;
	char *text;
	size_t size; /* of text */
	size_t count, room;
	struct token *tokens;
};

struct rpc_tokens {
	_Atomic(struct token_set *) current; /* NULL before the first load */
};

bool rpc_role_may(const struct rpc_grant *grants, struct str role, const char *permission)
{
	if (strcmp(permission, PERMISSION_PUBLIC) == 0) {
		return true;
	}
	for (const struct rpc_grant *grant = grants; grant->role != NULL; grant++) {
		if (str_eq(str_from(grant->role), role) &&
		    (strcmp(grant->permission, "*") == 0 ||
		     strcmp(grant->permission, permission) == 0)) {
			return true;
		}
	}
	return false;
}

static bool role_has_row(const struct rpc_grant *grants, struct str role, const char *permission)
{
	for (const struct rpc_grant *grant = grants; grant->role != NULL; grant++) {
		if (str_eq(str_from(grant->role), role) &&
		    strcmp(grant->permission, permission) == 0) {
			return true;
		}
	}
	return false;
}

static bool role_is_known(const struct rpc_grant *grants, struct str role)
{
	for (const struct rpc_grant *grant = grants; grant->role != NULL; grant++) {
		if (str_eq(str_from(grant->role), role)) {
			return true;
		}
	}
	return false;
}

static void destroy_set(struct token_set *set)
{
	if (set != NULL) {
		free(set->tokens);
		free(set->text);
		free(set);
	}
}

struct rpc_tokens *rpc_tokens_create(void)
{
	struct rpc_tokens *tokens = FAULT("rpc.tokens.create") ? NULL : malloc(sizeof(*tokens));

	if (tokens != NULL) {
		atomic_init(&tokens->current, NULL);
	}
	return tokens;
}

void rpc_tokens_destroy(struct rpc_tokens *tokens)
{
	struct token_set *set, *older;

	if (tokens == NULL) {
		return;
	}
	for (set = atomic_load(&tokens->current); set != NULL; set = older) {
		older = set->older;
		destroy_set(set);
	}
	free(tokens);
}

static enum mb_code check_file(int fd, const char *path, struct mb_err *err)
{
	struct stat info;

	if (fstat(fd, &info) != 0) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: %s", path, strerror(errno));
	}
	if (!S_ISREG(info.st_mode)) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: not a regular file", path);
	}
	if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "%s: open to group or others (mode %03o): chmod 600 it", path,
			       (unsigned)info.st_mode & 0777);
	}
	if (info.st_size > (off_t)FILE_MOST) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: larger than 1 MiB", path);
	}
	return MB_OK;
}

/* Until the end of the file or FILE_MOST bytes, whatever its size was said to be. */
static enum mb_code read_all(int fd, const char *path, struct token_set *set, struct mb_err *err)
{
	ssize_t got;

	set->text = FAULT("rpc.tokens.memory") ? NULL : malloc(FILE_MOST);
	if (set->text == NULL) {
		return mb_fail(err, MB_OVERLOADED, "%s: no memory to read it", path);
	}
	while (set->size < FILE_MOST) {
		got = FAULT("rpc.tokens.read")
			      ? (errno = EIO, -1)
			      : read(fd, set->text + set->size, FILE_MOST - set->size);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			return mb_fail(err, MB_FIELD_INVALID, "%s: %s", path, strerror(errno));
		}
		if (got == 0) {
			return MB_OK;
		}
		set->size += (size_t)got;
	}
	return mb_fail(err, MB_FIELD_INVALID, "%s: larger than 1 MiB", path);
}

static enum mb_code read_file(const char *path, struct token_set *set, struct mb_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum mb_code code;

	if (fd < 0) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: %s", path, strerror(errno));
	}
	code = check_file(fd, path, err);
	if (code == MB_OK) {
		code = read_all(fd, path, set, err);
	}
	close(fd);
	return code;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next run of non-blank bytes of line; empty at its end. */
static struct str next_word(struct str *line)
{
	struct str word;

	while (line->len > 0 && is_blank(line->ptr[0])) {
		line->ptr++;
		line->len--;
	}
	word = (struct str){line->ptr, 0};
	while (line->len > 0 && !is_blank(line->ptr[0])) {
		line->ptr++;
		line->len--;
		word.len++;
	}
	return word;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_digest(struct str word, unsigned char *out)
{
	size_t prefix = sizeof(HASH_PREFIX) - 1;

	if (word.len != prefix + 2 * DIGEST_SIZE || memcmp(word.ptr, HASH_PREFIX, prefix) != 0) {
		return false;
	}
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int high = hex_value(word.ptr[prefix + 2 * i]);
		int low = hex_value(word.ptr[prefix + 2 * i + 1]);

		if (high < 0 || low < 0) {
			return false;
		}
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* NULL, or what is wrong with it. */
static const char *parse_who(struct str word, const struct rpc_grant *grants,
			     struct rpc_principal *out)
{
	const char *colon = memchr(word.ptr, ':', word.len);
	size_t role = colon == NULL ? word.len : (size_t)(colon - word.ptr);

	*out = (struct rpc_principal){{word.ptr, role}, {"", 0}};
	if (!role_is_known(grants, out->role)) {
		return "no such role";
	}
	if (colon != NULL) {
		out->subject = (struct str){colon + 1, word.len - role - 1};
		if (out->subject.len == 0 || !str_is_utf8(out->subject)) {
			return "nothing, or no text, after the colon";
		}
	} else if (role_has_row(grants, out->role, GRANT_OF_SUBJECT)) {
		return "the role must say whose token it is, as ROLE:ID";
	}
	return NULL;
}

static const char *parse_line(struct str line, const struct rpc_grant *grants,
			      struct token_set *set)
{
	struct str who = next_word(&line), hash = next_word(&line);
	struct token *token = &set->tokens[set->count];
	const char *wrong;

	if (who.len == 0 || who.ptr[0] == '#') {
		return NULL;
	}
	wrong = parse_who(who, grants, &token->principal);
	if (wrong != NULL) {
		return wrong;
	}
	if (!parse_digest(hash, token->digest)) {
		return "wanted: role[:subject] sha256: and 64 hex digits";
	}
	if (next_word(&line).len > 0) {
		return "more than a role and a hash";
	}
	for (size_t i = 0; i < set->count; i++) {
		if (memcmp(set->tokens[i].digest, token->digest, DIGEST_SIZE) == 0) {
			return "the token stands in an earlier line, too";
		}
	}
	set->count++;
	return NULL;
}

static enum mb_code parse_set(struct token_set *set, const char *path,
			      const struct rpc_grant *grants, struct mb_err *err)
{
	size_t lines = 1, at = 0;

	for (size_t i = 0; i < set->size; i++) {
		lines += set->text[i] == '\n';
	}
	set->tokens = FAULT("rpc.tokens.memory") ? NULL : calloc(lines, sizeof(*set->tokens));
	if (set->tokens == NULL) {
		return mb_fail(err, MB_OVERLOADED, "%s: no memory to read it", path);
	}
	for (size_t number = 1; number <= lines; number++) {
		const char *end = memchr(set->text + at, '\n', set->size - at);
		size_t len = end == NULL ? set->size - at : (size_t)(end - set->text) - at;
		const char *wrong = parse_line((struct str){set->text + at, len}, grants, set);

		if (wrong != NULL) {
			return mb_fail(err, MB_FIELD_INVALID, "%s:%zu: %s", path, number, wrong);
		}
		at += len + (end != NULL);
	}
	if (set->count == 0) {
		return mb_fail(err, MB_FIELD_INVALID, "%s: names no token, so nobody could call",
			       path);
	}
	return MB_OK;
}

static bool same_text(const struct token_set *a, const struct token_set *b)
{
	return a != NULL && a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

enum mb_code rpc_tokens_load(struct rpc_tokens *tokens, const char *path,
			     const struct rpc_grant *grants, struct mb_err *err)
{
	struct token_set *set = FAULT("rpc.tokens.memory") ? NULL : calloc(1, sizeof(*set));
	enum mb_code code;
	char *fitted;

	if (set == NULL) {
		return mb_fail(err, MB_OVERLOADED, "%s: no memory to read it", path);
	}
	code = read_file(path, set, err);
	if (code != MB_OK) {
		goto out;
	}
	fitted = realloc(set->text, set->size + 1);
	set->text = fitted == NULL ? set->text : fitted;
	code = parse_set(set, path, grants, err);
	if (code != MB_OK || same_text(atomic_load(&tokens->current), set)) {
		goto out;
	}
	set->older = atomic_load(&tokens->current);
	atomic_store_explicit(&tokens->current, set, memory_order_release);
	return MB_OK;
out:
	destroy_set(set);
	return code;
}

const struct rpc_principal *rpc_tokens_find(struct rpc_tokens *tokens, struct str token)
{
	const struct token_set *set = atomic_load_explicit(&tokens->current, memory_order_acquire);
	const struct rpc_principal *found = NULL;
	unsigned char digest[DIGEST_SIZE];

	if (set == NULL || token.len == 0 || token.len > TOKEN_MOST ||
	    EVP_Digest(token.ptr, token.len, digest, NULL, EVP_sha256(), NULL) != 1) {
		return NULL;
	}
	/* no early end: how long it takes tells nothing about which line it was */
	for (size_t i = 0; i < set->count; i++) {
		if (CRYPTO_memcmp(set->tokens[i].digest, digest, DIGEST_SIZE) == 0) {
			found = &set->tokens[i].principal;
		}
	}
	return found;
}
