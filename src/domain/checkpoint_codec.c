/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint as bytes: the number of the format, the fields, a checksum of all before it. Numbers
 * are zigzag varints, runs come with their length. One description serves both directions.
 */
#include "domain/checkpoint.h"
#include "domain/intern.h"

#include <string.h>

#define FORMAT	       1
#define CHECKSUM_BYTES 8

struct codec {
	struct arena *arena;
	bool reading, failed;
	const uint8_t *from; /* reading: what is left */
	size_t left;
	uint8_t *to; /* writing */
	size_t len, room;
};

/* ---- numbers and runs ---- */

static void put_byte(struct codec *codec, uint8_t byte)
{
	if (codec->len == codec->room && !codec->failed) {
		size_t room = codec->room * 2 + 256;
		uint8_t *grown = arena_alloc(codec->arena, room);

		codec->failed = grown == NULL;
		if (grown != NULL) {
			if (codec->len > 0) {
				memcpy(grown, codec->to, codec->len);
			}
			codec->to = grown;
			codec->room = room;
		}
	}
	if (!codec->failed) {
		codec->to[codec->len++] = byte;
	}
}

static uint8_t take_byte(struct codec *codec)
{
	if (codec->left == 0) {
		codec->failed = true;
		return 0;
	}
	codec->left--;
	return *codec->from++;
}

static void put_number(struct codec *codec, int64_t number)
{
	uint64_t rest = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);

	for (; rest >= 0x80; rest >>= 7) {
		put_byte(codec, (uint8_t)(rest | 0x80));
	}
	put_byte(codec, (uint8_t)rest);
}

static int64_t take_number(struct codec *codec)
{
	uint64_t value = 0;
	uint8_t byte = 0x80;

	for (unsigned shift = 0; byte >= 0x80 && shift < 64; shift += 7) {
		byte = take_byte(codec);
		value |= (uint64_t)(byte & 0x7f) << shift;
	}
	return (int64_t)(value >> 1 ^ ((value & 1) != 0 ? UINT64_MAX : 0));
}

static void code_i64(struct codec *codec, int64_t *number)
{
	if (codec->reading) {
		*number = take_number(codec);
	} else {
		put_number(codec, *number);
	}
}

static void code_i32(struct codec *codec, int32_t *number)
{
	int64_t wide = *number;

	code_i64(codec, &wide);
	*number = (int32_t)wide;
}

static void code_bool(struct codec *codec, bool *flag)
{
	int64_t wide = *flag;

	code_i64(codec, &wide);
	*flag = wide != 0;
}

static void code_array(struct codec *codec, int64_t *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		code_i64(codec, &numbers[i]);
	}
}

/* The length of a run, and room for its items when it is read. Each takes a byte at least, so a
 * damaged length asks for no more than the bytes can hold. */
static void *code_run(struct codec *codec, size_t *n, size_t size)
{
	int64_t wide = (int64_t)*n;
	void *items;

	code_i64(codec, &wide);
	if (!codec->reading) {
		return NULL;
	}
	if (wide < 0 || (uint64_t)wide > codec->left) {
		codec->failed = true;
		wide = 0;
	}
	*n = (size_t)wide;
	items = arena_array(codec->arena, *n, size);
	if (items == NULL) {
		codec->failed = true;
		*n = 0;
	}
	return items;
}

static void code_bytes(struct codec *codec, const uint8_t **bytes, size_t *n)
{
	uint8_t *read = code_run(codec, n, 1);

	for (size_t i = 0; i < *n; i++) {
		if (codec->reading) {
			read[i] = take_byte(codec);
		} else {
			put_byte(codec, (*bytes)[i]);
		}
	}
	*bytes = codec->reading ? read : *bytes;
}

/* ---- what is in a checkpoint ---- */

static void code_score(struct codec *codec, struct score *score)
{
	code_i64(codec, &score->points);
	code_i64(codec, &score->micro);
	code_array(codec, score->parts, PART_END);
	code_i64(codec, &score->counted_spend);
	code_i64(codec, &score->spend);
	code_i64(codec, &score->interaction);
	code_i32(codec, &score->days);
	code_i32(codec, &score->platforms);
	code_i32(codec, &score->categories);
	code_i32(codec, &score->first_month);
	code_i32(codec, &score->last_month);
}

static void code_days(struct codec *codec, struct checkpoint_month *month)
{
	struct checkpoint_day *read = code_run(codec, &month->n_days, sizeof(*read));

	for (size_t i = 0; i < month->n_days; i++) {
		struct checkpoint_day day = codec->reading ? read[i] : month->days[i];

		code_i32(codec, &day.number);
		code_i64(codec, &day.spend);
		code_array(codec, day.points, INTERACTION_END);
		if (codec->reading) {
			read[i] = day;
		}
	}
	month->days = codec->reading ? read : month->days;
}

