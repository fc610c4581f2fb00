/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoints: a long ledger without reading all of it.
 *
 * Beside a long ledger lies a row: the checkpoint (domain/checkpoint.h) and the entries that it
 * leaves open, as they are stored. What reads or writes the member now takes that row and what came
 * after it; who asks about the past, or may touch what is closed, reads everything. Every write that
 * has read everything makes the row anew, so one that reached what was closed is in it.
 *
 *     row  = checksum:4 known_at:8 length:4 checkpoint entry*
 *     entry = entry_id:8 revision:8 known_at:8 length:4 payload      (lowest byte first)
 *
 * A row that is damaged, of another format or of another policy is passed over: nothing is lost.
 */
#include "repository/inner.h"

#include "base/checksum.h"
#include "domain/calendar.h"
#include "domain/checkpoint.h"
#include "domain/id.h"
#include "domain/payload.h"

#include <string.h>

#define NEWER_MOST 256 /* entries after a checkpoint; with more of them a new one is made */
#define AGE_DAYS   7 /* what platforms tell some days late still comes after it */

/* ---- bytes ---- */

struct writer {
	char *at;
};

static void put_bytes(struct writer *writer, const void *bytes, size_t n)
{
	if (n > 0) {
		memcpy(writer->at, bytes, n);
	}
	writer->at += n;
}

static void put_number(struct writer *writer, uint64_t number, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		*writer->at++ = (char)(number >> (8 * i));
	}
}

static bool take_number(struct str *rest, int bytes, uint64_t *out)
{
	uint64_t number = 0;

	if (rest->len < (size_t)bytes) {
		return false;
	}
	for (int i = 0; i < bytes; i++) {
		number |= (uint64_t)(unsigned char)rest->ptr[i] << (8 * i);
	}
	*rest = (struct str){rest->ptr + bytes, rest->len - (size_t)bytes};
	*out = number;
	return true;
}

static bool take_bytes(struct str *rest, struct str *out)
{
	uint64_t len;

	if (!take_number(rest, 4, &len) || rest->len < len) {
		return false;
	}
	*out = (struct str){rest->ptr, (size_t)len};
	*rest = (struct str){rest->ptr + len, rest->len - (size_t)len};
	return true;
}

/* ---- reading ---- */

/* An entry of the row; false at its end and for what is no entry. */
static bool take_entry(struct str *rest, struct arena *arena, struct entry *out)
{
	uint64_t entry_id, revision, known_at;
	struct str payload;

	if (!take_number(rest, 8, &entry_id) || !take_number(rest, 8, &revision) ||
	    !take_number(rest, 8, &known_at) || !take_bytes(rest, &payload)) {
		return false;
	}
	out->entry_id = (int64_t)entry_id;
	out->revision = (int64_t)revision;
	out->known_at = (int64_t)known_at;
	return payload_decode(payload, arena, &out->activity, NULL) == MB_OK;
}

static bool read_row(struct str bytes, const struct policy_list *policies, struct ledger *ledger,
		     struct checkpoint *checkpoint, int64_t *known_at)
{
	struct arena *arena = ledger->arena;
	uint64_t sum, known;
	struct str made;
	struct entry *entries;

	if (!take_number(&bytes, 4, &sum) || checksum_bytes(0, bytes) != (uint32_t)sum ||
	    !take_number(&bytes, 8, &known) || !take_bytes(&bytes, &made) ||
	    !checkpoint_decode(made, arena, checkpoint) ||
	    !checkpoint_holds(checkpoint, policies)) {
		return false;
	}
	entries = arena_array(arena, checkpoint->n_open, sizeof(*entries));
	for (size_t i = 0; entries != NULL && i < checkpoint->n_open; i++) {
		if (!take_entry(&bytes, arena, &entries[i]) ||
		    entries[i].entry_id != checkpoint->open[i]) {
			return false;
		}
	}
	if (entries == NULL || bytes.len != 0) {
		return false;
	}
	ledger->entries = entries;
	ledger->n = ledger->cap = checkpoint->n_open;
	*known_at = (int64_t)known;
	return true;
}

/* What came after the checkpoint; *many: more than should be read so. */
static enum mb_code read_newer(struct ledger *ledger, struct store_view *view, int64_t known_at,
			       bool *many, struct mb_err *err)
{
	const int64_t revision = ledger->base->revision;
	struct entry_row *rows = NULL;
	size_t n = 0, most = 2 * NEWER_MOST;
	enum mb_code code =
		store_list_entries_from(view, ledger->row.member_id, id_make(known_at, 0), most,
					ledger->arena, &rows, &n, err);

	*many = n == most;
	for (size_t i = 0; code == MB_OK && i < n && !*many; i++) {
		struct entry entry;

		/* ids are in order to the millisecond only */
		if (rows[i].revision <= revision) {
			continue;
		}
		code = ledger_decode(&rows[i], ledger->arena, &entry, err);
		if (code == MB_OK) {
			code = ledger_append(ledger, &entry, err);
		}
		*many = ledger->n > ledger->base->n_open + NEWER_MOST;
	}
	return code;
}

enum mb_code ledger_load_short(struct ledger *ledger, struct store_view *view,
			       const struct policy_list *policies, struct mb_err *err)
{
	struct checkpoint *checkpoint = arena_alloc(ledger->arena, sizeof(*checkpoint));
	struct checkpoint_row row;
	int64_t known_at = 0;
	bool found = false, many = false;
	enum mb_code code;

	if (checkpoint == NULL) {
		return arena_fail(ledger->arena, err);
	}
	code = store_get_checkpoint(view, ledger->row.member_id, ledger->arena, &row, &found, err);
	if (code != MB_OK) {
		return code;
	}
	ledger->no_row = !found;
	if (found && read_row(row.bytes, policies, ledger, checkpoint, &known_at) &&
	    checkpoint->at <= store_view_now(view)) {
		ledger->base = checkpoint;
		code = read_newer(ledger, view, known_at, &many, err);
		if (code == MB_OK && !many) {
			atomic_fetch_add(&ledger->repository->entries_read, (int64_t)ledger->n);
			return MB_OK;
		}
	}
	return code == MB_OK ? ledger_load(ledger, view, err) : code;
}

