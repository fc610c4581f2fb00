/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of hot records are what they were made of, or refused. */
#include "base/checksum.h"
#include "domain/calendar.h"
#include "domain/hot.h"
#include "hot_records.h"
#include "story.h"

#include <string.h>

#define AT_COUNT 29

static bool same_head(const struct hot_record *a, const struct hot_record *b)
{
	return a->member_id == b->member_id && a->revision == b->revision &&
	       a->created_at == b->created_at && a->policy_newest == b->policy_newest &&
	       a->projected_at == b->projected_at && same_state(&a->now, &b->now);
}

/* Any number, also the ends of all. */
static int64_t any(uint64_t *seed)
{
	switch (draw_below(seed, 8)) {
	case 0:
		return INT64_MIN;
	case 1:
		return INT64_MAX;
	case 2:
		return draw_below(seed, 3) - 1;
	case 3:
		return draw_below(seed, 100) * US_PER_MINUTE;
	case 4:
		return -draw_below(seed, 1000) * US_PER_MINUTE;
	default:
		return (int64_t)(draw(seed) >> draw_below(seed, 64));
	}
}

/* `calm` times as often as not nothing but the points is another. */
static struct hot_state any_state(uint64_t *seed, const struct hot_state *before, int64_t calm)
{
	struct hot_state state = *before;

	if (draw_below(seed, calm) != 0) {
		state.points = draw_below(seed, 3000);
		return state;
	}

	state.suspended = draw_below(seed, 4) == 0;
	state.at_risk = draw_below(seed, 4) == 0;
	state.below_keep = draw_below(seed, 4) == 0;
	if (draw_below(seed, 2) == 0) {
		state.tier = (enum tier)(1 + draw_below(seed, TIER_END - 1));
		state.shown = (enum tier)(1 + draw_below(seed, TIER_END - 1));
		state.level = (enum level)(1 + draw_below(seed, LEVEL_END - 1));
	}
	if (draw_below(seed, 2) == 0) {
		state.points = any(seed) & INT64_MAX;
	}
	if (draw_below(seed, 4) == 0) {
		state.protected_until = any(seed);
	}
	if (draw_below(seed, 8) == 0) {
		state.credibility = (int32_t)any(seed);
		state.shown_until = any(seed);
	}
	return state;
}

/* False when there is no instant left. */
static bool later(uint64_t *seed, int64_t *t)
{
	int64_t step = 1 + (int64_t)(draw(seed) >> (4 + draw_below(seed, 60)));

	step += draw_below(seed, 3) == 0 ? US_PER_MINUTE - 1 - (step - 1) % US_PER_MINUTE : 0;
	if (*t > 0 && step > INT64_MAX - 1 - *t) {
		return false;
	}
	*t += step;
	return true;
}

static struct hot_record any_record(uint64_t *seed)
{
	static const struct hot_state first = {
		.tier = TIER_BRONZE, .shown = TIER_BRONZE, .level = LEVEL_STANDARD};
	struct hot_record record = {.member_id = any(seed),
				    .revision = any(seed),
				    .created_at = any(seed),
				    .policy_newest = (int32_t)any(seed),
				    .projected_at = any(seed),
				    .good_until = INT64_MAX,
				    .now = any_state(seed, &first, 1)};
	const struct hot_state *before = &record.now;
	int64_t t, n = draw_below(seed, HOT_CHANGES_MAX + 1), calm = 1 + draw_below(seed, 20);

	record.projected_at -= record.projected_at == INT64_MAX;
	t = record.projected_at;
	for (; n > 0 && later(seed, &t); n--) {
		struct hot_change *change = &record.changes[record.n_changes++];

		*change = (struct hot_change){t, any_state(seed, before, calm)};
		before = &change->after;
	}
	if (draw_below(seed, 2) == 0 && later(seed, &t)) {
		record.good_until = t;
	}
	return record;
}

/* The record itself asked, change by change. */
static bool plainly_at(const struct hot_record *record, int64_t now, struct hot_state *state,
		       int64_t *next)
{
	*state = record->now;
	*next = record->good_until == INT64_MAX ? 0 : record->good_until;
	for (size_t i = record->n_changes; i > 0; i--) {
		if (record->changes[i - 1].at > now) {
			*next = record->changes[i - 1].at;
		} else {
			*state = record->changes[i - 1].after;
			break;
		}
	}
	return now >= record->projected_at && now < record->good_until;
}

