/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide: what people decide about members. Each decision is an entry of the service's own, which is
 * judged, accepted, folded and told like any other; a link is one in both ledgers, or in none.
 *
 *     known request? ─▶ the answer of the first time
 *          │ new
 *          ▼
 *     whom it means ─▶ already so? ── yes ─▶ nothing is written ──┐
 *                          │ no                                   ▼
 *                          └─▶ judge ─▶ accept ─▶ settle ─▶ audit ─▶ answer ─▶ request row
 *
 * All of it is one job of the store, so a failure anywhere leaves no trace in either ledger. The key
 * of an entry is ("memberd", "r<revision>"), which is unique for ever; its instant is the commit's.
 */
#include "repository/audit.h"
#include "repository/inner.h"

#include "domain/payload.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define KEY_BYTES 24

/* One ledger that a decision touches. */
struct side {
	struct ledger ledger;
	bool loaded, needed; /* needed: an entry is to be written */
	struct activity activity;
	char event_id[KEY_BYTES];
	struct fold fold;
};

struct turn {
	struct repository_decision *req;
	struct store_view *view;
	const struct policy_list *policies;
	struct side sides[2]; /* the second for links only */
	size_t n_sides;
};

/* ---- request ids ---- */

static enum mb_code digest_decision(const struct repository_decision *req,
				    unsigned char out[SEAL_DIGEST_BYTES], struct mb_err *err)
{
	const struct activity *activity = &req->activity;
	long long values[4] = {activity->kind};
	char numbers[128];
	struct str parts[9];
	size_t n = 0;

	switch (activity->kind) {
	case ACTIVITY_CREDIBILITY:
		values[1] = activity->credibility.delta_bp;
		values[2] = activity->credibility.until;
		break;
	case ACTIVITY_LINK:
		values[1] = activity->link.linked;
		values[2] = req->other.member_id;
		break;
	case ACTIVITY_OVERRIDE:
		values[1] = activity->override.tier;
		values[2] = activity->override.until;
		break;
	case ACTIVITY_SUSPENSION:
		values[1] = activity->suspension.suspended;
		break;
	default:
		break;
	}
	values[3] = req->ref.member_id;
	snprintf(numbers, sizeof(numbers), "%lld %lld %lld %lld", values[0], values[1], values[2],
		 values[3]);
	parts[n++] = req->method;
	parts[n++] = str_from(numbers);
	parts[n++] = req->ref.identity.issuer;
	parts[n++] = req->ref.identity.external_id;
	parts[n++] = req->other.identity.issuer;
	parts[n++] = req->other.identity.external_id;
	parts[n++] = activity->about_source;
	parts[n++] = activity->about_event_id;
	parts[n++] = activity->reason;
	return seal_digest(req->call.repository->seal, parts, n, out, err);
}

/* ---- whom it means ---- */

static enum mb_code load_side(struct turn *turn, const struct member_ref *ref, struct mb_err *err)
{
	struct side *side = &turn->sides[turn->n_sides];
	enum mb_code code =
		ledger_init(&side->ledger, turn->req->call.repository, STORE_WRITE, err);

	if (code != MB_OK) {
		return code;
	}
	turn->n_sides++;
	code = resolve_member(&turn->req->call, turn->view, ref, side->ledger.arena,
			      &side->ledger.row, err);
	return code == MB_OK ? ledger_load(&side->ledger, turn->view, err) : code;
}

static enum mb_code load_sides(struct turn *turn, struct mb_err *err)
{
	enum mb_code code = load_side(turn, &turn->req->ref, err);

	if (code != MB_OK || turn->req->activity.kind != ACTIVITY_LINK) {
		return code;
	}
	code = load_side(turn, &turn->req->other, err);
	if (code != MB_OK) {
		mb_err_prefix_field(err, "other");
		return code;
	}
	if (turn->sides[0].ledger.row.member_id == turn->sides[1].ledger.row.member_id) {
		return mb_fail_field(err, MB_FIELD_INVALID, "other",
				     "is the member himself; a link is between two");
	}
	return MB_OK;
}

/* ---- what is so already ---- */

