/* SPDX-License-Identifier: Apache-2.0 */
/* progress: what is missing to the next tier, what keeps the present one, what lapses. */
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/words.h"
#include "memberd/v1/scoring_service.pb-c.h"

#include <inttypes.h>

static void put_way(struct table *table, const Memberd__V1__Way *way)
{
	char money[SHOW_BYTES], at[SHOW_BYTES], word[WORDS_BYTES];
	const char *s = way->count == 1 ? "" : "s";

	show_money(way->amount, money);
	switch (way->kind) {
	case MEMBERD__V1__WAY_KIND__WAY_KIND_SPEND:
		table_cell(table, "spend %s today in %" PRId32 " order%s", money, way->count, s);
		break;
	case MEMBERD__V1__WAY_KIND__WAY_KIND_DAYS:
		table_cell(table, "%" PRId32 " day%s from tomorrow, %s each", way->count, s, money);
		break;
	case MEMBERD__V1__WAY_KIND__WAY_KIND_REVIEWS:
		table_cell(table, "%" PRId32 " review%s with pictures from tomorrow", way->count,
			   s);
		break;
	default:
		table_cell(table, "%s: %" PRId32 ", %s",
			   words_from_enum(&memberd__v1__way_kind__descriptor, (int)way->kind, ' ',
					   word),
			   way->count, money);
	}
	table_cell(table, "%s", show_time(way->by, at));
}

static void show_ways(struct ctl *ctl, const char *what, Memberd__V1__Way *const *ways, size_t n)
{
	const char *const headers[] = {what, "reached by", NULL};
	struct table table;

	if (n == 0) {
		return;
	}
	table_start(&table, headers);
	for (size_t i = 0; i < n; i++) {
		put_way(&table, ways[i]);
	}
	table_print(&table, ctl->out);
	table_fini(&table);
}

static void show_next(struct ctl *ctl, const Memberd__V1__NextTier *next)
{
	char tier[SHOW_BYTES], at[SHOW_BYTES];

	if (next == NULL) {
		fputs("\nthe highest tier\n", ctl->out);
		return;
	}
	fprintf(ctl->out, "\nnext tier %s at %" PRId64 ", %" PRId64 " missing\n",
		show_tier(next->tier, tier), next->attain, next->missing);
	if (next->comes_at != NULL) {
		fprintf(ctl->out, "comes without new activity at %s\n",
			show_time(next->comes_at, at));
	}
	show_ways(ctl, "any of these is enough", next->ways, next->n_ways);
}

static void show_keep(struct ctl *ctl, const Memberd__V1__KeepTier *keep)
{
	char tier[SHOW_BYTES], at[SHOW_BYTES], word[WORDS_BYTES];

	if (keep == NULL) {
		return;
	}
	fprintf(ctl->out,
		"\n%s is judged at %s: keeps with %" PRId64 ", foreseen %" PRId64 " (%+" PRId64
		"), %s\n",
		show_tier(keep->tier, tier), show_time(keep->judged_at, at), keep->keep,
		keep->settled_score, keep->margin,
		words_from_enum(&memberd__v1__tier_verdict__descriptor, (int)keep->verdict, ' ',
				word));
	show_ways(ctl, "any of these keeps it", keep->ways, keep->n_ways);
}

static void show_lapses(struct ctl *ctl, const Memberd__V1__GetTierProgressResponse *response)
{
	static const char *const headers[] = {"leaves at", "month from", ">score before", ">after",
					      NULL};
	char text[SHOW_BYTES];
	struct table table;

	if (response->n_lapses == 0) {
		return;
	}
	table_start(&table, headers);
	for (size_t i = 0; i < response->n_lapses; i++) {
		const Memberd__V1__Lapse *lapse = response->lapses[i];

		table_cell(&table, "%s", show_time(lapse->at, text));
		table_cell(&table, "%s", show_time(lapse->month, text));
		table_cell(&table, "%" PRId64, lapse->score_before);
		table_cell(&table, "%" PRId64, lapse->score_after);
	}
	fputs("\nwhat lapses:\n", ctl->out);
	table_print(&table, ctl->out);
	table_fini(&table);
}

int command_progress(struct ctl *ctl)
{
	Memberd__V1__GetTierProgressRequest request = MEMBERD__V1__GET_TIER_PROGRESS_REQUEST__INIT;
	const Memberd__V1__GetTierProgressResponse *response;
	ProtobufCMessage *answer;
	char tier[SHOW_BYTES], at[SHOW_BYTES];
	int exit_code = connect_subject(ctl, &request.member, &request.min_revision);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	exit_code =
		connect_call(ctl, "memberd.v1.ScoringService/GetTierProgress", &request.base,
			     &memberd__v1__get_tier_progress_response__descriptor, true, &answer);
	if (exit_code != EXIT_OK || ctl->json) {
		return exit_code;
	}
	response = (const Memberd__V1__GetTierProgressResponse *)answer;
	fprintf(ctl->out, "tier %s, score %" PRId64 "%s", show_tier(response->tier, tier),
		response->score, response->at_risk ? ", at risk" : "");
	if (response->protected_until != NULL) {
		fprintf(ctl->out, ", protected until %s", show_time(response->protected_until, at));
	}
	fputc('\n', ctl->out);
	show_next(ctl, response->next);
	show_keep(ctl, response->keep);
	show_lapses(ctl, response);
	show_info(response->member_id, response->info, ctl->out);
	return EXIT_OK;
}