static void assert_asked_alike(const struct hot_record *record, const struct hot_bytes *bytes,
			       int64_t now)
{
	struct policy own = default_policy;
	const struct policy *const versions[] = {&own};
	const struct policy_list list = {versions, 1};
	struct hot_state state;
	struct hot_view view;
	int64_t next;
	bool good = plainly_at(record, now, &state, &next);

	own.version = record->policy_newest;
	assert_int_equal(hot_at(bytes, &list, now, &view), good);
	if (good) {
		assert_true(same_state(&view.state, &state));
		assert_int_equal(view.next_change, next);
		assert_int_equal(view.revision, record->revision);
		assert_int_equal(view.created_at, record->created_at);
	}
}

/* What is left of the changes is as it was; what is not is the end. */
static void assert_read_alike(const struct hot_record *record, const struct hot_record *again)
{
	size_t n = again->n_changes;

	assert_true(same_head(record, again));
	assert_true(n <= record->n_changes);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(record->changes[i].at, again->changes[i].at);
		assert_true(same_state(&record->changes[i].after, &again->changes[i].after));
	}
	assert_int_equal(again->good_until,
			 n < record->n_changes ? record->changes[n].at : record->good_until);
}

static void any_record_comes_back(void **state)
{
	uint64_t seed = 20261122;
	size_t dropped = 0, whole = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct hot_record record = any_record(&seed), again;
		struct hot_bytes bytes;

		hot_encode(&record, &bytes);
		assert_true(hot_decode(bytes.bytes, bytes.len, record.member_id, &again));
		assert_read_alike(&record, &again);
		dropped += again.n_changes < record.n_changes;
		whole += again.n_changes == HOT_CHANGES_MAX;
		assert_asked_alike(&again, &bytes, any(&seed));
		for (size_t k = 0; k < again.n_changes; k++) {
			assert_asked_alike(&again, &bytes, again.changes[k].at);
			assert_asked_alike(&again, &bytes, again.changes[k].at - 1);
		}
		assert_asked_alike(&again, &bytes, again.good_until - 1);
		assert_asked_alike(&again, &bytes, again.good_until);
	}
	assert_true(dropped > 100 && whole > 100);
}

/* 16 changes of 2 bytes and so many for the points, the wide ones first; the sum of them. */
static size_t widen(struct hot_record *record, size_t more, size_t widths[HOT_CHANGES_MAX])
{
	int64_t t = record->projected_at, points = record->now.points;
	size_t sum = 0;

	record->good_until = INT64_MAX;
	record->n_changes = HOT_CHANGES_MAX;
	for (size_t i = 0; i < HOT_CHANGES_MAX; i++) {
		size_t width = 1 + more / HOT_CHANGES_MAX + (i < more % HOT_CHANGES_MAX);
		int64_t step = INT64_C(1) << (7 * width - 2); /* zigzag: 7 * width bits */

		points += i % 2 == 0 ? step : -step;
		record->changes[i] = (struct hot_change){++t, record->now};
		record->changes[i].after.points = points;
		widths[i] = width;
		sum += width;
	}
	return sum;
}

/* All is kept as long as it fits to the byte, and then the most that leaves room for the end. */
static void the_last_byte_is_used(void **state)
{
	const size_t first = AT_COUNT + 1 + 10, most = HOT_BYTES_MAX - 4;
	bool full = false;

	(void)state;
	for (size_t more = 0; more < 8 * HOT_CHANGES_MAX; more++) {
		struct hot_record record = plain(), again;
		size_t widths[HOT_CHANGES_MAX], len = first, n = 0;
		size_t all = first + 2 * HOT_CHANGES_MAX + widen(&record, more, widths);
		struct hot_bytes bytes;

		hot_encode(&record, &bytes);
		assert_true(hot_decode(bytes.bytes, bytes.len, MEMBER, &again));
		assert_read_alike(&record, &again);
		if (all <= most) {
			assert_int_equal(bytes.len, all + 4);
			assert_int_equal(again.n_changes, HOT_CHANGES_MAX);
			full = full || all == most;
			continue;
		}
		for (; n < HOT_CHANGES_MAX && len + 2 + widths[n] + 11 <= most; n++) {
			len += 2 + widths[n];
		}
		assert_int_equal(again.n_changes, n);
		assert_int_equal(bytes.len, len + 2 + 4); /* the end is a microsecond later */
	}
	assert_true(full);
}