/* ---- writing ---- */

static const struct entry *find_entry(const struct ledger *ledger, int64_t entry_id)
{
	for (size_t i = 0; i < ledger->n; i++) {
		if (ledger->entries[i].entry_id == entry_id) {
			return &ledger->entries[i];
		}
	}
	return NULL;
}

/* The entries that stay open, in the order of their ids, and their payloads. */
static enum mb_code gather_open(const struct ledger *ledger, const struct checkpoint *checkpoint,
				struct arena *arena, const struct entry **open,
				struct str *payloads, size_t *size, struct mb_err *err)
{
	enum mb_code code = MB_OK;
	size_t next = 0;

	for (size_t i = 0; code == MB_OK && i < checkpoint->n_open; i++) {
		/* both rise, but for what this write added */
		while (next < ledger->n && ledger->entries[next].entry_id < checkpoint->open[i]) {
			next++;
		}
		open[i] = next < ledger->n && ledger->entries[next].entry_id == checkpoint->open[i]
				  ? &ledger->entries[next]
				  : find_entry(ledger, checkpoint->open[i]);
		code = payload_encode(&open[i]->activity, arena, &payloads[i], err);
		*size += 28 + payloads[i].len;
	}
	return code;
}

static int64_t last_known_at(const struct ledger *ledger)
{
	int64_t last = 0;

	for (size_t i = 0; i < ledger->n; i++) {
		last = ledger->entries[i].known_at > last ? ledger->entries[i].known_at : last;
	}
	return last;
}

static enum mb_code encode_row(const struct ledger *ledger, const struct checkpoint *checkpoint,
			       struct arena *arena, struct str *out, struct mb_err *err)
{
	const struct entry **open =
		arena_array(arena, checkpoint->n_open, sizeof(const struct entry *));
	struct str *payloads = arena_array(arena, checkpoint->n_open, sizeof(*payloads));
	struct writer writer;
	struct str made;
	size_t size = 16;
	char *bytes;
	enum mb_code code;

	if (open == NULL || payloads == NULL) {
		return arena_fail(arena, err);
	}
	code = checkpoint_encode(checkpoint, arena, &made, err);
	if (code == MB_OK) {
		size += made.len;
		code = gather_open(ledger, checkpoint, arena, open, payloads, &size, err);
	}
	if (code != MB_OK) {
		return code;
	}
	bytes = arena_alloc(arena, size);
	if (bytes == NULL) {
		return arena_fail(arena, err);
	}
	writer.at = bytes + 4;
	put_number(&writer, (uint64_t)last_known_at(ledger), 8);
	put_number(&writer, made.len, 4);
	put_bytes(&writer, made.ptr, made.len);
	for (size_t i = 0; i < checkpoint->n_open; i++) {
		put_number(&writer, (uint64_t)open[i]->entry_id, 8);
		put_number(&writer, (uint64_t)open[i]->revision, 8);
		put_number(&writer, (uint64_t)open[i]->known_at, 8);
		put_number(&writer, payloads[i].len, 4);
		put_bytes(&writer, payloads[i].ptr, payloads[i].len);
	}
	writer.at = bytes;
	put_number(&writer, checksum_bytes(0, (struct str){bytes + 4, size - 4}), 4);
	*out = (struct str){bytes, size};
	return MB_OK;
}

/* False when none can be had, or none that would spare much. */
static bool make_row(const struct ledger *ledger, const struct policy_list *policies, int64_t now,
		     struct arena *arena, struct str *out)
{
	const int32_t zone = policies->versions[0]->zone_minutes;
	const struct fold_input in = {.entries = ledger->entries,
				      .n_entries = ledger->n,
				      .policies = policies,
				      .member_id = ledger->row.member_id,
				      .t = now};
	const int64_t at = calendar_day_start(calendar_day(now, zone) - AGE_DAYS, zone);
	struct checkpoint checkpoint;

	return checkpoint_make(&in, at, arena, &checkpoint) &&
	       checkpoint_holds(&checkpoint, policies) &&
	       checkpoint.n_open <= ledger->n - ledger->n / 4 &&
	       encode_row(ledger, &checkpoint, arena, out, NULL) == MB_OK;
}

enum mb_code ledger_keep_checkpoint(struct ledger *ledger, struct store_view *view,
				    const struct policy_list *policies, struct mb_err *err)
{
	struct checkpoint_row row = {.member_id = ledger->row.member_id,
				     .revision = ledger->row.revision};
	struct arena *arena;
	enum mb_code code = MB_OK;

	if (ledger->base != NULL) {
		return MB_OK; /* nothing that was accepted reaches it: it holds on */
	}
	arena = ledger->n >= ledger->repository->checkpoint_from
			? ledger_arena(ledger->repository, 0, NULL)
			: NULL;
	if (arena != NULL && make_row(ledger, policies, store_view_now(view), arena, &row.bytes)) {
		ledger->no_row = false;
		code = store_put_checkpoint(view, &row, err);
	} else if (!ledger->no_row) {
		code = store_delete_checkpoint(view, row.member_id, err);
	}
	arena_destroy(arena);
	return code;
}
