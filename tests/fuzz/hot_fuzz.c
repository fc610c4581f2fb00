/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever the bytes: what hot_decode() takes comes back from hot_encode() as the same record, or one
 * that ends sooner, and hot_at() says of every instant what the decoded record does. What it refuses,
 * hot_at() may be asked about, too. The checksum is put right, or nothing would come past it.
 */
#include "base/checksum.h"
#include "domain/hot.h"

#include <stdlib.h>
#include <string.h>

#define MEMBER INT64_C(4711)
#define SUM    4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *bytes, size_t len)
{
	uint32_t sum = checksum_bytes(checksum_number(0, MEMBER),
				      (struct str){(const char *)bytes, len - SUM});

	for (size_t i = 0; i < SUM; i++) {
		bytes[len - SUM + i] = (uint8_t)(sum >> (24 - 8 * i));
	}
}

static bool same_state(const struct hot_state *a, const struct hot_state *b)
{
	return a->tier == b->tier && a->shown == b->shown && a->shown_until == b->shown_until &&
	       a->suspended == b->suspended && a->credibility == b->credibility &&
	       a->level == b->level && a->at_risk == b->at_risk && a->below_keep == b->below_keep &&
	       a->protected_until == b->protected_until && a->points == b->points;
}

static void need(bool fact)
{
	if (!fact) {
		abort();
	}
}

/* The record asked change by change. */
static void ask(const struct hot_record *record, const struct hot_bytes *bytes, int64_t now)
{
	struct policy policy = {.version = record->policy_newest};
	const struct policy *const versions[] = {&policy};
	const struct policy_list list = {versions, 1};
	const struct hot_state *state = &record->now;
	int64_t next = record->good_until == INT64_MAX ? 0 : record->good_until;
	struct hot_view view;

	for (size_t i = 0; i < record->n_changes; i++) {
		if (record->changes[i].at > now) {
			next = record->changes[i].at;
			break;
		}
		state = &record->changes[i].after;
	}
	if (!hot_at(bytes, &list, now, &view)) {
		need(now < record->projected_at || now >= record->good_until);
		return;
	}
	need(now >= record->projected_at && now < record->good_until);
	need(same_state(&view.state, state) && view.next_change == next);
	need(view.revision == record->revision && view.created_at == record->created_at);
}

static void ask_around(const struct hot_record *record, const struct hot_bytes *bytes)
{
	ask(record, bytes, INT64_MIN);
	ask(record, bytes, record->projected_at);
	for (size_t i = 0; i < record->n_changes; i++) {
		ask(record, bytes, record->changes[i].at - 1);
		ask(record, bytes, record->changes[i].at);
	}
	ask(record, bytes, record->good_until - 1);
	ask(record, bytes, record->good_until);
}

static void need_beginning_of(const struct hot_record *record, const struct hot_record *shorter)
{
	size_t n = shorter->n_changes;

	need(n <= record->n_changes && same_state(&shorter->now, &record->now));
	for (size_t i = 0; i < n; i++) {
		need(shorter->changes[i].at == record->changes[i].at &&
		     same_state(&shorter->changes[i].after, &record->changes[i].after));
	}
	need(shorter->good_until ==
	     (n < record->n_changes ? record->changes[n].at : record->good_until));
}

static void take(const struct hot_bytes *bytes, const struct hot_record *record)
{
	struct hot_bytes again;
	struct hot_record shorter;

	ask_around(record, bytes);
	hot_encode(record, &again);
	need(hot_compare(bytes, &again) == 0);
	need(hot_decode(again.bytes, again.len, MEMBER, &shorter));
	ask_around(&shorter, &again);
	need_beginning_of(record, &shorter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy policy = {.version = INT32_MAX};
	const struct policy *const versions[] = {&policy};
	struct hot_bytes bytes = {0};
	struct hot_record record;
	struct hot_view view;

	if (size < SUM || size > HOT_BYTES_MAX) {
		need(!hot_decode(data, size, MEMBER, &record));
		return 0;
	}
	hot_decode(data, size, MEMBER, &record);
	bytes.len = (uint8_t)size;
	memcpy(bytes.bytes, data, size);
	mend(bytes.bytes, size);
	if (hot_decode(bytes.bytes, size, MEMBER, &record)) {
		take(&bytes, &record);
	}
	hot_at(&bytes, &(struct policy_list){versions, 1}, (int64_t)size << 50, &view);
	return 0;
}