/* The last entry of a kind (about `other`, if it is a link); NULL when there is none. */
static const struct activity *last_of(const struct ledger *ledger, enum activity_kind kind,
				      int64_t other)
{
	const struct entry *last = NULL;

	for (size_t i = 0; i < ledger->n; i++) {
		const struct entry *entry = &ledger->entries[i];

		if (entry->activity.kind == kind &&
		    (kind != ACTIVITY_LINK || entry->activity.link.other == other) &&
		    (last == NULL || entry->revision > last->revision)) {
			last = entry;
		}
	}
	return last != NULL ? &last->activity : NULL;
}

static bool is_so(const struct ledger *ledger, const struct activity *activity)
{
	const struct activity *last;

	switch (activity->kind) {
	case ACTIVITY_LINK:
		last = last_of(ledger, ACTIVITY_LINK, activity->link.other);
		return activity->link.linked == (last != NULL && last->link.linked);
	case ACTIVITY_SUSPENSION:
		last = last_of(ledger, ACTIVITY_SUSPENSION, 0);
		return activity->suspension.suspended ==
		       (last != NULL && last->suspension.suspended);
	default:
		return false;
	}
}

/* ---- what is named ---- */

static size_t find_named(const struct ledger *ledger, const struct activity *activity)
{
	for (size_t i = 0; i < ledger->n; i++) {
		const struct activity *other = &ledger->entries[i].activity;

		if (str_eq(other->source_event_id, activity->about_event_id) &&
		    str_eq(other->source, activity->about_source)) {
			return i;
		}
	}
	return SIZE_MAX;
}

/* What the reversals of an order, those in force now, have taken of a line. */
static int64_t taken_of(const struct side *side, const struct activity *order, int32_t line_no)
{
	int64_t taken = 0;

	for (size_t i = 0; i < side->ledger.n; i++) {
		const struct activity *other = &side->ledger.entries[i].activity;

		if (other->kind != ACTIVITY_REVERSAL || side->fold.states[i] != ENTRY_APPLIED ||
		    !str_eq(other->order_id, order->order_id) ||
		    !str_eq(other->order_source, order->order_source)) {
			continue;
		}
		for (size_t k = 0; k < other->reversal.n_lines; k++) {
			if (other->reversal.lines[k].line_no == line_no) {
				taken += other->reversal.lines[k].amount;
			}
		}
	}
	return taken;
}

/* An order is reversed line by line: all that is left of each. */
static enum mb_code reverse_order(struct turn *turn, struct side *side,
				  const struct activity *order, struct mb_err *err)
{
	struct arena *arena = side->ledger.arena;
	struct reversal_line *lines = arena_array(arena, order->order.n_lines, sizeof(*lines));
	struct activity *out = &side->activity;
	size_t n = 0;
	enum mb_code code = ledger_fold(&side->ledger, turn->policies, store_view_now(turn->view),
					0, &side->fold, err);

	if (code != MB_OK) {
		return code;
	}
	if (lines == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; i < order->order.n_lines; i++) {
		const struct line *line = &order->order.lines[i];

		lines[n] = (struct reversal_line){.line_no = line->line_no};
		memcpy(lines[n].currency, line->currency, sizeof(lines[n].currency));
		lines[n].amount = line_net(line) - taken_of(side, order, line->line_no);
		n += lines[n].amount > 0;
	}
	if (n == 0) {
		return mb_fail_field(err, MB_REFUND_OVER_REMAINDER, "activity",
				     "nothing is left of the order to reverse");
	}
	out->kind = ACTIVITY_REVERSAL;
	out->order_source = order->order_source;
	out->order_id = order->order_id;
	out->about_source = out->about_event_id = (struct str){0};
	out->reversal = (struct reversal){lines, n};
	return MB_OK;
}

/* A finding may wait for what it names, a void and a reversal may not. */
static enum mb_code look_at_named(struct turn *turn, struct side *side, struct mb_err *err)
{
	struct activity *activity = &side->activity;
	size_t index;

	if (activity->kind != ACTIVITY_VOID && activity->kind != ACTIVITY_UNDO) {
		return MB_OK;
	}
	index = find_named(&side->ledger, activity);
	if (index == SIZE_MAX) {
		return mb_fail_field(err, MB_ACTIVITY_NOT_FOUND, "activity",
				     "the member has no activity of this source and id");
	}
	if (activity->kind == ACTIVITY_UNDO &&
	    side->ledger.entries[index].activity.kind == ACTIVITY_ORDER) {
		return reverse_order(turn, side, &side->ledger.entries[index].activity, err);
	}
	return MB_OK;
}

