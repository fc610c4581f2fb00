/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/audit_chain.h"

#include "ctl/input.h"
#include "ctl/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT	       "memberd-audit-1"
#define HEADS_FORMAT   "memberd-audit-heads-1"
#define HEADS_FILE_MAX ((size_t)1 << 20) /* a line of 100 bytes for each bucket is less */

static bool MB_PRINTF(4, 5)
	break_at(struct chain *chain, int32_t vb, int64_t seq, const char *fmt, ...);

/* ---- hashes ---- */

static void put_text(struct sha256 *sha, struct str text)
{
	char length[24];

	snprintf(length, sizeof(length), "%zu:", text.len);
	sha256_update(sha, length, strlen(length));
	sha256_update(sha, text.ptr, text.len);
}

static void put_number(struct sha256 *sha, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	put_text(sha, str_from(text));
}

static bool hash_record(const struct chain_record *record, unsigned char out[SHA256_BYTES])
{
	struct sha256 sha = {0};

	sha256_start(&sha);
	sha256_update(&sha, record->prev.ptr, record->prev.len);
	put_text(&sha, STR(FORMAT));
	put_number(&sha, record->vb);
	put_number(&sha, record->seq);
	put_number(&sha, record->member_id);
	put_number(&sha, record->known_at);
	put_text(&sha, record->actor);
	put_text(&sha, record->action);
	put_text(&sha, record->detail);
	return sha256_finish(&sha, out);
}

static bool is_hash(struct str bytes, const unsigned char hash[SHA256_BYTES])
{
	return bytes.len == SHA256_BYTES && memcmp(bytes.ptr, hash, SHA256_BYTES) == 0;
}

/* ---- chains ---- */

static bool break_at(struct chain *chain, int32_t vb, int64_t seq, const char *fmt, ...)
{
	va_list args;

	chain->broken_vb = vb;
	chain->broken_seq = seq;
	va_start(args, fmt);
	vsnprintf(chain->problem, sizeof(chain->problem), fmt, args);
	va_end(args);
	return false;
}

/* Whether the chains of these buckets, of which no record comes any more, reach what is remembered. */
static bool close_chains(struct chain *chain, int32_t from, int32_t upto)
{
	for (int32_t vb = from; chain->remembered != NULL && vb < upto; vb++) {
		int64_t last = chain->heads[vb].seq, remembered = chain->remembered[vb].seq;

		if (last < remembered) {
			return break_at(chain, vb, last + 1,
					"cut off: the chain went to record %" PRId64
					" when its end was remembered",
					remembered);
		}
	}
	return true;
}

static bool check_links(struct chain *chain, const struct chain_record *record)
{
	const struct chain_head *last = &chain->heads[record->vb];
	unsigned char hash[SHA256_BYTES];

	if (record->seq != last->seq + 1) {
		return break_at(chain, record->vb, last->seq + 1,
				"missing: the next one is record %" PRId64, record->seq);
	}
	if (!is_hash(record->prev, last->hash)) {
		return break_at(chain, record->vb, record->seq,
				"prev is not the hash of the record before it");
	}
	if (!hash_record(record, hash)) {
		return break_at(chain, record->vb, record->seq, "no memory to compute its hash");
	}
	if (!is_hash(record->hash, hash)) {
		return break_at(chain, record->vb, record->seq,
				"hash is not that of what the record says");
	}
	return true;
}

bool chain_add(struct chain *chain, const struct chain_record *record)
{
	struct chain_head *head;

	if (record->vb < chain->at || record->vb >= CHAIN_BUCKETS) {
		return break_at(chain, record->vb, record->seq, "out of sequence");
	}
	if (!close_chains(chain, chain->at, record->vb)) {
		return false;
	}
	chain->at = record->vb;
	if (!check_links(chain, record)) {
		return false;
	}
	head = &chain->heads[record->vb];
	chain->buckets += head->seq == 0;
	chain->records++;
	head->seq = record->seq;
	memcpy(head->hash, record->hash.ptr, SHA256_BYTES);
	if (chain->remembered != NULL && chain->remembered[record->vb].seq == record->seq &&
	    memcmp(chain->remembered[record->vb].hash, head->hash, SHA256_BYTES) != 0) {
		return break_at(chain, record->vb, record->seq,
				"another one than was remembered: the chain was made anew");
	}
	return true;
}

