/* SPDX-License-Identifier: Apache-2.0 */
/* What an import came to: every line of the file stands in exactly one row of `lines`. */
#include "base/clock.h"
#include "base/str.h"
#include "ctl/clean.h"
#include "ctl/ctl.h"
#include "ctl/import_impl.h"
#include "ctl/mapping.h"

#include <jansson.h>
#include <stdlib.h>

/* 541909 as "541,909". */
static void put_number(struct strbuf *out, int64_t n, int width)
{
	char plain[24], grouped[32];
	int len = snprintf(plain, sizeof(plain), "%lld", (long long)n);
	int at = 0;

	for (int i = 0; i < len; i++) {
		bool group = i > 0 && plain[i - 1] != '-' && (len - i) % 3 == 0;

		if (group) {
			grouped[at++] = ',';
		}
		grouped[at++] = plain[i];
	}
	grouped[at] = '\0';
	strbuf_printf(out, "%*s", width, grouped);
}

static void put_row(struct strbuf *out, int64_t n, const char *what)
{
	put_number(out, n, 12);
	strbuf_printf(out, "  %s\n", what);
}

static void put_time(struct strbuf *out, const struct import *import, int64_t at)
{
	char text[40];

	clock_format(at + import_shift_us(import), text, sizeof(text));
	strbuf_puts(out, text);
}

static void put_lines(struct strbuf *out, const struct import *import)
{
	const struct skips *skips = &import->intake.skips;
	const struct plan *plan = &import->plan;
	const bool *makes = import->mapping->makes;
	char what[80];

	put_row(out, import->intake.lines, "lines in the file");
	if (makes[MAPPING_ORDER]) {
		put_row(out, plan->order_lines, "  lines of orders");
	}
	if (makes[MAPPING_CANCELLATION]) {
		put_row(out, plan->matched, "  lines of cancellations, matched");
		put_row(out, plan->partly_matched, "  lines of cancellations, matched in part");
		put_row(out, plan->unmatched,
			"  lines of cancellations, UNMATCHED: no purchase found");
	}
	if (makes[MAPPING_REVIEW]) {
		put_row(out, plan->review_lines, "  lines of reviews");
	}
	if (makes[MAPPING_VISIT]) {
		put_row(out, plan->visit_lines, "  lines of visits");
	}
	for (size_t i = 0; i < skips->n; i++) {
		snprintf(what, sizeof(what), "  left out: %.*s", STR_ARG(skips->counts[i].reason));
		put_row(out, skips->counts[i].lines, what);
	}
}

static void put_plan(struct strbuf *out, const struct import *import)
{
	const struct plan *plan = &import->plan;
	const bool *makes = import->mapping->makes;

	put_row(out, (int64_t)plan->n_members, "members");
	if (makes[MAPPING_ORDER]) {
		put_row(out, (int64_t)plan->n_of[PLAN_ORDER], "orders");
	}
	if (makes[MAPPING_CANCELLATION]) {
		put_row(out, (int64_t)plan->n_of[PLAN_REVERSAL], "reversals");
		put_row(out, plan->units_matched, "units taken back");
		put_row(out, plan->units_unmatched, "units that found no purchase");
		put_row(out, plan->pieces_of_nothing, "shares of purchases at no price, not sent");
	}
	if (import->mapping->review.implied) {
		put_row(out, (int64_t)plan->n_of[PLAN_PURCHASE],
			"orders of nothing, which reviews imply");
	}
	if (makes[MAPPING_REVIEW]) {
		put_row(out, (int64_t)plan->n_of[PLAN_REVIEW], "reviews");
	}
	if (makes[MAPPING_VISIT]) {
		put_row(out, (int64_t)plan->n_of[PLAN_VISIT], "visits");
	}
	if (plan->n > 0) {
		strbuf_puts(out, "from ");
		put_time(out, import, plan->first_at);
		strbuf_puts(out, " to ");
		put_time(out, import, plan->last_at);
		strbuf_printf(out, ", moved by %lld weeks\n", (long long)import->shift_weeks);
	}
	if (import->activities_digest[0] != '\0') {
		strbuf_printf(out, "activities sha256:%s\n", import->activities_digest);
	}
}