static void far_and_early_times_are_told(void **state)
{
	struct hot_record record = plain(), again;
	struct hot_bytes bytes;
	struct hot_view view;

	(void)state;
	record.created_at = record.projected_at = CALENDAR_MIN;
	record.changes[0].at = -1;
	record.changes[0].after.protected_until = CALENDAR_MAX;
	record.changes[0].after.shown_until = -US_PER_MINUTE;
	record.changes[1] = (struct hot_change){CALENDAR_MAX + US_PER_MINUTE, record.now};
	record.n_changes = 2;
	record.good_until = INT64_MAX - 1;
	hot_encode(&record, &bytes);
	assert_true(hot_decode(bytes.bytes, bytes.len, MEMBER, &again));
	assert_read_alike(&record, &again);
	assert_true(hot_at(&bytes, l.policies, -1, &view));
	assert_int_equal(view.created_at, CALENDAR_MIN);
	assert_int_equal(view.state.protected_until, CALENDAR_MAX);
	assert_int_equal(view.next_change, CALENDAR_MAX + US_PER_MINUTE);
	assert_true(hot_at(&bytes, l.policies, -2, &view));
	assert_int_equal(view.next_change, -1);
}

/* Kept by stores and by Redis: another layout is another format number. */
static void the_format_stays(void **state)
{
	static const uint8_t want[] = {
		1,    0x80, 0,	  0,	0,    0,    0,	  0,	7, /* format, revision */
		0x80, 0,    0,	  1, /* policy_newest */
		0x80, 0,    0,	  0,	0,    0,    0x03, 0xe8, /* projected_at 1000 */
		0x80, 0,    0,	  0,	0,    0,    0x03, 0x84, /* created_at 900 */
		0x81, /* one change and an end */
		0xf0, 0xa3, 0xa1, 0x1f, 0xa4, 0x13, 0xcf, 0x0f, 0x89, 0x27, /* gold … */
		0x48, 0xe8, 0x07, 0x9e, 0x30, /* 1000 µs later 3087 points more */
		0x08, 0xe8, 0x07, /* the end, 1000 µs later */
	};
	const struct hot_record record = plain();
	struct hot_bytes bytes;
	uint32_t sum;

	(void)state;
	memset(&bytes, 0xff, sizeof(bytes));
	hot_encode(&record, &bytes);
	assert_int_equal(bytes.len, sizeof(want) + 4);
	assert_memory_equal(bytes.bytes, want, sizeof(want));
	sum = checksum_bytes(checksum_number(0, MEMBER),
			     (struct str){(const char *)want, sizeof(want)});
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(bytes.bytes[sizeof(want) + i], sum >> (24 - 8 * i) & 0xff);
	}
	for (size_t i = bytes.len; i < HOT_BYTES_MAX; i++) {
		assert_int_equal(bytes.bytes[i], 0);
	}
}

/* ---- what is refused ---- */

static void damage_is_refused(void **state)
{
	const struct hot_record record = plain();
	struct hot_record out = {.revision = -1};
	struct hot_bytes bytes;

	(void)state;
	hot_encode(&record, &bytes);
	for (size_t bit = 0; bit < 8 * (size_t)bytes.len; bit++) {
		bytes.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(hot_decode(bytes.bytes, bytes.len, MEMBER, &out));
		bytes.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len < bytes.len; len++) {
		assert_false(hot_decode(bytes.bytes, len, MEMBER, &out));
	}
	assert_false(hot_decode(bytes.bytes, bytes.len + 1u, MEMBER, &out));
	assert_false(hot_decode(bytes.bytes, bytes.len, MEMBER + 1, &out));
	assert_int_equal(out.revision, -1);
	assert_true(hot_decode(bytes.bytes, bytes.len, MEMBER, &out));
}

/* The body after the fixed part, with a checksum that is right. */
static bool takes_format(uint8_t format, uint8_t count, const char *body, size_t len)
{
	uint8_t bytes[HOT_BYTES_MAX + 64] = {format};
	struct hot_record out;
	uint32_t sum;

	for (int at_number = 1; at_number < AT_COUNT; at_number += at_number == 9 ? 4 : 8) {
		bytes[at_number] = 0x80;
	}
	bytes[AT_COUNT] = count;
	memcpy(bytes + AT_COUNT + 1, body, len);
	len += AT_COUNT + 1;
	sum = checksum_bytes(checksum_number(0, MEMBER), (struct str){(const char *)bytes, len});
	for (int i = 0; i < 4; i++) {
		bytes[len++] = (uint8_t)(sum >> (24 - 8 * i));
	}
	return hot_decode(bytes, len, MEMBER, &out);
}

static bool takes(uint8_t count, const char *body, size_t len)
{
	return takes_format(1, count, body, len);
}

