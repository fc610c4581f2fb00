/* SPDX-License-Identifier: Apache-2.0 */
/* score: what a member's score is, why, and what will be. */
#include "ctl/amount.h"
#include "ctl/answers.h"
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/words.h"

#include <inttypes.h>

#define SCHEDULE_ROWS 10 /* without --all */

static void show_parts(struct ctl *ctl, const Memberd__V1__Score *score)
{
	static const char *const headers[] = {"part", ">points", NULL};
	char points[AMOUNT_BYTES], money[SHOW_BYTES], start[SHOW_BYTES], end[SHOW_BYTES];
	char word[WORDS_BYTES];
	struct table table;

	table_start(&table, headers);
	for (size_t i = 0; i < score->n_parts; i++) {
		table_cell(&table, "%s",
			   words_from_enum(&memberd__v1__score_part_kind__descriptor,
					   (int)score->parts[i]->kind, ' ', word));
		table_cell(&table, "%s", amount_points(score->parts[i]->micro_points, points));
	}
	table_cell(&table, "score");
	table_cell(&table, "%" PRId64, score->score);
	table_print(&table, ctl->out);
	table_fini(&table);
	fprintf(ctl->out, "spend %s", show_money(score->spend, money));
	fprintf(ctl->out, ", counted %s", show_money(score->counted_spend, money));
	fprintf(ctl->out,
		"\ndays %" PRId32 ", platforms %" PRId32 ", categories %" PRId32
		"\nwindow from %s to %s\n",
		score->days, score->platforms, score->categories,
		show_time(score->window_start, start), show_time(score->window_end, end));
}

static void show_pending(struct ctl *ctl, const Memberd__V1__GetScoreResponse *response)
{
	static const char *const headers[] = {"pending order", "source", "posts at", ">would add",
					      NULL};
	char points[AMOUNT_BYTES], at[SHOW_BYTES];
	struct table table;

	if (response->n_pending == 0) {
		return;
	}
	table_start(&table, headers);
	for (size_t i = 0; i < response->n_pending; i++) {
		const Memberd__V1__PendingOrder *order = response->pending[i];

		table_cell(&table, "%s", order->order_id);
		table_cell(&table, "%s", order->source);
		table_cell(&table, "%s",
			   order->posts_at != NULL ? show_time(order->posts_at, at)
						   : "not completed yet");
		table_cell(&table, "%s", amount_points(order->would_add, points));
	}
	fputc('\n', ctl->out);
	table_print(&table, ctl->out);
	table_fini(&table);
}

static void put_causes(struct table *table, const Memberd__V1__ScheduledChange *change)
{
	char text[SHOW_BYTES] = "", word[WORDS_BYTES];
	size_t used = 0;

	for (size_t i = 0; i < change->n_causes && used < sizeof(text); i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 i > 0 ? ", " : "",
					 words_from_enum(&memberd__v1__change_cause__descriptor,
							 (int)change->causes[i], ' ', word));
	}
	table_cell(table, "%s", text);
}

/* Without the level, which follows from the score: 80 columns are enough. */
static void show_schedule(struct ctl *ctl, const Memberd__V1__GetScoreResponse *response)
{
	static const char *const headers[] = {"from",	 ">score",  ">settled", "tier",
					      "at risk", "because", NULL};
	char text[SHOW_BYTES];
	struct table table;

	size_t n = response->n_schedule;

	if (n == 0) {
		return;
	}
	if (n > SCHEDULE_ROWS && !flags_has(&ctl->flags, FLAG_ALL)) {
		n = SCHEDULE_ROWS;
	}
	table_start(&table, headers);
	for (size_t i = 0; i < n; i++) {
		const Memberd__V1__ScheduledChange *change = response->schedule[i];

		table_cell(&table, "%s", show_time(change->at, text));
		table_cell(&table, "%" PRId64, change->score);
		table_cell(&table, "%" PRId64, change->settled_score);
		table_cell(&table, "%s", show_tier(change->tier, text));
		table_cell(&table, "%s", change->at_risk ? "yes" : "");
		put_causes(&table, change);
	}
	fputs("\nwithout new activity:\n", ctl->out);
	table_print(&table, ctl->out);
	table_fini(&table);
	if (n < response->n_schedule) {
		fprintf(ctl->out, "and %zu more, which --all shows\n", response->n_schedule - n);
	} else if (response->schedule_truncated) {
		fputs("and more after these\n", ctl->out);
	}
}

void show_score_answer(struct ctl *ctl, const Memberd__V1__GetScoreResponse *response)
{
	char tier[SHOW_BYTES], level[SHOW_BYTES], at[SHOW_BYTES];

	fprintf(ctl->out, "tier %s, level %s", show_tier(response->tier, tier),
		show_level(response->level, level));
	if (response->score != NULL) {
		fprintf(ctl->out, ", score %" PRId64, response->score->score);
	}
	if (response->settled != NULL) {
		fprintf(ctl->out, ", settled %" PRId64 " at %s", response->settled->score,
			show_time(response->settled_at, at));
	}
	fputs("\n\n", ctl->out);
	if (response->score != NULL) {
		show_parts(ctl, response->score);
	}
	show_pending(ctl, response);
	show_schedule(ctl, response);
	show_info(response->member_id, response->info, ctl->out);
}

int command_score(struct ctl *ctl)
{
	Memberd__V1__GetScoreRequest request = MEMBERD__V1__GET_SCORE_REQUEST__INIT;
	ProtobufCMessage *answer;
	int exit_code = connect_subject_at(ctl, &request.member, &request.min_revision,
					   &request.as_of, &request.known_at);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	exit_code = connect_call(ctl, "memberd.v1.ScoringService/GetScore", &request.base,
				 &memberd__v1__get_score_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		show_score_answer(ctl, (const Memberd__V1__GetScoreResponse *)answer);
	}
	return exit_code;
}
