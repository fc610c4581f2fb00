/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a record:
 *
 *     0  format       1
 *     1  revision     8 \
 *     9  policy       4  > highest byte first, sign bit turned: they compare as bytes
 *    13  projected_at 8 /
 *    21  created_at   8 the same
 *    29  how many changes, and END if the record ends
 *    30  the state at projected_at, then each change, then the end
 *     …  CRC-32C of member_id and all before it, highest byte first
 *
 * A state is a byte of flags and what differs from the state before it, a change has its instant
 * between the two: whole minutes after the minute of the one before, or microseconds after it (FINE).
 * The end is an instant alone. Numbers are varints, differences that may fall are zigzag.
 */
#include "domain/hot.h"

#include "base/checksum.h"
#include "base/clock.h"

#include <assert.h>
#include <string.h>

#define FORMAT	     1
#define AT_REVISION  HOT_ORDER_AT
#define AT_POLICY    (AT_REVISION + 8)
#define AT_PROJECTED (AT_POLICY + 4)
#define AT_CREATED   (AT_PROJECTED + 8)
#define AT_COUNT     (AT_CREATED + 8)
#define AT_STATE     (AT_COUNT + 1)
#define SUM_BYTES    4
#define LEAST	     (AT_STATE + 2 + SUM_BYTES) /* flags and ranks */
#define END	     0x80u
#define END_MOST     11 /* flags, and a number of 64 bits */

/* Of a state; the first three are of it, the others say what differs from the one before. */
#define SUSPENDED  1u
#define AT_RISK	   2u
#define BELOW_KEEP 4u
#define FINE	   8u
#define RANKS	   16u
#define PROTECTED  32u
#define POINTS	   64u
#define RARE	   128u /* credibility and shown_until */

/* What the first state is told as different from. */
static const struct hot_state blank = {.credibility = BP};

/* ---- numbers ---- */

struct writer {
	uint8_t *bytes;
	size_t len, room;
	bool over; /* something did not fit */
};

struct reader {
	const uint8_t *at, *end;
	bool failed; /* then everything read is 0 */
};

static void put_fixed(uint8_t *to, uint64_t number, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		to[i] = (uint8_t)(number >> 8 * (len - 1 - i));
	}
}

static uint64_t take_fixed(const uint8_t *from, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++) {
		number = number << 8 | from[i];
	}
	return number;
}

/* With the sign bit turned, so that bytes are in the order of the numbers. */
static void put_signed(uint8_t *to, int64_t number)
{
	put_fixed(to, (uint64_t)number ^ UINT64_C(1) << 63, 8);
}

static int64_t take_signed(const uint8_t *from)
{
	return (int64_t)(take_fixed(from, 8) ^ UINT64_C(1) << 63);
}

static void put_byte(struct writer *out, unsigned byte)
{
	if (out->len == out->room) {
		out->over = true;
		return;
	}
	out->bytes[out->len++] = (uint8_t)byte;
}

static void put_number(struct writer *out, uint64_t number)
{
	for (; number >= 0x80; number >>= 7) {
		put_byte(out, (unsigned)(number & 0x7f) | 0x80);
	}
	put_byte(out, (unsigned)number);
}

static void put_zigzag(struct writer *out, uint64_t number)
{
	put_number(out, number << 1 ^ (number >> 63 != 0 ? UINT64_MAX : 0));
}

static unsigned take_byte(struct reader *in)
{
	if (in->at == in->end) {
		in->failed = true;
		return 0;
	}
	return *in->at++;
}

/* In the shortest form only. */
static uint64_t take_number(struct reader *in)
{
	uint64_t number = 0;

	for (unsigned shift = 0; in->at < in->end; shift += 7) {
		uint8_t byte = *in->at++;

		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80 && (byte != 0 || shift == 0)) {
			in->failed = in->failed || (shift == 63 && byte > 1);
			return number;
		}
		if (byte == 0 || shift == 63) {
			break;
		}
	}
	in->failed = true;
	return 0;
}

static uint64_t take_zigzag(struct reader *in)
{
	uint64_t number = take_number(in);

	return number >> 1 ^ ((number & 1) != 0 ? UINT64_MAX : 0);
}

/* An instant of its own: whole minutes since 1970 and one more, else 0 and microseconds. */
static void put_instant(struct writer *out, int64_t t)
{
	if (t >= 0 && t % US_PER_MINUTE == 0) {
		put_number(out, (uint64_t)(t / US_PER_MINUTE) + 1);
	} else {
		put_number(out, 0);
		put_zigzag(out, (uint64_t)t);
	}
}