static void put_sent(struct strbuf *out, const struct import *import)
{
	const struct import_tally *tally = &import->state.tally;
	char what[240];

	put_row(out, tally->enrolled,
		"members enrolled, by this run or an earlier one of this import");
	put_row(out, tally->known, "members that were there before");
	put_row(out, tally->accepted, "activities taken in");
	put_row(out, tally->replayed, "activities that had been taken in before");
	if (tally->parked > 0) {
		put_row(out, tally->parked, "  of them wait for the order that they name");
	}
	for (size_t i = 0; i < tally->n_refusals; i++) {
		snprintf(what, sizeof(what), "REFUSED: %s, such as %s", tally->refusals[i].reason,
			 tally->refusals[i].example);
		clean_text(what);
		put_row(out, tally->refusals[i].count, what);
	}
}

static json_t *sent_json(const struct import *import)
{
	const struct import_tally *tally = &import->state.tally;
	json_t *refused = json_object();

	for (size_t i = 0; i < tally->n_refusals; i++) {
		json_object_set_new(refused, tally->refusals[i].reason,
				    json_integer(tally->refusals[i].count));
	}
	return json_pack("{sI sI sI sI sI so ss sb}", "enrolled", (json_int_t)tally->enrolled,
			 "known", (json_int_t)tally->known, "accepted", (json_int_t)tally->accepted,
			 "replayed", (json_int_t)tally->replayed, "parked",
			 (json_int_t)tally->parked, "refused", refused, "storeId",
			 import->state.store_id, "resumed", import->resumed);
}

static json_t *lines_json(const struct import *import)
{
	const struct skips *skips = &import->intake.skips;
	const struct plan *plan = &import->plan;
	json_t *skipped = json_object();

	for (size_t i = 0; i < skips->n; i++) {
		json_object_setn_new(skipped, skips->counts[i].reason.ptr,
				     skips->counts[i].reason.len,
				     json_integer(skips->counts[i].lines));
	}
	return json_pack("{sI sI s{sI sI sI} sI sI so}", "total", (json_int_t)import->intake.lines,
			 "order", (json_int_t)plan->order_lines, "cancellation", "matched",
			 (json_int_t)plan->matched, "partlyMatched",
			 (json_int_t)plan->partly_matched, "unmatched", (json_int_t)plan->unmatched,
			 "review", (json_int_t)plan->review_lines, "visit",
			 (json_int_t)plan->visit_lines, "skipped", skipped);
}

static json_t *report_json(const struct import *import)
{
	const struct plan *plan = &import->plan;
	char first[40], last[40];

	clock_format(plan->first_at + import_shift_us(import), first, sizeof(first));
	clock_format(plan->last_at + import_shift_us(import), last, sizeof(last));
	return json_pack("{ss ss so sI sI sI sI sI sI s{sI sI} sI sI sI ss ss}", "fileSha256",
			 import->intake.digest, "mappingSha256", import->mapping->digest, "lines",
			 lines_json(import), "members", (json_int_t)plan->n_members, "orders",
			 (json_int_t)plan->n_of[PLAN_ORDER], "reversals",
			 (json_int_t)plan->n_of[PLAN_REVERSAL], "purchases",
			 (json_int_t)plan->n_of[PLAN_PURCHASE], "reviews",
			 (json_int_t)plan->n_of[PLAN_REVIEW], "visits",
			 (json_int_t)plan->n_of[PLAN_VISIT], "units", "matched",
			 (json_int_t)plan->units_matched, "unmatched",
			 (json_int_t)plan->units_unmatched, "pieces", (json_int_t)plan->pieces,
			 "piecesOfNothing", (json_int_t)plan->pieces_of_nothing, "shiftWeeks",
			 (json_int_t)import->shift_weeks, "firstAt", plan->n > 0 ? first : "",
			 "lastAt", plan->n > 0 ? last : "");
}

void import_report(const struct import *import, struct strbuf *out)
{
	json_t *json;
	char *text;

	if (!import->ctl->json) {
		put_lines(out, import);
		put_plan(out, import);
		if (import->sent) {
			put_sent(out, import);
		}
		return;
	}
	json = report_json(import);
	if (json != NULL && import->activities_digest[0] != '\0') {
		json_object_set_new(json, "activitiesSha256",
				    json_string(import->activities_digest));
	}
	if (json != NULL && import->sent) {
		json_object_set_new(json, "sent", sent_json(import));
	}
	text = json_dumps(json, JSON_INDENT(2));
	strbuf_puts(out, text != NULL ? text : "null");
	strbuf_putc(out, '\n');
	free(text);
	json_decref(json);
}
