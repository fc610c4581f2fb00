/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history: what was told about a member's tier, and what has to be told now.
 *
 * The rows are a log: nothing in it is ever changed. Read from its beginning, it says at every point
 * what was believed then: a row adds a transition, a RETRACTED row takes back every transition told
 * before it that took effect at its instant or later. A late entry that changes the past therefore
 * appends one RETRACTED row and after it, marked as restated, the transitions that hold now.
 */
#include "repository/inner.h"

#define HISTORY_RETRACTED 100 /* beside enum transition_kind, whose numbers are stored, too */

struct told {
	const struct history_row **rows; /* that hold, by effective_at */
	size_t n;
};

static enum mb_code read_told(struct store_view *view, int64_t member_id, struct arena *arena,
			      struct told *out, struct mb_err *err)
{
	struct history_row *rows = NULL;
	size_t n = 0;
	enum mb_code code = store_list_history(view, member_id, arena, &rows, &n, err);

	if (code != MB_OK) {
		return code;
	}
	*out = (struct told){arena_array(arena, n, sizeof(const struct history_row *)), 0};
	if (out->rows == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; i < n; i++) {
		if (rows[i].kind != HISTORY_RETRACTED) {
			out->rows[out->n++] = &rows[i];
			continue;
		}
		while (out->n > 0 && out->rows[out->n - 1]->effective_at >= rows[i].effective_at) {
			out->n--;
		}
	}
	return MB_OK;
}

static bool same(const struct history_row *row, const struct transition *transition)
{
	return row->effective_at == transition->effective_at &&
	       row->kind == (int32_t)transition->kind &&
	       row->from_tier == (int32_t)transition->from &&
	       row->to_tier == (int32_t)transition->to && row->points == transition->points &&
	       row->policy_version == transition->policy_version;
}

/* Where fold and log part; moved back to the first transition of its instant, because retracting
 * takes back whole instants. */
static size_t find_parting(const struct told *told, const struct fold *fold)
{
	size_t i = 0;

	while (i < told->n && i < fold->n_history && same(told->rows[i], &fold->history[i])) {
		i++;
	}
	if (i < told->n) {
		while (i > 0 && told->rows[i - 1]->effective_at == told->rows[i]->effective_at) {
			i--;
		}
	}
	return i;
}

static enum mb_code retract(struct store_view *view, int64_t member_id, const struct told *told,
			    size_t from, int64_t now, struct mb_err *err)
{
	const struct history_row *first = told->rows[from];
	const struct history_row row = {.member_id = member_id,
					.kind = HISTORY_RETRACTED,
					.restated = true,
					.from_tier = first->from_tier,
					.to_tier = first->from_tier,
					.policy_version = first->policy_version,
					.effective_at = first->effective_at,
					.known_at = now};

	return store_add_history(view, &row, err);
}

enum mb_code tell_history(struct store_view *view, int64_t member_id, const struct fold *fold,
			  int64_t now, struct arena *arena, struct mb_err *err)
{
	struct told told;
	enum mb_code code = read_told(view, member_id, arena, &told, err);
	size_t from;
	bool restated;

	if (code != MB_OK) {
		return code;
	}
	from = find_parting(&told, fold);
	restated = from < told.n;
	if (restated) {
		code = retract(view, member_id, &told, from, now, err);
	}
	for (size_t i = from; code == MB_OK && i < fold->n_history; i++) {
		const struct transition *transition = &fold->history[i];
		const struct history_row row = {.member_id = member_id,
						.kind = (int32_t)transition->kind,
						.restated = restated,
						.from_tier = (int32_t)transition->from,
						.to_tier = (int32_t)transition->to,
						.points = transition->points,
						.policy_version = transition->policy_version,
						.effective_at = transition->effective_at,
						.known_at = now};

		code = store_add_history(view, &row, err);
	}
	return code;
}