static int64_t take_instant(struct reader *in)
{
	uint64_t minutes = take_number(in);

	return (int64_t)(minutes == 0 ? take_zigzag(in) : (minutes - 1) * (uint64_t)US_PER_MINUTE);
}

/* ---- states ---- */

static unsigned ranks_of(const struct hot_state *state)
{
	return (unsigned)state->tier | (unsigned)state->shown << 3 | (unsigned)state->level << 6;
}

static unsigned flags_of(const struct hot_state *before, const struct hot_state *after)
{
	bool rare = after->credibility != before->credibility ||
		    after->shown_until != before->shown_until;

	return (after->suspended ? SUSPENDED : 0) | (after->at_risk ? AT_RISK : 0) |
	       (after->below_keep ? BELOW_KEEP : 0) |
	       (ranks_of(after) != ranks_of(before) ? RANKS : 0) |
	       (after->protected_until != before->protected_until ? PROTECTED : 0) |
	       (after->points != before->points ? POINTS : 0) | (rare ? RARE : 0);
}

static void put_state(struct writer *out, const struct hot_state *before,
		      const struct hot_state *after, unsigned flags)
{
	if ((flags & RANKS) != 0) {
		put_byte(out, ranks_of(after));
	}
	if ((flags & PROTECTED) != 0) {
		put_instant(out, after->protected_until);
	}
	if ((flags & POINTS) != 0) {
		put_zigzag(out, (uint64_t)after->points - (uint64_t)before->points);
	}
	if ((flags & RARE) != 0) {
		put_zigzag(out, (uint64_t)after->credibility - (uint64_t)before->credibility);
		put_instant(out, after->shown_until);
	}
}

/* From the state before to the one after. */
static void take_state(struct reader *in, unsigned flags, struct hot_state *state)
{
	state->suspended = (flags & SUSPENDED) != 0;
	state->at_risk = (flags & AT_RISK) != 0;
	state->below_keep = (flags & BELOW_KEEP) != 0;
	if ((flags & RANKS) != 0) {
		unsigned ranks = take_byte(in);

		state->tier = (enum tier)(ranks & 7);
		state->shown = (enum tier)(ranks >> 3 & 7);
		state->level = (enum level)(ranks >> 6);
	}
	if ((flags & PROTECTED) != 0) {
		state->protected_until = take_instant(in);
	}
	if ((flags & POINTS) != 0) {
		state->points = (int64_t)((uint64_t)state->points + take_zigzag(in));
	}
	if ((flags & RARE) != 0) {
		int64_t credibility = (int64_t)((uint64_t)state->credibility + take_zigzag(in));

		in->failed = in->failed || credibility != (int32_t)credibility;
		state->credibility = (int32_t)credibility;
		state->shown_until = take_instant(in);
	}
}

static void put_at(struct writer *out, int64_t before, int64_t at, unsigned flags)
{
	bool fine = at % US_PER_MINUTE != 0;

	put_byte(out, flags | (fine ? FINE : 0));
	put_number(out, fine ? (uint64_t)at - (uint64_t)before
			     : (uint64_t)(at / US_PER_MINUTE - before / US_PER_MINUTE));
}

static int64_t take_at(struct reader *in, int64_t before, unsigned flags)
{
	uint64_t step = take_number(in);

	return (int64_t)((flags & FINE) != 0 ? (uint64_t)before + step
					     : ((uint64_t)(before / US_PER_MINUTE) + step) *
						       (uint64_t)US_PER_MINUTE);
}

/* ---- what may be in a record ---- */

static bool state_is_sound(const struct hot_state *state)
{
	return state->tier >= 1 && state->tier < TIER_END && state->shown >= 1 &&
	       state->shown < TIER_END && state->level >= 1 && state->level < LEVEL_END &&
	       state->points >= 0;
}

static bool is_sound(const struct hot_record *record)
{
	int64_t before = record->projected_at;

	if (!state_is_sound(&record->now) || record->n_changes > HOT_CHANGES_MAX) {
		return false;
	}
	for (size_t i = 0; i < record->n_changes; i++) {
		if (record->changes[i].at <= before || !state_is_sound(&record->changes[i].after)) {
			return false;
		}
		before = record->changes[i].at;
	}
	return record->good_until > before;
}

/* ---- made of a fold ---- */