bool chain_end(struct chain *chain)
{
	return close_chains(chain, chain->at, CHAIN_BUCKETS);
}

/* ---- the file: a line for the store, then "vb seq hash" for each chain ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hash(const char *text, unsigned char out[SHA256_BYTES])
{
	if (strlen(text) != 2 * (size_t)SHA256_BYTES) {
		return false;
	}
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			return false;
		}
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* Cuts the next line off. */
static char *next_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (end == NULL) {
		return NULL;
	}
	*end = '\0';
	*rest = end + 1;
	return line;
}

static bool take_head(const char *line, struct chain_head heads[CHAIN_BUCKETS])
{
	char vb_text[8], seq_text[24], hash_text[2 * SHA256_BYTES + 1];
	int64_t vb, seq;

	if (sscanf(line, "%7s %23s %64s", vb_text, seq_text, hash_text) != 3 ||
	    !str_to_i64(str_from(vb_text), &vb) || !str_to_i64(str_from(seq_text), &seq) ||
	    vb < 0 || vb >= CHAIN_BUCKETS || seq < 1 || heads[vb].seq != 0) {
		return false;
	}
	heads[vb].seq = seq;
	return take_hash(hash_text, heads[vb].hash);
}

/* The last line says that nothing was lost after it. */
static bool take_heads(char *text, char store_id[65], struct chain_head heads[CHAIN_BUCKETS])
{
	const char *line = next_line(&text);

	if (line == NULL || sscanf(line, HEADS_FORMAT " store %64s", store_id) != 1) {
		return false;
	}
	while ((line = next_line(&text)) != NULL && strcmp(line, "end") != 0) {
		if (!take_head(line, heads)) {
			return false;
		}
	}
	return line != NULL && *text == '\0';
}

enum mb_code heads_read(const char *path, char store_id[65], struct chain_head heads[CHAIN_BUCKETS],
			bool *found, struct mb_err *err)
{
	enum mb_code code;
	char *text;
	size_t len;

	*found = access(path, F_OK) == 0 || errno != ENOENT;
	if (!*found) {
		return MB_OK;
	}
	code = input_slurp(path, HEADS_FILE_MAX, &text, &len, err);
	if (code != MB_OK) {
		return code;
	}
	memset(heads, 0, CHAIN_BUCKETS * sizeof(*heads));
	if (!take_heads(text, store_id, heads)) {
		code = mb_fail(err, MB_FIELD_INVALID,
			       "%s: not a file of `memberctl audit verify --heads`", path);
	}
	free(text);
	return code;
}

enum mb_code heads_write(const char *path, const char *store_id,
			 const struct chain_head heads[CHAIN_BUCKETS], struct mb_err *err)
{
	struct strbuf text = {0};
	enum mb_code code;

	strbuf_printf(&text, "%s store %s\n", HEADS_FORMAT, store_id);
	for (int vb = 0; vb < CHAIN_BUCKETS; vb++) {
		if (heads[vb].seq == 0) {
			continue;
		}
		strbuf_printf(&text, "%d %" PRId64 " ", vb, heads[vb].seq);
		for (size_t i = 0; i < SHA256_BYTES; i++) {
			strbuf_printf(&text, "%02x", heads[vb].hash[i]);
		}
		strbuf_putc(&text, '\n');
	}
	strbuf_puts(&text, "end\n");
	code = text.failed ? mb_fail(err, MB_OVERLOADED, "out of memory")
			   : output_replace(path, strbuf_str(&text), err);
	strbuf_fini(&text);
	return code;
}
