/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/status.h"
#include "service/map.h"

static void to_woken(struct arena *arena, const struct record_item *item,
		     Memberd__V1__RecordActivitiesResponse__Result *out)
{
	out->woken = arena_array(arena, item->n_woken, sizeof(*out->woken));
	for (size_t i = 0; out->woken != NULL && i < item->n_woken; i++) {
		Memberd__V1__RecordActivitiesResponse__Woken *woken =
			arena_alloc(arena, sizeof(*woken));

		if (woken == NULL) {
			return;
		}
		memberd__v1__record_activities_response__woken__init(woken);
		woken->entry_id = to_id(arena, item->woken[i].entry_id);
		woken->source = to_text(arena, item->woken[i].source);
		woken->source_event_id = to_text(arena, item->woken[i].source_event_id);
		woken->state = (Memberd__V1__EntryState)item->woken[i].state;
		out->woken[out->n_woken++] = woken;
	}
}

static void to_caps(struct arena *arena, unsigned caps,
		    Memberd__V1__RecordActivitiesResponse__Result *out)
{
	static const struct {
		unsigned bit;
		Memberd__V1__Cap cap;
	} table[] = {
		{CAP_DAY, MEMBERD__V1__CAP__CAP_DAY},
		{CAP_MONTH, MEMBERD__V1__CAP__CAP_MONTH},
		{CAP_WINDOW, MEMBERD__V1__CAP__CAP_WINDOW},
		{CAP_COMMON_MONTH, MEMBERD__V1__CAP__CAP_COMMON_MONTH},
		{CAP_COMMON_WINDOW, MEMBERD__V1__CAP__CAP_COMMON_WINDOW},
	};
	size_t n = sizeof(table) / sizeof(table[0]);

	out->caps_reached = caps == 0 ? NULL : arena_array(arena, n, sizeof(*out->caps_reached));
	for (size_t i = 0; out->caps_reached != NULL && i < n; i++) {
		if ((caps & table[i].bit) != 0) {
			out->caps_reached[out->n_caps_reached++] = table[i].cap;
		}
	}
}

static Memberd__V1__RecordActivitiesResponse__Result *to_result(struct arena *arena,
								const struct record_item *item)
{
	Memberd__V1__RecordActivitiesResponse__Result *result = arena_alloc(arena, sizeof(*result));

	if (result == NULL) {
		return NULL;
	}
	memberd__v1__record_activities_response__result__init(result);
	result->status = rpc_status_fill(arena, &item->err);
	if (item->code != MB_OK) {
		return result;
	}
	result->entry_id = to_id(arena, item->entry_id);
	result->state = (Memberd__V1__EntryState)item->state;
	result->revision = item->revision;
	result->replayed = item->replayed;
	to_woken(arena, item, result);
	to_caps(arena, item->caps, result);
	result->member_id = to_id(arena, item->member->member_id);
	result->score = item->member->standing.score.points;
	result->tier = (Memberd__V1__Tier)item->member->standing.shown;
	result->info = to_info(arena, item->member);
	return result;
}

Memberd__V1__RecordActivitiesResponse__Result *to_record_result(struct arena *arena,
								const Memberd__V1__Activity *sent,
								size_t index,
								struct record_item *item)
{
	/* border and ledger tell paths within the activity; the ledger has its lines sorted, too */
	if (item->err.field[0] != '\0') {
		if (item->code == MB_REFUND_OVER_REMAINDER ||
		    item->code == MB_REFUND_LINE_MISMATCH) {
			to_sent_line(sent, &item->activity, &item->err);
		}
		mb_err_prefix_field(&item->err, "activities[%zu]", index);
	}
	return to_result(arena, item);
}