static struct hot_state state_of(const struct standing *standing)
{
	return (struct hot_state){.tier = standing->tier,
				  .shown = standing->shown,
				  .shown_until = standing->shown_until,
				  .suspended = standing->suspended,
				  .credibility = standing->credibility,
				  .level = standing->level,
				  .at_risk = standing->at_risk,
				  .below_keep = standing->below_keep,
				  .protected_until = standing->protected_until,
				  .points = standing->score.points};
}

void hot_make(const struct fold *fold, int64_t member_id, int64_t revision, int64_t created_at,
	      int32_t policy_newest, struct hot_record *out)
{
	size_t known = fold->n_schedule, n = known;

	*out = (struct hot_record){.member_id = member_id,
				   .revision = revision,
				   .created_at = created_at,
				   .policy_newest = policy_newest,
				   .projected_at = fold->standing.at,
				   .good_until = INT64_MAX,
				   .now = state_of(&fold->standing)};
	if (known == 0 && fold->next_change != 0) { /* nobody asked for the schedule */
		out->good_until = fold->next_change;
	}
	if (known > HOT_CHANGES_MAX || (known > 0 && fold->schedule_truncated)) {
		n = known > HOT_CHANGES_MAX ? HOT_CHANGES_MAX : known - 1;
		out->good_until = fold->schedule[n].at;
	}
	for (size_t i = 0; i < n; i++) {
		out->changes[i] = (struct hot_change){fold->schedule[i].at,
						      state_of(&fold->schedule[i].after)};
	}
	out->n_changes = n;
}

/* ---- to bytes and back ---- */

/* Where the record may end, with nothing of this change and those after it but an instant. */
struct stop {
	size_t n, len;
	int64_t after;
};

/* All of them when they fit, else as many as leave room for the end. */
static void put_changes(struct writer *out, const struct hot_record *record)
{
	const struct hot_state *before = &record->now;
	struct stop stop = {0, out->len, record->projected_at};
	int64_t at = record->projected_at, end = record->good_until;
	size_t n = 0;

	for (; n < record->n_changes && !out->over; n++) {
		const struct hot_change *change = &record->changes[n];
		unsigned flags = flags_of(before, &change->after);

		put_at(out, at, change->at, flags);
		put_state(out, before, &change->after, flags);
		at = change->at;
		before = &change->after;
		if (out->len + END_MOST <= out->room) {
			stop = (struct stop){n + 1, out->len, at};
		}
	}
	if (out->over || (end != INT64_MAX && stop.n < n)) {
		end = record->changes[stop.n].at;
	}
	out->over = false;
	if (end != INT64_MAX) {
		n = stop.n;
		out->len = stop.len;
		put_at(out, stop.after, end, 0);
	}
	out->bytes[AT_COUNT] = (uint8_t)(n | (end != INT64_MAX ? END : 0));
}

static uint32_t sum_of(int64_t member_id, const uint8_t *bytes, size_t len)
{
	return checksum_bytes(checksum_number(0, member_id),
			      (struct str){(const char *)bytes, len});
}

void hot_encode(const struct hot_record *record, struct hot_bytes *out)
{
	struct writer to = {out->bytes, AT_STATE, HOT_BYTES_MAX - SUM_BYTES, false};
	unsigned flags = flags_of(&blank, &record->now);

	assert(is_sound(record));
	memset(out, 0, sizeof(*out));
	out->bytes[0] = FORMAT;
	put_signed(out->bytes + AT_REVISION, record->revision);
	put_fixed(out->bytes + AT_POLICY, (uint32_t)record->policy_newest ^ UINT32_C(1) << 31, 4);
	put_signed(out->bytes + AT_PROJECTED, record->projected_at);
	put_signed(out->bytes + AT_CREATED, record->created_at);
	put_byte(&to, flags);
	put_state(&to, &blank, &record->now, flags);
	put_changes(&to, record);
	assert(!to.over);
	put_fixed(to.bytes + to.len, sum_of(record->member_id, to.bytes, to.len), SUM_BYTES);
	out->len = (uint8_t)(to.len + SUM_BYTES);
}

static int32_t take_policy(const uint8_t *bytes)
{
	return (int32_t)(uint32_t)(take_fixed(bytes + AT_POLICY, 4) ^ UINT32_C(1) << 31);
}