/* ---- the entries ---- */

static void make_activity(struct turn *turn, size_t i)
{
	struct side *side = &turn->sides[i];
	struct activity *activity = &side->activity;

	*activity = turn->req->activity;
	snprintf(side->event_id, sizeof(side->event_id), "r%lld",
		 (long long)side->ledger.row.revision + 1);
	activity->source = SOURCE_OWN;
	activity->source_event_id = str_from(side->event_id);
	activity->occurred_at = store_view_now(turn->view);
	if (activity->kind == ACTIVITY_LINK) {
		activity->link.other = turn->sides[1 - i].ledger.row.member_id;
	}
	side->needed = !is_so(&side->ledger, activity);
}

/* The caller sent no activity but names one. */
static void tell_field(const struct turn *turn, struct mb_err *err)
{
	if (err->field[0] != '\0' && activity_names_activity(turn->req->activity.kind)) {
		snprintf(err->field, sizeof(err->field), "activity");
	}
}

static enum mb_code judge_side(struct turn *turn, struct side *side, struct str *payload,
			       struct mb_err *err)
{
	struct verdict verdict;
	enum mb_code code = look_at_named(turn, side, err);

	if (code == MB_OK) {
		code = payload_encode(&side->activity, side->ledger.arena, payload, err);
	}
	if (code == MB_OK) {
		code = ledger_judge(&side->ledger, turn->policies, &side->activity,
				    store_view_now(turn->view), side->ledger.arena, &verdict, err);
	}
	if (code != MB_OK) {
		tell_field(turn, err);
	}
	return code;
}

/* ---- the audit trail ---- */

/* Of what was asked, so a reversal is one whatever entry it became. */
static const char *action_of(const struct activity *asked)
{
	switch (asked->kind) {
	case ACTIVITY_FINDING:
		return "score.fraud";
	case ACTIVITY_VOID:
		return "score.void";
	case ACTIVITY_UNDO:
		return "score.reverse";
	case ACTIVITY_CREDIBILITY:
		return "score.credibility";
	case ACTIVITY_LINK:
		return asked->link.linked ? "member.link" : "member.unlink";
	case ACTIVITY_OVERRIDE:
		return "member.override";
	default:
		return asked->suspension.suspended ? "member.suspend" : "member.reinstate";
	}
}

static const char *until_text(int64_t until, char *out, size_t size)
{
	if (until == 0) {
		return "for ever";
	}
	memcpy(out, "until ", 6);
	clock_format(until, out + 6, size - 6);
	return out;
}

/* NULL when the arena is used up; empty for a kind that has nothing but its reason. */
static const char *what_of(const struct side *side, const struct activity *asked)
{
	struct arena *arena = side->ledger.arena;
	char until[64];

	switch (asked->kind) {
	case ACTIVITY_CREDIBILITY:
		return arena_printf(arena, "%+d basis points %s; ", asked->credibility.delta_bp,
				    until_text(asked->credibility.until, until, sizeof(until)));
	case ACTIVITY_LINK:
		return arena_printf(arena, "member %lld; ", (long long)side->activity.link.other);
	case ACTIVITY_OVERRIDE:
		return asked->override.tier == 0
			       ? "the natural tier; "
			       : arena_printf(
					 arena, "%s %s; ", tier_name(asked->override.tier),
					 until_text(asked->override.until, until, sizeof(until)));
	case ACTIVITY_SUSPENSION:
		return "";
	default:
		return arena_printf(arena, "activity %.*s of %.*s; ",
				    STR_ARG(asked->about_event_id), STR_ARG(asked->about_source));
	}
}

static enum mb_code note_decision(const struct turn *turn, const struct side *side,
				  struct mb_err *err)
{
	const struct activity *asked = &turn->req->activity;
	const struct entry *entry = &side->ledger.entries[side->ledger.n - 1];
	const char *what = what_of(side, asked), *detail = NULL;
	struct audit_note note = {.member_id = side->ledger.row.member_id,
				  .actor = turn->req->call.principal,
				  .action = str_from(action_of(asked))};

	if (what != NULL) {
		detail = arena_printf(side->ledger.arena, "%sentry %lld; %.*s", what,
				      (long long)entry->entry_id, STR_ARG(asked->reason));
	}
	if (detail == NULL) {
		return arena_fail(side->ledger.arena, err);
	}
	note.detail = str_from(detail);
	return audit_append(turn->view, &note, err);
}