static void code_categories(struct codec *codec, struct checkpoint_month *month)
{
	struct checkpoint_category *read = code_run(codec, &month->n_categories, sizeof(*read));

	for (size_t i = 0; i < month->n_categories; i++) {
		struct checkpoint_category category =
			codec->reading ? read[i] : month->categories[i];
		const uint8_t *bytes = (const uint8_t *)category.name.ptr;

		code_bytes(codec, &bytes, &category.name.len);
		code_i32(codec, &category.lines);
		if (codec->reading) {
			category.name.ptr = (const char *)bytes;
			read[i] = category;
		}
	}
	month->categories = codec->reading ? read : month->categories;
}

static void code_months(struct codec *codec, struct checkpoint *checkpoint)
{
	struct checkpoint_month *read = code_run(codec, &checkpoint->n_months, sizeof(*read));

	for (size_t i = 0; i < checkpoint->n_months; i++) {
		struct checkpoint_month month = codec->reading ? read[i] : checkpoint->months[i];

		code_i32(codec, &month.month);
		code_array(codec, month.left, PLATFORM_END);
		code_array(codec, month.other, PLATFORM_END);
		code_i64(codec, &month.rail);
		code_i32(codec, &month.counting_days);
		code_array(codec, month.capped, INTERACTION_END);
		code_days(codec, &month);
		code_categories(codec, &month);
		/* a month without a day has no place in the fold */
		codec->failed = codec->failed || month.n_days == 0;
		if (codec->reading) {
			read[i] = month;
		}
	}
	checkpoint->months = codec->reading ? read : checkpoint->months;
}

/* Rising, so the steps between them are short. */
static void code_open(struct codec *codec, struct checkpoint *checkpoint)
{
	int64_t *read = code_run(codec, &checkpoint->n_open, sizeof(*read)), before = 0, step;

	for (size_t i = 0; i < checkpoint->n_open; i++) {
		step = codec->reading ? 0 : checkpoint->open[i] - before;
		code_i64(codec, &step);
		before += step;
		if (codec->reading) {
			read[i] = before;
		}
	}
	checkpoint->open = codec->reading ? read : checkpoint->open;
}

static void code_checkpoint(struct codec *codec, struct checkpoint *checkpoint)
{
	int32_t tier = (int32_t)checkpoint->tier;

	code_i64(codec, &checkpoint->at);
	code_i64(codec, &checkpoint->revision);
	code_i32(codec, &checkpoint->policy_version);
	code_bool(codec, &checkpoint->begun);
	code_bool(codec, &checkpoint->at_risk);
	code_bool(codec, &checkpoint->suspended);
	code_i32(codec, &tier);
	checkpoint->tier = (enum tier)tier;
	code_i64(codec, &checkpoint->protected_until);
	code_i64(codec, &checkpoint->settled_at);
	code_score(codec, &checkpoint->settled);
	code_i64(codec, &checkpoint->credibility);
	code_i64(codec, &checkpoint->penalty);
	code_months(codec, checkpoint);
	code_bytes(codec, &checkpoint->known, &checkpoint->known_len);
	code_open(codec, checkpoint);
}

/* ---- the whole ---- */

static void checksum(const uint8_t *bytes, size_t len, uint8_t out[CHECKSUM_BYTES])
{
	uint64_t sum = intern_hash(FORMAT, (struct str){(const char *)bytes, len});

	memcpy(out, &sum, CHECKSUM_BYTES);
}

enum mb_code checkpoint_encode(const struct checkpoint *checkpoint, struct arena *arena,
			       struct str *out, struct mb_err *err)
{
	struct codec codec = {.arena = arena};
	struct checkpoint copy = *checkpoint; /* not changed by writing */
	uint8_t sum[CHECKSUM_BYTES] = {0};

	put_byte(&codec, FORMAT);
	code_checkpoint(&codec, &copy);
	if (!codec.failed) {
		checksum(codec.to, codec.len, sum);
	}
	for (size_t i = 0; i < CHECKSUM_BYTES; i++) {
		put_byte(&codec, sum[i]);
	}
	if (codec.failed) {
		return arena_fail(arena, err);
	}
	*out = (struct str){(const char *)codec.to, codec.len};
	return MB_OK;
}

bool checkpoint_decode(struct str bytes, struct arena *arena, struct checkpoint *out)
{
	struct codec codec = {.arena = arena, .reading = true, .from = (const uint8_t *)bytes.ptr};
	struct checkpoint read = {0};
	uint8_t sum[CHECKSUM_BYTES];

	if (bytes.len < CHECKSUM_BYTES + 1) {
		return false;
	}
	codec.left = bytes.len - CHECKSUM_BYTES;
	checksum(codec.from, codec.left, sum);
	if (memcmp(sum, codec.from + codec.left, CHECKSUM_BYTES) != 0 ||
	    take_byte(&codec) != FORMAT) {
		return false;
	}
	code_checkpoint(&codec, &read);
	if (codec.failed || codec.left != 0 || read.known_len == 0) {
		return false;
	}
	*out = read;
	return true;
}