static void take_changes(struct reader *in, unsigned count, struct hot_record *record)
{
	struct hot_change change = {record->projected_at, record->now};

	record->n_changes = count & ~END;
	in->failed = in->failed || record->n_changes > HOT_CHANGES_MAX;
	for (size_t i = 0; i < record->n_changes && !in->failed; i++) {
		unsigned flags = take_byte(in);

		change.at = take_at(in, change.at, flags);
		take_state(in, flags, &change.after);
		record->changes[i] = change;
	}
	record->good_until = INT64_MAX;
	if ((count & END) != 0) {
		unsigned flags = take_byte(in);

		record->good_until = take_at(in, change.at, flags);
		in->failed = in->failed || (flags & ~FINE) != 0 || record->good_until == INT64_MAX;
	}
	in->failed = in->failed || in->at != in->end;
}

bool hot_decode(const uint8_t *bytes, size_t len, int64_t member_id, struct hot_record *out)
{
	struct reader in;
	struct hot_record record = {.member_id = member_id, .now = blank};
	unsigned flags;

	if (len < LEAST || len > HOT_BYTES_MAX || bytes[0] != FORMAT ||
	    take_fixed(bytes + len - SUM_BYTES, SUM_BYTES) !=
		    sum_of(member_id, bytes, len - SUM_BYTES)) {
		return false;
	}
	in = (struct reader){bytes + AT_STATE, bytes + len - SUM_BYTES, false};
	record.revision = take_signed(bytes + AT_REVISION);
	record.policy_newest = take_policy(bytes);
	record.projected_at = take_signed(bytes + AT_PROJECTED);
	record.created_at = take_signed(bytes + AT_CREATED);
	flags = take_byte(&in);
	take_state(&in, flags, &record.now);
	in.failed = in.failed || (flags & FINE) != 0;
	take_changes(&in, bytes[AT_COUNT], &record);
	if (in.failed || !is_sound(&record)) {
		return false;
	}
	*out = record;
	return true;
}

/* ---- asked ---- */

struct hot_order hot_order(const struct hot_bytes *bytes)
{
	if (bytes->len < LEAST) {
		return (struct hot_order){INT64_MIN, INT32_MIN, INT64_MIN};
	}
	return (struct hot_order){.revision = take_signed(bytes->bytes + AT_REVISION),
				  .policy_newest = take_policy(bytes->bytes),
				  .projected_at = take_signed(bytes->bytes + AT_PROJECTED)};
}

int hot_compare(const struct hot_bytes *a, const struct hot_bytes *b)
{
	if (a->len < LEAST || b->len < LEAST) {
		return (a->len >= LEAST) - (b->len >= LEAST);
	}
	return memcmp(a->bytes + HOT_ORDER_AT, b->bytes + HOT_ORDER_AT, HOT_ORDER_BYTES);
}

/* Goes on from the record's own instant to now; the next change, INT64_MAX when there is none. False
 * when it ends before that. */
static bool walk(const struct hot_bytes *bytes, int64_t at, int64_t now, struct hot_state *state,
		 int64_t *next)
{
	struct reader in = {bytes->bytes + AT_STATE, bytes->bytes + bytes->len - SUM_BYTES, false};
	unsigned count = bytes->bytes[AT_COUNT], flags = take_byte(&in);

	*state = blank;
	*next = INT64_MAX;
	take_state(&in, flags, state);
	for (unsigned left = count & ~END; in.at < in.end; left--) {
		flags = take_byte(&in);
		at = take_at(&in, at, flags);
		if (at > now) {
			*next = at;
			break;
		}
		if (left == 0) { /* this was the end */
			return false;
		}
		take_state(&in, flags, state);
	}
	return true;
}

bool hot_at(const struct hot_bytes *bytes, const struct policy_list *policies, int64_t now,
	    struct hot_view *out)
{
	const struct hot_order order = hot_order(bytes);
	struct hot_state state;
	int64_t next, overtaken;

	if (bytes->len < LEAST || bytes->len > HOT_BYTES_MAX || now < order.projected_at) {
		return false;
	}
	overtaken = policy_overtaken_at(policies, order.policy_newest);
	if (now >= overtaken || !policy_knows(policies, order.policy_newest) ||
	    !walk(bytes, order.projected_at, now, &state, &next)) {
		return false;
	}
	next = overtaken < next ? overtaken : next;
	*out = (struct hot_view){.revision = order.revision,
				 .created_at = take_signed(bytes->bytes + AT_CREATED),
				 .next_change = next == INT64_MAX ? 0 : next,
				 .state = state};
	return true;
}