#define TAKES(count, body) takes(count, body, sizeof(body) - 1)

static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	assert_true(TAKES(0, "\x10\x49")); /* Bronze, standard */
	assert_false(takes_format(2, 0, "\x10\x49", 2));
	assert_false(takes_format(0, 0, "\x10\x49", 2));
	assert_false(TAKES(0, "\x00\x49")); /* no tier, and a byte too many */
	assert_false(TAKES(0, "\x10\x40")); /* no tier */
	assert_false(TAKES(0, "\x10\x4f")); /* tier 7 */
	assert_false(TAKES(0, "\x10\x41")); /* none shown */
	assert_false(TAKES(0, "\x10\x79")); /* 7 shown */
	assert_false(TAKES(0, "\x10\x09")); /* no level */
	assert_false(TAKES(0, "\x18\x49")); /* FINE, without an instant */
	assert_false(TAKES(0, "\x10\x49\x00")); /* something after it */
	assert_true(TAKES(0, "\x50\x49\x02")); /* a point */
	assert_false(TAKES(0, "\x50\x49\x01")); /* one below zero */
	assert_false(TAKES(0, "\x50\x49\x82\x00")); /* not the shortest form */
	assert_false(TAKES(0, "\x50\x49\x82")); /* cut off */
	assert_true(TAKES(0, "\x30\x49\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	assert_false(TAKES(0, "\x30\x49\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
	assert_false(TAKES(0, "\x30\x49\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00"));
	assert_true(TAKES(0, "\x90\x49\x80\x80\x04\x01")); /* credibility + 32768 */
	assert_false(TAKES(0, "\x90\x49\xfe\xff\xff\xff\x0f\x01")); /* more than 32 bits */
	assert_true(TAKES(1, "\x10\x49\x08\x01")); /* a change a microsecond later */
	assert_false(TAKES(1, "\x10\x49\x08\x00")); /* at once */
	assert_false(TAKES(1, "\x10\x49\x00\x00")); /* at once */
	assert_false(TAKES(1, "\x10\x49\x58\x01\x40\x00")); /* to no tier */
	assert_false(TAKES(2, "\x10\x49\x08\x01")); /* one is missing */
	assert_false(TAKES(0, "\x10\x49\x08\x01")); /* one is not told of */
	assert_true(TAKES(0x81, "\x10\x49\x08\x01\x08\x01")); /* and the end */
	assert_false(TAKES(0x81, "\x10\x49\x08\x01\x08\x00")); /* no time between */
	assert_false(TAKES(0x80, "\x10\x49\x09\x01")); /* an end with a state */
	assert_true(TAKES(0x80, "\x10\x49\x08\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"));
	assert_false(TAKES(0x80, "\x10\x49\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f")); /* never */
	assert_false(TAKES(0x80, "\x10\x49\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	assert_false(TAKES(0x40, "\x10\x49")); /* 64 changes */
}

static void seventeen_changes_are_refused(void **state)
{
	char body[2 + 2 * 17] = "\x10\x49";

	(void)state;
	for (int i = 0; i < 17; i++) {
		body[2 + 2 * i] = 8;
		body[3 + 2 * i] = 1;
	}
	assert_true(takes(16, body, sizeof(body) - 2));
	assert_false(takes(17, body, sizeof(body)));
}

static void too_long_is_refused(void **state)
{
	char body[HOT_BYTES_MAX] = "\x10\x49";
	const size_t most = HOT_BYTES_MAX - AT_COUNT - 1 - 4;
	size_t len = 2;

	(void)state;
	/* changes of 10 bytes, then one of points that fills it to the byte, or one byte more */
	for (int i = 0; i < 15; i++, len += 10) {
		memcpy(body + len,
		       i % 2 == 0 ? "\x48\x01\x80\x80\x80\x80\x80\x80\x80\x20"
				  : "\x48\x01\xff\xff\xff\xff\xff\xff\xff\x1f",
		       10);
	}
	memcpy(body + len, "\x48\x01\x80\x80\x80\x20", 6);
	assert_int_equal(len + 6, most);
	assert_true(takes(16, body, most));
	memcpy(body + len, "\x48\x01\x80\x80\x80\x80\x20", 7);
	assert_false(takes(16, body, most + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_record_comes_back),
		TEST(the_last_byte_is_used),
		TEST(far_and_early_times_are_told),
		TEST(the_format_stays),
		TEST(damage_is_refused),
		TEST(what_cannot_be_is_refused),
		TEST(seventeen_changes_are_refused),
		TEST(too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