/* ---- accepting and settling ---- */

static enum mb_code accept_side(struct turn *turn, struct side *side, struct mb_err *err)
{
	struct member_row *row = &side->ledger.row;
	struct str payload;
	enum mb_code code = judge_side(turn, side, &payload, err);

	if (code == MB_OK) {
		code = ledger_accept(&side->ledger, turn->view, &side->activity, payload, err);
	}
	if (code == MB_OK && side->activity.kind == ACTIVITY_SUSPENSION) {
		row->state = side->activity.suspension.suspended ? MEMBER_SUSPENDED : MEMBER_ACTIVE;
	}
	return code == MB_OK ? note_decision(turn, side, err) : code;
}

static enum mb_code settle_side(struct turn *turn, struct side *side, struct mb_err *err)
{
	enum mb_code code = ledger_fold(&side->ledger, turn->policies, store_view_now(turn->view),
					HOT_CHANGES, &side->fold, err);

	if (code == MB_OK && side->needed) {
		code = ledger_settle(&side->ledger, turn->view, turn->policies, &side->fold, err);
		if (code == MB_OK) {
			code = call_tell(&turn->req->call, &side->ledger, err);
		}
	}
	return code;
}

static enum mb_code decide(struct turn *turn, struct mb_err *err)
{
	enum mb_code code = load_sides(turn, err);

	for (size_t i = 0; code == MB_OK && i < turn->n_sides; i++) {
		make_activity(turn, i);
		if (turn->sides[i].needed) {
			code = accept_side(turn, &turn->sides[i], err);
		}
	}
	for (size_t i = 0; code == MB_OK && i < turn->n_sides; i++) {
		code = settle_side(turn, &turn->sides[i], err);
	}
	return code;
}

/* ---- the answer ---- */

static enum mb_code describe_side(struct turn *turn, const struct side *side, struct decided *out,
				  struct mb_err *err)
{
	size_t last = side->ledger.n - 1;
	struct member *member = NULL;
	enum mb_code code =
		describe_member(turn->req->call.repository, turn->view, &side->ledger.row,
				&side->fold, turn->policies, MEMBER_STANDING | MEMBER_STATES,
				turn->req->call.arena, &member, err);

	*out = (struct decided){.member = member};
	if (side->needed) {
		out->entry_id = side->ledger.entries[last].entry_id;
		out->state = side->fold.states[last];
	}
	return code;
}

static enum mb_code answer_decision(struct turn *turn, struct mb_err *err)
{
	struct decided decided[2] = {{0}};
	enum mb_code code = MB_OK;

	for (size_t i = 0; code == MB_OK && i < turn->n_sides; i++) {
		code = describe_side(turn, &turn->sides[i], &decided[i], err);
	}
	return code == MB_OK ? turn->req->answer(turn->req, decided, &turn->req->answered, err)
			     : code;
}

static enum mb_code run_decision(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct repository_decision *req = (struct repository_decision *)CALL_OF_JOB(job);
	struct turn turn = {
		.req = req, .view = view, .policies = repository_policies(req->call.repository)};
	unsigned char bytes[SEAL_DIGEST_BYTES];
	const struct str digest = {(const char *)bytes, sizeof(bytes)};
	bool done = false;
	enum mb_code code = digest_decision(req, bytes, err);

	if (code == MB_OK) {
		code = find_request(&req->call, view, req->request_id, digest, &req->answered,
				    &done, err);
	}
	if (code != MB_OK || done) {
		return code;
	}
	code = decide(&turn, err);
	if (code == MB_OK) {
		code = answer_decision(&turn, err);
	}
	if (code == MB_OK) {
		code = keep_request(&req->call, view, req->request_id, req->method, digest,
				    req->answered, err);
	}
	for (size_t i = 0; i < turn.n_sides; i++) {
		ledger_fini(&turn.sides[i].ledger);
	}
	return code;
}

void repository_decide(struct repository *repository, struct repository_decision *req)
{
	assert(req->answer != NULL && req->request_id.len > 0 && req->activity.reason.len > 0);
	req->answered = (struct str){0};
	repository_submit(repository, &req->call, STORE_WRITE, run_decision);
}
